"""The exercises of the course, chapter by chapter: `exercises.NAME.check(answer)`, `.hint()` and `.solution()`.

Importing this imports no TensorFlow; the exercises of chapter 4 import it when they are checked.
"""

from helpers.teaching.exercises.forward_recurrence import rnn_step

__all__ = ["rnn_step"]

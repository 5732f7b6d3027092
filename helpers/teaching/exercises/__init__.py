"""The exercises of the course, chapter by chapter: `exercises.NAME.check(answer)`, `.hint()` and `.solution()`.

Importing this imports no TensorFlow; the exercises of chapter 4 import it when they are checked.
"""

from helpers.teaching.exercises.forward_recurrence import all_states, mask_one_step, one_bit, one_step, output_head

__all__ = ["all_states", "mask_one_step", "one_bit", "one_step", "output_head"]

"""The exercises of the course, chapter by chapter: `exercises.NAME.check(answer)`, `.hint()` and `.solution()`.

Importing this imports no TensorFlow; the exercises of chapter 4 import it when they are checked.
"""

from helpers.teaching.exercises.forward_recurrence import all_states, mask_one_step, one_bit, one_step, output_head
from helpers.teaching.exercises.keras_apis import find_the_leak, masked_cell, predict_shapes, stack_two, unroll_cell
from helpers.teaching.exercises.real_text import (
    breaking_pair,
    early_stopping,
    embedding_gradient,
    encode_batch,
    paired_difference,
    sampling_probabilities,
)
from helpers.teaching.exercises.why_recurrence import count_multiply_adds, count_parameters, pooled, survives

__all__ = [
    "all_states",
    "breaking_pair",
    "count_multiply_adds",
    "count_parameters",
    "early_stopping",
    "embedding_gradient",
    "encode_batch",
    "find_the_leak",
    "mask_one_step",
    "masked_cell",
    "one_bit",
    "one_step",
    "output_head",
    "paired_difference",
    "pooled",
    "predict_shapes",
    "sampling_probabilities",
    "stack_two",
    "survives",
    "unroll_cell",
]

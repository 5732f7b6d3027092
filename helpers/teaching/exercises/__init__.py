"""The exercises of the course, chapter by chapter.

`exercises.NAME.check(answer)`, `.hint()` and `.solution()`.

Importing this imports no TensorFlow; the exercises of chapter 6 import it when they are checked.
"""

from helpers.teaching.exercises.backpropagation import (
    backward_sweep,
    clip_by_norm,
    direct_derivative,
    jacobian_product,
    one_jacobian,
    total_derivative,
    weight_gradients,
)
from helpers.teaching.exercises.forward_recurrence import (
    all_states,
    mask_one_step,
    one_bit,
    one_step,
    output_head,
)
from helpers.teaching.exercises.keras_apis import (
    find_the_leak,
    masked_cell,
    predict_shapes,
    stack_two,
    unroll_cell,
)
from helpers.teaching.exercises.real_text import (
    breaking_pair,
    early_stopping,
    embedding_gradient,
    encode_batch,
    paired_difference,
    sampling_probabilities,
)
from helpers.teaching.exercises.why_recurrence import (
    count_multiply_adds,
    count_parameters,
    pooled,
    survives,
)

__all__ = [
    "all_states",
    "backward_sweep",
    "breaking_pair",
    "clip_by_norm",
    "count_multiply_adds",
    "count_parameters",
    "direct_derivative",
    "early_stopping",
    "embedding_gradient",
    "encode_batch",
    "find_the_leak",
    "jacobian_product",
    "mask_one_step",
    "masked_cell",
    "one_bit",
    "one_jacobian",
    "one_step",
    "output_head",
    "paired_difference",
    "pooled",
    "predict_shapes",
    "sampling_probabilities",
    "stack_two",
    "survives",
    "total_derivative",
    "unroll_cell",
    "weight_gradients",
]

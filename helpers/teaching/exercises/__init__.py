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
from helpers.teaching.exercises.faster_than_the_frameworks import break_even_batch
from helpers.teaching.exercises.forward_recurrence import (
    half_life,
    hold_and_release,
    packed_forward,
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
    count_parameters,
    fool_the_window,
    partner,
)

__all__ = [
    "backward_sweep",
    "break_even_batch",
    "breaking_pair",
    "clip_by_norm",
    "count_parameters",
    "direct_derivative",
    "early_stopping",
    "embedding_gradient",
    "encode_batch",
    "find_the_leak",
    "fool_the_window",
    "half_life",
    "hold_and_release",
    "jacobian_product",
    "masked_cell",
    "one_jacobian",
    "packed_forward",
    "paired_difference",
    "partner",
    "predict_shapes",
    "sampling_probabilities",
    "stack_two",
    "total_derivative",
    "unroll_cell",
    "weight_gradients",
]

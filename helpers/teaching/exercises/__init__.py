"""The exercises of the course, chapter by chapter.

`exercises.NAME.check(answer)`, `.hint()` and `.solution()`.

Importing this imports no TensorFlow; the exercises of chapter 6 import it when they are checked.
"""

from helpers.teaching.exercises.backpropagation import (
    leaky_sweep,
    packed_sweep,
    remaining_terms,
    skip_sweep,
)
from helpers.teaching.exercises.faster_than_the_frameworks import break_even_batch
from helpers.teaching.exercises.forward_recurrence import (
    half_life,
    hold_and_release,
    packed_forward,
)
from helpers.teaching.exercises.gates import (
    forget_bias,
    gru_from_pytorch,
    other_gru_step,
    tied_deltas,
    which_latch,
)
from helpers.teaching.exercises.gradients_under_test import directional_check
from helpers.teaching.exercises.inside_the_gates import compose, segments, ways_by_detours
from helpers.teaching.exercises.keras_apis import (
    find_the_leak,
    masked_cell,
    predict_shapes,
    stack_two,
    unroll_cell,
)
from helpers.teaching.exercises.memory_of_the_sweep import chunks_with_margin, kept_terms
from helpers.teaching.exercises.real_text import (
    breaking_pair,
    early_stopping,
    embedding_gradient,
    encode_batch,
    paired_difference,
    sampling_probabilities,
)
from helpers.teaching.exercises.vanishing import (
    choose_the_cure,
    clip_by_norm,
    growing_matrix,
)
from helpers.teaching.exercises.why_recurrence import (
    count_parameters,
    fool_the_window,
    partner,
)

__all__ = [
    "break_even_batch",
    "breaking_pair",
    "choose_the_cure",
    "chunks_with_margin",
    "clip_by_norm",
    "compose",
    "count_parameters",
    "directional_check",
    "early_stopping",
    "embedding_gradient",
    "encode_batch",
    "find_the_leak",
    "fool_the_window",
    "forget_bias",
    "growing_matrix",
    "gru_from_pytorch",
    "half_life",
    "hold_and_release",
    "kept_terms",
    "leaky_sweep",
    "masked_cell",
    "other_gru_step",
    "packed_forward",
    "packed_sweep",
    "paired_difference",
    "partner",
    "predict_shapes",
    "remaining_terms",
    "sampling_probabilities",
    "segments",
    "skip_sweep",
    "stack_two",
    "tied_deltas",
    "unroll_cell",
    "ways_by_detours",
    "which_latch",
]

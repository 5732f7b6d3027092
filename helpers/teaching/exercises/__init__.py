"""The exercises of the course, chapter by chapter.

`exercises.NAME.check(answer)`, `.hint()` and `.solution()`.

Importing this imports no TensorFlow; those on Keras import it when they are checked.
"""

from helpers.teaching.exercises.backpropagation import (
    leaky_sweep,
    packed_sweep,
    remaining_terms,
    skip_sweep,
)
from helpers.teaching.exercises.faster_than_the_frameworks import break_even_batch
from helpers.teaching.exercises.five_routes import masked_cell, unroll_cell
from helpers.teaching.exercises.forecasting import (
    honest,
    own_baseline,
    season,
    stock,
    window_ends,
)
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
from helpers.teaching.exercises.how_many_layers import residual_backward, width_for_budget
from helpers.teaching.exercises.inside_the_gates import compose, segments, ways_by_detours
from helpers.teaching.exercises.keras_apis import (
    in_chunks,
    keep_the_mask,
    leaky_cell,
    predict_shapes,
)
from helpers.teaching.exercises.keras_traps import find_the_leak, mask_arrives
from helpers.teaching.exercises.memory_of_the_sweep import chunks_with_margin, kept_terms
from helpers.teaching.exercises.real_text import (
    breaking_pair,
    early_stopping,
    order_control,
    which_survive,
)
from helpers.teaching.exercises.thirty_minutes import word_gradient
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
from helpers.teaching.exercises.writing_characters import (
    continuing_rows,
    sampling_probabilities,
)

__all__ = [
    "break_even_batch",
    "breaking_pair",
    "choose_the_cure",
    "chunks_with_margin",
    "clip_by_norm",
    "compose",
    "continuing_rows",
    "count_parameters",
    "directional_check",
    "early_stopping",
    "find_the_leak",
    "fool_the_window",
    "forget_bias",
    "growing_matrix",
    "gru_from_pytorch",
    "half_life",
    "hold_and_release",
    "honest",
    "in_chunks",
    "keep_the_mask",
    "kept_terms",
    "leaky_cell",
    "leaky_sweep",
    "mask_arrives",
    "masked_cell",
    "order_control",
    "other_gru_step",
    "own_baseline",
    "packed_forward",
    "packed_sweep",
    "partner",
    "predict_shapes",
    "remaining_terms",
    "residual_backward",
    "sampling_probabilities",
    "season",
    "segments",
    "skip_sweep",
    "stock",
    "tied_deltas",
    "unroll_cell",
    "ways_by_detours",
    "which_latch",
    "which_survive",
    "width_for_budget",
    "window_ends",
    "word_gradient",
]

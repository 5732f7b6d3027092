"""The interactive figures of the course, by name; `base` says how they work and how to write one.

Each shows in a cell as its last expression, `interactive.step_through_time()`, and can be called
without arguments.
"""

from helpers.teaching.interactive.backpropagation import (
    clipping_on_a_cliff,
    jacobian_explorer,
    ledger,
)
from helpers.teaching.interactive.base import PARTS, Interactive
from helpers.teaching.interactive.forecasting import choose_an_hour
from helpers.teaching.interactive.forward_recurrence import memory_explorer, step_through_time
from helpers.teaching.interactive.gates import gates_of_a_sequence, latch
from helpers.teaching.interactive.keras_apis import shape_explorer
from helpers.teaching.interactive.real_text import read_along, temperature
from helpers.teaching.interactive.why_recurrence import shuffle_the_sentence

__all__ = [
    "PARTS",
    "Interactive",
    "choose_an_hour",
    "clipping_on_a_cliff",
    "gates_of_a_sequence",
    "jacobian_explorer",
    "latch",
    "ledger",
    "memory_explorer",
    "read_along",
    "shape_explorer",
    "shuffle_the_sentence",
    "step_through_time",
    "temperature",
]

"""The exercise of the workshop on speed: from which batch on arithmetic outweighs calls."""

from functools import partial

from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def _machine(rng):
    """Draw the seconds of a call, multiply–adds per second, D and H, with an answer above 1."""
    D, H = (int(n) for n in rng.choice(range(8, 60), 2, replace=False))
    return float(rng.uniform(0.5e-6, 3e-6)), float(rng.uniform(5e9, 5e10)), D, H


def break_even_batch(call, rate, D, H):
    """Return the least B with which a step's arithmetic takes as long as its five calls."""
    calls = 5 * call
    one_row = H * H / rate
    return int(np.ceil(calls / one_row))


_slip = partial(edited, break_even_batch)

break_even_batch = Exercise(
    name="break_even_batch",
    answer=break_even_batch,
    returns=("B",),
    cases=_machine,
    verified="from this batch size on, a step's arithmetic takes at least as long as its calls",
    hints=(
        "Which of the two products still stands inside the loop? Only that one is done at each"
        " step. Does D matter for it?",
        "A row of that product takes H·H multiply–adds, so B rows take B·H·H / rate seconds. The"
        " calls take 5·call seconds, whatever B is.",
        "Solve B·H·H / rate ≥ 5·call for B. The least whole number that is not below is"
        " `int(np.ceil(…))`.",
    ),
    misconceptions=(
        Misconception(
            "the result is not rounded up",
            _slip(("int(np.ceil(calls / one_row))", "calls / one_row")),
            "The quotient is right. A batch size is a whole number, and the first one at which the"
            " arithmetic takes at least as long is the next above.",
            "section 3, the text of the exercise",
        ),
        Misconception(
            "multiplications and additions are counted apart",
            _slip(("H * H", "2 * H * H")),
            "One multiplication and the addition that goes with it are one multiply–add, and `rate`"
            " counts those.",
            "section 2, what a call costs",
        ),
        Misconception(
            "the product with W_xh is counted at each step",
            _slip(("H * H", "(D + H) * H")),
            "All x_t W_xh are done before this loop starts, so a step has no part of them. Inside"
            " the loop D does not occur.",
            "section 1, the loop with one product before it",
        ),
        Misconception(
            "one row is taken for H multiply–adds",
            _slip(("H * H", "H")),
            "Each of the H new numbers is a sum over all H old ones. So a row of the state costs"
            " H·H multiply–adds, not H.",
            "section 1, where multiplications are counted",
        ),
        Misconception(
            "one call is counted in place of five",
            _slip(("5 * call", "call")),
            "The product is one of five calls in a step; reading z_t, the sum, tanh and writing h_t"
            " each cost a call too. All of them are paid at each step.",
            "section 1, the loop with one product before it",
        ),
        Misconception(
            "the result is rounded down",
            _slip(("np.ceil(", "np.floor(")),
            "At the batch size that you return, the calls still take longer than the arithmetic."
            " The first one where they do not is one more.",
            "section 3, the text of this exercise",
        ),
        Misconception(
            "multiply–adds per second are taken for seconds per multiply–add",
            _slip(("H * H / rate", "H * H * rate")),
            "More multiply–adds per second must make a row cheaper, and here they make it dearer."
            " H·H multiply–adds take H·H / rate seconds.",
            "section 2, where the rate is measured",
        ),
    ),
)

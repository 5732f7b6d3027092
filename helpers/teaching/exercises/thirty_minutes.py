"""Chapter 0's exercise: the gradient of the words."""

from functools import partial

from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def _states(rng):
    T, D, H = (int(n) for n in rng.choice(range(2, 8), 3, replace=False))
    W_xh, W_hh = rng.normal(0, 0.7, (D, H)), rng.normal(0, 0.7, (H, H))
    return W_xh, W_hh, np.tanh(rng.normal(0, 0.8, (T, H))), rng.normal(size=(T, H))


def word_gradient(W_xh, W_hh, h, dh):
    """Return ∂L/∂x, (T, D): x_t is used once, at step t, so nothing is added up."""
    dx, carry = [], 0
    for t in reversed(range(len(h))):
        dz = (dh[t] + carry) * (1 - h[t] ** 2)
        dx.append(dz @ W_xh.T)
        carry = dz @ W_hh.T
    return np.array(dx[::-1])


_slip = partial(edited, word_gradient)

word_gradient = Exercise(
    name="word_gradient",
    answer=word_gradient,
    returns=("dx",),
    cases=_states,
    axes={"h": "T H", "dx": "T D"},
    verified="the gradient of every word, for random weights and sizes",
    hints=(
        "Keep the loop, `dz` and `carry` as they are. Which array led from x_t into the sum?",
        "In h_t = tanh(x_t W_xh + …) what comes back to x_t is dz times W_xh, transposed, as what"
        " comes back to the state before is dz times W_hh, transposed.",
        "One row a step: `dx[t] = dz @ W_xh.T`. x_t is used at step t alone: nothing to add.",
    ),
    misconceptions=(
        Misconception(
            "nothing comes back from later steps",
            _slip(("(dh[t] + carry)", "dh[t]")),
            "A word changes its own state, and with it all later ones. Without `carry` each word"
            " answers for the loss of its own step only.",
            "section 3, the sweep",
        ),
        Misconception(
            "the slope of tanh is missing",
            _slip((" * (1 - h[t] ** 2)", "")),
            "Between the sum and h_t stands tanh. What comes back to h_t must be multiplied by its"
            " slope, 1 − h_t², before it goes on to x_t.",
            "section 3, the sweep",
        ),
        Misconception(
            "the slope multiplies the loss's own gradient alone",
            _slip(
                ("(dh[t] + carry) * (1 - h[t] ** 2)", "dh[t] * (1 - h[t] ** 2) + carry"),
            ),
            "Both ways back, from the loss and from the next state, arrive at h_t, and pass tanh"
            " together. Add first, then multiply by the slope.",
            "section 3, the sweep",
        ),
        Misconception(
            "W_hh is not transposed",
            _slip(("dz @ W_hh.T", "dz @ W_hh")),
            "Forward, entry (a, b) of W_hh leads from unit a to unit b; backward it leads from b to"
            " a. That is the transposed matrix.",
            "section 3, the sweep",
        ),
        Misconception(
            "all words get the sum",
            _slip(
                (
                    "return np.array(dx[::-1])",
                    "return np.sum(dx, axis=0) + np.zeros((len(h), len(W_xh)))",
                )
            ),
            "Adding up is for what is used at every step, the weights. A word is used at its own"
            " step alone, and gets its own row.",
            "section 3, two ways on, and many uses",
        ),
        Misconception(
            "the words stand in the order of the sweep",
            _slip(("dx[::-1]", "dx")),
            "The loop goes from the last word to the first, and your rows came in that order. Row t"
            " should belong to word t.",
            "section 3, the sweep",
        ),
    ),
)

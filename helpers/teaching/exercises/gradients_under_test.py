"""The exercise of the workshop on wrong gradients: a check along one direction."""

from functools import partial

from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def directional_check(f, gradient, a, v, eps):
    """Return the relative error of `gradient` along v, from two calls of f."""
    measured = (f(a + eps * v) - f(a - eps * v)) / (2 * eps)
    claimed = np.sum(gradient * v)
    return abs(claimed - measured) / abs(measured)


def _claim(rng):
    """Draw a curved function of a matrix, a gradient that is right or not, and a direction."""
    shape = tuple(int(n) for n in rng.choice(range(2, 6), 2, replace=False))
    A, a, v = rng.normal(size=(3, *shape))

    def f(a):
        return float(np.sum(np.exp(A * a)) + np.sum(a) ** 3)

    gradient = A * np.exp(A * a) + 3 * np.sum(a) ** 2
    if rng.random() < 0.5:
        gradient = gradient * rng.uniform(0.6, 1.4, shape)
    return f, gradient, a, v, float(rng.uniform(1e-3, 2e-3))


_slip = partial(edited, directional_check)

directional_check = Exercise(
    name="directional_check",
    answer=directional_check,
    returns=("error",),
    cases=_claim,
    verified="right and wrong gradients get their relative errors from two calls of f",
    hints=(
        "Two numbers are compared: how fast f grows along v, measured with two calls, and how fast"
        " it should grow if the gradient is right.",
        "Along v the function is t ↦ f(a + t·v), of one number t. Its derivative at t = 0 is what"
        " you measure; by the chain rule it is the sum of gradient · v, entry by entry.",
        "`measured = (f(a + eps * v) - …) / (2 * eps)` and `claimed = np.sum(gradient * v)`; then"
        " the size of their difference over the size of `measured`.",
    ),
    misconceptions=(
        Misconception(
            "the difference is taken to one side only",
            _slip(("f(a - eps * v)) / (2 * eps)", "f(a)) / eps")),
            "The difference from a to a + eps·v has an error proportional to eps, from the second"
            " derivative. Taken from both sides that error cancels, and eps² is left.",
            "section 3, the check in six lines",
        ),
        Misconception(
            "all entries are moved by eps, whatever v is",
            _slip(("eps * v) - f(a - eps * v)", "eps) - f(a - eps)")),
            "You measured the growth in the direction of an array of ones, and compared it with"
            " what the gradient claims for v. Entry k has to move by eps·v[k].",
            "section 3, the text of this exercise",
        ),
        Misconception(
            "the error is absolute",
            _slip((" / abs(measured)", "")),
            "A difference of 0.01 is nothing beside 1000 and everything beside 0.02. Divide by the"
            " size of what was measured.",
            "section 3, the text of this exercise",
        ),
        Misconception(
            "the difference is divided by eps, not by 2·eps",
            _slip(("(2 * eps)", "eps")),
            "From a − eps·v to a + eps·v the way is 2·eps long, so your measured number is twice"
            " too large. Even a right gradient gets the error ½.",
            "section 3, the check in six lines",
        ),
        Misconception(
            "lengths are multiplied in the place of entries",
            _slip(("np.sum(gradient * v)", "np.linalg.norm(gradient) * np.linalg.norm(v)")),
            "The product of the two lengths is the growth along the gradient itself, the most there"
            " is. Along v it is less: multiply entry by entry and add up.",
            "section 3, the text of this exercise",
        ),
    ),
)

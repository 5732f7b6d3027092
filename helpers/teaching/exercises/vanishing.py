"""Chapter 4's exercises: powers that rise before they fall, clipping, and the choice of a cure."""

from helpers import training
from helpers.models import NetworkParams
from helpers.numpy_rnn import RNNParams
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def growing_matrix():
    """Take eigenvalues close to 1: k · 0.97^(k−1) is 12 at its highest, and vanishes in the end."""
    return [[0.97, 5.0], [0.0, 0.97]]


def _try_matrix(answer):
    """Return whether the powers vanish, and whether they first rise to ten times ‖W‖."""
    if answer is ... or (isinstance(answer, list) and ... in answer):
        return ...
    W = np.asarray(answer, float)
    if W.shape != (2, 2) or not np.isfinite(W).all() or not W.any():
        raise ValueError(f"the matrix must be 2 × 2, of finite numbers, not all 0, got {answer!r}")
    norms, power = [], np.eye(2)
    for _ in range(1000):
        power = power @ W
        norms.append(np.linalg.norm(power, 2))
    return bool(norms[-1] <= 1e-6), bool(max(norms) >= 10 * norms[0])


growing_matrix = Exercise(
    name="growing_matrix",
    answer=growing_matrix,
    returns=("vanishes in the end", "rises to 10 ‖W‖ before"),
    ask=_try_matrix,
    verified="powers that vanish, after a hump of ten times the norm",
    hints=(
        "With λ on the diagonal and c in the corner, W^k has c · k · λ^(k−1) there. Divide by c:"
        " how high does k · λ^(k−1) get?",
        "It is highest near k = −1/ln λ. For λ = 0.9 that is 3.9. For which λ is it above 10?",
        "λ = 0.97 has its highest value, 12, near k = 33. And 0.97^1000 is small enough.",
    ),
    misconceptions=(
        Misconception(
            "the hump is too low",
            lambda: [[0.9, 500.0], [0.0, 0.9]],
            "A larger corner makes ‖W‖ and the hump larger by the same factor. How far the powers"
            " rise above ‖W‖ depends on the eigenvalues.",
            "section 2, the matrix with 0.9",
        ),
        Misconception(
            "the powers do not vanish",
            lambda: [[1.02, 5.0], [0.0, 1.02]],
            "They rise, and go on rising or stay: an eigenvalue is 1 or more in absolute value, or"
            " so close to 1 that a thousand steps are not enough.",
            "section 2: W^k → 0 if and only if ρ < 1",
        ),
        Misconception(
            "the powers neither vanish nor rise",
            lambda: [[0.0, -1.0], [1.0, 0.0]],
            "An orthogonal matrix keeps all lengths. You want a corner that adds up on the way, and"
            " eigenvalues below 1.",
            "section 2, the matrix with 0.9",
        ),
    ),
)


def _gradients(rng):
    H = int(rng.integers(3, 6))
    grads = RNNParams(rng.normal(size=(H, H)), rng.normal(size=(H, H)), rng.normal(size=H))
    if rng.random() < 1 / 3:
        grads = NetworkParams(*grads, rng.normal(size=(H, 2)), rng.normal(size=2))
    return grads, training.global_norm(grads) * float(rng.choice([0.1, 0.6, 1.6]))


def clip_by_norm(grads, max_norm):
    """Scale all gradients together to at most max_norm; return them and their norm before."""
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    factor = max_norm / max(norm, max_norm)
    return type(grads)(*(g * factor for g in grads)), norm


NORM = "np.sqrt(sum(np.sum(g**2) for g in grads))"

clip_by_norm = Exercise(
    name="clip_by_norm",
    answer=clip_by_norm,
    returns=("grads", "norm"),
    cases=_gradients,
    axes={"norm": ""},
    verified="long gradients scaled, short ones left alone, and the norm before clipping",
    hints=(
        "One number decides: the norm of all entries of all arrays together. Compute it first.",
        (
            "`norm = np.sqrt(sum(np.sum(g**2) for g in grads))`. When it is at most `max_norm`,"
            " nothing is to be done."
        ),
        "Otherwise every array is multiplied by the same number, `max_norm / norm`:"
        " `type(grads)(*(… for g in grads))` makes a tuple of the same kind.",
    ),
    misconceptions=(
        Misconception(
            "each entry is clipped by itself",
            edited(clip_by_norm, ("g * factor", "np.clip(g, -max_norm, max_norm)")),
            "Entries beyond the limit are cut off and the others stay: the direction changes. And"
            " the whole can still be longer than max_norm.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "each array is clipped by its own norm",
            edited(clip_by_norm, ("g * factor", "g * min(1, max_norm / np.linalg.norm(g))")),
            "Each array has a length of at most max_norm then, but all together can be longer; and"
            " since each gets its own factor, the direction changes. The norm is over all"
            " parameters together.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "short gradients are scaled up",
            edited(clip_by_norm, ("max(norm, max_norm)", "norm")),
            "You always scale to length max_norm. Clipping has a `min(1, …)`: a gradient that is"
            " short enough stays as it is, or training would never settle down near a minimum.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "the root is missing in the norm",
            edited(clip_by_norm, (NORM, f"{NORM} ** 2")),
            "The sum of squares is the norm squared. With it, short gradients look shorter and long"
            " ones longer than they are, and the factor c/‖g‖ is wrong.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "the norms of the arrays are added up",
            edited(clip_by_norm, (NORM, "sum(np.linalg.norm(g) for g in grads)")),
            "The joint norm is the root of the sum of squares, over all arrays, as if they were one"
            " long vector. The sum of the norms is larger, so you clip too much.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "the largest entry is taken for the norm",
            edited(clip_by_norm, (NORM, "max(np.abs(g).max() for g in grads)")),
            "That bounds each entry, and the length of the gradient can still be many times"
            " max_norm. The norm here is the root of the sum of all squares.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "the norm returned is the one after clipping",
            edited(clip_by_norm, (")), norm", ")), min(norm, max_norm)")),
            "The gradients are right. The norm to return is the one before clipping: it is what you"
            " watch during training to see how often, and how strongly, you clip.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "nothing is clipped",
            edited(clip_by_norm, ("g * factor", "g")),
            "The norm is right, and the gradients come back as they were, too long ones as well."
            " Multiply each array by max_norm / norm when the norm is larger than max_norm.",
            "section 6, clip the gradient",
        ),
    ),
)


def choose_the_cure():
    """Answer: A stays at what a constant gives, B has exploded, C is falling."""
    return {"A": "open a path back", "B": "clip the gradient", "C": "go on"}


CURES = ("clip the gradient", "open a path back", "go on")


def _try_cures(answer):
    if not isinstance(answer, dict) or {*answer} != {*"ABC"}:
        raise ValueError(f"a dictionary with the keys A, B and C was asked for, got {answer!r}")
    if ... in answer.values():
        return ...
    for letter, cure in answer.items():
        if cure not in CURES:
            raise ValueError(f"{letter} must be one of {CURES}, got {cure!r}")
    return answer


def _chosen(**cures):
    return lambda: choose_the_cure.answer() | cures


choose_the_cure = Exercise(
    name="choose_the_cure",
    answer=choose_the_cure,
    returns=("A", "B", "C"),
    ask=_try_cures,
    verified="each curve has its cure",
    hints=(
        "Look at the loss first: where does it stand in the end, and was it ever lower?",
        "Then at the norm: is it small and steady, or does it jump by orders of magnitude?",
        "A steady loss at ⅙ with a modest norm has no explosion to clip. A loss that falls needs"
        " nothing.",
    ),
    misconceptions=(
        Misconception(
            "A is to be clipped",
            _chosen(A="clip the gradient"),
            "It is clipped already, and an update moves by the clipped norm, spike or not. What is"
            " missing is in the direction of the gradient, the far terms, and clipping does not"
            " bring them back.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "A needs only more updates",
            _chosen(A="go on"),
            "Its loss has been at what a constant answer gives for hundreds of updates, and shows"
            " no sign of leaving. The gradient hardly says anything about the first half.",
            "section 5, what it costs",
        ),
        Misconception(
            "B needs another path, not clipping",
            _chosen(B="open a path back"),
            "It has an open path: it started at the identity. Its gradient is thousands long, and"
            " a step that long has thrown it out.",
            "section 6, start at the identity",
        ),
        Misconception(
            "C is to be clipped",
            _chosen(C="clip the gradient"),
            "It is clipped already, at every update, and its loss falls. There is nothing wrong"
            " with it that a shorter gradient could cure.",
            "section 7, the curves",
        ),
        Misconception(
            "B is left to go on",
            _chosen(B="go on"),
            "Its loss is far above what a constant answer gives, and its gradient thousands long."
            " It will not find back by itself.",
            "section 6, clip the gradient",
        ),
        Misconception(
            "C needs another path",
            _chosen(C="open a path back"),
            "It is below 1/12 at the end, so it uses both numbers: it has a path. Let it go on.",
            "section 5, two floors",
        ),
        Misconception(
            "A and B are exchanged",
            _chosen(A="clip the gradient", B="open a path back"),
            "A norm in the thousands calls for clipping, a flat loss with a modest norm for a path"
            " back.",
            "section 6, the cures",
        ),
    ),
)

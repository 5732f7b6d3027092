"""The bug gym: backward passes with one slip each, to be found from where they are wrong.

A bug is the right pass below with a piece of its source replaced. Its fingerprint says which
gradients are wrong, and in which situations, against central differences. A diagnosis is compared
by taking the fingerprint of the bug that it names.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from helpers.gradients import finite_difference
from helpers.numpy_rnn import RNNGrads, RNNParams, rnn_forward
from helpers.teaching import figures
from helpers.teaching.exercises.engine import (
    NOT_ATTEMPTED,
    RIGHT,
    WRONG,
    Exercise,
    Feedback,
    Folded,
    Misconception,
    edited,
)

import numpy as np
from IPython.display import display
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

RIGHT_BELOW = 1e-5  # relative; the right pass and central differences agree to about 1e-8


def backward(params, x, h, dh, h_0, mask):
    """Return dL/dW_xh, dL/dW_hh, dL/db, dL/dx and dL/dh_0; dh is as in `rnn_backward`."""
    W_xh, W_hh, b = params
    dW_xh, dW_hh, db, dx = map(np.zeros_like, (W_xh, W_hh, b, x))
    carry = np.zeros_like(h_0)  # what comes back to h_t from the step after it
    for t in reversed(range(x.shape[1])):
        h_prev = h[:, t - 1] if t > 0 else h_0
        dh_t = dh[:, t] + carry
        dz_t = dh_t * (1 - h[:, t] ** 2) * mask[:, t, None]
        dW_xh += x[:, t].T @ dz_t
        dW_hh += h_prev.T @ dz_t
        db += dz_t.sum(axis=0)
        dx[:, t] = dz_t @ W_xh.T
        carry = np.where(mask[:, t, None], dz_t @ W_hh.T, dh_t)
    return dW_xh, dW_hh, db, dx, carry


class Bug(NamedTuple):
    """A slip: what is replaced in the source of `backward`, by what, and what is said of it."""

    old: str
    new: str
    says: str


BUGS = {
    "bias averaged": Bug(
        ".sum(axis=0)",
        ".mean(axis=0)",
        "All samples share b, so its gradient is a sum over them, as for the two matrices. The mean"
        " of a single sample is the sample: that is why this column alone is right.",
    ),
    "carry dropped": Bug(
        "dh[:, t] + carry",
        "dh[:, t]",
        "Each step uses its own loss only. With one step there is nothing to carry, so T = 1 is"
        " right. With the last loss alone, no step but the last gets anything.",
    ),
    "h_t for h_prev": Bug(
        "h_prev.T @ dz_t",
        "h[:, t].T @ dz_t",
        "Step t multiplied W_hh by h_{t−1}, so its gradient pairs δ_t with h_{t−1}. δ itself is"
        " right, and so are the other four gradients.",
    ),
    "last loss only": Bug(
        "dh[:, t] + carry",
        "dh[:, t] if t == x.shape[1] - 1 else carry",
        "The sweep starts from the last loss and never adds the others. Where there are no others,"
        " with T = 1 or with the last loss alone, it is right.",
    ),
    "masked step counts": Bug(
        " * mask[:, t, None]",
        "",
        "The carry passes a masked step unchanged, as it should, so the gradient with respect to"
        " h_0 is right. But δ_t has to be zero there: the step used neither x_t nor a weight.",
    ),
    "overwritten, not summed": Bug(
        "+=",
        "=",
        "The term of each step replaces the one before it, and only that of the first step is left."
        " δ is right, and so are the gradients with respect to x and h_0, which are no sums over"
        " steps.",
    ),
    "slope forgotten": Bug(
        " * (1 - h[:, t] ** 2)",
        "",
        "Each δ_t lacks its σ′(z_t), so everything is wrong, already at T = 1. With tiny weights"
        " the states are nearly zero and σ′ is nearly 1: there the slip does not show.",
    ),
    "W_hh not transposed": Bug(
        "dz_t @ W_hh.T",
        "dz_t @ W_hh",
        "The carry is made with W_hh in place of its transpose. With T = 1 it reaches h_0 and"
        " nothing else; with more steps it enters every δ but the last.",
    ),
}
PASSES = {name: edited(backward, (bug.old, bug.new)) for name, bug in BUGS.items()}
ORDER = (  # bug 1 first
    "h_t for h_prev",
    "W_hh not transposed",
    "last loss only",
    "overwritten, not summed",
    "slope forgotten",
    "bias averaged",
    "masked step counts",
    "carry dropped",
)

# The fingerprint


class Situation(NamedTuple):
    """Sizes and circumstances in which gradients are compared."""

    T: int = 6
    B: int = 3
    last_loss_only: bool = False
    masked: bool = False  # the first step of sample 1, the first two of sample 2, and so on
    scale: float = 1.0  # of all weights


SITUATIONS = {
    "T = 1": Situation(T=1),
    "T = 2": Situation(T=2),
    "T = 6": Situation(),
    "last loss\nonly": Situation(last_loss_only=True),
    "a single\nsample": Situation(B=1),
    "first steps\nmasked": Situation(masked=True),
    "tiny\nweights": Situation(scale=2e-4),
}


def arguments_in(situation: Situation) -> tuple:
    """Return what `backward` takes, always the same for the same situation."""
    T, B, last_loss_only, masked, scale = situation
    params, x, dh, h_0 = _draw(np.random.default_rng(5), B, T, D=3, H=4, scale=scale)
    mask = np.arange(T) > np.arange(B)[:, None] if masked else np.ones((B, T), bool)
    if last_loss_only:
        dh[:, :-1] = 0
    return params, x, rnn_forward(params, x, h_0, mask), dh, h_0, mask


def _draw(rng, B, T, D, H, scale=1.0):
    params = RNNParams(*(scale * rng.normal(0, 0.7, shape) for shape in ((D, H), (H, H), (H,))))
    h_0 = rng.uniform(-0.9, 0.9, (B, H))
    return params, rng.normal(size=(B, T, D)), rng.normal(size=(B, T, H)), h_0


@cache
def truth_in(situation: Situation) -> RNNGrads:
    """Return the gradients by central differences, of the loss Σ dh ⊙ h."""
    params, x, _, dh, h_0, mask = arguments_in(situation)
    inputs = {**params._asdict(), "x": x, "h_0": h_0}

    def loss(W_xh, W_hh, b, x, h_0):
        return np.sum(dh * rnn_forward(RNNParams(W_xh, W_hh, b), x, h_0, mask))

    return RNNGrads(
        **{
            name: finite_difference(lambda a, n=name: loss(**inputs | {n: a}), value)
            for name, value in inputs.items()
        }
    )


def errors(backward: Callable) -> np.ndarray:
    """Return ‖g − truth‖ / ‖truth‖ for each gradient g (rows) in each situation (columns)."""

    def column(situation):
        pairs = zip(backward(*arguments_in(situation)), truth_in(situation), strict=True)
        return [np.linalg.norm(g - truth) / np.linalg.norm(truth) for g, truth in pairs]

    return np.transpose([column(situation) for situation in SITUATIONS.values()])


@figures.styled
def draw(errors: np.ndarray, title: str) -> Figure:
    """Draw relative errors on a logarithmic scale, each with its number; what is right, a tick."""
    figure = Figure(figsize=(8.4, 3.2))
    ax = figure.subplots()
    right = errors <= RIGHT_BELOW
    shown = np.ma.masked_where(right, errors)
    rows, columns = map(range, errors.shape)
    scale = LogNorm(1e-4, 10)
    cells = ax.pcolormesh(
        columns, rows, shown, cmap="Oranges", norm=scale, edgecolors="white", linewidth=1.5
    )
    for row, column in np.ndindex(errors.shape):
        text = "✓" if right[row, column] else f"{errors[row, column]:.2g}"
        ink = "white" if errors[row, column] > 0.3 else "black"
        ax.text(column, row, text, ha="center", va="center", color=ink)
    ax.set_xticks(columns, SITUATIONS)
    ax.set_yticks(rows, RNNGrads._fields)
    ax.set_ylabel("gradient with respect to")
    ax.tick_params(length=0)
    ax.invert_yaxis()
    ax.set_title(title)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    figure.colorbar(cells, ax=ax, label="relative error", pad=0.02, extend="both")
    return figure


def in_words(errors: np.ndarray) -> str:
    """Say which gradients are wrong where, for those who cannot see the figure."""
    rows_by_columns = {}
    for name, wrong in zip(RNNGrads._fields, errors > RIGHT_BELOW, strict=True):
        rows_by_columns.setdefault(tuple(wrong), []).append(name)
    clauses = []
    for wrong, names in rows_by_columns.items():
        there = ", ".join(
            _plain(name) for name, is_wrong in zip(SITUATIONS, wrong, strict=True) if is_wrong
        )
        where = (
            "right everywhere"
            if not any(wrong)
            else "wrong everywhere"
            if all(wrong)
            else f"wrong at: {there}"
        )
        clauses.append(f"{', '.join(names)} {where}")
    return f"Gradients with respect to {'; '.join(clauses)}."


def fingerprint(bug: int | Callable) -> None:
    """Show where the gradients of a bug, or of a function like `backward`, are wrong."""
    name = "Your function" if callable(bug) else f"Bug {bug}"
    measured = errors(bug if callable(bug) else PASSES[_name_of(bug)])
    figures.show(
        draw(measured, f"{name}: relative error of each gradient"),
        alt=f"{name}. {in_words(measured)}",
    )


# Diagnosis and repair


def diagnose(n: int, name: str) -> None:
    """Say whether the fingerprint of bug n fits a bug, named as in BUGS."""
    display(compare(n, name))


def compare(n: int, name: str) -> Feedback:
    """Return what `diagnose` shows."""
    actual = _name_of(n)
    if name is ...:
        return Feedback(
            NOT_ATTEMPTED,
            f"Bug {n} has no diagnosis yet.",
            ("`bug_gym.BUGS` holds the names to choose from.",),
        )
    if not isinstance(name, str) or name not in BUGS:
        return Feedback(
            WRONG,
            f"No bug here is called {name!r}.",
            (f"There are: {', '.join(f'`{each}`' for each in BUGS)}.",),
        )
    if name == actual:
        repair = f"To repair it, start from `bug_gym.source({n})`."
        return Feedback(RIGHT, f"Right: {name}.", (BUGS[name].says, repair))
    suspected, seen = errors(PASSES[name]), errors(PASSES[actual])
    disagree = (suspected > RIGHT_BELOW) != (seen > RIGHT_BELOW)
    row, column = np.unravel_index(np.argmax(np.where(disagree, suspected + seen, 0)), seen.shape)
    cell = (
        f"the gradient with respect to {RNNGrads._fields[row]} at"
        f" “{_plain(list(SITUATIONS)[column])}”"
    )
    would_be, is_here = (
        ("right", "wrong") if seen[row, column] > RIGHT_BELOW else ("wrong", "right")
    )
    telling = f"With that bug, {cell} would be {would_be}. With bug {n} it is {is_here}."
    return Feedback(WRONG, f"It is not this one: {name}.", (telling,))


def source(n: int) -> None:
    """Show the source of bug n, folded, to be copied and repaired."""
    bug = BUGS[_name_of(n)]
    text = inspect.getsource(backward).replace("def backward", f"def bug_{n}").rstrip()
    display(Folded(((f"Bug {n}", text.replace(bug.old, bug.new)),), code=True))


def check(n: int, function: Callable) -> None:
    """Say how a repaired bug n does."""
    display(examine(n, function))


def examine(n: int, function: Callable) -> Feedback:
    """Return what `check` shows."""
    actual = _name_of(n)
    names = {name: f"it behaves as “{name}” now" for name in BUGS} | {
        actual: f"it still behaves as bug {n}"
    }
    repair = Exercise(
        name="bug_gym",
        answer=backward,
        returns=tuple(f"d{name}" for name in RNNGrads._fields),
        verified="all five gradients, with masks",
        hints=(),
        misconceptions=tuple(
            Misconception(names[name], PASSES[name], bug.says, "section 5, the reading rules")
            for name, bug in BUGS.items()
        ),
        cases=_case,
    )
    feedback = repair.examine(function)
    if feedback.kind == NOT_ATTEMPTED:
        return Feedback(
            NOT_ATTEMPTED,
            f"Bug {n} is not repaired yet.",
            (f"Copy its source from `bug_gym.source({n})`.",),
        )
    return feedback


def _case(rng):
    B, T, D, H = (int(size) for size in rng.integers(2, 6, 4))
    params, x, dh, h_0 = _draw(rng, B, T, D, H)
    mask = rng.random((B, T)) < 0.7
    return params, x, rnn_forward(params, x, h_0, mask), dh, h_0, mask


def _name_of(n):
    if n not in range(1, len(ORDER) + 1):
        raise ValueError(f"n must be the number of a bug, 1 to {len(ORDER)}, got {n!r}")
    return ORDER[n - 1]


def _plain(situation):
    return situation.replace("\n", " ")

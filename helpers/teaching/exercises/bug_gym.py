"""The bug gym of chapter 3.

Backward passes with one slip each, and what it takes to find the slip from its traces.

A patient is the right pass below with a piece or two replaced. Its fingerprint says which gradients
are wrong, and in which situations, against central differences. A diagnosis is judged by taking the
fingerprint of the diagnosed bug.
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
    """Backpropagate through time, one step after the other.

    dh[:, t] is what the loss at step t says about h_t.
    """
    W_xh, W_hh, b = params
    dW_xh, dW_hh, db, dx = (
        np.zeros_like(W_xh),
        np.zeros_like(W_hh),
        np.zeros_like(b),
        np.zeros_like(x),
    )
    carry = np.zeros_like(h_0)  # what all later losses say about h_t
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
    """A slip: replacements in the source of `backward`, what is said of it, what to read again."""

    slips: tuple[tuple[str, str], ...]
    says: str
    reread: str


BUGS = {
    "bias averaged": Bug(
        ((".sum(axis=0)", ".mean(axis=0)"),),
        "b is shared by all samples, so its gradient is a sum over them, as it is for the two"
        " matrices. A single sample is its own mean: that is why this column alone is clean.",
        "section 13, from one column to a batch of rows",
    ),
    "carry dropped": Bug(
        (("dh[:, t] + carry", "dh[:, t]"),),
        "Every loss is heard at its own step only. With one step there is nothing to carry, so T ="
        " 1 is clean; with the last loss alone, all steps but one hear nothing.",
        "section 12, direct and total",
    ),
    "carry never reset": Bug(
        (("carry = np.where", "carry += np.where"),),
        "What is carried has entered δ_t and goes on inside it; added to once more, it counts"
        " twice. Nothing was carried before the last step, so T = 1 is clean, and T = 2 shows it in"
        " the last thing computed, the gradient by h_0.",
        "section 12, the boxed sweep",
    ),
    "first step skipped": Bug(
        (("range(x.shape[1])", "range(1, x.shape[1])"),),
        "`range(1, T)` leaves out the first step, which Python calls 0. With T = 1 nothing is left"
        " at all, and every error is 1; and where the first step is masked, the weights miss"
        " nothing.",
        "section 12, the boxed sweep, i = T … 1",
    ),
    "h_0 taken for zero": Bug(
        (("else h_0", "else np.zeros_like(h_0)"),),
        "The first use of W_hh multiplies h_0, so the first term of its gradient is missing, and at"
        " T = 1 that is all there is. Where the first step is masked, nothing is lost.",
        "section 13, from one column to a batch of rows",
    ),
    "h_t for h_prev": Bug(
        (("h_prev.T @ dz_t", "h[:, t].T @ dz_t"),),
        "W_hh multiplied h_{t−1}, and its gradient pairs δ_t with that. δ itself is right, so"
        " everything else is; only this one row is wrong, and in every situation.",
        "section 13, the table",
    ),
    "last loss only": Bug(
        (("dh[:, t] + carry", "dh[:, t] if t == x.shape[1] - 1 else carry"),),
        "The sweep starts from the last loss and never takes in the others. Where there is no"
        " other, with T = 1 or with the last loss alone, it is right.",
        "section 9, and the boxed sweep of section 12",
    ),
    "mask ignored": Bug(
        (
            (" * mask[:, t, None]", ""),
            ("np.where(mask[:, t, None], dz_t @ W_hh.T, dh_t)", "dz_t @ W_hh.T"),
        ),
        "Masked steps are treated as real: they add to the gradients of the weights, and what is"
        " carried is sent through W_hhᵀ there. Without a mask all is right.",
        "section 14, the rule for the mask",
    ),
    "masked step counts": Bug(
        ((" * mask[:, t, None]", ""),),
        "The carry passes masked steps as it should, so the gradient by h_0 is right. But there δ_t"
        " has to be zero: x_t and the weights were not used.",
        "section 14, the rule for the mask",
    ),
    "masked step stops the carry": Bug(
        (("dz_t @ W_hh.T, dh_t)", "dz_t @ W_hh.T, 0)"),),
        "A masked step hands its state through, so the carry has to be handed back through it. Here"
        " the first steps are masked, and beyond them there is only h_0.",
        "section 14, the rule for the mask",
    ),
    "overwritten, not summed": Bug(
        (("+=", "="),),
        "Every step's term replaces the one before it, so only the first step's is left. δ is"
        " right, and so are the gradients that are not sums over steps, by x and by h_0; with T = 1"
        " there is one term only.",
        "section 2, the plain sum over all copies",
    ),
    "slope forgotten": Bug(
        ((" * (1 - h[:, t] ** 2)", ""),),
        "Every δ_t lacks its σ′(z_t), so everything is wrong, already at T = 1. Only where the"
        " states are nearly zero is σ′ nearly 1, and nobody notices.",
        "section 12, the boxed sweep",
    ),
    "slope missing in the carry": Bug(
        (("dz_t @ W_hh.T", "dh_t @ W_hh.T"),),
        "δ_t has its σ′, but on to the step before goes ∂L/∂h_t W_hhᵀ without it. The carry meets"
        " h_0 first, already at T = 1, and one step later everything else. With tiny weights σ′ is"
        " nearly 1, and all is right.",
        "section 12, the boxed sweep",
    ),
    "slope of the step before": Bug(
        (("1 - h[:, t] ** 2", "1 - h_prev**2"),),
        "δ_t needs the slope at z_t, which is 1 − h_t², and got that of the step before. With tiny"
        " weights all states are nearly zero, except for h_0: the first step is still wrong.",
        "section 7, what h′ is, after equation (8)",
    ),
    "W_hh not transposed": Bug(
        (("W_hh.T", "W_hh"),),
        "The carry goes back over the edges the wrong way round. It meets h_0 first, already at T ="
        " 1, and one step later everything else. Tiny weights do not hide it, as they would hide a"
        " slip in σ′.",
        "section 13, from one column to a batch of rows",
    ),
}
PASSES = {name: edited(backward, *bug.slips) for name, bug in BUGS.items()}
PATIENTS = (  # patient 1 first
    "slope missing in the carry",
    "bias averaged",
    "overwritten, not summed",
    "last loss only",
    "masked step stops the carry",
    "h_0 taken for zero",
    "carry never reset",
    "W_hh not transposed",
    "mask ignored",
    "slope forgotten",
    "first step skipped",
    "h_t for h_prev",
    "slope of the step before",
    "carry dropped",
    "masked step counts",
)

# The fingerprint


class Situation(NamedTuple):
    """Sizes and circumstances in which gradients are compared."""

    T: int = 6
    B: int = 3
    last_loss_only: bool = False
    masked: bool = (
        False  # the first steps: one in the first sample, two in the second, three in the third
    )
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
    """Return what `backward` takes.

    (params, x, h, dh, h_0, mask), always the same for the same situation.
    """
    T, B, last_loss_only, masked, scale = situation
    rng = np.random.default_rng(5)
    D, H = 3, 4
    params = RNNParams(*(scale * rng.normal(0, 0.7, shape) for shape in ((D, H), (H, H), (H,))))
    h_0, x, dh = (
        rng.uniform(-0.9, 0.9, (B, H)),
        rng.normal(size=(B, T, D)),
        rng.normal(size=(B, T, H)),
    )
    mask = np.arange(T) > np.arange(B)[:, None] if masked else np.ones((B, T), bool)
    if last_loss_only:
        dh[:, :-1] = 0
    return params, x, rnn_forward(params, x, h_0, mask), dh, h_0, mask


@cache
def truth_in(situation: Situation) -> RNNGrads:
    """Return the gradients by central differences, of a loss whose gradient by h_t is dh[:, t]."""
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
    """Draw relative errors on a logarithmic scale, each with its number.

    What is right stays white, with a tick.
    """
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
    ax.set_yticks(rows, [f"by {name}" for name in RNNGrads._fields])
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
        clauses.append(f"by {', '.join(names)}: {where}")
    return f"Gradients {'; '.join(clauses)}."


def fingerprint(patient: int | Callable) -> None:
    """Show where the gradients of a patient, or of a function like `backward`, are wrong."""
    name = "Your function" if callable(patient) else f"Patient {patient}"
    measured = errors(patient if callable(patient) else PASSES[_bug_of(patient)])
    figures.show(
        draw(measured, f"{name}: relative error of each gradient"),
        alt=f"{name}. {in_words(measured)}",
    )


# Diagnosis and repair


def diagnose(n: int, diagnosis: str) -> None:
    """Say whether the fingerprint of patient n speaks for a bug, named as in BUGS."""
    display(judge(n, diagnosis))


def judge(n: int, diagnosis: str) -> Feedback:
    """Return what `diagnose` shows."""
    actual = _bug_of(n)
    if diagnosis is ...:
        return Feedback(
            NOT_ATTEMPTED,
            f"Patient {n} has no diagnosis yet.",
            ("`bug_gym.BUGS` holds the names to choose from.",),
        )
    if not isinstance(diagnosis, str) or diagnosis not in BUGS:
        return Feedback(
            WRONG,
            f"No bug here is called {diagnosis!r}.",
            (f"There are: {', '.join(f'`{name}`' for name in BUGS)}.",),
        )
    if diagnosis == actual:
        bug = BUGS[actual]
        repair = f"To repair it, start from `bug_gym.source({n})`."
        return Feedback(
            RIGHT,
            f"The evidence supports it: {actual}.",
            (bug.says, f"Read again: {bug.reread}. {repair}"),
        )
    suspected, seen = errors(PASSES[diagnosis]), errors(PASSES[actual])
    disagree = (suspected > RIGHT_BELOW) != (seen > RIGHT_BELOW)
    row, column = np.unravel_index(np.argmax(np.where(disagree, suspected + seen, 0)), seen.shape)
    cell = f"the gradient by {RNNGrads._fields[row]} at “{_plain(list(SITUATIONS)[column])}”"
    if seen[row, column] > RIGHT_BELOW:
        telling = (
            f"With that bug, {cell} would be right. This patient is wrong there, by"
            f" {seen[row, column]:.2g}."
        )
    else:
        telling = (
            f"With that bug, {cell} would be wrong, by {suspected[row, column]:.2g}. This"
            " patient is right there."
        )
    agreeing = (
        f"In {disagree.size - disagree.sum()} of the {disagree.size} cells the two agree on"
        " right or wrong."
    )
    return Feedback(WRONG, f"The evidence speaks against it: {diagnosis}.", (telling, agreeing))


def source(n: int) -> None:
    """Show the source of patient n, folded, to be copied and repaired."""
    text = inspect.getsource(backward).replace("def backward", f"def patient_{n}").rstrip()
    for old, new in BUGS[_bug_of(n)].slips:
        text = text.replace(old, new)
    display(Folded(((f"Patient {n}", text),), code=True))


def check(n: int, fixed: Callable) -> None:
    """Say how a repaired patient n does."""
    display(examine(n, fixed))


def examine(n: int, fixed: Callable) -> Feedback:
    """Return what `check` shows."""
    actual = _bug_of(n)
    names = {name: f"it behaves as “{name}” now" for name in BUGS} | {
        actual: f"it still behaves as patient {n}"
    }
    repair = Exercise(
        name="bug_gym",
        answer=backward,
        returns=tuple(f"d{name}" for name in RNNGrads._fields),
        verified="all five gradients, with masks",
        hints=(),
        misconceptions=tuple(
            Misconception(names[name], PASSES[name], *bug[1:]) for name, bug in BUGS.items()
        ),
        cases=_case,
    )
    feedback = repair.examine(fixed)
    if feedback.kind == NOT_ATTEMPTED:
        return Feedback(
            NOT_ATTEMPTED,
            f"Patient {n} is not repaired yet.",
            (f"Copy its source from `bug_gym.source({n})`.",),
        )
    return feedback


def _case(rng):
    B, T, D, H = (int(size) for size in rng.integers(2, 6, 4))
    params = RNNParams(*(rng.normal(0, 0.7, shape) for shape in ((D, H), (H, H), (H,))))
    h_0, x, dh = (
        rng.uniform(-0.9, 0.9, (B, H)),
        rng.normal(size=(B, T, D)),
        rng.normal(size=(B, T, H)),
    )
    mask = rng.random((B, T)) < 0.7
    return params, x, rnn_forward(params, x, h_0, mask), dh, h_0, mask


def _bug_of(n):
    if n not in range(1, len(PATIENTS) + 1):
        raise ValueError(f"n must be the number of a patient, 1 to {len(PATIENTS)}, got {n!r}")
    return PATIENTS[n - 1]


def _plain(situation):
    return situation.replace("\n", " ")

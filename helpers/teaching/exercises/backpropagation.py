"""Chapter 3's exercises: which terms remain, and the sweep of three other recurrences."""

from functools import partial

from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def remaining_terms(T, losses, frozen):
    """Return where the ledger (T, T) can be other than zero: rows are losses, columns uses."""
    t, i = np.arange(1, T + 1)[:, None], np.arange(1, T + 1)
    return np.isin(t, losses) & (i <= t) & (i != frozen)


def _ledger(rng):
    T = int(rng.integers(5, 9))
    losses = sorted(int(t) for t in rng.choice(range(2, T + 1), 3, replace=False))
    return T, losses, int(rng.integers(2, losses[-1]))


_remains = partial(edited, remaining_terms)

remaining_terms = Exercise(
    name="remaining_terms",
    answer=remaining_terms,
    returns=("terms",),
    cases=_ledger,
    verified="every row and column of the ledger",
    hints=(
        "The entry in row t and column i is the loss at t, differentiated with respect to the copy"
        " of step i. When is it zero?",
        "Three conditions: the loss at t counts, the use is not later than the loss, and the copy"
        " of step i is trained.",
        "`t` as a column and `i` as a row of numbers from 1 to T; then"
        " `np.isin(t, losses) & (i <= t) & …`",
    ),
    misconceptions=(
        Misconception(
            "a frozen use blocks the way through its step",
            _remains(("(i != frozen)", "((i > frozen) | (t < frozen))")),
            "The gradient still passes through step `frozen` on its way to earlier uses: the copy"
            " is used there. Only its own column is gone, because nobody asks for its derivative.",
            "section 6, the ledger",
        ),
        Misconception(
            "rows and columns are exchanged",
            _remains(
                ("np.isin(t, losses)", "np.isin(i, losses)"),
                ("(i <= t)", "(t <= i)"),
                ("(i != frozen)", "(t != frozen)"),
            ),
            "You put the uses in the rows and the losses in the columns. In the ledger a row"
            " belongs to a loss.",
            "section 6, the ledger",
        ),
        Misconception(
            "the row of the frozen step is taken out, not its column",
            _remains(("(i != frozen)", "(t != frozen)")),
            "The loss at that step is not frozen; the use of the weight is. So a column goes, not"
            " a row.",
            "section 6, the ledger",
        ),
        Misconception(
            "the frozen use is not taken out",
            _remains((" & (i != frozen)", "")),
            "The copy of W_hh at that step is a constant. Its derivative is not asked for, so its"
            " column is gone.",
            "section 6, the text of the exercise",
        ),
        Misconception(
            "all losses count",
            _remains(("np.isin(t, losses) & ", "")),
            "Only the losses at the steps in `losses` are there. The rows of all others are empty,"
            " however much came before them.",
            "section 6, the text of the exercise",
        ),
        Misconception(
            "the use at the step of the loss itself is left out",
            _remains(("(i <= t)", "(i < t)")),
            "The loss at t depends on h_t, and h_t was made with the use at t. The diagonal stays.",
            "section 6, the ledger",
        ),
        Misconception(
            "steps are counted from 0",
            _remains(
                ("i != frozen", "i != frozen + 1"), ("np.isin(t, losses)", "np.isin(t - 1, losses)")
            ),
            "`losses` and `frozen` are steps, from 1 to T. Step t stands in row t − 1 and column"
            " t − 1 of the array.",
            "section 6, the text of the exercise",
        ),
        Misconception(
            "later uses are counted, too",
            _remains((" & (i <= t)", "")),
            "A loss cannot depend on what happens after it, so above the diagonal there is nothing"
            " but zeros.",
            "section 6, the ledger",
        ),
        Misconception(
            "a loss reaches the use at its own step only",
            _remains(("(i <= t)", "(i == t)")),
            "The diagonal holds the uses with no step in between. Earlier uses reach the loss"
            " through the states: the whole row up to the diagonal.",
            "section 6, the ledger",
        ),
    ),
)


def _not_transposed(matrix, wrong, see):
    return Misconception(
        f"{matrix} is not transposed on the way back",
        wrong,
        f"Forward the row is multiplied by {matrix}; the gradient, also a row, goes back by"
        f" {matrix} transposed. It is square, so no shape stops you.",
        see,
    )


def _states(rng):
    """Draw weights, states with h_0 in front, and dh, which has nothing at h_0."""
    B, T, H = (int(n) for n in rng.choice(range(3, 8), 3, replace=False))
    W_hh = rng.normal(0, 0.7, (H, H))
    h = np.tanh(rng.normal(size=(B, T + 1, H)))
    dh = rng.normal(size=(B, T + 1, H))
    dh[:, 0] = 0
    return W_hh, h, dh


def packed_sweep(W_hh, h, dh, starts):
    """Return dW_hh; where starts is True, a step read a zero state instead of the one before."""
    dW_hh, carry = np.zeros_like(W_hh), 0
    for t in range(h.shape[1] - 1, 0, -1):
        dz_t = (dh[:, t] + carry) * (1 - h[:, t] ** 2)
        begins = starts[:, t, None]
        dW_hh += np.where(begins, 0, h[:, t - 1]).T @ dz_t
        carry = np.where(begins, 0, dz_t @ W_hh.T)
    return dW_hh


def _packed(rng):
    W_hh, h, dh = _states(rng)
    starts = rng.random(h.shape[:2]) < 0.3
    starts[:, 0] = False
    return W_hh, h, dh, starts


_packs = partial(edited, packed_sweep)

packed_sweep = Exercise(
    name="packed_sweep",
    answer=packed_sweep,
    returns=("dW_hh",),
    cases=_packed,
    axes={"h": "B T H", "dW_hh": "H H"},
    verified="no gradient passes from a sample to the one before it",
    hints=(
        "Where a sample begins at t, step t did not read h_{t−1}. What does that change in the two"
        " lines that use h_{t−1}?",
        "The use of W_hh at that step multiplied zeros, and nothing goes back from it to h_{t−1}.",
        "`np.where(starts[:, t, None], 0, …)` in two places: around h[:, t − 1], and around"
        " dz_t @ W_hh.T.",
    ),
    misconceptions=(
        Misconception(
            "the gradient passes into the sample before",
            _packs(("np.where(begins, 0, dz_t @ W_hh.T)", "dz_t @ W_hh.T")),
            "You took the zero state for the use of W_hh, but the carry still goes back to a state"
            " that this step never read.",
            "section 7, the text of the exercise",
        ),
        Misconception(
            "the use of W_hh at a start multiplies the state of the sample before",
            _packs(("np.where(begins, 0, h[:, t - 1])", "h[:, t - 1]")),
            "The carry is cut, but the term of that step is h_{t−1} times δ_t, and the step read"
            " zeros in the place of h_{t−1}.",
            "section 7, the text of the exercise",
        ),
        _not_transposed("W_hh", _packs(("dz_t @ W_hh.T", "dz_t @ W_hh")), "section 1, the sweep"),
        Misconception(
            "starts is turned round",
            _packs(("starts[:, t, None]", "~starts[:, t, None]")),
            "`np.where(condition, 0, a)` is 0 where the condition is True. Where a sample begins"
            " you want zeros.",
            "section 7, the text of the exercise",
        ),
        Misconception(
            "starts is not used",
            _packs(
                ("np.where(begins, 0, dz_t @ W_hh.T)", "dz_t @ W_hh.T"),
                ("np.where(begins, 0, h[:, t - 1])", "h[:, t - 1]"),
            ),
            "That is the sweep of section 1, which takes each row for one long sample. Its gradient"
            " passes from one sample to the one before.",
            "section 1, the sweep",
        ),
        Misconception(
            "the carry is cut one step late",
            _packs(
                ("(dh[:, t] + carry)", "(dh[:, t] + np.where(starts[:, t, None], 0, carry))"),
                ("np.where(begins, 0, dz_t @ W_hh.T)", "dz_t @ W_hh.T"),
            ),
            "You threw away what comes back *to* the first step of a sample from its own second"
            " step. What must not pass is what goes from the first step further back.",
            "section 7, the text of the exercise",
        ),
        Misconception(
            "a start in one row cuts the whole batch",
            _packs(("starts[:, t, None]", "starts[:, t].any()")),
            "Each row has its own samples, and one may begin while the others go on. `starts[:, t,"
            " None]` keeps the rows apart.",
            "section 8: inputs and states belong to one sample each",
        ),
    ),
)


def leaky_sweep(W_hh, h, s, dh, a):
    """Return dW_hh for h_t = (1 − a) h_{t−1} + a s_t with s_t = tanh(z_t)."""
    dW_hh, carry = np.zeros_like(W_hh), 0
    for t in range(h.shape[1] - 1, 0, -1):
        dL_dh = dh[:, t] + carry
        dz_t = a * dL_dh * (1 - s[:, t] ** 2)
        dW_hh += h[:, t - 1].T @ dz_t
        carry = dz_t @ W_hh.T + (1 - a) * dL_dh
    return dW_hh


def _leaky(rng):
    """Draw a forward pass of leaky units, and dh."""
    W_hh, h, dh = _states(rng)
    a, s = float(rng.uniform(0.2, 0.8)), np.zeros_like(h)
    for t in range(1, h.shape[1]):
        s[:, t] = np.tanh(rng.normal(size=h[:, t].shape) + h[:, t - 1] @ W_hh)
        h[:, t] = (1 - a) * h[:, t - 1] + a * s[:, t]
    return W_hh, h, s, dh, a


_leaks = partial(edited, leaky_sweep)

leaky_sweep = Exercise(
    name="leaky_sweep",
    answer=leaky_sweep,
    returns=("dW_hh",),
    cases=_leaky,
    axes={"h": "B T H", "dW_hh": "H H"},
    verified="both ways back from a leaky state",
    hints=(
        "h_{t−1} now acts on h_t in two places: inside z_t, and directly with weight 1 − a.",
        "∂h_t/∂z_t = a · (1 − s_t²), and ∂h_t/∂h_{t−1} has the extra term (1 − a) I.",
        "`dz_t = a * dL_dh * (1 - s[:, t] ** 2)`, and the carry is `dz_t @ W_hh.T` plus something"
        " times ∂L/∂h_t.",
    ),
    misconceptions=(
        Misconception(
            "the leak carries nothing back",
            _leaks((" + (1 - a) * dL_dh", "")),
            "h_t contains (1 − a) h_{t−1}, so (1 − a) of ∂L/∂h_t goes back to h_{t−1} without"
            " passing through tanh or W_hh.",
            "section 1: every way on from a state comes back",
        ),
        Misconception(
            "the factor a is missing in δ",
            _leaks(("a * dL_dh * (1", "dL_dh * (1")),
            "When z_t moves, h_t moves by a times the change of tanh(z_t). So δ_t is a times"
            " ∂L/∂h_t times the slope.",
            "section 8, the text of the exercise",
        ),
        _not_transposed("W_hh", _leaks(("dz_t @ W_hh.T", "dz_t @ W_hh")), "section 1, the sweep"),
        Misconception(
            "the leak carries only the loss at its own step",
            _leaks(("(1 - a) * dL_dh", "(1 - a) * dh[:, t]")),
            "What comes back from later states passes through the leak as well: (1 − a) times all"
            " of ∂L/∂h_t.",
            "section 1, two ways on",
        ),
        Misconception(
            "the slope is taken from h",
            _leaks(("1 - s[:, t]", "1 - h[:, t]")),
            "1 − h² is the slope only where h is tanh(z). Here tanh(z_t) is s_t, and h_t is a"
            " mixture.",
            "section 4: σ′ is taken at z",
        ),
        Misconception(
            "the leak is applied to δ, not to the gradient of the state",
            _leaks(("(1 - a) * dL_dh", "(1 - a) * dz_t")),
            "δ_t has been through tanh. The leak goes around it: (1 − a) times ∂L/∂h_t itself.",
            "section 8, the text of the exercise",
        ),
        Misconception(
            "the leak sees what comes from later states only",
            _leaks(
                (
                    "carry = dz_t @ W_hh.T + (1 - a) * dL_dh",
                    "carry = dz_t @ W_hh.T + (1 - a) * carry",
                )
            ),
            "Both contributions to ∂L/∂h_t, its own loss and the carry, go back through the leak.",
            "section 1, two ways on",
        ),
        Misconception(
            "a and 1 − a are exchanged",
            _leaks(
                ("a * dL_dh * (1", "(1 - a) * dL_dh * (1"), ("+ (1 - a) * dL_dh", "+ a * dL_dh")
            ),
            "The old state has weight 1 − a and the new part weight a, so the leak carries 1 − a"
            " back and δ has the factor a.",
            "section 8, the text of the exercise",
        ),
    ),
)


def skip_sweep(W_hh, U, h, dh):
    """Return dW_hh and dU for h_t = tanh(x_t W_xh + h_{t−1} W_hh + h_{t−2} U + b)."""
    B, steps, H = h.shape
    dz = np.zeros((B, steps + 2, H))  # nothing comes back from after the last step
    for t in range(steps - 1, 0, -1):
        dL_dh = dh[:, t] + dz[:, t + 1] @ W_hh.T + dz[:, t + 2] @ U.T
        dz[:, t] = dL_dh * (1 - h[:, t] ** 2)
    dW_hh = sum(h[:, t - 1].T @ dz[:, t] for t in range(1, steps))
    dU = sum(h[:, t - 2].T @ dz[:, t] for t in range(2, steps))
    return dW_hh, dU


def _skip(rng):
    W_hh, h, dh = _states(rng)
    return W_hh, rng.normal(0, 0.7, W_hh.shape), h, dh


_skips = partial(edited, skip_sweep)

skip_sweep = Exercise(
    name="skip_sweep",
    answer=skip_sweep,
    returns=("dW_hh", "dU"),
    cases=_skip,
    axes={"h": "B T H", "dW_hh": "H H", "dU": "H H"},
    verified="three ways back, and both matrices",
    hints=(
        "Three ways lead on from h_t: to its loss, to h_{t+1} through W_hh, to h_{t+2} through U."
        " So three contributions come back.",
        "Keep δ of all steps, with two steps of zeros after the last:"
        " `dz[:, t + 1] @ W_hh.T + dz[:, t + 2] @ U.T`.",
        "dW_hh adds `h[:, t - 1].T @ dz[:, t]`, dU adds `h[:, t - 2].T @ dz[:, t]`, from t = 2 on.",
    ),
    misconceptions=(
        Misconception(
            "nothing comes back through U",
            _skips((" + dz[:, t + 2] @ U.T", "")),
            "h_t is also read two steps later. That is a third way on, so a third contribution"
            " comes back, through U transposed.",
            "section 1: every way on from a state comes back",
        ),
        _not_transposed("U", _skips(("@ U.T", "@ U")), "section 8, the table"),
        _not_transposed("W_hh", _skips(("@ W_hh.T", "@ W_hh")), "section 1, the sweep"),
        Misconception(
            "what comes back through U is multiplied by W_hh",
            _skips(("@ U.T", "@ W_hh.T")),
            "From h_t two matrices lead on: W_hh to the next step and U to the one after it. What"
            " comes back goes by the matrix of its own way, transposed.",
            "section 9, the text of the exercise",
        ),
        Misconception(
            "what comes back through U comes from the next step",
            _skips(("dz[:, t + 2] @ U.T", "dz[:, t + 1] @ U.T")),
            "U leads from h_t to z_{t+2}, so it is δ of step t + 2 that comes back through it.",
            "section 9, the text of the exercise",
        ),
        Misconception(
            "dU pairs δ with the state of one step before",
            _skips(
                (
                    "h[:, t - 2].T @ dz[:, t] for t in range(2",
                    "h[:, t - 1].T @ dz[:, t] for t in range(1",
                )
            ),
            "U multiplied h_{t−2} at step t. Its term is the outer product of δ_t with that state.",
            "section 5, the outer product",
        ),
        Misconception(
            "the step t = 1 is counted for U, with the last state in place of h_{−1}",
            _skips(("for t in range(2, steps)", "for t in range(1, steps)")),
            "At t = 1 there is no h_{−1}. In Python `h[:, -1]` is the last state, which has nothing"
            " to do with step 1.",
            "section 9, the text of the exercise",
        ),
    ),
)

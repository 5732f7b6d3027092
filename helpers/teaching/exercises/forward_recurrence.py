"""Chapter 2's exercises: a half-life, two samples in one sequence, and a memory set by hand."""

from functools import partial

from helpers.models import NetworkParams
from helpers.numpy_rnn import RNNParams, rnn_forward, rnn_step
from helpers.output import head_forward
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def half_life(n):
    """Return the ρ with which, without σ, half of a pulse is left after n steps."""
    return 0.5 ** (1 / n)


half_life = Exercise(
    name="half_life",
    answer=half_life,
    returns=("ρ",),
    cases=lambda rng: (int(rng.integers(2, 200)),),
    verified="ρⁿ is one half",
    hints=(
        "After n steps the pulse has ρⁿ of its size. What must ρⁿ be?",
        "Solve ρⁿ = ½ for ρ: it is the n-th root of one half.",
        "`return 0.5 ** …`",
    ),
    misconceptions=(
        Misconception(
            "the pulse is taken to lose the same amount at each step",
            edited(half_life, ("0.5 ** (1 / n)", "1 - 0.5 / n")),
            "Each step multiplies the size by ρ, it does not subtract from it. With this ρ more"
            " than half is left after n steps.",
            "section 8, where a pulse has size ρᵏ",
        ),
        Misconception(
            "the pulse grows, and has twice its size after n steps",
            edited(half_life, ("0.5 **", "2 **")),
            "With ρ above 1 each step without σ makes the pulse larger. For half of it to be left,"
            " ρ must be below 1.",
            "section 8, where a pulse has size ρᵏ",
        ),
        Misconception(
            "the time to 1/e is taken for the time to one half",
            edited(half_life, ("0.5 ** (1 / n)", "np.exp(-1 / n)")),
            "With ρ = e^(−1/n) there is 1/e = 0.37 of the pulse left after n steps. The question"
            " was one half.",
            "section 8, where a pulse has size ρᵏ",
        ),
        Misconception(
            "what is left after n steps at ρ = ½ is computed",
            edited(half_life, ("(1 / n)", "n")),
            "0.5ⁿ is the size after n steps when ρ is one half. The question is the other way"
            " round: which ρ has the size one half after n.",
            "section 8, where a pulse has size ρᵏ",
        ),
        Misconception(
            "ρ is taken for the loss at each step",
            edited(half_life, ("0.5 ** (1 / n)", "1 - 0.5 ** (1 / n)")),
            "This is the share that is lost at each step. The spectral radius ρ is the share that"
            " stays.",
            "section 8, where a pulse has size ρᵏ",
        ),
    ),
)


def _packed(rng, more=0):
    """Draw a network and a packed batch; D = H, so that no slip is stopped by a shape."""
    B, T, H = (int(n) for n in rng.choice(range(3, 8), 3, replace=False))
    W_xh, W_hh = rng.normal(0, 0.6, (H + more, H)), rng.normal(0, 0.6, (H, H))
    starts = rng.random((B, T)) < 0.3
    starts[:, 0] = True
    return RNNParams(W_xh, W_hh, rng.normal(0, 0.5, H)), rng.normal(size=(B, T, H + more)), starts


def packed_forward(params, x, starts):
    """Return all states (B, T, H); where starts (B, T) is True, the state before is zero."""
    h_t, h = np.zeros((len(x), len(params.b))), []
    for t in range(x.shape[1]):
        h_prev = np.where(starts[:, t, None], 0, h_t)
        h_t = rnn_step(params, x[:, t], h_prev)
        h.append(h_t)
    return np.stack(h, axis=1)


_packs = partial(edited, packed_forward)

packed_forward = Exercise(
    name="packed_forward",
    answer=packed_forward,
    returns=("h",),
    cases=_packed,
    also=partial(_packed, more=1),
    axes={"x": "B T D", "h": "B T H"},
    verified="every state of every sample, as if each had been read alone",
    hints=(
        "It is the loop of section 3. Only what a step takes as the old state is new: where a"
        " sample begins, it is zero.",
        "`np.where(starts[:, t, None], 0, h_t)` is zero in the rows that begin at t, and the old"
        " state in the others.",
        "`h_t = rnn_step(params, x[:, t], np.where(…))`, and then append it.",
    ),
    misconceptions=(
        Misconception(
            "the state is never set back",
            _packs(("np.where(starts[:, t, None], 0, h_t)", "h_t")),
            "So the second sample begins with what the first one left. The states are those of one"
            " long sequence.",
            "section 5, where a state is handed over",
        ),
        Misconception(
            "the state is set to zero after the step, not before it",
            _packs(
                ("np.where(starts[:, t, None], 0, h_t)", "h_t"),
                (
                    "rnn_step(params, x[:, t], h_prev)",
                    "np.where(starts[:, t, None], 0, rnn_step(params, x[:, t], h_prev))",
                ),
            ),
            "The step at which a sample begins reads its first input, and you threw its state away."
            " What must be zero is the state before that step.",
            "section 5, where a state is handed over",
        ),
        Misconception(
            "the state is set to zero where it is stored",
            _packs(
                (
                    "h_prev = np.where(starts[:, t, None], 0, h_t)",
                    "h_t[starts[:, t]] = 0\n        h_prev = h_t",
                ),
            ),
            "`h_t[...] = 0` writes into the array that you appended to the list one step before, so"
            " a finished state is lost. `np.where` makes a new array.",
            "section 5, the text of the exercise",
        ),
        Misconception(
            "the state is set back one step late",
            _packs(
                ("starts[:, t, None]", "starts[:, t - 1, None] & (t > 0)"),
            ),
            "The first step of a new sample still read the old state. `starts[:, t]` belongs to the"
            " step t itself.",
            "section 5, the text of the exercise",
        ),
        Misconception(
            "one row that begins sets back the whole batch",
            _packs(("starts[:, t, None]", "starts[:, t].any()")),
            "Each row has its own samples: one may begin anew while the others go on. `starts[:, t,"
            " None]` keeps the rows apart.",
            "section 5: rows never meet",
        ),
        Misconception(
            "starts is taken for a mask that skips the step",
            _packs(
                ("np.where(starts[:, t, None], 0, h_t)", "h_t"),
                (
                    "rnn_step(params, x[:, t], h_prev)",
                    "np.where(starts[:, t, None], h_t, rnn_step(params, x[:, t], h_prev))",
                ),
            ),
            "A mask carries the old state through and skips the input. Here it is the other way"
            " round: the input is read, and the old state goes.",
            "section 6, the rule for the mask",
        ),
        Misconception(
            "the rows that begin keep their state, the others lose it",
            _packs(("0, h_t)", "h_t, 0)")),
            "`np.where(condition, a, b)` takes a where the condition is True. Where a sample begins"
            " you want zeros.",
            "section 5, the text of the exercise",
        ),
    ),
)


def hold_and_release():
    """Two units that stay where they are pushed: one is on for +1, the other for −1."""
    return NetworkParams(
        W_xh=[[3.0, -3.0], [-3.0, -3.0]],  # write, release
        W_hh=[[2.0, 0.0], [0.0, 2.0]],
        b=[0.0, 0.0],
        W_ho=[[1.0], [-1.0]],
        b_o=[0.0],
    )


EVENTS = {  # what is asked 100 silent steps after each: its write and release
    "after +1": (1, 0),
    "after release": (0, 1),
    "after −1": (-1, 0),
    "after the second release": (0, 1),
    "after +1 again": (1, 0),
    "after −1 over +1": (-1, 0),
    "after the third release": (0, 1),
}


def _try_memory(answer):
    """Return what the memory says after each event: +1, −1, 0, or o itself where unclear."""
    if type(answer) is not NetworkParams:
        raise ValueError(f"a NetworkParams was asked for, got {type(answer).__name__}")
    x = np.zeros((1, 100 * len(EVENTS), 2))
    x[0, ::100] = list(EVENTS.values())
    W_xh, W_hh, b, W_ho, b_o = (np.asarray(array, float) for array in answer)
    h = rnn_forward(RNNParams(W_xh, W_hh, b), x)
    o = head_forward(type(answer)(W_xh, W_hh, b, W_ho, b_o).head, h)[0, 99::100, 0]
    clear = np.where(np.abs(o) < 0.1, 0, np.where(np.abs(o) > 0.5, np.sign(o), np.round(o, 2)))
    return tuple(float(says) for says in clear)


def _memory(**arrays):
    return lambda: hold_and_release.answer()._replace(**arrays)


hold_and_release = Exercise(
    name="hold_and_release",
    answer=hold_and_release,
    returns=tuple(EVENTS),
    ask=_try_memory,
    verified="it holds either sign for 100 steps, lets go on command, and can be overwritten",
    hints=(
        "One unit with w > 1 has two levels, + and −. Three things are to be told apart: +1, −1 and"
        " nothing. So take two units.",
        "Let one unit be on (+) while +1 is held, and the other while −1 is held. Release pushes"
        " both to off (−). What is the difference of the two in each case?",
        "With w = 2 a unit rests at ±0.96. To turn it, an input must outweigh 2 · 0.96: take 3."
        " Write pushes the units in opposite directions, release both down; o = first − second.",
    ),
    misconceptions=(
        Misconception(
            "release leaves what −1 would leave",
            _memory(W_xh=[[3.0, -3.0], [-3.0, 3.0]]),
            "One unit pushed down, or two units pushed apart, stand where −1 puts them. To be read"
            " as nothing, release must leave a third state: both units on the same level.",
            "section 7, the unit that keeps one bit",
        ),
        Misconception(
            "nothing is left after 100 steps",
            _memory(W_hh=[[0.9, 0.0], [0.0, 0.9]]),
            "Either the units fall back to zero, as with a weight of 1 or below, or a write moves"
            " both the same way, so that they do not differ.",
            "section 7, the unit that keeps one bit",
        ),
        Misconception(
            "the output adds the two units",
            _memory(W_ho=[[1.0], [1.0]]),
            "While a bit is held one unit is on and the other off, so their sum is zero. Their"
            " difference has the sign of the bit.",
            "section 7, the unit that keeps one bit",
        ),
        Misconception(
            "a write is too weak to turn a unit",
            _memory(W_xh=[[1.0, -1.0], [-3.0, -3.0]]),
            "From rest it is enough. But a unit that is held adds its level, times its own weight,"
            " to its sum, and the input must outweigh that.",
            "section 7, the unit that keeps one bit",
        ),
        Misconception(
            "release is too weak to turn a unit, or does nothing",
            _memory(W_xh=[[3.0, -3.0], [-1.0, -1.0]]),
            "A unit that is on adds its level, times its own weight, to its sum, and release must"
            " outweigh that. Otherwise the bit stays.",
            "section 7, the unit that keeps one bit",
        ),
    ),
)

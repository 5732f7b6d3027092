"""The exercises of the workshop on gates: counting detours, and composing linear steps."""

from functools import partial

from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def ways_by_detours(k):
    """Return how many ways lead from c_t to c_{t+k} with 0, 1, …, k passages through a gate."""
    to_c = np.eye(k + 1, dtype=int)[0]  # entry m: ways that end in c with m passages
    to_h = to_c.copy()
    for _ in range(k):
        through = np.append(0, to_h[:-1])  # one passage more
        to_c = to_c + through
        to_h = to_c + through
    return to_c


_counts = partial(edited, ways_by_detours)

ways_by_detours = Exercise(
    name="ways_by_detours",
    answer=ways_by_detours,
    returns=("ways",),
    cases=lambda rng: (int(rng.integers(3, 12)),),
    verified="the number of ways with 0, 1, …, k passages",
    hints=(
        "Go from step to step with two lists: how many ways with m passages end in c, and how many"
        " in h? At the start there is one of each, without a passage.",
        "At the next step: c is reached from the old c, and from the old h with one passage more. h"
        " is reached from the new c, and from the old h with one passage more.",
        "`through = np.append(0, to_h[:-1])`; then `to_c = to_c + through` and `to_h = to_c +"
        " through`, k times.",
    ),
    misconceptions=(
        Misconception(
            "the way from h to h through the output gate is left out",
            _counts(("to_h = to_c + through", "to_h = to_c.copy()")),
            "Then each step has two ways, and the numbers are binomial coefficients. But the old h"
            " also reaches the new h directly, through the output gate, without touching c.",
            "section 1, the three kinds of steps",
        ),
        Misconception(
            "all ways are counted together",
            _counts(("return to_c", "return to_c.sum()")),
            "This is the number of all ways. The question is how many of them pass 0, 1, …, k times"
            " through a gate.",
            "section 1, the three kinds of steps",
        ),
        Misconception(
            "the ways that end in h are counted",
            _counts(("return to_c", "return to_h")),
            "The question ends in a cell state. These ways go one edge further, and some of them"
            " never come through the last cell.",
            "section 1, the text of the exercise",
        ),
        Misconception(
            "the way along the cell is left out",
            _counts(("to_c = to_c + through", "to_c = through")),
            "From the old c to the new c there is a way without any passage, times f. It is the"
            " reason why there is an LSTM.",
            "section 1, the three kinds of steps",
        ),
        Misconception(
            "one step too few is counted",
            _counts(("range(k):", "range(k - 1):")),
            "From c_t to c_{t+k} there are k steps, not k − 1. With k = 1 there are two ways"
            " already, one of each kind.",
            "section 1, the text of the exercise",
        ),
    ),
)


def _two_maps(rng):
    shape = tuple(int(n) for n in rng.integers(2, 6, 2))
    return tuple(tuple(rng.normal(size=(2, *shape))) for _ in range(2))


def compose(first, second):
    """Return (a, b) of the step that does h → a₁h + b₁ first and then h → a₂h + b₂."""
    (a_1, b_1), (a_2, b_2) = first, second
    return a_2 * a_1, a_2 * b_1 + b_2


_composes = partial(edited, compose)

compose = Exercise(
    name="compose",
    answer=compose,
    returns=("a", "b"),
    cases=_two_maps,
    verified="one step that does the work of two",
    hints=(
        "Write it out: what is a₂ (a₁ h + b₁) + b₂?",
        "Collect what multiplies h, and the rest.",
        "a = a₂ a₁ and b = a₂ b₁ + b₂.",
    ),
    misconceptions=(
        Misconception(
            "the two steps are done in the other order",
            _composes(("a_2 * b_1 + b_2", "a_1 * b_2 + b_1")),
            "This does the second step first. The factors a may change places; the b may not, since"
            " only the earlier one is multiplied afterwards.",
            "section 4, two steps are one step",
        ),
        Misconception(
            "the first b is not multiplied",
            _composes(("a_2 * b_1 + b_2", "b_1 + b_2")),
            "What the first step has added is multiplied by a₂ in the second one, as the rest of"
            " the state is.",
            "section 4, two steps are one step",
        ),
        Misconception(
            "the second b is multiplied as well",
            _composes(("a_2 * b_1 + b_2", "a_2 * (b_1 + b_2)")),
            "The second step multiplies what it finds and adds after that, so b₂ comes in"
            " unmultiplied: a₂ (a₁ h + b₁) + b₂.",
            "section 4, two steps are one step",
        ),
        Misconception(
            "the factors are added",
            _composes(("a_2 * a_1", "a_2 + a_1")),
            "h is multiplied by a₁ and the result by a₂, so the two factors are multiplied. A sum"
            " of factors belongs to two ways side by side.",
            "section 4, two steps are one step",
        ),
        Misconception(
            "what the first step added is lost",
            _composes(("a_2 * b_1 + b_2", "b_2")),
            "b₁ is in the state when the second step begins. It is multiplied by a₂ and stays in.",
            "section 4, two steps are one step",
        ),
    ),
)


def segments(a, b, starts):
    """Return a and b so that the scan begins anew, from 0, wherever starts is True."""
    return np.where(starts[:, None], 0, a), b


def _packed(rng):
    T, H = (int(n) for n in rng.choice(range(4, 9), 2, replace=False))
    starts = rng.random(T) < 0.4
    starts[0], starts[-1] = True, True
    return rng.uniform(0.2, 1.5, (T, H)), rng.normal(size=(T, H)), starts


_resets = partial(edited, segments)


def _scanned(answer, a, b, starts):
    """Return the states that the steps of an answer lead to."""
    steps = answer(a, b, starts)
    if steps is ...:
        return ...
    a, b = steps
    h, h_t = [], np.zeros(b.shape[1])
    for a_t, b_t in zip(a, b, strict=True):
        h_t = a_t * h_t + b_t
        h.append(h_t)
    return np.array(h)


segments = Exercise(
    name="segments",
    answer=segments,
    returns=("h",),
    cases=_packed,
    ask=_scanned,
    verified="the scan forgets at every start, and nowhere else",
    hints=(
        "What does a step h → a h + b do with the state before it? When does it not look at it?",
        "With a = 0 the new state is b, whatever came before.",
        "`np.where(starts[:, None], 0, a)`, and b as it is.",
    ),
    misconceptions=(
        Misconception(
            "the input of the first step is lost",
            _resets(("0, a), b", "0, a), np.where(starts[:, None], 0, b)")),
            "A sequence begins with its first input. Only what comes from before must go, and that"
            " is what a multiplies.",
            "section 4, two steps are one step",
        ),
        Misconception(
            "the input is set to zero, not the factor",
            _resets(
                (
                    "np.where(starts[:, None], 0, a), b",
                    "a, np.where(starts[:, None], 0, b)",
                )
            ),
            "So the state before the start is carried on, and the first input is dropped: both the"
            " wrong way round.",
            "section 4, two steps are one step",
        ),
        Misconception(
            "the factor is set to one",
            _resets(("0, a)", "1, a)")),
            "A factor of 1 keeps all of the state before. To begin anew nothing of it may be left.",
            "section 4, two steps are one step",
        ),
        Misconception(
            "the state is forgotten one step too early",
            _resets(("starts[:, None]", "np.append(starts[1:], False)[:, None]")),
            "The last step of a sequence still needs its state. It is the step *at* which the next"
            " one starts that must not see what was before it.",
            "section 4, two steps are one step",
        ),
        Misconception(
            "the state is forgotten one step too late",
            _resets(("starts[:, None]", "np.roll(starts, 1)[:, None]")),
            "The step *at* which a sequence starts must not see the state before it. You set the"
            " factor of the step after.",
            "section 4, two steps are one step",
        ),
    ),
)

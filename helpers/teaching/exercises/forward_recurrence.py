"""Chapter 2's exercises.

The step, the loop, the output head, masking, and a state that remembers.
"""

from functools import partial

from helpers.numpy_rnn import RNNParams, rnn_forward, rnn_step
from helpers.output import HeadParams
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def _network(rng, more=0):
    """Weights and D; D = H, so that no slip is stopped by a shape before it can be named."""
    H = int(rng.integers(3, 6))
    D = H + more
    W_xh, W_hh = rng.normal(0, 0.6, (D, H)), rng.normal(0, 0.6, (H, H))
    return RNNParams(W_xh, W_hh, rng.normal(0, 0.5, H)), D


def _one_step(rng, more=0):
    params, D = _network(rng, more)
    B = int(rng.integers(2, 5))
    return params, rng.normal(size=(B, D)), rng.uniform(-0.9, 0.9, (B, D - more))


def _sequence(rng, more=0):
    params, D = _network(rng, more)
    return params, rng.normal(size=(int(rng.integers(2, 5)), int(rng.integers(3, 7)), D))


def one_step(params, x_t, h_prev):
    """One step of (3): x_t (B, D) and h_prev (B, H) give h_t (B, H)."""
    return np.tanh(x_t @ params.W_xh + h_prev @ params.W_hh + params.b)


one_step = Exercise(
    name="one_step",
    answer=one_step,
    returns=("h_t",),
    cases=_one_step,
    also=partial(_one_step, more=1),
    axes={"h_t": "B H"},
    verified="every state after one step, for random sizes and weights",
    hints=(
        (
            "Three things are added up before σ: what the input says, what the state says, and the"
            " bias."
        ),
        (
            "One sample is one row. So the input stands on the left of its matrix: `x_t @"
            " params.W_xh`. The state too."
        ),
        "`return np.tanh(x_t @ params.W_xh + h_prev @ … + …)`",
    ),
    misconceptions=(
        Misconception(
            "σ is missing",
            edited(one_step, ("np.tanh(", "(")),
            "You returned the sum z_t itself. Equation (3) sends it through tanh, which keeps every"
            " state between −1 and 1.",
            "section 3, equation (3)",
        ),
        Misconception(
            "W_hh is transposed",
            edited(one_step, ("params.W_hh", "params.W_hh.T")),
            "On paper the matrix stands left of a column; in code the row stands left of the"
            " matrix, and the arrays in `params` are already turned for that. Transposing again"
            " swaps “from which unit” and “to which unit”.",
            "section 4, where columns become rows",
        ),
        Misconception(
            "W_xh is transposed",
            edited(one_step, ("params.W_xh", "params.W_xh.T")),
            "`params.W_xh` has one row for each input feature, so `x_t @ params.W_xh` is all it"
            " takes. Here D = H, so the shapes did not stop you; with D ≠ H they would.",
            "section 4, where columns become rows",
        ),
        Misconception(
            "the bias is missing",
            edited(one_step, (" + params.b", "")),
            "Without b, a network with no input and no state stays at zero for ever. Equation (3)"
            " adds b, the same to every row of the batch.",
            "section 3, equation (3)",
        ),
        Misconception(
            "the old state is not used",
            edited(one_step, (" + h_prev @ params.W_hh", "")),
            (
                "This is a dense layer: it knows x_t and nothing before it. The term h_{t−1} W_hh"
                " makes it recurrent."
            ),
            "section 3, equation (3)",
        ),
        Misconception(
            "the old state is added, but not multiplied by W_hh",
            edited(one_step, ("h_prev @ params.W_hh", "h_prev")),
            (
                "So every unit hears only itself, with weight 1. W_hh decides which unit hears"
                " which, and how strongly."
            ),
            "section 3, equation (3)",
        ),
        Misconception(
            "the bias is added after σ",
            edited(one_step, (" + params.b)", ") + params.b")),
            "σ takes the whole sum, b included. Added afterwards, b pushes states beyond −1 and 1.",
            "section 3, equation (3)",
        ),
    ),
)


def all_states(params, x):
    """All states of (3) from h_0 = 0: x (B, T, D) gives h (B, T, H)."""
    h_t, h = np.zeros((len(x), len(params.b))), []
    for t in range(x.shape[1]):
        h_t = rnn_step(params, x[:, t], h_t)
        h.append(h_t)
    return np.stack(h, axis=1)


all_states = Exercise(
    name="all_states",
    answer=all_states,
    returns=("h",),
    cases=_sequence,
    also=partial(_sequence, more=1),
    axes={"h": "B T H"},
    verified="all states, for random lengths, batches and weights",
    hints=(
        "A loop over the time steps, with `rnn_step(params, x_t, h_prev)` in it.",
        (
            "The axes of x are (B, T, D), so one time step of every sample is `x[:, t]`. The state"
            " starts as zeros (B, H)."
        ),
        (
            "Put each state into a list; at the end `return np.stack(h, axis=1)` makes (B, T, H) of"
            " it."
        ),
    ),
    misconceptions=(
        Misconception(
            "the state is not carried on",
            edited(
                all_states,
                ("h_t = rnn_step", "state = rnn_step"),
                ("h.append(h_t)", "h.append(state)"),
            ),
            "Each step started from h_0 again. What comes out of step t must go into step t + 1;"
            " that is the recurrence.",
            "section 5, a whole batch",
        ),
        Misconception(
            "only the last state came back",
            edited(all_states, ("np.stack(h, axis=1)", "h_t")),
            "The loop is right, and its last state came back. Asked for were all T of them, (B, T,"
            " H): outputs and gradients need each.",
            "section 5, a whole batch",
        ),
        Misconception(
            "time is the first axis",
            edited(all_states, ("axis=1", "axis=0")),
            "The states are right, and they came as (T, B, H). The course, like Keras, puts the"
            " batch first: stack along axis 1.",
            "section 5, a whole batch",
        ),
        Misconception(
            "the sequence is read from its end",
            edited(all_states, ("range(x.shape[1])", "reversed(range(x.shape[1]))")),
            "The last time step went in first. A state h_t may know x_1 … x_t and nothing later.",
            "section 2, one network drawn twice",
        ),
        Misconception(
            "h_0 is among the states",
            edited(
                all_states,
                (
                    "h_t, h = np.zeros((len(x), len(params.b))), []",
                    "h = [h_t := np.zeros_like(x[:, 0])]",
                ),
            ),
            (
                "T inputs make T states, h_1 … h_T, and T + 1 came back. The start h_0 goes in and"
                " does not come out."
            ),
            "section 5, a whole batch",
        ),
        Misconception(
            "the states are one step late",
            edited(
                all_states,
                ("np.stack(h, axis=1)", "np.stack([np.zeros_like(h_t), *h[:-1]], axis=1)"),
            ),
            (
                "The state was kept before the step was taken, so h_0 … h_{T−1} came back. First"
                " the step, then `append`."
            ),
            "section 5, a whole batch",
        ),
    ),
)


def mask_one_step(params, x_t, h_prev, m_t):
    """One step of (3) where m_t (B,) is True; elsewhere the old state, unchanged."""
    return np.where(m_t[:, None], rnn_step(params, x_t, h_prev), h_prev)


def _masked_case(rng, more=0):
    params, x_t, h_prev = _one_step(rng, more)
    m_t = rng.permutation(np.arange(len(x_t)) % 2 == 0)  # some rows of each kind
    if rng.random() < 1 / 3:
        m_t[:] = True
    return params, x_t, h_prev, m_t


mask_one_step = Exercise(
    name="mask_one_step",
    answer=mask_one_step,
    returns=("h_t",),
    cases=_masked_case,
    also=partial(_masked_case, more=1),
    axes={"h_t": "B H"},
    verified="the states of real and masked rows, for random weights and masks",
    hints=(
        (
            "Two candidates for the new state: the one that `rnn_step` gives, and the old one. The"
            " mask picks."
        ),
        "`np.where(condition, a, b)` takes from a where the condition is True, else from b.",
        (
            "m_t has the shape (B,) and the states have (B, H): `m_t[:, None]` makes it a column,"
            " one value a row."
        ),
    ),
    misconceptions=(
        Misconception(
            "the mask is ignored",
            edited(
                mask_one_step,
                (
                    "np.where(m_t[:, None], rnn_step(params, x_t, h_prev), h_prev)",
                    "rnn_step(params, x_t, h_prev)",
                ),
            ),
            (
                "Every row took the step, padding too. So how much padding a sentence has would"
                " change its last state."
            ),
            "section 7, the rule for the mask",
        ),
        Misconception(
            "the mask is the wrong way round",
            edited(mask_one_step, ("m_t[:, None]", "~m_t[:, None]")),
            (
                "The real rows stood still and the padded ones took the step. Here True means real,"
                " as in Keras."
            ),
            "section 7, the rule for the mask",
        ),
        Misconception(
            "a masked row's state is set to zero",
            edited(mask_one_step, ("h_prev), h_prev)", "h_prev), 0)")),
            (
                "So everything read before the padding is lost. The rule carries the state through"
                " unchanged."
            ),
            "section 7, the rule for the mask",
        ),
        Misconception(
            "a masked row's input is set to zero, and the step is taken",
            edited(
                mask_one_step,
                (
                    "np.where(m_t[:, None], rnn_step(params, x_t, h_prev), h_prev)",
                    "rnn_step(params, x_t * m_t[:, None], h_prev)",
                ),
            ),
            "A step without input is still a step: W_hh and b move the state, and it fades. The"
            " rule takes no step at all.",
            "section 7, the rule for the mask",
        ),
        Misconception(
            "one masked row stops the whole batch",
            edited(mask_one_step, ("m_t[:, None]", "m_t.all()")),
            "Each row has its own mask: one sentence may have ended while the others go on. `m_t[:,"
            " None]` keeps them apart.",
            "section 7, the rule for the mask",
        ),
    ),
)


def _states_and_head(rng):
    B, T, H = (int(n) for n in rng.integers(2, 5, 3))
    head = HeadParams(
        rng.normal(size=(H, H)), rng.normal(size=H)
    )  # O = H, so that no shape stops a transpose
    return head, rng.uniform(-0.9, 0.9, (B, T, H))


def output_head(head, h):
    """Compute o_t = h_t W_ho + b_o at every time step: h (B, T, H) gives o (B, T, O)."""
    return h @ head.W_ho + head.b_o


output_head = Exercise(
    name="output_head",
    answer=output_head,
    returns=("o",),
    cases=_states_and_head,
    axes={"o": "B T O"},
    verified="the outputs of every time step, for random sizes and weights",
    hints=(
        "The same small dense layer at each time step; nothing is carried from step to step.",
        (
            "`@` works on the last axis of a (B, T, H) array, and leaves B and T alone. No loop is"
            " needed."
        ),
        "`return h @ head.W_ho + …`",
    ),
    misconceptions=(
        Misconception(
            "the bias is missing",
            edited(output_head, (" + head.b_o", "")),
            "That is the notes' o_t = W_ho h_t. It forces the output to 0 wherever the state is 0;"
            " the course adds b_o.",
            "section 8, the output",
        ),
        Misconception(
            "W_ho is transposed",
            edited(output_head, ("head.W_ho", "head.W_ho.T")),
            "`head.W_ho` is stored as (H, O), ready to stand right of a row. With O = H no shape"
            " complains about a transpose.",
            "section 4, columns on paper, rows in code",
        ),
        Misconception(
            "only the last state is read",
            edited(output_head, ("h @", "h[:, -1] @")),
            (
                "That is one output for each sequence, (B, O). Asked for was one at each time step,"
                " (B, T, O)."
            ),
            "section 8, the output",
        ),
        Misconception(
            "the outputs went through tanh",
            edited(output_head, ("h @ head.W_ho + head.b_o", "np.tanh(h @ head.W_ho + head.b_o)")),
            (
                "σ belongs to the state. An output must be free to leave −1 … 1: it may be a price,"
                " or a logit."
            ),
            "section 8, the output",
        ),
    ),
)

HALF, LATE = 0.5, (200, 201)  # two steps, an even and an odd one


def one_bit():
    """Weights w_xh, w_hh, b: silent, the unit rests at ±0.86.

    A pulse of size 3 throws it from one to the other.
    """
    return 3.0, 1.5, 0.0


def _try_unit(weights):
    """Let one tanh unit hear +1, or −1, or first +1 and 100 steps later −1.

    And look 200 steps after the start.
    """
    w_xh, w_hh, b = (float(w) for w in weights)
    params = RNNParams(np.array([[w_xh]]), np.array([[w_hh]]), np.array([b]))
    x = np.zeros((3, LATE[-1] + 1, 1))
    x[:, 0, 0] = 1, -1, 1
    x[2, 100, 0] = -1
    plus, minus, overwritten = rnn_forward(params, x)[:, LATE, 0]
    return (
        bool(np.all(np.abs(plus) > HALF)),
        bool(np.all(plus > 0)),
        bool(np.all(minus < 0)),
        bool(np.all(overwritten < 0)),
    )


one_bit = Exercise(
    name="one_bit",
    answer=one_bit,
    returns=(
        "“200 steps after +1, |h| is above ½”",
        "“200 steps after +1, h is positive”",
        "“200 steps after −1, h is negative”",
        "“−1 overwrites an earlier +1”",
    ),
    ask=_try_unit,
    verified=(
        "one tanh unit keeps the sign of a pulse for 200 steps, and a later pulse overwrites it"
    ),
    hints=(
        "Try the unit of the last cell: what did w = 1.2 do that w = 0.9 cannot?",
        "Without input the unit goes to a solution of h = tanh(w h). For w > 1 there are two"
        " besides 0, ±h*. With b = 0 they lie symmetrically.",
        (
            "To overwrite, the pulse must win against what the unit says to itself: w_xh larger"
            " than w_hh. Try w_hh = 1.5."
        ),
    ),
    misconceptions=(
        Misconception(
            "the memory fades",
            lambda: (3.0, 1.0, 0.0),
            "The sign is still right, but the state is on its way to 0: with w_hh ≤ 1 and no input,"
            " tanh makes every state smaller at each step. Only w_hh > 1 has two states to rest"
            " in.",
            "section 9, four candidates, one pulse",
        ),
        Misconception(
            "the state changes its sign at every step",
            lambda: (3.0, -1.5, 0.0),
            "A negative w_hh answers each state with its opposite. The size is kept, but what was"
            " stored can be read only by someone who counts the steps.",
            "section 9, four candidates, one pulse",
        ),
        Misconception(
            "nothing is written",
            lambda: (0.0, 1.5, 0.0),
            (
                "With w_xh = 0 the pulse never reaches the state, which stays where it began. A"
                " memory needs a way in."
            ),
            "section 3, equation (3)",
        ),
        Misconception(
            "the bias decides, not the pulse",
            lambda: (3.0, 1.5, 1.0),
            (
                "A large b leaves only one state to rest in, the one with b's sign. So both pulses"
                " end in the same place."
            ),
            "section 9, four candidates, one pulse",
        ),
        Misconception(
            "what is stored cannot be overwritten",
            lambda: (1.0, 3.0, 0.0),
            "The first pulse is kept for ever, because w_hh h is stronger than any later w_xh x. A"
            " memory that never changes again is a fuse.",
            "section 9, four candidates, one pulse",
        ),
    ),
)

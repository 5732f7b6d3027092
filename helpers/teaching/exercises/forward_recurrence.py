"""Chapter 2's exercises: the step, the loop, the output head, masking, and a state that remembers."""

from helpers import numpy_rnn
from helpers.numpy_rnn import RNNParams
from helpers.teaching.exercises.engine import Exercise, Misconception, edited


def _network(rng):
    """Weights and sizes; D = H, so that no slip is stopped by a shape before it can be named."""
    H = int(rng.integers(3, 6))
    W_xh, W_hh = rng.normal(0, 0.6, (2, H, H))
    return RNNParams(W_xh, W_hh, rng.normal(0, 0.5, H)), H


def _one_step(rng):
    params, H = _network(rng)
    B = int(rng.integers(2, 5))
    return params, rng.normal(size=(B, H)), rng.uniform(-0.9, 0.9, (B, H))


def _sequence(rng):
    params, H = _network(rng)
    return params, rng.normal(size=(int(rng.integers(2, 5)), int(rng.integers(3, 7)), H))


SUM = "h_t = x_t @ params.W_xh + h_prev @ params.W_hh + params.b"

rnn_step = Exercise(
    name="rnn_step",
    answer=numpy_rnn.rnn_step,
    returns=("h_t",),
    cases=_one_step,
    verified="every state after one step, in float64, for random sizes and weights",
    hints=(
        "Three things are added up before σ: what the input says, what the state says, and the bias.",
        "One sample is one row. So the input stands on the left of its matrix: `x_t @ params.W_xh`. The state too.",
        "`return np.tanh(x_t @ params.W_xh + h_prev @ … + …)`",
    ),
    misconceptions=(
        Misconception(
            "σ is missing",
            edited(numpy_rnn.rnn_step, ("ACTIVATIONS[activation].apply(h_t)", "pass")),
            "You returned the sum z_t itself. Equation (3) sends it through tanh, which keeps every state between −1"
            " and 1.",
            "section 3, equation (3)",
        ),
        Misconception(
            "W_hh is transposed",
            edited(numpy_rnn.rnn_step, ("params.W_hh", "params.W_hh.T")),
            "On paper the matrix stands left of a column; in code the row stands left of the matrix, and the arrays in"
            " `params` are already turned for that. Transposing again swaps “from which unit” and “to which unit”.",
            "section 4, where columns become rows",
        ),
        Misconception(
            "W_xh is transposed",
            edited(numpy_rnn.rnn_step, ("params.W_xh", "params.W_xh.T")),
            "`params.W_xh` has one row for each input feature, so `x_t @ params.W_xh` is all it takes. Here D = H, so"
            " the shapes did not stop you; with D ≠ H they would.",
            "section 4, where columns become rows",
        ),
        Misconception(
            "the bias is missing",
            edited(numpy_rnn.rnn_step, (" + params.b", "")),
            "Without b, a network with no input and no state stays at zero for ever. Equation (3) adds b, the same to"
            " every row of the batch.",
            "section 3, equation (3)",
        ),
        Misconception(
            "the old state is not used",
            edited(numpy_rnn.rnn_step, (" + h_prev @ params.W_hh", "")),
            "This is a dense layer: it knows x_t and nothing before it. The term h_{t−1} W_hh makes it recurrent.",
            "section 3, equation (3)",
        ),
        Misconception(
            "the old state is added, but not multiplied by W_hh",
            edited(numpy_rnn.rnn_step, ("h_prev @ params.W_hh", "h_prev")),
            "So every unit hears only itself, with weight 1. W_hh decides which unit hears which, and how strongly.",
            "section 3, equation (3)",
        ),
        Misconception(
            "the bias is added after σ",
            edited(
                numpy_rnn.rnn_step,
                (" + params.b", ""),
                ("    check.check_overflow", "    h_t += params.b\n    check.check_overflow"),
            ),
            "σ takes the whole sum, b included. Added afterwards, b pushes states beyond −1 and 1.",
            "section 3, equation (3)",
        ),
    ),
)

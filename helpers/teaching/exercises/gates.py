"""Chapter 5's exercises: which latch can learn, a half-life, the other GRU, PyTorch's weights."""

from functools import partial

from helpers.numpy_gru import GRUParams
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def which_latch():
    """Take factors to the power 100: 0.68 and 0.03 vanish, 1 stays, s(4) leaves 0.16, s(7) 0.91."""
    return {
        "A": ("holds", "vanishes"),
        "B": ("holds", "vanishes"),
        "C": ("holds", "arrives"),
        "D": ("loses", "vanishes"),
        "E": ("holds", "arrives"),
    }


VERDICTS = ("holds", "loses"), ("arrives", "vanishes")


def _try_latches(answer):
    if not isinstance(answer, dict) or {*answer} != {*"ABCDE"}:
        raise ValueError(f"a dictionary with the keys A to E was asked for, got {answer!r}")
    verdicts = {}
    for letter, pair in answer.items():
        if pair is ... or (isinstance(pair, tuple) and ... in pair):
            return ...
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ValueError(f"{letter} must be a pair like ('holds', 'arrives'), got {pair!r}")
        for word, words in zip(pair, VERDICTS, strict=True):
            if word not in words:
                raise ValueError(f"{letter} must have one of {words}, got {word!r}")
        verdicts[letter] = " and ".join(pair)
    return verdicts


def _latches(**verdicts):
    return lambda: which_latch.answer() | verdicts


which_latch = Exercise(
    name="which_latch",
    answer=which_latch,
    returns=tuple("ABCDE"),
    ask=_try_latches,
    verified="what each unit holds, and what is left of its gradient",
    hints=(
        "Holding: where is the state 100 steps after it was written, if nothing comes in? Learning:"
        " what is ∂(state at 100)/∂(state when written)?",
        "The second is a product of 100 factors: w · (1 − h²) for tanh, 1 for the plain sum, f for"
        " the cell.",
        "s(4) = 0.982 and s(7) = 0.9991. Which of them, to the power 100, is above one half?",
    ),
    misconceptions=(
        Misconception(
            "what holds is taken to learn",
            _latches(A=("holds", "arrives"), B=("holds", "arrives")),
            "A and B hold their bit because every small change is pulled back to the level. The"
            " same pull multiplies the gradient by 0.68 or 0.03 at each step.",
            "section 1, holding is not learning",
        ),
        Misconception(
            "a larger w is taken to open the path in B",
            _latches(B=("holds", "arrives")),
            "With w = 3 the unit sits at h = 0.995, where tanh is flat: w (1 − h²) = 0.03. A larger"
            " weight makes the level firmer and the factor smaller.",
            "section 1, the factor of the unit",
        ),
        Misconception(
            "a forget bias of 4 is taken to be enough for 100 steps",
            _latches(D=("holds", "arrives")),
            "s(4) = 0.982 looks close to 1, and 0.982 to the power 100 is 0.16. Half is gone after"
            " 38 steps, of the value and of the gradient alike.",
            "section 5, how long a forget gate keeps",
        ),
        Misconception(
            "the bit is taken for lost, because it is not the number that was written",
            _latches(A=("loses", "vanishes"), B=("loses", "vanishes")),
            "The state goes to a level, 0.66 or 0.995, and that is more than half of what it was"
            " after the write, with the right sign. What is lost is *how strong* the write was.",
            "section 1, holding is not learning",
        ),
        Misconception(
            "D is taken to learn what it loses",
            _latches(D=("loses", "arrives")),
            "In a cell without input value and gradient shrink by the same factor f: s(4) to the"
            " power 100 is 0.16 for both.",
            "section 5, how long a forget gate keeps",
        ),
        Misconception(
            "D is taken to hold what its gradient forgets",
            _latches(D=("holds", "vanishes")),
            "In a cell without input both shrink by the same factor f: c at step 100 is f to the"
            " power 100 times what was written, and so is the gradient. There is no level to hold.",
            "section 5, how long a forget gate keeps",
        ),
        Misconception(
            "C is taken to lose what it was given",
            _latches(C=("loses", "arrives")),
            "Without input the sum stays what it is, exactly. It has another fault: it adds"
            " whatever comes, wanted or not.",
            "section 2, a state that is added to",
        ),
    ),
)


def _step_of_a_tied_cell(rng):
    B, H = (int(n) for n in rng.choice(range(3, 7), 2, replace=False))
    f_t, o_t = rng.uniform(0.1, 0.9, (2, B, H))
    g_t, tanh_c = rng.uniform(-0.9, 0.9, (2, B, H))
    return f_t, g_t, o_t, rng.normal(size=(B, H)), tanh_c, *rng.normal(size=(2, B, H))


def tied_deltas(f_t, g_t, o_t, c_prev, tanh_c, dL_dc, dL_dh):
    """Return δ of f, g and o for a cell with i = 1 − f."""
    d_f = dL_dc * (c_prev - g_t) * f_t * (1 - f_t)
    d_g = dL_dc * (1 - f_t) * (1 - g_t**2)
    d_o = dL_dh * tanh_c * o_t * (1 - o_t)
    return d_f, d_g, d_o


_ties = partial(edited, tied_deltas)

tied_deltas = Exercise(
    name="tied_deltas",
    answer=tied_deltas,
    returns=("d_f", "d_g", "d_o"),
    cases=_step_of_a_tied_cell,
    verified="all three δ of a step",
    hints=(
        "Write the cell down: c_t = f ⊙ c_{t−1} + (1 − f) ⊙ g. Where does f stand?",
        "∂c/∂f = c_{t−1} − g. The other two follow (14) with 1 − f in the place of i.",
        "d_f = ∂L/∂c ⊙ (c_{t−1} − g) ⊙ f (1 − f).",
    ),
    misconceptions=(
        Misconception(
            "f is taken to stand in one place only",
            _ties(("(c_prev - g_t)", "c_prev")),
            "With i = 1 − f the forget gate also decides how much of g gets in: c_t has a term"
            " (1 − f) ⊙ g, and its derivative with respect to f is −g.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "the two effects of f are added",
            _ties(("(c_prev - g_t)", "(c_prev + g_t)")),
            "A larger f lets *less* of g in. The derivative of (1 − f) ⊙ g with respect to f is −g,"
            " so the two effects are subtracted.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "g is let in by f instead of 1 − f",
            _ties(("dL_dc * (1 - f_t) * (1 - g", "dL_dc * f_t * (1 - g")),
            "What stands beside g in c_t is the input gate, and that is 1 − f here, so its δ has"
            " 1 − f where (14) has i.",
            "section 4, equation (14)",
        ),
        Misconception(
            "the slope of a gate is forgotten",
            _ties(("(c_prev - g_t) * f_t * (1 - f_t)", "(c_prev - g_t)")),
            "δ is the gradient with respect to z, before the logistic function. It needs the slope"
            " f (1 − f) of that function as a last factor.",
            "section 4, equation (14)",
        ),
        Misconception(
            "the output gate is given the gradient of the cell",
            _ties(("dL_dh * tanh_c", "dL_dc * tanh_c")),
            "The output gate does not touch the cell. It multiplies tanh c in h_t, so what reaches"
            " it is ∂L/∂h_t.",
            "section 4, equation (14)",
        ),
    ),
)


def forget_bias(n):
    """Return the bias with which a forget gate, with no other input, keeps half for n steps."""
    f = 0.5 ** (1 / n)
    return np.log(f / (1 - f))


forget_bias = Exercise(
    name="forget_bias",
    answer=forget_bias,
    returns=("b",),
    cases=lambda rng: (int(rng.integers(2, 400)),),
    verified="s(b)ⁿ is one half",
    hints=(
        "Two steps: which f has fⁿ = ½? And which b has s(b) = f?",
        "f = 0.5 ** (1 / n). Solve f = 1 / (1 + e^−b) for b.",
        "b = log(f / (1 − f)).",
    ),
    misconceptions=(
        Misconception(
            "the gate is returned, not its bias",
            edited(forget_bias, ("np.log(f / (1 - f))", "f")),
            "This is the f that the gate should have. The bias goes through the logistic function"
            " first: s(b) = f.",
            "section 5, how long a forget gate keeps",
        ),
        Misconception(
            "the sign of the bias is wrong",
            edited(forget_bias, ("f / (1 - f)", "(1 - f) / f")),
            "With this bias the gate is 1 − f: nearly shut, so that everything is forgotten at"
            " once. An open gate has a positive bias.",
            "section 5, how long a forget gate keeps",
        ),
        Misconception(
            "the time to 1/e is taken for the time to one half",
            edited(forget_bias, ("0.5 ** (1 / n)", "np.exp(-1 / n)")),
            "With f = e^(−1/n) there is 1/e = 0.37 of the cell left after n steps. The question"
            " was one half.",
            "section 5, how long a forget gate keeps",
        ),
        Misconception(
            "the bias is log n, which keeps about 1/e for n steps",
            edited(forget_bias, ("0.5 ** (1 / n)", "n / (n + 1)")),
            "s(log n) = n / (n + 1), and that to the power n is between ½ and 1/e, nearer to 1/e"
            " the larger n is. It is a useful rule of thumb, and not a half-life.",
            "section 5, how long a forget gate keeps",
        ),
        Misconception(
            "1 − f is taken for −ln f",
            edited(forget_bias, ("0.5 ** (1 / n)", "1 / (1 + np.log(2) / n)")),
            "ln(n / ln 2) is the rule of thumb solved for a half-life. It is close, and not exact:"
            " the rule takes f to be so near 1 that −ln f is 1/f − 1.",
            "section 5, how long a forget gate keeps",
        ),
        Misconception(
            "the cell is taken to lose the same amount at each step",
            edited(forget_bias, ("0.5 ** (1 / n)", "1 - 0.5 / n")),
            "Each step multiplies by f, it does not subtract. With this f more than half is left"
            " after n steps.",
            "section 5, how long a forget gate keeps",
        ),
    ),
)


def s(z):
    """Logistic function, as the stub defines it."""
    return 1 / (1 + np.exp(-z))


def _other_gru(rng, more=0):
    """Draw weights and one step; D = H, so that no slip is stopped by a shape."""
    B, H = (int(n) for n in rng.choice(range(3, 8), 2, replace=False))
    D = H + more
    W_xh, W_hh = rng.normal(0, 0.8, (D, 3 * H)), rng.normal(0, 0.8, (H, 3 * H))
    return W_xh, W_hh, rng.normal(0, 0.8, 3 * H), rng.normal(size=(B, D)), rng.normal(size=(B, H))


def other_gru_step(W_xh, W_hh, b, x_t, h_prev):
    """Take one step in which u lets the new in, and r comes before the product."""
    W_u, W_r, W_n = np.split(W_xh, 3, axis=1)
    U_u, U_r, U_n = np.split(W_hh, 3, axis=1)
    b_u, b_r, b_n = np.split(b, 3)
    u_t = s(x_t @ W_u + h_prev @ U_u + b_u)
    r_t = s(x_t @ W_r + h_prev @ U_r + b_r)
    n_t = np.tanh(x_t @ W_n + (r_t * h_prev) @ U_n + b_n)
    return (1 - u_t) * h_prev + u_t * n_t


_steps = partial(edited, other_gru_step)
AFTER = "(r_t * h_prev) @ U_n", "r_t * (h_prev @ U_n)"
KEEPS = "(1 - u_t) * h_prev + u_t * n_t", "u_t * h_prev + (1 - u_t) * n_t"

other_gru_step = Exercise(
    name="other_gru_step",
    answer=other_gru_step,
    returns=("h_t",),
    cases=_other_gru,
    also=partial(_other_gru, more=1),
    axes={"x_t": "B D", "h_prev": "B H", "h_t": "B H"},
    verified="the new state under the other convention",
    hints=(
        "Split `W_xh`, `W_hh` and `b` into three blocks of columns, as in section 6; there is one"
        " bias now. Here the blocks of `W_hh` are called U_u, U_r, U_n.",
        "Two places change: what r multiplies, and which of the two parts u multiplies.",
        "n = tanh(x W_n + (r ⊙ h) U_n + b_n) and h = (1 − u) ⊙ h + u ⊙ n.",
    ),
    misconceptions=(
        Misconception(
            "the reset comes after the product",
            _steps(AFTER),
            "You multiply h U_n by r. Here r chooses among the old state's units *before* they are"
            " mixed by U_n.",
            "section 10, the table",
        ),
        Misconception(
            "u keeps the old state",
            _steps(KEEPS),
            "That is Keras's u. In this convention u lets the new candidate in, and 1 − u keeps the"
            " old state.",
            "section 10, the table",
        ),
        Misconception(
            "it is a step of Keras's GRU in both places",
            _steps(AFTER, KEEPS),
            "The reset comes after the product, and u keeps the old state: both as in section 6."
            " Both are to be turned.",
            "section 10, the table",
        ),
        Misconception(
            "the reset gate is not used",
            _steps(("(r_t * h_prev) @ U_n", "h_prev @ U_n")),
            "The candidate sees the whole old state. The reset gate is there to let it forget some"
            " of it.",
            "section 6, equation (16)",
        ),
        Misconception(
            "the reset gate is also applied to the old state that is kept",
            _steps(("(1 - u_t) * h_prev", "(1 - u_t) * r_t * h_prev")),
            "Only the candidate sees r ⊙ h. What is kept is the old state itself, else it would"
            " shrink at every step.",
            "section 6, equation (17)",
        ),
        Misconception(
            "u and r are exchanged",
            _steps(
                ("W_u, W_r, W_n =", "W_r, W_u, W_n ="),
                ("U_u, U_r, U_n =", "U_r, U_u, U_n ="),
                ("b_u, b_r, b_n =", "b_r, b_u, b_n ="),
            ),
            "The first block of columns belongs to the update gate, the second one to the reset"
            " gate.",
            "section 10, the table",
        ),
    ),
)


def _pytorch(rng, more=0):
    """Draw PyTorch's arrays; D = H, so that no slip is stopped by a shape."""
    H = int(rng.integers(3, 7))
    shapes = (3 * H, H + more), (3 * H, H), (3 * H,), (3 * H,)
    return tuple(rng.normal(size=shape) for shape in shapes)


def gru_from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the GRUParams, in Keras's layout, of one layer of PyTorch's GRU."""

    def blocks(a):
        r, z, n = np.split(a, 3)
        return np.concatenate([z, r, n])

    b = np.stack([blocks(bias_ih), blocks(bias_hh)])
    return GRUParams(blocks(weight_ih).T, blocks(weight_hh).T, b)


_converts = partial(edited, gru_from_pytorch)

gru_from_pytorch = Exercise(
    name="gru_from_pytorch",
    answer=gru_from_pytorch,
    returns=("W_xh", "W_hh", "b"),
    cases=_pytorch,
    also=partial(_pytorch, more=2),
    verified="every weight in its place",
    hints=(
        "Three things differ: which axis holds the blocks, their order, and the shape of the bias.",
        "PyTorch has its blocks one above the other, reset first. `np.split(a, 3)` takes them"
        " apart.",
        "Put them together as (update, reset, candidate), transpose the two matrices, and stack the"
        " two biases.",
    ),
    misconceptions=(
        Misconception(
            "the blocks are still in PyTorch's order",
            _converts(("[z, r, n]", "[r, z, n]")),
            "PyTorch has the reset gate first, Keras the update gate. All shapes fit, so nothing"
            " complains, and every number comes out wrong.",
            "section 10, the table",
        ),
        Misconception(
            "the matrices are not transposed",
            _converts(
                ("blocks(weight_ih).T, blocks(weight_hh).T", "blocks(weight_ih), blocks(weight_hh)")
            ),
            "PyTorch's matrices are as on paper, (3H, D), to be multiplied by a column. Keras's are"
            " for rows, (D, 3H).",
            "section 10, the table",
        ),
        Misconception(
            "the biases are added together",
            _converts(
                ("np.stack([blocks(bias_ih), blocks(bias_hh)])", "blocks(bias_ih + bias_hh)")
            ),
            "For u and r the sum would do. In the candidate the second bias stands inside the"
            " bracket that r multiplies, so the two must stay apart: b is (2, 3H).",
            "section 6, equation (16)",
        ),
        Misconception(
            "both biases are added into the first row",
            _converts(
                (
                    "[blocks(bias_ih), blocks(bias_hh)]",
                    "[blocks(bias_ih + bias_hh), 0 * blocks(bias_hh)]",
                )
            ),
            "For u and r only the sum counts. In the candidate the second bias stands inside the"
            " bracket that r multiplies, so it has to stay in the second row.",
            "section 6, equation (16)",
        ),
        Misconception(
            "the two biases are exchanged",
            _converts(("[blocks(bias_ih), blocks(bias_hh)]", "[blocks(bias_hh), blocks(bias_ih)]")),
            "The first row of Keras's bias stands beside x, the second beside h. It matters in the"
            " candidate, where r multiplies only the second.",
            "section 6, equation (16)",
        ),
        Misconception(
            "the biases are still in PyTorch's order",
            _converts(("blocks(bias_ih), blocks(bias_hh)", "bias_ih, bias_hh")),
            "The matrices are right. The biases have the same three blocks, and theirs must change"
            " places too.",
            "section 10, the table",
        ),
    ),
)

"""Chapter 3's exercises.

Direct and total, one Jacobian, their product, the sweep, the weights, and clipping.

The first four are for one sample and on paper's side, W_hh times a column; the sweep and the
weights work on rows.
"""

from functools import partial

from helpers import training
from helpers.models import NetworkParams
from helpers.numpy_rnn import RNNParams, rnn_forward
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np

# Direct and total


def _one_unit(rng):
    return float(rng.uniform(0.6, 1.6)), float(rng.uniform(0.3, 1.2))


def total_derivative(w, h_0):
    """Return dh_3/dw, with every state a function of w."""
    h_1 = np.tanh(w * h_0)
    h_2 = np.tanh(w * h_1)
    h_3 = np.tanh(w * h_2)
    slope_1, slope_2, slope_3 = 1 - h_1**2, 1 - h_2**2, 1 - h_3**2
    direct_1, direct_2, direct_3 = slope_1 * h_0, slope_2 * h_1, slope_3 * h_2
    from_1_to_2, from_2_to_3 = slope_2 * w, slope_3 * w
    return direct_3 + from_2_to_3 * direct_2 + from_2_to_3 * from_1_to_2 * direct_1


SUM = "direct_3 + from_2_to_3 * direct_2 + from_2_to_3 * from_1_to_2 * direct_1"

total_derivative = Exercise(
    name="total_derivative",
    answer=total_derivative,
    returns=("dh_3/dw",),
    cases=_one_unit,
    axes={"dh_3/dw": ""},
    verified="the total derivative, one term for each use of w",
    hints=(
        (
            "w is used three times. Each use gives one term; the term of the last use is its direct"
            " derivative."
        ),
        "The direct derivatives are σ′(z_3) h_2, σ′(z_2) h_1 and σ′(z_1) h_0. The last two still"
        " have to get to h_3: over one edge, and over two.",
        "The edge from h_2 to h_3 is σ′(z_3) w. So the middle term is `slope_3 * w * slope_2 *"
        " h_1`, with `slope_3 = 1 - h_3**2`. The first term has one edge more.",
    ),
    misconceptions=(
        Misconception(
            "the direct derivative is taken for the total one",
            edited(total_derivative, (SUM, "direct_3")),
            "You moved w in step 3 only and held h_2 still. But h_2 contains w as well, and so does"
            " h_1: two terms are missing.",
            "section 2, the two questions",
        ),
        Misconception(
            "the direct derivatives are added without their way to h_3",
            edited(total_derivative, (SUM, "direct_3 + direct_2 + direct_1")),
            "The direct derivative of h_2 says how h_2 moves. How much of that arrives at h_3 is"
            " one more factor, σ′(z_3) w, and for h_1 there are two of them.",
            "section 2, the chain rule with its braces",
        ),
        Misconception(
            "only the first use of w is followed",
            edited(total_derivative, (SUM, "from_2_to_3 * from_1_to_2 * direct_1")),
            "That is one path, the longest. w also enters at step 2 and at step 3, and each entry"
            " is a term of its own.",
            "section 2, the two questions",
        ),
        Misconception(
            "the first use of w is left out",
            edited(total_derivative, (" + from_2_to_3 * from_1_to_2 * direct_1", "")),
            (
                "Two of three terms are there. h_1 = tanh(w h_0) contains w too, since h_0 is not"
                " zero."
            ),
            "section 2, the chain rule with its braces",
        ),
        Misconception(
            "σ′ is forgotten on the way",
            edited(total_derivative, ("slope_2 * w, slope_3 * w", "w, w")),
            "Each term has its own σ′, but on the edge from one state to the next you multiplied by"
            " w alone. That edge goes through tanh as well: it is σ′(z) w.",
            "section 2, the chain rule with its braces",
        ),
        Misconception(
            "w is forgotten on the way",
            edited(total_derivative, ("slope_2 * w, slope_3 * w", "slope_2, slope_3")),
            (
                "A nudge of h_2 reaches z_3 multiplied by w, since z_3 = w h_2. The edge from h_2"
                " to h_3 is σ′(z_3) w."
            ),
            "section 2, the chain rule with its braces",
        ),
        Misconception(
            "h_t stands where h_{t−1} belongs",
            edited(
                total_derivative,
                (
                    "slope_1 * h_0, slope_2 * h_1, slope_3 * h_2",
                    "slope_1 * h_1, slope_2 * h_2, slope_3 * h_3",
                ),
            ),
            "w multiplies the state before: z_3 = w h_2, so its derivative by w is h_2. You took"
            " the state that comes out of the step instead of the one that goes in.",
            "section 2, the chain rule with its braces",
        ),
        Misconception(
            "σ′ is forgotten everywhere",
            edited(total_derivative, ("1 - h_1**2, 1 - h_2**2, 1 - h_3**2", "1, 1, 1")),
            "Without tanh, h_3 would be w³h_0, and that is the derivative you computed. Each of the"
            " three steps multiplies by its σ′, which for tanh is 1 − h².",
            "section 2, the chain rule with its braces",
        ),
    ),
)


def _one_use(rng):
    H = int(rng.integers(3, 6))
    return rng.uniform(-0.9, 0.9, H), rng.uniform(0.1, 1.0, H)


def direct_derivative(h_prev, slope):
    """Return ∂⁺(h_i)_a / ∂W_pq as [a, p, q], for W_hh as on paper."""
    return np.einsum("a,ap,q->apq", slope, np.eye(len(h_prev)), h_prev)


EINSUM = '"a,ap,q->apq", slope'

direct_derivative = Exercise(
    name="direct_derivative",
    answer=direct_derivative,
    returns=("∂⁺h_i/∂W_hh",),
    cases=_one_use,
    axes={"∂⁺h_i/∂W_hh": "H H H"},
    verified="all H × H × H entries",
    hints=(
        (
            "Read the formula as a rule for one entry: `D[a, p, q]`. Most entries are zero, so"
            " start with `np.zeros`."
        ),
        "The bracket [a = p] leaves only the entries `D[a, a, q]`. What stands there?",
        "For each a: `D[a, a] = slope[a] * h_prev`.",
    ),
    misconceptions=(
        Misconception(
            "σ′ is forgotten",
            edited(direct_derivative, (EINSUM, '"a,ap,q->apq", np.ones_like(slope)')),
            "This is the direct derivative of z_i. From z_i to h_i it still has to go through tanh,"
            " which multiplies row a by σ′ of unit a.",
            "section 6, the formula with the bracket",
        ),
        Misconception(
            "the bracket [a = p] is forgotten",
            edited(
                direct_derivative, ("np.eye(len(h_prev))", "np.ones((len(h_prev), len(h_prev)))")
            ),
            "Here every weight reaches every unit. The weight in row p is part of z of unit p only,"
            " so all entries with a ≠ p are zero: that is what [a = p] says.",
            "section 6, the formula with the bracket",
        ),
        Misconception(
            "rows and columns of W_hh are swapped",
            edited(direct_derivative, ("a,ap,q->apq", "a,aq,p->apq")),
            "On paper the row p of W_hh is the unit that is reached, and the column q the one that"
            " is read. You have it the other way round, or the index of h stands last: asked for"
            " was [a, p, q].",
            "section 6, the formula with the bracket",
        ),
        Misconception(
            "the activity is that of the unit that is reached",
            edited(
                direct_derivative,
                ("a,ap,q->apq", "a,ap,a,q->apq"),
                (", h_prev)", ", h_prev, np.ones_like(h_prev))"),
            ),
            "The weight W_pq multiplies what unit q said, so the factor is (h_{i−1})_q. You took"
            " the unit's own entry, (h_{i−1})_a, for the whole row.",
            "section 6, the sum over s",
        ),
        Misconception(
            "σ′ is that of the unit that is read",
            edited(direct_derivative, ("a,ap,q->apq", "q,ap,q->apq")),
            "σ acts on z_i, and z_i has one entry for each unit that is reached. So σ′ carries the"
            " index a, and not the index q of the unit that is read.",
            "section 6, the formula with the bracket",
        ),
        Misconception(
            "only the weight of each unit to itself is there",
            edited(
                direct_derivative,
                ("a,ap,q->apq", "a,ap,aq,q->apq"),
                (", h_prev)", ", np.eye(len(h_prev)), h_prev)"),
            ),
            "You filled the entries with a = p = q. Unit a reads all units, so its whole row of"
            " W_hh reaches it: q runs over everything.",
            "section 6, the sum over s",
        ),
        Misconception(
            "σ′ is multiplied twice",
            edited(direct_derivative, ("np.eye(len(h_prev))", "np.diag(slope)")),
            (
                "There is one σ between W_hh and h_i, so one factor σ′. Is it in a loop and again"
                " in a product after it?"
            ),
            "section 6, the formula with the bracket",
        ),
    ),
)

# From state to state


def _one_passage(rng):
    H = int(rng.integers(3, 6))
    return rng.normal(0, 0.6, (H, H)), rng.uniform(-0.9, 0.9, H)


def one_jacobian(W_hh, h_next):
    """Return ∂h_{k+1}/∂h_k, in numerator layout."""
    slope = 1 - h_next**2  # σ′(z) of tanh, from h = tanh(z)
    return np.diag(slope) @ W_hh


JACOBIAN = "np.diag(slope) @ W_hh"

one_jacobian = Exercise(
    name="one_jacobian",
    answer=one_jacobian,
    returns=("J",),
    cases=_one_passage,
    axes={"J": "H H"},
    verified="the Jacobian of one step, in numerator layout",
    hints=(
        (
            "Do it with indices: (h_{k+1})_a = σ((z_{k+1})_a). Which part of (z_{k+1})_a contains"
            " (h_k)_b?"
        ),
        "Entry [a, b] is σ′((z_{k+1})_a) times W_ab: row a of W_hh times one number. For tanh,"
        " σ′(z) = 1 − tanh²(z), and tanh(z_{k+1}) is `h_next`.",
        (
            "`slope = 1 - h_next**2`, and then `np.diag(slope) @ W_hh`; or the same as `slope[:,"
            " None] * W_hh`."
        ),
    ),
    misconceptions=(
        Misconception(
            "this is denominator layout",
            edited(one_jacobian, (JACOBIAN, "W_hh.T @ np.diag(slope)")),
            "Your matrix is the transpose: row b for (h_k)_b, column a for (h_{k+1})_a. It is right"
            " in its own layout, and it is what the notes print; but this chapter derives in"
            " numerator layout.",
            "section 3, the table of the two layouts, and section 7, equation (8)",
        ),
        Misconception(
            "diag(σ′) stands on the wrong side",
            edited(one_jacobian, (JACOBIAN, "W_hh @ np.diag(slope)")),
            "On the right it scales the columns, which belong to (h_k)_b. σ′ belongs to the units"
            " of h_{k+1}, which are the rows: diag(σ′) stands on the left.",
            "section 7, equation (8)",
        ),
        Misconception(
            "W_hh is transposed",
            edited(one_jacobian, (JACOBIAN, "np.diag(slope) @ W_hh.T")),
            "Numerator layout of y = Wu is W itself, and `W_hh` here is as on paper. With the"
            " transpose, and σ′ on the left, the two layouts are mixed.",
            "section 3, the table of the two layouts",
        ),
        Misconception(
            "σ′ is forgotten",
            edited(one_jacobian, (JACOBIAN, "W_hh")),
            "That is ∂z_{k+1}/∂h_k. From z_{k+1} to h_{k+1} it goes through tanh, which multiplies"
            " row a by σ′((z_{k+1})_a).",
            "section 7, equation (8)",
        ),
        Misconception(
            "σ′ is taken at h instead of at z",
            edited(one_jacobian, ("h_next**2", "np.tanh(h_next) ** 2")),
            (
                "`h_next` is tanh(z) already, so tanh²(z) is `h_next**2`. You applied tanh a second"
                " time."
            ),
            "section 7, what h′ is, after equation (8)",
        ),
        Misconception(
            "h stands where σ′ belongs",
            edited(one_jacobian, ("1 - h_next**2", "h_next")),
            "diag(h) W_hh has the right shape. But what the derivative needs is the slope of tanh"
            " at z, 1 − h², and not its value.",
            "section 7, what h′ is, after equation (8)",
        ),
        Misconception(
            "the square is missing in 1 − h²",
            edited(one_jacobian, ("h_next**2", "h_next")),
            "tanh′ = 1 − tanh², so the slope is 1 − h². Your 1 − h would be larger than 1 for every"
            " negative h, and tanh is nowhere that steep.",
            "section 7, what h′ is, after equation (8)",
        ),
        Misconception(
            "σ′ is the sigmoid's",
            edited(one_jacobian, ("1 - h_next**2", "h_next * (1 - h_next)")),
            (
                "h (1 − h) is the slope of the sigmoid, written with its output. σ is tanh here,"
                " and its slope is 1 − h²."
            ),
            "section 7, what h′ is, after equation (8)",
        ),
    ),
)


def _stack_of_jacobians(rng):
    H, T = int(rng.integers(3, 5)), int(rng.integers(4, 6))
    i = int(rng.integers(1, T))
    J = rng.normal(0, 0.6, (T + 2, H, H))
    J[0] = np.nan  # there is no J_0
    return J, i, int(rng.integers(i, T + 1))


def jacobian_product(J, i, t):
    """Return ∂h_t/∂h_i = J_t ⋯ J_{i+1}, in numerator layout."""
    product = np.eye(J.shape[1])
    for k in range(i + 1, t + 1):
        product = J[k] @ product
    return product


LOOP, FACTOR = "range(i + 1, t + 1)", "J[k] @ product"

jacobian_product = Exercise(
    name="jacobian_product",
    answer=jacobian_product,
    returns=("∂h_t/∂h_i",),
    cases=_stack_of_jacobians,
    axes={"∂h_t/∂h_i": "H H"},
    verified="the product, its order, its ends, and I for i = t",
    hints=(
        "How many factors are there? For t = i + 1 it is one, J_{i+1}. For t = i there is none.",
        "Start from `np.eye(H)` with `H = J.shape[1]`. Let k go from i + 1 to t, both included.",
        "The latest step stands leftmost: `product = J[k] @ product`.",
    ),
    misconceptions=(
        Misconception(
            "the factors stand in the order of (6) as printed",
            edited(jacobian_product, (FACTOR, "product @ J[k]")),
            "J_{i+1} ⋯ J_t is the order of denominator layout, and your factors are in numerator"
            " layout. There the latest step comes first: J_t ⋯ J_{i+1}.",
            "section 7, equation (6) and the two orders below it",
        ),
        Misconception(
            "the result is transposed",
            edited(jacobian_product, ("return product", "return product.T")),
            "That is ∂h_t/∂h_i in denominator layout: the transposed factors in the other order. It"
            " is right there, and asked for was numerator layout.",
            "section 3, the table of the two layouts",
        ),
        Misconception(
            "transposed factors stand in numerator order",
            edited(jacobian_product, (FACTOR, "J[k].T @ product")),
            "Transposing turns a factor to denominator layout, and then the order has to turn"
            " around too. One without the other is a mixture of both layouts.",
            "section 7, equation (6) and the two orders below it",
        ),
        Misconception(
            "the last factor J_t is left out",
            edited(jacobian_product, (LOOP, "range(i + 1, t)")),
            (
                "There are t − i factors, and yours are one fewer. Python's `range(i + 1, t)` ends"
                " before t."
            ),
            "section 7, equation (6)",
        ),
        Misconception(
            "one factor too many, J_i",
            edited(jacobian_product, (LOOP, "range(i, t + 1)")),
            "J_i leads from h_{i−1} to h_i, and you start at h_i. The first factor is J_{i+1}; for"
            " i = t there is none.",
            "section 7, equation (6)",
        ),
        Misconception(
            "the indices are those of h_k in (6), one too low",
            edited(jacobian_product, (LOOP, "range(i, t)")),
            "The factor for k in (6) is ∂h_{k+1}/∂h_k, and its name is J_{k+1}. So k = i … t − 1"
            " there is J_{i+1} … J_t here.",
            "section 7, equation (6), and the name J_{k+1} at equation (8)",
        ),
        Misconception(
            "the empty product is zero",
            edited(
                jacobian_product, ("return product", "return product if t > i else 0 * product")
            ),
            "Where there is a step to go, all is right. But for i = t nothing is multiplied, and a"
            " product of no matrices is I: h_t moves exactly as h_t does.",
            "section 7, equation (6), its last sentence",
        ),
        Misconception(
            "one Jacobian is used for all steps",
            edited(jacobian_product, (FACTOR, "J[t] @ product")),
            "W_hh is the same at every step, but σ′(z_k) is not. So every step has a J_k of its"
            " own, and the product is not a power.",
            "section 7, equation (8)",
        ),
    ),
)

# The sweep and the weights: rows, a batch


def _swept(rng):
    H = int(rng.integers(3, 6))
    W_xh, W_hh = rng.normal(0, 0.6, (2, H, H))
    params = RNNParams(W_xh, W_hh, rng.normal(0, 0.5, H))
    x = rng.normal(size=(int(rng.integers(2, 5)), int(rng.integers(3, 7)), H))
    h = rnn_forward(params, x)
    return params, h, rng.normal(size=h.shape)


def backward_sweep(params, h, dh):
    """Return δ_t = ∂L/∂z_t of every step, (B, T, H)."""
    dz = np.empty_like(h)
    carry = np.zeros_like(h[:, 0])  # what all later losses say about h_t
    for t in reversed(range(h.shape[1])):
        dz[:, t] = (dh[:, t] + carry) * (1 - h[:, t] ** 2)
        carry = dz[:, t] @ params.W_hh.T
    return dz


CARRY, ARRIVES, SLOPE = (
    "carry = dz[:, t] @ params.W_hh.T",
    "(dh[:, t] + carry)",
    "(1 - h[:, t] ** 2)",
)

backward_sweep = Exercise(
    name="backward_sweep",
    answer=backward_sweep,
    returns=("dz",),
    cases=_swept,
    axes={"dz": "B T H"},
    verified="δ_t of every step and sample",
    hints=(
        "Start at the last step and go back: `for t in reversed(range(h.shape[1]))`. One array of"
        " shape (B, H) is carried along; before the last step it is zero.",
        "At each step: add what the loss of this step says to what is carried, and multiply by"
        " σ′(z_t) = 1 − h_t². That is δ_t. What is carried on to step t − 1?",
        "On paper δ is a column and the carry is W_hhᵀ δ. In code δ is a row, and W_hh in `params`"
        " is transposed: `carry = dz[:, t] @ params.W_hh.T`.",
    ),
    misconceptions=(
        Misconception(
            "σ′ is forgotten",
            edited(backward_sweep, (f" * {SLOPE}", "")),
            "Your dz is ∂L/∂h_t without the tanh between h_t and z_t. Every passage through a step"
            " multiplies by σ′(z_t), which is 1 − h_t².",
            "section 12, the boxed sweep",
        ),
        Misconception(
            "the carry is not multiplied by σ′",
            edited(backward_sweep, (CARRY, f"carry = {ARRIVES} @ params.W_hh.T")),
            "You send ∂L/∂h_t on to the step before, where δ_t = ∂L/∂z_t belongs. The way back"
            " leads through tanh first and through W_hh then.",
            "section 12, the boxed sweep",
        ),
        Misconception(
            "only the loss of the step itself is multiplied by σ′",
            edited(backward_sweep, (f"{ARRIVES} * {SLOPE}", f"dh[:, t] * {SLOPE} + carry")),
            "Both what this loss says and what the later ones say arrive at h_t. So both have to go"
            " through tanh to get to z_t: the bracket belongs around the sum.",
            "section 12, the boxed sweep",
        ),
        Misconception(
            "W_hh stands for its transpose",
            edited(backward_sweep, ("params.W_hh.T", "params.W_hh")),
            "Forward it is `h_prev @ params.W_hh`, from unit to unit; backward the same edges are"
            " gone the other way, so it is `.T`. H × H fits both ways, and nothing else will tell"
            " you.",
            "section 13, from one column to a batch of rows",
        ),
        Misconception(
            "W_hh is forgotten on the way back",
            edited(backward_sweep, (CARRY, "carry = dz[:, t]")),
            "δ_t is carried to the step before as it is, as if each unit spoke only to itself with"
            " weight 1. It passes through W_hhᵀ.",
            "section 12, the boxed sweep",
        ),
        Misconception(
            "only the last loss counts",
            edited(backward_sweep, (ARRIVES, "(carry if t < h.shape[1] - 1 else dh[:, t])")),
            "You start from the last loss and carry it back, and the losses of the steps before"
            " never come in. There is a loss at every step; `dh[:, t]` is added at each.",
            "section 9, and the boxed sweep of section 12",
        ),
        Misconception(
            "each loss is heard at its own step only",
            edited(backward_sweep, (ARRIVES, "dh[:, t]")),
            "Nothing is carried from later steps. But h_t changes all states after it, so all later"
            " losses have something to say about it: this is the direct derivative, and asked for"
            " was the total one.",
            "section 12, direct and total",
        ),
        Misconception(
            "the sweep runs forwards",
            edited(backward_sweep, ("reversed(range(h.shape[1]))", "range(h.shape[1])")),
            "You carry from step 1 to step T. A loss depends on earlier states and never on later"
            " ones, so what is said about h_t comes from t + 1.",
            "section 12, the boxed sweep",
        ),
        Misconception(
            "σ′ is that of the step before",
            edited(backward_sweep, (SLOPE, "(1 - h[:, t - 1] ** 2)")),
            "δ_t needs the slope at z_t, and that is 1 − h_t². You took h_{t−1}; at the first step"
            " `h[:, -1]` is even the last state, without any error message.",
            "section 7, what h′ is, after equation (8)",
        ),
        Misconception(
            "σ′ is taken at h instead of at z",
            edited(backward_sweep, ("h[:, t] ** 2", "np.tanh(h[:, t]) ** 2")),
            (
                "`h[:, t]` is tanh(z_t) already, so σ′(z_t) is `1 - h[:, t] ** 2`. You applied tanh"
                " a second time."
            ),
            "section 7, what h′ is, after equation (8)",
        ),
        Misconception(
            "the carry is never replaced",
            edited(backward_sweep, (CARRY, "carry = carry + dz[:, t] @ params.W_hh.T")),
            "You add to the carry what is already in it: it has entered δ_t and goes on inside δ_t."
            " So it is replaced at each step, and not added to.",
            "section 12, the boxed sweep",
        ),
    ),
)


def _for_weights(rng, more=0):
    H, B, T = int(rng.integers(3, 6)), int(rng.integers(2, 5)), int(rng.integers(3, 7))
    x, dz = rng.normal(size=(B, T, H + more)), rng.normal(size=(B, T, H))
    h, h_0 = rng.uniform(-0.9, 0.9, (B, T, H)), rng.uniform(-0.9, 0.9, (B, H))
    return x, h, dz, h_0


def weight_gradients(x, h, dz, h_0):
    """Return Σ x_tᵀ δ_t, Σ h_{t−1}ᵀ δ_t and Σ δ_t, over all steps and samples."""
    dW_xh, dW_hh, db = 0, 0, 0
    h_prev = h_0
    for t in range(x.shape[1]):
        dW_xh += x[:, t].T @ dz[:, t]
        dW_hh += h_prev.T @ dz[:, t]
        db += dz[:, t].sum(axis=0)
        h_prev = h[:, t]
    return dW_xh, dW_hh, db


RETURN = "return dW_xh, dW_hh, db"

weight_gradients = Exercise(
    name="weight_gradients",
    answer=weight_gradients,
    returns=("dW_xh", "dW_hh", "db"),
    cases=_for_weights,
    also=partial(_for_weights, more=1),
    axes={"x": "B T D", "dW_xh": "D H", "dW_hh": "H H", "db": "H"},
    verified="all three, summed over steps and samples",
    hints=(
        "The weights are shared by all steps and by all samples, so their gradients are sums over"
        " both. A loop over t and a matrix product in it do that.",
        "For one step: `x[:, t].T @ dz[:, t]` is (D, H) and has summed over the batch by itself."
        " W_hh is the same, with what it multiplied in place of x_t. And b is a weight whose input"
        " is always 1.",
        "W_hh multiplied h_{t−1}: `h_0` at the first step, `h[:, t - 1]` after it. For b: `dz[:,"
        " t].sum(axis=0)`. Add up with `+=`, from 0.",
    ),
    misconceptions=(
        Misconception(
            "h_t stands where h_{t−1} belongs",
            edited(weight_gradients, ("h_prev.T", "h[:, t].T")),
            "dW_xh and db are right. W_hh multiplies the state before the step, so its gradient"
            " pairs dz_t with h_{t−1}; with h_t itself you would have the head's formula.",
            "section 13, the table",
        ),
        Misconception(
            "h_0 is forgotten",
            edited(weight_gradients, ("h_prev = h_0", "h_prev = 0 * h_0")),
            "dW_xh and db are right, and dW_hh lacks its first term. At step 1, W_hh multiplies"
            " h_0, which is not zero here.",
            "section 13, from one column to a batch of rows",
        ),
        Misconception(
            "the gradients are overwritten instead of summed",
            edited(weight_gradients, ("+=", "=")),
            "What is left is the term of the last step. The weights are used at every step, and"
            " every use adds a term: `+=`.",
            "section 2, the plain sum over all copies",
        ),
        Misconception(
            "the bias is not summed over the batch",
            edited(weight_gradients, (".sum(axis=0)", "")),
            "Your db has one row for each sample. b is shared by all samples, so their rows are"
            " added: the result has the shape of b, (H,).",
            "section 13, from one column to a batch of rows",
        ),
        Misconception(
            "the bias is summed over the batch, but not over the steps",
            edited(weight_gradients, ("db += dz[:, t].sum(axis=0)", "db = dz.sum(axis=0)")),
            "`dz` has three axes, and `dz.sum(axis=0)` sums the first: one row for each step is"
            " left. The table means rows of all steps and samples; in three axes that is"
            " `dz.sum(axis=(0, 1))`.",
            "section 13, from one column to a batch of rows",
        ),
        Misconception(
            "the bias is averaged over the batch",
            edited(weight_gradients, (".sum(axis=0)", ".mean(axis=0)")),
            "dW_xh and dW_hh are sums over the batch (the matrix product sums), and db is a mean:"
            " two units in one gradient. If the loss is a mean, its 1/n is in dz already.",
            "section 13, from one column to a batch of rows, and section 14, the factor 2/n",
        ),
        Misconception(
            "all gradients are averaged over the batch",
            edited(
                weight_gradients, (RETURN, "return dW_xh / len(x), dW_hh / len(x), db / len(x)")
            ),
            "The loss here is whatever dz is the gradient of, and its gradient by a shared weight"
            " is a sum. If the loss is a mean, its 1/n is in dz already, and you would divide"
            " twice.",
            "section 13, from one column to a batch of rows, and section 14, the factor 2/n",
        ),
        Misconception(
            "all gradients are averaged over the steps",
            edited(
                weight_gradients,
                (RETURN, "return tuple(g / x.shape[1] for g in (dW_xh, dW_hh, db))"),
            ),
            "Each use of a weight adds a term of its own, however many there are. Nothing in the"
            " chain rule divides by T.",
            "section 2, the plain sum over all copies",
        ),
        Misconception(
            "the gradients stand as on paper, transposed",
            edited(weight_gradients, (RETURN, "return dW_xh.T, dW_hh.T, db")),
            "δ_i h_{i−1}ᵀ is H × H with a row for the unit that is reached. In code the matrices"
            " are transposed, and so are their gradients: `h_prev.T @ dz`.",
            "section 13, from one column to a batch of rows",
        ),
        Misconception(
            "the last step is left out",
            edited(weight_gradients, ("range(x.shape[1])", "range(x.shape[1] - 1)")),
            "All three sums end at T − 1. The last step uses the weights like any other, and"
            " nothing carries its terms for it.",
            "section 13, the table",
        ),
        Misconception(
            "the first step is left out",
            edited(
                weight_gradients,
                ("range(x.shape[1])", "range(1, x.shape[1])"),
                ("h_prev = h_0", "h_prev = h[:, 0]"),
            ),
            "Your sums begin at the second step. Step 1 uses all three weights as well: W_hh with"
            " h_0, W_xh with x_1, and b.",
            "section 13, the table",
        ),
    ),
)

# Clipping


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
            "section 18, clip the gradient",
        ),
        Misconception(
            "each array is clipped by its own norm",
            edited(clip_by_norm, ("g * factor", "g * min(1, max_norm / np.linalg.norm(g))")),
            "Each array has a length of at most max_norm then, but all together can be longer; and"
            " since each gets its own factor, the direction changes. The norm is over all"
            " parameters together.",
            "section 18, clip the gradient",
        ),
        Misconception(
            "short gradients are scaled up",
            edited(clip_by_norm, ("max(norm, max_norm)", "norm")),
            "You always scale to length max_norm. Clipping has a `min(1, …)`: a gradient that is"
            " short enough stays as it is, or training would never settle down near a minimum.",
            "section 18, clip the gradient",
        ),
        Misconception(
            "the root is missing in the norm",
            edited(clip_by_norm, (NORM, f"{NORM} ** 2")),
            "The sum of squares is the norm squared. With it, short gradients look shorter and long"
            " ones longer than they are, and the factor c/‖g‖ is wrong.",
            "section 18, clip the gradient",
        ),
        Misconception(
            "the norms of the arrays are added up",
            edited(clip_by_norm, (NORM, "sum(np.linalg.norm(g) for g in grads)")),
            "The joint norm is the root of the sum of squares, over all arrays, as if they were one"
            " long vector. The sum of the norms is larger, so you clip too much.",
            "section 18, clip the gradient",
        ),
        Misconception(
            "the largest entry is taken for the norm",
            edited(clip_by_norm, (NORM, "max(np.abs(g).max() for g in grads)")),
            "That bounds each entry, and the length of the gradient can still be many times"
            " max_norm. The norm here is the root of the sum of all squares.",
            "section 18, clip the gradient",
        ),
        Misconception(
            "the norm returned is the one after clipping",
            edited(clip_by_norm, (")), norm", ")), min(norm, max_norm)")),
            "The gradients are right. The norm to return is the one before clipping: it is what you"
            " watch during training to see how often, and how strongly, you clip.",
            "section 18, clip the gradient",
        ),
        Misconception(
            "nothing is clipped",
            edited(clip_by_norm, ("g * factor", "g")),
            "The norm is right, and the gradients come back as they were, too long ones as well."
            " Multiply each array by max_norm / norm when the norm is larger than max_norm.",
            "section 18, clip the gradient",
        ),
    ),
)

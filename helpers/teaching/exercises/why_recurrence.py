"""Chapter 1's exercises.

Count weights and multiply–adds, change the length, and pool a shared layer.
"""

from helpers.teaching import four_designs
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

FOUR = ("flatten", "per step", "shared", "recurrent")


def _sizes(rng):
    """Draw T, D, H: three different numbers, so that one taken for the other shows."""
    return tuple(int(n) for n in rng.choice(range(2, 40), 3, replace=False))


def _counts(*replacements):
    return edited(four_designs.count_parameters, *replacements)


def _work(*replacements):
    return edited(four_designs.count_multiply_adds, *replacements)


count_parameters = Exercise(
    name="count_parameters",
    answer=four_designs.count_parameters,
    returns=FOUR,
    cases=_sizes,
    axes=dict.fromkeys(FOUR, ""),
    verified="all four counts",
    hints=(
        "A dense layer from n numbers to m has a matrix with n·m entries and m biases. What are n"
        " and m in each design, and how many such layers are stored?",
        (
            "Flatten is one layer from T·D numbers to H. Per step stores T layers from D to H,"
            " shared only one of them."
        ),
        "Recurrent stores what shared stores, and a matrix from H numbers to H numbers, the state"
        " before and after: `D * H + … + H`",
    ),
    misconceptions=(
        Misconception(
            "the biases are forgotten",
            _counts(("H * H + H", "H * H"), ("D * H + H\n", "D * H\n"), ("D * H + H)", "D * H)")),
            "You counted the entries of the matrices. Each layer that is stored also has H biases,"
            " one for each number of its answer.",
            "section 2, equations (flatten) to (recurrent)",
        ),
        Misconception(
            "W_hh is forgotten",
            _counts(("H * H + ", "")),
            "These are the weights of the shared layer. The recurrent one also reads its own state,"
            " through a matrix from H numbers to H numbers.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "W_hh is counted as a matrix from D numbers to H",
            _counts(("H * H", "D * H")),
            (
                "W_hh is multiplied by the state, and the state has H numbers, not D. So it has H·H"
                " entries."
            ),
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "the recurrent layer has two biases",
            _counts(("H * H + H", "H * H + 2 * H")),
            "That is how `torch.nn.RNN` stores it, one bias beside each matrix. The two are only"
            " ever added to each other, so equation (recurrent), Keras and this course store their"
            " sum, one b.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "shared weights are counted once for each step",
            _counts(
                ("shared = D * H + H", "shared = T * (D * H + H)"),
                ("= D * H + H * H + H", "= T * (D * H + H * H + H)"),
            ),
            "Shared and recurrent *use* their weights T times, but store them once. A weight that"
            " is used again is the same number in the same place.",
            "section 2, equations (shared) and (recurrent)",
        ),
        Misconception(
            "the shared layer is counted once for each step",
            _counts(("shared = D * H + H", "shared = T * (D * H + H)")),
            "T copies with weights of their own are the design per step. Here all steps use one"
            " layer, and it is stored once.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "the recurrent layer is counted once for each step",
            _counts(("= D * H + H * H + H", "= T * (D * H + H * H + H)")),
            "The equation has an index t at x and h, but none at W_xh, W_hh and b. They are the"
            " same at all steps and stored once.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "flatten has a bias for each step",
            _counts(("T * D * H + H", "T * (D * H + H)")),
            "Those are the weights of per step. Flatten has T matrices side by side, but it adds up"
            " first and has one answer, so one bias of H numbers.",
            "section 2, equation (flatten)",
        ),
        Misconception(
            "per step has one bias for all steps",
            _counts(("T * (D * H + H)", "T * D * H + H")),
            "Those are the weights of flatten. Each of the T sub-networks is a whole dense layer"
            " with a bias b_t of its own.",
            "section 2, equation (per step)",
        ),
        Misconception(
            "flatten reads only one word",
            _counts(("T * D * H + H", "D * H + H")),
            (
                "Flatten puts all T word vectors end to end, so its one dense layer reads T·D"
                " numbers, not D."
            ),
            "section 2, equation (flatten)",
        ),
    ),
)

count_multiply_adds = Exercise(
    name="count_multiply_adds",
    answer=four_designs.count_multiply_adds,
    returns=FOUR,
    cases=_sizes,
    axes=dict.fromkeys(FOUR, ""),
    verified="all four counts",
    hints=(
        (
            "Go through the matrices of a design, and ask of each: how many entries, and how often"
            " used for one sentence?"
        ),
        (
            "Flatten and per step have T·D·H entries and use each once. Shared has D·H entries and"
            " uses each T times."
        ),
        "The recurrent layer uses two matrices at every step: `T * (D * H + …)`",
    ),
    misconceptions=(
        Misconception(
            "each stored weight is used once",
            _work(
                ("shared = T * D * H", "shared = D * H"), ("T * (D * H + H * H)", "D * H + H * H")
            ),
            "That is true of flatten and per step. A shared matrix is stored once, but it is"
            " multiplied by each of the T words.",
            "section 3, where a multiply–add is explained",
        ),
        Misconception(
            "the product with W_hh is forgotten",
            _work(("T * (D * H + H * H)", "T * D * H")),
            "At each step the recurrent layer multiplies its input by W_xh and its state by W_hh."
            " The second product is another H·H multiply–adds.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "W_hh is used only once",
            _work(("T * (D * H + H * H)", "T * D * H + H * H")),
            "You counted D·H for every step, but H·H for one of them. The state is multiplied by"
            " W_hh at every step, too.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "W_xh is used only once",
            _work(("T * (D * H + H * H)", "D * H + T * H * H")),
            "You counted H·H for every step, but D·H for one of them. Each step brings a new word,"
            " which is multiplied by W_xh.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "the step with h_0 = 0 is left out",
            _work(("T * (D * H + H * H)", "T * D * H + (T - 1) * H * H")),
            "It is true that W_hh h_0 is zero, so this product could be skipped. The layer computes"
            " it all the same, as the state may also start elsewhere; here all T are counted.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "flatten's matrix is used at every step",
            _work(("flatten = T * D * H", "flatten = T * T * D * H")),
            "Flatten has no steps: it reads the whole sentence in one product. Its matrix has T·D·H"
            " entries, and each of them meets one number of the input.",
            "section 2, equation (flatten)",
        ),
        Misconception(
            "multiplications and additions are counted apart",
            _work(
                ("T * D * H", "2 * T * D * H"), ("T * (D * H + H * H)", "2 * T * (D * H + H * H)")
            ),
            "Your numbers are twice too large, all four. One multiplication and the addition that"
            " goes with it are one multiply–add; counted apart they are called operations (FLOPs).",
            "section 3, where a multiply–add is explained",
        ),
        Misconception(
            "the biases are counted, too",
            _work(
                ("flatten = T * D * H", "flatten = T * D * H + H"),
                ("per_step = T * D * H", "per_step = T * (D * H + H)"),
                ("shared = T * D * H", "shared = T * (D * H + H)"),
                ("H * H)", "H * H + H)"),
            ),
            "A bias is added, but multiplied by nothing, so it is no multiply–add. The chapter"
            " leaves biases out because they are few: H beside D·H.",
            "section 3, where a multiply–add is explained",
        ),
    ),
)


def survives():
    """Say for each design whether its weights fit sentences of any length."""
    return {"flatten": False, "per step": False, "shared": True, "recurrent": True}


def _believed(*survivors):
    return lambda: {name: name in survivors for name in FOUR}


survives = Exercise(
    name="survives",
    answer=survives,
    returns=FOUR,
    verified="which of the four read 5, 80, 81 and 500 time steps; the next cell tries it out",
    hints=(
        "Look at the shapes of the weights. In which of them does T occur?",
        (
            "At time step 81, which matrix is multiplied by the word, and was it there when the"
            " network was built for 80?"
        ),
        (
            "Two designs have T in their shapes, and two do not. Those without do not even know"
            " what T was."
        ),
    ),
    misconceptions=(
        Misconception(
            "only recurrence can read every length",
            _believed("recurrent"),
            "The recurrent layer reads every length because its weights do not know the position,"
            " and not because it has a state. The shared dense layer has such weights, too.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "a network reads the length that it was built for and no other",
            _believed(),
            "That is true where T occurs in the shape of a weight. The arrays W (D, H), W_hh (H, H)"
            " and b (H,) have no T in them.",
            "section 2, equations (shared) and (recurrent)",
        ),
        Misconception(
            "padding and cutting count as reading every length",
            _believed(*FOUR),
            "Zeros can fill up a sentence of 5 words. But in one of 81 there is no matrix for the"
            " last word, and to cut it off is not to read it.",
            "section 2, equations (flatten) and (per step)",
        ),
        Misconception(
            "sub-networks can be left out, so per step reads every length",
            _believed("per step", "shared", "recurrent"),
            "For 5 words 75 sub-networks can indeed be left out. But for word 81 there is no"
            " sub-network, and no rule to make one.",
            "section 2, equation (per step)",
        ),
        Misconception(
            "flattening hides the length",
            _believed("flatten", "shared", "recurrent"),
            "Flatten makes one vector of any sentence, but the vector has T·D numbers, 8,000 for 80"
            " steps and 8,100 for 81. Its matrix has T·D rows, no more and no fewer.",
            "section 2, equation (flatten)",
        ),
        Misconception(
            "the recurrent layer is built with one copy for each step",
            _believed("shared"),
            "Drawings show one copy for each step, but all of them are the same W_xh, W_hh and b."
            " For a longer sentence the loop takes more turns, with what is there.",
            "section 2, equation (recurrent)",
        ),
    ),
)


def _shared_layer(rng):
    """Draw a layer, sentences, and an order for their words."""
    B, T, D, H = (int(n) for n in rng.choice(range(2, 8), 4, replace=False))
    return (
        rng.normal(size=(D, H)),
        rng.normal(size=H),
        rng.normal(size=(B, T, D)),
        rng.permutation(T),
    )


def _in_two_orders(answer, W, b, x, order):
    return answer(W, b, x), answer(W, b, x[:, order])


def _pools(new):
    return edited(four_designs.pooled, ("np.tanh(x @ W + b).mean(axis=1)", new))


IN_TWO_ORDERS = "pooled(W, b, x)", "pooled(W, b, x with its words shuffled)"

pooled = Exercise(
    name="pooled",
    answer=four_designs.pooled,
    returns=IN_TWO_ORDERS,
    cases=_shared_layer,
    axes={"x": "B T D", **dict.fromkeys(IN_TWO_ORDERS, "B H")},
    ask=_in_two_orders,
    verified="the mean over the steps, and that it is the same for the same words in another order",
    hints=(
        (
            "Two things happen, one after the other: the dense layer with its tanh at each step,"
            " then the mean."
        ),
        (
            "`x @ W + b` does all steps of all sentences at once: its shape is (B, T, H). Which"
            " axis is time?"
        ),
        "`return np.tanh(…).mean(axis=…)`",
    ),
    misconceptions=(
        Misconception(
            "the mean is taken before σ",
            _pools("np.tanh((x @ W + b).mean(axis=1))"),
            "That bends one mean; equation (shared) bends each step and then takes the mean. Yours"
            " is the layer applied to the mean word, and it is blind to order, too.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "σ is applied before the mean and again after it",
            _pools("np.tanh(np.tanh(x @ W + b).mean(axis=1))"),
            "Each step has been through tanh already; their mean is the answer as it is. A second"
            " tanh changes it, though it stays blind to order.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "σ is missing",
            _pools("(x @ W + b).mean(axis=1)"),
            "Without tanh this is a linear layer of the mean word vector. Equation (shared) sends"
            " the answer of each step through tanh.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "the sum is taken for the mean",
            _pools("np.tanh(x @ W + b).sum(axis=1)"),
            "Your numbers are T times too large, so a long sentence is louder than a short one."
            " Equation (shared) divides by T.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "the maximum is taken for the mean",
            _pools("np.tanh(x @ W + b).max(axis=1)"),
            "That is max pooling, which keeps the strongest answer to each feature. It is blind to"
            " order as well, but equation (shared) takes the mean.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "the mean is taken over the batch",
            _pools("np.tanh(x @ W + b).mean(axis=0)"),
            "Axis 0 holds the sentences, so this mixes different sentences word by word, and the"
            " order can still be seen. Time is axis 1 of (B, T, H).",
            "section 1, where the array gets its shape",
        ),
        Misconception(
            "the mean is taken over the features",
            _pools("np.tanh(x @ W + b).mean(axis=2)"),
            "Axis 2 holds the H numbers of one step, so this leaves one number for each word, in"
            " the order of the words. Time is axis 1 of (B, T, H).",
            "section 1, where the array gets its shape",
        ),
        Misconception(
            "only the last step is returned",
            _pools("np.tanh(x @ W + b)[:, -1]"),
            "That is right for the recurrent layer, whose last state has seen all words. A shared"
            " layer's last output has seen the last word only, so it changes when the words are"
            " shuffled.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "every step is returned",
            _pools("np.tanh(x @ W + b)"),
            "These are the answers o_t of all steps, (B, T, H), and they move along when the words"
            " do. The mean over the steps is still to be taken.",
            "section 2, equation (shared)",
        ),
        Misconception(
            "the bias is missing",
            _pools("np.tanh(x @ W).mean(axis=1)"),
            (
                "Equation (shared) adds b at every step, before tanh. NumPy adds a vector (H,) to"
                " each row of (B, T, H)."
            ),
            "section 2, equation (shared)",
        ),
        Misconception(
            "the bias is added after σ",
            _pools("np.tanh(x @ W).mean(axis=1) + b"),
            (
                "tanh takes the whole sum, b included. Added afterwards, b pushes the answer beyond"
                " −1 and 1."
            ),
            "section 2, equation (shared)",
        ),
    ),
)

"""Chapter 1's exercises: count weights, and build the pairs that no window can tell apart."""

from collections import Counter
from functools import partial

from helpers.teaching import designs
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np

FIVE = ("flatten", "per step", "shared", "window", "recurrent")


def _sizes(rng):
    """Draw T, D, H, k: four different numbers, so that one taken for the other shows."""
    return tuple(int(n) for n in rng.choice(range(2, 40), 4, replace=False))


_counts = partial(edited, designs.count_parameters)

count_parameters = Exercise(
    name="count_parameters",
    answer=designs.count_parameters,
    returns=FIVE,
    cases=_sizes,
    axes=dict.fromkeys(FIVE, ""),
    verified="all five counts",
    hints=(
        "A dense layer from n numbers to m has a matrix with n·m entries and m biases. What are n"
        " and m in each design, and how many such layers are stored?",
        "Flatten is one layer from T·D numbers to H. Per step stores T layers from D to H, shared"
        " only one of them.",
        "A window is one layer from k·D numbers. Recurrent stores what shared stores, and a matrix"
        " from H numbers to H, the state before and after.",
    ),
    misconceptions=(
        Misconception(
            "the biases are forgotten",
            _counts(
                ("D * H + H)", "D * H)"),
                ("D * H + H\n", "D * H\n"),
                ("H * H + H\n", "H * H\n"),
            ),
            "You counted the entries of the matrices. Each layer that is stored also has H biases,"
            " one for each number of its answer.",
            "section 2, and the equations of sections 3 and 4",
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
            "W_hh is multiplied by the state, and the state has H numbers, not D. So it has H·H"
            " entries.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "the recurrent layer has two biases",
            _counts(("H * H + H", "H * H + 2 * H")),
            "That is how `torch.nn.RNN` stores it, one bias beside each matrix. The two are only"
            " ever added to each other, so Keras and this course store their sum, one b.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "the recurrent layer is counted once for each step",
            _counts(("= D * H + H * H + H", "= T * (D * H + H * H + H)")),
            "The equation has an index t at x and h, but none at W_xh, W_hh and b. They are the"
            " same at all steps and stored once.",
            "section 2, equation (recurrent)",
        ),
        Misconception(
            "the window has one matrix for all its words",
            _counts(("k * D * H + H", "D * H + H")),
            "Then the word before would be read as the word itself, and their order would be lost."
            " Each of the k places in the window has a matrix of its own.",
            "section 3, equation (window)",
        ),
        Misconception(
            "the window has a bias for each of its words",
            _counts(("k * D * H + H", "k * (D * H + H)")),
            "The window adds up the products with its k matrices and then one bias b. Several"
            " biases could only ever be added to each other.",
            "section 3, equation (window)",
        ),
        Misconception(
            "the window is counted once for each step",
            _counts(("= k * D * H + H", "= T * (k * D * H + H)")),
            "The window moves along the sentence with the same k matrices. It uses them T times and"
            " stores them once.",
            "section 3, equation (window)",
        ),
        Misconception(
            "flatten has a bias for each step",
            _counts(("T * D * H + H", "T * (D * H + H)")),
            "Those are the weights of per step. Flatten has T matrices side by side, but it adds up"
            " first and has one answer, so one bias of H numbers.",
            "section 4, equation (flatten)",
        ),
        Misconception(
            "per step has one bias for all steps",
            _counts(("T * (D * H + H)", "T * D * H + H")),
            "Those are the weights of flatten. Each of the T layers is a whole dense layer with a"
            " bias b_t of its own.",
            "section 4, equation (per step)",
        ),
        Misconception(
            "flatten reads only one word",
            _counts(("flatten = T * D * H + H", "flatten = D * H + H")),
            "Flatten puts all T word vectors end to end, so its one dense layer reads T·D numbers,"
            " not D.",
            "section 4, equation (flatten)",
        ),
    ),
)


def partner(x, k):
    """Return bits of the other parity that a window of k at the last step cannot tell from x."""
    other = x.copy()
    other[0] = 1 - other[0]
    return other


def _bits(rng):
    T = int(rng.integers(6, 12))
    return rng.integers(0, 2, T), int(rng.integers(1, T - 2))


def _compare_with_partner(answer, x, k):
    """Return which of the last k bits change, whether the parity does, whether x is paired back."""

    def bits(x):
        other = np.asarray(answer(x.copy(), k))
        if other.shape != x.shape or not np.isin(other, (0, 1)).all():
            raise ValueError(f"the partner must be {len(x)} bits, as x is, got {other}")
        return other.astype(x.dtype)

    if answer(x, k) is ...:
        return ...
    other = bits(x)
    opposite = bool((other.sum() - x.sum()) % 2)
    return other[-k:] != x[-k:], opposite, np.array_equal(bits(other), x)


partner = Exercise(
    name="partner",
    answer=partner,
    returns=("changed in the window", "opposite answer", "partner of the partner is x"),
    cases=_bits,
    ask=_compare_with_partner,
    verified="the window sees the same bits, the answers are opposite, and all x are in pairs",
    hints=(
        "Two things are wanted: the last k bits stay as they are, and the number of ones becomes"
        " odd if it was even, even if it was odd.",
        "One bit that changes from 0 to 1, or from 1 to 0, changes the parity. Where may it stand?",
        "`other = x.copy()`, then `other[…] = 1 - other[…]` for a place before the window.",
    ),
    misconceptions=(
        Misconception(
            "the last bit is changed",
            edited(partner, ("[0]", "[-1]")),
            "That makes the answer the opposite one, but the window reads the last bit. So it can"
            " tell the two apart, and the proof fails at (a).",
            "section 3, ceiling by pairing",
        ),
        Misconception(
            "the first bit of the window is changed",
            edited(partner, ("[0]", "[-k]")),
            "The window of k at the last step reads x[T−k] … x[T−1], and `x[-k]` is the first of"
            " them. The bit before it is out of sight.",
            "section 3, equation (window)",
        ),
        Misconception(
            "all bits are changed",
            edited(partner, ("[0]", "[:]")),
            "So the window sees other bits, too, and can tell the two apart. One changed bit out of"
            " sight is enough.",
            "section 3, ceiling by pairing",
        ),
        Misconception(
            "every bit before the window is changed",
            edited(partner, ("[0]", "[:-k]")),
            "Out of sight, that is right. But each changed bit turns the parity, and an even number"
            " of them turns it back.",
            "section 3, ceiling by pairing",
        ),
        Misconception(
            "the order is reversed",
            edited(
                partner, ("    other[0] = 1 - other[0]\n    return other", "    return x[::-1]")
            ),
            "The number of ones does not depend on the order, so the answer stays the same. Change"
            " a bit instead.",
            "section 3, ceiling by pairing",
        ),
        Misconception(
            "no bit is changed, or an even number of them",
            edited(partner, ("    other[0] = 1 - other[0]\n", "")),
            "The two members of a pair must have opposite answers, and the parity is the same here."
            " So (b) does not hold.",
            "section 3, ceiling by pairing",
        ),
    ),
)


def fool_the_window(k):
    """Return two sentences with the same windows of k words; 1 comes first in one of them."""
    gap = [0] * (k - 1)
    return [*gap, 1, *gap, 2, *gap], [*gap, 2, *gap, 1, *gap]


def _which_first(sentence):
    sentence = [int(word) for word in sentence]
    if sentence.count(1) != 1 or sentence.count(2) != 1:
        raise ValueError(f"a sentence must hold the words 1 and 2 once each, got {sentence}")
    return sentence, sentence.index(1) < sentence.index(2)


def _windows(sentence, k):
    """Count the windows of k words, with nothing (None) before the first word."""
    padded = [None] * (k - 1) + sentence
    return Counter(tuple(padded[t : t + k]) for t in range(len(sentence)))


def _try_to_fool(answer, k):
    """Return whether answers are opposite, and how many windows of each kind tell them apart."""
    pair = answer(k)
    if pair is ...:
        return ...
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"two sentences were asked for, got {pair!r}")
    (first, starts_1), (second, starts_2) = map(_which_first, pair)
    first, second = _windows(first, k), _windows(second, k)
    told = list(((first - second) + (second - first)).elements())
    outside = sum(None in window for window in told)
    both = sum({1, 2} <= {*window} and None not in window for window in told)
    return starts_1 != starts_2, both, outside, len(told) - both - outside


fool_the_window = Exercise(
    name="fool_the_window",
    answer=fool_the_window,
    returns=("opposite answers", "windows with both words", "windows at the start", "others"),
    cases=lambda rng: (int(rng.integers(2, 7)),),
    ask=_try_to_fool,
    verified="the same windows, as often, and opposite answers",
    hints=(
        "A mean does not know where a window stood, only which windows there were, and how often."
        " So find two sentences with the same windows.",
        "No window may hold both words 1 and 2. So how many other words must stand between them?",
        "The window at the first word reads what stands before the sentence, and the last word is"
        " in one window only. Put other words, all 0, before and after as well.",
    ),
    misconceptions=(
        Misconception(
            "the two words stand side by side",
            edited(
                fool_the_window,
                ("*gap, 1, *gap, 2, *gap", "*gap, 1, 2, *gap"),
                ("*gap, 2, *gap, 1, *gap", "*gap, 2, 1, *gap"),
            ),
            "A window that holds 1, 2 in this order occurs in one sentence only. For k ≥ 2 it tells"
            " the two apart.",
            "section 3, equation (window)",
        ),
        Misconception(
            "the gap is one word too short",
            edited(
                fool_the_window, ("1, *gap, 2", "1, *gap[1:], 2"), ("2, *gap, 1", "2, *gap[1:], 1")
            ),
            "With k − 2 words between them there is one window with 1 at its one end and 2 at its"
            " other. One more word, and no window holds both.",
            "section 3, equation (window)",
        ),
        Misconception(
            "nothing stands before the first of the two words",
            edited(
                fool_the_window,
                ("*gap, 1, *gap, 2", "1, *gap, 2"),
                ("*gap, 2, *gap, 1", "2, *gap, 1"),
            ),
            "The windows at the beginning hold 1 in one sentence and 2 in the other, with nothing"
            " before them. The mean notices that.",
            "section 3, equation (window)",
        ),
        Misconception(
            "nothing stands after the last of the two words",
            edited(fool_the_window, ("2, *gap],", "2],"), ("1, *gap]\n", "1]\n")),
            "The last word is in one window only, and the other one in k. So the counts differ:"
            " let other words follow.",
            "section 3, equation (window)",
        ),
        Misconception(
            "both sentences are the same",
            edited(fool_the_window, ("*gap, 2, *gap, 1, *gap", "*gap, 1, *gap, 2, *gap")),
            "Then the windows are the same, and the answers as well. (b) asks for answers that are"
            " opposite.",
            "section 3, ceiling by pairing",
        ),
    ),
)

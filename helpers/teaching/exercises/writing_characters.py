"""The exercises of the workshop on writing: temperature, and a long text in rows."""

from functools import partial

from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def _logits(rng):
    B, V = int(rng.integers(2, 5)), int(rng.integers(3, 7))
    return rng.normal(0, 2, (B, V)), float(rng.choice([0.4, 0.7, 1.6, 2.5]))


def sampling_probabilities(o, tau):
    """Return softmax(o / τ) over the last axis: o (B, V) gives p (B, V), each row summing to 1."""
    e = np.exp((o - o.max(axis=-1, keepdims=True)) / tau)
    return e / e.sum(axis=-1, keepdims=True)


sampling_probabilities = Exercise(
    name="sampling_probabilities",
    answer=sampling_probabilities,
    returns=("p",),
    cases=_logits,
    axes={"p": "B V"},
    verified="the probabilities of every row, for temperatures below and above 1",
    hints=(
        (
            "At τ = 1 this is softmax. Where in softmax does τ come in: before the exponential, or"
            " after?"
        ),
        "Divide the logits by τ, exponentiate, and make each row sum to 1. Subtracting a row's"
        " maximum first changes nothing but keeps the exponentials small.",
        "`e = np.exp(o / tau)`, and then `e / e.sum(axis=…, keepdims=True)`.",
    ),
    misconceptions=(
        Misconception(
            "multiplied by τ",
            edited(sampling_probabilities, (" / tau", " * tau")),
            "This turns the temperature round: the higher it is, the surer the network. A high τ"
            " should bring the logits closer together, so it divides.",
            "section 5, equation (2)",
        ),
        Misconception(
            "the probabilities are divided by τ",
            edited(sampling_probabilities, (" / tau", ""), ("return e", "return e / tau")),
            (
                "Their sum is then 1/τ, not 1, and which character is how many times as likely as"
                " which has not changed."
            ),
            "section 5, equation (2)",
        ),
        Misconception(
            "τ has no effect",
            edited(sampling_probabilities, (" / tau", "")),
            "Perhaps it is left out, or it divides after the exponential: then it cancels when the"
            " row is made to sum to 1. It must come before the exponential.",
            "section 5, equation (2)",
        ),
        Misconception(
            "softmax runs down the columns",
            edited(sampling_probabilities, ("axis=-1", "axis=0")),
            "Each row is one sample with a logit for every character, and its probabilities should"
            " sum to 1. You summed over the samples.",
            "section 1, equation (1)",
        ),
        Misconception(
            "the whole array sums to 1, not each row",
            edited(sampling_probabilities, ("axis=-1, keepdims=True", "")),
            "`e.sum()` without an axis adds up all samples, so that each row has only a share of"
            " the 1. Give `axis=-1, keepdims=True`.",
            "section 1, equation (1)",
        ),
        Misconception(
            "the exponential is missing",
            edited(
                sampling_probabilities,
                ("e = np.exp((o - o.max(axis=-1, keepdims=True)) / tau)", "e = o / tau"),
            ),
            "Logits may be negative, and so would be such “probabilities”. The exponential makes"
            " all of them positive first.",
            "section 1, equation (1)",
        ),
        Misconception(
            "the rows do not sum to 1",
            edited(
                sampling_probabilities,
                (" / tau", ""),
                (
                    "return e / e.sum(axis=-1, keepdims=True)",
                    "return (e / e.sum(axis=-1, keepdims=True)) ** (1 / tau)",
                ),
            ),
            "p^(1/τ) has the right proportions, for it is e^(o/τ) up to a factor. But that factor"
            " is missing: divide by the sum after the power, not before.",
            "section 5, equation (2)",
        ),
        Misconception(
            "softmax is taken twice",
            edited(
                sampling_probabilities,
                (" / tau", ""),
                (
                    "return e / e.sum(axis=-1, keepdims=True)",
                    (
                        "e = np.exp(e / e.sum(axis=-1, keepdims=True) / tau)\n    return e /"
                        " e.sum(axis=-1, keepdims=True)"
                    ),
                ),
            ),
            "You divided probabilities by τ and put them through softmax again. Probabilities all"
            " lie between 0 and 1, so their exponentials are nearly equal; divide the logits.",
            "section 5, equation (2)",
        ),
    ),
)


def continuing_rows(tokens, B, T):
    """Return the numbers as (K, B, T), where row n of each batch continues row n of the last."""
    K = len(tokens) // (B * T)
    rows = tokens[: K * B * T].reshape(B, K, T)  # each row of text, cut into its K pieces
    return rows.swapaxes(0, 1)


def _text_and_sizes(rng):
    K, B, T = (int(n) for n in rng.choice(range(2, 7), 3, replace=False))
    left_over = int(rng.integers(B, B * T))  # enough to lengthen every row
    return int(rng.integers(100)) + np.arange(K * B * T + left_over), B, T


def _text_that_fits(rng):
    return int(rng.integers(100)) + np.arange(4 * 3 * 5), 3, 5


_rows = partial(edited, continuing_rows)

continuing_rows = Exercise(
    name="continuing_rows",
    answer=continuing_rows,
    returns=("batches",),
    cases=_text_and_sizes,
    also=_text_that_fits,
    verified="each row goes on in the next batch, and only the end of the text is dropped",
    hints=(
        "Write down row 0 of all batches, one after the other: it is the beginning of the text. How"
        " long is it?",
        "K = N // (B · T). Each row is K · T numbers long, so the text is first cut into B such"
        " rows, and each of them into K pieces.",
        "`tokens[: K * B * T].reshape(B, K, T)` has the right pieces, with row and batch in the"
        " other order; `swapaxes(0, 1)` exchanges them.",
    ),
    misconceptions=(
        Misconception(
            "the rows of one batch follow each other",
            _rows(("(B, K, T)", "(K, B, T)"), ("rows.swapaxes(0, 1)", "rows")),
            "Row 1 of your batch continues row 0 of the same batch, and row 0 of the next batch"
            " continues the last row of this one. A carried state stays in its own row, so it would"
            " come from the wrong place in the text; cut the text into B rows first.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "rows and batches are in the other order",
            _rows(("rows.swapaxes(0, 1)", "rows")),
            "The text is cut rightly, but your first axis counts the rows and the second the"
            " batches. A loop over the first axis should give one batch (B, T) after the other.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "the end is filled up from the beginning",
            _rows(
                ("len(tokens) // (B * T)", "-(-len(tokens) // (B * T))"),
                ("tokens[: K * B * T]", "np.resize(tokens, K * B * T)"),
            ),
            "To fill a last batch you went on with the beginning of the text, so that the network"
            " learns a passage that is nowhere in it. The end that does not fit is dropped.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "each row loses an end of its own",
            _rows(
                (
                    "tokens[: K * B * T].reshape(B, K, T)",
                    "tokens[: len(tokens) // B * B].reshape(B, -1)[:, : K * T].reshape(B, K, T)",
                )
            ),
            "You cut the text into B long rows first, and then dropped what was left over in each."
            " So there are B gaps in the text; drop only once, at its end, before you cut it.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "the beginning is dropped, not the end",
            _rows(("tokens[: K * B * T]", "tokens[-K * B * T :]")),
            "Row 0 of the first batch should begin with the first number of the text. What does not"
            " fit is left out at the other end.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "neighbours are dealt out to different rows",
            _rows(("reshape(B, K, T)", "reshape(K, T, B)"), ("swapaxes(0, 1)", "swapaxes(1, 2)")),
            "Within a row your numbers are B places apart in the text: the network would read every"
            " Bth character. A row must be a passage as it stands in the text.",
            "section 4, the text of the exercise",
        ),
    ),
)

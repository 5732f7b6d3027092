"""The exercises of the workshop on memory: what chunks keep, and chunks with a margin."""

from functools import partial

from helpers.numpy_rnn import RNNParams, rnn_backward, rnn_forward
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def _uneven(rng):
    """Draw T and k, where the last chunk is shorter, but not by one step only."""
    k = int(rng.integers(4, 9))
    return int(rng.integers(2, 7)) * k + int(rng.integers(2, k - 1)), k


def kept_terms(T, k):
    """Return how many terms of the ledger chunks of k steps keep."""
    whole, rest = divmod(T, k)
    return whole * k * (k + 1) // 2 + rest * (rest + 1) // 2


_counts = partial(edited, kept_terms)

kept_terms = Exercise(
    name="kept_terms",
    answer=kept_terms,
    returns=("terms",),
    cases=_uneven,
    also=lambda rng: (int(rng.integers(2, 5)) * 6, 6),
    verified="all chunks, with a shorter one at the end and without",
    hints=(
        "A chunk keeps a triangle: its first loss has one use, its second two, and so on. How many"
        " terms are in a triangle of k rows?",
        "A triangle of n rows has n(n + 1)/2 terms. How many whole chunks are there, and how long"
        " is the last one, if T is not a multiple of k?",
        "`whole, rest = divmod(T, k)`; then `whole` triangles of k rows and one of `rest` rows.",
    ),
    misconceptions=(
        Misconception(
            "the terms that windows keep are counted",
            _counts(
                (
                    "whole * k * (k + 1) // 2 + rest * (rest + 1) // 2",
                    "T * k - k * (k - 1) // 2",
                )
            ),
            "That is a band: each loss with the k uses before it. In chunks, the first loss of a"
            " chunk has one use only, since the gradient is cut right behind it.",
            "section 3, the picture of both",
        ),
        Misconception(
            "a chunk is counted as a square",
            _counts(("k * (k + 1) // 2", "k * k"), ("rest * (rest + 1) // 2", "rest * rest")),
            "Half of a square lies above the diagonal, and there is nothing: a loss does not depend"
            " on later uses.",
            "section 3, the picture of both",
        ),
        Misconception(
            "the last, shorter chunk is left out",
            _counts((" + rest * (rest + 1) // 2", "")),
            "Where T is not a multiple of k, some losses remain after the last whole chunk. They"
            " form a smaller triangle of their own.",
            "section 3, the loop over chunks",
        ),
        Misconception(
            "the last, shorter chunk is counted as a whole one",
            _counts(("rest * (rest + 1) // 2", "(rest > 0) * k * (k + 1) // 2")),
            "The sequence ends before that chunk is full. It has as many rows as steps are left,"
            " T − k · (whole chunks).",
            "section 3, the loop over chunks",
        ),
        Misconception(
            "the diagonal is left out",
            _counts(("k * (k + 1)", "k * (k - 1)"), ("rest * (rest + 1)", "rest * (rest - 1)")),
            "A loss depends on the use at its own step, too: with t = i there is no Jacobian in"
            " between, but there is a term.",
            "section 3, the picture of both",
        ),
    ),
)


def _long(rng, more=0):
    """Draw a network, a sequence with a shorter chunk at its end, k, and a margin below k."""
    B, H = (int(n) for n in rng.choice(range(2, 6), 2, replace=False))
    k = int(rng.integers(3, 5))
    T = k * int(rng.integers(3, 5)) + int(rng.integers(1, k))
    W_xh, W_hh = rng.normal(0, 0.6, (H + more, H)), rng.normal(0, 0.6, (H, H))
    params = RNNParams(W_xh, W_hh, rng.normal(0, 0.5, H))
    x, dh = rng.normal(size=(B, T, H + more)), rng.normal(size=(B, T, H))
    return params, x, dh, k, int(rng.integers(1, k))


def chunks_with_margin(params, x, dh, k, margin):
    """Return dW_hh: the losses of each chunk go back through it and `margin` steps before it."""
    h = rnn_forward(params, x)
    dW_hh = np.zeros_like(params.W_hh)
    for first in range(0, x.shape[1], k):
        begin, end = max(0, first - margin), first + k
        own = dh[:, begin:end].copy()
        own[:, : first - begin] = 0  # these losses belong to the chunks before
        h_0 = h[:, begin - 1] if begin > 0 else None
        dW_hh += rnn_backward(params, x[:, begin:end], h[:, begin:end], own, h_0).W_hh
    return dW_hh


_margin = partial(edited, chunks_with_margin)

chunks_with_margin = Exercise(
    name="chunks_with_margin",
    answer=chunks_with_margin,
    returns=("dW_hh",),
    cases=_long,
    also=partial(_long, more=1),
    axes={"x": "B T D", "dh": "B T H", "dW_hh": "H H"},
    verified="every loss goes back through its chunk and its margin, and is counted once",
    hints=(
        "One `rnn_forward` over the whole sequence gives every state. Each chunk then calls"
        " `rnn_backward` on a longer piece: from `margin` steps before the chunk to its end.",
        "Two things need care. Which losses of that piece belong to this chunk? And which state"
        " does the first step of the piece start from?",
        "`begin = max(0, first - margin)`; a copy of `dh[:, begin:end]` with zeros in the margin;"
        " and `h[:, begin - 1]` as h_0, unless the piece begins with the sequence.",
    ),
    misconceptions=(
        Misconception(
            "the losses in the margin are counted twice",
            _margin(("own[:, : first - begin] = 0", "pass")),
            "A step in the margin of one chunk is also a step of the chunk before, where its loss"
            " was counted. In the margin `dh` must be zero: the gradient only passes through.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "each piece of the sequence starts from a zero state",
            _margin(
                (
                    "h_0 = h[:, begin - 1] if begin > 0 else None",
                    "h_0 = None",
                ),
                ("h[:, begin:end], own", "rnn_forward(params, x[:, begin:end]), own"),
            ),
            "The gradient is cut there, but the state is not: the first step of a piece reads the"
            " state that the steps before have left.",
            "section 3, the loop over chunks",
        ),
        Misconception(
            "the first use of W_hh in a piece reads zeros",
            _margin(("h[:, begin - 1] if begin > 0 else None", "None")),
            "The states are right, but `rnn_backward` was told of no h_0. The use of W_hh at the"
            " first step of a piece multiplied the state before it, and that is its term.",
            "section 3, the loop over chunks",
        ),
        Misconception(
            "the margin is not used",
            _margin(("max(0, first - margin)", "first")),
            "This is plain chunks: the gradient is cut at the first step of the chunk. It should go"
            " on through `margin` more steps.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "the gradient is not cut",
            _margin(("max(0, first - margin)", "0")),
            "Each loss went back to the first step, so this is the whole gradient. It should stop"
            " `margin` steps before the chunk.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "the last, shorter chunk is dropped",
            _margin(("range(0, x.shape[1], k)", "range(0, x.shape[1] - k + 1, k)")),
            "Where T is not a multiple of k, the last chunk has fewer steps. Its losses belong to"
            " the gradient all the same.",
            "section 3, the loop over chunks",
        ),
    ),
)

"""Minimal pairs: two sentences of the same words, one positive and one negative."""

from helpers import data
from helpers.data import Dataset, Vocabulary

import numpy as np

GOOD = (
    "good great funny smart clever enjoyable touching fresh charming brilliant entertaining moving"
)
BAD = "bad dull boring stupid predictable tedious flat stale silly awful lifeless bland"
ARRANGEMENTS = ("it is {a}, not {b}", "it is not {b}, it is {a}")


def load_pairs(
    rng: np.random.Generator, vocabulary: Vocabulary, length: int
) -> tuple[list[Dataset], list[Dataset]]:
    """Make pairs from 100 combinations of a good and a bad adjective, and from the 44 others.

    Returns (known, unseen): for each of the two ARRANGEMENTS a Dataset of 200 and of 88 sentences
    of `length` tokens, padded on the right; sentences 2n and 2n + 1 are a pair. Its `reviews` are
    the sentences as text. No combination is in both.
    """
    combinations = [(good, bad) for good in GOOD.split() for bad in BAD.split()]
    drawn = [combinations[n] for n in rng.permutation(len(combinations))]
    known, unseen = (
        [_arranged(part, arrangement, vocabulary, length) for arrangement in ARRANGEMENTS]
        for part in (drawn[:100], drawn[100:])
    )
    return known, unseen


def _arranged(combinations, arrangement, vocabulary, length):
    texts = [arrangement.format(a=a, b=b) for g, w in combinations for a, b in ((g, w), (w, g))]
    encoded = [vocabulary.encode(data.tokenize(text)) for text in texts]
    labels = np.tile(np.float32([1, 0]), len(combinations))
    return Dataset(*data.pad(encoded, length), labels, texts)

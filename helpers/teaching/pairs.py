"""Minimal pairs: two sentences of the same words, one positive and one negative."""

from helpers import data
from helpers.data import Dataset, Vocabulary

import numpy as np

TAUGHT = (
    "good great funny smart clever enjoyable touching fresh charming brilliant entertaining moving",
    "bad dull boring stupid predictable tedious flat stale silly awful lifeless bland",
)
NEW = (
    "powerful refreshing wonderful solid intelligent engaging",
    "shallow pretentious weak ugly pointless mediocre",
)
ARRANGEMENTS = ("it is {a}, not {b}", "it is not {b}, it is {a}")


def load_pairs(
    rng: np.random.Generator, vocabulary: Vocabulary, length: int
) -> tuple[list[Dataset], list[Dataset], list[Dataset]]:
    """Make pairs of a good and a bad adjective, for each of the two ARRANGEMENTS.

    Returns (known, unseen, new): 100 combinations of the twelve TAUGHT adjectives each, the 44
    other combinations of them, and the 36 of the six NEW ones each, which stand in no pair of the
    other two. Each is a list of two Datasets, one for each arrangement, of sentences of `length`
    tokens, padded on the right; sentences 2n and 2n + 1 are a pair. Their `reviews` are the
    sentences as text.
    """
    taught, new = (
        [(good, bad) for good in goods.split() for bad in bads.split()]
        for goods, bads in (TAUGHT, NEW)
    )
    drawn = [taught[n] for n in rng.permutation(len(taught))]
    known, unseen, new = (
        [_arranged(part, arrangement, vocabulary, length) for arrangement in ARRANGEMENTS]
        for part in (drawn[:100], drawn[100:], new)
    )
    return known, unseen, new


def _arranged(combinations, arrangement, vocabulary, length):
    texts = [arrangement.format(a=a, b=b) for g, w in combinations for a, b in ((g, w), (w, g))]
    encoded = [vocabulary.encode(data.tokenize(text)) for text in texts]
    labels = np.tile(np.float32([1, 0]), len(combinations))
    return Dataset(*data.pad(encoded, length), labels, texts)

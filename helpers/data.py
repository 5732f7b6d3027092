"""The course's two data sets.

The film reviews, from a compressed file to arrays of word numbers, masks and labels; and the
bicycles, a count for every hour of a year.
"""

import gzip
import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from helpers import _validation as check

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# of the compressed files
REVIEWS_SHA256 = "16e79baf732ee3a22f789114fe87f6457f0dcb1903d5ff4a863b8951be71e2e3"
BIKES_SHA256 = "7b8e9be83acc9dbb57d880629b4fae4610b575d4686d80495f6c0777ebd171e4"
PAD, UNKNOWN = "<pad>", "<unk>"  # always words 0 and 1


class Review(NamedTuple):
    """One review, a sentence, and the mean of 20 ratings or more, −4 (worst) to +4 (best)."""

    id: int
    rating: float
    text: str


class Dataset(NamedTuple):
    """Encoded reviews, ready for a network. Row n of each array belongs to `reviews[n]`."""

    tokens: np.ndarray  # (N, T) int32, word numbers, 0 where there is no word
    mask: np.ndarray  # (N, T) bool, True where there is a word
    labels: np.ndarray  # (N,) float32, 1 positive, 0 negative
    reviews: list[Review]


def load_reviews() -> list[Review]:
    """Read the 10,605 film reviews of Hutto & Gilbert (ICWSM 2014), shipped with this package.

    Raises ValueError when the file is not the one that was shipped (its sha256 is verified).
    """
    text = _shipped("reviews", "movie_review_snippets.tsv.gz", REVIEWS_SHA256)
    rows = (line.split("\t") for line in text.splitlines())
    return [Review(int(number), float(rating), text.strip()) for number, rating, text in rows]


def load_bike_rentals() -> "pd.DataFrame":
    """Read the rentals of Capital Bikeshare, Washington D.C., one row for each hour of 2011.

    The index holds all 8,760 hours (local time). Columns: `bikers`, rentals begun in the hour, NaN
    in the 115 hours for which the source has no row (Fanaee-T & Gama 2014; see helpers/bicycles);
    `holiday` and `workingday`, bool, known for every hour; and the hour's `weather` (text),
    `temperature`, `humidity` and `windspeed` (each scaled by its largest value or range), missing
    in the same 115 hours.

    Raises ValueError when the file is not the one that was shipped (its sha256 is verified).
    """
    import pandas as pd  # half a second, and for this data set only

    rows = pd.read_csv(
        io.StringIO(_shipped("bicycles", "bikeshare_2011_hourly.csv.gz", BIKES_SHA256))
    )
    rows.index = pd.Timestamp("2011-01-01") + pd.to_timedelta(24 * (rows.day - 1) + rows.hr, "h")
    days = rows.groupby(rows.index.date)[["holiday", "workingday"]].first().astype(bool)
    hours = pd.date_range("2011-01-01", periods=365 * 24, freq="h")
    names = {"weathersit": "weather", "temp": "temperature", "hum": "humidity"}
    measured = rows.rename(columns=names).reindex(hours)
    rentals = measured[["bikers", "weather", "temperature", "humidity", "windspeed"]]
    rentals.insert(1, "holiday", days.holiday.loc[hours.date].to_numpy())
    rentals.insert(2, "workingday", days.workingday.loc[hours.date].to_numpy())
    return rentals


def tokenize(text: str) -> list[str]:
    """Split a text into lower-case words, which keep inner apostrophes ("isn't")."""
    # NFC: é is one letter, however it was typed.
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text)


class Vocabulary:
    """A two-way table of words and the numbers 0 … len − 1: 0 is padding, 1 any unknown word."""

    def __init__(self, words: Iterable[str]):
        self.words = (PAD, UNKNOWN, *_no_text("words", words))
        self._number = {word: number for number, word in enumerate(self.words)}
        if len(self._number) != len(self.words):
            repeated = next(word for word, count in Counter(self.words).items() if count > 1)
            raise ValueError(
                f"words must be different from each other, from {PAD} and {UNKNOWN}: got"
                f" {repeated!r} twice"
            )

    def __len__(self) -> int:
        """Count the words, padding and unknown included."""
        return len(self.words)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Look up each word's number, 1 for a word that is not in the table."""
        return [self._number.get(token, 1) for token in _no_text("tokens", tokens)]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Look up each number's word. Raises ValueError for a number out of range."""
        if len(numbers):
            numbers = check.as_tokens("numbers", numbers, "N", len(self))
        return [self.words[number] for number in numbers]


def build_vocabulary(token_lists: Iterable[Sequence[str]], size: int) -> Vocabulary:
    """Make a vocabulary of padding, unknown and the `size` − 2 most frequent words.

    Ties go in alphabetical order. Raises ValueError unless `size` leaves room for one word.
    """
    check.check_positive_int(size=size)
    if size < 3:
        raise ValueError(f"size must be at least 3, for padding, unknown and one word, got {size}")
    counts = Counter(token for tokens in token_lists for token in _no_text("token_lists", tokens))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return Vocabulary(ranked[: size - 2])


def pad(
    sequences: Sequence[Sequence[int]], length: int | None = None, side: str = "right"
) -> tuple[np.ndarray, np.ndarray]:
    """Put sequences of different lengths into one array: (tokens (N, T) int32, mask (N, T) bool).

    T is `length`, or the longest sequence when left out; longer sequences lose their end. `side` is
    where the padding (number 0, mask False) goes. Raises ValueError for an empty list, numbers that
    are not whole or below zero, a `length` below 1 or an unknown side.
    """
    check.check_choice("side", side, ("left", "right"))
    if len(sequences) == 0:
        raise ValueError("sequences must hold at least one sequence, got none")
    if length is None:
        length = max(1, *map(len, sequences))
    check.check_positive_int(length=length)
    kept = [list(sequence[:length]) for sequence in sequences]
    lengths = np.array([len(sequence) for sequence in kept])[:, None]
    numbers = np.array([number for sequence in kept for number in sequence] or [0])
    check.as_tokens("sequences", numbers, "n", 2**31)
    mask = np.arange(length) < lengths if side == "right" else np.arange(length) >= length - lengths
    tokens = np.zeros(mask.shape, np.int32)
    tokens[mask] = numbers[: mask.sum()]
    return tokens, mask


def load_sentiment(
    rng: np.random.Generator,
    vocabulary_size: int = 8000,
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
    neutral: float = 0.5,
) -> tuple[Vocabulary, Dataset, Dataset, Dataset]:
    """Make the task of chapter 7: tell positive reviews from negative ones.

    Leaves out the reviews whose rating is nearer to zero than `neutral`, and repeated texts;
    shuffles with `rng`; splits into training, validation and test set by `fractions`; builds the
    vocabulary from the training set alone. Sentences are padded on the right to the longest of all.

    Returns (vocabulary, train, validation, test). Raises ValueError unless the fractions are
    positive and sum to 1, and leave some reviews for each part.
    """
    check.check_positive(neutral=neutral)
    if len(fractions) != 3 or min(fractions) <= 0 or not np.isclose(sum(fractions), 1):
        raise ValueError(
            f"fractions must be three positive numbers that sum to 1, got {fractions!r}"
        )
    distinct = {review.text: review for review in load_reviews()}
    clear = [review for review in distinct.values() if abs(review.rating) >= neutral]
    shuffled = [clear[n] for n in rng.permutation(len(clear))]
    ends = np.round(np.cumsum(fractions) * len(shuffled)).astype(int)
    parts = [shuffled[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    if not all(parts):
        raise ValueError(
            f"fractions and neutral must leave reviews for every part, got {fractions!r} and"
            f" {neutral!r}: {' + '.join(str(len(part)) for part in parts)} reviews"
        )

    vocabulary = build_vocabulary((tokenize(review.text) for review in parts[0]), vocabulary_size)
    encoded = [[vocabulary.encode(tokenize(review.text)) for review in part] for part in parts]
    longest = max(len(numbers) for part in encoded for numbers in part)
    datasets = [
        Dataset(
            *pad(numbers, longest),
            np.array([review.rating > 0 for review in part], np.float32),
            part,
        )
        for numbers, part in zip(encoded, parts, strict=True)
    ]
    return vocabulary, *datasets


def load_characters(window: int) -> tuple[str, np.ndarray]:
    """Cut the text of all reviews, one a line, into pieces for a character model.

    Letters are made lower-case; characters outside `alphabet` become spaces, and runs of spaces
    one. Returns (alphabet, tokens): tokens (N, window + 1) int32 number the characters of each
    piece, so that alphabet[tokens[n, k]] is one of them. Raises ValueError for a window below 1 or
    longer than the text.
    """
    check.check_positive_int(window=window)
    alphabet = "\n abcdefghijklmnopqrstuvwxyz'.,?!"
    text = "\n".join(review.text for review in load_reviews()).lower().replace("’", "'")
    text = re.sub(" +", " ", re.sub(f"[^{re.escape(alphabet)}]", " ", text))
    count = len(text) // (window + 1)
    if count == 0:
        raise ValueError(
            f"window must be shorter than the text ({len(text)} characters), got {window}"
        )
    number = {character: n for n, character in enumerate(alphabet)}
    tokens = np.array([number[character] for character in text[: count * (window + 1)]], np.int32)
    return alphabet, tokens.reshape(count, window + 1)


class Minibatches:
    """All rows of some arrays, once each, in small groups: iterate over it once an epoch.

    Every pass is shuffled anew with `rng`; the last group may be smaller. A group is a tuple of
    arrays in the order given. Raises ValueError when they do not have the same number of rows.
    """

    def __init__(self, rng: np.random.Generator, arrays: Sequence[np.ndarray], batch_size: int):
        check.check_positive_int(batch_size=batch_size)
        arrays = [np.asarray(a) for a in arrays]
        rows = [a.shape[0] if a.ndim else 0 for a in arrays]
        if not rows or min(rows) != max(rows) or rows[0] == 0:
            raise ValueError(f"arrays must have the same number of rows, at least one, got {rows}")
        self.rng, self.arrays, self.batch_size = rng, tuple(arrays), batch_size

    def __len__(self) -> int:
        """Count the groups of one epoch."""
        return -(-len(self.arrays[0]) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Shuffle, then yield group after group."""
        order = self.rng.permutation(len(self.arrays[0]))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield tuple(a[rows] for a in self.arrays)


def _shipped(folder, name, sha256):
    """Return the text of a compressed file of this package, if it is the one that was shipped."""
    compressed = resources.files(f"helpers.{folder}").joinpath(name).read_bytes()
    found = hashlib.sha256(compressed).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{name} must have sha256 {sha256}, got {found}: the file is damaged; restore it with"
            f" `git checkout helpers/{folder}`"
        )
    return gzip.decompress(compressed).decode("utf-8")


def _no_text(name, words):
    """Return words; a text is refused, whose letters would pass for words."""
    if isinstance(words, str):
        raise TypeError(f"{name} must be lists of words, got the text {words!r:.40}")
    return words

"""The film reviews, from the shipped file to minibatches; and the bicycles."""

import gzip
import hashlib
import re
from importlib import resources

from helpers import data
from helpers.data import (
    PAD,
    UNKNOWN,
    Minibatches,
    Vocabulary,
    build_vocabulary,
    load_bike_rentals,
    load_characters,
    load_reviews,
    load_sentiment,
    pad,
    tokenize,
)

import numpy as np
import pytest
from cases import refused
from hypothesis import given
from hypothesis import strategies as st


def rng(seed=0):
    return np.random.default_rng(seed)


def test_all_reviews_are_there():
    reviews = load_reviews()
    assert sorted(review.id for review in reviews) == list(range(1, 10_606))
    assert all(-4 <= review.rating <= 4 for review in reviews)
    assert all(review.text == review.text.strip() and tokenize(review.text) for review in reviews)
    assert reviews[0].id == 1 and reviews[0].text.startswith("The Rock is destined to be")


SHIPPED = {
    "reviews": ("movie_review_snippets.tsv.gz", load_reviews),
    "bicycles": ("bikeshare_2011_hourly.csv.gz", load_bike_rentals),
}


@pytest.mark.parametrize("folder", SHIPPED)
def test_the_shipped_file_is_the_published_one(folder):
    files = resources.files(f"helpers.{folder}")
    published = re.search(r"`([0-9a-f]{64})`", files.joinpath("README.md").read_text("utf-8"))[1]
    raw = gzip.decompress(files.joinpath(SHIPPED[folder][0]).read_bytes())
    assert hashlib.sha256(raw).hexdigest() == published


@pytest.mark.parametrize("folder", SHIPPED)
@pytest.mark.parametrize(
    "damage",
    [lambda file: file[:-1], lambda file: b"", lambda file: file[:5000] + b"\x00" + file[5001:]],
)
def test_a_damaged_file_is_refused(folder, damage, tmp_path, monkeypatch):
    name, load = SHIPPED[folder]
    (tmp_path / name).write_bytes(
        damage(resources.files(f"helpers.{folder}").joinpath(name).read_bytes())
    )
    monkeypatch.setattr(data.resources, "files", lambda package: tmp_path)
    with refused(ValueError, name, "must have sha256", f"git checkout helpers/{folder}"):
        load()


def test_every_hour_of_the_year_has_a_row_and_every_missing_one_a_gap():
    rentals = load_bike_rentals()
    assert len(rentals) == 8760 and rentals.index.freq == "h"
    assert (str(rentals.index[0]), str(rentals.index[-1])) == (
        "2011-01-01 00:00:00",
        "2011-12-31 23:00:00",
    )
    measured = rentals[["bikers", "weather", "temperature", "humidity", "windspeed"]]
    assert (measured.isna().sum() == 115).all()
    assert measured.isna().all(axis=1).sum() == 115
    assert rentals.bikers.min() == 1 and rentals.bikers.max() == 651
    assert rentals.bikers.mean() == pytest.approx(143.794, abs=1e-3)


def test_holidays_and_working_days_are_known_for_every_hour():
    rentals = load_bike_rentals()
    assert rentals.holiday.dtype == rentals.workingday.dtype == bool
    by_day = rentals.groupby(rentals.index.date)[["holiday", "workingday"]].nunique()
    assert (by_day == 1).all(axis=None)
    thanksgiving = rentals.loc["2011-11-24"]
    assert thanksgiving.holiday.all() and not thanksgiving.workingday.any()
    weekend = rentals.index.day_of_week >= 5
    assert (rentals.workingday == ~(weekend | rentals.holiday)).all()


def test_a_row_of_the_source_stands_at_its_hour():
    rentals = load_bike_rentals()
    assert rentals.bikers.loc["2011-01-01"].iloc[:3].tolist() == [16, 40, 32]
    storm = rentals.bikers.loc["2011-01-26 18:00":"2011-01-27 15:00"]
    assert len(storm) == 22 and storm.isna().all()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \n\t", []),
        ("... -- !?", []),
        ("And yet, it still works.", ["and", "yet", "it", "still", "works"]),
        ("It isn't bad", ["it", "isn't", "bad"]),
        ("It isn’t bad", ["it", "isn't", "bad"]),  # a typographer's apostrophe
        ("'quoted' ends' 'tis", ["quoted", "ends", "tis"]),
        ("rock 'n' roll's o'clock'", ["rock", "n", "roll's", "o'clock"]),
        ("Café naïve ÉTÉ", ["café", "naïve", "été"]),
        ("cafe\u0301", ["café"]),  # é typed as e and an accent
        ("well-made, 3-D, 1930s", ["well", "made", "3", "d", "1930s"]),
        ("snake_case", ["snake", "case"]),
    ],
)
def test_tokenize(text, tokens):
    assert tokenize(text) == tokens


@given(st.text())
def test_tokens_are_words_and_tokenizing_them_again_changes_nothing(text):
    tokens = tokenize(text)
    assert all(token and not re.search(r"[\s_.,!?]", token) for token in tokens)
    assert tokenize(" ".join(tokens)) == tokens


def test_vocabulary_is_a_two_way_table():
    vocabulary = Vocabulary(["good", "film"])
    assert len(vocabulary) == 4 and vocabulary.words == (PAD, UNKNOWN, "good", "film")
    assert vocabulary.encode(["film", "good", "noir"]) == [3, 2, 1]
    assert vocabulary.decode([3, 2, 1, 0]) == ["film", "good", UNKNOWN, PAD]
    assert vocabulary.decode(np.array([2], np.int32)) == ["good"]
    assert vocabulary.encode([]) == [] == vocabulary.decode([])


def test_vocabulary_names_what_is_wrong():
    vocabulary = Vocabulary(["good"])
    with refused(ValueError, "numbers must lie between 0 and 2", "3"):
        vocabulary.decode([0, 3])
    with refused(ValueError, "numbers must lie between 0 and 2", "-1"):
        vocabulary.decode([-1])
    with refused(ValueError, "numbers must hold whole numbers", "float64"):
        vocabulary.decode([1.0])
    with refused(ValueError, "numbers must have shape (N,)", "(1, 2)"):
        vocabulary.decode([[1, 2]])
    with refused(ValueError, "words must be different", "'a'"):
        Vocabulary(["a", "b", "a"])
    with refused(ValueError, "words must be different", "'<pad>'"):
        Vocabulary([PAD])
    with refused(TypeError, "words must be lists of words, got the text 'good film'"):
        Vocabulary("good film")
    with refused(TypeError, "tokens must be lists of words"):
        vocabulary.encode("good film")


def test_build_vocabulary_takes_the_most_frequent_words():
    token_lists = [["d", "a", "c"], ["c", "a"], ["c", "b"]]
    assert build_vocabulary(token_lists, 6).words[2:] == (
        "c",
        "a",
        "b",
        "d",
    )  # b and d: once each, by the alphabet
    assert build_vocabulary(token_lists, 4).words[2:] == ("c", "a")
    assert build_vocabulary(iter(token_lists), 100).words[2:] == ("c", "a", "b", "d")
    for size in (0, 2, 2.5):
        with refused(ValueError, "size must be", repr(size)):
            build_vocabulary(token_lists, size)


def test_pad():
    sequences = [[5, 6], [], [7, 8, 9]]
    tokens, mask = pad(sequences)
    assert tokens.dtype == np.int32 and mask.dtype == bool
    np.testing.assert_array_equal(tokens, [[5, 6, 0], [0, 0, 0], [7, 8, 9]])
    np.testing.assert_array_equal(mask, [[True, True, False], [False] * 3, [True] * 3])
    tokens, mask = pad(sequences, side="left")
    np.testing.assert_array_equal(tokens, [[0, 5, 6], [0, 0, 0], [7, 8, 9]])
    np.testing.assert_array_equal(mask, [[False, True, True], [False] * 3, [True] * 3])


def test_pad_to_a_length():
    np.testing.assert_array_equal(pad([[5, 6], [7, 8, 9]], 2)[0], [[5, 6], [7, 8]])
    np.testing.assert_array_equal(pad([[5, 6], [7, 8, 9]], 2, "left")[0], [[5, 6], [7, 8]])
    np.testing.assert_array_equal(pad([[5]], 3, "left")[0], [[0, 0, 5]])
    tokens, mask = pad([[], []])
    np.testing.assert_array_equal(tokens, [[0], [0]])  # a network needs at least one step
    assert not mask.any()


sequences = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=6), min_size=1, max_size=5)


@given(sequences, st.none() | st.integers(1, 8), st.sampled_from(["left", "right"]))
def test_the_mask_finds_the_sequences_again(sequences, length, side):
    tokens, mask = pad(sequences, length, side)
    assert tokens.shape == mask.shape == (len(sequences), length or max(1, *map(len, sequences)))
    for row, real, sequence in zip(tokens, mask, sequences, strict=True):
        assert list(row[real]) == sequence[:length] and not row[~real].any()
        inwards = real if side == "right" else real[::-1]
        assert not np.any(inwards[1:] & ~inwards[:-1])  # no word after the first gap


def test_pad_takes_arrays():
    tokens, _ = pad([np.array([1, 2]), np.array([3])])
    np.testing.assert_array_equal(tokens, [[1, 2], [3, 0]])
    np.testing.assert_array_equal(pad(np.array([[1, 2]]))[0], [[1, 2]])


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (([],), ("sequences must hold at least one",)),
        (([[1]], 0), ("length must be a positive whole number", "0")),
        (([[1]], 2.0), ("length must be a positive whole number", "2.0")),
        (([[1]], None, "top"), ("side must be one of 'left', 'right'", "'top'")),
        (([[1.5, 2]],), ("sequences must hold whole numbers", "float64")),
        (([["good"]],), ("sequences must be an array of real numbers", "<U4")),
        (([[-1]],), ("sequences must lie between 0 and 2147483647", "-1")),
        (([[2**31]],), ("sequences must lie between 0 and 2147483647", "2147483648")),
    ],
)
def test_pad_names_what_is_wrong(arguments, parts):
    with refused(ValueError, *parts):
        pad(*arguments)


@pytest.fixture(scope="module")
def sentiment():
    return load_sentiment(rng())


def test_the_split_repeats_and_follows_its_seed(sentiment):
    again, other = load_sentiment(rng()), load_sentiment(rng(1))
    assert again[0].words == sentiment[0].words
    for part, same, different in zip(sentiment[1:], again[1:], other[1:], strict=True):
        assert part.reviews == same.reviews and part.reviews != different.reviews
        for a, b in zip(part[:3], same[:3], strict=True):
            np.testing.assert_array_equal(a, b)


def test_no_text_is_in_two_parts(sentiment):
    texts = [tuple(tokenize(review.text)) for part in sentiment[1:] for review in part.reviews]
    assert len(texts) == len(set(texts))
    clear = {review.text for review in load_reviews() if abs(review.rating) >= 0.5}
    assert {review.text for part in sentiment[1:] for review in part.reviews} == clear


def test_the_arrays_belong_to_the_reviews(sentiment):
    vocabulary, *parts = sentiment
    for tokens, mask, labels, reviews in parts:
        assert tokens.dtype == np.int32 and mask.dtype == bool and labels.dtype == np.float32
        assert tokens.shape == mask.shape == (len(reviews), parts[0].tokens.shape[1]) and len(
            labels
        ) == len(reviews)
        np.testing.assert_array_equal(labels, [review.rating > 0 for review in reviews])
        for n in range(0, len(reviews), 97):
            assert list(tokens[n, mask[n]]) == vocabulary.encode(tokenize(reviews[n].text))
    assert max(part.mask.sum(axis=1).max() for part in parts) == parts[0].tokens.shape[1]


def test_the_vocabulary_comes_from_training_alone(sentiment):
    vocabulary, train, validation, test = sentiment
    assert len(vocabulary) == 8000
    known = {word for review in train.reviews for word in tokenize(review.text)}
    assert set(vocabulary.words[2:]) <= known
    assert not (train.tokens[train.mask] == 0).any()
    assert (validation.tokens == 1).any() and (test.tokens == 1).any()


@pytest.mark.parametrize("fractions", [(0.7, 0.1, 0.2), (0.25, 0.25, 0.5), (0.8, 0.1, 0.1)])
def test_the_parts_have_the_sizes_asked_for(fractions):
    vocabulary, *parts = load_sentiment(rng(), vocabulary_size=50, fractions=fractions, neutral=2)
    sizes = np.array([len(part.reviews) for part in parts])
    assert np.abs(sizes - sizes.sum() * np.array(fractions)).max() <= 1
    assert len(vocabulary) == 50
    assert min(abs(review.rating) for part in parts for review in part.reviews) >= 2


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (dict(vocabulary_size=1), ("size must be at least 3", "1")),
        (dict(fractions=(0.5, 0.5)), ("fractions must be three positive numbers", "(0.5, 0.5)")),
        (dict(fractions=(0.7, 0.0, 0.3)), ("fractions must be three positive numbers", "0.0")),
        (dict(fractions=(0.7, 0.2, 0.2)), ("fractions must", "sum to 1", "(0.7, 0.2, 0.2)")),
        (dict(fractions=(1 - 2e-6, 1e-6, 1e-6)), ("fractions and neutral must leave reviews",)),
        (dict(neutral=0), ("neutral must be a positive number", "0")),
        (dict(neutral=5), ("fractions and neutral must leave reviews", "5", "0 + 0 + 0")),
    ],
)
def test_load_sentiment_names_what_is_wrong(changes, parts):
    with refused(ValueError, *parts):
        load_sentiment(**({"rng": rng()} | changes))


def test_characters():
    alphabet, tokens = load_characters(64)
    assert len(set(alphabet)) == len(alphabet) and alphabet[0] == "\n"
    assert tokens.dtype == np.int32 and tokens.shape[1] == 65
    assert tokens.min() == 0 and tokens.max() == len(alphabet) - 1
    text = "".join(alphabet[n] for n in tokens.ravel())
    assert text.startswith("the rock is destined to be the") and "  " not in text
    _, longer = load_characters(100)
    assert "".join(alphabet[n] for n in longer[:10].ravel()) == text[:1010]
    for window in (0, 1.5):
        with refused(ValueError, "window must be a positive whole number", repr(window)):
            load_characters(window)
    with refused(ValueError, "window must be shorter than the text", "100000000"):
        load_characters(10**8)


@given(st.integers(1, 20), st.integers(1, 25))
def test_minibatches_cover_every_row_once(rows, batch_size):
    x, y = np.arange(rows)[:, None] * np.ones((1, 3)), np.arange(rows)
    batches = Minibatches(rng(), (x, y), batch_size)
    groups = list(batches)
    assert len(groups) == len(batches)
    assert all(len(x_part) == len(y_part) == batch_size for x_part, y_part in groups[:-1])
    assert 1 <= len(groups[-1][0]) <= batch_size
    assert sorted(n for _, y_part in groups for n in y_part) == list(range(rows))
    for x_part, y_part in groups:
        np.testing.assert_array_equal(x_part[:, 0], y_part)


def test_minibatches_are_shuffled_anew_and_repeat_with_the_seed():
    rows = np.arange(100)
    batches = Minibatches(rng(), [rows], 10)
    one, two = (np.concatenate([part for (part,) in batches]) for _ in range(2))
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(
        np.concatenate([part for (part,) in Minibatches(rng(), [rows], 10)]), one
    )


def test_minibatches_do_not_touch_the_arrays():
    rows = np.arange(10.0)
    for (part,) in Minibatches(rng(), (rows,), 10):
        part[:] = -1
    np.testing.assert_array_equal(rows, np.arange(10))


def test_minibatches_name_what_is_wrong():
    with refused(ValueError, "batch_size must be a positive whole number", "0"):
        Minibatches(rng(), [np.ones(3)], 0)
    for arrays, rows in (([np.ones(3), np.ones(4)], "[3, 4]"), ([np.ones(0)], "[0]"), ([], "[]")):
        with refused(ValueError, "arrays must have the same number of rows", rows):
            Minibatches(rng(), arrays, 2)

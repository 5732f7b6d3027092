"""Chapter 7's exercises and interactive figures agree with the course's own functions."""

from functools import partial

from helpers import data, models
from helpers.output import softmax
from helpers.teaching import exercises, interactive
from helpers.teaching.exercises.engine import NOT_ATTEMPTED, RECOGNISED, RIGHT, WRONG
from helpers.teaching.exercises.real_text import TAUGHT, pair_reader
from helpers.teaching.interactive import real_text

import keras
import numpy as np
import pytest

# --- exercises: the solutions say what the course does


@pytest.mark.parametrize("patience", [1, 2, 3, 20])
def test_early_stopping_is_what_keras_does(patience):
    losses = [0.7, 0.6, 0.6, 0.5, 0.55, 0.52, 0.49, 0.5, 0.51, 0.6, 0.3]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callback = keras.callbacks.EarlyStopping(
        monitor="loss", mode="min", patience=patience, restore_best_weights=True
    )
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.stop_training = False
        callback.on_epoch_end(epoch, {"loss": loss})
        if model.stop_training:
            break
    assert exercises.early_stopping.answer(losses, patience) == (epoch, callback.best_epoch)


def test_sampling_probabilities_are_those_of_write():
    o = np.random.default_rng(0).normal(size=(3, 5))
    np.testing.assert_allclose(exercises.sampling_probabilities.answer(o, 0.4), softmax(o / 0.4))


def test_the_network_of_the_pairs_has_learnt_them():
    vocabulary, params = pair_reader()
    for positive, negative in TAUGHT:
        encoded = data.pad(
            [vocabulary.encode(data.tokenize(text)) for text in (positive, negative)]
        )
        p = models.classify(params, *encoded)
        assert p[0] > 0.9 and p[1] < 0.1, (positive, negative, p)


@pytest.mark.parametrize(
    ("pair", "kind", "says"),
    [
        ((..., ...), NOT_ATTEMPTED, "hint"),
        (("it is good", "it is good?"), WRONG, "no place here: ?"),
        (("", "it is good"), WRONG, "Two sentences"),
        (["it is good", "it is bad"], WRONG, "Two sentences"),
        (("it is good", "it is bad"), RECOGNISED, "in both: bad, good"),
        (("it is zany, not good", "it is good, not zany"), RECOGNISED, "does not know: zany"),
        (("It is good, not bad.", "it is bad, not good"), RECOGNISED, "“positive” is 1.00"),
        (("bad it is not, it is good", "good it is not, it is bad"), RIGHT, "“positive” is 0.0"),
    ],
)
def test_what_is_said_about_a_pair(pair, kind, says):
    feedback = exercises.breaking_pair.examine(pair)
    assert feedback.kind == kind
    assert says in feedback._repr_mimebundle_()["text/plain"]


# --- the interactive figures


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        ("", "no word to read"),
        ("?! …", "no word to read"),
        ("good", "After “good” p ="),
        ("Good, ZANY! zany <b>", "same <unk>: zany, b."),
        ("not " * 300, "Only the first 40 of 300 words"),
        ("donaudampfschifffahrtsgesellschaftskapitän " * 20, "same <unk>"),
    ],
)
def test_any_sentence_can_be_read_along(sentence, says):
    part = interactive.read_along()
    part.set(sentence=sentence)
    assert part.picture.error == "" and says in part.picture.sentence


def test_read_along_shows_the_numbers_of_its_reader():
    vocabulary, params = pair_reader()
    other = models.init_classifier(np.random.default_rng(0), 17, 4, 4)
    readers = {"one": params, "two": other}
    part = interactive.read_along(
        {name: partial(models.read_along, each) for name, each in readers.items()}, vocabulary
    )
    part.set(sentence="it is dull, not good")
    top, bottom, _ = part.figure.axes
    p, effect = models.read_along(
        params, np.array(vocabulary.encode("it is dull not good".split()))
    )
    np.testing.assert_array_equal(top.lines[0].get_ydata(), p)
    shown = [bar.get_height() for bar in bottom.patches if bar.get_visible()]
    np.testing.assert_allclose(shown, effect / np.abs(effect).max())
    part.set(network="two")
    assert not np.array_equal(top.lines[0].get_ydata(), p)


def test_next_probabilities_are_those_that_write_draws_from():
    params = models.init_network(np.random.default_rng(0), 4, 8, 4, np.float64)
    p = real_text.next_probabilities(params, [1, 2, 3], 0.5)
    drawn = [
        models.write(params, np.random.default_rng(n), [1, 2, 3], 1, 0.5)[0] for n in range(2000)
    ]
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 2000, p, atol=0.04)


@pytest.mark.parametrize("beginning", ["", "th", "Ünï <b> 123 " * 100])
def test_writing_starts_anywhere_at_any_temperature(beginning):
    part = interactive.temperature()
    for tau in (0.1, 1.0, 2.0):
        part.set(beginning=beginning, tau=tau)
        assert part.picture.error == "" and f"τ = {tau:.2f}" in part.picture.sentence
        heights = [bar.get_height() for bar in part.figure.axes[0].patches]
        assert sum(heights) == pytest.approx(1)

"""The classifier and the character model: gradients, consistency, the order of Keras's weights."""

from helpers.gradients import finite_difference
from helpers.models import (
    ClassifierParams,
    NetworkParams,
    char_loss,
    classifier_loss,
    classify,
    evaluate_classifier,
    init_classifier,
    init_network,
    read_along,
    write,
)

import numpy as np
import pytest
from cases import refused, relative_error
from hypothesis import given
from hypothesis import strategies as st

WORDS = CHARACTERS = 7


def rng(seed=0):
    return np.random.default_rng(seed)


def randomised(params, seed=0):
    """No bias is zero and no weight small, so that every parameter matters."""
    return type(params)(*(0.7 * rng(seed).standard_normal(a.shape).astype(a.dtype) for a in params))


def classifier(seed=0, dtype=np.float64):
    return randomised(init_classifier(rng(), WORDS, 3, 4, dtype), seed)


def char_model(seed=0, dtype=np.float64):
    return randomised(init_network(rng(), CHARACTERS, 5, CHARACTERS, dtype), seed)


TOKENS = np.array([[3, 2, 3, 0, 0], [5, 6, 1, 4, 2], [0, 0, 0, 0, 0]])
MASK = np.array([[True, True, True, False, False], [True] * 5, [False] * 5])
LABELS = np.array([1, 0, 1], np.float32)


def assert_gradients(loss_and_grads, params):
    _, grads = loss_and_grads(params)
    assert type(grads) is type(params)
    for name in params._fields:
        judge = finite_difference(
            lambda a, name=name: loss_and_grads(params._replace(**{name: a}))[0],
            getattr(params, name),
        )
        assert relative_error(getattr(grads, name), judge) < 1e-9, name


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32))
def test_gradients_of_the_classifier(B, T, seed):
    tokens, mask = rng(seed).integers(0, WORDS, (B, T)), rng(seed + 1).random((B, T)) < 0.7
    labels = rng(seed).random(B)
    params = randomised(init_classifier(rng(), WORDS, 2, 2, np.float64), seed)
    assert_gradients(lambda params: classifier_loss(params, tokens, mask, labels), params)


@given(st.integers(1, 3), st.integers(2, 5), st.integers(0, 2**32))
def test_gradients_of_the_character_model(B, length, seed):
    tokens = rng(seed).integers(0, 4, (B, length))
    params = randomised(init_network(rng(), 4, 2, 4, np.float64), seed)
    assert_gradients(lambda params: char_loss(params, tokens), params)


def test_classify_judges_what_classifier_loss_learns():
    p = classify(classifier(), TOKENS, MASK)
    assert p.shape == (3,) and np.all((p > 0) & (p < 1))
    loss, _ = classifier_loss(classifier(), TOKENS, MASK, LABELS)
    assert loss == pytest.approx(-np.mean(np.log([p[0], 1 - p[1], p[2]])), rel=1e-12)
    measured = evaluate_classifier(classifier(), TOKENS, MASK, LABELS)
    assert measured == {
        "loss": pytest.approx(loss, rel=1e-12),
        "accuracy": np.mean((p > 0.5) == (LABELS > 0.5)),
    }


def test_accuracy_counts_both_kinds_of_error():
    p = classify(classifier(), TOKENS, MASK)
    right = (p > 0.5).astype(np.float32)
    for wrong in ([], [0], [1, 2], [0, 1, 2]):
        labels = right.copy()
        labels[wrong] = 1 - labels[wrong]
        assert evaluate_classifier(classifier(), TOKENS, MASK, labels)["accuracy"] == pytest.approx(
            1 - len(wrong) / 3
        )


def test_padding_and_its_side_do_not_matter():
    p = classify(classifier(), TOKENS, MASK)
    left = classify(
        classifier(), np.array([[1, 1, 3, 2, 3]]), np.array([[False, False, True, True, True]])
    )
    alone = classify(classifier(), TOKENS[:1, :3], MASK[:1, :3])
    np.testing.assert_allclose([left[0], alone[0]], p[0], rtol=0, atol=1e-12)
    sure = classifier()._replace(b_o=np.array([2.0]))
    assert classify(sure, TOKENS, MASK)[2] == pytest.approx(
        1 / (1 + np.exp(-2)), rel=1e-12
    )  # no word: b_o alone


def test_words_that_are_not_in_the_batch_get_no_gradient():
    _, grads = classifier_loss(classifier(), TOKENS[:1], MASK[:1], LABELS[:1])
    np.testing.assert_array_equal(
        np.abs(grads.E).sum(axis=1) > 0, [False, False, True, True, False, False, False]
    )


def test_reading_along_agrees_with_classify():
    sentence = TOKENS[1]
    p, effect = read_along(classifier(), sentence)
    assert p.shape == effect.shape == (5,)
    for t in range(5):
        prefix = sentence[None, : t + 1]
        np.testing.assert_allclose(
            p[t], classify(classifier(), prefix, np.ones(prefix.shape, bool))[0], atol=1e-12
        )


def test_the_effect_of_a_word_is_the_slope_of_the_last_verdict_along_its_vector():
    params, sentence = classifier(), TOKENS[1]
    assert len(set(sentence)) == len(sentence)  # then the slope by x_t is the slope by one row of E
    slope = finite_difference(lambda E: read_along(params._replace(E=E), sentence)[0][-1], params.E)
    np.testing.assert_allclose(
        read_along(params, sentence)[1], np.sum(slope * params.E, axis=1)[sentence], atol=1e-9
    )


def test_char_loss_of_a_model_that_knows_nothing():
    blank = NetworkParams(*map(np.zeros_like, char_model()))
    assert char_loss(blank, TOKENS)[0] == pytest.approx(np.log(CHARACTERS), rel=1e-12)


def remembers_nothing(targets):
    """A model that always expects the same successor of a character: targets[k] after k."""
    V = len(targets)
    W_ho = np.full((V, V), -30.0)
    W_ho[np.arange(V), targets] = 30
    return NetworkParams(np.eye(V), np.zeros((V, V)), np.zeros(V), W_ho, np.zeros(V))


def test_writing_follows_the_model():
    successor = [2, 0, 3, 1]
    model = remembers_nothing(successor)
    assert write(model, rng(), [1], 6) == [0, 2, 3, 1, 0, 2]
    assert write(model, rng(), [0, 0, 3], 2) == [1, 0]
    assert char_loss(model, np.array([[0, 2, 3, 1, 0]]))[0] < 1e-12


@pytest.mark.filterwarnings("error")
def test_writing_near_temperature_0_takes_the_best_guess():
    model, start = char_model(), [1, 2]
    cold = [
        write(model, rng(seed), start, 12, temperature)
        for seed in range(3)
        for temperature in (1e-3, 5e-324)
    ]
    text = list(start)
    for _ in range(12):
        # The logit of a next character is what lowers its loss: the best guess has the smallest.
        losses = [char_loss(model, np.array([[*text, k]]))[0] for k in range(CHARACTERS)]
        text.append(int(np.argmin(losses)))
    assert all(written == text[2:] for written in cold)


def test_writing_draws_from_the_softmax_at_its_temperature():
    model = NetworkParams(*map(np.zeros_like, char_model()))._replace(b_o=np.log(np.arange(1.0, 8)))
    for temperature, power in ((1, 1), (0.5, 2), (1e6, 0)):
        counts = np.bincount(write(model, rng(), [0], 2000, temperature), minlength=CHARACTERS)
        weights = np.arange(1.0, 8) ** power
        np.testing.assert_allclose(counts / 2000, weights / weights.sum(), atol=0.04)


def test_writing_repeats_with_its_seed():
    model = char_model()
    assert (
        write(model, rng(1), [0], 30)
        == write(model, rng(1), [0], 30)
        != write(model, rng(2), [0], 30)
    )
    assert all(
        type(k) is int and 0 <= k < CHARACTERS for k in write(model, rng(1), np.array([0]), 30)
    )


def test_weights_are_in_the_order_of_keras():
    import keras  # 8 s: not on the way of the tests above

    params = classifier(dtype=np.float32)
    twin = keras.Sequential(
        [
            keras.layers.Embedding(WORDS, 3, mask_zero=True),
            keras.layers.SimpleRNN(4),
            keras.layers.Dense(1),
        ]
    )
    twin.build((None, None))
    twin.set_weights(list(params))
    p = classify(params, TOKENS, MASK)
    np.testing.assert_allclose(twin(TOKENS).numpy()[:, 0], np.log(p / (1 - p)), rtol=0, atol=1e-6)
    for ours, theirs in zip(params, ClassifierParams(*twin.get_weights()), strict=True):
        np.testing.assert_array_equal(ours, theirs)

    chars = char_model(dtype=np.float32)
    twin = keras.Sequential(
        [keras.layers.SimpleRNN(5, return_sequences=True), keras.layers.Dense(CHARACTERS)]
    )
    twin.build((None, None, CHARACTERS))
    twin.set_weights(list(chars))
    logits = twin(keras.ops.one_hot(TOKENS[:, :-1], CHARACTERS))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(TOKENS[:, 1:], logits)
    assert char_loss(chars, TOKENS)[0] == pytest.approx(float(loss), abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "parts"),
    [
        (dict(params=char_model()), TypeError, ("must be ClassifierParams(E, W", "NetworkParams")),
        (dict(params=list(classifier())), TypeError, ("params must be ClassifierParams", "list")),
        (
            dict(params=classifier()._replace(W_ho=np.ones((4, 2)))),
            ValueError,
            ("W_ho must have shape (H, 1)", "(4, 2)"),
        ),
        (dict(tokens=TOKENS[:, :0]), ValueError, ("tokens must", "axis 1 (T) is empty")),
        (dict(tokens=TOKENS + 1), ValueError, ("tokens must lie between 0 and 6", "from 1 to 7")),
        (dict(tokens=TOKENS - 1), ValueError, ("tokens must lie between 0 and 6", "from -1 to 5")),
        (dict(tokens=TOKENS > 0), ValueError, ("tokens must hold whole numbers", "bool")),
        (dict(mask=MASK[:, :4]), ValueError, ("mask must", "axis 1 is 4, but T = 5")),
        (dict(labels=LABELS[:2]), ValueError, ("labels must", "axis 0 is 2, but B = 3")),
        (dict(labels=LABELS * 2), ValueError, ("must lie between 0 and 1", "2.0")),
    ],
)
def test_the_classifier_names_what_is_wrong(changes, error, parts):
    arguments = dict(params=classifier(), tokens=TOKENS, mask=MASK, labels=LABELS) | changes
    with refused(error, *parts):
        classifier_loss(**arguments)
    with refused(error, *parts):
        evaluate_classifier(**arguments)
    if "labels" not in changes:
        del arguments["labels"]
        with refused(error, *parts):
            classify(**arguments)


def test_other_tokens_and_sizes_that_do_not_fit_are_named():
    with refused(ValueError, "tokens must have shape (T,)", "(3, 5)"):
        read_along(classifier(), TOKENS)
    with refused(ValueError, "tokens must have shape (B, T+1)", "(5,)"):
        char_loss(char_model(), TOKENS[0])
    with refused(ValueError, "tokens must be two a row at least", "(3, 1)"):
        char_loss(char_model(), TOKENS[:, :1])
    with refused(ValueError, "W_ho must", "axis 1 is 4, but V = 7"):
        char_loss(char_model()._replace(W_ho=np.ones((5, 4))), TOKENS)
    with refused(ValueError, "vocabulary_size must be a positive", "0"):
        init_classifier(rng(), 0, 2, 3)
    with refused(ValueError, "hidden_size must be a positive", "-3"):
        init_network(rng(), 9, -3, 9)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (dict(start=[]), ("start must have shape (T,)", "empty")),
        (dict(start=[7]), ("start must lie between 0 and 6", "7")),
        (dict(length=0), ("length must be a positive whole number", "0")),
        (dict(temperature=0), ("temperature must be a positive number", "0")),
    ],
)
def test_write_names_what_is_wrong(changes, parts):
    with refused(ValueError, *parts):
        write(**(dict(params=char_model(), rng=rng(), start=[0], length=3) | changes))


def test_a_new_classifier_starts_as_keras_would():
    params = init_classifier(rng(), 1000, 20, 10, np.float64)
    assert [a.shape for a in params] == [(1000, 20), (20, 10), (10, 10), (10,), (10, 1), (1,)]
    assert 0.0499 < np.abs(params.E).max() <= 0.05 and abs(params.E.mean()) < 1e-3
    assert [a.shape for a in init_network(rng(), 30, 8, 30)] == [
        (30, 8),
        (8, 8),
        (8,),
        (8, 30),
        (30,),
    ]

"""Gradients of random networks by two other ways, and what long sequences and extreme weights do.

`make test` looks at a few of each, `make stress` at hundreds. A failure names the seed.
"""

from helpers import tf_rnn
from helpers.gradients import finite_difference
from helpers.models import ClassifierParams, NetworkParams, char_loss, classifier_loss
from helpers.numpy_gru import GRUParams, gru_backward, gru_forward
from helpers.numpy_lstm import LSTMParams, lstm_backward, lstm_forward
from helpers.numpy_rnn import RNNParams, rnn_backward, rnn_forward, rnn_step

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import relative_error


def many(daily):
    """Seeds 0 to 511, of which so many are for every day."""
    marked = [pytest.param(seed, marks=pytest.mark.stress) for seed in range(daily, 512)]
    return pytest.mark.parametrize("seed", [*range(daily), *marked])


SMOOTH = ("tanh", "sigmoid", "linear")  # relu's kink, and a state that rounds to 0, have no slope


def recurrence(rng):
    """Σ dh · h for any small sizes, masked or not.

    A loss is (NumPy's with its gradients, TensorFlow's, the shapes of the arrays they take).
    """
    B, T, D, H = rng.integers(1, 6, 4)
    dh = rng.standard_normal((B, T, H))
    settings = rng.random((B, T)) < 0.6 if rng.random() < 0.7 else None, rng.choice(SMOOTH)

    def ours(*arrays):
        params, x, h_0 = RNNParams(*arrays[:3]), *arrays[3:]
        h = rnn_forward(params, x, h_0, *settings)
        return (dh * h).sum(), rnn_backward(params, x, h, dh, h_0, *settings)

    def in_tensorflow(*arrays):
        h = tf_rnn.rnn_forward(RNNParams(*arrays[:3]), *arrays[3:], *settings)
        return tf.reduce_sum(dh * h)

    return ours, in_tensorflow, [(D, H), (H, H), (H,), (B, T, D), (B, H)]


def lstm(rng):
    return gated(rng, keras.layers.LSTM, LSTMParams, lstm_forward, lstm_backward)


def gru(rng):
    return gated(rng, keras.layers.GRU, GRUParams, gru_forward, gru_backward)


def gated(rng, layer, kind, forward, backward):
    """Return Σ dh · h of Keras's layer with our weights, as `recurrence` does."""
    B, T, D, H = map(int, rng.integers(1, 6, 4))
    dh = rng.standard_normal((B, T, H))
    mask = rng.random((B, T)) < 0.6 if rng.random() < 0.7 else None
    last_only = rng.random() < 0.3
    if last_only:
        dh[:, :-1] = 0
    if mask is not None:  # before the first real step Keras shows zeros where we show h_0
        dh *= np.logical_or.accumulate(mask, axis=1)[..., None]
    layer = layer(H, return_sequences=True, dtype="float64")
    layer.build((B, T, D))

    def ours(*arrays):
        params, x, start = kind(*arrays[:3]), arrays[3], arrays[4:]
        states = forward(params, x, *start, mask)
        found = backward(params, x, states, dh[:, -1] if last_only else dh, *start, mask)
        return (dh * states.h).sum(), found

    def in_keras(*tensors):
        weights, x, start = tensors[:3], tensors[3], list(tensors[4:])
        others = layer.non_trainable_variables  # of dropout
        h, _ = layer.stateless_call(weights, others, x, initial_state=start, mask=mask)
        return tf.reduce_sum(dh * h)

    weights = [tuple(variable.shape) for variable in layer.trainable_variables]
    states = [(B, H)] * (2 if kind is LSTMParams else 1)
    return ours, in_keras, [*weights, (B, T, D), *states]


def classifier(rng):
    B, T, V, D, H = rng.integers(1, 5, 5)
    tokens, mask, labels = rng.integers(0, V, (B, T)), rng.random((B, T)) < 0.7, rng.random(B)

    def in_tensorflow(E, W_xh, W_hh, b, W_ho, b_o):
        x = tf.one_hot(tokens, V, dtype=tf.float64) @ E
        h = tf_rnn.rnn_forward(RNNParams(W_xh, W_hh, b), x, mask=mask)
        o = (h[:, -1] @ W_ho + b_o)[:, 0]
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, o))

    return (
        lambda *arrays: classifier_loss(ClassifierParams(*arrays), tokens, mask, labels),
        in_tensorflow,
        [(V, D), (D, H), (H, H), (H,), (H, 1), (1,)],
    )


def character_model(rng):
    B, T, V, H = rng.integers(1, 5, 4)
    tokens = rng.integers(0, V, (B, T + 1))

    def in_tensorflow(W_xh, W_hh, b, W_ho, b_o):
        x = tf.one_hot(tokens[:, :-1], V, dtype=tf.float64)
        o = tf_rnn.rnn_forward(RNNParams(W_xh, W_hh, b), x) @ W_ho + b_o
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tokens[:, 1:], o))

    return (
        lambda *arrays: char_loss(NetworkParams(*arrays), tokens),
        in_tensorflow,
        [(V, H), (H, H), (H,), (H, V), (V,)],
    )


def check_gradients(loss, seed):
    """To 1e-9 by finite differences, as exact as those are, and to 1e-11 by GradientTape."""
    rng = np.random.default_rng(seed)
    ours, in_tensorflow, shapes = loss(rng)
    arrays = [rng.uniform(-1, 1, shape) for shape in shapes]
    variables = [tf.Variable(a) for a in arrays]
    with tf.GradientTape() as tape:
        expected = in_tensorflow(*variables)
    taped = tape.gradient(expected, variables, unconnected_gradients="zero")
    found, grads = ours(*arrays)
    assert abs(found - expected) < 1e-11
    for n, (gradient, a) in enumerate(zip(grads, arrays, strict=True)):
        slope = finite_difference(lambda a, n=n: ours(*arrays[:n], a, *arrays[n + 1 :])[0], a)
        assert relative_error(gradient, slope) < 1e-9
        assert relative_error(gradient, taped[n].numpy()) < 1e-11


@many(daily=24)
@pytest.mark.parametrize("loss", [recurrence, classifier, character_model])
def test_gradients_are_the_slopes_and_the_tapes(loss, seed):
    check_gradients(loss, seed)


@many(daily=100)
@pytest.mark.parametrize("loss", [lstm, gru])
def test_gradients_through_gates_are_the_slopes_and_those_of_keras(loss, seed):
    check_gradients(loss, seed)


def with_radius(rng, D, H, radius, dtype):
    """Weights whose W_hh has this spectral radius."""
    W_hh = rng.standard_normal((H, H))
    W_hh *= radius / np.abs(np.linalg.eigvals(W_hh)).max()
    arrays = rng.standard_normal((D, H)) / np.sqrt(D), W_hh, 0.1 * rng.standard_normal(H)
    return RNNParams(*(a.astype(dtype) for a in arrays))


@many(daily=24)
def test_float32_stays_near_float64(seed):
    """States to 1e-5 and gradients to 1e-4, over up to 200 steps of a network that forgets."""
    rng = np.random.default_rng(seed)
    B, T, D, H = rng.integers(1, [9, 200, 9, 17])
    settings = rng.random((B, T)) < 0.8 if seed % 4 else None, SMOOTH[seed % 3]
    params = with_radius(rng, D, H, rng.uniform(0, 0.9), np.float32)
    x, dh = (rng.standard_normal((B, T, n)).astype(np.float32) for n in (D, H))
    results = []
    for dtype in (np.float32, np.float64):
        *weights, x, dh = (a.astype(dtype) for a in (*params, x, dh))
        h = rnn_forward(RNNParams(*weights), x, None, *settings)
        results.append([h, *rnn_backward(RNNParams(*weights), x, h, dh, None, *settings)])
    for n, (rounded, exact) in enumerate(zip(*results, strict=True)):
        assert relative_error(rounded, exact) < (1e-4 if n else 1e-5)


def unless_it_overflows(f, *arguments):
    """What f returns, or None when it says that the numbers overflowed."""
    try:
        return f(*arguments)
    except ValueError as error:
        assert "must be finite, but overflowed although every argument is finite" in str(error)


EXTREMES = [  # spectral radius of W_hh, and T
    *((radius, 300) for radius in (0.0, 5.0)),
    *(
        pytest.param(radius, T, marks=pytest.mark.stress)
        for radius in (0.0, 0.5, 0.9, 1.0, 1.1, 1.5, 2.0, 3.0, 4.0, 5.0)
        for T in (1, 30, 2000)
    ),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("dtype", "eps"), [(np.float32, 1e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("activation", [*SMOOTH, "relu"])
@pytest.mark.parametrize(("radius", "T"), EXTREMES)
def test_extreme_weights_give_finite_numbers_or_a_clear_word(radius, T, activation, dtype, eps):
    """States agree to 10 eps and gradients to 100, relative.

    Large weights amplify rounding, and NumPy and TensorFlow part: each step is checked from the one
    before it, and the gradients are those by TensorFlow's states.
    """
    rng = np.random.default_rng(1)
    params = with_radius(rng, 3, 8, radius, dtype)
    x, h_0, dh = (rng.standard_normal(s).astype(dtype) for s in ((2, T, 3), (2, 8), (2, 8)))

    @tf.function
    def in_tensorflow(params, x, h_0):
        with tf.GradientTape() as tape:
            tape.watch([*params, x, h_0])
            h = tf_rnn.rnn_forward(params, x, h_0, None, activation)
            loss = tf.reduce_sum(dh * h[:, -1])
        return h, tape.gradient(loss, [*params, x, h_0], unconnected_gradients="zero")

    h, taped = in_tensorflow(params, x, h_0)
    ours = unless_it_overflows(rnn_forward, params, x, h_0, None, activation)
    assert (ours is None) == (not np.isfinite(h).all())
    if ours is None:
        assert activation in ("relu", "linear") and radius > 1
        return
    for states in (ours, h.numpy()):
        before = np.concatenate([h_0[:, None], states[:, :-1]], axis=1)
        steps = rnn_step(params, x.reshape(-1, 3), before.reshape(-1, 8), activation)
        atol = 10 * eps * max(1, np.abs(steps).max())
        np.testing.assert_allclose(states, steps.reshape(h.shape), rtol=0, atol=atol)
    grads = unless_it_overflows(rnn_backward, params, x, states, dh, h_0, None, activation)
    assert (grads is None) == (not all(np.isfinite(gradient).all() for gradient in taped))
    for a, b in zip(grads or [], taped, strict=grads is not None):
        # TensorFlow takes subnormal numbers for zero.
        assert np.abs(a - b).max() <= 100 * eps * np.abs(a).max() + 1e3 * np.finfo(dtype).tiny

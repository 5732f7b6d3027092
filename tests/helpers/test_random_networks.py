"""Random networks.

Their gradients against finite differences and GradientTape, and what extreme weights do.

`make test` looks at a few of each, `make stress` at hundreds. A failure names the seed.
"""

from typing import NamedTuple

from helpers import tf_rnn
from helpers.gradients import finite_difference
from helpers.models import (
    NetworkParams,
    ClassifierParams,
    char_loss,
    classifier_loss,
    init_network,
    init_classifier,
)
from helpers.numpy_rnn import ACTIVATIONS, RNNGrads, RNNParams, rnn_backward, rnn_forward, rnn_step

import numpy as np
import pytest
import tensorflow as tf
from cases import random_params, refused, relative_error


def seeds(few, many):
    """Some seeds for every day, more for `make stress`."""
    cases = [range(few), pytest.param(range(many), marks=pytest.mark.stress)]
    return pytest.mark.parametrize("seeds", cases, ids=lambda seeds: f"{len(seeds)} networks")


class Network(NamedTuple):
    """What `rnn_forward` takes, and the gradient of the loss by its states.

    (B, T, H), or (B, H) for the last alone.
    """

    params: RNNParams
    x: np.ndarray
    h_0: np.ndarray | None
    mask: np.ndarray | None
    activation: str
    dh: np.ndarray

    def forward(self, params, x, h_0, rnn=rnn_forward):
        return rnn(params, x, h_0, self.mask, self.activation)

    def loss(self, params, x, h_0):
        h = self.forward(params, x, h_0)
        return float((self.dh * (h if self.dh.ndim == 3 else h[:, -1])).sum())


def random_network(seed):
    """One of every small size, 1 included; masks of every kind.

    None, holes, no first step, a row without a step.
    """
    rng = np.random.default_rng(seed)
    B, T, D, H = (int(n) for n in rng.integers(1, 6, 4))
    activation = sorted(ACTIVATIONS)[seed % 4]
    masks = [
        None,
        rng.random((B, T)) < 0.6,
        np.arange(T) >= np.ones((B, 1)),
        np.arange(B)[:, None] >= np.ones((1, T)),
    ]
    mask, last_only = masks[seed // 4 % 4], seed // 16 % 2
    while True:
        network = Network(
            random_params(rng, D, H, scale=rng.uniform(0.2, 1)),
            rng.standard_normal((B, T, D)),
            rng.standard_normal((B, H)) if rng.random() < 0.7 else None,
            mask,
            activation,
            rng.standard_normal((B, H) if last_only else (B, T, H)),
        )
        if activation != "relu" or away_from_the_kink(network):
            return network


def away_from_the_kink(network):
    """Tell whether no relu is so near to 0 that a finite difference would step over its kink."""
    B, T, _ = network.x.shape
    h = network.forward(*network[:3])
    h_0 = np.zeros_like(h[:, :1]) if network.h_0 is None else network.h_0[:, None]
    h_prev = np.concatenate([h_0, h[:, :-1]], axis=1)
    z = rnn_step(network.params, network.x.reshape(B * T, -1), h_prev.reshape(B * T, -1), "linear")
    return np.abs(z).min() > 1e-3


def slopes(f, arrays):
    """Differentiate f(*arrays) by each of its arrays."""
    return [
        finite_difference(lambda a, n=n: f(*arrays[:n], a, *arrays[n + 1 :]), array)
        for n, array in enumerate(arrays)
    ]


def taped(f, arrays):
    """The same by automatic differentiation: f maps tensors to a scalar tensor."""
    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        loss = f(*tensors)
    gradients = tape.gradient(loss, tensors, unconnected_gradients="zero")
    return [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def assert_three_agree(found, f, f_in_tensorflow, arrays, names, seed):
    """Hold gradients to finite differences (1e-8, as exact as these are) and to GradientTape (1e-11)."""
    judges = zip(names, found, slopes(f, arrays), taped(f_in_tensorflow, arrays), strict=True)
    for name, gradient, slope, tape in judges:
        assert relative_error(gradient, slope) < 1e-8, (seed, name, "finite differences")
        assert relative_error(gradient, tape) < 1e-11, (seed, name, "GradientTape")


@seeds(24, 512)
def test_backward_is_the_slope_of_forward(seeds):
    for seed in seeds:
        network = random_network(seed)
        params, x, h_0, mask, activation, dh = network
        h = network.forward(params, x, h_0)
        grads = rnn_backward(params, x, h, dh, h_0, mask, activation)
        start = np.zeros_like(h[:, 0]) if h_0 is None else h_0

        def loss_in_tensorflow(*arrays, network=network):
            h = network.forward(RNNParams(*arrays[:3]), *arrays[3:], rnn=tf_rnn.rnn_forward)
            return tf.reduce_sum(network.dh * (h if network.dh.ndim == 3 else h[:, -1]))

        assert_three_agree(
            grads,
            lambda *arrays, network=network: network.loss(RNNParams(*arrays[:3]), *arrays[3:]),
            loss_in_tensorflow,
            [*params, x, start],
            RNNGrads._fields,
            seed,
        )
        if mask is not None:
            idle = ~mask.any(
                axis=1
            )  # rows without a step: the state is carried, and so is the gradient
            np.testing.assert_array_equal(
                h[idle], np.broadcast_to(start[idle, None], h[idle].shape)
            )
            np.testing.assert_array_equal(grads.x[~mask], 0)
            arrived = dh if dh.ndim == 2 else dh.sum(axis=1)
            np.testing.assert_allclose(grads.h_0[idle], arrived[idle], rtol=0, atol=1e-13)


@seeds(4, 128)
def test_gradients_of_the_classifier(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        B, T, V, D, H = rng.integers(1, 5, 5)
        params = init_classifier(rng, int(V), int(D), int(H), np.float64)
        params = ClassifierParams(*(rng.uniform(-1, 1, a.shape) for a in params))
        tokens, mask, labels = rng.integers(0, V, (B, T)), rng.random((B, T)) < 0.7, rng.random(B)

        def loss_in_tensorflow(*arrays, tokens=tokens, mask=mask, labels=labels):
            E, W_xh, W_hh, b, W_ho, b_o = arrays
            h_T = tf_rnn.rnn_forward(RNNParams(W_xh, W_hh, b), tf.gather(E, tokens), mask=mask)[
                :, -1
            ]
            o = (h_T @ W_ho + b_o)[:, 0]
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, o))

        batch = tokens, mask, labels
        assert_three_agree(
            classifier_loss(params, *batch)[1],
            lambda *arrays, batch=batch: classifier_loss(ClassifierParams(*arrays), *batch)[0],
            loss_in_tensorflow,
            list(params),
            ClassifierParams._fields,
            seed,
        )


@seeds(4, 128)
def test_gradients_of_the_character_model(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        B, T, V, H = rng.integers(1, 5, 4)
        params = NetworkParams(
            *(rng.uniform(-1, 1, a.shape) for a in init_network(rng, int(V), int(H), int(V), np.float64))
        )
        tokens = rng.integers(0, V, (B, T + 1))

        def loss_in_tensorflow(*arrays, tokens=tokens):
            W_xh, W_hh, b, W_ho, b_o = arrays
            x = tf.one_hot(tokens[:, :-1], len(b_o), dtype=tf.float64)
            o = tf.tensordot(tf_rnn.rnn_forward(RNNParams(W_xh, W_hh, b), x), W_ho, axes=1) + b_o
            return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tokens[:, 1:], o))

        assert_three_agree(
            char_loss(params, tokens)[1],
            lambda *arrays, tokens=tokens: char_loss(NetworkParams(*arrays), tokens)[0],
            loss_in_tensorflow,
            list(params),
            NetworkParams._fields,
            seed,
        )


@seeds(20, 200)
def test_float32_stays_near_float64(seeds):
    """States within 1e-5 and gradients within 1e-4, relative, over up to 200 steps of a network that forgets."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        B, T, D, H = rng.integers(1, [9, 200, 9, 17])
        activation = sorted(ACTIVATIONS)[seed % 4]
        params = with_radius(rng, D, H, rng.uniform(0, 0.9), np.float32)
        x, dh = (rng.standard_normal((B, T, n)).astype(np.float32) for n in (D, H))
        mask = rng.random((B, T)) < 0.8 if seed % 3 else None
        exact, x_exact, dh_exact = (
            RNNParams(*map(np.float64, params)),
            x.astype(np.float64),
            dh.astype(np.float64),
        )
        h, h_exact = (
            rnn_forward(params, x, None, mask, activation),
            rnn_forward(exact, x_exact, None, mask, activation),
        )
        assert h.dtype == np.float32 and relative_error(h, h_exact) < 1e-5, seed
        if activation != "relu":  # a state that rounds to 0 has another slope
            grads = rnn_backward(params, x, h, dh, None, mask, activation)
            for name, a, b in zip(
                RNNGrads._fields,
                grads,
                rnn_backward(exact, x_exact, h_exact, dh_exact, None, mask, activation),
                strict=True,
            ):
                assert a.dtype == np.float32 and relative_error(a, b) < 1e-4, (seed, name)


# --- extreme weights
# --------------------------------------------------------------------------------------------------


def with_radius(rng, D, H, radius, dtype):
    """Weights whose W_hh has this spectral radius, in float64 to the last bits."""
    W_hh = rng.standard_normal((H, H))
    W_hh *= radius / np.abs(np.linalg.eigvals(W_hh)).max()
    arrays = rng.standard_normal((D, H)) / np.sqrt(D), W_hh, 0.1 * rng.standard_normal(H)
    return RNNParams(*(a.astype(dtype) for a in arrays))


def overflowed(f, *arguments, **more):
    """What f returns, or None when it says that the numbers overflowed."""
    try:
        return f(*arguments, **more)
    except ValueError as error:
        assert "must be finite, but overflowed although every argument is finite" in str(error)


ALL_RADII = (0.0, 0.5, 0.9, 1.0, 1.1, 1.5, 2.0, 3.0, 4.0, 5.0)
EPS = {
    np.float32: 1e-6,
    np.float64: 1e-14,
}  # states within 10 of these, gradients within 100, relative


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("radii", "lengths"),
    [((0.0, 5.0), (1, 300)), pytest.param(ALL_RADII, (1, 30, 2000), marks=pytest.mark.stress)],
)
def test_extreme_weights_give_finite_numbers_or_a_clear_word(activation, dtype, radii, lengths):
    """Large weights amplify rounding, and NumPy and TensorFlow part.

    Each step is checked from the one before it.
    """

    shapes = (3, 8), (8, 8), (8,), (2, None, 3), (2, 8), (2, 8)

    @tf.function(input_signature=[tf.TensorSpec(shape, dtype) for shape in shapes])
    def in_tensorflow(W_xh, W_hh, b, x, h_0, dh):
        arrays = [W_xh, W_hh, b, x, h_0]
        with tf.GradientTape() as tape:
            tape.watch(arrays)
            h = tf_rnn.rnn_forward(RNNParams(W_xh, W_hh, b), x, h_0, activation=activation)
            loss = tf.reduce_sum(dh * h[:, -1])
        return h, tape.gradient(loss, arrays, unconnected_gradients="zero")

    for seed, radius in enumerate(radii):
        for T in lengths:
            rng = np.random.default_rng(seed)
            params = with_radius(rng, 3, 8, radius, dtype)
            x, h_0, dh = (
                rng.standard_normal(shape).astype(dtype) for shape in ((2, T, 3), (2, 8), (2, 8))
            )
            h_found, grads_found = in_tensorflow(*params, x, h_0, dh)
            h_found, grads_found = h_found.numpy(), [gradient.numpy() for gradient in grads_found]
            h = overflowed(rnn_forward, params, x, h_0, activation=activation)
            assert (h is None) == (not np.isfinite(h_found).all())
            if h is None:
                assert activation in ("relu", "linear") and radius > 1
                continue
            for states in (h, h_found):
                before = np.concatenate([h_0[:, None], states[:, :-1]], axis=1)
                step = rnn_step(params, x.reshape(2 * T, 3), before.reshape(2 * T, 8), activation)
                size = max(1, np.abs(states).max())
                np.testing.assert_allclose(
                    states.reshape(2 * T, 8), step, rtol=0, atol=10 * EPS[dtype] * size
                )
            overflowed(rnn_backward, params, x, h, dh, h_0, activation=activation)
            grads = overflowed(rnn_backward, params, x, h_found, dh, h_0, activation=activation)
            if grads is None:
                assert not all(np.isfinite(gradient).all() for gradient in grads_found)
            else:
                lost = (
                    1e3 * np.finfo(dtype).tiny
                )  # TensorFlow takes what is below the smallest normal float for zero
                for name, a, b in zip(RNNGrads._fields, grads, grads_found, strict=True):
                    assert np.abs(a - b).max() <= 100 * EPS[dtype] * np.abs(a).max() + lost, (
                        radius,
                        T,
                        name,
                    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_that_doubles_its_state_says_when_it_overflows(dtype):
    """The last T whose 2ᵀ this dtype can hold, and the next."""
    doubling = RNNParams(np.ones((1, 1), dtype), np.full((1, 1), 2, dtype), np.zeros(1, dtype))
    last = int(np.finfo(dtype).maxexp) - 1
    h = rnn_forward(
        doubling, np.zeros((1, last, 1), dtype), np.ones((1, 1), dtype), activation="linear"
    )
    assert h[0, -1, 0] == 2.0**last
    with refused(ValueError, "h must be finite, but overflowed"):
        rnn_forward(
            doubling, np.zeros((1, last + 1, 1), dtype), np.ones((1, 1), dtype), activation="linear"
        )

"""How fast are the recurrences?

`make bench` times `helpers.numpy_rnn`, `numpy_lstm` and `numpy_gru` beside Keras's `SimpleRNN`,
`LSTM` and `GRU`, and prints the README's tables.

All compute the same in float32: the states, and the gradient of a loss on the last state by W_xh,
W_hh, b and x, as NumPy arrays. The gradients are compared before anything is timed. The floor is
the matrix products alone: what would be left if σ, additions, checks and memory were free.
"""

import os
import platform
import re
import statistics
import sys
import time
import timeit
from functools import partial
from pathlib import Path

import helpers  # noqa: F401, before keras and tensorflow, whose environment variables it sets
from helpers import numpy_gru, numpy_lstm, numpy_rnn

import keras
import numpy as np
import tensorflow as tf

SIZES = [
    (1, 25, 80, 100),
    (4, 80, 100, 64),
    (32, 80, 100, 64),
    (128, 80, 100, 64),
    (128, 80, 100, 128),
    (64, 200, 128, 256),
]
ROUNDS, CALLS = 10, 3  # the median is that of 30 calls, 3 in each round
REST = 0.05  # seconds between two contestants, as TensorFlow's threads spin on for a while


def simple_rnn(params, x, g):
    """`helpers.numpy_rnn`, checks included, as the next two."""
    h = numpy_rnn.rnn_forward(params, x)
    return numpy_rnn.rnn_backward(params, x, h, g)[:4]


def lstm(params, x, g):
    """`helpers.numpy_lstm`."""
    states = numpy_lstm.lstm_forward(params, x)
    return numpy_lstm.lstm_backward(params, x, states, g)[:4]


def gru(params, x, g):
    """`helpers.numpy_gru`."""
    states = numpy_gru.gru_forward(params, x)
    return numpy_gru.gru_backward(params, x, states, g)[:4]


NETWORKS = {  # the name of our module: how it starts, both passes, Keras's layer
    "numpy_rnn": (numpy_rnn.init_params, simple_rnn, keras.layers.SimpleRNN),
    "numpy_lstm": (numpy_lstm.init_params, lstm, keras.layers.LSTM),
    "numpy_gru": (numpy_gru.init_params, gru, keras.layers.GRU),
}


def with_keras(layer, params, x, g, **options):
    """Return a function that runs `layer` both ways in `tf.function(**options)`."""
    layer.build(x.shape)
    layer.set_weights(params)

    @tf.function(**options)
    def gradients(x, g):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) * g)
        return tape.gradient(loss, [*layer.trainable_weights, x])

    x, g = tf.constant(x), tf.constant(g)
    return lambda: [gradient.numpy() for gradient in gradients(x, g)]


def products_alone(params, x):
    """Return the products of both passes with nothing between them; their numbers mean nothing."""
    W_xh, W_hh, _ = params
    B, T, D = x.shape
    x_rows = x.swapaxes(0, 1).reshape(T * B, D)
    W_xh_T, W_hh_T = W_xh.T.copy(), W_hh.T.copy()
    h, z = (np.zeros((T, B, n), np.float32) for n in W_hh.shape)
    h_rows, z_rows = h.reshape(T * B, -1), z.reshape(T * B, -1)
    z_t, h_t = np.empty_like(z[0]), np.empty_like(h[0])

    def run():
        x_rows @ W_xh
        for t in range(T):
            np.matmul(h[t], W_hh, out=z_t)
        for t in range(T):
            np.matmul(z[t], W_hh_T, out=h_t)
        return x_rows.T @ z_rows, h_rows[:-B].T @ z_rows[B:], z_rows @ W_xh_T

    return run


def contestants(name, B, T, D, H):
    """Return the functions to be timed, all on one random problem."""
    start, ours, layer = NETWORKS[name]
    rng = np.random.default_rng(0)
    params = start(rng, D, H)
    x = rng.standard_normal((B, T, D), np.float32)
    g = rng.standard_normal((B, H), np.float32)  # gradient of the loss by the last state
    return (
        partial(ours, params, x, g),
        with_keras(layer(H), params, x, g),
        with_keras(layer(H), params, x, g, jit_compile=True),
        products_alone(params, x),
    )


def check_agreement(numpy, graph, xla):
    """Raise AssertionError unless all find the same gradients."""
    for expected, *found in zip(numpy(), graph(), xla(), strict=True):
        error = np.abs(np.subtract(found, expected)).max() / np.abs(expected).max()
        assert error < 1e-3, f"the gradients differ by {error:.1e} of the largest"


def race(runs):
    """Time the functions in turn, round after round, and return the median of each in seconds."""
    times = [[] for _ in runs]
    for _ in range(ROUNDS):
        for run, measured in zip(runs, times, strict=True):
            time.sleep(REST)
            run()  # after a rest the caches are cold
            measured += timeit.repeat(run, number=1, repeat=CALLS)
    return [statistics.median(measured) for measured in times]


def processor():
    """The model's name where Linux tells it, otherwise what Python knows."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return model[1] if model else platform.processor() or platform.machine()


def main():
    settings = [name for name in os.environ if name.startswith("OPENBLAS_")]
    if settings:
        sys.exit(f"Unset {', '.join(settings)} first: NumPy may be slower with it.")
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"NumPy {np.__version__}, TensorFlow {tf.__version__}, Keras {keras.__version__}\n")
    for name, (_, _, layer) in NETWORKS.items():
        heads = f"`helpers.{name}`", f"`{layer.__name__}` in `tf.function`"
        print("| B, T, D, H", *heads, "with XLA", "matrix products alone |", sep=" | ")
        print("|---|---|---|---|---|")
        for size in SIZES:
            runs = contestants(name, *size)
            check_agreement(*runs[:3])
            numpy, *others = race(runs)
            ratios = " | ".join(f"× {other / numpy:.2f}" for other in others)
            print(f"| {', '.join(map(str, size))} | {numpy * 1e3:.2f} ms | {ratios} |", flush=True)
        print()


if __name__ == "__main__":
    main()

"""How fast is the recurrence?

`make bench` measures `helpers.numpy_rnn` beside the frameworks, interleaved in one run.

Every contestant computes the same thing in float32: the states, and the gradient of a loss by W_xh,
W_hh, b and x. Their gradients are compared before anything is timed. The floor is the matrix
products alone, in NumPy: what the recurrence would cost if σ, additions and checks were free.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import helpers  # before keras and tensorflow, whose environment variables it sets
from helpers import models, numpy_rnn, tf_rnn
from helpers.data import Minibatches, load_characters, load_sentiment
from helpers.teaching import figures
from helpers.training import Adam, updates

import keras
import numpy as np
import tensorflow as tf

BUILD = Path(__file__).parents[2] / "build"
SIZES = [
    (1, 25, 80, 100),
    (4, 80, 100, 64),
    (32, 80, 100, 64),
    (128, 80, 100, 64),
    (128, 80, 100, 128),
    (64, 200, 128, 256),
]
LOSSES = ("last state", "every state")
OURS, FLOOR = "helpers.numpy_rnn", "matrix products alone"

REST = 0.05  # seconds between two contestants

# What the README promises. Ratios, so that they hold on other machines too; never asserted by a
# test.
FASTER_THAN_FRAMEWORKS = 1.3
FASTER_WHEN_SMALL, SMALL = 3.0, 4  # at B ≤ 4
AT_MOST_FLOOR, LARGE = 1.25, 32  # at B ≥ 32


# The contestants: each takes one problem and returns a function that computes the gradients (W_xh,
# W_hh, b, x).


def ours(params, x, g):
    """The course's own functions, checks included."""

    def run():
        h = numpy_rnn.rnn_forward(params, x)
        return numpy_rnn.rnn_backward(params, x, h, g)[:4]

    return run


def floor(params, x, g):
    """The same matrix products with nothing between them; its numbers are meaningless."""
    W_xh, W_hh, _ = params
    B, T, D = x.shape
    rows, W_xh_T, W_hh_T = x.swapaxes(0, 1).reshape(T * B, D).copy(), W_xh.T.copy(), W_hh.T.copy()
    z, out = np.zeros((T, B, len(W_hh)), x.dtype), np.empty((B, len(W_hh)), x.dtype)
    z_rows = z.reshape(T * B, -1)

    def run():
        rows @ W_xh
        for z_t in z:
            np.matmul(z_t, W_hh, out=out)
        for z_t in z[::-1]:
            np.matmul(z_t, W_hh_T, out=out)
        return rows.T @ z_rows, z_rows[B:].T @ z_rows[:-B], None, z_rows @ W_xh_T

    return run


def classic(params, x, g):
    """The usual teaching style: one sample, one character, one column vector at a time."""
    W_xh, W_hh, b = params.W_xh.T.copy(), params.W_hh.T.copy(), params.b[:, None]

    def run():
        dW_xh, dW_hh, db, dx = (
            np.zeros_like(W_xh),
            np.zeros_like(W_hh),
            np.zeros_like(b),
            np.empty_like(x),
        )
        for n, sequence in enumerate(x):
            h = {-1: np.zeros_like(b)}
            for t, x_t in enumerate(sequence):
                h[t] = np.tanh(W_xh @ x_t[:, None] + W_hh @ h[t - 1] + b)
            carry = np.zeros_like(b)
            for t in reversed(range(len(sequence))):
                direct = g[n, t] if g.ndim == 3 else g[n] if t == len(sequence) - 1 else None
                carry = carry if direct is None else carry + direct[:, None]
                dz = (1 - h[t] * h[t]) * carry
                db += dz
                dW_xh += dz @ sequence[t][None]
                dW_hh += dz @ h[t - 1].T
                dx[n, t] = (W_xh.T @ dz)[:, 0]
                carry = W_hh.T @ dz
        return dW_xh.T, dW_hh.T, db[:, 0], dx

    return run


def simple_rnn(**compiled):
    """`keras.layers.SimpleRNN` with GradientTape: eager, or in `tf.function(**compiled)`."""

    def make(params, x, g):
        layer = keras.layers.SimpleRNN(len(params.b), return_sequences=g.ndim == 3)
        layer.build(x.shape)
        layer.set_weights(params)
        weights = [variable.value for variable in layer.trainable_weights]
        return _tape(lambda x: layer(x), weights, x, g, compiled)

    return make


def our_tensorflow(params, x, g):
    """`helpers.tf_rnn`: the same loop on tensors, inside a graph."""
    weights = [tf.Variable(weight) for weight in params]
    states = lambda x: tf_rnn.rnn_forward(numpy_rnn.RNNParams(*weights), x)  # noqa: E731
    return _tape(
        states if g.ndim == 3 else lambda x: states(x)[:, -1],
        weights,
        x,
        g,
        {"reduce_retracing": True},
    )


def _tape(states, weights, x, g, compiled):
    x, g = tf.constant(x), tf.constant(g)

    def gradients(x, g):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(states(x) * g)
        return tape.gradient(loss, [*weights, x])

    run = tf.function(gradients, **compiled) if compiled else gradients
    return lambda: [np.asarray(gradient) for gradient in run(x, g)]


def torch_rnn(params, x, g):
    """`torch.nn.RNN`, where torch is installed."""
    import torch

    layer = torch.nn.RNN(params.W_xh.shape[0], len(params.b), batch_first=True)
    with torch.no_grad():
        for name, value in (
            ("weight_ih", params.W_xh.T),
            ("weight_hh", params.W_hh.T),
            ("bias_ih", params.b),
        ):
            getattr(layer, f"{name}_l0").copy_(torch.from_numpy(np.ascontiguousarray(value)))
        layer.bias_hh_l0.zero_()
    weights = layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0
    x, g = torch.from_numpy(x).requires_grad_(), torch.from_numpy(g)

    def run():
        h = layer(x)[0]
        loss = ((h if g.ndim == 3 else h[:, -1]) * g).sum()
        dW_xh, dW_hh, db, dx = torch.autograd.grad(loss, (*weights, x))
        return dW_xh.numpy().T, dW_hh.numpy().T, db.numpy(), dx.numpy()

    return run


CONTESTANTS = {
    OURS: ours,
    "SimpleRNN, eager": simple_rnn(),
    "SimpleRNN, tf.function": simple_rnn(reduce_retracing=True),
    "SimpleRNN, XLA": simple_rnn(jit_compile=True),
    "helpers.tf_rnn, tf.function": our_tensorflow,
    **({"torch.nn.RNN": torch_rnn} if find_spec("torch") else {}),
    "classic column loop": classic,
    FLOOR: floor,
}
FRAMEWORKS = [name for name in CONTESTANTS if name not in (OURS, FLOOR, "classic column loop")]


def problem(B, T, D, H, loss):
    """One random problem.

    Weights, inputs, and the gradient g of the loss by the last state or by every state.
    """
    rng = np.random.default_rng(0)
    params = numpy_rnn.init_params(rng, D, H)
    x = rng.standard_normal((B, T, D), np.float32)
    return params, x, rng.standard_normal((B, H) if loss == "last state" else (B, T, H), np.float32)


def race(runs: dict[str, Callable], seconds: float) -> dict[str, list[float]]:
    """Time the functions in turn, round after round, until `seconds` for each have gone by.

    At least five rounds.
    """
    times = {name: [] for name in runs}
    end = time.perf_counter() + seconds * len(runs)
    gc.disable()
    try:
        while min(map(len, times.values())) < 5 or time.perf_counter() < end:
            for name, run in runs.items():
                # Threads of the one before may still spin, waiting for more work; and after a rest
                # the caches are cold.
                time.sleep(REST)
                run()
                # Short ones are repeated within a round, or the clock would decide.
                repeats = (
                    1
                    if not times[name]
                    else max(1, min(20, int(0.01 / max(times[name][-1], 1e-9))))
                )
                start = time.perf_counter()
                for _ in range(repeats):
                    run()
                times[name].append((time.perf_counter() - start) / repeats)
            gc.collect()
    finally:
        gc.enable()
    return times


def check_gradients(runs):
    """Raise AssertionError unless all contestants agree on the gradients.

    NumPy's are the reference.
    """
    reference = runs[OURS]()
    for name, run in runs.items():
        if name != FLOOR:
            for part, value, expected in zip(
                ("W_xh", "W_hh", "b", "x"), run(), reference, strict=True
            ):
                error = np.abs(value - expected).max() / np.abs(expected).max()
                assert error < 1e-3, f"{name}: the gradient by {part} is off by {error:.1e}"


def summary(times):
    """Median and quartiles in milliseconds."""
    low, median, high = statistics.quantiles(times, n=4)
    return {
        "median_ms": median * 1e3,
        "low_ms": low * 1e3,
        "high_ms": high * 1e3,
        "rounds": len(times),
    }


def measure_sizes(seconds):
    """Return a row for each size and loss.

    The time of every contestant, and how the targets are met.
    """
    rows = []
    for size in SIZES:
        for loss in LOSSES:
            data = problem(*size, loss)
            runs = {name: make(*data) for name, make in CONTESTANTS.items()}
            check_gradients(runs)
            rows.append(
                {
                    "size": size,
                    "loss": loss,
                    "times": {n: summary(t) for n, t in race(runs, seconds).items()},
                }
            )
            print_row(rows[-1])
    return rows


def ratios(row):
    """Return (fastest framework / ours, ours / floor, the name of that framework)."""
    median = {name: t["median_ms"] for name, t in row["times"].items()}
    fastest = min(FRAMEWORKS, key=median.get)
    return median[fastest] / median[OURS], median[OURS] / median[FLOOR], fastest


def print_row(row):
    B = row["size"][0]
    faster, above_floor, fastest = ratios(row)
    wanted = FASTER_WHEN_SMALL if B <= SMALL else FASTER_THAN_FRAMEWORKS
    print(f"\nB, T, D, H = {row['size']}, loss on the {row['loss']}")
    for name, t in sorted(row["times"].items(), key=lambda item: item[1]["median_ms"]):
        print(f"  {name:28} {t['median_ms']:9.2f} ms   ({t['low_ms']:.2f} … {t['high_ms']:.2f})")
    print(
        f"  {faster:.2f} × the fastest framework ({fastest}), wanted {wanted}:"
        f" {verdict(faster >= wanted)}"
    )
    floor_wanted = (
        f", wanted at most {AT_MOST_FLOOR}: {verdict(above_floor <= AT_MOST_FLOOR)}"
        if B >= LARGE
        else ""
    )
    print(f"  {above_floor:.2f} × the time of the products alone{floor_wanted}", flush=True)


def verdict(met):
    """Say whether a target is met."""
    return "met" if met else "MISSED"


# Scaling


def scaling(seconds):
    """Time and memory of our forward and backward pass along T, H and B, with the floor beside them."""
    axes = {
        "T": [(4, T, 80, 64) for T in (10, 100, 1_000, 10_000, 100_000)],
        "H": [(32, 80, 100, H) for H in (16, 32, 64, 128, 256, 512, 1024)],
        "B": [(B, 80, 100, 64) for B in (1, 4, 16, 64, 256, 1024)],
    }
    measured = {}
    for axis, sizes in axes.items():
        measured[axis] = []
        print(f"\nalong {axis}: (B, T, D, H)   ours ms    floor ms   µs a time step   peak MB")
        for size in sizes:
            data = problem(*size, "last state")
            runs = {OURS: ours(*data), FLOOR: floor(*data)}
            times = {name: summary(t)["median_ms"] for name, t in race(runs, seconds).items()}
            tracemalloc.start()
            runs[OURS]()
            peak = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
            measured[axis].append(
                {"size": size, "ours_ms": times[OURS], "floor_ms": times[FLOOR], "peak_mb": peak}
            )
            step = 1e3 * times[OURS] / size[1]
            print(
                f"  {size!s:24} {times[OURS]:10.2f} {times[FLOOR]:10.2f} {step:12.1f} {peak:14.1f}",
                flush=True,
            )
    return measured


# Whole jobs


def review_job(epochs=6, wanted=0.75):
    """Train chapter 7's classifier with `training.updates` and with `model.fit`.

    Seconds an epoch, and until 75 %.
    """
    vocabulary, train, validation, _ = load_sentiment(np.random.default_rng(0))
    start = models.init_classifier(np.random.default_rng(0), len(vocabulary), 100, 64)
    start = start._replace(W_hh=start.W_hh / 2)  # as in the chapter

    def accuracy(params):
        return models.evaluate_classifier(params, *validation[:3])["accuracy"]

    params, adam, clock, numpy_epochs = start, Adam(0.001), 0.0, []
    batches = Minibatches(np.random.default_rng(1), train[:3], batch_size=32)
    for _ in range(epochs):
        began = time.perf_counter()
        for update in updates(
            params, lambda p, batch: models.classifier_loss(p, *batch), batches, adam
        ):
            params = update.params
        clock += time.perf_counter() - began
        numpy_epochs.append((clock, accuracy(params)))

    keras.utils.set_random_seed(1)
    embedding = keras.layers.Embedding(len(vocabulary), 100, mask_zero=True)
    layers = (
        keras.Input((None,), dtype="int32"),
        embedding,
        keras.layers.SimpleRNN(64),
        keras.layers.Dense(1),
    )
    twin = keras.Sequential(layers)
    twin.set_weights(list(start))
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    twin.compile(keras.optimizers.Adam(0.001), cross_entropy)
    clock, keras_epochs = 0.0, []
    for _ in range(epochs):
        began = time.perf_counter()
        twin.fit(train.tokens, train.labels, batch_size=32, verbose=0)
        clock += time.perf_counter() - began
        keras_epochs.append((clock, accuracy(models.ClassifierParams(*twin.get_weights()))))

    def report(name, measured):
        until = next(
            (f"{t:.1f} s" for t, accuracy in measured if accuracy >= wanted), "not reached"
        )
        best = max(accuracy for _, accuracy in measured)
        print(
            f"  {name:12} {measured[-1][0] / epochs:6.2f} s an epoch, {until} until {wanted:.0%},"
            f" best {best:.1%}"
        )
        return {"seconds_an_epoch": measured[-1][0] / epochs, "until": until, "best": best}

    print("\nreview classifier, the same data, first weights and optimiser")
    return {"NumPy": report("NumPy", numpy_epochs), "model.fit": report("model.fit", keras_epochs)}


def character_job(n_updates=150, B=16, T=40, H=64):
    """Train the character model with `char_loss`, and with the classic loop of columns, to the same loss."""
    alphabet, pieces = load_characters(T)
    start = models.init_char_model(np.random.default_rng(0), len(alphabet), H)
    one_hot = np.eye(len(alphabet), dtype=np.float32)
    batches = list(Minibatches(np.random.default_rng(1), (pieces,), batch_size=B))[:n_updates]

    def classic_loss(params, tokens):
        x, n = one_hot[tokens[:, :-1]], tokens[:, 1:].size
        loss, grads = 0.0, [np.zeros_like(weight) for weight in params]
        states, do = np.empty((*x.shape[:2], H), np.float32), np.empty_like(x)
        for row, sequence in enumerate(tokens):
            h_t = np.zeros(H, np.float32)
            for t, target in enumerate(sequence[1:]):
                h_t = states[row, t] = np.tanh(
                    params.W_xh.T @ x[row, t] + params.W_hh.T @ h_t + params.b
                )
                o = params.W_ho.T @ h_t + params.b_o
                p = np.exp(o - o.max())
                p /= p.sum()
                loss -= np.log(p[target]) / n
                p[target] -= 1
                do[row, t] = p / n
        for row in range(len(tokens)):
            carry = np.zeros(H, np.float32)
            for t in reversed(range(T)):
                grads[3] += np.outer(states[row, t], do[row, t])
                grads[4] += do[row, t]
                dz = (1 - states[row, t] ** 2) * (carry + params.W_ho @ do[row, t])
                grads[0] += np.outer(x[row, t], dz)
                if t:
                    grads[1] += np.outer(states[row, t - 1], dz)
                grads[2] += dz
                carry = params.W_hh @ dz
        return loss, models.CharParams(*grads)

    seconds, losses = {}, {}
    for name, loss_and_grads in (("NumPy", models.char_loss), ("classic loop", classic_loss)):
        began = time.perf_counter()
        run = updates(start, lambda p, batch: loss_and_grads(p, *batch), batches, Adam(0.002))  # noqa: B023
        losses[name] = [update.loss for update in run]
        seconds[name] = time.perf_counter() - began
    np.testing.assert_allclose(losses["NumPy"], losses["classic loop"], rtol=1e-2)
    print(f"\ncharacter model, {n_updates} updates to a loss of {losses['NumPy'][-1]:.2f} nats")
    print(
        f"  NumPy {seconds['NumPy']:.2f} s, classic loop {seconds['classic loop']:.2f} s:", end=" "
    )
    print(f"{seconds['classic loop'] / seconds['NumPy']:.0f} times faster")
    return {"seconds": seconds, "loss": losses["NumPy"][-1]}


def machine():
    """Describe what the numbers were measured on."""
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "tensorflow": tf.__version__,
    }
    versions |= {
        "keras": keras.__version__,
        "helpers": getattr(helpers, "__version__", "this tree"),
    }
    if find_spec("torch"):
        import torch

        versions["torch"] = torch.__version__
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        **versions,
    }


def draw(rows, measured):
    """Save one picture of the ratios, and one of the scaling."""
    bars = {
        f"{row['size']}, {row['loss']}": min(
            t["median_ms"] for n, t in row["times"].items() if n in FRAMEWORKS
        )
        / row["times"][OURS]["median_ms"]
        for row in rows
    }
    figures.bars(
        bars,
        title="How many times faster than the fastest framework",
        xlabel="time of the fastest framework / time of helpers.numpy_rnn",
        levels={"equally fast": 1.0},
        label_format=".1f",
    ).savefig(BUILD / "bench.png", dpi=150)
    figures.line_panels(
        {
            f"along {axis}": {
                name: (
                    [point["size"]["BTDH".index(axis)] for point in points],
                    [point[key] for point in points],
                )
                for name, key in (
                    ("forward and backward", "ours_ms"),
                    ("matrix products alone", "floor_ms"),
                )
            }
            for axis, points in measured.items()
        },
        title="Time grows in proportion to T, and stays near the floor",
        xlabel="size",
        ylabel="milliseconds",
        xscale="log",
        yscale="log",
        marker="o",
    ).savefig(BUILD / "bench-scaling.png", dpi=150)


def main():
    """Measure everything, print it, and store it in build/bench.json, bench.png and bench-scaling.png."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="time for each contestant at each size"
    )
    seconds = parser.parse_args().seconds
    BUILD.mkdir(exist_ok=True)
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    result = {
        "machine": machine(),
        "sizes": measure_sizes(seconds),
        "scaling": scaling(seconds / 2),
    }
    result |= {"reviews": review_job(), "characters": character_job()}
    (BUILD / "bench.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(result["sizes"], result["scaling"])
    print(f"\nstored in {BUILD.name}/bench.json, bench.png and bench-scaling.png")


if __name__ == "__main__":
    main()

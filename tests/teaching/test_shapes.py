"""What chapter 6 says of the states that come back, and of the order that fills a stack."""

import itertools

from helpers.numpy_rnn import RNNParams, rnn_forward
from helpers.teaching.exercises.keras_apis import returned_shapes
from helpers.teaching.exercises.keras_traps import TWO_ORDERS
from helpers.teaching.interactive.keras_apis import (
    names_of_returned,
    output_index,
)
from tools.notebooks import NOTEBOOKS, read

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

WORKSHOP = NOTEBOOKS / "workshops" / "keras_traps.ipynb"
X = np.random.default_rng(0).standard_normal((2, 6, 3))
FLAGS = [
    {"return_sequences": sequences, "return_state": state}
    for sequences, state in itertools.product([False, True], repeat=2)
]


def shapes_of(returned):
    return tuple(tuple(part.shape) for part in tf.nest.flatten(returned))


@pytest.mark.parametrize(
    "option", [{}, {"go_backwards": True}, {"stateful": True}, {"unroll": True}], ids=str
)
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_shapes_one_way(flags, option):
    shapes = returned_shapes(2, 6, 5, **flags)
    assert shapes_of(layers.SimpleRNN(5, **flags, **option)(X)) == shapes
    assert len(names_of_returned("forwards", flags["return_state"], "concat")) == len(shapes)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_shapes_both_ways(flags, merge_mode):
    shapes = returned_shapes(2, 6, 5, **flags, bidirectional=True, merge_mode=merge_mode)
    layer = layers.Bidirectional(layers.SimpleRNN(5, **flags), merge_mode=merge_mode)
    assert shapes_of(layer(X)) == shapes
    assert len(names_of_returned("Bidirectional", flags["return_state"], merge_mode)) == len(shapes)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("direction", ["forwards", "go_backwards", "Bidirectional"])
def test_the_states_come_out_where_the_drawing_says(direction, return_sequences):
    options = {"dtype": "float64", "return_sequences": return_sequences}
    if direction == "Bidirectional":
        layer = layers.Bidirectional(
            layers.SimpleRNN(5, **options), merge_mode=None, dtype="float64"
        )
        outs = dict(zip((False, True), layer(X), strict=True))
        halves = {False: layer.forward_layer, True: layer.backward_layer}
    else:
        backwards = direction == "go_backwards"
        layer = layers.SimpleRNN(5, go_backwards=backwards, **options)
        outs, halves = {backwards: layer(X)}, {backwards: layer}
    for backward_half, out in outs.items():
        params = RNNParams(*halves[backward_half].get_weights())
        x = X[:, ::-1].copy() if backward_half else X
        h = rnn_forward(params, x)
        if backward_half:
            h = h[:, ::-1]  # h[:, t - 1] has just read step t
        out = out.numpy() if return_sequences else out.numpy()[:, None]
        index = output_index(6, direction, backward_half, return_sequences)
        assert sorted(index.values()) == list(range(out.shape[1]))
        for t, k in index.items():
            np.testing.assert_allclose(out[:, k], h[:, t - 1], rtol=0, atol=1e-12)


def test_the_workshop_shows_the_loops_that_are_checked():
    numbered = "\n".join(f"{n:2}  {line}" for n, line in enumerate(TWO_ORDERS.splitlines(), 1))
    assert any(f"```\n{numbered}\n```" in cell.source for cell in read(WORKSHOP).cells)

"""What chapter 4 says without running Keras: the shapes that come back, and the two loops with their line numbers."""

import itertools
from pathlib import Path

from helpers.teaching.exercises.keras_apis import TWO_ORDERS
from helpers.teaching.notebooks import read
from helpers.teaching.shapes import returned_shapes

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

CHAPTER = Path(__file__).parents[1] / "notebooks" / "04_keras_apis.ipynb"
X = np.zeros((2, 6, 3), np.float32)


def shapes_of(returned):
    return tuple(tuple(part.shape) for part in tf.nest.flatten(returned))


@pytest.mark.parametrize("option", [{}, {"go_backwards": True}, {"stateful": True}, {"unroll": True}], ids=str)
@pytest.mark.parametrize(("return_sequences", "return_state"), list(itertools.product([False, True], repeat=2)))
def test_shapes_one_way(return_sequences, return_state, option):
    flags = {"return_sequences": return_sequences, "return_state": return_state}
    assert shapes_of(layers.SimpleRNN(5, **flags, **option)(X)) == returned_shapes(2, 6, 5, **flags)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize(("return_sequences", "return_state"), list(itertools.product([False, True], repeat=2)))
def test_shapes_both_ways(return_sequences, return_state, merge_mode):
    flags = {"return_sequences": return_sequences, "return_state": return_state}
    layer = layers.Bidirectional(layers.SimpleRNN(5, **flags), merge_mode=merge_mode)
    assert shapes_of(layer(X)) == returned_shapes(2, 6, 5, **flags, bidirectional=True, merge_mode=merge_mode)


def test_the_chapter_shows_the_loops_that_are_checked():
    numbered = "\n".join(f"{n:2}  {line}" for n, line in enumerate(TWO_ORDERS.splitlines(), 1))
    assert any(f"```\n{numbered}\n```" in cell.source for cell in read(CHAPTER).cells)

"""The four designs of chapter 1: their costs, counted on real arrays, and the figures."""

from helpers.numpy_rnn import RNNParams, rnn_forward
from helpers.teaching.four_designs import count_multiply_adds, count_parameters, pooled
from helpers.teaching.interactive.why_recurrence import (
    SHUFFLES,
    cost_explorer,
    in_bytes,
    reorder,
    shuffle_the_sentence,
)

import numpy as np
import pytest

SIZES = [(80, 100, 64), (1, 1, 1), (3, 7, 2)]


def arrays(T, D, H):
    return [
        [(T * D, H), (H,)],
        [(T, D, H), (T, H)],
        [(D, H), (H,)],
        [(D, H), (H, H), (H,)],
    ]


@pytest.mark.parametrize("sizes", SIZES)
def test_parameters_are_the_entries_of_the_arrays(sizes):
    assert count_parameters(*sizes) == tuple(sum(map(np.prod, shapes)) for shapes in arrays(*sizes))


@pytest.mark.parametrize("sizes", SIZES)
def test_multiply_adds_are_the_weights_as_often_as_used(sizes):
    T, used = sizes[0], []
    for shapes, times in zip(arrays(*sizes), (1, 1, sizes[0], sizes[0]), strict=True):
        used.append(times * sum(np.prod(shape) for shape in shapes if len(shape) > 1))
    used[1] -= T * sizes[2]  # its T biases are one matrix here
    assert count_multiply_adds(*sizes) == tuple(used)


def test_the_counts_of_the_syllabus():
    assert count_parameters(80, 100, 64) == (512_064, 517_120, 6_464, 10_560)
    assert count_multiply_adds(80, 100, 64) == (512_000, 512_000, 512_000, 839_680)


def test_pooled_is_the_mean_of_a_recurrent_layer_without_memory_and_blind_to_order():
    rng = np.random.default_rng(0)
    W, b, x = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(2, 5, 3))
    h = pooled(W, b, x)
    np.testing.assert_allclose(
        h, rnn_forward(RNNParams(W, np.zeros((4, 4)), b), x).mean(axis=1), rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(h, pooled(W, b, x[:, ::-1]), rtol=0, atol=1e-12)


def test_an_order_is_a_shuffle_and_then_a_swap():
    assert reorder(5, 0, 0).tolist() == [0, 1, 2, 3, 4]
    assert reorder(5, 0, 2).tolist() == [0, 2, 1, 3, 4]
    shuffled = [reorder(8, n, 0).tolist() for n in range(SHUFFLES + 1)]
    assert all(sorted(order) == shuffled[0] for order in shuffled)
    assert len(set(map(tuple, shuffled))) == len(shuffled)
    assert reorder(8, 3, 7).tolist() == [*shuffled[3][:6], shuffled[3][7], shuffled[3][6]]


@pytest.mark.parametrize(
    ("count", "says"), [(1, "4 B"), (512_064, "2.05 MB"), (6_464, "25.9 kB"), (10**9, "4 GB")]
)
def test_bytes_of_float32(count, says):
    assert in_bytes(count) == says


def test_shuffling_moves_the_recurrent_state_and_never_the_mean():
    shown = shuffle_the_sentence()
    shown.set(shuffle=0, swap=0)
    assert shown.picture.sentence.count("not at all") == 2
    for shuffle in range(1, SHUFFLES + 1):
        shown.set(shuffle=shuffle)
        mean, state = shown.picture.sentence.split("last recurrent state")
        assert "shared layer moved not at all" in mean and "not at all" not in state
        assert not shown.picture.error


def test_the_cost_explorer_says_what_was_counted():
    sentence = cost_explorer().picture.sentence
    for number in ("512,064", "517,120", "6,464", "10,560", "48.5", "839,680", "512,000"):
        assert number in sentence

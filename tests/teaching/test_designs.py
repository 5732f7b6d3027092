"""Chapter 1's five designs: costs counted on real arrays, tasks, training, and the figure."""

from helpers.gradients import finite_difference
from helpers.numpy_rnn import RNNParams, rnn_forward
from helpers.teaching import designs
from helpers.teaching.designs import DESIGNS, count_multiply_adds, count_parameters, shown
from helpers.teaching.interactive.why_recurrence import SHUFFLES, reorder, shuffle_the_sentence

import numpy as np
import pytest

SIZES = [(80, 100, 64, 2), (1, 1, 1, 1), (3, 7, 2, 3)]


def arrays(T, D, H, k):
    return [
        [(T * D, H), (H,)],
        [(T, D, H), (T, H)],
        [(D, H), (H,)],
        [(k, D, H), (H,)],
        [(D, H), (H, H), (H,)],
    ]


@pytest.mark.parametrize("sizes", SIZES)
def test_parameters_are_the_entries_of_the_arrays(sizes):
    assert count_parameters(*sizes) == tuple(sum(map(np.prod, shapes)) for shapes in arrays(*sizes))


@pytest.mark.parametrize("sizes", SIZES)
def test_multiply_adds_are_the_matrices_as_often_as_used(sizes):
    T = sizes[0]
    matrices = [[arrays(*sizes)[n][0]] for n in range(5)]
    matrices[4].append(arrays(*sizes)[4][1])
    used = (
        times * sum(map(np.prod, shapes))
        for shapes, times in zip(matrices, (1, 1, T, T, T), strict=True)
    )
    assert count_multiply_adds(*sizes) == tuple(used)


@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_is_one_layer_on_what_it_is_shown(design):
    """Chapter 1's equations, written out, against the layer's one product."""
    B, T, D, H, k = 2, 5, 3, 4, 3
    rng = np.random.default_rng(0)
    x, b = rng.normal(size=(B, T, D)), rng.normal(size=H)
    W, own = rng.normal(size=(T, D, H)), rng.normal(size=(T, H))
    stacked, expected = {
        "flatten": (W.reshape(-1, H), [sum(x[:, t] @ W[t] for t in range(T))]),
        "per step": (
            np.concatenate([W, own[:, None]], axis=1).reshape(-1, H),
            [x[:, t] @ W[t] + own[t] for t in range(T)],
        ),
        "shared": (W[0], [x[:, t] @ W[0] for t in range(T)]),
        "window": (  # the oldest word first
            W[:k].reshape(-1, H),
            [sum(x[:, t - j] @ W[k - 1 - j] for j in range(k) if t >= j) for t in range(T)],
        ),
        "recurrent": (W[0], [x[:, t] @ W[0] for t in range(T)]),
    }[design]
    params = RNNParams(stacked, np.zeros((H, H)), b)
    expected = np.tanh(np.stack(expected, axis=1) + b)
    np.testing.assert_allclose(
        rnn_forward(params, shown(design, x, k)), expected, rtol=0, atol=1e-12
    )


def test_a_bit_is_compared_with_the_one_d_steps_before():
    x, y = designs.differs(np.random.default_rng(0), 3, B=4, T=9)
    assert x.shape == (4, 9, 1) and y.shape == (4, 6, 1)
    for t in range(3, 9):
        assert (y[:, t - 3] == (x[:, t] != x[:, t - 3])).all()


def test_twins_differ_in_one_word_at_one_of_the_positions():
    x, y = designs.twins(np.random.default_rng(0), 50, (3, 11))
    words = x.argmax(axis=-1)
    apart = words[:50] != words[50:]
    assert (x.sum(axis=-1) == 1).all() and (apart.sum(axis=1) == 1).all()
    assert {*apart.argmax(axis=1)} == {2, 10}
    assert (words[50:][apart] == 1).all() and (words[:50][apart] == 0).all()
    assert (y[:, 0, 0] == np.repeat([0, 1], 50)).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_training_follows_the_gradient_and_W_hh_stays_zero_without_memory(design, monkeypatch):
    """The first step of gradient descent is the difference quotient of the loss."""
    seen = []

    def one_update(net, loss_and_grads, batches, optimizer, max_norm):
        batch = next(iter(batches))
        _, grads = loss_and_grads(net, batch)
        for name, gradient in grads._asdict().items():
            if name == "W_hh" and design != "recurrent":
                assert not gradient.any() and not net.W_hh.any()
                continue
            quotient = finite_difference(
                lambda a, name=name: loss_and_grads(net._replace(**{name: a}), batch)[0],
                getattr(net, name),
            )
            np.testing.assert_allclose(gradient, quotient, rtol=0, atol=1e-7)
            seen.append(name)
        return []

    monkeypatch.setattr(designs, "updates", one_update)
    steps = 1 if design == "flatten" else 6
    batches = [designs.twins(np.random.default_rng(1), 3, (2, 4), T=6, V=4)]
    P = np.full((1, steps), 1 / steps)
    designs.train(design, batches, P, np.random.default_rng(2), units=3)
    assert len(seen) == 4 + (design == "recurrent")


def test_training_solves_what_a_window_reaches_and_nothing_else():
    def accuracy(d):
        rng = np.random.default_rng(0)
        batches = (designs.differs(rng, d, B=32, T=8) for _ in range(300))
        trained = designs.train("window", batches, np.eye(8)[d:], rng, k=2, units=8)
        x = ((np.arange(256)[:, None] >> np.arange(8)) & 1)[:, :, None].astype(float)
        right = trained.right(x, np.abs(x[:, d:] - x[:, :-d]))
        assert len(trained.losses) == 300
        return right.mean()

    assert accuracy(1) == 1.0 and accuracy(2) == 0.5


def test_an_order_is_a_shuffle_and_then_a_swap():
    assert reorder(5, 0, 0).tolist() == [0, 1, 2, 3, 4]
    assert reorder(5, 0, 2).tolist() == [0, 2, 1, 3, 4]
    shuffled = [reorder(8, n, 0).tolist() for n in range(SHUFFLES + 1)]
    assert all(sorted(order) == shuffled[0] for order in shuffled)
    assert len(set(map(tuple, shuffled))) == len(shuffled)
    assert reorder(8, 3, 7).tolist() == [*shuffled[3][:6], shuffled[3][7], shuffled[3][6]]


def test_shuffling_moves_the_recurrent_state_and_never_the_mean():
    shown = shuffle_the_sentence()
    shown.set(shuffle=0, swap=0)
    assert shown.picture.sentence.count("not at all") == 2
    for shuffle in range(1, SHUFFLES + 1):
        shown.set(shuffle=shuffle)
        mean, state = shown.picture.sentence.split("recurrent layer")
        assert "shared layer moved not at all" in mean and "not at all" not in state
        assert not shown.picture.error

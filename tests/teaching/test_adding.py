"""The adding problem: its sequences, its gradients whole and cut, and a training that overflows."""

from helpers.gradients import finite_difference
from helpers.models import NetworkParams
from helpers.numpy_rnn import rnn_forward
from helpers.output import head_forward, squared_error
from helpers.teaching import adding
from helpers.training import SGD

import numpy as np
import pytest


def test_one_number_of_each_half_is_marked_and_the_two_are_added():
    x, y = adding.sequences(np.random.default_rng(0), 200, 10)
    numbers, marks = x[..., 0], x[..., 1]
    assert x.shape == (200, 10, 2) and y.shape == (200, 1) and x.dtype == np.float32
    assert (marks[:, :5].sum(axis=1) == 1).all() and (marks[:, 5:].sum(axis=1) == 1).all()
    np.testing.assert_allclose((numbers * marks).sum(axis=1), y[:, 0], rtol=0, atol=1e-6)
    assert numbers.min() >= 0 and numbers.max() <= 1 and abs(np.var(y) - 1 / 6) < 0.04


def test_the_identity_start_changes_what_it_says_and_nothing_else():
    plain, identity = adding.start(3), adding.start(3, identity=True)
    np.testing.assert_array_equal(identity.W_hh, np.eye(32))
    np.testing.assert_allclose(identity.W_xh * 10, plain.W_xh, rtol=1e-6)
    assert all((a == b).all() for a, b in zip(identity[2:], plain[2:], strict=True))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("reach", [None, 3, 50])
def test_the_gradient_is_that_of_the_loss_with_the_state_before_the_reach_held_fixed(
    activation, reach
):
    rng = np.random.default_rng(1)
    params = NetworkParams(*(a.astype(float) for a in adding.start(0, units=4)))
    params = params._replace(b=rng.normal(0, 0.3, 4))
    x, y = (a.astype(float) for a in adding.sequences(rng, 3, 8))
    cut = 0 if reach is None else max(8 - reach, 0)
    fixed = (
        rnn_forward(params.rnn, x, activation=activation)[:, cut - 1] if cut else np.zeros((3, 4))
    )

    def loss_from_there(value, name):
        moved = params._replace(**{name: value})
        h = rnn_forward(moved.rnn, x[:, cut:], fixed, activation=activation)
        return squared_error(head_forward(moved.head, h[:, -1]), y)[0]

    loss, grads = adding.loss_and_grads(params, (x, y), activation, reach)
    assert loss == pytest.approx(loss_from_there(params.b, "b"))
    for name, value in params._asdict().items():
        quotient = finite_difference(lambda a, name=name: loss_from_there(a, name), value)
        np.testing.assert_allclose(getattr(grads, name), quotient, rtol=0, atol=1e-7)


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_with_gates_the_gradient_is_that_of_the_loss(cell):
    rng = np.random.default_rng(1)
    params = NetworkParams(*(a.astype(float) for a in adding.start_gated(0, cell, units=4)))
    params = params._replace(b=rng.normal(0, 0.3, params.b.shape))
    batch = tuple(a.astype(float) for a in adding.sequences(rng, 3, 8))
    _, grads = adding.gated_loss_and_grads(params, batch, cell)
    for name, value in params._asdict().items():

        def loss(a, name=name):
            return adding.gated_loss_and_grads(params._replace(**{name: a}), batch, cell)[0]

        slope = finite_difference(loss, value)
        np.testing.assert_allclose(getattr(grads, name), slope, rtol=0, atol=1e-8)


def test_the_chrono_start_sets_two_biases_and_nothing_else():
    plain = adding.start_gated(3, "LSTM")
    both = adding.chrono_start(plain, 100, 3)
    lengths = np.exp(both.b[32:64])
    assert lengths.min() >= 0.999 and lengths.max() <= 99.001 and np.ptp(lengths) > 60
    np.testing.assert_array_equal(both.b[:32], -both.b[32:64])
    np.testing.assert_array_equal(both.b[64:], plain.b[64:])
    assert all(a is b for a, b in zip(both._replace(b=plain.b), plain, strict=True))
    forget = adding.chrono_start(plain, 100, 3, input_gate=False)
    np.testing.assert_array_equal(forget.b, [*plain.b[:32], *both.b[32:64], *plain.b[64:]])
    shut = adding.chrono_start(plain, 100, 3, forget_gate=False)
    np.testing.assert_array_equal(shut.b, [*both.b[:32], *plain.b[32:]])


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_the_reach_is_the_slope_of_the_loss_with_respect_to_the_state_half_way(cell):
    rng = np.random.default_rng(2)
    params = NetworkParams(*(a.astype(float) for a in adding.start_gated(0, cell, units=3)))
    x, y = batch = tuple(a.astype(float) for a in adding.sequences(rng, 2, 8))
    gates = adding.GATED[cell]
    weights = gates.params(*params[:3])
    states = [a[:, 3] for a in gates.forward(weights, x)[:-1]]

    def loss(start):
        h = gates.forward(weights, x[:, 4:], *np.split(start, len(states), axis=1)).h[:, -1]
        return squared_error(head_forward(params.head, h), y)[0]

    def loss_at_the_end(h):
        return squared_error(head_forward(params.head, h), y)[0]

    left = finite_difference(loss, np.hstack(states))
    end = finite_difference(loss_at_the_end, gates.forward(weights, x).h[:, -1])
    expected = np.linalg.norm(left, axis=1).mean() / np.linalg.norm(end, axis=1).mean()
    assert adding.reach(params, batch, cell) == pytest.approx(expected, rel=1e-6)


def test_a_training_is_watched_before_every_25th_update():
    seen = []
    done = adding.train(adding.start(0), 6, 0, 0.01, count=60, watch=lambda p: seen.append(p) or 1)
    assert done.watched == [1, 1, 1]
    np.testing.assert_array_equal(seen[0].W_hh, adding.start(0).W_hh)
    assert not (seen[2].W_hh == seen[1].W_hh).all()


def test_a_training_that_overflows_is_infinite_from_there_on():
    start = adding.start(0, identity=True)
    done = adding.train(start, 50, 0, 1e3, "relu", max_norm=np.inf, optimizer=SGD, count=20)
    assert done.loss.shape == done.norm.shape == (20,)
    assert np.isfinite(done.loss[0]) and np.isinf(done.loss[-1])


def test_a_short_problem_is_learnt():
    done = adding.train(adding.start(0), T=6, seed=0, rate=0.02, count=300)
    assert np.median(done.loss[-50:]) < 1 / 12 < np.median(done.loss[:10])
    x, y = adding.sequences(np.random.default_rng(7), 500, 6)
    answer = head_forward(done.params.head, rnn_forward(done.params.rnn, x)[:, -1])
    assert np.mean((answer - y) ** 2) < 1 / 12

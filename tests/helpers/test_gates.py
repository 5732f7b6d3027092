"""LSTM and GRU: against a loop of their equations, against Keras, and at their limits.

Their gradients are judged in test_random_networks.py.
"""

from typing import NamedTuple

from helpers.numpy_gru import GRUParams, GRUStates, gru_backward, gru_forward, gru_step
from helpers.numpy_gru import init_params as init_gru
from helpers.numpy_lstm import LSTMParams, LSTMStates, lstm_backward, lstm_forward, lstm_step
from helpers.numpy_lstm import init_params as init_lstm

import keras
import numpy as np
import pytest
from cases import refused, relative_error


def s(z):
    return 1 / (1 + np.exp(-z))


def lstm_as_on_paper(params, x_t, h_prev, c_prev):
    """Take one step of one sample with column vectors: h_t, c_t and the gates."""
    W_i, W_f, W_g, W_o = np.split(params.W_xh.T, 4)
    U_i, U_f, U_g, U_o = np.split(params.W_hh.T, 4)
    b_i, b_f, b_g, b_o = np.split(params.b, 4)
    i_t = s(W_i @ x_t + U_i @ h_prev + b_i)
    f_t = s(W_f @ x_t + U_f @ h_prev + b_f)
    g_t = np.tanh(W_g @ x_t + U_g @ h_prev + b_g)
    o_t = s(W_o @ x_t + U_o @ h_prev + b_o)
    c_t = f_t * c_prev + i_t * g_t
    return (o_t * np.tanh(c_t), c_t), np.concatenate([i_t, f_t, g_t, o_t])


def gru_as_on_paper(params, x_t, h_prev):
    """Take one step of one sample with column vectors: h_t and the gates."""
    W_u, W_r, W_n = np.split(params.W_xh.T, 3)
    U_u, U_r, U_n = np.split(params.W_hh.T, 3)
    (b_u, b_r, b_n), (d_u, d_r, d_n) = (np.split(b, 3) for b in params.b)
    u_t = s(W_u @ x_t + b_u + U_u @ h_prev + d_u)
    r_t = s(W_r @ x_t + b_r + U_r @ h_prev + d_r)
    n_t = np.tanh(W_n @ x_t + b_n + r_t * (U_n @ h_prev + d_n))
    return (u_t * h_prev + (1 - u_t) * n_t,), np.concatenate([u_t, r_t, n_t])


class Kind(NamedTuple):
    """One of the two, with its pieces under common names."""

    params: type
    states: type
    init: object
    step: object
    forward: object
    backward: object
    on_paper: object
    layer: type
    starts: tuple[str, ...]  # initial states
    blocks: int


LSTM = Kind(
    LSTMParams,
    LSTMStates,
    init_lstm,
    lstm_step,
    lstm_forward,
    lstm_backward,
    lstm_as_on_paper,
    keras.layers.LSTM,
    ("h_0", "c_0"),
    4,
)
GRU = Kind(
    GRUParams,
    GRUStates,
    init_gru,
    gru_step,
    gru_forward,
    gru_backward,
    gru_as_on_paper,
    keras.layers.GRU,
    ("h_0",),
    3,
)
both = pytest.mark.parametrize("kind", [LSTM, GRU], ids=["LSTM", "GRU"])
dtypes = pytest.mark.parametrize(("dtype", "eps"), [(np.float32, 1e-5), (np.float64, 1e-12)])
B, T, D, H = 4, 6, 3, 5
# Every step real, padding on the right, on the left with a hole, no real step.
MASK = np.array([[1] * 6, [1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 1, 1], [0] * 6], bool)
masks = pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "masked"])


def problem(kind, dtype=np.float64, T=T, B=B, scale=1.0):
    """Weights, x, the initial states by name, and dh."""
    rng = np.random.default_rng(0)
    params = kind.init(rng, D, H, dtype)
    params = params._replace(b=rng.standard_normal(params.b.shape).astype(dtype))
    params = kind.params(*(dtype(scale) * a for a in params))
    x, dh = (rng.standard_normal((B, T, n)).astype(dtype) for n in (D, H))
    start = {name: rng.standard_normal((B, H)).astype(dtype) for name in kind.starts}
    return params, x, start, dh


@both
@dtypes
@masks
def test_the_states_are_those_of_the_equations(kind, dtype, eps, mask):
    params, x, start, _ = problem(kind, dtype)
    states = kind.forward(params, x, **start, mask=mask)
    assert type(states) is kind.states and {a.dtype for a in states} == {np.dtype(dtype)}
    for sample in range(B):
        own = [a[sample] for a in start.values()]
        for t in range(T):
            new, gates = kind.on_paper(params, x[sample, t], *own)
            own = new if mask is None or mask[sample, t] else own
            for found, expected in zip(states, (*own, gates), strict=True):
                np.testing.assert_allclose(found[sample, t], expected, rtol=0, atol=eps)


@both
@dtypes
def test_one_step_is_the_first_of_the_sequence(kind, dtype, eps):
    params, x, start, _ = problem(kind, dtype)
    found = kind.step(params, x[:, 0], *start.values())
    states = kind.forward(params, x, **start)
    for a, b in zip(found if kind is LSTM else [found], states, strict=False):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b[:, 0], rtol=0, atol=eps)


@both
@dtypes
@masks
def test_keras_takes_the_weights_as_they_are(kind, dtype, eps, mask):
    params, x, start, _ = problem(kind, dtype)
    layer = kind.layer(H, return_state=True, dtype=np.dtype(dtype).name)
    layer.build(x.shape)
    layer.set_weights(params)
    _, *last = layer(x, initial_state=list(start.values()), mask=mask)
    for found, expected in zip(kind.forward(params, x, **start, mask=mask), last, strict=False):
        np.testing.assert_allclose(found[:, -1], expected, rtol=0, atol=eps)


@both
def test_the_start_is_drawn_as_keras_draws_it(kind):
    ours = kind.init(np.random.default_rng(0), 60, 40, np.float64)
    layer = kind.layer(40)
    layer.build((None, None, 60))
    limit = np.sqrt(6 / (60 + kind.blocks * 40))
    for params in (ours, kind.params(*layer.get_weights())):
        assert params.W_xh.shape == (60, kind.blocks * 40)
        assert 0.99 * limit < np.abs(params.W_xh).max() <= 1.0001 * limit
        np.testing.assert_allclose(params.W_hh @ params.W_hh.T, np.eye(40), atol=1e-5)
        np.testing.assert_array_equal(params.b, layer.get_weights()[2])
    assert {a.dtype for a in kind.init(np.random.default_rng(0), 2, 3)} == {np.dtype(np.float32)}


@both
@masks
def test_float32_stays_near_float64(kind, mask):
    results = []
    for dtype in (np.float32, np.float64):
        rounded = problem(kind, np.float32)
        params, x, start, dh = rounded
        params = kind.params(*(a.astype(dtype) for a in params))
        x, dh = x.astype(dtype), dh.astype(dtype)
        start = {name: a.astype(dtype) for name, a in start.items()}
        states = kind.forward(params, x, **start, mask=mask)
        results.append([*states, *kind.backward(params, x, states, dh, **start, mask=mask)])
    for a, b in zip(*results, strict=True):
        assert relative_error(a, b) < 1e-5


@both
@masks
def test_the_gradient_by_the_last_state_alone(kind, mask):
    params, x, start, dh = problem(kind)
    states = kind.forward(params, x, **start, mask=mask)
    dh[:, :-1] = 0
    short = kind.backward(params, x, states, dh[:, -1], **start, mask=mask)
    full = kind.backward(params, x, states, dh, **start, mask=mask)
    for a, b in zip(short, full, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@both
def test_a_row_without_a_real_step_keeps_its_states_and_teaches_nothing(kind):
    params, x, start, dh = problem(kind)
    states = kind.forward(params, x, **start, mask=MASK)
    for name, found in zip(kind.starts, states, strict=False):
        np.testing.assert_array_equal(found[3], np.broadcast_to(start[name][3], (T, H)))
    grads = kind.backward(params, x, states, dh, **start, mask=MASK)
    np.testing.assert_array_equal(grads.x[~MASK], 0)
    np.testing.assert_allclose(grads.h_0[3], dh[3].sum(axis=0), rtol=0, atol=1e-12)
    alone = slice(0, 3)
    states = kind.states(*(a[alone] for a in states))
    start = {name: a[alone] for name, a in start.items()}
    without = kind.backward(params, x[alone], states, dh[alone], **start, mask=MASK[alone])
    for a, b in zip(grads[:3], without[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@both
def test_what_is_left_out_is_zeros_and_no_mask(kind):
    params, x, _, dh = problem(kind)
    zeros = {name: np.zeros((B, H)) for name in kind.starts}
    everywhere = np.ones((B, T), bool)
    states = kind.forward(params, x)
    for a, b in zip(states, kind.forward(params, x, **zeros, mask=everywhere), strict=True):
        np.testing.assert_array_equal(a, b)
    full = kind.backward(params, x, states, dh, **zeros, mask=everywhere)
    for a, b in zip(kind.backward(params, x, states, dh), full, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("error")
@both
@dtypes
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])  # at 100 every gate is shut or open
def test_two_thousand_steps_of_one_sample_stay_finite(kind, dtype, eps, scale):
    params, x, start, _ = problem(kind, dtype, T=2000, B=1, scale=scale)
    states = kind.forward(params, x, **start)
    assert np.abs(states.h).max() <= max(1, np.abs(start["h_0"]).max())
    for gradient in kind.backward(params, x, states, np.ones((1, H), dtype), **start):
        assert np.isfinite(gradient).all()


@pytest.mark.filterwarnings("error")
@both
@dtypes
def test_saturated_gates_are_0_and_1_and_have_no_slope(kind, dtype, eps):
    params, _, start, dh = problem(kind, dtype, B=2, T=2)
    x = np.array([1e4, -1e4, 1e30, -1e30] * 3, dtype).reshape(2, 2, D)
    states = kind.forward(params, x, **start)
    gates, low = states.gates.copy(), np.zeros(kind.blocks * H, dtype)
    low[2 * H : 3 * H] = -1  # the candidate
    assert ((gates == low) | (gates == 1)).all()
    np.testing.assert_array_equal(kind.backward(params, x, states, dh, **start).x, 0)


@pytest.mark.filterwarnings("error")
@both
def test_an_overflow_is_reported(kind):
    params, x, start, dh = problem(kind, np.float32)
    huge = np.full_like(start["h_0"], 3e38)  # ∞ from the input and −∞ from the state have no sum
    against = params._replace(W_xh=params.W_xh * 0 + 3e38, W_hh=params.W_hh * 0 - 3e38)
    with refused(ValueError, "must be finite, but overflowed although every argument is finite"):
        kind.forward(against, np.full_like(x, 3e38), **(start | {"h_0": huge}))
    states = kind.forward(params, x, **start)
    with refused(ValueError, "the gradient must be finite, but overflowed"):
        kind.backward(params, x, states, np.full_like(dh, 3e38), **start)


@both
def test_other_kinds_are_named(kind):
    params, x, _, dh = problem(kind)
    with refused(TypeError, f"params must be {kind.params.__name__}(W_xh, W_hh, b), got tuple"):
        kind.forward(tuple(params), x)
    with refused(TypeError, f"states must be {kind.states.__name__}(", "got ndarray"):
        kind.backward(params, x, kind.forward(params, x).h, dh)


def test_weights_of_the_other_cell_are_refused():
    gru, x, *_ = problem(GRU)
    with refused(
        ValueError, "W_xh must have shape (D, 4H), got (3, 15): axis 1 is 15, but 4H = 12"
    ):
        lstm_forward(LSTMParams(gru.W_xh, gru.W_hh, gru.b[0]), x)
    with refused(ValueError, "b must have shape (2, 3H), got (15,): 1 axes, not 2"):
        gru_forward(GRUParams(gru.W_xh, gru.W_hh, gru.b[0]), x)
    with refused(ValueError, "b must have shape (2, 3H), got (3, 15): axis 0 is 3, not 2"):
        gru_forward(GRUParams(gru.W_xh, gru.W_hh, np.vstack([gru.b, gru.b[:1]])), x)

"""Finite differences on slopes known by heart.

Jacobians and the ledger against finite differences.
"""

from contextlib import nullcontext

from helpers.gradients import finite_difference, gradient_ledger, state_jacobians
from helpers.numpy_rnn import ACTIVATIONS, init_params, rnn_backward, rnn_forward, rnn_step

import numpy as np
import pytest
from cases import random_params, refused, relative_error
from hypothesis import given
from hypothesis import strategies as st

activations = pytest.mark.parametrize("activation", ACTIVATIONS)


def sample(T=5, D=2, H=3, seed=0, activation="tanh"):
    """One sample read by a random network: params, x (T, D), h_0 (H,), h (T, H), dh (T, H)."""
    rng = np.random.default_rng(seed)
    params = random_params(rng, D, H)
    x, h_0, dh = rng.standard_normal((T, D)), rng.standard_normal(H), rng.standard_normal((T, H))
    h = rnn_forward(params, x[None], h_0[None], activation=activation)[0]
    return params, x, h_0, h, dh


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 3)])
def test_slopes_known_by_heart(shape):
    a = np.random.default_rng(0).standard_normal(shape)
    assert relative_error(finite_difference(lambda a: np.sum(a**3), a), 3 * a**2) < 1e-9
    assert relative_error(finite_difference(lambda a: float(np.sin(a).sum()), a), np.cos(a)) < 1e-9
    np.testing.assert_array_equal(finite_difference(lambda a: 1.0, a), np.zeros(shape))


def test_the_slope_by_each_entry_is_in_its_place():
    weights = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(
        finite_difference(lambda a: (weights * a).sum(), np.ones((2, 3))), weights, atol=1e-9
    )


def test_eps_is_half_the_distance():
    """The central difference of a³ is exactly 3a² + eps²."""
    assert finite_difference(lambda a: a**3, np.array(2.0), eps=0.5) == pytest.approx(
        12.25, rel=1e-12
    )


def test_a_function_that_writes_into_its_argument_does_no_harm():
    def careless(a):
        a *= 2
        return a.sum()

    a = np.arange(3.0)
    np.testing.assert_allclose(finite_difference(careless, a), 2, atol=1e-9)
    np.testing.assert_array_equal(a, [0, 1, 2])
    a.setflags(write=False)
    np.testing.assert_allclose(finite_difference(np.sum, a), 1, atol=1e-9)


@pytest.mark.parametrize(
    ("f", "a", "eps", "parts"),
    [
        (np.sum, np.ones(2, np.float32), 1e-6, ("a must be float64", "float32")),
        (np.sum, np.array([1.0, np.nan]), 1e-6, ("a must be finite", "nan at index (1,)")),
        (np.sum, np.ones(2), 0, ("eps must be a positive number", "0")),
        (np.sum, np.array([1.0, 1e12]), 1e-6, ("eps must be large enough", "index (1,)")),
        (lambda a: a, np.ones(2), 1e-6, ("f must return one finite float64", "index (0,)")),
        (lambda a: None, np.ones(2), 1e-6, ("f must return one finite float64", "None")),
        (lambda a: np.nan, np.ones(2), 1e-6, ("f must return one finite float64", "nan")),
        (lambda a: np.float32(1), np.ones(2), 1e-6, ("f must return one finite", "float32")),
    ],
)
def test_finite_difference_names_what_is_wrong(f, a, eps, parts):
    with refused(ValueError, *parts):
        finite_difference(f, a, eps)


@activations
def test_each_jacobian_is_the_slope_of_a_step(activation):
    params, x, h_0, h, _ = sample(activation=activation)
    J = state_jacobians(params, h, activation)
    assert J.shape == (5, 3, 3)
    for t, h_prev in enumerate([h_0, *h[:-1]]):
        for i in range(
            3
        ):  # row i of numerator layout: the slope of h_t[i] by every entry of h_{t−1}
            judge = finite_difference(
                lambda a, t=t, i=i: rnn_step(params, x[t : t + 1], a[None], activation)[0, i],
                np.array(h_prev),
            )
            assert relative_error(J[t, i], judge) < 1e-9


def test_the_jacobian_is_that_of_equation_8_transposed():
    params, _, _, h, _ = sample()
    W_hh_paper = params.W_hh.T  # column form
    for h_t, J_t in zip(h, state_jacobians(params, h), strict=True):
        np.testing.assert_allclose(J_t.T, W_hh_paper.T @ np.diag(1 - h_t**2), rtol=0, atol=1e-12)


@activations
def test_the_product_of_jacobians_spans_many_steps(activation):
    """∂h_T/∂h_0 = J_T ⋯ J_1, equation (6) in numerator layout."""
    params, x, h_0, h, _ = sample(activation=activation)
    product = np.linalg.multi_dot(state_jacobians(params, h, activation)[::-1])
    for i in range(3):
        judge = finite_difference(
            lambda a, i=i: rnn_forward(params, x[None], a[None], activation=activation)[0, -1, i],
            h_0,
        )
        assert relative_error(product[i], judge) < 1e-9


@given(
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.booleans(),
)
def test_the_ledger_adds_up_to_the_gradient(T, D, H, activation, with_h_0):
    params, x, h_0, h, dh = sample(T, D, H, activation=activation)
    batch_h_0 = h_0[None] if with_h_0 else None
    h = rnn_forward(params, x[None], batch_h_0, activation=activation)
    ledger = gradient_ledger(params, x, h[0], dh, h_0 if with_h_0 else None, activation)
    assert ledger.shape == (T, T, H, H)
    gradient = rnn_backward(params, x[None], h, dh[None], batch_h_0, activation=activation).W_hh
    np.testing.assert_allclose(
        ledger.sum(axis=(0, 1)), gradient, rtol=0, atol=1e-12 * max(1, np.abs(gradient).max())
    )


def test_a_loss_says_nothing_about_later_steps():
    params, x, h_0, h, dh = sample()
    ledger = gradient_ledger(params, x, h, dh, h_0)
    for t in range(5):
        np.testing.assert_array_equal(ledger[t, t + 1 :], 0)
        assert np.all(np.abs(ledger[t, : t + 1]).max(axis=(1, 2)) > 0)


@activations
def test_each_term_of_the_ledger_is_the_slope_of_one_use_of_W_hh(activation):
    params, x, h_0, h, dh = sample(T=4, activation=activation)
    ledger = gradient_ledger(params, x, h, dh, h_0, activation)

    def loss(t, i, W_hh):
        """L_t when step i alone uses another W_hh."""
        h_prev = h_0[None]
        for step in range(t + 1):
            used = params._replace(W_hh=W_hh) if step == i else params
            h_prev = rnn_step(used, x[step : step + 1], h_prev, activation)
        return dh[t] @ h_prev[0]

    for t in range(4):
        for i in range(t + 1):
            judge = finite_difference(lambda a, t=t, i=i: loss(t, i, a), params.W_hh)
            assert relative_error(ledger[t, i], judge) < 1e-9, (t, i)


def test_dtype_in_is_dtype_out():
    params = init_params(np.random.default_rng(0), 2, 3)
    x = np.random.default_rng(1).standard_normal((1, 4, 2), np.float32)
    h = rnn_forward(params, x)[0]
    assert state_jacobians(params, h).dtype == np.float32
    assert gradient_ledger(params, x[0], h, np.ones_like(h)).dtype == np.float32


def test_large_float32_states_are_recognised_as_those_of_x():
    """Their rounding errors are far above 1e-4, but small beside the states."""
    params, x, _, _, dh = sample(T=40, activation="linear")
    params, x = type(params)(*(2 * a.astype(np.float32) for a in params)), x.astype(np.float32)
    h = rnn_forward(params, x[None], activation="linear")[0]
    assert np.abs(h).max() > 1e6
    assert np.isfinite(
        gradient_ledger(params, x, h, dh.astype(np.float32), activation="linear")
    ).all()


def test_states_may_be_off_by_a_ten_thousandth_of_the_largest_and_no_more():
    small, x, h_0, h, dh = sample()
    large = type(small)(np.ones((1, 1)), np.zeros((1, 1)), np.zeros(1))
    states = np.array([[-50.0]])
    for off, fits in ((0.9e-4, True), (1.01e-4, False)):
        moved = h.copy()
        moved[-1, np.abs(h[-1]).argmax()] *= 1 + off / np.abs(h[-1]).max()
        with nullcontext() if fits else refused(ValueError, "h must be the states"):
            gradient_ledger(small, x, moved, dh, h_0)
        with nullcontext() if fits else refused(ValueError, "h must be the states"):
            gradient_ledger(large, states, states * (1 - off), np.ones((1, 1)), activation="linear")


@pytest.mark.parametrize(
    ("changes", "error", "parts"),
    [
        (dict(params=(1, 2, 3)), TypeError, ("params must be RNNParams", "tuple")),
        (dict(x=np.ones((1, 5, 2))), ValueError, ("x must have shape (T, D)", "(1, 5, 2)")),
        (dict(h=np.ones((4, 3))), ValueError, ("h must", "axis 0 is 4, but T = 5")),
        (dict(dh=np.ones(3)), ValueError, ("dh must have shape (T, H)", "(3,)")),
        (dict(h_0=np.ones((1, 3))), ValueError, ("h_0 must have shape (H,)", "(1, 3)")),
        (dict(activation="sine"), ValueError, ("activation must be one of", "'sine'")),
        (dict(activation="relu"), ValueError, ("h must be the states that rnn_forward returns",)),
        (dict(h_0=None), ValueError, ("h must be the states that rnn_forward returns", "differs")),
    ],
)
def test_gradient_ledger_names_what_is_wrong(changes, error, parts):
    params, x, h_0, h, dh = sample()
    with refused(error, *parts):
        gradient_ledger(**(dict(params=params, x=x, h=h, dh=dh, h_0=h_0) | changes))


def test_state_jacobians_names_what_is_wrong():
    params = sample()[0]
    with refused(ValueError, "h must have shape (T, H)", "(1, 5, 3)"):
        state_jacobians(params, np.ones((1, 5, 3)))
    with refused(ValueError, "J must be finite, but overflowed"):
        state_jacobians(params, np.full((5, 3), 1e200))

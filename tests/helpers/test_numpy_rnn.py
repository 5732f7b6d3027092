"""The NumPy recurrence against a loop of equation (3), its gradients against differences."""

from typing import NamedTuple

from helpers.gradients import finite_difference
from helpers.numpy_rnn import (
    ACTIVATIONS,
    RNNParams,
    init_params,
    rnn_backward,
    rnn_forward,
    rnn_step,
)

import numpy as np
import pytest
from cases import random_params, refused, relative_error
from hypothesis import assume, given
from hypothesis import strategies as st

SIGMA = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: np.where(z > 0, z, 0),
    "linear": lambda z: z,
}
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}


class Case(NamedTuple):
    """One call of `rnn_forward` or, with dh, of `rnn_backward`."""

    params: RNNParams
    x: np.ndarray
    h_0: np.ndarray | None
    mask: np.ndarray | None
    activation: str
    dh: np.ndarray

    def forward(self, **changes):
        new = self._replace(**changes)
        return rnn_forward(new.params, new.x, new.h_0, new.mask, new.activation)

    def backward(self, h, **changes):
        new = self._replace(**changes)
        return rnn_backward(new.params, new.x, h, new.dh, new.h_0, new.mask, new.activation)


@st.composite
def cases(draw, dtypes=(np.float64,), largest=3):
    """Random networks and inputs of every small size, with and without mask and initial state."""
    B, T, D, H = (draw(st.integers(1, largest), label=letter) for letter in "BTDH")
    dtype, activation = draw(st.sampled_from(dtypes)), draw(st.sampled_from(sorted(ACTIVATIONS)))
    with_h_0, with_mask = draw(st.booleans()), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32), label="seed"))
    return Case(
        params=random_params(rng, D, H, dtype),
        x=rng.standard_normal((B, T, D)).astype(dtype),
        h_0=rng.standard_normal((B, H)).astype(dtype) if with_h_0 else None,
        mask=rng.random((B, T)) < 0.6 if with_mask else None,
        activation=activation,
        dh=rng.standard_normal((B, T, H)).astype(dtype),
    )


def typical(**changes):
    """A case with everything in it: B, T, D, H = 2, 4, 3, 5."""
    rng = np.random.default_rng(0)
    case = Case(
        params=random_params(rng, 3, 5),
        x=rng.standard_normal((2, 4, 3)),
        h_0=rng.standard_normal((2, 5)),
        mask=np.array([[True, True, True, False], [False, True, False, True]]),
        activation="tanh",
        dh=rng.standard_normal((2, 4, 5)),
    )
    return case._replace(**changes)


def states_of_one_sample(case, sample):
    """Equation (3) as on paper: column vectors, one sample, one step after the other.

    Returns (h, z), both (T, H).
    """
    W_xh, W_hh, b = case.params[0].T, case.params[1].T, case.params[2]
    h_prev = np.zeros(len(b)) if case.h_0 is None else case.h_0[sample]
    states, sums = [], []
    for t, x_t in enumerate(case.x[sample]):
        z_t = W_xh @ x_t + W_hh @ h_prev + b
        if case.mask is None or case.mask[sample, t]:
            h_prev = SIGMA[case.activation](z_t)
        states.append(h_prev)
        sums.append(z_t)
    return np.array(states), np.array(sums)


@given(cases(dtypes=(np.float32, np.float64), largest=5))
def test_forward_is_equation_3(case):
    h = case.forward()
    assert h.shape == (*case.x.shape[:2], len(case.params.b)) and h.dtype == case.x.dtype
    for sample in range(len(case.x)):
        expected, _ = states_of_one_sample(case, sample)
        np.testing.assert_allclose(
            h[sample], expected, rtol=0, atol=TOLERANCE[h.dtype.type] * max(1, np.abs(h).max())
        )


@given(cases(dtypes=(np.float32, np.float64), largest=5))
def test_step_is_one_step_of_forward(case):
    h_prev = np.zeros_like(case.dh[:, 0]) if case.h_0 is None else case.h_0
    h_1 = rnn_step(case.params, case.x[:, 0], h_prev, case.activation)
    assert h_1.dtype == case.x.dtype
    first_state = case.forward(mask=None)[:, 0]
    np.testing.assert_allclose(
        h_1, first_state, rtol=0, atol=TOLERANCE[h_1.dtype.type] * max(1, np.abs(h_1).max())
    )


@given(cases())
def test_backward_is_the_slope_of_forward(case):
    if case.activation == "relu":  # finite differences must not step over the kink
        assume(
            all(
                np.abs(states_of_one_sample(case, sample)[1]).min() > 1e-4
                for sample in range(len(case.x))
            )
        )

    def loss(**changes):
        return float((case.dh * case.forward(**changes)).sum())

    grads = case.backward(case.forward())
    for name in RNNParams._fields:
        judge = finite_difference(
            lambda a, name=name: loss(params=case.params._replace(**{name: a})),
            getattr(case.params, name),
        )
        assert relative_error(getattr(grads, name), judge) < 1e-9, name
    assert relative_error(grads.x, finite_difference(lambda a: loss(x=a), case.x)) < 1e-9
    h_0 = np.zeros_like(case.dh[:, 0]) if case.h_0 is None else case.h_0
    assert relative_error(grads.h_0, finite_difference(lambda a: loss(h_0=a), h_0)) < 1e-9


@given(cases(dtypes=(np.float32,)))
def test_float32_stays_near_float64(case):
    def double(a):
        return None if a is None else a.astype(np.float64)

    exact = case._replace(
        params=RNNParams(*map(double, case.params)),
        x=double(case.x),
        h_0=double(case.h_0),
        dh=double(case.dh),
    )
    h, h_exact = case.forward(), exact.forward()
    assert relative_error(h, h_exact) < 1e-5
    if case.activation != "relu":  # a state that rounds to 0 has another slope
        for rounded, gradient in zip(case.backward(h), exact.backward(h_exact), strict=True):
            assert relative_error(rounded, gradient) < 1e-5


@given(cases())
def test_gradient_by_the_last_state_alone(case):
    h = case.forward()
    dh = np.zeros_like(case.dh)
    dh[:, -1] = case.dh[:, -1]
    for short, long in zip(case.backward(h, dh=dh[:, -1]), case.backward(h, dh=dh), strict=True):
        np.testing.assert_allclose(short, long, rtol=0, atol=1e-12)


@given(cases(), st.sampled_from(["left", "right"]), st.integers(1, 3))
def test_padding_with_a_mask_changes_nothing(case, side, extra):
    case = case._replace(mask=None)
    B, T, _ = case.x.shape
    steps = slice(extra, None) if side == "left" else slice(0, T)

    def padded(a):
        noise = np.full((B, extra + T, *a.shape[2:]), 7.0)
        noise[:, steps] = a
        return noise

    mask = padded(np.ones((B, T))) == 1
    h = case.forward()
    h_padded = case.forward(x=padded(case.x), mask=mask)
    np.testing.assert_allclose(h_padded[:, steps], h, rtol=0, atol=1e-12)
    np.testing.assert_allclose(h_padded[:, -1], h[:, -1], rtol=0, atol=1e-12)

    dh = np.zeros_like(h_padded)
    dh[:, steps] = case.dh
    grads = case.backward(h)
    grads_padded = case.backward(h_padded, x=padded(case.x), mask=mask, dh=dh)
    np.testing.assert_allclose(grads_padded.x[:, steps], grads.x, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(grads_padded.x[~mask], 0)
    for name in ("W_xh", "W_hh", "b", "h_0"):
        np.testing.assert_allclose(
            getattr(grads_padded, name), getattr(grads, name), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_row_without_a_real_step_keeps_h_0_and_teaches_nothing(activation):
    case = typical(activation=activation, mask=np.array([[False] * 4, [True] * 4]))
    h = case.forward()
    np.testing.assert_array_equal(h[0], np.broadcast_to(case.h_0[0], (4, 5)))
    grads = case.backward(h)
    np.testing.assert_array_equal(grads.x[0], 0)
    np.testing.assert_allclose(grads.h_0[0], case.dh[0].sum(axis=0), rtol=0, atol=1e-12)
    alone = case._replace(**{name: getattr(case, name)[1:] for name in ("x", "h_0", "mask", "dh")})
    for name in RNNParams._fields:
        expected = getattr(alone.backward(h[1:]), name)
        np.testing.assert_allclose(getattr(grads, name), expected, rtol=0, atol=1e-12)


def test_a_masked_first_step_shows_h_0():
    case = typical(mask=np.array([[False, True, True, True]] * 2))
    np.testing.assert_array_equal(case.forward()[:, 0], case.h_0)
    np.testing.assert_array_equal(case.forward(h_0=None)[:, 0], 0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("radius", [0.0, 0.5, 1.0, 5.0])
def test_long_sequences_give_finite_states_or_a_clear_word(activation, radius):
    W_xh, Q, b = init_params(np.random.default_rng(0), 3, 8)
    params = RNNParams(W_xh, np.float32(radius) * Q, b)
    x = np.random.default_rng(1).standard_normal((1, 2000, 3), np.float32)
    try:
        h = rnn_forward(params, x, activation=activation)
    except ValueError as error:
        assert "overflowed" in str(error) and activation in ("relu", "linear") and radius > 1
        return
    assert np.isfinite(h).all()
    assert radius <= 1 or activation in ("tanh", "sigmoid", "relu")
    try:
        grads = rnn_backward(params, x, h, np.ones((1, 8), np.float32), activation=activation)
    except ValueError as error:
        assert "the gradient must be finite, but overflowed" in str(error)
    else:
        assert all(np.isfinite(gradient).all() for gradient in grads)


def one_unit(W_xh, W_hh, dtype=np.float32):
    return RNNParams(np.array([[W_xh]], dtype), np.array([[W_hh]], dtype), np.zeros(1, dtype))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_states_that_overflow_are_reported(activation):
    with refused(ValueError, "h must be finite, but overflowed although every argument is finite"):
        rnn_forward(one_unit(1, 2), np.ones((1, 200, 1), np.float32), activation=activation)
    with refused(ValueError, "h_t must be finite, but overflowed"):
        rnn_step(
            one_unit(1e30, 2),
            np.full((1, 1), 1e30, np.float32),
            np.ones((1, 1), np.float32),
            activation,
        )


@pytest.mark.filterwarnings("error")
def test_an_overflow_that_relu_forgets_is_reported():
    """The state is infinity, then relu(−infinity) = 0, so that the last state looks healthy."""
    x = np.array([1e30, 0, 1, 1], np.float32).reshape(1, 4, 1)
    with refused(ValueError, "h must be finite, but overflowed"):
        rnn_forward(one_unit(1e30, -1), x, activation="relu")


@pytest.mark.filterwarnings("error")
def test_a_gradient_that_overflows_is_reported():
    x = np.zeros((1, 200, 1), np.float32)
    with refused(
        ValueError, "the gradient must be finite, but overflowed although every argument is finite"
    ):
        rnn_backward(one_unit(1, 2), x, x, np.ones((1, 1), np.float32), activation="linear")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_units_stay_finite(activation, dtype):
    x = np.array([1e4, -1e4, 1e30], dtype).reshape(1, 3, 1)
    h = rnn_forward(one_unit(1, 5, dtype), x, activation=activation)
    low = {"tanh": -1, "sigmoid": 0}[activation]
    np.testing.assert_array_equal(h[0, :, 0], [1, low, 1])
    np.testing.assert_array_equal(
        rnn_backward(one_unit(1, 5, dtype), x, h, h, activation=activation).x, 0
    )


WRONG = [  # what replaces an argument, and what the message must say
    (dict(x=np.ones((2, 3))), "x must have shape (B, T, D), got (2, 3): 2 axes, not 3"),
    (
        dict(x=np.ones((2, 4, 6))),
        "x must have shape (B, T, D), got (2, 4, 6): axis 2 is 6, but D = 3",
    ),
    (dict(x=np.ones((2, 0, 3))), "x must have shape (B, T, D), got (2, 0, 3): axis 1 (T) is empty"),
    (dict(x=np.ones((2, 4, 3), int)), "x must be float32 or float64, got int64"),
    (dict(x=np.ones((2, 4, 3), np.float32)), "x must be float64 as W_xh is, got float32"),
    (dict(h_0=np.ones((1, 5))), "h_0 must have shape (B, H), got (1, 5): axis 0 is 1, but B = 2"),
    (
        dict(mask=np.ones((2, 4), int)),
        "mask must be boolean (True where the step is real), got int64",
    ),
    (dict(activation="softplus"), "activation must be one of 'tanh', 'sigmoid', 'relu', 'linear'"),
]


@pytest.mark.parametrize(("changes", "says"), WRONG)
def test_what_does_not_fit_is_named(changes, says):
    case = typical()
    h = case.forward()
    with refused(ValueError, says):
        case.forward(**changes)
    with refused(ValueError, says):
        case.backward(h, **changes)


def test_other_params_are_named():
    for params, came in ((list(typical().params), "list"), (None, "NoneType")):
        with refused(TypeError, "params must be RNNParams(W_xh, W_hh, b)", came, "makes one from"):
            typical().forward(params=params)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_named_with_their_place(bad):
    case = typical()
    case.x[1, 3, 2] = bad
    with refused(ValueError, f"x must be finite, got {bad} at index (1, 3, 2)"):
        case.forward()


def test_what_is_left_out_is_zeros_no_mask_and_tanh():
    case = typical()
    h = rnn_forward(case.params, case.x)
    zeros = np.zeros_like(case.h_0)
    np.testing.assert_array_equal(
        h, rnn_forward(case.params, case.x, zeros, np.ones((2, 4), bool), "tanh")
    )
    np.testing.assert_array_equal(h[:, 0], rnn_step(case.params, case.x[:, 0], zeros))
    for short, full in zip(
        rnn_backward(case.params, case.x, h, case.dh),
        rnn_backward(case.params, case.x, h, case.dh, zeros, np.ones((2, 4), bool), "tanh"),
        strict=True,
    ):
        np.testing.assert_allclose(short, full, rtol=0, atol=1e-12)


def test_padding_must_be_finite_too():
    case = typical()
    x = case.x.copy()
    x[~case.mask] = np.nan
    with refused(ValueError, "x must be finite, got nan at index (0, 3, 0)"):
        case.forward(x=x)


def test_numbers_near_the_largest_float_are_no_infinity():
    """The sum of squares that looks for infinities overflows here; the answer must not."""
    x = np.full((1, 1, 1), 3e38, np.float32)
    assert rnn_forward(one_unit(1, 1), x, activation="linear")[0, 0, 0] == np.float32(3e38)


@given(st.integers(1, 8), st.integers(1, 8), st.sampled_from([np.float32, np.float64]))
def test_init_params_draws_as_keras_does(D, H, dtype):
    params = init_params(np.random.default_rng(0), D, H, dtype)
    assert [a.shape for a in params] == [(D, H), (H, H), (H,)] and {a.dtype for a in params} == {
        np.dtype(dtype)
    }
    tolerance = {np.float32: 1e-6, np.float64: 1e-12}[dtype]
    np.testing.assert_allclose(params.W_hh @ params.W_hh.T, np.eye(H), rtol=0, atol=tolerance)
    np.testing.assert_array_equal(params.b, 0)
    for a, b in zip(params, init_params(np.random.default_rng(0), D, H, dtype), strict=True):
        np.testing.assert_array_equal(a, b)


def test_init_params_fills_the_glorot_interval_and_all_orthogonal_matrices():
    params = init_params(np.random.default_rng(0), 200, 100, np.float64)
    limit = np.sqrt(6 / 300)
    assert np.abs(params.W_xh).max() == pytest.approx(limit, rel=1e-3)
    assert np.abs(params.W_xh).max() < limit and abs(params.W_xh.mean()) < 0.02 * limit
    # A uniformly drawn Q has no preferred sign; LAPACK's own Q has diagonals that are nearly all
    # negative.
    diagonals = [
        np.diag(init_params(np.random.default_rng(seed), 1, 5).W_hh) for seed in range(200)
    ]
    assert 0.45 < np.mean(np.array(diagonals) > 0) < 0.55


def test_init_params_names_what_is_wrong():
    rng = np.random.default_rng(0)
    with refused(ValueError, "input_size must be a positive whole number", "0"):
        init_params(rng, 0, 4)
    with refused(ValueError, "hidden_size must be a positive whole number", "4.0"):
        init_params(rng, 3, 4.0)
    with refused(ValueError, "dtype must be one of 'float32'", "'int32'"):
        init_params(rng, 3, 4, np.int32)

"""The NumPy recurrence against a loop written from equation (3), its gradients against finite differences."""

from typing import NamedTuple

from helpers.gradients import finite_difference
from helpers.numpy_rnn import (
    ACTIVATIONS,
    RNNGrads,
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


@given(cases(dtypes=(np.float32, np.float64)))
def test_gradients_have_the_shape_and_dtype_of_what_they_belong_to(case):
    grads = case.backward(case.forward())
    assert isinstance(grads, RNNGrads)
    for gradient, a in zip(grads, (*case.params, case.x, case.dh[:, 0]), strict=True):
        assert gradient.shape == a.shape and gradient.dtype == a.dtype


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


def map_arrays(case, change):
    return case._replace(
        params=RNNParams(*map(change, case.params)),
        **{name: change(getattr(case, name)) for name in ("x", "h_0", "mask", "dh")},
    )


def strided(a):
    """The same numbers, stored backwards and with gaps."""
    return np.flip(np.repeat(np.flip(a), 2, axis=-1)[..., ::2])


def fortran(a):
    return np.asfortranarray(a)


def read_only(a):
    a = a.copy()
    a.setflags(write=False)
    return a


@pytest.mark.parametrize("layout", [strided, fortran, read_only])
@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_layout_in_memory_does_not_matter(layout, last_only, masked):
    case = typical(mask=np.ones((2, 4), bool)) if not masked else typical()
    if last_only:
        case = case._replace(dh=case.dh[:, -1].copy())
    other = map_arrays(case, layout)
    h = case.forward()
    np.testing.assert_array_equal(other.forward(), h)
    for a, b in zip(other.backward(layout(h)), case.backward(h), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    h_1 = rnn_step(case.params, case.x[:, 0], case.h_0)
    np.testing.assert_array_equal(rnn_step(other.params, layout(case.x[:, 0]), other.h_0), h_1)


def test_foreign_byte_order_is_named():
    foreign = map_arrays(typical(), lambda a: a.astype(a.dtype.newbyteorder()))
    with refused(ValueError, f"W_xh must be float32 or float64, got {foreign.params.W_xh.dtype}"):
        foreign.forward()


@given(cases())
def test_arguments_are_never_changed(case):
    h = case.forward()
    arrays = [a for a in (*case.params, case.x, case.h_0, case.mask, case.dh, h) if a is not None]
    copies = [a.copy() for a in arrays]
    for dh in (case.dh, case.dh[:, -1]):
        grads = case.backward(h, dh=dh)
        for gradient in grads:
            assert not any(np.shares_memory(gradient, a) for a in arrays)
    rnn_step(case.params, case.x[:, 0], h[:, 0], case.activation)
    case.forward()
    for a, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(a, copy)


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
    """The state jumps to infinity, then to relu(−infinity) = 0, so that the last state looks healthy."""
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


# One wrong argument each: what replaces it, the error, and what the message must say.
WRONG = {
    "params as a list": (
        dict(params=list(typical().params)),
        TypeError,
        "params must be RNNParams(W_xh, W_hh, b)",
        "list",
    ),
    "params is None": (dict(params=None), TypeError, "params must be RNNParams", "NoneType"),
    "x as a list": (dict(x=[[[1.0]]]), TypeError, "x must be a NumPy array", "list"),
    "x of rank 2": (
        dict(x=np.ones((2, 3))),
        ValueError,
        "x must have shape (B, T, D)",
        "(2, 3)",
        "2 axes, not 3",
    ),
    "x too wide": (
        dict(x=np.ones((2, 4, 6))),
        ValueError,
        "x must",
        "(2, 4, 6)",
        "axis 2 is 6, but D = 3",
    ),
    "x of integers": (
        dict(x=np.ones((2, 4, 3), int)),
        ValueError,
        "x must be float32 or float64",
        "int64",
    ),
    "x of halves": (
        dict(x=np.ones((2, 4, 3), np.float16)),
        ValueError,
        "x must be float32 or float64",
        "float16",
    ),
    "x of complex numbers": (
        dict(x=np.ones((2, 4, 3), complex)),
        ValueError,
        "x must be float32",
        "complex128",
    ),
    "x of another dtype": (
        dict(x=np.ones((2, 4, 3), np.float32)),
        ValueError,
        "x must be float64 as W_xh is",
        "float32",
        "astype",
    ),
    "no samples": (dict(x=np.ones((0, 4, 3))), ValueError, "x must", "axis 0 (B) is empty"),
    "no steps": (dict(x=np.ones((2, 0, 3))), ValueError, "x must", "axis 1 (T) is empty"),
    "no features": (dict(x=np.ones((2, 4, 0))), ValueError, "x must", "axis 2 (D) is empty"),
    "h_0 as a list": (dict(h_0=[[0.0] * 5] * 2), TypeError, "h_0 must be a NumPy array", "list"),
    "h_0 of rank 1": (dict(h_0=np.ones(5)), ValueError, "h_0 must have shape (B, H)", "(5,)"),
    "h_0 of another batch": (
        dict(h_0=np.ones((1, 5))),
        ValueError,
        "h_0 must",
        "(1, 5)",
        "axis 0 is 1, but B = 2",
    ),
    "h_0 of other units": (
        dict(h_0=np.ones((2, 1))),
        ValueError,
        "h_0 must",
        "axis 1 is 1, but H = 5",
    ),
    "h_0 of another dtype": (
        dict(h_0=np.ones((2, 5), np.float32)),
        ValueError,
        "h_0 must be float64",
        "float32",
    ),
    "mask as a list": (
        dict(mask=[[True] * 4] * 2),
        TypeError,
        "mask must be a NumPy array",
        "list",
    ),
    "mask of integers": (
        dict(mask=np.ones((2, 4), int)),
        ValueError,
        "mask must be boolean",
        "int64",
    ),
    "mask of rank 1": (
        dict(mask=np.ones(4, bool)),
        ValueError,
        "mask must have shape (B, T)",
        "(4,)",
    ),
    "mask of another batch": (
        dict(mask=np.ones((1, 4), bool)),
        ValueError,
        "mask must",
        "axis 0 is 1, but B = 2",
    ),
    "mask of other steps": (
        dict(mask=np.ones((2, 3), bool)),
        ValueError,
        "mask must",
        "axis 1 is 3, but T = 4",
    ),
    "unknown activation": (
        dict(activation="softplus"),
        ValueError,
        "activation must be one of 'tanh'",
        "'softplus'",
    ),
    "activation as a list": (
        dict(activation=["tanh"]),
        ValueError,
        "activation must be one of",
        "['tanh']",
    ),
    "activation as a function": (
        dict(activation=np.tanh),
        ValueError,
        "activation must be one of",
        "ufunc",
    ),
}
WRONG_PARAMS = {
    "W_xh as a list": (dict(W_xh=[[1.0]]), TypeError, "W_xh must be a NumPy array", "list"),
    "W_xh of rank 1": (dict(W_xh=np.ones(5)), ValueError, "W_xh must have shape (D, H)", "(5,)"),
    "W_hh not square": (
        dict(W_hh=np.ones((5, 4))),
        ValueError,
        "W_hh must have shape (H, H)",
        "(5, 4)",
    ),
    "W_hh of other units": (
        dict(W_hh=np.ones((4, 4))),
        ValueError,
        "W_hh must",
        "axis 0 is 4, but H = 5",
    ),
    "W_hh of another dtype": (
        dict(W_hh=np.ones((5, 5), np.float32)),
        ValueError,
        "W_hh must be float64",
        "float32",
    ),
    "b of other units": (
        dict(b=np.ones(1)),
        ValueError,
        "b must have shape (H,)",
        "(1,)",
        "axis 0 is 1, but H = 5",
    ),
    "b of rank 2": (dict(b=np.ones((1, 5))), ValueError, "b must have shape (H,)", "(1, 5)"),
    "b of integers": (dict(b=np.ones(5, int)), ValueError, "b must be float32 or float64", "int64"),
}
WRONG |= {
    name: (dict(params=typical().params._replace(**change)), *says)
    for name, (change, *says) in WRONG_PARAMS.items()
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_arguments_are_named(wrong):
    changes, error, *parts = WRONG[wrong]
    case = typical()
    h = case.forward()
    with refused(error, *parts):
        case.forward(**changes)
    with refused(error, *parts):
        case.backward(h, **changes)


@pytest.mark.parametrize(
    ("changes", "error", "parts"),
    [
        (dict(h=np.ones((2, 4))), ValueError, ("h must have shape (B, T, H)", "(2, 4)")),
        (dict(h=np.ones((2, 3, 5))), ValueError, ("h must", "axis 1 is 3, but T = 4")),
        (dict(h=np.ones((2, 4, 1))), ValueError, ("h must", "axis 2 is 1, but H = 5")),
        (
            dict(h=np.ones((2, 4, 5), np.float32)),
            ValueError,
            ("h must be float64 as W_xh is", "float32"),
        ),
        (dict(h=[[[0.0]]]), TypeError, ("h must be a NumPy array", "list")),
        (dict(dh=np.ones(5)), ValueError, ("dh must have shape (B, T, H)", "(5,)")),
        (
            dict(dh=np.ones((1, 5))),
            ValueError,
            ("dh must have shape (B, H)", "axis 0 is 1, but B = 2"),
        ),
        (
            dict(dh=np.ones((2, 1, 5))),
            ValueError,
            ("dh must have shape (B, T, H)", "axis 1 is 1, but T = 4"),
        ),
        (
            dict(dh=np.ones((2, 4, 5), np.float32)),
            ValueError,
            ("dh must be float64 as W_xh is", "float32"),
        ),
        (dict(dh=[[0.0]]), TypeError, ("dh must be a NumPy array", "list")),
        (dict(dh=None), TypeError, ("dh must be a NumPy array", "NoneType")),
    ],
)
def test_wrong_states_and_gradients_are_named(changes, error, parts):
    case = typical()
    with refused(error, *parts):
        case.backward(**({"h": case.forward()} | changes))


@pytest.mark.parametrize(
    ("x_t", "h_prev", "error", "parts"),
    [
        (
            np.ones((2, 1, 3)),
            np.ones((2, 5)),
            ValueError,
            ("x_t must have shape (B, D)", "(2, 1, 3)"),
        ),
        (np.ones((2, 4)), np.ones((2, 5)), ValueError, ("x_t must", "axis 1 is 4, but D = 3")),
        (
            np.ones((2, 3)),
            np.ones((1, 5)),
            ValueError,
            ("h_prev must have shape (B, H)", "axis 0 is 1, but B = 2"),
        ),
        (
            np.ones((2, 3)),
            np.ones((2, 5), np.float32),
            ValueError,
            ("h_prev must be float64", "float32"),
        ),
        (np.ones((2, 3)), [[0.0]], TypeError, ("h_prev must be a NumPy array", "list")),
        (np.ones((2, 3)), None, TypeError, ("h_prev must be a NumPy array", "NoneType")),
    ],
)
def test_wrong_arguments_of_a_step_are_named(x_t, h_prev, error, parts):
    with refused(error, *parts):
        rnn_step(typical().params, x_t, h_prev)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", ["W_xh", "W_hh", "b", "x", "h_0", "h", "dh"])
def test_nan_and_infinity_are_named(name, bad, activation):
    case = typical(activation=activation)
    h = case.forward().copy()

    def spoilt(a):
        a = a.copy()
        a[(-1,) * a.ndim] = bad  # in x, h and dh: the last step
        return a

    index = tuple(
        n - 1
        for n in getattr(case.params, name, {"h": h}.get(name, getattr(case, name, None))).shape
    )
    parts = f"{name} must be finite", f"got {bad} at index {index}"
    if name in RNNParams._fields:
        case = case._replace(
            params=case.params._replace(**{name: spoilt(getattr(case.params, name))})
        )
    elif name != "h":
        case = case._replace(**{name: spoilt(getattr(case, name))})
    with refused(ValueError, *parts):
        case.backward(spoilt(h) if name == "h" else h)
    if name not in ("h", "dh"):
        with refused(ValueError, *parts):
            case.forward()
    if name in RNNParams._fields:
        with refused(ValueError, *parts):
            rnn_step(case.params, case.x[:, 0], case.h_0, activation)


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


@pytest.mark.parametrize(
    ("arguments", "error", "parts"),
    [
        ((0, 3, 4), TypeError, ("rng must be a NumPy Generator", "default_rng", "int")),
        (
            (np.random.default_rng(0), 0, 4),
            ValueError,
            ("input_size must be a positive whole number", "0"),
        ),
        (
            (np.random.default_rng(0), 3, 4.0),
            ValueError,
            ("hidden_size must be a positive whole number", "4.0"),
        ),
        ((np.random.default_rng(0), True, 4), ValueError, ("input_size", "True")),
        (
            (np.random.default_rng(0), 3, 4, np.int32),
            ValueError,
            ("dtype must be one of 'float32'", "'int32'"),
        ),
        (
            (np.random.default_rng(0), 3, 4, "float16"),
            ValueError,
            ("dtype must be one of", "'float16'"),
        ),
    ],
)
def test_init_params_names_what_is_wrong(arguments, error, parts):
    with refused(error, *parts):
        init_params(*arguments)

"""The output head and the losses against finite differences, known values and extreme numbers."""

from helpers import output
from helpers.gradients import finite_difference
from helpers.output import (
    HeadParams,
    head_backward,
    head_forward,
    init_head,
    sigmoid,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    squared_error,
)

import numpy as np
import pytest
from cases import refused, relative_error
from hypothesis import given
from hypothesis import strategies as st

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 2**32)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=2).map(tuple),
    st.integers(1, 4),
    st.integers(1, 4),
    seeds,
)
def test_head_backward_is_the_slope_of_head_forward(rows, H, outputs, seed):
    rng = np.random.default_rng(seed)
    params = HeadParams(rng.standard_normal((H, outputs)), rng.standard_normal(outputs))
    h, do = rng.standard_normal((*rows, H)), rng.standard_normal((*rows, outputs))
    grads = head_backward(params, h, do)
    for name in HeadParams._fields:
        judge = finite_difference(
            lambda a, name=name: (do * head_forward(params._replace(**{name: a}), h)).sum(),
            getattr(params, name),
        )
        assert relative_error(getattr(grads, name), judge) < 1e-9
    assert (
        relative_error(
            grads.h, finite_difference(lambda a: (do * head_forward(params, a)).sum(), h)
        )
        < 1e-9
    )


def test_the_head_is_equation_2():
    params = HeadParams(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), np.array([0.1, 0.2, 0.3]))
    np.testing.assert_allclose(
        head_forward(params, np.array([[2.0, 1.0]])), [[12.1, 24.2, 36.3]], rtol=1e-15
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_in_is_dtype_out(dtype):
    params = init_head(np.random.default_rng(0), 3, 2, dtype)
    h, o = np.ones((4, 5, 3), dtype), np.ones((4, 5, 2), dtype)
    arrays = [
        *params,
        head_forward(params, h),
        *head_backward(params, h, o),
        sigmoid(o),
        softmax(o),
    ]
    arrays += [loss(o, np.ones(o.shape))[1] for loss in (sigmoid_cross_entropy, squared_error)]
    arrays += [softmax_cross_entropy(o, np.ones((4, 5), int))[1]]
    assert {a.dtype for a in arrays} == {np.dtype(dtype)}


def test_init_head_fills_the_glorot_interval():
    params = init_head(np.random.default_rng(0), 200, 100, np.float64)
    assert params.W_ho.shape == (200, 100) and np.abs(params.W_ho).max() == pytest.approx(
        np.sqrt(6 / 300), rel=1e-3
    )
    np.testing.assert_array_equal(params.b_o, np.zeros(100))


@given(shapes, seeds)
def test_gradients_of_the_losses(shape, seed):
    rng = np.random.default_rng(seed)
    o, y, classes = (
        rng.standard_normal(shape),
        rng.random(shape),
        rng.integers(0, shape[-1], shape[:-1]),
    )
    for loss, target in (
        (sigmoid_cross_entropy, y),
        (squared_error, y),
        (softmax_cross_entropy, classes),
    ):
        _, do = loss(o, target)
        judge = finite_difference(lambda a, loss=loss, target=target: loss(a, target)[0], o)
        assert relative_error(do, judge) < 1e-9, loss.__name__


def test_values_known_by_heart():
    assert sigmoid(np.array(0.0)) == 0.5
    assert sigmoid(np.log(3.0)) == pytest.approx(0.75, rel=1e-12)
    np.testing.assert_allclose(
        softmax(np.log([[1.0, 3.0], [2.0, 2.0]])), [[0.25, 0.75], [0.5, 0.5]], rtol=1e-12
    )
    o, y = np.log([3.0, 3.0]), np.array([1.0, 0.0])
    assert sigmoid_cross_entropy(o, y)[0] == pytest.approx(
        -(np.log(0.75) + np.log(0.25)) / 2, rel=1e-12
    )
    assert softmax_cross_entropy(np.log([[1.0, 3.0]]), np.array([1]))[0] == pytest.approx(
        -np.log(0.75), rel=1e-12
    )
    assert softmax_cross_entropy(np.zeros((2, 3, 7)), np.zeros((2, 3), int))[0] == pytest.approx(
        np.log(7), rel=1e-12
    )
    loss, do = squared_error(np.array([1.0, 5.0]), np.array([0.0, 2.0]))
    assert loss == 5.0
    np.testing.assert_array_equal(do, [1.0, 3.0])
    assert all(isinstance(loss(o, y)[0], float) for loss in (sigmoid_cross_entropy, squared_error))


@given(shapes, seeds)
def test_softmax_is_a_distribution_that_a_shift_does_not_change(shape, seed):
    o = np.random.default_rng(seed).standard_normal(shape)
    p = softmax(o)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(softmax(o + 100), p, rtol=1e-12)
    np.testing.assert_allclose(sigmoid(o), 1 - sigmoid(-o), rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_stay_finite_and_right(dtype):
    o = np.array([1e4, -1e4, 1e4, -1e4], dtype)
    np.testing.assert_array_equal(sigmoid(o), [1, 0, 1, 0])
    loss, do = sigmoid_cross_entropy(o, np.array([1, 0, 0, 1]))
    assert loss == pytest.approx(5e3, rel=1e-6)  # 0, 0, 1e4 and 1e4
    np.testing.assert_allclose(do, [0, 0, 0.25, -0.25], atol=1e-6)
    np.testing.assert_array_equal(softmax(o[:2]), [1, 0])
    loss, do = softmax_cross_entropy(o[None, :2], np.array([1]))
    assert loss == pytest.approx(2e4, rel=1e-6)
    np.testing.assert_allclose(do, [[1, -1]], atol=1e-6)


@pytest.mark.parametrize(
    "y", [np.array([True, False]), np.array([1, 0], np.int8), np.array([1.0, 0.0], np.float32)]
)
def test_labels_may_have_any_dtype(y):
    o = np.array([0.3, -0.2])
    assert sigmoid_cross_entropy(o, y)[0] == sigmoid_cross_entropy(o, np.array([1.0, 0.0]))[0]


def test_arguments_are_never_changed():
    o, y, classes = np.ones((2, 3)), np.ones((2, 3)), np.ones(2, int)
    params, h = HeadParams(np.ones((4, 3)), np.ones(3)), np.ones((2, 4))
    for a in (o, y, classes, *params, h):
        a.setflags(write=False)  # whoever writes into one raises
    results = [
        sigmoid_cross_entropy(o, y)[1],
        squared_error(o, y)[1],
        softmax_cross_entropy(o, classes)[1],
    ]
    results += [sigmoid(o), softmax(o), head_forward(params, h), *head_backward(params, h, o)]
    assert not any(np.shares_memory(result, a) for result in results for a in (o, y, *params, h))


HEAD = HeadParams(np.ones((4, 3)), np.ones(3))
X = np.ones((2, 4))


@pytest.mark.parametrize(
    ("params", "h", "error", "parts"),
    [
        ([np.ones((4, 3)), np.ones(3)], X, TypeError, ("must be HeadParams(W_ho, b_o)", "list")),
        (HEAD._replace(b_o=np.ones(4)), X, ValueError, ("b_o must", "axis 0 is 4, but O = 3")),
        (HEAD, np.ones(4), ValueError, ("h must have shape (B, T, H)", "(4,)")),
        (HEAD, np.ones((2, 5)), ValueError, ("h must have shape (B, H)", "axis 1 is 5, but H = 4")),
    ],
)
def test_the_head_names_what_is_wrong(params, h, error, parts):
    with refused(error, *parts):
        head_forward(params, h)
    with refused(error, *parts):
        head_backward(params, h, np.ones((2, 3)))


def test_head_backward_names_what_is_wrong():
    with refused(ValueError, "do must have shape (B, O)", "axis 1 is 4, but O = 3"):
        head_backward(HEAD, X, np.ones((2, 4)))
    with refused(ValueError, "do must have shape (B, O)", "(2, 1, 3)"):
        head_backward(HEAD, X, np.ones((2, 1, 3)))


@pytest.mark.filterwarnings("error")
def test_results_that_overflow_are_reported():
    large = HeadParams(np.full((1, 1), 1e30, np.float32), np.zeros(1, np.float32))
    h = np.full((1, 1), 1e30, np.float32)
    with refused(ValueError, "o must be finite, but overflowed although every argument is finite"):
        head_forward(large, h)
    with refused(ValueError, "the gradient must be finite, but overflowed"):
        head_backward(large, h, h)
    with refused(ValueError, "the loss must be finite, but overflowed"):
        squared_error(h, -h)
    extreme = np.array([[3e38, -3e38]], np.float32)
    with refused(ValueError, "the loss must be finite, but overflowed"):
        sigmoid_cross_entropy(extreme, np.array([[0, 1]]))
    with refused(ValueError, "the loss must be finite, but overflowed"):
        softmax_cross_entropy(extreme, np.array([1]))


def test_init_head_names_what_is_wrong():
    rng = np.random.default_rng(0)
    with refused(ValueError, "output_size must be a positive whole number", "2.5"):
        init_head(rng, 3, 2.5)
    with refused(ValueError, "dtype must be one of 'float32', 'float64'", "'int64'"):
        init_head(rng, 3, 2, np.int64)


@pytest.mark.parametrize(
    "loss", ["sigmoid_cross_entropy", "squared_error", "softmax_cross_entropy"]
)
@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (dict(o=np.ones((3, 2), int)), ("o must be float32 or float64", "int64")),
        (dict(o=np.full((3, 2), np.nan)), ("o must be finite, got nan at index (0, 0)",)),
        (dict(y=np.ones(4)), ("y must have the", "shape", "(4,)")),
        (dict(o=np.ones((0, 2))), ("o ", "(0, 2)")),
    ],
)
def test_the_losses_name_what_is_wrong(loss, changes, parts):
    y = np.ones(3, int) if loss == "softmax_cross_entropy" else np.ones((3, 2))
    with refused(ValueError, *parts):
        getattr(output, loss)(**(dict(o=np.ones((3, 2)), y=y) | changes))


def test_targets_that_mean_nothing_are_named():
    o = np.zeros((3, 2))
    for y, parts in (
        (np.full((3, 2), 1.1), ("y must lie between 0 and 1", "1.1")),
        (np.full((3, 2), -1), ("y must lie between 0 and 1", "-1")),
        (np.full((3, 2), np.nan), ("y must be finite", "nan at index (0, 0)")),
        (np.full((3, 2), "good"), ("y must be an array of real numbers", "<U4")),
    ):
        with refused(ValueError, *parts):
            sigmoid_cross_entropy(o, y)
    for y, parts in (
        (np.array([0, 1, 2]), ("y must lie between 0 and 1", "from 0 to 2")),
        (np.array([0, -1, 1]), ("y must lie between 0 and 1", "from -1 to 1")),
        (np.array([0.0, 1.0, 1.0]), ("y must hold whole numbers", "float64")),
    ):
        with refused(ValueError, *parts):
            softmax_cross_entropy(o, y)

"""The checks at the door, where the modules that call them do not already show what they do."""

from types import SimpleNamespace

from helpers import _validation as check

import numpy as np
import pytest
from cases import refused


def traced(*shape):
    """What a TensorFlow graph knows about a tensor while it is traced.

    None for a size that may change.
    """
    return SimpleNamespace(shape=shape)


def test_letters_are_bound_once_and_handed_on():
    sizes = check.check_shapes(x=(np.ones((2, 4, 3)), "B T D"), h=(np.ones((2, 5)), "B H"))
    assert sizes == {"B": 2, "T": 4, "D": 3, "H": 5}
    before = {"B": 2}
    assert check.check_shapes(before, y=(np.ones((2, 7)), "B O")) == {
        "B": 2,
        "O": 7,
    } and before == {"B": 2}


def test_an_unknown_size_fits_and_is_bound_by_the_first_known_one():
    assert check.check_shapes(x=(traced(None, None, 3), "B T D"), h=(traced(2, None), "B H")) == {
        "B": 2,
        "T": None,
        "D": 3,
        "H": None,
    }
    assert check.check_shapes({"B": 2}, x=(traced(None, 3), "B D")) == {"B": 2, "D": 3}
    with refused(ValueError, "y must have shape (B,), got (3,): axis 0 is 3, but B = 2"):
        check.check_shapes(x=(traced(None, 3), "B D"), h=(traced(2), "B"), y=(traced(3), "B"))
    with refused(ValueError, "h must", "(None, 4)", "axis 1 is 4, but D = 3"):
        check.check_shapes(x=(traced(None, 3), "B D"), h=(traced(None, 4), "B D"))
    with refused(ValueError, "x must have shape (B, T, D), got (None, 3): 2 axes, not 3"):
        check.check_shapes(x=(traced(None, 3), "B T D"))
    with refused(ValueError, "x must", "(None, 0)", "axis 1 (D) is empty"):
        check.check_shapes(x=(traced(None, 0), "B D"))


def test_a_shape_of_unknown_rank_fits_anything():
    assert check.check_shapes(x=(SimpleNamespace(shape=SimpleNamespace(rank=None)), "B D")) == {}


@pytest.mark.parametrize(
    "layout", [np.ascontiguousarray, np.asfortranarray, lambda a: a[::-1, ::2], np.transpose]
)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_wherever_it_is(layout, bad):
    for index in np.ndindex(4, 6):
        a = np.full((4, 6), 1e-3)
        a[index] = bad
        view = layout(a)
        if np.isfinite(view).all():
            check.check_finite(a=view)
        else:
            where = tuple(int(n) for n in np.argwhere(~np.isfinite(view))[0])
            with refused(ValueError, f"a must be finite, got {bad} at index {where}"):
                check.check_finite(a=view)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_numbers_are_finite(dtype):
    check.check_finite(
        a=np.full((3, 3), np.finfo(dtype).max, dtype), b=np.array(-np.finfo(dtype).max, dtype)
    )


def test_numbers_come_from_python_or_numpy_and_truth_is_no_number():
    check.check_positive(a=1, b=0.5, c=np.float32(2), d=np.int64(3), e=np.inf)
    check.check_positive_int(a=1, b=np.int32(2))
    check.check_fraction(a=0, b=0.5, c=np.float32(0.25))
    for value in (True, "1", None, [1], np.array(1.0), 1j):
        for rule in (check.check_positive, check.check_positive_int, check.check_fraction):
            with refused(ValueError, "a must be a", f"got {value!r}"):
                rule(a=value)

"""What several test files share.

Random networks, a measure of error, and a way to read error messages.
"""

from contextlib import contextmanager

from helpers.numpy_rnn import RNNParams

import numpy as np
import pytest


def random_params(rng, D, H, dtype=np.float64, scale=0.6):
    """Weights with a bias, small enough that no activation runs away in a few steps."""
    return RNNParams(
        *(scale * rng.standard_normal(shape).astype(dtype) for shape in ((D, H), (H, H), (H,)))
    )


def relative_error(a, b):
    """‖a − b‖ / max(1, ‖b‖)."""
    assert a.shape == b.shape
    return np.linalg.norm(a - b) / max(1, np.linalg.norm(b))


@contextmanager
def refused(error, *parts):
    """Expect an error of this type whose message holds each of the parts."""
    with pytest.raises(error) as caught:
        yield
    for part in parts:
        assert part in str(caught.value)

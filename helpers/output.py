"""From the states to a loss: the output head, equation (2), and the losses with their gradients."""

from typing import NamedTuple

from helpers import _validation as check

import numpy as np


class HeadParams(NamedTuple):
    """Weights of the output head, in the order of `keras.layers.Dense`."""

    W_ho: np.ndarray  # (H, O)
    b_o: np.ndarray  # (O,)


class HeadGrads(NamedTuple):
    """Gradient of the loss by the head's weights and by the states it read."""

    W_ho: np.ndarray  # (H, O)
    b_o: np.ndarray  # (O,)
    h: np.ndarray  # (…, H)


def init_head(
    rng: np.random.Generator, hidden_size: int, output_size: int, dtype=np.float32
) -> HeadParams:
    """Draw W_ho (H, O) Glorot uniform (Glorot & Bengio 2010, eq. 16) and set b_o (O,) to zero."""
    check.check_positive_int(hidden_size=hidden_size, output_size=output_size)
    check.check_choice("dtype", str(np.dtype(dtype)), check.FLOATS)
    limit = np.sqrt(6 / (hidden_size + output_size))
    W_ho = rng.uniform(-limit, limit, (hidden_size, output_size)).astype(dtype)
    return HeadParams(W_ho, np.zeros(output_size, dtype))


@np.errstate(over="ignore", invalid="ignore")  # overflow is reported in words, not as a warning
def head_forward(params: HeadParams, h: np.ndarray) -> np.ndarray:
    """Compute the outputs o_t = h_t W_ho + b_o, equation (2) with an affine g_φ.

    h (B, H) or (B, T, H) gives o (B, O) or (B, T, O). Raises ValueError or TypeError naming the
    argument that does not fit.
    """
    W_ho, b_o, h = _head_arrays(params, h).values()
    o = h @ W_ho + b_o
    check.check_overflow("o", o)
    return o


@np.errstate(over="ignore", invalid="ignore")
def head_backward(params: HeadParams, h: np.ndarray, do: np.ndarray) -> HeadGrads:
    """Pass the gradient do = ∂L/∂o back through the head.

    ∂L/∂W_ho = Σ hᵀ do, ∂L/∂b_o = Σ do, ∂L/∂h = do W_hoᵀ, the sums over batch and time. h and do as
    in `head_forward`. Raises as `head_forward`.
    """
    W_ho, _, h, do = _head_arrays(params, h, do=do).values()
    h_rows, do_rows = h.reshape(-1, h.shape[-1]), do.reshape(-1, do.shape[-1])
    grads = HeadGrads(h_rows.T @ do_rows, do_rows.sum(axis=0), do @ W_ho.T)
    check.check_overflow("the gradient", *grads)
    return grads


def sigmoid(o: np.ndarray) -> np.ndarray:
    """1 / (1 + e^−o) for numbers in any shape, written with tanh so that it cannot overflow.

    Raises ValueError for NaN and what is no number.
    """
    o = check.as_array("o", o)
    if np.isnan(o).any():
        raise ValueError("o must hold numbers, got NaN")
    return 0.5 * (1 + np.tanh(0.5 * o))


@np.errstate(over="ignore")  # a difference may be −infinity, and its e^ is rightly 0
def softmax(o: np.ndarray) -> np.ndarray:
    """e^o / Σ e^o over the last axis, for numbers in any shape.

    All are shifted by the largest, so that nothing overflows. Raises ValueError for an empty row, a
    row whose largest number is not finite, and what is no number.
    """
    o = check.as_array("o", o)
    if o.ndim == 0 or o.size == 0:
        raise ValueError(f"o must hold at least one row of logits, got shape {o.shape}")
    largest = o.max(axis=-1, keepdims=True)
    if not np.isfinite(largest).all():
        raise ValueError("o must have a finite largest number in every row, got NaN or infinity")
    e = np.exp(np.subtract(o, largest, dtype=o.dtype if o.dtype.kind == "f" else float))
    return e / e.sum(axis=-1, keepdims=True)


@np.errstate(over="ignore", invalid="ignore")
def sigmoid_cross_entropy(o: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean of −y log p − (1 − y) log(1 − p), in nats, with p = sigmoid(o); gradient (p − y) / n.

    o and y have the same shape, n is their size; y holds numbers from 0 to 1 of any dtype. Raises
    ValueError for shapes that differ, labels outside [0, 1], or logits that are not finite floats.
    """
    o, y = _logits_and_targets(o, y)
    check.check_between("y", y, 0, 1)
    # max(o, 0) − o y + log(1 + e^−|o|): the same sum, without the logarithm of a rounded 0.
    loss = np.mean(np.maximum(o, 0) - o * y + np.log1p(np.exp(-np.abs(o))))
    check.check_overflow("the loss", loss)
    return float(loss), (sigmoid(o) - y) / o.size


@np.errstate(over="ignore", invalid="ignore")
def softmax_cross_entropy(o: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean of −log p[y] with p = softmax(o), in nats, and its gradient (p − onehot(y)) / n.

    o (…, O) are logits, y (…) whole numbers from 0 to O − 1; n is the size of y. Raises ValueError
    for shapes that do not match, labels out of range, or logits that are not finite floats.
    """
    o, y = check.as_array("o", o), check.as_array("y", y)
    if o.ndim == 0 or o.size == 0:
        raise ValueError(f"o must hold at least one row of logits, got shape {o.shape}")
    if y.shape != o.shape[:-1]:
        raise ValueError(
            f"y must have the shape of o without its last axis, {o.shape[:-1]}, got {y.shape}"
        )
    check.check_dtypes(o=o)
    check.check_finite("o", o)
    y = check.as_tokens("y", y.reshape(-1), "n", o.shape[-1])
    rows = o.reshape(-1, o.shape[-1])
    log_p = rows - rows.max(axis=-1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
    picked = np.arange(len(rows)), y
    loss = -log_p[picked].mean()
    check.check_overflow("the loss", loss)
    do = np.exp(log_p)
    do[picked] -= 1
    do /= len(rows)
    return float(loss), do.reshape(o.shape)


@np.errstate(over="ignore", invalid="ignore")
def squared_error(o: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean of (o − y)² and its gradient 2 (o − y) / n, for o and y of the same shape and size n.

    Raises ValueError for shapes that differ or values that are not finite floats.
    """
    o, y = _logits_and_targets(o, y)
    error = o - y
    loss = np.mean(error * error)
    check.check_overflow("the loss", loss)
    return float(loss), error * (2 / o.size)


def _head_arrays(params, h, **do):
    letters = "B H" if check.as_array("h", h).ndim == 2 else "B T H"
    more = {name: (a, letters.replace("H", "O")) for name, a in do.items()}
    return check.as_weights(params, HeadParams, ("H O", "O"), h=(h, letters), **more)


def _logits_and_targets(o, y):
    """Return o, and y in the dtype of o; they have the same shape."""
    o, y = check.as_array("o", o), check.as_array("y", y)
    if o.shape != y.shape or o.size == 0:
        raise ValueError(
            f"o and y must have the same shape, not empty, got {o.shape} and {y.shape}"
        )
    check.check_dtypes(o=o)
    check.check_finite("o", o)
    y = y.astype(o.dtype)
    check.check_finite("y", y)
    return o, y

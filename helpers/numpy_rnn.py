"""The recurrence and its gradient in NumPy.

Small enough to read in a minute, and the version that everything runs.

Arrays are batch first, one sample a row, as in Keras; the equations' column vectors are the rows
here, so the matrices are those of the equations transposed, and
`keras.layers.SimpleRNN(...).set_weights(params)` needs no transpose.
"""

from typing import NamedTuple

from helpers import _validation as check

import numpy as np


class RNNParams(NamedTuple):
    """Weights of one recurrent layer in Keras's order (kernel, recurrent_kernel, bias)."""

    W_xh: np.ndarray  # (D, H)
    W_hh: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)


class RNNGrads(NamedTuple):
    """Gradient of the loss by everything that `rnn_forward` takes, each shaped as what it belongs to."""

    W_xh: np.ndarray  # (D, H)
    W_hh: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)
    x: np.ndarray  # (B, T, D)
    h_0: np.ndarray  # (B, H)


class Activation(NamedTuple):
    """σ, computed in place, and its derivative σ′(z) written in terms of h = σ(z)."""

    apply: callable  # z -> None: replaces z by σ(z)
    slope: callable  # h -> σ′(z)


def _sigmoid(z):
    """Replace z by 1 / (1 + e^−z), as (1 + tanh(z/2)) / 2, which cannot overflow."""
    z *= 0.5
    np.tanh(z, out=z)
    z += 1
    z *= 0.5


def _tanh_slope(h):
    slope = h * h
    return np.subtract(1, slope, out=slope)


ACTIVATIONS = {
    "tanh": Activation(lambda z: np.tanh(z, out=z), _tanh_slope),
    "sigmoid": Activation(_sigmoid, lambda h: h * (1 - h)),
    "relu": Activation(lambda z: np.maximum(z, 0, out=z), lambda h: (h > 0).astype(h.dtype)),
    "linear": Activation(lambda z: None, np.ones_like),
}


def init_params(
    rng: np.random.Generator, input_size: int, hidden_size: int, dtype=np.float32
) -> RNNParams:
    """Draw the weights as Keras does: W_xh Glorot uniform, W_hh orthogonal, b zero.

    Glorot uniform: U(−a, a) with a = √(6 / (D + H)) (Glorot & Bengio 2010, eq. 16). Orthogonal: the
    Q of a Gaussian matrix, with signs fixed so that it is uniform over all orthogonal matrices
    (Saxe et al. 2014; Mezzadri 2007).

    Returns RNNParams of shapes (D, H), (H, H), (H,). Raises ValueError for sizes that are not
    positive whole numbers.
    """
    check.check_rng(rng)
    check.check_positive_int(input_size=input_size, hidden_size=hidden_size)
    check.check_dtype(dtype)
    limit = np.sqrt(6 / (input_size + hidden_size))
    W_xh = rng.uniform(-limit, limit, (input_size, hidden_size))
    Q, R = np.linalg.qr(rng.standard_normal((hidden_size, hidden_size)))
    W_hh = Q * np.sign(np.diag(R))
    return RNNParams(W_xh.astype(dtype), W_hh.astype(dtype), np.zeros(hidden_size, dtype))


@np.errstate(over="ignore", invalid="ignore")  # overflow is reported in words, not as a warning
def rnn_step(
    params: RNNParams, x_t: np.ndarray, h_prev: np.ndarray, activation: str = "tanh"
) -> np.ndarray:
    """One step of the recurrence.

    h_t = σ(x_t W_xh + h_{t−1} W_hh + b), equation (3) with one sample a row.

    x_t (B, D) and h_prev (B, H) give h_t (B, H), all of one dtype; activation is tanh, sigmoid,
    relu or linear. Raises ValueError and TypeError as `rnn_forward` does.
    """
    check_arguments(params, activation, x_t=(x_t, "B D"), h_prev=(h_prev, "B H"))
    h_t = x_t @ params.W_xh + h_prev @ params.W_hh + params.b
    ACTIVATIONS[activation].apply(h_t)
    check.check_overflow("h_t", h_t)
    return h_t


@np.errstate(over="ignore", invalid="ignore")
def rnn_forward(
    params: RNNParams,
    x: np.ndarray,
    h_0: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    activation: str = "tanh",
) -> np.ndarray:
    """Run the recurrence (3), h_t = σ(x_t W_xh + h_{t−1} W_hh + b), over t = 1 … T.

    x (B, T, D), h_0 (B, H) or None for zeros, mask (B, T) boolean or None. Returns all states h (B,
    T, H); h[:, −1] is the last. Where the mask is False the step is skipped: the state is carried
    through unchanged.

    Raises ValueError naming the argument for a wrong rank, size or dtype, an empty axis, NaN or
    infinity, an unknown activation, or states that overflow; TypeError for anything but RNNParams
    and NumPy arrays.
    """
    _check_sequence(params, x, h_0, mask, activation)
    W_xh, W_hh, b = params
    apply = ACTIVATIONS[activation].apply

    # Every x_t W_xh is known before the loop, so one call does them all. Time first: each step is
    # one block of memory, filled with z_t here and turned into h_t in place below.
    h = np.matmul(x.swapaxes(0, 1), W_xh)
    h += b
    h_prev = h_0 if h_0 is not None else np.zeros_like(h[0])
    recurrent = np.empty_like(h[0])
    for t, h_t in enumerate(h):
        h_t += np.matmul(h_prev, W_hh, out=recurrent)
        apply(h_t)
        if mask is not None:
            np.copyto(h_t, h_prev, where=~mask[:, t, None])
        h_prev = h_t
    check.check_overflow("h", h)
    return h.swapaxes(0, 1)


@np.errstate(over="ignore", invalid="ignore")
def rnn_backward(
    params: RNNParams,
    x: np.ndarray,
    h: np.ndarray,
    dh: np.ndarray,
    h_0: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    activation: str = "tanh",
) -> RNNGrads:
    """Backpropagate through time.

    Equation (4) for a loss at every step, summed in one sweep from T to 1.

    With δ_t = ∂L/∂z_t the sweep is δ_t = (dh_t + δ_{t+1} W_hhᵀ) ⊙ σ′(z_t), and then ∂L/∂W_hh = Σ_t
    h_{t−1}ᵀ δ_t, ∂L/∂W_xh = Σ_t x_tᵀ δ_t, ∂L/∂b = Σ_t δ_t, ∂L/∂x_t = δ_t W_xhᵀ, ∂L/∂h_0 = δ_1
    W_hhᵀ, summed over the batch where the weights are shared by it.

    x (B, T, D), h (B, T, H) as returned by `rnn_forward` for the same params, h_0, mask and
    activation. dh (B, T, H) is the direct gradient of the loss by each h_t, or (B, H) when the loss
    sees only the last one.

    Returns RNNGrads. Raises ValueError and TypeError as `rnn_forward` does.
    """
    last_only = getattr(dh, "ndim", 3) == 2
    _check_sequence(
        params, x, h_0, mask, activation, h=(h, "B T H"), dh=(dh, "B H" if last_only else "B T H")
    )
    W_xh, W_hh, _ = params
    h_time_first = _time_first(h)
    W_hh_T = np.ascontiguousarray(W_hh.T)

    dz = ACTIVATIONS[activation].slope(h_time_first)  # σ′(z_t); becomes δ_t step by step
    # carry is ∂L/∂h_t as far as it comes from later steps; a loss at the last step alone is such an
    # arrival at t = T.
    carry = dh.copy() if last_only else np.zeros_like(dz[0])
    for t in reversed(range(len(dz))):
        if not last_only:
            carry += dh[:, t]
        if mask is None:
            dz[t] *= carry
            np.matmul(dz[t], W_hh_T, out=carry)
        else:
            real = mask[:, t, None]
            dz[t] *= np.where(real, carry, 0)
            carry = np.where(real, dz[t] @ W_hh_T, carry)

    x_rows, dz_rows = _rows(x.swapaxes(0, 1).copy()), _rows(dz)
    dW_hh = _rows(h_time_first[:-1]).T @ dz_rows[len(carry) :]
    if h_0 is not None:
        dW_hh += h_0.T @ dz[0]
    dW_xh = x_rows.T @ dz_rows
    db = (
        np.ones(len(dz_rows), dz.dtype) @ dz_rows
    )  # the sum over all rows, four times as fast as sum(axis=0)
    # New memory costs as much as the arithmetic. This copy of x is used up, and the gradient by x
    # takes its place.
    dx = np.matmul(dz_rows, W_xh.T, out=x_rows).reshape(*dz.shape[:2], -1).swapaxes(0, 1)
    grads = RNNGrads(dW_xh, dW_hh, db, dx, h_0=carry)
    check.check_overflow("the gradient", *grads)
    return grads


def check_arguments(params: RNNParams, activation: str, **arrays) -> dict[str, int]:
    """Check the weights, the activation and `name=(array, "B T D")` pairs.

    Return the size of each letter.
    """
    check.check_choice("activation", activation, ACTIVATIONS)
    check.check_params(params, RNNParams)
    W_xh, W_hh, b = params
    return check.check_arrays(W_xh=(W_xh, "D H"), W_hh=(W_hh, "H H"), b=(b, "H"), **arrays)


def _check_sequence(params, x, h_0, mask, activation, **more):
    optional = {} if h_0 is None else {"h_0": (h_0, "B H")}
    sizes = check_arguments(params, activation, x=(x, "B T D"), **optional, **more)
    if mask is not None:
        check.check_numpy(mask=mask)
        check.check_mask(mask)
        check.check_shapes(sizes, mask=(mask, "B T"))


def _time_first(a):
    """(B, T, N) -> (T, B, N), contiguous.

    No copy for what `rnn_forward` returned, one for the rest.
    """
    return np.ascontiguousarray(a.swapaxes(0, 1))


def _rows(a):
    """(T, B, N) -> (T·B, N), one row for each step of each sample."""
    return a.reshape(-1, a.shape[-1])

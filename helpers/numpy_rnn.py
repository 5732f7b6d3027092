"""The recurrence and its gradient in NumPy.

Small enough to read in a minute, and the version that everything runs.

Arrays are batch first, one sample a row, as in Keras; the equations' column vectors are the rows
here, so the matrices are those of the equations transposed, and
`keras.layers.SimpleRNN(...).set_weights(params)` needs no transpose.
"""

from collections.abc import Callable
from typing import NamedTuple

from helpers import _validation as check

import numpy as np


class RNNParams(NamedTuple):
    """Weights of one recurrent layer in Keras's order (kernel, recurrent_kernel, bias)."""

    W_xh: np.ndarray  # (D, H)
    W_hh: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)


SHAPES = "D H", "H H", "H"


class RNNGrads(NamedTuple):
    """Gradient of the loss by all that `rnn_forward` takes, each shaped as what it belongs to."""

    W_xh: np.ndarray  # (D, H)
    W_hh: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)
    x: np.ndarray  # (B, T, D)
    h_0: np.ndarray  # (B, H)


class Activation(NamedTuple):
    """σ, which takes `out=` as NumPy's functions do, and σ′(z) in terms of h = σ(z)."""

    apply: Callable  # z -> σ(z)
    slope: Callable  # h -> σ′(z)


def _sigmoid(z, out=None):
    """1 / (1 + e^−z), as (1 + tanh(z/2)) / 2, which cannot overflow."""
    h = np.multiply(z, 0.5, out=out)
    h = np.tanh(h, out=h)
    h += 1
    h *= 0.5
    return h


def _tanh_slope(h):
    slope = h * h
    return np.subtract(1, slope, out=slope)


ACTIVATIONS = {
    "tanh": Activation(np.tanh, _tanh_slope),
    "sigmoid": Activation(_sigmoid, lambda h: h * (1 - h)),
    "relu": Activation(
        lambda z, out=None: np.maximum(z, 0, out=out), lambda h: (h > 0).astype(h.dtype)
    ),
    "linear": Activation(np.positive, np.ones_like),
}


def init_params(
    rng: np.random.Generator, input_size: int, hidden_size: int, dtype=np.float32
) -> RNNParams:
    """Draw the weights as Keras does: W_xh Glorot uniform, W_hh orthogonal, b zero.

    Glorot uniform: U(−a, a) with a = √(6 / (D + H)) (Glorot & Bengio 2010, eq. 16). Orthogonal: the
    Q of a Gaussian matrix, with signs fixed so that it is uniform over all orthogonal matrices
    (Saxe et al. 2014; Mezzadri 2007).

    Returns RNNParams of shapes (D, H), (H, H), (H,). Raises ValueError for sizes that are not
    positive whole numbers and for a dtype other than float32 and float64.
    """
    W_xh, W_hh = init_weights(rng, input_size, hidden_size, 1, dtype)
    return RNNParams(W_xh, W_hh, np.zeros(hidden_size, dtype))


def init_weights(rng, input_size, hidden_size, blocks, dtype) -> tuple[np.ndarray, np.ndarray]:
    """Draw W_xh and W_hh as `init_params` says, with so many blocks of H columns side by side.

    With more blocks than one, W_hh is the first H rows of a larger orthogonal matrix.
    """
    check.check_positive_int(input_size=input_size, hidden_size=hidden_size)
    check.check_choice("dtype", str(np.dtype(dtype)), check.FLOATS)
    columns = blocks * hidden_size
    limit = np.sqrt(6 / (input_size + columns))
    W_xh = rng.uniform(-limit, limit, (input_size, columns))
    Q, R = np.linalg.qr(rng.standard_normal((columns, hidden_size)))
    Q *= np.sign(np.diag(R))
    return W_xh.astype(dtype), (Q if blocks == 1 else Q.T).astype(dtype)


@np.errstate(over="ignore", invalid="ignore")  # overflow is reported in words, not as a warning
def rnn_step(
    params: RNNParams, x_t: np.ndarray, h_prev: np.ndarray, activation: str = "tanh"
) -> np.ndarray:
    """One step of the recurrence.

    h_t = σ(x_t W_xh + h_{t−1} W_hh + b), equation (3) with one sample a row.

    x_t (B, D) and h_prev (B, H) give h_t (B, H), all of one dtype; activation is tanh, sigmoid,
    relu or linear. Raises ValueError and TypeError as `rnn_forward` does.
    """
    arrays = as_arrays(params, activation, x_t=(x_t, "B D"), h_prev=(h_prev, "B H"))
    W_xh, W_hh, b, x_t, h_prev = arrays.values()
    z_t = x_t @ W_xh + h_prev @ W_hh + b
    h_t = ACTIVATIONS[activation].apply(z_t)
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

    All arrays are float32, or all are float64; a list of numbers is float64. Raises ValueError
    naming the argument for a wrong rank, size or dtype, an empty axis, NaN or infinity, an unknown
    activation, or states that overflow; TypeError unless params are RNNParams.
    """
    check.check_choice("activation", activation, ACTIVATIONS)
    arrays = check.as_sequence(params, RNNParams, SHAPES, x, {"h_0": h_0}, mask)
    W_xh, W_hh, b, x, h_0, skipped = arrays
    sigma = ACTIVATIONS[activation].apply

    z = x @ W_xh  # every x_t W_xh in one product, as they are known before the loop
    z += b
    h_prev = h_0
    for t, z_t in enumerate(z):
        z_t += h_prev @ W_hh  # z_t = x_t W_xh + h_{t−1} W_hh + b
        h_t = sigma(z_t, out=z_t)  # h_t = σ(z_t), in the place of z_t
        if skipped is not None:
            np.copyto(h_t, h_prev, where=skipped[t])  # h_t = h_{t−1} where the mask is False
        h_prev = h_t
    h = z.swapaxes(0, 1)
    check.check_overflow("h", h)
    return h


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
    """Backpropagate through time: equation (4), summed in one sweep from T to 1.

    With δ_t = ∂L/∂z_t the sweep is δ_t = (dh_t + δ_{t+1} W_hhᵀ) ⊙ σ′(z_t), and then ∂L/∂W_hh = Σ_t
    h_{t−1}ᵀ δ_t, ∂L/∂W_xh = Σ_t x_tᵀ δ_t, ∂L/∂b = Σ_t δ_t, ∂L/∂x_t = δ_t W_xhᵀ, ∂L/∂h_0 = δ_1
    W_hhᵀ, summed over the batch where the weights are shared by it.

    x (B, T, D), h (B, T, H) as returned by `rnn_forward` for the same params, h_0, mask and
    activation. dh (B, T, H) is the direct gradient of the loss by each h_t, or (B, H) when the loss
    sees only the last one.

    Returns RNNGrads. Raises ValueError and TypeError as `rnn_forward` does.
    """
    check.check_choice("activation", activation, ACTIVATIONS)
    last_only, arrays = check.as_sweep(
        params, RNNParams, SHAPES, x, {"h_0": h_0}, mask, dh, h=(h, "B T H")
    )
    W_xh, W_hh, _, x, h_0, skipped, h, dh = arrays
    h = np.ascontiguousarray(h)  # no copy for what `rnn_forward` returned
    W_hh_T = W_hh.T.copy()

    slope = ACTIVATIONS[activation].slope(h)  # σ′(z_t) for every t
    if skipped is not None:
        np.copyto(slope, 0, where=skipped)  # what is skipped does not depend on z_t
    carry = dh if last_only else np.zeros_like(h_0)
    for t in reversed(range(len(h))):
        dh_t = carry if last_only else dh[t] + carry  # ∂L/∂h_t, through h_{t+1} and directly
        slope_t = slope[t]
        dz_t = np.multiply(dh_t, slope_t, out=slope_t)  # δ_t = ∂L/∂h_t ⊙ σ′(z_t), in its place
        carry = dz_t @ W_hh_T  # δ_t W_hhᵀ, on its way to h_{t−1}
        if skipped is not None:
            np.copyto(carry, dh_t, where=skipped[t])  # ∂L/∂h_t itself where h_t was h_{t−1}
    dz = slope  # every σ′(z_t) has become δ_t

    dW_xh, db, dx = by_input(x, W_xh, dz)
    grads = RNNGrads(dW_xh, by_W_hh(h, h_0, dz), db, dx, h_0=carry)
    check.check_overflow("the gradient", *grads)
    return grads


def blocks(gates, count) -> np.ndarray:
    """Return the blocks of columns of contiguous `gates` (T, B, count · H), as views (T, B, H)."""
    T, B, columns = gates.shape
    return np.moveaxis(gates.reshape(T, B, count, columns // count), 2, 0)


def by_input(x, W_xh, dz) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Σ_t x_tᵀ δ_t, Σ_t δ_t and the δ_t W_xhᵀ (B, T, D); x and dz have time first."""
    T, B, _ = x.shape
    x_rows, dz_rows = x.copy().reshape(T * B, -1), dz.reshape(T * B, -1)
    dW_xh = x_rows.T @ dz_rows
    db = np.ones(T * B, dz.dtype) @ dz_rows  # four times as fast as sum(axis=0)
    # New memory costs as much as the arithmetic: the copy of x is used up, and dx takes its place.
    dx = np.matmul(dz_rows, W_xh.T, out=x_rows)
    return dW_xh, db, dx.reshape(T, B, -1).swapaxes(0, 1)


def by_W_hh(h, h_0, dz) -> np.ndarray:
    """Return Σ_t h_{t−1}ᵀ δ_t; h and dz have time first."""
    T, B, H = h.shape
    dW_hh = h[:-1].reshape(-1, H).T @ dz.reshape(T * B, -1)[B:]
    if h_0.any():  # for one sample this product would take as long as all the others
        dW_hh += h_0.T @ dz[0]
    return dW_hh


def as_arrays(params: RNNParams, activation: str, **arrays) -> dict[str, np.ndarray]:
    """Return the weights and then the `name=(value, "B T D")` pairs as {name: array}, checked."""
    check.check_choice("activation", activation, ACTIVATIONS)
    return check.as_weights(params, RNNParams, SHAPES, **arrays)

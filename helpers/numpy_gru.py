"""The GRU and its gradient in NumPy, with the conventions of `numpy_rnn`.

Three blocks of H columns stand side by side in every matrix: update gate u, reset gate r, candidate
n. This is the GRU of Keras with `reset_after=True` (its default, and PyTorch's GRU), in Keras's
order: `keras.layers.GRU(H).set_weights(params)` works as it is. Keras calls u z. A u near 1 keeps
the old state; in Cho et al. (2014) and here alike, in some other texts it is the other way round.
"""

from typing import NamedTuple

from helpers import _validation as check
from helpers.numpy_rnn import ACTIVATIONS, blocks, by_input, by_W_hh, init_weights

import numpy as np


class GRUParams(NamedTuple):
    """Weights of one GRU layer in Keras's order (kernel, recurrent_kernel, bias)."""

    W_xh: np.ndarray  # (D, 3H)
    W_hh: np.ndarray  # (H, 3H)
    b: np.ndarray  # (2, 3H): beside x_t W_xh, and beside h_{t−1} W_hh


SHAPES = "D 3H", "H 3H", "2 3H"


class GRUStates(NamedTuple):
    """What `gru_forward` computes at every step."""

    h: np.ndarray  # (B, T, H)
    gates: np.ndarray  # (B, T, 3H): u, r, n, activated


class GRUGrads(NamedTuple):
    """Gradient of the loss by all that `gru_forward` takes, each shaped as what it belongs to."""

    W_xh: np.ndarray  # (D, 3H)
    W_hh: np.ndarray  # (H, 3H)
    b: np.ndarray  # (2, 3H)
    x: np.ndarray  # (B, T, D)
    h_0: np.ndarray  # (B, H)


def init_params(
    rng: np.random.Generator, input_size: int, hidden_size: int, dtype=np.float32
) -> GRUParams:
    """Draw the weights as Keras does: as in `numpy_rnn`, all biases zero.

    Returns GRUParams of shapes (D, 3H), (H, 3H), (2, 3H). Raises ValueError as
    `numpy_rnn.init_params` does.
    """
    W_xh, W_hh = init_weights(rng, input_size, hidden_size, 3, dtype)
    return GRUParams(W_xh, W_hh, np.zeros((2, 3 * hidden_size), dtype))


@np.errstate(over="ignore", invalid="ignore")  # overflow is reported in words, not as a warning
def gru_step(params: GRUParams, x_t: np.ndarray, h_prev: np.ndarray) -> np.ndarray:
    """Take one step of the GRU, equations (16) and (17), one sample a row.

    x_t (B, D) and h_prev (B, H) give h_t (B, H), all of one dtype. Raises ValueError and TypeError
    as `gru_forward` does.
    """
    given = {"x_t": (x_t, "B D"), "h_prev": (h_prev, "B H")}
    W_xh, W_hh, b, x_t, h_prev = check.as_weights(params, GRUParams, SHAPES, **given).values()
    sigmoid = ACTIVATIONS["sigmoid"].apply
    x_u, x_r, x_n = np.split(x_t @ W_xh + b[0], 3, axis=1)
    h_u, h_r, h_n = np.split(h_prev @ W_hh + b[1], 3, axis=1)
    u_t, r_t = sigmoid(x_u + h_u), sigmoid(x_r + h_r)
    n_t = np.tanh(x_n + r_t * h_n)
    h_t = u_t * h_prev + (1 - u_t) * n_t
    check.check_overflow("h_t", h_t)
    return h_t


@np.errstate(over="ignore", invalid="ignore")
def gru_forward(
    params: GRUParams,
    x: np.ndarray,
    h_0: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> GRUStates:
    """Run the GRU, equations (16) and (17), over t = 1 … T.

    u_t, r_t = s(x_t W_xh + b_0 + h_{t−1} W_hh + b_1), each with its block of columns; n_t =
    tanh(x_t W_xn + b_0n + r_t ⊙ (h_{t−1} W_hn + b_1n)); h_t = u_t ⊙ h_{t−1} + (1 − u_t) ⊙ n_t (Cho
    et al. 2014; with the reset after the product, as in cuDNN).

    x (B, T, D), h_0 (B, H) or None for zeros, mask (B, T) boolean or None. Returns GRUStates of h
    (B, T, H) and gates (B, T, 3H). Where the mask is False the step is skipped: h is carried
    through unchanged (and the gates, computed all the same, not used).

    All arrays are float32, or all are float64. Raises ValueError and TypeError as
    `numpy_rnn.rnn_forward` does.
    """
    arrays = check.as_sequence(params, GRUParams, SHAPES, x, {"h_0": h_0}, mask)
    W_xh, W_hh, b, x, h_prev, skipped = arrays
    (T, B, _), H = x.shape, len(W_hh)

    # s(z) = (1 + tanh(z/2)) / 2, with the halves in the weights, as in the LSTM.
    half = np.repeat(np.array([0.5, 0.5, 1], x.dtype), H)
    W_hh_half, b_half = W_hh * half, b * half
    gates = (x.reshape(T * B, -1) @ (W_xh * half)).reshape(T, B, 3 * H)  # half of x's part of z
    gates += b_half[0]
    h = np.empty((T, B, H), x.dtype)
    for t, gates_t in enumerate(gates):
        h_part = h_prev @ W_hh_half
        h_part += b_half[1]
        u_and_r, n_t = gates_t[:, : 2 * H], gates_t[:, 2 * H :]
        u_and_r += h_part[:, : 2 * H]
        np.tanh(u_and_r, out=u_and_r)
        u_and_r += 1
        u_and_r *= 0.5
        u_t, r_t = u_and_r[:, :H], u_and_r[:, H:]
        n_t += r_t * h_part[:, 2 * H :]
        np.tanh(n_t, out=n_t)  # n_t = tanh(x_t W_xn + b_0n + r_t ⊙ (h_{t−1} W_hn + b_1n))
        h_t = np.subtract(h_prev, n_t, out=h[t])
        h_t *= u_t
        h_t += n_t  # h_t = n_t + u_t ⊙ (h_{t−1} − n_t), which is (17)
        if skipped is not None:
            np.copyto(h_t, h_prev, where=skipped[t])
        h_prev = h_t
    check.check_overflow("h", h)
    return GRUStates(h.swapaxes(0, 1), gates.swapaxes(0, 1))


@np.errstate(over="ignore", invalid="ignore")
def gru_backward(
    params: GRUParams,
    x: np.ndarray,
    states: GRUStates,
    dh: np.ndarray,
    h_0: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> GRUGrads:
    """Backpropagate through time in one sweep from T to 1.

    All δ are multiples of ∂L/∂h_t: δ^u = ∂L/∂h_t ⊙ (h_{t−1} − n_t) ⊙ s′, δ^n = ∂L/∂h_t ⊙ (1 − u_t)
    ⊙ tanh′, δ^r = δ^n ⊙ (h_{t−1} W_hn + b_1n) ⊙ s′; what goes back through W_hn is δ^n ⊙ r_t. And
    ∂L/∂h_{t−1} = dh_{t−1} + ∂L/∂h_t ⊙ u_t + (δ^u, δ^r, δ^n ⊙ r_t) W_hhᵀ.

    states as returned by `gru_forward` for the same params, x, h_0 and mask. dh (B, T, H) is the
    direct gradient of the loss by each h_t, or (B, H) when the loss sees only the last one.

    Returns GRUGrads. Raises ValueError and TypeError as `gru_forward` does.
    """
    check.check_kind("states", states, GRUStates)
    given = {"h": (states.h, "B T H"), "gates": (states.gates, "B T 3H")}
    start = {"h_0": h_0}
    last_only, arrays = check.as_sweep(params, GRUParams, SHAPES, x, start, mask, dh, **given)
    W_xh, W_hh, b, x, h_0, skipped, h, gates, dh = arrays
    h, gates = map(np.ascontiguousarray, (h, gates))  # of `gru_forward`: no copies
    T, B, H = h.shape
    W_hh_T = W_hh.T.copy()

    # What stands beside ∂L/∂h_t in each δ, for all t at once.
    u, r, n = blocks(gates, 3)
    h_prev = np.concatenate([h_0[None], h[:-1]])
    h_n = (h_prev.reshape(T * B, H) @ W_hh[:, 2 * H :] + b[1, 2 * H :]).reshape(T, B, H)
    dz_n = (1 - u) * (1 - n * n)
    dz_h = np.empty_like(gates)  # δ^u, δ^r, δ^n ⊙ r: by h_{t−1} W_hh + b_1
    dz_u, dz_r, dz_rn = blocks(dz_h, 3)
    np.multiply(h_prev - n, u * (1 - u), out=dz_u)
    np.multiply(dz_n, r, out=dz_rn)
    np.multiply(dz_rn, h_n * (1 - r), out=dz_r)
    if skipped is not None:  # a skipped step carries the state, and adds nothing
        for factor in (dz_n, dz_h):
            np.copyto(factor, 0, where=skipped)
        u = np.where(skipped, 1, u)

    carry = dh if last_only else np.zeros_like(h_0)
    for t in reversed(range(T)):
        dh_t = carry if last_only else dh[t] + carry  # ∂L/∂h_t, through h_{t+1} and directly
        dz_n[t] *= dh_t
        dz_t = dz_h[t].reshape(B, 3, H)
        dz_t *= dh_t[:, None]
        carry = dz_h[t] @ W_hh_T
        carry += dh_t * u[t]

    dW_hh, db_1 = by_W_hh(h, h_0, dz_h), np.ones(T * B, x.dtype) @ dz_h.reshape(T * B, -1)
    dz_rn[...] = dz_n  # δ^u, δ^r, δ^n: by x_t W_xh + b_0
    dW_xh, db_0, dx = by_input(x, W_xh, dz_h)
    grads = GRUGrads(dW_xh, dW_hh, np.stack([db_0, db_1]), dx, carry)
    check.check_overflow("the gradient", *grads)
    return grads

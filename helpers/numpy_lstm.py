"""The LSTM and its gradient in NumPy, with the conventions of `numpy_rnn`.

Four blocks of H columns stand side by side in every matrix: input gate i, forget gate f, candidate
g, output gate o. This is Keras's order: `keras.layers.LSTM(H).set_weights(params)` works as it is.
"""

from typing import NamedTuple

from helpers import _validation as check
from helpers.numpy_rnn import ACTIVATIONS, blocks, by_input, by_W_hh, init_weights

import numpy as np


class LSTMParams(NamedTuple):
    """Weights of one LSTM layer in Keras's order (kernel, recurrent_kernel, bias)."""

    W_xh: np.ndarray  # (D, 4H)
    W_hh: np.ndarray  # (H, 4H)
    b: np.ndarray  # (4H,)


SHAPES = "D 4H", "H 4H", "4H"


class LSTMStates(NamedTuple):
    """What `lstm_forward` computes at every step."""

    h: np.ndarray  # (B, T, H)
    c: np.ndarray  # (B, T, H) the cell state
    gates: np.ndarray  # (B, T, 4H): i, f, g, o, activated


class LSTMGrads(NamedTuple):
    """Gradient of the loss by all that `lstm_forward` takes, each shaped as what it belongs to."""

    W_xh: np.ndarray  # (D, 4H)
    W_hh: np.ndarray  # (H, 4H)
    b: np.ndarray  # (4H,)
    x: np.ndarray  # (B, T, D)
    h_0: np.ndarray  # (B, H)
    c_0: np.ndarray  # (B, H)


def init_params(
    rng: np.random.Generator, input_size: int, hidden_size: int, dtype=np.float32
) -> LSTMParams:
    """Draw the weights as Keras does: as in `numpy_rnn`, and 1 as bias of the forget gate.

    (Jozefowicz, Zaremba & Sutskever 2015.) Returns LSTMParams of shapes (D, 4H), (H,
    4H), (4H,). Raises ValueError as `numpy_rnn.init_params` does.
    """
    W_xh, W_hh = init_weights(rng, input_size, hidden_size, 4, dtype)
    return LSTMParams(W_xh, W_hh, np.repeat(np.array([0, 1, 0, 0], dtype), hidden_size))


@np.errstate(over="ignore", invalid="ignore")  # overflow is reported in words, not as a warning
def lstm_step(
    params: LSTMParams, x_t: np.ndarray, h_prev: np.ndarray, c_prev: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take one step of the LSTM, equations (10) to (12), one sample a row.

    x_t (B, D), h_prev and c_prev (B, H) give h_t and c_t (B, H), all of one dtype. Raises
    ValueError and TypeError as `lstm_forward` does.
    """
    given = {"x_t": (x_t, "B D"), "h_prev": (h_prev, "B H"), "c_prev": (c_prev, "B H")}
    arrays = check.as_weights(params, LSTMParams, SHAPES, **given)
    W_xh, W_hh, b, x_t, h_prev, c_prev = arrays.values()
    sigmoid = ACTIVATIONS["sigmoid"].apply
    z_i, z_f, z_g, z_o = np.split(x_t @ W_xh + h_prev @ W_hh + b, 4, axis=1)
    i_t, f_t, g_t, o_t = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
    c_t = f_t * c_prev + i_t * g_t
    h_t = o_t * np.tanh(c_t)
    check.check_overflow("h_t and c_t", h_t, c_t)
    return h_t, c_t


@np.errstate(over="ignore", invalid="ignore")
def lstm_forward(
    params: LSTMParams,
    x: np.ndarray,
    h_0: np.ndarray | None = None,
    c_0: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> LSTMStates:
    """Run the LSTM, equations (10) to (12), over t = 1 … T.

    i_t, f_t, o_t = s(x_t W_xh + h_{t−1} W_hh + b) and g_t = tanh of it, each with its block of
    columns; c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t; h_t = o_t ⊙ tanh c_t (Hochreiter & Schmidhuber 1997;
    with forget gates Gers, Schmidhuber & Cummins 2000).

    x (B, T, D), h_0 and c_0 (B, H) or None for zeros, mask (B, T) boolean or None. Returns
    LSTMStates of h and c (B, T, H) and gates (B, T, 4H). Where the mask is False the step is
    skipped: h and c are carried through unchanged (and the gates, computed all the same, not used).

    All arrays are float32, or all are float64. Raises ValueError and TypeError as
    `numpy_rnn.rnn_forward` does.
    """
    start = {"h_0": h_0, "c_0": c_0}
    arrays = check.as_sequence(params, LSTMParams, SHAPES, x, start, mask)
    W_xh, W_hh, b, x, h_prev, c_prev, skipped = arrays
    (T, B, _), H = x.shape, len(W_hh)

    # s(z) = (1 + tanh(z/2)) / 2: with the halves in the weights, one tanh does for all four blocks.
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], x.dtype), H)
    W_hh_half, shift = W_hh * half, 1 - half
    gates = (x.reshape(T * B, -1) @ (W_xh * half)).reshape(T, B, 4 * H)  # half of x's part of z
    gates += b * half
    i, f, g, o = blocks(gates, 4)
    h, c = np.empty((2, T, B, H), x.dtype)
    for t, gates_t in enumerate(gates):
        gates_t += h_prev @ W_hh_half
        np.tanh(gates_t, out=gates_t)
        gates_t *= half
        gates_t += shift  # all gates and the candidate are in their places now
        c_t = np.multiply(f[t], c_prev, out=c[t])
        c_t += i[t] * g[t]  # c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t
        h_t = np.tanh(c_t, out=h[t])
        h_t *= o[t]  # h_t = o_t ⊙ tanh c_t
        if skipped is not None:
            np.copyto(h_t, h_prev, where=skipped[t])
            np.copyto(c_t, c_prev, where=skipped[t])
        h_prev, c_prev = h_t, c_t
    check.check_overflow("h and c", h, c)
    return LSTMStates(*(a.swapaxes(0, 1) for a in (h, c, gates)))


@np.errstate(over="ignore", invalid="ignore")
def lstm_backward(
    params: LSTMParams,
    x: np.ndarray,
    states: LSTMStates,
    dh: np.ndarray,
    h_0: np.ndarray | None = None,
    c_0: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> LSTMGrads:
    """Backpropagate through time in one sweep from T to 1, equations (13) to (15).

    Two gradients go back. ∂L/∂c_t = ∂L/∂h_t ⊙ o_t ⊙ (1 − tanh² c_t) + ∂L/∂c_{t+1} ⊙ f_{t+1} goes
    along the cell; the δ of the four gates follow from it and from ∂L/∂h_t = dh_t + δ_{t+1} W_hhᵀ.
    The weights' gradients are those of `numpy_rnn.rnn_backward`.

    states as returned by `lstm_forward` for the same params, x, h_0, c_0 and mask. dh (B, T, H) is
    the direct gradient of the loss by each h_t, or (B, H) when the loss sees only the last one.

    Returns LSTMGrads. Raises ValueError and TypeError as `lstm_forward` does.
    """
    check.check_kind("states", states, LSTMStates)
    given = {"h": (states.h, "B T H"), "c": (states.c, "B T H"), "gates": (states.gates, "B T 4H")}
    start = {"h_0": h_0, "c_0": c_0}
    last_only, arrays = check.as_sweep(params, LSTMParams, SHAPES, x, start, mask, dh, **given)
    W_xh, W_hh, _, x, h_0, c_0, skipped, h, c, gates, dh = arrays
    h, c, gates = map(np.ascontiguousarray, (h, c, gates))  # of `lstm_forward`: no copies
    T, B, H = h.shape
    W_hh_T = W_hh.T.copy()

    # What stands beside ∂L/∂c_t (for the output gate: beside ∂L/∂h_t) in each δ, for all t at once,
    # with the slopes s′ = s (1 − s) of the gates and tanh′ = (1 + g)(1 − g) of the candidate.
    i, f, g, o = blocks(gates, 4)
    tanh_c = np.tanh(c)
    dz = 1 - gates
    dz_i, dz_f, dz_g, dz_o = blocks(dz, 4)
    dz_i *= i * g
    dz_f *= f
    dz_f[0] *= c_0
    dz_f[1:] *= c[:-1]
    dz_g *= (1 + g) * i
    dz_o *= o * tanh_c
    dh_dc = o * (1 - tanh_c * tanh_c)  # ∂h_t/∂c_t
    if skipped is not None:  # a skipped step adds nothing and forgets nothing
        np.copyto(dz, 0, where=skipped)
        np.copyto(dh_dc, 0, where=skipped)
        f = np.where(skipped, 1, f)

    carry_h, carry_c = dh if last_only else np.zeros_like(h_0), np.zeros_like(c_0)
    for t in reversed(range(T)):
        dh_t = carry_h if last_only else dh[t] + carry_h  # ∂L/∂h_t, through δ_{t+1} and directly
        dc_t = dh_t * dh_dc[t]
        dc_t += carry_c  # ∂L/∂c_t, through h_t and through c_{t+1}
        dz_t = dz[t].reshape(B, 4, H)
        dz_t[:, :3] *= dc_t[:, None]
        dz_t[:, 3] *= dh_t
        carry_h = dz[t] @ W_hh_T
        if skipped is not None:
            np.copyto(carry_h, dh_t, where=skipped[t])
        carry_c = np.multiply(dc_t, f[t], out=dc_t)  # ∂L/∂c_t ⊙ f_t, on its way to c_{t−1}

    dW_xh, db, dx = by_input(x, W_xh, dz)
    grads = LSTMGrads(dW_xh, by_W_hh(h, h_0, dz), db, dx, carry_h, carry_c)
    check.check_overflow("the gradient", *grads)
    return grads

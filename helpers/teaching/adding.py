"""The adding problem of chapters 4 and 5: its sequences, a network for it, and a training.

At each step the network reads a number and a mark. Two steps are marked, one in each half; at the
end it must say the sum of the two marked numbers (Hochreiter & Schmidhuber 1997; nearly in this
form Le et al. 2015).
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from helpers import numpy_gru, numpy_lstm
from helpers.models import NetworkParams, init_network
from helpers.numpy_rnn import rnn_backward, rnn_forward
from helpers.output import head_backward, head_forward, init_head, squared_error
from helpers.training import SGD, Adam, updates

import numpy as np


def sequences(rng: np.random.Generator, B: int, T: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw x (B, T, 2), a number from 0 to 1 and a mark at each step, and the sums y (B, 1)."""
    x = np.zeros((B, T, 2), np.float32)
    x[:, :, 0] = rng.random((B, T))
    sample = np.arange(B)
    first, second = rng.integers(0, T // 2, B), rng.integers(T // 2, T, B)
    x[sample, first, 1] = x[sample, second, 1] = 1
    return x, x[sample, first, :1] + x[sample, second, :1]


def start(seed: int, identity: bool = False, units: int = 32) -> NetworkParams:
    """Draw a network with one output; `identity` gives W_hh = I and inputs a tenth as large."""
    params = init_network(np.random.default_rng(seed), 2, units, 1)
    if not identity:
        return params
    return params._replace(W_xh=params.W_xh / 10, W_hh=np.eye(units, dtype=np.float32))


class Cell(NamedTuple):
    """What `helpers` has for one kind of gates."""

    init_params: Callable
    params: type
    forward: Callable
    backward: Callable


GATED = {
    "LSTM": Cell(
        numpy_lstm.init_params,
        numpy_lstm.LSTMParams,
        numpy_lstm.lstm_forward,
        numpy_lstm.lstm_backward,
    ),
    "GRU": Cell(
        numpy_gru.init_params, numpy_gru.GRUParams, numpy_gru.gru_forward, numpy_gru.gru_backward
    ),
}


def start_gated(seed: int, cell: str, units: int = 32) -> NetworkParams:
    """Draw a network with one output whose recurrent layer is an "LSTM" or a "GRU"."""
    rng = np.random.default_rng(seed)
    return NetworkParams(*GATED[cell].init_params(rng, 2, units), *init_head(rng, units, 1))


def chrono_start(
    params: NetworkParams, T: int, seed: int, forget_gate: bool = True, input_gate: bool = True
) -> NetworkParams:
    """Return an LSTM's params with biases for lags up to T steps (Tallec & Ollivier 2018).

    The forget gates' biases are log u with u uniform from 1 to T − 1, one for each unit, and the
    input gates' biases are −log u. A gate that is left out keeps its biases.
    """
    b, H = params.b.copy(), len(params.W_hh)
    lengths = np.log(np.random.default_rng(200 + seed).uniform(1, T - 1, H))
    if forget_gate:
        b[H : 2 * H] = lengths
    if input_gate:
        b[:H] = -lengths
    return params._replace(b=b)


def _read(params, batch, cell):
    """Return the layer's weights, its states, the loss and the head's gradients."""
    x, y = batch
    weights = GATED[cell].params(*params[:3])
    states = GATED[cell].forward(weights, x)
    loss, do = squared_error(head_forward(params.head, states.h[:, -1]), y)
    return weights, states, loss, head_backward(params.head, states.h[:, -1], do)


def gated_loss_and_grads(
    params: NetworkParams, batch: tuple[np.ndarray, np.ndarray], cell: str
) -> tuple[float, NetworkParams]:
    """Return what `loss_and_grads` does, of a network from `start_gated`."""
    weights, states, loss, head = _read(params, batch, cell)
    layer = GATED[cell].backward(weights, batch[0], states, head.h)
    return loss, NetworkParams(layer.W_xh, layer.W_hh, layer.b, head.W_ho, head.b_o)


def reach(params: NetworkParams, batch: tuple[np.ndarray, np.ndarray], cell: str) -> float:
    """Return how much of the gradient at the last step is left half way back.

    ‖∂L/∂(h, c)‖ at step T/2 relative to ‖∂L/∂h_T‖, both as means over the batch.
    """
    weights, states, _, head = _read(params, batch, cell)
    half = batch[0].shape[1] // 2
    rest = type(states)(*(a[:, half:] for a in states))
    start = [a[:, half - 1] for a in states[:-1]]  # h, and c of an LSTM
    grads = GATED[cell].backward(weights, batch[0][:, half:], rest, head.h, *start)
    left = np.linalg.norm(np.hstack(grads[4:]), axis=1)
    return float(left.mean() / np.linalg.norm(head.h, axis=1).mean())


def loss_and_grads(
    params: NetworkParams,
    batch: tuple[np.ndarray, np.ndarray],
    activation: str = "tanh",
    reach: int | None = None,
) -> tuple[float, NetworkParams]:
    """Return the squared error of the output at the last step, and its gradients.

    With `reach` = k the state before the last k steps is taken for a constant: the gradient is cut
    there.
    """
    x, y = batch
    h = rnn_forward(params.rnn, x, activation=activation)
    loss, do = squared_error(head_forward(params.head, h[:, -1]), y)
    head = head_backward(params.head, h[:, -1], do)
    h_0 = None
    if reach is not None and reach < x.shape[1]:
        x, h, h_0 = x[:, -reach:], h[:, -reach:], h[:, -reach - 1]
    rnn = rnn_backward(params.rnn, x, h, head.h, h_0, activation=activation)
    return loss, NetworkParams(rnn.W_xh, rnn.W_hh, rnn.b, head.W_ho, head.b_o)


class Run(NamedTuple):
    """A training, update by update; infinite from where a number overflowed."""

    loss: np.ndarray
    norm: np.ndarray  # of the gradient, before clipping
    params: NetworkParams  # in the end
    watched: list  # what `watch` returned


@np.errstate(over="ignore", invalid="ignore")
def train(
    params: NetworkParams,
    T: int,
    seed: int,
    rate: float,
    activation: str = "tanh",
    reach: int | None = None,
    max_norm: float = 1.0,
    optimizer: Callable[[float], Adam | SGD] = Adam,
    count: int = 800,
    cell: str | None = None,
    watch: Callable[[NetworkParams], float] | None = None,
) -> Run:
    """Train on fresh batches of 32; no sequence is seen twice, so each loss is a fair test.

    `params` are from `start_gated` for the same `cell`, or from `start`. `watch(params)` is asked
    before every 25th update.
    """
    rng = np.random.default_rng(100 + seed)
    batches = (sequences(rng, 32, T) for _ in range(count))
    if cell:
        loss = partial(gated_loss_and_grads, cell=cell)
    else:
        loss = partial(loss_and_grads, activation=activation, reach=reach)
    rows, watched = [], []
    try:
        for update in updates(params, loss, batches, optimizer(rate), max_norm):
            if watch and len(rows) % 25 == 0:
                watched.append(watch(params))
            rows.append((update.loss, update.norm))
            params = update.params
    except (FloatingPointError, ValueError):  # a loss or a weight that is no longer finite
        rows += [(np.inf, np.inf)] * (count - len(rows))
    return Run(*np.transpose(rows), params, watched)

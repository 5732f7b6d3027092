"""Chapter 1's five designs: what each reads at a time step, what it costs, its tasks and training.

All five are one network, a recurrent layer and a head. They differ in what the layer is shown at
each step, and all but the recurrent one have W_hh = 0 for good.
"""

from collections.abc import Iterable
from typing import NamedTuple

from helpers.models import NetworkParams, init_network
from helpers.numpy_rnn import rnn_backward, rnn_forward
from helpers.output import head_backward, head_forward, sigmoid_cross_entropy
from helpers.training import Adam, updates

import numpy as np

DESIGNS = ("flatten", "per step", "shared", "window", "recurrent")


def shown(design: str, x: np.ndarray, k: int = 2) -> np.ndarray:
    """Return what the layer of a design reads of x (B, T, D) at each of its steps.

    flatten (B, 1, T·D); per step (B, T, T·(D + 1)), the word, and a 1 for its bias, in the block of
    its own position; window (B, T, k·D), the word and the k − 1 before it; else x.
    """
    B, T, D = x.shape
    if design == "flatten":
        return x.reshape(B, 1, T * D)
    if design == "per step":
        with_bias = np.concatenate([x, np.ones((B, T, 1), x.dtype)], axis=-1)
        blocks = np.eye(T, dtype=x.dtype)[:, :, None] * with_bias[:, :, None]
        return blocks.reshape(B, T, T * (D + 1))
    if design == "window":
        padded = np.concatenate([np.zeros((B, k - 1, D), x.dtype), x], axis=1)
        return np.concatenate([padded[:, s : s + T] for s in range(k)], axis=-1)
    return x


def count_parameters(T: int, D: int, H: int, k: int) -> tuple[int, int, int, int, int]:
    """Count the weights and biases that each design stores, its head apart."""
    flatten = T * D * H + H
    per_step = T * (D * H + H)
    shared = D * H + H
    window = k * D * H + H
    recurrent = D * H + H * H + H
    return flatten, per_step, shared, window, recurrent


def count_multiply_adds(T: int, D: int, H: int, k: int) -> tuple[int, int, int, int, int]:
    """Count the multiply–adds of one sentence: each weight as often as it is used."""
    once = T * D * H
    return once, once, once, T * k * D * H, T * (D * H + H * H)


def differs(
    rng: np.random.Generator, d: int, B: int = 64, T: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    """Draw bits x (B, T, 1), and whether each but the first d differs from the one d steps before.

    Temporal XOR (Elman 1990) is d = 1. The answers are y (B, T − d, 1).
    """
    x = rng.integers(0, 2, (B, T, 1)).astype(float)
    return x, np.abs(x[:, d:] - x[:, :-d])


def twins(
    rng: np.random.Generator, n: int, positions: tuple[int, ...], T: int = 32, V: int = 30
) -> tuple[np.ndarray, np.ndarray]:
    """Draw n sentences of T words out of V twice, with word 0 and with word 1 at one position.

    Positions count from 1. The other words are the same in both, and neither 0 nor 1. Returns
    one-hot x (2n, T, V), and y (2n, 1, 1), whether it is word 1.
    """
    zero = rng.integers(2, V, (n, T))
    one = zero.copy()
    where = np.arange(n), rng.choice(positions, n) - 1
    zero[where], one[where] = 0, 1
    return np.eye(V)[np.concatenate([zero, one])], np.repeat([0.0, 1.0], n).reshape(-1, 1, 1)


class Trained(NamedTuple):
    """A trained network of one design."""

    design: str
    net: NetworkParams
    P: np.ndarray  # (answers, steps): each answer reads this mixture of the steps
    k: int
    losses: list[float]

    def states(self, x: np.ndarray) -> np.ndarray:
        """Return what the layer says at each of its steps, (B, steps, H)."""
        return rnn_forward(self.net.rnn, shown(self.design, x, self.k))

    def right(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return which answers are right: x (B, T, D) and y (B, answers, 1) of 0 and 1."""
        return (head_forward(self.net.head, self.P @ self.states(x)) > 0) == (y > 0.5)


def train(
    design: str,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    P: np.ndarray,
    rng: np.random.Generator,
    k: int = 2,
    units: int = 12,
    rate: float = 0.02,
) -> Trained:
    """Train a design with Adam on batches of x (B, T, D) and y (B, answers, 1), in float64.

    P (answers, steps) says which mixture of the steps the head reads for each answer.
    """
    memory = design == "recurrent"

    def loss_and_grads(net, batch):
        x, y = batch
        x = shown(design, x, k)
        h = rnn_forward(net.rnn, x)
        loss, do = sigmoid_cross_entropy(head_forward(net.head, P @ h), y)
        head = head_backward(net.head, P @ h, do)
        rnn = rnn_backward(net.rnn, x, h, P.T @ head.h)
        return loss, NetworkParams(rnn.W_xh, memory * rnn.W_hh, rnn.b, head.W_ho, head.b_o)

    batches = iter(batches)
    first = next(batches)
    net = init_network(rng, shown(design, first[0], k).shape[-1], units, 1, np.float64)
    net = net._replace(W_hh=memory * net.W_hh)
    losses = []
    for update in updates(net, loss_and_grads, [first, *batches], Adam(rate), max_norm=1.0):
        net = update.params
        losses.append(update.loss)
    return Trained(design, net, P, k, losses)

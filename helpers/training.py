"""Gradient descent: the optimisers, clipping by norm, and a training loop that shows its progress.

Parameters and gradients are NamedTuples of arrays with the same fields in front. Nothing is changed
in place: each update returns new parameters, so a copy of the best ones so far is one assignment.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from helpers import _validation as check

import numpy as np
from tqdm.auto import tqdm

Params = TypeVar("Params", bound=tuple[np.ndarray, ...])
LossAndGrads = Callable[[Params, tuple], tuple[float, Params]]


def clip_by_global_norm(grads: Params, max_norm: float) -> tuple[Params, float]:
    """Scale all gradients together so that their joint norm is at most `max_norm`.

    g ← g · min(1, max_norm / ‖g‖), with ‖g‖ over all entries of all arrays (Pascanu et al. 2013,
    algorithm 1). Returns the gradients and their norm before clipping. Raises ValueError unless
    `max_norm` is positive, and FloatingPointError when the norm is not finite.
    """
    check.check_positive(max_norm=max_norm)
    norm = global_norm(grads)
    if not np.isfinite(norm):
        raise FloatingPointError(
            f"the norm of the gradient is {norm}: lower the learning rate or use smaller weights"
        )
    if norm <= max_norm:
        return grads, norm
    return type(grads)(*(g * g.dtype.type(max_norm / norm) for g in grads)), norm


@np.errstate(over="ignore")  # a norm beyond the largest float is infinite
def global_norm(grads: Params) -> float:
    """Root of the sum of the squares of all entries of all arrays.

    In float64, because squares overflow float32 early.
    """
    return float(np.linalg.norm([np.linalg.norm(g.astype(np.float64)) for g in grads]))


class SGD:
    """Gradient descent: θ ← θ − η g."""

    def __init__(self, learning_rate: float):
        check.check_positive(learning_rate=learning_rate)
        self.learning_rate = learning_rate

    @np.errstate(over="ignore", invalid="ignore")  # overflow is reported in words
    def update(self, params: Params, grads: Params) -> Params:
        """Return the parameters after one step.

        Raises FloatingPointError when they are no longer finite.
        """
        _check_grads(params, grads)
        rate = self.learning_rate
        pairs = zip(params, grads, strict=False)  # grads may hold more, such as those by x
        new = type(params)(*(p - p.dtype.type(rate) * g for p, g in pairs))
        _check_finite(new)
        return new


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1 in the order of section 2's end), as Keras computes it.

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − η √(1 − β₂ᵏ) / (1 − β₁ᵏ) · m / (√v + ε)
    at update k. One Adam belongs to one network: it remembers m, v and k between updates.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ):
        check.check_positive(learning_rate=learning_rate, epsilon=epsilon)
        check.check_fraction(beta_1=beta_1, beta_2=beta_2)
        self.learning_rate, self.epsilon = learning_rate, epsilon
        self.beta_1, self.beta_2 = beta_1, beta_2
        self.k = 0
        self.m = self.v = None

    @np.errstate(over="ignore", invalid="ignore")
    def update(self, params: Params, grads: Params) -> Params:
        """Return the parameters after one step.

        Raises FloatingPointError when they are no longer finite, and forgets the step.
        """
        _check_grads(params, grads)
        if self.m is None:
            self.m = [np.zeros_like(p) for p in params]
            self.v = [np.zeros_like(p) for p in params]
        elif [m.shape for m in self.m] != [p.shape for p in params]:
            raise ValueError(
                "params must be those of earlier updates, got other shapes: make a new Adam for a"
                " new network"
            )
        k = self.k + 1
        rate = self.learning_rate * np.sqrt(1 - self.beta_2**k) / (1 - self.beta_1**k)
        new, new_m, new_v = [], [], []
        for p, g, m, v in zip(params, grads, self.m, self.v, strict=False):
            m = m + (g - m) * p.dtype.type(1 - self.beta_1)
            v = v + (g * g - v) * p.dtype.type(1 - self.beta_2)
            new.append(p - p.dtype.type(rate) * m / (np.sqrt(v) + p.dtype.type(self.epsilon)))
            new_m.append(m)
            new_v.append(v)
        _check_finite(type(params)(*new))
        _check_finite(type(params)(*new_v))  # an infinite v would freeze the parameter in silence
        self.k, self.m, self.v = k, new_m, new_v
        return type(params)(*new)


class Update(NamedTuple):
    """What one update of the parameters saw and made."""

    params: tuple[np.ndarray, ...]  # after the update
    loss: float  # before it, on its batch
    norm: float  # of the gradient, before clipping


class History(NamedTuple):
    """What happened in a training run."""

    loss: list[float]  # of every update, on its batch, before the update
    norm: list[float]  # of every update's gradient, before clipping
    epochs: list[dict[str, float]]  # what `evaluate` said after every epoch


def updates(
    params: Params,
    loss_and_grads: LossAndGrads,
    batches: Iterable[tuple],
    optimizer: SGD | Adam,
    max_norm: float = np.inf,
) -> Iterator[Update]:
    """Train, and yield an Update for each batch, so that the caller can look, draw, or stop.

    loss_and_grads(params, batch) returns the loss and its gradients by all params. Gradients are
    clipped to `max_norm`. Raises FloatingPointError when the loss, the gradient or a parameter is
    no longer finite, ValueError when the gradients do not fit the params.
    """
    for batch in batches:
        loss, grads = loss_and_grads(params, batch)
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss}: lower the learning rate or clip the gradient (max_norm)"
            )
        grads, norm = clip_by_global_norm(type(params)(*grads[: len(params)]), max_norm)
        params = optimizer.update(params, grads)
        yield Update(params, loss, norm)


def fit(
    params: Params,
    loss_and_grads: LossAndGrads,
    batches: Iterable[tuple],
    optimizer: SGD | Adam,
    epochs: int,
    max_norm: float = np.inf,
    evaluate: Callable[[Params], dict[str, float]] | None = None,
) -> tuple[Params, History]:
    """Train for some passes over the batches, with a progress bar, and return (params, history).

    `batches` is iterated over once an epoch (`helpers.data.Minibatches`). `evaluate(params)`
    measures the network after each epoch. Raises ValueError for a bad number of epochs or no
    batches; FloatingPointError when a loss is no longer finite.
    """
    check.check_positive_int(epochs=epochs)
    if len(batches) == 0:
        raise ValueError("batches must hold at least one batch, got none")
    history = History([], [], [])
    # In a notebook tqdm does not look at this variable of its own by itself.
    nobody_watches = bool(os.environ.get("TQDM_DISABLE"))
    with tqdm(
        total=epochs * len(batches), unit="update", leave=False, disable=nobody_watches
    ) as progress:
        for epoch in range(epochs):
            for update in updates(params, loss_and_grads, batches, optimizer, max_norm):
                params = update.params
                history.loss.append(update.loss)
                history.norm.append(update.norm)
                progress.update()
            metrics = evaluate(params) if evaluate else {}
            history.epochs.append(metrics)
            progress.set_postfix({"epoch": epoch + 1, **metrics})
    return params, history


def _check_grads(params, grads):
    """Raise ValueError unless there is a gradient for each parameter, of its shape and dtype."""
    if len(grads) < len(params):
        raise ValueError(f"grads must hold one array for each of {params._fields}")
    for name, p, g in zip(params._fields, params, grads, strict=False):
        if g.shape != p.shape or g.dtype != p.dtype:
            expected = f"shape {p.shape} and dtype {p.dtype}"
            raise ValueError(f"grads.{name} must have {expected}, got {g.shape} and {g.dtype}")


def _check_finite(params):
    for name, a in params._asdict().items():
        if not check.all_finite(a):
            raise FloatingPointError(
                f"params.{name} would not be finite after this update, or the square of its"
                " gradient is not: lower the learning rate or clip the gradient (max_norm)"
            )

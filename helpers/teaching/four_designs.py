"""What chapter 1's four ways to turn T word vectors of D numbers into H numbers cost.

Where the costs of all four are returned, they come in the chapter's order: flatten, per step,
shared, recurrent.
"""

import numpy as np


def count_parameters(T: int, D: int, H: int) -> tuple[int, int, int, int]:
    """Count the weights and biases of each design.

    T time steps, D numbers a word and H numbers as the answer.
    """
    flatten = T * D * H + H
    per_step = T * (D * H + H)
    shared = D * H + H
    recurrent = D * H + H * H + H
    return flatten, per_step, shared, recurrent


def count_multiply_adds(T: int, D: int, H: int) -> tuple[int, int, int, int]:
    """Count the multiply-adds to read one sentence: the weights, as often as they are used."""
    flatten = T * D * H
    per_step = T * D * H
    shared = T * D * H
    recurrent = T * (D * H + H * H)
    return flatten, per_step, shared, recurrent


def pooled(W: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the mean over time, (B, H), of one dense layer W (D, H), b (H,) on x (B, T, D)."""
    return np.tanh(x @ W + b).mean(axis=1)

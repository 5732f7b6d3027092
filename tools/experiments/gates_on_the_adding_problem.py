"""Chapter 5: the adding problem with and without gates, each from five starts at four rates."""

from helpers.teaching import adding

import numpy as np

CELLS = "tanh", "identity", "LSTM", "GRU"
UPDATES = {100: 1000, 200: 1500}
ROWS = [
    {"T": T, "cell": cell, "rate": rate, "seed": seed}
    for T in UPDATES
    for cell in CELLS
    for rate in (0.001, 0.003, 0.01, 0.03)
    for seed in range(5)
]
TOLERANCE = {"error": 0.05}


def run(T: int, cell: str, rate: float, seed: int) -> dict:
    """Train, clipped to norm 1; return the median error of the last 100 updates, and a curve.

    The curve holds the median loss of 25 updates each.
    """
    if cell in ("LSTM", "GRU"):
        start, settings = adding.start_gated(seed, cell), {"cell": cell}
    else:
        start = adding.start(seed, identity=cell == "identity")
        settings = {"activation": "relu" if cell == "identity" else "tanh"}
    done = adding.train(start, T, seed, rate, count=UPDATES[T], **settings)
    loss = np.median(done.loss.reshape(-1, 25), axis=1)
    return {
        "error": round(float(min(np.median(done.loss[-100:]), 1e30)), 5),
        "loss": [float(f"{min(value, 1e30):.4g}") for value in loss],
    }

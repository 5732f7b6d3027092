"""Chapter 5: what the biases of the gates do to learning the adding problem, five seeds each."""

from functools import partial

from helpers.teaching import adding

import numpy as np

# The cell, and which of its biases are those of the chrono start; all others are Keras's.
STARTS = {
    "LSTM, Keras's": ("LSTM", ()),
    "LSTM, forget gate": ("LSTM", ("forget_gate",)),
    "LSTM, input gate": ("LSTM", ("input_gate",)),
    "LSTM, both": ("LSTM", ("forget_gate", "input_gate")),
    "GRU, Keras's": ("GRU", ()),
}
UPDATES = {100: 1000, 200: 1500}
ROWS = [
    {"T": T, "start": start, "seed": seed} for T in UPDATES for start in STARTS for seed in range(5)
]
TOLERANCE = {"error": 0.05}


def run(T: int, start: str, seed: int) -> dict:
    """Train at rate 0.01, clipped to norm 1; return the median error of the last 100 updates.

    And two curves, an entry for each 25 updates: the median loss, and the reach before them.
    """
    cell, gates = STARTS[start]
    params = adding.start_gated(seed, cell)
    if cell == "LSTM":
        params = adding.chrono_start(
            params, T, seed, forget_gate="forget_gate" in gates, input_gate="input_gate" in gates
        )
    batch = adding.sequences(np.random.default_rng(300 + seed), 32, T)
    watch = partial(adding.reach, batch=batch, cell=cell)
    done = adding.train(params, T, seed, 0.01, cell=cell, count=UPDATES[T], watch=watch)
    loss = np.median(done.loss.reshape(-1, 25), axis=1)
    return {
        "error": round(float(min(np.median(done.loss[-100:]), 1e30)), 5),
        "loss": [float(f"{min(value, 1e30):.4g}") for value in loss],
        "reach": [float(f"{value:.3g}") for value in done.watched],
    }

"""Chapter 5: an LSTM on the adding problem from three starts of its biases, five seeds each."""

from helpers.teaching import adding

import numpy as np

STARTS = "Keras's", "forget gate only", "chrono"
UPDATES = {100: 1000, 200: 1500}
ROWS = [
    {"T": T, "start": start, "seed": seed} for T in UPDATES for start in STARTS for seed in range(5)
]
TOLERANCE = {"error": 0.05}


def run(T: int, start: str, seed: int) -> dict:
    """Train at rate 0.01, clipped to norm 1; results as in `gates_on_the_adding_problem`."""
    params = adding.start_gated(seed, "LSTM")
    if start != "Keras's":
        params = adding.chrono_start(params, T, seed, input_gate=start == "chrono")
    done = adding.train(params, T, seed, rate=0.01, cell="LSTM", count=UPDATES[T])
    loss = np.median(done.loss.reshape(-1, 25), axis=1)
    return {
        "error": round(float(min(np.median(done.loss[-100:]), 1e30)), 5),
        "loss": [float(f"{min(value, 1e30):.4g}") for value in loss],
    }

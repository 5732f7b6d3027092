"""Chapter 4: the adding problem, plain and with cures, each from five starts."""

from functools import partial

from helpers.teaching import adding
from helpers.training import SGD, Adam

import numpy as np

PLAIN = {"rate": 0.01}
IDENTITY = {"identity": True, "rate": 0.001}
SETTINGS = {
    "tanh, T = 10": PLAIN | {"T": 10},
    "tanh": PLAIN,
    "tanh, rate 0.001": {"rate": 0.001},
    "tanh, not clipped": PLAIN | {"max_norm": np.inf},
    "tanh, small inputs": PLAIN | {"small_inputs": True},
    "identity": IDENTITY,
    "identity, rate 0.01": IDENTITY | {"rate": 0.01},
    "identity, not clipped": IDENTITY | {"max_norm": np.inf},
    "identity, not clipped, β₂ = 0.9": IDENTITY
    | {"max_norm": np.inf, "optimizer": partial(Adam, beta_2=0.9)},
    "identity, cut at 20": IDENTITY | {"reach": 20},
    "identity, SGD, not clipped": IDENTITY | {"rate": 5e-4, "max_norm": np.inf, "optimizer": SGD},
}
ROWS = [{"setting": setting, "seed": seed} for setting in SETTINGS for seed in range(5)]
TOLERANCE = {"error": 0.05}


def run(setting: str, seed: int) -> dict:
    """Train for 800 updates; return the median error of the last 100, and two curves.

    Of 20 updates each the curves hold the median loss and the largest norm of the gradient.
    `clipped` is the share of updates with a norm above 1.
    """
    settings = {"T": 100, "identity": False, "small_inputs": False} | SETTINGS[setting]
    identity, small_inputs = settings.pop("identity"), settings.pop("small_inputs")
    start = adding.start(seed, identity)
    if small_inputs:
        start = start._replace(W_xh=start.W_xh / 10)
    done = adding.train(start, seed=seed, activation="relu" if identity else "tanh", **settings)
    loss = np.median(done.loss.reshape(-1, 20), axis=1)
    norm = done.norm.reshape(-1, 20).max(axis=1)
    return {
        "error": round(float(min(np.median(done.loss[-100:]), 1e30)), 5),
        "clipped": round(float(np.mean(done.norm > 1)), 3),
        "loss": [float(f"{min(value, 1e30):.4g}") for value in loss],
        "norm": [float(f"{min(value, 1e30):.4g}") for value in norm],
    }

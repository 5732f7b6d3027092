"""Chapter 1, section 3: does a bit differ from the one d steps before? Windows and states."""

from helpers.teaching import designs

import numpy as np

READERS = (("window", 2, 16), ("window", 4, 16), ("recurrent", 1, 16), ("recurrent", 1, 64))
ROWS = [
    {"design": design, "k": k, "units": units, "d": d, "seed": seed}
    for design, k, units in READERS
    for d in (1, 2, 3, 4, 6, 8, 10, 12, 14)
    for seed in range(5)
]
TOLERANCE = 0.1


def run(design: str, k: int, units: int, d: int, seed: int) -> dict:
    """Train on random bits; return the share of right last answers, on sequences in pairs."""
    rng = np.random.default_rng(seed)
    batches = (designs.differs(rng, d) for _ in range(1000))
    trained = designs.train(design, batches, np.eye(20)[d:], rng, k, units, rate=0.01)
    x, y = designs.differs(np.random.default_rng(100), d, B=500)
    x_partner = x.copy()
    x_partner[:, -1 - d] = 1 - x[:, -1 - d]
    right = np.concatenate([trained.right(x, y), trained.right(x_partner, 1 - y)])
    return {"accuracy": round(float(right[:, -1].mean()), 4)}

"""Chapter 1, section 8: five designs learn a word at some positions and meet it at others."""

from helpers.teaching import designs

import numpy as np

T = 32
PLACES = {"3": (3,), "3, 11, 19, 27": (3, 11, 19, 27), "1, 3, 5, … 31": tuple(range(1, T, 2))}
READERS = (*((design, "mean") for design in designs.DESIGNS), ("recurrent", "last"))
ROWS = [
    {"trained_at": places, "design": design, "reads": reads, "seed": seed}
    for places in PLACES
    for design, reads in READERS
    for seed in range(5)
]
TOLERANCE = 0.15


def run(trained_at: str, design: str, reads: str, seed: int) -> dict:
    """Train with the word at some places; return the accuracy there, elsewhere and at each one."""
    rng = np.random.default_rng(seed)
    steps = 1 if design == "flatten" else T
    P = np.full((1, steps), 1 / steps) if reads == "mean" else np.eye(steps)[-1:]
    places = PLACES[trained_at]
    batches = (designs.twins(rng, 16, places) for _ in range(400))
    trained = designs.train(design, batches, P, rng, units=8, rate=0.01)
    at = [
        trained.right(*designs.twins(np.random.default_rng(place), 50, (place,))).mean()
        for place in range(1, T + 1)
    ]
    known = np.isin(np.arange(1, T + 1), places)
    return {
        "there": round(float(np.mean(at, where=known)), 4),
        "elsewhere": round(float(np.mean(at, where=~known)), 4),
        "at": [round(float(accuracy), 2) for accuracy in at],
    }

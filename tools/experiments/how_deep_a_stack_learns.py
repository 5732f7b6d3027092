"""Workshop on layers: stacks, wider layers of the same size, and skips; three rates, five seeds."""

from helpers import training
from helpers.numpy_rnn import init_params, rnn_backward, rnn_forward
from helpers.output import head_backward, head_forward, init_head, softmax_cross_entropy

import numpy as np

WIDTHS = {2: 27, 5: 48, 7: 57, 12: 77}  # of one layer with the weights of so many layers of 16
DESIGNS = (
    [("plain", layers, 16) for layers in (1, *WIDTHS)]
    + [("wide", 1, units) for units in WIDTHS.values()]
    + [("skip", layers, 16) for layers in WIDTHS]
)
SETTINGS = [(*design, rate, 200) for rate in (0.001, 0.01, 0.05) for design in DESIGNS] + [
    ("plain", 1, 16, 0.001, 1000),
    ("plain", 12, 16, 0.01, 1000),
]
NAMES = "design", "layers", "units", "rate", "updates"
ROWS = [
    {**dict(zip(NAMES, setting, strict=True)), "seed": seed}
    for setting in SETTINGS
    for seed in range(5)
]
TOLERANCE = {"loss": 0.1}


def run(design: str, layers: int, units: int, rate: float, updates: int, seed: int) -> dict:
    """Train on the exclusive or of two of five bits; return the mean loss of the last 20 updates.

    And the norm of ∂L/∂W_hh of the lowest layer, before clipping, at the first update and 40 later.
    Adam, batches of 32, clipped to norm 1. With "skip" every layer but the first adds its input.
    """
    rng = np.random.default_rng(seed)
    network = [init_params(rng, 1 if n == 0 else units, units) for n in range(layers)]
    network.append(init_head(rng, units, 2))
    optimizers, losses, norms = [training.Adam(rate) for _ in network], [], []
    for _ in range(updates):
        bits = rng.integers(0, 2, (32, 5))
        x = (2 * bits[..., None] - 1).astype(np.float32)
        loss, grads = _loss_and_grads(network, x, bits[:, -2] ^ bits[:, -4], design == "skip")
        norm = training.global_norm([a for part in grads for a in part])
        scale = np.float32(min(1, 1 / norm))
        steps = zip(optimizers, network, grads, strict=True)
        network = [adam.update(params, [scale * a for a in part]) for adam, params, part in steps]
        losses.append(loss)
        norms.append(float(np.linalg.norm(grads[0][1])))
    return {
        "loss": round(float(np.mean(losses[-20:])), 4),
        "lowest": [float(f"{norms[k]:.2g}") for k in (0, 40)],
    }


def _loss_and_grads(network, x, y, skip):
    *stack, head = network
    inputs, states = [x], []
    for n, params in enumerate(stack):
        states.append(rnn_forward(params, inputs[-1]))
        inputs.append(states[-1] + inputs[-1] if skip and n else states[-1])
    last = inputs[-1][:, -1]
    loss, do = softmax_cross_entropy(head_forward(head, last), y)
    head_grads = head_backward(head, last, do)
    grads, d_out = [head_grads[:2]], np.zeros_like(inputs[-1])
    d_out[:, -1] = head_grads.h
    for n in reversed(range(len(stack))):
        of_layer = rnn_backward(stack[n], inputs[n], states[n], d_out)
        grads.insert(0, of_layer[:3])
        d_out = of_layer.x + d_out if skip and n else of_layer.x
    return loss, grads

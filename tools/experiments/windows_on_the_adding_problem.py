"""Workshop on memory: the adding problem with the gradient cut, each from five starts."""

from functools import partial
from typing import NamedTuple

from helpers.numpy_rnn import RNNGrads, RNNParams, rnn_backward, rnn_forward
from helpers.output import HeadParams, head_backward, head_forward, squared_error
from helpers.teaching import adding
from helpers.training import Adam, updates

import numpy as np

T = 100
SETTINGS = {  # the last step before the window, whether the gradient is cut there, and whether the
    # steps up to there share their W_xh and b with the window
    "all steps": (50, False, True),
    "window 50": (50, True, True),
    "window 20": (80, True, True),
    "all steps, not shared": (50, False, False),
    "window 50, not shared": (50, True, False),
}
ROWS = [{"setting": setting, "seed": seed} for setting in SETTINGS for seed in range(5)]
TOLERANCE = 0.15  # rounding may decide whether a training leaves the floor


class TwoCopies(NamedTuple):
    """A network whose early steps may have weights of the input of their own."""

    W_xh: np.ndarray
    W_hh: np.ndarray
    b: np.ndarray
    W_ho: np.ndarray
    b_o: np.ndarray
    early_W_xh: np.ndarray
    early_b: np.ndarray


def loss_and_grads(params, batch, border, cut, shared):
    """Return the squared error of the output at the last step, and its gradients."""
    (x, y), relu = batch, {"activation": "relu"}
    rnn, head = RNNParams(*params[:3]), HeadParams(params.W_ho, params.b_o)
    early = rnn if shared else RNNParams(params.early_W_xh, params.W_hh, params.early_b)
    h_early = rnn_forward(early, x[:, :border], **relu)
    h_0 = h_early[:, -1]
    h = rnn_forward(rnn, x[:, border:], h_0, **relu)
    loss, do = squared_error(head_forward(head, h[:, -1]), y)
    dhead = head_backward(head, h[:, -1], do)
    late = rnn_backward(rnn, x[:, border:], h, dhead.h, h_0, **relu)
    first = RNNGrads(*map(np.zeros_like, early), None, None)
    if not cut:
        first = rnn_backward(early, x[:, :border], h_early, late.h_0, **relu)
    dW_hh, dW_xh, db = late.W_hh + first.W_hh, late.W_xh, late.b
    if shared:
        dW_xh, db = dW_xh + first.W_xh, db + first.b
        first = RNNGrads(*map(np.zeros_like, early), None, None)
    return loss, TwoCopies(dW_xh, dW_hh, db, dhead.W_ho, dhead.b_o, first.W_xh, first.b)


def run(setting: str, seed: int) -> dict:
    """Train for 800 updates; return the median error of the last 100 batches, all of them new."""
    border, cut, shared = SETTINGS[setting]
    start = adding.start(seed, identity=True)
    params = TwoCopies(*start, start.W_xh, start.b)
    loss = partial(loss_and_grads, border=border, cut=cut, shared=shared)
    rng = np.random.default_rng(100 + seed)
    batches = (adding.sequences(rng, 32, T) for _ in range(800))
    losses = [update.loss for update in updates(params, loss, batches, Adam(0.001), max_norm=1.0)]
    return {"error": round(float(np.median(losses[-100:])), 4)}

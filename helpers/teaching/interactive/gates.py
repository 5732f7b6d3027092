"""Chapter 5's interactive figures: one LSTM unit as a latch, and the gates of a whole sequence."""

from typing import NamedTuple

from helpers.models import NetworkParams
from helpers.numpy_lstm import LSTMParams, LSTMStates, lstm_forward
from helpers.output import head_forward
from helpers.teaching import adding
from helpers.teaching.figures import BLUE, GREEN, GREY, ORANGE
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import FloatSlider, IntSlider
from matplotlib.figure import Figure

STEPS, WRITTEN_AT, NUMBER = 100, 5, 0.8
TANH_FACTOR = 0.68  # of chapter 2's unit that holds a bit, at every step


def latch_params(mark: float = 20, b_i: float = -10, b_f: float = 10) -> LSTMParams:
    """One LSTM unit that reads (number, mark); `mark` is the mark's weight into the input gate."""
    W_xh = np.array([[0.0, 0.0, 0.1, 0.0], [mark, 0.0, 0.0, 0.0]])  # into i, f, g, o
    return LSTMParams(W_xh, np.zeros((1, 4)), np.array([b_i, b_f, 0.0, 10.0]))


class Latch(NamedTuple):
    """A unit that is to write a number at its mark, and to keep it."""

    i_at_mark: float
    i_elsewhere: float
    half_life: float  # steps
    c: np.ndarray  # (STEPS,)
    kept: np.ndarray  # (STEPS,) ∂c_T/∂c_t


def run_latch(params: LSTMParams, sd: float) -> Latch:
    """Show the unit NUMBER, marked, at step WRITTEN_AT, and elsewhere noise without a mark."""
    x = np.zeros((1, STEPS, 2))
    x[0, :, 0] = sd * np.random.default_rng(0).standard_normal(STEPS)
    x[0, WRITTEN_AT - 1] = NUMBER, 1
    states = lstm_forward(params, x)
    i, f, *_ = states.gates[0].T
    kept = np.append(np.cumprod(f[:0:-1])[::-1], 1.0)
    half_life = np.log(2) / -np.log(f[-1])
    return Latch(i[WRITTEN_AT - 1], i[-1], half_life, states.c[0, :, 0], kept)


@part
def latch() -> Interactive:
    """Set one LSTM unit by hand, so that it writes a marked number and keeps it."""
    figure = Figure(figsize=(9.4, 3.6))
    trace, gradient = figure.subplots(1, 2)
    t = np.arange(1, STEPS + 1)
    (cell,) = trace.plot(t, np.zeros(STEPS), color=BLUE)
    trace.axhline(np.tanh(0.1 * NUMBER), color=GREY, linestyle="--", zorder=-1)
    trace.text(STEPS, 0.106, "what was to be written", ha="right", color=GREY, zorder=-1)
    trace.axvline(WRITTEN_AT, color=ORANGE, linewidth=1, zorder=-1)
    trace.set(xlim=(1, STEPS), ylim=(-0.2, 0.3), xlabel="time step $t$", title="Cell state $c_t$")
    (kept,) = gradient.plot(t, np.ones(STEPS), color=BLUE, label="this unit")
    gradient.plot(
        t,
        TANH_FACTOR ** (STEPS - t),
        color=GREY,
        linestyle="--",
        label="the tanh unit of section 1",
        zorder=-1,
    )
    gradient.set(yscale="log", ylim=(1e-18, 10), xlim=(1, STEPS), xlabel="time step $t$")
    gradient.set_title("What is left: $\\partial c_{100} / \\partial c_t$")
    gradient.legend(loc="lower right")

    def update(b_f, mark, b_i, sd):
        done = run_latch(latch_params(mark, b_i, b_f), sd)
        cell.set_ydata(done.c)
        kept.set_ydata(done.kept)
        return (
            f"The input gate is {done.i_at_mark:.2f} at the mark and {done.i_elsewhere:.2g}"
            f" elsewhere. The cell is {done.c[WRITTEN_AT - 1]:.3f} after the mark and"
            f" {round(done.c[-1], 3) + 0:.3f} at step {STEPS}. It keeps half for"
            f" {done.half_life:.3g} steps; of the gradient {done.kept[WRITTEN_AT - 1]:.2g} is left"
            f" at step {WRITTEN_AT}."
        ).replace("-", "−")

    return Interactive(
        figure,
        {
            "b_f": FloatSlider(1.0, min=-2, max=10, step=0.5, description="bias of f"),
            "mark": FloatSlider(20.0, min=0, max=20, step=1, description="mark into i"),
            "b_i": FloatSlider(-10.0, min=-10, max=2, step=1, description="bias of i"),
            "sd": FloatSlider(0.3, min=0, max=1, step=0.1, description="noise s.d."),
        },
        update,
        alt="Left: the cell state of one LSTM unit over 100 steps, with a line at the value that it"
        " is to write at step 5. Right: how much of the gradient at step 100 is left at each step,"
        " on a logarithmic axis, beside that of a tanh unit, which falls to ten to the minus 17.",
    )


def ranked_units(params: NetworkParams, T: int) -> np.ndarray:
    """Return the units in order: first those whose cells move at marks more than elsewhere."""
    x, _ = adding.sequences(np.random.default_rng(3), 32, T)
    c = _states(params, x).c
    moves = np.abs(np.diff(c, axis=1, prepend=0))
    marked = x[:, :, 1] == 1
    return np.argsort(moves[~marked].mean(axis=0) / moves[marked].mean(axis=0))


def _states(params: NetworkParams, x: np.ndarray) -> LSTMStates:
    return lstm_forward(LSTMParams(*params[:3]), x.astype(params.b.dtype))


@part
def gates_of_a_sequence(params: NetworkParams | None = None) -> Interactive:
    """Look into an LSTM for the adding problem while it reads one sequence; choose the marks.

    `params` as from `adding.train` at T = 100; left out, it is two units that were set by hand, of
    which one is a latch and the other forgets.
    """
    if params is None:
        both = zip(latch_params(), latch_params(mark=0, b_i=0, b_f=1), strict=True)
        units = [np.stack(pair, axis=-1).reshape(*pair[0].shape[:-1], 8) for pair in both]
        W_hh = np.zeros((2, 8))
        params = NetworkParams(units[0], W_hh, units[2], np.array([[10.0], [0.0]]), np.zeros(1))
    order = ranked_units(params, STEPS)
    numbers = np.random.default_rng(4).random(STEPS)
    t = np.arange(1, STEPS + 1)

    figure = Figure(figsize=(9.4, 5.2))
    gates, cell = figure.subplots(2, 1, sharex=True)
    lines = [
        gates.plot(t, np.zeros(STEPS), color=colour, linestyle=style, label=label)[0]
        for colour, style, label in (
            (BLUE, "-", "input gate $i_t$"),
            (ORANGE, "--", "forget gate $f_t$"),
            (GREEN, ":", "output gate $o_t$"),
        )
    ]
    gates.set(ylim=(-0.05, 1.05), title="The gates of one unit")
    gates.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    (c_line,) = cell.plot(t, np.zeros(STEPS), color=BLUE, label="cell state $c_t$")
    marks = [ax.axvline(1, color=GREY, linewidth=1) for ax in (gates, gates, cell, cell)]
    cell.set(xlim=(1, STEPS), ylim=(-1, 1), xlabel="time step $t$", title="Its cell state")
    cell.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    def update(first, second, rank):
        x = np.zeros((1, STEPS, 2))
        x[0, :, 0] = numbers
        x[0, [first - 1, second - 1], 1] = 1
        states = _states(params, x)
        unit = order[rank - 1]
        i, f, _, o = states.gates[0].reshape(STEPS, 4, -1)[:, :, unit].T
        for line, gate in zip(lines, (i, f, o), strict=True):
            line.set_ydata(gate)
        c = states.c[0, :, unit]
        c_line.set_ydata(np.clip(c, -1, 1))
        for line, at in zip(marks, (first, second, first, second), strict=True):
            line.set_xdata([at, at])
        answer = head_forward(params.head, states.h[:, -1])[0, 0]
        wanted = numbers[first - 1] + numbers[second - 1]
        quiet = np.delete(np.arange(STEPS), [first - 1, second - 1])
        return (
            f"Marks at steps {first} and {second}: wanted {wanted:.2f}, answered {answer:.2f}. Unit"
            f" {unit + 1}: i is {i[first - 1]:.2f} and {i[second - 1]:.2f} at the marks and"
            f" {np.median(i[quiet]):.2f} elsewhere; f is {np.median(f[quiet]):.3f} elsewhere, which"
            f" keeps half for {np.log(2) / -np.log(np.median(f[quiet])):.3g} steps; c ends at"
            f" {c[-1]:.2f}."
        ).replace("-", "−")

    return Interactive(
        figure,
        {
            "first": IntSlider(20, min=1, max=STEPS // 2, description="first mark"),
            "second": IntSlider(70, min=STEPS // 2 + 1, max=STEPS, description="second mark"),
            "rank": IntSlider(1, min=1, max=len(order), description="unit, by rank"),
        },
        update,
        alt="Top: the input, forget and output gate of one unit over 100 steps, with thin lines at"
        " the two marked steps. Bottom: its cell state over the same steps.",
    )

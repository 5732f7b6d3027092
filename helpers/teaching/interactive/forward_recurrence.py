"""Chapter 2's interactive figures: one time step in its parts, and how long a state remembers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from helpers import numpy_rnn
from helpers.numpy_rnn import RNNParams, rnn_forward
from helpers.teaching.figures import BLUE, DIVERGING, GREEN, GREY, ORANGE
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import Dropdown, FloatSlider, IntSlider, ToggleButtons
from matplotlib.figure import Figure

# The two units that chapter 2 traces by hand, in row form: features (praise, negation), units
# (mood, negated).
TRACED = RNNParams(
    np.array([[1.0, 0.0], [-0.5, 1.0]]), np.array([[0.5, 0.0], [-1.5, 1.0]]), np.array([0.1, 0.0])
)
WORDS = {"not": (0.0, 1.0), "very": (0.0, 0.0), "good": (1.0, 0.0)}
SENTENCES = ("not very very very good", "very good very not very", "good not good not good")
# chapter 2's ε: below this part of its first size, a difference no longer counts as remembered
FORGOTTEN = 1e-3


class StepTerms(NamedTuple):
    """What every step of one sample adds up: z = inputs + recurrent + b, and h = tanh z."""

    inputs: np.ndarray  # (T, H) x_t W_xh
    recurrent: np.ndarray  # (T, H) h_{t−1} W_hh
    z: np.ndarray  # (T, H)
    h: np.ndarray  # (T, H)


def step_terms(params: RNNParams, x: np.ndarray) -> StepTerms:
    """Take equation (3) apart for one sample x (T, D): both products, z, and its tanh."""
    h = rnn_forward(params, x[None])[0]
    inputs = x @ params.W_xh
    recurrent = np.vstack([np.zeros_like(h[0]), h[:-1]]) @ params.W_hh
    return StepTerms(inputs, recurrent, inputs + recurrent + params.b, h)


def pulse_response(
    params: RNNParams, pulse: np.ndarray, at: int, steps: int, activation: str
) -> np.ndarray:
    """How a pulse (D,) at step `at` changes the states, (steps, H), of a silent input."""
    x = np.zeros((2, steps, len(pulse)))
    x[0, at] = pulse
    h = rnn_forward(params, x, activation=activation)
    return h[0] - h[1]


def steps_remembered(size: np.ndarray) -> int:
    """For how many further steps a size stays above a thousandth of its first: all, if always."""
    below = size < FORGOTTEN * size[0]
    return int(below.argmax()) - 1 if below.any() else len(size) - 1


@part
def step_through_time(
    params: RNNParams = TRACED,
    words: Mapping[str, Sequence[float]] = WORDS,
    sentences: Sequence[str] = SENTENCES,
    units: Sequence[str] = ("mood", "negated"),
) -> Interactive:
    """One time step taken apart: what word and old state add, their sum, and its tanh.

    `words` maps words to their x_t (D,); the sentences are of equal length, and `units` names the H
    units.
    """
    terms = {
        sentence: step_terms(params, np.array([words[word] for word in sentence.split()]))
        for sentence in sentences
    }
    T, H = terms[sentences[0]].h.shape
    largest = 1.35 * max(
        1, *(np.abs(part).max() for each in terms.values() for part in (each.z, each.inputs))
    )
    colours = [BLUE, ORANGE, GREY, "black", GREEN]
    names = ["$x_t W_{xh}$", "$h_{t-1} W_{hh}$", "$b$", "$z_t$, their sum", r"$h_t = \tanh z_t$"]

    figure = Figure(figsize=(8.6, 0.7 + 1.85 * H))
    bars, numbers, states, tokens = [], [], [], []
    for unit, (left, right) in enumerate(figure.subplots(H, 2, sharex="col", width_ratios=(5, 4))):
        bars.append(left.barh(range(5), 5 * [1.0], color=colours, height=0.62))
        numbers.append([left.text(0, row, "", va="center") for row in range(5)])
        left.axvline(0, color=GREY, linewidth=0.8, zorder=-1)
        left.set(
            xlim=(-largest, largest), ylim=(4.6, -0.6), title=f"{units[unit]}: what makes $h_t$"
        )
        left.set_yticks(range(5), names)
        left.grid(axis="y", visible=False)
        states.append(right.bar(range(1, T + 1), T * [1.0], color=GREEN, width=0.62))
        right.axhline(0, color=GREY, linewidth=0.8, zorder=-1)
        right.set(xlim=(0.4, T + 0.6), ylim=(-1.05, 1.05), title=f"{units[unit]} so far")
        right.set_xticks([])
    tokens = [right.text(t, -1.15, "", ha="center", va="top") for t in range(1, T + 1)]
    tokens[0].set_text("so that the layout leaves room")

    def update(t, sentence):
        own, spoken = terms[sentence], sentence.split()
        for unit in range(H):
            added = own.inputs[t - 1, unit], own.recurrent[t - 1, unit], params.b[unit]
            ends = np.cumsum(added)
            starts = [0, *ends[:2], 0, 0]
            widths = [*added, own.z[t - 1, unit], own.h[t - 1, unit]]
            for bar, number, start, width in zip(
                bars[unit], numbers[unit], starts, widths, strict=True
            ):
                bar.set(x=start, width=width)
                ends_right = start + width >= 0
                place = (
                    max(start, start + width) + 0.06
                    if ends_right
                    else min(start, start + width) - 0.06
                )
                number.set(x=place, text=f"{width:+.2f}".replace("-", "−"))
                number.set_horizontalalignment("left" if ends_right else "right")
            for step, bar in enumerate(states[unit], 1):
                bar.set(
                    height=own.h[step - 1, unit] if step <= t else 0, alpha=1 if step == t else 0.4
                )
        for step, (token, word) in enumerate(zip(tokens, spoken, strict=True), 1):
            token.set(
                text=word,
                fontweight="bold" if step == t else "normal",
                color="black" if step <= t else GREY,
            )
        x_t = ", ".join(f"{value:g}" for value in words[spoken[t - 1]])
        traces = (
            f"{name}: {own.inputs[t - 1, unit]:.2f} from the word, {own.recurrent[t - 1, unit]:.2f}"
            f" from the old state, {params.b[unit]:.2f} bias; sum {own.z[t - 1, unit]:.2f}, state"
            f" {own.h[t - 1, unit]:.2f}"
            for unit, name in enumerate(units)
        )
        read = f"Step {t} of {T} reads “{spoken[t - 1]}”, x = ({x_t}). "
        return read + ". ".join(traces).replace("-", "−") + "."

    return Interactive(
        figure,
        {
            "t": IntSlider(2, min=1, max=T, description="time step t"),
            "sentence": Dropdown(options=sentences, description="sentence"),
        },
        update,
        alt="For each unit, left: bars for what the word adds, what the old state adds, the bias,"
        " their sum and tanh of it. Right: the unit's state after each word so far.",
        play="t",
    )


@part
def memory_explorer(steps: int = 100) -> Interactive:
    """How long a state shows a pulse, by the spectral radius of W_hh and the activation.

    The weights are the initial ones of 64 units, W_hh scaled to each spectral radius, and the pulse
    is random.
    """
    params = numpy_rnn.init_params(np.random.default_rng(0), 16, 64, dtype=np.float64)
    pulse = np.random.default_rng(3).standard_normal(len(params.W_xh))
    own_radius = np.abs(np.linalg.eigvals(params.W_hh)).max()

    figure = Figure(figsize=(8.6, 4.6))
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(4, 5))
    H = len(params.b)
    image = top.imshow(
        np.zeros((H, steps)),
        cmap=DIVERGING,
        vmin=-0.5,
        vmax=0.5,
        aspect="auto",
        interpolation="none",
        extent=(0.5, steps + 0.5, H + 0.5, 0.5),
    )
    top.set(ylabel="unit", yticks=[1, H], title="The trace of one pulse in every unit")
    top.grid(False)
    (line,) = bottom.plot(range(1, steps + 1), np.ones(steps), color=BLUE)
    (forgotten,) = bottom.plot([], [], "o", color=ORANGE, markersize=9)
    bottom.axhline(FORGOTTEN, color=GREY, linestyle="--", linewidth=1.2, zorder=-1)
    bottom.text(
        steps, FORGOTTEN * 1.6, "a thousandth of the start", ha="right", color=GREY, zorder=-1
    )
    bottom.set(yscale="log", ylim=(1e-6, 1e4), xlim=(0.5, steps + 0.5), xlabel="time step")
    bottom.set(ylabel="size of the trace,\nrelative to its start")

    def update(rho, activation, at):
        scaled = RNNParams(params.W_xh, rho / own_radius * params.W_hh, params.b)
        response = pulse_response(scaled, pulse, at - 1, steps, activation)
        image.set_data(response.T)
        size = np.linalg.norm(response, axis=1)
        line.set_data(range(at, steps + 1), size[at - 1 :] / size[at - 1])
        memory = steps_remembered(size[at - 1 :])
        lasts = at + memory == steps
        forgotten.set_data(
            [] if lasts else [at + memory + 1], [] if lasts else [size[at + memory] / size[at - 1]]
        )
        ends = (
            f"is still above a thousandth of its start at the last step, {steps - at} steps later"
            if lasts
            else f"falls below a thousandth of its start after {memory + 1} steps"
        )
        return (
            f"Spectral radius {rho:.2f}, {activation}: the trace of the pulse at step {at} {ends}."
        )

    return Interactive(
        figure,
        {
            "rho": FloatSlider(0.9, min=0.5, max=1.25, step=0.05, description="spectral radius ρ"),
            "activation": ToggleButtons(
                options=["tanh", "linear", "relu", "sigmoid"], description="activation σ"
            ),
            "at": IntSlider(10, min=1, max=steps, description="pulse at step"),
        },
        update,
        alt="Top: the difference that the pulse makes to each unit, as colours over the time steps."
        " Bottom: the size of that difference, relative to its start, on a logarithmic axis.",
    )

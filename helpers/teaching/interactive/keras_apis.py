"""Chapter 6's interactive figures: what a layer returns, and two orders of computing a stack."""

from helpers.numpy_rnn import RNNParams, rnn_forward
from helpers.teaching.exercises.keras_apis import returned_shapes
from helpers.teaching.figures import BLUE, GREEN, GREY, ORANGE
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import Checkbox, Dropdown, IntSlider, Layout, ToggleButtons
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

LIGHT_BLUE, LIGHT_ORANGE = "#DCEBF5", "#FBE3D6"
DIRECTIONS = ("forwards", "go_backwards", "Bidirectional")


def output_index(
    T: int, direction: str, backward_half: bool, return_sequences: bool
) -> dict[int, int]:
    """Map the time steps t = 1 … T whose states a half returns to their index in the output.

    Without `return_sequences` there is one such step, the one that the half reads last, and no time
    axis: index 0.
    """
    if not return_sequences:
        return {1 if backward_half else T: 0}
    # Bidirectional turns its backward half round.
    in_reading_order = backward_half and direction == "go_backwards"
    return {t: T - t if in_reading_order else t - 1 for t in range(1, T + 1)}


def names_of_returned(direction: str, return_state: bool, merge_mode: str | None) -> list[str]:
    """Name what comes back, in its order, as a program that uses it might."""
    if direction != "Bidirectional":
        return ["out", *["state"] * return_state]
    outputs = ["out"] if merge_mode else ["out_1", "out_2"]
    return outputs + ["state_1", "state_2"] * return_state


def in_code(direction: str, H: int, merge_mode: str | None, **flags: bool) -> str:
    """Write down the call: SimpleRNN(6, return_sequences=True)(x)."""
    chosen = [
        f"{name}=True"
        for name, on in (flags | {"go_backwards": direction == "go_backwards"}).items()
        if on
    ]
    layer = f"SimpleRNN({', '.join([str(H), *chosen])})"
    if direction == "Bidirectional":
        mode = "" if merge_mode == "concat" else f", merge_mode={merge_mode!r}"
        layer = f"Bidirectional({layer}{mode})"
    return f"{layer}(x)"


def _index_label(direction, backward_half, return_sequences, merge_mode, k, H):
    """Name the piece of the output that a half's state is, such as out[:, 3, :6]."""
    name, features = "out", ""
    if direction == "Bidirectional" and merge_mode is None:
        name = "out_2" if backward_half else "out_1"
    elif direction == "Bidirectional" and merge_mode == "concat":
        features = f"{H}:" if backward_half else f":{H}"
    places = [":", *[str(k)] * return_sequences, *[features] * bool(features)]
    return f"{name}[{', '.join(places)}]" if len(places) > 1 else name


class _Half:
    """One chain of states in the drawing of `shape_explorer`, above or below the inputs."""

    def __init__(self, ax, T, backward_half):
        self.backward = backward_half
        side = -1 if backward_half else 1
        y, first, last = side, (T if backward_half else 1), (1 if backward_half else T)
        colours = dict(facecolor="white", edgecolor=BLUE, linewidth=1.5)
        self.boxes, self.outs, self.fixed = {}, {}, []
        for t in range(1, T + 1):
            box = FancyBboxPatch(
                (t - 0.2, y - 0.2), 0.4, 0.4, "round,pad=0.06", **colours, zorder=-2
            )
            self.fixed.append(ax.add_patch(box))
            self.boxes[t] = ax.add_patch(
                Rectangle((t - 0.26, y - 0.26), 0.52, 0.52, color=BLUE, alpha=0.16, linewidth=0)
            )
            name = ax.text(t, y, rf"$h_{{{t}}}$", ha="center", va="center", fontsize=12, zorder=-1)
            read = _arrow(ax, (t, 0.2 * side), (t, y - 0.28 * side), GREY, zorder=-1)
            start = (t - side + (0.2 if t == first else 0.28) * side, y)
            self.fixed += [name, read, _arrow(ax, start, (t - 0.28 * side, y), BLUE, zorder=-1)]
            out = _arrow(ax, (t, y + 0.28 * side), (t, 1.62 * side), GREEN)
            at = dict(
                ha="center",
                va="bottom" if side > 0 else "top",
                color=GREEN,
                fontsize=10,
                fontweight="bold",
            )
            self.outs[t] = out, ax.text(t, 1.66 * side, "", **at)
        beyond = dict(
            ha="right" if backward_half else "left", va="center", color=ORANGE, fontweight="bold"
        )
        arrow = _arrow(ax, (last + 0.28 * side, y), (last + 0.62 * side, y), ORANGE)
        self.state = arrow, ax.text(last + 0.66 * side, y, "", **beyond)
        before = dict(ha="left" if backward_half else "right", va="center", color=GREY, fontsize=10)
        self.start = ax.text(first - 0.85 * side, y, "", **before)

    def show(self, shown, labels, state, start):
        for artist in self.fixed:  # the background, which is drawn anew only when this changes
            if artist.get_visible() != shown:
                artist.set_visible(shown)
        for t, (arrow, text) in self.outs.items():
            arrow.set_visible(shown and t in labels)
            self.boxes[t].set_visible(shown and t in labels)
            text.set_text(labels.get(t, "") if shown else "")
        arrow, text = self.state
        arrow.set_visible(shown and bool(state))
        text.set_text(state if shown else "")
        self.start.set_text(start if shown else "")


@part
def shape_explorer(B: int = 4, T: int = 5, D: int = 3, H: int = 6) -> Interactive:
    """Show which states of the unrolled network a recurrent layer returns, under which names."""
    figure = Figure(figsize=(9.2, 4.3))
    ax = figure.subplots()
    ax.set(xlim=(-0.75, T + 1.75), ylim=(-2.05, 2.45))
    ax.axis("off")
    for t in range(1, T + 1):
        ax.text(t, 0, f"$x_{{{t}}}$", ha="center", va="center", fontsize=12, zorder=-1)
    halves = _Half(ax, T, backward_half=False), _Half(ax, T, backward_half=True)
    headline = ax.text(-0.7, 2.2, "", fontsize=11, fontweight="bold")

    def update(direction, return_sequences, return_state, stateful, merge_mode):
        both = direction == "Bidirectional"
        shapes = returned_shapes(
            B,
            T,
            H,
            return_sequences=return_sequences,
            return_state=return_state,
            bidirectional=both,
            merge_mode=merge_mode,
        )
        names = names_of_returned(direction, return_state, merge_mode)
        returned = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
        headline.set_text(f"returns {returned}")
        for half in halves:
            index = output_index(T, direction, half.backward, return_sequences)
            labels = {
                t: _index_label(direction, half.backward, return_sequences, merge_mode, k, H)
                for t, k in index.items()
            }
            number = ("_2" if half.backward else "_1") * both
            shown = both or half.backward == (direction == "go_backwards")
            half.show(
                shown,
                labels,
                f"state{number}" * return_state,
                "last call's\nstate" if stateful else "zeros",
            )
        call = in_code(
            direction,
            H,
            merge_mode,
            return_sequences=return_sequences,
            return_state=return_state,
            stateful=stateful,
        )
        return f"With x of shape {(B, T, D)}, {call} returns {returned}."

    return Interactive(
        figure,
        {
            "direction": ToggleButtons(
                options=DIRECTIONS, value="Bidirectional", description="direction"
            ),
            "return_sequences": Checkbox(True, description="return_sequences"),
            "return_state": Checkbox(True, description="return_state"),
            "stateful": Checkbox(description="stateful"),
            "merge_mode": Dropdown(
                options=[("concat", "concat"), ("sum", "sum"), ("None", None)],
                description="merge_mode",
            ),
        },
        update,
        alt="The unrolled network: inputs, the chain of states, the states that come out as output"
        " with the place they have in it, and the last state where it is returned.",
    )


def schedules(T: int) -> dict[str, list[tuple[int, int]]]:
    """In which order the places (layer, t) of two layers, 0 the lower one, are computed."""
    steps = range(1, T + 1)
    return {
        "step by step": [(layer, t) for t in steps for layer in (0, 1)],
        "layer by layer": [(layer, t) for layer in (0, 1) for t in steps],
    }


def stacked_states(
    stack: tuple[RNNParams, RNNParams],
    x: np.ndarray,
    starts: tuple[np.ndarray | None, ...] = (None, None),
) -> np.ndarray:
    """Return both layers' states (2, B, T, H) on x (B, T, D), from zeros or `starts` (B, H)."""
    lower = rnn_forward(stack[0], x, starts[0])
    return np.stack([lower, rnn_forward(stack[1], lower, starts[1])])


@part
def two_orders(x: np.ndarray | None = None) -> Interactive:
    """Two layers of one unit, computed step by step and layer by layer: the same, from zeros.

    `x` (T,) are the inputs of the one sequence that is read.
    """
    x = np.array([1.0, -0.5, 0.8, 0.2, -1.0] if x is None else x)[None, :, None]
    T = x.shape[1]
    one_by_one = [
        RNNParams(*np.array([[[0.7]], [[1.1]], [[0.1]]])),
        RNNParams(*np.array([[[0.8]], [[-1.2]], [[0.0]]])),
    ]
    stack = tuple(params._replace(b=params.b[0]) for params in one_by_one)
    from_zeros = stacked_states(stack, x)
    left_over = stacked_states(stack, x, tuple(from_zeros[:, :, -1]))
    values = {"zeros": from_zeros[:, 0, :, 0], "the states left over": left_over[:, 0, :, 0]}
    starts = {"zeros": np.zeros(2), "the states left over": from_zeros[:, 0, -1, 0]}
    orders = schedules(T)

    figure = Figure(figsize=(10, 3.2))
    grids = []
    for ax, name in zip(figure.subplots(1, 2), orders, strict=True):
        ax.set(xlim=(-1.35, T + 0.55), ylim=(-0.95, 1.62), title=name)
        ax.axis("off")
        boxes, texts = {}, {}
        for n, (layer, t) in enumerate(orders[name], 1):
            boxes[layer, t] = ax.add_patch(
                FancyBboxPatch((t - 0.34, layer - 0.2), 0.68, 0.4, "round,pad=0.04")
            )
            texts[layer, t] = ax.text(t, layer, "", ha="center", va="center", fontsize=9.5)
            ax.text(
                t - 0.36,
                layer + 0.28,
                f"{n}",
                ha="left",
                va="bottom",
                color=GREY,
                fontsize=9,
                zorder=-1,
            )
            _arrow(ax, (t - 1 + 0.38, layer), (t - 0.38, layer), BLUE, zorder=-1)
            _arrow(
                ax, (t, layer - (0.6 if layer == 0 else 0.75)), (t, layer - 0.26), GREY, zorder=-1
            )
        for t in range(1, T + 1):
            ax.text(t, -0.75, f"$x_{{{t}}}$", ha="center", va="center", fontsize=12, zorder=-1)
        for layer, word in enumerate(("lower", "upper")):
            ax.text(-0.45, layer, word, ha="right", va="center", color=GREY, zorder=-1)
        zero_texts = [
            ax.text(0, layer, "", ha="center", va="center", fontsize=10) for layer in (0, 1)
        ]
        grids.append((orders[name], boxes, texts, zero_texts))

    def update(done, start):
        for which, (order, boxes, texts, zero_texts) in enumerate(grids):
            begins = start if which else "zeros"
            for layer in (0, 1):
                zero_texts[layer].set_text(_short(starts[begins][layer]))
            for n, (layer, t) in enumerate(order, 1):
                value, right = (_short(values[name][layer, t - 1]) for name in (begins, "zeros"))
                wrong = value != right
                boxes[layer, t].set(
                    facecolor="white" if n > done else LIGHT_ORANGE if n == done else LIGHT_BLUE,
                    edgecolor=GREY if n > done else ORANGE if wrong else BLUE,
                    linestyle="--" if n > done else "-",
                    linewidth=2.4 if wrong and n <= done else 1.4,
                )
                texts[layer, t].set(
                    text="" if n > done else f"≠{value}" if wrong else value,
                    color=ORANGE if wrong else "black",
                )
        answered, kept = max(0, done - T), min(done, T)
        said = (
            f"After {done} of {2 * T} places, step by step has answered {done // 2} of {T} inputs,"
            f" and keeps one state a layer; layer by layer has answered {answered}, and keeps the"
            f" lower layer's outputs, {kept} so far."
        )
        if start != "zeros" and done == 2 * T:
            last = [_short(values[begins][1, -1]) for begins in ("zeros", start)]
            said += (
                f" From the states left over, the second run ends at {last[1]} instead of"
                f" {last[0]}."
            )
        return said

    return Interactive(
        figure,
        {
            "done": IntSlider(2 * T, min=0, max=2 * T, description="places computed"),
            "start": Dropdown(
                options=list(values),
                layout=Layout(width="auto"),
                description="second run starts from",
            ),
        },
        update,
        alt="Two grids of states, one row for each layer and one column for each time step, with"
        " the order in which the places are computed; those computed show their number, and"
        " wrong ones are marked ≠.",
        play="done",
    )


def _short(number):
    return f"{number:.2f}".replace("-", "−")


def _arrow(ax, start, end, colour, **style):
    arrow = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=11,
        color=colour,
        linewidth=1.5,
        shrinkA=0,
        shrinkB=0,
        **style,
    )
    return ax.add_patch(arrow)

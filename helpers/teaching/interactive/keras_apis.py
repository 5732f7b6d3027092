"""Chapter 6's interactive figure: what a layer returns."""

from helpers.teaching.exercises.keras_apis import returned_shapes
from helpers.teaching.figures import BLUE, GREEN, GREY, ORANGE
from helpers.teaching.interactive.base import Interactive, part

from ipywidgets import Checkbox, Dropdown, ToggleButtons
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

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

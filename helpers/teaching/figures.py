"""Every figure of the course, drawn from plain arrays in one style.

Each function returns a `matplotlib.figure.Figure` and leaves no global state behind; `show` puts it
into the notebook, together with a text that says the same.
"""

import io
from collections.abc import Mapping, Sequence
from functools import wraps
from importlib import resources

import matplotlib.style
import numpy as np
from IPython.display import DisplayHandle, display
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import AutoLocator, MaxNLocator

STYLE = resources.files("helpers.teaching") / "unrolled.mplstyle"
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#595959"
# Below the middle red, above it blue: to be read without telling red from green.
DIVERGING = "RdBu"
PIXELS_PER_INCH = 96
SHARPNESS = 2  # stored pixels per displayed pixel


def show(figure: Figure, alt: str) -> None:
    """Put a figure into the cell's output; `alt` says in a sentence what is to be seen in it."""
    data, metadata = bundle(figure, alt)
    display(data, metadata=metadata, raw=True)


class LiveView:
    """A place in a cell's output whose figure is replaced while the cell runs."""

    def __init__(self):
        self._handle: DisplayHandle | None = None

    def show(self, figure: Figure, alt: str) -> None:
        """Show a figure in the place of the one before it."""
        data, metadata = bundle(figure, alt)
        if self._handle is None:
            self._handle = display(data, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(data, metadata=metadata, raw=True)


def bundle(figure: Figure, alt: str) -> tuple[dict, dict]:
    """Return what a cell's output needs to show `figure` and say `alt`: data and metadata."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt must say in a sentence what the figure shows, got {alt!r}")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH * SHARPNESS)
    width, height = (round(inches * PIXELS_PER_INCH) for inches in figure.get_size_inches())
    data = {"image/png": buffer.getvalue(), "text/plain": f"[Figure: {alt}]"}
    return data, {"image/png": {"alt": alt, "width": width, "height": height}}


def styled(draw):
    """Run a drawing function under the course's style sheet."""

    @wraps(draw)
    def styled(*args, **kwargs):
        with matplotlib.style.context(STYLE):
            return draw(*args, **kwargs)

    return styled


@styled
def lines(
    series: Mapping[str, Sequence],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    points: Mapping[str, Sequence] | None = None,
    levels: Mapping[str, float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    ylim: tuple[float, float] | None = None,
    marker: str | None = None,
    figsize: tuple[float, float] = (7.5, 3.6),
) -> Figure:
    """Draw one line for each name: `series` maps names to y, or to (x, y).

    `points` adds, in the same form, open circles without a line; `levels` adds named horizontal
    lines.
    """
    figure = Figure(figsize=figsize)
    ax = figure.subplots()
    _draw_lines(ax, series, marker)
    _draw_lines(
        ax,
        points or {},
        "o",
        linestyle="none",
        markersize=8,
        markerfacecolor="none",
        markeredgewidth=1.5,
    )
    _draw_levels(ax, levels)
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale, title=title)
    if ylim:
        ax.set_ylim(*ylim)
    _legend(ax)
    return figure


@styled
def line_panels(
    panels: Mapping[str, Mapping[str, Sequence]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    levels: Mapping[str, float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    ylim: tuple[float, float] | None = None,
    marker: str | None = None,
    linestyles: Sequence = ("-",),
    legend_outside: bool = False,
    figsize: tuple[float, float] = (9, 3.2),
) -> Figure:
    """Draw small line charts side by side: `panels` maps names to `series` (see `lines`).

    `levels` adds named horizontal lines to each chart. `linestyles` are taken in turn by a chart's
    lines, so that lines that lie on each other stay visible. The legend is in the last chart, or to
    the right of it (`legend_outside`).
    """
    figure = Figure(figsize=figsize)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, (name, series) in zip(axes, panels.items(), strict=True):
        _draw_lines(ax, series, marker)
        for n, line in enumerate(ax.lines):
            line.set_linestyle(linestyles[n % len(linestyles)])
        _draw_levels(ax, levels)
        ax.set(xlabel=xlabel, xscale=xscale, yscale=yscale)
        ax.set_title(name, fontweight="normal", fontsize=11)
        if ylim:
            ax.set_ylim(*ylim)
    axes[0].set_ylabel(ylabel)
    if legend_outside:
        figure.legend(
            *axes[-1].get_legend_handles_labels(), loc="outside right center", handlelength=2.8
        )
    else:
        _legend(axes[-1])
    _title(figure, title)
    return figure


@styled
def heat_map(
    values: np.ndarray,
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    colour_label: str,
    xticks: Sequence[str] | None = None,
    yticks: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    diverging: bool = True,
    numbers: str | None = None,
    figsize: tuple[float, float] = (7.5, 3.6),
) -> Figure:
    """Draw a matrix as coloured cells, row 0 on top.

    `diverging` centres the colours on the middle of `limits` (on zero when they are left out).
    `numbers`, a format such as ".2f", also writes each value into its cell. What is not a number
    stays blank.
    """
    if limits is None:
        largest = float(np.nanmax(np.abs(values)))
        limits = (
            (-largest, largest)
            if diverging
            else (float(np.nanmin(values)), float(np.nanmax(values)))
        )
    figure = Figure(figsize=figsize)
    ax = figure.subplots()
    image = ax.imshow(
        values,
        cmap=DIVERGING if diverging else None,
        vmin=limits[0],
        vmax=limits[1],
        aspect="auto",
        interpolation="none",
    )
    if numbers:
        for (row, column), value in np.ndenumerate(values):
            if np.isnan(value):
                continue
            r, g, b, _ = image.cmap(image.norm(value))
            ink = "black" if 0.299 * r + 0.587 * g + 0.114 * b > 0.5 else "white"
            ax.text(column, row, format(value, numbers), ha="center", va="center", color=ink)
    _word_ticks(ax, xticks)
    if yticks is not None:
        ax.set_yticks(range(len(yticks)), yticks)
    for axis in (ax.xaxis, ax.yaxis):
        if isinstance(axis.get_major_locator(), AutoLocator):
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    figure.colorbar(image, ax=ax, label=colour_label, pad=0.02)
    return figure


@styled
def magnitude_maps(
    panels: Mapping[str, np.ndarray],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    colour_label: str,
    xticks: Sequence[str] | None = None,
    figsize: tuple[float, float] = (10, 3.6),
) -> Figure:
    """Draw matrices of magnitudes side by side, row 1 on top, on one logarithmic scale.

    They have equally many columns. What is zero (below 1e-12 of the largest) stays white, and
    nothing else does. A single row has no axis of rows.
    """
    largest = max(float(values.max()) for values in panels.values())
    shown = {name: np.ma.masked_less(values, 1e-12 * largest) for name, values in panels.items()}
    smallest = min(float(values.min()) for values in shown.values())
    # Without its nearly white end.
    blues = ListedColormap(matplotlib.colormaps["Blues"](np.linspace(0.25, 1, 256)))
    figure = Figure(figsize=figsize)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (name, values) in zip(axes, shown.items(), strict=True):
        image = ax.imshow(
            values, cmap=blues, norm=LogNorm(smallest, largest), aspect="auto", interpolation="none"
        )
        ax.set_title(name, fontweight="normal", fontsize=11)
        ax.set_xlabel(xlabel)
        _word_ticks(ax, xticks, turned=True)
        rows = range(len(values)) if len(values) > 1 else ()
        ax.set_yticks(rows, [row + 1 for row in rows])
        ax.grid(False)
    max(axes, key=lambda ax: len(ax.get_yticks())).set_ylabel(ylabel)
    figure.colorbar(image, ax=axes, label=colour_label, pad=0.02)
    _title(figure, title)
    return figure


@styled
def dots(series: Mapping[str, Mapping[str, float]], *, title: str, xlabel: str) -> Figure:
    """Draw one row for each name, with a dot for its value in each series, on a logarithmic axis.

    `series` maps each one's name to {row: value}. Bars would need a zero to start from, and there
    is none.
    """
    rows = next(iter(series.values()))
    figure = Figure(figsize=(7.5, 1.4 + 0.42 * len(rows)))
    ax = figure.subplots()
    for n, (name, values) in enumerate(series.items()):
        ax.plot(list(values.values()), list(values), "osD^"[n % 4], markersize=9, label=name)
    ax.invert_yaxis()
    ax.set(xlabel=xlabel, xscale="log")
    _legend(ax)
    _title(figure, title)
    return figure


@styled
def seeds(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    title: str,
    xlabel: str,
    levels: Mapping[str, float] | None = None,
    xlim: tuple[float, float] | None = None,
    figsize: tuple[float, float] = (10, 3.4),
) -> Figure:
    """Draw one row for each name, with an open circle for every run: name -> one value a seed.

    `panels` stand side by side with the same rows; `levels` adds named vertical lines.
    """
    figure = Figure(figsize=figsize)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, (name, rows) in zip(axes, panels.items(), strict=True):
        for row, values in enumerate(rows.values()):
            apart = row + np.linspace(-0.22, 0.22, len(values))  # so that equal ones stay visible
            ax.plot(values, apart, "o", color=BLUE, markerfacecolor="none", markeredgewidth=1.5)
        for n, (level, at) in enumerate((levels or {}).items()):
            style = ("--", ":", "-.")[n % 3]
            ax.axvline(at, color=GREY, linestyle=style, linewidth=1.4, label=level)
        ax.set_yticks(range(len(rows)), list(rows))
        ax.set(xlabel=xlabel, xlim=xlim)
        ax.set_title(name, fontweight="normal", fontsize=11)
        ax.grid(axis="y", visible=False)
    axes[0].invert_yaxis()
    _legend(axes[-1])
    _title(figure, title)
    return figure


@styled
def histograms(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray, str]], *, title: str, figsize=(9, 3.0)
) -> Figure:
    """Draw histograms side by side: `panels` maps names to (values, bin edges, x label)."""
    figure = Figure(figsize=figsize)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (name, (values, edges, xlabel)) in zip(axes, panels.items(), strict=True):
        ax.hist(values, edges, color=BLUE, edgecolor="white", linewidth=0.6)
        ax.set(xlabel=xlabel)
        ax.set_title(name, fontweight="normal", fontsize=11)
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("reviews")
    _title(figure, title)
    return figure


@styled
def reading(tokens: Sequence[str], p: np.ndarray, effect: np.ndarray, *, title: str) -> Figure:
    """Draw a network's verdict after each word, and what each word does to the last one.

    p (T,) are probabilities of "positive"; effect (T,) are the products ∂p_T/∂x_t · x_t.
    """
    figure = Figure(figsize=(max(6.0, 1.6 + 0.42 * len(tokens)), 4.6))
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    t = np.arange(len(tokens))
    cmap = matplotlib.colormaps[DIVERGING]
    top.plot(t, p, color=GREY, linewidth=1, zorder=1)
    top.scatter(
        t, p, c=p, cmap=cmap, vmin=0, vmax=1, s=70, edgecolor="black", linewidth=0.8, zorder=2
    )
    top.axhline(0.5, color=GREY, linestyle="--", linewidth=1)
    top.set(ylim=(-0.03, 1.03), ylabel="p(positive)\nafter this word", title=title)
    bottom.bar(t, effect, color=np.where(effect > 0, BLUE, ORANGE), width=0.62)
    bottom.axhline(0, color=GREY, linewidth=1)
    bottom.set(ylabel="effect ∂p/∂x · x on\nthe last verdict")
    bottom.grid(axis="x", visible=False)
    _word_ticks(bottom, tokens)
    return figure


@styled
def folded_and_unrolled(steps: int = 4) -> Figure:
    """Draw the recurrent network folded, with its loop, and unrolled, a copy for each step."""
    figure = Figure(figsize=(9, 3.1))
    ax = figure.subplots()
    ax.set(xlim=(-1.25, 3.2 + 1.75 * steps), ylim=(-1.85, 1.75), aspect="equal")
    ax.axis("off")
    _unit(ax, 0, "$x_t$", "$h_t$", "$o_t$")
    loop = "arc,angleA=0,angleB=0,armA=22,armB=22,rad=9"
    ax.add_patch(
        FancyArrowPatch(
            (0.42, 0.24),
            (0.42, -0.24),
            connectionstyle=loop,
            arrowstyle="-|>",
            mutation_scale=13,
            color=ORANGE,
            lw=1.8,
        )
    )
    ax.text(0.86, 0.32, "$W_{hh}$", color=ORANGE, ha="center", va="bottom", fontsize=12)
    ax.text(1.5, 0, "$\\Rightarrow$", ha="center", va="center", fontsize=20)
    first = 2.35
    ax.add_patch(Circle((first, 0), 0.3, facecolor="white", edgecolor=GREY, lw=1.4, linestyle="--"))
    ax.text(first, 0, "$h_0$", ha="center", va="center", fontsize=12)
    for t in range(1, steps + 1):
        last = t == steps
        name = "T" if last else str(t)
        x = first + 1.75 * t
        gap = "…" if last else None
        _arrow(ax, (x - 1.75 + (0.3 if t == 1 else 0.42), 0), (x - 0.42, 0), ORANGE)
        ax.text(x - 0.85, 0.16, gap or "$W_{hh}$", color=ORANGE, ha="center", fontsize=12)
        _unit(ax, x, f"$x_{name}$", f"$h_{name}$", f"$o_{name}$")
    ax.text(0, -1.8, "folded: what is stored", ha="center", color=GREY)
    ax.text(
        first + 1.75 * (steps + 1) / 2,
        -1.8,
        "unrolled: what is computed, with the same weights in every copy",
        ha="center",
        color=GREY,
    )
    return figure


@styled
def sequence_tasks() -> Figure:
    """Draw what is asked of sequences: which steps have an input, and which an output."""
    tasks = {
        "one answer at the end": ("1111", "0001", "Is this review\ngood?"),
        "an answer at every step": (
            "1111",
            "1111",
            "Which part of\nspeech? Which\nword comes next?",
        ),
        "read, then write": ("11100", "00111", "Translate it. What\nare the next hours?"),
        "one input, many outputs": ("1000", "1111", "Describe this\npicture."),
    }
    figure = Figure(figsize=(10, 2.8))
    axes = figure.subplots(1, len(tasks), width_ratios=[len(task[0]) for task in tasks.values()])
    for ax, (name, (reads, says, question)) in zip(axes, tasks.items(), strict=True):
        ax.set(xlim=(-0.6, len(reads) - 0.4), ylim=(-2.7, 1.2), aspect="equal")
        ax.axis("off")
        ax.set_title(name, fontweight="normal", fontsize=11)
        for t, (has_input, has_output) in enumerate(zip(reads, says, strict=True)):
            _box(ax, t, half=0.18)
            if t:
                _arrow(ax, (t - 0.74, 0), (t - 0.26, 0), ORANGE)
            if has_input == "1":
                _arrow(ax, (t, -1.0), (t, -0.27), BLUE)
            if has_output == "1":
                _arrow(ax, (t, 0.27), (t, 1.0), GREEN)
        middle = (len(reads) - 1) / 2
        ax.text(middle, -1.25, question, ha="center", va="top", fontsize=10)
    _title(figure, "Four shapes of question")
    return figure


@styled
def computational_graph(steps: int = 3) -> Figure:
    """Draw what is computed from W_hh to the loss, and what comes back to each state."""
    figure = Figure(figsize=(8, 4.6))
    ax = figure.subplots()
    ax.set(xlim=(-0.7, 2.6 * steps + 0.75), ylim=(-2.25, 3.3), aspect="equal")
    ax.axis("off")
    middle = 1.3 * (steps + 1)
    for x, y, name in ((middle, -1.9, "$W_{hh}$"), (middle, 3.0, "$L$"), (0, 0, "$h_0$")):
        ax.text(x, y, name, ha="center", va="center", fontsize=14)
    dashed = (0, (4, 2))
    for t in range(1, steps + 1):
        x = 2.6 * t
        _box(ax, x)
        ax.text(x, 0, f"$h_{t}$", ha="center", va="center", fontsize=13)
        ax.text(x, 1.75, f"$L_{t}$", ha="center", va="center", fontsize=13)
        side = -1 if x < middle else 1  # where the arrow of W_hh does not pass
        ax.text(x + 0.62 * side, -0.86, f"$x_{t}$", ha="center", va="center", fontsize=12)
        _arrow(ax, (x + 0.52 * side, -0.72), (x + 0.25 * side, -0.42), BLUE)
        _arrow(ax, (x - 2.6 + (0.25 if t == 1 else 0.42), 0.1), (x - 0.42, 0.1), BLUE)
        _arrow(ax, (x - 0.1, 0.42), (x - 0.1, 1.5), BLUE)
        _arrow(ax, (x + 0.12 * (middle - x), 2.0), (middle + 0.14 * (x - middle), 2.75), BLUE)
        _arrow(ax, (middle + 0.14 * (x - middle), -1.62), (x - 0.12, -0.44), GREEN)
        _arrow(ax, (x + 0.12, 1.5), (x + 0.12, 0.42), ORANGE, dashed)
        ax.text(x + 0.22, 0.98, f"$dh_{t}$", color=ORANGE, fontsize=12)
        if t > 1:
            _arrow(ax, (x - 0.42, -0.14), (x - 2.18, -0.14), ORANGE, dashed)
            ax.text(x - 1.3, -0.45, "carry", color=ORANGE, ha="center", fontsize=11)
    _title(figure, "Two ways lead on from a state, so two gradients come back")
    return figure


@styled
def lstm_cell() -> Figure:
    """Draw one step of an LSTM, and the gradient on its way along the cell."""
    figure = Figure(figsize=(8, 4.2))
    ax = figure.subplots()
    ax.set(xlim=(-0.6, 10.6), ylim=(-1.9, 3.9), aspect="equal")
    ax.axis("off")

    def node(x, y, sign):
        ax.add_patch(Circle((x, y), 0.3, facecolor="white", edgecolor=BLUE, lw=1.6))
        ax.text(x, y, sign, ha="center", va="center", fontsize=15)

    ax.plot([1.4, 7.6], [-1.3, -1.3], color=BLUE, lw=1.8)
    ax.text(1.2, -1.3, "$x_t,\\ h_{t-1}$", ha="right", va="center", fontsize=13)
    for x, gate in ((2.6, "f"), (4.3, "i"), (5.7, "g"), (7.6, "o")):
        _box(ax, x)
        ax.text(x, 0, f"${gate}_t$", ha="center", va="center", fontsize=14)
        _arrow(ax, (x, -1.3), (x, -0.44), BLUE)
    for x, y, sign in ((2.6, 2.9, "×"), (5, 1.45, "×"), (5, 2.9, "+"), (7.6, 1.45, "×")):
        node(x, y, sign)
    for start, end in (
        ((0.35, 2.9), (2.28, 2.9)),
        ((2.92, 2.9), (4.68, 2.9)),
        ((5.32, 2.9), (9.7, 2.9)),
        ((2.6, 0.44), (2.6, 2.56)),
        ((4.4, 0.44), (4.8, 1.18)),
        ((5.6, 0.44), (5.2, 1.18)),
        ((5, 1.78), (5, 2.56)),
        ((7.6, 0.44), (7.6, 1.12)),
        ((7.6, 2.9), (7.6, 1.78)),
        ((7.92, 1.45), (9.7, 1.45)),
    ):
        _arrow(ax, start, end, BLUE)
    for x, y, name in ((0, 2.9, "$c_{t-1}$"), (10.1, 2.9, "$c_t$"), (10.1, 1.45, "$h_t$")):
        ax.text(x, y, name, ha="center", va="center", fontsize=14)
    ax.text(7.75, 2.2, "tanh", fontsize=11)
    _arrow(ax, (9.7, 3.3), (0.35, 3.3), ORANGE, (0, (4, 2)))
    ax.text(5, 3.5, "gradient along the cell: times $f_t$", color=ORANGE, ha="center", fontsize=12)
    _title(figure, "The old cell state is multiplied by $f_t$ and added to, nothing else")
    return figure


@styled
def encoder_and_decoder() -> Figure:
    """Draw an encoder that reads past hours and a decoder that answers for the hours ahead."""
    figure = Figure(figsize=(9, 3.3))
    ax = figure.subplots()
    ax.set(xlim=(-0.6, 9.6), ylim=(-2.2, 1.6), aspect="equal")
    ax.axis("off")
    for n, hour in enumerate(["t-71", "t-70", "…", "t", "t+1", "t+2", "…", "t+24"]):
        x = 1.15 * n + 0.6 * (n > 3)
        if n:
            _arrow(ax, (x - (1.4 if n == 4 else 0.8), 0), (x - 0.38, 0), ORANGE)
        if hour == "…":
            ax.text(x, 0, hour, ha="center", va="center", fontsize=15)
            continue
        _box(ax, x, half=0.27)
        ax.text(x, 0, f"${hour}$", ha="center", va="center", fontsize=10)
        _arrow(ax, (x, -1.0), (x, -0.38), BLUE)
        if n > 3:
            _arrow(ax, (x, 0.38), (x, 1.0), GREEN)
    for x, text in (
        (1.7, "encoder: count and calendar\nof the hours read"),
        (6.9, "decoder: calendar of the hours ahead"),
    ):
        ax.text(x, -1.2, text, ha="center", va="top", color=BLUE)
    ax.text(6.9, 1.15, "three numbers an hour: low, middle, high", ha="center", color=GREEN)
    ax.text(4.35, 0.22, "state", ha="center", color=ORANGE)
    return figure


@styled
def weight_copies(steps: int = 4, use: int = 2) -> Figure:
    """Draw states with one copy of W_hh for each step, and one copy's path to the last loss."""
    figure = Figure(figsize=(9, 3.0))
    ax = figure.subplots()
    gap = 1.9
    ax.set(xlim=(-0.6, gap * steps + 2.9), ylim=(-2.0, 1.25), aspect="equal")
    ax.axis("off")
    ax.add_patch(Circle((0, 0), 0.36, facecolor="white", edgecolor=GREY, lw=1.4, linestyle="--"))
    ax.text(0, 0, "$h_0$", ha="center", va="center", fontsize=13)
    for i in range(1, steps + 1):
        at, chosen = gap * i, i == use
        _arrow(
            ax,
            (at - gap + (0.36 if i == 1 else 0.42), 0),
            (at - 0.42, 0),
            BLUE if i > use else GREY,
        )
        _box(ax, at)
        ax.text(at, 0, f"$h_{i}$", ha="center", va="center", fontsize=13)
        colour = ORANGE if chosen else GREY
        ax.text(at, -1.38, f"$W^{{({i})}}$", ha="center", va="center", fontsize=13, color=colour)
        _arrow(ax, (at, -1.12), (at, -0.42), colour)
        if i > use:
            ax.text(
                at - gap / 2,
                0.22,
                rf"$\partial h_{i}/\partial h_{i - 1}$",
                ha="center",
                color=BLUE,
                fontsize=11,
            )
    last = gap * steps
    _arrow(ax, (last + 0.42, 0), (last + 1.55, 0), GREEN)
    ax.text(last + 1.62, 0, f"$L_{steps}$", ha="left", va="center", fontsize=14, color=GREEN)
    ax.text(
        last + 0.98,
        0.22,
        rf"$\partial L_{steps}/\partial h_{steps}$",
        ha="center",
        color=GREEN,
        fontsize=11,
    )
    ax.text(
        gap * use + 0.14,
        -0.82,
        rf"$\partial^+ h_{use}/\partial W$",
        ha="left",
        va="center",
        color=ORANGE,
        fontsize=11,
    )
    direct = rf"direct: $\partial^+ h_{use}/\partial W = \partial h_{use}/\partial W^{{({use})}}$"
    ax.text(gap * use, -1.9, direct, color=ORANGE, ha="center", fontsize=11)
    path = r"\,".join(rf"\partial h_{i}/\partial h_{i - 1}" for i in range(steps, use, -1))
    total = rf"total: $\partial h_{steps}/\partial h_{use} = {path}$"
    ax.text(gap * (use + steps) / 2, 0.85, total, color=BLUE, ha="center", fontsize=11)
    _title(figure, "One copy enters at one place")
    return figure


def _box(ax, x, half=0.34):
    ax.add_patch(
        FancyBboxPatch(
            (x - half, -half),
            2 * half,
            2 * half,
            boxstyle="round,pad=0.08",
            facecolor="#DCEBF5",
            edgecolor=BLUE,
            lw=1.6,
        )
    )


def _unit(ax, x, below, inside, above):
    _box(ax, x)
    ax.text(x, 0, inside, ha="center", va="center", fontsize=13)
    _arrow(ax, (x, -1.12), (x, -0.42), BLUE)
    _arrow(ax, (x, 0.42), (x, 1.12), GREEN)
    ax.text(x, -1.32, below, ha="center", va="center", fontsize=13)
    ax.text(x, 1.35, above, ha="center", va="center", fontsize=13)
    ax.text(x + 0.1, -0.84, "$W_{xh}$", color=BLUE, fontsize=11)
    ax.text(x + 0.1, 0.66, "$g_\\phi$", color=GREEN, fontsize=11)


def _arrow(ax, start, end, colour, linestyle="-"):
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=13,
            color=colour,
            lw=1.8,
            linestyle=linestyle,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _draw_lines(ax, series, marker, **style):
    for name, values in series.items():
        x, y = values if isinstance(values, tuple) else (np.arange(len(values)), values)
        ax.plot(x, y, label=name, marker=marker, **style)


def _draw_levels(ax, levels):
    for n, (name, level) in enumerate((levels or {}).items()):
        ax.axhline(level, color=GREY, linestyle=("--", ":", "-.")[n % 3], linewidth=1.4, label=name)


def _legend(ax):
    if ax.get_legend_handles_labels()[0]:
        ax.legend()


def _title(figure, title):
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")


def _word_ticks(ax, words, turned=None):
    if words is not None:
        turned = sum(map(len, words)) > 40 if turned is None else turned
        ax.set_xticks(
            range(len(words)),
            words,
            rotation=60 if turned else 0,
            ha="right" if turned else "center",
            rotation_mode="anchor" if turned else "default",
        )

"""Every drawing function of the course, on plain numbers: its style, its text, its data."""

import inspect
import io
from unittest.mock import Mock

from helpers.teaching import figures

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import refused
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

LABELS = dict(title="The answer", xlabel="time step", ylabel="state")
WAVE = np.sin(np.arange(12.0))
EXAMPLES = {
    "lines": [
        lambda: figures.lines(
            {"a": WAVE, "b": (np.arange(3), [1, 2, 4])}, **LABELS, levels={"limit": 1}, ylim=(-2, 4)
        ),
        lambda: figures.lines(
            {"a": np.exp(WAVE)}, **LABELS, yscale="log", xscale="log", marker="o"
        ),
    ],
    "line_panels": [
        lambda: figures.line_panels(
            {"one": {"a": WAVE}, "two": {"a": -WAVE, "b": WAVE}}, **LABELS, ylim=(-1, 1)
        ),
    ],
    "heat_map": [
        lambda: figures.heat_map(np.outer(WAVE, WAVE), **LABELS, colour_label="product"),
        lambda: figures.heat_map(
            np.eye(2),
            **LABELS,
            colour_label="",
            xticks=["a", "b"],
            yticks=["c", "d"],
            numbers=".2f",
            diverging=False,
        ),
        lambda: figures.heat_map(
            np.zeros((1, 3)), **LABELS, colour_label="nothing", xticks=["a long word"] * 3
        ),
    ],
    "magnitude_maps": [
        lambda: figures.magnitude_maps(
            {"one": np.tri(4), "two": np.tri(4) / 9}, **LABELS, colour_label="norm"
        ),
    ],
    "dots": [
        lambda: figures.dots(
            {"one": {"a": 1.0, "b": 20}, "two": {"a": 3, "b": 5}}, title="d", xlabel="ms"
        )
    ],
    "histograms": [
        lambda: figures.histograms(
            {"a": (WAVE, np.linspace(-1, 1, 5), "x"), "b": (WAVE, [-1, 0, 1], "y")}, title="h"
        ),
    ],
    "reading": [
        lambda: figures.reading(
            ["not", "good"], np.array([0.2, 0.6]), np.array([-0.1, 0.3]), title="Read"
        ),
        lambda: figures.reading(["longer"] * 20, np.linspace(0, 1, 20), np.ones(20), title="Read"),
    ],
    "folded_and_unrolled": [figures.folded_and_unrolled, lambda: figures.folded_and_unrolled(2)],
    "computational_graph": [
        figures.computational_graph,
        lambda: figures.computational_graph(steps=4),
    ],
    "encoder_and_decoder": [figures.encoder_and_decoder],
    "sequence_tasks": [figures.sequence_tasks],
    "seeds": [
        lambda: figures.seeds(
            {"one": {"a": [0.5, 0.6], "b": [1, 1]}, "two": {"a": [0.1], "b": [0.2]}},
            title="They differ",
            xlabel="accuracy",
            levels={"guessing": 0.5},
            xlim=(0, 1),
        ),
    ],
    "lstm_cell": [figures.lstm_cell],
    "weight_copies": [figures.weight_copies, lambda: figures.weight_copies(steps=5, use=3)],
}
every_example = pytest.mark.parametrize(
    "draw",
    [
        pytest.param(draw, id=f"{name}-{n}")
        for name, draws in EXAMPLES.items()
        for n, draw in enumerate(draws)
    ],
)


def test_every_drawing_function_has_an_example():
    drawing = {
        name
        for name, f in inspect.getmembers(figures, inspect.isfunction)
        if hasattr(f, "__wrapped__")
    }
    assert drawing == set(EXAMPLES)


@pytest.mark.filterwarnings("error")
@every_example
def test_a_drawing_is_readable_whatever_the_readers_own_settings(draw):
    small = ("font.size", "axes.labelsize", "xtick.labelsize", "legend.fontsize", "axes.titlesize")
    own = dict.fromkeys(small, 3)
    with matplotlib.rc_context(own):
        before = dict(matplotlib.rcParams)
        figure = draw()
        assert dict(matplotlib.rcParams) == before
        figures.bundle(figure, "A drawing.")  # places every text
    assert type(figure) is Figure
    assert figure.get_facecolor() == (1, 1, 1, 1)
    written = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    assert written and min(text.get_fontsize() for text in written) >= 9
    assert plt.get_fignums() == []  # nothing waits to be shown twice


@pytest.fixture
def calls(monkeypatch):
    """What is handed to IPython's `display` and to the handle that it returns."""
    display = Mock()
    monkeypatch.setattr(figures, "display", display)
    return display


def test_show_gives_picture_text_and_alternative(calls):
    figures.show(figures.lines({"a": WAVE}, **LABELS, figsize=(5, 3)), alt="A wave.")
    ((data,), options) = calls.call_args
    assert set(data) == {"image/png", "text/plain"} and data["text/plain"] == "[Figure: A wave.]"
    shown = {"alt": "A wave.", "width": 480, "height": 288}
    assert options == {"metadata": {"image/png": shown}, "raw": True}
    stored = imread(io.BytesIO(data["image/png"]))
    assert stored.shape[:2] == (576, 960)  # two stored pixels for each one shown


def test_a_live_view_replaces_its_figure(calls):
    view = figures.LiveView()
    for alt in ("First.", "Second."):
        view.show(figures.lines({"a": WAVE}, **LABELS), alt=alt)
    assert calls.call_count == 1 and calls.call_args.kwargs["display_id"]
    ((data,), _) = calls.return_value.update.call_args
    assert data["text/plain"] == "[Figure: Second.]"


@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_a_figure_is_never_shown_without_words(calls, alt):
    for show in (figures.show, figures.LiveView().show):
        with refused(ValueError, "alt must say in a sentence what the figure shows", repr(alt)):
            show(figures.lines({"a": WAVE}, **LABELS), alt=alt)
    assert not calls.called


@pytest.mark.parametrize(
    ("options", "limits"),
    [({}, (-3, 3)), ({"diverging": False}, (-1, 3)), ({"limits": (0, 1)}, (0, 1))],
)
def test_heat_map_colours_are_centred(options, limits):
    figure = figures.heat_map(np.array([[-1.0, 3.0]]), **LABELS, colour_label="c", **options)
    assert figure.axes[0].images[0].get_clim() == limits


def test_the_data_reach_the_drawing():
    ax = figures.lines(
        {"a": WAVE, "b": (np.array([2, 5]), [1.0, 4.0])}, **LABELS, levels={"limit": 7}
    ).axes[0]
    a, b, limit = ax.lines
    np.testing.assert_array_equal(a.get_xydata(), np.column_stack([np.arange(12), WAVE]))
    np.testing.assert_array_equal(b.get_xydata(), [[2, 1], [5, 4]])
    assert list(limit.get_ydata()) == [7, 7]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "limit"]
    reading = figures.reading(["x", "y"], np.array([0.2, 0.7]), np.array([-3.0, 1.0]), title="")
    top, bottom = reading.axes
    np.testing.assert_array_equal(top.lines[0].get_ydata(), [0.2, 0.7])
    assert [bar.get_height() for bar in bottom.patches] == [-3, 1]


def test_every_seed_is_drawn_in_the_row_of_its_name():
    rows = {"a": [0.5, 0.5, 0.7], "b": [1.0]}
    ax = figures.seeds({"one": rows}, title="", xlabel="accuracy").axes[0]
    for row, (values, line) in enumerate(zip(rows.values(), ax.lines, strict=True)):
        assert list(line.get_xdata()) == values
        assert (np.abs(line.get_ydata() - row) < 0.3).all()
        assert len({*line.get_ydata()}) == len(values), "equal values stay visible"


def test_a_heat_map_writes_nothing_into_cells_without_a_number():
    values = np.array([[1.0, np.nan]])
    ax = figures.heat_map(values, **LABELS, colour_label="c", numbers=".0f").axes[0]
    assert [text.get_text() for text in ax.texts] == ["1"]

"""Every interactive figure, without a browser: its controls, its promises, its numbers."""

import io
import itertools
import re

from helpers.gradients import finite_difference, state_jacobians
from helpers.numpy_rnn import RNNParams, init_params, rnn_backward, rnn_forward
from helpers.teaching import adding, interactive
from helpers.teaching.interactive import backpropagation, forward_recurrence, gates
from helpers.teaching.interactive.base import PARTS, Interactive, encode_png
from tools.notebooks import CHAPTERS, WORKSHOPS, read

import numpy as np
import pytest
from ipywidgets import FloatSlider, IntSlider, Text
from matplotlib.figure import Figure
from matplotlib.image import imread

TEXTS = ["", "   ", "good", "zyxwv ☃ \x00 <b>", "not good " * 200]


def ends(control):
    """The values at the ends of a control, or all of them where there are only some."""
    if isinstance(control, Text):
        return TEXTS
    if hasattr(control, "min"):
        return [control.min, control.max]
    if hasattr(control, "options"):
        options = [option[1] if isinstance(option, tuple) else option for option in control.options]
        return options if len(options) < 6 else [options[0], options[-1]]
    return [False, True]


def shown(figure):
    return figure.picture.png, figure.picture.sentence


@pytest.fixture(scope="module", params=PARTS)
def a_part(request):
    """One for the tests of this module; each of them leaves it reset."""
    return request.param, PARTS[request.param]()


def test_every_part_stands_in_one_notebook():
    sources = [cell.source for path in [*CHAPTERS, *WORKSHOPS] for cell in read(path).cells]
    used = re.findall(r"^interactive\.(\w+)\(", "\n".join(sources), re.MULTILINE)
    assert sorted(used) == sorted(PARTS)
    assert set(PARTS) <= set(interactive.__all__)


def test_controls_are_labelled_and_start_in_their_range(a_part):
    _, figure = a_part
    for name, control in figure.controls.items():
        assert control.description, name
    assert len(figure.picture.alt) > 80 and figure.picture.sentence in figure.picture.alt
    # All of it beside JupyterLab's margins on a projector of 1280 pixels.
    assert 600 <= figure.picture.width <= 960
    assert not figure.picture.error


def test_every_end_of_every_control(a_part):
    _, figure = a_part
    for name, control in figure.controls.items():
        sentences = set()
        for value in ends(control):
            figure.set(**{name: value})
            assert figure.picture.error == "", (name, value)
            sentences.add(shown(figure))
        assert len(sentences) > 1 or len(getattr(control, "options", "several")) == 1, (
            f"{name} changes nothing"
        )
        figure.reset()


def test_random_settings_and_the_same_pixels_as_a_full_drawing(a_part):
    _, figure = a_part
    figure._repr_mimebundle_()  # as the notebook does before a reader can move anything
    at_first = shown(figure)
    rng = np.random.default_rng(0)
    for turn in range(6):
        values = {}
        for name, control in figure.controls.items():
            choices = ends(control)
            if isinstance(control, IntSlider):
                choices = range(control.min, control.max + 1)
            elif isinstance(control, FloatSlider):
                choices = np.arange(control.min, control.max, control.step)
            values[name] = choices[int(rng.integers(len(choices)))]
        figure.set(**values)
        assert figure.picture.error == "", values
        if turn % 3 == 0:
            drawn_fast = np.array(figure._pixels())
            figure.figure.canvas.draw()
            everything = np.asarray(figure.figure.canvas.buffer_rgba())
            np.testing.assert_allclose(drawn_fast.astype(int), everything, rtol=0, atol=1)
    figure.reset()
    assert shown(figure) == at_first


def test_the_still_says_the_same(a_part):
    _, figure = a_part
    data, metadata = figure._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == figure.model_id
    assert metadata["image/png"]["alt"] == figure.picture.alt
    assert figure.picture.alt in data["text/plain"]
    width = imread(io.BytesIO(data["image/png"])).shape[1]
    assert width >= 1.9 * figure.picture.width  # sharp in print
    assert figure.picture.png[:8] == b"\x89PNG\r\n\x1a\n"


# The base


@pytest.fixture
def line():
    """A part with one slider that cannot bear −1."""

    def draw():
        figure = Figure(figsize=(3, 2))
        (drawn,) = figure.subplots().plot([0, 1], [0, 1])

        def update(a, b):
            drawn.set_ydata([0, np.sqrt(np.float64(a)) if a >= 0 else {}[a]])
            return f"a = {a}, b = {b}."

        controls = {
            "a": IntSlider(1, min=-1, max=9, description="a"),
            "b": IntSlider(0, description="b"),
        }
        return Interactive(
            figure, controls, update, alt="A line.", click=lambda axes, x, y: {"a": round(10 * y)}
        )

    return draw()


def test_an_error_is_shown_and_the_last_good_picture_stays(line):
    before = line.picture.png
    line.controls["a"].value = -1
    assert line.picture.error.startswith("KeyError: -1") and "a = -1, b = 0" in line.picture.error
    assert "test_interactive.py" in line.picture.error and line.picture.png == before
    line.controls["a"].value = 4
    assert line.picture.error == "" and line.picture.png != before
    assert line.picture.sentence == "a = 4, b = 0."


@pytest.mark.parametrize(
    "moment",
    [
        lambda figure: (figure.canvas, "draw"),  # before the background is drawn
        lambda figure: (figure.canvas, "copy_from_bbox"),  # when it is drawn, and not yet kept
        lambda figure: (figure.axes[0].lines[0], "draw"),  # in front of it
    ],
)
def test_what_was_interrupted_while_it_was_drawn_is_drawn_right_again(line, moment, monkeypatch):
    line.set(a=4)
    right = line.picture.png
    line.reset()
    line.figure.axes[0].set_title("")  # part of the background, which is drawn anew

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*moment(line.figure), interrupt)
        line.set(a=4)
    line.set(a=4)
    assert (line.picture.png, line.picture.error) == (right, "")


def test_several_controls_are_drawn_once(line, monkeypatch):
    drawn = []
    update = line._update
    monkeypatch.setattr(line, "_update", lambda **values: drawn.append(values) or update(**values))
    line.set(a=3, b=5)
    assert drawn == [{"a": 3, "b": 5}]
    line.reset()
    assert drawn[1:] == [{"a": 1, "b": 0}]


def test_a_click_is_in_data_coordinates_and_outside_the_axes_nothing(line):
    (axes,) = line.figure.axes
    x, y = line.figure.transFigure.inverted().transform(axes.transData.transform((0.5, 0.6)))
    line.click(x, y)
    assert line.values["a"] == 6
    line.click(0.001, 0.999)
    assert line.values["a"] == 6


@pytest.mark.parametrize("says", [None, "", "  ", 3])
def test_a_picture_without_a_sentence_is_refused(says):
    with pytest.raises(TypeError, match="must return a sentence"):
        Interactive(Figure(), {"a": IntSlider(description="a")}, lambda a: says, alt="Nothing.")


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (40, 61)])
def test_the_picture_is_a_png_of_the_same_pixels(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 4), dtype=np.uint8)
    np.testing.assert_array_equal(np.round(imread(io.BytesIO(encode_png(pixels))) * 255), pixels)


# The numbers of chapters 2 and 3; those of the others are tested with their chapters' helpers


def test_the_terms_of_a_step_add_up_to_the_states():
    params = init_params(np.random.default_rng(0), 3, 4, np.float64)
    x = np.random.default_rng(1).normal(size=(6, 3))
    terms = forward_recurrence.step_terms(params, x)
    np.testing.assert_allclose(
        np.tanh(terms.inputs + terms.recurrent + params.b), terms.h, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(terms.h, rnn_forward(params, x[None])[0], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(terms.recurrent[0], 0)


def test_a_pulse_in_a_linear_network_is_a_power():
    params = RNNParams(
        np.eye(3), 0.8 * np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0], np.ones(3)
    )
    response = forward_recurrence.pulse_response(params, np.ones(3), 2, 8, "linear")
    np.testing.assert_array_equal(response[:2], 0)
    for k in range(6):
        expected = np.ones(3) @ np.linalg.matrix_power(params.W_hh, k)
        np.testing.assert_allclose(response[2 + k], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "steps"),
    [([1, 0.5, 0.0005, 0], 1), ([1, 1, 1], 2), ([1, 0], 0), ([2, 0.002, 0.0019], 1)],
)
def test_steps_remembered(size, steps):
    assert forward_recurrence.steps_remembered(np.array(size)) == steps


def test_one_losss_way_back_is_its_gradient_by_each_state():
    rng = np.random.default_rng(0)
    params = init_params(rng, 3, 4, np.float64)
    x, target = rng.normal(size=(6, 3)), rng.normal(size=4)
    h = rnn_forward(params, x[None])[0]
    norms = backpropagation.passage(params, h, h[4] - target, 5, 2)
    for k, norm in zip((5, 4, 3, 2), norms, strict=True):  # h_k is h[k - 1]

        def loss_from(h_k, k=k):
            last = rnn_forward(params, x[None, k:5], h_k[None])[0, -1] if k < 5 else h_k
            return 0.5 * np.sum((last - target) ** 2)

        np.testing.assert_allclose(
            np.linalg.norm(finite_difference(loss_from, h[k - 1])), norm, rtol=1e-7
        )


def test_the_ledgers_sum_is_the_sweeps():
    figure = interactive.ledger()
    for losses, T, rho in itertools.product(backpropagation.LOSSES, (2, 7, 12), (0.1, 1.0, 2.5)):
        figure.set(losses=losses, T=T, rho=rho)
        added, swept = re.search(
            r"add up to (\S+); one backward sweep says (\S+)\.$", figure.picture.sentence
        ).groups()
        assert added == swept and not figure.picture.error
    figure.set(T=5, losses="last step only")
    for t, i, says in (
        (5, 2, "3 Jacobians"),
        (5, 5, "0 Jacobians"),
        (3, 2, "no loss at step 3"),
        (2, 4, "no term"),
        (6, 1, "no such step"),
    ):
        figure.set(t=t, i=i)
        assert says in figure.picture.sentence


def test_a_click_into_the_ledger_chooses_a_term():
    figure = interactive.ledger()
    table = figure.figure.axes[0]
    x, y = figure.figure.transFigure.inverted().transform(table.transData.transform((4.2, 7.8)))
    figure.click(x, y)
    assert (figure.values["t"], figure.values["i"]) == (8, 4)
    figure.click(0.5, 0.5)  # in the middle panel
    assert (figure.values["t"], figure.values["i"]) == (8, 4)


def test_products_of_jacobians_in_both_layouts():
    params = init_params(np.random.default_rng(0), 3, 4, np.float64)
    x = np.random.default_rng(1).normal(size=(5, 3))
    J = state_jacobians(params, rnn_forward(params, x[None])[0])
    numerator = backpropagation.products_by_lag(J, "numerator")
    np.testing.assert_array_equal(
        backpropagation.products_by_lag(J, "denominator"), numerator.swapaxes(1, 2)
    )
    mixed = backpropagation.products_by_lag(J, "mixed (wrong)")
    # Up to one factor there is no order.
    np.testing.assert_allclose(mixed[:2], numerator[:2], rtol=0, atol=1e-12)
    assert np.abs(mixed[2:] - numerator[2:]).max() > 0.01
    for lag in range(6):
        for a in range(4):

            def unit_after(h, a=a, lag=lag):
                return rnn_forward(params, x[None, 5 - lag :], h[None])[0, -1, a] if lag else h[a]

            before = rnn_forward(params, x[None, : 5 - lag])[0, -1] if lag < 5 else np.zeros(4)
            measured = finite_difference(unit_after, before)
            np.testing.assert_allclose(numerator[lag][a], measured, rtol=0, atol=1e-8)


def test_the_matrices_have_spectral_radius_1():
    for matrix in backpropagation.recurrent_matrices(8).values():
        np.testing.assert_allclose(np.abs(np.linalg.eigvals(matrix)).max(), 1, atol=1e-12)


@pytest.mark.parametrize(("w", "b"), [(1.0, 0.1), (0.7, 0.3), (1.1, 0.001), (0.9, -0.1)])
def test_the_gradient_at_the_cliff(w, b):
    loss, dw, db = backpropagation.cliff_gradient(w, b)
    params = RNNParams(np.zeros((1, 1)), np.array([[w]]), np.array([b]))
    x = np.zeros((1, backpropagation.CLIFF_STEPS, 1))
    h = rnn_forward(params, x, activation="relu")
    error = h[:, -1] - backpropagation.CLIFF_TARGET
    grads = rnn_backward(params, x, h, error, activation="relu")
    np.testing.assert_allclose(
        [loss, dw, db], [error[0, 0] ** 2 / 2, grads.W_hh[0, 0], grads.b[0]], rtol=1e-12
    )


def test_a_clipped_walk_takes_steps_of_the_norm_it_is_clipped_to():
    walk = backpropagation.walk_down(1.0, 0.1, 0.01, 1.0, 10)
    lengths = np.hypot(np.diff(walk.w), np.diff(walk.b))
    assert (walk.norm > 1).any() and (walk.norm < 1).any()
    np.testing.assert_allclose(lengths, 0.01 * np.minimum(walk.norm[:-1], 1), rtol=1e-9)
    free = backpropagation.walk_down(1.0, 0.1, 0.01, np.inf, 3)
    np.testing.assert_allclose(
        np.hypot(free.w[1] - 1.0, free.b[1] - 0.1), 0.01 * free.norm[0], rtol=1e-9
    )
    # Thrown to where the unit is off.
    assert (free.norm[1:] == 0).all() and (free.loss[1:] == 0.5).all()


@pytest.mark.parametrize(("b_f", "b_i"), [(1.0, -10.0), (7.0, -10.0), (7.0, 0.0)])
def test_the_latch_keeps_what_its_forget_gate_says(b_f, b_i):
    f = 1 / (1 + np.exp(-b_f))
    done = gates.run_latch(gates.latch_params(20, b_i, b_f), sd=0)
    np.testing.assert_allclose(done.kept, f ** (gates.STEPS - np.arange(1, gates.STEPS + 1)))
    assert f**done.half_life == pytest.approx(0.5)
    written = np.tanh(0.1 * gates.NUMBER) / (1 + np.exp(-20 - b_i))
    at = gates.WRITTEN_AT - 1
    np.testing.assert_allclose(done.c[at:], written * f ** np.arange(gates.STEPS - at), atol=1e-12)


def test_the_rank_of_a_unit_is_by_how_its_cell_moves_at_marks():
    plain = adding.start_gated(0, "LSTM", units=3)
    W_xh = plain.W_xh.copy()
    W_xh[1, 1], W_xh[1, 7] = 30, 30  # the second unit writes much where there is a mark
    assert gates.ranked_units(plain._replace(W_xh=W_xh), 40)[0] == 1


def test_what_is_said_of_a_sequence_is_what_the_latch_does():
    said = gates.gates_of_a_sequence().picture.sentence
    wanted, answered = map(float, re.findall(r"(?:wanted|answered) ([\d.]+\d)", said))
    assert abs(wanted - answered) < 0.05 and "i is 1.00 and 1.00 at the marks and 0.00" in said

"""The exercises: right answers pass in any style, wrong ones are named truly or not at all."""

import random
import re
from dataclasses import FrozenInstanceError, fields

from helpers.models import NetworkParams
from helpers.numpy_rnn import RNNParams, rnn_step
from helpers.teaching import exercises
from helpers.teaching.exercises import engine
from helpers.teaching.exercises.compare import DIAGNOSES
from helpers.teaching.exercises.engine import (
    NOT_ATTEMPTED,
    RECOGNISED,
    RIGHT,
    WRONG,
    Exercise,
    edited,
)
from tools import solutions
from tools.notebooks import CHAPTERS, WORKSHOPS, dumps, read

import numpy as np
import pandas as pd
import pytest

ALL = {name: value for name, value in vars(exercises).items() if isinstance(value, Exercise)}
FUNCTIONS = [name for name in ALL if ALL[name].wants_function]
WRITTEN = [*CHAPTERS, *WORKSHOPS]
MISTAKES = [(name, mistake) for name in ALL for mistake in ALL[name].misconceptions]


def text_of(feedback):
    return feedback._repr_mimebundle_()["text/plain"]


def global_state():
    return repr((random.getstate(), np.random.get_state(), np.geterr()))  # noqa: NPY002


@pytest.mark.parametrize("name", ALL)
def test_the_solution_passes_and_nothing_changes_in_the_notebook(name):
    answer = ALL[name].right_answer
    before = global_state()
    feedback = ALL[name].examine(answer)
    assert feedback.kind == RIGHT, text_of(feedback)
    assert global_state() == before


@pytest.mark.parametrize(
    ("name", "mistake"), MISTAKES, ids=[f"{name}: {m.name}" for name, m in MISTAKES]
)
def test_each_mistake_is_recognised_under_its_own_name(name, mistake):
    wrong = mistake.wrong if ALL[name].wants_function else mistake.wrong()
    feedback = ALL[name].examine(wrong)
    assert feedback.kind == RECOGNISED, text_of(feedback)
    assert feedback.headline.endswith(f": {mistake.name}.")


@pytest.mark.parametrize("name", ALL)
def test_a_stub_is_not_an_attempt(name):
    exercise = ALL[name]
    assert exercise.examine(...).kind == NOT_ATTEMPTED
    if exercise.wants_function:
        assert exercise.examine(lambda *args: ...).kind == NOT_ATTEMPTED


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("nonsense", [None, np.zeros((7, 7, 7, 7)), "x"], ids=["None", "0", "x"])
def test_nonsense_gets_a_plain_sentence(name, nonsense):
    exercise = ALL[name]
    feedback = exercise.examine((lambda *args: nonsense) if exercise.wants_function else nonsense)
    assert feedback.kind == WRONG
    if exercise.wants_function and nonsense is None and not exercise.ask:
        assert "returned nothing" in feedback.headline and "`return`" in text_of(feedback)
        assert all(f"`{part}`" in text_of(feedback) for part in exercise.returns)


@pytest.mark.parametrize("name", ALL)
def test_what_an_exercise_says(name, monkeypatch):
    exercise = ALL[name]
    assert exercise.name == name
    assert len(exercise.hints) >= 2 and len(exercise.misconceptions) >= 2
    assert len({mistake.name for mistake in exercise.misconceptions}) == len(
        exercise.misconceptions
    )
    for mistake in exercise.misconceptions:
        assert len(mistake.says) > 80 and mistake.says.endswith((".", "?"))
        assert not mistake.name.endswith(".") and re.match(r"section \d+", mistake.reread)
    shown = []
    monkeypatch.setattr(engine, "display", shown.append)
    exercise.hint()
    exercise.solution()
    hints, solution = shown
    assert [text for _, text in hints.parts] == list(exercise.hints) and not hints.code
    ((_, source),) = solution.parts
    assert solution.code and re.search(rf"^(def )?{name}\b", source, re.MULTILINE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_answer_that_spoils_what_it_is_given_spoils_nothing_for_the_next(name):
    def spoils(*args):
        result = ALL[name].answer(*args)
        for each in args:
            for array in each if isinstance(each, tuple | list) else [each]:
                if isinstance(array, np.ndarray):
                    array[...] = 0
        return result

    ALL[name].examine(spoils)
    assert ALL[name].examine(ALL[name].right_answer).kind == RIGHT


# General diagnoses


def shifted(e, axes, by):
    moved = np.roll(e, by, axes.index("T"))
    np.moveaxis(moved, axes.index("T"), 0)[0 if by > 0 else -1] = 0.1
    return moved


SPOILT = {
    "every sign is turned": lambda e, axes, sizes: -1 * e,
    "the axes are in another order": lambda e, axes, sizes: np.swapaxes(e, 0, -1),
    "the order of time is reversed": lambda e, axes, sizes: np.flip(e, axes.index("T")),
    "one step late": lambda e, axes, sizes: shifted(e, axes, 1),
    "one step early": lambda e, axes, sizes: shifted(e, axes, -1),
    "only the first step": lambda e, axes, sizes: np.take(e, 0, axes.index("T")),
    "only the last step": lambda e, axes, sizes: np.take(e, -1, axes.index("T")),
    "twice as large as it should be": lambda e, axes, sizes: 2 * e,
    "half as large as it should be": lambda e, axes, sizes: e / 2,
    "too large by the number of samples": lambda e, axes, sizes: e * sizes["B"],
    "too small by the number of samples": lambda e, axes, sizes: e / sizes["B"],
    "too large by the number of time steps": lambda e, axes, sizes: e * sizes["T"],
    "too small by the number of time steps": lambda e, axes, sizes: e / sizes["T"],
    "the right numbers in another shape": lambda e, axes, sizes: e.reshape(1, -1),
    "nothing that has a name": lambda e, axes, sizes: e * 1.01 + 0.017,
}
COMBINATIONS = [
    (name, what)
    for name in FUNCTIONS
    for what in SPOILT
    if {*ALL[name].axes} & {*ALL[name].returns}
    if ("step" not in what and "time" not in what) or "T" in "".join(ALL[name].axes.values())
    if "sample" not in what or "B" in "".join(ALL[name].axes.values())
]


def test_every_general_diagnosis_is_tried():
    assert [*SPOILT][:-1] == [what for what, _, _ in DIAGNOSES]


@pytest.mark.parametrize(("name", "what"), COMBINATIONS)
def test_a_general_diagnosis_is_true(name, what):
    """An answer spoilt in this way is called so, or by a misconception of the exercise's own."""
    exercise = ALL[name]

    def spoilt(*args):
        right = exercise.answer(*args)
        parts = {exercise.returns[0]: right} if exercise.ask else exercise._parts(right)
        sizes = exercise._sizes(args, parts)
        for part in {*parts} & {*exercise.axes}:
            letters = exercise.axes[part].split()
            parts[part] = SPOILT[what](np.asarray(parts[part]), letters, sizes)
        return parts if len(parts) > 1 else next(iter(parts.values()))

    rng = np.random.default_rng(0)
    try:
        spoilt(*exercise.cases(rng)[: len(exercise._takes())])
    except (ValueError, IndexError):  # no time among this result's axes, no second axis, …
        return
    feedback = exercise.examine(spoilt)
    named = [what, *(mistake.name for mistake in exercise.misconceptions)]
    if what == "nothing that has a name":
        assert feedback.kind == WRONG
    else:
        assert feedback.kind == RECOGNISED, text_of(feedback)
        assert feedback.headline.endswith(tuple(f": {each}." for each in named))


# Answers of another style, right and wrong


def unrolled_by_keras(cell, x):
    from keras import layers

    return layers.RNN(cell, return_sequences=True)(x)


def with_own_zeros(cell, x):
    import tensorflow as tf

    h, outputs = tf.zeros((len(x), cell.units)), []
    for t in range(x.shape[1]):
        out, (h,) = cell(x[:, t], (h,))
        outputs.append(out.numpy())
    return np.array(outputs).transpose(1, 0, 2)


def masked_in_numpy(cell, x, mask):
    h = np.zeros((len(x), cell.units), "float32")
    states = np.zeros((*x.shape[:2], cell.units))
    for t in range(x.shape[1]):
        new = cell(x[:, t], [h])[1][0].numpy()
        h = states[:, t] = np.where(mask[:, t, None], new, h)
    return states


def shapes_as_tensorflow_says():
    import tensorflow as tf

    return {
        name: tf.TensorShape(shape) if isinstance(shape[0], int) else [list(s) for s in shape]
        for name, shape in ALL["predict_shapes"].right_answer.items()
    }


def in_pieces(layer, x, size):
    import tensorflow as tf

    outputs, states = [], [tf.zeros((len(x), layer.units))] * 2
    for piece in np.split(x, range(size, x.shape[1], size), axis=1):
        out, h, c = layer(piece, initial_state=states)
        states = [h, c]
        outputs.append(out)
    return tf.concat(outputs, axis=1)


def leaky_by_inheritance():
    import keras

    class Leaky(keras.layers.SimpleRNNCell):
        def __init__(self, units, a, **options):
            super().__init__(units, **options)
            self.a = a

        def call(self, x_t, states, training=False):
            out, _ = super().call(x_t, states, training)
            out = states[0] + self.a * (out - states[0])
            return out, [out]

        def get_config(self):
            return {**super().get_config(), "a": self.a}

    return Leaky


def skips(W_hh, U, h, dh):
    B, steps, H = h.shape
    dz, grads = np.zeros((B, steps + 2, H)), [np.zeros((H, H)), np.zeros((H, H))]
    for t in range(1, steps)[::-1]:
        dz[:, t] = dh[:, t] + dz[:, t + 1] @ W_hh.T + dz[:, t + 2] @ U.T
        dz[:, t] *= 1 - h[:, t] ** 2
        for lag in (1, 2)[:t]:
            grads[lag - 1] += np.einsum("bi,bj->ij", h[:, t - lag], dz[:, t])
    return tuple(grads)


def stops(losses, patience):
    best = waited = last = 0
    for last in range(1, len(losses)):
        if losses[last] < losses[best]:
            best, waited = last, 0
        else:
            waited += 1
        if waited == patience:
            break
    return last, best


def states(p, x, starts, h=0.0):
    """Packed samples in a beginner's words, to be spoilt."""
    h, kept = np.full((len(x), len(p.b)), h), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ p.W_xh + (h * ~starts[:, t, None]) @ p.W_hh + p.b)
        kept.append(h)
    return np.stack(kept, axis=1)


def three_units():
    """A memory of another kind: the third unit is idle, and off is a level of its own."""
    W_hh = np.diag([3.0, 3.0, 0.0])
    return NetworkParams(
        np.array([[6.0, -6.0, 0.0], [-6.0, -6.0, 1.0]]),
        W_hh,
        np.zeros(3),
        np.array([[4.0], [-4.0], [0.0]]),
        np.zeros(1),
    )


COUNTS = ALL["count_parameters"].answer


def ends_one_by_one(present, border, past, ahead):
    return [
        t
        for t in range(past - 1, border - ahead)
        if all(present[t + k] for k in range(1, ahead + 1))
    ]


def level_of_like_days(past, working):
    """The mean of the like days, hour by hour, and where there is none the mean of the week."""
    usual = np.nanmean(past.reshape(7, 24), axis=0)
    alike = [
        [past[24 * d + h] for d in range(7) if working[24 * d + h] == working[168 + h]]
        for h in range(24)
    ]
    known = [[count for count in counts if count == count] for counts in alike]
    return [np.mean(counts) if counts else usual[h] for h, counts in enumerate(known)]


def cheapest_by_trying(counts, short, spare):
    costs = [
        np.mean(np.where(counts > n, short * (counts - n), spare * (n - counts))) for n in counts
    ]
    return counts[np.argmin(costs)]


def word_gradient_by_keras(W_xh, W_hh, h, dh):
    """Automatic differentiation, with the inputs and biases that lead to these states."""
    import tensorflow as tf

    h_prev = np.vstack([0 * h[:1], h[:-1]])
    x = tf.Variable(np.zeros((len(h), len(W_xh))))
    with tf.GradientTape() as tape:
        h_t, loss = tf.zeros((1, len(W_hh)), "float64"), 0.0
        for t in range(len(h)):
            bias = np.arctanh(h[t]) - h_prev[t] @ W_hh
            h_t = tf.tanh(x[t : t + 1] @ W_xh + h_t @ W_hh + bias)
            loss += tf.reduce_sum(h_t * dh[t])
    return tape.gradient(loss, x).numpy()


RIGHT_STYLES = [
    ("half_life", lambda n: np.exp(np.log(0.5) / n)),
    ("packed_forward", lambda p, x, starts: states(p, x, starts).tolist()),
    ("packed_forward", lambda p, x, starts: list(states(p, x, starts))),
    ("packed_forward", lambda p, x, starts: np.array(states(p, x, starts), np.float32, order="F")),
    ("hold_and_release", three_units()),
    ("partner", lambda x, k: [*(1 - x[: len(x) - k][:1]), *x[1:]]),
    ("partner", lambda x, k: np.where(np.arange(len(x)) == len(x) - k - 1, 1 - x, x)),
    (
        "fool_the_window",
        lambda k: (
            k * [0] + [2] + k * [0] + [1] + k * [0],
            k * [0] + [1] + k * [0] + [2] + k * [0],
        ),
    ),
    ("fool_the_window", lambda k: np.array(ALL["fool_the_window"].answer(k)).tolist()),
    ("skip_sweep", skips),
    ("skip_sweep", lambda *a: list(skips(*a))),
    ("skip_sweep", lambda *a: dict(zip(("dU", "dW_hh"), skips(*a)[::-1], strict=True))),
    ("skip_sweep", lambda *a: [g.astype(np.float32) for g in skips(*a)]),
    (
        "remaining_terms",
        lambda T, losses, frozen: [
            [t in losses and i <= t and i != frozen for i in range(1, T + 1)]
            for t in range(1, T + 1)
        ],
    ),
    ("growing_matrix", np.array([[-0.97, 0.0], [3.0, -0.97]])),
    ("choose_the_cure", {"C": "go on", "B": "clip the gradient", "A": "open a path back"}),
    ("count_parameters", lambda *a: np.array(COUNTS(*a))),
    ("count_parameters", lambda *a: [float(n) for n in COUNTS(*a)]),
    ("early_stopping", stops),
    ("early_stopping", lambda *a: np.array(stops(*a))),
    ("early_stopping", lambda *a: {"best": np.int64(stops(*a)[1]), "last": stops(*a)[0]}),
    ("unroll_cell", unrolled_by_keras),
    ("unroll_cell", with_own_zeros),
    ("masked_cell", masked_in_numpy),
    ("predict_shapes", shapes_as_tensorflow_says),
    ("keep_the_mask", lambda e, gru, tokens: gru(2 * e(tokens)[:, 1:], mask=tokens[:, 1:] > 0)),
    ("in_chunks", in_pieces),
    ("leaky_cell", leaky_by_inheritance),
    ("order_control", lambda rng, sentences, labels: ([sorted(s) for s in sentences], labels)),
    ("window_ends", ends_one_by_one),
    ("honest", lambda counts: pd.Series(counts).rolling(25, min_periods=1).mean().to_numpy()),
    ("honest", lambda counts: pd.Series(counts).rolling(25, min_periods=1).mean()),
    ("own_baseline", level_of_like_days),
    ("stock", cheapest_by_trying),
    ("word_gradient", word_gradient_by_keras),
    ("season", lambda hours: np.abs(hours.day_of_year - 172)),
    ("season", lambda hours: list(np.sin(2 * np.pi * (hours.day_of_year + 101) / 365))),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT_STYLES, ids=range(len(RIGHT_STYLES)))
def test_a_right_answer_of_another_style_passes(name, answer):
    answer = answer() if name in ("predict_shapes", "leaky_cell") else answer
    feedback = ALL[name].examine(answer)
    assert feedback.kind == RIGHT, text_of(feedback)


def stops_but(losses, patience, wrong):
    last, best = stops(losses, patience)
    return wrong(last, best, len(losses), patience)


NAMED = "this is what happened: "
WRONG_STYLES = [  # (exercise, answer, what the headline must say)
    ("half_life", lambda n: 2 ** (-n), NAMED + "what is left after n steps"),
    ("half_life", lambda n: 0.5, "`ρ` is not right."),
    ("packed_forward", lambda *a: -states(*a), NAMED + "`h`: every sign is turned"),
    ("packed_forward", lambda *a: states(*a)[:, ::-1], NAMED + "`h`: the order of time"),
    ("packed_forward", lambda p, x, s: states(p, x, s & False), NAMED + "the state is never set"),
    ("packed_forward", lambda p, x, s: states(p, x, ~s), NAMED + "the rows that begin keep"),
    ("packed_forward", lambda *a: states(*a)[:, 0], NAMED + "`h`: only the first step"),
    ("packed_forward", lambda *a: states(*a)[:, -1], NAMED + "`h`: only the last step"),
    ("packed_forward", lambda *a: states(*a).swapaxes(0, 1), NAMED + "`h`: the axes are in"),
    ("packed_forward", lambda *a: states(*a).swapaxes(1, 2), NAMED + "`h`: the axes are in"),
    ("packed_forward", lambda *a: states(*a).reshape(-1, a[1].shape[-1]), NAMED + "`h`: the right"),
    ("packed_forward", lambda *a: states(*a) / 2, NAMED + "`h`: half as large"),
    ("packed_forward", lambda *a: states(*a).round(2), "`h` is not right."),
    ("packed_forward", lambda *a: print(end=""), "Your function returned nothing."),
    ("packed_forward", lambda p, x, s: states(p, x[:, :-1], s), "`h` has the wrong shape."),
    ("packed_forward", lambda *a: states(*a) * np.nan, "`h` is not finite."),
    ("packed_forward", lambda *a: states(*a).astype(str), "`h` should hold numbers."),
    ("packed_forward", lambda *a: [[1.0], [1.0, 2.0]], "`h` should hold numbers."),
    ("packed_forward", lambda p, x, s: states(p, x[0], s), "stopped with a"),
    ("packed_forward", lambda p, x: p, "stopped with a TypeError."),
    ("hold_and_release", [1, 2, 3], "stopped with a ValueError."),
    ("hold_and_release", three_units()._replace(b_o=np.ones(1)), "is not right."),
    ("partner", lambda x, k: x[::-1], NAMED + "the order is reversed"),
    ("partner", lambda x, k: 2 * x, "stopped with a ValueError."),
    ("partner", lambda x, k: x[1:], "stopped with a ValueError."),
    ("fool_the_window", lambda k: ([1, 2], [2, 1]), "`windows at the start` is not right."),
    (
        "fool_the_window",
        lambda k: ([1, *k * [0], 2], [2, *k * [0], 1]),
        "at the start` is not right",
    ),
    ("fool_the_window", lambda k: ([1, 1], [2]), "stopped with a ValueError."),
    ("fool_the_window", lambda k: [1, 2], "stopped with a TypeError."),
    ("skip_sweep", lambda *a: skips(*a)[::-1], NAMED + "the results came in another order"),
    ("skip_sweep", lambda *a: [-g for g in skips(*a)], ": every sign is turned"),
    ("skip_sweep", lambda *a: [2 * g for g in skips(*a)], ": twice as large"),
    ("skip_sweep", lambda *a: (skips(*a)[0], -skips(*a)[1]), NAMED + "`dU`: every sign"),
    ("skip_sweep", lambda *a: [g * len(a[2]) for g in skips(*a)], ": too large by the number of s"),
    ("skip_sweep", lambda *a: [g.T for g in skips(*a)], ": the axes are in another order"),
    ("skip_sweep", lambda *a: skips(*a)[0][:1], "2 results were asked for:"),
    ("skip_sweep", lambda *a: (*skips(*a), 0), "2 results were asked for:"),
    ("skip_sweep", lambda *a: None, "Your function returned nothing."),
    ("growing_matrix", [[0.5, 1.0], [0.0, 0.5]], NAMED + "the hump is too low"),
    ("growing_matrix", [1, 2, 3], "stopped with a ValueError."),
    ("choose_the_cure", {"A": "pray", "B": "go on", "C": "go on"}, "stopped with a ValueError."),
    ("choose_the_cure", {"A": "go on", "B": "go on", "C": "go on"}, "`A` is not right."),
    ("count_parameters", lambda *a: COUNTS(*a)[::-1], NAMED + "the results came in another order"),
    ("count_parameters", lambda *a: [str(n) for n in COUNTS(*a)], "`flatten` should hold numbers."),
    ("count_parameters", lambda *a: [n + 1 for n in COUNTS(*a)], "`flatten` is not right."),
    ("early_stopping", lambda *a: stops_but(*a, lambda n, b, e, p: (b, n)), "in another order"),
    (
        "early_stopping",
        lambda *a: stops_but(*a, lambda n, b, e, p: (b + p, b)),
        "`last` is not right.",
    ),
    (
        "early_stopping",
        lambda *a: stops_but(*a, lambda n, b, e, p: (n + 1, b)),
        "`last` is not right.",
    ),
    (
        "unroll_cell",
        lambda cell, x: 2 * unrolled_by_keras(cell, x),
        NAMED + "the states are collected",
    ),
    (
        "unroll_cell",
        lambda cell, x: unrolled_by_keras(cell, x)[:, ::-1],
        "the order of time is rev",
    ),
    ("masked_cell", lambda cell, x, mask: masked_in_numpy(cell, x, ~mask), NAMED),
    ("masked_cell", lambda cell, x, mask: unrolled_by_keras(cell, x) * 2, NAMED),
    (
        "keep_the_mask",
        lambda e, gru, tokens: gru(e(tokens)[:, 1:], mask=tokens[:, 1:] > 0),
        "`states` is not right.",
    ),
    ("keep_the_mask", lambda e, gru, tokens: gru(tokens), "stopped with a ValueError."),
    ("in_chunks", lambda *a: in_pieces(*a)[:, ::-1], NAMED + "`outputs`: the order of time"),
    ("in_chunks", lambda layer, x, size: layer(x)[1], NAMED + "`outputs`: only the last step"),
    ("window_ends", lambda p, b, *a: ends_one_by_one(p, b - 1, *a), "the last window is missing"),
    ("window_ends", lambda *a: [t + 1 for t in ends_one_by_one(*a)], "`t` is not right."),
    ("honest", lambda counts: counts, "`level` is not right."),
    ("honest", lambda counts: pd.Series(counts).bfill().rolling(25).mean(), "looks ahead` is not"),
    ("own_baseline", lambda past, working: past.mean(), "`forecast` is not right."),
    ("own_baseline", lambda past, working: np.zeros(24), "`error` is not right."),
    ("word_gradient", lambda *a: -ALL["word_gradient"].answer(*a), NAMED + "`dx`: every sign"),
    ("word_gradient", lambda *a: ALL["word_gradient"].answer(*a)[0], "`dx`: only the first step"),
    ("stock", lambda counts, short, spare: 0, "`mean cost` is not right."),
    ("season", lambda hours: hours.day_of_year % 30, NAMED + "winter has the numbers of summer"),
    ("leaky_cell", 7, "Trying your answer out stopped with a TypeError."),
    ("order_control", lambda rng, sentences, labels: (sentences, labels), "`neighbours` is not"),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG_STYLES, ids=range(len(WRONG_STYLES)))
def test_a_wrong_answer_is_named_truly_or_described(name, answer, says):
    feedback = ALL[name].examine(answer)
    assert feedback.kind == (RECOGNISED if NAMED in feedback.headline else WRONG)
    assert says in feedback.headline, text_of(feedback)


# In the notebooks


def code_cells(path):
    return [cell.source for cell in read(path).cells if cell.cell_type == "code"]


def named_in(path):
    return re.findall(r"exercises\.(\w+)\.check\(", "\n".join(code_cells(path)))


def test_every_exercise_stands_in_one_notebook():
    where = {path.stem: named_in(path) for path in WRITTEN}
    assert sorted(name for names in where.values() for name in names) == sorted(ALL)
    assert all(len(where[path.stem]) >= 3 for path in CHAPTERS[1:]), where
    assert len(where[CHAPTERS[0].stem]) == 1  # the half hour
    assert sorted(exercises.__all__) == sorted(ALL)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_what_to_read_again_exists(path):
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    sections = set(re.findall(r"^## (\d+) ·", text, re.MULTILINE))
    numbers = set(re.findall(r"\\tag\{(\d)\}", text))
    for name in named_in(path):
        for reread in (mistake.reread for mistake in ALL[name].misconceptions):
            assert re.match(r"section (\d+)", reread)[1] in sections, (name, reread)
            assert set(re.findall(r"equation \((\d)\)", reread)) <= numbers, (name, reread)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_a_cell_with_its_stub_and_then_with_its_solution(path, monkeypatch):
    shown = []
    monkeypatch.setattr(engine, "display", shown.append)
    names = {"__name__": "__main__"}
    exec(code_cells(path)[0], names)  # the imports, and nothing else, are needed
    stubs = [cell.source for cell in read(path).cells if solutions.exercise_in(cell)]
    filled = solutions.filled(read(path))
    solved = [cell.source for cell in filled.cells if solutions.exercise_in(cell)]
    for stub, solution in zip(stubs, solved, strict=True):
        exec(stub, dict(names))
        exec(solution, dict(names))
    assert [feedback.kind for feedback in shown] == [NOT_ATTEMPTED, RIGHT] * len(named_in(path))
    below = [cell.source for cell in filled.cells if cell.id.endswith("-mistakes")]
    for name, text in zip(named_in(path), below, strict=True):
        assert all(known.says in text for known in getattr(exercises, name).misconceptions)


@pytest.mark.stress
@pytest.mark.parametrize("path", CHAPTERS)
def test_run_all_with_every_solution(path, tmp_path, capsys):
    assert solutions.main(str(tmp_path), str(path)) == 0
    assert "every check passes" in capsys.readouterr().out


def test_a_solution_that_is_not_right_is_named(tmp_path, capsys, monkeypatch):
    chapter = read(CHAPTERS[2])
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    chapter.cells = [code[0], next(c for c in code if solutions.exercise_in(c) == "half_life")]
    (tmp_path / "short.ipynb").write_text(dumps(chapter), encoding="utf-8")
    monkeypatch.setattr(Exercise, "source", "def half_life(n):\n    return 0")
    assert solutions.main(str(tmp_path / "filled"), str(tmp_path / "short.ipynb")) == 1
    assert "half_life not right" in capsys.readouterr().out

    written = tmp_path / "filled" / "short.ipynb"
    written.write_text("changed by a teacher")
    with pytest.raises(SystemExit, match="there already, and perhaps with changes of yours"):
        solutions.main(str(tmp_path / "filled"), str(tmp_path / "short.ipynb"))
    assert written.read_text() == "changed by a teacher"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_quizzes_answer_every_option(path):
    cells = read(path).cells
    quizzes = [  # its options may stand in a cell of their own, which is on no slide
        "\n\n".join(c.source for c in cells[n : n + 1 if "<details>" in cell.source else n + 2])
        for n, cell in enumerate(cells)
        if cell.cell_type == "markdown" and "**Quick quiz" in cell.source
    ]
    assert len(quizzes) >= 2
    option = re.compile(r"<details><summary>(.+?)</summary>\n\n(.+?)\n\n</details>", re.DOTALL)
    for quiz in quizzes:
        answers = [answer for _, answer in option.findall(quiz)]
        assert len(answers) >= 3 and quiz.count("<details>") == len(answers), quiz
        assert sum(answer.startswith("**Right.**") for answer in answers) == 1, quiz
        for answer in answers:
            assert answer.startswith(("**Right.**", "**No.**")) and len(answer) > 60, quiz


# The engine


def small(answer, returns=("it",), **more):
    """Return an exercise of the tests' own."""
    return Exercise("small", answer, returns, "it", (), (), **more)


def one_step(rng):
    """Draw the arguments of `rnn_step`, for two samples and five units."""
    params = RNNParams(*(rng.normal(size=shape) for shape in ((5, 5), (5, 5), (5,))))
    return params, rng.normal(size=(2, 5)), rng.normal(size=(2, 5))


def examine(answer):
    exercise = small(
        lambda params, x_t, h_prev: rnn_step(params, x_t, h_prev), ("h_t",), cases=one_step
    )
    return exercise.examine(answer)


def test_an_exception_is_told_with_its_line_and_shapes():
    def wrong(params, x_t, h_prev):
        return x_t @ h_prev

    told = text_of(examine(wrong)).splitlines()
    assert told[0] == "✗ Your function stopped with a ValueError."
    assert told[1].startswith("It said: ")
    assert "That was in line 2: `return x_t @ h_prev`" in told
    shapes = "W_xh (5, 5), W_hh (5, 5), b (5,), x_t (2, 5), h_prev (2, 5)."
    assert told[-1] == f"The shapes that came in: {shapes}"


def test_the_line_is_the_readers_own():
    def calls(params, x_t, h_prev):
        return rnn_step(params, x_t, h_prev[:1, :1])

    assert "line 2: `return rnn_step(params, x_t, h_prev[:1, :1])`" in text_of(examine(calls))


def test_what_tensorflow_and_keras_wrap_around_a_message_is_left_out():
    import tensorflow as tf

    def wrong(params, x_t, h_prev):
        raise ValueError(
            "Exception encountered when calling Cell.call().\n\n\x1b[1msizes differ\x1b[0m"
            "\n\nArguments received by Cell"
        )

    assert "It said: sizes differ\n" in text_of(examine(wrong))
    told = text_of(examine(lambda params, x_t, h_prev: tf.constant(x_t) + tf.ones((7, 7))))
    assert "stopped with an InvalidArgumentError." in told and "function_node" not in told


def test_an_endless_loop_is_stopped_like_any_other_cell():
    def interrupted(*args):
        raise KeyboardInterrupt  # what ■ does

    with pytest.raises(KeyboardInterrupt):
        examine(interrupted)


def test_changing_an_argument_is_noticed_also_inside_the_weights_and_a_dictionary():
    def changes_h(params, x_t, h_prev):
        h_prev += 1
        return rnn_step(params, x_t, h_prev)

    def changes_b(params, x_t, h_prev):
        params.b[0] = 0
        return rnn_step(params, x_t, h_prev)

    def changes_d(d):
        d["a"] += 1
        return d["a"]

    assert "changed its argument `h_prev`" in text_of(examine(changes_h))
    assert "changed its argument `params`" in text_of(examine(changes_b))
    plus_one = small(lambda d: d["a"] + 1, cases=lambda rng: ({"a": rng.normal(size=3)},))
    assert plus_one.examine(lambda d: d["a"] + 1).kind == RIGHT
    assert "changed its argument `d`" in text_of(plus_one.examine(changes_d))


def test_what_the_notebook_adds_to_an_answer_is_given_to_the_question(monkeypatch):
    shown = []
    monkeypatch.setattr(engine, "display", shown.append)
    scaled = small(lambda a: a, cases=lambda rng: (2.0,), ask=lambda f, a, factor: f(a=a) * factor)
    scaled.check(lambda a: a, 3.0)
    scaled.check(lambda a: a + 1, 3.0)
    assert [text_of(feedback) for feedback in shown] == [
        "✓ Right: it, on 6 random cases.",
        "✗ `it` is not right.\nExpected 6, got 9.",
    ]


A, C = np.ones(3), np.array([[1.0, 2.0], [0.0, 0.0]])
RESULTS = [  # (right, handed in, what is said unless it is right)
    (7, 7.0, None),
    (7, np.array(7), None),
    (7, [7], "`it` has the wrong shape.\nExpected (), got (1,)."),
    (7, None, "`it` is None.\nWas it computed, and returned?"),
    (1, True, "`it` should be a whole number.\nGot True."),
    (7.5, True, "`it` should be a number.\nGot True."),
    (7, 1j, "`it` should hold numbers.\nA value of type complex came."),
    (7, "7", "`it` should hold numbers.\nA value of type str came."),
    (1e9, 1e9 + 500, None),
    (1e9, 1e9 + 2000, "`it` is not right.\nExpected 1e+09, got 1.000002e+09."),
    (0.0, 1e-6, None),
    (0.0, 2e-6, "`it` is not right.\nExpected 0, got 2e-06."),
    (0.0, np.float32(2e-6), None),
    (0.0, np.float32(2e-4), "`it` is not right.\nExpected 0, got 0.0002."),
    (True, np.True_, None),
    (True, 1, None),
    (True, 0, "`it` is not right.\nExpected 1, got 0."),
    (True, 1.0, "`it` should be True or False.\nGot 1.0."),
    (None, 0, "`it` is not right.\nExpected None, got 0."),
    ("no", "yes", "`it` is not right.\nExpected 'no', got 'yes'."),
    (A, [1, 1, 1], None),
    (A, np.ones(2), "`it` has the wrong shape.\nExpected (3,), got (2,)."),
    (A, np.array([1, -np.inf, np.nan]), "`it` is not finite.\nThe entry [1] is -inf."),
    (A, np.array(["x"] * 3), "`it` should hold numbers.\nA value of type ndarray came."),
    (A.astype(int), A, "`it` should hold whole numbers.\nIts dtype is float64."),
    (A.astype(int), A.astype(np.uint8), None),
    (A > 0, [True, True, True], None),
    (A > 0, [1, 1, 1], "`it` should hold True and False.\nIts dtype is int64."),
    (C, C.T, "`it` is not right.\n2 of 4 entries differ. The first is [0, 1]: expected 2, got 0."),
    ((A, "no"), [A, "no"], None),
    ((2, 3), np.array([2, 3]), None),
    ((1, (2, 3)), (1, (2, 4)), "`it[1][1]` is not right.\nExpected 3, got 4."),
    ((1, 2), (1,), "`it` should have 2 entries.\nGot 1."),
    ((1, 2), 3, "`it` should have 2 entries.\nA value of type int came."),
]


@pytest.mark.parametrize(("right", "answer", "says"), RESULTS, ids=range(len(RESULTS)))
def test_what_is_said_of_a_result(right, answer, says):
    feedback = small(lambda: right, ask=lambda value: value).examine(answer)
    assert text_of(feedback) == ("✓ Right: it." if says is None else f"✗ {says}")


def test_the_result_that_is_told_is_the_one_that_was_wrong():
    clip = exercises.clip_by_norm

    def without_norm(grads, max_norm):
        right = clip.answer(grads, max_norm)
        return right if right[1] > max_norm else grads

    told = text_of(clip.examine(without_norm))
    assert "asked for: `grads`, `norm`.\nGot " in told and "Params with " in told
    assert "came in another order" in text_of(clip.examine(lambda g, m: clip.answer(g, m)[::-1]))
    told = text_of(clip.examine(lambda g, m: clip.answer(g, m)[1]))
    assert told.endswith("asked for: `grads`, `norm`.\nGot float64.")
    told = text_of(clip.examine(lambda g, m: (list(clip.answer(g, m)[0]), clip.answer(g, m)[1])))
    assert told.startswith("✗ `grads` should be ") and "type list came" in told


def test_a_last_case_stops_what_fitted_by_chance():
    def zeros_of_the_wrong_width(params, x, starts):
        h_t, h = np.zeros((len(x), x.shape[-1])), []
        for t in range(x.shape[1]):
            h_t = rnn_step(params, x[:, t], np.where(starts[:, t, None], 0, h_t))
            h.append(h_t)
        return np.stack(h, axis=1)

    told = text_of(exercises.packed_forward.examine(zeros_of_the_wrong_width))
    assert "stopped with a ValueError" in told and "x (" in told


def test_whole_numbers_that_came_in_are_told():
    total = small(lambda T, k: T + k, cases=lambda rng: (3, 4))
    assert text_of(total.examine(lambda T, k: T - k)).endswith("got -1. That was for T = 3, k = 4.")


def test_a_wrong_value_is_not_told_the_right_one():
    assert text_of(small(lambda: 7).examine(6)) == "✗ `it` is not right."
    assert text_of(small(lambda: 7, ask=lambda value: value).examine(6)).endswith("got 6.")


@pytest.mark.parametrize("wrong_in", range(engine.CASES))
def test_no_case_is_left_out(wrong_in):
    seen = []

    def answer(a):
        seen.append(a)
        return 8 if len(seen) == wrong_in + 1 else 7

    seven = small(lambda a: 7, cases=lambda rng: ([rng.normal(size=3)],))
    assert text_of(seven.examine(answer)) == "✗ `it` is not right.\nExpected 7, got 8."


def test_two_diagnoses_that_cannot_be_told_apart_are_not_given():
    always_two = small(
        lambda x: x * 1.0,
        cases=lambda rng: (rng.normal(size=(2, 3)),),
        axes={"x": "B T", "it": "B T"},
    )
    assert "is not right" in always_two.examine(lambda x: 2 * x).headline
    assert "number of time steps" in always_two.examine(lambda x: 3 * x).headline


def test_numpy_warns_of_nothing_and_a_check_is_the_same_each_time():
    def overflows(params, x_t, h_prev):
        return np.exp(h_prev + 1e6)

    assert examine(overflows).headline == "`h_t` is not finite."
    assert text_of(examine(overflows)) == text_of(examine(overflows))


@pytest.mark.parametrize(
    ("kind", "mark"), [(NOT_ATTEMPTED, "○"), (RIGHT, "✓"), (RECOGNISED, "✗"), (WRONG, "✗")]
)
def test_feedback_is_text_and_safe_html_in_the_colours_of_the_page(kind, mark):
    feedback = engine.Feedback(kind, "`a < b` & c", ("it's ` <script>", "y " * 60))
    bundle = feedback._repr_mimebundle_()
    assert re.search(r"solid var\(--jp-[a-z]+-color\d, #[0-9a-f]{6}\);", bundle["text/html"])
    text, page = bundle["text/plain"], re.sub(r" style='[^']*'", "", bundle["text/html"])
    assert text == f"{mark} `a < b` & c\nit's ` <script>\n{'y ' * 54}y\n  y y y y y"
    assert page == (
        f"<div role='status'><strong>{mark} <code>a &lt; b</code> &amp; c</strong>"
        f"<p>it's ` &lt;script&gt;</p><p>{'y ' * 60}</p></div>"
    )


def test_hints_and_solutions_are_text_and_safe_html():
    parts = ("Hint <1>", "`a < b`"), ("Hint 2", "c & d")
    bundle = engine.Folded(parts)._repr_mimebundle_()
    assert bundle["text/plain"] == "Hint <1>: `a < b`\nHint 2: c & d"
    assert "<summary style='cursor:pointer'>Hint &lt;1&gt;</summary>" in bundle["text/html"]
    assert "<code>a &lt; b</code>" in bundle["text/html"]
    code = engine.Folded(parts[:1], code=True)._repr_mimebundle_()
    assert code["text/plain"] == "Hint <1>:\n`a < b`" and ">`a &lt; b`</pre>" in code["text/html"]


def test_a_reader_cannot_change_an_exercise_by_accident():
    exercise = exercises.half_life
    for part in (exercise, exercise.misconceptions[0], examine(rnn_step), engine.Folded(())):
        with pytest.raises(FrozenInstanceError):
            setattr(part, fields(part)[0].name, "changed")


def test_an_edited_function_says_so_and_an_edit_must_find_its_place():
    def nested(a):
        return a + a

    tripled = edited(nested, ("a + a", "a * 3"))
    assert tripled(2) == 6 and tripled.__code__.co_filename == "<nested, edited>"
    with pytest.raises(ValueError, match="no 'nothing of the kind'"):
        edited(rnn_step, ("nothing of the kind", ""))

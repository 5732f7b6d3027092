"""The exercises.

Right answers pass, classic mistakes are named, and nothing a reader hands in breaks a check.
"""

import _thread
import asyncio
import functools
import importlib
import inspect
import random
import re
import signal
import sys
import threading
import time
import warnings
from dataclasses import FrozenInstanceError, fields

from helpers.numpy_rnn import rnn_step
from helpers.teaching import exercises
from helpers.teaching.exercises import engine
from helpers.teaching.exercises.engine import (
    NOT_ATTEMPTED,
    RECOGNISED,
    RIGHT,
    WRONG,
    Exercise,
    edited,
)
from tools import solutions
from tools.notebooks import CHAPTERS, dumps, read

import numpy as np
import pytest

ALL = {name: value for name, value in vars(exercises).items() if isinstance(value, Exercise)}
MISTAKES = [
    (name, mistake) for name, exercise in ALL.items() for mistake in exercise.misconceptions
]


def handed_in(exercise, mistake):
    return mistake.wrong if exercise.wants_function else mistake.wrong()


def text_of(feedback):
    return feedback._repr_mimebundle_()["text/plain"]


def global_state():
    legacy = np.random.get_state()  # noqa: NPY002  (what a notebook may have seeded)
    return repr((random.getstate(), legacy, np.geterr(), sys.gettrace(), warnings.filters))


@pytest.mark.parametrize("name", ALL)
def test_the_solution_passes_and_nothing_changes_in_the_notebook(name):
    answer = ALL[name].right_answer
    importlib.import_module("helpers.tf_rnn")  # with TensorFlow, which sets a filter for warnings
    before = global_state()
    feedback = ALL[name].examine(answer)
    assert feedback.kind == RIGHT, text_of(feedback)
    assert global_state() == before


@pytest.mark.parametrize(
    ("name", "mistake"), MISTAKES, ids=[f"{name}: {m.name}" for name, m in MISTAKES]
)
def test_each_mistake_is_recognised_under_its_own_name(name, mistake):
    feedback = ALL[name].examine(handed_in(ALL[name], mistake))
    assert feedback.kind == RECOGNISED, text_of(feedback)
    assert feedback.headline.endswith(f"{mistake.name}.")


@pytest.mark.parametrize(
    "name", [name for name in ALL if not ALL[name].ask]
)  # many designs are right
def test_an_unlisted_wrong_answer_gets_no_diagnosis(name):
    exercise = ALL[name]

    def disturbed(value):
        if isinstance(value, bool | np.bool_):
            return not value
        if isinstance(value, str):
            return value + "?"
        if isinstance(value, tuple):
            parts = [disturbed(part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        if isinstance(value, dict):
            return {key: disturbed(part) for key, part in value.items()}
        return (
            value * 1.01 + 0.017
            if engine._is_array(value) or isinstance(value, float)
            else value + 17
        )

    answer = exercise.right_answer
    wrong = (
        (lambda *args: disturbed(answer(*args))) if exercise.wants_function else disturbed(answer)
    )
    feedback = exercise.examine(wrong)
    assert feedback.kind == WRONG, text_of(feedback)


@pytest.mark.parametrize("name", ALL)
def test_a_stub_is_not_an_attempt(name):
    exercise = ALL[name]
    assert exercise.examine(...).kind == NOT_ATTEMPTED
    if exercise.wants_function:
        assert exercise.examine(lambda *args: ...).kind == NOT_ATTEMPTED


NONSENSE = [
    None,
    pytest.param(np.zeros((7, 7, 7, 7)), id="zeros"),
    *(
        pytest.param(each, marks=pytest.mark.stress, id=repr(each))
        for each in ("x", [], np.nan, {})
    ),
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_gets_a_plain_sentence(name, nonsense):
    exercise = ALL[name]
    feedback = exercise.examine((lambda *args: nonsense) if exercise.wants_function else nonsense)
    assert feedback.kind == WRONG
    assert "Traceback" not in text_of(feedback)


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
    assert (
        hints.parts[0] == (f"Hint 1 of {len(exercise.hints)}", exercise.hints[0]) and not hints.code
    )
    assert len(hints.parts) == len(exercise.hints)
    ((summary, source),) = solution.parts
    assert (
        summary == "Solution"
        and source == source.strip()
        and source in inspect.getsource(exercise.answer)
    )
    assert solution.code


def test_there_are_enough():
    assert len(ALL) >= 18 and len(MISTAKES) >= 50
    assert set(exercises.__all__) == set(ALL)


# Whatever is handed in


class Broken:
    """Fails however it is looked at."""

    def fail(self, *args):
        raise ValueError("broken")

    __eq__ = __ne__ = __lt__ = __gt__ = __len__ = __iter__ = __getitem__ = __bool__ = __repr__ = (
        __str__
    ) = fail
    __array__ = __int__ = __float__ = __index__ = __hash__ = __add__ = __radd__ = __sub__ = (
        __mul__
    ) = fail
    shape = numpy = dtype = property(fail)


def obliging(kind):
    """Return a subclass that says yes to every comparison and has the length that one would like."""
    return type(
        f"Obliging{kind.__name__}",
        (kind,),
        {"__eq__": lambda a, b: True, "__ne__": lambda a, b: False},
    )


class BrokenTuple(tuple):
    __len__ = __iter__ = __getitem__ = __eq__ = __repr__ = Broken.fail
    __hash__ = tuple.__hash__


class BrokenDict(dict):
    get = items = values = keys = __len__ = __iter__ = __getitem__ = Broken.fail


class Mute(Exception):
    __str__ = __repr__ = Broken.fail


class ItsOwnWrapper:
    """Has every attribute, and each is itself again, as a careless mock."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self


def endless_list():
    endless = []
    endless.append(endless)
    return endless


def generator():
    yield 1.0


async def coroutine():
    return 1.0


def raises(error):
    def wrong(*args, **kwargs):
        raise error

    return wrong


STRANGE = {
    "broken": Broken,
    "a list of broken ones": lambda: [Broken()] * 3,
    "a dictionary of broken ones": lambda: dict.fromkeys(["W_xh", "dW_hh", "b"], Broken()),
    "an array of broken ones": lambda: np.frompyfunc(lambda n: Broken(), 1, 1)(np.zeros(3)),
    "a broken tuple": lambda: BrokenTuple((1, 2)),
    "a broken dictionary": lambda: BrokenDict(a=1),
    "an obliging string": lambda: obliging(str)("no"),
    "an obliging number": lambda: obliging(float)(123.0),
    "an obliging array": lambda: np.full(3, 123.0).view(obliging(np.ndarray)),
    "a masked array": lambda: np.ma.masked_all((2, 3)),
    "a matrix": lambda: np.matrix("1 2; 3 4"),
    "a ragged list": lambda: [[1.0], [1.0, 2.0]],
    "an endless list": endless_list,
    "a huge array": lambda: np.broadcast_to(0.0, (10**6, 10**6, 10**3)),
    "a huge number": lambda: 10**400,
    "a complex number": lambda: 1j,
    "a string array": lambda: np.array(["x"]),
    "a date": lambda: np.datetime64("2026-11-26"),
    "a record": lambda: np.zeros(2, [("a", float)]),
    "no numbers": lambda: np.zeros((0, 3)),
    "a longdouble": lambda: np.longdouble(123),
    "bytes": lambda: b"x",
    "a set": lambda: {1, 2},
    "a generator": generator,
    "a generator function": lambda: generator,
    "a coroutine function": lambda: coroutine,
    "a class": lambda: Broken,
    "a type": lambda: dict,
    "a module": lambda: engine,
    "the exercises": lambda: exercises,
    "its own wrapper": ItsOwnWrapper,
    "not implemented": lambda: NotImplemented,
    "a misplaced exception": lambda: ValueError("x"),
}
CALLED = {
    "a class": dict,
    "a broken class": Broken,
    "its own wrapper": ItsOwnWrapper(),
    "no arguments": lambda: 1,
    "too many arguments": lambda a, b, c, d, e, f, g, h, i: a,
    "keywords only": lambda *, a: a,
    "arguments back": lambda *args: args,
    "length": len,
    "a ufunc": np.tanh,
    "a coroutine function": coroutine,
    "a generator function": lambda *args: (yield 1.0),
    "BaseException": raises(BaseException("enough")),
    "GeneratorExit": raises(GeneratorExit()),
    "CancelledError": raises(asyncio.CancelledError()),
    "StopIteration": raises(StopIteration()),
    "SystemExit": lambda *args: sys.exit(3),
    "KeyboardInterrupt": raises(KeyboardInterrupt()),
    "MemoryError": raises(MemoryError()),
    "a mute exception": raises(Mute()),
    "a group": raises(ExceptionGroup("many", [ValueError("one"), KeyError("two")])),
    "recursion": lambda *args: CALLED["recursion"](*args),
    "input": lambda *args: input("?"),
}


def told(exercise, answer):
    """Examine an answer and read what is shown, as text and as HTML."""
    feedback = exercise.examine(answer)
    bundle = feedback._repr_mimebundle_()
    assert bundle["text/plain"] and bundle["text/html"] and "Traceback" not in bundle["text/plain"]
    return feedback


# Every exercise under `make stress`; every day one whose answer is a function, a value, and
# something to be tried out.
EVERY_DAY = "all_states", "count_parameters", "one_bit"
every_exercise = pytest.mark.parametrize(
    "name",
    [name if name in EVERY_DAY else pytest.param(name, marks=pytest.mark.stress) for name in ALL],
)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore:the matrix subclass")
@every_exercise
@pytest.mark.parametrize("strange", STRANGE)
def test_whatever_an_answer_is_it_is_not_right(name, strange, capfd):
    exercise = ALL[name]
    assert told(exercise, STRANGE[strange]()).kind in (WRONG, RECOGNISED)
    if exercise.wants_function:
        assert told(exercise, lambda *args: STRANGE[strange]()).kind in (WRONG, RECOGNISED)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@every_exercise
@pytest.mark.parametrize("called", CALLED)
def test_whatever_an_answer_does_it_is_not_right(name, called, capfd):
    assert told(ALL[name], CALLED[called]).kind == WRONG
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", [name for name in ALL if ALL[name].wants_function])
def test_an_answer_that_spoils_all_it_is_given_spoils_nothing_for_the_next(name):
    def spoilt(value):
        if isinstance(value, np.ndarray):
            value[...] = 0
        elif isinstance(value, tuple | list):
            for part in value:
                spoilt(part)
        if isinstance(value, list | dict):
            value.clear()

    def spoils(*args):
        result = ALL[name].answer(*args)
        spoilt(args)
        return result

    told(ALL[name], spoils)
    assert ALL[name].examine(ALL[name].right_answer).kind == RIGHT


@pytest.mark.parametrize(
    "instead",
    [None, Broken(), [1], [0.0] * 3, (), {}, "x", np.zeros(7), 7.5],
    ids=[*map(str, range(9))],
)
def test_an_argument_in_which_something_else_stands_was_changed(instead):
    for value in ([np.zeros(3)], [[1, 2]], [(1, 2)], [{"a": 1}], ["a"], [7], [0.5], [0], [np.nan]):
        for holder in (value, {0: value[0]}):
            new = engine._copy(holder)
            assert engine._same(holder, new)
            new[0] = instead
            assert not engine._same(holder, new)


def test_an_argument_in_which_the_same_stands_again_was_not_changed():
    for old, new in (
        ([0.5], [float("0.5")]),
        (["ab"], ["".join("ab")]),
        ([10**9], [int("1000000000")]),
    ):
        assert old[0] is not new[0] and engine._same(old, new)


def test_what_is_in_a_dictionary_is_watched_and_a_generator_may_be_used():
    plus_one = small(lambda d: d["a"] + 1, cases=lambda rng: ({"a": rng.normal(size=3)},))

    def changes(d):
        d["a"] += 1
        return d["a"]

    assert plus_one.examine(lambda d: d["a"] + 1).kind == RIGHT
    assert plus_one.examine(changes).headline == "Your function changed its argument `d`."
    draws = small(
        lambda rng: rng.random(), cases=lambda rng: (np.random.default_rng(rng.integers(9)),)
    )
    assert draws.examine(lambda rng: rng.random()).kind == RIGHT
    assert draws.examine(lambda rng: rng.random() + 1).kind == WRONG


@pytest.mark.parametrize(
    "wait", [lambda: time.sleep(60), threading.Event().wait], ids=["sleep", "event"]
)
def test_an_answer_that_waits_is_left_behind(wait, monkeypatch):
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.1)
    before, start = threading.enumerate(), time.monotonic()
    assert "no answer within" in examine(lambda *args: wait()).headline
    assert time.monotonic() - start < 5
    (left_behind,) = set(threading.enumerate()) - {*before}
    assert left_behind.daemon  # does not keep Python from ending


def test_an_answer_on_a_machine_that_others_use_has_more_time_on_the_clock(monkeypatch):
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.2)

    def slow(*args):
        time.sleep(0.3 / engine.CASES)
        return rnn_step(*args)

    assert examine(slow).kind == RIGHT


def test_an_answer_that_computes_on_many_cores_has_its_time_on_the_clock(monkeypatch):
    monkeypatch.setattr(time, "process_time", lambda: 1000 * time.monotonic())

    def slow(*args):
        time.sleep(0.05)
        return rnn_step(*args)

    assert examine(slow).kind == RIGHT


# In the notebooks


def code_cells(path):
    return [cell.source for cell in read(path).cells if cell.cell_type == "code"]


def named_in(path):
    return re.findall(r"exercises\.(\w+)\.check\(", "\n".join(code_cells(path)))


def test_every_exercise_stands_in_one_chapter():
    where = {path.stem: named_in(path) for path in CHAPTERS}
    assert sorted(name for names in where.values() for name in names) == sorted(ALL)
    assert all(len(names) >= 3 for names in where.values()), where


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_what_to_read_again_exists(path):
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    sections = set(re.findall(r"^## (\d+) ·", text, re.MULTILINE))
    numbers = set(re.findall(r"\\tag\{(\d)\}", text))
    for name in named_in(path):
        for mistake in ALL[name].misconceptions:
            section = re.match(r"section (\d+)", mistake.reread)[1]
            assert section in sections, (name, mistake.reread)
            assert set(re.findall(r"equation \((\d)\)", mistake.reread)) <= numbers, (
                name,
                mistake.reread,
            )


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_stub_and_check_run_right_after_the_import_cell(path, monkeypatch):
    shown = []
    monkeypatch.setattr(engine, "display", shown.append)
    cells = code_cells(path)
    imported = {}
    exec(cells[0], imported)
    for name in named_in(path):
        (at,) = [n for n, source in enumerate(cells) if f"exercises.{name}.check(" in source]
        names = dict(imported)
        exec(cells[at - 1], names)  # the stub, as it is
        exec(cells[at], names)
        assert shown[-1].kind == NOT_ATTEMPTED, name


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_filled_stub_passes_its_check(path, monkeypatch):
    shown = []
    monkeypatch.setattr(engine, "display", shown.append)
    cells = [cell.source for cell in solutions.filled(read(path)).cells if cell.cell_type == "code"]
    names = {"__name__": "__main__"}
    exec(cells[0], names)
    for name in named_in(path):
        (at,) = [n for n, source in enumerate(cells) if f"exercises.{name}.check(" in source]
        exec(cells[at - 1], names)
        exec(cells[at], names)
        assert shown[-1].kind == RIGHT, name


@pytest.mark.stress
@pytest.mark.parametrize("path", CHAPTERS)
def test_run_all_with_every_solution(path, tmp_path, capsys):
    assert solutions.main(str(tmp_path), str(path)) == 0
    assert "every check passes" in capsys.readouterr().out


def test_a_solution_that_is_not_right_is_named(tmp_path, capsys, monkeypatch):
    chapter = read(CHAPTERS[1])
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    (at,) = [n for n, cell in enumerate(code) if "exercises.one_step.check(" in cell.source]
    chapter.cells = [code[0], code[at - 1], code[at]]
    (tmp_path / "short.ipynb").write_text(dumps(chapter), encoding="utf-8")
    monkeypatch.setattr(
        solutions, "source_for", lambda exercise, answer: f"def {answer}(*args):\n    return 0"
    )
    assert solutions.main(str(tmp_path / "filled"), str(tmp_path / "short.ipynb")) == 1
    assert "one_step not right" in capsys.readouterr().out

    written = tmp_path / "filled" / "short.ipynb"
    written.write_text("changed by a teacher")
    with pytest.raises(SystemExit, match="there already, and perhaps with changes of yours"):
        solutions.main(str(tmp_path / "filled"), str(tmp_path / "short.ipynb"))
    assert written.read_text() == "changed by a teacher"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_quizzes_answer_every_option(path):
    quizzes = [
        c.source
        for c in read(path).cells
        if c.cell_type == "markdown" and "**Quick quiz" in c.source
    ]
    assert len(quizzes) >= 2
    for quiz in quizzes:
        options = re.findall(
            r"<details><summary>(.+?)</summary>\n\n(.+?)\n\n</details>", quiz, re.DOTALL
        )
        assert len(options) >= 3 and quiz.count("<details>") == len(options), quiz
        assert sum(answer.startswith("**Right.**") for _, answer in options) == 1, quiz
        assert all(
            answer.startswith(("**Right.**", "**No.**")) and len(answer) > 60
            for _, answer in options
        ), quiz


# The engine


def examine(answer):
    return exercises.one_step.examine(answer)


def test_an_exception_is_told_with_its_line_and_shapes():
    def wrong(params, x_t, h_prev):
        return x_t @ h_prev

    told = text_of(examine(wrong)).splitlines()
    assert told[0] == "✗ Your function stopped with a ValueError." and told[1].startswith(
        "It said: "
    )
    assert "That was in line 2: `return x_t @ h_prev`" in told
    assert (
        told[-1]
        == "The shapes that came in: W_xh (5, 5), W_hh (5, 5), b (5,), x_t (2, 5), h_prev (2, 5)."
    )


def test_the_line_is_the_readers_own():
    def calls(params, x_t, h_prev):
        return rnn_step(params, x_t, h_prev[:1, :1])

    def decorator(function):
        @functools.wraps(function)
        def outer(*args):
            return function(*args)

        return outer

    @decorator
    def decorated(params, x_t, h_prev):
        return x_t @ h_prev

    assert "line 2: `return rnn_step(params, x_t, h_prev[:1, :1])`" in text_of(examine(calls))
    assert "line 3: `return x_t @ h_prev`" in text_of(examine(decorated))
    names = {}
    exec("def nowhere(params, x_t, h_prev):\n    raise ValueError", names)
    assert "That was" not in text_of(examine(names["nowhere"])) and "It said" not in text_of(
        examine(names["nowhere"])
    )


def test_only_what_is_known_is_said_of_an_exception():
    said = "stopped with a ValueError.\nIt said: no"
    assert text_of(
        small(lambda a: a, cases=lambda rng: (2.0,)).examine(raises(ValueError("no")))
    ).endswith(f"✗ Your function {said}\nThat was in line 2: `raise error`")
    assert (
        text_of(small(lambda: 7, ask=raises(ValueError("no"))).examine(7))
        == f"✗ Trying your answer out {said}"
    )
    assert "It said" not in text_of(examine(raises(Mute())))
    odd = raises(ValueError("no"))
    odd.__wrapped__ = type("Odd", (), {"__code__": 3, "__call__": raises(ValueError("no"))})()
    assert text_of(examine(odd)).startswith(f"✗ Your function {said}\nThe shapes")


def test_a_question_may_be_about_the_function():
    def mine(a):
        return a

    assert small(mine, ask=lambda f: f.__name__).examine(mine).kind == RIGHT


@pytest.mark.parametrize("stop", [SystemExit, KeyboardInterrupt, RecursionError])
def test_whatever_is_raised_is_told(stop):
    def wrong(params, x_t, h_prev):
        raise stop("enough")

    feedback = examine(wrong)
    assert (
        feedback.kind == WRONG
        and stop.__name__ in feedback.headline
        and "enough" in text_of(feedback)
    )


def test_what_keras_wraps_around_a_message_is_left_out():
    def wrong(params, x_t, h_prev):
        raise ValueError(
            "Exception encountered when calling Cell.call().\n\n\x1b[1msizes differ\x1b[0m"
            "\n\nArguments received by Cell"
        )

    text = text_of(examine(wrong))
    assert "It said: sizes differ\n" in text and "\x1b" not in text


def test_a_function_that_never_returns_is_stopped(monkeypatch):
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.3)
    monkeypatch.setattr(engine, "PATIENCE", 1000)  # which is for answers that wait
    turns = 0
    tidy = False

    def endless(params, x_t, h_prev):
        nonlocal turns, tidy
        try:
            while True:
                try:
                    turns += 1
                except Exception:
                    continue
        finally:
            time.sleep(0.1)
            tidy = True

    assert "no answer within" in examine(endless).headline
    assert tidy, "it had no moment to end"
    before = turns
    time.sleep(0.2)
    assert turns == before, "it still runs"


@pytest.fixture
def interrupts():
    """Interrupts arrive also in a background job of a shell, which ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_an_answer_ends_when_its_check_is_interrupted():
    turns = 0

    def endless(params, x_t, h_prev):
        nonlocal turns
        while True:
            turns += 1

    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        examine(endless)
    time.sleep(0.1)
    before = turns
    time.sleep(0.2)
    assert turns == before > 0, "it still runs"


def test_without_threads_as_in_a_browser_it_is_stopped_too(monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr(
        threading.Thread, "start", lambda thread: pytest.fail("there are no threads in a browser")
    )
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.3)
    assert examine(rnn_step).kind == RIGHT and sys.gettrace() is None

    def endless(params, x_t, h_prev):
        while True:
            try:
                params = params
            except Exception:
                continue

    assert "no answer within" in examine(endless).headline
    assert sys.gettrace() is None


def test_changing_an_argument_is_noticed_also_inside_the_weights():
    def changes_h(params, x_t, h_prev):
        result = rnn_step(params, x_t, h_prev)
        h_prev += 1
        return result

    def changes_b(params, x_t, h_prev):
        result = rnn_step(params, x_t, h_prev)
        params.b[0] = 0
        return result

    assert "changed its argument `h_prev`" in text_of(examine(changes_h))
    assert "changed its argument `params`" in text_of(examine(changes_b))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (np.zeros(3), "without calling it"),
        (lambda params, x_t: x_t, "3 were given"),
        (lambda params, x_t, h_prev: None, "return"),
        (lambda params, x_t, h_prev: [0.0], "type list"),
        (lambda params, x_t, h_prev: rnn_step(params, x_t, h_prev).T, "shape of the transpose"),
        (
            lambda params, x_t, h_prev: rnn_step(params, x_t, h_prev).astype(np.float32),
            "got float32",
        ),
        (lambda params, x_t, h_prev: h_prev * np.nan, "is nan"),
        (lambda params, x_t, h_prev: h_prev.astype(object), "dtype is object"),
        (lambda params, x_t, h_prev: rnn_step(params, x_t, h_prev) + 1e-3, "entries differ"),
    ],
)
def test_what_went_wrong_is_said(answer, says):
    feedback = examine(answer)
    assert feedback.kind == WRONG and says in text_of(feedback)


def small(answer, returns=("it",), **more):
    """Return an exercise of the tests' own."""
    return Exercise("small", answer, returns, "it", (), (), **more)


def test_what_the_notebook_adds_to_an_answer_is_given_to_the_question(monkeypatch):
    shown = []
    monkeypatch.setattr(engine, "display", shown.append)
    scaled = small(lambda a: a, cases=lambda rng: (2.0,), ask=lambda f, a, factor: f(a=a) * factor)
    scaled.check(lambda a: a, 3.0)
    scaled.check(lambda a: a + 1, 3.0)
    assert [text_of(feedback) for feedback in shown] == [
        "✓ Right: it, on 6 random cases.",
        "✗ it is not right.\nexpected 6, got 9.",
    ]


def test_a_wrong_value_is_not_told_the_right_one():
    seven = small(lambda: 7)
    assert text_of(seven.examine(7)) == "✓ Right: it."
    assert text_of(seven.examine(6)) == "✗ it is not right."
    assert text_of(seven.examine("6")) == "✗ it should be a number.\nA value of type str came."
    assert text_of(small(lambda: 7, ask=lambda value: value).examine(6)).endswith(
        "\nexpected 7, got 6."
    )


class Tensor:
    """What the engine sees of a tensor of TensorFlow."""

    shape = (3,)

    def numpy(self):
        return np.ones(3)

    __array__ = numpy


def having(**attributes):
    return type("Odd", (), attributes)()


A, B, C = np.ones(3), np.arange(3.0), np.array([[1.0, 2.0], [0.0, 0.0]])
SHAPE, FIRST = "it has the wrong shape.\n", "entries differ. The first is "

RESULTS = [  # (right, handed in, what is said unless it is right)
    (7, 7.0, None),
    (7, np.float32(7), None),
    (7, np.array(7), None),
    (7, np.array([7]), "it should be a number.\nA value of type ndarray came."),
    (7, [7], "it should be a number.\nA value of type list came."),
    (
        7,
        None,
        "it is None.\nDoes your function end with a `return`, with everything that was asked for?",
    ),
    (1, True, "it should be a number.\nA value of type bool came."),
    (7, 1j, "it should be a number.\nA value of type complex came."),
    (7.5, "7.5", "it should be a number.\nA value of type str came."),
    (np.int64(7), 7, None),
    (np.int64(7), "7", "it should be a number.\nA value of type str came."),
    (1e9, 1e9 + 500, None),
    (1e9, 1e9 + 2000, "it is not right.\nexpected 1e+09, got 1.000002e+09."),
    (1e3, 1e3 + 1.0000005e-3, "it is not right.\nexpected 1000, got 1000.001."),
    (-1e9, -1e9 + 500, None),
    (0.0, 1e-6, None),
    (0.0, 2e-6, "it is not right.\nexpected 0, got 2e-06."),
    (True, np.True_, None),
    (np.True_, True, None),
    (np.True_, False, "it is not right.\nExpected np.True_, got False."),
    (True, 1, "it is not right.\nExpected True, got 1."),
    (None, None, None),
    (None, 0, "it is not right.\nExpected None, got 0."),
    (
        "no",
        None,
        "it is None.\nDoes your function end with a `return`, with everything that was asked for?",
    ),
    ("no", "yes", "it is not right.\nExpected 'no', got 'yes'."),
    (np.array(7.0), np.float64(7), None),
    (A, Tensor(), None),
    (A, [1.0, 1.0, 1.0], "it should be an array.\nA value of type list came."),
    (A, having(shape=(3,)), "it should be an array.\nA value of type Odd came."),
    (A, having(numpy=3), "it should be an array.\nA value of type Odd came."),
    (A, np.array(["x"] * 3), "it should hold numbers.\nIts dtype is <U1."),
    (A, np.ones(2), f"{SHAPE}Expected (3,), got (2,)."),
    (
        A[None],
        A[:, None],
        f"{SHAPE}Expected (1, 3), got (3, 1). That is the shape of the transpose.",
    ),
    (A, A.astype(int), "it has the wrong dtype.\nExpected float64, as the inputs are; got int64."),
    (A.astype(int), A, None),
    (A.astype(int), A > 0, None),
    (A.astype(int), A.astype(np.uint8), None),
    (A > 0, A < 2, None),
    (A, np.array([1, -np.inf, np.nan]), "it is not finite.\nThe entry [1] is -inf."),
    (A, B, f"it is not right.\n2 of 3 {FIRST}[0]: expected 1, got 0."),
    (
        1000 * C,
        1000 * C.T + [[0, 0], [2.000001e-3, 0]],
        f"it is not right.\n2 of 4 {FIRST}[0, 1]: expected 2000, got 0.",
    ),
    (A[None], B[None], f"it is not right.\n2 of 3 {FIRST}[0, 0]: expected 1, got 0."),
    (np.zeros((0, 3)), np.zeros((0, 3)), None),
    (
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        f"{SHAPE}Expected (0, 3), got (3, 0). That is the shape of the transpose.",
    ),
    ((A, "no"), [A, "no"], None),
    ([A, "no"], (A, "yes"), "it[1] is not right.\nExpected 'no', got 'yes'."),
    ((1, (2, 3)), (1, (2, 4)), "it[1][1] is not right.\nexpected 3, got 4."),
    ((1, 2), (1,), "it should have 2 entries.\nA tuple of 1 came."),
    ((1, 2), [1, 2, 3], "it should have 2 entries.\nA list of 3 came."),
    ((1, 2), 3, "it should have 2 entries.\nA value of type int came."),
]


@pytest.mark.parametrize(("right", "answer", "says"), RESULTS, ids=range(len(RESULTS)))
def test_what_is_said_of_a_result(right, answer, says):
    feedback = small(lambda: right, ask=lambda value: value).examine(answer)
    assert text_of(feedback) == ("✓ Right: it." if says is None else f"✗ {says}")


def test_several_results_come_in_a_tuple_a_list_or_by_name():
    both = small(lambda a: (a, -a), ("up", "down"), cases=lambda rng: (rng.normal(size=3),))
    assert both.examine(lambda a: [a, -a]).kind == RIGHT
    assert both.examine(lambda a: {"down": -a, "up": a}).kind == RIGHT
    assert both.examine(lambda a: (a, a)).headline == "down is not right."
    assert (
        text_of(both.examine(lambda a: (a,)))
        == "✗ 2 results were asked for: up, down.\nA tuple of 1 came."
    )
    assert both.examine(lambda a: {"up": a}).headline == "down is None."
    assert (
        text_of(both.examine(lambda a: None)) == "✗ 2 results were asked for: up, down.\nNone came."
    )
    assert (
        text_of(both.examine(lambda a: {"a": a}))
        == "✗ 2 results were asked for: up, down.\nA dict of 1 came."
    )


@pytest.mark.parametrize("stub", [(1, ...), [..., 1], {"a": ...}], ids=repr)
def test_a_stub_with_several_places_is_not_an_attempt(stub):
    assert small(lambda: 7).examine(stub).kind == NOT_ATTEMPTED


class Liar(dict):
    def items(self):
        return {"it": "yes", "other": "yes"}.items()


NO = obliging(str)("no")


@pytest.mark.parametrize(
    ("lie", "right"),
    [
        (NO, "yes"),
        ([NO], ["yes"]),
        ({"it": NO, "other": "yes"}, ("yes", "yes")),
        (Liar(it="no"), ("yes", "yes")),
    ],
    ids=["string", "list", "dict", "items"],
)
def test_what_an_answer_says_of_itself_plays_no_part(lie, right):
    exercise = small(lambda: right, ("it", "other") if isinstance(right, tuple) else ("it",))
    assert exercise.examine(right).kind == RIGHT
    assert exercise.examine(lie).kind == WRONG


@pytest.mark.parametrize("wrong_in", range(engine.CASES))
def test_no_case_is_left_out(wrong_in):
    def answer(a):
        times.append(a)
        if len(times) == wrong_in + 1:
            a[0] = None
        return 7

    def other(a):
        times.append(a)
        return 8 if len(times) == wrong_in + 1 else 7

    seven, times = small(lambda a: 7, cases=lambda rng: ([rng.normal(size=3)],)), []
    assert seven.examine(answer).headline == "Your function changed its argument `a`."
    times.clear()
    assert text_of(seven.examine(other)) == "✗ it is not right.\nexpected 7, got 8."


def test_random_numbers_go_on_as_without_the_check():
    before = global_state()
    assert examine(lambda *args: (random.random(), np.random.normal())).kind == WRONG  # noqa: NPY002
    assert global_state() == before


@pytest.mark.filterwarnings("error")
def test_numpy_warns_of_nothing():
    assert (
        examine(lambda params, x_t, h_prev: np.exp(h_prev + 1e6)).headline == "h_t is not finite."
    )


def test_a_long_message_is_cut():
    text = " ".join(text_of(examine(raises(ValueError("w " * 300)))).split())
    assert "It said: " + "w " * 149 + "… That" in text


def test_a_square_answer_that_is_transposed():
    square = small(lambda a: a @ a, cases=lambda rng: (rng.normal(size=(3, 3)),))
    assert "is transposed" in square.examine(lambda a: (a @ a).T).headline
    assert "is not right" in square.examine(lambda a: a @ a + 1).headline


def test_arrays_of_booleans_are_compared():
    positive = small(lambda a: a > 0, cases=lambda rng: (rng.normal(size=5),))
    assert positive.examine(lambda a: a > 0).kind == RIGHT
    assert "expected" in text_of(positive.examine(lambda a: a < 0))


def test_a_check_is_the_same_each_time():
    wrong = exercises.one_step.misconceptions[0].wrong
    assert text_of(examine(wrong)) == text_of(examine(wrong))


def without_styles(bundle):
    assert bundle.keys() == {"text/plain", "text/html"}
    return bundle["text/plain"], re.sub(r" style='[^']*'", "", bundle["text/html"])


@pytest.mark.parametrize(
    ("kind", "mark"), [(NOT_ATTEMPTED, "○"), (RIGHT, "✓"), (RECOGNISED, "✗"), (WRONG, "✗")]
)
def test_feedback_is_text_and_safe_html_in_the_colours_of_the_page(kind, mark):
    bundle = engine.Feedback(
        kind, "`a < b` & c", ("it's ` <script>", "y " * 60)
    )._repr_mimebundle_()
    assert re.search(
        r"border-left:\S+ solid var\(--jp-[a-z]+-color\d, #[0-9a-f]{6}\);", bundle["text/html"]
    )
    text, html = without_styles(bundle)
    assert text == f"{mark} `a < b` & c\nit's ` <script>\n{'y ' * 54}y\n  y y y y y"
    assert html == (
        f"<div role='status'><strong>{mark} <code>a &lt; b</code> &amp; c</strong>"
        f"<p>it's ` &lt;script&gt;</p><p>{'y ' * 60}</p></div>"
    )


def test_hints_and_solutions_are_text_and_safe_html():
    parts = ("Hint <1>", "`a < b`"), ("Hint 2", "c & d")
    assert without_styles(engine.Folded(parts)._repr_mimebundle_()) == (
        "Hint <1>: `a < b`\nHint 2: c & d",
        "<div><details><summary>Hint &lt;1&gt;</summary><p><code>a &lt; b</code></p></details>"
        "<details><summary>Hint 2</summary><p>c &amp; d</p></details></div>",
    )
    assert without_styles(engine.Folded(parts[:1], code=True)._repr_mimebundle_()) == (
        "Hint <1>:\n`a < b`",
        "<div><details><summary>Hint &lt;1&gt;</summary><pre>`a &lt; b`</pre></details></div>",
    )


def test_a_reader_cannot_change_an_exercise_by_accident():
    exercise = exercises.one_step
    for part in (exercise, exercise.misconceptions[0], examine(rnn_step), engine.Folded(())):
        with pytest.raises(FrozenInstanceError):
            setattr(part, fields(part)[0].name, "changed")


def test_nobody_waits_longer_than_half_a_minute():
    assert engine.TIME_LIMIT * engine.PATIENCE <= 30


def test_an_edited_function_says_so():
    def nested(a):
        return a + a

    tripled = edited(nested, ("a + a", "a * 3"))
    assert tripled(2) == 6 and tripled.__code__.co_filename == "<nested, edited>"


def test_an_edit_must_find_its_place():
    with pytest.raises(ValueError, match="no 'nothing of the kind'"):
        edited(rnn_step, ("nothing of the kind", ""))

"""The exercises: right answers pass, classic mistakes are named, and nothing a reader hands in breaks a check."""

import _thread
import asyncio
import random
import re
import sys
import threading
import time
import warnings
from pathlib import Path

from helpers.numpy_rnn import rnn_step
from helpers.teaching import exercises
from helpers.teaching.exercises import engine, solutions
from helpers.teaching.exercises.engine import NOT_ATTEMPTED, RECOGNISED, RIGHT, WRONG, Exercise, edited
from helpers.teaching.notebooks import dumps, read

import numpy as np
import pytest

CHAPTERS = sorted((Path(__file__).parents[1] / "notebooks").glob("0*.ipynb"))
ALL = {name: value for name, value in vars(exercises).items() if isinstance(value, Exercise)}
MISTAKES = [(name, mistake) for name, exercise in ALL.items() for mistake in exercise.misconceptions]


def handed_in(exercise, mistake):
    return mistake.wrong if exercise.wants_function else mistake.wrong()


def text_of(feedback):
    return feedback._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize("name", ALL)
def test_the_solution_passes(name):
    feedback = ALL[name].examine(ALL[name].right_answer)
    assert feedback.kind == RIGHT, text_of(feedback)


@pytest.mark.parametrize(("name", "mistake"), MISTAKES, ids=[f"{name}: {m.name}" for name, m in MISTAKES])
def test_each_mistake_is_recognised_under_its_own_name(name, mistake):
    feedback = ALL[name].examine(handed_in(ALL[name], mistake))
    assert feedback.kind == RECOGNISED, text_of(feedback)
    assert feedback.headline.endswith(f"{mistake.name}.")


@pytest.mark.parametrize("name", ALL)
def test_no_mistake_behaves_as_another_or_as_the_solution(name):
    exercise = ALL[name]
    cases = list(exercise.draw_cases())
    answers = [exercise.right_answer] + [handed_in(exercise, mistake) for mistake in exercise.misconceptions]
    results = [exercise._question(answer, cases, ())[0] for answer in answers]
    for first in range(len(results)):
        for second in range(first):
            pairs = zip(results[first], results[second], strict=True)
            assert not all(engine._agree(exercise._parts(a), exercise._parts(b)) for a, b in pairs), (first, second)


@pytest.mark.parametrize("name", [name for name in ALL if not ALL[name].ask])  # many designs are right
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
        return value * 1.01 + 0.017 if engine._is_array(value) or isinstance(value, float) else value + 17

    answer = exercise.right_answer
    wrong = (lambda *args: disturbed(answer(*args))) if exercise.wants_function else disturbed(answer)
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
    np.zeros((7, 7, 7, 7)),
    *(pytest.param(each, marks=pytest.mark.stress) for each in ("x", [], np.nan, {})),
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
def test_nonsense_gets_a_plain_sentence(name, nonsense):
    exercise = ALL[name]
    feedback = exercise.examine((lambda *args: nonsense) if exercise.wants_function else nonsense)
    assert feedback.kind == WRONG
    assert "Traceback" not in text_of(feedback)


@pytest.mark.parametrize("name", ALL)
def test_what_an_exercise_says(name, capsys):
    exercise = ALL[name]
    assert exercise.name == name
    assert len(exercise.hints) >= 2 and len(exercise.misconceptions) >= 2
    assert len({mistake.name for mistake in exercise.misconceptions}) == len(exercise.misconceptions)
    for mistake in exercise.misconceptions:
        assert len(mistake.says) > 80 and mistake.says.endswith((".", "?"))
        assert not mistake.name.endswith(".") and re.match(r"section \d+", mistake.reread)
    exercise.hint()
    exercise.solution()
    shown = capsys.readouterr().out
    assert "Hint 1" in shown and "Solution" in shown


def test_there_are_enough():
    assert len(ALL) >= 18 and len(MISTAKES) >= 50
    assert set(exercises.__all__) == set(ALL)


# Whatever is handed in


class Broken:
    """Fails however it is looked at."""

    def fail(self, *args):
        raise ValueError("broken")

    __eq__ = __ne__ = __lt__ = __gt__ = __len__ = __iter__ = __getitem__ = __bool__ = __repr__ = __str__ = fail
    __array__ = __int__ = __float__ = __index__ = __hash__ = __add__ = __radd__ = __sub__ = __mul__ = fail
    shape = numpy = dtype = property(fail)


def obliging(kind):
    """Return a subclass that says yes to every comparison and has the length that one would like."""
    return type(f"Obliging{kind.__name__}", (kind,), {"__eq__": lambda a, b: True, "__ne__": lambda a, b: False})


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


# Every exercise under `make stress`; every day one whose answer is a function, a value, and something to be tried out.
EVERY_DAY = "all_states", "count_parameters", "one_bit"
every_exercise = pytest.mark.parametrize(
    "name", [name if name in EVERY_DAY else pytest.param(name, marks=pytest.mark.stress) for name in ALL]
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


def global_state():
    legacy = np.random.get_state()  # noqa: NPY002  (what a notebook may have seeded)
    return repr((random.getstate(), legacy, np.geterr(), sys.gettrace(), warnings.filters))


@pytest.mark.parametrize("name", ALL)
def test_a_check_changes_nothing_in_the_notebook(name):
    answer = ALL[name].right_answer
    ALL[name].examine(answer)  # imports TensorFlow in chapter 4, which sets a filter for warnings
    before = global_state()
    assert ALL[name].examine(answer).kind == RIGHT
    assert global_state() == before


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


@pytest.mark.parametrize("instead", [None, Broken(), [1], (), {}, "x", np.zeros(7), 7.5], ids=type)
def test_an_argument_in_which_something_else_stands_was_changed(instead):
    for value in ([np.zeros(3)], [[1, 2]], [(1, 2)], [{"a": 1}], ["a"], [7], [0.5]):
        for holder in (value, {0: value[0]}):
            new = engine._copy(holder)
            assert engine._same(holder, new)
            new[0] = instead
            assert not engine._same(holder, new)


@pytest.mark.parametrize("wait", [lambda: time.sleep(60), threading.Event().wait], ids=["sleep", "event"])
def test_an_answer_that_waits_is_left_behind(wait, monkeypatch):
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.2)
    start = time.monotonic()
    assert "no answer within" in examine(lambda *args: wait()).headline
    assert time.monotonic() - start < 5


def test_an_answer_on_a_machine_that_others_use_has_more_time_on_the_clock(monkeypatch):
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.2)

    def slow(*args):
        time.sleep(0.3 / engine.CASES)
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
            assert set(re.findall(r"equation \((\d)\)", mistake.reread)) <= numbers, (name, mistake.reread)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_stub_and_check_run_right_after_the_import_cell(path, monkeypatch):
    shown = []
    monkeypatch.setattr(engine, "display", shown.append)
    cells = code_cells(path)
    imported = {}
    exec(cells[0], imported)
    for name in named_in(path):
        (at,) = [n for n, source in enumerate(cells) if f"exercises.{name}.check(" in source]
        answer = re.search(rf"exercises\.{name}\.check\((\w+)\)", cells[at])[1]
        names = dict(imported)
        exec(cells[at - 1], names)  # the stub, as it is
        exec(cells[at], names)
        assert shown[-1].kind == NOT_ATTEMPTED, name
        names[answer] = ALL[name].right_answer
        exec(cells[at], names)
        assert shown[-1].kind == RIGHT, name


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
    monkeypatch.setattr(solutions, "source_for", lambda exercise, answer: f"def {answer}(*args):\n    return 0")
    assert solutions.main(str(tmp_path / "filled"), str(tmp_path / "short.ipynb")) == 1
    assert "one_step not right" in capsys.readouterr().out

    written = tmp_path / "filled" / "short.ipynb"
    written.write_text("changed by a teacher")
    with pytest.raises(SystemExit, match="there already, and perhaps with changes of yours"):
        solutions.main(str(tmp_path / "filled"), str(tmp_path / "short.ipynb"))
    assert written.read_text() == "changed by a teacher"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_quizzes_answer_every_option(path):
    quizzes = [c.source for c in read(path).cells if c.cell_type == "markdown" and "**Quick quiz" in c.source]
    assert len(quizzes) >= 2
    for quiz in quizzes:
        options = re.findall(r"<details><summary>(.+?)</summary>\n\n(.+?)\n\n</details>", quiz, re.DOTALL)
        assert len(options) >= 3 and quiz.count("<details>") == len(options), quiz
        assert sum(answer.startswith("**Right.**") for _, answer in options) == 1, quiz
        assert all(answer.startswith(("**Right.**", "**No.**")) and len(answer) > 60 for _, answer in options), quiz


# The engine


def examine(answer):
    return exercises.one_step.examine(answer)


def test_an_exception_is_told_with_its_line_and_shapes():
    def wrong(params, x_t, h_prev):
        return x_t @ h_prev

    text = text_of(examine(wrong))
    assert "ValueError" in text and "line 2: `return x_t @ h_prev`" in text and "x_t (" in text


@pytest.mark.parametrize("stop", [SystemExit, KeyboardInterrupt, RecursionError])
def test_whatever_is_raised_is_told(stop):
    def wrong(params, x_t, h_prev):
        raise stop("enough")

    feedback = examine(wrong)
    assert feedback.kind == WRONG and stop.__name__ in feedback.headline and "enough" in text_of(feedback)


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
    turns = 0

    def endless(params, x_t, h_prev):
        nonlocal turns
        while True:
            try:
                turns += 1
            except Exception:
                continue

    assert "no answer within" in examine(endless).headline
    time.sleep(0.05)
    before = turns
    time.sleep(0.2)
    assert turns == before, "it still runs"


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
    monkeypatch.setattr(threading.Thread, "start", lambda thread: pytest.fail("there are no threads in a browser"))
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.3)
    assert examine(rnn_step).kind == RIGHT

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
        (lambda params, x_t, h_prev: rnn_step(params, x_t, h_prev).astype(np.float32), "got float32"),
        (lambda params, x_t, h_prev: h_prev * np.nan, "is nan"),
        (lambda params, x_t, h_prev: h_prev.astype(object), "dtype is object"),
        (lambda params, x_t, h_prev: rnn_step(params, x_t, h_prev) + 1e-3, "entries differ"),
    ],
)
def test_what_went_wrong_is_said(answer, says):
    feedback = examine(answer)
    assert feedback.kind == WRONG and says in text_of(feedback)


def test_a_square_answer_that_is_transposed():
    square = Exercise("square", lambda a: a @ a, ("a²",), "it", (), (), cases=lambda rng: (rng.normal(size=(3, 3)),))
    assert "is transposed" in square.examine(lambda a: (a @ a).T).headline
    assert "is not right" in square.examine(lambda a: a @ a + 1).headline


def test_arrays_of_booleans_are_compared():
    positive = Exercise("positive", lambda a: a > 0, ("a > 0",), "it", (), (), cases=lambda rng: (rng.normal(size=5),))
    assert positive.examine(lambda a: a > 0).kind == RIGHT
    assert "expected" in text_of(positive.examine(lambda a: a < 0))


def test_a_check_is_the_same_each_time():
    wrong = exercises.one_step.misconceptions[0].wrong
    assert text_of(examine(wrong)) == text_of(examine(wrong))


def test_feedback_is_text_and_safe_html():
    bundle = engine.Feedback(WRONG, "`a < b` & c", ("x_t <script>",))._repr_mimebundle_()
    assert bundle["text/plain"] == "✗ `a < b` & c\nx_t <script>"
    assert "<code>a &lt; b</code> &amp; c" in bundle["text/html"] and "<script>" not in bundle["text/html"]


def test_an_edit_must_find_its_place():
    with pytest.raises(ValueError, match="no 'nothing of the kind'"):
        edited(rnn_step, ("nothing of the kind", ""))

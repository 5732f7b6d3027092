"""The engine of the exercises.

It runs a reader's answer on random cases and says what happened in plain words.

An `Exercise` carries its reference solution and real wrong solutions (`Misconception`). An answer
that behaves as one of these on every case gets that one's name and explanation; so a diagnosis is
always an observation, never a guess.
"""

import copy
import ctypes
import functools
import html
import inspect
import random
import re
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType

from helpers.teaching.errors import core_message

import numpy as np
from IPython.display import display

TIME_LIMIT = 5.0  # seconds of computing that a reader's function may take for all cases together
PATIENCE = 6  # times as long on the clock, where other programs have the machine too, as on Binder
CASES = 6
TOLERANCE = (
    1e-6  # of the largest entry expected, so seven digits tell them apart; the cases are in float64
)

NOT_ATTEMPTED, RIGHT, RECOGNISED, WRONG = "not attempted", "right", "recognised", "wrong"
MARKS = {NOT_ATTEMPTED: "○", RIGHT: "✓", RECOGNISED: "✗", WRONG: "✗"}
COLOURS = {  # JupyterLab's own, which follow its theme; elsewhere the second one
    NOT_ATTEMPTED: "var(--jp-border-color0, #767676)",
    RIGHT: "var(--jp-success-color1, #2e7d32)",
    RECOGNISED: "var(--jp-warn-color1, #b85c00)",
    WRONG: "var(--jp-error-color1, #c62828)",
}


@dataclass(frozen=True)
class Misconception:
    """A classic wrong answer.

    How it behaves, what it is called, why it is wrong, and what to read again.
    """

    name: str
    wrong: Callable  # the wrong solution itself, called as the right one is
    says: str  # two sentences: what was done, and why it gives something else
    reread: str  # "section 7, equation (8)"


def edited(solution: Callable, *replacements: tuple[str, str]) -> Callable:
    """Return `solution` with pieces of its source replaced, each of which must occur there.

    Most wrong answers are one slip away from the right one; this states the slip and nothing else.
    """
    source = textwrap.dedent(inspect.getsource(solution))
    for old, new in replacements:
        if old not in source:
            raise ValueError(
                f"{solution.__name__} has no {old!r} that could be replaced by {new!r}"
            )
        source = source.replace(old, new)
    names = dict(inspect.unwrap(solution).__globals__)
    exec(
        compile(source, f"<{solution.__name__}, edited>", "exec"), names
    )  # the course's own text, never a reader's
    return names[solution.__name__]


@dataclass(frozen=True)
class Feedback:
    """What a check answers: its kind, a headline, and sentences below.

    Readable as text and as HTML in both themes.
    """

    kind: str
    headline: str
    sentences: tuple[str, ...] = ()

    def _repr_mimebundle_(self, include=None, exclude=None):
        paragraphs = "".join(
            f"<p style='margin:.35em 0 0'>{_inline_html(sentence)}</p>"
            for sentence in self.sentences
        )
        box = (
            f"<div role='status' style='border-left:.35em solid {COLOURS[self.kind]};padding:.35em"
            f" .9em;max-width:52em;line-height:1.5'><strong>{MARKS[self.kind]}"
            f" {_inline_html(self.headline)}</strong>{paragraphs}</div>"
        )
        text = [f"{MARKS[self.kind]} {self.headline}", *self.sentences]
        return {
            "text/plain": "\n".join(line for part in text for line in _wrapped(part)),
            "text/html": box,
        }


@dataclass(frozen=True)
class Folded:
    """Texts that a reader opens one by one: (summary, text) pairs.

    `code` sets the texts as programs.
    """

    parts: tuple[tuple[str, str], ...]
    code: bool = False

    def _repr_mimebundle_(self, include=None, exclude=None):
        def body(text):
            if self.code:
                return f"<pre style='margin:.4em 0 .4em 1em'>{html.escape(text)}</pre>"
            return f"<p style='margin:.3em 0 .5em 1em'>{_inline_html(text)}</p>"

        folded = "".join(
            (
                "<details><summary"
                f" style='cursor:pointer'>{html.escape(summary)}</summary>{body(text)}</details>"
            )
            for summary, text in self.parts
        )
        plain = "\n".join(
            f"{summary}: {text}" if not self.code else f"{summary}:\n{text}"
            for summary, text in self.parts
        )
        return {
            "text/plain": plain,
            "text/html": f"<div style='max-width:52em;line-height:1.5'>{folded}</div>",
        }


@dataclass(frozen=True)
class Exercise:
    """One exercise: `check` an answer, and on request `hint` and `solution`.

    `answer` is the reference solution: a function, called with the cases as the reader's is. When
    it takes no arguments, the exercise asks for a value, and `answer()` is one. `cases(rng)` draws
    the arguments of one call. `ask(answer, *case)` says how to question an answer that is not just
    called, such as weights to be tried out.
    """

    name: str  # as in exercises.NAME
    answer: Callable
    returns: tuple[str, ...]  # the name of what comes back, or of each part of it
    # what a right answer has proved: "the states, for random sizes, batches and initial states"
    verified: str
    hints: tuple[str, ...]  # from a nudge to nearly the answer
    misconceptions: tuple[Misconception, ...]
    cases: Callable[[np.random.Generator], tuple] = lambda rng: ()
    ask: Callable | None = None

    @property
    def wants_function(self) -> bool:
        """Whether the answer is a function; else it is a value."""
        return bool(inspect.signature(self.answer).parameters)

    @property
    def right_answer(self):
        """What a reader would hand in who got everything right."""
        return self.answer if self.wants_function else self.answer()

    def check(self, answer, *given) -> None:
        """Say how an answer does.

        `given` are further objects of the notebook that the question needs.
        """
        display(self.examine(answer, *given))

    def hint(self) -> None:
        """Show the hints, folded, from a nudge to nearly the answer."""
        display(
            Folded(
                tuple(
                    (f"Hint {n} of {len(self.hints)}", text) for n, text in enumerate(self.hints, 1)
                )
            )
        )

    def solution(self) -> None:
        """Show the source of the reference solution, folded."""
        display(Folded((("Solution", inspect.getsource(self.answer).rstrip()),), code=True))

    def examine(self, answer, *given) -> Feedback:
        """Return what `check` shows, and leave the notebook the random numbers that it would have had without it."""
        python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
        try:
            return self._examine(answer, given)
        finally:  # a new Keras layer, for one, draws from them
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002

    def _examine(self, answer, given):
        if _untouched(answer):
            return self._not_attempted()
        if self.wants_function and not callable(answer):
            return Feedback(
                WRONG,
                f"A function was expected, and a value of type {type(answer).__name__} came.",
                (
                    (
                        "Hand over the function itself, without calling it:"
                        f" `exercises.{self.name}.check({self.name})`."
                    ),
                ),
            )
        cases = list(self.draw_cases())
        try:
            results, changed = _within(
                TIME_LIMIT, lambda: self._question(_watched(answer), cases, given)
            )
        except _NotAttempted:
            return self._not_attempted()
        except _Stopped:
            return Feedback(
                WRONG,
                f"Stopped: no answer within {TIME_LIMIT:.0f} seconds.",
                (
                    (
                        "Is there a loop that never ends? The cases are small: the solution takes a"
                        " moment."
                    ),
                ),
            )
        except _Raised as raised:
            return raised.feedback(answer)
        if changed:
            return Feedback(
                WRONG,
                f"Your function changed its argument {changed}.",
                (
                    "Whoever called it still needs that array. Make a new one: `a = a + b` does,"
                    " while `a += b` and `a[...] = b` write into the old one.",
                ),
            )
        return self._judge(results, cases, given)

    def draw_cases(self) -> Iterator[tuple]:
        """Draw the same random cases at each check."""
        rng = np.random.default_rng(20)
        for _ in range(CASES):
            yield self.cases(rng)

    def _not_attempted(self):
        help_at = f"`exercises.{self.name}.hint()` helps to start."
        return Feedback(
            NOT_ATTEMPTED,
            "Not attempted yet.",
            (f"Replace the `...` and run both cells again. {help_at}",),
        )

    def _question(self, answer, cases, given):
        """Return what the answer gives for each case, and the name of the first argument that it changed."""
        results, changed = [], None
        names = inspect.signature(self.answer).parameters
        for case in cases:
            arguments = _copy(case)
            try:
                with np.errstate(all="ignore"):
                    if self.ask:
                        result = self.ask(answer, *arguments, *given)
                    else:
                        result = answer(*arguments) if self.wants_function else answer
                    results.append(_plain(result))
            except (_Stopped, _NotAttempted):
                raise
            except BaseException as error:  # SystemExit, from exit() in an answer, too
                raise _Raised(error, dict(zip(names, case, strict=False))) from error
            pairs = zip(names, case, arguments, strict=False)
            changed = changed or next(
                (f"`{name}`" for name, old, new in pairs if not _same(old, new)), None
            )
        return results, changed

    def _judge(self, results, cases, given):
        expected, _ = self._question(self.right_answer, cases, given)
        if all(
            _agree(self._parts(r), self._parts(e)) for r, e in zip(results, expected, strict=True)
        ):
            on = f", on {len(cases)} random cases" if cases[0] else ""
            return Feedback(RIGHT, f"Right: {self.verified}{on}.")
        for misconception in self.misconceptions:
            wrong = misconception.wrong if self.wants_function else misconception.wrong()
            theirs = (
                self._question(wrong, [case], given)[0][0] for case in cases
            )  # up to the first that disagrees
            if all(
                _agree(self._parts(r), self._parts(w)) for r, w in zip(results, theirs, strict=True)
            ):
                return Feedback(
                    RECOGNISED,
                    f"Wrong, and this is what happened: {misconception.name}.",
                    (misconception.says, f"Read again: {misconception.reread}."),
                )
        pairs = zip(results, expected, strict=True)
        result, right = next((r, e) for r, e in pairs if not _agree(self._parts(r), self._parts(e)))
        headline, sentence = _first_disagreement(self._parts(result), self._parts(right), result)
        gives_it_away = not self.wants_function and not self.ask and "xpected" in sentence
        return Feedback(WRONG, headline, () if gives_it_away else (sentence,))

    def _parts(self, result):
        """Name the parts of a result: {"dW_hh": array, …}.

        None where a part is missing or too much.
        """
        if len(self.returns) == 1:
            return {self.returns[0]: result}
        if isinstance(result, Mapping):
            return {name: result.get(name) for name in self.returns}
        if isinstance(result, tuple | list) and len(result) == len(self.returns):
            return dict(zip(self.returns, result, strict=True))
        return dict.fromkeys(self.returns)


def _untouched(answer):
    for kind, parts in ((tuple, tuple.__iter__), (list, list.__iter__), (dict, dict.values)):
        if isinstance(answer, kind):
            return any(part is ... for part in parts(answer))
    return answer is ...


def _plain(value):
    """Return a result in Python's and NumPy's own types.

    What a reader's class says of `len`, `==` … plays no part.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in dict(value).items()}
    for kind in (tuple, list):
        if isinstance(value, kind):
            return kind(map(_plain, kind.__iter__(value)))
    return np.asarray(value) if _is_array(value) else value


def _watched(answer):
    """Return the same function, except that a stub left as it is says so wherever it is called from."""
    if not callable(answer):
        return answer

    @functools.wraps(answer)
    def watched(*args, **kwargs):
        result = answer(*args, **kwargs)
        if _untouched(result):
            raise _NotAttempted
        return result

    return watched


class _Stopped(BaseException):
    """Raised inside a reader's function that takes too long.

    No Exception, so that `except Exception` lets it by.
    """


class _NotAttempted(BaseException):
    """Raised when a stub is called."""


class _Raised(Exception):
    """What an answer raised, and the arguments it was given."""

    def __init__(self, error, arguments):
        self.error, self.arguments = error, arguments

    def feedback(self, answer):
        """Tell it in plain sentences, with the line in the reader's own function."""
        try:
            message = textwrap.shorten(
                " ".join(core_message(self.error).split()), 300, placeholder=" …"
            )
        except Exception:  # an exception of the reader's own, whose __str__ fails
            message = ""
        sentences = [f"It said: {message}"] if message else []
        code = _code(answer)
        own = [
            f
            for f in traceback.extract_tb(self.error.__traceback__)
            if code and f.filename == code.co_filename
        ]
        if own and own[-1].line:
            sentences.append(
                f"That was in line {own[-1].lineno - code.co_firstlineno + 1}: `{own[-1].line}`"
            )
        shapes = [
            f"{name} {value.shape}" for name, value in _leaves(self.arguments) if _is_array(value)
        ]
        if shapes:
            sentences.append(f"The shapes that came in: {', '.join(shapes)}.")
        who = "Your function" if callable(answer) else "Trying your answer out"
        return Feedback(
            WRONG, f"{who} stopped with a {type(self.error).__name__}.", tuple(sentences)
        )


def _code(answer):
    """Return the code of a function, below its decorators, or None."""
    try:
        code = getattr(inspect.unwrap(answer), "__code__", None)
    except (
        Exception
    ):  # no function, but an object that says that it wraps itself, or fails when asked
        return None
    return code if isinstance(code, CodeType) else None


def _leaves(arguments):
    """Yield (name, value) of arguments, those of a NamedTuple by their own names."""
    for name, value in arguments.items():
        if hasattr(value, "_asdict"):
            yield from _leaves(value._asdict())
        else:
            yield name, value


def _within(seconds, call):
    """Run `call` in a thread and stop it there when it takes too long.

    The one way that works on every system.

    Python in a browser (Emscripten) has no threads, so there the call looks at the clock at each of
    its lines.
    """
    outcome, over = {}, threading.Event()

    def run():
        try:
            outcome["result"] = call()
        except (_Stopped, _NotAttempted, _Raised) as error:
            outcome["error"] = error
        except BaseException as error:  # raised by what an answer makes of being looked at
            outcome["error"] = _Raised(error, {})
        finally:
            over.set()

    if sys.platform == "emscripten":
        sys.settrace(_until(time.monotonic() + seconds))
        try:
            run()
        finally:
            sys.settrace(None)
    else:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        computing, clock = time.process_time(), time.monotonic()
        try:  # with an event, because a join that is interrupted takes the thread for finished
            while not over.wait(0.01) and time.monotonic() - clock < PATIENCE * seconds:
                if min(time.process_time() - computing, time.monotonic() - clock) > seconds:
                    break
        finally:  # also when the reader interrupts the check
            if late := not over.is_set():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident), ctypes.py_object(_Stopped)
                )
        if late:
            over.wait(1.0)
            raise _Stopped
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def _until(deadline):
    """Return a trace function that stops what it traces after `deadline`."""

    def trace(frame, event, argument):
        if time.monotonic() > deadline:
            raise _Stopped
        return trace

    return trace


def _copy(value):
    """Copy arrays and what holds them, and generators.

    Anything else, such as a Keras layer, is handed on.
    """
    if isinstance(value, np.ndarray | np.random.Generator):
        return copy.deepcopy(value)
    if isinstance(value, tuple | list):
        parts = [_copy(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return value


def _same(old, new):
    if isinstance(old, np.ndarray):
        return isinstance(new, np.ndarray) and np.array_equal(
            old, new, equal_nan=old.dtype.kind == "f"
        )
    if isinstance(old, tuple | list):
        return type(new) is type(old) and len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, dict):
        return (
            isinstance(new, dict)
            and old.keys() == new.keys()
            and all(_same(old[key], new[key]) for key in old)
        )
    if isinstance(old, str | int | float):
        return new is old or (type(new) is type(old) and new == old)
    return True


def _agree(parts, expected):
    return all(_mismatch(name, parts[name], expected[name]) is None for name in expected)


def _is_array(value):
    return isinstance(value, np.ndarray) or (
        hasattr(value, "numpy") and hasattr(value, "shape")
    )  # NumPy or TensorFlow


def _is_scalar(value):
    return isinstance(value, np.ndarray) and value.shape == ()


def _mismatch(name, value, expected):
    """Say how `value` differs from what was expected, in a headline and a sentence.

    None when it does not.
    """
    if value is None and expected is not None:
        return (
            f"{name} is None.",
            "Does your function end with a `return`, with everything that was asked for?",
        )
    if isinstance(expected, str | bool | np.bool_ | None):
        matches = isinstance(value, str | bool | np.bool_ | None) and value == expected
        return (
            None if matches else (f"{name} is not right.", f"Expected {expected!r}, got {value!r}.")
        )
    if isinstance(expected, int | float | np.number):
        if isinstance(value, bool) or not (
            isinstance(value, int | float | np.number) or _is_scalar(value)
        ):
            return f"{name} should be a number.", f"A value of type {type(value).__name__} came."
    elif _is_array(expected):
        if not _is_array(value) and not isinstance(value, np.number):
            return f"{name} should be an array.", f"A value of type {type(value).__name__} came."
    else:  # a tuple or a list
        if not isinstance(value, tuple | list) or len(value) != len(expected):
            return f"{name} should have {len(expected)} entries.", f"{_kind(value)} came."
        pairs = zip(value, expected, strict=True)
        return next(
            (m for n, (v, e) in enumerate(pairs) if (m := _mismatch(f"{name}[{n}]", v, e))), None
        )
    value, expected = np.asarray(value), np.asarray(expected)
    if value.dtype.kind not in "fiub":
        return f"{name} should hold numbers.", f"Its dtype is {value.dtype}."
    if value.shape != expected.shape:
        says = f"Expected {expected.shape}, got {value.shape}."
        if value.shape == expected.shape[::-1]:
            says += " That is the shape of the transpose."
        return f"{name} has the wrong shape.", says
    if expected.dtype.kind == "f" and value.dtype != expected.dtype:
        return (
            f"{name} has the wrong dtype.",
            f"Expected {expected.dtype}, as the inputs are; got {value.dtype}.",
        )
    if not np.all(np.isfinite(value)):
        where = tuple(np.argwhere(~np.isfinite(value))[0])
        return f"{name} is not finite.", f"The entry {_index(where)} is {value[where]}."
    far = _far(value, expected)
    if not far.any():
        return None
    if value.ndim == 2 and value.shape[0] == value.shape[1] and not _far(value.T, expected).any():
        return (
            f"{name} is transposed.",
            "Its transpose agrees in every entry. Which index comes first?",
        )
    where = tuple(np.argwhere(far)[0])
    of = (
        f"{far.sum()} of {far.size} entries differ. The first is {_index(where)}: " if where else ""
    )
    return f"{name} is not right.", f"{of}expected {expected[where]:.7g}, got {value[where]:.7g}."


def _far(value, expected):
    """Say of each entry whether it differs by more than rounding."""
    difference = np.subtract(value, expected, dtype=np.float64)  # booleans too
    return np.abs(difference) > TOLERANCE * np.max(np.abs(expected), initial=1)


def _first_disagreement(parts, expected, result):
    if all(part is None for part in parts.values()) and len(parts) > 1:
        return f"{len(parts)} results were asked for: {', '.join(parts)}.", f"{_kind(result)} came."
    return next(m for name in expected if (m := _mismatch(name, parts[name], expected[name])))


def _kind(value):
    name = type(value).__name__
    if isinstance(value, tuple | list | Mapping):
        return f"A {name} of {len(value)}"
    return "None" if value is None else f"A value of type {name}"


def _index(where):
    return f"[{', '.join(map(str, where))}]"


def _inline_html(text):
    """Escape a sentence and set what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _wrapped(text):
    return textwrap.wrap(text, 110, subsequent_indent="  ")

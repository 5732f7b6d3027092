"""The engine of the exercises: run an answer on random cases and say what happened in plain words.

An `Exercise` carries its reference solution and real wrong solutions (`Misconception`). An answer
that behaves as one of these on every case gets that one's name and explanation; so a diagnosis is
always an observation, never a guess. What fits any exercise is in `compare`.
"""

import html
import inspect
import random
import re
import textwrap
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from helpers.teaching.checks import core_message
from helpers.teaching.exercises.compare import diagnose, entries, mismatch

import numpy as np
from IPython.display import display

CASES = 6

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
    """A classic wrong answer: how it behaves, its name, why it is wrong, and what to read again."""

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
            raise ValueError(f"{solution.__name__} has no {old!r} to be replaced by {new!r}")
        source = source.replace(old, new)
    names = dict(inspect.unwrap(solution).__globals__)
    exec(compile(source, f"<{solution.__name__}, edited>", "exec"), names)  # the course's own text
    return names[solution.__name__]


@dataclass(frozen=True)
class Feedback:
    """What a check answers: its kind, a headline, and sentences below; as text and as HTML."""

    kind: str
    headline: str
    sentences: tuple[str, ...] = ()

    def _repr_mimebundle_(self, include=None, exclude=None):
        paragraphs = "".join(
            f"<p style='margin:.35em 0 0'>{_inline_html(text)}</p>" for text in self.sentences
        )
        box = (
            f"<div role='status' style='border-left:.35em solid {COLOURS[self.kind]};"
            f"padding:.35em .9em;max-width:52em;line-height:1.5'><strong>{MARKS[self.kind]}"
            f" {_inline_html(self.headline)}</strong>{paragraphs}</div>"
        )
        text = [f"{MARKS[self.kind]} {self.headline}", *self.sentences]
        plain = "\n".join(textwrap.fill(part, 110, subsequent_indent="  ") for part in text)
        return {"text/plain": plain, "text/html": box}


@dataclass(frozen=True)
class Folded:
    """Texts that a reader opens one by one: (summary, text) pairs; `code` sets them as programs."""

    parts: tuple[tuple[str, str], ...]
    code: bool = False

    def _repr_mimebundle_(self, include=None, exclude=None):
        plain, folded = [], []
        for summary, text in self.parts:
            plain.append(f"{summary}:\n{text}" if self.code else f"{summary}: {text}")
            body = (
                f"<pre style='margin:.4em 0 .4em 1em'>{html.escape(text)}</pre>"
                if self.code
                else f"<p style='margin:.3em 0 .5em 1em'>{_inline_html(text)}</p>"
            )
            folded.append(
                f"<details><summary style='cursor:pointer'>{html.escape(summary)}</summary>"
                f"{body}</details>"
            )
        box = f"<div style='max-width:52em;line-height:1.5'>{''.join(folded)}</div>"
        return {"text/plain": "\n".join(plain), "text/html": box}


@dataclass(frozen=True)
class Exercise:
    """One exercise: `check` an answer, and on request `hint` and `solution`.

    `answer` is the reference solution: a function, called with the cases as the reader's is. When
    it takes no arguments, the exercise asks for a value, and `answer()` is one. `cases(rng)` draws
    the arguments of one call, `also(rng)` those of a last one, where shapes stop what fitted by
    chance. `ask(answer, *case)` says how to question an answer that is not just
    called, such as weights to be tried out. `axes` says which axes arguments and results have, by
    their names: {"x": "B T D", "h": "B T H"}; results that stand there get general diagnoses.
    """

    name: str  # as in exercises.NAME, and that of the stub
    answer: Callable
    returns: tuple[str, ...]  # the name of what comes back, or of each part of it
    verified: str  # what a right answer has proved: "the states, for random sizes and batches"
    hints: tuple[str, ...]  # from a nudge to nearly the answer
    misconceptions: tuple[Misconception, ...]
    cases: Callable[[np.random.Generator], tuple] = lambda rng: ()
    also: Callable[[np.random.Generator], tuple] | None = None
    ask: Callable | None = None
    axes: Mapping[str, str] = field(default_factory=dict)

    @property
    def wants_function(self) -> bool:
        """Whether the answer is a function; else it is a value."""
        return bool(inspect.signature(self.answer).parameters)

    @property
    def right_answer(self):
        """What a reader would hand in who got everything right."""
        return self.answer if self.wants_function else self.answer()

    def check(self, answer, *given) -> None:
        """Say how an answer does. `given` are further things that the question needs."""
        display(self.examine(answer, *given))

    def hint(self) -> None:
        """Show the hints, folded, from a nudge to nearly the answer."""
        number = len(self.hints)
        display(Folded(tuple((f"Hint {n} of {number}", h) for n, h in enumerate(self.hints, 1))))

    def solution(self) -> None:
        """Show the source of the reference solution, folded."""
        display(Folded((("Solution", self.source),), code=True))

    @property
    def source(self) -> str:
        """The solution as one would write it into the stub."""
        if self.wants_function:
            return inspect.getsource(self.answer).rstrip()
        value = self.answer()
        written = repr(value)
        if isinstance(value, dict):
            entries = (f"    {name!r}: {part!r},\n" for name, part in value.items())
            written = f"{{\n{''.join(entries)}}}"
        return f"# {self.answer.__doc__.splitlines()[0]}\n{self.name} = {written}"

    def examine(self, answer, *given) -> Feedback:
        """Return what `check` shows; the notebook's own random numbers go on as without it."""
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
                (f"Hand it over without calling it: `exercises.{self.name}.check({self.name})`.",),
            )
        rng = np.random.default_rng(20)  # the same cases at each check
        cases = [self.cases(rng) for _ in range(CASES)] + ([self.also(rng)] if self.also else [])
        results = []
        for case in cases:
            arguments = _copy(case)
            try:
                results.append(self._question(answer, arguments, given))
            except Exception as error:
                if len(results) == CASES:  # only the last one stopped: a name says more than that
                    verdict = self._judge(results, cases[:CASES], given)
                    if verdict.kind == RECOGNISED:
                        return verdict
                return self._raised(error, answer, case)
            if _untouched(results[-1]):
                return self._not_attempted()
            for name, old, new in zip(self._takes(), case, arguments, strict=False):
                if not _same(old, new):
                    return Feedback(
                        WRONG,
                        f"Your function changed its argument `{name}`.",
                        (
                            "Whoever called it still needs that array. Make a new one:"
                            " `a = a + b` does, while `a += b` and `a[...] = b` write into the old"
                            " one.",
                        ),
                    )
        return self._judge(results, cases, given)

    def _not_attempted(self):
        says = f"Replace the `...` and run the cell again; `exercises.{self.name}.hint()` helps."
        return Feedback(NOT_ATTEMPTED, "Not attempted yet.", (says,))

    def _takes(self):
        return list(inspect.signature(self.answer).parameters)

    def _question(self, answer, case, given):
        """Return what the answer gives for one case."""
        with np.errstate(all="ignore"):
            if self.ask:
                return self.ask(answer, *case, *given)
            return answer(*case) if self.wants_function else answer

    def _judge(self, results, cases, given):
        if self.wants_function and all(result is None for result in results):
            wanted = ", ".join(f"`{name}`" for name in self.returns)
            return Feedback(
                WRONG,
                "Your function returned nothing.",
                (f"It must end with a `return` and what was asked for: {wanted}.",),
            )

        def parts_of(someones):
            """Yield the named parts of what somebody's answer gives, case after case."""
            return (self._parts(self._question(someones, _copy(case), given)) for case in cases)

        found, expected = [*map(self._parts, results)], [*parts_of(self.right_answer)]
        if all(map(_agree, found, expected)):
            on = f", on {len(cases)} random cases" if cases[0] else ""
            return Feedback(RIGHT, f"Right: {self.verified}{on}.")
        for misconception in self.misconceptions:
            wrong = misconception.wrong if self.wants_function else misconception.wrong()
            if all(map(_agree, found[:CASES], parts_of(wrong))):
                return Feedback(
                    RECOGNISED,
                    f"Wrong, and this is what happened: {misconception.name}.",
                    (misconception.says, f"Read again: {misconception.reread}."),
                )
        axes = {name: letters for name, letters in self.axes.items() if name in self.returns}
        sizes = [self._sizes(case, parts) for case, parts in zip(cases, expected, strict=True)]
        if said := diagnose(found, expected, axes, sizes):
            return Feedback(RECOGNISED, f"Wrong, and this is what happened: {said[0]}.", said[1:])
        everything = zip(found, expected, results, cases, strict=True)
        return self._first_difference(*next(each for each in everything if not _agree(*each[:2])))

    def _first_difference(self, result, right, whole, case):
        came = list(whole) if isinstance(whole, Mapping) else entries(whole)
        if len(right) > 1 and (came is None or len(came) != len(right)):
            asked = ", ".join(f"`{name}`" for name in right)
            of = "" if came is None else f" with {len(came)} entries"
            came = f"Got {type(whole).__name__}{of}."
            return Feedback(WRONG, f"{len(right)} results were asked for: {asked}.", (came,))
        headline, sentence = next(
            m for name in right if (m := mismatch(name, result[name], right[name]))
        )
        if not self.wants_function and not self.ask and "xpected" in sentence:  # gives it away
            return Feedback(WRONG, headline)
        if case and all(_whole(value) for value in case):
            given = zip(self._takes(), case, strict=True)
            sentence += f" That was for {', '.join(f'{name} = {n}' for name, n in given)}."
        return Feedback(WRONG, headline, (sentence,))

    def _parts(self, result):
        """Name the parts of a result: {"dW_hh": array, …}; None where a part is missing."""
        if len(self.returns) == 1:
            return {self.returns[0]: result}
        if isinstance(result, Mapping):
            return {name: result.get(name) for name in self.returns}
        parts = entries(result)
        if parts is None or len(parts) != len(self.returns):
            return dict.fromkeys(self.returns)
        return dict(zip(self.returns, parts, strict=True))

    def _sizes(self, case, parts):
        """Return the sizes of the letters in `axes`, in one case."""
        sizes = {}
        for name, value in [*zip(self._takes(), case, strict=False), *parts.items()]:
            if name in self.axes:
                sizes |= zip(self.axes[name].split(), np.shape(value), strict=True)
        return sizes

    def _raised(self, error, answer, case):
        """Tell in plain sentences what an answer raised, with the line in the reader's own code."""
        message = textwrap.shorten(" ".join(core_message(error).split()), 300, placeholder=" …")
        sentences = [f"It said: {message}"] if message else []
        code = getattr(answer, "__code__", None)
        steps = traceback.extract_tb(error.__traceback__)
        own = [
            step
            for step in steps
            if code and step.filename == code.co_filename and step.lineno >= code.co_firstlineno
        ]
        if own and own[-1].line:
            number = own[-1].lineno - code.co_firstlineno + 1
            sentences.append(f"That was in line {number}: `{own[-1].line}`")
        arrays = [(n, a) for n, a in _leaves(self._takes(), case) if isinstance(a, np.ndarray)]
        if arrays:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays)
            sentences.append(f"The shapes that came in: {shapes}.")
        who = "Your function" if callable(answer) else "Trying your answer out"
        kind = type(error).__name__
        article = "an" if kind[0] in "AEIOU" else "a"
        return Feedback(WRONG, f"{who} stopped with {article} {kind}.", tuple(sentences))


def _agree(parts, expected):
    return all(mismatch(name, parts[name], expected[name]) is None for name in expected)


def _whole(value):
    """Whether a value is a whole number, or a list of some: short enough to be told."""
    if isinstance(value, list):
        return all(map(_whole, value))
    return isinstance(value, int)


def _untouched(answer):
    """Whether a stub's `...` still stands in an answer."""
    if isinstance(answer, Mapping):
        answer = [*answer.values()]
    return answer is ... or (
        isinstance(answer, tuple | list) and any(part is ... for part in answer)
    )


def _leaves(names, values):
    """Yield (name, value) of arguments, those of a NamedTuple by their own names."""
    for name, value in zip(names, values, strict=False):
        if hasattr(value, "_fields"):
            yield from _leaves(value._fields, value)
        else:
            yield name, value


def _copy(value):
    """Copy arrays and what holds them; anything else, such as a Keras layer, is handed on."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tuple | list):
        parts = [_copy(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return value


def _same(old, new):
    """Whether nothing was written into the arrays, lists and dictionaries of an argument."""
    if isinstance(old, np.ndarray):
        return np.array_equal(old, new, equal_nan=old.dtype.kind == "f")
    if isinstance(old, tuple | list):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, dict):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    return not isinstance(old, str | int | float) or old == new


def _inline_html(text):
    """Escape a sentence and set what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))

"""A block that must fail: what is printed, and that a changed behaviour is noticed."""

from helpers.teaching.errors import core_message, must_fail

import pytest

KERAS = (
    "Exception encountered when calling Cell.call().\n\n\x1b[1mTwo words.\x1b[0m\n\n"
    "Arguments received by Cell.call():\n  • states=None"
)


@pytest.mark.parametrize(
    ("error", "core"),
    [
        (ValueError("Two words."), "Two words."),
        (ValueError("\x1b[31mTwo\x1b[0m words."), "Two words."),
        (ValueError(KERAS), "Two words."),
        (
            ValueError("Exception encountered when calling f(): no"),
            "Exception encountered when calling f(): no",
        ),
        (KeyError("a"), "'a'"),
        (ValueError(), ""),
    ],
)
def test_core_message(error, core):
    assert core_message(error) == core


def test_the_error_is_printed_and_goes_no_further(capsys):
    with must_fail(ValueError, "Two", "words"):
        raise ValueError(KERAS)
    assert capsys.readouterr().out == "ValueError: Two words.\n"


def test_a_subclass_is_called_by_its_name(capsys):
    with must_fail(LookupError):
        raise KeyError("a")
    assert capsys.readouterr().out == "KeyError: 'a'\n"


@pytest.mark.parametrize(("lines", "printed"), [(1, "one"), (2, "one two"), (9, "one two three")])
def test_first_lines(lines, printed, capsys):
    with must_fail(ValueError, "three", lines=lines):
        raise ValueError("one\n\n  two\nthree")
    assert capsys.readouterr().out == f"ValueError: {printed}\n"


def test_long_messages_are_wrapped(capsys):
    with must_fail(ValueError):
        raise ValueError("word " * 60)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) > 1 and max(map(len, printed)) <= 90 and printed[1].startswith("    word")


def test_silence_is_noticed():
    with pytest.raises(AssertionError, match="no longer raises ValueError"), must_fail(ValueError):
        pass


def test_another_message_is_noticed():
    with pytest.raises(AssertionError, match="no longer says 'time_major': new words"):
        with must_fail(ValueError, "time_major"):
            raise ValueError("new words")


def test_another_error_passes_through():
    with pytest.raises(KeyError), must_fail(ValueError):
        raise KeyError("a")

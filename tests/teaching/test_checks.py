"""Two things that must agree and a block that must fail: what is printed, and what is noticed."""

from helpers.teaching.checks import agree, core_message, must_fail

import numpy as np
import pytest

KERAS = (
    "Exception encountered when calling Cell.call().\n\n\x1b[1mTwo words.\x1b[0m\n\n"
    "Arguments received by Cell.call():\n  • states=None"
)


def test_what_agrees_is_said_in_one_line(capsys):
    agree("(6)", [1.0, 2.0], np.array([1.0, 2.0 + 1e-9]))
    agree("size", 1000.0, 1000.4, within=1e-3)  # of the largest entry
    assert capsys.readouterr().out == "(6): agree within 1e-08\nsize: agree within 0.001\n"


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ([1.0, 2.0], [1.0, 2.1], r"\(6\): 2.0 and 2.1 at \[1\] differ by more than 1e-08"),
        (1.0, 1.1, r"\(6\): 1.0 and 1.1 differ by more than 1e-08"),
        (np.nan, np.nan, "nan and nan differ"),
        ([1.0], [[1.0]], r"\(6\): shapes \(1,\) and \(1, 1\)"),
        (1.0, [1.0, 1.0], r"\(6\): shapes \(\) and \(2,\)"),
    ],
)
def test_what_does_not_agree_is_said(a, b, says):
    with pytest.raises(AssertionError, match=says):
        agree("(6)", a, b)


@pytest.mark.parametrize(
    ("error", "core"),
    [
        (ValueError("Two words."), "Two words."),
        (ValueError(KERAS), "Two words."),
        (ValueError("Exception encountered in f()"), "Exception encountered in f()"),
        (ValueError("{{function_node __wrapped__AddV2}} no"), "no"),
        (ValueError(), ""),
    ],
)
def test_core_message(error, core):
    assert core_message(error) == core


def test_the_error_is_printed_under_its_own_name_and_goes_no_further(capsys):
    with must_fail(LookupError, "a"):
        raise KeyError("a")
    assert capsys.readouterr().out == "KeyError: 'a'\n"


def test_the_first_lines_are_printed_and_wrapped(capsys):
    with must_fail(ValueError, "three", lines=2):
        raise ValueError("one\n\n  two\nthree")
    assert capsys.readouterr().out == "ValueError: one two\n"
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

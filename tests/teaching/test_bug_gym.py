"""The bug gym.

The reading rules of the workshop tell every pair of bugs apart, right diagnoses are confirmed and
wrong ones are not.
"""

import re

from helpers.numpy_rnn import RNNGrads, rnn_backward
from helpers.teaching.exercises import bug_gym
from helpers.teaching.exercises.bug_gym import BUGS, ORDER, PASSES, RIGHT_BELOW, SITUATIONS, errors
from helpers.teaching.exercises.engine import NOT_ATTEMPTED, RECOGNISED, RIGHT, WRONG
from tools.notebooks import NOTEBOOKS, read

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import refused
from matplotlib.text import Text

NUMBERS = range(1, len(ORDER) + 1)
ROWS = RNNGrads._fields
COLUMNS = [name.replace("\n", " ") for name in SITUATIONS]


def wrong_cells(name):
    return errors(PASSES[name]) > RIGHT_BELOW


def rows_with_a_fault(wrong):
    return {row for row, cells in zip(ROWS, wrong, strict=True) if cells.any()}


def rows_at(wrong, column):
    return {row for row, cell in zip(ROWS, wrong[:, COLUMNS.index(column)], strict=True) if cell}


def wholly_right(wrong):
    return {column for column in COLUMNS if not rows_at(wrong, column)}


def text_of(feedback):
    return feedback._repr_mimebundle_()["text/plain"]


# The rules

ALL = {*ROWS}
RULES = {  # as the workshop words them, and as conditions on the cells that are wrong
    "bias averaged": (
        "One row is wrong, except for a single sample",
        lambda w: len(rows_with_a_fault(w)) == 1 and wholly_right(w) == {"a single sample"},
    ),
    "h_t for h_prev": (
        "One row is wrong, everywhere",
        lambda w: len(rows_with_a_fault(w)) == 1 and not wholly_right(w),
    ),
    "overwritten, not summed": (
        "W_xh, W_hh and b are wrong, x and h_0 are right",
        lambda w: rows_with_a_fault(w) == {"W_xh", "W_hh", "b"},
    ),
    "masked step counts": (
        "Only where steps are masked",
        lambda w: wholly_right(w) == {*COLUMNS} - {"first steps masked"},
    ),
    "slope forgotten": (
        "All five rows are wrong at T = 1, and right for tiny weights",
        lambda w: rows_at(w, "T = 1") == ALL and wholly_right(w) == {"tiny weights"},
    ),
    "W_hh not transposed": (
        "At T = 1 only h_0 is wrong",
        lambda w: rows_at(w, "T = 1") == {"h_0"} and rows_with_a_fault(w) == ALL,
    ),
    "carry dropped": (
        "T = 1 alone is right",
        lambda w: wholly_right(w) == {"T = 1"} and rows_with_a_fault(w) == ALL,
    ),
    "last loss only": (
        "T = 1 and the last loss only are right",
        lambda w: wholly_right(w) == {"T = 1", "last loss only"} and rows_with_a_fault(w) == ALL,
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_each_bug_fits_its_own_reading_rule_and_no_other(name):
    fits = [other for other, (_, rule) in RULES.items() if rule(wrong_cells(name))]
    assert fits == [name]


def test_the_workshop_states_every_rule_in_these_words():
    cells = read(NOTEBOOKS / "workshops" / "gradients_under_test.ipynb").cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert {*RULES} == {*BUGS}
    assert [words for words, _ in RULES.values() if f"**{words}.**" not in text] == []


@pytest.mark.parametrize("name", BUGS)
def test_each_cell_of_a_bug_is_clearly_wrong_or_clearly_right(name):
    measured = errors(PASSES[name])
    assert not np.any((measured > RIGHT_BELOW / 3) & (measured < 10 * RIGHT_BELOW))


# What the bugs are compared with


def test_the_right_pass_agrees_with_central_differences_and_with_the_course():
    assert errors(bug_gym.backward).max() < 1e-8
    for situation in SITUATIONS.values():
        arguments = bug_gym.arguments_in(situation)
        for ours, theirs in zip(
            bug_gym.backward(*arguments), rnn_backward(*arguments), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_the_situations_are_what_their_names_say():
    situations = dict(zip(COLUMNS, map(bug_gym.arguments_in, SITUATIONS.values()), strict=True))
    for _, _, h, dh, h_0, mask in situations.values():
        assert np.abs(h_0).min() > 0.001 and np.all(dh[:, -1]) and mask.any(axis=1).all()
        assert h.shape == dh.shape and mask.shape == h.shape[:2]
    assert [situations[f"T = {T}"][1].shape[1] for T in (1, 2, 6)] == [1, 2, 6]
    assert not np.any(situations["last loss only"][3][:, :-1])
    assert len(situations["a single sample"][1]) == 1
    assert (~situations["first steps masked"][5]).sum(axis=1).tolist() == [1, 2, 3]
    assert np.abs(situations["tiny weights"][2]).max() < 0.01


# Diagnosis


def test_every_bug_has_a_number_and_not_in_the_order_of_the_list():
    assert sorted(ORDER) == sorted(BUGS) and 6 <= len(ORDER) <= 8
    assert not any(numbered == name for numbered, name in zip(ORDER, BUGS, strict=True))


@pytest.mark.parametrize("n", NUMBERS)
def test_the_right_diagnosis_is_confirmed_and_no_other(n):
    for name in BUGS:
        feedback = bug_gym.compare(n, name)
        assert feedback.headline.endswith(f": {name}.")
        assert feedback.kind == (RIGHT if name == ORDER[n - 1] else WRONG)
    assert bug_gym.compare(n, ...).kind == NOT_ATTEMPTED


def test_a_wrong_diagnosis_is_answered_by_a_cell_that_contradicts_it():
    for n, actual in enumerate(ORDER, 1):
        for name in {*BUGS} - {actual}:
            (telling,) = bug_gym.compare(n, name).sentences
            row, column, would_be, number, is_here = re.fullmatch(
                r"With that bug, the gradient with respect to (\w+) at “(.+)” would be (\w+)\."
                r" With bug (\d) it is (\w+)\.",
                telling,
            ).groups()
            cell = ROWS.index(row), COLUMNS.index(column)
            assert number == str(n) and {would_be, is_here} == {"right", "wrong"}
            assert wrong_cells(name)[cell] == (would_be == "wrong")
            assert wrong_cells(actual)[cell] == (is_here == "wrong")


@pytest.mark.parametrize("unknown", ["typo", "", None, 3, ["slope forgotten"]])
def test_an_unknown_bug_lists_the_names(unknown):
    feedback = bug_gym.compare(1, unknown)
    assert feedback.kind == WRONG and repr(unknown) in feedback.headline
    assert all(f"`{name}`" in feedback.sentences[0] for name in BUGS)


@pytest.mark.parametrize("n", [0, len(ORDER) + 1, -1, "2", None, 1.5])
def test_there_is_no_such_bug(n):
    for function in (bug_gym.fingerprint, bug_gym.source, lambda n: bug_gym.diagnose(n, ...)):
        with refused(ValueError, f"n must be the number of a bug, 1 to {len(ORDER)}", repr(n)):
            function(n)


# Repair


@pytest.mark.parametrize("n", NUMBERS)
def test_a_repaired_bug(n):
    assert bug_gym.examine(n, bug_gym.backward).kind == RIGHT
    assert bug_gym.examine(n, rnn_backward).kind == RIGHT
    assert bug_gym.examine(n, lambda *arguments: ...).kind == NOT_ATTEMPTED
    for name in BUGS:
        feedback = bug_gym.examine(n, PASSES[name])
        says = (
            f"it still behaves as bug {n}"
            if name == ORDER[n - 1]
            else f"it behaves as “{name}” now"
        )
        assert feedback.kind == RECOGNISED and says in feedback.headline


def test_a_repair_that_is_wrong_otherwise():
    feedback = bug_gym.examine(
        2, lambda *arguments: tuple(1.1 * g for g in bug_gym.backward(*arguments))
    )
    assert feedback.kind == WRONG and "entries differ" in text_of(feedback)


@pytest.mark.parametrize("n", NUMBERS)
def test_the_source_that_is_shown_is_the_bug(n, monkeypatch):
    shown = []
    monkeypatch.setattr(bug_gym, "display", shown.append)
    bug_gym.source(n)
    namespace = {"np": np}
    exec(shown[0].parts[0][1], namespace)
    np.testing.assert_array_equal(errors(namespace[f"bug_{n}"]), errors(PASSES[ORDER[n - 1]]))


# The picture


def test_a_fingerprint_says_in_words_what_it_draws(monkeypatch):
    shown = []
    monkeypatch.setattr(bug_gym.figures, "show", lambda figure, alt: shown.append((figure, alt)))
    bug_gym.fingerprint(ORDER.index("bias averaged") + 1)
    bug_gym.fingerprint(bug_gym.backward)
    (figure, alt), (repaired, all_right) = shown
    assert "respect to W_xh, W_hh, x, h_0 right everywhere; b wrong at: T = 1, T = 2" in alt
    assert all_right == (
        "Your function. Gradients with respect to W_xh, W_hh, b, x, h_0 right everywhere."
    )
    for drawn, right in ((figure, 29), (repaired, 35)):
        texts = [text for text in drawn.findobj(Text) if text.get_text()]
        assert sum(text.get_text() == "✓" for text in texts) == right
        assert min(text.get_fontsize() for text in texts) >= 9
    assert plt.get_fignums() == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["bias averaged", "slope forgotten"])  # one row; almost all cells
def test_a_fingerprint_is_drawn_without_a_warning_and_described_alike_each_time(name, capsys):
    n = ORDER.index(name) + 1
    bug_gym.fingerprint(n)
    first = capsys.readouterr().out
    bug_gym.fingerprint(n)
    assert first == capsys.readouterr().out != ""

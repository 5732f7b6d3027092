"""The bug gym.

Every patient is ill and distinguishable, right diagnoses are supported and wrong ones are not.
"""

import re

from helpers.numpy_rnn import rnn_backward
from helpers.teaching.exercises import bug_gym
from helpers.teaching.exercises.bug_gym import (
    BUGS,
    PASSES,
    PATIENTS,
    RIGHT_BELOW,
    SITUATIONS,
    errors,
)
from helpers.teaching.exercises.engine import NOT_ATTEMPTED, RECOGNISED, RIGHT, WRONG
from tools.notebooks import NOTEBOOKS, read

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import refused
from matplotlib.text import Text

NUMBERS = range(1, len(PATIENTS) + 1)


def wrong_cells(name):
    return errors(PASSES[name]) > RIGHT_BELOW


def text_of(feedback):
    return feedback._repr_mimebundle_()["text/plain"]


def test_the_right_pass_agrees_with_central_differences_and_with_the_course():
    assert errors(bug_gym.backward).max() < 1e-8
    for situation in SITUATIONS.values():
        arguments = bug_gym.arguments_in(situation)
        for ours, theirs in zip(
            bug_gym.backward(*arguments), rnn_backward(*arguments), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_the_situations_are_what_their_names_say():
    situations = dict(zip(SITUATIONS, map(bug_gym.arguments_in, SITUATIONS.values()), strict=True))
    for _, _, h, dh, h_0, mask in situations.values():
        assert np.abs(h_0).min() > 0.001 and np.all(dh[:, -1]) and mask.any(axis=1).all()
        assert h.shape == dh.shape and mask.shape == h.shape[:2]
    assert [situations[f"T = {T}"][1].shape[1] for T in (1, 2, 6)] == [1, 2, 6]
    assert not np.any(situations["last loss\nonly"][3][:, :-1])
    assert len(situations["a single\nsample"][1]) == 1
    assert (~situations["first steps\nmasked"][5]).sum(axis=1).tolist() == [1, 2, 3]
    assert np.abs(situations["tiny\nweights"][2]).max() < 0.01


def test_every_bug_is_a_patient_and_not_in_the_order_of_the_list():
    assert sorted(PATIENTS) == sorted(BUGS) and len(PATIENTS) >= 8
    assert not any(patient == name for patient, name in zip(PATIENTS, BUGS, strict=True))


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_is_clearly_wrong_somewhere_and_clearly_right_or_wrong_in_each_cell(name):
    measured = errors(PASSES[name])
    assert wrong_cells(name).any()
    assert not np.any((measured > RIGHT_BELOW / 3) & (measured < 10 * RIGHT_BELOW))


def test_no_two_bugs_make_the_same_cells_wrong():
    assert len({wrong_cells(name).tobytes() for name in BUGS}) == len(BUGS)


def test_what_to_read_again_exists():
    path = NOTEBOOKS / "03_backpropagation_through_time.ipynb"
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    for bug in BUGS.values():
        for section in re.findall(r"section (\d+)", bug.reread):
            assert f"\n## {section} · " in f"\n{text}", bug.reread
    assert "the rule for the mask" in text


@pytest.mark.parametrize("n", NUMBERS)
def test_the_right_diagnosis_is_supported_and_no_other(n):
    for name in BUGS:
        feedback = bug_gym.judge(n, name)
        assert name in feedback.headline
        assert feedback.kind == (RIGHT if name == PATIENTS[n - 1] else WRONG)
    assert bug_gym.judge(n, ...).kind == NOT_ATTEMPTED


def test_a_wrong_diagnosis_is_told_by_a_cell_that_contradicts_it():
    for n, actual in enumerate(PATIENTS, 1):
        for name in set(BUGS) - {actual}:
            telling, agreeing = bug_gym.judge(n, name).sentences
            row, column, would_be = re.search(
                r"by (\w+) at “(.+?)” would be (right|wrong)", telling
            ).groups()
            cell = (
                ["W_xh", "W_hh", "b", "x", "h_0"].index(row),
                [s.replace("\n", " ") for s in SITUATIONS].index(column),
            )
            assert wrong_cells(name)[cell] == (would_be == "wrong") != wrong_cells(actual)[cell]
            same = (wrong_cells(name) == wrong_cells(actual)).sum()
            assert agreeing.startswith(f"In {same} of the 35 cells")


def test_a_diagnosis_in_plain_words():
    feedback = bug_gym.judge(PATIENTS.index("h_t for h_prev") + 1, "h_0 taken for zero")
    assert feedback.headline == "The evidence speaks against it: h_0 taken for zero."
    telling, agreeing = feedback.sentences
    assert re.fullmatch(
        r"With that bug, the gradient by W_hh at “.+” would be right. This patient is .+", telling
    )
    assert agreeing == "In 34 of the 35 cells the two agree on right or wrong."


@pytest.mark.parametrize("unknown", ["flu", "", None, 3, ["slope forgotten"]])
def test_an_unknown_bug_lists_the_names(unknown):
    feedback = bug_gym.judge(1, unknown)
    assert feedback.kind == WRONG and repr(unknown) in feedback.headline
    assert all(f"`{name}`" in feedback.sentences[0] for name in BUGS)


@pytest.mark.parametrize("n", [0, len(PATIENTS) + 1, -1, "2", None, 1.5])
def test_there_is_no_such_patient(n):
    for function in (bug_gym.fingerprint, bug_gym.source, lambda n: bug_gym.diagnose(n, ...)):
        with refused(
            ValueError, f"n must be the number of a patient, 1 to {len(PATIENTS)}", repr(n)
        ):
            function(n)


@pytest.mark.parametrize("n", NUMBERS)
def test_a_repaired_patient(n):
    assert bug_gym.examine(n, bug_gym.backward).kind == RIGHT
    assert bug_gym.examine(n, rnn_backward).kind == RIGHT
    assert bug_gym.examine(n, lambda *arguments: ...).kind == NOT_ATTEMPTED
    for name in BUGS:
        feedback = bug_gym.examine(n, PASSES[name])
        says = (
            f"it still behaves as patient {n}"
            if name == PATIENTS[n - 1]
            else f"it behaves as “{name}” now"
        )
        assert feedback.kind == RECOGNISED and says in feedback.headline


def test_a_repair_that_is_wrong_otherwise():
    feedback = bug_gym.examine(
        2, lambda *arguments: tuple(1.1 * g for g in bug_gym.backward(*arguments))
    )
    assert feedback.kind == WRONG and "entries differ" in text_of(feedback)


@pytest.mark.parametrize("n", NUMBERS)
def test_the_source_that_is_shown_is_the_patient(n, monkeypatch):
    shown = []
    monkeypatch.setattr(bug_gym, "display", shown.append)
    bug_gym.source(n)
    namespace = {"np": np}
    exec(shown[0].parts[0][1], namespace)
    np.testing.assert_array_equal(
        errors(namespace[f"patient_{n}"]), errors(PASSES[PATIENTS[n - 1]])
    )


def test_a_fingerprint_says_in_words_what_it_draws(monkeypatch):
    shown = []
    monkeypatch.setattr(bug_gym.figures, "show", lambda figure, alt: shown.append((figure, alt)))
    bug_gym.fingerprint(PATIENTS.index("bias averaged") + 1)
    bug_gym.fingerprint(bug_gym.backward)
    (figure, alt), (healthy, all_right) = shown
    assert "Gradients by W_xh, W_hh, x, h_0: right everywhere; by b: wrong at: T = 1, T = 2" in alt
    assert all_right == "Your function. Gradients by W_xh, W_hh, b, x, h_0: right everywhere."
    for drawn, right in ((figure, 29), (healthy, 35)):
        texts = [text for text in drawn.findobj(Text) if text.get_text()]
        assert sum(text.get_text() == "✓" for text in texts) == right
        assert min(text.get_fontsize() for text in texts) >= 9
    assert plt.get_fignums() == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "name", ["bias averaged", "slope of the step before"]
)  # one row wrong, everything wrong
def test_a_fingerprint_is_drawn_without_a_warning_and_said_alike_each_time(name, capsys):
    n = PATIENTS.index(name) + 1
    bug_gym.fingerprint(n)
    first = capsys.readouterr().out
    bug_gym.fingerprint(n)
    assert first == capsys.readouterr().out != ""

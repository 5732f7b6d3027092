"""The nbgrader course.

Every exercise is graded, nothing is given away, and the marks are what they should be.
"""

from helpers.teaching import exercises
from tools.notebooks import CHAPTERS, dumps, read
from tools.publish import assignment
from tools.solutions import exercise_in, solved

import pytest
from nbgrader.api import Gradebook

GRADED = CHAPTERS[2]  # autograded here; it runs in seconds


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    assignment.main(folder, *CHAPTERS)
    return folder


def released(course, path):
    return read(course / "release" / path.stem / path.name)


def exercises_of(path):
    return [name for cell in read(path).cells if (name := exercise_in(cell))]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_is_graded_and_its_stub_is_the_chapters(course, path):
    names = exercises_of(path)
    assert names
    cells = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in released(course, path).cells
        if "nbgrader" in cell.metadata
    }
    stubs = {exercise_in(cell): cell.source for cell in read(path).cells}
    assert set(cells) == {*names, *(f"{name}_answer" for name in names)}
    for name in names:
        assert cells[name].metadata.nbgrader.points == 1
        stub, check = cells[f"{name}_answer"].source.strip(), cells[name].source.strip()
        assert stubs[name] == stub + stubs[name][len(stub) : -len(check)] + check
        assert stubs[name][len(stub) : -len(check)].isspace()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_nothing_is_given_away(course, path):
    text = dumps(released(course, path))
    assert "SOLUTION" not in text and "HIDDEN" not in text and "verdict.kind" not in text


def answered(course, **instead):
    """Return the released chapter with every solution filled in, but for those `instead`."""
    notebook = released(course, GRADED)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("_answer")
        if name and cell.metadata.nbgrader.solution:
            cell.source = instead.get(name, solved(getattr(exercises, name)))
    return notebook


@pytest.fixture(scope="module")
def graded(course):
    """Hand in three answers to chapter 2, autograde them and write the feedback."""
    mistake = exercises.half_life.misconceptions[0]
    mistaken = "def half_life(n):\n    return 1 - 0.5 / n"
    submissions = {
        "untouched": released(course, GRADED),
        "right": answered(course),
        "wrong": answered(course, half_life=mistaken),
    }
    api = assignment.course(course)
    for student, notebook in submissions.items():
        path = course / "submitted" / student / GRADED.stem / GRADED.name
        path.parent.mkdir(parents=True)
        path.write_text(dumps(notebook), encoding="utf-8")
        assignment.succeed(api.autograde(GRADED.stem, student))
        assignment.succeed(api.generate_feedback(GRADED.stem, student))
    return course, mistake.name


def test_the_marks_are_full_one_less_and_zero(graded):
    course, _ = graded
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "unrolled") as gradebook:
        scores = {
            student: gradebook.find_submission(GRADED.stem, student).score
            for student in ("right", "wrong", "untouched")
        }
    full = len(exercises_of(GRADED))
    assert scores == {"right": full, "wrong": full - 1, "untouched": 0}


def test_the_feedback_names_the_misconception(graded):
    course, name = graded
    feedback = {
        student: (course / "feedback" / student / GRADED.stem / f"{GRADED.stem}.html").read_text(
            encoding="utf-8"
        )
        for student in ("right", "wrong", "untouched")
    }
    said = f"and this is what happened: {name}"
    assert said in feedback["wrong"]
    assert said not in feedback["right"] and said not in feedback["untouched"]
    assert "AssertionError" in feedback["untouched"] and "AssertionError" not in feedback["right"]


def test_a_course_that_is_there_is_not_written_over(graded):
    course, _ = graded
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit, match="is there already, perhaps with what students handed in"):
        assignment.main(course, *CHAPTERS)
    assert {path: path.read_bytes() for path in course.rglob("*") if path.is_file()} == before

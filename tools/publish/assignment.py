"""Make an nbgrader course of the chapters.

``python tools/publish/assignment.py build/assignment notebooks/0*.ipynb``.

Every exercise's stub becomes an autograded answer, with the reference solution behind it; its check
becomes a test of one point, whose hidden part asks the same check for its verdict. What the
students get is in ``release/``.
"""

import sys
from pathlib import Path

from helpers.teaching import exercises
from helpers.teaching.exercises.engine import RIGHT
from tools.notebooks import dumps, read
from tools.solutions import CHECK, exercise_in, solved

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config, PyFileConfigLoader

# What a teacher goes on with: `nbgrader autograde` and its sisters read it in the course's folder.
SETTINGS = """\
c = get_config()
c.CourseDirectory.course_id = "unrolled"
c.ClearSolutions.code_stub = {"python": ""}  # the stub stands above the solution and stays
c.Execute.timeout = 600  # seconds for a cell; the default of 30 is too short for chapter 7
"""
HOW_TO_GO_ON = """
Give out release/CHAPTER, put what comes back into submitted/STUDENT/CHAPTER/CHAPTER.ipynb (for the
archives of a learning platform there is nbgrader zip_collect), and then:

    export PATH="{programs}:$PATH"
    cd {root}
    nbgrader generate_assignment CHAPTER  # after changes of yours in source/
    nbgrader autograde CHAPTER            # runs the chapter of each student
    nbgrader generate_feedback CHAPTER    # into feedback/
    nbgrader export                       # the points, as a table"""
HIDDEN_TEST = """\
exercises.{name}.check({name})  # or .hint(), .solution()
### BEGIN HIDDEN TESTS
verdict = exercises.{name}.examine({name})
assert verdict.kind == {right!r}, verdict._repr_mimebundle_()["text/plain"]
### END HIDDEN TESTS"""


def with_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return the chapter as nbgrader wants its source: solutions, hidden tests and its metadata.

    nbgrader locks the cell that gives marks, so each exercise's check moves to a cell of its own.
    """
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if name := exercise_in(cell):
            stub = CHECK.sub("", cell.source).rstrip()
            solution = solved(getattr(exercises, name))
            cell.source = f"{stub}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
            cell.metadata.nbgrader = about(f"{name}_answer", solution=True, locked=False)
            test = new_code_cell(HIDDEN_TEST.format(name=name, right=RIGHT), id=f"{cell.id}-check")
            test.metadata.nbgrader = about(name, grade=True, locked=True, points=1)
            cells.append(test)
    notebook.cells = cells
    return notebook


def about(
    grade_id: str, *, grade: bool = False, solution: bool = False, locked: bool, **points: int
) -> NotebookNode:
    """Return nbgrader's metadata of a cell, in its schema 3."""
    known = {"grade": grade, "solution": solution, "locked": locked, "task": False}
    return NotebookNode(grade_id=grade_id, schema_version=3, **known, **points)


def course(folder: Path) -> NbGraderAPI:
    """Return nbgrader for the course in `folder`, with the settings that stand there."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config()
    config.merge(Config({"CourseDirectory": {"root": str(Path(folder).resolve())}}))
    return NbGraderAPI(config=config)


def succeed(result: dict) -> None:
    """Raise RuntimeError with nbgrader's own words if one of its steps went wrong."""
    if not result["success"]:
        raise RuntimeError(result.get("error") or result["log"])


def main(folder: str, *paths: str) -> None:
    """Write the course into `folder`, new or empty, and generate the release of each chapter."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        command = [sys.executable, sys.argv[0], "OTHER_FOLDER", *map(str, paths)]
        sys.exit(
            f"{root} is there already, perhaps with what students handed in and with changes of"
            " yours, so nothing was written. Rename it, or make the course"
            f" elsewhere:\n{' '.join(command)}"
        )
    (root / "nbgrader_config.py").write_text(SETTINGS, encoding="utf-8")
    api = course(root)
    for path in map(Path, paths):
        source = root / "source" / path.stem / path.name
        source.parent.mkdir(parents=True)
        source.write_text(dumps(with_solutions(read(path))), encoding="utf-8", newline="\n")
        succeed(api.generate_assignment(path.stem, create=True))
        print(root / "release" / path.stem / path.name)
    print(HOW_TO_GO_ON.format(root=root, programs=Path(sys.executable).parent))


if __name__ == "__main__":
    main(*sys.argv[1:])

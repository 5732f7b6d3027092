"""Fill every stub of a chapter with the reference solution, and say what students get wrong there.

For teachers, and to see that every check passes.

``python -m tools.solutions build/solutions notebooks/0*.ipynb`` writes the filled notebooks into a
folder and executes them; it fails if a check does not say that the solution is right. What is in
that folder already may be a teacher's work, and is not written over.
"""

import ast
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

from helpers.teaching import exercises
from helpers.teaching.exercises.engine import MARKS, RIGHT, Exercise
from tools.notebooks import dumps, execute, read

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

CHECK = re.compile(r"(?m)^exercises\.(\w+)\.check\(.*$")


def exercise_in(cell: NotebookNode) -> str | None:
    """Name the exercise of a cell, which begins with its stub and ends with its check."""
    found = CHECK.search(cell.source) if cell.cell_type == "code" else None
    return found and found[1]


def solved(exercise: Exercise) -> str:
    """Return the reference solution, below the imports that it needs."""
    used = {node.id for node in ast.walk(ast.parse(exercise.source)) if isinstance(node, ast.Name)}
    names = inspect.unwrap(exercise.answer).__globals__
    needed = sorted(used & names.keys())
    modules = [name for name in needed if isinstance(names[name], ModuleType)]
    lines = [f"import {names[name].__name__} as {name}" for name in modules]
    if others := [name for name in needed if name not in modules]:
        lines.append(f"from {exercise.answer.__module__} import {', '.join(others)}")
    return "\n".join([*lines, *["", ""] * bool(lines), exercise.source])


def filled(notebook: NotebookNode) -> NotebookNode:
    """Replace every stub of `notebook` by the reference solution, and return it.

    Below each stands what its check recognises.
    """
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if name := exercise_in(cell):
            exercise, check = getattr(exercises, name), CHECK.search(cell.source)[0]
            cell.source = f"{solved(exercise)}\n\n\n{check}"
            cells.append(new_markdown_cell(mistakes(exercise), id=f"{cell.id}-mistakes"))
    notebook.cells = cells
    return notebook


def mistakes(exercise: Exercise) -> str:
    """Return, as a list, what students get wrong in an exercise, and what its check answers."""
    items = [f"- *{known.name}*: {known.says}" for known in exercise.misconceptions]
    return "\n".join(["**Where students get stuck, and what the check says:**", "", *items])


def not_right(notebook: NotebookNode) -> list[str]:
    """Name the exercises of an executed notebook whose check does not say that it is right."""
    missed = []
    for cell in notebook.cells:
        if name := exercise_in(cell):
            shown = [output.data["text/plain"] for output in cell.outputs if "data" in output]
            if not any(text.startswith(f"{MARKS[RIGHT]} Right") for text in shown):
                missed.append(name)
    return missed


def main(folder: str, *paths: str) -> int:
    """Write the filled notebooks into `folder` and execute them.

    Return 1 if an answer is not right.
    """
    targets = [Path(folder) / Path(path).name for path in paths]
    if there := [str(target) for target in targets if target.exists()]:
        sys.exit(
            f"{', '.join(there)}: there already, and perhaps with changes of yours. Rename or"
            " delete them first."
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    missed = []
    for path, written in zip(paths, targets, strict=True):
        written.write_text(dumps(filled(read(path))), encoding="utf-8", newline="\n")
        here = not_right(execute(written))
        missed += here
        says = f"{', '.join(here)} not right" if here else "every check passes"
        print(f"{written}: {says}", flush=True)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Fill every stub of a chapter with the reference solution.

For teachers, and to see that every check passes.

``python -m tools.solutions build/solutions notebooks/0*.ipynb`` writes the filled notebooks into a
folder and executes them; it fails if a check does not say that the solution is right. What is in
that folder already may be a teacher's work, and is not written over.
"""

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from helpers.teaching import exercises
from helpers.teaching.exercises.engine import MARKS, RIGHT, Exercise
from tools.notebooks import dumps, execute, read

from nbformat import NotebookNode

CHECK = re.compile(r"exercises\.(\w+)\.check\((\w+)\)")


def source_for(exercise: Exercise, answer: str) -> str:
    """Return a cell that defines `answer` as the reference solution does, with the imports that it needs."""
    solution = inspect.unwrap(exercise.answer)
    source = inspect.getsource(solution).rstrip()
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    needed = {
        name: solution.__globals__[name] for name in sorted(used & solution.__globals__.keys())
    }
    modules = [name for name, value in needed.items() if isinstance(value, ModuleType)]
    lines = [f"import {needed[name].__name__} as {name}" for name in modules]
    if names := ", ".join(name for name in needed if name not in modules):
        lines.append(f"from {solution.__module__} import {names}")
    if exercise.wants_function:
        source = source.replace(f"def {solution.__name__}(", f"def {answer}(", 1)
    else:
        source += f"\n\n\n{answer} = {solution.__name__}()"
    return "\n".join([*lines, "", "", source] if lines else [source])


def attempts(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode, str, str]]:
    """Yield for each exercise of a chapter the cell of its stub, that of its check, its name, and the answer's name."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for stub, check in itertools.pairwise(code):
        if found := CHECK.fullmatch(check.source.strip()):
            yield stub, check, *found.groups()


def filled(notebook: NotebookNode) -> NotebookNode:
    """Replace every stub of `notebook` by the reference solution, and return it."""
    for stub, _, name, answer in attempts(notebook):
        stub.source = source_for(getattr(exercises, name), answer)
    return notebook


def not_right(notebook: NotebookNode) -> list[str]:
    """Name the exercises of an executed notebook whose check does not say that the answer is right."""
    missed = []
    for _, check, name, _ in attempts(notebook):
        shown = [output.data["text/plain"] for output in check.outputs if "data" in output]
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
        missed += (here := not_right(execute(written)))
        print(
            f"{written}: {', '.join(here) + ' not right' if here else 'every check passes'}",
            flush=True,
        )
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

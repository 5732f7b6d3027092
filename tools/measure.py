"""How long a notebook takes, and which rules of this course it breaks: ``python -m tools.measure``.

Minutes to read = words of text / 150 + visible lines of code · 4 s + half a minute for each figure
and each displayed equation + 2 minutes for each interactive figure. An exercise counts apart, by
the tag of its cell: recall 5, transfer 12, build 25 minutes.
"""

import ast
import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from tools.notebooks import CHAPTERS, WORKSHOPS, folded, read

from nbformat import NotebookNode

EXERCISE = re.compile(r"(?m)^(?!\s*#).*(\.check\(|\.diagnose\()")
EQUATION = re.compile(r"\$\$.*?\$\$", re.DOTALL)
WORD = re.compile(r"\w+")
HEADER = re.compile(r"(\d+) minutes to read(?:, (\d+) for the exercises)?")
KINDS = {"recall": 5, "transfer": 12, "build": 25}  # minutes
WORDS_ON_A_SLIDE = 60  # in one text cell
PRINTED_LINES = 12


def limit(path: Path) -> int:
    """Return the most minutes that a notebook may take to read."""
    if path.parent.name == "workshops":
        return 30
    return 25 if path.name.startswith("00") else 50


def is_exercise(cell: NotebookNode) -> bool:
    """Whether a cell is an exercise, with its stub and its check."""
    return cell.cell_type == "code" and bool(EXERCISE.search(cell.source))


def reading_minutes(cell: NotebookNode) -> float:
    """Return the minutes that it takes to read a cell."""
    if cell.cell_type == "markdown":
        words = len(WORD.findall(EQUATION.sub("", cell.source)))
        return words / 150 + len(EQUATION.findall(cell.source)) / 2
    if is_exercise(cell):
        return 0
    lines = 0 if folded(cell) else sum(bool(line.strip()) for line in cell.source.splitlines())
    if re.search(r"(?m)^interactive\.", cell.source):
        figure = 2
    else:
        figure = any("image/png" in output.get("data", {}) for output in cell.outputs) / 2
    return lines * 4 / 60 + figure


def exercise_minutes(cell: NotebookNode) -> int:
    """Return the minutes for an exercise, by its tag; 12 without one."""
    kinds = [KINDS[tag] for tag in cell.metadata.get("tags", []) if tag in KINDS]
    return kinds[0] if kinds else KINDS["transfer"]


def minutes(notebook: NotebookNode) -> tuple[float, int]:
    """Return the minutes to read a notebook, and those for its exercises."""
    exercises = sum(exercise_minutes(cell) for cell in notebook.cells if is_exercise(cell))
    return sum(map(reading_minutes, notebook.cells)), exercises


def quarters(notebook: NotebookNode) -> list[str]:
    """Return the headings under which the first, second and third quarter of the reading end."""
    read_so_far = list(accumulate(map(reading_minutes, notebook.cells)))
    ends = []
    for quarter in (1, 2, 3):
        at = next(n for n, done in enumerate(read_so_far) if done >= read_so_far[-1] * quarter / 4)
        before = "\n".join(c.source for c in notebook.cells[: at + 1] if c.cell_type == "markdown")
        ends.append(re.findall(r"(?m)^#+ (.+)$", before)[-1])
    return ends


def broken_rules(notebook: NotebookNode, limit: int) -> Iterator[str]:
    """Name every rule for written notebooks that `notebook` breaks."""
    reading, exercises = minutes(notebook)
    if reading > limit:
        yield f"it takes {reading:.0f} minutes to read, more than {limit}"
    said = HEADER.search(notebook.cells[0].source)
    if not said:
        yield "its first cell does not say how many minutes it takes to read"
    else:
        for what, number, measured in zip(
            ("read", "exercises"), said.groups(0), (reading, exercises), strict=True
        ):
            if abs(int(number) - measured) > max(0.5, measured / 10):
                yield f"its first cell says {number} minutes ({what}), measured: {measured:.0f}"
    text = "\n".join(cell.source for cell in notebook.cells)
    if re.search(r"\bthe notes\b", text, re.IGNORECASE):
        yield "it mentions the notes, which no reader has"
    for number, cell in enumerate(notebook.cells, 1):
        yield from (f"cell {number} {broken}" for broken in _broken_by(cell))
    yield from _hidden_names(notebook)


def _broken_by(cell):
    if cell.cell_type == "markdown":
        slide_type = cell.metadata.get("slideshow", {}).get("slide_type")
        words = len(WORD.findall(EQUATION.sub("", cell.source)))
        if slide_type not in ("notes", "skip") and words > WORDS_ON_A_SLIDE:
            yield f"has {words} words on a slide, more than {WORDS_ON_A_SLIDE}"
        return
    if is_exercise(cell) and not {*KINDS} & {*cell.metadata.get("tags", [])}:
        yield f"is an exercise without one of the tags {', '.join(KINDS)}"
    if folded(cell) and re.search(r"\bassert\b|\bagree\(", cell.source):
        yield "is folded, and checks something"
    printed = sum(len(out.text.splitlines()) for out in cell.outputs if "text" in out)
    if printed > PRINTED_LINES:
        yield f"prints {printed} lines, more than {PRINTED_LINES}"


def _hidden_names(notebook):
    """Name what visible cells use and only folded cells define, unless the text introduces it."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    trees = [(folded(cell), [*ast.walk(ast.parse(cell.source))]) for cell in code]
    visible = {name for hidden, tree in trees if not hidden for name in _defined(tree)}
    hidden = {name for hidden, tree in trees if hidden for name in _defined(tree)} - visible
    introduced = {
        name
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for quoted in re.findall(r"`([^`]+)`", cell.source)
        for name in WORD.findall(quoted)
    }
    for cell, (is_folded, tree) in zip(code, trees, strict=True):
        used = {node.id for node in tree if isinstance(node, ast.Name)}
        for name in sorted(used & hidden - introduced if not is_folded else ()):
            yield f"cell {cell.id} uses {name}, which only a folded cell defines"


def _defined(tree):
    for node in tree:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]


def main() -> None:
    """Print minutes, quarters and broken rules of every chapter and workshop."""
    for path in [*CHAPTERS, *WORKSHOPS]:
        notebook = read(path)
        reading, exercises = minutes(notebook)
        print(
            f"{path.stem}: {reading:.0f} minutes to read (at most {limit(path)}), "
            f"{exercises} for the exercises"
        )
        print(f"    quarters end in: {' | '.join(quarters(notebook))}")
        broken = [*broken_rules(notebook, limit(path))]
        print(*(f"    {rule}" for rule in broken[:10]), sep="\n")
        if len(broken) > 10:
            print(f"    … and {len(broken) - 10} more")


if __name__ == "__main__":
    main()

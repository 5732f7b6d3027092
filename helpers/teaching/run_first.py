"""A cell that uses a name which no cell has made yet: its error says which cell to run first."""

import ast
import json
import linecache
import symtable
from pathlib import Path
from traceback import walk_tb

from IPython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

ALL_ABOVE = (
    "run everything above this cell (Run → Run All Above Selected Cell), and then this cell again."
)


def explain_missing_names() -> None:
    """Have the kernel, if this is one, say below every NameError of a cell where the name comes from."""
    if shell := get_ipython():
        shell.set_custom_exc((NameError,), _show)


def _show(
    shell: InteractiveShell, kind: type, error: NameError, tb, tb_offset: int | None = None
) -> None:
    """Show an error as IPython does, with the advice below it."""
    frames = [frame for frame, _ in walk_tb(tb)]
    of_cells = [frame for frame in frames if frame.f_globals is shell.user_ns]
    if (
        kind is NameError and frames[-1] in of_cells
    ):  # not in a function of a library, nor about a local variable
        source = "".join(linecache.getlines(of_cells[0].f_code.co_filename))
        error.add_note(advice(error.name, source, Path()))
    shell.showtraceback((kind, error, tb), tb_offset=tb_offset)


def advice(name: str, source: str, folder: Path) -> str:
    """Say which cell makes `name`, of those above the cell with this `source` in a notebook in `folder`."""
    for path in sorted(folder.glob("*.ipynb")):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (ValueError, KeyError):  # not a notebook: a reader may keep anything here
            continue
        made = section = None
        for cell in cells:
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                section = next(
                    (line[3:] for line in text.splitlines() if line.startswith("## ")), section
                )
            elif cell["cell_type"] == "code":
                if made and text.strip() == source.strip():
                    where, line = made
                    return (
                        f"`{name}` is made by a cell that was not run yet, {where}. It has this"
                        f" line:\n\n    {line}\n\nRun that cell first. If it needs others in turn,"
                        f" {ALL_ABOVE}"
                    )
                if line := _line_that_makes(name, text):
                    made = f"in “{section}”" if section else "at the top", line
    return f"If `{name}` is made by a cell further up, {ALL_ABOVE}"


def _line_that_makes(name, source):
    """Return the first line of the last statement that gives `name` a value outside of functions, if there is one."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # such as a magic command
        return None
    found = None
    for statement in statements:
        scope = symtable.symtable(ast.unparse(statement), "cell", "exec")
        if name in scope.get_identifiers() and (
            scope.lookup(name).is_assigned() or scope.lookup(name).is_imported()
        ):
            found = source.splitlines()[statement.lineno - 1]
    return found

"""Execute the course's notebooks and keep what is stored of them in one normal form.

``python -m tools.notebooks notebooks/index.ipynb`` executes notebooks in place and names the faults
they keep.
"""

import copy
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
CHAPTERS = sorted(NOTEBOOKS.glob("0*.ipynb"))
WORKSHOPS = sorted(NOTEBOOKS.glob("workshops/*.ipynb"))
COURSE = [
    NOTEBOOKS / "index.ipynb",
    *CHAPTERS,
    *WORKSHOPS,
    *sorted(NOTEBOOKS.glob("reference/*.ipynb")),
]

FOLDED = "hide-input"  # the tag of a cell whose source is folded away
MAY_RAISE = "nbval-raises-exception"  # the tag of a cell that is meant to fail
LONGEST_CODE = 25  # lines of a cell, without blank ones and comments
LONGEST_TEXT = 6000  # characters of what a cell prints
CELL_TIMEOUT = 600  # seconds

# For kernels that nobody watches: no progress bars, and one thread for NumPy's and TensorFlow's
# products, which are small here (two kernels with two threads each on two cores spend most of their
# time waiting for each other).
THREADS = ("OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
KERNEL_ENVIRONMENT = {"TQDM_DISABLE": "1", **dict.fromkeys(THREADS, "1")}

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
MACHINE_PATH = re.compile(
    r"(?<![\w.:/<-])(?:~|/(?:root|home|tmp|Users|usr|opt|var|mnt|srv|private|work|workspaces?))/"
    r"|\b[A-Z]:\\+(?:Users|Windows|Program|a\\)"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PROGRESS_BAR = re.compile(r"\d%\|")
INSTALLATION = re.compile(r"\bpip3? install\b|\bsys\.path\b")
PICTURE_WITHOUT_ALT = re.compile(r"!\[\s*\][(\[]|<img\b(?![^>]*\balt\s*=\s*[\"']\s*[^\"'\s])[^>]*>")


def read(path: Path) -> NotebookNode:
    """Read a notebook as it is; unlike `nbformat.read`, this invents no cell ids."""
    return nbformat.v4.reads(Path(path).read_text(encoding="utf-8"))


def title(notebook: NotebookNode) -> str:
    """Return the title of a notebook, which is its first line."""
    return notebook.cells[0].source.splitlines()[0].lstrip("# ")


def chapter_title(path: Path, notebook: NotebookNode) -> str:
    """Return the title of a chapter with its number, as lists of chapters have it."""
    return f"{int(path.name[:2])} · {title(notebook)}"


def dumps(notebook: NotebookNode) -> str:
    """Return the one text that represents `notebook` in a file.

    Unlike `nbformat.writes`, this repairs nothing.
    """
    return nbformat.v4.writes(notebook) + "\n"


def folded(cell: NotebookNode) -> bool:
    """Whether the source of a cell is folded away."""
    return FOLDED in cell.metadata.get("tags", [])


def execute(path: Path) -> NotebookNode:
    """Run a notebook in its own folder with a fresh kernel, store it in normal form, and return it.

    Only cells tagged ``nbval-raises-exception`` may fail. Whatever else goes wrong raises an
    exception and leaves the file as it was; so does a change of the file while its cells run, as
    when somebody saves it in JupyterLab. The kernel gets KERNEL_ENVIRONMENT, so that no progress
    bars are stored.
    """
    path = Path(path)
    before = path.read_bytes()
    notebook = normalise(read(path))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None

    def allow_errors(cell: NotebookNode, cell_index: int) -> None:
        client.allow_errors = MAY_RAISE in cell.metadata.get("tags", [])

    client = NotebookClient(
        notebook,
        kernel_name=KERNELSPEC["name"],
        extra_arguments=["--log-level=ERROR"],
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=allow_errors,
    )
    client.execute(env=os.environ | KERNEL_ENVIRONMENT)
    notebook = normalise(notebook)

    if path.read_bytes() != before:
        raise RuntimeError(
            f"{path} was changed while it was executed, and stays as it is now: execute it again"
        )
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(dumps(notebook), encoding="utf-8", newline="\n")
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
    return notebook


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of `notebook` without what depends on who ran it, when, and with what."""
    notebook = copy.deepcopy(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for key in ("widgets", "signature", "orig_nbformat"):
        notebook.metadata.pop(key, None)
    notebook.metadata.kernelspec = nbformat.from_dict(KERNELSPEC)
    notebook.metadata.language_info = nbformat.from_dict({"name": "python"})

    ids = {cell.id for cell in notebook.cells if "id" in cell}
    for cell in notebook.cells:
        if "id" not in cell:
            cell.id = next(
                name
                for name in map("cell-{}".format, range(len(notebook.cells)))
                if name not in ids
            )
            ids.add(cell.id)
        for key in ("execution", "collapsed"):
            cell.metadata.pop(key, None)
        if folded(cell):  # JupyterLab forgets it once a reader has looked inside
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
        if cell.cell_type == "code":
            cell.outputs = _normal_outputs(cell.outputs)
    return notebook


def _normal_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join adjacent streams.

    Drop progress bars, and the views of widgets, which show nothing without their state.
    """
    kept = []
    for output in outputs:
        if "data" in output:
            if WIDGET_VIEW in output.data and PROGRESS_BAR.search(
                str(output.data.get("text/plain", ""))
            ):
                continue
            output.data.pop(WIDGET_VIEW, None)
            if not output.data:
                continue
        if (
            kept
            and output.output_type == kept[-1].output_type == "stream"
            and output.name == kept[-1].name
        ):
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def faults(notebook: NotebookNode) -> list[str]:
    """Name everything in `notebook` that a committed notebook of this course must not have."""
    found = []
    if "widgets" in notebook.metadata:
        found.append("the notebook stores the state of widgets")
    executed = 0
    for number, cell in enumerate(notebook.cells, 1):
        problems = []
        if cell.cell_type == "code":
            if cell.source.strip():
                executed += 1
                if cell.execution_count is None:
                    problems.append("was not executed")
                elif cell.execution_count != executed:
                    problems.append(
                        f"was executed as number {cell.execution_count} instead of {executed}"
                    )
            problems += [*_source_faults(cell.source), *_output_faults(cell)]
        elif cell.cell_type == "markdown" and PICTURE_WITHOUT_ALT.search(cell.source):
            problems.append("has a picture without alternative text")
        found += [f"cell {number} {problem}" for problem in problems]
    if normalise(notebook) != notebook:
        found.append("the notebook is not in normal form (make notebooks)")
    return found


def _source_faults(source: str) -> Iterator[str]:
    lines = [
        line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(lines) > LONGEST_CODE:
        yield f"has {len(lines)} lines of code, more than {LONGEST_CODE}"
    if INSTALLATION.search(source):
        yield "installs something or changes sys.path"
    if MACHINE_PATH.search(source):
        yield "names a path of one machine in its code"


def _output_faults(cell: NotebookNode) -> Iterator[str]:
    printed = 0
    for output in cell.outputs:
        if output.output_type == "error":
            text = "\n".join([output.evalue, *output.traceback])
            if MAY_RAISE not in cell.metadata.get("tags", []):
                yield f"fails: {output.ename}: {output.evalue}"
        elif output.output_type == "stream":
            text = output.text
            printed += len(text)
            if output.name == "stderr":
                yield "writes to stderr"
        else:
            text = "\n".join(
                str(value) for mime, value in output.data.items() if mime.startswith("text/")
            )
            printed += len(text)
            if WIDGET_VIEW in output.data:
                yield "stores a view of a widget"
            for mime in output.data:
                if (
                    mime.startswith("image/")
                    and not output.get("metadata", {}).get(mime, {}).get("alt", "").strip()
                ):
                    yield f"shows an {mime} without alternative text"
        text = COLOUR.sub("", text)
        if ADDRESS.search(text):
            yield "prints a memory address"
        if MACHINE_PATH.search(text):
            yield "prints a path of one machine"
        if PROGRESS_BAR.search(text):
            yield "stores a progress bar"
    if printed > LONGEST_TEXT:
        yield f"prints {printed} characters, more than {LONGEST_TEXT}"


def main(paths: list[str]) -> int:
    """Execute the notebooks at `paths` one after the other.

    Return 1 if a fault is left in one of them.
    """
    faulty = False
    for path in paths:
        start = time.perf_counter()
        found = faults(execute(path))
        print(
            f"{time.perf_counter() - start:6.1f} s  {path}", *found, sep="\n          ", flush=True
        )
        faulty |= bool(found)
    return int(faulty)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Build the JupyterLite edition, for the reader's browser.

``python tools/publish/lite.py build/lite``.

It has the start page, the chapters that need no TensorFlow to run, and the glossary. Cells that
compare with TensorFlow become text, with the output that they have on a server. NumPy and
Matplotlib come with Pyodide, which the reader's browser loads from the web.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tools.notebooks import ROOT, read

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from packaging.requirements import Requirement

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PYPROJECT["urls"]["Repository"]
NOTEBOOKS = (
    "index",
    "01_why_recurrence",
    "02_forward_recurrence",
    "03_backpropagation_through_time",
    "04_vanishing_and_exploding",
    "05_gates",
    "reference/glossary",
)
TAG = "tensorflow"  # of the cells that need it
LINK = re.compile(r"\]\(([\w./]+)(#[^)]*)?\)")
KERNEL = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
# Of this environment, which is for teachers too.
UNUSED = ["@jupyter/nbgrader", "@jupyter-notebook/lab-extension"]
NOT_IN_THE_BROWSER = {"tensorflow", "tensorflow-cpu", "keras", "jupyterlab", "pandas"}

INSTALL = "%pip install -q unrolled"
ABOUT = """\
**This is the edition for the browser.** Python runs on your own machine, inside this page, without
a server: the first cell that you run loads some 50 MB, once. Chapters 1 to 5 and the glossary run
here: begin with chapter 1. What compares with TensorFlow stands as text, with its output; all else
needs a server, such as Binder or
[your own machine]({repository}#readme), and their links lead to pages to read.
What you write is kept in this browser alone: *File, Download* saves it. A loop that never ends is
stopped by *Kernel, Restart Kernel*.\
"""
TO_THE_START = """\
<title>Unrolled</title>
<meta name="viewport" content="width=device-width">
<script>if (window.innerWidth >= 700) location.replace("lab/index.html?path=index.ipynb")</script>
<p>JupyterLab needs a screen wider than this one. On a phone, read
<a href="../">the static edition</a>, or turn the phone and
<a href="lab/index.html?path=index.ipynb">open it all the same</a>.</p>
"""
NEEDS_A_SERVER = (
    "*This cell needs TensorFlow, so it does not run in the browser. On a server it is:*"
)
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
description = "{description}"
requires-python = ">=3.11"
dependencies = {dependencies}

[tool.hatch.build.targets.wheel]
packages = ["helpers"]
"""


def for_browser(notebook: NotebookNode, path: Path) -> NotebookNode:
    """Return a notebook for Pyodide's kernel, which installs the course first and runs no Keras."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and not any(before.cell_type == "code" for before in cells):
            cells.append(new_code_cell(INSTALL, id="install"))
        if TAG in cell.metadata.get("tags", []):
            cell = as_text(cell)
        elif cell.cell_type == "markdown":
            cell.source = LINK.sub(lambda link: reachable(link, path.parent), cell.source)
        cells.append(cell)
    if path.stem == "index":
        about = ABOUT.format(repository=REPOSITORY)
        cells.insert(1, new_markdown_cell(about, id="about-this-edition"))
    return new_notebook(cells=cells, metadata={**notebook.metadata, "kernelspec": KERNEL})


def as_text(cell: NotebookNode) -> NotebookNode:
    """Return a Markdown cell with the code of a cell and what it shows."""
    parts, attachments = [NEEDS_A_SERVER, f"```python\n{cell.source}\n```"], {}
    for number, output in enumerate(cell.outputs):
        if output.output_type == "stream":
            parts.append(f"```text\n{output.text.rstrip()}\n```")
        else:
            attachments[name := f"output-{number}.png"] = {"image/png": output.data["image/png"]}
            parts.append(f"![{output.metadata['image/png']['alt']}](attachment:{name})")
    text = new_markdown_cell("\n\n".join(parts), id=cell.id)
    if attachments:
        text.attachments = attachments
    return text


def reachable(link: re.Match[str], folder: Path) -> str:
    """Leave a link to a page of this edition, and turn any other one to the repository."""
    target = Path(os.path.normpath(folder / link[1])).relative_to(ROOT)
    if target.with_suffix("").as_posix() in [f"notebooks/{name}" for name in NOTEBOOKS]:
        return link[0]
    return f"]({REPOSITORY}/blob/main/{target.as_posix()})"


def wheel(folder: Path) -> Path:
    """Build the course's wheel with the dependencies that exist in a browser, and return it."""
    kept = [
        text
        for text in PYPROJECT["dependencies"]
        if Requirement(text).name not in NOT_IN_THE_BROWSER
    ]
    source = folder / "source"
    shutil.copytree(
        ROOT / "helpers", source / "helpers", ignore=shutil.ignore_patterns("__pycache__")
    )
    (source / "pyproject.toml").write_text(
        PROJECT.format(**{**PYPROJECT, "dependencies": kept}), encoding="utf-8"
    )
    build = "from hatchling import build; build.build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, stdout=subprocess.DEVNULL)
    (built,) = folder.glob("*.whl")
    return built


def main(folder: str) -> None:
    """Write the edition into `folder`, which is made anew."""
    output = Path(folder).resolve()
    shutil.rmtree(output, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        contents = work / "contents"
        contents.mkdir()
        for name in NOTEBOOKS:
            path = ROOT / "notebooks" / f"{name}.ipynb"
            # Each text as one string: JupyterLite would put commas between the lines of a list.
            text = nbformat.v4.writes(for_browser(read(path), path), split_lines=False)
            copy = contents / f"{name}.ipynb"
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(text, encoding="utf-8", newline="\n")
        shutil.copy(ROOT / "LICENSE", contents)
        settings = {
            "jupyter-lite-schema-version": 0,
            "jupyter-config-data": {"disabledExtensions": UNUSED},
        }
        (work / "jupyter-lite.json").write_text(json.dumps(settings), encoding="utf-8")
        lite = [sys.executable, "-m", "jupyterlite_core", "build", "--apps=lab", "--no-sourcemaps"]
        lite += [f"--lite-dir={work}", f"--contents={contents}", f"--output-dir={output}"]
        subprocess.run([*lite, f"--piplite-wheels={wheel(work / 'wheel')}"], cwd=work, check=True)
    # The page that comes up first would open an empty JupyterLab.
    page = output / "index.html"
    html, replaced = re.subn(
        r'(?s)<script type="module">.*?</script>', TO_THE_START, page.read_text(encoding="utf-8")
    )
    if replaced != 1:
        raise RuntimeError(
            f"{replaced} scripts instead of one redirect from {page.name}: JupyterLite has changed"
        )
    page.write_text(html, encoding="utf-8")
    print(output.relative_to(Path.cwd()) if output.is_relative_to(Path.cwd()) else output)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The edition for the browser is complete, and runs from its own wheel without TensorFlow."""

import json
import os
import re
import subprocess
import zipfile
from email.parser import Parser
from pathlib import Path

from tools.notebooks import KERNEL_ENVIRONMENT, NOTEBOOKS, read
from tools.publish import lite

import pytest
from jupyterlite_pyodide_kernel.constants import PYODIDE_PYTHON_VERSION
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

# As in a browser: what is not there cannot be imported, nor can a thread or a process be started by
# the course's code.
LIKE_A_BROWSER = """\
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "jupyterlab"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


@pytest.fixture(scope="session")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lite") / "edition"
    lite.main(folder)
    return folder


@pytest.fixture(scope="session")
def installed(edition, tmp_path_factory):
    """The course as a browser has it, from the wheel alone."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = (edition / "pypi").glob("unrolled-*.whl")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_everything_is_there(edition):
    index = json.loads((edition / "api" / "contents" / "all.json").read_text(encoding="utf-8"))
    wanted = {"LICENSE", *(f"{name}.ipynb" for name in lite.NOTEBOOKS)}
    assert {entry["name"] for entry in index["content"]} == {name.split("/")[0] for name in wanted}
    assert {
        path.relative_to(edition / "files").as_posix()
        for path in (edition / "files").rglob("*")
        if path.is_file()
    } == wanted
    settings = json.loads((edition / "jupyter-lite.json").read_text(encoding="utf-8"))[
        "jupyter-config-data"
    ]
    extensions = {extension["name"] for extension in settings["federated_extensions"]}
    assert {
        "@jupyter-widgets/jupyterlab-manager",
        "anywidget",
        "@jupyterlite/pyodide-kernel-extension",
    } <= extensions


@pytest.mark.browser
@pytest.mark.parametrize(("width", "goes"), [(1280, True), (390, False)])
def test_the_start_page_opens_the_course_where_there_is_room_for_it(
    edition, served, page, width, goes
):
    address = served(edition)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{address}/index.html", wait_until="commit")
    if goes:
        page.wait_for_url("**/lab/index.html?path=index.ipynb**")
        about = page.get_by_role("strong").filter(has_text="This is the edition for the browser")
        about.wait_for(timeout=60_000)
    else:
        page.get_by_role("link", name="the static edition").wait_for()
        assert page.url == f"{address}/index.html"


@pytest.mark.parametrize("name", lite.NOTEBOOKS)
def test_no_text_is_a_list_of_lines_which_would_get_commas(name, edition):
    notebook = json.loads((edition / "files" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert all(isinstance(cell["source"], str) for cell in notebook["cells"])


def test_the_wheel_can_be_installed_in_a_browser(installed):
    (info,) = installed.glob("*.dist-info")
    about = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    needed = {Requirement(text).name for text in about.get_all("Requires-Dist")}
    assert needed >= {"numpy", "matplotlib", "ipywidgets", "anywidget"}
    assert not needed & lite.NOT_IN_THE_BROWSER
    assert PYODIDE_PYTHON_VERSION in SpecifierSet(about["Requires-Python"])
    packed = {path.relative_to(installed).as_posix() for path in (installed / "helpers").rglob("*")}
    tracked = subprocess.run(
        ["git", "ls-files", "helpers"], cwd=lite.ROOT, capture_output=True, text=True, check=True
    )
    assert set(tracked.stdout.split()) - packed == set()


@pytest.mark.parametrize("name", [name for name in lite.NOTEBOOKS if "glossary" not in name])
def test_it_runs_like_in_a_browser(name, edition, installed):
    notebook = read(edition / "files" / f"{name}.ipynb")
    assert notebook.metadata.kernelspec.name == "python"  # Pyodide's
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0].source == lite.INSTALL
    code[0].source = LIKE_A_BROWSER + "sys.platform = 'emscripten'"
    notebook.cells.append(new_code_cell("import helpers; print(helpers.__file__)"))
    env = {**os.environ, **KERNEL_ENVIRONMENT, "PYTHONPATH": str(installed)}
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(
        cwd=str((edition / "files" / name).parent), env=env
    )
    assert Path(notebook.cells[-1].outputs[0].text).is_relative_to(installed)
    before = [cell for cell in read(NOTEBOOKS / f"{name}.ipynb").cells if cell.cell_type == "code"]
    stored = {
        cell.id: texts(cell)
        for cell in before
        if "nbval-ignore-output" not in cell.metadata.get("tags", [])
    }
    compared = [cell for cell in code if cell.id in stored]
    assert compared
    assert [cell.id for cell in compared if texts(cell) != stored[cell.id]] == []


def texts(cell):
    """What a cell prints, in one piece."""
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


@pytest.mark.parametrize("name", lite.NOTEBOOKS)
def test_what_needs_tensorflow_is_text_with_its_output(name, edition):
    before = read(NOTEBOOKS / f"{name}.ipynb").cells
    after = {cell.id: cell for cell in read(edition / "files" / f"{name}.ipynb").cells}
    for cell in before:
        assert cell.id in after
        if lite.TAG in cell.metadata.get("tags", []):
            text = after[cell.id]
            assert text.cell_type == "markdown" and cell.source in text.source
            for output in cell.outputs:
                if output.output_type == "stream":
                    assert output.text.rstrip() in text.source
                else:
                    assert {"image/png": output.data["image/png"]} in text.attachments.values()
        elif cell.cell_type == "code":
            assert after[cell.id].source == cell.source
            assert not re.search(
                r"^\s*(?:import|from) (?:tensorflow|keras)", cell.source, re.MULTILINE
            )


@pytest.mark.parametrize("name", lite.NOTEBOOKS)
def test_every_link_leads_somewhere(name, edition):
    for cell in read(edition / "files" / f"{name}.ipynb").cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#\s]+)", cell.source):
                if target.startswith("attachment:"):
                    assert target.removeprefix("attachment:") in cell.attachments
                elif not target.startswith("https://"):
                    assert ((edition / "files" / name).parent / target).is_file(), target

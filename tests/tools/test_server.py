"""What JupyterLab saves is what the course commits."""

import json
import subprocess
import sys
from importlib import metadata

from tools.notebooks import (
    COURSE,
    FOLDED,
    KERNELSPEC,
    NOTEBOOKS,
    ROOT,
    dumps,
    normalise,
    read,
)
from tools.server import save_in_normal_form

import pytest
from lab import open_and_run, running
from nbconvert.exporters import HTMLExporter, PythonExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from traitlets.config import Config

LANGUAGE_INFO = {"name": "python", "version": "3.12.1", "file_extension": ".py"}


def saved(content):
    """What the server stores of a notebook, or another file, that JupyterLab hands it."""
    model = {"type": "notebook", "content": content}
    save_in_normal_form(model, path="a.ipynb", contents_manager=None)
    return model["content"]


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_a_notebook_that_was_only_opened_is_saved_as_it_was_committed(path):
    notebook = read(path)
    notebook.metadata.language_info = LANGUAGE_INFO
    assert dumps(saved(notebook)) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "ir", "display_name": "R"}},
        {},
        {"kernelspec": KERNELSPEC, "widgets": {"state": {}}},
    ],
)
def test_other_notebooks_are_saved_as_they_are(metadata):
    notebook = new_notebook(
        cells=[new_code_cell("1", metadata={"collapsed": True})], metadata=metadata
    )
    assert saved(notebook) is notebook


def test_an_exported_page_shows_of_a_folded_cell_the_output_and_a_script_has_its_code():
    settings = ROOT / "tools" / "jupyter" / "jupyter_server_config.d" / "unrolled.json"
    config = Config(json.loads(settings.read_text(encoding="utf-8")))
    cell = new_code_cell("folded_away()", outputs=[new_output("stream", text="shown")])
    cell.metadata.tags = [FOLDED]
    notebook = new_notebook(cells=[cell])
    page, _ = HTMLExporter(config=config).from_notebook_node(notebook)
    assert "shown" in page and "folded_away" not in page
    script, _ = PythonExporter(config=config).from_notebook_node(notebook)
    assert "folded_away()" in script


def test_other_files_are_saved_as_they_are():
    model = {"type": "file", "content": "text"}
    save_in_normal_form(model)
    assert model == {"type": "file", "content": "text"}


def test_every_installation_switches_the_extension_on():
    installed = [str(file) for file in metadata.files("unrolled")]
    for name in ("jupyter_server_config.d/unrolled.json", "labconfig/page_config.json"):
        assert [file for file in installed if file.endswith(f"etc/jupyter/{name}")], name
    command = [sys.executable, "-m", "jupyter", "server", "extension", "list"]
    said = subprocess.run(command, capture_output=True, text=True)
    assert "tools.server" in said.stdout + said.stderr and "X is" not in said.stdout


# --- in a browser

FIGURE_AND_BAR = [
    "from tqdm.auto import tqdm\nfrom helpers.teaching import interactive\n",
    "for _ in tqdm(range(3)):\n    pass",
    "interactive.ledger()",
]


@pytest.fixture(scope="module")
def page(chromium):
    with chromium.new_page(viewport={"width": 1280, "height": 900}) as page:
        yield page


@pytest.mark.browser
def test_a_notebook_that_was_only_opened_stays_as_it_was(page, tmp_path):
    copy = tmp_path / "02_forward_recurrence.ipynb"
    text = (NOTEBOOKS / copy.name).read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    with running(tmp_path) as (address, token):
        page.goto(f"{address}/lab/tree/{copy.name}?token={token}&reset")
        page.get_by_text("| Idle").wait_for()
        before = copy.stat().st_mtime_ns
        page.keyboard.press("ControlOrMeta+s")  # as JupyterLab does by itself after two minutes
        page.wait_for_timeout(3000)
        assert copy.stat().st_mtime_ns > before
    assert copy.read_text(encoding="utf-8") == text


@pytest.mark.browser
def test_the_next_day_a_notebook_shows_stills_and_no_error(page, tmp_path):
    path = tmp_path / "run.ipynb"
    cells = [new_code_cell(source) for source in FIGURE_AND_BAR]
    path.write_text(dumps(normalise(new_notebook(cells=cells))), encoding="utf-8")
    with running(tmp_path) as (address, token):
        open_and_run(page, address, token, path.name)
        page.locator(".unrolled-picture").wait_for()
        page.keyboard.press("ControlOrMeta+s")
        page.wait_for_timeout(2000)
        assert page.locator(".unrolled-picture").is_visible(), (
            "saving leaves the live figure on the page"
        )
        assert json.loads(path.read_text(encoding="utf-8"))["cells"][2]["outputs"]
    with running(tmp_path) as (address, token):  # another day: no kernel of yesterday's is left
        page.goto(f"{address}/lab/tree/{path.name}?token={token}&reset")
        page.locator(".jp-OutputArea-output img").wait_for()
        page.get_by_text("| Idle").wait_for()
        page.wait_for_timeout(1000)
        assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()
        assert (
            page.locator(".jp-OutputArea-output img").evaluate("image => image.naturalWidth") > 600
        )
        page.screenshot(path=ROOT / "build" / "screenshots" / "the-next-day.png")

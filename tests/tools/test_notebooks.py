"""Every committed notebook is executed, in normal form and free of faults."""

from tools.notebooks import (
    COURSE,
    FOLDED,
    KERNELSPEC,
    LONGEST_CODE,
    LONGEST_TEXT,
    MAY_RAISE,
    WIDGET_VIEW,
    dumps,
    execute,
    faults,
    normalise,
    read,
)

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PNG = "iVBORw0KGgo="


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_committed_notebook(path):
    notebook = read(path)
    assert faults(notebook) == []
    nbformat.validate(notebook)
    assert path.read_bytes() == dumps(normalise(notebook)).encode(), (
        "not written as `make notebooks` writes it"
    )


# --- faults: one small notebook for each kind


def code(source="1 + 1", *outputs, count=1, tags=()):
    cell = new_code_cell(source, execution_count=count, outputs=list(outputs), id=f"code-{count}")
    if tags:
        cell.metadata.tags = list(tags)
    return cell


def markdown(source):
    return new_markdown_cell(source, id="prose")


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def shown(data, **metadata):
    return new_output("display_data", data, metadata=metadata)


def error(message):
    return new_output(
        "error",
        ename="ValueError",
        evalue=message,
        traceback=["\x1b[31mValueError\x1b[39m", message],
    )


def notebook(*cells):
    """Return a notebook with these cells that is in normal form but for what the cells contain."""
    metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    return new_notebook(cells=list(cells), metadata=metadata, nbformat_minor=5)


@pytest.mark.parametrize(
    "cells",
    [
        [],
        [markdown("A picture: ![a loop](loop.png)"), code("1 + 1"), code("2", count=2)],
        [code("1"), code("", count=None), code("2", count=2)],
        [code("raise ValueError", error("as it must"), tags=[MAY_RAISE])],
        [code("print(1)", stream("1\n"), shown({"text/plain": "1"}))],
        [
            code(
                "draw()",
                shown({"image/png": PNG}, **{"image/png": {"alt": "Loss falls from 2 to 1."}}),
            )
        ],
        [code("\n".join([*["x = 1"] * LONGEST_CODE, "", "# a comment"]))],
        [code("print(text)", stream("x" * LONGEST_TEXT))],
        [
            markdown(
                '<img src="loop.png" alt="a loop">, and pip install is explained at'
                " https://x.org/home/"
            )
        ],
        [code("page = 'https://x.org/home/a'", stream("1/2, and/or, 0x7f, H:\n</td>"))],
    ],
)
def test_good_notebooks_have_no_fault(cells):
    assert faults(notebook(*cells)) == []


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ([code(count=None)], "cell 1 was not executed"),
        ([code(), code("2", count=3)], "cell 2 was executed as number 3 instead of 2"),
        ([code(count=2), code(count=1)], "cell 1 was executed as number 2 instead of 1"),
        ([code("f()", error("no"))], "cell 1 fails: ValueError: no"),
        ([code("f()", error("no"), tags=["nbval-skip"])], "cell 1 fails: ValueError: no"),
        ([code("f()", stream("Warning!", "stderr"))], "cell 1 writes to stderr"),
        (
            [code("w", shown({"text/plain": "W", WIDGET_VIEW: {}}))],
            "cell 1 stores a view of a widget",
        ),
        ([code("f", stream("<function f at 0x7f3a5c0b>"))], "cell 1 prints a memory address"),
        (
            [code("f", shown({"text/html": "<b>F at 0x7f3a5c0b</b>"}))],
            "cell 1 prints a memory address",
        ),
        (
            [code("f()", error("F at 0x7f3a5c0b"), tags=[MAY_RAISE])],
            "cell 1 prints a memory address",
        ),
        ([code("p", stream("in /root/a.py"))], "cell 1 prints a path of one machine"),
        (
            [code("p", stream("\x1b[32m/home/ada/a.py\x1b[39m"))],
            "cell 1 prints a path of one machine",
        ),
        ([code("p", stream("'/tmp/x'"))], "cell 1 prints a path of one machine"),
        (
            [code("p", shown({"text/plain": "/Users/ada/a.py"}))],
            "cell 1 prints a path of one machine",
        ),
        ([code("p", stream(r"C:\Users\ada"))], "cell 1 prints a path of one machine"),
        ([code("p", stream(r"D:\a\course"))], "cell 1 prints a path of one machine"),
        (
            [code("p()", error("File ~/course/a.py:3"), tags=[MAY_RAISE])],
            "cell 1 prints a path of one machine",
        ),
        (
            [code("t", shown({"text/plain": "  0%|          | 0/9 [00:00<?]"}))],
            "cell 1 stores a progress bar",
        ),
        ([code("open('/home/ada/a.txt')")], "cell 1 names a path of one machine in its code"),
        ([markdown("![](loop.png)")], "cell 1 has a picture without alternative text"),
        ([markdown("See ![ ][loop]")], "cell 1 has a picture without alternative text"),
        ([markdown('<img src="loop.png">')], "cell 1 has a picture without alternative text"),
        (
            [markdown('<img alt="" src="loop.png">')],
            "cell 1 has a picture without alternative text",
        ),
        (
            [code("d", shown({"image/png": PNG}))],
            "cell 1 shows an image/png without alternative text",
        ),
        (
            [code("d", shown({"image/png": PNG}, **{"image/png": {"alt": " "}}))],
            "cell 1 shows an image/png without alternative text",
        ),
        ([code("x = 1\n" * 26)], "cell 1 has 26 lines of code, more than 25"),
        ([code("%pip install keras")], "cell 1 installs something or changes sys.path"),
        (
            [code("import sys\nsys.path.append('..')")],
            "cell 1 installs something or changes sys.path",
        ),
        (
            [code("p", stream("x" * 6000), shown({"text/plain": "y"}))],
            "cell 1 prints 6001 characters, more than 6000",
        ),
        (
            [code("p", shown({"text/plain": "y", "text/html": "x" * 6000}))],
            "cell 1 prints 6002 characters, more than 6000",
        ),
        (
            [code("p", stream("1"), stream("2"))],
            "the notebook is not in normal form (make notebooks)",
        ),
    ],
)
def test_fault_is_found(cells, fault):
    assert fault in faults(notebook(*cells))


def test_stored_widget_state_is_a_fault():
    bad = notebook()
    bad.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    assert "the notebook stores the state of widgets" in faults(bad)


# --- the normal form


def test_normalise_removes_what_depends_on_the_run():
    cell = code("f()", stream("1\n"), stream("2\n"), stream("!", "stderr"), stream("3\n"))
    cell.outputs += [
        shown({WIDGET_VIEW: {"model_id": "7"}}),
        stream("4\n"),
        shown({WIDGET_VIEW: {"model_id": "8"}, "text/plain": "W"}),
        shown({WIDGET_VIEW: {"model_id": "9"}, "text/plain": "  0%|          | 0/9 [00:00<?]"}),
    ]
    cell.metadata = nbformat.from_dict(
        {"execution": {"iopub.execute_input": "now"}, "collapsed": True, "tags": [FOLDED]}
    )
    run = notebook(cell)
    run.nbformat_minor = 4
    run.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "mine", "name": "mine"},
            "language_info": {"name": "python", "version": "3.11.7"},
            "signature": "sha256:0",
            "orig_nbformat": 2,
            "title": "Kept",
            "widgets": {},
        }
    )
    before = dumps(run)

    normal = normalise(run)
    hidden = normal.cells[0].metadata.pop("jupyter")

    assert dumps(run) == before, "the argument was changed"
    assert hidden == {"source_hidden": True}, "folded again"
    assert normal == new_notebook(
        metadata={"kernelspec": KERNELSPEC, "language_info": {"name": "python"}, "title": "Kept"},
        nbformat_minor=5,
        cells=[
            code(
                "f()",
                stream("1\n2\n"),
                stream("!", "stderr"),
                stream("3\n4\n"),
                shown({"text/plain": "W"}),
                tags=[FOLDED],
            )
        ],
    )
    again = normalise(normal)
    assert again.cells[0].metadata.pop("jupyter") == hidden and again == normal


def test_normalise_keeps_ids_and_fills_in_missing_ones_always_alike():
    old = notebook(code(), code(count=2), code(count=3), markdown("text"))
    old.cells[0].id = "cell-1"
    del old.cells[1]["id"], old.cells[2]["id"]
    assert [cell.id for cell in normalise(old).cells] == ["cell-1", "cell-0", "cell-2", "prose"]


# --- execution


def test_execute_stores_a_fresh_run_in_normal_form(tmp_path, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)  # execute is to set it
    path = tmp_path / "a notebook.ipynb"
    (tmp_path / "beside.txt").write_text("found")
    cells = [
        code(
            "from pathlib import Path\nprint(Path('beside.txt').read_text())",
            stream("stale"),
            count=7,
        ),
        code("1 / 0", count=8, tags=[MAY_RAISE]),
        code("import os\nprint(os.environ['TQDM_DISABLE'])", count=9),
    ]
    path.write_text(dumps(notebook(*cells)), encoding="utf-8")

    executed = execute(path)

    assert executed == read(path)
    assert faults(executed) == []
    assert [cell.execution_count for cell in executed.cells] == [1, 2, 3]
    assert executed.cells[0].outputs == [stream("found\n")]
    assert executed.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert executed.cells[2].outputs == [stream("1\n")]
    assert path.read_bytes() == dumps(executed).encode()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a notebook.ipynb", "beside.txt"]


def test_execute_leaves_the_file_alone_when_a_cell_fails(tmp_path):
    path = tmp_path / "failing.ipynb"
    # The first cell may fail, the second may not: the permission must not outlive its cell.
    cells = [code("1 / 0", tags=[MAY_RAISE]), code("1 / 0", count=2)]
    path.write_text(dumps(notebook(*cells)), encoding="utf-8")
    before = path.read_bytes()

    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(path)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_execute_leaves_a_file_alone_that_was_saved_meanwhile(tmp_path):
    path = tmp_path / "open in two places.ipynb"
    cell = code(
        "from pathlib import Path\nPath('open in two places.ipynb').write_text('what the reader"
        " saved')"
    )
    path.write_text(dumps(notebook(cell)), encoding="utf-8")

    with pytest.raises(RuntimeError, match="was changed while it was executed"):
        execute(path)

    assert path.read_text() == "what the reader saved"
    assert list(tmp_path.iterdir()) == [path]

"""The measurement of a class, and what is derived from it."""

import asyncio
import re

from tools.notebooks import NOTEBOOKS, ROOT, dumps
from tools.publish import load

import psutil
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook

TEACHING = (NOTEBOOKS / "reference" / "teaching.md").read_text(encoding="utf-8")
HUB = yaml.safe_load((ROOT / "tools" / "publish" / "hub.yaml").read_text(encoding="utf-8"))
UNITS = {"M": 2**20, "G": 2**30}  # JupyterHub's


def chapter(folder, *sources):
    path = folder / "chapter.ipynb"
    path.write_text(
        dumps(new_notebook(cells=[new_code_cell(source) for source in sources])), encoding="utf-8"
    )
    return path


def processes():
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_two_students_are_measured(tmp_path):
    before = processes()
    hold = "import time\nheld = bytearray(200 * 2**20)\nheld[::4096] = b'1' * (200 * 256)"
    of = asyncio.run(
        load.lesson(2, chapter(tmp_path, hold, "time.sleep(3 * 0.5)", "assert len(held) > 0"))
    )
    assert of.students == 2
    assert 250 * load.MB < of.mean <= of.largest < 600 * load.MB
    assert of.largest < of.machine <= 2 * of.largest
    assert 1.5 < of.fastest <= of.slowest
    assert processes() == before


def test_a_cell_that_fails_is_not_counted_as_done(tmp_path):
    before = processes()
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        asyncio.run(load.lesson(1, chapter(tmp_path, "1 / 0")))
    assert processes() == before


def test_a_class_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "TIME_LIMIT", 5)
    before = processes()
    with pytest.raises(TimeoutError, match="1 students were not done after 5 seconds"):
        asyncio.run(load.lesson(1, chapter(tmp_path, "while True: pass")))
    assert processes() == before


def table():
    """The rows of the table in teaching.md, in the script's columns."""
    rows = re.findall(
        r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", TEACHING, re.MULTILINE
    )
    return [load.Class(*map(int, row)) for row in rows]


def size(text):
    return float(text[:-1]) * UNITS[text[-1]] / load.MB


def test_the_hubs_limits_follow_from_what_was_measured():
    measured = table()
    assert [row.students for row in measured] == [1, 5, 10, 20]
    memory, cpu = HUB["singleuser"]["memory"], HUB["singleuser"]["cpu"]
    assert (
        max(row.largest for row in measured)
        <= size(memory["guarantee"])
        <= 2 * max(row.mean for row in measured)
    )
    (largest_chapter,) = set(re.findall(r"peaks at (\d+) MB", TEACHING))
    assert int(largest_chapter) + max(row.largest for row in measured) <= size(memory["limit"])
    assert cpu["guarantee"] == 2 / measured[-1].students


def test_the_hub_opens_the_start_page_and_keeps_what_students_wrote():
    single = HUB["singleuser"]
    assert (ROOT / single["defaultUrl"].removeprefix("/lab/tree/unrolled/")).is_file()
    *_, script = single["lifecycleHooks"]["postStart"]["exec"]["command"]
    assert "cp -r --no-clobber /srv/unrolled/notebooks /home/jovyan/unrolled/" in script
    assert "--target-repo-dir /srv/unrolled" in TEACHING
    assert f"--image-name {single['image']['name']}:{single['image']['tag']}" in TEACHING

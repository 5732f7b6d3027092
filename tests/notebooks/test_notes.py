"""The page on the notes leads, line by line, to the cells that treat them."""

import re

from tools.notebooks import NOTEBOOKS, read

import pytest

HERE = NOTEBOOKS / "reference"
SOURCE = "\n".join(cell.source for cell in read(HERE / "notes.ipynb").cells)
ROWS = re.findall(
    r"(?m)^\| (.+) \| \[[^]]*§(\d+)\]\(([^)]+)\) (.+?) \| (.+?) \| ([E0-9, ]+|nothing) \|$", SOURCE
)


def section(file, number):
    """Return the title of a section and the cells that stand in it."""
    cells, title = [], None
    for cell in read(HERE / file).cells:
        heading = re.search(r"(?m)^## (?:(\d+) · )?(.+)$", cell.source)
        if cell.cell_type == "markdown" and heading:
            inside = heading[1] == number
            title = heading[2] if inside else title
            cells += [cell] if inside else []
        elif cells and title and inside:
            cells.append(cell)
    return title, cells


def test_there_is_a_row_for_every_statement():
    table = SOURCE.split("## Line by line")[1].split("## 1 ·")[0]
    assert len(ROWS) == table.count("\n| ") - 1 > 25


@pytest.mark.parametrize(("said", "number", "file", "title", "look", "corrected"), ROWS)
def test_a_line_leads_to_a_cell(said, number, file, title, look, corrected):
    found, cells = section(file, number)
    assert found == title
    assert any(look.strip("`") in cell.source for cell in cells), look
    for number in re.findall(r"E\d+", corrected):
        assert f"\n| {number} | " in SOURCE

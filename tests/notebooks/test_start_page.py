"""The start page and the README list every notebook, and their minutes add up."""

import re

from tools.measure import HEADER
from tools.notebooks import CHAPTERS, NOTEBOOKS, ROOT, WORKSHOPS, read

import pytest

START = "\n".join(cell.source for cell in read(NOTEBOOKS / "index.ipynb").cells)
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
WAYS = ["Half an hour", "The idea", "For work", "Everything"]


def minutes(path):
    """What the header of a notebook says: minutes to read, and for the exercises."""
    return [int(number) for number in HEADER.search(read(path).cells[0].source).groups()]


def spelled(total):
    return f"{total // 60} h {total % 60:02}" if total >= 60 else f"{total} min"


@pytest.mark.parametrize("text", [START, README], ids=["start page", "README"])
def test_the_minutes_of_each_way_are_those_of_its_chapters(text):
    ways = re.findall(r"(?m)^\| \*\*(.+?)\*\* \| .+? \| (.+?) \| (.+?) \| (.+?) \|$", text)
    assert [name for name, *_ in ways] == WAYS
    for name, chapters, *told in ways:
        numbers = list(map(int, re.findall(r"\d+", LINK.sub(r"\1", chapters))))
        numbers = range(9) if name == "Everything" else numbers
        sums = map(sum, zip(*(minutes(CHAPTERS[n]) for n in numbers), strict=True))
        assert told == [spelled(total) for total in sums], name


def test_the_ways_keep_their_limits():
    for numbers, most in (((0, 2, 3, 4, 5), 240), ((0, 6, 7, 8), 240), (range(9), 426)):
        assert sum(minutes(CHAPTERS[n])[0] for n in numbers) <= most


def test_the_start_page_lists_every_notebook_with_its_minutes():
    for path in [*CHAPTERS, *WORKSHOPS]:
        name = path.relative_to(NOTEBOOKS).as_posix()
        (row,) = re.findall(rf"(?m)^\|(?!.*\*\*).*\]\({re.escape(name)}\).*$", START)
        assert [int(cell) for cell in row.split("|")[-3:-1]] == minutes(path), name


def test_the_readme_lists_every_chapter():
    rows = re.findall(r"(?m)^\| (\d) \| \[.+?\]\(notebooks/(.+?)\) \|", README)
    assert rows == [(path.name[1], path.name) for path in CHAPTERS]


@pytest.mark.parametrize("text", [START, README], ids=["start page", "README"])
def test_every_file_that_is_linked_exists(text):
    folder = NOTEBOOKS if text is START else ROOT
    links = [link for _, link in LINK.findall(text) if not link.startswith(("http", "#"))]
    assert len(links) > 10
    assert [link for link in links if not (folder / link).exists()] == []

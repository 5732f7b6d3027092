"""Every chapter and workshop keeps the rules, and the measure of a notebook is right."""

from tools.measure import broken_rules, limit, minutes, quarters
from tools.notebooks import CHAPTERS, WORKSHOPS, read

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = {path.stem: path for path in [*CHAPTERS, *WORKSHOPS]}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_keeps_every_rule(name):
    broken = list(broken_rules(read(NOTEBOOKS[name]), limit(NOTEBOOKS[name])))
    assert not broken, "\n".join(broken)


def text(source, kind="slide"):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


def code(source, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


FIGURE = new_output("display_data", {"image/png": "iVBORw0KGgo="})
HEADER = text("# A title. 2 minutes to read, 5 for the exercises.")
NOTES = [text("word " * 60, "notes") for _ in range(4)]  # 1.6 minutes
RECALL = code("def f():\n    ...\n\nexercises.f.check(f)", tags=["recall"])
GOOD = [HEADER, *NOTES, RECALL]


@pytest.mark.parametrize(
    ("cell", "reading", "exercises"),
    [
        (text("word " * 75), 0.5, 0),
        (text("$$ a = b + c $$\n\n$$ d $$"), 1, 0),
        (code("a = 1\n\n# why\nb = 2"), 0.2, 0),
        (code("a = 1", FIGURE), 0.5 + 4 / 60, 0),
        (code("draw()\n" * 40, FIGURE, tags=["hide-input"]), 0.5, 0),
        (code("interactive.reader()", FIGURE), 2 + 4 / 60, 0),
        (RECALL, 0, 5),
        (code("exercises.f.check(f)"), 0, 12),
        (code("bug_gym.diagnose(1)", tags=["build"]), 0, 25),
        (code("# exercises.f.check(f)"), 4 / 60, 0),
    ],
)
def test_what_a_cell_takes(cell, reading, exercises):
    assert minutes(new_notebook(cells=[cell])) == (pytest.approx(reading), exercises)


def test_where_the_quarters_end():
    parts = [text(f"## Part {n}\n\n" + "word " * 148) for n in range(8)]
    assert quarters(new_notebook(cells=parts)) == ["Part 1", "Part 3", "Part 5"]


def test_a_notebook_that_keeps_all_rules_breaks_none():
    assert list(broken_rules(new_notebook(cells=GOOD), 2)) == []


@pytest.mark.parametrize(
    ("cells", "broken"),
    [
        ([*GOOD, text("word " * 150, "notes")], "it takes 3 minutes to read, more than 2"),
        ([text("# A title"), *GOOD], "its first cell does not say how many minutes"),
        ([HEADER, RECALL], "its first cell says 2 minutes (read), measured: 0"),
        ([HEADER, *NOTES], "its first cell says 5 minutes (exercises), measured: 0"),
        ([*GOOD, text("As the notes say.")], "it mentions the notes"),
        ([*GOOD, text("word " * 61)], "cell 7 has 61 words on a slide, more than 60"),
        ([*GOOD, code("exercises.f.check(f)")], "cell 7 is an exercise without one of the tags"),
        ([*GOOD, code("assert a", tags=["hide-input"])], "cell 7 is folded, and checks something"),
        (
            [*GOOD, code("p", new_output("stream", text="line\n" * 13))],
            "cell 7 prints 13 lines, more than 12",
        ),
        (
            [*GOOD, code("def hidden(): pass", tags=["hide-input"]), code("hidden()")],
            "uses hidden, which only a folded cell defines",
        ),
    ],
)
def test_a_broken_rule_is_named(cells, broken):
    assert any(broken in rule for rule in broken_rules(new_notebook(cells=cells), 2))


def test_a_name_that_the_text_introduces_may_be_defined_in_a_folded_cell():
    hidden = code("def hidden(): pass", tags=["hide-input"])
    cells = [*GOOD, text("`hidden` draws."), hidden, code("hidden()")]
    assert list(broken_rules(new_notebook(cells=cells), 2)) == []

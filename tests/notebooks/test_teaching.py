"""teaching.md: what it names exists, and its numbers are those of the course."""

import re

from helpers.teaching import exercises
from helpers.teaching.designs import count_multiply_adds, count_parameters
from helpers.teaching.exercises import bug_gym
from helpers.teaching.exercises.keras_apis import ASKED, returned_shapes
from helpers.teaching.interactive.base import PARTS
from helpers.teaching.interactive.why_recurrence import REVIEW
from tools import notebooks
from tools.notebooks import NOTEBOOKS, ROOT, read

import numpy as np
import pytest
import yaml

HERE = NOTEBOOKS / "reference"
PAGE = (HERE / "teaching.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
HUB_VALUES = (ROOT / "tools" / "publish" / "hub.yaml").read_text(encoding="utf-8")
HUB = yaml.safe_load(HUB_VALUES)["singleuser"]
LOAD = ("students at once", "MB per student: mean", "largest", "MB together")
LOAD += ("seconds: fastest", "slowest")
CHAPTERS = {int(path.name[:2]): read(path) for path in notebooks.CHAPTERS}


def rows(text, *columns):
    """The rows of every table in the text that has these columns."""
    tables = re.findall(r"(?:^\|.*\|\n)+", text + "\n", re.MULTILINE)
    split = [
        [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]
        for table in tables
    ]
    return [row for head, _, *body in split if head == list(columns) for row in body]


def of_chapter(number):
    (text,) = re.findall(
        rf"^### \[Chapter {number} · .*?(?=^###? )", PAGE, re.MULTILINE | re.DOTALL
    )
    return text


def code(number):
    return "\n".join(cell.source for cell in CHAPTERS[number].cells if cell.cell_type == "code")


SECTIONS = {
    (number, int(place)): title
    for number, chapter in CHAPTERS.items()
    for cell in chapter.cells
    for place, title in re.findall(r"^## (\d+) · (.+)$", cell.source, re.MULTILINE)
}
SECTION_OF = {
    (HERE / file).resolve(): text
    for file, text in re.findall(
        r"^### [^\n]*?\]\(([^)]+\.ipynb)\)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL
    )
}
FIGURES = {
    row[0].strip("`"): (path, row)
    for path, text in SECTION_OF.items()
    for row in rows(text, "figure", "ask first", "the room says", "the figure shows")
}
STUCK = [
    (number, exercise.strip("`"), belief, sentence)
    for number in CHAPTERS
    for exercise, belief, sentence in rows(of_chapter(number), "exercise", "they believe", "say")
]


def test_sections_are_named_as_in_their_chapters():
    planned = re.findall(r"^\| \d+ \| (\d) §(\d+) (.+?) \|", PAGE, re.MULTILINE)
    assert planned
    for number, place, title in planned:
        assert SECTIONS[int(number), int(place)] == title
    for number, place in re.findall(r"\b([0-8]) §(\d+)", PAGE):
        assert (int(number), int(place)) in SECTIONS
    for number in CHAPTERS:
        for place in re.findall(r"§(\d+)", of_chapter(number)):
            assert (number, int(place)) in SECTIONS


def test_what_the_plans_use_exists():
    used = re.findall(r"[Ff]igure `(\w+)`", PAGE), re.findall(r"[Ee]xercises? `(\w+)`", PAGE)
    assert set(used[0]) <= set(PARTS)
    assert [name for name in used[1] if not hasattr(exercises, name)] == []


def test_every_interactive_figure_has_its_question():
    assert sorted(FIGURES) == sorted(PARTS)
    for name, (path, (_, question, answer, shown)) in FIGURES.items():
        code_there = "\n".join(c.source for c in read(path).cells if c.cell_type == "code")
        assert f"interactive.{name}(" in code_there, name
        assert "?" in question and answer and shown


def test_every_misconception_is_one_of_its_exercise():
    assert STUCK
    for number, exercise, belief, sentence in STUCK:
        assert f"exercises.{exercise}.check(" in code(number), exercise
        known = [known.name for known in getattr(exercises, exercise).misconceptions]
        assert belief in known, exercise
        assert sentence


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_chapter_has_the_title_and_the_minutes_of_its_notebook(number):
    head = CHAPTERS[number].cells[0].source
    (title,) = re.findall(r"^# (.+)", head)
    (minutes,) = re.findall(r"\*\*Minutes\.\*\* ([^.]+\.)", head)
    assert of_chapter(number).startswith(f"### [Chapter {number} · {title}](")
    assert f"\nMinutes: {minutes}\n" in of_chapter(number)


def test_every_make_target_and_every_linked_file_exists():
    targets = re.findall(r"`make ([a-z-]+)`", PAGE)
    files = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if not link.startswith("http")]
    assert targets and files
    assert set(targets) <= set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
    assert [file for file in files if not (HERE / file).is_file()] == []


# `read_along` and `temperature` show trained networks: their numbers are not asked for.
SAID = [
    (
        "shuffle_the_sentence",
        {"shuffle": 0, "swap": 1},
        "shared layer moved {}, that of the recurrent",
        ("not at all",),
    ),
    ("shuffle_the_sentence", {"shuffle": 0, "swap": 1}, "recurrent layer by up to {}.", ("0.12",)),
    ("shuffle_the_sentence", {"shuffle": 0, "swap": 7}, "recurrent layer by up to {}.", ("0.10",)),
    (
        "step_through_time",
        {"t": 5},
        "mood: {} from the word, {} from the old state",
        ("1.00", "−1.18"),
    ),
    ("step_through_time", {"t": 5}, "state {}. negated", ("−0.08",)),
    (
        "step_through_time",
        {"t": 5, "sentence": "good not good not good"},
        "state {}. negated",
        ("−0.62",),
    ),
    ("memory_explorer", {"rho": 0.9}, "after {} steps", ("60",)),
    ("memory_explorer", {"rho": 0.5}, "after {} steps", ("10",)),
    ("memory_explorer", {"at": 1}, "after {} steps", ("60",)),
    (
        "ledger",
        {"t": 10, "i": 2, "rho": 0.5},
        "{} Jacobians, the gradient goes from {} to {}.",
        ("8", "1.4", "6.4e−06"),
    ),
    ("ledger", {"t": 10, "i": 2}, "from {} to {}. All {} terms", ("1.5", "0.0082", "55")),
    ("ledger", {"t": 10, "i": 2, "rho": 1.5}, "from {} to {}.", ("1.6", "1.9")),
    (
        "jacobian_explorer",
        {"matrix": "one-way chain", "rho": 0.7, "sd": 0, "lag": 22},
        "has norm {};",
        ("81",),
    ),
    (
        "jacobian_explorer",
        {"matrix": "one-way chain", "rho": 0.7, "sd": 0, "lag": 50},
        "has norm {};",
        ("1.8",),
    ),
    ("jacobian_explorer", {"rho": 1.5, "sd": 0, "lag": 50}, "has norm {};", ("6.4e+08",)),
    ("jacobian_explorer", {"rho": 1.5, "sd": 1, "lag": 50}, "has norm {};", ("0.00018",)),
    (
        "clipping_on_a_cliff",
        {},
        "gradient has norm {}. After {} updates, not clipped: w = {},",
        ("529", "60", "−3.9"),
    ),
    ("clipping_on_a_cliff", {"done": 1}, "not clipped: w = {},", ("−3.9",)),
    ("clipping_on_a_cliff", {}, "b = 0.0748, loss {}.", ("0.0025",)),
    ("latch", {}, "of the gradient {} is left at step", ("1.2e−13",)),
    ("latch", {"b_f": 7}, "of the gradient {} is left at step", ("0.92",)),
    ("latch", {"b_f": 7, "b_i": 0}, "and {} at step 100", ("0.198",)),
    ("latch", {}, "is {} after the mark", ("0.080",)),
    ("gates_of_a_sequence", {}, "i is {0} and {0} at the marks and {1} else", ("1.00", "0.00")),
    (
        "choose_an_hour",
        {"day": 28, "hour": 17},
        "{} lie in the band; the middle is off by {} bicycles",
        ("6", "117"),
    ),
    ("shape_explorer", {}, "out {}, state_1 {}, state_2 {}.", ("(4, 5, 12)", "(4, 6)", "(4, 6)")),
]


@pytest.fixture(scope="module")
def drawn():
    return {name: PARTS[name]() for name in {said[0] for said in SAID}}


@pytest.mark.parametrize(("name", "values", "pattern", "numbers"), SAID)
def test_what_the_page_says_a_figure_shows_is_what_it_shows(drawn, name, values, pattern, numbers):
    figure = drawn[name]
    figure.reset()
    figure.set(**values)
    assert pattern.format(*numbers) in figure.picture.sentence
    row = " ".join(FIGURES[name][1])
    for number in numbers:
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d,]*\d)", row), (name, number)


def test_the_board_of_chapter_1():
    stored, work = count_parameters(3, 2, 2, 2), count_multiply_adds(3, 2, 2, 2)
    told = (
        "flatten {}, per step {}, shared {}, window {}, recurrent {}. Multiply–adds: {}, {}, {}, {}"
        " and {}."
    )
    assert told.format(*stored, *work) in of_chapter(1)


def test_the_board_of_chapter_2():
    h = np.zeros(2)
    moods = []
    for praise, negation in ((0, 1), (0, 0), (1, 0)):  # not very good
        mood, negated = h
        h = np.tanh(
            [praise - 0.5 * negation + 0.5 * mood - 1.5 * negated + 0.1, negation + negated]
        )
        moods.append(f"{h[0]:.3f}".replace("-", "−"))
    assert f"the mood goes {', '.join(moods)}." in of_chapter(2)


def test_the_board_of_chapter_3():
    w, h_0 = 0.8, 0.5
    h_1 = np.tanh(w * h_0)
    h_2 = np.tanh(w * h_1)
    direct, way = (1 - h_2**2) * h_1, (1 - h_2**2) * w * (1 - h_1**2) * h_0
    told = (
        f"w = {w}, h₀ = {h_0}, h₁ = tanh(w h₀), h₂ = tanh(w h₁). Direct {direct:.4f}, by way of"
        f" h₁ {way:.4f}"
    )
    assert f"{told}, total {direct + way:.4f}." in of_chapter(3)
    factors = (
        f"h₁ = {h_1:.3f} and h₂ = {h_2:.3f}, so σ′(z₁) = {1 - h_1**2:.3f} and σ′(z₂) ="
        f" {1 - h_2**2:.3f}"
    )
    assert factors in of_chapter(3)


def test_the_answers_of_predict_shapes():
    shapes = (returned_shapes(2, 7, 5, **options) for options in ASKED.values())
    told = " · ".join(", ".join(map(str, each)) for each in shapes)
    assert f"**The answers of `predict_shapes`**, in its order: {told}. " in of_chapter(6)


def test_the_sentence_to_shuffle():
    last = len(REVIEW.split()) - 1
    assert (
        f"*{REVIEW}*. The slider *swap, from word* is then set to 1, and to {last}."
        in of_chapter(1)
    )


def test_the_bugs_of_the_bug_gym():
    workshop = read(NOTEBOOKS / "workshops" / "gradients_under_test.ipynb")
    cells = "\n".join(cell.source for cell in workshop.cells if cell.cell_type == "code")
    asked = re.findall(r"^diagnosis_(\d+) = \.\.\.", cells, re.MULTILINE)
    assert f"has eight bugs and asks for {asked[0]}, {asked[1]} and {asked[2]}." in PAGE
    assert len(bug_gym.ORDER) == 8


def in_bytes(size):
    """JupyterHub's sizes: 640M, 2G."""
    return float(size[:-1]) * {"M": 2**20, "G": 2**30}[size[-1]]


def test_the_hubs_limits_follow_from_what_was_measured():
    measured = [list(map(int, row)) for row in rows(PAGE, *LOAD)]
    largest = max(row[2] for row in measured) * 2**20
    largest_chapter = int(re.search(r"peaks at (\d+) MB", PAGE)[1]) * 2**20
    assert largest <= in_bytes(HUB["memory"]["guarantee"]) <= 2 * largest
    assert largest_chapter + largest <= in_bytes(HUB["memory"]["limit"])
    assert HUB["cpu"]["guarantee"] == 2 / measured[-1][0]


def test_the_hub_opens_the_start_page_and_keeps_what_students_wrote():
    assert (ROOT / HUB["defaultUrl"].removeprefix("/lab/tree/unrolled/")).is_file()
    *_, script = HUB["lifecycleHooks"]["postStart"]["exec"]["command"]
    assert "cp -r --no-clobber /srv/unrolled/notebooks /home/jovyan/unrolled/" in script
    assert "--target-repo-dir /srv/unrolled" in PAGE
    assert f"--image-name {HUB['image']['name']}:{HUB['image']['tag']}" in PAGE

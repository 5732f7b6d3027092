"""teaching.md: what it names exists, and its numbers are those of the course."""

import re

from helpers.teaching import exercises
from helpers.teaching.exercises.keras_apis import ASKED, returned_shapes
from helpers.teaching.interactive.base import PARTS
from helpers.teaching.interactive.why_recurrence import REVIEW
from tools.notebooks import CHAPTERS, NOTEBOOKS, ROOT, read

import numpy as np
import pytest
import yaml

HERE = NOTEBOOKS / "reference"
PAGE = (HERE / "teaching.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
HUB_VALUES = (ROOT / "tools" / "publish" / "hub.yaml").read_text(encoding="utf-8")
HUB = yaml.safe_load(HUB_VALUES)["singleuser"]
NUMBERED = {int(path.name[:2]): read(path) for path in CHAPTERS}
SECTIONS = {
    (number, int(place)): title
    for number, chapter in NUMBERED.items()
    for cell in chapter.cells
    for place, title in re.findall(r"^## (\d+) · (.+)$", cell.source, re.MULTILINE)
}


def rows(*columns):
    """The rows of every table that has these columns."""
    tables = re.findall(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE)
    split = [
        [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]
        for table in tables
    ]
    return [row for head, _, *body in split if head == list(columns) for row in body]


FIGURES = {
    re.match(r"`(\w+)`", row[0])[1]: row
    for row in rows("figure", "ask first", "the room says", "the figure shows")
}


def test_sections_are_there_and_named_as_in_their_chapters():
    named = [row[1] for row in rows("minutes", "section", "what happens")]
    for number, place, title in re.findall(r"(\d) §(\d+) (.+)", "\n".join(named)):
        assert SECTIONS[int(number), int(place)] == title
    told = re.findall(r"\b(\d) §(\d+)", PAGE)
    assert len(named) > 10 and len(told) > 60
    assert [place for place in told if tuple(map(int, place)) not in SECTIONS] == []


def test_the_plans_fill_their_time():
    two = [int(row[0]) for row in rows("minutes", "section", "what happens")]
    both = rows("4 h", "8 h", "section", "what happens")
    assert sum(two) == 2 * 60
    assert sum(int(row[0]) for row in both if row[0] != "–") == 4 * 60
    sessions = [0]
    for _, minutes, _, what in both:
        sessions[-1] += int(minutes) if minutes != "–" else 0
        if re.search(r"\*Session \d ends\*", what):
            sessions.append(0)
    assert sessions == [2 * 60] * 4
    assert len(rows("week", "read before", "in class", "hand in")) == 12


def test_what_the_plans_use_exists():
    used = re.findall(r"[Ff]igure `(\w+)`", PAGE), re.findall(r"[Ee]xercises? `(\w+)`", PAGE)
    used[1].extend(
        name
        for row in rows("week", "read before", "in class", "hand in")
        for name in re.findall(r"`(\w+)`", row[-1])
    )
    assert set(used[0]) <= set(PARTS)
    assert len(used[1]) > 25
    assert [name for name in used[1] if not hasattr(exercises, name)] == []


def test_every_interactive_figure_has_its_question_and_its_place():
    assert sorted(FIGURES) == sorted(PARTS.keys() - {"temperature"})  # of a workshop
    for name, (head, question, answer, shown) in FIGURES.items():
        number, section = re.search(r"\((\d) §(\d+)", head).groups()
        cells = NUMBERED[int(number)].cells
        (at,) = [n for n, cell in enumerate(cells) if f"interactive.{name}(" in cell.source]
        before = "\n".join(cell.source for cell in cells[:at])
        assert re.findall(r"(?m)^## (\d+) ·", before)[-1] == section, name
        assert "?" in question or "Draw" in question
        assert answer and shown


def test_every_make_target_and_every_linked_file_exists():
    targets = re.findall(r"`make ([a-z-]+)`", PAGE)
    files = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if not link.startswith("http")]
    assert targets and files
    assert set(targets) <= set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
    assert [file for file in files if not (HERE / file).is_file()] == []


# `read_along` shows trained networks: its numbers are not asked for.
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
    row = " ".join(FIGURES[name])
    for number in numbers:
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d,]*\d)", row), (name, number)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def two_steps(w, h_0):
    """h_1 and h_2 of h_t = tanh(w h_{t-1}), and both parts of dh_2/dw."""
    h_1 = np.tanh(w * h_0)
    h_2 = np.tanh(w * h_1)
    return h_1, h_2, (1 - h_2**2) * h_1, (1 - h_2**2) * w * (1 - h_1**2) * h_0


def moods():
    h = np.zeros(2)
    for praise, negation in ((0, 1), (0, 0), (1, 0)):  # not very good
        mood, negated = h
        h = np.tanh(
            [praise - 0.5 * negation + 0.5 * mood - 1.5 * negated + 0.1, negation + negated]
        )
        yield f"{h[0]:.3f}".replace("-", "−")


def test_the_board():
    carry, h, dh, steps, terms = 0, (0, 0.5, 0, 0.6), (0, 1, 0, 2), [], []
    for t in (3, 2, 1):
        dz = (dh[t] + carry) * (1 - h[t] ** 2)
        carry = 0.5 * dz
        steps.append((dz, carry))
        terms.append(h[t - 1] * dz)
    (first, one), (second, two), (third, _) = steps
    assert f"dz = 2 · 0.64 = {first:.2f}, carry {one:.2f}; dz = {second:.2f} · 1, carry" in PAGE
    assert f"carry {two:.2f}; dz = (1 + 0.32) · 0.75 = {third:.2f}." in PAGE
    assert f"0 · 1.28 + 0.5 · 0.64 + 0 · 0.99 = {sum(terms):.2f}." in PAGE
    assert f"the mood goes {', '.join(moods())}." in PAGE
    _, _, direct, way = two_steps(0.8, 0.5)
    told = f"w = 0.8, h₀ = 0.5, h₁ = tanh(w h₀), h₂ = tanh(w h₁). Direct {direct:.4f}, by way of"
    assert f"{told} h₁ {way:.4f}, total {direct + way:.4f}" in PAGE
    shapes = (returned_shapes(2, 7, 5, **options) for options in ASKED.values())
    told = " · ".join(", ".join(map(str, each)) for each in shapes)
    assert f"`predict_shapes`, x is (2, 7, 3), five units: {told}." in PAGE
    assert f"*{REVIEW}*" in FIGURES["shuffle_the_sentence"][1]


def test_the_exam():
    section = re.search(r"(?s)## 4 · Ten exam questions(.+?)\n## ", PAGE)[1]
    asked = re.findall(r"(?m)^(\d+)\. \*.+$", section)
    assert asked == [str(number) for number in range(1, 11)]
    for number in asked:
        (line,) = re.findall(rf"(?m)^{number}\. .+$", section)
        assert sum(map(int, re.findall(r"\((\d)\)", line))) == 4, line

    assert f"{100 * 64 + 64 * 64 + 64:,} both times" in section
    states = [0.0]
    for x in (1, 0, 0):
        states.append(np.tanh(x + 0.5 * states[-1]))
    assert ", ".join(f"{h:.2f}" for h in states[1:]) in section
    _, _, direct, way = two_steps(0.5, 1.0)
    assert f"h₁ = {direct:.3f} (2); by way of h₁ {way:.3f} (2)" in section
    assert f"Total alone, {direct + way:.3f}" in section
    W = np.array([[0.7, 5], [0, 0.7]])
    corners = [np.linalg.matrix_power(W, k)[0, 1] for k in (1, 2, 3, 4)]
    assert "the corner is {:.0f}, {:.0f}, {:.2f}, {:.2f}: no".format(*corners) in section
    f = 0.5 ** (1 / 100)
    left = f"{sigmoid(1):.3f} to the power 100 = {sigmoid(1) ** 100:.1e}".replace("-", "−")
    assert left in section
    assert f"f = {f:.4f}, bias {np.log(f / (1 - f)):.2f}" in section
    assert f"; {4 * (3 * 5 + 5 * 5 + 5)} (1)" in section
    assert f"or {0.73**100:.1e} from 0.73".replace("-", "−") in section


def in_bytes(size):
    """JupyterHub's sizes: 640M, 2G."""
    return float(size[:-1]) * {"M": 2**20, "G": 2**30}[size[-1]]


def test_the_hubs_limits_follow_from_what_was_measured():
    (measured,) = re.findall(r"chapter 0 take (\d+) MB, with chapter 8 it is (\d+) MB", PAGE)
    usual, largest = (int(size) * 2**20 for size in measured)
    assert usual <= in_bytes(HUB["memory"]["guarantee"]) <= 1.5 * usual
    assert 1.5 * largest <= in_bytes(HUB["memory"]["limit"])
    assert "twenty students on two cores" in PAGE
    assert HUB["cpu"]["guarantee"] == 2 / 20


def test_the_hub_opens_the_start_page_and_keeps_what_students_wrote():
    assert (ROOT / HUB["defaultUrl"].removeprefix("/lab/tree/unrolled/")).is_file()
    *_, script = HUB["lifecycleHooks"]["postStart"]["exec"]["command"]
    assert "cp -r --no-clobber /srv/unrolled/notebooks /home/jovyan/unrolled/" in script
    assert "--target-repo-dir /srv/unrolled" in HUB_VALUES
    assert f"--image-name {HUB['image']['name']}:{HUB['image']['tag']}" in HUB_VALUES

"""teaching.md.

Its plans add up, what it names exists, and what it says of the figures is what they show.
"""

import re

from helpers.teaching import exercises, interactive
from helpers.teaching.exercises import bug_gym
from helpers.teaching.exercises.keras_apis import ASKED, returned_shapes
from helpers.teaching.four_designs import count_multiply_adds, count_parameters
from helpers.teaching.interactive.base import PARTS
from helpers.teaching.interactive.why_recurrence import REVIEW
from tools import notebooks
from tools.notebooks import NOTEBOOKS, ROOT, read

import numpy as np
import pytest

HERE = NOTEBOOKS / "reference"
PAGE = (HERE / "teaching.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CHAPTERS = {int(path.name[:2]): read(path) for path in notebooks.CHAPTERS}
PLANS = {"2 hours": 120, "4 hours": 240, "8 hours": 480}
PAUSES = {"break", "close"}


def under(heading):
    """The text below a heading, up to the next one of its level or above."""
    level = heading.split()[0]
    _, _, rest = PAGE.partition(f"\n{heading}\n")
    assert rest, heading
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text, *columns):
    """The rows of every table in the text that has these columns."""
    tables = re.findall(r"(?:^\|.*\|\n)+", text + "\n", re.MULTILINE)
    split = [
        [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]
        for table in tables
    ]
    return [row for head, _, *body in split if head == list(columns) for row in body]


def plan(name):
    return rows(under(f"### {name}"), "minutes", "section", "what happens", "skip")


def of_chapter(number):
    (text,) = re.findall(
        rf"^### \[Chapter {number} · .*?(?=^###? )", PAGE, re.MULTILINE | re.DOTALL
    )
    return text


def code(number):
    return "\n".join(cell.source for cell in CHAPTERS[number].cells if cell.cell_type == "code")


def sections(number):
    """The sections of a chapter: its number and the section's, with its title and all its cells."""
    source = "\n".join(cell.source for cell in CHAPTERS[number].cells)
    _, *pieces = re.split(
        r"^## (\d+) · (.+)$", source.partition("\n## Recap\n")[0], flags=re.MULTILINE
    )
    return {
        (number, int(place)): (title, text)
        for place, title, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    }


SECTIONS = {place: section for number in CHAPTERS for place, section in sections(number).items()}
FIGURES = {
    row[0].strip("`"): (number, row)
    for number in CHAPTERS
    for row in rows(of_chapter(number), "figure", "ask first", "the room says", "the figure shows")
}
STUCK = [
    (number, exercise.strip("`"), belief, sentence)
    for number in CHAPTERS
    for exercise, belief, sentence in rows(of_chapter(number), "exercise", "they believe", "say")
]


@pytest.mark.parametrize(("name", "minutes"), PLANS.items())
def test_the_minutes_of_a_plan_add_up(name, minutes):
    sums = [0, *np.cumsum([int(row[0]) for row in plan(name)])]
    assert sums[-1] == minutes
    sessions = [
        total
        for total, row in zip(sums[1:], plan(name), strict=True)
        if "*End of session" in row[2]
    ]
    assert sessions == ([120, 240, 360] if name == "8 hours" else [])
    breaks = [total for total, row in zip(sums[1:], plan(name), strict=True) if row[1] == "break"]
    assert (
        len(breaks) == minutes // 120
        and np.diff(sorted([0, *breaks, *sessions, minutes])).max() < 120
    )


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_names_sections_as_the_chapters_do_and_in_their_order(name):
    places = []
    for _, section, what, _ in plan(name):
        if section not in PAUSES:
            number, place, title = re.fullmatch(r"(\d) §(\d+) (.+)", section).groups()
            places.append((int(number), int(place)))
            told, text = SECTIONS[places[-1]]
            assert told == title
            for used in re.findall(r"`(\w+)`", what):
                of_figure, of_exercise = (
                    f"^interactive\\.{used}\\(",
                    f"^exercises\\.{used}\\.check\\(",
                )
                assert re.search(of_figure if used in PARTS else of_exercise, text, re.MULTILINE), (
                    section,
                    used,
                )
    assert places == sorted(set(places))
    assert {number for number, _ in places} >= {1, 2, 3, 6}


def test_every_section_named_in_the_text_exists():
    for number, place in re.findall(r"\b([1-7]) §(\d+)", PAGE):
        assert (int(number), int(place)) in SECTIONS
    for number in CHAPTERS:
        for place in re.findall(r"§(\d+)", of_chapter(number)):
            assert (number, int(place)) in SECTIONS


def test_every_interactive_figure_has_its_question():
    assert sorted(FIGURES) == sorted(PARTS)
    for name, (number, (_, question, answer, shown)) in FIGURES.items():
        assert re.search(rf"^interactive\.{name}\(", code(number), re.MULTILINE), name
        assert "?" in question and answer and shown
    assert all(getattr(interactive, name) for name in re.findall(r"`interactive\.(\w+)\(", PAGE))


def test_every_misconception_is_one_of_its_exercise():
    for number, exercise, belief, sentence in STUCK:
        assert f"exercises.{exercise}.check(" in code(number), exercise
        assert belief in [known.name for known in getattr(exercises, exercise).misconceptions], (
            exercise,
            belief,
        )
        assert sentence
    assert {number for number, *_ in STUCK} == set(CHAPTERS)


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_chapter_has_its_title_its_minutes_a_board_and_a_way_to_shorten_it(number):
    head = CHAPTERS[number].cells[0].source
    (title,) = re.findall(r"^# (.+)", head)
    (minutes,) = re.findall(r"\*\*Minutes\.\*\* (About [^.]+\.)", head)
    text = of_chapter(number)
    assert text.startswith(f"### [Chapter {number} · {title}](")
    assert f"\nMinutes: {minutes}\n" in text
    assert "**Board.**" in text and "**Short of time:**" in text


def test_every_make_target_exists():
    targets = set(re.findall(r"`make ([a-z-]+)`", PAGE))
    assert targets >= {"lab", "solutions", "slides", "site", "assignment", "lite", "load"}
    assert targets - set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)) == set()


def test_every_link_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if not link.startswith("http")]
    assert len(links) > 6
    for link in links:
        assert (HERE / link).is_file(), link
    assert re.findall(r"(?m)^## (\d) · ", PAGE) == ["1", "2", "3", "4", "5", "6"]


# The figures of chapter 7 show networks that the chapter trains, so their numbers are not asked for
# here.
SAID = [
    (
        "cost_explorer",
        {},
        "recurrent {} multiply–adds, each of the others {}",
        ("839,680", "512,000"),
    ),
    ("cost_explorer", {"T": 160}, "shared {}, recurrent {} numbers", ("6,464", "10,560")),
    (
        "shuffle_the_sentence",
        {"shuffle": 0, "swap": 1},
        "shared layer moved {}, the last recurrent",
        ("not at all",),
    ),
    ("shuffle_the_sentence", {"shuffle": 0, "swap": 1}, "recurrent state by up to {}.", ("0.03",)),
    ("shuffle_the_sentence", {"shuffle": 0, "swap": 7}, "recurrent state by up to {}.", ("1.70",)),
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
    ("two_orders", {"done": 5}, "step by step has answered {} of 5 inputs", ("2",)),
    ("two_orders", {"done": 5}, "layer by layer has answered {}, and", ("0",)),
    (
        "two_orders",
        {"start": "the states left over"},
        "ends at {} instead of {}.",
        ("−0.12", "0.45"),
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
    stored, work = count_parameters(3, 2, 2), count_multiply_adds(3, 2, 2)
    told = "flatten {}, per step {}, shared {}, recurrent {}. Multiply–adds: {}, {}, {} and {}."
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


def test_the_patients_of_the_bug_gym():
    asked = re.findall(r"^diagnosis_(\d+) = \.\.\.", code(3), re.MULTILINE)
    assert f"has fifteen, and chapter 3 asks for {asked[0]}, {asked[1]} and {asked[2]}." in PAGE
    assert len(bug_gym.PATIENTS) == 15

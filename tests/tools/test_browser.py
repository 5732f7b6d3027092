"""The course in a real JupyterLab: interactive figures answer, and exercises can be solved.

Screenshots are kept in build/screenshots, for people to look at.
"""

from helpers.teaching.interactive import PARTS
from tools.notebooks import ROOT

import pytest
from lab import cell_of, keys_for, open_and_run, press, running, write_notebook
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SCREENSHOTS = ROOT / "build" / "screenshots"
NAMES = list(PARTS)

# an exercise: a classic mistake, what is said of it, and the repair
ATTEMPTS = {
    "half_life": (
        "def half_life(n):\n    return [0.5][n]",
        "stopped with an IndexError",
        "def half_life(n):\n    return 0.5 ** (1 / n)",
    ),
    "remaining_terms": (
        "def remaining_terms(T, losses, frozen):\n    return np.tri(T, dtype=bool)[0] > 0",
        "has the wrong shape",
        "def remaining_terms(T, losses, frozen):\n"
        "    t, i = np.arange(1, T + 1)[:, None], np.arange(1, T + 1)\n"
        "    return np.isin(t, losses) & (i <= t) & (i != frozen)",
    ),
}


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory):
    """A JupyterLab with a notebook of all interactive figures and one of exercises."""
    folder = tmp_path_factory.mktemp("lab")
    start = "from helpers.teaching import exercises, interactive\nimport numpy as np"
    shown = [f"{name} = interactive.{name}()\n{name}" for name in NAMES]
    write_notebook(
        folder / "figures.ipynb",
        [start, *shown, f"print(*(len(part.controls) for part in ({', '.join(NAMES)})))"],
    )
    attempts = [f"{name} = ...\nexercises.{name}.check({name})" for name in ATTEMPTS]
    write_notebook(folder / "exercises.ipynb", [start, *attempts])
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with running(folder) as (address, token):
        yield address, token


@pytest.fixture(scope="module")
def figures(chromium, lab):
    """The page with all interactive figures, run; at the end it has made no complaint."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    complaints = []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    open_and_run(page, *lab, "figures.ipynb")
    yield page
    page.close()
    assert complaints == []


def figure(page, name):
    return cell_of(page, 1 + NAMES.index(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_key_press_changes_the_figure(figures, name):
    cell = figure(figures, name)
    picture = cell.locator(".unrolled-picture")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 600
    assert picture.get_attribute("alt").endswith(cell.locator(".unrolled-sentence").inner_text())
    assert picture.bounding_box()["x"] + picture.bounding_box()["width"] <= 1280
    cell.screenshot(path=SCREENSHOTS / f"{name}-1.png")

    keys = keys_for(cell)
    said = cell.locator(".unrolled-sentence").inner_text()
    press(figures, cell, next(keys))
    assert cell.locator(".unrolled-sentence").inner_text() != said
    cell.screenshot(path=SCREENSHOTS / f"{name}-2.png")
    press(figures, cell, next(keys))
    cell.get_by_role("button", name="Reset").click()
    expect(cell.locator(".unrolled-sentence")).to_have_text(said)
    assert cell.locator(".unrolled-error").is_hidden()


def test_every_control_is_reached_by_the_tab_key(figures):
    controls = (
        cell_of(figures, 1 + len(NAMES)).locator(".jp-OutputArea-output").inner_text().split()
    )
    for name, number in zip(NAMES, map(int, controls), strict=True):
        cell = figure(figures, name)
        next(keys_for(cell))
        reached = 1
        while cell.locator(":focus").count() and reached < 30:
            figures.keyboard.press("Tab")
            reached += 1
        assert reached > number > 0, name


def test_time_plays(figures):
    cell = figure(figures, "step_through_time")
    cell.locator(".jupyter-button", has=figures.locator(".fa-play")).first.click()
    expect(cell.locator(".unrolled-sentence")).to_contain_text("Step 4 of", timeout=10_000)
    cell.get_by_role("button", name="Reset").click()
    expect(cell.locator(".unrolled-sentence")).to_contain_text("Step 2 of")


def test_a_click_chooses_a_term_of_the_ledger(figures):
    cell = figure(figures, "ledger")
    box = cell.locator(".unrolled-picture").bounding_box()
    cell.locator(".unrolled-picture").click(
        position={"x": 0.2 * box["width"], "y": 0.5 * box["height"]}
    )
    expect(cell.locator(".unrolled-sentence")).not_to_contain_text("Loss at t = 6, use at i = 3")
    cell.get_by_role("button", name="Reset").click()


def test_a_sentence_of_ones_own_is_read(figures):
    cell = figure(figures, "read_along")
    text = cell.locator("input[type=text]")
    text.fill("not good, but gloopy")
    expect(cell.locator(".unrolled-sentence")).to_contain_text("gloopy")
    cell.screenshot(path=SCREENSHOTS / "read_along-3.png")
    text.fill("")
    expect(cell.locator(".unrolled-sentence")).to_contain_text("no word to read")
    cell.get_by_role("button", name="Reset").click()


def run_in(page, cell, source):
    """Replace the source of a cell and run it."""
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("ControlOrMeta+Enter")


@pytest.mark.parametrize("theme", ["Light", pytest.param("Dark", marks=pytest.mark.stress)])
def test_an_exercise_is_tried_and_solved(chromium, lab, theme):
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    open_and_run(page, *lab, "exercises.ipynb")
    page.get_by_text("Settings", exact=True).first.click()
    page.get_by_text("Theme", exact=True).first.hover()
    page.get_by_text(f"JupyterLab {theme}", exact=True).first.click()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
    for number, (name, (mistake, told, repair)) in enumerate(ATTEMPTS.items(), 1):
        cell = cell_of(page, number)
        output = cell.locator(".jp-OutputArea-output").first
        expect(output).to_contain_text("Not attempted yet")
        for state, attempt, says in (("wrong", mistake, told), ("right", repair, "Right:")):
            run_in(page, cell, f"{attempt}\n\n\nexercises.{name}.check({name})")
            expect(output).to_contain_text(says)
            cell.screenshot(path=SCREENSHOTS / f"exercise-{name}-{state}-{theme}.png")
        run_in(page, cell, f"exercises.{name}.hint()")
        cell.locator("summary").first.click()
        expect(cell.locator("details p").first).to_be_visible()
        cell.screenshot(path=SCREENSHOTS / f"exercise-{name}-hint-{theme}.png")
    page.close()

"""The decks.

Every cell has its place, nothing is lost, and no slide overflows in a real browser.
"""

import re
from html import unescape

from tools.notebooks import CHAPTERS, read
from tools.publish import slides

import pytest
from nbformat.v4 import new_code_cell, new_notebook

WORDS_ON_A_SLIDE = 135
SLIDES_IN_A_DECK = 45


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    slides.main(folder, *CHAPTERS)
    return folder


def test_a_cell_without_a_place_is_named():
    notebook = read(CHAPTERS[0])
    del notebook.cells[5].metadata["slideshow"]
    with pytest.raises(ValueError, match=f"cell {notebook.cells[5].id}: slide_type is None"):
        slides.deck(notebook)


def test_of_a_folded_cell_the_output_is_shown():
    folded = new_code_cell("draw()", metadata={"tags": ["hide-input"]})
    folded.metadata.slideshow = {"slide_type": "-"}
    (part,) = slides.deck(new_notebook(cells=[folded])).cells
    assert part.metadata.folded


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_all_text_of_a_chapter_is_on_its_slides_or_in_their_notes(path):
    told = [cell.source for cell in slides.deck(read(path)).cells]
    texts = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    assert [text for text in texts if text not in told] == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_section_is_a_column_of_slides(path):
    texts = [
        cell.source
        for cell in read(path).cells
        if cell.cell_type == "markdown" and cell.metadata.slideshow.slide_type != "notes"
    ]
    headings = re.findall(r"(?m)^#{1,2} .*$", "\n".join(texts))
    columns = [
        cell
        for cell in slides.deck(read(path)).cells
        if cell.metadata.slideshow.slide_type == "slide"
    ]
    assert [cell.source.splitlines()[0] for cell in columns] == headings


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_answer_stands_beside_its_question_from_the_start(path):
    parts = [
        cell
        for cell in slides.deck(read(path)).cells
        if cell.metadata.slideshow.slide_type != "notes"
    ]
    asked = [n for n, cell in enumerate(parts) if slides.QUESTION in cell.source]
    assert asked
    assert {parts[n + 1].metadata.slideshow.slide_type for n in asked} <= {
        "slide",
        "subslide",
        "fragment",
    }


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_deck_fits_a_class(path):
    kinds = [cell.metadata.slideshow.slide_type for cell in slides.deck(read(path)).cells]
    assert kinds.count("slide") + kinds.count("subslide") <= SLIDES_IN_A_DECK


@pytest.mark.browser
def test_the_page_of_decks_leads_to_each(built, page):
    page.goto((built / "index.html").as_uri())
    links = page.get_by_role("listitem").get_by_role("link").all()
    assert [link.get_attribute("href") for link in links] == [
        f"{path.stem}.slides.html" for path in CHAPTERS
    ]
    for link, path in zip(links, CHAPTERS, strict=True):
        title = read(path).cells[0].source.splitlines()[0].lstrip("# ")
        assert link.inner_text() == f"{int(path.name[:2])} · {title}"
    links[-1].click()
    page.wait_for_function("window.Reveal && Reveal.isReady()")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_picture_is_described(path, built):
    html = (built / f"{path.stem}.slides.html").read_text(encoding="utf-8")
    told = [
        output.metadata["image/png"]["alt"]
        for cell in slides.deck(read(path)).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    alts = re.findall(r'<img alt="([^"]*)" src="data:', html)
    assert [unescape(alt) for alt in alts] == told != []


@pytest.mark.browser
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_slide_overflows_and_every_equation_is_set(path, built, page):
    problems = []
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: (
            problems.append(request.url) if not request.url.startswith("file:") else None
        ),
    )
    page.goto((built / f"{path.stem}.slides.html").as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    count = page.evaluate("Reveal.getTotalSlides()")
    assert count >= 20
    for number in range(1, count + 1):
        found = page.evaluate(MEASURE)
        where = f"slide {number} ({found['title']!r})"
        if found["bottom"] > 720 or found["right"] > 1280:
            problems.append(
                f"{where} is {found['right']} × {found['bottom']} large, more than 1280 × 720"
            )
        if found["words"] > WORDS_ON_A_SLIDE:
            problems.append(
                f"{where} has {found['words']} words of text, more than {WORDS_ON_A_SLIDE}"
            )
        if found["words"] == 0 and not found["pictures"]:
            problems.append(f"{where} is empty")
        if found["raw"]:
            problems.append(f"{where} shows the source of an equation: {found['raw']}")
        page.evaluate("Reveal.next()")
        while page.evaluate(
            "Reveal.getCurrentSlide().querySelectorAll('.fragment:not(.visible)').length"
        ):
            page.evaluate("Reveal.next()")
    assert not problems, "\n".join(problems)


@pytest.mark.browser
def test_arrow_down_goes_to_the_next_section(built, page):
    page.goto((built / "02_forward_recurrence.slides.html").as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")

    def title():
        return page.evaluate(
            "Reveal.getCurrentSlide().querySelector('h1, h2')?.textContent.trim()[0]"
        )

    keys = "Down Right Down Down Up Right Up Up Up"
    seen = [page.keyboard.press(f"Arrow{key}") or title() for key in keys.split()]
    assert seen == ["1", None, "2", "3", "2", None, "2", "1", "R"]


MEASURE = r"""() => {
  const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale();
  const box = slide.getBoundingClientRect();
  let bottom = 0, right = 0;
  for (const element of slide.querySelectorAll(":scope *:not(aside):not(aside *)")) {
    const own = element.getBoundingClientRect();
    if (!own.width || element.parentElement.closest("mjx-container")) continue;
    if (element.closest("details:not([open]) > :not(summary)")) continue;
    bottom = Math.max(bottom, (own.bottom - box.top) / scale);
    right = Math.max(right, (own.right - box.left) / scale);
    const scrolls = getComputedStyle(element), auto = "auto";
    if (element.scrollWidth > element.clientWidth + 1 && scrolls.overflowX === auto) right = 9999;
    const high = element.scrollHeight > element.clientHeight + 1;
    if (high && scrolls.overflowY === auto) bottom = 9999;
  }
  const text = slide.cloneNode(true);
  const aside = "aside, .outputs, pre, mjx-container, table, details";
  for (const gone of text.querySelectorAll(aside)) gone.remove();
  const words = text.textContent.split(/\s+/).filter(Boolean);
  return {
    bottom: Math.round(bottom), right: Math.round(right), words: words.length,
    raw: text.textContent.match(/\$[^$]+\$/)?.[0],
    title: words.slice(0, 6).join(" "),
    pictures: slide.querySelectorAll("img, pre, table, mjx-container, details").length,
  };
}"""

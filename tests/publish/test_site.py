"""The static edition.

Complete, typeset, reachable, and usable by everybody, in the light and in the dark.
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from tools.notebooks import CHAPTERS, COURSE, NOTEBOOKS, ROOT, folded, read

import pytest

PAGES = {path.relative_to(NOTEBOOKS).with_suffix("").as_posix(): path for path in COURSE}
AXE = ROOT / "tools" / "publish" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    sphinx = "-m sphinx -q -W --keep-going -c tools/publish/site notebooks".split()
    done = subprocess.run(
        [sys.executable, *sphinx, folder], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def address(site, served):
    return served(site)


class Page(HTMLParser):
    """The links, anchors and pictures of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.pictures = [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors.add(attrs.get("id"))
        if tag in ("a", "link", "script", "img"):
            self.links.append(attrs.get("href") or attrs.get("src") or "")
        if tag == "img":
            self.pictures.append(attrs)


def pages_of(site):
    return [path for path in site.rglob("*.html") if "_static" not in path.parts]


def test_every_link_inside_the_site_leads_somewhere(site):
    pages = {path: Page(path) for path in pages_of(site)}
    broken, checked = [], 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or not link:
                continue
            checked += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file() or (
                parts.fragment and target in pages and parts.fragment not in pages[target].anchors
            ):
                broken.append(f"{path.name}: {link}")
    assert checked > 500
    assert broken == []


def test_no_page_needs_another_host(site):
    for path in pages_of(site):
        html = path.read_text(encoding="utf-8")
        assert (
            re.findall(
                r"<(?:script|img|link rel=\"stylesheet\")[^>]* (?:src|href)=\"https?:[^\"]*\"", html
            )
            == []
        )


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_of_a_notebook_is_there_and_described(site, name):
    shown = Page(site / f"{name}.html").pictures
    stills = sum(
        "image/png" in output.get("data", {})
        for cell in read(PAGES[name]).cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    pictures = [picture for picture in shown if "_images/" in picture["src"]]
    assert len(pictures) == stills
    assert all(picture.get("alt", "").strip() for picture in pictures)


@pytest.mark.parametrize("name", PAGES)
def test_folded_cells_are_folded(site, name):
    html = (site / f"{name}.html").read_text(encoding="utf-8")
    hidden = sum(map(folded, read(PAGES[name]).cells))
    assert len(re.findall(r'<details class="[^"]*hide above-input', html)) == hidden


def test_the_sidebar_has_parts_and_numbered_chapters(site):
    html = (site / "index.html").read_text(encoding="utf-8")
    (sidebar,) = re.findall(r'(?s)<nav class="bd-links.*?</nav>', html)
    captions = re.findall(r'<span class="caption-text">(.+?)</span>', sidebar)
    assert captions == ["Chapters", "Workshops", "Reference"]
    entries = re.findall(r'(?s)toctree-l1[^>]*><a[^>]* href="([^"]+)">\s*(.+?)\s*</a>', sidebar)
    listed = {link.removesuffix(".html"): text for link, text in entries}
    assert set(PAGES) - {"index"} < set(listed)
    assert "reference/teaching" in listed
    for path in CHAPTERS:
        assert listed[path.stem].startswith(f"{int(path.name[:2])} · ")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_opened_on_binder(site, name):
    assert f"urlpath=lab/tree/notebooks/{name}.ipynb" in (site / f"{name}.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.browser
@pytest.mark.parametrize("name", [*PAGES, "reference/teaching"])
def test_a_page_is_typeset_accessible_and_fits_a_phone(address, name, page):
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.add_init_script(path=AXE)
    page.set_viewport_size(DESKTOP)
    page.goto(f"{address}/{name}.html")
    if page.locator(".math").count():  # else MathJax is not loaded
        page.wait_for_function("window.MathJax?.startup?.promise")
        page.evaluate("MathJax.startup.promise.then(() => true)")
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        page.wait_for_timeout(300)
        found = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa'], resultTypes: ['violations',"
            " 'incomplete']})"
        )
        for result in found[
            "incomplete"
        ]:  # axe leaves it open whether text in the colour of its background is meant
            unseen = [
                node["target"]
                for node in result["nodes"]
                if "has a 1:1 contrast" in str(node["any"])
            ]
            problems += [f"{theme}: nobody can see {unseen}"] if unseen else []
        for violation in found["violations"]:
            if violation["impact"] in ("serious", "critical"):
                where = [
                    f"{node['target']} {node['any'][0]['message'] if node['any'] else ''}"
                    for node in violation["nodes"][:3]
                ]
                problems.append(f"{theme}: {violation['id']} ×{len(violation['nodes'])}: {where}")
    raw = page.evaluate(
        "() => { const copy = document.querySelector('article').cloneNode(true);"
        " copy.querySelectorAll('pre, code, mjx-container').forEach(e => e.remove());"
        " return copy.textContent.match(/\\\\\\(|\\\\\\[|\\$[^$\\n]+\\$/)?.[0] }"
    )
    if raw:
        problems.append(f"an equation is not typeset: {raw}")
    page.set_viewport_size(PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        problems.append(f"{width} pixels wide on a phone of {PHONE['width']}")
    assert not problems, "\n".join(problems)


@pytest.mark.browser
def test_the_search_finds_a_term(address, page):
    page.goto(f"{address}/search.html?q=Jacobian")
    page.locator("#search-results li a").first.wait_for()
    assert "03_backpropagation" in " ".join(
        a.get_attribute("href") for a in page.locator("#search-results li a").all()
    )

"""Sphinx settings of the static edition.

The committed notebooks as they are, with the stills of their figures.

``python -m sphinx -c tools/publish/site notebooks build/site``
"""

import json
import re
import tomllib
from pathlib import Path

from tools.notebooks import CHAPTERS, NOTEBOOKS, ROOT, WORKSHOPS, chapter_title, read

from sphinx.application import Sphinx

project = "Unrolled"
author = "The authors of Unrolled"
html_title = "Unrolled: recurrent neural networks, one time step at a time"
language = "en"

extensions = ["myst_nb"]
root_doc = "index"
exclude_patterns = [".ipynb_checkpoints", "mine"]  # the reader's own

nb_execution_mode = "off"  # the notebooks are committed with their outputs
nb_mime_priority_overrides = [("html", "image/png", 1)]  # before the widgets, which need a kernel
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

html_theme = "sphinx_book_theme"
html_show_sphinx = False
html_static_path = ["static", "../node_modules/mathjax/es5"]
html_css_files = ["site.css"]
# MathJax from this site, not from another: the equations then also stand without a network.
mathjax_path = "tex-chtml-full.js"

pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
repository = pyproject["project"]["urls"]["Repository"]
linkcheck_ignore = [f"{re.escape(repository)}/.*"]  # its files: tests look at them
html_theme_options = {
    "repository_url": repository,
    "repository_branch": "main",
    "path_to_docs": "notebooks",
    "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    "use_repository_button": True,
    "use_issues_button": True,
    "use_download_button": True,
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "navbar_persistent": [],  # the search stands in the sidebar
}

PARTS = {
    "Chapters": CHAPTERS,
    "Workshops": WORKSHOPS,
    "Reference": [NOTEBOOKS / "reference" / name for name in ("glossary", "notes", "teaching")],
}


def fit_for_site(app: Sphinx, docname: str, content: list[str]) -> None:
    """Fit the links to the site, and tell Sphinx on the start page which pages there are.

    Files outside notebooks/ are in the repository, the site writes the anchors of headings in small
    letters, and what stands between HTML tags is not Markdown to Sphinx.
    """
    if app.env.doc2path(docname).suffix != ".ipynb":
        content[0] = elsewhere(content[0], docname)
        return
    notebook = json.loads(content[0])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = elsewhere("".join(cell["source"]), docname)
            source = re.sub(r"\]\([\w./]*#[^)]+\)", lambda link: link[0].lower(), source)
            cell["source"] = re.sub(r"<summary>.*?</summary>", typeset, source)
    if docname == root_doc:
        notebook["cells"] += [sidebar(caption, paths) for caption, paths in PARTS.items()]
    content[0] = json.dumps(notebook)


def sidebar(caption: str, paths: list[Path]) -> dict:
    """Return a cell that lists the pages of one part of the sidebar."""
    lines = ["```{toctree}", ":hidden:", f":caption: {caption}", *map(entry, paths), "```"]
    cell = {"cell_type": "markdown", "id": caption.lower(), "metadata": {}}
    return {**cell, "source": "\n".join(lines)}


def entry(path: Path) -> str:
    """Return a page as the sidebar lists it: by its title, a chapter with its number before."""
    name = path.relative_to(NOTEBOOKS).with_suffix("").as_posix()
    if path not in CHAPTERS:
        return name
    return f"{chapter_title(path, read(path))} <{name}>"


def elsewhere(source: str, docname: str) -> str:
    """Turn the links to files outside notebooks/ to the repository."""
    out = "../" * (docname.count("/") + 1)
    return source.replace(f"]({out}", f"]({repository}/blob/main/")


def typeset(html: re.Match[str]) -> str:
    """Mark the equations in a piece of HTML for MathJax."""
    return re.sub(r"\$([^$]+)\$", r'<span class="math">\\(\1\\)</span>', html[0])


def setup(app: Sphinx) -> None:
    """Connect the hook."""
    app.connect("source-read", fit_for_site)

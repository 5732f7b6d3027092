"""Sphinx settings of the static edition.

The committed notebooks as they are, with the stills of their figures.

``python -m sphinx -c tools/publish/site notebooks build/site``
"""

import json
import os
import re

from tools.notebooks import COURSE

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

repository = os.environ.get("GITHUB_REPOSITORY", "unrolled-course/unrolled")
linkcheck_ignore = [
    rf"https://github\.com/{re.escape(repository)}/.*"
]  # files of this repository: tests look at them
html_theme_options = {
    "repository_url": f"https://github.com/{repository}",
    "repository_branch": "main",
    "path_to_docs": "notebooks",
    "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    "use_repository_button": True,
    "use_issues_button": True,
    "use_download_button": True,
    "home_page_in_toc": True,
    "show_toc_level": 2,
}


def fit_for_site(app: Sphinx, docname: str, content: list[str]) -> None:
    """Fit the links to the site, and tell Sphinx on the start page in which order the pages come.

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
        pages = [path.relative_to(app.srcdir).with_suffix("").as_posix() for path in COURSE[1:]]
        toctree = ["```{toctree}", ":hidden:", *pages, "reference/teaching", "```"]
        cell = {
            "cell_type": "markdown",
            "id": "toctree",
            "metadata": {},
            "source": "\n".join(toctree),
        }
        notebook["cells"].append(cell)
    content[0] = json.dumps(notebook)


def elsewhere(source: str, docname: str) -> str:
    """Turn the links to files outside notebooks/ to the repository."""
    out = "../" * (docname.count("/") + 1)
    return source.replace(f"]({out}", f"](https://github.com/{repository}/blob/main/")


def typeset(html: re.Match[str]) -> str:
    """Mark the equations in a piece of HTML for MathJax."""
    return re.sub(r"\$([^$]+)\$", r'<span class="math">\\(\1\\)</span>', html[0])


def setup(app: Sphinx) -> None:
    """Connect the hook."""
    app.connect("source-read", fit_for_site)

"""Build one deck of slides for each chapter, from the chapter's own cells, and a page of decks.

``python tools/publish/slides.py build/slides notebooks/0*.ipynb``

What stands on a slide is said in the metadata of the cells, under the key that Jupyter uses for it:

    "slideshow": {"slide_type": "slide"}

`slide_type` has its usual meaning: a new section, a subslide, a fragment, more of the same slide
("-"), the speaker's notes (press S), or nothing ("skip"). Of a folded cell the output is shown.
What follows a question ("Predict first.") on its slide waits for the next key.
"""

import shutil
import sys
from pathlib import Path

from tools.notebooks import chapter_title, folded, read, title

import nbformat
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode

PUBLISH = Path(__file__).parent
SLIDE_TYPES = ("slide", "subslide", "fragment", "-", "notes", "skip")
QUESTION = "**Predict first"
LONGEST_LINE = 100  # characters; longer lines of text that a cell prints are broken
INDEX = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Unrolled: the slides</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{
    font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem
  }}
  li {{ margin: 0.4rem 0 }}
</style>
<h1>Unrolled: the slides</h1>
<p>A deck for each chapter. <kbd>→</kbd> next slide, <kbd>↓</kbd> next section, <kbd>S</kbd> the
speaker's notes, <kbd>Esc</kbd> overview, <kbd>?</kbd> all keys.</p>
<ul>
{decks}
</ul>
</html>
"""


def deck(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook whose every cell is one part of a slide, as nbconvert takes it.

    Raises ValueError if the slide metadata of a cell is missing or wrong; the message names the
    cell.
    """
    cells, asked = [], False
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind not in SLIDE_TYPES:
            raise ValueError(
                f"cell {cell.id}: slide_type is {kind!r}, expected one of {SLIDE_TYPES}"
            )
        if kind == "skip":
            continue
        kind = "fragment" if asked and kind == "-" else kind
        if cell.cell_type == "code":
            cells.append(code_part(kind, cell))
            asked = False
        else:
            cells.append(nbformat.from_dict(cell))
            cells[-1].metadata = nbformat.from_dict({"slideshow": {"slide_type": kind}})
            asked = asked if kind == "notes" else QUESTION in cell.source
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def code_part(kind: str, cell: NotebookNode) -> NotebookNode:
    """Return a code cell with its slide type, whether its code is shown, and its longest lines."""
    part = nbformat.from_dict(cell)
    texts = []
    for output in cell.outputs:
        data = output.get("data", {})
        texts.append(output.get("text") or data.get("text/markdown") or data.get("text/plain", ""))
    printed = [
        line for text in texts for line in text.splitlines() if not line.startswith("[Figure: ")
    ]
    code = max(map(len, cell.source.splitlines()))
    output = min(max(map(len, printed), default=1), LONGEST_LINE)
    part.metadata = nbformat.from_dict(
        {
            "slideshow": {"slide_type": kind},
            "folded": folded(cell),
            "columns": [code, output],
        }
    )
    return part


def main(folder: str, *paths: str) -> None:
    """Write the decks, and the scripts they need, into `folder`."""
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    modules = PUBLISH / "node_modules"
    shutil.copytree(modules / "reveal.js" / "dist", folder / "reveal" / "dist")
    shutil.copytree(
        modules / "reveal.js" / "plugin" / "notes", folder / "reveal" / "plugin" / "notes"
    )
    shutil.copytree(modules / "mathjax" / "es5", folder / "mathjax")
    shutil.copy(PUBLISH / "slides" / "unrolled.css", folder / "reveal" / "dist" / "theme")
    exporter = SlidesExporter(
        template_name="slides",
        extra_template_basedirs=[str(PUBLISH)],
        reveal_url_prefix="reveal",
        reveal_theme="unrolled",
        exclude_anchor_links=True,
        exclude_output_prompt=True,
    )
    decks = []
    for path in map(Path, paths):
        notebook = read(path)
        about = {"metadata": {"name": title(notebook)}}
        html, _ = exporter.from_notebook_node(deck(notebook), about)
        written = folder / f"{path.stem}.slides.html"
        written.write_text(html, encoding="utf-8")
        decks.append(f'<li><a href="{written.name}">{chapter_title(path, notebook)}</a></li>')
        print(written)
    (folder / "index.html").write_text(INDEX.format(decks="\n".join(decks)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

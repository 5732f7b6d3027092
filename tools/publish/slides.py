"""Build one deck of slides for each chapter, from the chapter's own cells.

``python tools/publish/slides.py build/slides notebooks/0*.ipynb``

What stands on a slide is said in the metadata of the cells, under the key that Jupyter uses for it:

    "slideshow": {"slide_type": "slide"}

`slide_type` has its usual meaning: a new section, a subslide, a fragment, more of the same slide
("-"), the speaker's notes (press S), or nothing ("skip"). Of a folded cell the output is shown. A
slide that begins with the heading of a section opens a new column of slides.
What follows a question ("Predict first.") on its slide waits for the next key.

Chapters of the first edition have long text cells, and `show` beside `slide_type`: every item is
one slide, and names the pieces of the cell that stand on it by how they begin, with " … " between
them; what is not shown goes into the notes. In a code cell `show` may be "code" or "output", to
leave the other one out. This goes when the last of them is written anew.
"""

import itertools
import re
import shutil
import sys
from pathlib import Path

from tools.notebooks import folded, read

import nbformat
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode

PUBLISH = Path(__file__).parent
SLIDE_TYPES = ("slide", "subslide", "fragment", "-", "notes", "skip")
WHOLE = re.compile(r"#|>|\||\$\$|```|<|!\[")  # how blocks begin that are not cut into sentences
QUESTION = "**Predict first"
LONGEST_LINE = 100  # characters; longer lines of text that a cell prints are broken
ITEM = re.compile(r"(?m)^(?=(?:[-*]|\d+\.) )")
SENTENCE_END = re.compile(r"(?<=[.!?])(\*{0,2}[”\")]?)\s+(?=[^\sa-z])")
QUIZ_ANSWER = re.compile(r"(?s)<details>.*?</details>")


def pieces(source: str) -> list[list[str]]:
    """Cut a text cell into blocks (what blank lines separate), and each block into its pieces."""
    answers = iter(QUIZ_ANSWER.findall(source))
    blocks = []
    for block in re.split(r"\n>?\s*\n", QUIZ_ANSWER.sub("<details>", source).strip()):
        if block == "<details>":
            blocks.append([next(answers)])
        elif WHOLE.match(block):
            blocks.append([block])
        elif ITEM.match(block):
            blocks.append([item.rstrip() for item in ITEM.split(block) if item])
        else:
            blocks.append(SENTENCE_END.sub(r"\1\n", " ".join(block.split())).split("\n"))
    return blocks


def written(blocks: list[list[str]]) -> str:
    """Put pieces together again: the inverse of `pieces` for those that are left."""
    return "\n\n".join(
        ("\n" if ITEM.match(block[0]) else " ").join(block) for block in blocks if block
    )


def begins(piece: str, start: str) -> bool:
    """Say whether a piece begins with `start`, however the lines are broken."""
    return " ".join(piece.split()).startswith(" ".join(start.split()))


def text_slides(source: str, show: list[str]) -> list[tuple[str, str]]:
    """Return for each slide of a text cell what it shows, and what its notes say.

    Raises ValueError if a start in `show` is that of no piece, or of several.
    """
    blocks = pieces(source)
    everything = [piece for block in blocks for piece in block]
    slide_of = {}
    for number, starts in enumerate(show):
        for start in starts.split(" … "):
            found = [index for index, piece in enumerate(everything) if begins(piece, start)]
            if len(found) != 1:
                raise ValueError(
                    f"{len(found)} pieces instead of one begin with {start!r}; there are:"
                    f" {everything}"
                )
            slide_of[found[0]] = number
    # What is not shown is said on the slide that came last.
    slides = [([], []) for _ in show]
    index = current = 0
    for block in blocks:
        for part in itertools.chain(*slides):
            part.append([])
        for piece in block:
            current = slide_of.get(index, current)
            shown, notes = slides[current]
            (shown if index in slide_of else notes)[-1].append(piece)
            index += 1
    return [(written(shown), written(notes)) for shown, notes in slides]


def deck(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook whose every cell is one part of a slide, as nbconvert takes it.

    Raises ValueError if the slide metadata of a cell is missing or wrong; the message names the
    cell.
    """
    cells, asked = [], False
    for cell in notebook.cells:
        slideshow = cell.metadata.get("slideshow", {})
        kind, show = slideshow.get("slide_type"), slideshow.get("show")
        if kind not in SLIDE_TYPES:
            raise ValueError(
                f"cell {cell.id}: slide_type is {kind!r}, expected one of {SLIDE_TYPES}"
            )
        if kind == "skip":
            continue
        if cell.cell_type == "code":
            if show not in (None, "code", "output"):
                raise ValueError(f"cell {cell.id}: show is {show!r}, expected 'code' or 'output'")
            shown = show or ("output" if folded(cell) else "both")
            column = "fragment" if asked and kind == "-" else kind
            cells.append(code_part(column, cell, shown))
            asked = False
        else:
            try:
                slides = [(cell.source, "")] if show is None else text_slides(cell.source, show)
            except ValueError as error:
                raise ValueError(f"cell {cell.id}: {error}") from None
            for number, (shown, notes) in enumerate(slides):
                opens = kind != "notes" and shown.startswith("## ")
                column = "slide" if opens else "subslide" if number else kind
                cells.append(text_part("fragment" if asked and column == "-" else column, shown))
                asked = QUESTION in shown
                if notes:
                    cells.append(text_part("notes", notes))
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def code_part(kind: str, cell: NotebookNode, shown: str) -> NotebookNode:
    """Return a code cell with its slide type, what is shown, and its longest lines."""
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
        {"slideshow": {"slide_type": kind}, "shown": shown, "columns": [code, output]}
    )
    return part


def text_part(kind: str, source: str) -> NotebookNode:
    """Return a Markdown cell with a slide type."""
    return nbformat.v4.new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


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
    for path in map(Path, paths):
        notebook = read(path)
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        html, _ = exporter.from_notebook_node(deck(notebook), {"metadata": {"name": title}})
        (folder / f"{path.stem}.slides.html").write_text(html, encoding="utf-8")
        print(folder / f"{path.stem}.slides.html")


if __name__ == "__main__":
    main(*sys.argv[1:])

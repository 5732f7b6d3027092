"""How fast the interactive figures answer, from the key press to the changed picture, in Lab.

``make bench-widgets`` measures every figure, and beside it the same figure redrawn by
``ipywidgets.interact`` and shown as ``%matplotlib inline`` shows figures. Both hang on the same
controls and change the same artists, in one run, turn by turn. The table goes to the terminal and
to build/widgets.json.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

from helpers.teaching.interactive import PARTS

sys.path.insert(0, str(Path(__file__).parents[1]))
from lab import browser, cell_of, keys_for, open_and_run, press, running, write_notebook

CHANGES = 24  # measured for each figure and each way
WARM_UP = 3
MEDIAN, PERCENTILE_90, TIMES_FASTER = 45, 80, 2.5  # targets: milliseconds, the same, a ratio

SET_UP = """
from helpers.teaching.interactive import PARTS
from IPython.core.pylabtools import select_figure_formats
from IPython.display import display
from ipywidgets import interact

select_figure_formats(get_ipython(), {"png"})

def redrawn_by_interact(name):
    part = PARTS[name]()
    for control in part.controls.values():
        control.unobserve(part._on_change, "value")

    def redraw(**values):
        part._update(**values)
        display(part.figure)

    interact(redraw, **part.controls)
"""


def measure(names: list[str]) -> dict[str, dict[str, list[float]]]:
    """Return milliseconds by figure, each in its own notebook, and way, "ours" and "interact"."""
    taken = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as place,
        browser() as chromium,
    ):
        for name in names:
            write_notebook(
                Path(folder) / f"{name}.ipynb",
                [SET_UP, f"PARTS[{name!r}]()", f"redrawn_by_interact({name!r})"],
            )
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            open_and_run(page, *place, f"{name}.ipynb")
            taken[name] = {"ours": [], "interact": []}
            cells = [cell_of(page, number) for number in (1, 2)]
            keys = [keys_for(cell) for cell in cells]
            for turn in range(WARM_UP + CHANGES):
                for way, cell, own_keys in zip(taken[name], cells, keys, strict=True):
                    milliseconds = press(page, cell, next(own_keys))
                    page.wait_for_timeout(100)  # a reader's finger, and the rest of the drawing
                    if turn >= WARM_UP:
                        taken[name][way].append(milliseconds)
            page.get_by_text("Kernel", exact=True).first.click()
            page.get_by_text("Shut Down Kernel", exact=True).click()
            page.close()
    return taken


def main() -> int:
    """Measure, print, store; return 1 if a target is missed."""
    names = sys.argv[1:] or list(PARTS)
    taken = measure(names)
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}; key press → changed picture,"
        " in milliseconds"
    )
    print(
        f"{CHANGES} changes each; targets: median ≤ {MEDIAN}, 90th percentile ≤ {PERCENTILE_90}, ",
        end="",
    )
    print(f"≥ {TIMES_FASTER} times faster than interact\n")
    print(f"{'figure':22} {'median':>7} {'90 %':>6} {'interact':>9} {'90 %':>6} {'ratio':>6}")
    missed = 0
    for name, ways in taken.items():
        (ours, ours_90), (theirs, theirs_90) = (
            (statistics.median(ways[way]), statistics.quantiles(ways[way], n=10)[-1])
            for way in ("ours", "interact")
        )
        met = ours <= MEDIAN and ours_90 <= PERCENTILE_90 and theirs / ours >= TIMES_FASTER
        missed += not met
        print(
            (
                f"{name:22} {ours:7.1f} {ours_90:6.1f} {theirs:9.1f} {theirs_90:6.1f}"
                f" {theirs / ours:6.1f}"
            ),
            end="",
        )
        print("" if met else "   ← target missed")
    build = Path(__file__).parents[2] / "build"
    build.mkdir(exist_ok=True)
    (build / "widgets.json").write_text(json.dumps(taken, indent=1))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Notebooks run in every order a reader may choose, interrupted and gone on, and with the same results again."""

import os
import re
import threading
from collections import defaultdict
from pathlib import Path

from helpers.teaching.interactive import Interactive
from helpers.teaching.run_first import advice
from tools.notebooks import (
    CELL_TIMEOUT,
    CHAPTERS,
    COLOUR,
    COURSE,
    KERNEL_ENVIRONMENT,
    KERNELSPEC,
    MAY_RAISE,
    THREADS,
    normalise,
    read,
)
from tools.solutions import attempts

import numpy as np
import pytest
from ipywidgets import FloatSlider
from jupyter_client.manager import start_new_kernel
from matplotlib.figure import Figure
from nbformat import v4

TRAINING = {  # the cells that train
    "01_why_recurrence": ["baa35d20", "dc6966e6"],
    "02_forward_recurrence": ["cell-051"],
    "03_backpropagation_through_time": ["bptt-103", "bptt-113", "bptt-119", "bptt-121c"],
    "06_keras_apis": ["code-034", "code-096"],
    "07_reading_real_text": [
        "cell-022",
        "cell-024",
        "cell-030",
        "cell-033",
        "cell-044",
        "cell-061",
    ],
}
# As another machine as this one can act: other threads, other orders of sets, and what OpenBLAS,
# NumPy and TensorFlow compute on a processor of 2008 or 2011.
ANOTHER_MACHINE = {
    **dict.fromkeys((*THREADS, "OMP_NUM_THREADS"), "2"),
    "PYTHONHASHSEED": "7",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX",
}


# TensorFlow says so in some later cell, of what it was building when it was interrupted; no result
# depends on it.
AFTER_AN_INTERRUPT = re.compile(r"(?s)ERROR:tensorflow:=+\nObject was never used.*?\n=+\n")


class Kernel:
    """A notebook's kernel, which runs one source after the other."""

    def __init__(self, folder: Path, **environment):
        self._manager, self._client = start_new_kernel(
            kernel_name=KERNELSPEC["name"],
            extra_arguments=["--log-level=ERROR"],
            cwd=str(folder),
            env=os.environ | KERNEL_ENVIRONMENT | environment,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def run(self, source, interrupt_after=None):
        """Return the outputs of a cell, which is interrupted so many seconds after its begin unless it ends before."""
        outputs = []
        timer = threading.Timer(interrupt_after or CELL_TIMEOUT, self._manager.interrupt_kernel)

        def keep(message):
            if message["msg_type"] == "execute_input":
                timer.start()
            elif message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
                outputs.append(v4.output_from_msg(message))

        try:
            self._client.execute_interactive(
                source, allow_stdin=False, output_hook=keep, timeout=CELL_TIMEOUT
            )
        finally:
            timer.cancel()
            timer.join()
        return outputs


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def compared(outputs):
    """Return what nbval compares of outputs.

    What each kind of text says, without pictures and tracebacks.
    """
    notebook = v4.new_notebook(cells=[v4.new_code_cell(outputs=outputs)])
    said = defaultdict(list)
    for output in normalise(notebook).cells[0].outputs:
        if output.output_type == "error":
            said["error"].append((output.ename, output.evalue))
        elif output.output_type == "stream":
            if text := AFTER_AN_INTERRUPT.sub("", output.text):
                said["stream"].append(text)
        else:
            for kind in output.data.keys() - {"image/png"}:
                said[kind].append(output.data[kind])
    return dict(said)


def error_of(outputs):
    """Return the name and the whole text of the error among outputs; empty where there is none."""
    for output in outputs:
        if output.output_type == "error":
            return output.ename, COLOUR.sub("", "\n".join(output.traceback))
    return "", ""


def run_all(kernel, cells, interrupted=()):
    """Run all cells, those of the ids `interrupted` with a few interrupts first.

    Return what is not as it is stored.
    """
    wrong = []
    rng = np.random.default_rng()
    for cell in cells:
        if cell.id in interrupted:
            moments = rng.uniform(
                0.1, (2, 1, 0.3)
            )  # seconds; one of them comes in time also on a fast machine
            ends = [error_of(kernel.run(cell.source, interrupt_after=moment)) for moment in moments]
            assert "KeyboardInterrupt" in dict(ends), (cell.id, moments, ends)
            for (
                kind,
                text,
            ) in (
                ends
            ):  # while Keras builds a graph, TensorFlow may make another error of an interrupt
                assert kind in ("KeyboardInterrupt", "") or "/tensorflow/" in text, (
                    cell.id,
                    moments,
                    text,
                )
        outputs = kernel.run(cell.source)
        tags = cell.metadata.get("tags", [])
        name, text = error_of(outputs)
        if name and MAY_RAISE not in tags:
            wrong.append(f"{cell.id} fails: {text}")
        elif "nbval-ignore-output" not in tags and compared(outputs) != compared(cell.outputs):
            wrong.append(
                f"{cell.id} says {compared(outputs)}, and stored is {compared(cell.outputs)}"
            )
    return wrong


@pytest.mark.stress
@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_run_all_with_every_training_interrupted_and_again_in_the_same_kernel(path):
    cells = code_cells(path)
    training = TRAINING.get(path.stem, [])
    assert set(training) <= {cell.id for cell in cells}
    with Kernel(path.parent, TQDM_DISABLE="") as kernel:  # with progress bars, as a reader has it
        assert run_all(kernel, cells, interrupted=training) == []
        assert run_all(kernel, cells) == []
        bars = kernel.run("import tqdm\nprint(len(getattr(tqdm.tqdm, '_instances', ())))")
    assert compared(bars) == {"stream": ["0\n"]}


@pytest.mark.stress
@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_the_same_results_on_another_machine(path):
    with Kernel(path.parent, **ANOTHER_MACHINE) as kernel:
        assert run_all(kernel, code_cells(path)) == []


# --- one cell alone
# ---------------------------------------------------------------------------------------------------

# Makes the function `forget`, which brings the names back to how they are after the imports.
FORGET = """
def forget(kept={name: value for name, value in globals().items() if not name.startswith("_")}):
    for name in [name for name in globals() if not name.startswith("_") and name not in ("forget", *kept)]:
        del globals()[name]
    globals().update(kept)
"""
IN_THE_COURSE = [
    pytest.param(path, marks=() if path.stem.startswith("02") else pytest.mark.stress)
    for path in CHAPTERS
]


@pytest.fixture
def after_the_imports(request):
    """Return a function that runs cells in a kernel that knows nothing but the first cell of a chapter."""
    path = request.getfixturevalue("path")
    with Kernel(path.parent) as kernel:

        def run(*cells):
            outputs = [kernel.run(cell.source) for cell in cells]
            assert kernel.run("forget()") == []
            return outputs

        imports, *_ = code_cells(path)
        assert error_of(kernel.run(imports.source)) == ("", "")
        assert kernel.run(FORGET) == []
        yield run


@pytest.mark.parametrize("path", IN_THE_COURSE)
def test_exercises_and_interactive_figures_right_after_the_imports(path, after_the_imports):
    cells = code_cells(path)
    for stub, check, _, answer in attempts(read(path)):
        hint_and_solution = cells[cells.index(check) + 1]
        assert ".hint()" in hint_and_solution.source and ".solution()" in hint_and_solution.source
        outputs = after_the_imports(stub, check, hint_and_solution)
        assert [error_of(output) for output in outputs] == [("", "")] * 3
        assert outputs[1][0].data["text/plain"].startswith("○ Not attempted yet.")
        assert "Solution" in outputs[2][1].data["text/plain"]

        (alone,) = after_the_imports(check)
        kind, says = error_of(alone)
        line = next(line for line in stub.source.splitlines() if answer in line)
        assert (
            kind == "NameError"
            and f"`{answer}` is made by a cell that was not run yet" in says
            and line in says
        )
    for cell in cells:
        if cell.source.startswith("interactive."):
            (alone,) = after_the_imports(cell)
            kind, says = error_of(alone)
            if kind:
                assert kind == "NameError" and "is made by a cell that was not run yet" in says, (
                    says
                )
            else:
                assert compared(alone) == compared(cell.outputs)


@pytest.mark.stress
@pytest.mark.parametrize("path", CHAPTERS)
def test_every_cell_alone_works_or_says_what_is_missing(path, after_the_imports):
    for cell in code_cells(path)[1:]:
        (alone,) = after_the_imports(cell)
        kind, says = error_of(alone)
        assert kind in ("", "NameError") or "is not defined" in says, (cell.id, says)
        assert kind != "NameError" or "is made by a cell that was not run yet" in says, (
            cell.id,
            says,
        )


@pytest.fixture
def folder(tmp_path):
    text, code = v4.new_markdown_cell, v4.new_code_cell
    cells = [
        *(
            code("import numpy as np\n\nx = 0"),
            text("# Title\n\n## 1 · One"),
            code("def f(a):\n    local = a\n"),
        ),
        *(code("%pip list"), text("### Part"), code("f(x)"), code("x, y = 1, 2\nx = 3")),
        *(text("## 2 · Two"), code("f(x + y)"), code("local"), code("y = 4")),
    ]
    (tmp_path / "chapter.ipynb").write_text(
        v4.writes(v4.new_notebook(cells=cells)), encoding="utf-8"
    )
    (tmp_path / "another.ipynb").write_text("{}")
    (tmp_path / "broken.ipynb").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("np", "f(x)", "at the top. It has this line:\n\n    import numpy as np\n\n"),
        ("x", "f(x)\n", "at the top. It has this line:\n\n    x = 0\n\n"),
        ("f", "f(x)", "in “1 · One”. It has this line:\n\n    def f(a):\n\n"),
        ("x", "f(x + y)", "in “1 · One”. It has this line:\n\n    x = 3\n\n"),  # the last one above
        ("y", "f(x + y)", "in “1 · One”. It has this line:\n\n    x, y = 1, 2\n\n"),
        ("y", "f(x)", "If `y` is made by a cell further up"),  # it is made below
        ("local", "local", "If `local` is made by a cell further up"),  # it is made in a function
        ("np", "np.zeros(2)", "If `np` is made by a cell further up"),  # a cell of no notebook
    ],
)
def test_the_advice_names_the_cell_to_run_first(name, source, says, folder):
    assert says in advice(name, source, folder) and "Run All Above Selected Cell" in advice(
        name, source, folder
    )


# --- interactive figures, interrupted
# ---------------------------------------------------------------------------------


def line_and_number():
    canvas = Figure(figsize=(4, 2))
    ax = canvas.subplots()
    (line,) = ax.plot([0, 1])
    number = ax.text(0.5, 0.5, "")

    def update(w):
        line.set_ydata([0, w])
        number.set_text(f"{w:.2f}")
        ax.set_title(f"To {w:.2f}")  # part of the background, which is drawn anew
        return f"It ends at {w}."

    return Interactive(
        canvas, {"w": FloatSlider(0.0, min=0, max=1)}, update, alt="A line and a number."
    )


@pytest.mark.parametrize(
    "moment",
    [
        lambda figure: (figure.figure.canvas, "draw"),  # before the background is drawn
        lambda figure: (
            figure.figure.canvas,
            "copy_from_bbox",
        ),  # when it is drawn, and not yet kept
        lambda figure: (figure.figure.axes[0].lines[0], "draw"),  # in front of it
        lambda figure: (figure.figure.axes[0].texts[0], "draw"),  # aside, to be kept
    ],
)
def test_a_figure_that_was_interrupted_while_it_was_drawn_is_drawn_right_again(moment, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    disturbed, calm = line_and_number(), line_and_number()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*moment(disturbed), interrupt)
        disturbed.set(w=0.7)
    for figure in (disturbed, calm):
        figure.set(w=0.7)
    assert (disturbed.picture.png, disturbed.picture.error) == (calm.picture.png, "")
    stills = [figure._repr_mimebundle_()[0]["image/png"] for figure in (disturbed, calm)]
    assert stills[0] == stills[1]

"""Notebooks run twice, interrupted, and on a machine of another kind."""

import copy
import os
import re
import threading

from tools.notebooks import (
    CELL_TIMEOUT,
    COLOUR,
    COURSE,
    KERNEL_ENVIRONMENT,
    KERNELSPEC,
    MAY_RAISE,
    THREADS,
    normalise,
    read,
)

import pytest
from nbclient import NotebookClient
from nbformat import v4

NOT_COMPARED = "nbval-ignore-output"  # the tag of what depends on the machine: timings, trainings
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


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def run(path, cells, **environment):
    """Return copies of the cells with what they give in one fresh kernel.

    One whose metadata say "interrupted" is interrupted a second after its begin.
    """
    timers = []

    def begin(cell, cell_index):
        if "interrupted" in cell.metadata:
            timers.append(threading.Timer(1, client.km.interrupt_kernel))
            timers[-1].start()

    def end(cell, cell_index, execute_reply):
        while timers:
            timers.pop().cancel()

    cells = [copy.deepcopy(cell) for cell in cells]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # some run more than once
    notebook = v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook,
        kernel_name=KERNELSPEC["name"],
        kernel_manager_class="jupyter_client.manager.KernelManager",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
        timeout=CELL_TIMEOUT,
        allow_errors=True,
        on_cell_execute=begin,
        on_cell_executed=end,
    )
    client.execute(env=os.environ | KERNEL_ENVIRONMENT | environment)
    return normalise(notebook).cells


def error_of(cell):
    """Return the name and the whole text of the error among a cell's outputs, empty without one."""
    for output in cell.outputs:
        if output.output_type == "error":
            return output.ename, COLOUR.sub("", "\n".join(output.traceback))
    return "", ""


def said(cell):
    """Return what nbval compares of a cell's outputs: texts, without pictures and tracebacks."""
    texts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            texts += [AFTER_AN_INTERRUPT.sub("", output.text)]
        elif output.output_type != "error":
            texts += [text for kind, text in sorted(output.data.items()) if kind != "image/png"]
    return "".join(texts)


def differences(ran, stored):
    """Name the cells that failed, or that say something else than what is stored."""
    found = []
    for now, then in zip(ran, stored, strict=True):
        tags = then.metadata.get("tags", [])
        name, text = error_of(now)
        if name and MAY_RAISE not in tags:
            found.append(f"{then.id} fails: {text}")
        elif NOT_COMPARED not in tags and said(now) != said(then):
            found.append(f"{then.id} says {said(now)}, and stored is {said(then)}")
    return found


@pytest.mark.stress
@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_run_all_with_long_cells_interrupted_and_again_in_the_same_kernel(path):
    cells = code_cells(path)
    long = [cell for cell in cells if NOT_COMPARED in cell.metadata.get("tags", [])]
    once = []
    for cell in cells:
        if cell in long:
            once.append(copy.deepcopy(cell))
            once[-1].metadata.interrupted = True
        once.append(cell)
    ran = run(path, [*once, *cells], TQDM_DISABLE="")  # with progress bars, as a reader has it
    stopped = [error_of(cell) for cell in ran if "interrupted" in cell.metadata]
    if any(".fit(" in cell.source for cell in long):  # others may be done within the second
        assert "KeyboardInterrupt" in dict(stopped)
    for kind, text in stopped:  # Keras may make another error of an interrupt
        assert kind in ("KeyboardInterrupt", "") or "/tensorflow/" in text, text
    whole = [cell for cell in ran if "interrupted" not in cell.metadata]
    assert differences(whole, [*cells, *cells]) == []


@pytest.mark.stress
@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_the_same_results_on_another_machine(path):
    cells = code_cells(path)
    assert differences(run(path, cells, **ANOTHER_MACHINE), cells) == []

"""What importing `helpers` does and, above all, what it does not do.

Each in a Python of its own.
"""

import os
import subprocess
import sys

import pytest


def run(code, **environment):
    """Run the code in a new Python and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
        | environment,
    )
    assert result.returncode == 0 and result.stderr == "", result.stderr
    return result.stdout


NUMPY_SIDE = """
import importlib, sys
modules = "numpy_rnn numpy_lstm numpy_gru gradients output models training data"
teaching = "teaching.figures teaching.exercises teaching.interactive"
for module in (modules + " " + teaching).split():
    importlib.import_module("helpers." + module)
    for heavy in ("tensorflow", "keras", "torch", "jax", "pandas", "matplotlib.pyplot"):
        assert heavy not in sys.modules, f"helpers.{module} imports {heavy}"
from helpers.teaching import figures
figures.folded_and_unrolled()
assert "matplotlib.pyplot" not in sys.modules
print("clean")
"""


def test_the_numpy_side_imports_no_framework_and_no_pyplot():
    assert run(NUMPY_SIDE) == "clean\n"


@pytest.mark.parametrize("own", [{}, {"KERAS_BACKEND": "jax"}, {"KERAS_BACKEND": "torch"}])
def test_importing_helpers_chooses_keras_on_tensorflow(own):
    assert run("import os, helpers; print(os.environ['KERAS_BACKEND'])", **own) == "tensorflow\n"


def test_matplotlib_says_nothing_of_a_folder_for_its_cache_that_it_cannot_write():
    assert run("import helpers, matplotlib.font_manager", MPLCONFIGDIR=sys.executable) == ""

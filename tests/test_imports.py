"""What importing `helpers` does and, above all, what it does not do. Each in a Python of its own."""

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
        env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | environment,
    )
    assert result.returncode == 0 and result.stderr == "", result.stderr
    return result.stdout


@pytest.mark.parametrize(
    "module",
    ["", ".numpy_rnn", ".gradients", ".output", ".models", ".training", ".data", ".teaching.figures"],
)
def test_importing_does_not_import_tensorflow(module):
    loaded = run(f"import sys, helpers{module}; print(*sys.modules)").split()
    assert f"helpers{module}" in loaded
    assert not {"tensorflow", "keras", "torch", "jax", "matplotlib.pyplot"} & set(loaded)


@pytest.mark.parametrize("own", [{}, {"KERAS_BACKEND": "jax"}])
def test_importing_helpers_chooses_keras_on_tensorflow(own):
    assert run("import os, helpers; print(os.environ['KERAS_BACKEND'])", **own) == "tensorflow\n"


def test_drawing_does_not_need_pyplot():
    code = "import sys; from helpers.teaching import figures; figures.folded_and_unrolled(); print(*sys.modules)"
    assert "matplotlib.pyplot" not in run(code).split()

"""The linter and the formatter have nothing to say, neither about code nor about notebooks."""

import subprocess
import sys

from tools.notebooks import ROOT

import pytest


@pytest.mark.parametrize(
    "command", [["check"], ["format", "--check", "--diff"]], ids=["check", "format"]
)
def test_ruff_has_no_complaint(command):
    paths = ["conftest.py", "helpers", "tools", "tests", "notebooks"]
    ruff = [sys.executable, "-m", "ruff", *command, *paths]
    result = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}\nTry: make format"

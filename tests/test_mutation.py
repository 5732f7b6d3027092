"""The mutation tester on a module of two functions: one whose faults the tests notice, and one that they do not ask."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the mutation tester forks")

MODULE = '''"""A module."""


def smaller(a: int, b: int) -> bool:
    """Whether a < b."""
    if a is None:
        raise ValueError(f"a must be a number, not {a + 1}")
    return a < b


def emptied(n):
    while n:
        n = 0
    return "nothing is left"


def forgotten(a):
    return a + 1
'''
TESTS = """
import pytest
import tiny

def test_smaller():
    assert tiny.smaller(1, 2) is True and tiny.smaller(2, 2) is False
    with pytest.raises(ValueError):
        tiny.smaller(None, 1)

def test_emptied():
    assert tiny.emptied(2)
"""
RUN = """
import sys, pathlib, mutation
root, equivalent = pathlib.Path(sys.argv[1]), eval(sys.argv[2])
mutation.HEAVY, mutation.COPIED, mutation.PATIENCE = [], ["tiny.py", "test_tiny.py"], 3
sys.exit(mutation.main(root, {"tiny.py": ["test_tiny.py"]}, {"tiny.py": equivalent}))
"""


def tried(folder, equivalent):
    """Return the exit code, the numbers of the table, and the lines below it."""
    (folder / "tiny.py").write_text(MODULE)
    (folder / "test_tiny.py").write_text(TESTS)
    command = [sys.executable, "-c", RUN, str(folder), repr(dict.fromkeys(equivalent, "a reason"))]
    result = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=240)
    _, row, *lines = result.stdout.strip("\n").splitlines()
    assert sorted(path.name for path in folder.iterdir()) == ["test_tiny.py", "tiny.py"]
    assert (folder / "tiny.py").read_text() == MODULE, "a fault was written into the project"
    return result.returncode, [int(n) for n in row.split()[1:]], [line.strip() for line in lines]


EQUIVALENT = ["emptied: while n: → while False:"]
UNTESTED = [f"forgotten: return a + 1 → return {fault}" for fault in ("None", "a", "a - 1", "a + 2")]


def test_every_fault_is_noticed_or_named(tmp_path):
    code, numbers, lines = tried(tmp_path, EQUIVALENT)
    assert numbers == [13, 8, 1, 1, 4]  # faults, killed, of these hanging, equivalent, unexplained
    assert code == 1 and lines[::2] == ["tiny.py: no test notices"] * 4 and sorted(lines[1::2]) == sorted(UNTESTED)


def test_what_is_said_about_equivalent_faults_must_be_true(tmp_path):
    code, numbers, lines = tried(tmp_path, EQUIVALENT + UNTESTED)
    assert (code, numbers, lines) == (0, [13, 8, 1, 5, 0], [])
    noticed, gone = "smaller: return a < b → return a <= b", "smaller: return a < c → return a <= c"
    code, numbers, lines = tried(tmp_path, [*EQUIVALENT, *UNTESTED, noticed, gone])
    assert (code, numbers) == (1, [13, 8, 1, 5, 0])
    assert lines == ["tiny.py: not equivalent", noticed, "tiny.py: there is no such fault", gone]

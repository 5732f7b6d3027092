"""The mutation tester on a module of two functions.

One whose faults the tests notice, and one that they do not ask.
"""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(sys.platform != "linux", reason="it forks a process with many threads"),
]

MODULE = '''"""A module."""


def smaller(a: int, b: int) -> bool:
    """Whether a < b."""
    if a is None:
        raise ValueError(f"a must be a number, got {a} for {1 + 1} numbers")
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
FILES = {"tiny.py": MODULE, "test_tiny.py": TESTS, "pytest.ini": "[pytest]\nmarkers = stress"}
RUN = """
import sys, pathlib, mutation
root, *equivalent = sys.argv[1:]
mutation.HEAVY, mutation.COPIED, mutation.PATIENCE = [], ["tiny.py", "test_tiny.py", "pytest.ini"], 2
reasons = {"tiny.py": dict.fromkeys(equivalent, "a reason")}
sys.exit(mutation.main(pathlib.Path(root), {"tiny.py": ["test_tiny.py"]}, reasons))
"""


def tried(folder, equivalent):
    """Return the exit code, the numbers of the table, and the lines below it."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", RUN, str(folder), *equivalent]
    result = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=240
    )
    assert "faults" in result.stdout, result.stderr
    _, row, *lines = result.stdout.strip("\n").splitlines()
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == FILES, (
        "a fault was left there"
    )
    return result.returncode, [int(n) for n in row.split()[1:]], [line.strip() for line in lines]


EQUIVALENT = ["emptied: while n: → while False:"]
UNTESTED = [
    f"forgotten: return a + 1 → return {fault}" for fault in ("None", "a", "a - 1", "a + 2")
]


def test_every_fault_is_noticed_or_named_and_every_excuse_is_checked(tmp_path):
    noticed, gone = "smaller: return a < b → return a <= b", "smaller: return a < c → return a <= c"
    code, numbers, lines = tried(tmp_path, [*EQUIVALENT, noticed, gone])
    assert code == 1
    assert numbers == [13, 8, 1, 1, 4]  # faults, killed, of these hanging, equivalent, unexplained
    said = list(zip(lines[::2], lines[1::2], strict=True))
    assert sorted(said[:4]) == sorted(("tiny.py: no test notices", fault) for fault in UNTESTED)
    assert said[4:] == [
        ("tiny.py: not equivalent", noticed),
        ("tiny.py: there is no such fault", gone),
    ]


def test_nothing_is_left_to_explain(tmp_path):
    assert tried(tmp_path, EQUIVALENT + UNTESTED) == (0, [13, 8, 1, 5, 0], [])

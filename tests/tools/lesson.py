"""Give a lesson on this machine: open the course with `make lab`, and run a chapter.

``python tests/tools/lesson.py CHAPTER`` prints as JSON what is wrong with the chapter's outputs,
such as a warning, and the memory of its largest process. A warning of the server is an error.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/lab/tree/notebooks/index\.ipynb\?token=\w+")
COMPLAINT = re.compile(r"(?m)^(?:\[[WEC] |Traceback|.*Warning:).*")
# What the server says of a notebook from elsewhere, of itself, and at its end, also of npm's.
NORMAL = re.compile(
    r"is not trusted|To access the server|received signal 15|with <Signals.SIGTERM|ServerApp\] $"
)
# The environment is the one that runs this, whether make would find it new enough or not.
MAKE = ["make", "--silent", "--old-file=.venv/ready"]


def open_the_course() -> None:
    """Open the start page as a reader does, and close JupyterLab again."""
    with subprocess.Popen(
        [*MAKE, "lab", "LAB_FLAGS=--no-browser --port=0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        encoding="utf-8",
        errors="backslashreplace",
    ) as server:
        said = ""
        try:
            for line in server.stdout:
                said += line
                if found := ADDRESS.search(line):
                    assert "<title>JupyterLab</title>" in page_at(found[0])
                    break
            else:
                raise RuntimeError(said)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
        said += server.stdout.read()
    complaints = [line for line in COMPLAINT.findall(said) if not NORMAL.search(line)]
    assert complaints == [], said


def page_at(address: str) -> str:
    """Return a page, once the server answers: it may say that it does some time before."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(address) as page:
                return page.read().decode("utf-8")
        except urllib.error.URLError:
            time.sleep(0.2)
    raise TimeoutError(f"no answer from {address}")


def main(chapter: str) -> None:
    """Give the lesson."""
    open_the_course()
    with tempfile.TemporaryDirectory() as folder:
        copied = shutil.copy(f"notebooks/{chapter}.ipynb", folder)
        command = [*MAKE, "notebooks", f"COURSE={copied}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    faults = done.stdout.splitlines()[1:]
    print(json.dumps({"faults": faults, "returned": done.returncode, "megabytes": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])

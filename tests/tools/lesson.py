"""A lesson on this machine.

``python tests/tools/lesson.py CHAPTER`` opens the course and runs a chapter.

Prints as JSON whether the start page can be saved, and what is wrong with the chapter's outputs,
such as a warning.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import helpers

ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/lab/tree/notebooks/index\.ipynb\?token=(\w+)")
COMPLAINT = re.compile(r"\[[WEC] |Traceback|.*Warning:")
# What a server says of a notebook whose outputs this machine has not made, of one that it may not
# save, and at its end.
NORMAL = re.compile(
    "is not trusted|403 PUT|wrote error: 'Permission denied|To access the server|received signal"
    " 15| ServerApp\\] $"
)
# The environment is the one that runs this, whether make would find it new enough or not.
MAKE = ["make", "--silent", "--old-file=.venv/ready"]


@contextmanager
def course() -> Iterator[tuple[str, str]]:
    """Open the course as a reader does; yields (address, token).

    Any warning of the server is an error.
    """
    with subprocess.Popen(
        [*MAKE, "lab", "LAB_FLAGS=--no-browser --port=0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        encoding="utf-8",
        errors="backslashreplace",
    ) as server:
        said = []
        try:
            for line in server.stdout:
                said.append(line)
                if found := ADDRESS.search(line):
                    break
            else:
                raise RuntimeError("".join(said))
            answers(found[1])
            yield found[1], found[2]
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            said += server.stdout
    if any(COMPLAINT.match(line) and not NORMAL.search(line) for line in said):
        raise RuntimeError("".join(said))


def answers(address: str) -> None:
    """Wait until the server answers, which it may do only some time after it has said that it does."""
    for _ in range(300):
        try:
            return urllib.request.urlopen(f"{address}/api").close()
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.2)
    raise TimeoutError(f"no answer from {address}")


def save(address: str, token: str) -> str:
    """Read the start page and save it as it is, as JupyterLab does.

    Return what the server says against it.
    """
    page, headers = (
        f"{address}/api/contents/notebooks/index.ipynb",
        {"Authorization": f"token {token}"},
    )
    with urllib.request.urlopen(urllib.request.Request(page, headers=headers)) as answer:
        model = json.load(answer)
    try:
        data = json.dumps(model).encode()
        urllib.request.urlopen(urllib.request.Request(page, data, headers, method="PUT")).close()
        assert model["writable"]
    except urllib.error.HTTPError as refusal:
        assert not model["writable"]  # so that JupyterLab calls it read-only from the start
        return json.load(refusal)["message"]
    return ""


def main(chapter: str) -> None:
    """Give the lesson."""
    assert Path(helpers.__file__).parents[1] == Path.cwd(), "not the helpers of this copy"
    with course() as (address, token), tempfile.TemporaryDirectory() as folder:
        with urllib.request.urlopen(
            f"{address}/lab/tree/notebooks/index.ipynb?token={token}"
        ) as answer:
            assert "<title>JupyterLab</title>" in answer.read().decode("utf-8")
        refusal = save(address, token)
        copied = shutil.copy(f"notebooks/{chapter}.ipynb", folder)
        done = subprocess.run(
            [*MAKE, "notebooks", f"COURSE={copied}"], stdout=subprocess.PIPE, encoding="utf-8"
        )
    print(
        json.dumps(
            {
                "refusal": refusal,
                "faults": done.stdout.splitlines()[1:],
                "returned": done.returncode,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

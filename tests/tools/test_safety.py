"""The course opens no door.

Not to the network, not to code that came as data, not to packages nobody has looked at.
"""

import ast
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

from tools.notebooks import COURSE, ROOT, read

import psutil
import pytest
import yaml

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


# --- the server that `make lab` starts
# --------------------------------------------------------------------------------


def recipe(target):
    """Return the command lines of one target, as one line."""
    (lines,) = re.findall(rf"(?m)^{target}:.*\n((?:\t.*\n)+)", MAKEFILE)
    return lines.replace("\\\n", " ")


@contextmanager
def lab(folder):
    """Start JupyterLab with the options of `make lab` and the settings that it gets.

    Yields (process, what it says).
    """
    options = re.findall(r"--[\w.]+=\S+", recipe("lab"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        options += [
            "--no-browser",
            "--allow-root",
            f"--port={probe.getsockname()[1]}",
            "--ServerApp.port_retries=0",
        ]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    log = folder / "log.txt"
    with log.open("w") as output:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")
        } | own
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output
        )
    try:
        end = time.monotonic() + 60
        while not (
            (said := re.search(r"http://127\.0\.0\.1:\d+/\S*", log.read_text()))
            and answers(said[0])
        ):
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield server, said[0]
    finally:
        server.terminate()
        server.wait(20)


def answers(url):
    """Say whether anybody listens there."""
    try:
        return bool(answer(url))
    except urllib.error.URLError:
        return False


def answer(url, data=None):
    """Return the HTTP status that a request gets."""
    try:
        return urllib.request.urlopen(url, data).status
    except urllib.error.HTTPError as error:
        return error.code


def test_lab_listens_on_this_machine_alone_and_asks_for_its_token(tmp_path):
    with lab(tmp_path) as (server, address):
        first = psutil.Process(server.pid)  # on Windows it starts the one that listens
        connections = [
            c
            for process in (first, *first.children(recursive=True))
            for c in process.net_connections()
        ]
        listening = [c.laddr for c in connections if c.status == psutil.CONN_LISTEN]
        page, token = re.fullmatch(
            r"(http://127\.0\.0\.1:\d+/)lab/tree/notebooks/index.ipynb\?token=(\w+)", address
        ).groups()
        assert int(page.split(":")[-1].strip("/")) in {at.port for at in listening}
        assert {at.ip for at in listening} <= {"127.0.0.1", "::1"}
        assert len(token) >= 48
        for door in ("api/contents", "api/kernels", "api/terminals"):
            assert answer(page + door) == 403
            assert answer(f"{page}{door}?token={'0' * len(token)}") == 403
            assert answer(f"{page}{door}?token={token}") == 200
        assert answer(page + "api/kernels", data=b"{}") == 403


def test_lab_is_started_with_nothing_that_opens_it():
    assert set(re.findall(r"--[\w.-]+", recipe("lab"))) == {"--allow-root", "--LabApp.default_url"}
    settings = json.loads(
        (ROOT / "tools/jupyter/jupyter_server_config.d/unrolled.json").read_text(encoding="utf-8")
    )
    assert settings == {"ServerApp": {"jpserver_extensions": {"tools.server": True}}}


# --- code that came as data
# -------------------------------------------------------------------------------------------

FORBIDDEN = {
    *(
        "eval",
        "exec",
        "compile",
        "__import__",
        "pickle",
        "cPickle",
        "dill",
        "joblib",
        "marshal",
        "shelve",
        "memmap",
    ),
    *(
        "allow_pickle",
        "enable_unsafe_deserialization",
        "safe_mode",
        "unsafe_load",
        "full_load",
        "system",
        "popen",
    ),
}
# What is run is the course's own text in each of these: a solution with one piece replaced, the
# loops of the notes, the two orders of chapter 6, and the expressions in the tables of the
# glossary.
KNOWN = [
    ("06_keras_apis.ipynb", "exec"),
    *[("glossary.ipynb", "eval")] * 2,
    ("helpers/teaching/exercises/engine.py", "compile"),
    ("helpers/teaching/exercises/engine.py", "exec"),
    ("helpers/teaching/exercises/keras_apis.py", "exec"),
    *[("notes.ipynb", "exec")] * 2,
]


def dangerous(tree):
    """Name the functions, modules and arguments in `tree` that run what they are given or load what may do so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").split(".")[0], *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Name):
            names = [node.id]
        elif isinstance(node, ast.Attribute) and node.attr not in (
            "compile",
            "system",
        ):  # re's, Keras's, platform's
            names = [node.attr]
        elif isinstance(node, ast.keyword) and node.arg:
            names = [node.arg]
            if node.arg == "shell":
                yield "shell"
        else:
            names = []
        yield from (name for name in names if name in FORBIDDEN)


@pytest.mark.parametrize(
    "code",
    ["eval(text)", "import pickle", "from os import system", ("np.load(f,"
                                                             " allow_pickle=True)"), ("run(a,"
                                                                                      " shell=True)"),
     "from joblib import load", ("keras.saving.load_model(f,"
                                " safe_mode=False)"), "builtins.exec(text)"],
)  # fmt: skip
def test_what_is_dangerous_is_seen(code):
    assert list(dangerous(ast.parse(code)))


def test_nothing_is_run_that_came_as_data():
    found = []
    for path in [*ROOT.glob("helpers/**/*.py"), *ROOT.glob("tools/**/*.py")]:
        if "node_modules" not in path.parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [(path.relative_to(ROOT).as_posix(), name) for name in dangerous(tree)]
    for path in COURSE:
        for cell in read(path).cells:
            if cell.cell_type == "code":
                found += [(path.name, name) for name in dangerous(ast.parse(cell.source))]
    assert sorted(found) == KNOWN


# --- what gets installed, and what CI may do
# --------------------------------------------------------------------------


def test_every_installation_is_from_the_hashed_lock_or_of_the_project_itself():
    texts = [MAKEFILE, *(step.get("run", "") for step in STEPS)]
    files = [ROOT / name for name in ("README.md", "postBuild", "environment.yml")] + sorted(
        ROOT.glob("tools/*.sh")
    )
    texts += [path.read_text(encoding="utf-8") for path in files]
    installs = [
        line.strip()
        for text in texts
        for line in text.splitlines()
        if re.search(r"\bpip\"? (install|sync)\b|npm ci\b", line)
    ]
    assert len(installs) >= 8
    # uv itself is fetched by pip as it is: it is what checks the hashes of all the rest.
    safe = (
        r"--require-hashes|--no-deps --no-build-isolation|npm ci --ignore-scripts"
        r"|install --quiet (--target \.uv )?uv \|\| no_uv$|jupyter-repo2docker"
    )
    assert [line for line in installs if not re.search(safe, line)] == []


def test_ci_may_only_read_but_for_the_one_job_that_publishes():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    more = {
        name: job["permissions"] for name, job in WORKFLOW["jobs"].items() if "permissions" in job
    }
    assert more == {"pages": {"pages": "write", "id-token": "write"}}
    assert all(
        step["uses"].startswith("actions/deploy-pages@")
        for step in WORKFLOW["jobs"]["pages"]["steps"]
    )
    assert "pull_request_target" not in WORKFLOW[True]  # YAML reads `on` as true
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts and all(step["with"] == {"persist-credentials": False} for step in checkouts)
    assert not [step for step in STEPS if "${{" in step.get("run", "")], (
        "a text from outside in a shell command"
    )

"""The course on strange machines: each test changes one thing, and the lesson is given there.

The lesson (lesson.py) is what a reader does: `make lab`, then run a chapter; nothing of it may
warn. Other versions of Python and of the dependencies need an environment of their own: the head of
the Makefile says how.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.notebooks import ROOT

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="made strange by tools of Linux")
NOT_COPIED = [
    ".git",
    *(Path(line).name for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()),
]
ENGLISH = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("LC_", "LANG", "MAKE"))
} | {"LANG": "C.UTF-8"}


def copy_of_the_course(folder: Path) -> Path:
    """Copy the course without what is made from it; it uses the environment that runs this."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def course(tmp_path):
    return copy_of_the_course(tmp_path / "unrolled")


def run(
    command: list[str], folder: Path, environment: dict[str, str] = ENGLISH
) -> subprocess.CompletedProcess:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
    )


def give_a_lesson(
    folder: Path,
    chapter: str = "02_forward_recurrence",
    within: tuple[str, ...] = (),
    environment: dict[str, str] = ENGLISH,
) -> None:
    """Give the lesson; what it writes to stderr is an error."""
    python = str(folder / ".venv/bin/python")
    done = run([*within, python, "tests/tools/lesson.py", chapter], folder, environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    report = json.loads(done.stdout)
    assert (report["faults"], report["returned"]) == ([], 0)
    assert report["megabytes"] < 1200, "with the server beside it, Binder may not have as much"


def needs(*command: str) -> None:
    """Skip the test where this command fails."""
    if not shutil.which(command[0]) or subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f"this machine does not let us: {' '.join(command)}")


# --- the lesson, with one thing changed

WITHOUT_NETWORK = ["unshare", "--map-root-user", "--net"]
# A new network has a loopback device, which is down.
ONLY_LOOPBACK = """
import errno, fcntl, os, socket, struct, sys
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP | IFF_RUNNING))
with socket.socket() as elsewhere:
    assert elsewhere.connect_ex(("192.0.2.1", 80)) == errno.ENETUNREACH
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.stress
def test_without_a_network(course):
    needs(*WITHOUT_NETWORK, "true")
    give_a_lesson(course, within=(*WITHOUT_NETWORK, sys.executable, "-c", ONLY_LOOPBACK))


@pytest.mark.stress
def test_without_permission_to_write_in_the_repository(course):
    within = ()
    if os.geteuid() == 0:  # who may write everywhere, unless without this capability
        within = ("setpriv", "--bounding-set=-dac_override")
        needs(*within, "true")
    subprocess.run(["chmod", "-R", "a-w", course], check=True)
    try:
        give_a_lesson(course, within=within)
    finally:
        subprocess.run(["chmod", "-R", "u+w", course], check=True)


@pytest.mark.stress
def test_without_a_home_that_can_be_written(course):
    kept = {name: value for name, value in ENGLISH.items() if not name.startswith("XDG_")}
    give_a_lesson(course, "index", environment=kept | {"HOME": "/proc/nobody"})
    assert (course / "build" / "home").is_dir()


@pytest.mark.stress
def test_with_another_backend_for_keras(course):
    give_a_lesson(course, "06_keras_apis", environment=ENGLISH | {"KERAS_BACKEND": "jax"})


@pytest.mark.stress
def test_in_a_locale_that_knows_only_ascii(course):
    ascii = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    give_a_lesson(course, environment=ENGLISH | ascii)


@pytest.mark.stress
def test_the_largest_chapter_on_one_core(course):
    one_core = ("taskset", "-c", str(min(os.sched_getaffinity(0))))
    needs(*one_core, "true")
    give_a_lesson(course, "07_reading_real_text", within=one_core)


@pytest.mark.stress
def test_in_a_folder_with_spaces_and_letters_beyond_ascii(tmp_path):
    """The one test with an environment of its own, from the cache of uv or from the network."""
    course = copy_of_the_course(tmp_path / "Kurs für Ähnliche" / "un rolled")
    (course / ".venv").unlink()
    test = [
        "make",
        "test",
        f"PYTHON={sys.executable}",
        "PYTEST_FLAGS=--numprocesses=0 notebooks/02_forward_recurrence.ipynb",
    ]
    done = run(test, course)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed in", done.stdout), done.stdout
    give_a_lesson(course, "index")


# --- the set-up, with whatever Python there is

# A Python that says it is another version when code asks, and may have no pip and no venv.
STAND_IN = """#!{python}
import runpy, sys
flags = [number for number, argument in enumerate(sys.argv) if argument in ("-c", "-m")]
flag, what, *rest = sys.argv[flags[0]:]
sys.argv = [flag, *rest]
if what in {lacks}:
    sys.exit("No module named " + what)
if flag == "-m":
    runpy.run_module(what, run_name="__main__", alter_sys=True)
    sys.exit()
version = ({version}, 0, "final", 0)
fields = dict(zip(("major", "minor", "micro", "releaselevel", "serial"), version))
sys.version_info = type("version_info", (tuple,), fields)(version)
sys.version = ".".join(map(str, version[:3])) + sys.version[sys.version.index(" "):]
exec(what, {{"__name__": "__main__"}})
"""
HERE = ".".join(map(str, sys.version_info[:2]))
BASE = getattr(sys, "_base_executable", sys.executable)
NO_PIP = ("pip", "venv")


def stand_in(version: str, lacks: tuple[str, ...] = ()) -> str:
    return STAND_IN.format(python=BASE, version=version.replace(".", ", "), lacks=lacks)


def machine(folder: Path, *, uv: bool = True, **pythons: str) -> dict[str, str]:
    """Return an environment whose PATH has these Pythons (scripts, paths), usual tools, and uv."""
    programs, home = folder / "programs", folder / "home"
    programs.mkdir()
    home.mkdir()
    for tool in Path("/usr/bin").iterdir():
        if tool.is_file() and not re.match("python|pip|pypy|uv|conda", tool.name):
            (programs / tool.name).symlink_to(tool)
    for name, python in pythons.items():
        program = programs / name.replace("_", ".")
        if python.startswith("#!"):
            program.write_text(python)
            program.chmod(0o755)
        else:
            program.symlink_to(python)
    if uv:
        found = shutil.which("uv") or ROOT / ".uv" / "bin" / "uv"
        if not Path(found).exists():
            pytest.skip("uv is not on this machine")
        (programs / "uv").symlink_to(found)
    kept = {
        name: value
        for name, value in ENGLISH.items()
        if not name.startswith(("PYTHON", "VIRTUAL", "UV", "XDG"))
    }
    # Where a Python would be fetched from, nobody answers: a test downloads none.
    nowhere = {"UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9", "UV_HTTP_RETRIES": "0"}
    return kept | nowhere | {"PATH": str(programs), "HOME": str(home)}


def set_up(course: Path, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess:
    """Set up the course, and print the version of its JupyterLab."""
    (course / ".venv").unlink()
    return run(["make", "lab", "LAB_FLAGS=--version", *options], course, environment)


@pytest.mark.parametrize(
    ("pythons", "options", "says"),
    [
        ({"python3": BASE}, ["PYTHON=python3.99"], "There is no python3.99 on this machine."),
        (
            {"python3": stand_in("3.14.3")},
            ["PYTHON=python3"],
            r"The course needs Python >=3\.\d+,<3\.\d+, and python3 is 3\.14\.3\.",
        ),
        ({}, [], "There is no Python here, from 3.8 on: install one"),
        (
            {"python3": stand_in("3.14.3", NO_PIP), "python": stand_in("3.7.1")},
            [],
            r"None of the Pythons here \(python3\) has pip: install it \(apt install python3-pip, ",
        ),
    ],
)
def test_a_set_up_that_is_impossible_says_what_to_do(course, tmp_path, pythons, options, says):
    done = set_up(course, machine(tmp_path, uv=False, **pythons), *options)
    assert done.returncode != 0
    assert re.match(says, done.stderr)


@pytest.mark.parametrize("version", ["2.7.18", "3.10.13", "3.14.3"])
def test_another_python_on_the_path_takes_the_place_of_one_out_of_range(course, tmp_path, version):
    environment = machine(tmp_path, python3=stand_in(version), **{f"python{HERE}": BASE})
    (course / "empty.lock").touch()
    run(["sh", "tools/environment.sh", "made", "empty.lock"], course, environment)
    made = (course / "made" / "pyvenv.cfg").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^version_info = {re.escape(HERE)}", made), made


def test_where_no_python_will_do_and_none_can_be_fetched_it_says_the_ways_out(course, tmp_path):
    done = set_up(course, machine(tmp_path, python3=stand_in("3.14.3")))
    assert done.returncode != 0
    assert re.search(r"No Python >=3.* is here: uv fetches one, .* into \S+\.", done.stdout)
    assert "http://127.0.0.1:9" in done.stderr, "it was tried"
    for way in ("apt install", "dnf install", "brew install", "winget install", "PYTHON=/"):
        assert way in done.stderr


@pytest.mark.stress  # each has an environment of its own, from the network
@pytest.mark.parametrize("lacks", [(), NO_PIP], ids=["with pip", "without pip"])
def test_set_up_on_a_new_machine_with_an_old_python(course, tmp_path, lacks):
    environment = machine(
        tmp_path, uv=False, python3=stand_in("3.8.18", lacks), **{f"python{HERE}": BASE}
    )
    done = set_up(course, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"4\.\d+\.\d+", done.stdout.splitlines()[-1])


@pytest.mark.stress  # pip tries more than once
def test_set_up_without_a_network(course):
    needs(*WITHOUT_NETWORK, "true")
    environment = ENGLISH | {
        "UV_CACHE_DIR": str(course / "build" / "uv"),
        "PIP_RETRIES": "0",
        "UV_HTTP_RETRIES": "0",
    }
    (course / ".venv").unlink()
    done = run([*WITHOUT_NETWORK, "make", "lab"], course, environment)
    assert done.returncode != 0 and not (course / ".venv" / "ready").exists()
    assert "pip could not fetch uv" in done.stderr or "The set-up did not finish" in done.stderr

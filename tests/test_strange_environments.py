"""The course on strange machines. Each test changes one thing, and a copy of the course gives its lesson there.

The lesson (lesson.py) is what a reader does: `make lab`, save the start page, run a chapter; nothing of it may warn.
Other versions of Python and of the dependencies need an environment of their own: the head of the Makefile says how.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="made strange by tools of Linux")
NOT_COPIED = [".git", *(Path(line).name for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split())]
LESSON = [sys.executable, "tests/lesson.py"]
FINE = {"refusal": "", "faults": [], "returned": 0}
ENGLISH = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))} | {
    "LANG": "C.UTF-8"
}


def copy_of_the_course(folder: Path) -> Path:
    """Copy the course, without what is made from it, and let it use the environment that runs this."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def course(tmp_path):
    return copy_of_the_course(tmp_path / "unrolled")


def run(command: list[str], folder: Path, environment: dict[str, str] = ENGLISH) -> subprocess.CompletedProcess:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
    )


def lesson(folder: Path, chapter: str, *, within: list[str] = (), environment: dict[str, str] = ENGLISH) -> dict:
    """Return what the lesson reports; what it writes to stderr is an error."""
    done = run([*within, *LESSON, chapter], folder, environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def needs(*command: str) -> None:
    """Skip the test where this command fails."""
    if not shutil.which(command[0]) or subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f"this machine does not let us: {' '.join(command)}")


# --- the lesson, with one thing changed -------------------------------------------------------------------------------

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
    within = [*WITHOUT_NETWORK, sys.executable, "-c", ONLY_LOOPBACK]
    assert lesson(course, "02_forward_recurrence", within=within) == FINE


@pytest.mark.stress
def test_without_permission_to_write_in_the_repository(course):
    """Everything runs; and the server says that nothing can be saved, before the reader has typed anything."""
    within = []
    if os.geteuid() == 0:  # who may write everywhere, unless without this capability
        within = ["setpriv", "--bounding-set=-dac_override"]
        needs(*within, "true")
    subprocess.run(["chmod", "-R", "a-w", course], check=True)
    try:
        told = lesson(course, "02_forward_recurrence", within=within)
    finally:
        subprocess.run(["chmod", "-R", "u+w", course], check=True)
    assert "Permission denied" in told["refusal"]
    assert told == FINE | {"refusal": told["refusal"]}


@pytest.mark.stress
@pytest.mark.parametrize("home", [None, "/proc/nobody"], ids=["unset", "not to be written"])
def test_without_a_home(course, home):
    environment = {name: value for name, value in ENGLISH.items() if name != "HOME" and not name.startswith("XDG_")}
    if home:
        environment["HOME"] = home
    assert lesson(course, "index", environment=environment) == FINE
    assert home is None or (course / "build" / "home").is_dir()


@pytest.mark.stress
def test_with_another_backend_for_keras(course):
    assert lesson(course, "04_keras_apis", environment=ENGLISH | {"KERAS_BACKEND": "jax"}) == FINE


@pytest.mark.stress
def test_in_a_locale_that_knows_only_ascii(course):
    environment = ENGLISH | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    encoding = run([sys.executable, "-c", "import locale; print(locale.getencoding())"], course, environment).stdout
    assert encoding == "ANSI_X3.4-1968\n"
    assert lesson(course, "02_forward_recurrence", environment=environment) == FINE


@pytest.mark.stress
def test_in_a_locale_with_a_decimal_comma_and_latin_1(course, tmp_path):
    needs("localedef", "--help")
    locales = tmp_path / "locales"
    locales.mkdir()
    needs("localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(locales / "de_DE.ISO-8859-1"))
    environment = ENGLISH | {"LC_ALL": "de_DE.ISO-8859-1", "LOCPATH": str(locales), "PYTHONUTF8": "0"}
    ask = "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.str(0.5), locale.getencoding())"
    assert run([sys.executable, "-c", ask], course, environment).stdout == "0,5 ISO-8859-1\n"
    assert lesson(course, "02_forward_recurrence", environment=environment) == FINE


@pytest.mark.stress
def test_on_one_core(course):
    core = str(min(os.sched_getaffinity(0)))
    needs("taskset", "-c", core, "true")
    assert lesson(course, "04_keras_apis", within=["taskset", "-c", core]) == FINE


@pytest.mark.stress
def test_in_the_memory_that_binder_gives(course):
    """Chapter 5, the largest, with the server beside it; what takes too much is killed, and then the lesson fails."""
    within, group = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"'], None
    try:
        group, peak = memory_limited_to(1536 * 2**20)
    except OSError as problem:
        pytest.skip(f"this machine lets us limit no memory: {problem}")
    try:
        assert lesson(course, "05_reading_real_text", within=[*within, str(group)]) == FINE
        print(f"{int(peak.read_text()) / 2**20:.0f} MB at the most, files that were read included")
    finally:
        group.rmdir()


def memory_limited_to(size: int) -> tuple[Path, Path]:
    """Make a control group, of version 1 or 2; return its folder and the file with its peak."""
    root = Path("/sys/fs/cgroup")
    one = (root / "memory").is_dir()
    group = root / ("memory" if one else "") / f"unrolled-{os.getpid()}"
    group.mkdir()
    try:
        (group / ("memory.limit_in_bytes" if one else "memory.max")).write_text(str(size))
    except OSError:
        group.rmdir()
        raise
    return group, group / ("memory.max_usage_in_bytes" if one else "memory.peak")


@pytest.mark.stress
def test_in_a_folder_with_spaces_and_letters_beyond_ascii(tmp_path):
    """The one test here with an environment of its own (from the cache of uv, or from the network)."""
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
    done = run([str(course / ".venv/bin/python"), "tests/lesson.py", "index"], course)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert json.loads(done.stdout) == FINE


# --- a set-up that cannot succeed says why ----------------------------------------------------------------------------


def set_up(course: Path, *, within: list[str] = (), python: str = sys.executable, environment=ENGLISH) -> str:
    """Try to set up the course without an environment; return what is said on stderr."""
    (course / ".venv").unlink()
    done = run([*within, "make", "lab", f"PYTHON={python}"], course, environment)
    assert done.returncode != 0
    assert not (course / ".venv" / "ready").exists()
    return done.stderr


def test_set_up_without_python(course):
    assert set_up(course, python="python3.99").startswith("There is no python3.99 on this machine. Install Python 3.12")


def test_set_up_with_another_python_than_the_supported_ones(course):
    project = (course / "pyproject.toml").read_text(encoding="utf-8")
    other = re.sub("(?m)^requires-python = .*$", 'requires-python = ">=3.98,<3.99"', project)
    (course / "pyproject.toml").write_text(other, encoding="utf-8")
    assert set_up(course).startswith("The course needs Python >=3.98,<3.99, not 3.")


@pytest.mark.stress  # pip and uv try more than once
def test_set_up_without_a_network(course):
    needs(*WITHOUT_NETWORK, "true")
    environment = ENGLISH | {"UV_CACHE_DIR": str(course / "build" / "uv"), "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0"}
    said = set_up(course, within=WITHOUT_NETWORK, environment=environment)
    assert "The set-up did not finish; the lines above say why. It needs pip, the network (this once)" in said

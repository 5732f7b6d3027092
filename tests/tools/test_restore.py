"""`make reset` and `make update` in a clone of a small course lose nothing that a reader wrote."""

import json
import re
import shutil
import subprocess
import sys
from datetime import datetime
from types import SimpleNamespace

from tools import restore
from tools.notebooks import ROOT
from tools.restore import Clone, Refused

import pytest
from cases import refused

IN_A_CLONE = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="this folder is not a git clone"
)
CHAPTERS = ("01_why", "02_forward", "reference/glossary")


def cells(*sources, outputs=(), version="3"):
    """A notebook of code cells, as a file holds it.

    Outputs and metadata change when it is merely run or opened.
    """
    code = [
        {"cell_type": "code", "source": [text], "outputs": list(outputs), "metadata": {}}
        for text in sources
    ]
    return json.dumps({"cells": code, "metadata": {"language_info": {"version": version}}}) + "\n"


COURSE = cells("1 + 1")
MINE = cells("1 + 1", "# what I wrote, é")
RUN = cells("1 + 1", outputs=[{"output_type": "stream", "text": "2"}], version="3.12.1")
UNREADABLE = COURSE[:-5]


def git(folder, *command):
    names = "user.name=A reader", "user.email=reader@example.org", "init.defaultBranch=main"
    options = [word for name in names for word in ("-c", name)]
    return subprocess.run(
        ["git", *options, *command], cwd=folder, capture_output=True, text=True, encoding="utf-8"
    )


def commit(folder, **files):
    """Write notebooks (name=text), or delete those whose text is None, and commit that."""
    for name, text in files.items():
        path = folder / f"notebooks/{name}.ipynb"
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    assert git(folder, "commit", "--message=course").returncode == 0


@pytest.fixture
def course(tmp_path):
    """The course, as its authors have it, with the attributes of this one."""
    folder = tmp_path / "course"
    (folder / "notebooks").mkdir(parents=True)
    git(folder, "init")
    for name in (".gitattributes", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    (folder / "helpers.py").write_text("")
    commit(folder, **dict.fromkeys(CHAPTERS, COURSE))
    return folder


@pytest.fixture
def clone(course, tmp_path):
    """A reader's clone of it."""
    git(tmp_path, "clone", str(course), "a clone")
    return Clone(tmp_path / "a clone")


def notebook(clone, name):
    return clone.folder / f"notebooks/{name}.ipynb"


def change(clone, name, text=MINE):
    notebook(clone, name).write_text(text, encoding="utf-8")


def copies(clone):
    return sorted((clone.folder / restore.KEPT).glob("*"))


def everything(clone):
    """All the files of a reader's clone, but for what git keeps for itself."""
    files = [
        path for path in clone.folder.rglob("*") if path.is_file() and ".git" not in path.parts
    ]
    return {path.relative_to(clone.folder).as_posix(): path.read_bytes() for path in files}


# --- reset


@pytest.mark.parametrize(
    "wanted", ["2", "02", "02_forward", "02_forward.ipynb", "notebooks/02_forward.ipynb"]
)
@pytest.mark.parametrize("staged", [False, True])
def test_reset_sets_one_chapter_back_and_keeps_a_dated_copy(clone, wanted, staged, capsys):
    change(clone, "01_why", "also mine")
    change(clone, "02_forward")
    if staged:
        clone.git("add", "--all")
    restore.reset(clone, wanted)
    assert notebook(clone, "02_forward").read_text(encoding="utf-8") == COURSE
    assert notebook(clone, "01_why").read_text(encoding="utf-8") == "also mine"
    (copy,) = copies(clone)
    assert copy.read_text(encoding="utf-8") == MINE
    assert re.fullmatch(r"02_forward\.\d{4}-\d\d-\d\d-\d{6}\.ipynb", copy.name)
    said = capsys.readouterr().out
    assert f"notebooks/mine/{copy.name}" in said and "Reload Notebook from Disk" in said
    assert clone.changed() == ["notebooks/01_why.ipynb"], "the copy is no change of the course"


@pytest.mark.parametrize(
    ("text", "says"),
    [(RUN, " again."), (None, " again."), (COURSE, ": nothing was changed.")],
    ids=["only run", "deleted", "as it came"],
)
def test_reset_of_a_chapter_without_words_of_the_readers_makes_no_copy(clone, text, says, capsys):
    notebook(clone, "02_forward").unlink()
    if text:
        change(clone, "02_forward", text)
    restore.reset(clone, "2")
    assert notebook(clone, "02_forward").read_text(encoding="utf-8") == COURSE
    assert copies(clone) == []
    assert f"notebooks/02_forward.ipynb is as it came{says}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", [cells("1 + 2"), cells(), UNREADABLE, "[]", COURSE.replace("code", "markdown", 1)]
)
def test_what_was_written_is_kept_whatever_it_is(clone, text):
    change(clone, "02_forward", text)
    restore.reset(clone, "2")
    assert [copy.read_text(encoding="utf-8") for copy in copies(clone)] == [text]


@pytest.mark.parametrize("wanted", ["3", "0", "", "nonsense", "../helpers.py"])
def test_a_chapter_that_is_none_or_several_is_refused(clone, wanted):
    change(clone, "01_why")
    before = everything(clone)
    with refused(Refused, repr(wanted), "must name one of 01_why, 02_forward, glossary"):
        restore.reset(clone, "1", wanted)
    assert everything(clone) == before


def test_a_copy_is_never_written_over(clone, monkeypatch):
    then = datetime(2026, 1, 2, 3, 4, 5)
    monkeypatch.setattr(restore.datetime, "datetime", SimpleNamespace(now=lambda: then))
    change(clone, "01_why")
    restore.reset(clone, "1")
    change(clone, "01_why", "second")
    with refused(Refused, "01_why.2026-01-02-030405.ipynb exists already"):
        restore.reset(clone, "1")
    assert notebook(clone, "01_why").read_text() == "second"
    assert copies(clone)[0].read_text(encoding="utf-8") == MINE


# --- update


def test_update_brings_the_newest_and_keeps_what_was_written(clone, course, capsys):
    for name in ("01_why", "02_forward"):
        change(clone, name)
    change(clone, "reference/glossary", RUN)
    newer = cells("newer")
    commit(course, **{"01_why": newer, "reference/glossary": newer, "03_new": newer})
    restore.update(clone)
    texts = {
        name: notebook(clone, name).read_text(encoding="utf-8") for name in (*CHAPTERS, "03_new")
    }
    # Chapter 2 has no newer version, so the reader goes on with it where it is.
    assert texts == {
        "01_why": newer,
        "02_forward": MINE,
        "reference/glossary": newer,
        "03_new": newer,
    }
    (copy,) = copies(clone)
    assert copy.name.startswith("01_why.") and copy.read_text(encoding="utf-8") == MINE
    said = capsys.readouterr().out
    assert f"which is there now; yours is notebooks/mine/{copy.name}." in said
    assert "glossary" not in said and "3 files are newer now" in said
    restore.update(clone)
    assert "This is the newest version of the course." in capsys.readouterr().out


def test_update_brings_a_reader_across_renamed_and_deleted_chapters(clone, course, capsys):
    keras, text = cells("keras", "more", "and more"), cells("text", "of another chapter")
    commit(course, **{"03_keras": keras, "04_text": text})
    restore.update(clone)
    change(clone, "03_keras")
    change(clone, "04_text", UNREADABLE)
    change(clone, "02_forward", RUN)
    notebook(clone, "01_why").unlink()
    (course / "notebooks/06_keras.ipynb").write_text(cells("keras", "more", "and more!"))
    gone = dict.fromkeys(("03_keras", "04_text", "02_forward"))
    commit(course, **gone, **{"01_why": cells("newer")})
    capsys.readouterr()
    restore.update(clone)
    now = {path.name for path in (clone.folder / "notebooks").glob("*.ipynb")}
    assert now == {"06_keras.ipynb", "01_why.ipynb"}
    kept = {path.name.split(".")[0]: path for path in copies(clone)}
    assert {name: path.read_text(encoding="utf-8") for name, path in kept.items()} == {
        "03_keras": MINE,
        "04_text": UNREADABLE,
    }
    said = capsys.readouterr().out
    copy = kept["03_keras"].name
    assert (
        f"03_keras.ipynb is notebooks/06_keras.ipynb now; yours is notebooks/mine/{copy}." in said
    )
    copy = kept["04_text"].name
    assert f"is no longer part of the course; yours is notebooks/mine/{copy}." in said
    assert clone.changed() == []


def own_commit(clone, course):
    change(clone, "02_forward")
    git(clone.folder, "commit", "--all", "--message=mine")
    return "You have made commits of your own"


def helpers_changed(clone, course):
    (clone.folder / "helpers.py").write_text("mine")
    (course / "helpers.py").write_text("theirs")
    commit(course, **{"02_forward": "newest"})
    return "You have changed helpers.py"


def file_in_the_way(clone, course):
    change(clone, "03_new")
    commit(course, **{"03_new": "theirs"})
    return "a file of the same name as your notebooks/03_new.ipynb"


def no_network(clone, course):
    course.rename(course.with_name("gone"))
    return "git fetch said: fatal: "


@pytest.mark.parametrize("obstacle", [own_commit, helpers_changed, file_in_the_way, no_network])
def test_an_update_that_could_lose_something_is_refused_and_changes_nothing(
    clone, course, obstacle
):
    change(clone, "01_why")
    commit(course, **{"01_why": "newer"})
    because = obstacle(clone, course)
    before = everything(clone)
    with refused(Refused, because):
        restore.update(clone)
    assert everything(clone) == before


# --- without make


def test_a_merge_leaves_a_notebook_that_opens_with_what_the_reader_wrote(clone, course):
    own_commit(clone, course)
    commit(course, **{"02_forward": '{"cells": ["newer"]}\n'})
    assert git(clone.folder, "pull", "--no-rebase").returncode != 0
    text = notebook(clone, "02_forward").read_text(encoding="utf-8")
    assert text == MINE and json.loads(text), "no marks of a conflict between the braces"


def test_without_a_clone_or_without_git_it_says_so(tmp_path, clone, monkeypatch):
    with refused(Refused, "is not a git clone", "download the course once more"):
        Clone(tmp_path)
    monkeypatch.setenv("PATH", "")
    with refused(Refused, "git is not installed"):
        Clone(clone.folder)


@IN_A_CLONE
def test_the_command_ends_with_the_reason(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["restore", "reset", "17"])
    with pytest.raises(SystemExit, match=r"'17' must name one of 00_in_thirty_minutes, .*, index"):
        restore.main()


@IN_A_CLONE
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_notebooks_executes_the_course_and_no_notebook_of_a_reader():
    recipe = subprocess.run(
        ["make", "--dry-run", "notebooks"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    tracked = git(ROOT, "ls-files", "notebooks/*.ipynb").stdout.split()
    assert sorted(re.findall(r"notebooks/\S+", recipe)) == sorted(tracked) != []

"""Set the course's notebooks back, or bring them up to date, with a dated copy of the reader's.

``python -m tools.restore reset 2`` sets chapter 2 back to how it came, and ``... update`` fetches
the newest version of the course. Both ask git, and need the folder to be a clone. A notebook that
was only run is set back without a copy: what a reader wrote is the sources of its cells.
"""

import argparse
import datetime
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

NOTEBOOKS = "notebooks"
KEPT = f"{NOTEBOOKS}/mine"  # not tracked by git, and no part of the course to tests and site
RELOAD = "If one of them is open in JupyterLab, reload it there (File, Reload Notebook from Disk)."


class Refused(Exception):
    """Nothing was changed; the message says why and what to do."""


class Clone:
    """The folder with the reader's clone of the course."""

    def __init__(self, folder: Path):
        self.folder = folder
        if shutil.which("git") is None:
            raise Refused(
                "git is not installed, and without it the course cannot tell what you changed."
            )
        # A folder inside somebody else's repository is no clone of the course.
        if not (folder / ".git").exists():
            raise Refused(
                f"{folder} is not a git clone, so there is nothing to set notebooks back to. Your"
                " files stay as they are: download the course once more into another folder, and"
                " copy from there what you need."
            )

    def git(self, *command: str) -> str:
        """Run git and return what it prints. Raises Refused with git's own words."""
        ran = subprocess.run(
            ["git", "-c", "core.quotePath=false", *command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
        )
        if ran.returncode != 0:
            raise Refused(f"git {command[0]} said: {ran.stderr.strip() or ran.stdout.strip()}")
        return ran.stdout

    def changed(self) -> list[str]:
        """Name the tracked files that are not as they came."""
        return self.git("diff", "--name-only", "--no-renames", "HEAD").splitlines()

    def holds_the_readers_words(self, name: str) -> bool:
        """Say whether the reader changed a cell of this notebook, or made it unreadable."""
        file = self.folder / name
        if not file.exists():
            return False
        theirs = cells(file.read_text(encoding="utf-8", errors="replace"))
        return theirs is None or theirs != cells(self.git("show", f"HEAD:{name}"))

    def set_back(self, names: list[str]) -> dict[str, str]:
        """Set notebooks back to how they came; return where copies of the reader's words are.

        Raises Refused, before anything is changed, where a copy would take the place of another
        file.
        """
        copies = {}
        for name in filter(self.holds_the_readers_words, names):
            now = f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}"
            copies[name] = f"{KEPT}/{Path(name).stem}.{now}{Path(name).suffix}"
        if taken := [copy for copy in copies.values() if (self.folder / copy).exists()]:
            raise Refused(f"{taken[0]} exists already: nothing was changed. Try again in a second.")
        for name, copy in copies.items():
            (self.folder / copy).parent.mkdir(exist_ok=True)
            shutil.copy2(self.folder / name, self.folder / copy)
        if names:
            self.git("restore", "--source=HEAD", "--staged", "--worktree", "--", *names)
        return copies


def cells(text: str) -> list | None:
    """Return what one can write into the cells of a notebook, or None if this is no notebook."""
    try:
        return [
            (cell["cell_type"], "".join(cell["source"]), cell.get("attachments", {}))
            for cell in json.loads(text)["cells"]
        ]
    except (ValueError, KeyError, TypeError):
        return None


def reset(clone: Clone, *wanted: str) -> None:
    """Set chapters, named by number or by the beginning of their file, back to how they came."""
    tracked = clone.git("ls-tree", "-r", "--name-only", "HEAD", f"{NOTEBOOKS}/").splitlines()
    known = {Path(name).stem: name for name in tracked if name.endswith(".ipynb")}
    chosen = []
    for word in wanted:
        start = word.zfill(2) if word.isdigit() else Path(word).name.removesuffix(".ipynb")
        found = [name for stem, name in known.items() if start and stem.startswith(start)]
        if len(found) != 1:
            raise Refused(f"{word!r} must name one of {', '.join(known)}")
        chosen += found
    changed = clone.changed()
    copies = clone.set_back([name for name in chosen if name in changed])
    for name in chosen:
        if name in changed:
            print(f"{name} is as it came again{yours(copies, name)}.")
        else:
            print(f"{name} is as it came: nothing was changed.")
    if set(chosen) & set(changed):
        print(RELOAD)


def update(clone: Clone) -> None:
    """Fetch the newest version; set aside only what the reader wrote into notebooks it changes."""
    clone.git("fetch", "--quiet")
    newest = clone.git("rev-parse", "--symbolic-full-name", "@{upstream}").strip()
    if clone.git("merge-base", "HEAD", newest) != clone.git("rev-parse", "HEAD"):
        raise Refused(
            "You have made commits of your own, so the newest version cannot take the place of"
            f" yours: nothing was changed. `git merge {newest}` joins both."
        )
    fate, arriving = incoming(clone, newest)
    if in_the_way := [name for name in arriving if (clone.folder / name).exists()]:
        raise Refused(
            f"The course has a file of the same name as your {', '.join(in_the_way)} now: rename"
            " yours first."
        )
    both = [name for name in clone.changed() if name in fate]
    if other := [name for name in both if not re.fullmatch(rf"{NOTEBOOKS}/.*\.ipynb", name)]:
        raise Refused(
            f"You have changed {', '.join(other)}, and there is a newer version: nothing was"
            " changed. Put yours aside with `git stash`, run `make update` again, and get yours"
            " back with `git stash pop`."
        )
    copies = clone.set_back(both)
    clone.git("merge", "--ff-only", "--quiet", newest)
    for name in copies:
        print(f"{name} {fate[name]}{yours(copies, name)}.")
    if copies:
        print(RELOAD)
    print(
        f"{len(fate)} files are newer now." if fate else "This is the newest version of the course."
    )


def incoming(clone: Clone, newest: str) -> tuple[dict[str, str], list[str]]:
    """Return what becomes of each file that changes, in words, and the names that appear."""
    fate, arriving = {}, []
    for line in clone.git("diff", "--name-status", "--find-renames", "HEAD", newest).splitlines():
        kind, name, *moved_to = line.split("\t")
        arriving += [name] if kind == "A" else moved_to
        if moved_to:
            fate[name] = f"is {moved_to[0]} now"
        elif kind == "D":
            fate[name] = "is no longer part of the course"
        else:
            fate[name] = "has a newer version, which is there now"
    return fate, arriving


def yours(copies: dict[str, str], name: str) -> str:
    """Say where the reader's own version is, if there is one."""
    return f"; yours is {copies[name]}" if name in copies else ""


def main() -> None:
    """Do what the command line asks for; what cannot be done ends with its reason and status 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    chapters = commands.add_parser("reset", help="set chapters back to how they came")
    chapters.add_argument(
        "chapter", nargs="+", help="a number, such as 2, or a name, such as glossary"
    )
    commands.add_parser("update", help="fetch the newest version of the course")
    asked = parser.parse_args()
    try:
        clone = Clone(Path(__file__).parents[1])
        reset(clone, *asked.chapter) if asked.command == "reset" else update(clone)
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()

"""Set the course's notebooks back, or bring them up to date, and keep whatever the reader wrote in a dated copy.

``python -m helpers.teaching.restore reset 2`` sets chapter 2 back to how it came, and ``... update`` fetches the newest
version of the course. Both ask git, and need the folder to be a clone.
"""

import argparse
import datetime
import shutil
import subprocess
import sys
from pathlib import Path

NOTEBOOKS = "notebooks"
KEPT = f"{NOTEBOOKS}/mine"  # not tracked by git, and no part of the course to the tests and the site
RELOAD = "If one of them is open in JupyterLab, reload it there (File, Reload Notebook from Disk)."


class Refused(Exception):
    """Nothing was changed; the message says why and what to do."""


class Clone:
    """The folder with the reader's clone of the course."""

    def __init__(self, folder: Path):
        self.folder = folder
        if shutil.which("git") is None:
            raise Refused("git is not installed, and without it the course cannot tell what you changed.")
        # A folder inside somebody else's repository is no clone of the course.
        if not (folder / ".git").exists():
            raise Refused(
                f"{folder} is not a git clone, so there is nothing to set notebooks back to. Your files stay as they "
                "are: download the course once more into another folder, and copy from there what you need."
            )

    def git(self, *command: str) -> str:
        """Run git and return what it prints. Raises Refused with git's own words."""
        ran = subprocess.run(
            ["git", "-c", "core.quotePath=false", *command],
            cwd=self.folder, capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if ran.returncode != 0:
            raise Refused(f"git {command[0]} said: {ran.stderr.strip() or ran.stdout.strip()}")
        return ran.stdout

    def changed(self, *between: str) -> list[str]:
        """Name the tracked files that differ between two commits, or between one commit and the folder."""
        return self.git("diff", "--name-only", "--no-renames", *between).splitlines()

    def reset(self, name: str) -> Path | None:
        """Set one file back to how it came, and return the copy of what was there (None if the file was deleted)."""
        file, copy = self.folder / name, None
        if file.exists():
            copy = self.folder / KEPT / f"{file.stem}.{datetime.datetime.now():%Y-%m-%d-%H%M%S}{file.suffix}"
            if copy.exists():
                raise Refused(f"{copy} exists already: nothing was changed. Try again in a second.")
            copy.parent.mkdir(exist_ok=True)
            shutil.copy2(file, copy)
        self.git("restore", "--source=HEAD", "--staged", "--worktree", "--", name)
        return copy


def reset(clone: Clone, *wanted: str) -> None:
    """Set chapters, named by number or by the beginning of their file, back to how they came."""
    known = clone.git("ls-tree", "--name-only", "HEAD", f"{NOTEBOOKS}/").splitlines()
    known = [name for name in known if name.endswith(".ipynb")]
    chosen = []
    for word in wanted:
        start = f"{NOTEBOOKS}/{word.zfill(2) if word.isdigit() else Path(word).name}"
        found = [name for name in known if name.startswith(start)]
        if len(found) != 1:
            raise Refused(f"{word!r} must name one of {', '.join(Path(name).stem for name in known)}")
        chosen += found
    changed = clone.changed("HEAD")
    for name in chosen:
        if name not in changed:
            print(f"{name} is as it came: nothing was changed.")
    tell(clone, [name for name in chosen if name in changed], "is as it came again")


def update(clone: Clone) -> None:
    """Fetch the newest version of the course; set aside only those changed notebooks that have a newer version."""
    clone.git("fetch", "--quiet")
    newest = clone.git("rev-parse", "--symbolic-full-name", "@{upstream}").strip()
    if clone.git("merge-base", "HEAD", newest) != clone.git("rev-parse", "HEAD"):
        raise Refused(
            "You have made commits of your own, so the newest version cannot take the place of yours: nothing was "
            f"changed. `git merge {newest}` joins both."
        )
    incoming = clone.changed("HEAD", newest)
    both = [name for name in clone.changed("HEAD") if name in incoming]
    other = [name for name in both if not (name.startswith(f"{NOTEBOOKS}/") and name.endswith(".ipynb"))]
    if other:
        raise Refused(
            f"You have changed {', '.join(other)}, and there is a newer version: nothing was changed. Put yours aside "
            "with `git stash`, run `make update` again, and get yours back with `git stash pop`."
        )
    tracked = clone.git("ls-tree", "-r", "--name-only", "HEAD").splitlines()
    if in_the_way := [name for name in incoming if name not in tracked and (clone.folder / name).exists()]:
        raise Refused(
            f"The course has a file of the same name as your {', '.join(in_the_way)} now: rename yours first."
        )
    tell(clone, both, "has a newer version, which is there now")
    clone.git("merge", "--ff-only", "--quiet", newest)
    print(f"{len(incoming)} files are newer now." if incoming else "This is the newest version of the course.")


def tell(clone: Clone, names: list[str], what: str) -> None:
    """Set files back and say where the reader's own version of each is."""
    for name in names:
        copy = clone.reset(name)
        yours = f"; yours is {copy.relative_to(clone.folder).as_posix()}" if copy else ""
        print(f"{name} {what}{yours}.")
    if names:
        print(RELOAD)


def main() -> None:
    """Do what the command line asks for; what cannot be done ends with a reason and exit status 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    chapters = commands.add_parser("reset", help="set chapters back to how they came")
    chapters.add_argument("chapter", nargs="+", help="a number, such as 2, or a name, such as glossary")
    commands.add_parser("update", help="fetch the newest version of the course")
    asked = parser.parse_args()
    try:
        clone = Clone(Path(__file__).parents[2])
        reset(clone, *asked.chapter) if asked.command == "reset" else update(clone)
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()

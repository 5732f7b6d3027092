"""Trainings that are too heavy for a notebook: each module here is one experiment.

``python -m tools.experiments NAME`` runs it and stores its rows in helpers/results/NAME.json, with
the hash of the module. A module has ROWS, the settings of each training, `run(**settings)`, which
returns its results by name, and TOLERANCE, by which these may differ on another machine: one number
for all results, or {name: number} for those that are compared.
"""

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

from helpers import results

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def experiment(name: str) -> ModuleType:
    """Import an experiment."""
    return importlib.import_module(f"tools.experiments.{name}")


def file_of(name: str) -> Path:
    """Return where the rows of an experiment are stored."""
    return Path(results.__file__).with_name(f"{name}.json")


def digest(name: str) -> str:
    """Return the hash of an experiment, with which its rows were made."""
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def store(name: str) -> None:
    """Run every row of an experiment and store what comes out."""
    rows = []
    for settings in experiment(name).ROWS:
        rows.append({**settings, **experiment(name).run(**settings)})
        print(rows[-1], flush=True)
    head = json.dumps({"command": f"python -m tools.experiments {name}", "sha256": digest(name)})
    body = ",\n".join(map(json.dumps, rows))
    text = f'{head[:-1]}, "rows": [\n{body}\n]}}\n'
    file_of(name).write_text(text, encoding="utf-8", newline="\n")

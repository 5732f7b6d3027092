"""Results of trainings too heavy for a notebook, one row for each (see `tools/experiments`)."""

import json
from importlib import resources


def load(name: str) -> list[dict]:
    """Return the stored rows of an experiment: its settings, such as the seed, and its results."""
    return json.loads(resources.files(__name__).joinpath(f"{name}.json").read_text("utf-8"))["rows"]

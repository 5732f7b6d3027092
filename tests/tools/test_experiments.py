"""What is stored of heavy trainings is what their scripts make."""

import datetime
import json

from helpers import results
from tools import experiments
from tools.notebooks import CHAPTERS, WORKSHOPS, read

import pytest

HASH_DIFFERS = "the experiment has changed since its rows were stored: run {command}"


def test_every_file_of_results_has_its_experiment_and_is_read_in_a_notebook():
    stored = {path.stem for path in experiments.file_of("any").parent.glob("*.json")}
    assert stored == {*experiments.NAMES}
    sources = "\n".join(c.source for path in [*CHAPTERS, *WORKSHOPS] for c in read(path).cells)
    assert [name for name in stored if f'results.load("{name}")' not in sources] == []


@pytest.mark.parametrize("name", experiments.NAMES)
def test_the_rows_are_those_of_the_script(name):
    stored = json.loads(experiments.file_of(name).read_text(encoding="utf-8"))
    assert stored["sha256"] == experiments.digest(name), HASH_DIFFERS.format(**stored)
    settings = experiments.experiment(name).ROWS
    assert len(stored["rows"]) == len(settings) >= 5
    for row, asked in zip(results.load(name), settings, strict=True):
        assert row.items() >= asked.items() and len(row) > len(asked)


@pytest.mark.stress
@pytest.mark.parametrize("name", experiments.NAMES)
def test_one_row_comes_out_again(name):
    """Another row every week."""
    experiment, rows = experiments.experiment(name), results.load(name)
    number = datetime.date.today().isocalendar().week % len(rows)
    for result, value in experiment.run(**experiment.ROWS[number]).items():
        assert value == pytest.approx(rows[number][result], abs=experiment.TOLERANCE), result

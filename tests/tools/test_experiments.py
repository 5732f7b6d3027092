"""What is stored of heavy trainings is what their scripts make."""

import datetime
import json

from helpers import results
from tools import experiments
from tools.notebooks import CHAPTERS, WORKSHOPS, read

import pytest

# Rows at the edge of what training finds: on another machine rounding may decide otherwise.
AT_THE_EDGE = {
    "a_word_elsewhere": lambda row: row["reads"] == "last",
    "cures_for_the_adding_problem": lambda row: "identity" in row["setting"],
    "how_deep_a_stack_learns": lambda row: (
        (row["rate"] == 0.05 and (row["layers"] > 2 or row["units"] > 40))
        or (row["layers"] == 12 and row["rate"] == 0.01)
    ),
    "how_far_a_window_sees": lambda row: row["design"] == "recurrent" and row["d"] > 10,
    "windows_on_the_adding_problem": lambda row: row["setting"] == "window 50",
}
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
    experiment, at_the_edge = experiments.experiment(name), AT_THE_EDGE.get(name, lambda row: False)
    rows = [row for row in results.load(name) if not at_the_edge(row)]
    settings = [row for row in experiment.ROWS if not at_the_edge(row)]
    number = datetime.date.today().isocalendar().week % len(rows)
    again, within = experiment.run(**settings[number]), experiment.TOLERANCE
    for result in within if isinstance(within, dict) else again:
        tolerance = within[result] if isinstance(within, dict) else within
        assert again[result] == pytest.approx(rows[number][result], abs=tolerance), result

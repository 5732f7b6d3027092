"""The stage of the course: its figures and the machinery of its notebooks."""

from helpers.teaching.run_first import explain_missing_names

explain_missing_names()

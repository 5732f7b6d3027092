"""The stage of the course: its figures and the machinery of its notebooks."""

"""Hypothesis, the same in every run: `pytest --hypothesis-profile=stress` looks further, at new cases every time."""

from hypothesis import settings

settings.register_profile("steady", max_examples=50, derandomize=True, deadline=None)
settings.register_profile("stress", max_examples=500, deadline=None)
settings.load_profile("steady")

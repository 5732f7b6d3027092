"""What the tests share.

Hypothesis is the same in every run; `pytest --hypothesis-profile=stress` looks further, at new
cases every time.
"""

from hypothesis import settings

settings.register_profile("steady", max_examples=50, derandomize=True, deadline=None)
settings.register_profile("stress", max_examples=500, deadline=None)
settings.load_profile("steady")


def pytest_terminal_summary(terminalreporter):
    """Say loudly when the browser suite did not run."""
    skipped = [
        report for report in terminalreporter.getreports("skipped") if "browser" in report.keywords
    ]
    if skipped:
        terminalreporter.section("THE BROWSER SUITE DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} tests were skipped: {skipped[0].longrepr[-1]}")
        terminalreporter.line("Install Chromium or Chrome, or name one in the variable CHROMIUM.")

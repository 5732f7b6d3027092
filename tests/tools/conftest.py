"""What the tests in a real browser share."""

import os
from contextlib import ExitStack

import pytest
from lab import browser
from playwright.sync_api import Error


@pytest.fixture(scope="module")
def chromium():
    """A Chromium; where there is none, the tests that want it are skipped, but not in CI."""
    with ExitStack() as stack:
        try:
            started = stack.enter_context(browser())
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield started

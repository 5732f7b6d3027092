"""What the tests of everything published share."""

import pytest
from lab import browser


@pytest.fixture(scope="session")
def chromium():
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium):
    with chromium.new_page(viewport={"width": 1280, "height": 720}) as page:
        yield page

"""What the tests of everything published share."""

from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from lab import browser


@pytest.fixture(
    scope="module"
)  # no longer, because its event loop keeps others from running in this thread
def chromium():
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium):
    with chromium.new_page(viewport={"width": 1280, "height": 720}) as page:
        yield page


@pytest.fixture(scope="session")
def served():
    """Return a function that serves a folder on this machine and returns its address."""
    with ExitStack() as stack:

        def serve(folder):
            handler = partial(Quiet, directory=folder)
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            stack.callback(server.shutdown)
            Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


class Quiet(SimpleHTTPRequestHandler):
    """A server that does not tell of every request."""

    def log_message(self, *_):
        pass

"""Errors on purpose.

A cell that must fail, what it says, and a red test as soon as it says something else.
"""

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WRAPPED = re.compile(
    r"^Exception encountered when calling .*?\n\n(.*?)\n\nArguments received by ", re.DOTALL
)


@contextmanager
def must_fail(kind: type[Exception], *parts: str, lines: int = 1) -> Iterator[None]:
    """Run a block that must raise `kind` with a message that holds all `parts`, and print what it says.

    Printed are the first `lines` lines of the message itself: Keras's report of the arguments
    around it is left out. Raises AssertionError when the block does not fail, or when the message
    holds other words than the lesson says; any other kind of exception passes through.
    """
    try:
        yield
    except kind as error:
        message = core_message(error)
        missing = [part for part in parts if part not in message]
        if missing:
            raise AssertionError(f"the error no longer says {missing[0]!r}: {message}") from error
        name = type(error).__name__
    else:
        raise AssertionError(
            f"this no longer raises {kind.__name__}: what is said about it here must be rewritten"
        )
    said = [line.strip() for line in message.splitlines() if line.strip()][:lines]
    print(*textwrap.wrap(f"{name}: {' '.join(said)}", 90, subsequent_indent="    "), sep="\n")


def core_message(error: Exception) -> str:
    """Return what an exception says, without colours and without what Keras wraps around it."""
    message = COLOUR.sub("", str(error))
    wrapped = WRAPPED.match(message)
    return wrapped[1] if wrapped else message

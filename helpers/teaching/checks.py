"""What a notebook checks in one line: that two things agree, and that a block fails as it says."""

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike

CLUTTER = re.compile(r"\x1b\[[0-9;]*m|\{\{function_node [^}]*\}\} ?")  # colours, TensorFlow's names
WRAPPED = re.compile(
    r"^Exception encountered when calling .*?\n\n(.*?)\n\nArguments received by ", re.DOTALL
)


def agree(label: str, a: ArrayLike, b: ArrayLike, within: float = 1e-8) -> None:
    """Print that a and b agree: same shape, and |a − b| ≤ within · max(1, largest |b|) everywhere.

    Raises AssertionError, with the first entries that do not, when they do not agree.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise AssertionError(f"{label}: shapes {a.shape} and {b.shape}")
    apart = ~(np.abs(a - b) <= within * np.max(np.abs(b), initial=1))  # NaN is apart, too
    if apart.any():
        first = tuple(np.argwhere(apart)[0].tolist())
        at = f" at {[*first]}" if first else ""
        raise AssertionError(f"{label}: {a[first]} and {b[first]}{at} differ by more than {within}")
    print(f"{label}: agree within {within:g}")


@contextmanager
def must_fail(kind: type[Exception], *parts: str, lines: int = 1) -> Iterator[None]:
    """Run a block that must raise `kind` with a message that holds all `parts`, and print it.

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
    """Return what an exception says, without what TensorFlow and Keras wrap around it."""
    message = CLUTTER.sub("", str(error))
    wrapped = WRAPPED.match(message)
    return wrapped[1] if wrapped else message

"""How a result differs from the right one: said in a sentence, or by a name that fits any exercise.

A result is taken as a reader may write it: a list, a tuple, an array and a tensor of the same
numbers are one, float32 is as good as float64, and a single truth value may be 0 or 1.
"""

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

TOLERANCE = {True: 1e-4, False: 1e-6}  # of the largest entry expected: for float32, and for float64


def mismatch(name: str, value, expected) -> tuple[str, str] | None:
    """Say in a headline and a sentence how `value` differs from `expected`; None if it does not."""
    if value is None and expected is not None:
        return f"`{name}` is None.", "Was it computed, and returned?"
    if expected is None or isinstance(expected, str):
        if type(value) is type(expected) and value == expected:
            return None
        return f"`{name}` is not right.", f"Expected {expected!r}, got {value!r:.60}."
    if isinstance(expected, tuple | list):
        fields = getattr(expected, "_fields", None)
        if fields and getattr(value, "_fields", None) != fields:
            kind = f"{type(expected).__name__}({', '.join(fields)})"
            return f"`{name}` should be {kind}.", f"A value of type {type(value).__name__} came."
        return _entries_mismatch(name, value, expected)
    found, expected = _array(value), np.asarray(expected)
    return _kind_mismatch(name, value, found, expected) or _number_mismatch(name, found, expected)


def entries(value) -> list | None:
    """List what a tuple, a list, an array or TensorFlow's `TensorShape` holds."""
    if isinstance(value, tuple | list):
        return list(value)
    if hasattr(value, "as_list"):
        return value.as_list()
    return list(np.asarray(value)) if len(getattr(value, "shape", ())) else None


def _entries_mismatch(name, value, expected):
    found = entries(value)
    if found is None or len(found) != len(expected):
        came = (
            f"A value of type {type(value).__name__} came."
            if found is None
            else f"Got {len(found)}."
        )
        return f"`{name}` should have {len(expected)} entries.", came
    pairs = enumerate(zip(found, expected, strict=True))
    return next((m for n, (v, e) in pairs if (m := mismatch(f"{name}[{n}]", v, e))), None)


def _array(value):
    """Make an array of numbers; None where that cannot be done."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError):  # rows of different lengths, a tensor without numbers, …
        return None


def _kind_mismatch(name, value, found, expected):
    """Hold the kind of numbers to the kind that was asked for."""
    kind, one = expected.dtype.kind, expected.ndim == 0
    if one:
        allowed = {"b": "biu", "i": "iuf", "u": "iuf", "f": "fiu"}[kind]
    else:
        allowed = {"b": "b", "i": "iu", "u": "iu", "f": "fiu"}[kind]
    if found is None or found.dtype.kind not in "biuf":
        return f"`{name}` should hold numbers.", f"A value of type {type(value).__name__} came."
    if found.dtype.kind not in allowed:
        if one:
            what = {"b": "True or False", "f": "a number"}.get(kind, "a whole number")
            return f"`{name}` should be {what}.", f"Got {value!r:.60}."
        holds = {"b": "True and False", "f": "numbers"}.get(kind, "whole numbers")
        return f"`{name}` should hold {holds}.", f"Its dtype is {found.dtype}."
    return None


def _number_mismatch(name, found, expected):
    if found.shape != expected.shape:
        return f"`{name}` has the wrong shape.", f"Expected {expected.shape}, got {found.shape}."
    if not np.all(np.isfinite(found)):
        where = tuple(np.argwhere(~np.isfinite(found))[0].tolist())
        return f"`{name}` is not finite.", f"The entry {[*where]} is {found[where]}."
    far = _far(found, expected)
    if not far.any():
        return None
    where = tuple(np.argwhere(far)[0].tolist())
    of = f"{far.sum()} of {far.size} entries differ. The first is {[*where]}: " if where else ""
    begins = f"{of}expected" if of else "Expected"
    return f"`{name}` is not right.", f"{begins} {expected[where]:.7g}, got {found[where]:.7g}."


def _far(found, expected):
    """Say of each entry whether it differs by more than rounding."""
    difference = np.subtract(found, expected, dtype=np.float64)  # booleans too
    coarse = np.float32 in (found.dtype, expected.dtype)
    return np.abs(difference) > TOLERANCE[coarse] * np.max(np.abs(expected), initial=1)


def _agree(a, b):
    return a.shape == b.shape and bool(np.isfinite(a).all()) and not _far(a, b).any()


# General diagnoses: (what is wrong, a sentence, pairs). `pairs` takes a result r, the right one e,
# the letters of e's axes and their sizes, and makes pairs of arrays, one of which must be equal.


def _other_orders(r, e, axes, sizes):
    orders = itertools.permutations(range(e.ndim)) if r.ndim == e.ndim else ()
    return [(r.transpose(order), e) for order in orders if list(order) != sorted(order)]


def _in_time(pair):
    """Make a pair of r and e when both have the time axis in front."""

    def pairs(r, e, axes, sizes):
        if "T" not in axes or r.shape != e.shape:
            return []
        return [pair(*(np.moveaxis(a, axes.index("T"), 0) for a in (r, e)))]

    return pairs


def _only_step(n):
    """Compare with step n alone, and with zeros at all other steps."""

    def pairs(r, e, axes, sizes):
        if "T" not in axes:
            return []
        alone = np.zeros_like(e)
        of_alone, of_e = (np.moveaxis(a, axes.index("T"), 0) for a in (alone, e))
        of_alone[n] = of_e[n]
        return [(r, of_e[n]), (r, alone)]

    return pairs


def _times(letter, power=1):
    return lambda r, e, axes, sizes: [(r, e * sizes[letter] ** power)] if letter in sizes else []


TOO_MUCH = "Is something added up, or counted, that often too much?"
TOO_LITTLE = "Is it divided once too often, a mean where a sum was asked for?"
DIAGNOSES = [
    (
        "every sign is turned",
        "Each entry is the right one times −1.",
        lambda r, e, *_: [(-r, e)],
    ),
    ("the axes are in another order", "The numbers agree. Which index comes first?", _other_orders),
    (
        "the order of time is reversed",
        "The first step stands last. Which way does the loop go, and where is each step kept?",
        _in_time(lambda r, e: (r[::-1], e)),
    ),
    (
        "one step late",
        "Each entry is that of the step before. Was it kept before the step was taken?",
        _in_time(lambda r, e: (r[1:], e[:-1])),
    ),
    (
        "one step early",
        "Each entry is that of the step after. Is the index one too large?",
        _in_time(lambda r, e: (r[:-1], e[1:])),
    ),
    ("only the first step", "The other time steps are missing.", _only_step(0)),
    ("only the last step", "The other time steps are missing.", _only_step(-1)),
    ("twice as large as it should be", TOO_MUCH, _times("2")),
    ("half as large as it should be", TOO_LITTLE, _times("2", -1)),
    ("too large by the number of samples", TOO_MUCH, _times("B")),
    ("too small by the number of samples", TOO_LITTLE, _times("B", -1)),
    ("too large by the number of time steps", TOO_MUCH, _times("T")),
    ("too small by the number of time steps", TOO_LITTLE, _times("T", -1)),
    (
        "the right numbers in another shape",
        "In the order asked for; the text says which axes they should have.",
        lambda r, e, *_: [(r.ravel(), e.ravel())] if r.shape != e.shape else [],
    ),
]


def diagnose(
    results: list[Mapping], expected: list[Mapping], axes: Mapping[str, str], sizes: list[Mapping]
) -> tuple[str, str] | None:
    """Name the one thing that explains all results of an answer, in a headline and a sentence.

    `results` and `expected` hold the parts of a result by name, for each case; `axes` holds the
    letters of those parts that have them, `sizes` the sizes of the letters, for each case. None if
    nothing explains every case, or more than one thing does.
    """
    cases = list(zip(results, expected, sizes, strict=True))
    found = list(_parts_in_another_order(cases))
    wrong = [n for n in expected[0] if any(mismatch(n, r[n], e[n]) for r, e, _ in cases)]
    if all(name in axes for name in wrong):
        for what, says, pairs in DIAGNOSES:
            if all(_explains(pairs, r[n], e[n], axes[n], s) for r, e, s in cases for n in wrong):
                found.append((f"{', '.join(f'`{name}`' for name in wrong)}: {what}", says))
    return found[0] if len(found) == 1 else None


def _explains(pairs, r, e, axes, sizes):
    r, e = _array(r), np.asarray(e)
    if r is None or r.dtype.kind not in "iuf":
        return False
    return any(_agree(a, b) for a, b in pairs(r, e, axes.split(), {"2": 2, **sizes}))


def _parts_in_another_order(cases) -> Iterator[tuple[str, str]]:
    names = list(cases[0][1])
    for order in itertools.permutations(names) if 1 < len(names) < 6 else ():
        if list(order) != names and not any(
            mismatch(came, r[place], e[came])
            for r, e, _ in cases
            for place, came in zip(names, order, strict=True)
        ):
            came, asked = (", ".join(f"`{name}`" for name in each) for each in (order, names))
            yield "the results came in another order", f"They came as {came}; asked for: {asked}."

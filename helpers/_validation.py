"""Arguments become arrays here, of the rank, sizes, dtype and numbers that the formulas assume.

Array-likes are taken as NumPy takes them: lists, tensors, memory maps, any order of bytes. A dtype
is never guessed: a list of Python floats is float64, a list of whole numbers int64, and what does
not fit the other arrays is refused. Every message names the argument, what came, and what was
expected. Sizes are letters (`B`, `T`, `D`, `H`), bound by the first array that has them, or
multiples of one (`4H`), or numbers (`2`).
"""

import math
import re

import numpy as np

FLOATS = ("float32", "float64")


def as_array(name: str, value) -> np.ndarray:
    """Return numbers or truth values as a NumPy array in this machine's order of bytes."""
    try:
        a = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be numbers in rows of equal length: {error}") from error
    if a.dtype.kind not in "biuf":
        came = f"{type(value).__name__} of dtype {a.dtype}"
        raise ValueError(f"{name} must be an array of real numbers, got {came}")
    return a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("="))


def as_floats(**arrays) -> dict[str, np.ndarray]:
    """Return `name=(value, "B T D")` pairs as {name: array}.

    The arrays have the shapes that the letters say, one float dtype, and finite numbers.
    """
    converted = {name: as_array(name, value) for name, (value, _) in arrays.items()}
    check_shapes(**{name: (a, arrays[name][1]) for name, a in converted.items()})
    check_dtypes(**converted)
    for name, a in converted.items():
        check_finite(name, a)
    return converted


def as_weights(params, kind: type, letters: tuple[str, ...], **arrays) -> dict[str, np.ndarray]:
    """Return the fields of `params`, a NamedTuple `kind` with these letters, and then the arrays.

    As {name: array}, like `as_floats`.
    """
    check_kind("params", params, kind)
    weights = dict(zip(kind._fields, zip(params, letters, strict=True), strict=True))
    return as_floats(**weights, **arrays)


def as_sequence(params, kind, letters, x, start, mask, **more) -> list:
    """Check all that a recurrent layer takes; put time first, so that each step is one row.

    `start` maps the names of the initial states to what came, None for zeros; `more` are pairs as
    for `as_floats`. Returns the weights, x (T, B, D), the initial states, where a step is skipped,
    (T, B, 1) or None, and `more`.
    """
    given = {name: (a, "B H") for name, a in start.items() if a is not None}
    arrays = as_weights(params, kind, letters, x=(x, "B T D"), **given, **more)
    B, T, _ = arrays["x"].shape
    zeros = np.zeros((B, len(arrays["W_hh"])), arrays["x"].dtype)
    states = [arrays.get(name, zeros) for name in start]
    skipped = None if mask is None else ~as_mask(mask, (B, T)).T[..., None]
    x, *others = (a if a.ndim < 3 else a.swapaxes(0, 1) for a in map(arrays.get, ("x", *more)))
    return [*map(arrays.get, kind._fields), x, *states, skipped, *others]


def as_sweep(params, kind, letters, x, start, mask, dh, **states) -> tuple[bool, list]:
    """Check what a backward sweep takes; `states` are pairs, and dh is (B, T, H) or (B, H).

    Returns whether dh is of the last step alone, and what `as_sequence` does, states and dh last.
    """
    last_only = as_array("dh", dh).ndim == 2
    states["dh"] = dh, "B H" if last_only else "B T H"
    return last_only, as_sequence(params, kind, letters, x, start, mask, **states)


def as_mask(mask, shape: tuple[int, int]) -> np.ndarray:
    """Return the mask (True where the step is real) as a boolean array of this shape (B, T)."""
    mask = as_array("mask", mask)
    check_mask(mask)
    check_shapes(dict(zip("BT", shape, strict=True)), mask=(mask, "B T"))
    return mask


def as_tokens(name: str, tokens, letters: str, size: int) -> np.ndarray:
    """Return an array of whole numbers from 0 to size − 1, shaped as the letters say."""
    tokens = as_array(name, tokens)
    check_shapes(**{name: (tokens, letters)})
    if tokens.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {tokens.dtype}")
    check_between(name, tokens, 0, size - 1)
    return tokens


def check_kind(name: str, value, kind: type) -> None:
    """Raise TypeError unless the value is the NamedTuple `kind`."""
    if getattr(value, "_fields", None) != kind._fields:
        fields = ", ".join(kind._fields)
        raise TypeError(
            f"{name} must be {kind.__name__}({fields}), got {type(value).__name__};"
            f" {kind.__name__}(*arrays) makes one from {len(kind._fields)} arrays"
        )


def check_shapes(sizes: dict[str, int] | None = None, **arrays) -> None:
    """Raise ValueError unless the `name=(array, "B T D")` pairs have the shapes the letters say.

    A size of None (unknown while a TensorFlow graph is traced) fits anything.
    """
    sizes = {"": 1, **(sizes or {})}
    for name, (a, letters) in arrays.items():
        axes = letters.split()
        if len(a.shape) != len(axes):
            raise _misfit(name, a, axes, f"{len(a.shape)} axes, not {len(axes)}")
        for axis, (letter, size) in enumerate(zip(axes, a.shape, strict=True)):
            if size == 0:
                raise _misfit(name, a, axes, f"axis {axis} ({letter}) is empty")
            if size is not None:
                digits, of = re.fullmatch(r"(\d*)(.*)", letter).groups()
                factor = int(digits or 1)
                expected = factor * sizes.setdefault(of, size // factor)
                if size != expected:
                    but = f"but {letter} = {expected}" if of else f"not {factor}"
                    raise _misfit(name, a, axes, f"axis {axis} is {size}, {but}")


def _misfit(name, a, axes, why):
    expected = ", ".join(axes) + ("," if len(axes) == 1 else "")
    return ValueError(f"{name} must have shape ({expected}), got {tuple(a.shape)}: {why}")


def check_dtypes(**arrays) -> None:
    """Raise ValueError unless all arrays (or tensors) are float32, or all are float64."""
    first, reference = next(iter(arrays.items()))
    for name, a in arrays.items():
        if a.dtype not in FLOATS:
            raise ValueError(
                f"{name} must be float32 or float64, got {a.dtype.name};"
                f" np.asarray({name}, np.float32) converts it"
            )
        if a.dtype != reference.dtype:
            wanted = reference.dtype.name
            raise ValueError(
                f"{name} must be {wanted} as {first} is, got {a.dtype.name}: all arrays must share"
                f" one dtype, e.g. np.asarray({name}, np.{wanted})"
            )


def check_finite(name: str, a) -> None:
    """Raise ValueError if the array holds NaN or infinity."""
    if not all_finite(a):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
        raise ValueError(f"{name} must be finite, got {a[where]} at index {where}")


def check_overflow(result: str, *arrays) -> None:
    """Raise ValueError if numbers computed from finite arguments are not finite."""
    if not all(map(all_finite, arrays)):
        raise ValueError(
            f"{result} must be finite, but overflowed although every argument is finite: "
            "use smaller weights or inputs, fewer steps, or a bounded activation"
        )


def all_finite(a) -> bool:
    """Tell whether an array of floats holds neither NaN nor infinity."""
    # A sum of squares is not finite if one entry is not, and is the fastest way to look at all of
    # them once. It may also overflow by itself; only then is every entry looked at.
    flat = a.ravel(order="K")  # in the order of memory, so that nothing is copied
    return math.isfinite(np.vdot(flat, flat)) or bool(np.isfinite(flat).all())


def check_mask(mask) -> None:
    """Raise ValueError unless the array (or tensor) is boolean."""
    if mask.dtype != bool:
        raise ValueError(
            f"mask must be boolean (True where the step is real), got {mask.dtype.name}"
        )


def check_between(name: str, a, low: int, high: int) -> None:
    """Raise ValueError if a number in the array is below `low` or above `high`."""
    if not (a.min() >= low and a.max() <= high):  # written so that NaN is refused, too
        raise ValueError(
            f"{name} must lie between {low} and {high}, got values from {a.min()} to {a.max()}"
        )


def check_choice(name: str, value, choices) -> None:
    """Raise ValueError unless `value` is one of the choices."""
    if value not in tuple(choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_positive(**values) -> None:
    """Raise ValueError for the first number that is not above 0."""
    for name, value in values.items():
        if not value > 0:  # written so that NaN is refused, too
            raise ValueError(f"{name} must be a positive number, got {value!r}")


def check_fraction(**values) -> None:
    """Raise ValueError for the first number that is not from 0 to below 1."""
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be a number from 0 to below 1, got {value!r}")


def check_positive_int(**values) -> None:
    """Raise ValueError for the first value that is not a positive whole number."""
    for name, value in values.items():
        if not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be a positive whole number, got {value!r}")

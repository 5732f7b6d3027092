"""Checks at the door: what arrives has the rank, the sizes and the dtype that the formulas assume.

Every message names the argument, what came, and what was expected. Sizes are letters (`B`, `T`, `D`, `H`) that are
bound by the first array that has them and must agree in all later ones.
"""

import numpy as np

FLOATS = ("float32", "float64")


def dtype_name(a) -> str:
    """Name of the dtype of a NumPy array or a TensorFlow tensor: "float32", "int64", …"""
    return getattr(a.dtype, "name", str(a.dtype))


def check_numpy(**arrays) -> None:
    """Raise TypeError for the first argument that is not a NumPy array."""
    for name, a in arrays.items():
        if not isinstance(a, np.ndarray):
            raise TypeError(
                f"{name} must be a NumPy array, got {type(a).__name__}; convert it first, e.g. np.asarray({name})"
            )


def check_shapes(sizes: dict[str, int] | None = None, **arrays) -> dict[str, int]:
    """Check the shapes of `name=(array, "B T D")` pairs and return the sizes bound to the letters.

    A letter that is not bound yet is bound by the first array that has it. A size that is unknown while a TensorFlow
    graph is traced (None) fits anything. Raises ValueError.
    """
    sizes = dict(sizes or {})
    for name, (a, letters) in arrays.items():
        letters = letters.split()
        shape = tuple(a.shape)
        expected = "(" + ", ".join(letters) + ("," if len(letters) == 1 else "") + ")"
        if len(shape) != len(letters):
            raise ValueError(f"{name} must have shape {expected}, got {shape}: {len(shape)} axes, not {len(letters)}")
        for axis, (letter, size) in enumerate(zip(letters, shape, strict=True)):
            if size == 0:
                raise ValueError(f"{name} must have shape {expected}, got {shape}: axis {axis} ({letter}) is empty")
            known = sizes.get(letter)
            if known is not None and size is not None and size != known:
                raise ValueError(
                    f"{name} must have shape {expected} with {letter} = {known}, "
                    f"got {shape}: axis {axis} ({letter}) is {size}"
                )
            if known is None:
                sizes[letter] = size
    return sizes


def check_floats(**arrays) -> str:
    """Return the one floating dtype (float32 or float64) that all `name=array` share; raise ValueError otherwise."""
    first_name, first_dtype = None, None
    for name, a in arrays.items():
        dtype = dtype_name(a)
        if dtype not in FLOATS:
            raise ValueError(
                f"{name} must be float32 or float64, got {dtype}; convert it, e.g. with astype(np.float32)"
            )
        if first_dtype is None:
            first_name, first_dtype = name, dtype
        elif dtype != first_dtype:
            raise ValueError(
                f"{name} is {dtype}, but {first_name} is {first_dtype}: all arrays must share one dtype, "
                f"e.g. {name}.astype(np.{first_dtype})"
            )
    return first_dtype


def check_mask(mask) -> None:
    """Raise ValueError unless the mask is boolean (True: a real step; False: padding, which is skipped)."""
    if dtype_name(mask) != "bool":
        raise ValueError(f"mask must be boolean (True where the step is real), got {dtype_name(mask)}")


def check_tokens(name: str, tokens, size: int) -> None:
    """Raise ValueError unless `tokens` holds whole numbers from 0 to size − 1."""
    if tokens.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {tokens.dtype}")
    if tokens.size and not (0 <= tokens.min() and tokens.max() < size):
        raise ValueError(f"{name} must lie between 0 and {size - 1}, got values from {tokens.min()} to {tokens.max()}")


def check_choice(name: str, value, choices) -> None:
    """Raise ValueError unless `value` is one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_positive(**values) -> None:
    """Raise ValueError for the first argument that is not a positive number."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not value > 0:
            raise ValueError(f"{name} must be a positive number, got {value!r}")


def check_positive_int(**values) -> None:
    """Raise ValueError for the first argument that is not a positive whole number."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be a positive whole number, got {value!r}")


def explain_non_finite(result: str, **arrays) -> None:
    """Raise ValueError saying why `result` holds NaN or infinity: which argument brought it in, or that it overflowed.

    Called only once a result is known to be non-finite, so that the healthy path never pays for looking.
    """
    for name, a in arrays.items():
        if a is not None and not np.isfinite(a).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
            raise ValueError(f"{name} must be finite, got {a[where]} at index {where}")
    raise ValueError(
        f"{result} must be finite, but overflowed although every argument is finite: "
        "the numbers grow at every step; use smaller weights, a bounded activation, or fewer steps"
    )

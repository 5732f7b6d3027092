"""Checks at the door.

What arrives has the rank, the sizes, the dtype and the finite numbers that the formulas assume.

Every message names the argument, what came, and what was expected. Sizes are letters (`B`, `T`,
`D`, `H`) that are bound by the first array that has them and must agree in all later ones.
"""

import math
import sys

import numpy as np

FLOATS = ("float32", "float64")


def dtype_name(a) -> str:
    """Name the dtype of a NumPy array or a TensorFlow tensor, such as "float32", or ">f4" for foreign byte order."""
    return str(a.dtype) if isinstance(a.dtype, np.dtype) else getattr(a.dtype, "name", str(a.dtype))


def check_params(params, kind: type) -> None:
    """Raise TypeError unless `params` is the NamedTuple `kind`."""
    if not isinstance(params, tuple) or getattr(params, "_fields", None) != kind._fields:
        raise TypeError(
            f"params must be {kind.__name__}({', '.join(kind._fields)}), got"
            f" {type(params).__name__}; {kind.__name__}(*arrays) makes one from {len(kind._fields)}"
            " arrays"
        )


def check_arrays(sizes: dict[str, int] | None = None, **arrays) -> dict[str, int]:
    """Check `name=(array, "B T D")` pairs in full.

    NumPy arrays of fitting shapes, one float dtype, finite numbers.

    Returns the sizes bound to the letters. Raises TypeError and ValueError.
    """
    check_numpy(**{name: a for name, (a, _) in arrays.items()})
    sizes = check_shapes(sizes, **arrays)
    first = None
    for name, (a, _) in arrays.items():
        first = first or (name, a.dtype)
        if a.dtype != first[1] or a.dtype.char not in "fd" or not a.dtype.isnative:
            check_floats(**{first[0]: arrays[first[0]][0], name: a})
        if not all_finite(a):
            check_finite(**{name: a})
    return sizes


def check_numpy(**arrays) -> None:
    """Raise TypeError for the first argument that is not a NumPy array.

    Subclasses are none: `*` is another product for a matrix, and a masked array hides some of its
    numbers.
    """
    for name, a in arrays.items():
        if type(a) is not np.ndarray:
            raise TypeError(
                f"{name} must be a NumPy array, got {type(a).__name__}; convert it first, e.g."
                f" np.asarray({name})"
            )


def check_shapes(sizes: dict[str, int] | None = None, **arrays) -> dict[str, int]:
    """Check the shapes of `name=(array, "B T D")` pairs and return the sizes bound to the letters.

    A letter that is not bound yet is bound by the first array that has it. What is unknown while a
    TensorFlow graph is traced (a size of None, or the whole shape) fits anything. Raises
    ValueError.
    """
    sizes = dict(sizes or {})
    for name, (a, letters) in arrays.items():
        if getattr(a.shape, "rank", 0) is None:
            continue
        axes, shape = letters.split(), tuple(a.shape)
        if len(shape) != len(axes):
            raise ValueError(_misfit(name, axes, shape) + f"{len(shape)} axes, not {len(axes)}")
        for axis, (letter, size) in enumerate(zip(axes, shape, strict=True)):
            known = sizes.get(letter)
            if size == 0:
                raise ValueError(_misfit(name, axes, shape) + f"axis {axis} ({letter}) is empty")
            if known is None:
                sizes[letter] = size
            elif size not in (known, None):
                raise ValueError(
                    _misfit(name, axes, shape) + f"axis {axis} is {size}, but {letter} = {known}"
                )
    return sizes


def _misfit(name, axes, shape):
    return f"{name} must have shape ({', '.join(axes)}{',' * (len(axes) == 1)}), got {shape}: "


def as_array(name: str, value) -> np.ndarray:
    """Make an array of numbers, lists of numbers, or a tensor. Raises TypeError or ValueError."""
    if isinstance(value, np.ndarray):
        check_numpy(**{name: value})
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be numbers in rows of equal length, got {type(value).__name__}"
        ) from error


def as_floats(name: str, value) -> np.ndarray:
    """Make an array of floats of what `as_array` takes. Raises TypeError or ValueError."""
    a = as_array(name, value)
    if a.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got {a.dtype}")
    return a if a.dtype.kind == "f" else a.astype(np.float64)


def check_dtype(dtype) -> None:
    """Raise ValueError unless `dtype` means float32 or float64."""
    name = dtype
    if isinstance(
        dtype, (str, type, np.dtype)
    ):  # NumPy takes more for a dtype, such as None for float64
        try:
            name = str(np.dtype(dtype))
        except (TypeError, ValueError):
            pass  # then it is no choice either
    check_choice("dtype", name, FLOATS)


def check_floats(**arrays) -> None:
    """Raise ValueError unless all arrays share one floating dtype, float32 or float64."""
    first_name, first_dtype = None, None
    for name, a in arrays.items():
        dtype = dtype_name(a)
        if dtype not in FLOATS:
            raise ValueError(
                f"{name} must be float32 or float64, got {dtype}; convert it, e.g. with"
                " astype(np.float32)"
            )
        if first_dtype is None:
            first_name, first_dtype = name, dtype
        elif dtype != first_dtype:
            raise ValueError(
                f"{name} must be {first_dtype} as {first_name} is, got {dtype}: all arrays must"
                f" share one dtype, e.g. {name}.astype(np.{first_dtype})"
            )


def check_finite(**arrays) -> None:
    """Raise ValueError for the first array that holds NaN or infinity."""
    for name, a in arrays.items():
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
    """Raise ValueError unless the mask is boolean (True: a real step; False: padding, which is skipped)."""
    if dtype_name(mask) != "bool":
        raise ValueError(
            f"mask must be boolean (True where the step is real), got {dtype_name(mask)}"
        )


def check_tokens(name: str, tokens, size: int) -> None:
    """Raise ValueError unless `tokens` holds whole numbers from 0 to size − 1."""
    if tokens.size == 0:
        return
    if tokens.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {tokens.dtype}")
    check_between(name, tokens, 0, size - 1)


def check_between(name: str, a, low: int, high: int) -> None:
    """Raise ValueError if a number in the array is below `low` or above `high`."""
    if a.min() < low or a.max() > high:
        raise ValueError(
            f"{name} must lie between {low} and {high}, got values from {a.min()} to {a.max()}"
        )


@np.errstate(over="ignore")  # what is too large for the dtype is named as infinity
def check_targets(name: str, y, dtype) -> np.ndarray:
    """Return the targets of a loss in the dtype of the logits.

    Raises ValueError unless they are finite numbers.
    """
    if y.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, got {y.dtype}")
    y = y.astype(dtype)
    check_finite(**{name: y})
    return y


def check_rng(rng) -> None:
    """Raise TypeError unless `rng` is a NumPy random generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "rng must be a NumPy Generator, e.g. np.random.default_rng(0), got"
            f" {type(rng).__name__}"
        )


def check_choice(name: str, value, choices) -> None:
    """Raise ValueError unless `value` is one of the choices, which are strings."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_positive(**values) -> None:
    """Raise ValueError for the first argument that is not a positive number."""
    for name, value in values.items():
        if not is_number(value) or not value > 0:
            raise ValueError(f"{name} must be a positive number, got {value!r}")


def check_positive_finite(**values) -> None:
    """Raise ValueError for the first argument that is not a positive number, infinity left out."""
    for name, value in values.items():
        if not is_number(value) or not 0 < value < math.inf:
            raise ValueError(f"{name} must be a positive number, got {value!r}")


def check_fraction(**values) -> None:
    """Raise ValueError for the first argument that is not a number from 0 to 1, 1 left out."""
    for name, value in values.items():
        if not is_number(value) or not 0 <= value < 1:
            raise ValueError(f"{name} must be a number from 0 to below 1, got {value!r}")


def check_positive_int(**values) -> None:
    """Raise ValueError for the first argument that is not a positive whole number."""
    for name, value in values.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, np.integer))
            or not 1 <= value < 2**31
        ):
            raise ValueError(f"{name} must be a positive whole number below 2**31, got {value!r}")


def check_callable(**values) -> None:
    """Raise TypeError for the first argument that is not a function."""
    for name, value in values.items():
        if not callable(value):
            raise TypeError(f"{name} must be a function, got {type(value).__name__}")


def is_number(value) -> bool:
    """Tell whether `value` is one real number, of Python's or NumPy's, not too large for a float."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return isinstance(value, (float, np.integer, np.floating))

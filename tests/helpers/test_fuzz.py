"""Wrong input, everywhere.

Each public function of `helpers`, each of its arguments, each way to damage one.

ROWS says what every function takes, `damages` and ODDITIES what may be wrong with an argument. A
call must then be right (it returns what it returns for plain copies of the same numbers) or be
refused by an error that names the argument. It never warns, never changes what was handed over, and
what it returns shares no memory with that.
"""

import copy
import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from helpers import data, gradients, models, numpy_rnn, output, tf_rnn, training
from helpers.models import CharParams, ClassifierParams
from helpers.numpy_rnn import ACTIVATIONS, RNNParams
from helpers.output import HeadParams

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

# --- what functions take
# ----------------------------------------------------------------------------------------------


class Array(NamedTuple):
    """An array with one letter for each axis.

    A letter that stands twice in a row of the table is one size.
    """

    letters: str
    # or "mask", "tokens" (whole numbers), "share" (numbers from 0 to 1, of any dtype), "any"
    kind: str = "float"
    below: str = ""  # tokens are below the size of this letter
    optional: bool = False
    axes: str = "all"  # or "first may miss", or "any shape"
    loose: bool = False  # lists and tensors are taken, too, in any shape

    def draw(self, rng, sizes, dtype):
        shape = tuple(sizes[letter] for letter in self.letters.split())
        if self.kind == "tokens":
            return rng.integers(0, sizes[self.below], shape)
        if self.kind == "mask":
            return rng.random(shape) < 0.7
        return (
            rng.random(shape)
            if self.kind == "share"
            else (0.6 * rng.standard_normal(shape)).astype(dtype)
        )


class Value(NamedTuple):
    """Anything but an array.

    How to make a right one, and which others are right (None: cannot be told).
    """

    make: Callable
    right: Callable[[Any], bool | None]
    odd: tuple = ()  # more values to try than ODDITIES

    def draw(self, rng, sizes, dtype):
        return self.make(rng, sizes, dtype)


class Params(NamedTuple):
    """A NamedTuple of arrays."""

    kind: type
    letters: tuple[str, ...]
    loose: bool = False  # a list of arrays is taken, too
    axes: str = "all"

    def draw(self, rng, sizes, dtype):
        return self.kind(*(Array(letters).draw(rng, sizes, dtype) for letters in self.letters))


def is_number(value):
    too_large = isinstance(value, int) and abs(value) > 10**308
    return (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, bool)
        and not too_large
    )


def is_whole(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def are_words(value):
    return isinstance(value, (list, tuple, set, dict)) and all(
        isinstance(word, str) for word in value
    )


def number(value, below=np.inf, or_infinity=False):
    return Value(
        lambda *_: value,
        lambda v: is_number(v) and (0 < v < below or (or_infinity and v == np.inf)),
    )


EPS = Value(
    lambda *_: 1e-6,
    lambda v: None if is_number(v) and (0 < v < 1e-9 or v > 1e9) else is_number(v) and v > 0,
)
SIZE = Value(lambda rng, *_: int(rng.integers(3, 6)), lambda v: is_whole(v) and 1 <= v < 2**31)
AT_LEAST_3 = Value(lambda *_: 3, lambda v: is_whole(v) and 3 <= v < 2**31)
FRACTION = Value(lambda *_: 0.25, lambda v: is_number(v) and 0 <= v < 1)
RNG = Value(
    lambda rng, *_: np.random.default_rng(rng.integers(9)),
    lambda v: isinstance(v, np.random.Generator),
)
DTYPE = Value(
    lambda *_: np.float64,
    lambda v: (
        v in ("float32", "d", float, np.float64)
        if isinstance(v, (str, type))
        else isinstance(v, np.dtype) and v.isnative
    ),
    (np.int32, np.float16, "float32", "d", np.dtype(">f4"), np.dtype("f4"), complex, "é", {}, [3]),
)
ACTIVATION = Value(
    lambda rng, *_: str(rng.choice(sorted(ACTIVATIONS))),
    lambda v: isinstance(v, str) and v in ACTIVATIONS,
    ("Tanh", "softplus", np.tanh, ["tanh"]),
)
KERAS_ACTIVATION = ACTIVATION._replace(
    right=lambda v: (
        None if v is None or callable(v) else isinstance(v, str) and v in (*ACTIVATIONS, "softplus")
    )
)
MASK = Array("B T", "mask", optional=True)
RNN, HEAD = Params(RNNParams, ("D H", "H H", "H")), Params(HeadParams, ("H O", "O"))
CLASSIFIER = Params(ClassifierParams, ("V D", "D H", "H H", "H", "H 1", "1"))
CHARS = Params(CharParams, ("V H", "H H", "H", "H V", "V"))
WORDS = Value(
    lambda *_: ["good", "film"],
    are_words,
    ("good film", ["good", 3], ["good", None], [["good"]], [["good", "film"], []], b"good"),
)


def function(make):
    """A function is right; of another one nothing can be told."""
    return Value(lambda *_: make, lambda v: None if callable(v) else False)


class Row(NamedTuple):
    """One line of the table."""

    call: Callable
    takes: dict[str, Array | Value | Params]
    prepare: Callable = lambda a: a  # what depends on other arguments, such as the states
    like: Callable | None = None  # what returns the same
    finds_nan: bool = True
    views: tuple[str, ...] = ()  # arguments that may be returned themselves, as documented


def with_states(a):
    others = {name: a[name] for name in ("h_0", "mask", "activation") if name in a}
    return a | {"h": numpy_rnn.rnn_forward(a["params"], a["x"], **others).copy()}


def with_states_of_one(a):
    h_0 = None if a["h_0"] is None else a["h_0"][None]
    return a | {
        "h": numpy_rnn.rnn_forward(a["params"], a["x"][None], h_0, activation=a["activation"])[
            0
        ].copy()
    }


def bowl(params, batch):
    """Half the squared distance of the params from 0, and its gradient."""
    return 0.5 * training.global_norm(params) ** 2, type(params)(*(a * 1 for a in params))


def minibatches(rng, batch_size, **more):
    arrays = [more.pop(f"arrays[{n}]") for n in range(2)]
    return list(data.Minibatches(rng, arrays, batch_size, **more))


STEP = dict(params=RNN, x_t=Array("B D"), h_prev=Array("B H"), activation=ACTIVATION)
FORWARD = dict(
    params=RNN, x=Array("B T D"), h_0=Array("B H", optional=True), mask=MASK, activation=ACTIVATION
)
READ = dict(tokens=Array("B T", "tokens", "V"), mask=MASK)
TRAIN = dict(params=RNN, grads=RNN._replace(loose=True))
LOSS = dict(o=Array("B O"), y=Array("B O", "share"))
GO = dict(
    params=RNN._replace(axes="any shape"),
    loss_and_grads=function(bowl),
    batches=Value(
        lambda *_: [(1.0,), (2.0,)],
        lambda v: None if np.shape(v) or isinstance(v, (str, bytes, dict, tuple)) else False,
    ),
    optimizer=Value(
        lambda *_: training.SGD(0.1),
        lambda v: None if isinstance(v, dict) else False,
        (training.SGD,),
    ),
    max_norm=number(0.5, or_infinity=True),
)

ROWS = {
    "numpy_rnn.init_params": Row(
        numpy_rnn.init_params, dict(rng=RNG, input_size=SIZE, hidden_size=SIZE, dtype=DTYPE)
    ),
    "numpy_rnn.rnn_step": Row(numpy_rnn.rnn_step, STEP),
    "numpy_rnn.rnn_forward": Row(numpy_rnn.rnn_forward, FORWARD),
    "numpy_rnn.rnn_backward": Row(
        numpy_rnn.rnn_backward, FORWARD | dict(h=Array("B T H"), dh=Array("B T H")), with_states
    ),
    "numpy_rnn.rnn_backward, last state": Row(
        numpy_rnn.rnn_backward, FORWARD | dict(h=Array("B T H"), dh=Array("B H")), with_states
    ),
    "numpy_rnn.check_arguments": Row(
        lambda params, activation, x: numpy_rnn.check_arguments(params, activation, x=(x, "B D")),
        dict(params=RNN, activation=ACTIVATION, x=Array("B D")),
    ),
    "tf_rnn.rnn_step": Row(
        lambda **a: tf_rnn.rnn_step(**a).numpy(), STEP, like=numpy_rnn.rnn_step, finds_nan=False
    ),
    "tf_rnn.rnn_forward": Row(
        lambda **a: tf_rnn.rnn_forward(**a).numpy(),
        FORWARD,
        like=numpy_rnn.rnn_forward,
        finds_nan=False,
    ),
    "tf_rnn.ElmanCell": Row(
        lambda units, activation: (tf_rnn.ElmanCell(units, activation).units, activation),
        dict(units=SIZE, activation=KERAS_ACTIVATION),
    ),
    "gradients.finite_difference": Row(
        gradients.finite_difference,
        dict(f=function(lambda a: np.sum(a**2)), a=Array("B", loose=True), eps=EPS),
        lambda a: a | {"a": a["a"].astype(np.float64)},
    ),
    "gradients.state_jacobians": Row(
        gradients.state_jacobians, dict(params=RNN, h=Array("T H"), activation=ACTIVATION)
    ),
    "gradients.gradient_ledger": Row(
        gradients.gradient_ledger,
        dict(
            params=RNN,
            x=Array("T D"),
            h=Array("T H"),
            dh=Array("T H"),
            h_0=Array("H", optional=True),
            activation=ACTIVATION,
        ),
        with_states_of_one,
    ),
    "output.init_head": Row(
        output.init_head, dict(rng=RNG, hidden_size=SIZE, output_size=SIZE, dtype=DTYPE)
    ),
    "output.head_forward": Row(
        output.head_forward, dict(params=HEAD, h=Array("B T H", axes="first may miss"))
    ),
    "output.head_backward": Row(
        output.head_backward,
        dict(params=HEAD, h=Array("B T H", axes="first may miss"), do=Array("B T O")),
    ),
    "output.sigmoid": Row(output.sigmoid, dict(o=Array("B O", loose=True))),
    "output.softmax": Row(output.softmax, dict(o=Array("B O", loose=True))),
    "output.sigmoid_cross_entropy": Row(output.sigmoid_cross_entropy, LOSS),
    "output.softmax_cross_entropy": Row(
        output.softmax_cross_entropy, dict(o=Array("B T O"), y=Array("B T", "tokens", "O"))
    ),
    "output.squared_error": Row(output.squared_error, LOSS),
    "models.init_classifier": Row(
        models.init_classifier,
        dict(rng=RNG, vocabulary_size=SIZE, embedding_size=SIZE, hidden_size=SIZE, dtype=DTYPE),
    ),
    "models.classify": Row(models.classify, dict(params=CLASSIFIER, **READ)),
    "models.evaluate_classifier": Row(
        models.evaluate_classifier, dict(params=CLASSIFIER, **READ, labels=Array("B", "share"))
    ),
    "models.classifier_loss": Row(
        models.classifier_loss,
        dict(params=CLASSIFIER, **READ, labels=Array("B", "share"), dropout=FRACTION, rng=RNG),
    ),
    "models.read_along": Row(
        models.read_along, dict(params=CLASSIFIER, tokens=Array("T", "tokens", "V"))
    ),
    "models.init_char_model": Row(
        models.init_char_model, dict(rng=RNG, alphabet_size=SIZE, hidden_size=SIZE, dtype=DTYPE)
    ),
    "models.char_loss": Row(
        models.char_loss, dict(params=CHARS, tokens=Array("B T", "tokens", "V"))
    ),
    "models.write": Row(
        models.write,
        dict(
            params=CHARS,
            rng=RNG,
            start=Array("T", "tokens", "V", loose=True),
            length=SIZE,
            temperature=number(0.8),
        ),
    ),
    "training.global_norm": Row(
        training.global_norm,
        dict(grads=RNN._replace(loose=True, axes="any shape")),
        finds_nan=False,
    ),
    "training.clip_by_global_norm": Row(
        training.clip_by_global_norm,
        dict(grads=RNN._replace(axes="any shape"), max_norm=number(0.5, or_infinity=True)),
        views=("grads",),
    ),
    "training.SGD": Row(
        lambda learning_rate: training.SGD(learning_rate).learning_rate,
        dict(learning_rate=number(0.1)),
    ),
    "training.SGD.update": Row(lambda **a: training.SGD(0.1).update(**a), TRAIN),
    "training.Adam": Row(
        lambda **a: [training.Adam(**a).__dict__[name] for name in a],
        dict(learning_rate=number(0.1), beta_1=FRACTION, beta_2=FRACTION, epsilon=number(1e-3)),
    ),
    "training.Adam.update": Row(lambda **a: training.Adam(0.1).update(**a), TRAIN),
    "training.updates": Row(lambda **a: list(training.updates(**a)), GO),
    "training.fit": Row(
        training.fit,
        GO
        | dict(
            epochs=Value(lambda *_: 2, lambda v: is_whole(v) and 1 <= v < 10),
            evaluate=function(lambda params: {"loss": 1.0}),
            patience=Value(lambda *_: 1, lambda v: v is None or (is_whole(v) and 1 <= v < 2**31)),
            on_epoch=Value(
                lambda *_: lambda *_: None,
                lambda v: True if v is None else None if callable(v) else False,
            ),
        ),
    ),
    "data.load_reviews": Row(lambda load=data.load_reviews, **a: len(load(**a)), {}),
    "data.tokenize": Row(
        data.tokenize, dict(text=Value(lambda *_: "A good film", lambda v: isinstance(v, str)))
    ),
    "data.Vocabulary": Row(lambda words: data.Vocabulary(words).words, dict(words=WORDS)),
    "data.Vocabulary.encode": Row(data.Vocabulary(["good", "film"]).encode, dict(tokens=WORDS)),
    "data.Vocabulary.decode": Row(
        data.Vocabulary(["good", "film"]).decode,
        dict(numbers=Array("T", "tokens", "1", loose=True)),
    ),
    "data.build_vocabulary": Row(
        lambda **a: data.build_vocabulary(**a).words,
        dict(
            token_lists=WORDS._replace(
                make=lambda *_: [["good"], ["film", "good"]],
                right=lambda v: isinstance(v, (list, tuple, set, dict)) and all(map(are_words, v)),
            ),
            size=AT_LEAST_3,
        ),
    ),
    "data.pad": Row(
        data.pad,
        dict(
            sequences=Array("B T", "tokens", "V", loose=True),
            length=Value(lambda *_: 3, lambda v: v is None or (is_whole(v) and 1 <= v < 2**31)),
            side=Value(
                lambda *_: "left",
                lambda v: isinstance(v, str) and v in ("left", "right"),
                ("right", "Left"),
            ),
        ),
    ),
    "data.load_sentiment": Row(
        lambda **a: [
            part.words if isinstance(part, data.Vocabulary) else part
            for part in data.load_sentiment(**a)
        ],
        dict(
            rng=RNG,
            vocabulary_size=AT_LEAST_3,
            fractions=Value(
                lambda *_: (0.5, 0.25, 0.25),
                lambda v: isinstance(v, (list, tuple)) and list(v) == [0.2, 0.4, 0.4],
                (
                    [0.2, 0.4, 0.4],
                    (0.5, 0.5),
                    (0.5, 0.25, "a"),
                    (0.5, 0.5, 0),
                    (1j, 0, 1),
                    (np.nan,) * 3,
                    np.full((3, 1), 1 / 3),
                ),
            ),
            neutral=number(2.5, below=2.6),
        ),
    ),
    "data.load_characters": Row(
        data.load_characters,
        dict(window=Value(lambda *_: 99, lambda v: is_whole(v) and 1 <= v < 10**4)),
    ),
    "data.Minibatches": Row(
        minibatches,
        dict(rng=RNG, batch_size=SIZE)
        | {"arrays[0]": Array("B T", "any"), "arrays[1]": Array("B", "any")},
    ),
}

REVIEWS = data.load_reviews()[:400]

# --- what may be wrong
# ------------------------------------------------------------------------------------------------

RIGHT, EITHER, NAMED, DISAGREES = (
    "right",
    "right or refused",
    "refused by its name",
    "refused by the name of some argument",
)


def strided(a):
    """The same numbers, stored backwards and with gaps."""
    return np.flip(np.repeat(np.flip(a), 2, axis=-1)[..., ::2])


def read_only(a):
    a = a.copy()
    a.setflags(write=False)
    return a


def unaligned(a):
    a = np.ascontiguousarray(a)
    return np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape)


def spoilt(value):
    def spoil(a):
        a = a.copy()
        a[(-1,) * a.ndim] = value
        return a

    return spoil


def resized(axis, size):
    """The same array with one row, one more or none along this axis."""
    return lambda a: np.take(
        a, np.arange(a.shape[axis] + 1 if size == "longer" else size) % a.shape[axis], axis
    )


def in_other_dtype(a):
    return a.astype({"f": "f8", "d": "f4", "?": "i8"}.get(a.dtype.char, "f8"))


def damages(spec, row):
    """All the ways to damage this array: (name, function, what must come of it)."""
    floats, loose = spec.kind == "float", EITHER if spec.loose else NAMED
    tensorflow = row.like is not None
    shapes = EITHER if spec.loose or spec.axes == "any shape" else NAMED
    alone = (
        sum(
            isinstance(s, Params) or (isinstance(s, Array) and s.kind == "float")
            for s in row.takes.values()
        )
        == 1
    )
    alone &= not any(isinstance(s, Params) for s in row.takes.values())
    taken = RIGHT if tensorflow else loose
    if spec.kind == "any":  # any dtype is kept as it is
        loose = taken = NAMED
    for name, layout in dict(
        strided=strided,
        fortran=np.asfortranarray,
        read_only=read_only,
        unaligned=unaligned,
        same=lambda a: a,
    ).items():
        yield name, layout, RIGHT
    yield "list", lambda a: a.tolist(), EITHER if tensorflow else loose
    yield "ragged", lambda a: [[[1.0], [1.0, 2.0]], []], NAMED
    yield "None", lambda a: None, EITHER if spec.optional else NAMED
    yield "tensor", tf.constant, taken
    yield "set", lambda a: {1.0, 2.0}, NAMED
    yield "generator", lambda a: (n for n in (1, 2)), NAMED
    yield "a word", lambda a: "good", NAMED
    yield "matrix", lambda a: np.asmatrix(a.reshape(a.shape[0], -1)), NAMED
    yield "masked", np.ma.asarray, NAMED
    yield "another subclass", lambda a: a.view(np.recarray), NAMED
    if spec.kind != "any":
        yield "foreign byte order", lambda a: a.astype(a.dtype.newbyteorder()), EITHER
        yield "objects", lambda a: np.full(a.shape, None), NAMED
        for dtype in "c16", "U4", "V8", "m8[s]":
            yield f"dtype {dtype}", lambda a, dtype=dtype: np.zeros(a.shape, dtype), NAMED
        yield "0-d", lambda a: np.array(a.flat[0]), shapes
        yield "one number", lambda a: a.flat[0].item(), loose
        for size in (0, 1, "longer"):
            yield from (
                (f"axis {n}: {size}", resized(n, size), size)
                for n in range(len(spec.letters.split()))
            )
        yield "axis in front", lambda a: a[None], shapes
        yield "axis at the end", lambda a: a[..., None], shapes
        yield "first axis gone", lambda a: a[0], EITHER if spec.axes == "first may miss" else shapes
    if floats:
        for dtype in "f2", "i4", "u1", "?", "g":
            yield f"dtype {dtype}", lambda a, dtype=dtype: a.astype(dtype), loose
        yield "other float", in_other_dtype, EITHER if spec.loose or alone else DISAGREES
        for value in np.nan, np.inf, -np.inf:
            yield str(value), spoilt(value), EITHER if spec.loose or not row.finds_nan else NAMED
        yield "huge", lambda a: a * a.dtype.type(1e30 if a.dtype == np.float32 else 1e300), EITHER
        yield (
            "largest",
            lambda a: np.copysign(0.6 * np.finfo(a.dtype).max, a).astype(a.dtype),
            EITHER,
        )
        yield "tiny", lambda a: a * a.dtype.type(1e-40), EITHER
    if spec.kind == "mask":
        yield "whole numbers", in_other_dtype, NAMED
        yield "all False", np.zeros_like, RIGHT
    if spec.kind == "tokens":
        yield "floats", in_other_dtype, NAMED
        yield "negative", lambda a: a - 10, NAMED
        yield "too large", lambda a: a + 2**40, NAMED
        yield (
            "too large for any C integer",
            lambda a: np.array([2**70] * a.size, object).reshape(a.shape),
            NAMED,
        )
        yield "short", lambda a: a.astype(np.int8), RIGHT
        yield "unsigned", lambda a: a.astype(np.uint64), RIGHT
    if spec.kind == "share":
        yield "bool", lambda a: a > 0.5, RIGHT
        yield "beyond", lambda a: a * 1e300, EITHER
        for value in np.nan, np.inf:
            yield str(value), spoilt(value), NAMED


def outcome(expected, spec, row, name):
    """What must come of another size along an axis, which matters only if its letter stands elsewhere, too."""
    if expected in (RIGHT, EITHER, NAMED, DISAGREES):
        return expected
    letter = spec.letters.split()[int(name.split()[1][0])]
    specs = [s.letters for s in row.takes.values() if not isinstance(s, Value)]
    count = (
        " ".join(part if isinstance(part, str) else " ".join(part) for part in specs)
        .split()
        .count(letter)
    )
    if (
        spec.loose
        or spec.axes == "any shape"
        or (count == 1 and letter != "1" and expected != 0)
        or (expected == 1 and letter == "1")
    ):
        return EITHER
    return DISAGREES


ODDITIES = (
    None,
    True,
    0,
    -1,
    2,
    0.25,
    1.5,
    np.nan,
    np.inf,
    -np.inf,
    10**30,
    10**400,
    5e-324,
    1e308,
    1j,
    "1",
    "",
    b"1",
    [1],
    (),
    {},
    np.int64(4),
    np.float32(0.5),
    np.array(1),
    np.array([1.0]),
    object(),
    type,
    len,
    tf.constant(1.0),
    NotImplemented,
)

# --- how a call is judged
# ---------------------------------------------------------------------------------------------


def parts(value):
    """Every array, number and word in nested tuples, lists and dicts."""
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (tuple, list)):
        return [part for item in value for part in parts(item)]
    return [value]


def arrays_in(value):
    return [part for part in parts(value) if isinstance(part, np.ndarray)]


def plain(value, as_tensorflow):
    """The same numbers in a fresh, ordinary array."""
    if isinstance(value, tuple):
        items = [plain(item, as_tensorflow) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, tf.Tensor):
        return value.numpy().copy()
    if isinstance(value, list) and as_tensorflow:
        return tf.convert_to_tensor(value).numpy()
    if isinstance(value, np.ndarray):
        return np.array(value, value.dtype.newbyteorder("="), order="C", subok=False)
    return value


def contents(value):
    """All that could be changed of what was handed over, memory beside the array included."""
    held = [(a.tobytes(), a.dtype, a.shape, a.strides, a.flags.writeable) for a in arrays_in(value)]
    held += [a.base.tobytes() for a in arrays_in(value) if isinstance(a.base, np.ndarray)]
    return held, [
        repr(part)
        for part in parts(value)
        if not isinstance(part, (np.ndarray, np.random.Generator))
    ]


def same(found, right, tolerance):
    found, right = parts(found), parts(right)
    assert len(found) == len(right)
    for a, b in zip(found, right, strict=True):
        if isinstance(b, (np.ndarray, np.generic, float)):
            assert np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype
            size = (
                np.abs(np.where(np.isfinite(b), b, 0)).max(initial=1)
                if np.asarray(b).dtype.kind == "f"
                else 0
            )
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * size)
        else:
            assert a == b, (a, b)


def judge(row, arguments, damaged, expected):
    """Call it once with these arguments, of which one is damaged, and hold it to what is expected."""
    before = contents(arguments)
    reference = arguments | {
        n: copy.deepcopy(v) for n, v in arguments.items() if isinstance(v, np.random.Generator)
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = row.call(**arguments)
    except (TypeError, ValueError, FloatingPointError) as error:
        assert expected != RIGHT, f"refused: {error!r}"
        names = {damaged} if expected == NAMED else {damaged, *row.takes, *fields(row)}
        named = re.search(rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\w)", str(error))
        overflowed = expected == EITHER and "overflowed" in str(error)
        assert named or overflowed or isinstance(error, FloatingPointError), f"no name: {error!r}"
        result = None
    else:
        assert expected in (RIGHT, EITHER), f"accepted, and returned {result}"
        reference = {name: plain(value, row.like is not None) for name, value in reference.items()}
        if row.finds_nan:
            assert all(np.isfinite(a).all() for a in arrays_in(result) if a.dtype.kind == "f")
        like = row.like if row.like and expected == RIGHT else row.call
        same(
            result,
            like(**reference),
            1e-6 if any(a.dtype == np.float32 for a in arrays_in(reference)) else 1e-13,
        )
        given_away = arrays_in([a for name, a in arguments.items() if name not in row.views])
        assert not any(np.shares_memory(a, b) for a in arrays_in(result) for b in given_away)
    assert contents(arguments) == before, "changed what was handed over"


def fields(row):
    return {
        field: name
        for name, s in row.takes.items()
        if isinstance(s, Params)
        for field in s.kind._fields
    }


def attempts(row, rng, sizes, dtype):
    """Damage every argument in every way, one at a time.

    (what, arguments, the damaged one's name, what is due).
    """

    def draw():
        return row.prepare({name: spec.draw(rng, sizes, dtype) for name, spec in row.takes.items()})

    def damaged_arrays(name, spec, get, put):
        for damage, change, expected in damages(spec, row):
            arguments = draw()
            a = get(arguments)
            if (
                damage.startswith("axis")
                and damage.endswith(": 1")
                and a.shape[int(damage[5])] == 1
            ):
                continue
            yield (
                f"{name}, {damage}",
                put(arguments, change(a)),
                name,
                outcome(expected, spec, row, damage),
            )

    yield "nothing wrong", draw(), "", RIGHT
    yield "one argument too many", draw() | {"colour": 1}, "colour", NAMED
    for name, spec in row.takes.items():
        if isinstance(spec, Array):
            yield from damaged_arrays(
                name, spec, lambda a, name=name: a[name], lambda a, new, name=name: a | {name: new}
            )
            if spec.optional:
                yield (
                    f"{name}, left out",
                    {n: v for n, v in draw().items() if n != name},
                    name,
                    EITHER,
                )
        elif isinstance(spec, Params):
            for field, letters in zip(spec.kind._fields, spec.letters, strict=True):
                yield from damaged_arrays(
                    field,
                    Array(letters, axes=spec.axes),
                    lambda a, name=name, field=field: getattr(a[name], field),
                    lambda a, new, name=name, field=field: (
                        a | {name: a[name]._replace(**{field: new})}
                    ),
                )
            for odd in (
                list,
                tuple,
                lambda p: p[:-1],
                type,
                lambda p: None,
                lambda p: p._asdict(),
                lambda p: 1.0,
            ):
                arguments = draw()
                new = odd(arguments[name])
                expected = EITHER if spec.loose and isinstance(new, (tuple, list)) else NAMED
                yield f"{name} as {type(new).__name__}", arguments | {name: new}, name, expected
        else:
            for odd in (*ODDITIES, *spec.odd):
                right = spec.right(odd)
                if right is not None:
                    yield f"{name} = {odd!r}", draw() | {name: odd}, name, RIGHT if right else NAMED


@st.composite
def networks(draw):
    """Sizes that all differ, so that none can stand for another, a seed and a dtype."""
    sizes = dict(zip("BTDHOV", draw(st.permutations(range(2, 8))), strict=True)) | {"1": 1}
    return sizes, draw(st.integers(0, 2**32)), draw(st.sampled_from([np.float32, np.float64]))


@pytest.fixture
def few_reviews(monkeypatch):
    """Some reviews are enough here, and a hundred times as fast."""
    monkeypatch.setattr(data, "load_reviews", lambda: REVIEWS)


@pytest.mark.parametrize(
    "examples", [1, pytest.param(15, marks=pytest.mark.stress)], ids=["once", "often"]
)
@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("row", ROWS)
def test_right_or_refused_by_name(row, examples, few_reviews):
    @settings(max_examples=examples)
    @given(networks())
    def fuzz(network):
        sizes, seed, dtype = network
        for what, arguments, damaged, expected in attempts(
            ROWS[row], np.random.default_rng(seed), sizes, dtype
        ):
            try:
                judge(ROWS[row], arguments, damaged, expected)
            except Exception as error:
                raise AssertionError(f"{row}: {what} must be {expected}") from error

    fuzz()


def test_no_public_function_is_missing_in_the_table():
    public = set()
    for module in (numpy_rnn, tf_rnn, gradients, output, models, training, data):
        for name, a in vars(module).items():
            if (
                name[0] == "_"
                or getattr(a, "__module__", "") != module.__name__
                or hasattr(a, "_fields")
            ):
                continue
            if inspect.isroutine(a) or inspect.isclass(a):
                public.add(f"{module.__name__.removeprefix('helpers.')}.{name}")
            if inspect.isclass(a):
                methods = [
                    method
                    for method, f in vars(a).items()
                    if method[0] != "_" and inspect.isroutine(f)
                ]
                public |= {
                    f"{module.__name__.removeprefix('helpers.')}.{name}.{method}"
                    for method in methods
                }
    for_keras = {f"tf_rnn.ElmanCell.{hook}" for hook in ("build", "call", "get_config")}
    assert public - for_keras == {row.split(",")[0] for row in ROWS}

"""Whatever form numbers come in: the right result, or an error that names the argument.

No argument is broadcast in silence, changed, or handed back as a result.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from helpers.gradients import state_jacobians
from helpers.models import (
    ClassifierParams,
    NetworkParams,
    char_loss,
    classifier_loss,
    classify,
    evaluate_classifier,
    read_along,
)
from helpers.numpy_gru import GRUParams, GRUStates, gru_backward, gru_forward, gru_step
from helpers.numpy_lstm import LSTMParams, LSTMStates, lstm_backward, lstm_forward, lstm_step
from helpers.numpy_rnn import RNNParams, rnn_backward, rnn_forward, rnn_step
from helpers.output import HeadParams, head_backward, head_forward

import numpy as np
import pytest

SIZES = {
    "B": 2,
    "T": 3,
    "D": 4,
    "H": 5,
    "O": 6,
    "V": 7,
    "T+1": 4,
    "3H": 15,
    "4H": 20,
    "1": 1,
    "2": 2,
}


class Row(NamedTuple):
    """A function, called with its arrays by name, and the letters of their axes."""

    function: Callable
    letters: dict[str, str]

    def arguments(self, dtype=np.float64):
        rng = np.random.default_rng(0)
        drawn = {}
        for name, letters in self.letters.items():
            shape = [SIZES[letter] for letter in letters.split()]
            drawn[name] = rng.uniform(-0.9, 0.9, shape).astype(dtype)
            if name == "tokens":
                drawn[name] = rng.integers(0, SIZES["V"], shape)
            elif name in ("mask", "labels"):
                drawn[name] = rng.random(shape) < 0.7
        return drawn

    def call(self, arguments):
        return self.function(**arguments)


def of(kind, function, states=None):
    """Let `function` take the fields of its NamedTuples one by one: parameters, and states."""

    def with_params(**arrays):
        params = kind(*(arrays.pop(field) for field in kind._fields))
        if states:
            arrays["states"] = states(*(arrays.pop(field) for field in states._fields))
        return function(params, **arrays)

    return with_params


RNN = {"W_xh": "D H", "W_hh": "H H", "b": "H"}
HEAD = {"W_ho": "H O", "b_o": "O"}
READER = {"E": "V D", **RNN, "W_ho": "H 1", "b_o": "1", "tokens": "B T", "mask": "B T"}
SEQUENCE = RNN | {"x": "B T D", "h_0": "B H", "mask": "B T"}
LSTM = {"W_xh": "D 4H", "W_hh": "H 4H", "b": "4H"}
LSTM_SEQUENCE = LSTM | {"x": "B T D", "h_0": "B H", "c_0": "B H", "mask": "B T"}
LSTM_STATES = {"h": "B T H", "c": "B T H", "gates": "B T 4H"}
GRU = {"W_xh": "D 3H", "W_hh": "H 3H", "b": "2 3H"}
GRU_SEQUENCE = GRU | {"x": "B T D", "h_0": "B H", "mask": "B T"}
GRU_STATES = {"h": "B T H", "gates": "B T 3H"}
lstm_sweep, gru_sweep = (
    of(LSTMParams, lstm_backward, LSTMStates),
    of(GRUParams, gru_backward, GRUStates),
)
ROWS = {
    "rnn_step": Row(of(RNNParams, rnn_step), RNN | {"x_t": "B D", "h_prev": "B H"}),
    "rnn_forward": Row(of(RNNParams, rnn_forward), SEQUENCE),
    "rnn_backward": Row(of(RNNParams, rnn_backward), SEQUENCE | {"h": "B T H", "dh": "B T H"}),
    "rnn_backward, last": Row(of(RNNParams, rnn_backward), SEQUENCE | {"h": "B T H", "dh": "B H"}),
    "lstm_step": Row(
        of(LSTMParams, lstm_step), LSTM | {"x_t": "B D", "h_prev": "B H", "c_prev": "B H"}
    ),
    "lstm_forward": Row(of(LSTMParams, lstm_forward), LSTM_SEQUENCE),
    "lstm_backward": Row(lstm_sweep, LSTM_SEQUENCE | LSTM_STATES | {"dh": "B T H"}),
    "lstm_backward, last": Row(lstm_sweep, LSTM_SEQUENCE | LSTM_STATES | {"dh": "B H"}),
    "gru_step": Row(of(GRUParams, gru_step), GRU | {"x_t": "B D", "h_prev": "B H"}),
    "gru_forward": Row(of(GRUParams, gru_forward), GRU_SEQUENCE),
    "gru_backward": Row(gru_sweep, GRU_SEQUENCE | GRU_STATES | {"dh": "B T H"}),
    "gru_backward, last": Row(gru_sweep, GRU_SEQUENCE | GRU_STATES | {"dh": "B H"}),
    "state_jacobians": Row(of(RNNParams, state_jacobians), RNN | {"h": "T H"}),
    "head_forward": Row(of(HeadParams, head_forward), HEAD | {"h": "B H"}),
    "head_backward": Row(of(HeadParams, head_backward), HEAD | {"h": "B H", "do": "B O"}),
    "classify": Row(of(ClassifierParams, classify), READER),
    "classifier_loss": Row(of(ClassifierParams, classifier_loss), READER | {"labels": "B"}),
    "evaluate": Row(of(ClassifierParams, evaluate_classifier), READER | {"labels": "B"}),
    "read_along": Row(
        of(ClassifierParams, read_along),
        {name: letters for name, letters in READER.items() if name != "mask"} | {"tokens": "T"},
    ),
    "char_loss": Row(
        of(NetworkParams, char_loss),
        {"W_xh": "V H", "W_hh": "H H", "b": "H", "W_ho": "H V", "b_o": "V", "tokens": "B T+1"},
    ),
}


def on_disk(a):
    on_disk.file.seek(0)
    mapped = np.memmap(on_disk.file, a.dtype, "w+", shape=a.shape)
    mapped[...] = a
    return mapped


class LikeATensor:
    """What NumPy sees of a tensor of another library."""

    def __init__(self, a):
        self.a, self.shape, self.ndim, self.dtype = a, a.shape, a.ndim, a.dtype

    def __array__(self, dtype=None, copy=None):
        return np.array(self.a, dtype)


def read_only(a):
    a = a.copy()
    a.setflags(write=False)  # whoever writes into it raises
    return a


FORMS = {
    "lists": lambda a: a.tolist(),
    "on disk": on_disk,
    "tensors": LikeATensor,
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "strided": lambda a: np.flip(np.repeat(np.flip(a), 2, axis=-1)[..., ::2]),
    "columns first": np.asfortranarray,
    "read only": read_only,
}


def arrays_in(value):
    """Every array in nested tuples, lists and dictionaries, and every number as one."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, tuple | list):
        return [array for part in value for array in arrays_in(part)]
    return [np.asarray(value)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("row", ROWS)
def test_the_form_of_the_numbers_does_not_matter(row, form, tmp_path):
    arguments = ROWS[row].arguments()
    expected = arrays_in(ROWS[row].call(arguments))
    given = {}
    for name, a in arguments.items():
        with (tmp_path / name).open("wb+") as on_disk.file:
            given[name] = FORMS[form](a)
    results = arrays_in(ROWS[row].call(given))
    for result, right in zip(results, expected, strict=True):
        assert result.dtype == right.dtype and result.dtype.isnative
        np.testing.assert_allclose(result, right, rtol=0, atol=1e-12)
    for name, a in arguments.items():
        np.testing.assert_array_equal(np.asarray(given[name]), a)
        assert not any(np.shares_memory(result, np.asarray(given[name])) for result in results)


@pytest.mark.parametrize("row", ROWS)
def test_dtype_in_is_dtype_out(row):
    for dtype in (np.float32, np.float64):
        for result in arrays_in(ROWS[row].call(ROWS[row].arguments(dtype))):
            assert result.dtype == dtype or result.shape == ()  # losses are Python's numbers


def spoilt(value):
    def spoil(a):
        a = a.astype(a.dtype)
        a[(-1,) * a.ndim] = value
        return a

    return spoil


OF_ANY_ARRAY = {
    "one axis more": lambda a: a[..., None],
    "one axis less": lambda a: a[0],
    "None": lambda a: None,
    "a word": lambda a: "good",
    "words": lambda a: a.astype(str),
    "complex": lambda a: a.astype(complex),
    "objects": lambda a: np.full(a.shape, None),
    "ragged": lambda a: [[1.0], [1.0, 2.0]],
}
OF_FLOATS = {
    "nan": spoilt(np.nan),
    "inf": spoilt(-np.inf),
    "float32": lambda a: a.astype(np.float32),
    "float16": lambda a: a.astype(np.float16),
    "whole numbers": lambda a: a.astype(int),
}
OF_OTHERS = {
    "tokens": {
        "floats": lambda a: a + 0.0,
        "too large": lambda a: a + 7,
        "negative": lambda a: -a - 1,
    },
    "mask": {"whole numbers": lambda a: a.astype(int)},
    "labels": {"too large": lambda a: a * 2.0, "nan": lambda a: a * np.nan},
}
MAY_BE_LEFT_OUT = {"h_0", "c_0", "mask"}


def resized(a, axis, size):
    return np.take(a, np.arange(size) % a.shape[axis], axis)


def damages(row):
    """Every way to spoil one argument: (its name, what was done, all arguments)."""
    arguments = row.arguments()
    everywhere = " ".join(row.letters.values()).split()
    for name, a in arguments.items():
        own = OF_OTHERS.get(name, OF_FLOATS)
        for what, damage in {**OF_ANY_ARRAY, **own}.items():
            if not (what == "None" and name in MAY_BE_LEFT_OUT):
                yield name, what, arguments | {name: damage(a)}
        for axis, letter in enumerate(row.letters[name].split()):
            yield name, f"axis {axis} is empty", arguments | {name: resized(a, axis, 0)}
            if everywhere.count(letter) > 1 or letter.isdigit():  # else any size will do
                for size in {1, a.shape[axis] + 1} - {a.shape[axis]}:
                    other = resized(a, axis, size)
                    yield name, f"axis {axis} is {size}", arguments | {name: other}


@pytest.mark.parametrize("row", ROWS)
def test_what_does_not_fit_is_named(row):
    accepted = []
    for name, what, arguments in damages(ROWS[row]):
        try:
            ROWS[row].call(arguments)
        except (TypeError, ValueError) as error:
            # Of two that disagree, the error may name the other one.
            either = "axis" in what or what.startswith("float")
            names = ROWS[row].letters if either else [name]
            named = re.search(rf"(?<!\w)({'|'.join(names)})(?!\w) must", str(error))
            assert named, f"{name}, {what}: {error!r}"
        else:
            accepted.append(f"{name}, {what}")
    assert accepted == []

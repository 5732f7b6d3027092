"""The TensorFlow twins against the NumPy recurrence, ElmanCell against SimpleRNN, NumPy's gradients against both."""

import json
from typing import NamedTuple

from helpers.numpy_rnn import ACTIVATIONS, RNNGrads, RNNParams, rnn_backward, rnn_forward, rnn_step
from helpers.tf_rnn import ElmanCell
from helpers.tf_rnn import rnn_forward as tf_forward
from helpers.tf_rnn import rnn_step as tf_step

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import random_params, refused
from hypothesis import given, settings
from hypothesis import strategies as st

B, T, D, H = 3, 6, 4, 5
MASKS = {
    "no mask": None,
    "right padding": np.arange(T) < np.array([[6], [4], [1]]),
    "left padding": np.arange(T) >= np.array([[0], [2], [5]]),
    "holes": np.array([[1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0], [1, 1, 1, 1, 1, 0]], bool),
    "a row without a real step": np.array([[1, 1, 1, 0, 0, 0], [0] * 6, [1] * 6], bool),
}
masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
activations = pytest.mark.parametrize("activation", ACTIVATIONS)
with_h_0 = pytest.mark.parametrize("with_h_0", [False, True], ids=["zeros", "h_0"])


def agree(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


class Case(NamedTuple):
    """A random network with an input, an initial state and a gradient of the loss by each state."""

    params: RNNParams
    x: np.ndarray
    h_0: np.ndarray
    dh: np.ndarray


def random_case(dtype=np.float64, B=B, T=T, D=D, H=H, seed=0):
    rng = np.random.default_rng(seed)
    arrays = (rng.standard_normal(shape).astype(dtype) for shape in ((B, T, D), (B, H), (B, T, H)))
    return Case(random_params(rng, D, H, dtype), *arrays)


def gradients(forward, case, dh):
    """Differentiate Σ dh · h by the weights, x and h_0.

    With dh (B, H) only the last state counts.
    """
    params = RNNParams(*map(tf.constant, case.params))
    x, h_0 = tf.constant(case.x), tf.constant(case.h_0)
    with tf.GradientTape() as tape:
        tape.watch([*params, x, h_0])
        h = forward(params, x, h_0)
        loss = tf.reduce_sum(dh * (h if dh.ndim == 3 else h[:, -1]))
    return RNNGrads(*tape.gradient(loss, [*params, x, h_0], unconnected_gradients="zero"))


# --- rnn_step and rnn_forward against NumPy
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@activations
def test_step_is_numpys(activation, dtype, tolerance):
    case = random_case(dtype)
    h_t = tf_step(case.params, case.x[:, 0], case.h_0, activation)
    assert h_t.dtype.name == np.dtype(dtype).name
    agree(h_t, rnn_step(case.params, case.x[:, 0], case.h_0, activation), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@activations
@masks
@with_h_0
def test_forward_is_numpys(with_h_0, mask, activation, dtype, tolerance):
    case = random_case(dtype)
    h_0 = case.h_0 if with_h_0 else None
    h = tf_forward(case.params, case.x, h_0, mask, activation)
    assert h.shape == (B, T, H) and h.dtype.name == np.dtype(dtype).name
    agree(
        h,
        rnn_forward(case.params, case.x, h_0, mask, activation),
        tolerance * max(1, np.abs(h).max()),
    )


@activations
@masks
@pytest.mark.parametrize("last_only", [False, True], ids=["every step", "last step"])
def test_gradients_are_numpys(last_only, mask, activation):
    case = random_case()
    dh = case.dh[:, -1] if last_only else case.dh
    h = rnn_forward(case.params, case.x, case.h_0, mask, activation)
    expected = rnn_backward(case.params, case.x, h, dh, case.h_0, mask, activation)
    found = gradients(lambda params, x, h_0: tf_forward(params, x, h_0, mask, activation), case, dh)
    for name in RNNGrads._fields:
        size = max(1, np.abs(getattr(expected, name)).max())
        agree(getattr(found, name), getattr(expected, name), 1e-12 * size)


@settings(max_examples=30)
@given(*[st.integers(1, 4)] * 4, st.sampled_from(sorted(ACTIVATIONS)), st.integers(0, 2**32))
def test_every_small_size(B, T, D, H, activation, seed):
    case = random_case(B=B, T=T, D=D, H=H, seed=seed)
    mask = np.random.default_rng(seed).random((B, T)) < 0.6
    h = rnn_forward(case.params, case.x, case.h_0, mask, activation)
    agree(
        tf_forward(case.params, case.x, case.h_0, mask, activation),
        h,
        1e-12 * max(1, np.abs(h).max()),
    )


def test_one_step_from_zeros():
    case = random_case(T=1)
    agree(tf_forward(case.params, case.x), rnn_forward(case.params, case.x))


@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "XLA"])
@masks
def test_in_a_function_with_gradients(mask, compiled):
    case = random_case()

    def forward(params, x, h_0):
        return tf_forward(params, x, h_0, mask)

    @tf.function(jit_compile=compiled)
    def in_graph(params, x, h_0):
        with tf.GradientTape() as tape:
            tape.watch([*params, x, h_0])
            h = forward(params, x, h_0)
            loss = tf.reduce_sum(case.dh * h)
        return h, tape.gradient(loss, [*params, x, h_0])

    tensors = RNNParams(*map(tf.constant, case.params)), tf.constant(case.x), tf.constant(case.h_0)
    h, grads = in_graph(*tensors)
    agree(h, forward(case.params, case.x, case.h_0))
    for gradient, expected in zip(grads, gradients(forward, case, case.dh), strict=True):
        agree(gradient, expected)


@pytest.mark.parametrize("static_B", [None, 2])
@pytest.mark.parametrize("static_T", [None, 7])
@pytest.mark.parametrize("masked", [False, True])
def test_one_graph_reads_every_length(static_B, static_T, masked):
    params = random_params(np.random.default_rng(0), D, H)
    signature = [
        tf.TensorSpec([static_B, static_T, D], tf.float64),
        tf.TensorSpec([2, H], tf.float64),
        tf.TensorSpec([None, None], tf.bool),
    ]

    @tf.function(input_signature=signature)
    def forward(x, h_0, mask):
        assert tf.inside_function()
        return tf_forward(params, x, h_0, mask if masked else None)

    for length in {static_T} if static_T else (1, 5, 40):
        case = random_case(B=2, T=length)
        mask = np.random.default_rng(1).random((2, length)) < 0.6
        expected = rnn_forward(params, case.x, case.h_0, mask if masked else None)
        agree(forward(case.x, case.h_0, mask), expected)


def test_the_graph_does_not_grow_with_the_sequence():
    params = random_params(np.random.default_rng(0), D, H)
    sizes = [
        len(
            tf.function(lambda x: tf_forward(params, x))
            .get_concrete_function(np.zeros((B, T, D)))
            .graph.get_operations()
        )
        for T in (2, 200)
    ]
    assert sizes[0] == sizes[1]


def test_keras_variables_are_weights_too():
    layer = keras.layers.SimpleRNN(H, return_sequences=True, dtype="float64")
    x = random_case().x
    expected = layer(x)
    with tf.GradientTape() as tape:
        h = tf_forward(RNNParams(*layer.weights), x)
        loss = tf.reduce_sum(h**2)
    agree(h, expected)
    assert all(
        gradient is not None for gradient in tape.gradient(loss, [w.value for w in layer.weights])
    )


# One wrong argument each: what replaces it, and what the message of the ValueError must say.
WRONG = {
    "x is None": (dict(x=None), "x must be a tensor or an array of numbers, got NoneType"),
    "x is ragged": (
        dict(x=[[[1.0], [1.0, 2.0]]]),
        "x must be a tensor or an array of numbers, got list",
    ),
    "x of words": (dict(x=[["good"]]), "x must have shape (B, T, D)"),
    "x of rank 2": (
        dict(x=np.ones((3, 4))),
        "x must have shape (B, T, D)",
        "(3, 4)",
        "2 axes, not 3",
    ),
    "x too wide": (dict(x=np.ones((3, 6, 9))), "x must", "(3, 6, 9)", "axis 2 is 9, but D = 4"),
    "x of integers": (dict(x=np.ones((3, 6, 4), int)), "x must be float32 or float64", "int64"),
    "x of another dtype": (
        dict(x=np.ones((3, 6, 4), np.float32)),
        "x must be float64 as W_xh is",
        "float32",
    ),
    "no steps": (dict(x=np.ones((3, 0, 4))), "x must", "axis 1 (T) is empty"),
    "h_0 of rank 1": (dict(h_0=np.ones(5)), "h_0 must have shape (B, H)", "(5,)"),
    "h_0 of another batch": (dict(h_0=np.ones((1, 5))), "h_0 must", "axis 0 is 1, but B = 3"),
    "h_0 of another dtype": (
        dict(h_0=np.ones((3, 5), np.float32)),
        "h_0 must be float64",
        "float32",
    ),
    "mask of integers": (dict(mask=np.ones((3, 6), int)), "mask must be boolean", "int64"),
    "mask of another batch": (
        dict(mask=np.ones((1, 6), bool)),
        "mask must",
        "axis 0 is 1, but B = 3",
    ),
    "mask of other steps": (
        dict(mask=np.ones((3, 5), bool)),
        "mask must",
        "axis 1 is 5, but T = 6",
    ),
    "unknown activation": (
        dict(activation="softplus"),
        "activation must be one of 'tanh'",
        "'softplus'",
    ),
    "W_xh of rank 1": (dict(W_xh=np.ones(5)), "W_xh must have shape (D, H)", "(5,)"),
    "W_hh not square": (dict(W_hh=np.ones((5, 4))), "W_hh must have shape (H, H)", "(5, 4)"),
    "W_hh is None": (dict(W_hh=None), "W_hh must be a tensor or an array", "NoneType"),
    "b of other units": (dict(b=np.ones(1)), "b must have shape (H,)", "axis 0 is 1, but H = 5"),
    "b of integers": (dict(b=np.ones(5, int)), "b must be float32 or float64", "int64"),
}


@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_arguments_are_named(wrong, in_graph):
    changes, *parts = WRONG[wrong]
    case = random_case()
    weights = {name: value for name, value in changes.items() if name in RNNParams._fields}
    arguments = {"x": case.x} | {
        name: value for name, value in changes.items() if name not in weights
    }

    def forward():
        return tf_forward(case.params._replace(**weights), **arguments)

    with refused(ValueError, *parts):
        tf.function(forward)() if in_graph else forward()


@pytest.mark.parametrize("params", [None, [1.0, 2.0, 3.0]])
def test_params_must_be_params(params):
    with refused(TypeError, "params must be RNNParams(W_xh, W_hh, b)", type(params).__name__):
        tf_forward(params, np.ones((1, 1, 1)))


@pytest.mark.parametrize(
    ("x_t", "h_prev", "parts"),
    [
        (np.ones((3, 1, 4)), np.ones((3, 5)), ("x_t must have shape (B, D)", "(3, 1, 4)")),
        (np.ones((3, 2)), np.ones((3, 5)), ("x_t must", "axis 1 is 2, but D = 4")),
        (
            np.ones((3, 4)),
            np.ones((1, 5)),
            ("h_prev must have shape (B, H)", "axis 0 is 1, but B = 3"),
        ),
        (np.ones((3, 4)), np.ones((3, 5), np.float32), ("h_prev must be float64", "float32")),
        (np.ones((3, 4)), None, ("h_prev must be a tensor or an array", "NoneType")),
    ],
)
def test_wrong_arguments_of_a_step_are_named(x_t, h_prev, parts):
    with refused(ValueError, *parts):
        tf_step(random_case().params, x_t, h_prev)


# --- ElmanCell in keras.layers.RNN against keras.layers.SimpleRNN
# -----------------------------------------------------

OPTIONS = {
    "plain": {},
    "return_sequences": dict(return_sequences=True),
    "return_state": dict(return_state=True),
    "sequences and state": dict(return_sequences=True, return_state=True),
    "go_backwards": dict(go_backwards=True, return_sequences=True, return_state=True),
    "unroll": dict(unroll=True, return_sequences=True, return_state=True),
    "unroll backwards": dict(unroll=True, go_backwards=True, return_sequences=True),
    "zero_output_for_mask": dict(zero_output_for_mask=True, return_sequences=True),
}
options = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def twins(activation="tanh", dtype="float64", **options):
    """SimpleRNN and RNN(ElmanCell) with the same options and the same random weights."""
    layers = (
        keras.layers.SimpleRNN(H, activation=activation, dtype=dtype, **options),
        keras.layers.RNN(ElmanCell(H, activation=activation, dtype=dtype), dtype=dtype, **options),
    )
    params = random_case(dtype).params
    for layer in layers:
        layer.build((B, T, D))
        layer.set_weights(params)
    return layers


def same_outputs(ours, keras_layer, *args, tolerance=1e-12, **kwargs):
    """Call both, compare everything that comes out, and return it as a list of arrays."""
    expected, found = keras_layer(*args, **kwargs), ours(*args, **kwargs)
    assert type(found) is type(expected)
    expected, found = (
        list(out) if isinstance(out, (list, tuple)) else [out] for out in (expected, found)
    )
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        agree(a, b, tolerance)
    return [a.numpy() for a in found]


@options
@masks
@with_h_0
def test_cell_in_rnn_is_simple_rnn(with_h_0, mask, options):
    simple, ours = twins(**options)
    case = random_case()
    initial = {"initial_state": [case.h_0]} if with_h_0 else {}
    same_outputs(ours, simple, case.x, mask=mask, **initial)


@options
@masks
def test_cell_in_rnn_has_simple_rnns_gradients(mask, options):
    case = random_case()
    grads = []
    for layer in twins(**options):
        x, h_0 = tf.constant(case.x), tf.constant(case.h_0)
        with tf.GradientTape() as tape:
            tape.watch([x, h_0])
            out = layer(x, initial_state=[h_0], mask=mask)
            loss = sum(tf.reduce_sum(tf.sin(3 * a)) for a in tf.nest.flatten(out))
        grads.append(
            tape.gradient(
                loss, [*(w.value for w in layer.weights), x, h_0], unconnected_gradients="zero"
            )
        )
    for found, expected in zip(*reversed(grads), strict=True):
        agree(found, expected)


@activations
def test_activations(activation):
    simple, ours = twins(activation, return_sequences=True)
    same_outputs(ours, simple, random_case().x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "mixed_float16"])
def test_dtypes(dtype):
    simple, ours = (
        keras.layers.SimpleRNN(H, dtype=dtype, return_state=True),
        keras.layers.RNN(ElmanCell(H, dtype=dtype), dtype=dtype, return_state=True),
    )
    x = random_case().x.astype(simple.compute_dtype)
    simple.build(x.shape)
    ours.build(x.shape)
    ours.set_weights(simple.get_weights())
    tolerance = {"float64": 1e-12, "float32": 1e-6}.get(dtype, 1e-2)
    same_outputs(ours, simple, x, tolerance=tolerance)
    assert [w.dtype for w in ours.weights] == [w.dtype for w in simple.weights]


@masks
def test_stateful(mask):
    layers = twins(stateful=True, return_sequences=True)
    case = random_case()
    mask = np.ones((B, T), bool) if mask is None else mask
    first, second = (
        same_outputs(*reversed(layers), case.x[:, steps], mask=mask[:, steps])[0]
        for steps in (slice(2), slice(2, T))
    )
    # A masked step at the start of a call returns zeros from Keras, not the state; the states
    # themselves are right.
    started = np.logical_or.accumulate(mask[:, 2:], axis=1)
    agree(second[started], rnn_forward(case.params, case.x, mask=mask)[:, 2:][started])
    for layer in layers:
        agree(layer.states[0], rnn_forward(case.params, case.x, mask=mask)[:, -1])
        layer.reset_state()
        agree(layer.states[0], 0)
    agree(same_outputs(*reversed(layers), case.x[:, :2], mask=mask[:, :2])[0], first)


def test_stateful_needs_its_batch():
    for layer in twins(stateful=True):
        layer(random_case().x)
        with refused(ValueError, "batch size"):
            layer(random_case(B=B + 1).x)


@masks
@pytest.mark.parametrize("return_sequences", [False, True])
def test_bidirectional(return_sequences, mask):
    simple, ours = (
        keras.layers.Bidirectional(layer) for layer in twins(return_sequences=return_sequences)
    )
    params = random_case().params, random_case(seed=1).params
    for layer in (simple, ours):
        layer.build((B, T, D))
        layer.set_weights([*params[0], *params[1]])
    (out,) = same_outputs(ours, simple, random_case().x, mask=mask)
    assert out.shape == ((B, T, 2 * H) if return_sequences else (B, 2 * H))


def test_masks_from_an_embedding_arrive():
    tokens = np.array([[1, 2, 3, 0, 0], [4, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    embedding = keras.layers.Embedding(5, D, mask_zero=True, dtype="float64")
    simple, ours = twins()
    (last,) = same_outputs(ours, simple, embedding(tokens))
    agree(
        last, rnn_forward(random_case().params, embedding(tokens).numpy(), mask=tokens != 0)[:, -1]
    )


def test_stack_of_cells():
    """RNN([cell, cell]) runs the layers step by step.

    Two RNN layers run them one after the other.
    """
    cells = [ElmanCell(H, dtype="float64") for _ in range(2)]
    stack = keras.layers.StackedRNNCells(
        cells, dtype="float64"
    )  # RNN(cells) would make a stack in float32
    stack = keras.layers.RNN(stack, return_sequences=True, dtype="float64")
    x = random_case().x
    out = stack(x)
    below, above = (RNNParams(*cell.get_weights()) for cell in cells)
    agree(out, rnn_forward(above, rnn_forward(below, x)))


def test_in_a_loop_by_hand():
    case = random_case()
    cell = ElmanCell(H, dtype="float64")
    cell.build((B, D))
    cell.set_weights(case.params)
    state = [case.h_0]
    expected = rnn_forward(case.params, case.x, case.h_0)
    for t in range(T):
        out, state = cell(case.x[:, t], state)
        assert out is state[0]
        agree(out, expected[:, t])


def test_a_cell_refuses_a_state_of_another_batch_and_a_whole_sequence():
    cell, case = ElmanCell(H, dtype="float64"), random_case()
    for h_prev in (case.h_0[:1], case.h_0[0], case.h_0[:, :1]):
        with refused(ValueError, "h_prev must have shape (B, H)"):
            cell(case.x[:, 0], [h_prev])
    with refused(ValueError, "inputs must have shape (B, D), got"):
        cell(case.x, [case.h_0])


def test_weights_have_keras_names_shapes_and_order():
    for simple, ours in [twins()]:
        assert [(w.name, w.shape) for w in ours.weights] == [
            (w.name, w.shape) for w in simple.weights
        ]
        assert [w.shape for w in ours.weights] == [(D, H), (H, H), (H,)]


def test_initial_weights_are_simple_rnns():
    drawn = []
    for cell in (keras.layers.SimpleRNNCell, ElmanCell):
        keras.utils.set_random_seed(0)
        layer = cell(H)
        layer.build((B, D))
        drawn.append(layer.get_weights())
    kernel, recurrent, bias = drawn[1]
    agree(recurrent @ recurrent.T, np.eye(H), 1e-5)
    assert 0 < np.abs(kernel).max() <= np.sqrt(6 / (D + H))
    agree(bias, 0)
    assert [a.shape for a in drawn[0]] == [a.shape for a in drawn[1]]


def test_saved_models_know_it_by_the_courses_name():
    assert keras.saving.get_registered_name(ElmanCell) == "unrolled>ElmanCell"


def test_each_weight_has_its_own_initializer():
    cell = ElmanCell(
        2, kernel_initializer="ones", recurrent_initializer="identity", bias_initializer="ones"
    )
    given = (cell.kernel_initializer, cell.recurrent_initializer, cell.bias_initializer)
    assert all(isinstance(initializer, keras.initializers.Initializer) for initializer in given)
    cell.build((1, 3))
    for weight, expected in zip(
        cell.get_weights(), (np.ones((3, 2)), np.eye(2), np.ones(2)), strict=True
    ):
        agree(weight, expected)


def test_config_round_trip():
    cell = ElmanCell(
        7,
        activation="relu",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.1),
        recurrent_initializer="identity",
        bias_initializer="ones",
        name="memory",
        dtype="float64",
    )
    config = cell.get_config()
    assert json.loads(json.dumps(config)) == config
    again = ElmanCell.from_config(config)
    assert again.get_config() == config
    assert (again.units, again.state_size, again.output_size, again.name) == (7, 7, 7, "memory")
    assert again.activation is keras.activations.relu and again.compute_dtype == "float64"
    again.build((1, 2))
    agree(again.recurrent_kernel, np.eye(7))
    agree(again.bias, 1)
    assert again.kernel_initializer.stddev == 0.1

    layer = keras.layers.RNN(cell, return_sequences=True, go_backwards=True)
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(copy.cell, ElmanCell) and copy.get_config() == layer.get_config()


@pytest.mark.parametrize("suffix", ["keras", "weights.h5"])
def test_save_and_load(tmp_path, suffix):
    def make():
        return keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(10, D, mask_zero=True),
                keras.layers.Bidirectional(keras.layers.RNN(ElmanCell(H), return_sequences=True)),
                keras.layers.RNN([ElmanCell(H, activation="relu"), ElmanCell(2)]),
                keras.layers.Dense(1),
            ]
        )

    model = make()
    tokens = np.random.default_rng(0).integers(0, 10, (B, T))
    expected = model(tokens)
    path = tmp_path / f"model.{suffix}"
    if suffix == "keras":
        model.save(path)
        loaded = keras.models.load_model(path)  # without custom_objects: the cell registered itself
    else:
        model.save_weights(path)
        loaded = make()
        loaded.load_weights(path)
    agree(loaded(tokens), expected, 1e-6)


def test_it_learns_in_fit():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, T, D)).astype(np.float32)
    y = x[:, -1, :1]
    model = keras.Sequential(
        [keras.Input((T, D)), keras.layers.RNN(ElmanCell(8)), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.03), "mse")
    loss = model.fit(x, y, epochs=12, verbose=0).history["loss"]
    assert loss[-1] < 0.3 * loss[0]


@pytest.mark.parametrize("units", [0, -1, 2.0, True, None, "5"])
def test_units_must_be_a_positive_whole_number(units):
    with refused(ValueError, "units must be a positive whole number", repr(units)):
        ElmanCell(units)


# --- NumPy's backpropagation through time against GradientTape on keras.layers.SimpleRNN
# ------------------------------


def keras_states(layer, x, h_0, mask):
    """All states of a SimpleRNN.

    Keras shows zeros before a row's first real step, where the state is h_0.
    """
    h, _ = layer(x, initial_state=[h_0], mask=mask)
    if mask is None:
        return h
    started = np.logical_or.accumulate(mask, axis=1)
    return tf.where(started[..., None], h, h_0[:, None])


@activations
@masks
@pytest.mark.parametrize("last_only", [False, True], ids=["every step", "last step"])
def test_backward_is_gradient_tape_on_simple_rnn(last_only, mask, activation):
    case = random_case()
    dh = case.dh[:, -1] if last_only else case.dh
    layer, _ = twins(activation, return_sequences=True, return_state=True)
    x, h_0 = tf.constant(case.x), tf.constant(case.h_0)
    with tf.GradientTape() as tape:
        tape.watch([x, h_0])
        h = keras_states(layer, x, h_0, mask)
        loss = tf.reduce_sum(dh * (h[:, -1] if last_only else h))
    expected = tape.gradient(
        loss, [*(w.value for w in layer.weights), x, h_0], unconnected_gradients="zero"
    )

    states = rnn_forward(case.params, case.x, case.h_0, mask, activation)
    agree(states, h, 1e-12 * max(1, np.abs(states).max()))
    grads = rnn_backward(case.params, case.x, states, dh, case.h_0, mask, activation)
    for name, found, right in zip(RNNGrads._fields, grads, expected, strict=True):
        assert np.abs(found - right).max() <= 1e-9 * max(1, np.abs(right).max()), name


@masks
def test_the_last_state_is_kerass_whatever_its_output_shows(mask):
    """return_state gives h_0 for a row without a real step, where the output gives zeros.

    Ours gives h_0.
    """
    case = random_case()
    layer, _ = twins(return_state=True)
    out, state = layer(case.x, initial_state=[case.h_0], mask=mask)
    last = rnn_forward(case.params, case.x, case.h_0, mask)[:, -1]
    agree(state, last)
    real = np.ones(B, bool) if mask is None else mask.any(axis=1)
    agree(out.numpy()[real], last[real])
    agree(out.numpy()[~real], 0)


def test_set_weights_needs_no_transpose():
    case = random_case(np.float32)
    layer = keras.layers.SimpleRNN(H, return_sequences=True)
    layer.build((B, T, D))
    layer.set_weights(case.params)
    agree(layer(case.x), rnn_forward(case.params, case.x), 1e-5)
    for a, b in zip(RNNParams(*layer.get_weights()), case.params, strict=True):
        np.testing.assert_array_equal(a, b)

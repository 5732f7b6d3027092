"""TensorFlow's recurrence against NumPy's, ElmanCell against SimpleRNN, NumPy against SimpleRNN."""

import json
from functools import partial

from helpers.numpy_rnn import ACTIVATIONS, RNNParams, rnn_backward, rnn_forward, rnn_step
from helpers.tf_rnn import ElmanCell
from helpers.tf_rnn import rnn_forward as tf_forward
from helpers.tf_rnn import rnn_step as tf_step

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import random_params, refused

B, T, D, H = 5, 6, 4, 3  # all differ, so that none can stand for another
# A row of each kind: every step real, padding on the right, on the left, holes, no real step.
ROWS = [1] * 6, [1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 1, 0], [0] * 6
MASK = np.array(ROWS, bool)
masks = pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "masked"])
activations = pytest.mark.parametrize("activation", ACTIVATIONS)


def agree(a, b, tolerance=1e-12):
    """Expect the same shape, dtype and numbers, the tolerance relative to the largest."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape and a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1, np.abs(b).max()))


def all_agree(found, expected, tolerance=1e-12):
    for a, b in zip(found, expected, strict=True):
        agree(a, b, tolerance)


def random_case(dtype=np.float64, B=B, T=T):
    """Weights, x and h_0 of a random network."""
    rng = np.random.default_rng(0)
    x, h_0 = (rng.standard_normal(shape).astype(dtype) for shape in ((B, T, D), (B, H)))
    return random_params(rng, D, H, dtype), x, h_0


def outputs_and_gradients(forward, weights, x, h_0):
    """All that forward(weights, x, h_0) returns; the slopes of Σ sin of it by these three."""
    x, h_0 = tf.convert_to_tensor(x), tf.convert_to_tensor(h_0)
    with tf.GradientTape() as tape:
        tape.watch([*weights, x, h_0])
        outputs = tf.nest.flatten(forward(weights, x, h_0))
        loss = sum(tf.reduce_sum(tf.sin(a)) for a in outputs)
    return outputs + tape.gradient(loss, [*weights, x, h_0], unconnected_gradients="zero")


def numpys(params, x, h_0, mask=None, activation="tanh"):
    """The same of NumPy's states."""
    h = rnn_forward(params, x, h_0, mask, activation)
    return [h, *rnn_backward(params, x, h, np.cos(h), h_0, mask, activation)]


# --- rnn_step and rnn_forward against NumPy

RUN = {"eager": lambda f: f, "graph": tf.function, "XLA": partial(tf.function, jit_compile=True)}


@masks
@pytest.mark.parametrize(
    ("run", "activation"),
    [*(("eager", activation) for activation in ACTIVATIONS), ("graph", "tanh"), ("XLA", "tanh")],
)
def test_states_and_gradients_are_numpys(run, activation, mask):
    def forward(params, x, h_0):
        return tf_forward(params, x, h_0, mask, activation)

    params, x, h_0 = random_case()
    tensors = RNNParams(*map(tf.constant, params))
    found = RUN[run](partial(outputs_and_gradients, forward))(tensors, x, h_0)
    all_agree(found, numpys(params, x, h_0, mask, activation))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@activations
def test_a_step_and_all_steps_from_zeros_are_numpys(activation, dtype, tolerance):
    params, x, h_0 = random_case(dtype)
    h_1 = tf_step(params, x[:, 0], h_0, activation)
    agree(h_1, rnn_step(params, x[:, 0], h_0, activation), tolerance)
    h = tf_forward(params, x, activation=activation)
    agree(h, rnn_forward(params, x, activation=activation), tolerance)


@pytest.mark.parametrize("batch_in_graph", [None, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_one_graph_reads_every_length(masked, batch_in_graph):
    params, *_ = random_case()
    signature = [
        tf.TensorSpec([batch_in_graph, None, D], tf.float64),
        tf.TensorSpec([2, H], tf.float64),
        tf.TensorSpec([None, None], tf.bool),
    ]

    @tf.function(input_signature=signature)
    def forward(x, h_0, mask):
        return tf_forward(params, x, h_0, mask if masked else None)

    for length in (1, 5, 40):
        _, x, h_0 = random_case(B=2, T=length)
        mask = np.random.default_rng(1).random((2, length)) < 0.6
        agree(forward(x, h_0, mask), rnn_forward(params, x, h_0, mask if masked else None))


def test_the_graph_does_not_grow_with_the_sequence():
    def size(T):
        params, x, _ = random_case(T=T)
        graph = tf.function(tf_forward).get_concrete_function(params, tf.constant(x)).graph
        return len(graph.get_operations())

    assert size(2) == size(200)


def test_keras_variables_are_weights_too():
    layer, _ = twins(return_sequences=True)
    with tf.GradientTape() as tape:
        h = tf_forward(RNNParams(*layer.weights), random_case()[1])
    agree(h, layer(random_case()[1]))
    assert None not in tape.gradient(h, [weight.value for weight in layer.weights])


# What replaces an argument, and what the message must say; TensorFlow would broadcast the ones.
WRONG = [
    (dict(W_xh=np.ones(3)), "W_xh must have shape (D, H), got (3,): 1 axes, not 2"),
    (dict(W_hh=np.ones((3, 4))), "W_hh must have shape (H, H), got (3, 4): axis 1 is 4, but H = 3"),
    (dict(b=np.ones(1)), "b must have shape (H,), got (1,): axis 0 is 1, but H = 3"),
    (dict(x=np.ones((5, 4))), "x must have shape (B, T, D), got (5, 4): 2 axes, not 3"),
    (dict(x=np.ones((5, 0, 4))), "x must have shape (B, T, D), got (5, 0, 4): axis 1 (T) is empty"),
    (dict(x=np.ones((5, 6, 4), int)), "x must be float32 or float64, got int64"),
    (dict(h_0=np.ones((1, 3))), "h_0 must have shape (B, H), got (1, 3): axis 0 is 1, but B = 5"),
    (dict(h_0=np.ones((5, 3), np.float32)), "h_0 must be float64 as W_xh is, got float32"),
    (dict(mask=MASK[:1]), "mask must have shape (B, T), got (1, 6): axis 0 is 1, but B = 5"),
    (dict(mask=MASK[:, :1]), "mask must have shape (B, T), got (5, 1): axis 1 is 1, but T = 6"),
    (dict(mask=np.ones((5, 6))), "mask must be boolean (True where the step is real), got float64"),
    (dict(activation="softplus"), "activation must be one of 'tanh', 'sigmoid', 'relu', 'linear'"),
]


@pytest.mark.parametrize("run", ["eager", "graph"])
@pytest.mark.parametrize(("wrong", "says"), WRONG)
def test_wrong_arguments_are_named(wrong, says, run):
    params, x, h_0 = random_case()
    arguments = params._asdict() | {"x": x, "h_0": h_0} | wrong
    weights = [arguments.pop(name) for name in RNNParams._fields]
    with refused(ValueError, says):
        RUN[run](lambda: tf_forward(RNNParams(*weights), **arguments))()


def test_wrong_arguments_of_a_step_are_named():
    params, x, h_0 = random_case()
    with refused(ValueError, "x_t must have shape (B, D), got (5, 6, 4): 3 axes, not 2"):
        tf_step(params, x, h_0)
    with refused(ValueError, "h_prev must have shape (B, H), got (1, 3): axis 0 is 1, but B = 5"):
        tf_step(params, x[:, 0], h_0[:1])
    with refused(TypeError, "params must be RNNParams(W_xh, W_hh, b), got list"):
        tf_step(list(params), x[:, 0], h_0)


# --- ElmanCell in keras.layers.RNN against keras.layers.SimpleRNN


def twins(activation="tanh", dtype="float64", **options):
    """SimpleRNN and RNN(ElmanCell) with the same options and the same random weights."""
    cell = ElmanCell(H, activation=activation, dtype=dtype)
    layers = (
        keras.layers.SimpleRNN(H, activation=activation, dtype=dtype, **options),
        keras.layers.RNN(cell, dtype=dtype, **options),
    )
    for layer in layers:
        layer.build((B, T, D))
        layer.set_weights(random_case()[0])
    return layers


def of_layer(layer, x, h_0, mask, initial_state):
    """The outputs and gradients of a Keras layer."""

    def forward(_, x, h_0):
        return layer(x, mask=mask, initial_state=[h_0] if initial_state else None)

    return outputs_and_gradients(forward, [weight.value for weight in layer.weights], x, h_0)


OPTIONS = {
    "the last": {},
    "return_sequences": dict(return_sequences=True),
    "return_state": dict(return_state=True),
    "go_backwards": dict(go_backwards=True, return_sequences=True, return_state=True),
    "unroll": dict(unroll=True, return_sequences=True, return_state=True),
    "unroll backwards": dict(unroll=True, go_backwards=True, return_sequences=True),
    "zero_output_for_mask": dict(zero_output_for_mask=True, return_sequences=True),
    **{name: dict(activation=name, return_sequences=True) for name in ACTIVATIONS},
}


@pytest.mark.parametrize("initial_state", [False, True], ids=["zeros", "initial_state"])
@masks
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_outputs_and_gradients_are_simple_rnns(options, mask, initial_state):
    _, x, h_0 = random_case()
    right, found = (of_layer(layer, x, h_0, mask, initial_state) for layer in twins(**options))
    all_agree(found, right)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-6), ("float16", 1e-2), ("mixed_float16", 1e-2)]
)
def test_other_dtypes_are_simple_rnns(dtype, tolerance):
    simple, ours = twins(dtype=dtype, return_state=True)
    x = random_case()[1].astype(simple.compute_dtype)
    all_agree(ours(x), simple(x), tolerance)
    assert [weight.dtype for weight in ours.weights] == [weight.dtype for weight in simple.weights]


@masks
def test_a_stateful_layer_goes_on_where_it_stopped(mask):
    params, x, _ = random_case()
    simple, ours = twins(stateful=True, return_sequences=True)
    for steps in (slice(0, 2), slice(2, T)):
        part = None if mask is None else mask[:, steps]
        agree(ours(x[:, steps], mask=part), simple(x[:, steps], mask=part))
    agree(ours.states[0].numpy(), rnn_forward(params, x, mask=mask)[:, -1])
    ours.reset_state()
    agree(ours.states[0].numpy(), np.zeros((B, H)))


@masks
def test_bidirectional_is_simple_rnns(mask):
    params, x, _ = random_case()
    simple, ours = map(keras.layers.Bidirectional, twins(return_sequences=True))
    for layer in (simple, ours):
        layer.build(x.shape)
        layer.set_weights([*params, *(-a for a in params)])
    agree(ours(x, mask=mask), simple(x, mask=mask))


def test_a_stack_of_cells_is_one_layer_after_the_other():
    cells = [ElmanCell(H, dtype="float64") for _ in range(2)]
    stack = keras.layers.StackedRNNCells(cells, dtype="float64")  # a plain list would be float32
    _, x, _ = random_case()
    out = keras.layers.RNN(stack, return_sequences=True, dtype="float64")(x)
    below, above = (RNNParams(*cell.get_weights()) for cell in cells)
    agree(out, rnn_forward(above, rnn_forward(below, x)))


def test_a_cell_in_a_loop_by_hand():
    params, x, h_0 = random_case()
    cell = twins()[1].cell
    h, state = [], [h_0]
    for x_t in x.swapaxes(0, 1):
        out, state = cell(x_t, state)
        assert out is state[0]
        h.append(out)
    agree(np.stack(h, axis=1), rnn_forward(params, x, h_0))


def test_a_cell_names_what_does_not_fit():
    _, x, h_0 = random_case()
    cell = twins()[1].cell
    for h_prev in (h_0[:1], h_0[0], h_0[:, :1]):
        with refused(ValueError, "h_prev must have shape (B, H)"):
            cell(x[:, 0], [h_prev])
    with refused(ValueError, "inputs must have shape (B, D), got"):
        cell(x, [h_0])
    for units in (0, 2.5):
        with refused(ValueError, f"units must be a positive whole number, got {units}"):
            ElmanCell(units)


def test_weights_and_defaults_are_simple_rnns():
    simple, ours = ([(w.name, w.shape) for w in layer.weights] for layer in twins())
    assert ours == simple
    simple, ours = (cell(H, name="cell") for cell in (keras.layers.SimpleRNNCell, ElmanCell))
    assert ours.get_config().items() <= simple.get_config().items()


def test_config_holds_every_argument():
    initializers = dict(
        kernel_initializer=keras.initializers.Constant(0.5),
        recurrent_initializer="identity",
        bias_initializer="ones",
    )
    cell = ElmanCell(2, activation="relu", name="memory", dtype="float64", **initializers)
    again = ElmanCell.from_config(json.loads(json.dumps(cell.get_config())))
    assert again.get_config() == cell.get_config() and again.activation is keras.activations.relu
    assert (again.units, again.state_size, again.output_size, again.name) == (2, 2, 2, "memory")
    again.build((1, 3))
    all_agree(again.get_weights(), [np.full((3, 2), 0.5), np.eye(2), np.ones(2)])


def test_a_saved_model_is_loaded_without_custom_objects(tmp_path):
    model = keras.Sequential(
        [
            keras.layers.Embedding(10, D, mask_zero=True),
            keras.layers.Bidirectional(keras.layers.RNN(ElmanCell(H), return_sequences=True)),
            keras.layers.RNN([ElmanCell(H, activation="relu"), ElmanCell(2)]),
        ]
    )
    tokens = np.random.default_rng(0).integers(0, 10, (B, T))
    expected = model(tokens)
    model.save(tmp_path / "model.keras")
    agree(keras.models.load_model(tmp_path / "model.keras")(tokens), expected, 1e-6)
    assert keras.saving.get_registered_name(ElmanCell) == "unrolled>ElmanCell"  # as saved before


def test_fit_learns_what_it_learns_with_simple_rnn():
    tokens = np.where(MASK, np.arange(B * T).reshape(B, T) % 9 + 1, 0)  # the mask is Embedding's
    weights = []
    for layer in twins(dtype="float32"):
        keras.utils.set_random_seed(0)
        embedding = keras.layers.Embedding(10, D, mask_zero=True)
        model = keras.Sequential([embedding, layer, keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        loss = model.fit(tokens, np.arange(B) / B, epochs=5, verbose=0).history["loss"]
        assert loss[-1] < loss[0]
        weights.append(model.get_weights())
    all_agree(*weights, 1e-5)


# --- NumPy's backpropagation through time against GradientTape on keras.layers.SimpleRNN


@activations
@masks
def test_numpys_states_and_gradients_are_simple_rnns(mask, activation):
    layer, _ = twins(activation, return_sequences=True, return_state=True)
    params, x, h_0 = random_case()
    last_states = []

    def states(_, x, h_0):
        h, last = layer(x, initial_state=[h_0], mask=mask)
        last_states.append(last)
        if mask is None:
            return h
        # Before a row's first real step Keras shows zeros where the state is h_0.
        started = np.logical_or.accumulate(mask, axis=1)
        return tf.where(started[..., None], h, h_0[:, None])

    weights = [weight.value for weight in layer.weights]
    expected = outputs_and_gradients(states, weights, x, h_0)
    found = numpys(params, x, h_0, mask, activation)
    all_agree(found, expected)
    agree(last_states[0], found[0][:, -1])  # also where no step is real

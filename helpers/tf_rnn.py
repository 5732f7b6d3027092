"""The same recurrence in TensorFlow, for `tf.GradientTape`, and as a cell that Keras can loop over.

`rnn_step` and `rnn_forward` have the signatures, shapes and meaning of those in
`helpers.numpy_rnn`.
"""

from helpers import _validation as check
from helpers.numpy_rnn import RNNParams

import keras
import tensorflow as tf

ACTIVATIONS = {"tanh": tf.tanh, "sigmoid": tf.sigmoid, "relu": tf.nn.relu, "linear": tf.identity}


def rnn_step(
    params: RNNParams, x_t: tf.Tensor, h_prev: tf.Tensor, activation: str = "tanh"
) -> tf.Tensor:
    """Take one step of (3), h_t = σ(x_t W_xh + h_{t−1} W_hh + b), with one sample a row.

    x_t (B, D) and h_prev (B, H) give h_t (B, H), all of one dtype. Raises ValueError and TypeError
    as `rnn_forward`.
    """
    tensors = _tensors(params, activation, x_t=(x_t, "B D"), h_prev=(h_prev, "B H"))
    W_xh, W_hh, b, x_t, h_prev = tensors.values()
    return ACTIVATIONS[activation](x_t @ W_xh + h_prev @ W_hh + b)


def rnn_forward(
    params: RNNParams,
    x: tf.Tensor,
    h_0: tf.Tensor | None = None,
    mask: tf.Tensor | None = None,
    activation: str = "tanh",
) -> tf.Tensor:
    """Run the recurrence (3), h_t = σ(x_t W_xh + h_{t−1} W_hh + b), over t = 1 … T.

    x (B, T, D), h_0 (B, H) or None for zeros, mask (B, T) boolean or None give all states h (B, T,
    H); a step whose mask is False carries the state through unchanged. Works eagerly and in
    `tf.function` (the loop is part of the graph, so its size does not grow with T), and is
    differentiable by every argument but the mask.

    Tensors, Keras variables and NumPy arrays are all taken. NaN and infinity are not looked for: a
    graph that runs cannot raise. Raises ValueError naming the argument for a wrong rank, size or
    dtype, an empty axis, or an unknown activation; TypeError unless params are RNNParams.
    """
    optional = {"h_0": (h_0, "B H"), "mask": (mask, "B T")}
    given = {name: pair for name, pair in optional.items() if pair[0] is not None}
    tensors = _tensors(params, activation, x=(x, "B T D"), **given)
    W_xh, W_hh, b, x = (tensors[name] for name in ("W_xh", "W_hh", "b", "x"))
    sigma = ACTIVATIONS[activation]

    def step(h_prev, inputs):
        z_x, real = inputs  # x_t W_xh + b, and where the step is real
        h_t = sigma(z_x + h_prev @ W_hh)
        return tf.where(real[:, None], h_t, h_prev)

    # One product for every x_t W_xh; then time first, because tf.scan walks along the first axis.
    z_x = tf.transpose(tf.tensordot(x, W_xh, axes=1) + b, [1, 0, 2])
    h_0 = tensors.get("h_0", tf.zeros_like(z_x[0]))
    mask = tensors.get("mask", tf.fill(tf.shape(x)[:2], True))
    h = tf.scan(step, (z_x, tf.transpose(mask)), h_0)
    return tf.transpose(h, [1, 0, 2])


@keras.saving.register_keras_serializable(package="unrolled")
class ElmanCell(keras.layers.Layer):
    """One step of (3) for `keras.layers.RNN`, which has the loop, the masks and the initial state.

    `keras.layers.RNN(ElmanCell(units))` computes what `keras.layers.SimpleRNN(units)` computes, and
    its weights come in the same order (kernel (D, H), recurrent_kernel (H, H), bias (H,)). After
    Elman, Finding Structure in Time, 1990.
    """

    def __init__(
        self,
        units: int,
        activation="tanh",
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check.check_positive_int(units=units)
        self.units = self.state_size = self.output_size = units
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        """Make the three weights once the input's width is known."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer=self.kernel_initializer, name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units),
            initializer=self.recurrent_initializer,
            name="recurrent_kernel",
        )
        self.bias = self.add_weight(
            shape=(self.units,), initializer=self.bias_initializer, name="bias"
        )

    def call(self, inputs, states):
        """(x_t (B, D), [h_{t−1} (B, H)]) -> (h_t, [h_t]): the output is the new state itself."""
        (h_prev,) = states
        check.check_shapes({"H": self.units}, inputs=(inputs, "B D"), h_prev=(h_prev, "B H"))
        z_t = (
            keras.ops.matmul(inputs, self.kernel)
            + keras.ops.matmul(h_prev, self.recurrent_kernel)
            + self.bias
        )
        h_t = self.activation(z_t)
        return h_t, [h_t]

    def get_config(self):
        """Return what `__init__` needs, so that a saved model can be loaded again."""
        return super().get_config() | {
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


def _tensors(params, activation, **arrays):
    """Return the weights and then the `name=(array, "B T D")` pairs as {name: tensor}, checked."""
    check.check_choice("activation", activation, ACTIVATIONS)
    check.check_kind("params", params, RNNParams)
    weights = zip(RNNParams._fields, zip(params, ("D H", "H H", "H"), strict=True), strict=True)
    pairs = dict(weights) | arrays
    tensors = {name: tf.convert_to_tensor(a) for name, (a, _) in pairs.items()}
    check.check_shapes(**{name: (tensors[name], letters) for name, (_, letters) in pairs.items()})
    floats = dict(tensors)
    if "mask" in floats:
        check.check_mask(floats.pop("mask"))
    check.check_dtypes(**floats)
    return tensors

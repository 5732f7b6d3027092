"""Chapter 6's exercises: shapes, a mask, a cell of one's own, and a sequence in chunks.

Keras is imported by the functions that need it, so that importing the exercises stays quick.
"""

import inspect
import tempfile
import textwrap
from functools import partial

from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def returned_shapes(
    B: int,
    T: int,
    H: int,
    *,
    return_sequences: bool = False,
    return_state: bool = False,
    bidirectional: bool = False,
    merge_mode: str | None = "concat",
) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of all tensors that `SimpleRNN(H)` returns for x (B, T, D), in their order.

    With `bidirectional`, those of `Bidirectional(SimpleRNN(H))`. Other options change no shape.
    """
    output = (B, T, H) if return_sequences else (B, H)
    outputs = (output,)
    if bidirectional and merge_mode is None:
        outputs = (output, output)
    elif bidirectional and merge_mode == "concat":
        outputs = ((*output[:-1], 2 * H),)
    states = ((B, H), (B, H)) if bidirectional else ((B, H),)
    return (*outputs, *states) if return_state else outputs


ASKED = {
    "nothing": {},
    "return_state": dict(return_state=True),
    "both": dict(return_sequences=True, return_state=True),
    "go_backwards": dict(return_sequences=True),  # which changes no shape
    "Bidirectional": dict(bidirectional=True),
    "Bidirectional, both": dict(bidirectional=True, return_sequences=True, return_state=True),
}


def predict_shapes():
    """Build every layer, run it on x (B, T, D) = (2, 7, 3), and look at what comes back."""
    import tensorflow as tf
    from keras import layers

    both = dict(return_sequences=True, return_state=True)
    asked = {
        "nothing": layers.SimpleRNN(5),
        "return_state": layers.SimpleRNN(5, return_state=True),
        "both": layers.SimpleRNN(5, **both),
        "go_backwards": layers.SimpleRNN(5, go_backwards=True, return_sequences=True),
        "Bidirectional": layers.Bidirectional(layers.SimpleRNN(5)),
        "Bidirectional, both": layers.Bidirectional(layers.SimpleRNN(5, **both)),
    }
    x = tf.zeros([2, 7, 3])
    return {
        name: tf.nest.map_structure(lambda part: tuple(part.shape), layer(x))
        for name, layer in asked.items()
    }


def _believing(*replacements, H=5):
    """Return the shapes that somebody expects for whom `returned_shapes` reads as replaced."""
    rule = edited(returned_shapes, *replacements)

    def shapes():
        returned = {name: rule(2, 7, H, **options) for name, options in ASKED.items()}
        return {name: parts if len(parts) > 1 else parts[0] for name, parts in returned.items()}

    return shapes


predict_shapes = Exercise(
    name="predict_shapes",
    answer=predict_shapes,
    returns=tuple(ASKED),
    verified="all six layers, built and run just now, return what you said",
    hints=(
        "For each layer ask: every time step, or the last one only? The output alone, or states"
        " after it? One direction, or two?",
        "`return_state=True` takes nothing away: behind the output comes the last state, (2, 5). A"
        " `Bidirectional` has two layers inside, so it has two states.",
        "The last one returns three tensors: `((2, 7, …), (2, 5), (2, …))`.",
    ),
    misconceptions=(
        Misconception(
            "all time steps are returned without being asked for",
            _believing((" if return_sequences else (B, H)", "")),
            "Without options a recurrent layer returns its last output only, (B, H). It takes"
            " `return_sequences=True` to get one output for each time step.",
            "section 2, what comes back",
        ),
        Misconception(
            "`return_state` returns the state in place of the output",
            _believing(("(*outputs, *states) if return_state", "states if return_state")),
            "It appends: the output stays the first result, and the last state follows. So `out ="
            " layer(x)` gets two things then, and must become `out, state = layer(x)`.",
            "section 2, what comes back",
        ),
        Misconception(
            "`return_state` returns the states of all time steps",
            _believing(
                (
                    "((B, H), (B, H)) if bidirectional else ((B, H),)",
                    "((B, T, H), (B, T, H)) if bidirectional else ((B, T, H),)",
                )
            ),
            "What comes back is the state after the last step, (B, H): all that is needed to read"
            " on. The states of all steps are the outputs, with `return_sequences=True`.",
            "section 2, what comes back",
        ),
        Misconception(
            "`Bidirectional` adds its two halves",
            _believing(("2 * H", "H")),
            'It lays them side by side, so the last axis doubles, unless `merge_mode="sum"` (or'
            ' "ave", or "mul") is'
            " given. Each half has weights of its own.",
            "section 2, both ways",
        ),
        Misconception(
            "the two states of a `Bidirectional` come as one",
            _believing(("((B, H), (B, H)) if bidirectional", "((B, 2 * H),) if bidirectional")),
            "Outputs are joined, states are not: the forward layer's comes first, then the backward"
            " layer's. They are meant to be handed on to two layers, one each.",
            "section 2, what comes back",
        ),
        Misconception(
            "time comes before the batch",
            _believing(("(B, T, H) if", "(T, B, H) if")),
            "Keras has the batch first, going in and coming out: (B, T, D) and (B, T, H). Other"
            " libraries, and older versions of Keras on request, have time first.",
            "section 2, what comes back",
        ),
        Misconception(
            "the outputs are as wide as the inputs",
            _believing(H=3),
            "How many features go in decides the shape of the kernel, and is gone after it. What"
            " comes out is as wide as the state: 5 units.",
            "section 1, one step",
        ),
    ),
)


def keep_the_mask(embedding, gru, tokens):
    """Leave out the first word of each sentence, double the vectors, and read what is real."""
    mask = embedding.compute_mask(tokens)
    e = 2 * embedding(tokens)[:, 1:]
    return gru(e, mask=mask[:, 1:])


def _padded_sentences(rng):
    """Make an embedding with mask_zero, a GRU, and tokens (B, T), padded on the right."""
    from keras import layers

    embedding = layers.Embedding(9, 3, mask_zero=True, embeddings_initializer="zeros")
    gru = layers.GRU(2, kernel_initializer="zeros", recurrent_initializer="zeros", seed=0)
    embedding.build((None, None))
    gru.build((None, None, 3))
    for layer in (embedding, gru):
        layer.set_weights([rng.normal(0, 1, weight.shape) for weight in layer.get_weights()])
    tokens = rng.integers(1, 9, (3, 6))
    for row, length in zip(tokens, rng.permutation([3, 4, 6]), strict=True):
        row[length:] = 0
    return embedding, gru, tokens


_reads = partial(edited, keep_the_mask)

keep_the_mask = Exercise(
    name="keep_the_mask",
    answer=keep_the_mask,
    returns=("states",),
    cases=_padded_sentences,
    axes={"states": "B H"},
    verified="each sentence is read to its own end, and no further",
    hints=(
        "Which line makes a new tensor without a layer? Each of those loses the mask.",
        "`embedding.compute_mask(tokens)` is the mask, (B, T). The GRU takes it: `gru(e, mask=…)`.",
        "The vectors have lost their first step, so the mask must lose it too: `mask[:, 1:]`.",
    ),
    misconceptions=(
        Misconception(
            "the mask is still lost",
            _reads((", mask=mask[:, 1:]", "")),
            "A slice and a product make new tensors, and nothing hangs a mask on them. The GRU"
            " reads the padding as words.",
            "section 3, what loses a mask",
        ),
        Misconception(
            "the mask belongs to the other end",
            _reads(("mask[:, 1:]", "mask[:, :-1]")),
            "It has the right shape, and it is one step late: the first padding of every sentence"
            " is read. Cut the mask where the vectors are cut.",
            "section 3, what loses a mask",
        ),
        Misconception(
            "padding is set to zero, and read",
            _reads(
                (
                    "return gru(e, mask=mask[:, 1:])",
                    "return gru(np.where(mask[:, 1:, None], e, 0).astype('float32'))",
                ),
                ("    mask = ", "    import numpy as np\n\n    mask = "),
            ),
            "A step with zero input is still a step: the state goes through the recurrent weights"
            " and the biases once more. Only a mask skips it.",
            "section 3, masks",
        ),
        Misconception(
            "the mask is the wrong way round",
            _reads(("mask=mask[:, 1:]", "mask=~mask[:, 1:]")),
            "In Keras True means a real step. This reads nothing but the padding, and where there"
            " is none it returns zeros.",
            "section 3, masks",
        ),
        Misconception(
            "the first word is read as well",
            _reads(("[:, 1:]\n", "\n"), ("mask=mask[:, 1:]", "mask=mask")),
            "The mask arrives, but the slice is gone. The sentences should lose their first word,"
            " as in the function that was to be repaired.",
            "section 3, the text of the exercise",
        ),
    ),
)


def in_chunks(layer, x, size):
    """Read x (B, T, D) in chunks of `size` steps at most; return the outputs (B, T, H)."""
    state, outputs = None, []
    for start in range(0, x.shape[1], size):
        out, *state = layer(x[:, start : start + size], initial_state=state)
        outputs.append(out)
    return np.concatenate(outputs, axis=1)


def _layer_and_stream(rng):
    """Make an LSTM that returns everything, x (B, T, D), and a size that does not divide T."""
    from keras import layers

    size = int(rng.integers(2, 5))
    T = size * int(rng.integers(2, 4)) + 1
    layer = layers.LSTM(
        3,
        return_sequences=True,
        return_state=True,
        kernel_initializer="zeros",
        recurrent_initializer="zeros",
        seed=0,
    )
    layer.build((None, None, 4))
    layer.set_weights([rng.normal(0, 0.8, weight.shape) for weight in layer.get_weights()])
    B = int(rng.integers(2, 5))
    return layer, rng.normal(size=(B, T, 4)).astype("float32"), size


_chunks = partial(edited, in_chunks)

in_chunks = Exercise(
    name="in_chunks",
    answer=in_chunks,
    returns=("outputs",),
    cases=_layer_and_stream,
    axes={"x": "B T D", "outputs": "B T H"},
    verified="what the whole sequence gives, for chunks of any size and an LSTM with two states",
    hints=(
        "The layer returns its outputs and then its states: one for a GRU, two for an LSTM. What"
        " must the next chunk start from?",
        "`out, *state = layer(chunk, initial_state=state)` takes any number of states. For the"
        " first chunk `initial_state=None` is zeros.",
        "`x[:, start : start + size]` for `start` in `range(0, T, size)`: the last chunk is shorter"
        " by itself. At the end `np.concatenate(outputs, axis=1)`.",
    ),
    misconceptions=(
        Misconception(
            "every chunk starts from zeros",
            _chunks(("out, *state", "out, *_")),
            "So the network forgets at every border of two chunks, and its answers depend on where"
            " you cut. Hand the states on.",
            "section 6, a sequence in pieces",
        ),
        Misconception(
            "the last chunk is left out",
            _chunks(("range(0, x.shape[1], size)", "range(0, x.shape[1] - size + 1, size)")),
            "The number of steps need not be a multiple of the size. The last chunk is shorter, and"
            " must be read like the others.",
            "section 6, the text of the exercise",
        ),
        Misconception(
            "c is not carried on",
            _chunks(("outputs.append(out)", "outputs.append(out)\n        state[1] *= 0")),
            "An LSTM has two states, h and c. What it remembers is in c, so handing on h alone"
            " loses nearly everything.",
            "section 2, two states",
        ),
        Misconception(
            "h and c change places",
            _chunks(("outputs.append(out)", "outputs.append(out)\n        state = state[::-1]")),
            "The states come out in the order in which they go in, h and then c. Both have the same"
            " shape, so nothing complains when they are swapped.",
            "section 2, two states",
        ),
        Misconception(
            "chunks overlap by one step",
            _chunks(("start : start + size]", "max(start - 1, 0) : start + size]")),
            "A step that is read twice changes the state twice. The next chunk begins at the step"
            " after the last one of this chunk.",
            "section 6, a sequence in pieces",
        ),
    ),
)


class ClassExercise(Exercise):
    """An exercise whose answer is a class, which the reference solution defines and returns."""

    @property
    def source(self) -> str:
        """The class, as one would write it above the stub's line."""
        written = textwrap.dedent(inspect.getsource(self.answer).split("\n\n", 1)[1]).rstrip()
        definition, name = written.rsplit("\nreturn ", 1)
        return f"{definition.rstrip()}\n\n\n{self.name} = {name}"


def leaky_cell():
    """Return the class `LeakyCell`."""
    import keras

    @keras.saving.register_keras_serializable(package="leaky")
    class LeakyCell(keras.layers.Layer):
        def __init__(self, units, a, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = self.output_size = units
            self.a = a

        def build(self, input_shape):
            H, new = self.units, self.add_weight
            self.W_xh = new(shape=(input_shape[-1], H), name="kernel")
            self.W_hh = new(shape=(H, H), initializer="orthogonal", name="recurrent_kernel")
            self.b = new(shape=(H,), initializer="zeros", name="bias")

        def call(self, x_t, states):
            (h_prev,) = states
            z_t = keras.ops.matmul(x_t, self.W_xh) + keras.ops.matmul(h_prev, self.W_hh) + self.b
            h_t = (1 - self.a) * h_prev + self.a * keras.ops.tanh(z_t)
            return h_t, [h_t]

        def get_config(self):
            return super().get_config() | {"units": self.units, "a": self.a}

    return LeakyCell


def saved_and_loaded(cell_class, params, a, x, mask):
    """Return the states of `RNN(cell_class(H, a))` with these weights; and again, once loaded."""
    import keras

    inputs = keras.Input(x.shape[1:])
    reader = keras.layers.RNN(cell_class(len(params[1]), a), return_sequences=True)
    model = keras.Model(inputs, reader(inputs))
    model.set_weights(params)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.keras"
        model.save(path)
        # Two classes of one name may be registered: this answer's is meant.
        names = {cell_class.__name__, keras.saving.get_registered_name(cell_class)}
        with keras.saving.custom_object_scope(dict.fromkeys(names, cell_class)):
            loaded = keras.models.load_model(path)
    return tuple(m.layers[-1](x, mask=mask).numpy() for m in (model, loaded))


def _leaky_network(rng):
    D, H = (int(n) for n in rng.choice([2, 3, 4], 2, replace=False))
    params = [rng.normal(0, 0.8, shape).astype("float32") for shape in ((D, H), (H, H), (H,))]
    mask = np.arange(6) < np.array([[6], [4]])
    x = rng.normal(size=(2, 6, D)).astype("float32")
    return params, round(float(rng.uniform(0.1, 0.6)), 2), x, mask


_leaks = partial(edited, leaky_cell)

leaky_cell = ClassExercise(
    name="leaky_cell",
    answer=leaky_cell,
    returns=("states", "states after loading"),
    cases=_leaky_network,
    ask=saved_and_loaded,
    verified="the states, masked steps included, and the same once more from a saved file",
    hints=(
        "Take the cell of this section. Three places change: `__init__` takes `a`, `call` mixes,"
        " and one more method must know of `a`.",
        "h_t = (1 − a) h_{t−1} + a tanh(z_t). The output and the new state are h_t: return `h_t,"
        " [h_t]`.",
        '`get_config` must return what `__init__` needs: `super().get_config() | {"units":'
        ' self.units, "a": self.a}`.',
    ),
    misconceptions=(
        Misconception(
            "the loaded cell has another leak",
            _leaks(("units, a, **", "units, a=0.9, **"), (', "a": self.a', "")),
            "`get_config` does not mention `a`, so a loaded cell is made with the default, and"
            " nothing complains. It must return everything that `__init__` needs.",
            "section 5, the table",
        ),
        Misconception(
            "a stands on the wrong term",
            _leaks(
                ("(1 - self.a) * h_prev + self.a *", "self.a * h_prev + (1 - self.a) *"),
            ),
            "With a near 0 the unit should change slowly: it keeps the share 1 − a of its old"
            " state. Yours keeps the share a.",
            "section 5, the text of the exercise",
        ),
        Misconception(
            "the leak is inside the tanh",
            _leaks(
                (
                    "h_t = (1 - self.a) * h_prev + self.a * keras.ops.tanh(z_t)",
                    "h_t = keras.ops.tanh((1 - self.a) * h_prev + self.a * z_t)",
                )
            ),
            "What is kept of the old state is added as it is, after the tanh. Inside it, the state"
            " would shrink at every step, whatever a is.",
            "section 5, the text of the exercise",
        ),
        Misconception(
            "the old state is not there any more",
            _leaks(("(1 - self.a) * h_prev + ", "")),
            "This is the plain cell, times a. The share 1 − a of the old state should stay in h_t."
            " That is the leak.",
            "section 5, the text of the exercise",
        ),
        Misconception(
            "what is handed on is tanh, not the mixture",
            _leaks(("return h_t, [h_t]", "return h_t, [keras.ops.tanh(z_t)]")),
            "The output is right at the first step, but the state that the next step finds is not"
            " h_t. Cells return two things, and the second is what is remembered.",
            "section 1, one step",
        ),
    ),
)

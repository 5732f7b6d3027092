"""The exercises of the workshop on five routes: the loop around a cell, and a mask in it."""

from helpers.teaching.exercises.engine import Exercise, Misconception, edited


def half_cell(rng, size):
    """Make a Keras cell with D = H = size and random weights, whose output is half its state."""
    from keras import layers

    class HalfCell(layers.SimpleRNNCell):
        def call(self, sequence, states, training=False):
            out, states = super().call(sequence, states, training)
            return out / 2, states

    # Fixed initializers and seed: nothing is drawn from the random numbers that the notebook has
    # seeded.
    cell = HalfCell(size, kernel_initializer="zeros", recurrent_initializer="zeros", seed=0)
    cell.build((None, size))
    cell.set_weights([*rng.normal(0, 0.6, (2, size, size)), rng.normal(0, 0.5, size)])
    return cell


def small_sequence(rng):
    """Draw x (B, T, D) with B < T < D, so that no axis can be taken for another."""
    B = int(rng.integers(2, 4))
    T = B + int(rng.integers(1, 3))
    return rng.normal(size=(B, T, T + 1)).astype("float32")


def _cell_and_sequence(rng):
    x = small_sequence(rng)
    return half_cell(rng, x.shape[-1]), x


def _cell_sequence_and_mask(rng):
    x = small_sequence(rng)
    mask = rng.random(x.shape[:2]) < 0.6
    mask[0, :3] = True, False, True  # a gap, and a row that has none
    mask[1] = True
    return half_cell(rng, x.shape[-1]), x, mask


def unroll_cell(cell, x):
    """Call `cell` once for each time step of x (B, T, D), from zero states.

    Return all outputs (B, T, H).
    """
    import tensorflow as tf

    h = cell.get_initial_state(batch_size=len(x))
    outputs = []
    for x_t in tf.unstack(x, axis=1):
        out, h = cell(x_t, h)
        outputs.append(out)
    return tf.stack(outputs, axis=1)


unroll_cell = Exercise(
    name="unroll_cell",
    answer=unroll_cell,
    returns=("outputs",),
    cases=_cell_and_sequence,
    axes={"outputs": "B T H"},
    verified="every output, for random sizes and for a cell whose output is not its state",
    hints=(
        (
            "Three parts: the state before the first step, a loop over the time steps, and a list"
            " of what comes out."
        ),
        "`cell.get_initial_state(batch_size=len(x))` makes the zeros, already as a list."
        " `tf.unstack(x, axis=1)` cuts x into its time steps.",
        (
            "In the loop `out, h = cell(x_t, h)`, then `outputs.append(out)`; after it"
            " `tf.stack(outputs, axis=…)`."
        ),
    ),
    misconceptions=(
        Misconception(
            "the state is not carried on",
            edited(unroll_cell, ("out, h = cell", "out, _ = cell")),
            "Every step starts from the same zeros, so each output knows one time step only. The"
            " state that comes out of one call must go into the next.",
            "section 2, route 3",
        ),
        Misconception(
            "the output is handed on in place of the state",
            edited(
                unroll_cell, ("out, h = cell(x_t, h)", "out, _ = cell(x_t, h)\n        h = [out]")
            ),
            "For a `SimpleRNNCell` the output is the state, so there you would not notice. Cells"
            " may return anything as output; what belongs into the next call is their second"
            " result, the list of states.",
            "section 2, route 3: the states are a list",
        ),
        Misconception(
            "the states are collected in place of the outputs",
            edited(unroll_cell, ("append(out)", "append(h[0])")),
            "The two are the same for a `SimpleRNNCell`, but the check uses a cell whose output is"
            " half its state. The first result of a call is the output.",
            "section 2, route 3: output and state",
        ),
        Misconception(
            "the state before the step is collected",
            edited(
                unroll_cell,
                (
                    "out, h = cell(x_t, h)\n        outputs.append(out)",
                    "outputs.append(h[0])\n        _, h = cell(x_t, h)",
                ),
            ),
            "So the first entry is h_0, and everything comes one step late; the last output is"
            " lost. Call the cell first, then keep what it returned.",
            "section 2, route 3",
        ),
        Misconception(
            "only the last output is returned",
            edited(unroll_cell, ("return tf.stack(outputs, axis=1)", "return out")),
            "That is what `SimpleRNN` does unless told otherwise, shape (B, H). Here all outputs"
            " are asked for, one for each time step: (B, T, H).",
            "section 2, route 3",
        ),
        Misconception(
            "time comes first in the result",
            edited(unroll_cell, ("tf.stack(outputs, axis=1)", "tf.stack(outputs)")),
            "`tf.stack` puts its new axis in front unless it is told where, which makes (T, B, H)."
            " Keras, and all code of this course, has the batch first.",
            "section 2, route 3",
        ),
        Misconception(
            "the first time step is read twice",
            edited(
                unroll_cell, ("    outputs = []", "    _, h = cell(x[:, 0], h)\n    outputs = []")
            ),
            "The state that the loop starts from has already seen x_1, and then the loop reads x_1"
            " again. It must start from h_0, which has seen nothing.",
            "section 2, route 3",
        ),
    ),
)


def masked_cell(cell, x, mask):
    """Read x (B, T, D) from zeros, carrying the state through where mask (B, T) is False."""
    import tensorflow as tf

    (h,) = cell.get_initial_state(batch_size=len(x))
    states = []
    for x_t, real in zip(tf.unstack(x, axis=1), tf.unstack(mask, axis=1), strict=True):
        _, (h_new,) = cell(x_t, [h])
        h = tf.where(real[:, None], h_new, h)
        states.append(h)
    return tf.stack(states, axis=1)


masked_cell = Exercise(
    name="masked_cell",
    answer=masked_cell,
    returns=("states",),
    cases=_cell_sequence_and_mask,
    axes={"states": "B T H"},
    verified="every state, carried through every gap, for random masks",
    hints=(
        (
            "Let the cell compute a new state for every row, real or not. Then decide row by row"
            " which state counts."
        ),
        "`tf.where(condition, a, b)` takes from a where the condition holds, else from b. The"
        " condition is `mask[:, t]`, shape (B,); make it (B, 1) with `[:, None]`.",
        (
            "`_, (h_new,) = cell(x_t, [h])`, then `h = tf.where(real[:, None], h_new, …)`, then"
            " keep h."
        ),
    ),
    misconceptions=(
        Misconception(
            "the mask is ignored",
            edited(masked_cell, ("tf.where(real[:, None], h_new, h)", "h_new")),
            "The cell reads the padding as if it were a word, and the state moves. A masked step"
            " must leave the state as it is.",
            "section 4, masks",
        ),
        Misconception(
            "the state is set to zero at masked steps",
            edited(masked_cell, ("h_new, h)", "h_new, tf.zeros_like(h))")),
            "So a gap wipes out the memory of everything before it, and after right padding nothing"
            " is left. To skip a step means to keep the state that was there.",
            "section 4, masks",
        ),
        Misconception(
            "the mask is turned round: real steps are skipped",
            edited(masked_cell, ("h_new, h)", "h, h_new)")),
            "In Keras True means a real step and False means padding. You carry the state through"
            " the words and read the padding.",
            "section 4, masks",
        ),
        Misconception(
            "the input is set to zero at masked steps, and the cell reads it",
            edited(
                masked_cell,
                ("cell(x_t, [h])", "cell(tf.where(real[:, None], x_t, tf.zeros_like(x_t)), [h])"),
                ("tf.where(real[:, None], h_new, h)", "h_new"),
            ),
            "A step with zero input is still a step: the state goes through W_hh and tanh once"
            " more, and the bias is added. Only keeping the old state skips it.",
            "section 4, masks",
        ),
        Misconception(
            "the output is zero at masked steps",
            edited(
                masked_cell,
                ("append(h)", "append(tf.where(real[:, None], h, tf.zeros_like(h)))"),
            ),
            "You do carry the state through, but what you return has holes. The state after a"
            " masked step is the one before it, and this is also what the step returns.",
            "section 4, masks",
        ),
        Misconception(
            "the state moves on behind the mask",
            edited(
                masked_cell,
                (
                    "h = tf.where(real[:, None], h_new, h)",
                    "shown = tf.where(real[:, None], h_new, shown)",
                ),
                ("append(h)", "append(shown)\n        h = h_new"),
                ("    states = []", "    states, shown = [], h"),
            ),
            "What you return looks right inside a gap, but the state that goes into the next call"
            " has read the padding. The state itself must be chosen by the mask.",
            "section 4, masks",
        ),
        Misconception(
            "one masked row stops the whole batch",
            edited(masked_cell, ("real[:, None]", "tf.reduce_all(real)")),
            "Rows of a batch have nothing to do with each other: one sentence ends, another goes"
            " on. The mask decides for every row by itself, which is why it has the shape (B, T).",
            "section 4, masks",
        ),
    ),
)

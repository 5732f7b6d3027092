"""Chapter 6's exercises: a cell in a loop, two layers, shapes, the states left over, and a mask.

Keras is imported by the functions that need it, so that importing the exercises stays quick.
"""

from helpers.teaching.exercises.engine import Exercise, Misconception, edited


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


def _cell(rng, size):
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


def _sequence(rng):
    """Draw x (B, T, D) with B < T < D, so that no axis can be taken for another."""
    B = int(rng.integers(2, 4))
    T = B + int(rng.integers(1, 3))
    return rng.normal(size=(B, T, T + 1)).astype("float32")


def _cell_and_sequence(rng):
    x = _sequence(rng)
    return _cell(rng, x.shape[-1]), x


def _two_cells_and_sequence(rng):
    x = _sequence(rng)
    return _cell(rng, x.shape[-1]), _cell(rng, x.shape[-1]), x


def _cell_sequence_and_mask(rng):
    x = _sequence(rng)
    mask = rng.random(x.shape[:2]) < 0.6
    mask[0, :3] = True, False, True  # a gap, and a row that has none
    mask[1] = True
    return _cell(rng, x.shape[-1]), x, mask


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
            "section 2, the loop",
        ),
        Misconception(
            "the output is handed on in place of the state",
            edited(
                unroll_cell, ("out, h = cell(x_t, h)", "out, _ = cell(x_t, h)\n        h = [out]")
            ),
            "For a `SimpleRNNCell` the output is the state, so there you would not notice. Cells"
            " may return anything as output; what belongs into the next call is their second"
            " result, the list of states.",
            "section 1, where the state is a list",
        ),
        Misconception(
            "the states are collected in place of the outputs",
            edited(unroll_cell, ("append(out)", "append(h[0])")),
            "The two are the same for a `SimpleRNNCell`, but the check uses a cell whose output is"
            " half its state. The first result of a call is the output.",
            "section 1, where the output is the new state",
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
            "section 2, the loop",
        ),
        Misconception(
            "only the last output is returned",
            edited(unroll_cell, ("return tf.stack(outputs, axis=1)", "return out")),
            "That is what `SimpleRNN` does unless told otherwise, shape (B, H). Here all outputs"
            " are asked for, one for each time step: (B, T, H).",
            "section 2, the loop",
        ),
        Misconception(
            "time comes first in the result",
            edited(unroll_cell, ("tf.stack(outputs, axis=1)", "tf.stack(outputs)")),
            "`tf.stack` puts its new axis in front unless it is told where, which makes (T, B, H)."
            " Keras, and all code of this course, has the batch first.",
            "section 2, the loop",
        ),
        Misconception(
            "the first time step is read twice",
            edited(
                unroll_cell, ("    outputs = []", "    _, h = cell(x[:, 0], h)\n    outputs = []")
            ),
            "The state that the loop starts from has already seen x_1, and then the loop reads x_1"
            " again. It must start from h_0, which has seen nothing.",
            "section 2, the loop",
        ),
    ),
)


def stack_two(lower, upper, x):
    """Read x (B, T, D) with two cells, layer by layer, both from zero states.

    Return upper's outputs (B, T, H).
    """
    import tensorflow as tf

    h = lower.get_initial_state(batch_size=len(x))
    middle_sequence = []
    for x_t in tf.unstack(x, axis=1):
        middle_t, h = lower(x_t, h)
        middle_sequence.append(middle_t)

    h = upper.get_initial_state(batch_size=len(x))
    outputs = []
    for m_t in middle_sequence:
        out, h = upper(m_t, h)
        outputs.append(out)
    return tf.stack(outputs, axis=1)


def stacked_with_one_state(lower, upper, x):
    """Read step by step, but with a single state that both layers overwrite."""
    import tensorflow as tf

    h = lower.get_initial_state(batch_size=len(x))
    outputs = []
    for x_t in tf.unstack(x, axis=1):
        middle_t, h = lower(x_t, h)
        out, h = upper(middle_t, h)
        outputs.append(out)
    return tf.stack(outputs, axis=1)


stack_two = Exercise(
    name="stack_two",
    answer=stack_two,
    returns=("outputs",),
    cases=_two_cells_and_sequence,
    axes={"outputs": "B T H"},
    verified=(
        "every output of the upper layer, in whichever order you computed them, for random"
        " sizes and weights"
    ),
    hints=(
        (
            "Step by step takes one loop with two calls; layer by layer takes two loops. Both"
            " orders pass."
        ),
        (
            "Each layer needs a state of its own, and both start from zeros:"
            " `lower.get_initial_state(batch_size=len(x))`."
        ),
        (
            "In one loop: `middle_t, h_lower = lower(x_t, h_lower)`, then `out, h_upper ="
            " upper(middle_t, …)`."
        ),
    ),
    misconceptions=(
        Misconception(
            "the upper layer reads x",
            edited(stack_two, ("in middle_sequence", "in tf.unstack(x, axis=1)")),
            "These are two layers side by side, and the lower one does nothing. The input of the"
            " upper layer is the output of the lower one; the shapes did not stop you because here"
            " D = H.",
            "section 3, the grid",
        ),
        Misconception(
            "the lower cell is used for both layers",
            edited(stack_two, ("upper(m_t, h)", "lower(m_t, h)")),
            "One cell is one set of weights, so this is a network that reads its own output with"
            " the same weights. Two layers need two cells.",
            "section 3, the two cells",
        ),
        Misconception(
            "the upper layer starts from the lower layer's last state",
            edited(stack_two, ("    h = upper.get_initial_state(batch_size=len(x))\n", "")),
            "The name h still holds what the first loop left in it. Nothing complains, since the"
            " shapes agree; but the upper layer must start from zeros too.",
            "section 4, the states that were left over",
        ),
        Misconception(
            "both layers share one state",
            stacked_with_one_state,
            "Each layer overwrites the state that the other needs, so that both read a stranger's"
            " memory. With two names, h_lower and h_upper, every layer gets back its own.",
            "section 3, step by step",
        ),
        Misconception(
            "the upper layer's state is not carried on",
            edited(stack_two, ("out, h = upper", "out, _ = upper")),
            "So the upper layer is a dense layer on the lower one's output: it remembers nothing"
            " itself. In the grid, every place also needs the number to its left.",
            "section 3, the grid",
        ),
        Misconception(
            "the upper layer reads the lower one's last output at every step",
            edited(stack_two, ("upper(m_t, h)", "upper(middle_t, h)")),
            "After the first loop that name holds the last output, and the second loop never looks"
            " at the others. So it reads one vector T times, not the sequence.",
            "section 3, layer by layer",
        ),
    ),
)


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
            "section 6, the table",
        ),
        Misconception(
            "`return_state` returns the state in place of the output",
            _believing(("(*outputs, *states) if return_state", "states if return_state")),
            "It appends: the output stays the first result, and the last state follows. So `out ="
            " layer(x)` gets two things then, and must become `out, state = layer(x)`.",
            "section 6, the table",
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
            "section 6, the table",
        ),
        Misconception(
            "`Bidirectional` adds its two halves",
            _believing(("2 * H", "H")),
            'It lays them side by side, so the last axis doubles, unless `merge_mode="sum"` (or'
            ' "ave", or "mul") is'
            " given. Each half has weights of its own.",
            "section 6, backwards",
        ),
        Misconception(
            "the two states of a `Bidirectional` come as one",
            _believing(("((B, H), (B, H)) if bidirectional", "((B, 2 * H),) if bidirectional")),
            "Outputs are joined, states are not: the forward layer's comes first, then the backward"
            " layer's. They are meant to be handed on to two layers, one each.",
            "section 6, the table",
        ),
        Misconception(
            "time comes before the batch",
            _believing(("(B, T, H) if", "(T, B, H) if")),
            "Keras has the batch first, going in and coming out: (B, T, D) and (B, T, H). Other"
            " libraries, and older versions of Keras on request, have time first.",
            "section 10, exhibit 2",
        ),
        Misconception(
            "the outputs are as wide as the inputs",
            _believing(H=3),
            "How many features go in decides the shape of the kernel, and is gone after it. What"
            " comes out is as wide as the state: 5 units.",
            "section 1, the three variables",
        ),
    ),
)


# The notes' two loops. Chapter 6 shows these lines with their numbers.
TWO_ORDERS = """\
h_lower, h_upper = zeros(), zeros()
for x_t in tf.unstack(x, axis=1):
    out_lower, h_lower = lower(x_t, h_lower)
    first, h_upper = upper(out_lower, h_upper)
middle_sequence = []
for x_t in tf.unstack(x, axis=1):
    out_lower, h_lower = lower(x_t, h_lower)
    middle_sequence.append(out_lower)
for middle_t in middle_sequence:
    second, h_upper = upper(middle_t, h_upper)
"""


def both_orders(set_back, lower, upper, x):
    """Run TWO_ORDERS with `h_… = zeros()` written in before the lines named.

    Return `first` and `second`.
    """
    import tensorflow as tf

    lines = TWO_ORDERS.splitlines()
    program = []
    for state in ("h_lower", "h_upper"):
        if set_back[state] not in (None, *range(1, len(lines) + 1)):
            raise ValueError(
                f"{state} must be a line number from 1 to {len(lines)} or None, got"
                f" {set_back[state]!r}"
            )
    for number, line in enumerate(lines, 1):
        indent = line[: len(line) - len(line.lstrip())]
        program += [
            f"{indent}{state} = zeros()"
            for state in ("h_lower", "h_upper")
            if set_back[state] == number
        ]
        program.append(line)
    names = {"tf": tf, "lower": lower, "upper": upper, "x": x}
    names["zeros"] = lambda: lower.get_initial_state(batch_size=len(x))
    exec("\n".join(program), names)
    return names["first"], names["second"]


def find_the_leak():
    """Before line 6 the lower layer is about to start again, and before line 9 the upper one."""
    return {"h_lower": 6, "h_upper": 9}


find_the_leak = Exercise(
    name="find_the_leak",
    answer=find_the_leak,
    returns=("first", "second"),
    cases=_two_cells_and_sequence,
    ask=both_orders,
    verified="with your two lines written in, both orders give the same output",
    hints=(
        (
            "A state must be zero when its layer starts to read a sequence. How often does each"
            " layer start?"
        ),
        "Each layer starts twice: once in the first loop, and once more further down. Only the"
        " first time has its zeros, in line 1.",
        (
            "A line inside a loop runs at every step. So write it before the `for` of the loop in"
            " which the layer starts."
        ),
    ),
    misconceptions=(
        Misconception(
            "the lower layer still starts from the states left over",
            lambda: {"h_lower": None, "h_upper": 9},
            "In its second run the lower layer continues where the first run ended, so every number"
            " that the upper one reads is another. Both layers start again, so both need zeros.",
            "section 4, the states that were left over",
        ),
        Misconception(
            "the upper layer still starts from the states left over",
            lambda: {"h_lower": 6, "h_upper": None},
            "The lower layer is repaired, and the upper one continues from where the first order"
            " ended. Both layers start again, so both need zeros.",
            "section 4, the states that were left over",
        ),
        Misconception(
            "nothing has changed",
            lambda: {"h_lower": 1, "h_upper": 2},
            "The states were zero there already, or are not used any more. They hold something else"
            " by the time the second order begins.",
            "section 4, the states that were left over",
        ),
        Misconception(
            "both states are set back at every step of the second order",
            lambda: {"h_lower": 7, "h_upper": 10},
            "A line inside a loop runs at every step, so nothing is carried on at all: a network"
            " without memory. Once, before the loop, is what it takes.",
            "section 2, the loop",
        ),
        Misconception(
            "the lower state is set back at every step",
            lambda: {"h_lower": 7, "h_upper": 9},
            "A line inside a loop runs at every step, so the lower layer forgets all but the step"
            " at hand. Once, before the loop, is what it takes.",
            "section 2, the loop",
        ),
        Misconception(
            "the upper state is set back at every step",
            lambda: {"h_lower": 6, "h_upper": 10},
            "A line inside a loop runs at every step, so the upper layer forgets all but the step"
            " at hand. Once, before the loop, is what it takes.",
            "section 2, the loop",
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
            "section 6, masks",
        ),
        Misconception(
            "the state is set to zero at masked steps",
            edited(masked_cell, ("h_new, h)", "h_new, tf.zeros_like(h))")),
            "So a gap wipes out the memory of everything before it, and after right padding nothing"
            " is left. To skip a step means to keep the state that was there.",
            "section 6, masks",
        ),
        Misconception(
            "the mask is turned round: real steps are skipped",
            edited(masked_cell, ("h_new, h)", "h, h_new)")),
            "In Keras True means a real step and False means padding. You carry the state through"
            " the words and read the padding.",
            "section 6, masks",
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
            "section 6, masks",
        ),
        Misconception(
            "the output is zero at masked steps",
            edited(
                masked_cell,
                ("append(h)", "append(tf.where(real[:, None], h, tf.zeros_like(h)))"),
            ),
            "You do carry the state through, but what you return has holes. The state after a"
            " masked step is the one before it, and this is also what the step returns.",
            "section 6, masks",
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
            "section 6, masks",
        ),
        Misconception(
            "one masked row stops the whole batch",
            edited(masked_cell, ("real[:, None]", "tf.reduce_all(real)")),
            "Rows of a batch have nothing to do with each other: one sentence ends, another goes"
            " on. The mask decides for every row by itself, which is why it has the shape (B, T).",
            "section 6, masks",
        ),
    ),
)

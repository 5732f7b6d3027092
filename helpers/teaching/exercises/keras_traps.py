"""The exercises of the workshop on traps: the states left over, and where a mask arrives."""

import warnings
from functools import cache

from helpers.teaching.exercises.engine import Exercise, Misconception
from helpers.teaching.exercises.five_routes import half_cell, small_sequence

import numpy as np


def _two_cells_and_sequence(rng):
    x = small_sequence(rng)
    return half_cell(rng, x.shape[-1]), half_cell(rng, x.shape[-1]), x


# Two layers in two orders. The workshop shows these lines with their numbers.
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
            "section 2, states left over",
        ),
        Misconception(
            "the upper layer still starts from the states left over",
            lambda: {"h_lower": 6, "h_upper": None},
            "The lower layer is repaired, and the upper one continues from where the first order"
            " ended. Both layers start again, so both need zeros.",
            "section 2, states left over",
        ),
        Misconception(
            "nothing has changed",
            lambda: {"h_lower": 1, "h_upper": 2},
            "The states were zero there already, or are not used any more. They hold something else"
            " by the time the second order begins.",
            "section 2, states left over",
        ),
        Misconception(
            "both states are set back at every step of the second order",
            lambda: {"h_lower": 7, "h_upper": 10},
            "A line inside a loop runs at every step, so nothing is carried on at all: a network"
            " without memory. Once, before the loop, is what it takes.",
            "section 2, the program",
        ),
        Misconception(
            "the lower state is set back at every step",
            lambda: {"h_lower": 7, "h_upper": 9},
            "A line inside a loop runs at every step, so the lower layer forgets all but the step"
            " at hand. Once, before the loop, is what it takes.",
            "section 2, the program",
        ),
        Misconception(
            "the upper state is set back at every step",
            lambda: {"h_lower": 6, "h_upper": 10},
            "A line inside a loop runs at every step, so the upper layer forgets all but the step"
            " at hand. Once, before the loop, is what it takes.",
            "section 2, the program",
        ),
    ),
)


# Each reads `e`, the masked vectors of a sentence's tokens. The workshop shows these expressions.
PIPELINES = (
    "LayerNormalization()(e)",
    "Dropout(0.5)(e[:, 1:])",
    "Dense(4)(e)",
    "Add()([e, e])",
    "Lambda(lambda e: 2 * e)(e)",
    "Conv1D(4, 3, padding='causal')(e)",
    "Bidirectional(GRU(4, return_sequences=True))(e)",
    "Concatenate()([e, 2 * e])",
)


@cache
def _arrives(pipeline):
    """Whether a GRU above `pipeline` reads padded sentences as it reads each one alone."""
    import keras
    from keras import layers

    rng = np.random.default_rng(0)
    sentences = [rng.integers(1, 10, length) for length in (3, 4, 6)]
    padded = np.array([np.pad(s, (0, 6 - len(s))) for s in sentences])
    tokens = keras.Input((None,), dtype="int32")
    start = keras.initializers.RandomNormal(seed=0)
    with warnings.catch_warnings():  # Conv1D says that it drops the mask: that is the question
        warnings.simplefilter("ignore")
        e = layers.Embedding(10, 4, mask_zero=True, embeddings_initializer=start)(tokens)
        above = layers.GRU(3)(eval(pipeline, vars(layers) | {"e": e}))  # the course's own text
        model = keras.Model(tokens, above)
        alone = np.concatenate([model(s[None]) for s in sentences])
        return bool(np.abs(model(padded) - alone).max() < 1e-5)


def mask_arrives():
    """Each one was built and run: padded sentences against every sentence alone."""
    return {pipeline: _arrives(pipeline) for pipeline in PIPELINES}


def _said(value, *pipelines):
    """Return an answer that takes `pipelines` for `value`, and is right elsewhere."""
    return lambda: mask_arrives.answer() | dict.fromkeys(pipelines, value)


NORMALIZED, SLICE, DENSE, ADD, LAMBDA, CONV, BOTH_WAYS, CONCATENATE = PIPELINES

mask_arrives = Exercise(
    name="mask_arrives",
    answer=mask_arrives,
    returns=PIPELINES,
    verified="where the mask arrives, as Keras itself shows when it runs them",
    hints=(
        "A mask hangs on a tensor. Who makes the new tensor: a layer, or plain arithmetic?",
        "A layer passes the mask on only if it is known to return one step for each step of its"
        " input. Which of these layers can do anything at all, and which mix neighbouring steps?",
        "Three layers here do not bring the mask to the GRU. One of them joins a tensor that has a"
        " mask with one that has none.",
    ),
    misconceptions=(
        Misconception(
            "whatever changes the numbers loses the mask",
            _said(False, *PIPELINES),
            "The mask says which steps are real, and new numbers at the same steps do not change"
            " that. Most layers that work step by step pass it on.",
            "section 3, masks lost",
        ),
        Misconception(
            "every layer passes the mask on",
            _said(True, LAMBDA, CONV, CONCATENATE),
            "A layer must say that it supports masks. A Lambda may do anything, so it does not; a"
            " convolution mixes neighbouring steps, and does not either.",
            "section 3, masks lost",
        ),
        Misconception(
            "Dropout brings back the mask that the slice has lost",
            _said(True, SLICE),
            "Brackets make a new tensor without a mask, and a layer above can pass on only what it"
            " gets. The slice must be made inside a layer, or the mask given by hand.",
            "section 3, masks lost",
        ),
        Misconception(
            "a Lambda passes the mask on, being a layer",
            _said(True, LAMBDA),
            "A Lambda may return anything, also another number of steps, so Keras does not pass the"
            " mask on. Give it `mask=` at the layer above, or write a layer of your own.",
            "section 3, masks lost",
        ),
        Misconception(
            "a convolution passes the mask on, since it returns one step for each step",
            _said(True, CONV),
            "The number of steps is the same, but each one is a mixture of neighbours, some of them"
            " padding perhaps. Keras drops the mask, and says so in a warning.",
            "section 3, masks lost",
        ),
        Misconception(
            "one masked input is enough for Concatenate",
            _said(True, CONCATENATE),
            "`2 * e` has no mask, and Concatenate takes a missing mask for one that is all True. A"
            " step counts as real when either mask says so, hence every step does.",
            "section 3, masks lost",
        ),
        Misconception(
            "a recurrent layer uses the mask up",
            _said(False, BOTH_WAYS),
            "It uses the mask and passes it on, as long as it returns one output for each step. So"
            " recurrent layers can be stacked over one embedding.",
            "section 3, masks lost",
        ),
    ),
)

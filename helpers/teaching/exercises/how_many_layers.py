"""The exercises of the workshop on layers: widths for a budget, and a sweep through skips."""

from helpers.numpy_rnn import init_params, rnn_backward, rnn_forward
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np


def width_for_budget(depth, D, budget):
    """Return the largest H with which `depth` layers and D inputs have at most `budget` weights."""

    def weights(H):
        return H * (D + H + 1) + (depth - 1) * H * (H + H + 1)

    H = 0
    while weights(H + 1) <= budget:
        H += 1
    return H


def _budget(rng):
    depth, D = int(rng.integers(2, 9)), int(rng.integers(3, 40))
    return depth, D, int(rng.integers(500, 20_000))


width_for_budget = Exercise(
    name="width_for_budget",
    answer=width_for_budget,
    returns=("H",),
    cases=_budget,
    verified="the largest width that the budget allows",
    hints=(
        "How many weights has the first layer, and how many has each of the others? They differ in"
        " what they read.",
        "A layer has a matrix for its inputs, H × H for its states, and H biases. The first layer's"
        " inputs are D numbers, those of the others H.",
        "`H * (D + H + 1) + (depth - 1) * H * (2 * H + 1)`; raise H while the next one still fits.",
    ),
    misconceptions=(
        Misconception(
            "every layer reads the D inputs",
            edited(
                width_for_budget, ("(depth - 1) * H * (H + H + 1)", "(depth - 1) * H * (D + H + 1)")
            ),
            "Only the first layer reads the inputs. The others read the states of the layer below,"
            " which are H numbers, so their W_xh is H × H.",
            "section 1, a stack",
        ),
        Misconception(
            "the biases are left out",
            edited(width_for_budget, ("D + H + 1", "D + H"), ("H + H + 1", "H + H")),
            "Each layer has H biases besides its two matrices. They are few, and here they decide"
            " whether one more unit still fits.",
            "section 1, a stack",
        ),
        Misconception(
            "the layers above the first have one matrix only",
            edited(width_for_budget, ("H + H + 1", "H + 1")),
            "Every layer is recurrent: it has an H × H matrix for its own states, and one more for"
            " the states of the layer below.",
            "section 1, a stack",
        ),
        Misconception(
            "there is one layer too many",
            edited(width_for_budget, ("(depth - 1)", "depth")),
            "The first layer is one of the `depth` layers. Above it there are depth − 1 more, not"
            " depth.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "the budget is overdrawn by the last unit",
            edited(width_for_budget, ("return H\n", "return H + 1\n")),
            "This is the smallest width that no longer fits. Asked for is the largest one whose"
            " weights are at most the budget.",
            "section 4, the text of the exercise",
        ),
        Misconception(
            "only the first layer is counted",
            edited(width_for_budget, (" + (depth - 1) * H * (H + H + 1)", "")),
            "With this width the first layer alone uses up the budget. The budget is for all layers"
            " together, so their weights are added before they are compared with it.",
            "section 1, a stack",
        ),
    ),
)


def residual_backward(stack, inputs, states, d_out):
    """Return [∂L/∂W_hh of each layer, the lowest first], and ∂L/∂x of the input of the stack."""
    dW_hh = []
    for params, x, h in zip(stack[::-1], inputs[::-1], states[::-1], strict=True):
        grads = rnn_backward(params, x, h, d_out)
        dW_hh.insert(0, grads.W_hh)
        d_out = d_out + grads.x
    return dW_hh, d_out


def _residual_stack(rng):
    B, T, H = (int(n) for n in rng.choice(range(2, 7), 3, replace=False))
    stack = [init_params(rng, H, H, np.float64) for _ in range(3)]
    inputs, states = [rng.normal(size=(B, T, H))], []
    for params in stack:
        states.append(rnn_forward(params, inputs[-1]))
        inputs.append(inputs[-1] + states[-1])
    return stack, inputs[:-1], states, rng.normal(size=(B, T, H))


residual_backward = Exercise(
    name="residual_backward",
    answer=residual_backward,
    returns=("dW_hh", "dx"),
    cases=_residual_stack,
    verified="the gradients of every layer, and that of the input",
    hints=(
        "A layer's output is its input plus its states. So two ways lead from the input to the"
        " output: how many gradients come back?",
        "Go from the top layer down. ∂L/∂(output) is ∂L/∂(states), as adding changes nothing; hand"
        " it to `rnn_backward`, whose `.x` is the part that comes through the layer.",
        "`grads = rnn_backward(params, x, h, d_out)`, then `d_out = d_out + grads.x` for the layer"
        " below. What is left at the end is ∂L/∂x.",
    ),
    misconceptions=(
        Misconception(
            "nothing comes back along the skips",
            edited(residual_backward, ("d_out = d_out + grads.x", "d_out = grads.x")),
            "This is the sweep of a plain stack. With a skip the input also reaches the output"
            " directly, and that way brings back d_out as it is.",
            "section 5, skips",
        ),
        Misconception(
            "nothing comes back through the layers",
            edited(residual_backward, ("d_out = d_out + grads.x", "d_out = d_out")),
            "The skip brings back d_out unchanged, but it is only one of two ways. The input also"
            " went through the layer, and that part is `grads.x`.",
            "section 5, skips",
        ),
        Misconception(
            "the outputs are given to `rnn_backward` in place of the states",
            edited(
                residual_backward,
                ("rnn_backward(params, x, h, d_out)", "rnn_backward(params, x, x + h, d_out)"),
            ),
            "`rnn_backward` takes the slope of tanh from the states, 1 − h². The sum of states and"
            " inputs went through no tanh, and would give another slope.",
            "section 5, skips",
        ),
        Misconception(
            "the top layer comes first",
            edited(residual_backward, ("dW_hh.insert(0, grads.W_hh)", "dW_hh.append(grads.W_hh)")),
            "The sweep begins at the top, and your list has its order. Asked for is the lowest"
            " layer first, as in `stack`.",
            "section 1, the two functions",
        ),
        Misconception(
            "the sweep goes from the bottom to the top",
            edited(
                residual_backward,
                ("zip(stack[::-1], inputs[::-1], states[::-1]", "zip(stack, inputs, states"),
                ("dW_hh.insert(0, grads.W_hh)", "dW_hh.append(grads.W_hh)"),
            ),
            "The gradient is given at the output of the top layer. That of a lower layer is known"
            " only when all layers above it are done.",
            "section 1, the two functions",
        ),
        Misconception(
            "the lowest layer's skip is left out",
            edited(residual_backward, ("return dW_hh, d_out", "return dW_hh, grads.x")),
            "The lowest layer adds its input as well: x goes through the layer and past it. What"
            " comes back to x is the sum of both.",
            "section 5, skips",
        ),
    ),
)

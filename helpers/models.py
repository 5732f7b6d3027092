"""Two whole networks built from the parts.

One reads a sentence and judges it, one writes text character by character.

Their parameters are flat NamedTuples in the order of the Keras network with the same layers, so
that `keras_model.set_weights(params)` and `ClassifierParams(*keras_model.get_weights())` need
nothing else.
"""

from typing import NamedTuple

from helpers import _validation as check
from helpers.numpy_rnn import RNNParams, init_params, rnn_backward, rnn_forward, rnn_step
from helpers.output import (
    HeadParams,
    head_backward,
    head_forward,
    init_head,
    sigmoid,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
)

import numpy as np

_rnn = property(lambda p: RNNParams(p.W_xh, p.W_hh, p.b), doc="The recurrent layer's weights.")
_head = property(lambda p: HeadParams(p.W_ho, p.b_o), doc="The output head's weights.")


class NetworkParams(NamedTuple):
    """A recurrent layer and an output head."""

    W_xh: np.ndarray  # (D, H)
    W_hh: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)
    W_ho: np.ndarray  # (H, O)
    b_o: np.ndarray  # (O,)

    rnn, head = _rnn, _head


class ClassifierParams(NamedTuple):
    """Embedding → recurrent layer → one logit from the last state."""

    E: np.ndarray  # (V, D) one row of D numbers for each of the V words
    W_xh: np.ndarray  # (D, H)
    W_hh: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)
    W_ho: np.ndarray  # (H, 1)
    b_o: np.ndarray  # (1,)

    rnn, head = _rnn, _head


def init_network(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    output_size: int,
    dtype=np.float32,
) -> NetworkParams:
    """Draw the weights as `init_params` and `init_head` do."""
    rnn = init_params(rng, input_size, hidden_size, dtype)
    return NetworkParams(*rnn, *init_head(rng, hidden_size, output_size, dtype))


def init_classifier(
    rng: np.random.Generator,
    vocabulary_size: int,
    embedding_size: int,
    hidden_size: int,
    dtype=np.float32,
) -> ClassifierParams:
    """Draw the weights as Keras does: E uniform in ±0.05, the rest as `init_network` does."""
    check.check_positive_int(vocabulary_size=vocabulary_size, embedding_size=embedding_size)
    rnn = init_params(rng, embedding_size, hidden_size, dtype)
    E = rng.uniform(-0.05, 0.05, (vocabulary_size, embedding_size)).astype(dtype)
    return ClassifierParams(E, *rnn, *init_head(rng, hidden_size, 1, dtype))


def classify(params: ClassifierParams, tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Predict the probability that each sentence is positive: tokens and mask (B, T) give p (B,).

    Raises ValueError for tokens outside the vocabulary or a mask that does not fit.
    """
    return sigmoid(_logits(params, tokens, mask))


def evaluate_classifier(
    params: ClassifierParams, tokens: np.ndarray, mask: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """Return {"loss": mean cross-entropy in nats, "accuracy": share} of a classifier's answers.

    tokens and mask (N, T), labels (N,). Raises ValueError as `classify` does.
    """
    o = _logits(params, tokens, mask)
    labels = _labels(labels, len(o))
    loss, _ = sigmoid_cross_entropy(o, labels)
    return {"loss": loss, "accuracy": float(np.mean((o > 0) == (labels > 0.5)))}


def classifier_loss(
    params: ClassifierParams,
    tokens: np.ndarray,
    mask: np.ndarray,
    labels: np.ndarray,
) -> tuple[float, ClassifierParams]:
    """Compute the mean cross-entropy of some sentences, in nats, and its gradients.

    tokens and mask (B, T), labels (B,). Raises ValueError for tokens outside the vocabulary, or
    shapes that do not fit.
    """
    params, tokens = _checked(params, ClassifierParams, tokens=(tokens, "B T"))
    labels = _labels(labels, len(tokens))
    x = params.E[tokens]
    h = rnn_forward(params.rnn, x, mask=mask)
    loss, do = sigmoid_cross_entropy(head_forward(params.head, h[:, -1]), labels[:, None])

    head = head_backward(params.head, h[:, -1], do)
    rnn = rnn_backward(params.rnn, x, h, head.h, mask=mask)
    dE = _sum_rows(tokens, rnn.x, len(params.E))
    return loss, ClassifierParams(dE, rnn.W_xh, rnn.W_hh, rnn.b, head.W_ho, head.b_o)


def read_along(params: ClassifierParams, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Follow the network through one sentence: tokens (T,) give (p, effect), both (T,).

    p[t] is the probability of "positive" after word t, with no word after it read yet. effect[t] is
    ∂p[T−1]/∂x_t · x_t: to first order, what the last verdict would lose if the embedding x_t of
    word t were zero. Raises ValueError for tokens outside the vocabulary.
    """
    params, tokens = _checked(params, ClassifierParams, tokens=(tokens, "T"))
    x = params.E[tokens][None]
    h = rnn_forward(params.rnn, x)
    p = sigmoid(head_forward(params.head, h))[0, :, 0]
    dp = p[-1] * (1 - p[-1]) * params.W_ho.T  # ∂p/∂h_T = σ′(o) W_hoᵀ
    dx = rnn_backward(params.rnn, x, h, dp).x[0]
    return p, np.sum(dx * x[0], axis=-1)


def char_loss(params: NetworkParams, tokens: np.ndarray) -> tuple[float, NetworkParams]:
    """Compute the mean cross-entropy, in nats, of guessing each character from those before it.

    The network reads one-hot characters and has a logit for each that may come next, D = O = V.
    tokens (B, T + 1): it reads tokens[:, :−1] from a zero state and at every step guesses
    tokens[:, 1:]. Returns the loss and its gradient by every parameter. Raises ValueError for
    tokens outside the alphabet or fewer than two a row.
    """
    params, tokens = _checked(params, NetworkParams, tokens=(tokens, "B T+1"))
    if tokens.shape[1] < 2:
        raise ValueError(
            f"tokens must be two a row at least, to read and to guess, got shape {tokens.shape}"
        )
    x = _one_hot(params)[tokens[:, :-1]]
    h = rnn_forward(params.rnn, x)
    loss, do = softmax_cross_entropy(head_forward(params.head, h), tokens[:, 1:])
    head = head_backward(params.head, h, do)
    rnn = rnn_backward(params.rnn, x, h, head.h)
    return loss, NetworkParams(rnn.W_xh, rnn.W_hh, rnn.b, head.W_ho, head.b_o)


@np.errstate(over="ignore")  # near temperature 0 the worse guesses rightly go to −infinity
def write(
    params: NetworkParams,
    rng: np.random.Generator,
    start: list[int],
    length: int,
    temperature: float = 1.0,
) -> list[int]:
    """Read `start`, then draw one character after the other from softmax(o_t / temperature).

    Returns `length` new characters. Towards temperature 0 it always takes its best guess; above 1
    it takes risks. Raises ValueError for an empty or unknown start, a length below 1, or a
    temperature that is not positive.
    """
    check.check_positive_int(length=length)
    check.check_positive(temperature=temperature)
    params, start = _checked(params, NetworkParams, start=(start, "T"))
    one_hot = _one_hot(params)
    h_t = rnn_forward(params.rnn, one_hot[start[None]])[:, -1]
    written = []
    for _ in range(length):
        o = head_forward(params.head, h_t)[0].astype(np.float64)
        p = softmax((o - o.max()) / temperature)
        written.append(int(rng.choice(len(p), p=p)))
        h_t = rnn_step(params.rnn, one_hot[written[-1:]], h_t)
    return written


SHAPES = {
    ClassifierParams: ("V D", "D H", "H H", "H", "H 1", "1"),
    NetworkParams: ("V H", "H H", "H", "H V", "V"),  # of characters
}


def _checked(params, kind, **tokens):
    """Return the params as arrays, and the tokens, which number rows of the first of them."""
    params = kind(**check.as_weights(params, kind, SHAPES[kind]))
    ((name, (numbers, letters)),) = tokens.items()
    return params, check.as_tokens(name, numbers, letters, len(params[0]))


def _labels(labels, size):
    labels = check.as_array("labels", labels)
    check.check_shapes({"B": size}, labels=(labels, "B"))
    check.check_between("labels", labels, 0, 1)
    return labels


def _logits(params, tokens, mask):
    params, tokens = _checked(params, ClassifierParams, tokens=(tokens, "B T"))
    h = rnn_forward(params.rnn, params.E[tokens], mask=mask)
    return head_forward(params.head, h[:, -1])[:, 0]


def _one_hot(params):
    """Row k is the input that stands for character k."""
    return np.eye(len(params.W_xh), dtype=params.W_xh.dtype)


def _sum_rows(tokens, rows, size):
    """Add up the rows (B, T, D) of the same token: the gradient of E[tokens] by E, (size, D)."""
    order = np.argsort(tokens, axis=None, kind="stable")
    used, starts = np.unique(tokens.reshape(-1)[order], return_index=True)
    total = np.zeros((size, rows.shape[-1]), rows.dtype)
    total[used] = np.add.reduceat(rows.reshape(-1, rows.shape[-1])[order], starts, axis=0)
    return total

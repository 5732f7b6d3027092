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


class ClassifierParams(NamedTuple):
    """Embedding → recurrent layer → one logit from the last state."""

    E: np.ndarray  # (V, D) one row of D numbers for each of the V words
    W_xh: np.ndarray  # (D, H)
    W_hh: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)
    W_ho: np.ndarray  # (H, 1)
    b_o: np.ndarray  # (1,)

    @property
    def rnn(self) -> RNNParams:
        """The recurrent layer's weights."""
        return RNNParams(self.W_xh, self.W_hh, self.b)

    @property
    def head(self) -> HeadParams:
        """The output head's weights."""
        return HeadParams(self.W_ho, self.b_o)


def init_classifier(
    rng: np.random.Generator,
    vocabulary_size: int,
    embedding_size: int,
    hidden_size: int,
    dtype=np.float32,
) -> ClassifierParams:
    """Draw the weights as Keras does.

    E uniform in ±0.05, the rest as `init_params` and `init_head`.
    """
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
    """Measure a classifier on sentences it need not have seen.

    {"loss": mean cross-entropy in nats, "accuracy": share}.

    tokens and mask (N, T), labels (N,). Raises ValueError as `classify` does.
    """
    o = _logits(params, tokens, mask)
    _check_labels(labels, o)
    loss, _ = sigmoid_cross_entropy(o, labels)
    return {"loss": loss, "accuracy": float(np.mean((o > 0) == (labels > 0.5)))}


def classifier_loss(
    params: ClassifierParams,
    tokens: np.ndarray,
    mask: np.ndarray,
    labels: np.ndarray,
    dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> tuple[float, ClassifierParams]:
    """Compute the mean cross-entropy of a batch of sentences, in nats, and its gradient by every parameter.

    tokens and mask (B, T), labels (B,). With `dropout` = p, each entry of the embedded words and of
    the last state is set to zero with probability p and the rest divided by 1 − p (Srivastava et
    al. 2014), drawn from `rng`. Raises ValueError for tokens outside the vocabulary, shapes that do
    not fit, or dropout without `rng`.
    """
    check.check_fraction(dropout=dropout)
    if dropout > 0:
        check.check_rng(rng)
    x = _embed(params, tokens)
    _check_labels(labels, x)
    keep_x, keep_h = (
        _dropout_mask(rng, dropout, shape, x.dtype) for shape in (x.shape, (len(x), len(params.b)))
    )
    x = x * keep_x

    h = rnn_forward(params.rnn, x, mask=mask)
    h_T = h[:, -1] * keep_h
    loss, do = sigmoid_cross_entropy(head_forward(params.head, h_T), labels[:, None])

    head = head_backward(params.head, h_T, do)
    rnn = rnn_backward(params.rnn, x, h, head.h * keep_h, mask=mask)
    dE = _sum_rows(tokens, rnn.x * keep_x, len(params.E))
    return loss, ClassifierParams(dE, rnn.W_xh, rnn.W_hh, rnn.b, head.W_ho, head.b_o)


def read_along(params: ClassifierParams, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Follow the network through one sentence: tokens (T,) give (p, influence), both (T,).

    p[t] is the probability of "positive" after word t, with no word after it read yet. influence[t]
    is ‖∂p[T−1]/∂x_t‖, how much the last verdict depends on a small change of the embedding of word
    t. Raises ValueError for tokens outside the vocabulary.
    """
    x = _embed(params, tokens, "T")[None]
    h = rnn_forward(params.rnn, x)
    p = sigmoid(head_forward(params.head, h))[0, :, 0]
    dp = p[-1] * (1 - p[-1]) * params.W_ho.T  # ∂p/∂h_T = σ′(o) W_hoᵀ
    dx = rnn_backward(params.rnn, x, h, dp).x[0]
    return p, np.linalg.norm(dx, axis=-1)


class CharParams(NamedTuple):
    """One-hot characters → recurrent layer → a logit for each character that may come next."""

    W_xh: np.ndarray  # (V, H)
    W_hh: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)
    W_ho: np.ndarray  # (H, V)
    b_o: np.ndarray  # (V,)

    @property
    def rnn(self) -> RNNParams:
        """The recurrent layer's weights."""
        return RNNParams(self.W_xh, self.W_hh, self.b)

    @property
    def head(self) -> HeadParams:
        """The output head's weights."""
        return HeadParams(self.W_ho, self.b_o)


def init_char_model(
    rng: np.random.Generator, alphabet_size: int, hidden_size: int, dtype=np.float32
) -> CharParams:
    """Draw the weights as `init_params` and `init_head` do."""
    check.check_positive_int(alphabet_size=alphabet_size)
    rnn = init_params(rng, alphabet_size, hidden_size, dtype)
    return CharParams(*rnn, *init_head(rng, hidden_size, alphabet_size, dtype))


def char_loss(params: CharParams, tokens: np.ndarray) -> tuple[float, CharParams]:
    """Compute the mean cross-entropy, in nats a character, of guessing each character from those before it.

    tokens (B, T + 1): the network reads tokens[:, :−1] from a zero state and at every step guesses
    tokens[:, 1:]. Returns the loss and its gradient by every parameter. Raises ValueError for
    tokens outside the alphabet or fewer than two a row.
    """
    _check_tokens(tokens, "B T+1", params, CharParams)
    if tokens.shape[1] < 2:
        raise ValueError(
            "tokens must be at least 2 a row, one to read and one to guess, got shape"
            f" {tokens.shape}"
        )
    x = _one_hot(params)[tokens[:, :-1]]
    h = rnn_forward(params.rnn, x)
    loss, do = softmax_cross_entropy(head_forward(params.head, h), tokens[:, 1:])
    head = head_backward(params.head, h, do)
    rnn = rnn_backward(params.rnn, x, h, head.h)
    return loss, CharParams(rnn.W_xh, rnn.W_hh, rnn.b, head.W_ho, head.b_o)


@np.errstate(over="ignore")  # near temperature 0 the worse guesses rightly go to −infinity
def write(
    params: CharParams,
    rng: np.random.Generator,
    start: list[int],
    length: int,
    temperature: float = 1.0,
) -> list[int]:
    """Let the network write.

    Read `start`, then draw one character after the other from softmax(o_t / temperature).

    Returns `length` new characters. Towards temperature 0 it always takes its best guess; above 1
    it takes risks. Raises ValueError for an empty or unknown start, a length below 1, or a
    temperature that is not positive.
    """
    check.check_rng(rng)
    check.check_positive_int(length=length)
    check.check_positive_finite(temperature=temperature)
    start = check.as_array("start", start)
    _check_tokens(start, "T", params, CharParams, "start")
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
    CharParams: ("V H", "H H", "H", "H V", "V"),
}


def _logits(params, tokens, mask):
    x = _embed(params, tokens)
    h = rnn_forward(params.rnn, x, mask=mask)
    return head_forward(params.head, h[:, -1])[:, 0]


def _embed(params, tokens, letters="B T"):
    _check_tokens(tokens, letters, params, ClassifierParams)
    return params.E[tokens]


def _one_hot(params):
    """Row k is the input that stands for character k."""
    return np.eye(len(params.W_xh), dtype=params.W_xh.dtype)


def _check_tokens(tokens, letters, params, kind, name="tokens"):
    """Check the params, and that tokens number rows of their first array, shaped as the letters say."""
    check.check_params(params, kind)
    arrays = zip(kind._fields, params, SHAPES[kind], strict=True)
    check.check_arrays({"1": 1}, **{field: (a, shape) for field, a, shape in arrays})
    check.check_numpy(**{name: tokens})
    check.check_shapes(**{name: (tokens, letters)})
    check.check_tokens(name, tokens, len(params[0]))


def _check_labels(labels, rows):
    check.check_numpy(labels=labels)
    check.check_shapes({"B": len(rows)}, labels=(labels, "B"))
    check.check_between("labels", check.check_targets("labels", labels, rows.dtype), 0, 1)


def _dropout_mask(rng, dropout, shape, dtype):
    if dropout == 0:
        return dtype.type(1)
    return (rng.random(shape, dtype=np.float32) >= dropout) * dtype.type(1 / (1 - dropout))


def _sum_rows(tokens, rows, size):
    """Add up the rows (B, T, D) that belong to the same token.

    The gradient of E[tokens] by E, shape (size, D).
    """
    order = np.argsort(tokens, axis=None, kind="stable")
    used, starts = np.unique(tokens.reshape(-1)[order], return_index=True)
    total = np.zeros((size, rows.shape[-1]), rows.dtype)
    total[used] = np.add.reduceat(rows.reshape(-1, rows.shape[-1])[order], starts, axis=0)
    return total

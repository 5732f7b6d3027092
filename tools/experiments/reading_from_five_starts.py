"""Chapter 2, section 9: one network trained on the reviews from five starts, with σ and without."""

from helpers import data, models, output, training
from helpers.numpy_rnn import rnn_backward, rnn_forward

import numpy as np

ROWS = [
    {"activation": activation, "seed": seed}
    for activation in ("tanh", "linear")
    for seed in range(5)
]
TOLERANCE = 0.04


def run(activation: str, seed: int) -> dict:
    """Train for two epochs; return the accuracies, and p after each word of one review."""
    vocabulary, train, validation, _ = data.load_sentiment(np.random.default_rng(0))
    rng = np.random.default_rng(seed)
    params = models.init_classifier(rng, len(vocabulary), 100, 64)

    def logits(params, tokens, mask):
        h = rnn_forward(params.rnn, params.E[tokens], mask=mask, activation=activation)
        return h, output.head_forward(params.head, h)

    def loss_and_grads(params, batch):
        tokens, mask, labels = batch
        h, o = logits(params, tokens, mask)
        loss, do = output.sigmoid_cross_entropy(o[:, -1], labels[:, None])
        head = output.head_backward(params.head, h[:, -1], do)
        x = params.E[tokens]
        rnn = rnn_backward(params.rnn, x, h, head.h, mask=mask, activation=activation)
        dE = np.zeros_like(params.E)
        np.add.at(dE, tokens, rnn.x)
        grads = models.ClassifierParams(dE, rnn.W_xh, rnn.W_hh, rnn.b, head.W_ho, head.b_o)
        return loss, grads

    batches = data.Minibatches(rng, (train.tokens, train.mask, train.labels), batch_size=32)
    params, _ = training.fit(params, loss_and_grads, batches, training.Adam(1e-3), epochs=2)
    accuracy = {}
    for name, part in (("training", train), ("validation", validation)):
        _, o = logits(params, part.tokens, part.mask)
        accuracy[name] = round(float(np.mean((o[:, -1, 0] > 0) == (part.labels > 0.5))), 4)
    review = next(r for r in data.load_reviews() if "preposterous moments" in r.text)
    tokens = np.array([vocabulary.encode(data.tokenize(review.text))])
    _, o = logits(params, tokens, np.ones(tokens.shape, bool))
    return {**accuracy, "p": [round(float(q), 3) for q in output.sigmoid(o[0, :, 0])]}

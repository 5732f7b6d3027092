"""Chapter 2, section 11: the same network trained on the reviews from five random starts."""

from helpers import data, models, output, training
from helpers.numpy_rnn import rnn_forward

import numpy as np

ROWS = [{"seed": seed} for seed in range(5)]
TOLERANCE = 0.03


def run(seed: int) -> dict:
    """Train for two epochs; return the accuracies, and p after each word of one review."""
    vocabulary, train, validation, _ = data.load_sentiment(np.random.default_rng(0))
    rng = np.random.default_rng(seed)
    params = models.init_classifier(rng, len(vocabulary), 100, 64)

    def loss_and_grads(params, batch):
        return models.classifier_loss(params, *batch, dropout=0.5, rng=rng)

    batches = data.Minibatches(rng, (train.tokens, train.mask, train.labels), batch_size=32)
    params, _ = training.fit(params, loss_and_grads, batches, training.Adam(1e-3), epochs=2)
    accuracy = {
        name: models.evaluate_classifier(params, part.tokens, part.mask, part.labels)["accuracy"]
        for name, part in (("training", train), ("validation", validation))
    }
    review = next(r for r in data.load_reviews() if "preposterous moments" in r.text)
    tokens = np.array([vocabulary.encode(data.tokenize(review.text))])
    h = rnn_forward(params.rnn, params.E[tokens])
    p = output.sigmoid(output.head_forward(params.head, h))[0, :, 0]
    return {**{k: round(v, 4) for k, v in accuracy.items()}, "p": [round(float(q), 3) for q in p]}

"""Chapter 7: four recurrent layers and two controls on the film reviews, five seeds each."""

from helpers import data
from helpers.teaching.pairs import load_pairs

import keras
import numpy as np
from keras import layers

LAYERS = {
    "SimpleRNN": lambda: layers.SimpleRNN(64),
    "GRU": lambda: layers.GRU(64),
    "LSTM": lambda: layers.LSTM(64),
    "GRU, both ways": lambda: layers.Bidirectional(layers.GRU(32)),
    "GRU, no dropout": lambda: layers.GRU(64),
    "GRU, words shuffled": lambda: layers.GRU(64),  # in training, too
}
TAUGHT = ("SimpleRNN", "GRU", "LSTM", "GRU, both ways")
ROWS = [{"reader": reader, "seed": seed} for seed in range(5) for reader in LAYERS]
TOLERANCE = {"validation": 0.03, "test": 0.03}


def run(reader: str, seed: int) -> dict:
    """Train until the validation loss has not fallen for two epochs, and keep the best epoch.

    Returns the validation loss of each epoch and the accuracy on validation and test part. For the
    TAUGHT ones also the accuracy on unseen minimal pairs and on those of new adjectives, each in
    two arrangements; all of this again (`taught`) after four epochs more on the reviews together
    with the known pairs; and the accuracy on the test part after four epochs more on the reviews
    alone (`longer`).
    """
    vocabulary, train, validation, test = data.load_sentiment(np.random.default_rng(0))
    if reader == "GRU, words shuffled":
        rng = np.random.default_rng(100 + seed)
        train, validation, test = (_shuffled(rng, part) for part in (train, validation, test))

    keras.utils.set_random_seed(seed)
    dropout = 0.0 if reader == "GRU, no dropout" else 0.5
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(len(vocabulary), 64, mask_zero=True),
            layers.Dropout(dropout),
            LAYERS[reader](),
            layers.Dropout(dropout),
            layers.Dense(1),
        ]
    )
    _compile(model)
    losses = model.fit(
        train.tokens,
        train.labels,
        batch_size=64,
        epochs=10,
        validation_data=(validation.tokens, validation.labels),
        callbacks=[keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)],
        verbose=0,
    ).history["val_loss"]
    row = {
        "losses": [round(loss, 4) for loss in losses],
        "validation": _accuracy(model, validation),
        "test": _accuracy(model, test),
    }
    if reader not in TAUGHT:
        return row

    known, unseen, new = load_pairs(np.random.default_rng(4), vocabulary, train.tokens.shape[1])
    weights = model.get_weights()

    def scores():
        return {
            "unseen": [_accuracy(model, part) for part in unseen],
            "new": [_accuracy(model, part) for part in new],
        }

    row |= scores()
    for name, parts in {"longer": [train], "taught": [train, *known]}.items():
        model.set_weights(weights)
        _compile(model)
        tokens, labels = (np.concatenate([part[n] for part in parts]) for n in (0, 2))
        model.fit(tokens, labels, batch_size=64, epochs=4, verbose=0)
        row[name] = {"test": _accuracy(model, test)} | (scores() if name == "taught" else {})
    return row


def _compile(model):
    """Give the model its loss, and an optimiser that begins anew."""
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.001), cross_entropy)


def _accuracy(model, part):
    right = (model.predict(part.tokens, batch_size=256, verbose=0)[:, 0] > 0) == part.labels
    return round(float(right.mean()), 4)


def _shuffled(rng, part):
    """Return the part with the words of every sentence in another order."""
    tokens = part.tokens.copy()
    for row, mask in zip(tokens, part.mask, strict=True):
        row[mask] = rng.permutation(row[mask])
    return part._replace(tokens=tokens)

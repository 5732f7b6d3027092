"""Chapter 8: recurrent layers and gradient boosting on the bicycles, errors by the hour ahead."""

from helpers import data

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.ensemble import HistGradientBoostingRegressor

LAYERS = ("SimpleRNN", "GRU", "LSTM")
RATES = (0.001, 0.003, 0.01)
# `weather`: told the measured weather of the hours to forecast, as nobody could be.
# `read`: how many hours the network reads, or whether boosting has the lags of the hour asked for.
ROWS = [
    {"model": model, "read": 72, "rate": rate, "weather": False, "seed": seed}
    for model in LAYERS
    for rate in RATES
    for seed in range(5)
]
ROWS += [
    {"model": "GRU", "read": read, "rate": 0.01, "weather": weather, "seed": seed}
    for read, weather in ((168, False), (72, True))
    for seed in range(5)
]
ROWS += [
    {"model": "boosting", "read": read, "rate": 0.1, "weather": weather, "seed": 0}
    for weather in (False, True)
    for read in ("last week", "last week, and the same hour of its days")
]
TOLERANCE = {"validation": 5.0, "inside": 0.1}

LEVELS = np.array([0.1, 0.5, 0.9], np.float32)
MEASURED = ["temperature", "humidity", "windspeed"]
WEEK, DAY = 168, 24


def run(model: str, read: int | str, rate: float, weather: bool, seed: int) -> dict:
    """Train on January to September, stop by October.

    Returns the mean absolute error of the median in bicycles for each of the 24 hours ahead, on the
    validation and the test part; and `inside`, the share of counts within the band of 80 % on both
    (networks alone).
    """
    rentals = data.load_bike_rentals()
    spans = {"train": ("2011-01", "2011-09"), "validation": ("2011-10", "2011-10")}
    spans["test"] = ("2011-11", "2011-12")
    make = _boosted if model == "boosting" else _trained
    answer = make(model, read, rate, weather, seed, rentals, spans)
    row = {}
    for name in ("validation", "test"):
        part = rentals.loc[slice(*spans[name])]
        counts = part.bikers.to_numpy()[_ahead(part)]
        forecasts = answer(part)
        errors = np.abs(counts - forecasts[..., forecasts.shape[-1] // 2])
        row[name] = np.nanmean(errors, axis=0).round(2).tolist()
        if model != "boosting":
            seen = np.isfinite(counts)
            within = (forecasts[..., 0] <= counts) & (counts <= forecasts[..., 2])
            row.setdefault("inside", []).append(round(float(within[seen].mean()), 4))
    return row


def _trained(model, read, rate, weather, seed, rentals, spans):
    """Train an encoder and a decoder; return what forecasts (N, 24, 3) counts."""
    logs = np.log1p(rentals.bikers.loc[slice(*spans["train"])])
    mean, deviation = logs.mean(), logs.std()

    def arrays(part):
        counts = ((np.log1p(part.bikers) - mean) / deviation).to_numpy()
        known = _calendar(part)
        if weather:
            rain = part.weather.isin(["light rain/snow", "heavy rain/snow"])
            measured = part[MEASURED].assign(rain=rain.astype(float)).ffill()
            known = np.concatenate([known, measured], axis=1)
        future = _ahead(part)
        past = future[:, :1] + np.arange(-read, 0)
        seen = np.isfinite(counts)
        counts = np.nan_to_num(counts)
        history = np.concatenate([counts[past][..., None], known[past]], axis=-1)
        inputs = [history.astype("float32"), seen[past], known[future].astype("float32")]
        return inputs, counts[future].astype("float32"), seen[future].astype("float32")

    keras.utils.set_random_seed(seed)
    training = arrays(rentals.loc[slice(*spans["train"])])
    validation = arrays(rentals.loc[slice(*spans["validation"])])
    history, seen, known = (keras.Input(a.shape[1:], dtype=a.dtype.name) for a in training[0])
    layer = getattr(layers, model)
    _, *state = layer(32, return_state=True)(history, mask=seen)
    h = layer(32, return_sequences=True)(known, initial_state=state)
    network = keras.Model([history, seen, known], layers.Dense(3)(h))
    network.compile(keras.optimizers.Adam(rate, clipnorm=1.0), _pinball)
    inputs, counts, weights = training
    network.fit(
        inputs,
        counts,
        sample_weight=weights,
        batch_size=128,
        epochs=10,
        validation_data=validation,
        callbacks=[keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)],
        verbose=0,
    )

    def answer(part):
        forecasts = network.predict(arrays(part)[0], batch_size=512, verbose=0)
        return np.expm1(np.sort(forecasts, axis=-1) * deviation + mean)

    return answer


def _boosted(model, read, rate, weather, seed, rentals, spans):
    """Fit 300 trees for all hours ahead; return what forecasts (N, 24, 1) counts."""

    def features(part):
        future = _ahead(part)
        hours = part.index[future.ravel()]
        columns = [np.tile(np.arange(DAY), len(future)), hours.hour, hours.day_of_week]
        columns += [part.holiday.to_numpy()[future.ravel()]]
        if weather:
            rain = part.weather.isin(["light rain/snow", "heavy rain/snow"])
            measured = part[MEASURED].assign(rain=rain.astype(float)).to_numpy()
            columns += [*measured[future.ravel()].T]
        counts = part.bikers.to_numpy()
        if read != "last week":
            columns += [counts[future - DAY * days].ravel() for days in range(1, 8)]
        past = np.repeat(counts[future[:, :1] - 1 - np.arange(WEEK)], DAY, axis=0)
        return np.concatenate([np.stack(columns, axis=1), past], axis=1)

    part = rentals.loc[slice(*spans["train"])]
    counts = part.bikers.to_numpy()[_ahead(part)].ravel()
    seen = np.isfinite(counts)
    trees = HistGradientBoostingRegressor(
        loss="absolute_error", learning_rate=rate, max_iter=300, early_stopping=False
    )
    trees.fit(features(part)[seen], np.log1p(counts[seen]))
    return lambda part: np.expm1(trees.predict(features(part))).reshape(-1, DAY, 1)


def _pinball(counts, forecasts):
    error = counts[..., None] - forecasts
    return tf.reduce_mean(tf.maximum(LEVELS * error, (LEVELS - 1) * error), axis=-1)


def _calendar(part):
    """Two circles a day, the day of the week, holiday: (T, 12)."""
    angle = 2 * np.pi * part.index.hour.to_numpy()[:, None] * np.array([1, 2]) / 24
    weekday = np.eye(7)[part.index.day_of_week]
    holiday = part.holiday.to_numpy()[:, None]
    return np.concatenate([np.sin(angle), np.cos(angle), weekday, holiday], axis=1)


def _ahead(part):
    """Row n numbers the 24 hours after hour n + 167: all within the part."""
    return np.arange(WEEK, len(part) - DAY + 1)[:, None] + np.arange(DAY)

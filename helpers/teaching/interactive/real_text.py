"""Chapter 7's interactive figures: read a sentence along, watch a training, write.

Each takes a network from the notebook; left out, a small one that is there in a moment takes its
place.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from helpers import data, models, training
from helpers.data import Dataset, Vocabulary
from helpers.models import ClassifierParams, NetworkParams
from helpers.numpy_rnn import rnn_forward
from helpers.output import head_forward, softmax
from helpers.teaching.exercises.real_text import TAUGHT, pair_reader
from helpers.teaching.figures import BLUE, DIVERGING, GREY, ORANGE
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import Dropdown, FloatSlider, IntSlider, Layout, SelectionSlider, Text
from matplotlib.figure import Figure

MOST_WORDS = 40  # of a sentence that is read along
LONGEST_WORD = 12  # letters of a word that are shown
PIECE = 128  # validation sentences that are judged in one go
MOST_CHARACTERS = 200  # of a beginning that is read before writing
WRITTEN = 140  # characters


@part
def read_along(
    networks: Mapping[str, ClassifierParams] | None = None,
    vocabulary: Vocabulary | None = None,
    sentence: str = "it is not good, it is zany",
) -> Interactive:
    """Show the verdict after each word of a sentence, and how much each word moves the last one.

    `networks` maps names to networks that share the vocabulary; left out, it is one that knows
    minimal pairs only.
    """
    if networks is None or vocabulary is None:
        vocabulary, params = pair_reader()
        networks = {"minimal pairs only": params}

    figure = Figure(figsize=(8.6, 4.8))
    top, bottom, below = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1.6, 1.25))
    (line,) = top.plot([], [], color=GREY, linewidth=1)
    dots = top.scatter(
        [0.5],
        [0.5],
        c=[0.5],
        cmap=DIVERGING,
        vmin=0,
        vmax=1,
        s=80,
        edgecolor="black",
        linewidth=0.8,
        zorder=3,
    )
    top.axhline(0.5, color=GREY, linestyle="--", linewidth=1, zorder=-1)
    top.set(xlim=(0, 1), ylim=(-0.04, 1.04), xticks=[], ylabel="p(positive)\nafter this word")
    top.set_title("The verdict, word by word")
    bars = bottom.bar(np.full(MOST_WORDS, 0.5), 0.0, color=BLUE)
    bottom.set(ylim=(0, 1.08), ylabel="‖∂p/∂x‖\n(largest = 1)", yticks=[0, 0.5, 1])
    below.axis("off")
    words_drawn = [
        below.text(0.5, 0.95, "", va="top", rotation_mode="anchor") for _ in range(MOST_WORDS)
    ]

    def update(sentence, network):
        every_word = data.tokenize(sentence)
        words = every_word[:MOST_WORDS]
        tokens = np.array(vocabulary.encode(words), int)
        p, influence = (
            models.read_along(networks[network], tokens) if words else (np.zeros(0), np.zeros(0))
        )
        places = (np.arange(len(words)) + 0.5) / max(len(words), 6)
        width = 0.62 / max(len(words), 6)
        line.set_data(places, p)
        dots.set_offsets(np.column_stack([places, p]))
        dots.set_array(p)
        turned = sum(len(word) + 2 for word in words) > 75
        for n, (bar, drawn) in enumerate(zip(bars, words_drawn, strict=True)):
            shown = n < len(words)
            bar.set_visible(shown)
            drawn.set_visible(shown)
            if not shown:
                continue
            bar.set(
                x=places[n] - width / 2,
                width=width,
                height=influence[n] / max(influence.max(), 1e-12),
            )
            drawn.set(x=places[n], text=_shortened(words[n]), rotation=60 if turned else 0)
            drawn.set(horizontalalignment="right" if turned else "center")
            drawn.set(
                color=ORANGE if tokens[n] == 1 else "black",
                fontstyle="italic" if tokens[n] == 1 else "normal",
            )
        return _read_out(every_word, tokens, p, influence)

    return Interactive(
        figure,
        {
            "sentence": Text(
                sentence,
                description="sentence",
                placeholder="type a sentence",
                layout=Layout(width="36em"),
            ),
            "network": Dropdown(options=list(networks), description="network, trained on"),
        },
        update,
        alt="Top: the probability of “positive” after each word, as dots from red (negative) to"
        " blue (positive). Bottom: bars for how much the last verdict depends on each word."
        " Words it does not know are orange.",
    )


def _shortened(word):
    return word if len(word) <= LONGEST_WORD else f"{word[: LONGEST_WORD - 1]}…"


def _read_out(every_word, tokens, p, influence):
    """Say in words what `read_along` shows."""
    words = every_word[: len(tokens)]
    if not words:
        return "There is no word to read yet: type a sentence."
    verdict = "positive" if p[-1] > 0.5 else "negative"
    says = f"After “{words[-1]}” p = {p[-1]:.2f}: {verdict}."
    if influence.max() > 0:
        says += (
            f" The last verdict depends most on “{words[int(influence.argmax())]}” (‖∂p/∂x‖ ="
            f" {influence.max():.2g})."
        )
    unknown = dict.fromkeys(word for word, token in zip(words, tokens, strict=True) if token == 1)
    if unknown:
        says += f" Not in the vocabulary, and all read as the same <unk>: {', '.join(unknown)}."
    if len(every_word) > len(words):
        says += f" Only the first {len(words)} of {len(every_word)} words are read."
    return says


class Progress(NamedTuple):
    """How far a training run has come."""

    params: ClassifierParams
    losses: list[float]  # of every update so far, on its batch
    epochs: list[dict[str, float]]  # validation {"loss": …, "accuracy": …} after every epoch so far


def train_in_steps(
    params: ClassifierParams,
    train: Dataset,
    validation: Dataset,
    epochs: int,
    settings: Mapping[str, float],
) -> Iterator[Progress]:
    """Train as `training.fit` does, but pause between the updates and often while validating.

    `settings` holds "rate" and "dropout", and is looked at before each update: what is changed
    there takes effect.
    """
    rng = np.random.default_rng(0)
    optimizer = training.Adam(settings["rate"])
    batches = data.Minibatches(rng, train[:3], batch_size=32)
    progress = Progress(params, [], [])
    yield progress
    for _ in range(epochs):
        for update in training.updates(
            progress.params,
            lambda params, batch: models.classifier_loss(
                params, *batch, dropout=settings["dropout"], rng=rng
            ),
            batches,
            optimizer,
        ):
            progress.losses.append(update.loss)
            progress = progress._replace(params=update.params)
            yield progress
            optimizer.learning_rate = settings["rate"]
        sums = {"loss": 0.0, "accuracy": 0.0}
        for start in range(0, len(validation.labels), PIECE):
            piece = [array[start : start + PIECE] for array in validation[:3]]
            for name, mean in models.evaluate_classifier(progress.params, *piece).items():
                sums[name] += mean * len(piece[2])
            yield progress
        progress.epochs.append(
            {name: total / len(validation.labels) for name, total in sums.items()}
        )
        yield progress


@functools.cache
def _pairs_to_learn():
    """Make a small task: fresh weights, two thirds of the minimal pairs, the rest to validate."""
    vocabulary, _ = pair_reader()
    order = np.random.default_rng(0).permutation(len(TAUGHT))
    parts = []
    for rows in (order[:48], order[48:]):
        texts = [text for row in rows for text in TAUGHT[row]]
        encoded = data.pad([vocabulary.encode(data.tokenize(text)) for text in texts])
        parts.append(Dataset(*encoded, np.tile(np.float32([1, 0]), len(rows)), texts))
    return models.init_classifier(np.random.default_rng(0), len(vocabulary), 16, 16), *parts


@part
def live_training(
    params: ClassifierParams | None = None,
    train: Dataset | None = None,
    validation: Dataset | None = None,
    epochs: int = 4,
    earlier: Mapping[str, Sequence[float]] | None = None,
) -> Interactive:
    """Train a network; its learning rate and dropout may be changed on the way.

    `earlier` maps names to the validation losses, epoch by epoch, of other runs, drawn to compare
    with. Left out, the network is a small one, and it learns minimal pairs.
    """
    if params is None or train is None or validation is None:
        params, train, validation = _pairs_to_learn()
    per_epoch = -(-len(train.labels) // 32)
    window = max(1, per_epoch // 20)
    progress = Progress(params, [], [])

    figure = Figure(figsize=(8.6, 3.8))
    ax = figure.subplots()
    for n, (name, losses) in enumerate((earlier or {}).items()):
        own = dict(
            linestyle=("--", ":", "-.")[n % 3], marker="sv^"[n % 3], markersize=4, linewidth=1.2
        )
        ax.plot(
            range(1, len(losses) + 1),
            losses,
            color=GREY,
            label=f"earlier: {name}",
            zorder=-1,
            **own,
        )
    (batches,) = ax.plot([], [], color=BLUE, linewidth=1.4, label="training batches")
    (measured,) = ax.plot([], [], color=ORANGE, marker="o", label="validation set")
    (lowest,) = ax.plot(
        [], [], "o", markersize=13, markerfacecolor="none", color="black", label="its lowest point"
    )
    ax.set(
        xlabel="epoch",
        ylabel="loss (nats)",
        title="Your training run",
        xlim=(0, epochs * 1.02),
        ylim=(0, 1.2),
    )
    ax.set_xticks(range(epochs + 1))
    ax.legend(loc="upper left", ncols=2)

    def work(values):
        nonlocal progress
        for latest in train_in_steps(params, train, validation, epochs, values):
            progress = latest
            yield

    def update(rate, dropout):
        done = len(progress.losses)
        smooth = (
            np.convolve(progress.losses, np.full(window, 1 / window), "valid")
            if done >= window
            else np.zeros(0)
        )
        batches.set_data((np.arange(len(smooth)) + window) / per_epoch, smooth)
        losses = [epoch["loss"] for epoch in progress.epochs]
        measured.set_data(range(1, len(losses) + 1), losses)
        best = losses.index(min(losses)) if losses else None
        lowest.set_data([] if best is None else [best + 1], [] if best is None else [losses[best]])
        settings = f"Learning rate {rate:g}, dropout {dropout:.1f}."
        if not done:
            return f"{settings} Press Start; you may change both on the way."
        recent = np.mean(progress.losses[-window:])
        says = f"{done / per_epoch:.2f} of {epochs} epochs: loss {recent:.2f} on the last batches"
        if losses:
            says += (
                f"; on the validation set {losses[-1]:.3f}, accuracy"
                f" {progress.epochs[-1]['accuracy']:.1%}"
            )
            says += (
                f", lowest after epoch {best + 1}"
                if best + 1 < len(losses)
                else ", the lowest so far"
            )
        return f"{says}. {settings}"

    return Interactive(
        figure,
        {
            "rate": SelectionSlider(
                options=[0.0001, 0.0003, 0.001, 0.003, 0.01],
                value=0.001,
                description="learning rate",
            ),
            "dropout": FloatSlider(0.5, min=0, max=0.8, step=0.1, description="dropout"),
        },
        update,
        alt="Loss against epochs: a line for the training batches that grows while the network"
        " trains, and a dot for the validation set after each epoch, the lowest one circled.",
        work=work,
    )


def next_probabilities(
    params: NetworkParams, start: Sequence[int], temperature: float
) -> np.ndarray:
    """Compute the probabilities softmax(o / temperature), (V,), of the character after `start`."""
    x = np.eye(len(params.W_xh), dtype=params.W_xh.dtype)[np.asarray(start)]
    o = head_forward(params.head, rnn_forward(params.rnn, x[None])[:, -1])[0].astype(np.float64)
    return softmax((o - o.max()) / temperature)


@functools.cache
def _pair_table():
    """Write the reviews' table of character pairs as a network: (alphabet, parameters)."""
    alphabet, windows = data.load_characters(64)
    V = len(alphabet)
    counts = np.full((V, V), 0.1)
    np.add.at(counts, (windows[:, :-1].ravel(), windows[:, 1:].ravel()), 1)
    log_p = np.log(counts / counts.sum(axis=1, keepdims=True))
    no_memory = np.zeros((V, V))
    W_xh = 5 * np.eye(V)  # tanh 5 = 0.9999
    return alphabet, NetworkParams(W_xh, no_memory, np.zeros(V), log_p, np.zeros(V))


@part
def temperature(
    params: NetworkParams | None = None,
    alphabet: str | None = None,
    beginning: str = "the film is th",
) -> Interactive:
    """How likely each next character is at a temperature, and what the network then writes.

    Left out, the network is a table of pairs, which knows nothing but the last character.
    """
    if params is None or alphabet is None:
        alphabet, params = _pair_table()
    outside = f"[^{re.escape(alphabet)}]"

    figure = Figure(figsize=(8.6, 3.4))
    ax = figure.subplots()
    V = len(alphabet)
    bars = ax.bar(range(V), np.full(V, 0.5), color=BLUE, width=0.7, label="at temperature τ")
    (at_1,) = ax.plot(
        range(V),
        np.full(V, 0.5),
        "_",
        color=ORANGE,
        markersize=13,
        markeredgewidth=2.2,
        label="at τ = 1",
    )
    ax.set_xticks(
        range(V), [{"\n": "↵", " ": "␣"}.get(character, character) for character in alphabet]
    )
    ax.set(
        xlim=(-0.8, V - 0.2),
        ylim=(0, 1),
        ylabel="probability",
        xlabel="next character (␣ space, ↵ end of a review)",
    )
    ax.set_title("What may come next")
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper right")

    def update(tau, beginning, draw):
        text = re.sub(" +", " ", re.sub(outside, " ", "\n" + beginning.lower()))[-MOST_CHARACTERS:]
        start = [alphabet.index(character) for character in text]
        p = next_probabilities(params, start, tau)
        for bar, height in zip(bars, p, strict=True):
            bar.set_height(height)
        at_1.set_ydata(next_probabilities(params, start, 1.0))
        choices = np.exp(-np.sum(p * np.log(np.maximum(p, 1e-300))))
        written = models.write(params, np.random.default_rng(draw), start, WRITTEN, tau)
        read = text.removeprefix("\n")[-40:]
        shown = f"{read}|{''.join(alphabet[n] for n in written)}…".replace("\n", " / ")
        return (
            f"τ = {tau:.2f}: like choosing among {choices:.1f} equally likely characters. After the"
            f" stroke it is the network that writes: “{shown}”"
        )

    return Interactive(
        figure,
        {
            "tau": FloatSlider(0.7, min=0.1, max=2, step=0.05, description="temperature τ"),
            "beginning": Text(beginning, description="beginning"),
            "draw": IntSlider(1, min=1, max=20, description="draw number"),
        },
        update,
        alt="A bar for each character that may come next: its probability at the chosen"
        " temperature, with a mark where it would be at temperature 1.",
    )

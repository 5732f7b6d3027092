"""Interactive figures on text: read a sentence along, and write one.

Each takes a network from the notebook; left out, a small one that is there in a moment takes its
place.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from helpers import data, models
from helpers.data import Vocabulary
from helpers.models import NetworkParams
from helpers.numpy_rnn import rnn_forward
from helpers.output import head_forward, softmax
from helpers.teaching.exercises.real_text import pair_reader
from helpers.teaching.figures import BLUE, DIVERGING, GREY, ORANGE
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import Dropdown, FloatSlider, IntSlider, Layout, Text
from matplotlib.figure import Figure

MOST_WORDS = 40  # of a sentence that is read along
LONGEST_WORD = 12  # letters of a word that are shown
MOST_CHARACTERS = 200  # of a beginning that is read before writing
WRITTEN = 140  # characters


@part
def read_along(
    readers: Mapping[str, Callable[[np.ndarray], tuple]] | None = None,
    vocabulary: Vocabulary | None = None,
    sentence: str = "it is not good, it is zany",
) -> Interactive:
    """Show the verdict after each word of a sentence, and the effect of each word on the last one.

    `readers` maps what a network was trained on to a function of word numbers (T,) that returns
    (p, effect), both (T,), as `models.read_along` does; they share the vocabulary. Left out, it
    is one network that knows minimal pairs only.
    """
    if readers is None or vocabulary is None:
        vocabulary, params = pair_reader()
        readers = {"minimal pairs only": partial(models.read_along, params)}

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
    bottom.axhline(0, color=GREY, linewidth=1, zorder=-1)
    bottom.set(ylim=(-1.08, 1.08), ylabel="effect ∂p/∂x · x\n(largest = 1)", yticks=[-1, 0, 1])
    below.axis("off")
    words_drawn = [
        below.text(0.5, 0.95, "", va="top", rotation_mode="anchor") for _ in range(MOST_WORDS)
    ]

    def update(sentence, network):
        every_word = data.tokenize(sentence)
        words = every_word[:MOST_WORDS]
        tokens = np.array(vocabulary.encode(words), int)
        p, effect = readers[network](tokens) if words else (np.zeros(0), np.zeros(0))
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
                height=effect[n] / max(np.abs(effect).max(), 1e-12),
                color=BLUE if effect[n] > 0 else ORANGE,
            )
            drawn.set(x=places[n], text=_shortened(words[n]), rotation=60 if turned else 0)
            drawn.set(horizontalalignment="right" if turned else "center")
            drawn.set(
                color=GREY if tokens[n] == 1 else "black",
                fontstyle="italic" if tokens[n] == 1 else "normal",
            )
        return _read_out(every_word, tokens, p, effect)

    return Interactive(
        figure,
        {
            "sentence": Text(
                sentence,
                description="sentence",
                placeholder="type a sentence",
                layout=Layout(width="36em"),
            ),
            "network": Dropdown(options=list(readers), description="network, trained on"),
        },
        update,
        alt="Top: the probability of “positive” after each word, as dots from red (negative) to"
        " blue (positive). Bottom: bars for the effect of each word on the last verdict, up or"
        " down. Words it does not know are in grey italics.",
    )


def _shortened(word):
    return word if len(word) <= LONGEST_WORD else f"{word[: LONGEST_WORD - 1]}…"


def _read_out(every_word, tokens, p, effect):
    """Say in words what `read_along` shows."""
    words = every_word[: len(tokens)]
    if not words:
        return "There is no word to read yet: type a sentence."
    verdict = "positive" if p[-1] > 0.5 else "negative"
    says = f"After “{words[-1]}” p = {p[-1]:.2f}: {verdict}."
    most = int(np.abs(effect).argmax())
    says += f" The largest effect is that of “{words[most]}”: {effect[most]:+.2f}."
    unknown = dict.fromkeys(word for word, token in zip(words, tokens, strict=True) if token == 1)
    if unknown:
        says += f" Not in the vocabulary, and all read as the same <unk>: {', '.join(unknown)}."
    if len(every_word) > len(words):
        says += f" Only the first {len(words)} of {len(every_word)} words are read."
    return says


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

"""Chapter 1's interactive figure: which layers notice the order of the words."""

from helpers.numpy_rnn import RNNParams, rnn_forward
from helpers.teaching.figures import GREEN, ORANGE
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import IntSlider
from matplotlib.figure import Figure

REVIEW = "a great idea becomes a not great movie"  # number 7547 of the course's film reviews
SHUFFLES = 30


def reorder(T: int, shuffle: int, swap: int) -> np.ndarray:
    """Return an order of T words: shuffle number `shuffle`, then `swap` and `swap` + 1 exchanged.

    0 is no shuffle, and no swap.
    """
    order = np.random.default_rng(shuffle).permutation(T) if shuffle else np.arange(T)
    if swap:
        order[[swap - 1, swap]] = order[[swap, swap - 1]]
    return order


@part
def shuffle_the_sentence(review: str = REVIEW, units: int = 24) -> Interactive:
    """Let a shared and a recurrent layer read a review in any order, and show their means.

    Both have the same W_xh and b.
    """
    words = review.split()
    T = len(words)
    rng = np.random.default_rng(0)
    vectors = {word: rng.standard_normal(units) for word in words}
    x = np.array([vectors[word] for word in words])
    W_xh, W_hh = rng.standard_normal((2, units, units)) / np.sqrt(units)
    params = RNNParams(W_xh, W_hh, rng.standard_normal(units))

    def read(order):
        sentence = x[None, order]
        shared = np.tanh(sentence @ params.W_xh + params.b)
        return shared[0].mean(axis=0), rnn_forward(params, sentence)[0].mean(axis=0)

    as_written = read(np.arange(T))
    figure = Figure(figsize=(8.6, 3.9))
    axes = figure.subplot_mosaic(
        [["words", "words"], ["pooled", "recurrent"]], height_ratios=(1, 5)
    )
    axes["words"].set(xlim=(0.4, T + 0.6), ylim=(0, 1))
    axes["words"].axis("off")
    tokens = [
        axes["words"].text(place, 0.5, words[place - 1], ha="center", va="center")
        for place in range(1, T + 1)
    ]
    bars = []
    titles = "Shared, mean: blind to the order", "Recurrent, mean: sees it"
    for name, title, h, colour in zip(
        ("pooled", "recurrent"), titles, as_written, (GREEN, "C3"), strict=True
    ):
        bars.append(axes[name].bar(range(1, units + 1), h, color=colour, width=0.7))
        axes[name].plot(
            range(1, units + 1), h, "_", color="black", markersize=9, label="as written", zorder=3
        )
        axes[name].set(
            xlim=(0, units + 1), ylim=(-1.05, 1.35), title=title, xlabel="unit", yticks=(-1, 0, 1)
        )
        axes[name].grid(axis="x", visible=False)
        axes[name].legend(loc="upper right")

    def update(shuffle, swap):
        order = reorder(T, shuffle, swap)
        for place, (token, word) in enumerate(zip(tokens, order, strict=True)):
            stays = words[word] == words[place]
            token.set(
                text=words[word],
                color="black" if stays else ORANGE,
                fontweight="normal" if stays else "bold",
            )
        moved = []
        for drawn, h, h_written in zip(bars, read(order), as_written, strict=True):
            for bar, height in zip(drawn, h, strict=True):
                bar.set_height(height)
            moved.append(np.abs(h - h_written).max())
        shared, recurrent = (
            "not at all" if size < 1e-12 else f"by up to {size:.2f}" for size in moved
        )
        return (
            f"“{' '.join(words[word] for word in order)}”: compared with the review as it was"
            f" written, the mean of the shared layer moved {shared}, that of the recurrent layer"
            f" {recurrent}."
        )

    return Interactive(
        figure,
        {
            "shuffle": IntSlider(3, min=0, max=SHUFFLES, description="shuffle number"),
            "swap": IntSlider(0, min=0, max=T - 1, description="swap, from word"),
        },
        update,
        alt="Top: the words in their present order, bold and orange where another word stood in the"
        " review. Below: the means of the shared layer's outputs and of the recurrent layer's"
        " states, a bar for each unit, a black mark where the bar was for the review as"
        " written.",
        play="shuffle",
    )

"""Chapter 1's interactive figures: what four designs cost, and which notice the words' order."""

from helpers.numpy_rnn import RNNParams, rnn_forward
from helpers.teaching.figures import GREEN, ORANGE
from helpers.teaching.four_designs import count_multiply_adds, count_parameters, pooled
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import IntSlider, SelectionSlider
from matplotlib.figure import Figure

DESIGNS = ("flatten", "per step", "shared", "recurrent")
REVIEW = "a great idea becomes a not great movie"  # number 7547 of the course's film reviews
SHUFFLES = 30


def in_bytes(count: int) -> str:
    """Say in decimal units how much memory float32 numbers take: 512,064 are "2.05 MB"."""
    size = 4.0 * count
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def reorder(T: int, shuffle: int, swap: int) -> np.ndarray:
    """Return an order of T words: shuffle number `shuffle`, then `swap` and `swap` + 1 exchanged.

    0 is no shuffle, and no swap.
    """
    order = np.random.default_rng(shuffle).permutation(T) if shuffle else np.arange(T)
    if swap:
        order[[swap - 1, swap]] = order[[swap, swap - 1]]
    return order


@part
def cost_explorer() -> Interactive:
    """Show what the four designs store and compute; one notch of a slider doubles a size."""
    figure = Figure(figsize=(8.6, 3.7))
    bars, numbers = [], []
    titles = "numbers to store", "multiply–adds for one sentence"
    for ax, title in zip(figure.subplots(1, 2, sharey=True), titles, strict=True):
        bars.append(
            ax.barh(range(4), 4 * [1.0], left=100, height=0.34, color=["C0", "C1", "C2", "C3"])
        )
        numbers.append([ax.text(115, row - 0.23, "", va="bottom") for row in range(4)])
        ax.set(xscale="log", xlim=(100, 1e10), ylim=(3.5, -0.75), title=title)
        ax.set_yticks(range(4), DESIGNS)
        ax.grid(axis="y", visible=False)

    def update(T, D, H):
        stored, work = count_parameters(T, D, H), count_multiply_adds(T, D, H)
        for panel, counts in enumerate((stored, work)):
            for bar, number, count in zip(bars[panel], numbers[panel], counts, strict=True):
                bar.set_width(count - 100)
                number.set_text(f"{count:,}" if panel else f"{count:,} = {in_bytes(count)}")
        flatten, per_step, shared, recurrent = stored
        return (
            f"T = {T}, D = {D}, H = {H}. To store: flatten {flatten:,}, per step {per_step:,},"
            f" shared {shared:,}, recurrent {recurrent:,} numbers; flatten takes"
            f" {flatten / recurrent:.3g} times the memory of recurrent. To read one sentence:"
            f" recurrent {work[3]:,} multiply–adds, each of the others {work[0]:,}."
        )

    return Interactive(
        figure,
        {
            "T": SelectionSlider(
                options=[5 * 2**n for n in range(9)], value=80, description="time steps T"
            ),
            "D": SelectionSlider(
                options=[25 * 2**n for n in range(6)], value=100, description="numbers a word D"
            ),
            "H": SelectionSlider(
                options=[16 * 2**n for n in range(7)], value=64, description="hidden units H"
            ),
        },
        update,
        alt="Two bar charts with logarithmic axes, one bar for each of the four designs. Left: the"
        " numbers it stores, with their memory. Right: the multiply–adds with which it reads"
        " one sentence.",
    )


@part
def shuffle_the_sentence(review: str = REVIEW, units: int = 24) -> Interactive:
    """Let a shared layer with a mean and a recurrent layer read a review in any order.

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
        return pooled(params.W_xh, params.b, sentence)[0], rnn_forward(params, sentence)[0, -1]

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
    titles = "Shared, mean: blind to the order", "Recurrent, last state: sees it"
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
        mean, last = ("not at all" if size < 1e-12 else f"by up to {size:.2f}" for size in moved)
        return (
            f"“{' '.join(words[word] for word in order)}”: compared with the review as it was"
            f" written, the mean of the shared layer moved {mean}, the last recurrent state {last}."
        )

    return Interactive(
        figure,
        {
            "shuffle": IntSlider(3, min=0, max=SHUFFLES, description="shuffle number"),
            "swap": IntSlider(0, min=0, max=T - 1, description="swap, from word"),
        },
        update,
        alt="Top: the words in their present order, bold and orange where another word stood in the"
        " review. Below: the mean of the shared layer's outputs and the recurrent layer's last"
        " state, a bar for each unit, a black mark where the bar was for the review as"
        " written.",
        play="shuffle",
    )

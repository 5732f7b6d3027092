"""The interactive figure on forecasts: an hour, what was known, what was said, what came."""

from helpers import data
from helpers.teaching.figures import BLUE, GREY, ORANGE
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import IntSlider
from matplotlib.figure import Figure

WEEK, READ, AHEAD = 168, 72, 24


@part
def choose_an_hour(
    counts: np.ndarray | None = None, forecasts: np.ndarray | None = None
) -> Interactive:
    """Show the three days before an hour of October, and the forecast for the day after it.

    counts (T,) are those of the month, NaN where missing; forecasts (N, 24, 3), the low, middle and
    high ones that are made after hour 167 + n. Left out, these are lowest, mean and highest of
    the same hour in the week before.
    """
    if counts is None or forecasts is None:
        counts = data.load_bike_rentals().bikers.loc["2011-10"].to_numpy()
        ahead = np.arange(WEEK, len(counts) - AHEAD + 1)[:, None] + np.arange(AHEAD)
        days = np.stack([counts[ahead - AHEAD * k] for k in range(1, 8)], axis=-1)
        forecasts = np.stack([f(days, axis=-1) for f in (np.nanmin, np.nanmean, np.nanmax)], -1)

    figure = Figure(figsize=(8.6, 3.6))
    ax = figure.subplots()
    (past,) = ax.plot(np.arange(1 - READ, 1), counts[:READ], color=GREY, label="known")
    hours = np.arange(1, AHEAD + 1)
    band = ax.fill_between(hours, *forecasts[0, :, ::2].T, color=BLUE, alpha=0.22, label="band")
    (middle,) = ax.plot(hours, forecasts[0, :, 1], color=BLUE, label="forecast")
    (truth,) = ax.plot(
        hours, forecasts[0, :, 1], "o", color=ORANGE, markersize=4, label="what came"
    )
    ax.axvline(0.5, color=GREY, linewidth=1, zorder=-1)
    ax.set(xlim=(-READ, AHEAD + 1), xlabel="hours from now", ylabel="rentals in the hour")
    ax.set(ylim=(0, 1.05 * max(np.nanmax(counts), np.nanmax(forecasts))))
    ax.set_xticks(range(-READ, AHEAD + 1, 12))
    ax.set_title("Three days known, one day ahead")
    ax.legend(loc="upper left")

    def update(day, hour):
        now = AHEAD * (day - 1) + hour
        n = now - (WEEK - 1)
        low, median, high = forecasts[n].T
        came = counts[now + 1 : now + 1 + AHEAD]
        past.set_ydata(counts[now + 1 - READ : now + 1])
        middle.set_ydata(median)
        truth.set_ydata(came)
        edge = np.concatenate([low, high[::-1]])
        band.set_verts([np.column_stack([np.concatenate([hours, hours[::-1]]), edge])])
        within = np.sum((low <= came) & (came <= high))
        return (
            f"At the end of hour {now % AHEAD} on {now // AHEAD + 1} October: of the"
            f" {np.isfinite(came).sum()} counts that came, {within} lie in the band; the middle is"
            f" off by {np.nanmean(np.abs(came - median)):.0f} bicycles on average."
        )

    return Interactive(
        figure,
        {
            "day": IntSlider(20, min=8, max=30, description="day of October"),
            "hour": IntSlider(17, min=0, max=23, description="hour"),
        },
        update,
        alt="Rentals of the last 72 hours as a grey line; for the next 24 a forecast, a shaded band"
        " around it, and the counts that came as dots.",
        play="hour",
    )

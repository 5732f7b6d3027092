"""Chapter 8's exercises: windows, a leak, a baseline, a stock of bicycles, the time of year."""

import functools
from functools import partial

from helpers import data
from helpers.teaching.exercises.engine import Exercise, Misconception, edited

import numpy as np

WEEK, AHEAD = 168, 24

# --- Section 2: windows


def _hours(rng):
    """Draw some hours, few of them missing, and a part that ends before they do."""
    border, past, ahead = (int(rng.integers(*span)) for span in ((60, 90), (5, 9), (4, 8)))
    present = rng.random(border + 20) > 0.04
    present[[past + 12, border - 1]] = False, True  # one that is missing, and a last window
    return present, border, past, ahead


def window_ends(present, border, past, ahead):
    """Return the numbers t of the hours after which a window may be cut, in rising order."""
    t = np.arange(past - 1, border - ahead)
    asked = t[:, None] + np.arange(1, ahead + 1)
    return t[present[asked].all(axis=1)]


_ends = partial(edited, window_ends)

window_ends = Exercise(
    name="window_ends",
    answer=window_ends,
    returns=("t",),
    cases=_hours,
    verified="every window that may be cut is there, and no other, for random gaps and borders",
    hints=(
        "Leave the missing hours aside at first. What is the first t with `past` hours up to and"
        " with it, and the last t with `ahead` hours after it?",
        "t runs from past − 1 to border − ahead − 1, both included. Then leave out each t after"
        " which one of the next `ahead` hours is missing.",
        "`asked = t[:, None] + np.arange(1, ahead + 1)` numbers the hours asked for, one row for"
        " each t; `present[asked]` says which of them are there.",
    ),
    misconceptions=(
        Misconception(
            "windows reach over the border",
            _ends(("border - ahead)", "len(present) - ahead)")),
            "The last windows ask for hours of the next part. A network that is trained on them has"
            " seen answers of the part that is to judge it.",
            "section 2, the border",
        ),
        Misconception(
            "only the hours read stay before the border",
            _ends(("border - ahead)", "border)")),
            "The last hour read lies in this part, but the hours asked for lie in the next one."
            " They count too: t + ahead must come before the border.",
            "section 2, the border",
        ),
        Misconception(
            "the last window is missing",
            _ends(("border - ahead)", "border - ahead - 1)")),
            "The hours of the part are numbered 0 to border − 1, and the last hour asked for may be"
            " border − 1 itself. So the last t is border − ahead − 1, included.",
            "section 2, windows",
        ),
        Misconception(
            "the first window is missing",
            _ends(("past - 1,", "past,")),
            "Hour t is read too. So with `past` hours to read, the first window ends at hour"
            " past − 1, and reads the hours from 0 on.",
            "section 2, windows",
        ),
        Misconception(
            "windows begin before the data",
            _ends(("past - 1,", "0,")),
            "After the first hours there is too little to read: a window that ends at t needs the"
            " hours from t − past + 1 on, and these begin at 0.",
            "section 2, windows",
        ),
        Misconception(
            "a window with a missing hour among those read is dropped too",
            _ends(("np.arange(1, ahead + 1)", "np.arange(1 - past, ahead + 1)")),
            "An hour that is missing among those read is masked; the layer steps over it. Only an"
            " answer that nobody knows makes a window useless here.",
            "section 2, the text of the exercise",
        ),
        Misconception(
            "missing hours are not looked at",
            _ends(("t[present[asked].all(axis=1)]", "t")),
            "The windows fit into the part, but some of them ask for an hour without a count:"
            " there is nothing to compare the forecast with.",
            "section 2, the text of the exercise",
        ),
        Misconception(
            "only the last hour asked for is looked at",
            _ends(("[asked].all(axis=1)", "[asked[:, -1]]")),
            "The last of the hours asked for has a count, but one before it may be missing. Asked"
            " for were windows in which all of them have one.",
            "section 2, the text of the exercise",
        ),
    ),
)

# --- Section 3: a leak


def _counts(rng):
    """Draw counts of ten days, some of them missing."""
    counts = rng.integers(0, 300, 240).astype(float)
    counts[rng.permutation(np.arange(60, 230))[:12]] = np.nan
    counts[[100, 101, 102]] = np.nan
    return (counts,)


def _what_it_knows(answer, counts):
    """Say how many hours ahead a column looks, and what its rows are."""
    column = answer(counts.copy())
    if column is ...:
        return ...
    column = np.asarray(column, float)
    if column.shape != counts.shape:
        return {"hours it looks ahead": None, "level": column}
    ahead = 0
    for changed in [103, *range(40, 240, 9)]:
        other = counts.copy()
        other[changed] = 1000
        differs = ~np.isclose(np.asarray(answer(other), float), column, equal_nan=True)
        ahead = max(ahead, changed - int(np.argmax(differs))) if differs.any() else ahead
    return {"hours it looks ahead": ahead, "level": np.nan_to_num(column[24:], nan=-1)}


def honest(counts):
    """Return, for every hour, the mean of the counts of the last 25 hours that are there."""
    level = np.full(len(counts), np.nan)
    for t in range(len(counts)):
        last = counts[max(0, t - 24) : t + 1]
        if np.isfinite(last).any():
            level[t] = np.nanmean(last)
    return level


_honest = partial(edited, honest)

honest = Exercise(
    name="honest",
    answer=honest,
    returns=("hours it looks ahead", "level"),
    cases=_counts,
    ask=_what_it_knows,
    verified="row t depends on the counts up to hour t alone, and is the mean of the last 25",
    hints=(
        "Which hours does `center=True` average for hour t? Which of these have not come yet?",
        "The mean should run over the hours t − 24 … t. At the beginning there are fewer.",
        "`pd.Series(counts).rolling(25, min_periods=1).mean()`: without `center` the window ends at"
        " the hour itself. Or a loop over `counts[max(0, t - 24) : t + 1]` with `np.nanmean`.",
    ),
    misconceptions=(
        Misconception(
            "the window is still centred",
            _honest(("max(0, t - 24) : t + 1", "max(0, t - 12) : t + 13")),
            "The mean for hour t contains the twelve hours after it, half of what is to be"
            " forecast. On the day itself nobody has these numbers.",
            "section 3, a leak",
        ),
        Misconception(
            "gaps are filled from both sides",
            _honest(
                (
                    "level = np.full(",
                    "at = np.flatnonzero(np.isfinite(counts))\n"
                    "    counts = np.interp(np.arange(len(counts)), at, counts[at])\n"
                    "    level = np.full(",
                )
            ),
            "A straight line through a gap ends at the first count after it. So within the gap the"
            " column knows a number that comes later; leave the missing hours out of the mean.",
            "section 3, a leak",
        ),
        Misconception(
            "the mean is moved the wrong way",
            _honest(("max(0, t - 24) : t + 1", "t : t + 25")),
            "The window begins at hour t and ends a day later: these are the very hours to be"
            " forecast. It should end at hour t.",
            "section 3, a leak",
        ),
        Misconception(
            "the window has moved, but is one hour off",
            _honest(("max(0, t - 24) : t + 1", "max(0, t - 25) : t")),
            "The count of hour t is known when the forecast is made, and it is the freshest there"
            " is. The window should end with it, not before it.",
            "section 3, the text of the exercise",
        ),
        Misconception(
            "one missing hour makes the whole mean missing",
            _honest(("np.nanmean(last)", "np.mean(last)")),
            "For a day after each gap your column has no value. Average the counts that are there:"
            " `np.nanmean`, or `min_periods=1`.",
            "section 3, the text of the exercise",
        ),
        Misconception(
            "a missing hour counts as zero",
            _honest(("np.nanmean(last)", "np.nansum(last) / 25")),
            "No count is not a count of zero: after a gap the level would seem to fall. Divide by"
            " the number of hours that are there.",
            "section 3, the text of the exercise",
        ),
    ),
)

# --- Section 3: a baseline


def _yesterday(past, working):
    return past[-AHEAD:]


def _last_week(past, working):
    return past[:AHEAD]


def own_baseline(past, working):
    """Average the same hour over those of the last seven days that were of the same kind."""
    days, kinds = past.reshape(7, 24), working[:168].reshape(7, 24)
    same = np.where(kinds == working[168:], days, np.nan)
    usual = days[np.isfinite(days)].mean()
    level = [np.nanmean(hour) if np.isfinite(hour).any() else usual for hour in same.T]
    return np.array(level)


def _of_all_days(past, working):
    return np.nanmean(past.reshape(7, AHEAD), axis=0)


def _one_number(past, working):
    return np.full(AHEAD, np.nanmean(past))


@functools.cache
def _september():
    """Return (past, working, what came) for every fifth hour of September."""
    part = data.load_bike_rentals().loc["2011-09"]
    counts, kinds = part.bikers.to_numpy(), part.workingday.to_numpy()
    starts = range(0, len(part) - WEEK - AHEAD + 1, 5)
    return [
        (counts[n : n + WEEK], kinds[n : n + WEEK + AHEAD], counts[n + WEEK :][:AHEAD])
        for n in starts
    ]


def _tried_in_september(answer):
    """Say whether the forecasts are numbers, and whether they are better than last week's."""
    errors, rivals = [], []
    for past, kinds, y in _september():
        given = answer(past.copy(), kinds.copy())
        if given is ...:
            return ...
        given = np.asarray(given, float)
        if given.shape != (AHEAD,):
            return {"forecast": "not 24 numbers", "error": None}
        if not np.isfinite(given).all():
            return {"forecast": "missing at some hours", "error": None}
        errors.append(np.abs(given - y))
        rivals.append(np.abs(_last_week(past, kinds) - y))
    less = 1 - np.nanmean(errors) / np.nanmean(rivals)
    verdict = "at least 10 % below last week's" if less >= 0.1 else f"{-less:+.0%} of last week's"
    return {"forecast": "24 numbers", "error": verdict}


own_baseline = Exercise(
    name="own_baseline",
    answer=own_baseline,
    returns=("forecast", "error"),
    ask=_tried_in_september,
    verified="on September its error is at least 10 % below that of last week's counts",
    hints=(
        "Last week's count is one number, with all its chance. Which other hours of `past` are"
        " like the one to forecast?",
        "`past.reshape(7, 24)` has a row for each of the last seven days, each beginning at the"
        " hour that is to be forecast first. Averages of several rows err less.",
        "Average, for each hour, only the days that are of the same kind as the day to forecast:"
        " `working[:168].reshape(7, 24) == working[168:]`. Look out for hours that are missing.",
    ),
    misconceptions=(
        Misconception(
            "this is what came a week ago, no better",
            lambda past, working: np.nan_to_num(_last_week(past, working)),
            "The same hour of last week is the rival itself. It takes all the chance of one hour"
            " along; other days of `past` say more about the usual one.",
            "section 3, the two simplest",
        ),
        Misconception(
            "this is what came yesterday",
            lambda past, working: np.nan_to_num(_yesterday(past, working)),
            "On Saturdays it forecasts a Friday, and on Mondays a Sunday. `working` says which of"
            " the past days are like the one to forecast.",
            "section 3, the two simplest",
        ),
        Misconception(
            "working days and weekends are averaged together",
            _of_all_days,
            "The mean of seven days has little chance in it, but its morning peak is too low on"
            " working days and too high on Sundays. Average days of the same kind.",
            "section 1, what is to be seen",
        ),
        Misconception(
            "the hours of the day are all the same",
            _one_number,
            "One number for all 24 hours is far off at night and in the morning. Forecast each hour"
            " from the same hour of other days.",
            "section 1, what is to be seen",
        ),
        Misconception(
            "missing hours go into the forecast",
            _last_week,
            "Where an hour of `past` is missing, so is your forecast (or one hour of it). A service"
            " must answer there too: average what is there.",
            "section 1, the missing hours",
        ),
    ),
)

# --- Section 7: what a quantile is good for


def _day_of_costs(rng):
    counts = rng.poisson(rng.uniform(20, 200), 200) + rng.integers(0, 80, 200)
    return counts.astype(float), float(rng.integers(2, 10)), 1.0 / float(rng.integers(1, 4))


def _mean_cost(answer, counts, short, spare):
    number = answer(counts.copy(), short, spare)
    if number is ...:
        return ...
    missing = np.maximum(counts - number, 0)
    return float(np.mean(short * missing + spare * np.maximum(number - counts, 0)))


def stock(counts, short, spare):
    """Return the number of bicycles whose mean cost over the counts is least."""
    return np.quantile(counts, short / (short + spare), method="inverted_cdf")


_stock = partial(edited, stock)

stock = Exercise(
    name="stock",
    answer=stock,
    returns=("mean cost",),
    cases=_day_of_costs,
    ask=_mean_cost,
    verified="no number of bicycles costs less",
    hints=(
        "Write the cost of one day as a function of the number and the count. Which loss has"
        " the same two slopes?",
        "Divide both costs by short + spare: then the slopes are q and 1 − q with"
        " q = short / (short + spare). Which number has the least mean quantile loss?",
        "The quantile of the counts at the level q: `np.quantile(counts, q)`, at one of the counts"
        ' (`method="inverted_cdf"`).',
    ),
    misconceptions=(
        Misconception(
            "the level is turned round",
            _stock(("short / (short + spare)", "spare / (short + spare)")),
            "If a missing bicycle costs more than a spare one, there should be more bicycles than"
            " are usually asked for: a level above ½.",
            "section 4, equation (1)",
        ),
        Misconception(
            "the costs are not used: the mean",
            _stock(
                (
                    'np.quantile(counts, short / (short + spare), method="inverted_cdf")',
                    "np.mean(counts)",
                )
            ),
            "The mean is least in squares, which know no costs. With a mean number of bicycles, too"
            " few are there on about every second day.",
            "section 4, equation (1)",
        ),
        Misconception(
            "the costs are not used: the median",
            _stock(("short / (short + spare)", "0.5")),
            "The median would be best if a spare bicycle cost as much as a missing one. Here the"
            " two differ, so the best number lies to one side of it.",
            "section 4, equation (1)",
        ),
        Misconception(
            "there is never one too few",
            _stock(("short / (short + spare)", "1.0")),
            "The largest count that ever came is safe, and dear: on nearly every day many bicycles"
            " stand about. Weigh the two costs.",
            "section 4, equation (1)",
        ),
        Misconception(
            "the mean is stretched by the ratio of the costs",
            _stock(
                (
                    'np.quantile(counts, short / (short + spare), method="inverted_cdf")',
                    "np.mean(counts) * short / spare",
                )
            ),
            "How much more is wise depends on how far the counts scatter, not on how large they"
            " are. If all of them were equal, the costs would not matter at all.",
            "section 4, equation (1)",
        ),
    ),
)

# --- Section 10: the time of year


def _what_the_year_says(answer):
    """Say whether training knows the values that a feature has in winter, and from when."""
    import pandas as pd

    trained = pd.date_range("2011-01-01", "2011-09-30 23:00", freq="h")
    winter = pd.date_range("2011-11-01", "2011-12-31 23:00", freq="h")
    values = answer(trained), answer(winter)
    if any(value is ... for value in values):
        return ...
    known, value = (np.asarray(value, float) for value in values)
    if (*known.shape, *value.shape) != (len(trained), len(winter)):
        return dict.fromkeys(season.returns, "not one number for each hour")
    room = 0.15 * np.ptp(known)
    seen = known.min() - room <= value.min() and value.max() <= known.max() + room
    apart = len(np.unique(value[12::24].round(6))) >= 10
    distance = np.abs(known - value[12::24, None])
    near = distance <= distance.min(axis=1, keepdims=True) + 0.01 * np.ptp(known)
    alike = np.broadcast_to(trained.month, distance.shape)[near]
    verdicts = ("yes" if is_so else "no" for is_so in (seen, apart, max(alike) <= 4))
    return dict(zip(season.returns, verdicts, strict=True))


def season(hours):
    """Return for every hour of the year 1 on the shortest day, −1 on the longest."""
    return np.cos(2 * np.pi * (hours.day_of_year + 10) / 365)


_season = partial(edited, season)

season = Exercise(
    name="season",
    answer=season,
    returns=("seen in training", "tells days apart", "winter is like January to April"),
    ask=_what_the_year_says,
    verified="its values of November and December occur in training, on days of the cold season",
    hints=(
        "Training ends in September. Which days between January and September are like those of"
        " November and December, and what do they share?",
        "How long a day is light: short in November as in late January. A cosine over the year, at"
        " its highest on the shortest day, says the same.",
        "`np.cos(2 * np.pi * (hours.day_of_year + 10) / 365)`. The sine that is often given along"
        " tells spring from autumn, and training has seen only one of the two.",
    ),
    misconceptions=(
        Misconception(
            "the month",
            _season(("np.cos(2 * np.pi * (hours.day_of_year + 10) / 365)", "hours.month")),
            "Training has seen the months 1 to 9. What 11 and 12 do to the counts, no model could"
            " learn; each extrapolates as its form has it.",
            "section 10, the text of the exercise",
        ),
        Misconception(
            "a number that only grows",
            _season(("np.cos(2 * np.pi * (hours.day_of_year + 10) / 365)", "hours.day_of_year")),
            "All its values from October on lie beyond those of training. A network has never been"
            " told what they mean.",
            "section 10, the text of the exercise",
        ),
        Misconception(
            "winter has the numbers of summer days",
            _season(("np.cos", "np.sin")),
            "Its values do occur in training, but on days of summer, as with a sine, which gives a"
            " day of November the number of one in August. Days that are alike need like numbers.",
            "section 10, the text of the exercise",
        ),
        Misconception(
            "all days of winter have the same number",
            _season(("np.cos(2 * np.pi * (hours.day_of_year + 10) / 365)", "hours.hour")),
            "At noon it is the same on every day from November on, so it says nothing of the time"
            " of year, or no more than that it is winter. It should change from day to day.",
            "section 10, the text of the exercise",
        ),
    ),
)

"""Chapter 3's interactive figures: the ledger of terms, the product of Jacobians, clipping."""

from typing import NamedTuple

from helpers import gradients
from helpers.numpy_rnn import RNNParams, init_params, rnn_backward, rnn_forward
from helpers.teaching.figures import BLUE, DIVERGING, GREEN, GREY, ORANGE
from helpers.teaching.interactive.base import Interactive, part

import numpy as np
from ipywidgets import FloatSlider, IntSlider, Layout, SelectionSlider, ToggleButtons
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

LOSSES = ("every step", "every third step", "last step only")
LAYOUTS = ("numerator", "denominator", "mixed (wrong)")
DEAD = 1e-30  # below this, nothing is drawn on a logarithmic axis


def with_radius(params: RNNParams, rho: float) -> RNNParams:
    """Scale W_hh so that its largest absolute eigenvalue is rho."""
    return params._replace(W_hh=rho / np.abs(np.linalg.eigvals(params.W_hh)).max() * params.W_hh)


def losses_on(losses: str, T: int) -> np.ndarray:
    """Say for each time step t = 1 … T whether there is a loss, (T,)."""
    t = np.arange(1, T + 1)
    return {"every step": t > 0, "every third step": (T - t) % 3 == 0, "last step only": t == T}[
        losses
    ]


def passage(params: RNNParams, h: np.ndarray, dh_t: np.ndarray, t: int, i: int) -> np.ndarray:
    """Norms (t − i + 1,) of ∂L_t/∂h_k for k = t, t − 1, …, i, one loss's way back."""
    row, norms = dh_t, [np.linalg.norm(dh_t)]
    for J in gradients.state_jacobians(params, h)[i:t][::-1]:
        row = row @ J
        norms.append(np.linalg.norm(row))
    return np.array(norms)


@part
def ledger(longest: int = 12) -> Interactive:
    """Every term of equation (4) for one weight, and one loss's way back to one use.

    The rows are losses and the columns uses of W_hh; a click chooses a term. Four random units read
    `longest` random inputs of standard deviation 0.5, and the losses compare their states with
    random targets.
    """
    rng = np.random.default_rng(46)
    params = RNNParams(*(rng.normal(0, 0.6, shape) for shape in ((3, 4), (4, 4), 4)))
    D, H = params.W_xh.shape
    all_x, targets = rng.normal(0, 0.5, (longest, D)), rng.normal(0, 0.5, (longest, H))

    figure = Figure(figsize=(10, 3.9))
    left, middle, right = figure.subplots(1, 3, width_ratios=(4, 2.6, 3))
    edges = (0.5, longest + 0.5, longest + 0.5, 0.5)
    image = left.imshow(
        np.eye(longest), cmap=DIVERGING, vmin=-1, vmax=1, extent=edges, interpolation="none"
    )
    (chosen,) = left.plot(
        [1], [1], "s", markersize=15, fillstyle="none", color="black", markeredgewidth=2
    )
    beyond = left.add_patch(
        Rectangle((0.5, 0.5), 0, longest, facecolor="#D9D9D9", edgecolor="none")
    )
    below = left.add_patch(Rectangle((0.5, 0.5), longest, 0, facecolor="#D9D9D9", edgecolor="none"))
    left.set(
        xlabel="time step $i$ of the use",
        ylabel="time step $t$ of the loss",
        title="Terms of one gradient",
    )
    left.set(xticks=range(1, longest + 1), yticks=range(1, longest + 1))
    left.grid(False)

    bars = middle.bar(range(1, longest + 1), longest * [0.0], color=BLUE, width=0.7)
    (running,) = middle.plot(
        [], [], color="black", marker="o", markersize=4, label="added up from the last use"
    )
    (judge,) = middle.plot([], [], color=GREEN, linestyle="--", label="one backward sweep")
    middle.axhline(0, color=GREY, linewidth=0.8, zorder=-1)
    middle.set(
        xlim=(0.3, longest + 0.7), ylim=(-1.4, 1.9), xlabel="use $i$", title="Column sums add up"
    )
    middle.set(xticks=range(2, longest + 1, 2), ylabel="relative to the largest")
    middle.legend(loc="upper left", fontsize=8.5)

    (norms,) = right.plot([], [], color=ORANGE, marker="o")
    right.set(
        xlim=(longest + 0.5, 0.5),
        yscale="log",
        ylim=(1e-6, 1e4),
        xlabel="state $h_k$, backwards from $k = t$",
    )
    right.set(ylabel=r"$\Vert\partial L_t/\partial h_k\Vert$", title="The way of one loss")
    right.set_xticks(range(2, longest + 1, 2))

    def update(T, rho, losses, t, i):
        scaled = with_radius(params, rho)
        x = all_x[:T]
        h = rnn_forward(scaled, x[None])[0]
        dh = (h - targets[:T]) * losses_on(losses, T)[:, None]
        of_every_weight = gradients.gradient_ledger(scaled, x, h, dh)
        terms = of_every_weight[:, :, 0, 1]  # row form: the weight from unit 1 to unit 2
        swept = rnn_backward(scaled, x[None], h[None], dh[None]).W_hh[0, 1]
        columns = terms.sum(axis=0)
        sums = columns[::-1].cumsum()[::-1]

        shown = np.full((longest, longest), np.nan)
        shown[:T, :T] = np.where(np.tri(T, dtype=bool), terms / np.abs(terms).max(), np.nan)
        image.set_data(shown)
        beyond.set(x=T + 0.5, width=longest - T)
        below.set(y=T + 0.5, height=longest - T)
        chosen.set_data([i], [t])
        unit = max(np.abs(columns).max(), np.abs(sums).max())
        for place, bar in enumerate(bars):
            bar.set_height(columns[place] / unit if place < T else 0)
        running.set_data(range(1, T + 1), sums / unit)
        judge.set_data([0.3, longest + 0.7], 2 * [swept / unit])

        asked = f"Loss at t = {t}, use at i = {i}: "
        if t > T or i > T:
            norms.set_data([], [])
            told = f"{asked}there is no such step, the sequence has {T}."
        elif i > t:
            norms.set_data([], [])
            told = f"{asked}no term, for what happens at step {t} cannot depend on a later use."
        elif not losses_on(losses, T)[t - 1]:
            norms.set_data([], [])
            told = f"{asked}there is no loss at step {t}."
        else:
            sizes = passage(scaled, h, dh[t - 1], t, i)
            norms.set_data(range(t, i - 1, -1), np.maximum(sizes, DEAD))
            count = f"{t - i} Jacobian{'s' * (t - i != 1)}"
            told = (
                f"{asked}the term is {terms[t - 1, i - 1] + 0.0:+.2g}. On the way, {count}, the"
                f" gradient goes from {sizes[0]:.2g} to {sizes[-1]:.2g}."
            )
        number = int(np.tri(T, dtype=bool)[losses_on(losses, T)].sum())
        sentence = (
            f"{told} All {number} terms add up to {sums[0]:+.5f}; one backward sweep says"
            f" {swept:+.5f}."
        )
        return sentence.replace("-", "−")

    def click(axes, column, row):
        place = {"t": round(row), "i": round(column)}
        return (
            place if axes is left and all(1 <= step <= longest for step in place.values()) else {}
        )

    return Interactive(
        figure,
        {
            "T": IntSlider(10, min=2, max=longest, description="length T"),
            "rho": FloatSlider(1.0, min=0.1, max=2.5, step=0.1, description="spectral radius ρ"),
            "losses": ToggleButtons(options=LOSSES, description="losses at"),
            "t": IntSlider(6, min=1, max=longest, description="loss t"),
            "i": IntSlider(3, min=1, max=longest, description="use i"),
        },
        update,
        alt="Left: a table of coloured cells, losses by uses, empty above the diagonal, with one"
        " cell marked; blue is positive, red negative. Middle: a bar for each column's sum, a"
        " line that adds them up, and the gradient from a backward sweep. Right: the norm of"
        " the chosen loss's gradient at each state on its way back.",
        click=click,
    )


def recurrent_matrices(units: int) -> dict[str, np.ndarray]:
    """Matrices (units, units) as on paper whose largest absolute eigenvalue is 1, by name."""
    rng = np.random.default_rng(5)
    orthogonal = init_params(rng, 1, units, np.float64).W_hh
    gaussian = rng.normal(size=(units, units))
    one_way = np.eye(units) + np.eye(units, k=1)  # each unit also listens to the next one
    return {
        "orthogonal": orthogonal,
        "random": gaussian / np.abs(np.linalg.eigvals(gaussian)).max(),
        "one-way chain": one_way,
    }


def products_by_lag(J: np.ndarray, layout: str) -> np.ndarray:
    """∂h_T/∂h_{T−k} for k = 0 … T, (T + 1, H, H), as products of the Jacobians J_1 … J_T (T, H, H).

    These are in numerator layout; denominator layout gives the transposes. "mixed (wrong)"
    multiplies the factors of one layout in the other's order.
    """
    products = [np.eye(J.shape[-1])]
    for J_k in J[::-1]:
        last = products[-1]
        longer = {
            "numerator": last @ J_k,
            "denominator": J_k.T @ last,
            "mixed (wrong)": J_k @ last,
        }
        products.append(longer[layout])
    return np.array(products)


@part
def jacobian_explorer(units: int = 8, steps: int = 50) -> Interactive:
    """Show the product of Jacobians: entries, singular values, norm by lag, W_hh's eigenvalues."""
    matrices = recurrent_matrices(units)
    noise = np.random.default_rng(6).normal(size=(1, steps, units))
    figure = Figure(figsize=(9.6, 5.2))
    (plane, entries), (values, by_lag) = figure.subplots(2, 2, width_ratios=(2, 3))
    angles = np.linspace(0, 2 * np.pi, 200)
    plane.plot(np.cos(angles), np.sin(angles), color=GREY, linewidth=1, zorder=-1)
    (eigenvalues,) = plane.plot([], [], "o", color=ORANGE)
    plane.set(
        xlim=(-3.3, 3.3),
        ylim=(-2.2, 2.2),
        aspect="equal",
        title="Eigenvalues of $W_{hh}$, and the unit circle",
    )
    plane.set(xlabel="real part", ylabel="imaginary part")
    image = entries.imshow(
        np.eye(units), cmap=DIVERGING, vmin=-1, vmax=1, interpolation="none", aspect="equal"
    )
    entries.set(xticks=[], yticks=[], title="The product: 1 is its largest entry")
    entries.grid(False)
    bars = values.bar(range(1, units + 1), units * [1.0], bottom=1e-12, color=BLUE, width=0.7)
    values.set(
        yscale="log", ylim=(1e-12, 1e12), xlabel="number", title="Singular values of the product"
    )
    values.set_xticks(range(1, units + 1))
    values.axhline(1, color=GREY, linewidth=1, zorder=-1)
    (bound,) = by_lag.plot([], [], color=GREY, linestyle="--", label="bound $s_{\\max}^k$")
    (norm,) = by_lag.plot([], [], color=BLUE, label="norm of the product")
    (chosen,) = by_lag.plot([], [], "o", color=BLUE, markersize=9)
    by_lag.axhline(1, color=GREY, linewidth=1, zorder=-1)
    by_lag.set(
        yscale="log",
        ylim=(1e-12, 1e12),
        xlim=(0, steps),
        xlabel="lag $k$",
        title="Norm against lag",
    )
    by_lag.legend(loc="lower left")

    def update(matrix, rho, sd, lag, layout):
        W_hh = rho * matrices[matrix]
        params = RNNParams(np.eye(units), W_hh.T, np.zeros(units))  # row form in code
        J = gradients.state_jacobians(params, rnn_forward(params, sd * noise)[0])
        products = products_by_lag(J, layout)
        sizes = np.linalg.norm(products, 2, axis=(1, 2))
        singular = np.linalg.svd(products[lag], compute_uv=False)
        s_max = np.linalg.norm(W_hh, 2)

        own = np.linalg.eigvals(W_hh)
        eigenvalues.set_data(own.real, own.imag)
        image.set_data(products[lag] / max(np.abs(products[lag]).max(), DEAD))
        for bar, value in zip(bars, singular, strict=True):
            bar.set_height(max(value, 1e-12) - 1e-12)
        bound.set_data(range(steps + 1), s_max ** np.arange(steps + 1))
        norm.set_data(range(steps + 1), np.maximum(sizes, DEAD))
        chosen.set_data([lag], [max(sizes[lag], DEAD)])

        order = {
            "numerator": "J_T ⋯ J_{T−k+1}",
            "denominator": "J_{T−k+1}ᵀ ⋯ J_Tᵀ, the transpose of numerator layout",
            "mixed (wrong)": "J_{T−k+1} ⋯ J_T, which is nobody's derivative",
        }[layout]
        return (
            f"W_hh {matrix}, with spectral radius {rho:.2f} and largest singular value {s_max:.2f};"
            f" input s.d. {sd:g}. Over {lag} step{'s' * (lag != 1)} the product {order} has norm"
            f" {sizes[lag]:.2g}; the bound is {s_max**lag:.2g}."
        )

    return Interactive(
        figure,
        {
            "matrix": ToggleButtons(options=list(matrices), description="matrix W_hh"),
            "rho": FloatSlider(1.0, min=0.5, max=2.0, step=0.05, description="spectral radius ρ"),
            "sd": SelectionSlider(
                options=[0, 0.01, 0.03, 0.1, 0.3, 1, 3], value=0.1, description="input s.d."
            ),
            "lag": IntSlider(20, min=0, max=steps, description="lag k"),
            "layout": ToggleButtons(
                options=LAYOUTS,
                description="layout",
                layout=Layout(width="auto"),
                style={"button_width": "auto"},
            ),
        },
        update,
        alt="Four panels. The eigenvalues of the recurrent matrix in the plane with the unit"
        " circle; the entries of the product of Jacobians at the chosen lag as colours; its"
        " singular values as bars on a logarithmic axis; its norm against the lag, with the"
        " bound as a dashed line.",
        play="lag",
    )


CLIFF_STEPS, CLIFF_TARGET = 50, 1.0


class Walk(NamedTuple):
    """Gradient descent on the two weights of one unit; entry n is before update n."""

    w: np.ndarray  # (N + 1,)
    b: np.ndarray  # (N + 1,)
    loss: np.ndarray  # (N + 1,)
    norm: np.ndarray  # (N + 1,) of the gradient


def cliff_gradient(w: float, b: float) -> tuple[float, float, float]:
    """Compute ½ (h_50 − 1)² and its derivatives by w and b.

    h_t = max(0, w h_{t−1} + b) is one unit that starts at 0.
    """
    h = [0.0]
    for _ in range(CLIFF_STEPS):
        h.append(max(0.0, w * h[-1] + b))
    error = delta = h[-1] - CLIFF_TARGET
    dw = db = 0.0
    for t in range(CLIFF_STEPS, 0, -1):
        delta *= h[t] > 0
        dw += delta * h[t - 1]
        db += delta
        delta *= w
    return error**2 / 2, dw, db


def walk_down(w: float, b: float, rate: float, max_norm: float, count: int) -> Walk:
    """Take `count` steps of gradient descent, each gradient clipped to the norm `max_norm`."""
    rows = []
    for _ in range(count + 1):
        loss, dw, db = cliff_gradient(w, b)
        norm = np.hypot(dw, db)
        rows.append((w, b, loss, norm))
        scale = rate * (max_norm / norm if norm > max_norm else 1.0)
        w, b = w - scale * dw, b - scale * db
    return Walk(*np.array(rows).T)


@part
def clipping_on_a_cliff(count: int = 60) -> Interactive:
    """Two descents from the same place: the one not clipped is thrown off by its first step."""
    ws, bs = np.linspace(0.6, 1.2, 181), np.linspace(-0.06, 0.14, 121)
    h = np.zeros((len(bs), len(ws)))
    for _ in range(CLIFF_STEPS):
        h = np.maximum(0, ws * h + bs[:, None])
    surface = np.maximum((h - CLIFF_TARGET) ** 2 / 2, 1e-4)

    figure = Figure(figsize=(9.6, 3.8))
    plane, curve = figure.subplots(1, 2, width_ratios=(5, 4))
    levels = 10.0 ** np.arange(-4, 5)
    bands = plane.contourf(
        ws, bs, surface, levels, norm=LogNorm(1e-4, 1e4), cmap="Greys", extend="max", zorder=-1
    )
    figure.colorbar(bands, ax=plane, label="loss", pad=0.02)
    plane.set(xlim=(0.6, 1.2), ylim=(-0.06, 0.14), xlabel="weight $w$", ylabel="bias $b$")
    plane.set_title("The loss, and two descents")
    plane.grid(False)
    curve.set(
        yscale="log",
        xlim=(0, count),
        ylim=(1e-9, 1e6),
        xlabel="update",
        ylabel="loss",
        title="What they reach",
    )
    walks = {}
    for name, colour, width in (("not clipped", ORANGE, 1.6), ("clipped", BLUE, 2.4)):
        style = dict(color=colour, linewidth=width, marker="o", markersize=3.5, label=name)
        walks[name] = plane.plot([], [], **style)[0], curve.plot([], [], **style)[0]
    (start,) = plane.plot([], [], "o", color="black", markersize=8)
    curve.legend(loc="lower left")

    def update(done, w_0, rate, max_norm):
        told = []
        for (name, drawn), limit in zip(walks.items(), (np.inf, max_norm), strict=True):
            walk = walk_down(w_0, 0.1, rate, limit, count)
            path, losses = drawn
            path.set_data(walk.w[: done + 1], walk.b[: done + 1])
            losses.set_data(range(done + 1), np.maximum(walk.loss[: done + 1], DEAD))
            where = f"w = {walk.w[done]:.3g}, b = {walk.b[done]:.3g}, loss {walk.loss[done]:.2g}"
            dead = (
                ", where the unit is off and the gradient is 0"
                if walk.norm[done] == 0 and walk.loss[done]
                else ""
            )
            told.append(f"{name}: {where}{dead}")
        start.set_data([w_0], [0.1])
        first = walk.norm[0]
        return (
            f"The first gradient has norm {first:.3g}. After {done} updates, {'; '.join(told)}."
        ).replace("-", "−")

    return Interactive(
        figure,
        {
            "done": IntSlider(count, min=0, max=count, description="updates"),
            "w_0": FloatSlider(1.0, min=0.7, max=1.15, step=0.05, description="start at w"),
            "rate": SelectionSlider(
                options=[1e-5, 1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1],
                value=0.01,
                description="learning rate",
            ),
            "max_norm": SelectionSlider(
                options=[0.1, 0.3, 1, 3, 10, 100], value=1, description="clip to norm"
            ),
        },
        update,
        alt="Left: the loss over the weight and the bias in grey, steep where the weight is above"
        " 1, with the paths of two descents from the same start. Right: their loss update by"
        " update on a logarithmic axis.",
        play="done",
    )

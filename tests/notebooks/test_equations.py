"""Each numbered equation runs beside its text, and a wrong version of it is noticed there."""

import re
from functools import cache

from tools.notebooks import NOTEBOOKS, read

import pytest

FORWARD, BACKWARD = "02_forward_recurrence.ipynb", "03_backpropagation_through_time.ipynb"
CHAPTER = dict.fromkeys(range(1, 4), FORWARD) | dict.fromkeys(range(4, 10), BACKWARD)

# equation: (what stands in the cell after it, a wrong reading of it)
TAMPERED = [
    (1, "return words + 1,", "return words,"),  # one state is not updated
    (1, "f(h[t - 1], tokens[t - 1])", "f(h[t - 1], tokens[t - 2])"),  # the word before
    (2, "return characters / words", "return words / characters"),
    (2, "g(h[t])", "g(h[T])"),  # always the last state
    (3, "W_xh @ x_t", "W_xh.T @ x_t"),
    (3, "W_hh @ h_t", "W_hh.T @ h_t"),
    (3, "h_t = np.zeros(2)", "h_t = np.ones(2)"),  # another start
    (3, " + b)", ")"),
    (3, "np.tanh(", "(lambda z: 1 / (1 + np.exp(-z)))("),
    (4, "range(1, t + 1)", "range(1, t)"),  # the last use left out
    (4, "range(1, t + 1)", "range(t, t + 1)"),  # the last use alone
    (4, "run(i, t, h_i)", "run(0, t, h_i)"),
    (4, "step(i, h[i - 1], W)", "step(i, h[i], W)"),  # h_i where h_{i-1} belongs
    (4, "step(i, h[i - 1], W)", "run(0, i, h_0, W)"),  # the total derivative for the direct one
    (4, "chain(dL_do, do_dh, dh_dh, layout=layout)", "chain(dL_do, do_dh, dh_dh.T, layout=layout)"),
    (4, "chain(dL_do, do_dh, dh_dh, layout=layout)", "chain(dL_do, do_dh, layout=layout)"),
    (4, "a,apq->pq", "a,apq->qp"),
    (5, "np.eye(H)", "2 * np.eye(H)"),
    (5, "derivative(g, h[t], layout)", "derivative(np.tanh, h[t], layout)"),
    (5, "(h[t] - y[t])", "(y[t] - h[t])"),
    (6, "range(t - 1, i - 1, -1)", "range(i, t)"),  # the product in the other order
    (6, "range(t - 1, i - 1, -1)", "range(t - 1, i, -1)"),  # the first factor left out
    (6, "range(t - 1, i - 1, -1)", "range(min(t, T - 1), i - 1, -1)"),  # one factor too many
    (6, "step(k + 1, h_k), h[k], layout)", "step(k + 1, h_k), h[k], layout).T"),
    (7, "W_xh @ x[k + 1]", "W_xh @ x[max(k, 1)]"),
    (7, "W_hh @ h[k]", "W_hh.T @ h[k]"),
    (7, "W_hh @ h[k]", "W_hh @ h[k + 1]"),
    (7, " + b)", ")"),
    (8, "W_hh.T @ np.diag(h_dash)", "W_hh @ np.diag(h_dash)"),
    (8, "W_hh.T @ np.diag(h_dash)", "np.diag(h_dash) @ W_hh.T"),
    (8, "np.diag(h_dash) @ W_hh,", "W_hh @ np.diag(h_dash),"),
    (8, "np.diag(h_dash) @ W_hh,", "W_hh,"),  # sigma' forgotten
    (8, "1 - h[k + 1] ** 2", "1 - h[k] ** 2"),
    (8, "derivative(np.tanh, z_next)", "derivative(np.tanh, h[k + 1])"),  # sigma' at h, not at z
    (
        9,
        "denominator @ (W_hh.T @ np.diag(sigma_dash(k)))",
        "(W_hh.T @ np.diag(sigma_dash(k))) @ denominator",
    ),
    (
        9,
        "(np.diag(sigma_dash(k)) @ W_hh) @ numerator",
        "numerator @ (np.diag(sigma_dash(k)) @ W_hh)",
    ),
    (9, "W_hh.T @ np.diag(sigma_dash(k))", "W_hh.T"),
    (9, "W_hh.T @ np.diag(sigma_dash(k))", "W_hh @ np.diag(sigma_dash(k))"),
    (9, "in range(i, t)", "in range(i, t - 1)"),
    (9, "x[k + 1] + W_hh @ h[k]", "x[k] + W_hh @ h[k]"),
]


@cache
def cells_of(name):
    return read(NOTEBOOKS / name).cells


def place(n):
    """The positions in its chapter of the text with equation (n) and of the code cell after it."""
    cells = cells_of(CHAPTER[n])
    (text,) = [
        k
        for k, cell in enumerate(cells)
        if cell.cell_type == "markdown" and rf"\tag{{{n}}}" in cell.source
    ]
    return text, next(k for k in range(text, len(cells)) if cells[k].cell_type == "code")


def run(sources, namespace):
    for source in sources:
        exec(compile(source, "cell", "exec"), namespace)


@cache
def before(n):
    """The names a reader has when reaching equation (n); figures are left undrawn."""
    if n - 1 in CHAPTER and CHAPTER[n - 1] == CHAPTER[n]:
        first, namespace = place(n - 1)[1], dict(before(n - 1))
    else:
        first, namespace = 0, {}
    cells = cells_of(CHAPTER[n])[first : place(n)[1]]
    run(
        [
            cell.source
            for cell in cells
            if cell.cell_type == "code" and "figures.show" not in cell.source
        ],
        namespace,
    )
    return namespace


@pytest.mark.parametrize("n", CHAPTER)
def test_each_equation_is_followed_by_a_cell_that_evaluates_it(n, capsys):
    text, code = place(n)
    assert code == text + 1
    run([cells_of(CHAPTER[n])[code].source], dict(before(n)))
    assert re.search("agree|hold|both sides", capsys.readouterr().out)


@pytest.mark.parametrize(("n", "right", "wrong"), TAMPERED)
def test_a_tampered_equation_is_noticed(n, right, wrong):
    source = cells_of(CHAPTER[n])[place(n)[1]].source
    assert right in source, "the cell has changed: change this list with it"
    namespace = dict(before(n))
    with pytest.raises(AssertionError):
        run([source.replace(right, wrong)], namespace)


def test_every_equation_is_tampered_with():
    assert {n for n, _, _ in TAMPERED} == set(CHAPTER)

"""Each numbered equation runs beside its text, and a wrong version of it is noticed there."""

import re
from functools import cache

from tools.notebooks import NOTEBOOKS, read

import pytest

FORWARD, BACKWARD = "02_forward_recurrence.ipynb", "03_backpropagation_through_time.ipynb"
CHAPTER = dict.fromkeys(range(1, 4), FORWARD) | dict.fromkeys(range(4, 10), BACKWARD)
CHAPTER |= dict.fromkeys(range(10, 18), "05_gates.ipynb")

CHECK = re.compile("agree|hold|both sides")

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
    (4, "range(1, t + 1)", "range(1, T + 1)"),  # later uses as well
    (4, "derivative(run, hs[i], i, t)", "derivative(run, hs[i], i, T)"),  # to the last state
    (4, "derivative(run, hs[i], i, t)", "derivative(run, hs[i], i - 1, t)"),  # one step more
    (4, "derivative(one_use, W_hh, i)", "derivative(one_use, W_hh, max(i - 1, 1))"),
    (4, "derivative(one_use, W_hh, i)", "derivative(one_use, W_hh, min(i + 1, T))"),
    (  # the total derivative for the direct one
        4,
        "derivative(one_use, W_hh, i)",
        "derivative(lambda W: run(hs[0], 0, i, W), W_hh)",
    ),
    (4, "dL_do @ do_dh @ dh_dh", "dL_do @ do_dh @ dh_dh.T"),
    (4, "dL_do @ do_dh @ dh_dh", "dL_do @ do_dh"),
    (4, "a,apq->pq", "a,apq->qp"),
    (5, "np.eye(H)", "2 * np.eye(H)"),
    (5, "derivative(state_itself, hs[T])", "derivative(np.tanh, hs[T])"),
    (  # the product in the other order
        6,
        "derivative(step, hs[k], k + 1) @ product",
        "product @ derivative(step, hs[k], k + 1)",
    ),
    (6, "range(i, t)", "range(i + 1, t)"),  # the first factor left out
    (6, "range(i, t)", "range(i, t - 1)"),  # the last factor left out
    (6, "range(i, t)", "range(i, min(t + 1, T))"),  # one factor too many
    (6, "derivative(step, hs[k], k + 1) @", "derivative(step, hs[k], k + 1).T @"),
    (6, "product = np.eye(H)", "product = np.zeros((H, H))"),  # the empty product
    (7, "W_xh @ xs[k + 1]", "W_xh @ xs[max(k, 1)]"),
    (7, "W_hh @ hs[k]", "W_hh.T @ hs[k]"),
    (7, "W_hh @ hs[k]", "W_hh @ hs[k + 1]"),
    (7, " + b for", " for"),
    (8, "np.diag(slope[k]) @ W_hh", "W_hh @ np.diag(slope[k])"),
    (8, "np.diag(slope[k]) @ W_hh", "W_hh.T @ np.diag(slope[k])"),  # the other layout
    (8, "np.diag(slope[k]) @ W_hh", "np.diag(slope[k]) @ W_hh.T"),
    (8, "np.diag(slope[k]) @ W_hh", "W_hh"),  # sigma' forgotten
    (8, "np.tanh(z) ** 2", "np.tanh(np.tanh(z)) ** 2"),  # sigma' at h, not at z
    (8, "slope[k]", "slope[k - 1]"),  # sigma' of the step before
    (9, "np.diag(sigma_dash) @ W_hh @ product", "product @ np.diag(sigma_dash) @ W_hh"),
    (9, "np.diag(sigma_dash) @ W_hh @ product", "W_hh @ np.diag(sigma_dash) @ product"),
    (9, "np.diag(sigma_dash) @ W_hh @ product", "np.diag(sigma_dash) @ W_hh.T @ product"),
    (9, "np.diag(sigma_dash) @ W_hh @ product", "W_hh @ product"),
    (9, "in range(i, t)", "in range(i, t - 1)"),
    (9, "xs[k + 1] + W_hh @ hs[k]", "xs[max(k, 1)] + W_hh @ hs[k]"),
    (9, "xs[k + 1] + W_hh @ hs[k]", "xs[k + 1] + W_hh @ hs[k + 1]"),
    (10, "i_t, f_t, g_t, o_t = np.split", "f_t, i_t, g_t, o_t = np.split"),  # another order
    (10, "i_t, f_t, g_t, o_t = np.split", "i_t, f_t, o_t, g_t = np.split"),
    (10, "np.tanh(g_t)", "s(g_t)"),
    (10, " + params.b", ""),
    (11, "f_t * c_prev + i_t * g_t", "f_t * c_prev + (1 - f_t) * g_t"),
    (11, "f_t * c_prev + i_t * g_t", "c_prev + i_t * g_t"),  # nothing is forgotten
    (12, "o_t * np.tanh(c_t)", "o_t * c_t"),
    (12, "o_t * np.tanh(c_t)", "np.tanh(o_t * c_t)"),
    (13, " + carry_c  #", "  #"),  # only through h
    (13, "dL_dh * o_t * (1 - tanh", "dL_dh * (1 - tanh"),
    (13, "(1 - tanh_c**2) + carry_c", "(1 - tanh_c) ** 2 + carry_c"),
    (13, "dc[:, t] * f_t\n", "dc[:, t] * o_t\n"),
    (14, "dL_dc * g_t * i_t", "dL_dc * i_t"),
    (14, "states.c[:, t - 1] if t", "states.c[:, t] if t"),  # the new cell state
    (14, "(1 - g_t**2)", "(1 - g_t)"),
    (14, "dL_dh * tanh_c * o_t", "dL_dc * tanh_c * o_t"),
    (14, "f_t * (1 - f_t)", "f_t"),
    (15, "dh[:, t] + carry_h", "dh[:, t]"),
    (15, "@ params.W_hh.T", "@ params.W_xh.T @ params.W_xh @ params.W_hh.T"),
    (16, "x_n + r_t * h_n", "r_t * (x_n + h_n)"),
    (16, "x_n + r_t * h_n", "x_n + h_n"),
    (16, "params.b[1]", "params.b[0]"),
    (16, "x_u, x_r, x_n =", "x_r, x_u, x_n ="),  # PyTorch's order
    (17, "u_t * h_prev + (1 - u_t) * n_t", "(1 - u_t) * h_prev + u_t * n_t"),  # Chung's
    (17, "u_t * h_prev + (1 - u_t) * n_t", "u_t * h_prev + n_t"),
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


def checked(n):
    """The cell after equation (n), with those up to the one that checks it."""
    cells, first = cells_of(CHAPTER[n]), place(n)[1]
    last = first
    while not CHECK.search(cells[last].source):
        last += 1
    return [cell.source for cell in cells[first : last + 1] if cell.cell_type == "code"]


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
    run(checked(n), dict(before(n)))
    assert CHECK.search(capsys.readouterr().out)


@pytest.mark.parametrize(("n", "right", "wrong"), TAMPERED)
def test_a_tampered_equation_is_noticed(n, right, wrong):
    sources = checked(n)
    assert right in "\n".join(sources), "the cell has changed: change this list with it"
    namespace = dict(before(n))
    with pytest.raises(AssertionError):
        run([source.replace(right, wrong) for source in sources], namespace)


def test_every_equation_is_tampered_with():
    assert {n for n, _, _ in TAMPERED} == set(CHAPTER)

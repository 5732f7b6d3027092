"""The glossary names what is in the course, and leads to where it is."""

import re
from functools import cache

from helpers import gradients, numpy_gru, numpy_lstm, numpy_rnn, output
from tools import notebooks
from tools.notebooks import NOTEBOOKS, ROOT, read

import numpy as np
import pytest

HERE = NOTEBOOKS / "reference"
GLOSSARY = read(HERE / "glossary.ipynb")
# Without chapter 0, which says everything once: a row leads to where a thing is explained.
CHAPTERS = {path.name[1]: path for path in notebooks.CHAPTERS[1:]}
CHAPTERS |= {path.stem: path for path in notebooks.WORKSHOPS}  # what only a workshop has

CHINESE = re.compile("[\u4e00-\u9fff]")
LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")
MATH_OR_CODE = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|`([^`]+)`", re.DOTALL)

# The technical words of the notes behind the course, in their order.
WORDS_OF_THE_NOTES = (
    "循环神经网络 序列 全连接网络 网络参数 计算代价 序列长度 子网络 词向量 上下文 语义缺失"
    " 前向传播 时间戳 网络层 输入 状态向量 刷新 输出 折叠 展开 特征向量 线性变换 梯度传播"
    " 共享 梯度 直接偏导数 偏导数 分数项 前向运算 多层叠加 表达能力 深层循环神经网络"
).split()


def cells_of(line):
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


TABLES = []  # (header, rows)
for cell in GLOSSARY.cells:
    lines = [line for line in cell.source.splitlines() if line.startswith("|")]
    if cell.cell_type == "markdown" and lines:
        TABLES.append((cells_of(lines[0]), [cells_of(line) for line in lines[2:]]))
SYMBOLS, TERMS, KERAS = (
    [row for header, rows in TABLES if header[0] == first for row in rows]
    for first in ("symbol", "English", "Keras")
)
PYTORCH = next(rows for header, rows in TABLES if "PyTorch" in header)
ROWS = [*SYMBOLS, *TERMS, *KERAS, *PYTORCH]


@cache
def text_of(path, cell_type):
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == cell_type)


@cache
def code_of_the_course():
    chapters = [text_of(path, "code") for path in (*CHAPTERS.values(), HERE / "notes.ipynb")]
    modules = [path.read_text(encoding="utf-8") for path in (ROOT / "helpers").rglob("*.py")]
    return "\n".join([*chapters, *modules])


def words(cell):
    """Split `finite difference, central difference (explained)` into its two words."""
    return [word.strip("` ") for word in re.sub(r" \(.*", "", cell).split(",")]


def stands_in(symbol, path):
    """Whether each part of a symbol (`h_1, …, h_T` has two) stands in a formula or as code."""
    text = re.sub(r"(?:\\[,;!]|\s)+", " ", text_of(path, "markdown"))
    formulas = "\n".join("".join(groups) for groups in MATH_OR_CODE.findall(text))
    parts = re.split(r", \\dots, | \\cdot ", symbol.strip("$").replace(r"\,", ""))
    spelled = (re.escape(part).replace(r"\ ", r"\s?") for part in parts)
    return all(re.search(rf"(?<![A-Za-z\\]){part}(?![A-Za-z_'])", formulas) for part in spelled)


@pytest.mark.parametrize(("header", "rows"), TABLES, ids=lambda table: table[0][0])
def test_rows_are_complete_and_in_alphabetical_order(header, rows):
    for row in rows:
        assert len(row) == len(header) and all(row), row
        assert CHINESE.search(row[header.index("中文")]), row
    keys = [row[header[0] == "symbol"].strip("`").casefold() for row in rows]
    assert keys == sorted(keys)


def test_nothing_stands_twice():
    for entries in ([row[0] for row in SYMBOLS], [row[1] for row in SYMBOLS if row[1] != "none"]):
        assert len(entries) == len(set(entries))
    entries = [word for row in (*TERMS, *KERAS) for word in words(row[0])]
    twice = {entry for entry in entries if entries.count(entry) > 1}
    assert twice == {"bias", "dropout"}  # ours and Keras's


def test_every_row_leads_to_a_chapter_and_every_link_to_a_file():
    assert min(len(SYMBOLS), len(TERMS), len(KERAS)) > 15
    for row in ROWS:
        ((number, file),) = LINK.findall(row[-1])
        assert (HERE / file).resolve() == CHAPTERS[number], row
    links = [file for _, file in LINK.findall(text_of(HERE / "glossary.ipynb", "markdown"))]
    assert [file for file in links if not (HERE / file).is_file()] == []


def test_names_in_code_are_names_in_the_code_of_the_course():
    names = [name for row in (*SYMBOLS, *KERAS) for name in re.findall("`([^`]+)`", row[1])]
    assert len(names) > 60
    for name in names:
        assert re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", code_of_the_course()), name


@pytest.mark.parametrize(
    "row", [row for row in SYMBOLS if r"\partial" not in row[0]], ids=lambda row: row[0]
)
def test_symbol_stands_in_its_chapter_first(row):
    places = [number for number, path in CHAPTERS.items() if stands_in(row[0], path)]
    assert places[0] == LINK.search(row[-1])[1]


@pytest.mark.parametrize("row", [*TERMS, *KERAS], ids=lambda row: row[0])
def test_word_stands_in_its_chapter(row):
    chapter = CHAPTERS[LINK.search(row[-1])[1]]
    text = re.sub(r"[\s_]+", " ", text_of(chapter, "markdown") + text_of(chapter, "code"))
    for word in words(row[0]):
        assert word.replace("_", " ").casefold() in text.casefold()


SIZES = {"B": 4, "T": 80, "D": 100, "H": 64, "O": 3, "V": 8000}  # no two equal
LETTERS = {size: letter for letter, size in SIZES.items()} | {1: "1"}
ROW_VECTORS = "db delta(t,i) dh do dx dz_t grads.h_0 head_grads.b_o".split()  # on paper


@pytest.fixture(scope="module")
def arrays():
    """Every array of the tables that has a shape, by its name in code."""
    B, T, D, H, O, V = SIZES.values()  # noqa: E741
    rng = np.random.default_rng(0)
    params, head = numpy_rnn.init_params(rng, D, H), output.init_head(rng, H, O)
    (W_xh, W_hh, b), (W_ho, b_o) = params, head
    E, tokens = rng.standard_normal((V, D), np.float32), rng.integers(V, size=(B, T))
    x, mask, y = E[tokens], np.ones((B, T), bool), np.zeros((B, T, O), np.float32)
    h_0 = np.zeros((B, H), np.float32)
    h = numpy_rnn.rnn_forward(params, x, h_0, mask)
    x_t, h_prev, h_t = x[:, -1], h[:, -2], h[:, -1]
    z_t, o_t = x_t @ W_xh + h_prev @ W_hh + b, h_t @ W_ho + b_o

    _, do = output.squared_error(output.head_forward(head, h), y)
    head_grads = output.head_backward(head, h, do)
    dh = head_grads.h
    grads = numpy_rnn.rnn_backward(params, x, h, dh, h_0, mask)
    dE = np.zeros_like(E)
    np.add.at(dE, tokens, grads.x)

    J = gradients.state_jacobians(params, h[0])
    ledger = gradients.gradient_ledger(params, x[0], h[0], dh[0])
    t, i = T - 1, T - 3
    slope = 1 - h[0, i] ** 2
    product = J[t] @ J[t - 1]
    delta = slope * (dh[0, t] @ product)
    np.testing.assert_allclose(ledger[t, i], np.outer(h[0, i - 1], delta), rtol=0, atol=1e-8)

    lstm = numpy_lstm.lstm_forward(numpy_lstm.init_params(rng, D, H), x)
    gru = numpy_gru.gru_forward(numpy_gru.init_params(rng, D, H), x)
    i_t, f_t, g_t, _ = np.split(lstm.gates[:, -1], 4, axis=1)
    u_t, r_t, n_t = np.split(gru.gates[:, -1], 3, axis=1)
    return {
        **dict(h=h, h_0=h_0, h_prev=h_prev, h_t=h_t, mask=mask, o_t=o_t, x=x, x_t=x_t, y=y),
        **dict(z_t=z_t, b=b, b_o=b_o, E=E, W_hh=W_hh, W_ho=W_ho, W_xh=W_xh, db=grads.b, dE=dE),
        **dict(dh=dh, do=do, dW_hh=grads.W_hh, dW_xh=grads.W_xh, dx=grads.x, J=J),
        **dict(dz_t=(1 - h_t**2) * dh[:, -1], ledger=ledger, product=product, c_t=lstm.c[:, -1]),
        **dict(f_t=f_t, g_t=g_t, i_t=i_t, n_t=n_t, r_t=r_t, u_t=u_t),
        "np.eye(H)": np.eye(H),
        "delta(t, i)": delta,
        "direct": np.einsum("a,ap,q->apq", slope, np.eye(H), h[0, i - 1]),
        "grads.h_0": grads.h_0,
        "head_grads.b_o": head_grads.b_o,
        "head_grads.W_ho": head_grads.W_ho,
    }


def on_paper(name, array):
    """One sample at one time step as paper has it: a column, weights turned round."""
    while array.shape[:1] in ((SIZES["B"],), (SIZES["T"],)):
        array = array[-1]
    if array.ndim == 1:
        return array[None] if name.replace(" ", "") in ROW_VECTORS else array[:, None]
    return array.T if "W_" in name else array


def test_every_shape_is_that_of_a_real_array(arrays):
    stated = {row[1].strip("`"): row[2:4] for row in SYMBOLS if row[2].startswith("(")}
    assert stated.keys() == arrays.keys()
    for name, (in_code, paper) in stated.items():
        array = arrays[name]
        assert in_code == str(tuple(LETTERS[n] for n in array.shape)).replace("'", ""), name
        sides = r" \times ".join(LETTERS[n] for n in on_paper(name, array).shape)
        assert paper.strip("$") == (sides or "number"), name


def test_equation_3_holds_as_on_paper(arrays):
    paper = {name: on_paper(name, arrays[name]) for name in "W_xh W_hh x_t h_prev b z_t".split()}
    z_t = paper["W_xh"] @ paper["x_t"] + paper["W_hh"] @ paper["h_prev"] + paper["b"]
    np.testing.assert_allclose(z_t, paper["z_t"], rtol=0, atol=1e-4)


def test_the_words_of_the_notes_are_there():
    chinese = " ".join(cell for row in ROWS for cell in row if CHINESE.search(cell))
    assert [word for word in WORDS_OF_THE_NOTES if word not in chinese] == []

"""The glossary names what is in the course, and leads to where it is."""

import re
from functools import cache

from tools import notebooks
from tools.notebooks import NOTEBOOKS, ROOT, read

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
ROWS = [*SYMBOLS, *TERMS, *KERAS]


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


def test_every_shape_in_code_was_computed():
    shapes = [(row[1].strip("`"), row[2]) for row in SYMBOLS if row[2].startswith("(")]
    outputs = [
        output for cell in GLOSSARY.cells for output in cell.get("outputs", ()) if "text" in output
    ]
    printed = re.findall(r"(?m)^(.+?) +(\([A-Z, ]+\)) += ", outputs[0].text)
    assert len(shapes) > 30
    assert printed == shapes


def test_the_words_of_the_notes_are_there():
    chinese = " ".join(cell for row in ROWS for cell in row if CHINESE.search(cell))
    assert [word for word in WORDS_OF_THE_NOTES if word not in chinese] == []

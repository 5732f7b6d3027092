"""The glossary names what is in the course, leads to where it is, and lacks no word that the course defines."""

import re
from functools import cache
from typing import NamedTuple

from tools import notebooks
from tools.notebooks import NOTEBOOKS, ROOT, read

import pytest

HERE = NOTEBOOKS / "reference"
GLOSSARY = read(HERE / "glossary.ipynb")
CHAPTERS = {path.name[1]: path for path in notebooks.CHAPTERS}

CHINESE = re.compile("[\u4e00-\u9fff]")
LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")
BOLD = re.compile(r"(?<!\*)\*\*(?![\s*])(.+?)(?<![\s*])\*\*(?!\*)", re.DOTALL)
MATH_OR_CODE = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|`([^`]+)`", re.DOTALL)

# The technical words of the notes behind the course, in their order.
WORDS_OF_THE_NOTES = (
    "循环神经网络 序列 全连接网络 网络参数 计算代价 序列长度 子网络 词向量 上下文 语义缺失 前向传播 时间戳 网络层 输入"
    " 状态向量 刷新 输出 折叠 展开 特征向量 线性变换 梯度传播 共享 梯度 直接偏导数 偏导数 分数项 前向运算 多层叠加"
    " 表达能力 深层循环神经网络"
).split()

# What stands in bold in a chapter and is no word to look up: headings inside a text, stress, names
# in one example.
NO_TERMS = {
    *(
        "needs",
        "minutes",
        "the question",
        "predict first",
        "quick quiz",
        "try",
        "try this",
        "look for",
        "right",
        "no",
    ),
    *(
        "more",
        "one network",
        "position 3",
        "which came first",
        "mood",
        "negated",
        "learned",
        "zeros",
        "rest",
        "sign",
    ),
    *(
        "slope",
        "all",
        "at step",
        "exactly 1",
        "left",
        "not sufficient",
        "one",
        "sum",
        "a skip",
        "the floor",
        "two",
    ),
    *(
        "one sample, columns",
        "which index",
        "the head",
        "the judge",
        "the identity start",
        "unrolling",
        "good",
        "bad",
    ),
    *(
        "route 1",
        "route 2",
        "in reading order",
        "silent",
        "silent twin",
        "shuffled",
        "pad",
        "padded",
        "for every input",
    ),
}
LONGEST_TERM = 3  # words; what is longer and bold is a sentence


class Table(NamedTuple):
    header: list[str]
    rows: list[list[str]]


def cells_of(line):
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


TABLES = []
for cell in GLOSSARY.cells:
    lines = [line for line in cell.source.splitlines() if line.startswith("|")]
    if cell.cell_type == "markdown" and lines:
        TABLES.append(Table(cells_of(lines[0]), [cells_of(line) for line in lines[2:]]))
SYMBOLS = [row for table in TABLES if table.header[0] == "symbol" for row in table.rows]
TERMS = [row for table in TABLES if table.header[0] == "English" for row in table.rows]
KERAS = [row for table in TABLES if table.header[0] == "Keras" for row in table.rows]
ROWS = [*SYMBOLS, *TERMS, *KERAS]


@cache
def text_of(path, cell_type=None):
    return "\n".join(
        cell.source for cell in read(path).cells if cell_type in (None, cell.cell_type)
    )


@cache
def code_of_the_course():
    notebooks = [text_of(path, "code") for path in (*CHAPTERS.values(), HERE / "notes.ipynb")]
    return "\n".join(
        [
            *notebooks,
            *(
                path.read_text(encoding="utf-8")
                for path in sorted((ROOT / "helpers").rglob("*.py"))
            ),
        ]
    )


def occurs(name, text):
    """Whether `name` stands in `text`, not as a part of a longer name."""
    return re.search(r"(?<![\w.])" + re.escape(name) + r"(?!\w)", text) is not None


def words(cell):
    """The words of one row.

    `finite difference, central difference` are two, and what is in brackets explains.
    """
    return [word.strip("` ") for word in re.sub(r" \(.*", "", cell).split(",")]


def stands_in(symbol, path):
    """Whether each part of a symbol (`h_1, …, h_T` has two) stands in a formula or as code in a notebook's text."""
    text = re.sub(r"(?:\\[,;!]|\s)+", " ", text_of(path, "markdown"))
    formulas = ["".join(groups) for groups in MATH_OR_CODE.findall(text)]

    def found(part):
        pattern = r"(?<![A-Za-z\\])" + re.escape(part).replace(r"\ ", r"\s?") + r"(?![A-Za-z_'])"
        return any(re.search(pattern, formula) for formula in formulas)

    return all(map(found, re.split(r", \\dots, | \\cdot ", symbol.strip("$").replace(r"\,", ""))))


# --- the tables by themselves
# -----------------------------------------------------------------------------------------


def test_there_are_tables_of_three_kinds():
    assert len(SYMBOLS) + len(TERMS) + len(KERAS) == sum(len(table.rows) for table in TABLES)
    assert min(len(SYMBOLS), len(TERMS), len(KERAS)) > 15


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.rows[0][0])
def test_rows_are_complete(table):
    for row in table.rows:
        assert len(row) == len(table.header) and all(row), row
        assert CHINESE.search(row[table.header.index("中文")]), row


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.rows[0][0])
def test_rows_are_in_alphabetical_order(table):
    keys = [row[table.header[0] == "symbol"].strip("`").casefold() for row in table.rows]
    assert keys == sorted(keys)


def test_nothing_stands_twice():
    for entries in ([row[0] for row in SYMBOLS], [row[1] for row in SYMBOLS if row[1] != "none"]):
        assert len(entries) == len(set(entries))
    entries = [word for row in (*TERMS, *KERAS) for word in words(row[0])]
    assert sorted({entry for entry in entries if entries.count(entry) > 1}) == [
        "bias",
        "dropout",
    ]  # ours and Keras's


def test_every_row_leads_to_a_chapter():
    for row in ROWS:
        ((number, file),) = LINK.findall(row[-1])
        assert (HERE / file).resolve() == CHAPTERS[number], row


def test_every_link_leads_to_a_file():
    links = [
        file
        for cell in GLOSSARY.cells
        if cell.cell_type == "markdown"
        for _, file in LINK.findall(cell.source)
    ]
    assert "../index.ipynb" in links
    assert [file for file in links if not (HERE / file).is_file()] == []


# --- what the tables say
# ----------------------------------------------------------------------------------------------


def test_names_in_code_are_names_in_the_code_of_the_course():
    names = [name for row in SYMBOLS for name in re.findall("`([^`]+)`", row[1])]
    names += [name for row in KERAS for name in re.findall("`([^`]+)`", row[1])]
    assert len(names) > 60
    assert [name for name in names if not occurs(name, code_of_the_course())] == []


def test_a_name_that_is_not_there_is_missed():
    assert not occurs("W_hx", code_of_the_course()) and not occurs("W_h", code_of_the_course())


@pytest.mark.parametrize(
    "row", [row for row in SYMBOLS if r"\partial" not in row[0]], ids=lambda row: row[0]
)
def test_symbol_stands_in_its_chapter_first(row):
    places = [number for number, path in CHAPTERS.items() if stands_in(row[0], path)]
    assert places[0] == LINK.search(row[-1])[1]


@pytest.mark.parametrize("row", [*TERMS, *KERAS], ids=lambda row: row[0])
def test_word_stands_in_its_chapter(row):
    text = re.sub(r"[\s_]+", " ", text_of(CHAPTERS[LINK.search(row[-1])[1]])).casefold()
    assert [word for word in words(row[0]) if word.replace("_", " ").casefold() not in text] == []


def test_every_shape_in_code_was_computed():
    shapes = [(row[1].strip("`"), row[2]) for row in SYMBOLS if row[2].startswith("(")]
    (printed,) = [
        output.text
        for cell in GLOSSARY.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert len(shapes) > 30
    assert [
        re.match(r"(.+?) +(\([A-Z, ]+\)) += ", line).groups() for line in printed.splitlines()
    ] == shapes


# --- nothing is missing
# -----------------------------------------------------------------------------------------------


def test_the_words_of_the_notes_are_there():
    chinese = " ".join(cell for row in ROWS for cell in row if CHINESE.search(cell))
    assert [word for word in WORDS_OF_THE_NOTES if word not in chinese] == []


def bold_terms():
    """What stands in bold in the chapters and may be a word: no formula, no sentence."""
    for path in CHAPTERS.values():
        for phrase in BOLD.findall(text_of(path, "markdown")):
            phrase = re.sub(r"\s+", " ", phrase).strip(".:?,").casefold()
            if "$" not in phrase and "*" not in phrase and len(phrase.split()) <= LONGEST_TERM:
                yield phrase


def test_every_word_in_bold_is_in_the_glossary():
    known = {word.casefold() for row in (*TERMS, *KERAS) for word in words(row[0])}
    known |= {row[4].split(":")[0].casefold() for row in SYMBOLS if ":" in row[4]}

    def is_known(phrase):
        forms = [phrase, phrase.removesuffix("s")]
        return any(
            w == form or w.startswith(form + " ") or w.endswith(" " + form)
            for w in known
            for form in forms
        )

    assert sorted({phrase for phrase in bold_terms() if not is_known(phrase)} - NO_TERMS) == []


def test_every_exception_is_needed():
    assert sorted(NO_TERMS - set(bold_terms())) == []

"""Mutation testing: break the code in one place after the other and see whether a test notices.

`make mutation` does it for all of MODULES, `python tests/mutation.py helpers/training.py` for one
of them. Each fault (mutant) runs in a fork of a process that has imported the heavy libraries but
nothing of the course, on a copy of the project, with those tests alone that reach the broken lines,
the fastest first, until one fails. One that hangs counts as noticed. A fault that no test can
notice, because nothing that is promised depends on it, stands with its reason in mutation.toml; it
is tried all the same, and it is an error when a test does notice it or when it no longer exists.

Left alone: annotations, docstrings, what stands in a `raise` (the tests of messages look for their
parts), and other prose. No library did it: mutmut 3.8 skips every decorated function (the
recurrence and its gradient among them) and all code outside functions; cosmic-ray 8.7 starts a
process for each fault, which imports TensorFlow anew (10 s).
"""

import ast
import builtins
import gc
import importlib
import itertools
import json
import multiprocessing
import os
import re
import runpy
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).parents[1]
# With the tests that concern them; those left out start kernels, or try the engine on many Keras
# layers once more.
EVERY_FUNCTION = ["tests/helpers/test_fuzz.py", "tests/helpers/test_random_networks.py"]
MODULES = {
    **{
        f"helpers/{m}.py": [f"tests/helpers/test_{m}.py", *EVERY_FUNCTION]
        for m in ("numpy_rnn", "tf_rnn", "gradients", "training")
    },
    "helpers/teaching/exercises/engine.py": [
        "tests/teaching/test_exercises.py",
        "-knot (run_all or is_named or masked_cell or unroll_cell or stack or leak)",
    ],
}
HEAVY = [
    "IPython.display",
    "ipywidgets",
    "keras",
    "matplotlib.pyplot",
    "nbclient",
    "nbformat",
    "tqdm.auto",
]
COPIED = ["conftest.py", "pyproject.toml", "helpers", "notebooks", "tests", "tools"]
PYTEST = ["-qx", "--assert=plain", "-oaddopts=--strict-markers", "-mnot stress"]
PYTEST += [
    f"-pno:{plugin}"
    for plugin in ("anyio", "cacheprovider", "nbval", "unraisableexception", "xdist")
]
COLLECTION = 60  # seconds that pytest may take before the first test
PATIENCE = 4  # seconds for each test, beside three times what it takes without a fault
KILLED, HANGS, SURVIVED = "killed", "hangs", "survived"

# --- Faults
# -----------------------------------------------------------------------------------------------------------

PROSE = re.compile(r"[A-Za-z]{2,}[,:;]? [A-Za-z]{2,}")
PAIRS = [
    (ast.Lt, ast.LtE),
    (ast.Gt, ast.GtE),
    (ast.Eq, ast.NotEq),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
]
PAIRS += [(ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.Div)]
SWAPPED = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])} | {ast.Pow: ast.Mult}
UNDECORATED = ast.parse("lambda f: f", mode="eval").body


def faults(node, imported):
    """Yield what may wrongly stand in the place of a node.

    `imported` are the names that imports have bound.
    """
    match node:
        case ast.Compare(left, [op], rights):
            yield ast.Compare(left, [SWAPPED[type(op)]()], rights)
        case ast.BinOp(left, op, right):
            yield left
            if type(op) in SWAPPED:
                yield ast.BinOp(left, SWAPPED[type(op)](), right)
            elif isinstance(op, ast.MatMult):
                yield ast.BinOp(right, op, left)
            else:
                yield right
        case ast.BoolOp(op, values):
            yield ast.BoolOp(SWAPPED[type(op)](), values)
            yield from (ast.BoolOp(op, without(values, n)) for n in range(len(values)))
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(str(value)) if not PROSE.search(value):
            yield ast.Constant(value + "?")
        case ast.Call(function, arguments, keywords):
            yield from (
                ast.Call(function, arguments, without(keywords, n)) for n in range(len(keywords))
            )
            if len(arguments) > 1:
                yield ast.Call(function, [arguments[1], arguments[0], *arguments[2:]], keywords)
            if (
                isinstance(function, ast.Attribute)
                and ast.unparse(function).split(".")[0] not in imported
            ):
                yield function.value  # a.copy() -> a
            elif arguments and not isinstance(arguments[0], ast.Starred):
                yield arguments[0]  # np.zeros_like(a) -> a
        case ast.Attribute(value, "T"):
            yield value
        case ast.Subscript(value, ast.Slice() | ast.Tuple()):
            yield value
        case ast.Subscript(value, ast.Name() as index):
            yield ast.Subscript(value, ast.BinOp(index, ast.Sub(), ast.Constant(1)), node.ctx)
        case ast.Slice(lower, upper, step):
            yield from (ast.Slice(None, upper, step), ast.Slice(lower, None, step))
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.comprehension(target, source, [_, *_]):
            yield ast.comprehension(target, source, [], node.is_async)
        case ast.Dict(keys, values):
            yield from (ast.Dict(without(keys, n), without(values, n)) for n in range(len(keys)))
        case ast.If(_, body, orelse):
            yield from (ast.If(ast.Constant(always), body, orelse) for always in (True, False))
        case ast.While(_, body, orelse):
            yield ast.While(ast.Constant(False), body, orelse)
        case ast.With(items, body) if not any(item.optional_vars for item in items):
            yield ast.If(ast.Constant(True), body, [])
        case ast.Return(value) if value:
            yield ast.Return(ast.Constant(None))
        case ast.AugAssign(target, op, value):
            yield from (ast.Pass(), ast.Assign([target], value))
            if type(op) in SWAPPED:
                yield ast.AugAssign(target, SWAPPED[type(op)](), value)
        case (
            ast.Assign([ast.Attribute() | ast.Subscript()])
            | ast.Expr()
            | ast.Raise()
            | ast.Break()
            | ast.Continue()
        ):
            yield ast.Pass()


def without(parts, n):
    return [*parts[:n], *parts[n + 1 :]]


def places(node, imported, path=(), block=0):
    """Yield (list or node, index or field, fault, path, block) for every fault below a node.

    The path names the functions and classes around it; a block of statements goes by the line it
    begins on.
    """
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        path = (*path, node.name)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        inside = value[0].lineno if is_block(field, value) else block
        for holder, key in (
            [(value, n) for n in range(len(value))] if isinstance(value, list) else [(node, field)]
        ):
            child = value[key] if isinstance(value, list) else value
            if not isinstance(child, ast.AST) or is_text(child, node):
                continue
            new = [UNDECORATED] if field == "decorator_list" else faults(child, imported)
            yield from ((holder, key, fault, path, inside) for fault in new)
            if not isinstance(child, ast.Raise):
                yield from places(child, imported, path, inside)


def is_block(field, value):
    return field in ("body", "orelse", "finalbody") and isinstance(value, list) and bool(value)


def is_text(node, parent=None):
    """Whether a node is a docstring, or what stands between the values of an f-string."""
    in_f_string = isinstance(parent, ast.JoinedStr) and isinstance(node, ast.Constant)
    return in_f_string or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def put(holder, key, node):
    """Put a node into its place and return what stood there."""
    if isinstance(holder, list):
        holder[key], old = node, holder[key]
    else:
        old = getattr(holder, key)
        setattr(holder, key, node)
    return old


def mutants(source):
    """Return {name: (source with one fault, its block)}.

    A name says where the fault is and what replaced what.
    """
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {name.asname or name.name for node in imports for name in node.names}
    whole, found = ast.unparse(tree), {}
    for holder, key, fault, path, block in list(places(tree, imported)):
        old = put(holder, key, fault)
        broken = ast.unparse(ast.fix_missing_locations(tree))
        put(holder, key, old)
        if broken == whole or (broken, block) in found.values():
            continue
        name = f"{'.'.join(path) or 'module'}: {' → '.join(difference(whole, broken))}"
        same = sum(other.split(" #")[0] == name for other in found)
        found[f"{name} #{same + 1}" if same else name] = broken, block
    return found


def difference(old, new):
    """Return the lines in which two texts differ, of long ones only what is near the difference."""

    def differing(a, b, around=0):
        start = sum(
            1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False))
        )
        rest = a[start:][::-1], b[start:][::-1]
        end = sum(
            1
            for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(*rest, strict=False))
        )
        return [part[max(0, start - around) : len(part) - max(0, end - around)] for part in (a, b)]

    lines = differing(old.splitlines(), new.splitlines())
    return differing(*(" ".join(" ".join(part).split()) for part in lines), around=50)


# --- Tests
# ------------------------------------------------------------------------------------------------------------


class Recorder:
    """A pytest plugin that writes down how long each test takes and which blocks of the marked module it reaches."""

    def __init__(self):
        self.reached, self.outside, self.tests = set(), set(), {}
        builtins.__reached__ = self.reached.add

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.outside |= self.reached  # on import and collection
        self.reached.clear()
        start = time.perf_counter()
        result = yield
        self.tests[item.nodeid] = time.perf_counter() - start, sorted(self.reached)
        self.reached.clear()
        return result


def marked(source):
    """Return the source with a call in each block that says that it was reached."""
    tree = ast.parse(source)
    blocks = [
        b for node in ast.walk(tree) for field, b in ast.iter_fields(node) if is_block(field, b)
    ]
    for block in blocks:
        block.insert(is_text(block[0]), ast.parse(f"__reached__({block[0].lineno})").body[0])
    return ast.unparse(tree)


class Chosen:
    """A pytest plugin that runs the given tests, the fastest first, and does not look for simpler failures.

    A test that takes far longer than the given seconds ends the process.
    """

    def __init__(self, seconds):
        self.seconds = seconds

    def pytest_sessionstart(self):
        settings.register_profile("mutation", settings(), phases=[Phase.explicit, Phase.generate])
        settings.load_profile("mutation")
        signal.alarm(COLLECTION)

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted(
            (i for i in items if i.nodeid in self.seconds), key=lambda i: self.seconds[i.nodeid]
        )

    def pytest_runtest_logstart(self, nodeid):
        signal.alarm(PATIENCE + 3 * int(self.seconds[nodeid]))


def prepare(root, scratch):
    """Give this worker a copy of the project, the one place where faults are written."""
    global ORIGINAL, FOLDER, VERSION
    ORIGINAL, FOLDER, VERSION = root, Path(scratch, str(os.getpid())), itertools.count(1)
    FOLDER.mkdir()
    for path in (root / name for name in COPIED if (root / name).exists()):
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, FOLDER / path.name)


def run(module, source, arguments, plugin):
    """Run pytest in a fork with another source for the module; return its exit code."""

    def child():
        os.chdir(FOLDER)
        sys.path.insert(0, str(FOLDER))
        output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = pytest.main([*PYTEST, f"--rootdir={FOLDER}", *arguments], [plugin])
        if isinstance(plugin, Recorder):
            Path("record.json").write_text(json.dumps([plugin.tests, sorted(plugin.outside)]))
        os._exit(code)

    file = FOLDER / module
    file.write_text(source, encoding="utf-8")
    os.utime(
        file, (next(VERSION),) * 2
    )  # each fault has a time of its own, so that no stale bytecode is taken for it
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    shutil.copy2(ORIGINAL / module, file)
    return process.exitcode


def record(module, arguments):
    """Run all tests once.

    Return {test: (seconds, blocks it reaches)} and the blocks reached outside of tests.
    """
    source = (FOLDER / module).read_text(encoding="utf-8")
    if run(module, marked(source), arguments, Recorder()) != 0:
        raise RuntimeError(
            f"the tests of {module} fail without a fault: {(FOLDER / 'output.txt').read_text()}"
        )
    return json.loads((FOLDER / "record.json").read_text())


def attempt(module, broken, block, arguments, tests, outside):
    """Say what becomes of one fault."""
    seconds = {
        test: s for test, (s, blocks) in tests.items() if block in blocks or block in outside
    }
    if not seconds:
        return SURVIVED
    code = run(module, broken, arguments, Chosen(seconds))
    return {-signal.SIGALRM: HANGS, 0: SURVIVED}.get(code, KILLED)


def main(root, modules, equivalent):
    """Try every fault of {module: pytest's arguments}, print a table, and return the exit code."""
    for name in HEAVY:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the forks need not look through all that
    outcomes = {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(
            os.cpu_count(), multiprocessing.get_context("fork"), prepare, (root, scratch)
        ) as pool,
    ):
        records = {
            module: pool.submit(record, module, arguments) for module, arguments in modules.items()
        }
        jobs = {}
        for module, arguments in modules.items():
            for name, (broken, block) in mutants(
                (root / module).read_text(encoding="utf-8")
            ).items():
                job = pool.submit(
                    attempt, module, broken, block, arguments, *records[module].result()
                )
                jobs[job] = module, name
        for job in as_completed(jobs):
            (module, name), outcome = jobs[job], job.result()
            outcomes[module, name] = outcome
            if outcome == SURVIVED and name not in equivalent.get(module, {}):
                print(f"\rno test notices  {name}", file=sys.stderr)
            print(f"\r{len(outcomes)} of {len(jobs)}", end="", file=sys.stderr, flush=True)
    print(
        f"\n{'module':38}{'faults':>8}{'killed':>8}{'(hang)':>8}{'equivalent':>12}{'unexplained':>13}"
    )
    wrong = []
    for module in modules:
        mine = {name: outcome for (where, name), outcome in outcomes.items() if where == module}
        reasons, count = equivalent.get(module, {}), Counter(mine.values())
        alive = {name for name, outcome in mine.items() if outcome == SURVIVED}
        print(
            f"{module:38}{len(mine):8}{count[KILLED] + count[HANGS]:8}{count[HANGS]:8}"
            f"{len(alive & reasons.keys()):12}{len(alive - reasons.keys()):13}"
        )
        wrong += [
            f"{module}: no test notices\n    {name}"
            for name in mine
            if name in alive - reasons.keys()
        ]
        wrong += [
            f"{module}: not equivalent\n    {name}"
            for name in mine
            if name in reasons.keys() - alive
        ]
        wrong += [
            f"{module}: there is no such fault\n    {name}" for name in reasons.keys() - mine.keys()
        ]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    runpy.run_path(str(ROOT / "helpers" / "__init__.py"))  # TensorFlow's environment variables
    chosen = {module: MODULES[module] for module in sys.argv[1:] or MODULES}
    sys.exit(
        main(
            ROOT,
            chosen,
            tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")),
        )
    )

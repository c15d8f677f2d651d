"""The structure of the package: imports go down, what reads results loads no torch, and names can be told apart."""

import ast
import functools
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from attnprobe.erasure.registered_orderings import ATTENTION, OWN, RANDOM, RANK
from attnprobe.settings.checkpoint_names import PREFIX
from attnprobe.settings.kinds import KINDS, MODELS
from tests.fixtures.commands import ROOT

FLOORS = (
    ("base",),
    ("erasure",),
    ("settings",),
    ("data", "execution"),
    ("explanations",),
    ("runs", "identifiability"),
    ("attention", "training"),
    ("analysis",),
    ("engines",),
    ("reports",),
    ("models",),
    ("stages",),
    ("verification",),
    ("papers", "live"),
    ("any_model", "in_python", "plots", "cli", "__main__"),
)
"""Folders from the bottom to the top: an import goes to a lower floor, or stays in its folder."""

UP = {
    ("attnprobe.__main__", "attnprobe.cli"): "python -m attnprobe is the command",
    ("attnprobe.analysis.results", "attnprobe.reports.page.notebook"): "a notebook that shows a run draws its page",
}
"""The imports that do not, and why. It may only shrink."""

TORCH = {
    "attnprobe.reports.examination": "tells of a model that is at hand",
}
"""What loads torch where results are read, and why."""

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "attnprobe").rglob("*.py"))
}


def part(module):
    return module.split(".")[1] if "." in module else ""


@functools.cache
def nodes(module):
    """The nodes of a module's code, without texts that stand by themselves: docstrings, and what is said of names."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [node for node in ast.walk(tree) if id(node) not in alone]


@pytest.fixture(autouse=True, scope="module")
def _nodes_are_forgotten():
    """A million of them, in which garbage would be looked for as long as the suite takes."""
    yield
    nodes.cache_clear()


def imports():
    """(importing, imported) modules of the package, wherever in its file an import stands."""
    for module in MODULES:
        for node in nodes(module):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "attnprobe":
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    yield module, name if name in MODULES else node.module
            elif isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names if alias.name in MODULES)


@functools.cache
def edges():
    return sorted(set(imports()))


def test_every_folder_has_a_floor():
    assert {part(module) for module in MODULES} - {""} == set(itertools.chain(*FLOORS))


def test_imports_go_down():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    up = {
        (importing, imported)
        for importing, imported in edges()
        if part(imported) and part(importing) != part(imported) and floor[part(imported)] >= floor[part(importing)]
    }
    assert up == set(UP)


def test_no_files_import_each_other_in_a_circle():
    waiting = {module: {b for a, b in edges() if a == module and (a, b) not in UP and a != b} for module in MODULES}
    while waiting:
        free = [module for module, needed in waiting.items() if not needed & waiting.keys()]
        assert free, f"in a circle, or above one: {sorted(waiting)}"
        for module in free:
            del waiting[module]


WITHOUT_TORCH = """
import importlib, sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ImportError("torch")
sys.meta_path.insert(0, Forbidden())
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except ImportError:
        print(module)
"""


def test_what_reads_results_loads_no_torch():
    rooms = ("base", "settings", "runs", "analysis", "reports", "cli")
    modules = [module for module in MODULES if part(module) in rooms] + ["attnprobe.stages.reporting"]
    modules += ["attnprobe.plots", "attnprobe.in_python.calls", "attnprobe.in_python.finished_run"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *modules],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == set(TORCH)


LOADED = """
import sys
from attnprobe.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(" loaded:", *sorted({"torch", "numpy", "pandas", "pyarrow", "scipy", "matplotlib"} & sys.modules.keys()))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--data-dir", "."], ["run", "--help"]])
def test_names_titles_and_roles_are_told_without_what_computes(arguments):
    """So that `attnprobe --help` and `attnprobe list` stay within .15 seconds of CPU: torch alone takes a second."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    said, loaded = done.stdout.split(" loaded:")
    assert not loaded.split()
    assert "flan-rnn" in said or arguments == ["--help"]


EVERYWHERE = {RANDOM, ATTENTION}
"""The orderings that every run has: what attention is asked about, and what it has to beat."""
CONSTANTS = {"GREEDY", "SMALLEST_SET"}
"""What code that may name them calls some of them."""
OF_ORDERINGS = ("attnprobe.erasure.registered_orderings", "attnprobe.verification.", "attnprobe.papers.")
"""Their own file, what doubles the engine on purpose, and what belongs to one paper."""
COLUMNS = {
    ("attnprobe.erasure.battery", "gradient"): "the column of items that holds gradients",
    ("attnprobe.reports.page.documents", "gradient"): "the same, which the page shows beside an item",
    ("attnprobe.runs.table_columns", "gradient"): "the same, as it is checked",
}
"""Columns of tables that are called like an ordering. It may only shrink."""


def test_no_ordering_is_named_outside_its_own_entry():
    """So that what holds of one is in its entry, and another is added there alone."""
    names = set(OWN) - EVERYWHERE
    named = {*names, *(f"{RANK}{name}" for name in names)}
    found = set()
    for module in MODULES:
        if not module.startswith(OF_ORDERINGS):
            texts = {node.value for node in nodes(module) if isinstance(node, ast.Constant)}
            called = {node.id for node in nodes(module) if isinstance(node, ast.Name)}
            found |= {(module, text) for text in texts & named} | {(module, name) for name in called & CONSTANTS}
    assert found == set(COLUMNS)


def test_the_page_names_no_ordering_but_random_and_attention():
    quoted = re.compile(rf"""["'`]({"|".join(set(OWN) - EVERYWHERE)})["'`]""")
    scripts = sorted((ROOT / "attnprobe" / "reports" / "page" / "templates").glob("*.js"))
    assert scripts
    assert not [(path.name, name) for path in scripts for name in quoted.findall(path.read_text(encoding="utf-8"))]


OF_KINDS = ("attnprobe.models.", "attnprobe.settings.kinds", "attnprobe.settings.checkpoint_names")
"""The kinds' own folders, their lines of registration, and what the names of checkpoints are."""
KIND_NAMES = {*KINDS.registered, *MODELS, PREFIX}
KIND_CONSTANTS = {"TRANSFORMER", "POOLED", "PREFIX"}


def kind_in(node):
    """Whether an expression is the name of a kind of model, or of a model."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(map(kind_in, node.elts))
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value in KIND_NAMES
    return isinstance(node, ast.Name) and node.id in KIND_CONSTANTS


def asks_for_a_kind(node, classes):
    """Whether an expression depends on which kind a model is of: by its name, or by a class of a kind's folder."""
    if isinstance(node, ast.Compare):
        return any(map(kind_in, (node.left, *node.comparators)))
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called == "startswith":
        return any(map(kind_in, node.args))
    if called not in ("isinstance", "issubclass"):
        return called == "is_huggingface"
    of_class = {each.id for argument in node.args[1:] for each in ast.walk(argument) if isinstance(each, ast.Name)}
    return bool(of_class & classes)


def test_nothing_depends_on_the_kind_of_a_model_outside_its_folder():
    """So that another kind is a folder and a line of registration."""
    of_models = [node for module in MODULES if module.startswith("attnprobe.models.") for node in nodes(module)]
    classes = {node.name for node in of_models if isinstance(node, ast.ClassDef)}
    assert classes
    branches = {
        (module, node.lineno)
        for module in MODULES
        if not module.startswith(OF_KINDS)
        for node in nodes(module)
        if asks_for_a_kind(node, classes)
    }
    assert branches == set()


def names():
    """Of all modules and folders but the commands', which are named as the user types them."""
    for module, path in MODULES.items():
        if part(module) != "cli":
            yield path.parent.name if path.stem == "__init__" else path.stem


def begin_alike(one, other):
    """How many letters two names have in common before they differ."""
    return sum(1 for _ in itertools.takewhile(lambda letters: letters[0] == letters[1], zip(one, other, strict=False)))


def test_no_two_names_differ_in_their_last_letters_alone():
    alike = {
        (one, other)
        for one, other in itertools.combinations(sorted(set(names())), 2)
        if one[:4] == other[:4] and begin_alike(one, other) >= max(4, max(len(one), len(other)) - 2)
    }
    assert alike == set()


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc", "tools"])
def test_nothing_has_a_name_that_says_nothing(name):
    assert not [module for module in MODULES if re.search(rf"(^|[._]){name}($|[._])", module)]


TESTS = ROOT / "tests"
NO_TESTS = {"fixtures", "reference", "fuzzing"}
"""Folders of tests/ whose modules are not tests alone; each is described in tests/README.md."""


def test_tests_lie_where_the_code_lies_that_they_are_about():
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*.py")} - {Path()}
    rooms = {path.relative_to(ROOT / "attnprobe") for path in (ROOT / "attnprobe").rglob("*") if path.is_dir()}
    assert {folder for folder in folders if folder.parts[0] not in NO_TESTS} <= rooms
    elsewhere = [
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if path.relative_to(TESTS).parts[0] not in NO_TESTS
        and not re.fullmatch(r"test_\w+\.py|conftest\.py|__init__\.py", path.name)
    ]
    assert sorted(elsewhere) == ["golden.py", "settings_page.py"]


def test_the_page_of_the_tests_lists_what_they_are_made_with():
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    said = {}
    for path in (TESTS / "fixtures").glob("*.py"):
        if path.stem != "__init__":
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            said[path.stem] = " ".join(text.split("\n\n")[0].split())
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE)) == said

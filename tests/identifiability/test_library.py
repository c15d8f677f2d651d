"""What the package exports: each name is there, naming them costs no import, and the code in the documentation runs."""

import ast
import re
import subprocess
import sys

import attnprobe
from attnprobe import identifiability
from tests.fixtures.commands import ROOT


def test_every_exported_name_is_there():
    for name in attnprobe.__all__:
        assert getattr(attnprobe, name) is not None
        assert name in dir(attnprobe)
    assert attnprobe.nullity is identifiability.nullity


def test_nothing_private_is_shown():
    assert [name for name in dir(attnprobe) if name.startswith("_")] == ["__version__"]


def test_the_stub_has_the_names_of_the_table_from_where_they_are():
    stub = ast.parse((ROOT / "attnprobe" / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    typed = [(alias.asname, node.module) for node in imports for alias in node.names if alias.asname == alias.name]
    modules = [(name, "attnprobe") for name in vars(attnprobe)["_MODULES"]]
    assert sorted(typed) == sorted([*vars(attnprobe)["_HOME"].items(), *modules])


def test_documented_names_are_the_public_ones():
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    table = text.partition("## The public surface")[2].partition("\n## ")[0]
    documented = re.findall(r"`(\w+)`", "".join(line for line in table.splitlines() if line.startswith("|")))
    assert sorted(documented) == sorted([*attnprobe.__all__, "plots"])


def test_importing_the_package_imports_no_solver_and_no_torch():
    code = "import sys, attnprobe; print({'torch', 'scipy', 'attnprobe.identifiability'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_the_code_in_the_documentation_runs(capsys):
    text = (ROOT / "docs" / "identifiability.md").read_text(encoding="utf-8")
    functions, alternatives = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {}
    exec(functions, names)
    assert int(names["nullity"](names["values"]).nullity) == 1
    exec(alternatives, {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tensor([11])"
    assert len(lines) > 1
    assert all(line.startswith("rank 4, output missed by") for line in lines[1:])

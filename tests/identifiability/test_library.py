"""What the package exports: each name is there, naming them costs no import, and the code in the documentation runs."""

import re
import subprocess
import sys

import attnprobe
from attnprobe import identifiability
from tests.commands import ROOT


def test_every_exported_name_is_there():
    for name in attnprobe.__all__:
        assert getattr(attnprobe, name).__name__ == name
        assert name in dir(attnprobe)
    assert attnprobe.nullity is identifiability.nullity


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

"""Packages that offer something to commands: installed into a folder from which a command is run."""

import re
import shutil
import tomllib
from pathlib import Path

from tests.commands import ROOT, run_script

EXAMPLE = ROOT / "examples" / "plugin"

SCRIPT = """import sys
{before}
from attnprobe.cli import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
"""
"""Its folder is the first on the path, as site-packages would be of an environment."""


def offered(folder, package, version, points, modules=(), group="attnprobe.orderings"):
    """A folder with the metadata of an installed package, entry points by name, and modules by name.

    Of a package that is there already, another group of entry points.
    """
    metadata = Path(folder, f"{package.replace('-', '_')}-{version}.dist-info")
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    with (metadata / "entry_points.txt").open("a") as file:
        file.write("\n".join(lines) + "\n")
    for name, code in dict(modules).items():
        Path(folder, f"{name}.py").write_text(code, encoding="utf-8")
    return Path(folder)


def with_example(folder):
    """The example of ``examples/plugin``, as its pyproject.toml has it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    offered(folder, project["name"], project["version"], project["entry-points"]["attnprobe.orderings"])
    shutil.copy(EXAMPLE / "leave_one_out.py", folder)
    return Path(folder)


def documented(folder, section, package, version):
    """A folder with a package of what a section of docs/extending.md shows: its first code, and its entry point."""
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8").partition(f"\n## {section}\n")[2]
    code = re.search(r"```python\n(.*?)```\n", text, re.DOTALL)
    group, name, value = re.search(
        r'\[project\.entry-points\."([\w.]+)"\]` and `(\w+) = "([\w:]+)"`', text[code.end() :]
    ).groups()
    return offered(folder, package, version, {name: value}, {value.partition(":")[0]: code[1]}, group)


def attnprobe_with(folder, *arguments, cwd, before=""):
    """(exit status, standard output, standard error) of a command that finds what lies in a folder."""
    script = Path(folder, "command.py")
    script.write_text(SCRIPT.format(before=before), encoding="utf-8")
    return run_script(script, *arguments, cwd=cwd)

"""What the package exports: each name is there, and naming them costs no import."""

import subprocess
import sys

import attnprobe
from attnprobe import identifiability


def test_every_exported_name_is_there():
    for name in attnprobe.__all__:
        assert getattr(attnprobe, name).__name__ == name
        assert name in dir(attnprobe)
    assert attnprobe.nullity is identifiability.nullity


def test_importing_the_package_imports_no_solver_and_no_torch():
    code = "import sys, attnprobe; print({'torch', 'scipy', 'attnprobe.identifiability'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

"""What a release holds: the archive everything that belongs to the project, the wheel the package and nothing else."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

import attnprobe

ROOT = Path(__file__).resolve().parents[1]
BUILD = """
import os, sys
from setuptools import build_meta
os.chdir(sys.argv[1])
print(getattr(build_meta, sys.argv[2])(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def tracked():
    """The files of the project, as version control has them."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no clone")
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def built(kind, folder, source=ROOT):
    """A distribution, made of a copy of the project so that nothing is left in it."""
    copy = folder / "source"
    if not copy.exists():
        names = subprocess.run(["git", "ls-files", "-z"], cwd=source, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (source / name).exists():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_bytes((source / name).read_bytes())
    command = [sys.executable, "-c", BUILD, str(copy), f"build_{kind}", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder / made.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def archive(tracked, tmp_path_factory):
    return built("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tracked, tmp_path_factory):
    return built("wheel", tmp_path_factory.mktemp("wheel"))


def test_the_archive_is_whole(archive, tracked):
    with tarfile.open(archive) as file:
        held = {name.partition("/")[2] for name in file.getnames()}
    assert tracked - held <= {".gitignore"}


def test_the_wheel_is_the_package_and_nothing_else(wheel, tracked):
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
    assert held == {name for name in tracked if name.startswith("attnprobe/")}


def test_the_version_is_the_same_wherever_it_is_said(archive):
    assert archive.name == f"attnprobe-{attnprobe.__version__}.tar.gz"
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == attnprobe.__version__
    assert f"## {attnprobe.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_wheel_works_outside_the_clone(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "site")
    code = (
        "import attnprobe, attnprobe.cli as cli, sys; print(attnprobe.__file__); "
        "sys.argv = ['attnprobe', 'list']; cli.command()"
    )
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert str(tmp_path / "site") in ran.stdout, ran.stderr
    assert "gradient_attention" in ran.stdout


@pytest.mark.slow
def test_the_tests_of_the_archive_are_collected_and_some_pass(archive, tmp_path):
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/erasure", "tests/test_docs.py"]
    for further in (["--collect-only", "tests"], []):
        ran = subprocess.run(
            command + further, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout[-2000:]

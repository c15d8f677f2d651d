"""Tasks of those who work on attnprobe, in the environment at hand: ``nox -s lint type test slow docs``.

The README's second command runs the first three; it alone decides what is accepted.
"""

import configparser
import re

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "type", "test"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the form of the code."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(name="type")
def types(session: nox.Session) -> None:
    """Types."""
    session.run("mypy", *session.posargs)


@nox.session
def test(session: nox.Session) -> None:
    """The default suite: minutes."""
    session.run("python", "-m", "pytest", "-n", "2", "--dist", "worksteal", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """What is too long for every day: kills by the dozen, whole grids, big files."""
    session.run("python", "-m", "pytest", "-m", "slow", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Hostile inputs: 200,000 unless told otherwise (docs/fuzzing.md)."""
    session.run("python", "-m", "tests.fuzzing", *(session.posargs or ["--inputs", "200000", "--seed", "2"]))


@nox.session
def docs(session: nox.Session) -> None:
    """The site, strictly, into build/site; it takes the extra [docs], and minutes: notebooks are run."""
    session.run("python", "-m", "pytest", "-q", "tests/test_docs.py", "tests/identifiability/test_library.py")
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "build/site", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines and branches that the default suite reaches in one process; what commands reach is not counted."""
    session.run("python", "-m", "coverage", "run", "-m", "pytest", "-n", "0", *session.posargs)
    session.run("python", "-m", "coverage", "report", "--skip-covered")


OF_NUMBERS = ("tests/erasure", "tests/analysis", "tests/base", "tests/settings", "tests/runs", "tests/reports")
"""Folders of tests that a plain installation can run."""


@nox.session(venv_backend="venv")
def lowest(session: nox.Session) -> None:
    """The lowest versions that setup.cfg allows, in an environment of its own; torch as it is pinned."""
    settings = configparser.RawConfigParser()
    settings.read("setup.cfg")
    needed = re.findall(r"^([\w.-]+)>=([\d.]+)", settings["options"]["install_requires"], flags=re.MULTILINE)
    exact = [f"{name}=={number}.*" for name, number in needed if name != "torch"]
    session.install("-c", "constraints.txt", "torch")
    session.install(*exact, "pytest", "hypothesis", "pytest-xdist")
    session.install("--no-deps", "-e", ".")
    session.run("python", "-m", "pytest", "-q", "-n", "2", *(session.posargs or OF_NUMBERS))

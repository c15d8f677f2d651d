"""`attnprobe doctor` without a model: what is said of the installation is what setup.cfg asks for and what is there."""

import configparser
import json
import re
from importlib.metadata import version

import pytest

from attnprobe.cli import installation, main
from tests.fixtures.commands import ROOT


def lowest(requirements):
    """The packages and lowest versions in lines of setup.cfg."""
    lines = [line for line in requirements.split("\n") if line.strip() and not line.strip().startswith(("#", "%"))]
    return {found[1]: found[2] for found in map(re.compile(r"\s*([\w.-]+)\s*>=\s*([\d.]+)").match, lines) if found}


def test_it_looks_for_what_is_asked_for():
    settings = configparser.RawConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert lowest(settings["options"]["install_requires"]) == installation.REQUIRED
    extras = {
        name: lowest(lines)
        for name, lines in settings["options.extras_require"].items()
        if name not in ("all", "docs", "test")
    }
    assert extras == {name: packages for name, (packages, _) in installation.EXTRAS.items()}


@pytest.fixture(scope="module")
def seen():
    return installation.installation_seen()


def test_what_is_there_is_told_with_its_version(seen):
    found = {each.name: each for each in seen}
    for name in ("torch", "numpy", "pyarrow"):
        assert (found[name].status, found[name].said) == (installation.OK, version(name))
    assert found["cores"].status == installation.OK
    assert installation.installation_text(seen).splitlines()[-1] == "ready"


def test_it_is_printed_in_words_and_as_json(capsys):
    assert main(["doctor"]) == 0
    words = capsys.readouterr().out
    assert main(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == 0
    assert version("torch") in words
    assert version("torch") in json.dumps(document)
    assert words.rstrip().endswith("ready")


def test_what_is_missing_or_too_old_is_named(monkeypatch):
    monkeypatch.setitem(installation.REQUIRED, "no-such-package", "1.0")
    monkeypatch.setitem(installation.REQUIRED, "numpy", "999")
    found = installation.installation_seen()
    status = {each.name: each.status for each in found}
    assert (status["no-such-package"], status["numpy"]) == (installation.MISSING, installation.OLD)
    end = installation.installation_text(found).splitlines()[-1]
    assert end.startswith("not ready: ")
    assert "numpy" in end
    assert "no-such-package" in end
    monkeypatch.setattr(installation, "installation_seen", lambda: found)
    assert main(["doctor"]) != 0

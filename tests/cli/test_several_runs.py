"""A folder that holds runs, given to verify, probe and report: a line for each, and one bad run stops no other."""

import json
import shutil

import pytest

from attnprobe.cli import main
from tests.fixtures.commands import planted_folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        data = planted_folder(folder / "planted", train=40, test=6)
        options = ["--model", "flan-none", "--epochs", "1", "--out", str(folder / "runs")]
        assert main(["run", "--dataset", str(data), *options]) == 0
        yield folder


@pytest.fixture
def runs(place, tmp_path, monkeypatch):
    """A folder with two whole runs, of which one lies deeper."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    (one,) = (place / "runs").rglob("config.json")
    for name in ("one", "below/two"):
        shutil.copytree(one.parent, tmp_path / "runs" / name)
    return tmp_path / "runs"


def said(capsys, *arguments):
    """(exit status, lines of runs) of a command."""
    capsys.readouterr()
    status = main([str(argument) for argument in arguments])
    out, errors = capsys.readouterr()
    assert "Traceback" not in out + errors
    return status, " ".join(out.split())


def test_each_run_has_a_line(runs, capsys):
    status, out = said(capsys, "verify", runs, "--documents", 2)
    assert status == 0
    assert out.count(": verified: ") == 2
    status, out = said(capsys, "report", runs)
    assert status == 0
    assert all(str(runs / name) in out for name in ("one", "below/two"))
    assert (runs / "one" / "report.html").exists()


def test_a_bad_run_stops_no_other_and_gives_the_status(runs, capsys):
    items = runs / "below" / "two" / "items.parquet"
    items.write_bytes(items.read_bytes()[:-50])
    shutil.copytree(runs / "one", runs / "no-run")
    (runs / "no-run" / "config.json").write_text("{")
    (runs / "model").mkdir()  # as a checkpoint has it, which is no run
    (runs / "model" / "config.json").write_text("{}")
    status, out = said(capsys, "verify", runs, "--documents", 2)
    assert status == 1  # what is wrong comes before what could not be looked at
    assert out.count(": verified: ") == 1
    assert "no-run: refused: " in out
    assert str(runs / "model") not in out
    status, out = said(capsys, "report", runs)
    assert status == 2
    assert "does attention explain it?" in out
    assert "items.parquet" in out


def test_runs_that_are_not_probed_are_probed_and_the_others_too(runs, capsys):
    before = {name: (runs / name / "items.parquet").read_bytes() for name in ("one", "below/two")}
    for name in ("documents", "erasures", "items"):
        (runs / "one" / f"{name}.parquet").unlink()
    status, out = said(capsys, "probe", runs)
    assert status == 0
    assert out.count(": probed") == 2
    assert {name: (runs / name / "items.parquet").read_bytes() for name in before} == before


def test_the_document_has_each(runs, capsys):
    capsys.readouterr()
    assert main(["verify", str(runs), "--documents", "2", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(each["run"], each["status"]) for each in document["runs"]] == [
        (str(runs / "below" / "two"), 0),
        (str(runs / "one"), 0),
    ]


@pytest.mark.parametrize("command", ["verify", "probe", "report"])
def test_a_folder_without_runs_is_refused(tmp_path, capsys, command):
    status, _ = said(capsys, command, tmp_path)
    assert status == 2

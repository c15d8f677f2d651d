"""What commands print: lines that fit, and one JSON document whose numbers are those of the text and of the files."""

import json
import re

import pytest

from attnprobe.base.text_cells import STAYS_WHOLE, cells
from attnprobe.cli import main
from attnprobe.cli.console import plain
from tests.fixtures.commands import ROOT, planted_rows, write_splits

CLASSES = {"pos": "肯定的な評価", "neg": "отрицательный отзыв"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run of a model, identified, whose classes are written in two cells a character."""
    folder = tmp_path_factory.mktemp("printed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        rows = {
            split: [(CLASSES[label], f"{text} 漢字の言葉 café") for label, text in planted_rows(many, seed)]
            for split, many, seed in (("train", 60, 1), ("dev", 10, 2), ("test", 8, 3))
        }
        write_splits(folder / "data", **rows)
        options = ["--model", "flan-none", "--epochs", "2", "--learning-rate", "0.05", "--out", "runs"]
        assert main(["run", "--dataset", "data", *options]) == 0
        assert main(["identify", "runs/data/flan-none/seed-0", "--documents", "2"]) == 0
        yield folder


@pytest.fixture
def run(place, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    monkeypatch.chdir(place)
    return "runs/data/flan-none/seed-0"


COMMANDS = {
    "report": ("report", "RUN"),
    "show": ("show", "RUN", "1"),
    "claims": ("claims", "RUN", "--out", "claims"),
    "verify": ("verify", "RUN", "--documents", "2"),
    "probe": ("probe", "RUN"),
    "identify": ("identify", "RUN", "--documents", "2"),
    "adversary": ("adversary", "RUN", "--documents", "2", "--searched", "0", "--out", "adversary"),
    "describe": ("describe", "data"),
    "run": ("run", "--dataset", "data", "--model", "flan-none", "--epochs", "2", "--learning-rate", "0.05"),
    "list": ("list",),
    "doctor": ("doctor",),
    "cache": ("cache",),
}


def carried_out(name, run, *further):
    return main([run if part == "RUN" else part for part in COMMANDS[name]] + list(further))


@pytest.mark.parametrize("width", [80, 60, 200])
@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("adversary", "run")])
def test_lines_fit(run, monkeypatch, capfd, name, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert carried_out(name, run) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines
    wide = [line for line in lines if cells(line) > width]  # but for paths, which could not be copied when broken
    paths = [[word for word in line.split() if STAYS_WHOLE.search(word)] for line in wide]
    assert [line for line, of in zip(wide, paths, strict=True) if cells(line) - sum(map(cells, of)) > width / 2] == []
    assert all(paths)


@pytest.mark.parametrize("name", COMMANDS)
def test_one_document_is_printed_and_nothing_else(run, capfd, name):
    assert carried_out(name, run, "--json") == 0
    out, errors = capfd.readouterr()
    document = json.loads(out, parse_constant=lambda constant: pytest.fail(constant))
    assert (document["command"], document["status"]) == (name, 0)
    assert "Traceback" not in errors
    told = re.search(rf"^\| `{name}` \| (.+) \|$", (ROOT / "docs" / "using.md").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", told[1])) == set(document) - {"attnprobe", "command", "status"}


def test_what_is_missing_is_null():
    import pandas as pd

    table = pd.DataFrame(
        {"n": pd.array([1, None], "Int32"), "flips": pd.array([True, None], "boolean"), "x": [0.5, None]}
    )
    assert plain(table) == [{"n": 1, "flips": True, "x": 0.5}, {"n": None, "flips": None, "x": None}]
    assert plain(pd.NaT) is None


def summary_of(run):
    with open(f"{run}/summary.json", encoding="utf-8") as file:
        return json.load(file)


def test_numbers_are_those_of_the_files(run, capfd):
    assert carried_out("report", run, "--json") == 0
    (of_run,) = json.loads(capfd.readouterr().out)["runs"]
    assert of_run["run"] == run
    assert of_run["summary"] == summary_of(run)
    assert carried_out("identify", run, "--json") == 0
    assert json.loads(capfd.readouterr().out)["identifiability"] == summary_of(run)["identifiability"]


def test_numbers_are_those_of_the_text(run, capfd):
    import pandas as pd

    assert carried_out("show", run, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    items = pd.read_parquet(f"{run}/items.parquet").query("document == 1")
    assert [item["token"] for item in document["items"]] == items.sort_values("position").token.tolist()
    assert carried_out("show", run) == 0
    assert document["classes"]["decision"] in capfd.readouterr().out
    assert carried_out("verify", run, "--json") == 0
    findings = json.loads(capfd.readouterr().out)["runs"][0]["findings"]
    assert carried_out("verify", run) == 0
    assert len(capfd.readouterr().out.strip().splitlines()) == 1 + len(findings)


@pytest.mark.parametrize("arguments", [["show", "nowhere", "1"], ["verify", "nowhere"], ["report", "nowhere"]])
def test_what_is_refused_is_a_sentence_and_no_document(run, capfd, arguments):
    assert main([*arguments, "--json"]) == 2
    out, errors = capfd.readouterr()
    assert out == ""
    assert len(errors.strip().splitlines()) == 1


def test_a_run_ends_with_its_page_and_how_to_open_it(run, capfd):
    assert carried_out("run", run) == 0
    last = capfd.readouterr().out.strip().splitlines()[-1]
    assert "report.html" in last
    assert "--open" in last

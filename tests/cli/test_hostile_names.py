"""Whatever names are made of, no command passes on a character that steers a terminal, breaks a line or hides.

Commands are those of the parser: one that is added has no entry here, and the test of it fails.
"""

import argparse
import csv
import unicodedata
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.cli import main, make_parser
from tests.fixtures.commands import attnprobe, planted_rows, write_splits

STEERING = "\x1b[2J\x07\x7f\x9b31m\u202e\u2067\u200b\u2028\n"
NAME = f"=a{STEERING}b"
ORDERING = f"@by{STEERING}$\\frac$"
OF_ONE_LINE = STEERING.replace("\n", "").replace("\u2028", "")


def steers(character):
    return character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def check(text, where):
    assert not set(filter(steers, set(text))), (where, sorted(map(ascii, filter(steers, text))))
    # A line break within a name would show its second half at the start of a line.
    assert not any(line.strip().startswith(("b/", "b ", "b\t")) for line in text.splitlines()), (where, text)


def commands():
    (subparsers,) = (each for each in make_parser()._actions if isinstance(each, argparse._SubParsersAction))
    return subparsers.choices


def positionals(command):
    return [action for action in commands()[command]._actions if not action.option_strings]


@pytest.mark.parametrize("command", sorted(commands()))
@pytest.mark.parametrize("further", [[], [f"--further{STEERING}"], ["--seed", f"1{STEERING}"]])
def test_what_every_command_refuses_is_shown(command, further, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [NAME for _ in positionals(command)]
    arguments += ["--dataset", NAME] if command in ("run", "train") else []
    arguments += ["--out", NAME] if command in ("figures", "claims", "compare", "adversary") else []
    try:
        status = main([command, *arguments, *further])
    except SystemExit as end:
        status = end.code
    out, errors = capsys.readouterr()
    assert status in ((0, 2) if command in ("list", "cache") and not further else (2,))
    check(out + errors, command)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run whose dataset, folder, classes, words and one ordering have hostile names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("hostile")
        classes = (f"+yes{OF_ONE_LINE}", f"-no{OF_ONE_LINE}")
        rows = [
            [(label, f"{text} x{OF_ONE_LINE}y") for label, text in planted_rows(count, seed, classes)]
            for seed, count in enumerate((12, 4, 5))
        ]
        write_splits(folder / NAME, **dict(zip(("train", "dev", "test"), rows, strict=True)))
        arguments = ("--dataset", folder / NAME, "--model", "flan-none", "--epochs", 1, "--out", NAME)
        said = attnprobe("run", *arguments, cwd=folder)
        assert said[0] == 0, said
        (path,) = folder.glob("*/*/flan-none/seed-0")
        with_ordering(path)
        yield path, said


def with_ordering(path):
    """Give the rows of an ordering once more, by another name."""
    for name in ("erasures", "curves"):
        table = pq.read_table(path / f"{name}.parquet")
        names = table["ordering"].cast(pa.string())
        more = table.filter(pa.compute.equal(names, "gradient"))
        column = table.column_names.index("ordering")
        table = table.set_column(column, "ordering", names)
        more = more.set_column(column, "ordering", pa.array([ORDERING] * len(more)))
        by = ["document", "ordering", "draw"] + ["removed"] * (name == "curves")
        table = pa.concat_tables([table, more]).sort_by([(each, "ascending") for each in by])
        pq.write_table(table, path / f"{name}.parquet")
    items = pq.read_table(path / "items.parquet")
    pq.write_table(items.append_column(f"rank_{ORDERING}", items["rank_gradient"]), path / "items.parquet")


CASES: dict[str, Any] = {
    "run": None,  # the fixture
    "train": lambda run: [
        ("train", "--dataset", run.parents[3] / NAME, "--model", "flan-none", "--epochs", 1, "--out", NAME)
    ],
    "probe": lambda run: [("probe", run)],
    "verify": lambda run: [("verify", run, "--documents", 2)],
    "report": lambda run: [("report", run)],
    "identify": lambda run: [("identify", run, "--documents", 1, "--heads", NAME)],
    "show": lambda run: [("show", run, 0, "--by", ORDERING), ("show", run, 1, "--by", NAME)],
    "grid": lambda run: [("grid", run / f"grid{NAME}.toml")],
    "figures": lambda run: [("figures", run, "--out", NAME)],
    "claims": lambda run: [("claims", run, "--out", NAME)],
    "compare": lambda run: [("compare", run, "--out", NAME)],
    "adversary": lambda run: [("adversary", run, "--documents", 2, "--searched", 0, "--out", f"{NAME}2")],
    "knockout": lambda run: [("knockout", run, "--sources", NAME, "--out", f"{NAME}3")],
    "list": lambda run: [("list", "--data-dir", run.parents[3])],
    "describe": lambda run: [("describe", run.parents[3] / NAME)],
    "doctor": lambda run: [("doctor", run.parents[3] / NAME), ("doctor",)],
    "cache": lambda run: [("cache",)],
}
REFUSED = {"verify", "grid", "doctor", "identify", "knockout"}


@pytest.mark.parametrize("command", list(commands()))
@pytest.mark.samples(8)
def test_what_every_command_says_and_writes(command, run):
    path, said = run
    found = (
        [said] if CASES[command] is None else [attnprobe(*each, cwd=path.parents[3]) for each in CASES[command](path)]
    )
    for status, out, errors in found:
        assert status == 0 or command in REFUSED or (command == "show" and status == 2), errors
        check(out + errors, command)
        assert "b" in out + errors
    for file in path.parents[3].rglob("*"):
        if file.suffix in (".csv", ".tex", ".md", ".txt", ".json", ".jsonl", ".html") and file.name != "vocabulary.txt":
            text = file.read_text(encoding="utf-8")
            assert not set(filter(steers, set(text))), file.name
            if file.suffix == ".csv":
                cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
                assert not any(cell[:1] in ("=", "+", "@") for cell in cells), file.name

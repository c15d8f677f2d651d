"""The measurement and the statistic of docs/extending.md are in every command, process and file of a run."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.fixtures.commands import ROOT, attnprobe, planted_folder
from tests.fixtures.page_reading import go
from tests.fixtures.plugins import attnprobe_with, offered

PACKAGE = "elsewhere 2.5"
COLUMN = "measured_gini_attention"
ENTRIES = {
    "gini": ("attnprobe.measurements", "gini:GINI"),
    "standing": ("attnprobe.statistics", "standing:STANDING"),
}


def documented(module):
    """The code that docs/extending.md shows for a file."""
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    return re.search(rf"`{module}\.py`:\n\n```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    package, version = PACKAGE.split()
    for name, (group, value) in ENTRIES.items():
        assert f'`{name} = "{value}"`' in text
        assert group in text
        offered(folder, package, version, {name: value}, {name: documented(name)}, group)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    planted_folder(folder / "planted", train=60, test=24)
    return folder


def made(folder, model, packages=None):
    """(folder, what was said) of a run, in two processes."""
    arguments = ("--dataset", folder / "planted", "--model", model, "--epochs", 1, "--workers", 2)
    out = folder / ("with" if packages else "without")
    run = attnprobe_with(packages, "run", *arguments, "--out", out, cwd=folder) if packages else None
    status, said, errors = run or attnprobe("run", *arguments, "--out", out, cwd=folder)
    assert status == 0, errors
    return out / "planted" / model / "seed-0", said


@pytest.fixture(scope="module")
def run(packages, base):
    return made(base, "flan-none", packages)


def gini(weights):
    return np.abs(np.subtract.outer(weights, weights)).sum() / (2 * len(weights) ** 2 * weights.mean())


def test_the_measurement_is_what_its_definition_says(run):
    documents, items = (pd.read_parquet(run[0] / f"{table}.parquet") for table in ("documents", "items"))
    by_hand = items.groupby("document")["weight"].apply(lambda weights: gini(weights.to_numpy()))
    np.testing.assert_allclose(documents.set_index("document")[COLUMN], by_hand, atol=1e-6)


def test_both_are_in_the_answer_the_tables_the_figures_and_the_summary(run):
    folder, said = run
    documents = pd.read_parquet(folder / "documents.parquet").query("n > 1")
    mean, place = documents[COLUMN].mean(), (documents["top_item"] / (documents["n"] - 1)).mean()
    line = next(line for line in said.splitlines() if "Gini coefficient of the attention" in line)
    assert f"{100 * mean:.1f} %" in line
    assert PACKAGE in said
    assert f"stands at {place:.0%} of a document's length. ({PACKAGE})" in " ".join(said.split())
    table = pd.read_csv(folder / "tables" / "measurements.csv")
    assert table["mean"].item() == pytest.approx(mean)
    assert table["mean_low"].item() < mean < table["mean_high"].item()
    thirds = pd.read_csv(folder / "tables" / "statistic_standing.csv")
    assert thirds["share"].sum() == pytest.approx(1)
    for name in ("measurements", "statistic_standing"):
        assert (folder / "tables" / f"{name}.tex").exists()
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["statistics"]["standing"]["value"]["mean"] == pytest.approx(place)


def test_nothing_else_of_the_run_is_another(run, base):
    plain, said = made(base, "flan-none")
    for table in ("erasures", "items"):
        assert pq.read_table(plain / f"{table}.parquet").equals(pq.read_table(run[0] / f"{table}.parquet"))
    documents = pq.read_table(run[0] / "documents.parquet")
    assert pq.read_table(plain / "documents.parquet").equals(documents.drop_columns([COLUMN]))
    assert answer_of(said) == answer_of(run[1]).partition("\n\nAlso measured")[0]
    for kind in ("tables", "figures"):
        for path in sorted((plain / kind).iterdir()):
            assert path.read_bytes() == (run[0] / kind / path.name).read_bytes(), path.name
    told, less = (json.loads((each / "config.json").read_text()) for each in (run[0], plain))
    assert told.pop("measurements")["gini"]["package"] == "elsewhere"
    assert told == less


def answer_of(said):
    return said[said.index("planted · ") :].rstrip().partition("\n\nEverything is in")[0]


def test_the_list_names_both_and_their_package(packages, tmp_path):
    status, out, _ = attnprobe_with(packages, "list", cwd=tmp_path)
    assert status == 0
    for words in ("Gini coefficient of the attention", "Where the most attended item stands"):
        assert PACKAGE in next(line for line in out.splitlines() if words in line)


@pytest.mark.slow
def test_the_measurement_is_made_again_with_the_package_and_not_without(run, packages, tmp_path):
    status, out, errors = attnprobe_with(packages, "verify", run[0], "--documents", 4, cwd=tmp_path)
    assert status == 0, out + errors
    assert f"the measurement gini is of {PACKAGE}: made again in 4 documents, each alone, and equal" in out
    status, out, errors = attnprobe("verify", run[0], "--documents", 4, cwd=tmp_path)
    assert status == 0, out + errors
    assert f"the measurement gini is of {PACKAGE}, which is not here: not made again" in out


def test_a_changed_value_is_found(run, packages, tmp_path):
    folder = tmp_path / "seed-0"
    shutil.copytree(run[0], folder)
    path = folder / "documents.parquet"
    table = pq.read_table(path)
    changed = table.set_column(table.schema.get_field_index(COLUMN), COLUMN, [table[COLUMN].to_numpy() * 0.9])
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path, write_page_checksum=True)
    status, out, _ = attnprobe_with(packages, "verify", folder, "--documents", 4, cwd=tmp_path)
    assert status == 1
    assert f"{COLUMN} is" in out.splitlines()[-1]
    assert "measured again" in out.splitlines()[-1]


def test_a_run_is_reported_when_the_packages_are_gone(run, tmp_path):
    folder = tmp_path / "seed-0"
    shutil.copytree(run[0], folder)
    status, out, errors = attnprobe("report", folder, cwd=tmp_path)
    assert (status, errors) == (0, "")
    assert "Gini coefficient of the attention" in out  # what was measured is in the run
    assert "stands at" not in out


@pytest.mark.browser
def test_the_page_shows_both(run, opened):
    page = opened(run[0] / "report.html")
    go(page, "#overview")
    panels = page.locator("figure.panel")
    measured = panels.filter(has_text="Also measured in each document").inner_text()
    assert "Gini coefficient of the attention" in measured
    assert PACKAGE in measured
    standing = panels.filter(has_text="Where the most attended item stands").inner_text()
    assert "of a document's length" in standing.replace("\u00a0", " ")
    assert "second" in standing


IMPORTS = "import torch\nfrom attnprobe import Column, Measurement, Missing, Statistic\n"


def measurement(returns, columns="{'a': Column.share()}"):
    return f"{IMPORTS}ENTRY = Measurement('Theirs', lambda batch, orders: {returns}, {columns})"


BAD = {
    "is something else": ("measurements", "ENTRY = 3", "is none: it is no attnprobe.Measurement, but of the type int"),
    "has no columns": ("measurements", measurement("{}", "{}"), "is none: its columns are no table of 1 to 20"),
    "has a column of no name": (
        "measurements",
        measurement("{}", "{'A b': Column.share()}"),
        "its column 'A b' is",
    ),
    "fails": ("measurements", measurement("1 / 0"), "The measurement theirs of theirs 1.0 fails: ZeroDivisionError"),
    "gives other columns": (
        "measurements",
        measurement("{'b': batch.attention.sizes}"),
        "is none: it gives b, but a table of a is needed",
    ),
    "gives another shape": (
        "measurements",
        measurement("{'a': batch.attention.weights}"),
        "is none: its column a has shape",
    ),
    "gives more than a share": (
        "measurements",
        measurement("{'a': batch.attention.sizes}"),
        "not a number from 0 to 1",
    ),
    "gives no number": (
        "measurements",
        measurement("{'a': batch.attention.sizes * torch.nan}"),
        "is none: its column a holds nan for document",
    ),
    "changes what it is given": (
        "measurements",
        measurement("{'a': batch.attention.weights.mul_(0).sum(-1)}"),
        "changes the tensors that it is given",
    ),
    "is no statistic": ("statistics", "ENTRY = 3", "is none: it is no attnprobe.Statistic, but of the type int"),
    "has no function": (
        "statistics",
        f"{IMPORTS}ENTRY = Statistic('Theirs', 3)",
        "its compute is no function",
    ),
    "cannot be computed": (
        "statistics",
        f"{IMPORTS}ENTRY = Statistic('Theirs', lambda results: 1 / 0)",
        "The statistic theirs of theirs 1.0 fails: ZeroDivisionError",
    ),
    "is no JSON": (
        "statistics",
        f"{IMPORTS}ENTRY = Statistic('Theirs', lambda results: {{1, 2}})",
        "The statistic theirs of theirs 1.0 fails: TypeError",
    ),
    "says no text": (
        "statistics",
        f"{IMPORTS}ENTRY = Statistic('Theirs', lambda results: 1, sentence=lambda value: value)",
        "its sentence is no text",
    ),
    "cannot be drawn": (
        "statistics",
        f"{IMPORTS}ENTRY = Statistic('Theirs', lambda results: 1, draw=lambda ax, value: ax.nothing())",
        "The statistic theirs of theirs 1.0 cannot be drawn: AttributeError",
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.samples(5)
def test_what_is_no_good_is_one_sentence_and_the_runs_results_are_kept(run, case, tmp_path):
    kind, code, says = BAD[case]
    folder = tmp_path / "seed-0"
    shutil.copytree(run[0], folder)
    if kind == "measurements":  # probed anew
        for table in ("documents", "erasures", "items"):
            (folder / f"{table}.parquet").unlink()
    kept = {path: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}
    kept[folder / "model.safetensors"] = (folder / "model.safetensors").read_bytes()
    site = offered(
        tmp_path / "site", "theirs", "1.0", {"theirs": "theirs:ENTRY"}, {"theirs": code}, f"attnprobe.{kind}"
    )
    command = "probe" if kind == "measurements" else "report"
    status, _, errors = attnprobe_with(site, command, folder, cwd=tmp_path)
    assert status == 2
    assert says in errors
    assert len(errors.strip().splitlines()) == 1
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_a_measurement_of_a_program_alone_is_refused_with_workers(run, tmp_path):
    before = f"{IMPORTS}from attnprobe import MEASUREMENTS\nMEASUREMENTS.register('mine', Measurement('Mine', "
    before += "lambda batch, orders: {'a': batch.attention.sizes}, {'a': Column.whole()}))"
    folder = tmp_path / "seed-0"
    shutil.copytree(run[0], folder)
    for table in ("documents", "erasures", "items"):
        (folder / f"{table}.parquet").unlink()
    (tmp_path / "program").mkdir()
    status, _, errors = attnprobe_with(
        tmp_path / "program", "probe", folder, "--workers", 2, cwd=tmp_path, before=before
    )
    assert status == 2
    assert "The measurement mine was registered by the program that began the run" in errors

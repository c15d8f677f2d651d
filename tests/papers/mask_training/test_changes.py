"""Runs with training for erasure are matched with those without, and compared on the same documents."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.analysis.accuracy import accuracy_of_all_documents
from attnprobe.analysis.restricted_means import restricted_means
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.who_flips_first import who_flips_first
from attnprobe.base.errors import InputError
from attnprobe.papers.mask_training.changes import change_table, count_table, seed_table
from attnprobe.papers.mask_training.matched_runs import matched_runs
from attnprobe.papers.mask_training.script import draw
from attnprobe.runs.configuration import DataSource, RunConfiguration
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.training import TrainingSettings
from tests.fixtures.page_runs import MadeRun, random_texts

SIZES = [1, 2, 5, 9, 3, 4, 7, 12, 2, 6, 8, 5]


def made(folder, *, seed=0, masked=False, made_with=0, sizes=SIZES):
    """A run of random numbers, and the settings that it says it has."""
    run = MadeRun(folder, random_texts(sizes), seed=made_with)
    documents = pq.read_table(folder / "documents.parquet")
    place = documents.schema.get_field_index("label")
    labels = pa.array([n % len(run.labels) for n in sizes], documents.schema.field(place).type)
    pq.write_table(documents.set_column(place, documents.schema.field(place), labels), folder / "documents.parquet")
    training = TrainingSettings(mask_training="half" if masked else None, epochs=3)
    settings = RunSettings("made", "flan-none", seed, training=training)
    source = DataSource("made", None, None, "the same", run.labels, {})
    (folder / "config.json").write_text(json.dumps(RunConfiguration(settings, source).to_json()), encoding="utf-8")
    return RunResults.load(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    plain = [made(folder / "plain" / str(seed), seed=seed, made_with=seed) for seed in range(3)]
    masked = [made(folder / "masked" / str(seed), seed=seed, masked=True, made_with=seed) for seed in range(2)]
    return [*plain, *masked, made(folder / "masked" / "2", seed=2, masked=True, made_with=7)]


def test_runs_are_matched_by_everything_but_their_training_for_erasure(runs, tmp_path):
    matched = matched_runs(reversed(runs))
    assert [(pair.plain.seed, pair.masked.seed) for pair in matched] == [(0, 0), (1, 1), (2, 2)]
    assert all(pair.plain.folder.parent.name == "plain" for pair in matched)
    with pytest.raises(InputError, match="beside the same run without"):
        matched_runs([runs[0], runs[4]])
    with pytest.raises(InputError, match="are the same run"):
        matched_runs([runs[0], dataclasses.replace(runs[0])])
    with pytest.raises(InputError, match="did not test the same documents"):
        matched_runs([runs[0], made(tmp_path / "other", masked=True, sizes=SIZES[:-1])])


def test_what_is_compared_is_what_either_run_says_of_itself(runs):
    table = change_table(matched_runs(runs)).set_index(["seed", "quantity"])
    for side, run in (("plain", runs[2]), ("masked", runs[5])):
        said = {"accuracy": accuracy_of_all_documents(run).value}
        said |= {f"erased {name}": mean.fraction.value for name, mean in restricted_means(run).items()}
        said |= {f"lead {c.second}": c.lead.value for c in who_flips_first(run) if c.first == "attention"}
        for name in {"accuracy", "erased attention", "erased oracle", "lead gradient", "lead random"}:
            assert table.loc[(2, name), side] == pytest.approx(said[name], abs=1e-12)
    rows = table.loc[2]
    assert rows["difference"].to_numpy() == pytest.approx((rows["masked"] - rows["plain"]).to_numpy(), nan_ok=True)
    assert rows["difference"].abs().max() > 0
    assert rows.loc["accuracy", "n"] == len(SIZES)
    assert rows.loc["erased attention", "n"] == sum(n > 1 for n in SIZES)


def test_what_is_the_same_differs_by_nothing(runs):
    table = change_table(matched_runs(runs))
    same = table[table["seed"] < 2].dropna(subset=["difference"])
    assert len(same)
    assert (same[["difference", "difference_low", "difference_high"]] == 0).to_numpy().all()
    counts = count_table(table).set_index("quantity")
    assert (counts["higher"] + counts["lower"] + counts["not_shown"] == 3).all()
    over = seed_table(table).set_index("quantity")
    assert over.loc["accuracy", "seeds"] == 3
    expected = table[table["quantity"] == "accuracy"]["difference"].mean()
    assert over.loc["accuracy", "difference"] == pytest.approx(expected)


def test_tables_and_the_figure_are_written(runs, tmp_path):
    paths = draw([run.folder for run in runs], tmp_path / "paper")
    assert {path.name for path in paths} >= {"changes.csv", "counts.csv", "verdicts.csv", "figure_mask_training.png"}
    assert all(path.stat().st_size > 0 for path in paths)
    assert np.isfinite(pd.read_csv(tmp_path / "paper" / "counts.csv")["median"]).any()

"""Reports of runs of which statistics are made of a sample, or some of whose documents broke the model: they say so."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis import statistics_sample
from attnprobe.analysis.finding_runs import load_runs
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
from attnprobe.papers.serrano2019.figures import draw
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.reports.answer import answer
from attnprobe.reports.figures import FIGURES
from attnprobe.reports.page.two_sentences import numbers_in_a_sentence
from attnprobe.reports.run_table import run_table
from attnprobe.reports.tables import write_tables
from tests.fixtures.kept_documents import in_groups, leave_out
from tests.fixtures.paper_grids import write_one

SIZES = np.random.default_rng(1).integers(1, 7, size=60)
SAMPLE = "a seeded sample of 30 of 58 documents"


@pytest.fixture
def results(tmp_path, monkeypatch):
    """60 documents, two of which broke the model; statistics are of 30."""
    monkeypatch.setattr(statistics_sample, "STATISTICS_SAMPLE", 30)
    folder = write_one(tmp_path, "toy", "flan-rnn", 0, SIZES)
    kept = sorted(RunResults.load(folder).documents["document"])
    leave_out(folder, sorted(set(range(60)) - set(kept))[:2])
    in_groups(folder, 16)
    return RunResults.load(folder)


def test_the_answer_says_of_how_many_documents_it_is(results):
    one_item = int((results.documents["n"] == 1).sum())
    text = " ".join(answer(summarise(results)).split())
    assert text.startswith(
        f"toy · flan-rnn · seed 0: 58 documents; statistics of a seeded sample of 30, of which {one_item} have a "
        "single word and are left out; 2 more broke the model and are left out. The model is right"
    )


def test_tables_say_so_in_their_captions_and_columns(results, tmp_path):
    paths = {path.name: path for path in write_tables(results, summarise(results), tmp_path / "tables")}
    for name in ("flips_2x2", "first_flips", "who_flips_first", "delta_js"):
        assert f"; statistics of {SAMPLE}.}}" in paths[f"{name}.tex"].read_text(encoding="utf-8")
        plain = pd.read_csv(paths[f"{name}.csv"])
        assert set(plain["sampled"]) == {30}
        assert set(plain["sampled_from"]) == {58}


def test_pairs_are_counted_by_the_documents_whose_items_were_kept(results, tmp_path):
    items = pd.read_parquet(results.folder / "items.parquet")
    kept = results.several["document"][::2]
    items[items["document"].isin(kept)].to_parquet(results.folder / "items.parquet")
    for name in ("delta_js", "negative_delta_js"):
        assert f"n = {len(kept)} sampled documents" in " ".join(FIGURES[name](results).get_suptitle().split())
    write_tables(results, summarise(results), tmp_path / "tables")
    caption = (tmp_path / "tables" / "delta_js.tex").read_text(encoding="utf-8")
    assert f", of the {len(kept)} documents whose items were kept, weighted" in caption


def test_the_page_says_so(results):
    summary = json.loads(json.dumps(summarise(results)))
    assert numbers_in_a_sentence(summary).endswith(" documents, of a seeded sample of 30 of 58).")
    before_samples = summary | {"counts": {"documents": 30, "with_one_item": 1, "with_several_items": 29}}
    assert numbers_in_a_sentence(before_samples).endswith(" documents).")


def test_figures_say_so(results, tmp_path):
    title = FIGURES["flip_curves"](results).get_suptitle()
    assert f"n = {len(results.several)} sampled documents" in " ".join(title.split())
    grid = RunGrid.find([results.folder])
    assert grid.note == "seed 0, of larger runs a seeded sample of 30 documents"
    paths = {
        path.name: path for name in ("table1_datasets", "table2_decision_flips") for path in draw(name, grid, tmp_path)
    }
    for name in ("table1_datasets.tex", "table2_decision_flips.tex"):
        assert "of larger runs a seeded sample of 30 documents" in paths[name].read_text(encoding="utf-8")
    lengths = pd.read_csv(paths["table1_datasets.csv"])
    assert lengths.loc[0, ["test", "words_documents", "words_mean"]].tolist() == [60, 30, results.documents["n"].mean()]
    flips = pd.read_csv(paths["table2_decision_flips.csv"])
    assert set(flips["tested"]) == {58}
    assert set(flips["n"]) == {len(results.several)}


def test_claims_count_what_is_not_in_the_sample(results):
    scorecard = judge_claims(load_runs([results.folder]))
    cases = [case for result in scorecard for case in result.cases]
    assert len(cases) >= 12
    for case in cases:
        assert case.judgement.left_out.startswith("28 not in the seeded sample, 2 that broke the model")
    row = run_table([results]).iloc[0]
    assert row[["tested", "documents", "one_item"]].tolist() == [58, len(results.several), 30 - len(results.several)]


def test_nothing_is_said_of_samples_where_there_is_none(tmp_path):
    folder = write_one(tmp_path, "toy", "flan-rnn", 0, SIZES)
    results = RunResults.load(folder)
    summary = summarise(results)
    texts = [answer(summary), numbers_in_a_sentence(summary), RunGrid.find([folder]).note]
    texts += [path.read_text(encoding="utf-8") for path in write_tables(results, summary, tmp_path / "tables")]
    texts += [case.judgement.left_out for result in judge_claims([results]) for case in result.cases]
    texts.append(FIGURES["flip_curves"](results).get_suptitle())
    assert not re.search("sample|broke", " ".join(texts))

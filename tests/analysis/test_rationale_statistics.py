"""Statistics of what is held against marked items: means and ratios over documents, as pandas finds them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.analysis.rationale_statistics import rationale_statistics
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.reports.answer import answer
from attnprobe.reports.human_rationales import ITSELF, rationales_in_words, rationales_table
from tests.fixtures.curved_runs import write_curved_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rationales") / "run"
    write_curved_run(folder, documents=40, limits=0, classes=2, marked=True)
    return folder


@pytest.fixture(scope="module")
def found(run):
    return rationale_statistics(RunResults.load(run))


def rows(run, annotator):
    """The table with sizes, of documents of several items."""
    sizes = pd.read_parquet(run / "documents.parquet")[["document", "n"]]
    table = pd.read_parquet(run / "rationales.parquet").merge(sizes, on="document")
    return table[(table["annotator"] == annotator) & (table["n"] > 1)]


@pytest.mark.parametrize("annotator", ["first", "b"])
def test_estimates_are_means_over_documents_and_shares_are_ratios_of_means(run, found, annotator):
    table, of = rows(run, annotator), found[annotator]
    assert of["documents"] == table["document"].nunique()
    assert of["left_out"] == len(RunResults.load(run).several) - of["documents"]
    one = table.drop_duplicates("document")
    assert of["marked"].value == pytest.approx((one["marked"] / one["n"]).mean())
    by_document = table.groupby(["kind", "name", "document"], observed=True).mean(numeric_only=True)
    means = by_document.groupby(level=[0, 1], observed=True).mean()
    best = means.loc["best", "best"]
    assert of["best"].attained.value == pytest.approx(best["comprehensiveness"])
    assert of["best"].at_most.value == pytest.approx(best["at_most"])
    assert (of["best"].exact, of["best"].between) == (of["documents"], 0)
    held = {("ordering", name): each for name, each in of["orderings"].items()}
    held |= {("annotator", name): each for name, each in of["annotators"].items()} | {
        ("annotator", annotator): of["itself"]
    }
    assert set(means.index) - {("best", "best")} == set(held)
    for key, statistics in held.items():
        for field in ("auprc", "token_f1", "iou_f1", "comprehensiveness"):
            assert getattr(statistics, field).value == pytest.approx(means.loc[key][field], nan_ok=True)
        above = (by_document.loc[key]["auprc"] - by_document.loc["ordering", "random"]["auprc"]).mean()
        assert statistics.auprc_above_random.value == pytest.approx(above)
        share = means.loc[key]["comprehensiveness"] / best["comprehensiveness"]
        assert statistics.of_best.value == pytest.approx(share, nan_ok=True, abs=1e-9)
        assert np.isnan(share) or statistics.of_best_least.value <= statistics.of_best.value + 1e-12
        assert np.isnan(share) or statistics.of_best.value <= statistics.of_best_most.value + 1e-12
    assert of["itself"].auprc.value == 1
    assert held["ordering", "attention"].auprc.low < held["ordering", "attention"].auprc.high


def test_no_ordering_reaches_more_than_the_best_set(found):
    for of in found.values():
        assert all(held.of_best.value <= 1 + 1e-9 for held in of["orderings"].values())


def test_the_answer_and_the_table_say_it_and_no_run_without_rationales_does(run, tmp_path):
    summary = summarise(RunResults.load(run))
    text = rationales_in_words(summary)
    assert text.startswith("People (annotator first) marked ")
    assert "(exact): the first fall is " in text
    assert " ".join(text.split()) in " ".join(answer(summary).split())
    table = rationales_table(summary)
    assert table.plain["held"].tolist().count(ITSELF) == 2
    assert set(table.plain["annotator"]) == {"first", "b"}
    write_curved_run(tmp_path / "without", documents=12, limits=0)
    without = summarise(RunResults.load(tmp_path / "without"))
    assert without["rationales"] is None
    assert (rationales_table(without), rationales_in_words(without)) == (None, "")


@pytest.mark.parametrize("change", ["a row is missing", "a document lacks one", "there are none of the annotator"])
def test_a_table_without_the_same_rows_of_each_document_is_refused(run, tmp_path, change):
    table = pd.read_parquet(run / "rationales.parquet")
    wrong = {
        "a row is missing": table.drop(index=len(table) - 1),
        "a document lacks one": table.drop(index=0),
        "there are none of the annotator": table[table["name"] != table["annotator"].astype(object)],
    }[change]
    for name in ("documents", "erasures", "items"):
        (tmp_path / f"{name}.parquet").write_bytes((run / f"{name}.parquet").read_bytes())
    (tmp_path / "config.json").write_bytes((run / "config.json").read_bytes())
    pq.write_table(pa.Table.from_pandas(wrong, preserve_index=False), tmp_path / "rationales.parquet")
    with pytest.raises(InputError, match="does not hold the same rows of each document"):
        rationale_statistics(RunResults.load(tmp_path))

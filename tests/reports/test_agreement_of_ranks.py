"""How alike the orderings of a run are: by scipy from the table of items, as a table and as a matrix."""

import itertools
import json

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from attnprobe.analysis.rank_agreement import rank_agreement, sampled_documents
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports import style
from attnprobe.reports.agreement_of_ranks import rank_agreement_table
from attnprobe.reports.figures import FIGURES
from tests.fixtures.curved_runs import write_curved_run
from tests.fixtures.synthetic_runs import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranked") / "run"
    write_curved_run(folder, limits=0)
    return folder


def test_means_are_those_of_scipy_over_the_documents(run):
    results = RunResults.load(run)
    found = rank_agreement(results)
    items = pd.read_parquet(run / "items.parquet")
    several = results.several.document.tolist()
    assert found["documents"] == len(several)
    assert found["orderings"][0] == "random"
    assert not {"oracle", "greedy"} & set(found["orderings"])
    for pair in found["pairs"]:
        taus, shared = [], []
        for document in several:
            rows = items[items.document == document]
            first, second = (rows[f"rank_{name}"].to_numpy(int) for name in (pair.first, pair.second))
            taus.append(kendalltau(first, second).statistic)
            k = int(np.ceil(len(rows) / 10))
            shared.append(np.mean(second[first < k] < k))
        assert pair.kendall_tau.value == pytest.approx(np.mean(taus))
        assert pair.top_overlap.value == pytest.approx(np.mean(shared))
        assert pair.kendall_tau.low <= pair.kendall_tau.value <= pair.kendall_tau.high
    turned = next(each for each in found["pairs"] if {each.first, each.second} == {"attention", "attention_ascending"})
    assert turned.kendall_tau.value < -0.9


def test_the_sample_is_bounded_and_the_same_each_time(run, monkeypatch):
    results = RunResults.load(run)
    everything = sampled_documents(results)
    monkeypatch.setattr("attnprobe.analysis.rank_agreement.DOCUMENTS", 5)
    few = sampled_documents(results)
    assert len(few) == 5
    assert set(few) <= set(everything)
    monkeypatch.setattr("attnprobe.analysis.rank_agreement.PAIRS", 1)
    assert len(sampled_documents(results)) == 1


def test_an_ordering_that_ends_early_counts_where_it_does_not(run, tmp_path):
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    items = pd.read_parquet(run / "items.parquet")
    cut = items.document == items.document.iloc[-1]
    assert cut.sum() > 1
    ranks = items.rank_gradient.astype("Int32").where(~(cut & (items.rank_gradient == cut.sum() - 1)))
    items.assign(rank_gradient=ranks).to_parquet(tmp_path / "items.parquet")
    before, after = (rank_agreement(RunResults.load(folder))["pairs"] for folder in (run, tmp_path))
    for one, other in zip(before, after, strict=True):
        fewer = "gradient" in (one.first, one.second)
        assert other.kendall_tau.n == one.kendall_tau.n - fewer
        assert fewer or other == one


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("further", [0, 3, 20])
def test_the_matrix_is_legible_and_nothing_is_cut(run, tmp_path, further):
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    names = [f"an ordering with a long name {number}" for number in range(further)]
    for table, column in (("items", "rank_{}"), ("erasures", None)):
        rows = pd.read_parquet(run / f"{table}.parquet")
        if column:
            extra = {column.format(name): rows.rank_random for name in names}
            rows = pd.concat([rows, pd.DataFrame(extra)], axis=1)
        else:
            rows = rows.assign(ordering=rows.ordering.astype(str))
            one = rows[rows.ordering == "gradient"]
            rows = pd.concat([rows, *(one.assign(ordering=name) for name in names)]).sort_values(
                "document", kind="stable"
            )
        rows.to_parquet(tmp_path / f"{table}.parquet")
    results = RunResults.load(tmp_path)
    with mpl.rc_context(style.SETTINGS):
        figure = FIGURES["rank_agreement"](results)
        figure.draw_without_rendering()
    needed, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(needed.x0, needed.y0) > -0.02
    assert max(needed.x1 - width, needed.y1 - height) < 0.02
    axes = figure.axes[0]
    count = len(axes.get_yticklabels()) + 1
    assert count == further + 6
    numbers = [text.get_text() for text in axes.texts]
    assert len(numbers) == (count * (count - 1) / 2 if further < 20 else 0)
    assert all(text.get_fontsize() >= 5 for text in (*axes.get_xticklabels(), *axes.get_yticklabels()))


def test_the_table_has_every_pair_and_runs_of_before_have_none(run, tmp_path):
    summary = summarise(RunResults.load(run))
    table = rank_agreement_table(json.loads(json.dumps(summary)))
    names = summary["rank_agreement"]["orderings"]
    assert list(zip(table.plain["first"], table.plain["second"], strict=True)) == list(itertools.combinations(names, 2))
    assert {"kendall_tau_low", "top_overlap", "top_distance_high"} <= set(table.plain)
    write_run(tmp_path, [3, 4, 5])
    assert summarise(RunResults.load(tmp_path))["rank_agreement"] is None
    assert rank_agreement_table(summarise(RunResults.load(tmp_path))) is None

import numpy as np
import pytest

from attnprobe.analysis.first_flips import GRID, first_flip_statistics, flip_curves, fraction_boxes
from attnprobe.analysis.results import RunResults
from tests.fixtures.synthetic_runs import write_run


@pytest.fixture
def run(tmp_path):
    sizes = np.random.default_rng(2).integers(1, 20, size=80)
    _, erasures, _ = write_run(tmp_path, sizes, never=0.08)
    return RunResults.load(tmp_path), erasures[erasures["n"] > 1]


OUTCOMES = ("flipped_share", "emptied_share", "never_share")


def outcome_of(row):
    return "never_share" if row.removed < 0 else "emptied_share" if row.emptied else "flipped_share"


PAPER = ("random", "attention", "gradient", "gradient_attention")


def flipped_by(erasures, flips, *orderings):
    """The documents that each of these orderings flips, in every draw."""
    of_these = erasures["ordering"].isin(orderings)
    by_document = flips[of_these].groupby(erasures["document"][of_these]).all()
    return list(by_document.index[by_document])


def ratios_to_oracle(erasures, documents, name):
    rows = erasures[erasures["document"].isin(documents)]
    means = rows.groupby(["ordering", "document"])[["fraction", "removed"]].mean().groupby("ordering").sum()
    return means.loc[name] / means.loc["oracle"]


def test_statistics_equal_a_loop(run):
    results, erasures = run
    statistics = first_flip_statistics(results)
    flips = (erasures["removed"] > 0) & ~erasures["emptied"]
    documents = erasures["document"].nunique()
    for name, statistic in statistics.items():
        rows = erasures[erasures["ordering"] == name]
        always = flipped_by(erasures, flips, *PAPER, name)
        ratios = ratios_to_oracle(erasures, flipped_by(erasures, flips, *PAPER, name, "oracle"), name)
        assert always
        outcomes, fractions, removed, mass, paired = [], [], [], [], []
        restricted, early = [], {"flipped_at_10": [], "flipped_at_25": [], "flipped_at_50": []}
        for row in rows.itertuples():
            outcomes.append(outcome_of(row))
            flipped = outcomes[-1] == "flipped_share"
            restricted.append(row.removed / row.n if flipped else 1)
            for field, column in early.items():
                column.append(flipped and 100 * row.removed <= int(field[-2:]) * row.n)
            if flipped:
                fractions.append(row.removed / row.n)
                removed.append(row.removed)
                mass.append(row.mass)
                if row.document in always:
                    paired.append(row.removed / row.n)
        for field in OUTCOMES:
            estimate = getattr(statistic, field)
            assert estimate.value == pytest.approx(outcomes.count(field) / len(outcomes))
            assert estimate.n == documents
            assert estimate.low <= estimate.value <= estimate.high
        assert sum(getattr(statistic, field).value for field in OUTCOMES) == pytest.approx(1)
        assert statistic.restricted_mean.value == pytest.approx(np.mean(restricted))
        assert statistic.restricted_mean.n == documents
        for field, column in early.items():
            assert getattr(statistic, field).value == pytest.approx(np.mean(column))
            lead = np.mean(column) - getattr(statistics["attention"], field).value
            assert getattr(statistic, f"{field}_lead").value == pytest.approx(lead)
        lead = np.mean(restricted) - statistics["attention"].restricted_mean.value
        assert statistic.restricted_mean_lead.value == pytest.approx(lead)
        assert statistic.mean_fraction.value == pytest.approx(np.mean(fractions))
        assert statistic.median_fraction.value == pytest.approx(np.median(fractions))
        assert statistic.mean_removed.value == pytest.approx(np.mean(removed))
        assert statistic.mean_mass.value == pytest.approx(np.mean(mass))
        assert statistic.paired_fraction.value == pytest.approx(np.mean(paired))
        assert statistic.paired_fraction.n == len(always)
        assert statistic.fraction_ratio_to["oracle"].value == pytest.approx(ratios["fraction"])
        assert statistic.removed_ratio_to["oracle"].value == pytest.approx(ratios["removed"])
        assert statistic.mean_fraction.low < statistic.mean_fraction.value < statistic.mean_fraction.high


def test_twice_as_many_words_is_a_ratio_of_words_and_not_of_fractions(tmp_path):
    """A word of two and ten words of twenty are both a half: eleven words against two are 5.5 times as many."""
    write_run(tmp_path, [2, 20], removed={"attention": [1, 10], "oracle": [1, 1]} | REST)
    statistic = first_flip_statistics(RunResults.load(tmp_path))["attention"]
    assert statistic.removed_ratio_to["oracle"].value == pytest.approx(11 / 2)
    assert statistic.fraction_ratio_to["oracle"].value == pytest.approx(1.0 / 0.55)


REST = {"random": [[1] * 5] * 2, "gradient": [1, 1], "gradient_attention": [1, 1]}


def test_a_change_with_nothing_left_is_neither_a_flip_nor_never(tmp_path):
    """By the convention of 2019 it is a flip with everything erased."""
    write_run(tmp_path, [4, 4, 4, 4], removed={"attention": [1, 4, 4, -1]})
    results = RunResults.load(tmp_path)
    here = first_flip_statistics(results)["attention"]
    assert [getattr(here, field).value for field in OUTCOMES] == [0.25, 0.5, 0.25]
    assert here.mean_fraction.value == 0.25
    assert here.restricted_mean.value == pytest.approx((0.25 + 3) / 4)
    released = first_flip_statistics(results, as_released=True)["attention"]
    assert [getattr(released, field).value for field in OUTCOMES] == [0.75, 0, 0.25]
    assert released.mean_fraction.value == pytest.approx(0.75)


def test_nothing_is_left_as_the_run_says_and_not_where_all_items_are_gone(tmp_path):
    """Of three items one may have all the weight; of an older run only that every item was erased is known."""
    _, erasures, _ = write_run(tmp_path, [3, 3], removed={"attention": [1, 3]})
    erasures["emptied"] = erasures["removed"].between(1, 1)
    erasures.to_parquet(tmp_path / "erasures.parquet")
    results = RunResults.load(tmp_path)
    assert results.knows_emptied
    assert results.first_flips["attention"].emptied[:, 0].tolist() == [True, False]
    erasures.drop(columns="emptied").to_parquet(tmp_path / "erasures.parquet")
    older = RunResults.load(tmp_path)
    assert not older.knows_emptied
    assert older.first_flips["attention"].emptied[:, 0].tolist() == [False, True]


def test_without_the_oracle_there_is_no_ratio(tmp_path):
    write_run(tmp_path, [4, 5, 6], removed={"attention": [1, 2, 3], "random": [[1, 1]] * 3}, draws=TWO)
    statistic = first_flip_statistics(RunResults.load(tmp_path))["attention"]
    assert statistic.removed_ratio_to == {} == statistic.fraction_ratio_to
    assert statistic.paired_fraction.n == 3


TWO = {"attention": 1, "random": 2}


def test_curves_equal_a_loop_grow_and_end_at_those_that_ever_flip(run):
    results, erasures = run
    statistics = first_flip_statistics(results)
    for name, curve in flip_curves(results).items():
        rows = erasures[erasures["ordering"] == name]
        for percent, share in enumerate(curve):
            flips = (row.removed > 0 and not row.emptied for row in rows.itertuples())
            early = (100 * row.removed <= percent * row.n for row in rows.itertuples())
            expected = [one and other for one, other in zip(flips, early, strict=True)]
            assert share == pytest.approx(np.mean(expected))
        assert (np.diff(curve) >= 0).all()
        assert curve[-1] == pytest.approx(statistics[name].flipped_share.value)
    assert (GRID[0], GRID[-1]) == (0, 1)


def test_boxes(run):
    results, erasures = run
    for name, box in fraction_boxes(results).items():
        rows = erasures[(erasures["ordering"] == name)]
        assert box.emptied_share == pytest.approx(rows["emptied"].mean())
        assert box.never_share == pytest.approx((rows["removed"] < 0).mean())
        rows = rows[(rows["removed"] > 0) & ~rows["emptied"]]
        fractions = rows["removed"] / rows["n"]
        assert box[:5] == pytest.approx(tuple(fractions.quantile([0.05, 0.25, 0.5, 0.75, 0.95])))
        assert box.mean == pytest.approx(fractions.mean())
        assert box.documents == rows["document"].nunique()


def test_nobody_flips(tmp_path):
    write_run(tmp_path, [2, 3, 4], never=1)
    results = RunResults.load(tmp_path)
    for name, statistic in first_flip_statistics(results).items():
        assert statistic.never_share.value == 1
        assert np.isnan(statistic.mean_fraction.value)
        assert statistic.mean_fraction.n == statistic.median_fraction.n == 0
        assert not flip_curves(results)[name].any()
        assert np.isnan(fraction_boxes(results)[name].median)

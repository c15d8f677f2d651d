import numpy as np
import pytest

from attnprobe.analysis.first_flips import GRID, first_flip_statistics, flip_curves, fraction_boxes
from attnprobe.analysis.results import RunResults
from tests.analysis.synthetic import write_run


@pytest.fixture
def run(tmp_path):
    sizes = np.random.default_rng(2).integers(1, 9, size=60)
    _, erasures, _ = write_run(tmp_path, sizes)
    return RunResults.load(tmp_path), erasures[erasures["n"] > 1]


def test_statistics_equal_a_loop(run):
    results, erasures = run
    statistics = first_flip_statistics(results)
    always = [d for d, rows in erasures.groupby("document") if (rows["removed"] > 0).all()]
    assert always
    oracle_mean = None
    for name, statistic in reversed(statistics.items()):
        rows = erasures[erasures["ordering"] == name]
        fractions, removed, mass, never, paired = [], [], [], [], []
        for row in rows.itertuples():
            never.append(row.removed < 0)
            if row.removed > 0:
                fractions.append(row.removed / row.n)
                removed.append(row.removed)
                mass.append(row.mass)
                if row.document in always:
                    paired.append(row.removed / row.n)
        oracle_mean = oracle_mean or np.mean(paired)
        assert statistic.mean_fraction.value == pytest.approx(np.mean(fractions))
        assert statistic.median_fraction.value == pytest.approx(np.median(fractions))
        assert statistic.mean_removed.value == pytest.approx(np.mean(removed))
        assert statistic.mean_mass.value == pytest.approx(np.mean(mass))
        assert statistic.never_share.value == pytest.approx(np.mean(never))
        assert statistic.never_share.n == erasures["document"].nunique()
        assert statistic.paired_fraction.value == pytest.approx(np.mean(paired))
        assert statistic.paired_fraction.n == len(always)
        assert statistic.ratio_to_oracle.value == pytest.approx(np.mean(paired) / oracle_mean)
        assert statistic.mean_fraction.low < statistic.mean_fraction.value < statistic.mean_fraction.high


def test_without_the_oracle_there_is_no_ratio(tmp_path):
    write_run(tmp_path, [4, 5, 6], never=0, draws={"attention": 1, "random": 2})
    statistic = first_flip_statistics(RunResults.load(tmp_path))["attention"]
    assert np.isnan(statistic.ratio_to_oracle.value)
    assert statistic.paired_fraction.n == 3


def test_curves_equal_a_loop_grow_and_end_at_those_that_ever_flip(run):
    results, erasures = run
    statistics = first_flip_statistics(results)
    for name, curve in flip_curves(results).items():
        rows = erasures[erasures["ordering"] == name]
        for percent, share in enumerate(curve):
            expected = [row.removed > 0 and 100 * row.removed <= percent * row.n for row in rows.itertuples()]
            assert share == pytest.approx(np.mean(expected))
        assert (np.diff(curve) >= 0).all()
        assert curve[-1] == pytest.approx(1 - statistics[name].never_share.value)
    assert (GRID[0], GRID[-1]) == (0, 1)


def test_boxes(run):
    results, erasures = run
    for name, box in fraction_boxes(results).items():
        rows = erasures[(erasures["ordering"] == name) & (erasures["removed"] > 0)]
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

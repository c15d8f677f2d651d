import math

import numpy as np
import pytest
from scipy import stats

from attnprobe.analysis.bootstrap import ratios
from attnprobe.analysis.intervals import average_shares, binary_shares, t_interval, wilson


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 60), (3, 60), (60, 60), (7, 13), (20_000, 50_000)])
def test_wilson_equals_scipy(k, n):
    estimate = wilson(k, n)
    theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert estimate == pytest.approx((k / n, theirs.low, theirs.high, n), abs=1e-12)


def test_wilson_equals_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for k, n in [(0, 4), (5, 80), (79, 80)]:
        theirs = proportion.proportion_confint(k, n, method="wilson")
        assert wilson(k, n)[1:3] == pytest.approx(theirs, abs=1e-12)


def test_wilson_has_width_where_a_bootstrap_has_none():
    assert wilson(0, 60).low == 0
    assert wilson(0, 60).high == pytest.approx(0.0602, abs=1e-4)
    assert wilson(60, 60).high == 1
    assert np.isnan(wilson(0, 0)[:3]).all()


def test_binary_shares_leave_nan_out():
    share = binary_shares({"x": np.array([1, 0, np.nan, 1.0])})["x"]
    assert share == wilson(2, 3)


@pytest.mark.parametrize("seeds", [3, 5, 12])
def test_t_equals_scipy(seeds):
    points = np.random.default_rng(seeds).normal(size=seeds)
    low, high = stats.t.interval(0.95, seeds - 1, points.mean(), stats.sem(points))
    assert t_interval(points.tolist()) == pytest.approx((points.mean(), low, high, seeds))


def test_t_of_few_seeds_has_no_interval():
    assert math.isnan(t_interval([]).value)
    for points in ([0.4], [0.2, 0.6], [0.2, 0.6, math.nan]):
        estimate = t_interval(points)
        assert estimate.value == pytest.approx(0.4)
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)
    assert t_interval([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5, 3)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_averaged_share_that_none_or_all_have_is_not_certain(share):
    """The bootstrap of documents that are all alike has no width; other documents may still be otherwise."""
    documents = np.ones(60)
    estimate = average_shares({"share": (share * documents, documents)})["share"]
    expected = wilson(int(60 * share), 60)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((share, expected.low, expected.high))


def test_an_averaged_share_that_varies_has_the_bootstraps_interval():
    column = np.random.default_rng(0).random(80)
    ones = np.ones(80)
    assert average_shares({"share": (column, ones)}) == ratios({"share": (column, ones)})

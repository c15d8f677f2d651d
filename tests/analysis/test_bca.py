import numpy as np
import pytest
from scipy import stats

from attnprobe.analysis import bootstrap
from attnprobe.analysis.bca import bca_ends
from attnprobe.analysis.bootstrap import means, ratios, resampling_counts
from tests.fixtures.seeded_scipy import seeded

generator = np.random.default_rng(7)


def by_the_book(statistic, documents, value):
    """BCa with the jackknife done by leaving one out at a time, on the resamples of the bootstrap."""
    counts = np.concatenate(list(resampling_counts(documents))).astype(int)
    resampled = np.array([statistic(np.repeat(np.arange(documents), row)) for row in counts])
    left_out = np.array([statistic(np.delete(np.arange(documents), i)) for i in range(documents)])
    bias = stats.norm.ppf((np.mean(resampled < value - 1e-12) + np.mean(resampled <= value + 1e-12)) / 2)
    slopes = left_out.mean() - left_out
    acceleration = (slopes**3).sum() / (6 * (slopes**2).sum() ** 1.5)
    z = bias + stats.norm.ppf([0.025, 0.975])
    return np.quantile(resampled, stats.norm.cdf(bias + z / (1 - acceleration * z)))


def test_means_equal_leaving_one_out():
    values = generator.lognormal(size=40)
    estimate = means({"x": values})["x"]
    expected = by_the_book(lambda drawn: values[drawn].mean(), 40, values.mean())
    assert (estimate.low, estimate.high) == pytest.approx(tuple(expected), rel=1e-9)


def test_ratios_nearly_equal_leaving_one_out():
    below = generator.random(200) + 0.2
    above = below * generator.lognormal(size=200)
    estimate = ratios({"x": (above, below)})["x"]
    expected = by_the_book(lambda drawn: above[drawn].sum() / below[drawn].sum(), 200, above.sum() / below.sum())
    assert (estimate.low, estimate.high) == pytest.approx(tuple(expected), rel=2e-3)


def test_means_agree_with_scipy(monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES", 20_000)
    values = generator.lognormal(size=120)
    estimate = means({"x": values})["x"]
    drawn = seeded(stats.bootstrap, 3)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", **drawn).confidence_interval
    assert (estimate.low, estimate.high) == pytest.approx(tuple(theirs), rel=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.7, 1 / 3])
def test_columns_without_spread_have_zero_width(value):
    estimate = means({"x": np.full(30, value)})["x"]
    assert (estimate.low, estimate.high) == (estimate.value, estimate.value)


def test_one_document_unlike_the_others_has_an_interval():
    estimate = means({"x": np.eye(1, 50)[0]})["x"]
    assert 0 <= estimate.low < 0.02 < estimate.high < 0.2


def test_a_value_outside_its_resamples_stays_finite():
    resampled, influence = np.linspace(0, 1, 100), generator.normal(size=9)
    ((low, high),) = bca_ends(np.array([5.0]), resampled[None], influence[None], 0.95, np.ones(1))
    assert 0 <= low <= high <= 1


def test_statistics_have_the_intervals_that_each_has_alone():
    columns = {i: generator.lognormal(size=40) for i in range(70)} | {"same": np.full(40, 0.7), "one": np.eye(1, 40)[0]}
    columns |= {"few": np.r_[1.0, 3.0, np.full(38, np.nan)], "single": np.r_[1.0, np.full(39, np.nan)]}
    columns["none"] = np.full(40, np.nan)
    together, alone = means(columns), {key: means({key: column})[key] for key, column in columns.items()}
    for key, estimate in together.items():
        assert estimate == pytest.approx(alone[key], rel=1e-12, nan_ok=True)
    assert np.isnan(together["single"].low)
    assert together["few"].low == 1


def test_ends_are_quantiles_of_each_statistics_own_resamples():
    resampled = np.round(generator.normal(size=(5, 201)), 1)
    ends = bca_ends(np.median(resampled, axis=1), resampled, np.tile([-1.0, 1.0, 0.0], (5, 1)), 0.95, np.ones(5))
    for of_one, (low, high) in zip(resampled, ends, strict=True):
        below = (of_one < np.median(of_one)).mean() + (of_one == np.median(of_one)).mean() / 2
        shares = stats.norm.cdf(2 * stats.norm.ppf(below) + stats.norm.ppf([0.025, 0.975]))
        assert (low, high) == pytest.approx(tuple(np.quantile(of_one, shares)), rel=1e-12)


def test_above_the_limit_percentiles(monkeypatch):
    values = generator.lognormal(size=60)
    with_bca = means({"x": values})["x"]
    monkeypatch.setattr(bootstrap, "BCA_UP_TO", 59)
    assert means({"x": values})["x"].high != with_bca.high
    assert means({"x": np.r_[values[:-1], np.nan]})["x"].n == 59


def test_tiny_values_have_the_interval_of_large_ones():
    values = generator.lognormal(size=30)
    estimates = means({"large": values, "tiny": values * 2.0**-900})
    large, tiny = ([estimate.low, estimate.high] for estimate in estimates.values())
    assert [number * 2.0**900 for number in tiny] == pytest.approx(large, rel=1e-12)

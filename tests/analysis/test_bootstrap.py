import time

import numpy as np
import pytest

from attnprobe.analysis import bootstrap
from attnprobe.analysis.bootstrap import LEVEL, RESAMPLES, compare_ratios, means, medians, ratios, resampling_counts

generator = np.random.default_rng(5)


def all_counts(documents):
    return np.concatenate(list(resampling_counts(documents)))


def interval(statistics):
    return np.nanquantile(statistics, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])


def test_counts_draw_as_many_documents_as_there_are():
    counts = all_counts(17)
    assert counts.shape == (RESAMPLES, 17)
    assert (counts.sum(axis=1) == 17).all()
    assert np.array_equal(counts, all_counts(17))
    assert counts.var() == pytest.approx(1 - 1 / 17, rel=0.05)


def test_chunks_do_not_change_the_resamples(monkeypatch):
    whole = all_counts(13)
    monkeypatch.setattr("attnprobe.analysis.bootstrap.CHUNK", 13 * 7)
    assert np.array_equal(whole, all_counts(13))


@pytest.fixture
def percentiles(monkeypatch):
    monkeypatch.setattr(bootstrap, "BCA_UP_TO", 0)


@pytest.mark.usefixtures("percentiles")
def test_means_with_missing_values_equal_a_loop():
    values = generator.random((40, 3))
    values[generator.random((40, 3)) < 0.4] = np.nan
    values[5] = np.nan
    estimate = means({"a": values})["a"]
    resampled = [np.nanmean(np.repeat(values, counts.astype(int), axis=0)) for counts in all_counts(40)]
    assert estimate.value == pytest.approx(np.nanmean(values))
    assert (estimate.low, estimate.high) == pytest.approx(tuple(interval(resampled)))
    assert estimate.n == np.count_nonzero(~np.isnan(values).all(axis=1))


@pytest.mark.usefixtures("percentiles")
def test_ratios_of_sums_equal_a_loop():
    above, below = generator.random(30), generator.random(30)
    estimate = ratios({"r": (above, below)})["r"]
    resampled = [(counts @ above) / (counts @ below) for counts in all_counts(30)]
    assert estimate.value == pytest.approx(above.sum() / below.sum())
    assert (estimate.low, estimate.high) == pytest.approx(tuple(interval(resampled)))


def test_columns_that_are_there_more_than_once_are_what_they_are_alone():
    one, other = generator.random(300), generator.random(300)
    columns = {"a": (one, other), "b": (other, one), "c": (one, other), "d": (one, one)}
    together = ratios(columns)
    for key, column in columns.items():
        assert together[key] == pytest.approx(ratios({key: column})[key], rel=1e-12)


@pytest.mark.parametrize(("documents", "draws", "decimals"), [(31, 1, 3), (60, 5, 1), (400, 5, 2), (2, 1, 2)])
def test_medians_equal_sorting_every_resample(documents, draws, decimals):
    values = np.round(generator.random((documents, draws)), decimals)
    values[generator.random(values.shape) < 0.3] = np.nan
    values[0] = 0.5
    estimate = medians({"m": values})["m"]
    with np.errstate(all="ignore"):
        resampled = [np.nanmedian(np.repeat(values, c.astype(int), axis=0)) for c in all_counts(documents)]
    assert estimate.value == np.nanmedian(values)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(interval(resampled)))


def test_a_median_far_from_the_middle_is_found(monkeypatch):
    # Nine of ten documents lack a value in all but one draw, so that a resample moves the middle far.
    values = np.sort(generator.random((300, 5)), axis=0)
    values[::3, 1:] = np.nan
    expected = medians({"m": values})["m"]
    monkeypatch.setattr("attnprobe.analysis.bootstrap.math.sqrt", lambda x: 0.0)
    assert medians({"m": values})["m"] == expected


def test_no_value_one_value_and_equal_values():
    nothing, one, equal = np.full((4, 1), np.nan), np.array([[0.3], [np.nan]]), np.full((9, 2), 0.7)
    for statistic in (means, medians):
        estimate = statistic({"x": nothing})["x"]
        assert np.isnan(estimate[:3]).all()
        assert estimate.n == 0
        estimate = statistic({"x": one})["x"]
        assert estimate.value == 0.3
        assert np.isnan(estimate[1:3]).all()
        assert estimate.n == 1
        estimate = statistic({"x": equal})["x"]
        assert estimate[:3] == pytest.approx((0.7, 0.7, 0.7))
        assert estimate.n == 9
        assert np.isnan(statistic({"x": np.empty((0, 1))})["x"].value)
        assert statistic({}) == {}


@pytest.mark.usefixtures("percentiles")
def test_compared_ratios_equal_a_loop_on_the_same_resamples():
    values, group = generator.random(50), generator.random(50) < 0.4
    one, other = group.astype(float), (~group).astype(float)
    compared = compare_ratios({"x": ((values * one, one), (values * other, other))})["x"]
    resampled = []
    for counts in all_counts(50):
        drawn = np.repeat(np.arange(50), counts.astype(int))
        resampled.append(values[drawn][group[drawn]].mean() - values[drawn][~group[drawn]].mean())
    assert compared.first.value == pytest.approx(values[group].mean())
    assert compared.first == pytest.approx(means({"x": np.where(group, values, np.nan)})["x"])
    assert compared.second == pytest.approx(means({"x": np.where(group, np.nan, values)})["x"])
    assert compared.difference.value == pytest.approx(values[group].mean() - values[~group].mean())
    assert (compared.difference.low, compared.difference.high) == pytest.approx(tuple(interval(resampled)))
    assert (compared.first.n, compared.second.n, compared.difference.n) == (group.sum(), (~group).sum(), 50)


def test_a_side_of_one_document_or_none_has_no_interval():
    values = generator.random(6)
    for size in (0, 1):
        one = (np.arange(6) < size).astype(float)
        compared = compare_ratios({"x": ((values * one, one), (values * (1 - one), 1 - one))})["x"]
        assert np.isnan(compared.difference.value) == (size == 0)
        assert np.isnan(compared.difference.low)
        assert not np.isnan(compared.second.low)
    assert compare_ratios({}) == {}


def test_fifty_thousand_documents_take_seconds():
    values = np.round(generator.random((50_000, 5)), 3)
    started = time.process_time()
    means({i: values[:, i % 5] for i in range(30)})
    medians({i: values if i == 0 else values[:, :1] for i in range(5)})
    assert time.process_time() - started < 12  # about 2 on an idle core

"""95 % intervals cover a known truth in 93 to 97 % of 2,000 simulations, each of its own sample."""

import numpy as np
import pytest

from attnprobe.analysis import bootstrap
from attnprobe.analysis.bootstrap import compare_ratios, means, medians, ratios
from attnprobe.analysis.effect_sizes import discordant_odds
from attnprobe.analysis.intervals import t_interval, wilson

SIMULATIONS = 2000


@pytest.fixture
def generator():
    return np.random.default_rng(20190729)


def covers(estimates, truth):
    return np.mean([estimate.low <= truth <= estimate.high for estimate in estimates])


def misses(estimates, truth):
    """Shares of intervals above and below the truth."""
    return (
        np.mean([estimate.low > truth for estimate in estimates]),
        np.mean([estimate.high < truth for estimate in estimates]),
    )


def assert_covers(estimates, truth):
    estimates = list(estimates)
    assert len(estimates) == SIMULATIONS
    assert 0.93 <= covers(estimates, truth) <= 0.97


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [80, 1500])
def test_wilson(generator, p, n):
    assert_covers([wilson(k, n) for k in generator.binomial(n, p, SIMULATIONS).tolist()], p)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_t(generator, seeds):
    assert_covers([t_interval(points) for points in generator.normal(0.3, 0.1, (SIMULATIONS, seeds)).tolist()], 0.3)


def test_odds_of_discordant_documents(generator):
    shares = generator.uniform(0.1, 0.9, SIMULATIONS)
    odds = [discordant_odds(k, 60 - k) for k in generator.binomial(60, shares).tolist()]
    truths = shares / (1 - shares)
    assert 0.93 <= np.mean([each.low <= truth <= each.high for each, truth in zip(odds, truths, strict=True)]) <= 0.97


@pytest.mark.parametrize("n", [100, 200])
def test_bca_of_a_skewed_mean(generator, n):
    samples = generator.lognormal(0, 0.5, (n, SIMULATIONS))
    assert_covers(means({i: samples[:, i] for i in range(SIMULATIONS)}).values(), np.exp(0.125))


def test_bca_misses_on_both_sides_alike_where_percentiles_do_not(generator, monkeypatch):
    samples = generator.lognormal(0, 0.75, (150, SIMULATIONS))
    columns = {i: samples[:, i] for i in range(SIMULATIONS)}
    above, below = misses(means(columns).values(), np.exp(0.75**2 / 2))
    monkeypatch.setattr(bootstrap, "BCA_UP_TO", 0)
    plain_above, plain_below = misses(means(columns).values(), np.exp(0.75**2 / 2))
    assert below - above < 0.5 * (plain_below - plain_above)


def test_bca_of_paired_differences(generator):
    document = generator.beta(2, 2, size=(150, SIMULATIONS))
    first = document * generator.random(document.shape)
    second = document * generator.random(document.shape) ** 2
    difference = first - second
    assert_covers(means({i: difference[:, i] for i in range(SIMULATIONS)}).values(), 0.5 * (1 / 2 - 1 / 3))


def test_bca_of_a_lead_among_the_documents_that_flip(generator):
    outcome = generator.choice([-1.0, 0.0, 1.0, np.nan], p=[0.2, 0.3, 0.35, 0.15], size=(150, SIMULATIONS))
    columns = {i: (np.nan_to_num(outcome[:, i]), (~np.isnan(outcome[:, i])).astype(float)) for i in range(SIMULATIONS)}
    assert_covers(ratios(columns).values(), 0.15 / 0.85)


@pytest.mark.slow
def test_bca_of_a_difference_between_groups(generator):
    late = (generator.random((150, SIMULATIONS)) < 0.4).astype(float)
    values = generator.gamma(3.0, size=late.shape) + late
    columns = {
        i: ((values[:, i] * late[:, i], late[:, i]), (values[:, i] * (1 - late[:, i]), 1 - late[:, i]))
        for i in range(SIMULATIONS)
    }
    assert_covers((compared.difference for compared in compare_ratios(columns).values()), 1.0)


def test_percentiles_of_many_documents(generator, monkeypatch):
    monkeypatch.setattr(bootstrap, "BCA_UP_TO", 500)
    samples = generator.lognormal(0, 0.5, (600, SIMULATIONS))
    assert_covers(means({i: samples[:, i] for i in range(SIMULATIONS)}).values(), np.exp(0.125))


@pytest.mark.slow
def test_medians(generator):
    samples = generator.exponential(size=(101, SIMULATIONS))
    assert_covers(medians({i: samples[:, i : i + 1] for i in range(SIMULATIONS)}).values(), np.log(2))

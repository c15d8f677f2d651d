"""With few discordant documents leads are not told from 0 too often, nor from .05, and their intervals cover."""

import math

import numpy as np
import pytest
from scipy import stats

from attnprobe.analysis.bootstrap import means
from attnprobe.analysis.intervals import exact_lead, lead_ends, unseen
from attnprobe.analysis.significance import binomial_log_p, sign_flip_tests
from attnprobe.analysis.thresholds import NEGLIGIBLE_LEAD
from attnprobe.analysis.verdict import documents_to_tell
from attnprobe.analysis.who_flips_first import average_leads

DOCUMENTS = (30, 60, 100, 300)
DISCORDANT = (3, 5, 8, 12, 20)
SIMULATIONS = 4000
OF_AVERAGES = 400


def error(simulations):
    """Three standard errors of a share of .05."""
    return 3 * math.sqrt(0.05 * 0.95 / simulations)


@pytest.fixture
def generator():
    return np.random.default_rng(20190729)


def ends(drawn, n, times=1.0):
    """Ends of the intervals of simulated leads (simulations,); those that are alike are found once."""
    counts, of = np.unique(drawn[:, :2], axis=0, return_inverse=True)
    low, high = lead_ends(counts[:, 0], counts[:, 1], n, times)
    return low[of], high[of]


@pytest.mark.parametrize("n", DOCUMENTS)
@pytest.mark.parametrize("discordant", DISCORDANT)
@pytest.mark.parametrize("balance", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("times", [1.0, 1.6])
def test_exact_leads_cover(generator, n, discordant, balance, times):
    first, second = (discordant / n * (1 + sign * balance) / 2 for sign in (1, -1))
    drawn = generator.multinomial(n, [first, second, 1 - first - second], SIMULATIONS)
    low, high = ends(drawn, n, times)
    truth = first - times * second
    assert np.mean((low <= truth) & (truth <= high)) >= 0.95 - error(SIMULATIONS)
    if balance == 0 and times == 1:
        assert np.mean((low > 0) | (high < 0)) <= 0.05


@pytest.mark.parametrize("times", [1.0, 1.6])
@pytest.mark.samples(1)
def test_zero_is_outside_where_the_exact_test_is_significant(times):
    counts = np.array([(first, second) for first in range(31) for second in range(31)])
    low, high = lead_ends(counts[:, 0], counts[:, 1], 80, times)
    for (first, second), outside in zip(counts.tolist(), (low > 0) | (high < 0), strict=True):
        p = math.exp(binomial_log_p(first, second, times))
        assert outside == (p < 0.05)
        if first + second:
            tails = stats.binom(first + second, times / (1 + times))
            assert p == pytest.approx(min(1, 2 * min(tails.cdf(first), tails.sf(first - 1))))


def test_three_against_none_and_none_against_none():
    assert exact_lead(3, 0, 100).low < 0
    assert exact_lead(6, 0, 100).low > 0
    assert exact_lead(0, 0, 100)[1:] == pytest.approx((-unseen(100), unseen(100), 100))
    assert exact_lead(0, 0, 100, 1.6).low == pytest.approx(-1.6 * unseen(100))
    assert exact_lead(0, 0, 0).n == 0
    assert unseen(73) < NEGLIGIBLE_LEAD < unseen(72)


@pytest.mark.parametrize("n", DOCUMENTS)
@pytest.mark.parametrize("first", [0.05, 0.08, 0.2])
def test_a_lead_of_the_margin_is_seldom_called_smaller(generator, n, first):
    second = first - NEGLIGIBLE_LEAD
    drawn = generator.multinomial(n, [first, second, 1 - first - second], SIMULATIONS)
    assert np.mean(ends(drawn, n)[1] < NEGLIGIBLE_LEAD) <= 0.05


def averages(generator, n, first, second):
    """Leads (documents,) of averages over five draws, by simulation."""
    drawn = generator.random((n, OF_AVERAGES))
    sign = np.where(drawn < first, 1.0, np.where(drawn < first + second, -1.0, 0.0))
    leads = sign * generator.integers(1, 6, sign.shape) / 5
    return {i: leads[:, i] for i in range(OF_AVERAGES)}


@pytest.mark.parametrize(("n", "discordant"), [(30, 3), (30, 12), (60, 5), (60, 20), (100, 8), (300, 3), (300, 12)])
def test_averages_are_told_from_zero_by_interval_and_test_together(generator, n, discordant):
    leads = averages(generator, n, discordant / n / 2, discordant / n / 2)
    tests = sign_flip_tests(leads, 2000)
    told = [not e.low <= 0 <= e.high and tests[i].p < 0.05 for i, e in average_leads(leads).items()]
    assert np.mean(told) <= 0.05 + error(OF_AVERAGES)
    if discordant <= 5 and n <= 60:
        assert np.mean([not e.low <= 0 <= e.high for e in means(leads).values()]) > 0.1


@pytest.mark.parametrize("n", DOCUMENTS)
@pytest.mark.parametrize("first", [0.05 / 0.6, 0.1])
def test_an_average_lead_of_the_margin_is_seldom_called_smaller(generator, n, first):
    estimates = average_leads(averages(generator, n, first, first - NEGLIGIBLE_LEAD / 0.6)).values()
    assert np.mean([estimate.high < NEGLIGIBLE_LEAD for estimate in estimates]) <= 0.05 + error(OF_AVERAGES)


@pytest.mark.parametrize(("first", "second"), [(10, 10), (12, 8), (26, 14), (11, 6), (0, 0)])
def test_with_as_many_documents_as_are_said_a_lead_is_told(first, second):
    n = 100
    lead, p = exact_lead(first, second, n), math.exp(binomial_log_p(first, second))
    assert lead.low <= 0 <= lead.high
    needed = documents_to_tell(lead, p)
    for factor, told in ((1.5, True), (0.4, False)):
        documents = round(factor * needed)
        scaled = exact_lead(round(first * documents / n), round(second * documents / n), documents)
        assert (scaled.low > 0 or scaled.high < NEGLIGIBLE_LEAD) == told

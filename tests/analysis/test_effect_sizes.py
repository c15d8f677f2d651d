import math

import numpy as np
import pytest
from scipy import stats

from attnprobe.analysis.effect_sizes import discordant_odds, lead, rank_biserial

generator = np.random.default_rng(3)


def test_rank_biserial_equals_a_count_and_wilcoxon():
    d = np.round(generator.normal(0.3, 1, 40), 1)
    kept = d[d != 0]
    # Every |d| outranks half of those equal to it, itself included, and all smaller ones.
    rank = [sum(abs(kept) < abs(x)) + (sum(abs(kept) == abs(x)) + 1) / 2 for x in kept]
    total = sum(rank)
    signed = sum(r if x > 0 else -r for r, x in zip(rank, kept, strict=True))
    assert rank_biserial(np.r_[d, np.nan]) == pytest.approx(signed / total)
    smaller = stats.wilcoxon(kept).statistic
    assert abs(rank_biserial(d)) == pytest.approx(1 - 2 * smaller / total)


def test_rank_biserial_ends():
    assert rank_biserial(np.array([1.0, 2.0])) == 1
    assert rank_biserial(np.array([-1.0, -2.0])) == -1
    assert math.isnan(rank_biserial(np.zeros(3)))


@pytest.mark.parametrize(("first", "second"), [(0, 5), (5, 0), (3, 3), (40, 7)])
def test_odds(first, second):
    odds = discordant_odds(first, second)
    share = stats.binomtest(first, first + second).proportion_ci(method="wilson")
    assert odds.value == (first + 0.5) / (second + 0.5)
    assert odds.low == pytest.approx(share.low / (1 - share.low))
    assert math.isinf(odds.high) if second == 0 else odds.high == pytest.approx(share.high / (1 - share.high))
    assert odds.low <= odds.value <= odds.high


def test_odds_of_nothing():
    assert np.isnan(discordant_odds(0, 0)[:3]).all()
    assert discordant_odds(0, 0).n == 0


def test_lead_equals_a_count():
    first, second = np.array([1, 2, 3, np.inf, np.inf, np.nan]), np.array([2, 2, 1, np.inf, 4, 1])
    estimate = lead(first, second)
    assert estimate.value == pytest.approx((1 - 2) / 5)
    assert estimate.n == 5

import itertools
import math
import time
import warnings

import numpy as np
import pytest
from scipy import stats

from attnprobe.analysis import significance
from attnprobe.analysis.significance import binomial_log_p, holm, mcnemar, sign_flip_tests, sign_test
from tests.fixtures.seeded_scipy import seeded

generator = np.random.default_rng(12)
COUNTS = [(0, 0), (0, 1), (3, 3), (1, 9), (12, 40), (500, 430)]


@pytest.mark.parametrize(("first", "second"), COUNTS)
def test_binomial_equals_scipy(first, second):
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert math.exp(binomial_log_p(first, second)) == pytest.approx(expected, rel=1e-10)
    assert binomial_log_p(first, second) == binomial_log_p(second, first)


def test_binomial_does_not_underflow():
    assert binomial_log_p(0, 50_000) == pytest.approx(-49_999 * math.log(2))
    tail = sum(math.comb(6000, k) for k in range(1501))
    assert binomial_log_p(1500, 4500) == pytest.approx(math.log(2 * tail) - 6000 * math.log(2), rel=1e-9)
    test = mcnemar(np.ones(50_000), np.zeros(50_000))
    assert (test.p, test.first, test.second) == (0.0, 50_000, 0)
    assert test.log10_p == pytest.approx(-49_999 * math.log10(2))


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_equals_statsmodels(seed):
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    first, second = (np.random.default_rng(seed).random((2, 60)) < [[0.5], [0.3]]).astype(float)
    table = [[np.sum((first == a) & (second == b)) for b in (1, 0)] for a in (1, 0)]
    test = mcnemar(first, second)
    assert test.p == pytest.approx(tables.mcnemar(table, exact=True).pvalue)
    assert (test.first, test.second, test.ties) == (table[0][1], table[1][0], table[0][0] + table[1][1])


def test_sign_test_equals_what_the_released_code_ran():
    runs = pytest.importorskip("statsmodels.sandbox.stats.runs")
    descriptive = pytest.importorskip("statsmodels.stats.descriptivestats")
    first, second = np.round(generator.random((2, 80)), 1)
    second += 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        smaller_count, p = runs.mcnemar(first, second, exact=True)
    test = sign_test(first, second)
    assert test.p == pytest.approx(p)
    assert test.p == pytest.approx(descriptive.sign_test(first - second)[1])
    assert min(test.first, test.second) == smaller_count


def test_missing_outcomes_are_counted_and_never_is_later():
    test = sign_test(np.array([1, np.nan, np.inf, 2, np.inf]), np.array([2, 1, 3, 2, np.inf]))
    assert (test.first, test.second, test.ties, test.left_out) == (1, 1, 2, 1)
    assert test.p == 1


@pytest.mark.parametrize("n", [1, 2, 5, 9, 12])
def test_sign_flips_of_few_equal_full_enumeration(n):
    differences = np.round(generator.normal(0.3, 1, n), 1)
    sums = [np.dot(signs, differences) for signs in itertools.product([1, -1], repeat=n)]
    expected = np.mean([abs(total) >= abs(differences.sum()) - 1e-9 for total in sums])
    test = sign_flip_tests({"x": np.r_[differences, np.nan, 0.0]})["x"]
    assert test.p == pytest.approx(expected)
    assert (test.n, test.left_out, test.exact) == (n + 1, 1, True)
    assert test.mean == pytest.approx(differences.sum() / (n + 1))


def test_drawn_sign_flips_come_near_enumeration(monkeypatch):
    differences = generator.normal(0.5, 1, 12)
    exact = sign_flip_tests({"x": differences})["x"].p
    monkeypatch.setattr(significance, "ENUMERATED", 0)
    drawn = sign_flip_tests({"x": differences})["x"]
    assert not drawn.exact
    assert drawn.p == pytest.approx(exact, abs=4 * math.sqrt(exact / 10_000))


def test_drawn_sign_flips_agree_with_scipy():
    differences = generator.normal(0.2, 1, 60)
    theirs = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=10_000,
        vectorized=True,
        **seeded(stats.permutation_test, 1),
    )
    assert sign_flip_tests({"x": differences})["x"].p == pytest.approx(theirs.pvalue, abs=0.02)


def test_columns_do_not_change_each_other_and_chunks_nothing(monkeypatch):
    columns = {i: generator.normal(0.2, 1, 41) * (generator.random(41) < 0.8) for i in range(3)}
    together = sign_flip_tests(columns)
    assert together[1].p == pytest.approx(sign_flip_tests({1: columns[1]})[1].p)
    monkeypatch.setattr(significance, "CHUNK", 41 * 300)
    assert sign_flip_tests(columns) == together


@pytest.mark.parametrize("flips", [10_000, 40, 500])
def test_no_drawn_p_value_is_below_what_the_number_of_flips_allows(flips):
    assert sign_flip_tests({"same": np.ones(30)}, flips)["same"].p == pytest.approx(1 / (flips + 1))


def test_sign_flips_reject_as_often_as_they_say():
    columns = generator.exponential(size=(30, 2000)) * generator.choice([-1, 1], size=(30, 2000))
    p = np.array([test.p for test in sign_flip_tests({i: columns[:, i] for i in range(2000)}).values()])
    assert 0.035 <= np.mean(p <= 0.05) <= 0.065
    assert p.min() >= 1 / 10_001


def test_nothing_and_zeros():
    tests = sign_flip_tests({"zeros": np.zeros(20), "nothing": np.full(20, np.nan)})
    assert (tests["zeros"].p, tests["zeros"].n) == (1.0, 20)
    assert math.isnan(tests["nothing"].p)
    assert tests["nothing"].left_out == 20
    assert sign_flip_tests({}) == {}


@pytest.mark.slow
def test_fifty_thousand_differences_take_seconds():
    started = time.process_time()
    sign_flip_tests({i: generator.normal(size=50_000) for i in range(4)})
    assert time.process_time() - started < 20  # about 2 on an idle core


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_holm_equals_statsmodels(size):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.round(generator.random(size) ** 3, 2)
    expected = multitest.multipletests(p_values, method="holm")[1]
    adjusted = holm(dict(enumerate(p_values.tolist())))
    assert list(adjusted.values()) == pytest.approx(expected.tolist())


def test_holm_leaves_nan_out():
    assert holm({}) == {}
    adjusted = holm({"a": 0.01, "b": math.nan, "c": 0.04})
    assert (adjusted["a"], adjusted["c"]) == (0.02, 0.04)
    assert math.isnan(adjusted["b"])

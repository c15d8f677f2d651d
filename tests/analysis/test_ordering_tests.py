import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attnprobe.analysis.first_flips import GRID, control_statistics, first_flip_statistics, flip_curves
from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.mass import mass_statistics
from attnprobe.analysis.ordering_tests import ordering_tests
from attnprobe.analysis.restricted_means import restricted_means
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.who_flips_first import who_flips_first
from tests.fixtures.synthetic_runs import ORDERINGS, write_run

ASCENDING = "attention_ascending"
PAPER = ("random", "attention", "gradient", "gradient_attention")
SIZES = np.random.default_rng(3).integers(1, 25, size=70)


@pytest.fixture
def results(tmp_path):
    write_run(tmp_path, SIZES, never=0.15, draws=ORDERINGS | {ASCENDING: 1})
    return RunResults.load(tmp_path)


def written(results):
    """Rows of the documents with several items, as they are in the file."""
    rows = pd.read_parquet(results.folder / "erasures.parquet")
    return rows[rows["n"] > 1]


def draws_of(results, ordering):
    """Document → its draws' numbers of erased items, infinite where nothing flips while something is left."""
    rows = written(results).query("ordering == @ordering")
    rows = rows.assign(removed=rows["removed"].where((rows["removed"] > 0) & ~rows["emptied"], np.inf))
    return {d: g["removed"].to_numpy() for d, g in rows.groupby("document")}


def test_pairs(results):
    pairs = [(test.comparison.first, test.comparison.second) for test in ordering_tests(results)]
    assert pairs[:3] == [("attention", other) for other in ("random", "gradient", "gradient_attention")]
    assert pairs[-2:] == [("attention", ASCENDING), ("random", ASCENDING)]
    assert len(pairs) == len(set(pairs)) == 8
    (test,) = ordering_tests(results, [("oracle", ASCENDING)])
    assert test.comparison.second == ASCENDING


def test_certain_pairs_have_the_exact_test_and_random_ones_sign_flips(results):
    for test in ordering_tests(results):
        first, second = (draws_of(results, name) for name in test.comparison[:2])
        leads = [np.mean([np.sign(float(b > a) - float(b < a)) for a in first[d] for b in second[d]]) for d in first]
        if "random" in test.comparison[:2]:
            assert test.sign is test.odds is None
            assert test.permutation.mean == pytest.approx(np.mean(leads))
            assert test.permutation.n == len(leads)
        else:
            earlier, later = leads.count(1), leads.count(-1)
            assert (test.sign.first, test.sign.second) == (earlier, later)
            assert test.p == pytest.approx(stats.binomtest(earlier, earlier + later).pvalue)
            assert test.odds.value == (earlier + 0.5) / (later + 0.5)
            neither = sum(first[d][0] == second[d][0] == np.inf for d in first)
            assert test.comparison.first_earlier == wilson(earlier, len(first))
            assert test.comparison.neither == wilson(neither, len(first))
            assert test.comparison.p == pytest.approx(test.p)


def test_comparisons_are_those_of_the_summary(results):
    known = {comparison[:2]: comparison for comparison in who_flips_first(results)}
    for test in ordering_tests(results):
        pair = test.comparison[:2]
        assert ASCENDING in pair or test.comparison == known[pair]


def test_restricted_means_are_areas_above_flip_curves(results):
    found = restricted_means(results)
    assert list(found)[-1] == ASCENDING
    for name, curve in flip_curves(results).items():
        # The curve is read at a hundred fractions, so that the area is known up to one step.
        area = 1 - curve[:-1].mean()
        assert found[name].fraction.value == pytest.approx(area, abs=1 / (len(GRID) - 1))
    for name, means in found.items():
        n = dict(enumerate(SIZES))
        draws = draws_of(results, name)
        expected = np.mean([np.mean(np.minimum(draws[d] / n[d], 1)) for d in draws])
        assert means.fraction.value == pytest.approx(expected)
        assert means.fraction.n == len(draws)
        attention = found["attention"]
        assert means.fraction_difference.value == pytest.approx(expected - attention.fraction.value)
        assert means.mass_difference.value == pytest.approx(means.mass.value - attention.mass.value)
        assert name != "attention" or means.mass_difference[:3] == (0, 0, 0)


def test_differences_of_restricted_means_are_second_minus_first(results):
    found = restricted_means(results)
    for test in ordering_tests(results):
        first, second = (found[name] for name in test.comparison[:2])
        assert test.fraction_difference.value == pytest.approx(second.fraction.value - first.fraction.value)
        assert test.mass_difference.value == pytest.approx(second.mass.value - first.mass.value)
        assert np.sign(test.rank_biserial) == np.sign(test.fraction_difference.value) or abs(test.rank_biserial) < 0.2


def test_mass_equals_a_loop(results):
    rows = written(results)
    flips = (rows["removed"] > 0) & ~rows["emptied"]
    paper = rows["ordering"].isin(PAPER)
    of_paper = flips[paper].groupby(rows["document"][paper]).all()
    rows = rows.assign(mass=rows["mass"].where(flips))
    for name, statistic in mass_statistics(results).items():
        mass = rows[rows["ordering"] == name]
        always = of_paper & mass.set_index("document")["mass"].notna().groupby("document").all()
        assert statistic.mean.value == pytest.approx(mass["mass"].mean())
        assert statistic.median.value == pytest.approx(mass["mass"].median())
        paired = mass[mass["document"].isin(always.index[always])]["mass"].mean()
        assert statistic.paired_mean.value == pytest.approx(paired)
        assert name != "oracle" or statistic.oracle_difference[:3] == (0, 0, 0)


def test_ascending(results, tmp_path):
    found = control_statistics(results)[ASCENDING]
    rows = written(results).query("ordering == @ASCENDING")
    assert found.never_share == wilson(int((rows["removed"] < 0).sum()), len(rows))
    assert found.mean_fraction.value == pytest.approx(rows.query("not emptied")["fraction"].mean())
    assert ASCENDING not in first_flip_statistics(results)
    write_run(tmp_path / "without", [3, 4])
    assert control_statistics(RunResults.load(tmp_path / "without")) == {}

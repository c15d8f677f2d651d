import numpy as np
import pytest
from scipy import stats

from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.neighbours import neighbours
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from tests.fixtures.synthetic_runs import write_run

SIZES = np.random.default_rng(8).integers(1, 9, size=70)


@pytest.fixture
def run(tmp_path):
    _, _, items = write_run(tmp_path, SIZES)
    return RunResults.load(tmp_path), items


def test_they_equal_a_loop(run):
    results, items = run
    ranks = {"top": (0, 1), "lowest": (-1, -2)}
    for name, comparison in neighbours(results).items():
        flips, difference, weight = [], [], []
        for document in np.flatnonzero(SIZES > 1):
            group = items[items["document"] == document].sort_values("weight", ascending=False)
            one, other = (group.iloc[rank] for rank in ranks[name])
            flips.append((bool(one["flips"]), bool(other["flips"])))
            difference.append(0.0 if abs(one["js"] - other["js"]) < 1e-12 else one["js"] - other["js"])
            weight.append(one["weight"] - other["weight"])
        n = len(flips)
        cells = [flips.count(cell) for cell in [(True, True), (True, False), (False, True), (False, False)]]
        shares = (comparison.both, comparison.only_first, comparison.only_second, comparison.neither)
        assert list(shares) == [wilson(count, n) for count in cells]
        assert comparison.weight_difference.value == pytest.approx(np.mean(weight))
        assert comparison.js_difference.value == pytest.approx(np.mean(difference))
        larger, smaller = (int(np.sum(np.sign(difference) == sign)) for sign in (1, -1))
        assert comparison.js_larger == wilson(larger, n)
        assert comparison.js_smaller == wilson(smaller, n)
        assert comparison.js_equal == wilson(n - larger - smaller, n)
        assert comparison.js_test.p == pytest.approx(stats.binomtest(larger, larger + smaller).pvalue)
        assert (comparison.js_test.second, comparison.js_test.first) == (larger, smaller)
        assert comparison.flip_test.p == pytest.approx(stats.binomtest(cells[1], cells[1] + cells[2]).pvalue)
        assert comparison.flip_odds.value == pytest.approx((cells[1] + 0.5) / (cells[2] + 0.5))


def test_two_items_are_each_others_neighbours_both_ways(tmp_path):
    write_run(tmp_path, [2] * 30)
    both = neighbours(RunResults.load(tmp_path))
    assert both["top"].js_larger == both["lowest"].js_smaller
    assert both["top"].only_first == both["lowest"].only_second


def test_a_missing_column_is_named(tmp_path):
    write_run(tmp_path, [3, 4])[0].drop(columns="js_second").to_parquet(tmp_path / "documents.parquet")
    with pytest.raises(InputError, match=r"documents.parquet has no column 'js_second'"):
        neighbours(RunResults.load(tmp_path))

import numpy as np
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.who_flips_first import who_flips_first
from tests.analysis.synthetic import write_run


def draws_of(erasures, document, ordering):
    rows = erasures[(erasures["document"] == document) & (erasures["ordering"] == ordering)]
    return [removed if removed > 0 else np.inf for removed in rows["removed"]]


def test_comparisons_equal_a_loop(tmp_path):
    sizes = np.random.default_rng(3).integers(1, 7, size=50)
    _, erasures, _ = write_run(tmp_path, sizes, never=0.4)
    comparisons = who_flips_first(RunResults.load(tmp_path))
    assert len(comparisons) == 10
    assert [c.second for c in comparisons[:4]] == ["random", "gradient", "gradient_attention", "oracle"]
    for comparison in comparisons:
        total = np.zeros(4)
        either = 0
        for document in np.flatnonzero(sizes > 1):
            first = draws_of(erasures, document, comparison.first)
            second = draws_of(erasures, document, comparison.second)
            pairs = [(a, b) for a in first for b in second]
            neither = [a == b == np.inf for a, b in pairs]
            shares = [np.mean([a < b for a, b in pairs]), 0, np.mean([a > b for a, b in pairs]), np.mean(neither)]
            shares[1] = 1 - sum(shares)
            total += shares
            either += not all(neither)
        documents = np.count_nonzero(sizes > 1)
        flips = documents - total[3]
        assert comparison.first_earlier.value == pytest.approx(total[0] / flips)
        assert comparison.equal.value == pytest.approx(total[1] / flips)
        assert comparison.second_earlier.value == pytest.approx(total[2] / flips)
        assert comparison.lead.value == pytest.approx((total[0] - total[2]) / flips)
        assert comparison.neither.value == pytest.approx(total[3] / documents)
        assert comparison.lead.n == either
        assert comparison.neither.n == documents


def test_never_is_later_than_everything_and_both_never_is_left_out(tmp_path):
    draws = {"random": 1, "attention": 1}
    removed = {"attention": [2, -1, -1, 4], "random": [-1, 4, -1, 4]}
    write_run(tmp_path, [4, 4, 4, 4], removed=removed, draws=draws)
    (comparison,) = who_flips_first(RunResults.load(tmp_path))
    shares = (comparison.first_earlier, comparison.equal, comparison.second_earlier)
    assert [share.value for share in shares] == pytest.approx([1 / 3] * 3)
    assert comparison.lead.n == 3
    assert comparison.neither.value == 1 / 4

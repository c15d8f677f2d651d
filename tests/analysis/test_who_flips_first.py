import numpy as np
import pytest

from attnprobe.analysis.intervals import unseen
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.who_flips_first import SHARES, who_flips_first
from tests.fixtures.synthetic_runs import write_run


def draws_of(erasures, document, ordering):
    rows = erasures[(erasures["document"] == document) & (erasures["ordering"] == ordering)]
    left = (rows["removed"] > 0) & (rows["removed"] < rows["n"])
    return np.where(left, rows["removed"], np.inf).tolist()


def test_comparisons_equal_a_loop(tmp_path):
    sizes = np.random.default_rng(3).integers(1, 7, size=50)
    _, erasures, _ = write_run(tmp_path, sizes, never=0.4)
    comparisons = who_flips_first(RunResults.load(tmp_path))
    assert len(comparisons) == 10
    assert [c.second for c in comparisons[:4]] == ["random", "gradient", "gradient_attention", "oracle"]
    for comparison in comparisons:
        total = np.zeros(4)
        for document in np.flatnonzero(sizes > 1):
            first = draws_of(erasures, document, comparison.first)
            second = draws_of(erasures, document, comparison.second)
            pairs = [(a, b) for a in first for b in second]
            neither = [a == b == np.inf for a, b in pairs]
            shares = [np.mean([a < b for a, b in pairs]), 0, np.mean([a > b for a, b in pairs]), np.mean(neither)]
            shares[1] = 1 - sum(shares)
            total += shares
        documents = np.count_nonzero(sizes > 1)
        found = [getattr(comparison, field) for field in SHARES]
        assert [share.value for share in found] == pytest.approx(total / documents)
        assert comparison.lead.value == pytest.approx((total[0] - total[2]) / documents)
        assert {share.n for share in [*found, comparison.lead]} == {documents}


def comparison_of(tmp_path, attention, other, name="gradient", n=4):
    """Attention against another ordering, whose rows are numbers or lists of a number a draw; documents of n items."""
    removed = {"attention": attention, name: other}
    draws = {key: np.asarray(column).reshape(len(column), -1).shape[1] for key, column in removed.items()}
    if name != "random":
        removed, draws = removed | {"random": [1] * len(attention)}, draws | {"random": 1}
    write_run(tmp_path, [n] * len(attention), removed=removed, draws=draws)
    (found,) = [
        one for one in who_flips_first(RunResults.load(tmp_path)) if (one.first, one.second) == ("attention", name)
    ]
    return found


def test_emptied_and_never_are_later_than_any_flip_and_together_neither(tmp_path):
    comparison = comparison_of(tmp_path, [2, -1, 4, -1, 4, 3], [-1, 3, 2, 4, 4, 3])
    assert [getattr(comparison, field).value for field in SHARES] == pytest.approx([1 / 6, 1 / 6, 2 / 6, 2 / 6])
    assert {getattr(comparison, field).n for field in (*SHARES, "lead")} == {6}


@pytest.mark.parametrize(("earlier", "leads"), [(3, False), (5, False), (6, True)])
def test_three_against_none_is_no_lead(tmp_path, earlier, leads):
    others = 100 - earlier
    comparison = comparison_of(tmp_path, [1] * earlier + [2] * others, [3] * earlier + [2] * others)
    assert comparison.p == pytest.approx(0.5 ** (earlier - 1))
    assert (comparison.lead.low > 0) == comparison.first_leads == leads
    assert not comparison.second_leads


def test_a_lead_over_a_random_order_needs_its_test_too(tmp_path):
    # Of five documents all assignments of signs are gone through: p is never below 1 / 16.
    comparison = comparison_of(tmp_path, [1] * 5, [[3, 3]] * 4 + [[3, 1]], "random")
    assert comparison.lead.low > 0
    assert comparison.p == pytest.approx(1 / 16)
    assert not comparison.first_leads


@pytest.mark.parametrize("n", [10, 60, 100])
def test_leads_that_are_all_alike_have_an_interval(tmp_path, n):
    for name, other in (("gradient", [2] * n), ("random", [[2, 2]] * n)):
        lead = comparison_of(tmp_path / name, [2] * n, other, name).lead
        assert (lead.low, lead.high) == pytest.approx((-unseen(n), unseen(n)))
        assert (lead.high < 0.05) == (n == 100)

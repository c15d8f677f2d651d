import numpy as np
import pytest
from scipy import stats

from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.released_draw import delta_js_pairs_as_released, released_draws, released_positions
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import mcnemar
from attnprobe.analysis.single_weights import single_flips
from tests.fixtures.synthetic_runs import write_run

SIZES = np.random.default_rng(4).integers(1, 8, size=80)
SEED = 3


def slow_cells(top_flips, other_flips, difference):
    """SingleFlips' fields of one pair."""
    return (
        top_flips,
        other_flips,
        top_flips and other_flips,
        top_flips and not other_flips,
        other_flips and not top_flips,
        not (top_flips or other_flips),
        difference < -1e-12,
        abs(difference) <= 1e-12,
    )


def pair(group, top, r):
    return slow_cells(group["flips"][top], group["flips"][r], group["js"][top] - group["js"][r])


def test_three_ways_equal_a_slow_loop(tmp_path):
    documents, _, items = write_run(tmp_path, SIZES)
    draws = released_draws(RunResults.load(tmp_path))
    assert list(draws) == ["attention", "gradient", "gradient_attention"]
    several = np.flatnonzero(SIZES > 1)
    for name, draw in draws.items():
        tops = documents[f"top_item{'' if name == 'attention' else '_' + name}"]
        drawn, expected, exact, is_top = [], [], [], []
        for document in several:
            group = items[items["document"] == document].reset_index()
            n, top = len(group), tops[document]
            r = int(np.random.default_rng([SEED, int(document)]).integers(1, n))
            drawn.append(pair(group, top, r))
            expected.append(np.mean([pair(group, top, i) for i in range(1, n)], axis=0))
            exact.append(np.mean([pair(group, top, i) for i in range(n) if i != top], axis=0))
            is_top.append(r == top)
        for estimates, rows in ((draw.drawn, drawn), (draw.expected, expected), (draw.exact, exact)):
            assert [estimate.value for estimate in estimates] == pytest.approx(np.mean(rows, axis=0).tolist())
            assert {estimate.n for estimate in estimates} == {len(several)}
        change = np.mean(expected, axis=0) - np.mean(exact, axis=0)
        assert [estimate.value for estimate in draw.difference] == pytest.approx(change.tolist(), abs=1e-12)
        assert draw.drawn.both == wilson(sum(row[2] for row in drawn), len(several))
        assert draw.r_is_top == wilson(sum(is_top), len(several))
        assert draw.test == mcnemar(*np.array(drawn, dtype=float)[:, :2].T)


def test_the_exact_way_is_that_of_the_summary_where_all_items_are_kept(tmp_path):
    write_run(tmp_path, SIZES)
    results = RunResults.load(tmp_path)
    usual = single_flips(results)
    for name, draw in released_draws(results).items():
        assert [e.value for e in draw.exact] == pytest.approx([e.value for e in usual[name]])
        assert draw.left_out == 0


def test_the_law_of_the_draw():
    documents, sizes = np.arange(6000), np.tile([2, 3, 6], 2000)
    drawn = released_positions(0, documents, sizes)
    assert drawn.min() >= 1
    for n in (2, 3, 6):
        counts = np.bincount(drawn[sizes == n], minlength=n)
        assert counts[0] == 0
        assert n == 2 or stats.chisquare(counts[1:]).pvalue > 0.001
    # i* is anywhere, so that r is i* with probability (n − 1)/n · 1/(n − 1) = 1/n: a half for two items, and so on.
    top = np.random.default_rng(1).integers(sizes)
    for n in (2, 3, 6):
        hits = int(np.sum((drawn == top)[sizes == n]))
        assert stats.binomtest(hits, 2000, 1 / n).pvalue > 0.001


def test_draws_belong_to_document_and_seed():
    documents, sizes = np.arange(200), np.full(200, 50)
    drawn = released_positions(5, documents, sizes)
    assert np.array_equal(released_positions(5, documents[::-1], sizes)[::-1], drawn)
    assert not np.array_equal(released_positions(6, documents, sizes), drawn)
    assert released_positions(5, np.array([9]), np.array([1])).tolist() == [0]


def test_only_documents_whose_items_were_kept(tmp_path):
    documents, _, items = write_run(tmp_path, SIZES)
    items[items["document"] < 30].to_parquet(tmp_path / "items.parquet")
    results = RunResults.load(tmp_path)
    draw = released_draws(results)["attention"]
    kept, several = np.count_nonzero(SIZES[:30] > 1), np.count_nonzero(SIZES > 1)
    assert draw.left_out == several - kept
    assert {estimate.n for way in draw[:4] for estimate in way} == {kept}
    inside = documents[(documents["document"] < 30) & (documents["n"] > 1)]
    assert draw.exact.other.value == pytest.approx(inside["flip_other"].mean())
    assert len(delta_js_pairs_as_released(results)) == kept


def test_no_items_at_all(tmp_path):
    _, _, items = write_run(tmp_path, [3, 4])
    items[:0].to_parquet(tmp_path / "items.parquet")
    results = RunResults.load(tmp_path)
    draw = released_draws(results)["attention"]
    assert (draw.left_out, draw.drawn.top.n) == (2, 0)
    assert np.isnan(draw.exact.other.value)
    assert delta_js_pairs_as_released(results).empty


def test_pairs_as_released(tmp_path):
    documents, _, items = write_run(tmp_path, SIZES)
    pairs = delta_js_pairs_as_released(RunResults.load(tmp_path)).set_index("document")
    for document in np.flatnonzero(SIZES > 1):
        group = items[items["document"] == document].reset_index()
        r = int(np.random.default_rng([SEED, int(document)]).integers(1, len(group)))
        top = documents["top_item"][document]
        assert pairs["delta_alpha"][document] == pytest.approx(group["weight"][top] - group["weight"][r])
        assert pairs["delta_js"][document] == pytest.approx(group["js"][top] - group["js"][r])
    assert (pairs["weight"] == 1).all()


def test_two_items_with_i_star_second_have_nothing_to_compare(tmp_path):
    documents, *_ = write_run(tmp_path, [2] * 40)
    draw = released_draws(RunResults.load(tmp_path))["attention"]
    second = int((documents["top_item"] == 1).sum())
    assert draw.r_is_top == wilson(second, 40)
    assert draw.r_is_top_expected.value == pytest.approx(second / 40)
    assert draw.drawn.zero.value >= second / 40

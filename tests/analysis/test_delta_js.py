import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.delta_js import WIDTHS, by_delta_alpha, delta_js_pairs, fine_width, weighted_quantiles
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.single_weights import single_flips
from tests.fixtures.synthetic_runs import write_run


def make(tmp_path, **options):
    sizes = np.random.default_rng(6).integers(1, 8, size=40)
    tables = write_run(tmp_path, sizes, **options)
    return RunResults.load(tmp_path), tables, sizes


def test_pairs_equal_a_loop(tmp_path):
    results, (documents, _, items), sizes = make(tmp_path)
    expected = []
    for document in np.flatnonzero(sizes > 1):
        group = items[items["document"] == document].reset_index()
        top = documents["top_item"][document]
        for r in range(len(group)):
            if r != top:
                delta_alpha = group["weight"][top] - group["weight"][r]
                delta_js = group["js"][top] - group["js"][r]
                expected.append((document, delta_alpha, delta_js, 1 / (len(group) - 1)))
    pairs = delta_js_pairs(results)
    assert np.allclose(pairs.to_numpy(), np.array(expected), atol=1e-15)
    assert pairs["weight"].sum() == pytest.approx(len(results.several))


def test_rounding_is_zero_as_in_the_documents_table(tmp_path):
    results, (_, _, items), _ = make(tmp_path)
    items["js"] *= 1 + 1e-11 * np.random.default_rng(0).standard_normal(len(items))
    items.to_parquet(tmp_path / "items.parquet")
    pairs, flips = delta_js_pairs(results), single_flips(results)["attention"]
    documents = len(results.several)
    assert pairs["weight"][pairs["delta_js"] == 0].sum() / documents == pytest.approx(flips.zero.value)
    assert pairs["weight"][pairs["delta_js"] < 0].sum() / documents == pytest.approx(flips.negative.value)


def test_only_documents_whose_items_were_kept(tmp_path):
    results, (_, _, items), sizes = make(tmp_path)
    items[items["document"] < 20].to_parquet(tmp_path / "items.parquet")
    assert delta_js_pairs(results)["document"].nunique() == np.count_nonzero(sizes[:20] > 1)


def test_bins_equal_a_loop(tmp_path):
    results, _, _ = make(tmp_path)
    pairs = delta_js_pairs(results)
    bins = by_delta_alpha(pairs)
    for i, each in enumerate(bins):
        assert (each.low, each.high) == pytest.approx((i / 20, (i + 1) / 20))
        inside = pairs[(pairs["delta_alpha"] >= each.low) & (pairs["delta_alpha"] < each.high)]
        assert each.weight == pytest.approx(inside["weight"].sum())
        assert each.documents == inside["document"].nunique()
        assert each.negative == pytest.approx(inside["weight"][inside["delta_js"] < 0].sum())
    assert sum(each.weight for each in bins) == pytest.approx(len(results.several))


def test_ends_of_bins_belong_to_the_bin_above_and_one_to_the_last():
    ends = np.arange(21) / 20
    pairs = pd.DataFrame({"document": 0, "delta_alpha": ends, "delta_js": 0.1, "weight": 1.0})
    assert [each.weight for each in by_delta_alpha(pairs)] == [1.0] * 19 + [2.0]
    assert by_delta_alpha(pairs[:0]) == []
    gap = by_delta_alpha(pairs[pairs["delta_alpha"].isin([0.0, 0.2])])
    assert [each.documents for each in gap] == [1, 0, 0, 0, 1]
    assert np.isnan(gap[1].median)


def test_weighted_quantiles_equal_repeating_the_values():
    generator = np.random.default_rng(8)
    for _ in range(100):
        size = generator.integers(1, 12)
        values, weights = generator.integers(0, 5, size).astype(float), generator.integers(1, 6, size)
        shares = (0.1, 0.25, 0.5, 0.9, 1.0)
        expected = np.quantile(np.repeat(values, weights), shares, method="inverted_cdf")
        assert weighted_quantiles(values, weights / 7, shares) == expected.tolist()
    assert np.isnan(weighted_quantiles(np.empty(0), np.empty(0), (0.5,))[0])


def test_fine_width():
    assert [fine_width(pd.DataFrame({"delta_alpha": [reach]})) for reach in (1.0, 0.45, 0.07, 1e-9)] == [
        0.05,
        0.02,
        0.005,
        WIDTHS[-1],
    ]

import numpy as np
import pytest

from attnprobe.analysis.results import ATTENTION, RunResults
from attnprobe.analysis.single_weights import attention_entropy, single_flips
from attnprobe.analysis.verdict import anything_flips
from tests.fixtures.page_runs import MadeRun, random_texts
from tests.fixtures.synthetic_runs import write_run


def test_the_two_by_two_table_equals_a_loop_over_every_pair(tmp_path):
    sizes = np.random.default_rng(4).integers(1, 8, size=40)
    documents, _, items = write_run(tmp_path, sizes)
    table = single_flips(RunResults.load(tmp_path))
    assert list(table) == ["attention", "gradient", "gradient_attention"]
    for name, flips in table.items():
        suffix = "" if name == "attention" else f"_{name}"
        cells = []
        for document in np.flatnonzero(sizes > 1):
            group = items[items["document"] == document].reset_index()
            top = documents[f"top_item{suffix}"][document]
            pairs = [
                (group["flips"][top], group["flips"][r], group["js"][top] - group["js"][r])
                for r in range(len(group))
                if r != top
            ]
            cells.append(
                np.mean(
                    [
                        (i, r, i and r, i and not r, r and not i, not i and not r, d < -1e-12, abs(d) <= 1e-12)
                        for i, r, d in pairs
                    ],
                    axis=0,
                )
            )
        assert [estimate.value for estimate in flips] == pytest.approx(np.mean(cells, axis=0))
        assert {estimate.n for estimate in flips} == {len(cells)}
        assert sum(estimate.value for estimate in flips[2:6]) == pytest.approx(1)


def test_entropy_leaves_single_items_out(tmp_path):
    write_run(tmp_path, [1, 3, 4, 1], entropy=0.25)
    estimate = attention_entropy(RunResults.load(tmp_path))
    assert estimate == pytest.approx((0.25, 0.25, 0.25, 2))


def test_an_item_with_all_the_weight_flips_nothing_while_something_is_left(tmp_path):
    MadeRun(tmp_path / "run", random_texts([2, 5, 7, 4] * 10), peak=1e5)
    results = RunResults.load(tmp_path / "run")
    emptied = results.flips_of(ATTENTION).emptied[:, 0]
    assert 0.2 < emptied.mean() < 1
    assert not anything_flips(results)
    assert all((flips.top.value, flips.other.value) == (0, 0) for flips in single_flips(results).values())
    released = results.as_released()
    assert anything_flips(released)
    assert single_flips(released)[ATTENTION].top.value == emptied.mean()


def test_the_item_with_all_the_weight_is_taken_out_of_the_others_where_it_is_not_the_first(tmp_path):
    removed = {ATTENTION: np.array([1, 1, 2, -1])}
    documents, erasures, _ = write_run(tmp_path, [4, 4, 4, 4], removed=removed)
    by_attention = erasures["ordering"] == ATTENTION
    erasures.loc[by_attention & erasures["document"].isin([0, 2]), "emptied"] = True
    erasures.to_parquet(tmp_path / "erasures.parquet")
    documents["top_item"], documents["top_item_gradient"] = 0, [1, 1, 1, 0]
    documents["flip_top"], documents["flip_top_gradient"] = True, True
    documents["flip_other"], documents["flip_other_gradient"] = 0.0, 1 / 3
    documents.to_parquet(tmp_path / "documents.parquet")
    several = RunResults.load(tmp_path).several
    assert several["flip_top"].tolist() == [False, True, True, True]
    assert several["flip_top_gradient"].tolist() == [True] * 4
    assert several["flip_other_gradient"].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    assert several["flip_other"].tolist() == [0.0] * 4

import numpy as np
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.single_weights import attention_entropy, single_flips
from tests.analysis.synthetic import write_run


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

"""Statistics of planted tables of identifiability."""

import json

import numpy as np
import pytest

from attnprobe.analysis.identifiability import identifiability
from attnprobe.analysis.identifiability_results import load_identifiability
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from tests.fixtures.identified_runs import SETTINGS, write_identified
from tests.fixtures.synthetic_runs import write_run

POOLING = [("pooling", 0, 0)]
HEADS = [("self", layer, head) for layer in range(2) for head in range(2)]
SIZES = [3, 4, 10, 20, 1, 8]
AFFINE = {
    "must_flip": [1, 0, 2, 5],
    "may_flip": [0, 1, 3, 5],
    "never_flips": [2, 3, 5, 10],
    "top_can_flip": [1, 0, 1, 1],
    "top_can_stay": [0, 1, 1, 0],
    "first_flip_earliest": [1, -1, 2, 1],
    "first_flip_latest": [1, -1, 4, -1],
    "random_earliest": [2, 3, 3, 2],
    "random_latest": [3, 4, -1, 20],
    "earlier_can_fail": [0, 1, 0, 1],
    "top_can_change": [0, 0, 1, 1],
    "kendall_tau_low": [1, 1, -0.5, -0.5],
    "kendall_tau_found": [1, 1, 0.5, 0.5],
}
REMOVED = {
    "attention": [1, -1, 3, 5, 1, 2],
    "random": np.array([[3, 4, 5, 6, 1, 2]] * 5).T,
    "oracle": [1, 2, 1, 1, 1, 1],
}


@pytest.fixture
def pooled(tmp_path):
    write_run(tmp_path, SIZES, removed=REMOVED)
    write_identified(tmp_path, POOLING, range(4), affine=AFFINE)
    return tmp_path


@pytest.fixture
def transformer(tmp_path):
    write_run(tmp_path, SIZES)
    write_identified(tmp_path, HEADS, range(4))
    return tmp_path


def found_in(folder):
    return identifiability(RunResults.load(folder))


def test_heads(transformer):
    found = found_in(transformer)
    assert (found.documents, found.sampled, found.rows, found.failed, found.seconds) == (5, 4, 16, 0, 0.125)
    assert [(row.stack, row.layer, row.head) for row in found.heads] == HEADS
    for number, row in enumerate(found.heads):
        assert (row.documents, row.sampled, row.d_v, row.d_k) == (5, 4, 4, 3)
        assert row.items.value == pytest.approx(np.mean([3, 4, 10, 20, 8]))
        assert row.nullity.value == pytest.approx(np.mean([0, 0, 5, 15, 3]))
        assert row.practical_rank.value == pytest.approx(row.rank.value - 1)
        assert row.non_unique.value == row.keys_allow.value == 3 / 5
        assert row.mean_width.value == pytest.approx(0.01 * (number + 1) * 2 / 4)
        assert row.mean_width.n == 4
        assert row.entropy_gap.value == 0.5
        assert row.top_can_change.value == (0.5 if row.head == 0 else 0)
    assert (found.items, found.first_flips) == (None, None)
    assert [row.name for row in found.conclusions] == ["top_item", "ranking"]
    assert found.settings == SETTINGS


def test_of_several_heads_a_document_counts_with_their_mean(transformer):
    top, ranking = found_in(transformer).conclusions
    assert top.documents == 4
    assert top.falls.value == pytest.approx(2 / 4 * 1 / 2)
    assert top.survives.value == pytest.approx(3 / 4)
    assert ranking.survives.value == ranking.falls.value == 0.5


def test_lengths_double(transformer):
    bins = found_in(transformer).by_length
    assert [(row.low, row.high, row.documents) for row in bins] == [(2, 7, 2), (8, 15, 2), (16, 20, 1)]
    assert [row.non_unique.value for row in bins] == [0, 1, 1]
    assert [row.nullity.value for row in bins] == [0, 4, 15]


def test_conclusions_of_an_affine_readout(pooled):
    found = found_in(pooled)
    shares = {
        row.name: (row.documents, row.survives.value, row.falls.value, row.undecided.value) for row in found.conclusions
    }
    assert shares["top_item"] == (4, 0.5, 0.5, 0)
    assert shares["ranking"] == (4, 0.5, 0.5, 0)
    assert shares["single_flip"] == (4, 0.75, 0.25, 0)
    assert shares["first_flip"] == (4, 0.5, 0.5, 0)
    # Attention is first in documents 0, 2 and 3: it always is in 0, is not in some alternative of 3, and of 2 the
    # ranges overlap.
    assert shares["earlier_than_random"] == (3, pytest.approx(1 / 3), pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_items_and_first_flips(pooled):
    found = found_in(pooled)
    assert found.items["must_flip"].value == pytest.approx(8 / 37)
    assert found.items["may_flip"].value == pytest.approx(9 / 37)
    assert sum(share.value for share in found.items.values()) == pytest.approx(1)
    flips = found.first_flips
    assert flips.earliest.value == pytest.approx(np.mean([1 / 3, 1, 2 / 10, 1 / 20]))
    assert flips.observed.value == pytest.approx(np.mean([1 / 3, 1, 3 / 10, 5 / 20]))
    assert flips.latest.value == pytest.approx(np.mean([1 / 3, 1, 4 / 10, 1]))
    assert flips.random.value == pytest.approx(np.mean([1, 1, 5 / 10, 6 / 20]))
    assert flips.smallest_set.value == pytest.approx(np.mean([1 / 3, 2 / 4, 1 / 10, 1 / 20]))


def test_rows_that_failed_are_counted_and_left_out(tmp_path):
    write_run(tmp_path, SIZES)
    write_identified(tmp_path, HEADS, range(4), failed=[0])
    found = found_in(tmp_path)
    assert (found.rows, found.failed) == (16, 4)
    assert all((row.sampled, row.documents) == (3, 5) for row in found.heads)
    assert found.conclusions[0].documents == 3


def test_tables_of_other_weights_do_not_count(tmp_path):
    write_run(tmp_path, SIZES)
    assert found_in(tmp_path) is None
    write_identified(tmp_path, HEADS, range(4), stamp="others")
    assert found_in(tmp_path) is None


def test_what_is_wrong_with_the_table_is_said(transformer):
    path = transformer / "identifiability.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:100])
    with pytest.raises(InputError, match=r"identifiability\.parquet is not a whole Parquet file"):
        found_in(transformer)
    path.write_bytes(content)
    (transformer / "weight_ranges.parquet").unlink()
    with pytest.raises(InputError, match=r"weight_ranges\.parquet cannot be read"):
        load_identifiability(RunResults.load(transformer)).weight_ranges()


@pytest.mark.parametrize("kind", ["pooled", "transformer"])
def test_a_summary_is_json(kind, request):
    folder = request.getfixturevalue(kind)
    summary = summarise(RunResults.load(folder))
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["identifiability"]["heads"][0]["d_k"] == (None if kind == "pooled" else 3)
    assert summary["identifiability"]["sampled"] == 4

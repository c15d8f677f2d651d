"""What is held against marked items by the battery: plain loops over documents, and no matter of padding."""

import numpy as np
import pytest
import torch

from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.registered_orderings import SMALLEST_SET
from attnprobe.models.pooled.closed_forms import PooledErasures
from tests.fixtures.limit_documents import draw
from tests.fixtures.rationale_files import padded, random_marks
from tests.reference import rationales as brute

SEEDS = torch.arange(9)


def erasures(documents, extra=0):
    weight, bias = documents.readout
    linear = torch.nn.Linear(weight.shape[1], len(weight), dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    values = documents.values.masked_fill(~documents.mask[..., None], 0.0)
    scores = documents.weights.log().masked_fill(~documents.mask, -torch.inf)
    mask = torch.nn.functional.pad(documents.mask, (0, extra))
    values, scores = torch.nn.functional.pad(values, (0, 0, 0, extra)), torch.nn.functional.pad(scores, (0, extra))
    return PooledErasures(values, scores.masked_fill(~mask, -torch.inf), mask, linear), mask


def battery(documents, marks, extra=0):
    batch, mask = erasures(documents, extra)
    return run_battery(batch, SEEDS, marks=padded(marks, mask))


@pytest.mark.parametrize(("kind", "classes"), [("plain", 2), ("peaked", 2), ("without mass", 3), ("large logits", 4)])
def test_every_number_is_that_of_a_plain_loop(kind, classes):
    documents = draw(3, kind, classes, 9, 6)
    sizes = documents.mask.sum(-1).numpy()
    marks = random_marks(sizes, seed=1)
    result = battery(documents, marks)
    each, first = list(documents.each()), np.cumsum(sizes) - sizes
    items = {name: [set(np.flatnonzero(mark[a : a + n] == 1).tolist()) for a, n in zip(first, sizes, strict=True)]
             for name, mark in marks.by_annotator.items()}  # fmt: skip
    orders = {name: ranks.argsort(-1) for name, ranks in result.items.items() if name.startswith("rank_")}
    for annotator, found in result.rationales.items():
        rows = found.documents.tolist()
        assert rows == [row for row in range(9) if items[annotator][row]]
        assert SMALLEST_SET not in {held.name for held in found.held}
        for place, row in enumerate(rows):
            values, weights, weight, bias = each[row]
            marked, n = items[annotator][row], len(weights)
            whole = brute.probability_without(values, weights, [], weight, bias)
            for number, held in enumerate(found.held):
                told = {name: column[number, place].item() for name, column in found.columns.items()}
                assert told["marked"] == len(marked)
                if held.kind == "best":
                    fall = brute.largest_fall(values, weights, len(marked), weight, bias)
                    assert told["comprehensiveness"] - 1e-9 <= fall <= told["at_most"] + 1e-9
                    continue
                if held.kind == "annotator":
                    chosen = items[held.name][row]
                    scores = [float(item in chosen) for item in range(n)]
                elif held.draw == 0:
                    order = orders[f"rank_{held.name}"][row][:n].tolist()
                    chosen, scores = set(order[: len(marked)]), [-order.index(item) for item in range(n)]
                else:
                    continue
                if not chosen:
                    assert all(np.isnan(told[name]) for name in ("auprc", "token_f1", "iou_f1"))
                    continue
                assert told["auprc"] == pytest.approx(brute.average_precision(scores, marked), abs=1e-9)
                assert told["token_f1"] == pytest.approx(brute.token_f1(chosen, marked), abs=1e-9)
                assert told["iou_f1"] == pytest.approx(brute.iou_f1(chosen, marked), abs=1e-9)
                if held.kind == "annotator" and held.name != annotator:
                    assert np.isnan(told["comprehensiveness"])
                    continue
                fall = whole - brute.probability_without(values, weights, chosen, weight, bias)
                assert told["comprehensiveness"] == pytest.approx(fall, abs=1e-9)


def test_padding_changes_nothing_but_by_rounding_and_marks_change_no_other_number():
    documents = draw(5, "plain", 3, 9, 6)
    marks = random_marks(documents.mask.sum(-1).numpy(), seed=2)
    short, long = battery(documents, marks), battery(documents, marks, extra=3)
    for annotator, found in short.rationales.items():
        for name, column in found.columns.items():
            torch.testing.assert_close(
                long.rationales[annotator].columns[name], column, rtol=0, atol=1e-9, equal_nan=True
            )
    without = run_battery(erasures(documents)[0], SEEDS)
    assert without.rationales == {}
    for name, column in without.documents.items():
        assert torch.equal(short.documents[name].nan_to_num(), column.nan_to_num())


def test_where_nobody_marked_anything_there_is_nothing():
    documents = draw(5, "plain", 2, 9, 6)
    marks = random_marks(documents.mask.sum(-1).numpy(), shares=(0.0, 0.0))
    assert [len(found.documents) for found in battery(documents, marks).rationales.values()] == [0, 0]

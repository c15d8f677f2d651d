import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnprobe
from attnprobe.erasure.adversaries import adversarial_attention as module
from attnprobe.erasure.adversaries.adversarial_attention import DistanceName
from tests.fixtures.limit_documents import draw
from tests.reference import adversaries as brute

KINDS = ("plain", "large logits", "tied", "peaked", "alike")
NAMES: tuple[DistanceName, ...] = get_args(DistanceName)


def cases(seeds, classes, batch, items):
    for seed in seeds:
        documents = draw(seed, KINDS[seed % len(KINDS)], classes, batch, items)
        epsilon = (0.0, 0.01, 0.05, 0.3, 1.0)[seed // len(KINDS) % 5]
        rows = [
            (weights / weights.sum(), brute.leads(values, weights, weight, bias))
            for values, weights, weight, bias in documents.each()
        ]
        yield documents, epsilon, rows


def assert_rows_are_what_they_say(found, name, epsilon, documents, rows):
    for row, mask, distance, (weights, leads) in zip(found.weights, documents.mask, found.distance, rows, strict=True):
        other = row[mask].numpy()
        assert other.min() >= 0
        assert other.sum() == pytest.approx(1, abs=1e-9)
        assert not row[~mask].any()
        assert brute.moved(weights, other, leads) <= epsilon + 1e-8
        assert brute.DISTANCES[name](weights, other) == pytest.approx(float(distance), rel=1e-7, abs=1e-7)


def assert_equals_all_vertices(seeds, classes, batch, items, width=0.0):
    for documents, epsilon, rows in cases(seeds, classes, batch, items):
        corners = [[*brute.vertices(leads, *brute.limits(weights, leads, epsilon))] for weights, leads in rows]
        for name in NAMES:
            found = attnprobe.adversarial_attention(**documents.named(), epsilon=epsilon, distance=name)
            assert_rows_are_what_they_say(found, name, epsilon, documents, rows)
            most = [
                max([brute.DISTANCES[name](weights, corner) for corner in some], default=0.0)
                for some, (weights, _) in zip(corners, rows, strict=True)
            ]
            # Limits are a little wider, by rounding, which moves a Hellinger distance near zero by its root.
            power = 2 if name == "hellinger" else 1
            np.testing.assert_allclose(found.distance**power, np.power(most, power), rtol=1e-6, atol=1e-6)
            assert (found.bound >= found.distance).all()
            assert (found.bound <= found.distance + width).all()


def test_two_classes_equal_all_vertices():
    assert_equals_all_vertices(range(25), 2, 5, 8)


def test_three_classes_equal_all_vertices():
    assert_equals_all_vertices(range(10), 3, 3, 7)


def test_four_classes_are_between_what_is_attained_and_a_bound():
    for documents, epsilon, rows in cases(range(5), 4, 2, 6):
        found = attnprobe.adversarial_attention(**documents.named(), epsilon=epsilon, distance="js")
        assert_rows_are_what_they_say(found, "js", epsilon, documents, rows)
        for row, (weights, leads) in enumerate(rows):
            corners = brute.vertices(leads, *brute.limits(weights, leads, epsilon))
            most = max([brute.js(weights, corner) for corner in corners], default=0.0)
            assert most <= found.bound[row] + 1e-6
            assert found.distance[row] <= most + 1e-6


@pytest.mark.slow
def test_many_documents_equal_all_vertices():
    assert_equals_all_vertices(range(100, 400), 2, 10, 8)
    assert_equals_all_vertices(range(100, 250), 3, 5, 8)
    assert_equals_all_vertices(range(100, 150), 4, 2, 6, width=1e-3)


def test_branch_and_bound_finds_what_looking_at_all_vertices_finds():
    """Limits that limit nothing take the other way."""
    for classes in (2, 3):
        documents = draw(classes, "plain", classes, 4, 12)
        for name in NAMES:
            exact = attnprobe.adversarial_attention(**documents.named(), epsilon=0.05, distance=name)
            bounded = attnprobe.adversarial_attention(
                **documents.named(), epsilon=0.05, distance=name, most=(1.0, 1.0), programs=2000
            )
            torch.testing.assert_close(bounded.distance, exact.distance, rtol=1e-7, atol=1e-7)
            assert (bounded.bound >= exact.distance - 1e-9).all()
            assert (bounded.bound <= exact.distance + 1e-6).all()


def test_two_items_have_a_closed_answer():
    """The one row in which the first item's weight is as far up, or down, as the prediction lets it."""
    readout = (torch.tensor([[0.0], [1.0]]).double(), torch.zeros(2).double())
    values, weights = torch.tensor([[[3.0], [-1.0]]]), torch.tensor([[0.6, 0.4]], dtype=torch.float64)
    found = attnprobe.adversarial_attention(values, weights, None, readout, 0.1, "tv")
    p = 1 / (1 + math.exp(-(0.6 * 3 - 0.4)))
    leads = [math.log(q / (1 - q)) for q in (p - 0.1, p + 0.1)]
    assert float(found.distance) == pytest.approx(max(abs((lead + 1) / 4 - 0.6) for lead in leads), abs=1e-12)


def test_nothing_moves_where_nothing_may_and_all_items_differ():
    readout = (torch.tensor([[0.0], [1.0]]).double(), torch.zeros(2).double())
    found = attnprobe.adversarial_attention(
        torch.tensor([[[3.0], [-1.0]]]).double(), torch.tensor([[0.6, 0.4]]).double(), None, readout, 0.0
    )
    assert float(found.distance) == pytest.approx(0.0, abs=1e-12)


def test_everything_may_be_attended_to_where_all_items_say_the_same():
    """The lightest word alone is the farthest."""
    readout = (torch.ones(2, 1).double(), torch.tensor([0.0, 1.0]).double())
    weights = torch.tensor([[0.7, 0.2, 0.1]]).double()
    found = attnprobe.adversarial_attention(torch.ones(1, 3, 1).double(), weights, None, readout, 0.0)
    assert found.weights.tolist() == [[0.0, 0.0, 1.0]]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS), name=st.sampled_from(NAMES))
def test_distances_grow_with_epsilon_and_padding_does_not_matter(seed, kind, name):
    documents = draw(seed, kind, 2, 3, 30)
    values, weights, mask, readout = documents.arguments()
    before = torch.zeros(3).double()
    for epsilon in (0.0, 0.02, 0.1, 0.5, 1.0):
        found = attnprobe.adversarial_attention(values, weights, mask, readout, epsilon, name)
        assert (found.distance >= before - 1e-9).all()
        before = found.distance
    assert name != "js" or (before <= math.log(2) + 1e-12).all()
    pad = torch.nn.functional.pad
    alone = attnprobe.adversarial_attention(
        pad(values[1:2], (0, 0, 0, 2)), pad(2 * weights[1:2], (0, 2)), pad(mask[1:2], (0, 2)), readout, 1.0, name
    )
    torch.testing.assert_close(alone.distance, before[1:2], rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_no_item_gains_more_than_it_may():
    documents = draw(6, "plain", 2, 6, 20)
    weights, mask = documents.weights, documents.mask
    free = attnprobe.adversarial_attention(**documents.named(), epsilon=0.1)
    limited = attnprobe.adversarial_attention(**documents.named(), epsilon=0.1, most=(2.0, 0.01))
    share = weights.masked_fill(~mask, 0.0) / weights.masked_fill(~mask, 0.0).sum(-1, keepdim=True)
    assert (limited.weights <= 2 * share + 0.01 + 1e-9).all()
    assert (limited.distance <= free.distance + 1e-9).all()
    assert (limited.distance[mask.sum(-1) > 2] > 0.01).all()


def test_kl_is_infinite_where_an_item_without_weight_can_gain():
    readout = (torch.tensor([[0.0], [1.0]]).double(), torch.zeros(2).double())
    weights = torch.tensor([[0.6, 0.4, 0.0]]).double()
    for classes in (readout, (torch.tensor([[0.0], [1.0], [0.5]]).double(), torch.zeros(3).double())):
        for last in (1.0, 90.0):
            values = torch.tensor([[[3.0], [1.0], [last]]]).double()
            found = attnprobe.adversarial_attention(values, weights, None, classes, 0.05, "kl")
            assert math.isinf(float(found.distance))
            assert math.isinf(float(found.bound))
            assert found.weights[0, 2] > 0


def test_an_item_without_weight_that_cannot_gain_leaves_kl_finite():
    """All others say the same: it could only move the prediction, which may not move."""
    values = torch.tensor([[[3.0], [3.0], [9.0]]]).double()
    weights = torch.tensor([[0.6, 0.4, 0.0]]).double()
    for rows in ([[0.0], [1.0]], [[0.0], [1.0], [0.5]]):
        readout = (torch.tensor(rows).double(), torch.zeros(len(rows)).double())
        found = attnprobe.adversarial_attention(values, weights, None, readout, 0.0, "kl")
        assert float(found.distance) == pytest.approx(math.log(1 / 0.4))


def test_documents_of_one_item_and_of_none():
    documents = draw(0, "plain", 2, 3, 4)
    documents.mask[0] = torch.tensor([True, False, False, False])
    documents.mask[1] = False
    found = attnprobe.adversarial_attention(**documents.named(), epsilon=0.5)
    assert found.distance[:2].tolist() == found.bound[:2].tolist() == [0.0, 0.0]
    assert found.weights[:2].tolist() == [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"epsilon": -0.1}, "epsilon is -0.1, but a number from 0 to 1 is needed"),
        ({"epsilon": 1.5}, "epsilon is 1.5, but a number from 0 to 1 is needed"),
        ({"epsilon": math.nan}, "epsilon is nan, but a finite number is needed"),
        ({"distance": "l2"}, "distance is 'l2', but one of js, tv, kl, hellinger is needed"),
        ({"most": (0.5, 0.0)}, "most is"),
        ({"weights": torch.zeros(2, 3)}, "weights sum to nothing in document 0"),
        ({"readout": (torch.ones(1, 1), torch.ones(1))}, "one row"),
    ],
)
def test_what_does_not_fit_is_refused(more, message):
    given = {
        "values": torch.ones(2, 3, 1),
        "weights": torch.ones(2, 3),
        "mask": None,
        "readout": (torch.ones(2, 1), torch.ones(2)),
        "epsilon": 0.1,
    }
    with pytest.raises(ValueError, match=message):
        attnprobe.adversarial_attention(**given | more)


def test_documents_too_long_for_all_vertices_are_searched(monkeypatch):
    monkeypatch.setattr(module, "EXACT_ITEMS", 5)
    documents = draw(8, "plain", 3, 3, 12, shortest=12)
    found = attnprobe.adversarial_attention(**documents.named(), epsilon=0.1)
    monkeypatch.undo()
    exact = attnprobe.adversarial_attention(**documents.named(), epsilon=0.1)
    assert (found.distance <= exact.distance + 1e-9).all()
    assert (exact.distance <= found.bound + 1e-9).all()

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnprobe
from attnprobe.base.errors import SolverError
from attnprobe.erasure.guarantees import covering_programs
from tests.fixtures.limit_documents import KINDS, draw
from tests.reference.guarantees import Subsets

CLASSES = (2, 3, 4, 5)


def numbers(kept):
    """Sets (…, items) as numbers."""
    return (np.asarray(kept) * (1 << np.arange(np.shape(kept)[-1]))).sum(-1)


def cases(seeds, batch, longest):
    for seed, (kind, classes) in zip(seeds, itertools.cycle(itertools.product(KINDS, CLASSES))):
        documents = draw(seed, kind, classes, batch, longest - seed % 3)
        yield documents, [Subsets(*one) for one in documents.each()]


def assert_equals_all_subsets(seeds, batch, longest):
    for documents, brute in cases(seeds, batch, longest):
        smallest = attnprobe.minimal_sufficient_set(*documents.arguments())
        assert smallest.count.tolist() == smallest.bound.tolist() == [each.smallest() for each in brute]
        assert smallest.kept.sum(-1).tolist() == smallest.count.tolist()
        assert not (smallest.kept & ~documents.mask).any()
        assert all(each.sufficient[kept] for each, kept in zip(brute, numbers(smallest.kept).tolist(), strict=True))
        minimal = [each.minimal() for each in brute]
        whole = [(1 << each.items) - 1 for each in brute]
        necessary = numbers(attnprobe.necessary_items(*documents.arguments())).tolist()
        assert necessary == [np.bitwise_and.reduce([every, *sets]) for every, sets in zip(whole, minimal, strict=True)]
        relevant = numbers(attnprobe.relevant_items(*documents.arguments())).tolist()
        assert relevant == [np.bitwise_or.reduce([0, *sets]) for sets in minimal]


def test_sets_equal_all_subsets():
    assert_equals_all_subsets(range(14), 6, 8)


@pytest.mark.slow
def test_sets_equal_all_subsets_of_many_documents():
    assert_equals_all_subsets(range(100, 380), 12, 9)


def test_counts_along_orderings_equal_all_subsets():
    for documents, brute in cases(range(50, 64), 5, 8):
        order = torch.rand(4, *documents.mask.shape).masked_fill(~documents.mask, -1.0).argsort(-1, descending=True)
        counts = attnprobe.sufficient_count(**documents.named(), order=order)
        for draws, found in zip(order, counts, strict=True):
            assert found.tolist() == [
                each.along(one[: each.items]) for each, one in zip(brute, draws.tolist(), strict=True)
            ]


def test_minimal_sufficient_and_minimal_flip_sets_hit_each_other():
    for documents, brute in cases(range(80, 94), 4, 7):
        kept = numbers(attnprobe.minimal_sufficient_set(*documents.arguments()).kept).tolist()
        for each, smallest in zip(brute, kept, strict=True):
            flips = each.minimal_flips()
            assert all(erased & smallest for erased in flips)
            hitting = [s for s in range(1 << each.items) if all(erased & s for erased in flips)]
            assert smallest in hitting
            assert min(map(each.size, hitting)) == each.size(smallest)


def test_programs_find_what_no_sort_finds():
    """Against each of two rivals one item suffices, against both no one item does."""
    values = torch.eye(3, dtype=torch.float64)[None]
    gains = torch.tensor([[4.0, 0.0], [0.0, 4.0], [-1.0, -1.0]], dtype=torch.float64)  # over either rival
    readout = (torch.cat([torch.zeros(1, 3).double(), -gains.T]), torch.zeros(3, dtype=torch.float64))
    smallest = attnprobe.minimal_sufficient_set(values, torch.full((1, 3), 1 / 3).double(), None, readout)
    assert smallest.count.tolist() == [2]
    assert smallest.kept.tolist() == [[True, True, False]]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS), classes=st.sampled_from(CLASSES), padding=st.integers(0, 3)
)
def test_neither_padding_nor_batching_nor_the_scale_of_weights_matters(seed, kind, classes, padding):
    documents = draw(seed, kind, classes, 3, 12)
    together = attnprobe.minimal_sufficient_set(*documents.arguments())
    for row in range(3):
        padded = torch.nn.functional.pad
        alone = attnprobe.minimal_sufficient_set(
            padded(documents.values[row : row + 1], (0, 0, 0, padding)),
            padded(documents.weights[row : row + 1] * 4, (0, padding)),
            padded(documents.mask[row : row + 1], (0, padding)),
            documents.readout,
        )
        assert alone.count.tolist() == together.count[row : row + 1].tolist()
        assert alone.kept[:, :12].tolist() == together.kept[row : row + 1].tolist()


def test_the_smallest_set_is_no_larger_than_along_any_ordering_and_suffices():
    documents = draw(3, "plain", 5, 200, 40)
    smallest = attnprobe.minimal_sufficient_set(*documents.arguments())
    requirements = documents.contributions().requirements()
    assert requirements.met_by(smallest.kept).all()
    order = attnprobe.rank_by_attention(documents.weights, documents.mask)
    counts = attnprobe.sufficient_count(**documents.named(), order=order)
    assert (smallest.count <= counts).all()
    assert (smallest.count == smallest.bound).all()


def test_one_item_has_its_closed_answer():
    """Nothing is needed where the bias decides alike, the item where it does not."""
    readout = (torch.tensor([[0.0], [1.0]]).double(), torch.tensor([0.0, -1.0]).double())
    values = torch.tensor([[[3.0]], [[-3.0]]]).double()
    smallest = attnprobe.minimal_sufficient_set(values, torch.ones(2, 1), None, readout)
    assert smallest.count.tolist() == [1, 0]
    assert attnprobe.necessary_items(values, torch.ones(2, 1), None, readout).tolist() == [[True], [False]]


def test_a_readout_of_one_row_is_refused():
    with pytest.raises(ValueError, match="one row"):
        attnprobe.minimal_sufficient_set(torch.ones(1, 2, 1), torch.ones(1, 2), None, (torch.ones(1, 1), torch.ones(1)))


def test_a_program_that_is_given_up_leaves_two_ends(monkeypatch):
    def give_up(*arguments):
        raise SolverError("no")

    monkeypatch.setattr(covering_programs, "_solve", give_up)
    documents = draw(11, "plain", 5, 300, 30)
    found = attnprobe.minimal_sufficient_set(*documents.arguments())
    assert (found.bound <= found.count).all()
    assert (found.bound < found.count).any()
    assert documents.contributions().requirements().met_by(found.kept).all()

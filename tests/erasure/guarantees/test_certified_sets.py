"""What flips decisions and what guarantees them, found by asking, against all subsets of documents made up."""

import itertools

import pytest
import torch

from attnprobe.erasure.asked_sets import Answers, AskedDocument
from attnprobe.erasure.certified_names import NO_SET
from attnprobe.erasure.guarantees import certified_sets, flip_search
from attnprobe.erasure.guarantees.certified_sets import CertifiedSets, most_asked, sets_of_document
from attnprobe.erasure.guarantees.enumerated_sets import EnumeratedSets, every_set
from attnprobe.models.pooled.closed_forms import ReplacedErasures


class Made:
    """A document whose every set decides as it was drawn, or as sums of drawn margins say, and what was asked of it."""

    def __init__(self, items, seed, share=0.3, *, adds_up=False):
        generator = torch.Generator().manual_seed(seed)
        self.sets = every_set(items)
        self.probability = torch.rand(1 << items, generator=generator, dtype=torch.float64)
        if adds_up:
            margins = torch.randn(items, generator=generator, dtype=torch.float64) + 0.4
            margins[0] += 2 * margins.sum().clamp(max=0).abs() + 1
            self.probability = (self.sets * margins).sum(-1).sigmoid()
            share = 0.5
        self.flips = self.probability < share
        self.flips[-1] = False
        self.asked = []
        self.document = AskedDocument(items, self.answer)

    def answer(self, kept):
        numbers = (kept.long() << torch.arange(kept.shape[1])).sum(-1)
        self.asked += numbers.tolist()
        return Answers(self.flips[numbers], self.probability[numbers, None])

    def flipping(self):
        """All sets whose erasure flips the decision."""
        return [frozenset(torch.nonzero(~self.sets[n])[:, 0].tolist()) for n in torch.nonzero(self.flips)[:, 0]]

    def sufficient(self):
        """All sets that keep the decision whatever else is erased, by trying all that can be left beside them."""
        flipping, items = self.flipping(), range(self.sets.shape[1])
        every = [frozenset(of) for size in range(len(items) + 1) for of in itertools.combinations(items, size)]
        return [kept for kept in every if not any(kept.isdisjoint(erased) for erased in flipping)]


def minimal(sets):
    return {one for one in sets if not any(other < one for other in sets)}


def members(row):
    return frozenset(torch.nonzero(row)[:, 0].tolist())


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
@pytest.mark.parametrize("items", range(1, 8))
def test_of_a_few_items_all_is_that_of_all_subsets(items, share):
    made = Made(items, seed=items, share=share)
    found, sufficient, flipping = sets_of_document(made.document, 1), made.sufficient(), made.flipping()
    assert found.keep_bound == int(found.kept.sum()) == min(map(len, sufficient))
    assert members(found.kept) in sufficient
    assert found.necessary == len(frozenset.intersection(*sufficient))
    assert found.flip_bound == (min(map(len, flipping)) if flipping else -1)
    assert (found.erased is None) == (not flipping)
    assert found.erased is None or members(found.erased) in flipping
    for order in itertools.islice(itertools.permutations(range(items)), 20):
        count = int(found.every.count_along(torch.tensor(order)))
        assert count == next(k for k in range(items + 1) if frozenset(order[:k]) in sufficient)
    assert sorted(made.asked) == list(range(1 << items))


@pytest.mark.parametrize("seed", range(6))
def test_minimal_sets_that_guarantee_and_that_flip_are_those_that_have_an_item_of_each_of_the_others(seed):
    made = Made(6, seed, share=0.15)
    sufficient, flipping = minimal(made.sufficient()), minimal(made.flipping())
    every = [frozenset(of) for size in range(7) for of in itertools.combinations(range(6), size)]
    for ones, others in ((sufficient, flipping), (flipping, sufficient)):
        assert ones == minimal([one for one in every if not any(one.isdisjoint(other) for other in others)])


@pytest.mark.parametrize("largest", [1, 2, 3])
@pytest.mark.parametrize("adds_up", [False, True])
def test_searches_say_no_more_than_all_subsets_do(largest, adds_up, monkeypatch):
    monkeypatch.setattr(certified_sets, "EVERY_SET", 0)
    exact = 0
    for seed in range(12):
        made = Made(9, seed, share=0.03, adds_up=adds_up)
        every = EnumeratedSets(made.flips)
        found = sets_of_document(made.document, largest)
        least, kept = every.smallest_flip(), int(every.smallest_sufficient().sum())
        assert found.every is None
        assert found.keep_bound <= kept
        assert found.keep_bound <= int(found.kept.sum())
        assert found.necessary == int(every.necessary().sum())
        if least is None:
            assert found.erased is None
            assert found.flip_bound == largest + 1
            continue
        assert found.flip_bound <= int(least.sum())
        assert found.flip_bound == min(largest + 1, int(least.sum()))
        if found.erased is not None:
            assert made.flips[int(((~found.erased).long() << torch.arange(9)).sum())]
            exact += int(found.erased.sum()) == found.flip_bound
        # Where what is kept is as little as the bound, and truly enough, it is the smallest.
        if every.sufficient[int((found.kept.long() << torch.arange(9)).sum())]:
            assert int(found.kept.sum()) >= kept
    assert exact > 0


def test_of_documents_whose_items_add_up_searches_find_the_smallest_sets(monkeypatch):
    monkeypatch.setattr(certified_sets, "EVERY_SET", 0)
    for seed in range(20):
        made = Made(10, seed, adds_up=True)
        every = EnumeratedSets(made.flips)
        found = sets_of_document(made.document, 2)
        assert int(found.kept.sum()) == found.keep_bound == int(every.smallest_sufficient().sum())
        assert every.sufficient[int((found.kept.long() << torch.arange(10)).sum())]
        least = every.smallest_flip()
        assert (found.erased is None) == (least is None)
        assert least is None or int(found.erased.sum()) == int(least.sum())


def test_a_set_that_is_known_to_flip_is_taken_where_none_smaller_is_found(monkeypatch):
    monkeypatch.setattr(certified_sets, "EVERY_SET", 0)
    made = Made(8, 0, share=0.0)  # nothing flips but what is set here
    known = torch.tensor([1, 1, 1, 0, 1, 0, 0, 0], dtype=torch.bool)
    made.flips[int(((~known).long() << torch.arange(8)).sum())] = True
    found = sets_of_document(made.document, 1, known)
    assert members(found.erased) <= members(known)
    assert found.flip_bound == 2
    assert bool((found.kept & known).any())
    assert found.keep_bound == 1


def test_no_more_sets_are_asked_for_than_is_said(monkeypatch):
    for items, largest in ((10, 1), (14, 2), (15, 1), (15, 3), (40, 2)):
        asked = []

        def answer(kept, asked=asked):
            asked.append(len(kept))
            few = kept.sum(-1) < 4
            return Answers(few, 1 - few[:, None].double() - kept[:, :1] / 10)

        sets_of_document(AskedDocument(items, answer), largest)
        assert sum(asked) <= most_asked(items, largest) + flip_search.MOST_ASKED
    assert flip_search.sizes_gone_through(400, 3) == 1
    assert flip_search.sizes_gone_through(73, 3) == 3
    assert flip_search.sizes_gone_through(74, 3) == 2
    assert flip_search.sizes_gone_through(2, 5) == 2


def test_rows_of_a_batch_hold_what_is_known_of_each_document():
    made = [Made(3, 0), Made(1, 1), Made(5, 2, share=0.0)]
    found = [sets_of_document(one.document, 1) for one in made]
    of_batch = CertifiedSets.of(torch.tensor([4, 0, 2]), found, 6)
    assert of_batch.kept.shape == of_batch.erased.shape == (3, 6)
    assert of_batch.keep_smallest.tolist() == [int(each.kept.sum()) for each in found]
    assert of_batch.flip_smallest.tolist()[2] == of_batch.flip_bound.tolist()[2] == -1
    order = torch.stack([torch.arange(6), torch.arange(6), torch.arange(6)])[None]
    expected = [int(each.every.count_along(torch.arange(each.every.items))) for each in found]
    assert of_batch.count_along(order).tolist() == [expected]
    none = CertifiedSets.of(torch.tensor([], dtype=torch.int64), [], 6)
    assert none.kept.shape == (0, 6)
    assert none.count_along(order[:, :0]).shape == (1, 0)


def test_what_is_known_to_be_smallest_is_exact_in_documents_of_any_length():
    """Where the oracle is exact nothing is *between*, however many items there are; sets below it do not flip."""
    torch.manual_seed(0)
    values, scores, readout = torch.randn(6, 20, 4).double() * 3, torch.randn(6, 20).double(), torch.nn.Linear(4, 3)
    stand_in = readout.double().bias.detach().expand(6, -1)
    batch = ReplacedErasures(values, scores, torch.ones(6, 20, dtype=torch.bool), readout, stand_in)
    documents = torch.arange(6)
    found = batch.certified_sets(documents, 1, torch.zeros(6, 20, dtype=torch.bool))
    of_oracle = (batch.smallest_set() >= 0).sum(-1)
    known = torch.where(of_oracle > 0, of_oracle, NO_SET)
    assert torch.equal(found.flip_bound, known)
    assert torch.equal(found.flip_smallest, known)
    assert len(known.unique()) > 2
    flips = known != NO_SET
    sure = batch.first_flips((~found.erased).int().argsort(dim=-1, stable=True)[None])["removed"][0]
    assert torch.equal(sure[flips], known[flips])

"""What training for erasure draws: uniform numbers of items, of half the documents, whoever shares their batch."""

import pytest
import torch
from scipy import stats

from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import BY_DEFAULT

DOCUMENTS = 40_000
SEEDS = torch.randint(-(2**62), 2**62, (DOCUMENTS,), generator=torch.Generator().manual_seed(0))


def uniform(counts):
    """The p-value of counts that are to be the same."""
    return stats.chisquare(counts).pvalue


@pytest.mark.parametrize("items", [1, 2, 7])
def test_every_number_of_erased_items_is_as_likely_and_so_is_every_set_of_that_size(items):
    erased = Masking.drawn(SEEDS, 0, BY_DEFAULT).erased(torch.ones(DOCUMENTS, items, dtype=torch.bool))
    number = erased.sum(-1)
    assert uniform(torch.bincount(number, minlength=items + 1)) > 0.001
    for size in range(1, items):
        sets = (erased[number == size] * 2 ** torch.arange(items)).sum(-1)
        _, counts = sets.unique(return_counts=True)
        assert len(counts) == len(list(torch.combinations(torch.arange(items), size)))
        assert uniform(counts) > 0.001


def test_half_of_a_batch_is_masked_and_of_an_odd_one_a_coin_says_which_half():
    masking = Masking.drawn(SEEDS, 3, BY_DEFAULT)
    sizes = {2: [], 7: [], 1: []}
    for batch, found in sizes.items():
        for rows in torch.split(torch.arange(DOCUMENTS // 20), batch)[:-1]:
            found.append(int((masking.some(rows).half_of_batch().shares > 0).sum()))
    assert set(sizes[2]) == {1}
    assert set(sizes[7]) == {3, 4}
    assert set(sizes[1]) == {0, 1}
    for batch in (7, 1):
        assert stats.binomtest(sizes[batch].count(batch // 2), len(sizes[batch])).pvalue > 0.001
    whole = int((masking.half_of_all().shares == 0).sum())
    assert stats.binomtest(whole, DOCUMENTS).pvalue > 0.001


def test_what_is_left_whole_has_nothing_to_do_with_the_share():
    masking = Masking.drawn(SEEDS, 0, BY_DEFAULT)
    for half in (masking.half_of_all(), masking.half_of_batch()):
        assert stats.kstest(half.shares[half.shares > 0].numpy(), "uniform").pvalue > 0.001


def test_a_documents_draws_are_its_own():
    masking = Masking.drawn(SEEDS[:50], 0, BY_DEFAULT)
    wide, narrow = torch.ones(50, 12, dtype=torch.bool), torch.ones(50, 5, dtype=torch.bool)
    together = masking.erased(wide)
    rows = torch.arange(49, -1, -7)
    alone = Masking.drawn(SEEDS[:50][rows], 0, BY_DEFAULT)
    assert torch.equal(alone.erased(narrow[rows]), together[rows, :5])
    assert torch.equal(masking.some(rows).erased(wide[rows]), together[rows])
    padded = wide & (torch.arange(12) < 5)
    assert torch.equal(masking.erased(padded), together & padded)
    assert not torch.equal(Masking.drawn(SEEDS[:50], 1, BY_DEFAULT).erased(wide), together)

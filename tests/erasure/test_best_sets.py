"""The fall without a set of items, and the largest one of any set of a size, against erasing every set."""

import itertools

import pytest
import torch

from attnprobe.erasure.best_sets import largest_falls
from attnprobe.erasure.contributions import Contributions
from attnprobe.models.pooled.closed_forms import PooledErasures
from tests.fixtures.limit_documents import KINDS, draw
from tests.reference import rationales as brute


def drawn():
    """Documents of all kinds, of two to four classes."""
    for seed, (kind, classes) in enumerate(itertools.product(KINDS, (2, 3, 4))):
        yield classes, draw(seed, kind, classes, 4, 6, shortest=1)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_no_set_of_a_size_makes_the_probability_fall_further_and_one_makes_it_fall_so_far(share):
    for classes, documents in drawn():
        sizes = documents.mask.sum(-1)
        count = (share * sizes).ceil().long().clamp(min=1)
        contributions = Contributions(*documents.arguments())
        found = largest_falls(contributions, documents.values, documents.readout, torch.arange(4), count)
        for row, one in enumerate(documents.each()):
            fall = brute.largest_fall(one[0], one[1], int(count[row]), *one[2:])
            attained, most = found[row].tolist()
            assert attained - 1e-12 <= fall <= most + 1e-12
            if classes == 2:
                assert most - attained < 1e-9
            assert most - attained < 0.2, "several rivals: certified between, and not far apart"


def test_some_documents_of_a_batch_are_found_as_in_all():
    _, documents = next(drawn())
    contributions, count = Contributions(*documents.arguments()), documents.mask.sum(-1).clamp(max=2)
    of_all = largest_falls(contributions, documents.values, documents.readout, torch.arange(4), count)
    rows = torch.tensor([3, 1])
    part = largest_falls(contributions, documents.values, documents.readout, rows, count[rows])
    torch.testing.assert_close(part, of_all[rows], rtol=0, atol=1e-12)


def readout(documents):
    weight, bias = documents.readout
    linear = torch.nn.Linear(weight.shape[1], len(weight), dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    return linear


def test_the_probability_without_sets_is_that_of_erasing_them():
    generator = torch.Generator().manual_seed(0)
    for _, documents in drawn():
        values = documents.values.masked_fill(~documents.mask[..., None], 0.0)
        scores = documents.weights.log().masked_fill(~documents.mask, -torch.inf)
        erasures = PooledErasures(values, scores, documents.mask, readout(documents))
        rows = torch.tensor([2, 0, 3])
        erased = torch.rand(5, 3, 6, generator=generator) < 0.5
        erased[0] = True
        found = erasures.probability_without(erased, rows)
        each = list(documents.each())
        for place, row in enumerate(rows.tolist()):
            for which in range(5):
                items = [item for item in range(len(each[row][1])) if erased[which, place, item]]
                expected = brute.probability_without(each[row][0], each[row][1], items, *each[row][2:])
                assert found[which, place].item() == pytest.approx(expected, abs=1e-9)

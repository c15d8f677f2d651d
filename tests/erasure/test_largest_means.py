import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnprobe.erasure import aopc_limits as limits_module
from attnprobe.erasure.aopc_limits import Certainty, limits_of
from attnprobe.erasure.largest_means import Rows, largest_means
from tests.fixtures.limit_documents import draw


def means_of_all_sets(mass, terms, size, forced):
    """Of one row."""
    for items in itertools.combinations(range(len(mass)), size):
        kept = torch.zeros(len(mass), dtype=torch.bool)
        kept[list(items)] = True
        if not (kept & (forced < 0)).any() and not (~kept & (forced > 0)).any():
            yield ((mass * terms)[kept].sum() / mass[kept].sum()).item()


@given(st.integers(0, 2**32), st.sampled_from(["plain", "tied", "peaked", "alike"]))
@settings(max_examples=25)
def test_the_largest_mean_is_that_of_the_best_set(seed, kind):
    generator = torch.Generator().manual_seed(seed)
    mass = torch.rand(6, 7, generator=generator, dtype=torch.float64)
    terms = torch.randn(6, 7, generator=generator, dtype=torch.float64)
    if kind == "tied":
        mass, terms = 0.5 ** (4 * mass).round(), terms.round()
    if kind == "peaked":
        mass = mass**80
    if kind == "alike":
        terms = terms[:, :1].expand(-1, 7).clone()
    forced = torch.tensor([0.0, 0, 0, 0, torch.inf, 0, -torch.inf]).double().repeat(6, 1)
    rows = Rows(mass, terms, torch.arange(1, 7), forced)
    start = torch.randn(6, generator=generator, dtype=torch.float64)
    found = largest_means(rows, start)
    assert (found.members.sum(-1) == rows.size).all()
    for row in range(6):
        best = max(means_of_all_sets(mass[row], terms[row], int(rows.size[row]), forced[row]))
        kept = found.members[row]
        own = ((mass * terms)[row][kept].sum() / mass[row][kept].sum()).item()
        assert own == pytest.approx(found.mean[row].item(), rel=1e-12, abs=1e-12)
        assert own <= best + 1e-12
        assert best <= found.bound[row].item() + 1e-12
        assert found.bound[row].item() == pytest.approx(best, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("seed", "row"), [(3, 34), (7, 10)])
def test_repeated_items_are_taken_in_order(seed, row):
    """Documents whose items come several times, which would be tried in every order of the copies."""
    documents = draw(seed, "repeated", 2, 40, 13, shortest=9)
    scores = documents.scores()
    rounding = limits_module.rounding_of(scores, documents.values, documents.readout)
    searched, exact = limits_of(scores, rounding, exact_items=0), limits_of(scores, rounding)
    assert {*searched.certainty()[0], *searched.certainty()[1]} == {Certainty.EXACT}
    for limit, other in zip(searched, exact, strict=True):
        torch.testing.assert_close(limit[row], other[row], rtol=0, atol=1e-9)

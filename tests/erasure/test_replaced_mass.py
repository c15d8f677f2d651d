"""Closed forms where a vector takes the mass that is lost, against every set of items, erased one by one."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from attnprobe.erasure.contributions import Contributions
from attnprobe.erasure.curves import curves_of_decision
from attnprobe.erasure.kept_scores import ReplacedScores
from attnprobe.erasure.replaced_mass import ReplacedMass

CLASSES, ITEMS = 3, 9
SETS = (np.arange(1 << ITEMS)[:, None] >> np.arange(ITEMS)) % 2 == 1
"""True for what is erased (sets, items)."""


class Cases(NamedTuple):
    """Documents of 1 to 9 items, weights and logits dyadic, so that ties are exact and common."""

    weights: torch.Tensor
    values: torch.Tensor
    bias: torch.Tensor
    mask: torch.Tensor
    stand_ins: torch.Tensor

    @property
    def contributions(self):
        return Contributions(self.values, self.weights, self.mask, (torch.eye(CLASSES, dtype=torch.float64), self.bias))


def cases(documents, seed, stand_ins=1):
    generator = torch.Generator().manual_seed(seed)

    def whole(low, high, *shape):
        return torch.randint(low, high, shape, generator=generator).double()

    mask = torch.arange(ITEMS) < torch.randint(1, ITEMS + 1, (documents, 1), generator=generator)
    weights = (whole(0, 5, documents, ITEMS) * 2.0 ** -whole(0, 12, documents, ITEMS)).masked_fill(~mask, 0.0)
    weights[:, 0] += weights.sum(-1) == 0
    values = whole(-3, 4, documents, ITEMS, CLASSES)
    return Cases(weights, values, whole(-1, 2, CLASSES), mask, whole(-3, 4, stand_ins, documents, CLASSES))


def by_hand(of, stand_in, erased):
    """Logits times all weight (sets, documents, classes) after erasing sets (sets, [documents,] items)."""
    terms = of.weights[..., None] * (of.values + of.bias)
    erased = torch.as_tensor(erased)
    erased = (erased[:, None] if erased.dim() == 2 else erased) & of.mask
    lost = (of.weights * erased).sum(-1)
    return torch.einsum("sdi,dic->sdc", (~erased).double(), terms) + lost[..., None] * stand_in


def decided(logits):
    """The first of the largest, as numpy has it."""
    return np.argmax(logits.numpy(), axis=-1)


@pytest.mark.parametrize("documents", [500, pytest.param(5000, marks=pytest.mark.slow)])
def test_the_smallest_set_is_that_of_all_sets(documents):
    of = cases(documents, seed=0)
    smallest = ReplacedMass(of.contributions, of.stand_ins).minimal_flip_sets()
    flips = decided(by_hand(of, of.stand_ins[0], SETS)) != of.contributions.decision.numpy()
    sizes = (SETS[:, None] & of.mask.numpy()).sum(-1)
    expected = np.where(flips, sizes, ITEMS + 1).min(0)
    np.testing.assert_array_equal(smallest.count[0].numpy(), np.where(expected > ITEMS, -1, expected))
    found = smallest.count[0] > 0
    assert documents / 5 < int(found.sum()) < documents * 0.9
    assert torch.equal(smallest.erased[0].sum(-1), smallest.count[0].clamp(min=0))
    after = decided(by_hand(of, of.stand_ins[0], smallest.erased))[0]
    assert (after != of.contributions.decision.numpy())[found.numpy()].all()
    # Nothing is left where every smallest set takes all that has weight.
    left = (of.weights.numpy() * ~(SETS[:, None] & of.mask.numpy())).sum(-1) > 0
    with_something = (flips & left & (sizes == expected)).any(0)
    np.testing.assert_array_equal(smallest.emptied[0].numpy()[found.numpy()], ~with_something[found.numpy()])
    ranked = smallest.rank[0][found]
    assert torch.equal(ranked >= 0, smallest.erased[0][found])
    assert torch.equal(ranked.amax(-1) + 1, smallest.count[0][found])


def test_how_many_sums_are_positive_from_the_top_is_no_smallest_set():
    """Else the test above would not see the difference: what suffices when renormalising errs here."""
    of = cases(5000, seed=0)
    contributions, lead = of.contributions, ReplacedMass(of.contributions, of.stand_ins).leads[0]
    keys = contributions.margins * contributions.mass[:, None] - contributions.mass[:, None] * lead[..., None]
    keys = keys.masked_fill(~of.mask[:, None], -torch.inf).sort(-1, descending=True).values
    sums = keys.cumsum(-1) + (lead * contributions.mass.sum(-1)[:, None])[..., None]
    counted = (sums >= contributions.threshold[..., None]).sum(-1).amax(-1)
    exact = ReplacedMass(contributions, of.stand_ins).minimal_flip_sets().count[0]
    assert int(((contributions.sizes - counted != exact) & (exact > 0)).sum()) > 50


def test_every_prefix_and_every_single_erasure_is_what_it_is_by_hand():
    of = cases(400, seed=1, stand_ins=3)
    contributions, replaced = of.contributions, ReplacedMass(of.contributions, of.stand_ins)
    generator = torch.Generator().manual_seed(2)
    keys = torch.rand(2, 400, ITEMS, generator=generator).masked_fill(~of.mask, 2.0)
    order = keys.argsort(-1)
    pairs = [(0, 0), (1, 2), (1, 0), (0, 1)]
    flips = replaced.first_flip(order, pairs)
    single, logits = replaced.single_erasures(), replaced.logits_without_each()
    decision, total = contributions.decision.numpy(), of.weights.sum(-1)
    for row, (which, stand_in) in enumerate(pairs):
        rank = order[which].argsort(-1)
        prefixes = rank[None] < torch.arange(1, ITEMS + 1)[:, None, None]
        other = decided(by_hand(of, of.stand_ins[stand_in], prefixes)) != decision
        other &= np.arange(1, ITEMS + 1)[:, None] <= contributions.sizes.numpy()
        expected = np.where(other.any(0), other.argmax(0) + 1, -1)
        np.testing.assert_array_equal(flips.count[row].numpy(), expected)
        erased = (rank < flips.count[row][:, None]) & of.mask
        never = flips.count[row] < 0
        share = ((of.weights * erased).sum(-1) / total).masked_fill(never, torch.nan)
        torch.testing.assert_close(flips.mass[row], share, rtol=1e-12, atol=0, equal_nan=True)
        assert torch.equal(flips.emptied[row], ((of.weights * ~erased).sum(-1) == 0) & ~never)
    for stand_in in range(3):
        for item in range(ITEMS):
            alone = by_hand(of, of.stand_ins[stand_in], torch.arange(ITEMS)[None] == item)[0]
            expected = torch.from_numpy(decided(alone) != decision) & of.mask[:, item]
            assert torch.equal(single.flips[stand_in, :, item], expected)
            expected = alone / total[:, None]
            torch.testing.assert_close(logits[stand_in, :, :, item], expected, rtol=1e-12, atol=1e-12)
            relative = expected - expected.gather(1, contributions.decision[:, None])
            torch.testing.assert_close(single.relative_logits[stand_in, :, :, item], relative, rtol=0, atol=1e-12)


@pytest.mark.parametrize("score", ["probability", "log_probability", "logit"])
def test_scores_of_sets_and_whole_curves_are_those_by_hand(score):
    of = cases(60, seed=3)
    contributions, total = of.contributions, of.weights.sum(-1)

    def by_hand_score(erased):
        logits = by_hand(of, of.stand_ins[0], erased) / total[:, None]
        log_p = logits if score == "logit" else logits.log_softmax(-1)
        found = log_p.gather(-1, contributions.decision.expand(len(log_p), -1)[..., None]).squeeze(-1)
        return found.exp() if score == "probability" else found

    scores = ReplacedScores(contributions, score, of.stand_ins[0])
    erased = torch.from_numpy(SETS[::7])[:, None] & of.mask
    torch.testing.assert_close(scores.of_sets(~erased), by_hand_score(erased), rtol=0, atol=1e-12)
    order = torch.arange(ITEMS).expand(1, 60, -1)
    found = curves_of_decision(
        lambda name: ReplacedScores(contributions, name, of.stand_ins[0]), order, torch.arange(60)
    )._asdict()[score]
    removed = torch.arange(ITEMS + 1)[:, None, None]
    for side, sets in ((found.erased, torch.arange(ITEMS) < removed), (found.kept, torch.arange(ITEMS) >= removed)):
        torch.testing.assert_close(side[0], by_hand_score(sets & of.mask).T, rtol=0, atol=1e-12)


def test_what_remains_may_vanish_and_its_logits_with_it():
    """Renormalised, what remains decides however little it is; replaced, what stands in does: nothing jumps at 0."""
    logits = []
    for remaining in (1e-3, 1e-9, 0.0):
        weights = torch.tensor([[1 - remaining, remaining]], dtype=torch.float64)
        values = torch.tensor([[[0.0, 0.0, 0.0], [9.0, -9.0, 0.0]]], dtype=torch.float64)
        readout = (torch.eye(CLASSES, dtype=torch.float64), torch.zeros(CLASSES, dtype=torch.float64))
        of = Contributions(values, weights, None, readout)
        stand_in = torch.tensor([[[1.0, 2.0, 3.0]]], dtype=torch.float64)
        logits.append(ReplacedMass(of, stand_in).logits_without_each()[0, 0, :, 0])
        assert (logits[-1] - stand_in[0, 0]).abs().max() <= 12 * remaining
        renormalised = of.logits_without_each()[0, :, 0]
        assert renormalised.tolist() == ([9.0, -9.0, 0.0] if remaining else [0.0, 0.0, 0.0])
    assert torch.equal(logits[-1], stand_in[0, 0])


def test_where_there_never_was_any_weight_nothing_changes():
    of = Contributions(
        torch.ones(1, 2, CLASSES), torch.zeros(1, 2), None, (torch.eye(CLASSES), torch.tensor([0.0, 1.0, 0.0]))
    )
    replaced = ReplacedMass(of, torch.tensor([[[5.0, 0.0, 0.0]]], dtype=torch.float64))
    assert replaced.minimal_flip_sets().count.tolist() == [[-1]]
    assert replaced.first_flip(torch.arange(2).expand(1, 1, 2), [(0, 0)]).count.tolist() == [[-1]]
    assert not replaced.single_erasures().flips.any()
    assert ReplacedScores(of, "logit", replaced.stand_ins[0]).when_empty().tolist() == [1.0]

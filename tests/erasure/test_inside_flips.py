"""First flips inside of what a model was trained on, against erasing prefix by prefix."""

import numpy as np
import pytest
import torch
from torch import nn

from attnprobe.erasure.contributions import Contributions
from attnprobe.erasure.inside_flips import inside_flips
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.erasure.pooled_states import PooledStates
from attnprobe.erasure.state_names import FLIP_P, OUTSIDE, REMOVED_INSIDE
from attnprobe.erasure.validation_states import ValidationStates

DIM, CLASSES = 6, 3


def documents(batch, items, seed, peaked=1.0):
    """Values, scores and mask of ragged documents; one of one item, one in which most weights are 0."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(1, items + 1, (batch,), generator=generator)
    sizes[0], sizes[1] = 1, items
    scores = peaked * torch.randn(batch, items, generator=generator, dtype=torch.float64)
    scores[1, 1:] -= 2000
    values = torch.randn(batch, items, DIM, generator=generator, dtype=torch.float64)
    return values, scores, torch.arange(items) < sizes[:, None]


def states_of(of, values):
    return PooledStates(values, of.mass, of.mask, of.margins, of.threshold)


def readout(seed=5):
    torch.manual_seed(seed)
    return nn.Linear(DIM, CLASSES).double()


def step_by_step(values, scores, mask, layer, order, states):
    """``flip_p`` and ``removed_inside`` of one document, each prefix erased by itself."""
    n = int(mask.sum())
    weights = torch.softmax(scores[:n], -1)
    decision = int(layer(weights @ values[:n]).argmax())
    p_first, first_inside = torch.nan, -1
    for k in range(1, n + 1):
        left = order[k:n]
        mass = weights[left].sum()
        vector = (weights[left] / mass) @ values[left] if len(left) and mass > 0 else values.new_zeros(DIM)
        if int(layer(vector).argmax()) == decision:
            continue
        p = float(states.p_values(vector))
        p_first = p if np.isnan(p_first) else p_first
        if p >= OUTSIDE and mass > 0 and len(left):
            return p_first, k
        if mass == 0:
            break
    return p_first, first_inside


@pytest.mark.parametrize(("peaked", "spread"), [(1.0, 0.5), (4.0, 0.3)])
def test_equals_erasing_prefix_by_prefix(peaked, spread, monkeypatch):
    monkeypatch.setattr("attnprobe.erasure.inside_flips._HELD", 200)  # a few pairs at a time
    values, scores, mask = documents(60, 9, 0, peaked)
    layer = readout()
    of = Contributions(values, None, mask, layer, scores=scores)
    states = ValidationStates.of(spread * torch.randn(99, DIM, generator=torch.Generator().manual_seed(3)))
    order = rank_at_random(mask, 4, torch.arange(60))
    flip = of.first_flip(order)
    found = inside_flips(states_of(of, values), states, order, flip.count, flip.emptied)
    expected = torch.tensor(
        [[step_by_step(values[d], scores[d], mask[d], layer, each[d], states) for d in range(60)] for each in order],
        dtype=torch.float64,
    )
    torch.testing.assert_close(found[FLIP_P], expected[..., 0], equal_nan=True, atol=1e-12, rtol=0)
    assert torch.equal(found[REMOVED_INSIDE], expected[..., 1])
    later = (found[REMOVED_INSIDE] > flip.count) & (flip.count > 0)
    none = (found[REMOVED_INSIDE] < 0) & (flip.count > 0) & ~flip.emptied
    assert later.any(), "some flip inside later than outside"
    assert none.any(), "some never do"


def test_nothing_erased_has_the_documents_own_p_whoever_shares_its_batch():
    values, scores, mask = documents(30, 7, 1)
    layer = readout()
    states = states_of(Contributions(values, None, mask, layer, scores=scores), values)
    validation = ValidationStates.of(torch.randn(50, DIM, generator=torch.Generator().manual_seed(0)))
    whole = states.whole()
    weights = torch.softmax(scores.masked_fill(~mask, -torch.inf), -1)
    torch.testing.assert_close(whole, (weights[..., None] * values).sum(1))
    order = rank_at_random(mask, 2, torch.arange(30))
    rows = torch.arange(30)
    torch.testing.assert_close(states.along(order[0], rows)[:, 0], whole)
    p = validation.p_values(whole)
    for row in range(0, 30, 7):
        n = int(mask[row].sum())
        alone = values[row : row + 1, :n], None, mask[row : row + 1, :n], layer
        one = states_of(Contributions(*alone, scores=scores[row : row + 1, :n]), alone[0])
        assert torch.equal(validation.p_values(one.whole()), p[row : row + 1])

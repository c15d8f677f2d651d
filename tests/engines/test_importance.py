"""Attention, gradients and their products of an item: what a plain loop over layers, heads, rows and pieces makes."""

import itertools
import statistics

import pytest
import torch

from attnprobe.attention.calls import Place
from attnprobe.attention.layouts import Layout
from attnprobe.attention.selection import Selected
from attnprobe.attention.sites import SELF, Site
from attnprobe.engines.importance import importance
from attnprobe.engines.items import Items
from attnprobe.engines.protocol import Attended

AGGREGATES = {"mean": statistics.fmean, "max": max}
REAL = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]], dtype=torch.bool)
WORDS = torch.tensor([[0, 0, 1, 2, 2, 2], [-1, 0, 0, 1, -1, -1], [-1, -1, 0, 1, 1, -1]])


def layer(number, heads, rows, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(3, 4, rows.shape[1], 6, generator=generator, dtype=torch.float64)
    weights = scores.masked_fill(~REAL[:, None, None], -torch.inf).softmax(-1)
    gradients = torch.randn(weights.shape, generator=generator, dtype=torch.float64)
    site = Site(
        SELF, number, Place(f"layers.{number}", 0), "Attention", Layout(3, 2, 0, 4), 0, fused=False, pools=False
    )
    return Attended(Selected(site, torch.tensor(heads), "all"), rows, weights, gradients, weights > 0)


def attended():
    some = REAL.clone()
    some[:, 3] = False
    return [
        layer(0, [True, False, True, True], REAL, 0),
        layer(1, [False, True, False, False], some, 1),
        layer(2, [True] * 4, torch.ones(3, 1, dtype=torch.bool), 2),
    ]


def by_hand(layers, document, token, aggregate, of):
    """The number of a token: rows, heads and layers in turn."""
    return aggregate(
        aggregate(
            aggregate(
                of(one.weights[document, head, row, token].item(), one.gradients[document, head, row, token].item())
                for row in range(one.weights.shape[2])
                if one.rows[document, row]
            )
            for head in range(4)
            if one.selected.heads[head]
        )
        for one in layers
    )


@pytest.mark.parametrize("name", ["mean", "max"])
@pytest.mark.parametrize("of_token", [(REAL.cumsum(-1) - 1).masked_fill(~REAL, -1), WORDS], ids=["tokens", "words"])
def test_importance_is_a_plain_loop(of_token, name):
    layers, items, aggregate = attended(), Items.of(of_token), AGGREGATES[name]
    found = importance(layers, items, name)
    for document in range(3):
        totals = []
        for item in range(int(items.sizes[document])):
            tokens = (of_token[document] == item).nonzero()[:, 0].tolist()
            weights, gradients, products = (
                [by_hand(layers, document, token, aggregate, of) for token in tokens]
                for of in (lambda a, g: a, lambda a, g: g, lambda a, g: a * g)
            )
            totals.append(sum(weights))
            assert found.gradients[document, item].item() == pytest.approx(statistics.fmean(gradients))
            assert found.products[document, item].item() == pytest.approx(sum(products))
        expected = [total / sum(totals) for total in totals]
        assert found.weights[document, : len(totals)].tolist() == pytest.approx(expected)
    for numbers, row in itertools.product(found, range(3)):
        assert not numbers[row, int(items.sizes[row]) :].any()
        assert numbers.dtype == torch.float64

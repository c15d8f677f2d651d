"""Every erasure test on a batch of documents at once: all orderings, the oracle, every single erasure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from attnprobe.erasure.divergence import entropy, js_divergence, kl_divergence
from attnprobe.erasure.orderings import ORDERINGS, Evidence, orders_of, ranks

ORACLE = "oracle"
"""Name, beside those of the orderings, of the smallest set that flips the decision."""

GREEDY = "greedy"
"""Name of the ordering that asks the gradient again after each removal."""

RANK = "rank_"
"""What the columns of items begin with that hold the order that was erased, of random the first draw."""

ZERO = 1e-9
"""Two divergences that differ by at most this share of the larger one are equal: that much is rounding."""


class SingleEffects(NamedTuple):
    """What erasing each item alone does: JS divergence from the unerased output, in nats, and whether it flips.

    Both are (batch, items); padding has 0 and False.
    """

    js: Tensor
    flips: Tensor


class ReferenceFlips(NamedTuple):
    """What erasing the items of a reference (the smallest set, or the greedy ordering) does.

    Attributes:
        flips: the columns of :meth:`Erasures.first_flips`, each (batch,).
        rank: each item's 0-based place in it, −1 where it has none: behind the flip nothing was ordered (batch, items).
    """

    flips: dict[str, Tensor]
    rank: Tensor


@dataclass(frozen=True)
class Attention:
    """What a batch's attention is, one number an item.

    Attributes:
        scores: logarithms of the weights up to a constant a document (batch, items).
        weights: attention in float64, zero at padding (batch, items).
        gradients: of the decision's probability with respect to it (batch, items).
        products: gradient times attention (batch, items).
        mask: True where an item is real (batch, items).
        sizes: how many items are real (batch,).
    """

    scores: Tensor
    weights: Tensor
    gradients: Tensor
    products: Tensor
    mask: Tensor
    sizes: Tensor


class Erasures(Protocol):
    """A batch of documents that can be asked what its decisions become when items are erased."""

    @property
    def attention(self) -> Attention:
        """What orderings are made of."""
        ...

    def log_probabilities(self) -> Tensor:
        """Of the unerased documents (batch, classes), float64; their argmax is the decision."""
        ...

    def decision(self) -> Tensor:
        """The classes decided for (batch,)."""
        ...

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        ...

    def first_flips(self, order: Tensor) -> dict[str, Tensor]:
        """Where orderings (orderings, batch, items) flip the decision.

        ``removed`` (−1 for never), ``fraction`` and ``mass`` (NaN for never), ``emptied`` (whether the decision changes
        only when nothing is left), each (orderings, batch), and what else there is to say.
        """
        ...

    def references(self) -> dict[str, ReferenceFlips]:
        """By name, the smallest set that flips each decision, or the best that can be had in its place."""
        ...

    def contributions(self) -> Tensor | None:
        """Each item's weight times the logits that it would give alone (batch, classes, items), if they add up."""
        ...


@dataclass(frozen=True)
class BatteryResult:
    """What the tests gave for a batch.

    Attributes:
        documents: column name → (batch,).
        erasures: (ordering, draw) → the columns of :meth:`Erasures.first_flips`, each (batch,).
        items: column name → (batch, items).
        contributions: each item's weight times the logits that it would give alone (batch, classes, items), or None.
        mask: True where an item is real (batch, items).
    """

    documents: dict[str, Tensor]
    erasures: dict[tuple[str, int], dict[str, Tensor]]
    items: dict[str, Tensor]
    contributions: Tensor | None
    mask: Tensor


def run_battery(erasures: Erasures, seeds: Tensor) -> BatteryResult:
    """Run every test of the erasure study on a batch.

    Args:
        erasures: the batch; every document has an item.
        seeds: one integer a document, for the random orderings (batch,).
    """
    attention = erasures.attention
    evidence = Evidence(
        attention.scores, attention.weights, attention.gradients, attention.products, attention.mask, seeds
    )
    orders = orders_of(evidence)
    single = erasures.single_effects()
    references = erasures.references()
    return BatteryResult(
        documents=_document_columns(erasures, orders, single),
        erasures=_first_flips(erasures, orders)
        | {(name, 0): reference.flips for name, reference in references.items()},
        items={
            "weight": attention.weights,
            "gradient": attention.gradients,
            "js": single.js,
            "flips": single.flips,
            **{f"{RANK}{name}": ranks(order[0]).int() for name, order in orders.items()},
            **{f"{RANK}{name}": reference.rank.int() for name, reference in references.items()},
        },
        contributions=erasures.contributions(),
        mask=attention.mask,
    )


def _first_flips(erasures: Erasures, orders: dict[str, Tensor]) -> dict[tuple[str, int], dict[str, Tensor]]:
    flips = erasures.first_flips(torch.cat(list(orders.values())))
    names = [(name, draw) for name, order in orders.items() for draw in range(len(order))]
    return {name: {column: table[i] for column, table in flips.items()} for i, name in enumerate(names)}


def _document_columns(erasures: Erasures, orders: dict[str, Tensor], single: SingleEffects) -> dict[str, Tensor]:
    attention, log_p = erasures.attention, erasures.log_probabilities()
    sizes, mask, weights = attention.sizes, attention.mask, attention.weights
    log_weights = weights.log()
    weight_entropy = entropy(log_weights)
    uniform = (-sizes.double().log())[:, None].expand_as(weights).masked_fill(~mask, -torch.inf)
    columns = {
        "decision": erasures.decision(),
        "n": sizes,
        "p_decision": log_p.amax(-1).exp(),
        "output_entropy": entropy(log_p),
        "attention_entropy": weight_entropy,
        "attention_entropy_normalised": weight_entropy / sizes.double().log(),  # 0/0, NaN, for one item
        "attention_kl_uniform": kl_divergence(log_weights, uniform),
        "attention_js_uniform": js_divergence(log_weights, uniform),
    }
    columns |= _at_ranks(orders["attention"][0], sizes, weights, *single)
    for name, order in orders.items():
        if not ORDERINGS[name].random:
            suffix = "" if name == "attention" else f"_{name}"
            columns |= _top_against_others(order[0, :, 0], weights, mask, *single, suffix)
    return columns


def _at_ranks(order: Tensor, sizes: Tensor, weights: Tensor, js: Tensor, flips: Tensor) -> dict[str, Tensor]:
    """Erasing alone the item with the second-largest, the smallest and the second-smallest weight; NaN for one item."""
    columns = {}
    ranks = {"second": torch.ones_like(sizes), "lowest": sizes - 1, "second_lowest": sizes - 2}
    for name, rank in ranks.items():
        item = order.gather(1, rank.clamp(0, order.shape[1] - 1)[:, None])
        for column, table in (("weight", weights), ("js", js), ("flip", flips.double())):
            columns[f"{column}_{name}"] = table.gather(1, item).squeeze(1).masked_fill(sizes < 2, torch.nan)
    return columns


def _top_against_others(
    top: Tensor, weights: Tensor, mask: Tensor, js: Tensor, flips: Tensor, suffix: str
) -> dict[str, Tensor]:
    """Erasing the first item of an ordering alone, i*, against each other item r alone, averaged over every r."""
    items = torch.arange(mask.shape[1], device=mask.device)
    others = mask & (items != top[:, None])
    count = others.sum(-1)
    js_top = js.gather(1, top[:, None])
    difference = js_top - js
    equal = difference.abs() <= ZERO * torch.maximum(js_top, js)

    def share(which: Tensor) -> Tensor:  # 0/0, NaN, where there is no other item
        return (which & others).sum(-1) / count.double()

    return {
        f"top_item{suffix}": top,
        f"top_weight{suffix}": weights.gather(1, top[:, None]).squeeze(1),
        f"js_top{suffix}": js_top.squeeze(1),
        f"js_other{suffix}": (js * others).sum(-1) / count,
        f"delta_js_negative{suffix}": share((difference < 0) & ~equal),
        f"delta_js_zero{suffix}": share(equal),
        f"flip_top{suffix}": flips.gather(1, top[:, None]).squeeze(1),
        f"flip_other{suffix}": share(flips),
    }

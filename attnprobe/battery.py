"""Every erasure test on a batch of documents at once: all orderings, the oracle, every single erasure."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnprobe.contributions import Contributions
from attnprobe.divergence import entropy, js_divergence, kl_divergence
from attnprobe.orderings import ORDERINGS, Evidence

ORACLE = "oracle"
"""Name, beside those of the orderings, of the smallest set that flips the decision."""

ZERO = 1e-9
"""Two divergences that differ by at most this share of the larger one are equal: that much is rounding."""


@dataclass(frozen=True)
class BatteryResult:
    """What the tests gave for a batch.

    Attributes:
        documents: column name → (batch,).
        erasures: (ordering, draw) → ``removed`` (−1 for never), ``fraction``, ``mass`` (NaN), each (batch,).
        items: column name → (batch, items).
        contributions: each item's weight times the logits that it would give alone (batch, classes, items).
        mask: True where an item is real (batch, items).
    """

    documents: dict[str, Tensor]
    erasures: dict[tuple[str, int], dict[str, Tensor]]
    items: dict[str, Tensor]
    contributions: Tensor
    mask: Tensor


def run_battery(values: Tensor, scores: Tensor, mask: Tensor, readout: nn.Linear, seeds: Tensor) -> BatteryResult:
    """Run every test of the erasure study on a batch.

    Args:
        values: what the attention pools (batch, items, dim).
        scores: its pre-softmax scores (batch, items).
        mask: True where an item is real (batch, items); every document has one.
        readout: the affine rest of the model.
        seeds: one integer a document, for the random orderings (batch,).
    """
    contributions = Contributions(values, None, mask, readout, scores=scores)
    gradients = contributions.decision_gradient()
    evidence = Evidence(scores, contributions.mass, gradients, mask, seeds)
    orders = {name: ordering.rank(evidence) for name, ordering in ORDERINGS.items()}
    single = contributions.single_erasures()
    log_p = contributions.log_probabilities()
    js = js_divergence(torch.log_softmax(single.relative_logits, dim=1), log_p[:, :, None], dim=1)
    js = js.masked_fill_(~mask, 0.0)
    return BatteryResult(
        documents=_document_columns(contributions, orders, js, single.flips, log_p),
        erasures=_erasures(contributions, orders),
        items={"weight": contributions.mass, "gradient": gradients, "js": js, "flips": single.flips},
        contributions=contributions.alone * contributions.mass[:, None],
        mask=mask,
    )


def _erasures(contributions: Contributions, orders: dict[str, Tensor]) -> dict[tuple[str, int], dict[str, Tensor]]:
    flip = contributions.first_flip(torch.cat(list(orders.values())))
    names = [(name, draw) for name, order in orders.items() for draw in range(len(order))]
    results = {
        name: {"removed": flip.count[i], "fraction": flip.fraction[i], "mass": flip.mass[i]}
        for i, name in enumerate(names)
    }
    oracle = contributions.minimal_flip_set()
    never = oracle.count < 0
    results[ORACLE, 0] = {
        "removed": oracle.count,
        "fraction": (oracle.count.double() / contributions.sizes).masked_fill(never, torch.nan),
        "mass": (contributions.mass * oracle.erased).sum(-1).masked_fill(never, torch.nan),
    }
    return results


def _document_columns(
    contributions: Contributions, orders: dict[str, Tensor], js: Tensor, flips: Tensor, log_p: Tensor
) -> dict[str, Tensor]:
    sizes, mask, weights = contributions.sizes, contributions.mask, contributions.mass
    log_weights = weights.log()
    weight_entropy = entropy(log_weights)
    uniform = (-sizes.double().log())[:, None].expand_as(weights).masked_fill(~mask, -torch.inf)
    columns = {
        "decision": contributions.decision,
        "n": sizes,
        "p_decision": log_p.amax(-1).exp(),
        "output_entropy": entropy(log_p),
        "attention_entropy": weight_entropy,
        "attention_entropy_normalised": weight_entropy / sizes.double().log(),  # 0/0, NaN, for one item
        "attention_kl_uniform": kl_divergence(log_weights, uniform),
        "attention_js_uniform": js_divergence(log_weights, uniform),
    }
    columns |= _at_ranks(orders["attention"][0], sizes, weights, js, flips)
    for name, order in orders.items():
        if not ORDERINGS[name].random:
            suffix = "" if name == "attention" else f"_{name}"
            columns |= _top_against_others(order[0, :, 0], weights, mask, js, flips, suffix)
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

"""What is measured of each document: columns (batch,) out of a batch and its orderings."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from attnprobe.base.column_values import Column, Missing, Values
from attnprobe.base.errors import InputError
from attnprobe.erasure.asking import asking
from attnprobe.erasure.certified_names import NECESSARY, SUFFICIENT_BOUND, SUFFICIENT_SMALLEST
from attnprobe.erasure.divergence import entropy, js_divergence, kl_divergence
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.guarantees.smallest_sets import necessary
from attnprobe.erasure.registered_measurements import MEASURED, MEASUREMENTS, OWN_MEASUREMENTS, Measurement
from attnprobe.erasure.registered_orderings import ATTENTION, Ordering, Role

ZERO = 1e-9
"""Two divergences that differ by at most this share of the larger one are equal: that much is rounding."""

Orders = Mapping[str, Tensor]
"""What each ordering makes of a batch: permutations of the items, the real ones first (draws, batch, items)."""


def measured(batch: Erasable, orders: Orders, orderings: Mapping[str, Ordering]) -> dict[str, Tensor]:
    """The columns of every measurement that fits a batch, those of other packages behind those of this one.

    Args:
        batch: of documents.
        orders: what each ordering makes of it.
        orderings: the same orderings themselves, perhaps among others.

    Raises:
        InputError: one of another package fails, changes what it is given, or gives other columns than it declares.
    """
    columns: dict[str, Tensor] = {}
    judged = {name: of for name, of in orders.items() if orderings[name].role in (Role.EXPLANATION, Role.CONTROL)}
    for name, measurement in MEASUREMENTS.items():
        if name in OWN_MEASUREMENTS:
            columns |= measurement.measure(batch, judged if measurement.by_ordering else orders)
        else:
            columns |= _of_others(name, measurement, batch, orders)
    return columns


def measured_otherwise(batch: Erasable, orders: Orders, orderings: Mapping[str, Ordering]) -> dict[str, Tensor]:
    """The columns that hang on what is meant by erased, of a batch that is erased in otherwise.

    Args:
        batch: whose single erasures are by another way.
        orders: what each ordering makes of it.
        orderings: the same orderings themselves, perhaps among others.
    """
    judged = {name: of for name, of in orders.items() if orderings[name].role in (Role.EXPLANATION, Role.CONTROL)}
    columns: dict[str, Tensor] = {}
    for measurement in OWN_MEASUREMENTS.values():
        if measurement.by_way:
            made = measurement.measure(batch, judged if measurement.by_ordering else orders)
            columns |= {name: column for name, column in made.items() if measurement.hangs_on_way(name)}
    return columns


def _of_others(name: str, measurement: Measurement, batch: Erasable, orders: Orders) -> dict[str, Tensor]:
    """The columns of a measurement that is not of this package, as documents.parquet has them; none where it does not
    fit."""
    of = MEASUREMENTS.told(name)
    seen = [*batch.attention, *batch.single_effects()[:4], batch.log_probabilities(), *orders.values()]
    with asking(of, seen):
        if not measurement.fits(batch):
            return {}
        made: object = measurement.measure(batch, orders)
    try:
        if not isinstance(made, Mapping) or set(made) != set(measurement.columns):
            given = ", ".join(map(str, made)) if isinstance(made, Mapping) else type(made).__name__
            raise ValueError(f"it gives {given}, but a table of {', '.join(measurement.columns)} is needed")
        return {
            f"{MEASURED}{name}_{column}": _checked(column, made[column], held, batch)
            for column, held in measurement.columns.items()
        }
    except ValueError as error:
        raise InputError(f"What is registered as {of} is none: {error}.") from None


def _checked(name: str, values: object, held: Column, batch: Erasable) -> Tensor:
    """A column (batch,) in float64, NaN where a document has no value.

    Raises:
        ValueError: it is no such column; the message says why.
    """
    sizes = batch.attention.sizes
    if not isinstance(values, Tensor) or values.shape != sizes.shape:
        found = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"{type(values).__name__}"
        raise ValueError(f"its column {name} has {found}, but a tensor of shape {tuple(sizes.shape)} is needed")
    numbers = values.detach().to(sizes.device, torch.float64)
    nothing = numbers.isnan()
    may_miss = sizes < 2 if held.missing == Missing.ONE_ITEM else nothing & (held.missing == Missing.ANYWHERE)
    wrong = (nothing & ~may_miss) | (numbers.isinf() & (not held.infinite))
    wrong |= (numbers < held.low) | (numbers > held.high)
    if held.values != Values.REAL:
        wrong |= numbers != numbers.floor()
    wrong &= ~(nothing & may_miss)
    for row in wrong.nonzero()[:1, 0].tolist():
        found, document = f"{float(numbers[row]):g}", int(batch.documents[row])
        raise ValueError(f"its column {name} holds {found} for document {document}, not {held.words}")
    return numbers


def decision(batch: Erasable, orders: Orders) -> dict[str, Tensor]:
    """The decision, the number of items, and how sure the model is."""
    log_p = batch.log_probabilities()
    shares = {"left_out_share": batch.left_out_share(), "sink_share": batch.sink_share()}
    return {name: share for name, share in shares.items() if share is not None} | {
        "decision": batch.decision(),
        "n": batch.attention.sizes,
        "p_decision": batch.probability(),
        "output_entropy": entropy(log_p).reshape(len(log_p), -1).sum(-1),  # of labels that are decided each by itself
    }


def evenness(batch: Erasable, orders: Orders) -> dict[str, Tensor]:
    """How evenly attention is spread."""
    sizes, mask, weights = batch.attention.sizes, batch.attention.mask, batch.attention.weights
    log_weights = weights.log()
    weight_entropy = entropy(log_weights)
    uniform = (-sizes.double().log())[:, None].expand_as(weights).masked_fill(~mask, -torch.inf)
    return {
        "attention_entropy": weight_entropy,
        "attention_entropy_normalised": weight_entropy / sizes.double().log(),  # 0/0, NaN, for one item
        "attention_kl_uniform": kl_divergence(log_weights, uniform),
        "attention_js_uniform": js_divergence(log_weights, uniform),
    }


def neighbours(batch: Erasable, orders: Orders) -> dict[str, Tensor]:
    """Erasing alone the item with the second-largest, the smallest and the second-smallest weight; NaN for one item."""
    order, sizes, weights = orders[ATTENTION][0], batch.attention.sizes, batch.attention.weights
    js, flips, *_ = batch.single_effects()
    columns = {}
    ranks = {"second": torch.ones_like(sizes), "lowest": sizes - 1, "second_lowest": sizes - 2}
    for name, rank in ranks.items():
        item = order.gather(1, rank.clamp(0, order.shape[1] - 1)[:, None])
        for column, table in (("weight", weights), ("js", js), ("flip", flips.double())):
            columns[f"{column}_{name}"] = table.gather(1, item).squeeze(1).masked_fill(sizes < 2, torch.nan)
    return columns


def sufficient_set(batch: Erasable, orders: Orders) -> dict[str, Tensor]:
    """How little guarantees the decision whatever else is erased; nothing where that is not known."""
    requirements, smallest = batch.requirements(), batch.smallest_sufficient_set()
    if requirements is None or smallest is None:
        return {}
    return {
        SUFFICIENT_SMALLEST: smallest.count,
        SUFFICIENT_BOUND: smallest.bound,
        NECESSARY: necessary(requirements).sum(-1),
    }


def first_against_others(batch: Erasable, orders: Orders) -> dict[str, Tensor]:
    """Erasing the first item of each of these orderings alone against every other item alone."""
    attention, single, columns = batch.attention, batch.single_effects(), dict[str, Tensor]()
    for name, order in orders.items():
        suffix = "" if name == ATTENTION else f"_{name}"
        columns |= _top_against_others(
            order[0, :, 0], attention.weights, attention.mask, single.js, single.flips, suffix
        )
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
    unknown = js_top.squeeze(1).isnan()  # of an output that is no distribution

    def share(which: Tensor) -> Tensor:  # 0/0, NaN, where there is no other item
        return (which & others).sum(-1) / count.double()

    return {
        f"top_item{suffix}": top,
        f"top_weight{suffix}": weights.gather(1, top[:, None]).squeeze(1),
        f"js_top{suffix}": js_top.squeeze(1),
        f"js_other{suffix}": (js * others).sum(-1) / count,
        f"delta_js_negative{suffix}": share((difference < 0) & ~equal).masked_fill(unknown, torch.nan),
        f"delta_js_zero{suffix}": share(equal).masked_fill(unknown, torch.nan),
        f"flip_top{suffix}": flips.gather(1, top[:, None]).squeeze(1),
        f"flip_other{suffix}": share(flips),
    }

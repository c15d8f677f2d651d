"""Every erasure test on a batch of documents at once: all orderings, and every single erasure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.base.errors import InputError
from attnprobe.erasure.asking import asking
from attnprobe.erasure.certified_columns import CertifiedColumns, Certify, certified_columns
from attnprobe.erasure.chance import CLOSED, IN_SINGLE, RANDOM_ORDERS, place_among_random
from attnprobe.erasure.correlation_names import (
    ATTENTION_GRADIENT,
    ATTENTION_LEAVE_ONE_OUT,
    CORRELATIONS,
    GRADIENT_LEAVE_ONE_OUT,
)
from attnprobe.erasure.curve_areas import aopc, comprehensiveness
from attnprobe.erasure.curve_names import LIMIT, LIMIT_ENDS, OF_TARGET, RANDOM_COLUMNS, SCORES
from attnprobe.erasure.draw_counts import MOST_DRAWS, RANDOM_DRAWS
from attnprobe.erasure.erasable import DecisionCurves, Erasable, Erasures
from attnprobe.erasure.inside_flips import inside_flips
from attnprobe.erasure.measurements import measured
from attnprobe.erasure.orderings import check_order, completed, rank_at_random, ranks
from attnprobe.erasure.other_ways import erased_otherwise
from attnprobe.erasure.rank_correlation import kendall_tau
from attnprobe.erasure.rationale_names import RATIONALE
from attnprobe.erasure.rationales import AgainstAnnotator, against_annotators
from attnprobe.erasure.registered_orderings import (
    ORDERINGS,
    OWN,
    RANDOM,
    RANK,
    Ordering,
    Role,
    always,
    chosen_orderings,
)
from attnprobe.erasure.state_names import REMOVED_INSIDE, STATE_P
from attnprobe.erasure.validation_states import ValidationStates


class Order(NamedTuple):
    """What an ordering makes of a batch.

    Attributes:
        of_all: permutations of the items, the real ones first (draws, batch, items).
        ranked: how many of them the ordering says itself; the others follow in order of position (draws, batch).
    """

    of_all: Tensor
    ranked: Tensor


class CurvesOfDocuments(NamedTuple):
    """Whole curves of some documents of a batch.

    Attributes:
        documents: rows of the batch (documents,).
        draws: name and draw of each ordering.
        curves: of the decision's score (orderings, documents, items + 1).
    """

    documents: Tensor
    draws: list[tuple[str, int]]
    curves: DecisionCurves


@dataclass(frozen=True)
class BatteryResult:
    """What the tests gave for a batch.

    Attributes:
        documents: column name → (batch,).
        erasures: (ordering, draw) → the columns of :meth:`Erasures.first_flips`, each (batch,).
        items: column name → (batch, items).
        contributions: each item's weight times the logits that it would give alone (batch, classes, items), or None.
        mask: True where an item is real (batch, items).
        curves: of the documents that they were asked of.
        rationales: by annotator what is held against the items that are marked; empty where nobody marked any.
        otherwise: way → what ``erasures`` are by the first way; what else is measured of further ways stands in
            ``documents`` and ``items``, with the way's name behind that of the column.
    """

    documents: dict[str, Tensor]
    erasures: dict[tuple[str, int], dict[str, Tensor]]
    items: dict[str, Tensor]
    contributions: Tensor | None
    mask: Tensor
    curves: CurvesOfDocuments | None = None
    rationales: Mapping[str, AgainstAnnotator] = field(default_factory=dict)
    otherwise: Mapping[str, dict[tuple[str, int], dict[str, Tensor]]] = field(default_factory=dict)


def run_battery(
    erasures: Erasures,
    seeds: Tensor,
    documents: Tensor | None = None,
    orderings: Mapping[str, Ordering] | None = None,
    curved: Tensor | None = None,
    limited: Tensor | None = None,
    marks: Mapping[str, Tensor] | None = None,
    correlated: Tensor | None = None,
    certify: Certify | None = None,
    validation: ValidationStates | None = None,
) -> BatteryResult:
    """Run every test of the erasure study on a batch.

    Args:
        erasures: the batch; every document has an item.
        seeds: one integer a document, for what is drawn of it (batch,).
        documents: each document's number in its split (batch,); by default its row.
        orderings: by name, those to erase by; by default the usual ones.
        curved: rows of the documents whose whole curves are wanted.
        limited: rows of the documents of which it is wanted what any ordering can reach.
        marks: by annotator whether each item is marked (batch, items), as ``against_annotators`` takes it.
        correlated: rows of the documents whose attention is to be correlated with what their words do to the decision.
        certify: of which documents it is asked what flips them and what guarantees them, where that is not known.
        validation: what pooled vectors are held against, where that is known.

    Raises:
        InputError: an ordering, or a measurement, of another package makes none of the batch.
    """
    orderings = chosen_orderings() if orderings is None else orderings
    batch = Erasable(erasures, torch.arange(len(seeds), device=seeds.device) if documents is None else documents)
    orders = orders_of(batch, seeds, orderings)
    # What single items do is known first: each ordering begins with one of them.
    attention, single = batch.attention, batch.single_effects()
    flips = _first_flips(batch, orders)
    curves = _curves(batch, orders, orderings, curved)
    if curved is not None:
        among = _among_random(batch, orders, curves, seeds, curved)
        flips = {name: columns | among[name] for name, columns in flips.items()}
    inside = _inside(batch, orders, orderings, flips, validation)
    flips = {name: columns | inside.of_flips.get(name, {}) for name, columns in flips.items()}
    removed = {name: columns["removed"] for name, columns in flips.items()}
    sets = certified_columns(batch, certify, {name: order.of_all for name, order in orders.items()}, removed)
    flips = {name: columns | _along(sets, name) for name, columns in flips.items()}
    other = erased_otherwise(batch, {name: order.of_all for name, order in orders.items()}, orderings)
    return BatteryResult(
        documents=measured(batch, {name: order.of_all for name, order in orders.items()}, orderings)
        | _limits(batch, limited)
        | _correlations(batch, correlated)
        | sets.documents
        | inside.of_documents
        | other.documents,
        erasures={
            (name, draw): {column: table[draw] for column, table in columns.items()}
            for name, columns in flips.items()
            for draw in range(len(columns["removed"]))
        },
        items={
            "weight": attention.weights,
            "gradient": attention.gradients,
            "js": single.js,
            "flips": single.flips,
            **_scores_without(batch),
            **_targets_without(batch),
            **{
                f"{RANK}{name}": _places(order, flips[name]["removed"], attention.sizes)
                for name, order in orders.items()
            },
            **_sufficient_items(batch),
            **sets.items,
            **other.items,
            **{f"{RATIONALE}{name}": mark for name, mark in (marks or {}).items()},
        },
        contributions=batch.contributions(),
        mask=attention.mask,
        curves=curves,
        rationales=against_annotators(batch, _judged(orders, orderings), marks) if marks else {},
        otherwise=other.erasures,
    )


def orders_of(batch: Erasable, seeds: Tensor, orderings: Mapping[str, Ordering]) -> dict[str, Order]:
    """What every ordering that fits a batch makes of it, by name.

    Args:
        batch: of documents.
        seeds: one integer a document (batch,).
        orderings: by name; those of this package are those that it has registered.

    Raises:
        InputError: one, perhaps of another package, fails, or gives no permutations of the real items with padding
            last, or changes what it is given.
    """
    orders = {}
    for name, ordering in orderings.items():
        if name in OWN:
            if ordering.fits(batch):
                orders[name] = _checked(ordering.rank(batch, seeds), batch.attention.mask)
            continue
        made = _of_others(name, ordering, batch, seeds)
        if made is not None:
            orders[name] = made
    return orders


def _of_others(name: str, ordering: Ordering, batch: Erasable, seeds: Tensor) -> Order | None:
    """What an ordering that is not of this package makes of a batch; None where it does not fit."""
    of = ORDERINGS.told(name)
    with asking(of, [*batch.attention, *batch.single_effects()[:4], batch.log_probabilities()]):
        if not ordering.fits(batch):
            return None
        made = ordering.rank(batch, seeds)
    try:
        return _checked(made, batch.attention.mask)
    except ValueError as error:
        raise InputError(f"What is registered as {of} is none: {error}.") from None


def _checked(made: object, mask: Tensor) -> Order:
    """Orderings (draws, batch, items) that may end early, with −1, as permutations.

    Raises:
        ValueError: they are none; the message says why.
    """
    if not isinstance(made, Tensor):
        raise ValueError(f"it gives {type(made).__name__}, but a tensor is needed")
    if made.dim() != 3 or made.shape[1:] != mask.shape or not 0 < len(made) <= MOST_DRAWS:
        needed = f"(1 to {MOST_DRAWS} draws, {', '.join(map(str, mask.shape))})"
        raise ValueError(f"order has shape {tuple(made.shape)}, but {needed} is needed")
    if made.dtype != torch.int64:
        what = str(made.dtype).removeprefix("torch.")
        raise ValueError(f"order holds {what} numbers, but int64 numbers of items are needed")
    made = made.detach().to(mask.device)
    left_out = made == -1
    if not bool(left_out.any()):
        check_order(made, mask)
        return Order(made, mask.sum(-1).expand(made.shape[:2]))
    ranked = (~left_out).sum(-1)
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(made)
    behind = places >= ranked[..., None]
    if not torch.equal(left_out, behind):
        raise ValueError("order goes on behind a −1, which ends it")
    if int(made.min()) < -1 or int(made.max()) >= mask.shape[1]:
        check_order(made, mask)  # which says where
    of_all = completed(made, mask)
    if not torch.equal(of_all.masked_fill(behind, -1), made):
        raise ValueError("order names an item twice")
    check_order(of_all, mask)
    return Order(of_all, ranked)


def _judged(orders: Mapping[str, Order], orderings: Mapping[str, Ordering]) -> dict[str, Tensor]:
    """All orderings but those that are made of where decisions flip, and say nothing of what follows."""
    return {name: order.of_all for name, order in orders.items() if orderings[name].role != Role.REFERENCE}


def _curves(
    batch: Erasable, orders: dict[str, Order], orderings: Mapping[str, Ordering], documents: Tensor | None
) -> CurvesOfDocuments | None:
    if documents is None or not len(documents):
        return None
    named = _judged(orders, orderings)
    draws = [(name, draw) for name, of_all in named.items() for draw in range(len(of_all))]
    return CurvesOfDocuments(documents, draws, batch.curves(torch.cat(list(named.values())), documents))


def _among_random(
    batch: Erasable, orders: dict[str, Order], curves: CurvesOfDocuments | None, seeds: Tensor, documents: Tensor
) -> dict[str, dict[str, Tensor]]:
    """By ordering where its AOPC stands among random orders': ``RANDOM_COLUMNS``, each (draws, batch).

    Random orders are drawn for the purpose where areas have a closed form; else those of the run that have curves are
    taken. What is of no document, or has no curve, is NaN.

    Args:
        batch: of documents.
        orders: what each ordering makes of it.
        curves: of the documents, None where there are none.
        seeds: one integer a document (batch,).
        documents: rows of those that have curves (documents,).
    """
    columns = {
        name: {
            column: torch.full(order.of_all.shape[:2], torch.nan, dtype=torch.float64, device=seeds.device)
            for column in RANDOM_COLUMNS
        }
        for name, order in orders.items()
    }
    if curves is None or bool(curves.curves.probability.erased.isnan().all()):  # a number has no probability
        return columns
    draws = {name: [place for place, (each, _) in enumerate(curves.draws) if each == name] for name, _ in curves.draws}
    areas = batch.aopcs(torch.cat([orders[name].of_all[:, documents] for name in draws]), documents)
    if areas is not None:
        mask, unit = batch.attention.mask[documents], CLOSED
        own = len(orders[RANDOM].of_all) if RANDOM in orders else RANDOM_DRAWS  # which are not drawn again
        drawn: Tensor = rank_at_random(mask, own + RANDOM_ORDERS, seeds[documents])[own:]
        at_random = batch.aopcs(drawn, documents)
        assert at_random is not None, "as of the others"
    else:
        unit = IN_SINGLE
        areas = aopc(comprehensiveness(curves.curves.probability), batch.attention.sizes[documents])
        at_random = areas[draws.pop(RANDOM)]
    for name, places in draws.items():
        for column, numbers in place_among_random(areas[places], at_random, unit).items():
            columns[name][column][:, documents] = numbers
    return columns


def _limits(batch: Erasable, documents: Tensor | None) -> dict[str, Tensor]:
    """Ends of the limits of AOPC (batch,) by name, NaN of documents that they are not asked of."""
    columns: dict[str, Tensor] = {}
    if documents is None:
        return columns
    for score in SCORES:
        found = batch.aopc_limits(documents, score)
        if found is not None:
            ends = found.new_full((len(batch.documents), len(LIMIT_ENDS)), torch.nan)
            ends[documents] = found
            columns |= {f"{LIMIT}{score}_{end}": ends[:, place] for place, end in enumerate(LIMIT_ENDS)}
    return columns


def _correlations(batch: Erasable, documents: Tensor | None) -> dict[str, Tensor]:
    """Kendall's tau (batch,) by name, NaN of documents that it is not asked of."""
    if documents is None:
        return {}
    weights, mask = batch.attention.weights[documents], batch.attention.mask[documents]
    columns = {name: weights.new_full((len(batch.documents),), torch.nan) for name in CORRELATIONS}
    if not len(documents):
        return columns
    found = batch.input_effects(documents)
    if found is None:
        return {}
    columns[ATTENTION_GRADIENT][documents] = kendall_tau(weights, found.gradients, mask)
    columns[ATTENTION_LEAVE_ONE_OUT][documents] = kendall_tau(weights, found.left_out, mask)
    columns[GRADIENT_LEAVE_ONE_OUT][documents] = kendall_tau(found.gradients, found.left_out, mask)
    return columns


class _Inside(NamedTuple):
    """What is inside of what the model was trained on: by ordering columns (draws, batch), and columns (batch,)."""

    of_flips: dict[str, dict[str, Tensor]]
    of_documents: dict[str, Tensor]


def _inside(
    batch: Erasable,
    orders: dict[str, Order],
    orderings: Mapping[str, Ordering],
    flips: dict[str, dict[str, Tensor]],
    validation: ValidationStates | None,
) -> _Inside:
    """Whether first flips are; nothing where pooled vectors are held against nothing."""
    states = None if validation is None else batch.pooled_states()
    if states is None or validation is None:
        return _Inside({}, {})
    columns = {}
    for name, order in orders.items():
        found = inside_flips(states, validation, order.of_all, flips[name]["removed"], flips[name]["emptied"])
        if orderings[name].role == Role.REFERENCE:  # it ends at the flip
            found[REMOVED_INSIDE] = torch.full_like(found[REMOVED_INSIDE], torch.nan)
        columns[name] = found
    return _Inside(columns, {STATE_P: validation.p_values(states.whole())})


def _places(order: Order, removed: Tensor, sizes: Tensor) -> Tensor:
    """Each item's place in the first draw (batch, items), −1 where an ordering that ends early gives it none."""
    places, ranked, removed = ranks(order.of_all[0]), order.ranked[0], removed[0]
    last = torch.where((ranked < sizes) & (removed >= 0), removed, torch.where(ranked < sizes, ranked, len(places[0])))
    return places.masked_fill(places >= last[:, None], -1).int()


def _along(sets: CertifiedColumns, name: str) -> dict[str, Tensor]:
    """How many of an ordering's first items guarantee decisions, where that is found by asking."""
    return {"sufficient": sets.erasures[name]} if sets.erasures else {}


def _scores_without(batch: Erasable) -> dict[str, Tensor]:
    """The decision's scores with each item erased alone (batch, items), where contributions do not say them.

    NaN where there is none: a set of labels has no logit, a number that is predicted has no probability.
    """
    if batch.contributions() is not None:
        return {}
    single = batch.single_effects()
    return {
        "probability": single.probability,
        "log_probability": single.probability.log().clamp(min=torch.finfo(torch.float64).min),
        "logit": single.logit,
    }


def _targets_without(batch: Erasable) -> dict[str, Tensor]:
    """The scores of each target with each item erased alone (batch, items), by name; nothing where there are none."""
    targets = batch.single_effects().targets
    if targets is None:
        return {}
    least = torch.finfo(torch.float64).min
    return {
        f"{name}{place}": of_target.clamp(min=least)
        for name, scores in zip(OF_TARGET, targets, strict=True)
        for place, of_target in enumerate(scores)
    }


def _sufficient_items(batch: Erasable) -> dict[str, Tensor]:
    """Whether each item is in the smallest set that guarantees the decision (batch, items), where that is known."""
    smallest = batch.smallest_sufficient_set()
    return {} if smallest is None else {"sufficient": smallest.kept}


def _first_flips(batch: Erasable, orders: dict[str, Order]) -> dict[str, dict[str, Tensor]]:
    """By ordering the columns of :meth:`Erasures.first_flips`, each (draws, batch), and how many items guarantee.

    The orderings of every run are erased together, each further one by itself: so none of them is in a micro-batch
    with those, whose logits it would change by rounding.
    """
    together = [name for name in orders if name in OWN and OWN[name].fits is always]
    flips: dict[str, dict[str, Tensor]] = {}
    requirements = batch.requirements()
    for names in (together, *([name] for name in orders if name not in together)):
        table = batch.first_flips(torch.cat([orders[name].of_all for name in names]))
        sizes = [len(orders[name].of_all) for name in names]
        if requirements is not None:
            table["sufficient"] = requirements.count_along(torch.cat([orders[name].of_all for name in names]))
        parts = {column: torch.split(numbers, sizes) for column, numbers in table.items()}
        flips |= {name: {column: part[each] for column, part in parts.items()} for each, name in enumerate(names)}
    return {name: flips[name] for name in orders}

"""The orderings there are: what an ordering is, those of this package, and those that other packages offer.

An ordering says in which order a document's items are erased. This module loads no torch: names, titles and roles are
needed where results are read. Ranking functions are in ``orderings``, which is loaded when the first of them is called.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from attnprobe.base.errors import InputError
from attnprobe.base.registry import LONGEST_TITLE, Registry, is_title
from attnprobe.erasure.draw_counts import RANDOM_DRAWS

if TYPE_CHECKING:
    from torch import Tensor

    from attnprobe.erasure.erasable import Erasable

RANDOM, ATTENTION = "random", "attention"
"""The two that every run has: what attention is asked about, and what it has to beat."""

PAPER = (RANDOM, ATTENTION, "gradient", "gradient_attention")
"""The orderings of Serrano & Smith (2019): verdicts and claims are made of them alone, and so are paired documents."""

SMALLEST_SET = "oracle"
"""The ordering whose first items are the smallest set that flips the decision: exact, so that none can be earlier."""

GREEDY = "greedy"
"""The ordering that asks the gradient again after each removal: attainable, where the smallest set is not known."""

RANK = "rank_"
"""What the columns of items begin with that hold the order that was erased, of several draws the first."""

GROUP = "attnprobe.orderings"
"""The entry-point group in which packages offer orderings."""


class Role(Enum):
    """What an ordering is in a run."""

    CHANCE = "chance"
    """Knows nothing of the items: what every explanation has to beat."""

    EXPLANATION = "explanation"
    """Puts first what it says that the decision depends on."""

    CONTROL = "control"
    """Is an explanation spoilt on purpose: it is compared with attention and a random order in tests of their own."""

    REFERENCE = "reference"
    """Is made of decisions themselves, and says how early an ordering can be: explanations are held against it."""


def always(batch: Erasable) -> bool:
    """An ordering that can be made of every model."""
    return True


class ToldBefore(NamedTuple):
    """What settings say of a model and a run before there is either.

    Attributes:
        pools: whether one row of attention pools, with one linear layer behind it.
        renormalises: whether what is left after erasing is scaled to the sum that there was.
        decides_classes: whether a decision is the class of the largest logit.
    """

    pools: bool
    renormalises: bool
    decides_classes: bool


def _whatever(told: ToldBefore) -> bool:
    return True


@dataclass(frozen=True)
class Ordering:
    """A named way to order the items of documents, the first to be erased first.

    Attributes:
        title: what readers are shown, as "Gradient × attention".
        rank: makes orderings (draws, batch, items), int64, out of a batch of documents and one integer a document
            (batch,), which is the same for a document whoever shares its batch and is what anything random is to be
            made of. An ordering is a permutation of the items' numbers, the real ones first and padding last. Where
            it ends early it goes on with −1: the items that it leaves out are erased behind the others, in order.
        role: what it is in a run.
        fits: whether a batch's model is one that it can be made of; it is not asked of models in which it is not.
        description: one line on what comes first, for lists.
    """

    title: str
    rank: Callable[[Erasable, Tensor], Tensor]
    role: Role = Role.EXPLANATION
    fits: Callable[[Erasable], bool] = always
    description: str = ""


class ReferenceInWords(NamedTuple):
    """How texts tell of an ordering that others are held against.

    Attributes:
        noun: what takes so many words.
        short: the same where there is little room.
        heading: of a column of ratios to it, in LaTeX.
        of: what a number of items is held against.
        method: what it is, for readers of a paper.
    """

    noun: str
    short: str
    heading: str
    of: str
    method: str


@dataclass(frozen=True)
class OwnOrdering(Ordering):
    """An ordering of this package, of which more is known, wherever a run is read, than the run says.

    Attributes:
        method: how readers of a paper are told that items are erased by it, as "by attention weight".
        columns: of the table of items, whose product the items are ranked by; of several only where all attention is
            one row, since elsewhere they are means of several.
        smallest: whether its first items are the smallest set that flips the decision, so that none can be earlier.
        reference: how others are held against it.
        on_request: whether items are erased by it only where it is asked for.
        needs: what a model that it fits has, within a sentence: said where it is asked for by its name and does not.
        may_fit: whether it can fit a model of which so much is known: what cannot is refused before anything is made.
        colour: of curves and shades, ``#RRGGBB``; empty for one of those that any ordering may get.
        dashes: of curves, in points on and off; none where they are solid, so that curves differ in grey too.
        scores: the numbers of items (batch, items) of which the largest comes first; None where there are none.
    """

    method: str = ""
    columns: tuple[str, ...] = ()
    smallest: bool = False
    reference: ReferenceInWords | None = None
    on_request: bool = False
    needs: str = ""
    may_fit: Callable[[ToldBefore], bool] = _whatever
    colour: str = ""
    dashes: tuple[float, ...] = ()
    scores: Callable[[Erasable], Tensor] | None = None


def _fault(entry: object) -> str | None:
    if not isinstance(entry, Ordering):
        return f"it is no attnprobe.Ordering, but of the type {type(entry).__name__}"
    if not is_title(entry.title):
        return f"its title is no text of 1 to {LONGEST_TITLE} characters"
    if not isinstance(entry.role, Role):
        return "its role is none of attnprobe.Role"
    return None if callable(entry.rank) and callable(entry.fits) else "its rank and fits are no functions"


def _by_score(score: str, fits: Callable[[Erasable], bool] = always) -> dict[str, Any]:
    """How an ordering puts the largest of a number an item first: a function of a module of ``rankings``.

    Args:
        score: the module and the function, as ``leave_one_out.drop``.
        fits: as of an ordering.
    """

    def scores(batch: Erasable) -> Tensor:
        module, _, function = score.partition(".")
        found: Tensor = getattr(importlib.import_module(f"attnprobe.erasure.rankings.{module}"), function)(batch)
        return found

    def rank(batch: Erasable, seeds: Tensor) -> Tensor:
        made: Tensor = importlib.import_module("attnprobe.erasure.orderings").largest_first(scores(batch), batch)
        return made

    return {"rank": rank, "fits": fits, "scores": scores}


def _gives_by_item(batch: Erasable) -> bool:
    return batch.attention_outputs() is not None


def _layers_give_by_item(batch: Erasable) -> bool:
    return batch.layer_outputs() is not None


def _adds_up(batch: Erasable) -> bool:
    return batch.contributions() is not None


def _has_logits(batch: Erasable) -> bool:
    return batch.decides_classes


def _has_probabilities(batch: Erasable) -> bool:
    return not bool(batch.probability().isnan().any())


def _can_be_scaled(batch: Erasable) -> bool:
    return _adds_up(batch) or batch.slopes() is not None


def _has_closed_forms(batch: Erasable) -> bool:
    return batch.requirements() is not None


def _has_flow(batch: Erasable) -> bool:
    return batch.flows() is not None


def _may_be_scaled(told: ToldBefore) -> bool:
    return not told.pools or (told.renormalises and told.decides_classes)


_A_CLASS = "a decision for a class"
_IN_CLOSED_FORM = "erasing by renormalising and a decision for a class where one row of attention pools"
_ALL_LAYERS = "several layers of self-attention over the same tokens, and no other attention"
_SEEN_OUTPUTS = "values that are seen, and right behind their weighted sum a linear map of what the heads give"
"""What models need."""


def _of(name: str, **further: int) -> Callable[[Any, Any], Any]:
    """A ranking function of ``orderings``, which is imported when it is called, with what else it is told."""

    def rank(batch: Erasable, seeds: Tensor) -> Tensor:
        made: Tensor = getattr(importlib.import_module("attnprobe.erasure.orderings"), name)(batch, seeds, **further)
        return made

    return rank


ORDERINGS: Registry[Ordering] = Registry("ordering", GROUP, _fault)
"""By name, in the order in which tables have them."""

ORDERINGS.register(
    RANDOM,
    OwnOrdering(
        "Random",
        _of("random_order"),
        Role.CHANCE,
        description="items in a random order, five draws a document",
        colour="#A8A8A8",
        dashes=(4.0, 1.5),
    ),
)
ORDERINGS.register(
    ATTENTION,
    OwnOrdering(
        "Attention",
        _of("attention_order"),
        description="the largest attention weight first",
        method="by attention weight",
        columns=("weight",),
        colour="#0072B2",
        scores=lambda batch: batch.attention.weights,
    ),
)
ORDERINGS.register(
    "gradient",
    OwnOrdering(
        "Gradient",
        _of("gradient_order"),
        description="the largest gradient of the decision's probability first",
        method="by the gradient of the decision's probability with respect to the weights",
        columns=("gradient",),
        colour="#D55E00",
        scores=lambda batch: batch.attention.gradients,
    ),
)
ORDERINGS.register(
    "gradient_attention",
    OwnOrdering(
        "Gradient × attention",
        _of("product_order"),
        description="the largest gradient times attention weight first",
        method="by gradient times attention weight",
        columns=("gradient", "weight"),
        colour="#009E73",
        dashes=(5.0, 1.0, 1.0, 1.0),
        scores=lambda batch: batch.attention.products,
    ),
)
ORDERINGS.register(
    "attention_ascending",
    OwnOrdering(
        "Attention ascending",
        _of("ascending_order"),
        Role.CONTROL,
        description="the smallest attention weight first, the order in which an explanation would be erased last",
    ),
)
ORDERINGS.register(
    "runner_up_margin",
    OwnOrdering(
        "Runner-up margin",
        **_by_score("runner_up_margin.margin", _adds_up),
        description="the largest weight times what the item adds to the decision over the second class first",
        method="by what an item adds to the decision over the class that comes second",
        dashes=(3.0, 1.0),
    ),
)
ORDERINGS.register(
    "leave_one_out",
    OwnOrdering(
        "Leave one out",
        **_by_score("leave_one_out.drop_of_probability", _has_probabilities),
        description="what lowers the decision's probability most when it is erased alone first",
        method="by how far the decision's probability falls when an item is erased alone",
        on_request=True,
    ),
)
ORDERINGS.register(
    "leave_one_out_logit",
    OwnOrdering(
        "Leave one out, logit",
        **_by_score("leave_one_out.drop_of_logit", _has_logits),
        description="the same of the decision's logit",
        method="by how far the decision's logit falls when an item is erased alone",
        needs=_A_CLASS,
        may_fit=lambda told: told.decides_classes,
        on_request=True,
    ),
)
ORDERINGS.register(
    "integrated_gradients",
    OwnOrdering(
        "Integrated gradients",
        **_by_score("integrated_gradients.of_probability", _can_be_scaled),
        description="the largest gradient of the decision's probability first, integrated from no attention on",
        method="by integrated gradients of the decision's probability over the weights, from all zero on",
        needs=_IN_CLOSED_FORM,
        may_fit=_may_be_scaled,
        on_request=True,
    ),
)
ORDERINGS.register(
    "integrated_gradients_logit",
    OwnOrdering(
        "Int. gradients logit",
        **_by_score("integrated_gradients.of_logit", lambda batch: _can_be_scaled(batch) and _has_logits(batch)),
        description="the same of the decision's logit: weight times what the item gives beside the bias",
        method="by integrated gradients of the decision's logit over the weights, from all zero on",
        needs=f"{_A_CLASS}, and {_IN_CLOSED_FORM}",
        may_fit=lambda told: _may_be_scaled(told) and told.decides_classes,
        on_request=True,
    ),
)
ORDERINGS.register(
    "shapley",
    OwnOrdering(
        "Shapley value",
        **_by_score("shapley.of_logit", _has_closed_forms),
        description="the largest exact Shapley value of the decision's logit first, among all subsets of the items",
        method="by exact Shapley values of the decision's logit under erasure",
        needs="erasing by renormalising, and a decision for a class, where one row of attention pools",
        may_fit=lambda told: all(told),
        on_request=True,
    ),
)
ORDERINGS.register(
    "norm",
    OwnOrdering(
        "Norm",
        **_by_score("output_shares.norm", _gives_by_item),
        description="the longest weighted value first",
        method="by the norm of the weighted value",
        needs=_SEEN_OUTPUTS,
        on_request=True,
    ),
)
ORDERINGS.register(
    "contribution",
    OwnOrdering(
        "Output share",
        **_by_score("output_shares.contribution", _gives_by_item),
        description="the weighted value that makes up most of the attention's output first",
        method="by the weighted value's share of the attention's output",
        needs=_SEEN_OUTPUTS,
        on_request=True,
    ),
)
ORDERINGS.register(
    "value_zeroing",
    OwnOrdering(
        "Value zeroing",
        **_by_score("output_shares.value_zeroing", _layers_give_by_item),
        description="the item whose value turns the layer's output most when it is set to zero first",
        method="by how far a layer's output turns when an item's value is zero",
        needs="layers that can be run by themselves, to see what they give",
        on_request=True,
    ),
)
ORDERINGS.register(
    "rollout",
    OwnOrdering(
        "Rollout",
        **_by_score("through_layers.rollout", _has_flow),
        description="what the row that decides has most of through all layers first, half of each being its own",
        method="by attention rollout from the row that the decision is read from",
        needs=_ALL_LAYERS,
        may_fit=lambda told: not told.pools,
        on_request=True,
    ),
)
ORDERINGS.register(
    "chefer",
    OwnOrdering(
        "Attention relevance",
        **_by_score("through_layers.relevance", lambda batch: _has_flow(batch) and _has_logits(batch)),
        description="the same of attention times its gradient, where that is positive (Chefer et al. 2021)",
        method="by Chefer et al.'s relevance: attention times the gradient of the decision's logit, through all layers",
        needs=f"{_ALL_LAYERS}, and {_A_CLASS}",
        may_fit=lambda told: not told.pools and told.decides_classes,
        on_request=True,
    ),
)
ORDERINGS.register(
    "attention_gradient_sign",
    OwnOrdering(
        "Signed attention",
        **_by_score("gradient_sign.signed_attention"),
        description="the largest attention weight with a positive gradient first, with a negative one last",
        method="by the attention weight with the sign of the gradient",
        on_request=True,
    ),
)
ORDERINGS.register(
    GREEDY,
    OwnOrdering(
        "Greedy (gradient, re-ranked)",
        _of("greedy_first"),
        Role.REFERENCE,
        lambda batch: batch.greedy_order() is not None,
        "largest gradient first, ranked again after each removal; of transformers, on request",
        reference=ReferenceInWords(
            "erasing greedily by gradient",
            "erasing greedily",
            "greedy",
            "of erasing greedily",
            "erasing greedily by gradient, ranked again after each erasure",
        ),
        colour="#E69F00",
        dashes=(2.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    ),
)
ORDERINGS.register(
    SMALLEST_SET,
    OwnOrdering(
        "Smallest set (exact)",
        _of("smallest_set_first"),
        Role.REFERENCE,
        lambda batch: batch.smallest_set() is not None,
        "the smallest set whose erasure flips the decision, exactly; of affine readouts",
        smallest=True,
        reference=ReferenceInWords(
            "the smallest set that flips it",
            "the smallest set that flips it",
            "smallest",
            "of the smallest sets that flip them",
            "the smallest set that flips the decision, which is known exactly for this readout",
        ),
        colour="#222222",
        dashes=(1.0, 1.0),
    ),
)

OWN: Mapping[str, OwnOrdering] = {
    name: ordering for name, ordering in ORDERINGS.registered.items() if isinstance(ordering, OwnOrdering)
}
"""Those of this package. The colours are Okabe & Ito's (2008), which the colour-blind tell apart."""


ALL = "all"
"""Asks for every ordering that there is."""


def chosen_orderings(further: Collection[str] = (), draws: int = RANDOM_DRAWS) -> dict[str, Ordering]:
    """The orderings that documents are erased by, by name in the order of tables: the usual ones and further ones.

    One that is asked for by its name and does not fit a model raises an ``InputError`` that says what it needs, where
    it is asked whether it fits; ``all`` leaves such orderings out.

    Args:
        further: names, or ``all``.
        draws: how many random orderings a document gets.
    """
    on_request = {name for name in OWN if OWN[name].on_request}
    named = on_request.intersection(further)
    left_out = set() if ALL in further else on_request - named
    chosen = {name: _required(name) if name in named else ORDERINGS[name] for name in ORDERINGS if name not in left_out}
    if draws != RANDOM_DRAWS:
        chosen[RANDOM] = dataclasses.replace(chosen[RANDOM], rank=_of("random_order", draws=draws))
    return chosen


def cannot_be_made(names: Iterable[str], told: ToldBefore) -> str | None:
    """The first of these orderings that no such model can have; ``all`` asks for none in particular."""
    return next((name for name in names if name in OWN and not OWN[name].may_fit(told)), None)


def _required(name: str) -> Ordering:
    """An ordering of this package that is asked for by its name: what it does not fit is refused."""
    ordering = OWN[name]

    def fits(batch: Erasable) -> bool:
        if ordering.fits(batch):
            return True
        why = f": it needs {ordering.needs}" if ordering.needs else ""
        raise InputError(f"The ordering {name} cannot be made of this model{why}.")

    return dataclasses.replace(ordering, fits=fits)


def is_smallest(name: str) -> bool:
    """Whether an ordering's first items are the smallest set that flips the decision.

    >>> is_smallest("oracle"), is_smallest("attention"), is_smallest("mine")
    (True, False, False)
    """
    return name in OWN and OWN[name].smallest


def smallest_among(names: Iterable[str]) -> str | None:
    """That of these orderings whose first items are the smallest set that flips the decision; None where none is."""
    return next(filter(is_smallest, names), None)

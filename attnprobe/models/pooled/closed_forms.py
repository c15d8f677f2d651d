"""Batches of attention-pooled documents whose erasures have closed forms, in the ways of erasing that have some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from attnprobe.erasure.aopc_limits import limits_of_documents
from attnprobe.erasure.asked_sets import Answers, AskedDocument
from attnprobe.erasure.best_sets import largest_falls
from attnprobe.erasure.chance import aopc_of_orders
from attnprobe.erasure.contributions import Contributions, FirstFlip, SingleErasures
from attnprobe.erasure.curve_names import SCORES, Score
from attnprobe.erasure.curves import curves_of_decision
from attnprobe.erasure.divergence import js_divergence
from attnprobe.erasure.erasable import (
    Attention,
    DecisionCurves,
    InputEffects,
    OtherErasures,
    Pooling,
    SingleEffects,
    StandIn,
)
from attnprobe.erasure.guarantees.certified_sets import CertifiedSets, sets_of_document
from attnprobe.erasure.guarantees.requirements import Requirements
from attnprobe.erasure.kept_scores import KeptScores, ReplacedScores, ScoreName
from attnprobe.erasure.pooled_states import PooledStates
from attnprobe.erasure.replaced_mass import ReplacedMass
from attnprobe.erasure.set_by_set_limits import limits_set_by_set
from attnprobe.models.pooled.one_row import OneRow


class PooledErasures(OneRow):
    """A batch that is erased in by renormalising.

    Args:
        values: what the attention pools (batch, items, dim).
        scores: its pre-softmax scores (batch, items).
        mask: True where an item is real (batch, items).
        readout: the affine rest of the model.
        of_inputs: what the words of rows of the batch do to the decision, where that can be asked.
        otherwise: makes the same batch, erased in further ways, of what its items contribute.
    """

    def __init__(
        self,
        values: Tensor,
        scores: Tensor,
        mask: Tensor,
        readout: nn.Linear,
        of_inputs: Callable[[Tensor], InputEffects] | None = None,
        otherwise: Callable[[Contributions], Sequence[OtherErasures]] | None = None,
    ) -> None:
        self._scores, self._values, self._readout, self._of_inputs = scores, values, readout, of_inputs
        self._otherwise = otherwise
        self._contributions = Contributions(values, None, mask, readout, scores=scores)

    @cached_property
    def attention(self) -> Attention:
        """What orderings are made of."""
        of = self._contributions
        gradients = of.decision_gradient()
        return Attention(self._scores, of.mass, gradients, gradients * of.mass, of.mask, of.sizes)

    @cached_property
    def _log_probabilities(self) -> Tensor:
        return self._contributions.log_probabilities()

    def log_probabilities(self) -> Tensor:
        """Of the unerased documents (batch, classes)."""
        return self._log_probabilities

    def decision(self) -> Tensor:
        """The classes decided for (batch,)."""
        return self._contributions.decision

    def probability(self) -> Tensor:
        """The probabilities of the decisions (batch,)."""
        return self.log_probabilities().amax(-1).exp()

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        of = self._contributions
        return effects_of(of, of.single_erasures(), of.decided_logit_without_each())

    def first_flips(self, order: Tensor) -> dict[str, Tensor]:
        """Where orderings flip the decision, from sums over every prefix."""
        return columns_of(self._contributions.first_flip(order))

    def _kept_scores(self, name: ScoreName) -> KeptScores:
        """The decision's score by what is kept."""
        return KeptScores(self._contributions, name)

    def curves(self, order: Tensor, documents: Tensor) -> DecisionCurves:
        """How sure the model is along orderings, from sums over every prefix and what is behind it."""
        return curves_of_decision(self._kept_scores, order, documents)

    def aopcs(self, order: Tensor, documents: Tensor) -> Tensor:
        """AOPC of the probability along orders of some documents (orders, documents), from sums of what is left."""
        return aopc_of_orders(self._kept_scores("probability").of_documents(documents), order)

    def probability_without(self, erased: Tensor, documents: Tensor) -> Tensor:
        """How sure the model is when sets of items are erased, from the sums over what is left."""
        return self._kept_scores("probability").of_documents(documents).of_sets(~erased)

    def largest_falls(self, documents: Tensor, sizes: Tensor) -> Tensor | None:
        """The largest fall by sets of a size, as an interval (documents, 2)."""
        return largest_falls(self._contributions, self._values, self._readout, documents, sizes)

    def aopc_limits(self, documents: Tensor, score: Score) -> Tensor:
        """Least and largest AOPC of any ordering, as intervals (documents, 4)."""
        limits = limits_of_documents(self._contributions, self._values, self._readout, score, documents)
        return torch.cat([torch.as_tensor(limit) for limit in limits], dim=-1)

    def certified_sets(self, documents: Tensor, largest: int, known: Tensor) -> CertifiedSets | None:
        """It is known of every document, from sums."""
        return None

    def pooled_states(self) -> PooledStates | None:
        """What the attention pools of what is left."""
        of = self._contributions
        return PooledStates(self._values, of.mass, of.mask, of.margins, of.threshold)

    def input_effects(self, documents: Tensor) -> InputEffects | None:
        """What the words of rows (documents,) of the batch do to the decision."""
        return None if self._of_inputs is None else self._of_inputs(documents)

    def smallest_set(self) -> Tensor:
        """The items of the smallest set that flips the decision, exactly (batch, items), −1 behind them."""
        return _set_first(self._contributions.minimal_flip_set().rank)

    def greedy_order(self) -> None:
        """Not needed where the smallest set is known."""
        return

    def contributions(self) -> Tensor | None:
        """Each item's weight times the logits that it would give alone (batch, classes, items)."""
        return self._contributions.alone * self._contributions.mass[:, None]

    def requirements(self) -> Requirements | None:
        """What has to be kept so that the decision stands whatever else is erased, from sums."""
        return self._contributions.requirements()

    def pooling(self) -> Pooling:
        """What the attention pools, and the readout of that."""
        return Pooling(self._values, self._contributions.alone, self._contributions.bias)

    def pooled(self) -> tuple[Tensor, Tensor, Tensor]:
        """Values, weights and mask."""
        return self._values, self._contributions.mass, self._contributions.mask

    decides_classes = True

    def otherwise(self) -> Sequence[OtherErasures]:
        """The same batch, erased in further ways."""
        return () if self._otherwise is None else self._otherwise(self._contributions)


class ReplacedErasures(PooledErasures):
    """A batch in which a vector takes the mass that is lost; there is no guarantee and no limit in closed form.

    Args:
        values, scores, mask, readout, of_inputs, otherwise: as of :class:`PooledErasures`.
        stand_in: the logits of the vector, bias included (batch, classes), float64.
    """

    def __init__(
        self,
        values: Tensor,
        scores: Tensor,
        mask: Tensor,
        readout: nn.Linear,
        stand_in: Tensor,
        of_inputs: Callable[[Tensor], InputEffects] | None = None,
        otherwise: Callable[[Contributions], Sequence[OtherErasures]] | None = None,
    ) -> None:
        super().__init__(values, scores, mask, readout, of_inputs, otherwise)
        self._stand_in = stand_in
        self._replaced = ReplacedMass(self._contributions, stand_in[None])
        self._documents: dict[int, AskedDocument] = {}

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        return SingleEffects(*(part.squeeze(0) for part in replaced_effects(self._replaced)[:4]))

    def first_flips(self, order: Tensor) -> dict[str, Tensor]:
        """Where orderings flip the decision, from sums over every prefix."""
        return columns_of(self._replaced.first_flip(order, [(each, 0) for each in range(len(order))]))

    def _kept_scores(self, name: ScoreName) -> KeptScores:
        """The decision's score by what is kept."""
        return ReplacedScores(self._contributions, name, self._stand_in)

    def largest_falls(self, documents: Tensor, sizes: Tensor) -> None:
        """Not known here."""
        return

    def aopc_limits(self, documents: Tensor, score: Score) -> Tensor:
        """Exact of short documents, attained in others."""
        found = [limits_set_by_set(self._asked(row))[SCORES.index(score)] for row in documents.tolist()]
        return torch.stack(found) if found else documents.new_zeros(0, 4, dtype=torch.float64)

    def certified_sets(self, documents: Tensor, largest: int, known: Tensor) -> CertifiedSets:
        """What flips decisions exactly, what guarantees them so in short documents."""
        flips = (self._replaced.minimal_flip_sets().rank[0][documents] >= 0).cpu()
        found = []
        for one, document in zip(flips, documents.tolist(), strict=True):
            asked = self._asked(document)
            of_document = one[: asked.items] if bool(one.any()) else None
            found.append(sets_of_document(asked, largest, of_document, smallest=True))
        return CertifiedSets.of(documents, found, self._contributions.mask.shape[1])

    def _asked(self, document: int) -> AskedDocument:
        """A document by itself, the same whoever asks, so that nothing is computed twice."""
        if document not in self._documents:
            rows, items = torch.tensor([document]), self._contributions.mask.shape[1]
            scores = {name: self._kept_scores(name).of_documents(rows) for name in SCORES}

            def ask(kept: Tensor) -> Answers:
                sets = torch.nn.functional.pad(kept, (0, items - kept.shape[1])).to(self._scores.device)[:, None]
                flips = scores["probability"].flips_of_sets(sets).squeeze(1)
                return Answers(flips.cpu(), torch.cat([scores[name].of_sets(sets) for name in SCORES], -1).cpu())

            self._documents[document] = AskedDocument(int(self._contributions.sizes[document]), ask)
        return self._documents[document]

    def pooled_states(self) -> None:
        """Known by renormalising alone."""
        return

    def smallest_set(self) -> Tensor:
        """The items of the smallest set that flips the decision, exactly (batch, items), −1 behind them."""
        return _set_first(self._replaced.minimal_flip_sets().rank[0])

    def contributions(self) -> None:
        """What items give does not say by itself what is decided without some of them."""
        return

    def requirements(self) -> None:
        """Not known: what is erased has a say."""
        return


class ReplacedOtherwise:
    """The same of several vectors at once, which are ways of erasing beside the run's first, and their draws.

    Args:
        contributions: of the batch.
        stand_ins: by way and draw the logits of the vector, bias included (batch, classes), float64.
    """

    def __init__(self, contributions: Contributions, stand_ins: dict[StandIn, Tensor]) -> None:
        self.stand_ins = list(stand_ins)
        self._replaced = ReplacedMass(contributions, torch.stack(list(stand_ins.values())))

    def first_flips(self, order: Tensor, pairs: Sequence[tuple[int, int]]) -> dict[str, Tensor]:
        """See :meth:`OtherErasures.first_flips`."""
        return columns_of(self._replaced.first_flip(order, pairs))

    def single_effects(self) -> SingleEffects:
        """See :meth:`OtherErasures.single_effects`."""
        return replaced_effects(self._replaced)

    def smallest_sets(self) -> dict[str, Tensor]:
        """See :meth:`OtherErasures.smallest_sets`."""
        smallest, of = self._replaced.minimal_flip_sets(), self._replaced.of
        never = smallest.count < 0
        return {
            "removed": smallest.count,
            "fraction": (smallest.count.double() / of.sizes).masked_fill(never, torch.nan),
            "mass": (of.mass * smallest.erased).sum(-1).masked_fill(never, torch.nan),
            "emptied": smallest.emptied,
        }


def columns_of(flip: FirstFlip) -> dict[str, Tensor]:
    """As erasures.parquet has them."""
    return {"removed": flip.count, "fraction": flip.fraction, "mass": flip.mass, "emptied": flip.emptied}


def replaced_effects(replaced: ReplacedMass) -> SingleEffects:
    """What erasing each item alone does (stand-ins, batch, items)."""
    return effects_of(replaced.of, replaced.single_erasures(), replaced.decided_logit_without_each())


def effects_of(of: Contributions, single: SingleErasures, logit: Tensor) -> SingleEffects:
    """What erasing each item alone does, of what becomes of logits (…, batch, classes, items).

    Args:
        of: the batch.
        single: logits less the decision's own, and flips.
        logit: that of the decision (…, batch, items).
    """
    padding = ~of.mask
    erased = torch.log_softmax(single.relative_logits, dim=-2)
    js = js_divergence(erased, of.log_probabilities()[:, :, None], dim=-2).masked_fill_(padding, 0.0)
    decided = of.decision[:, None, None].expand(*erased.shape[:-2], 1, erased.shape[-1])
    probability = erased.gather(-2, decided).squeeze(-2).exp().masked_fill_(padding, 0.0)
    return SingleEffects(js, single.flips, probability, logit.masked_fill_(padding, 0.0))


def _set_first(rank: Tensor) -> Tensor:
    """Items by their places in a set (batch, items), −1 behind them, of the places (batch, items) of all items."""
    behind = rank.shape[1]
    places = rank.masked_fill(rank < 0, behind)
    sorted_places, order = places.sort(dim=-1, stable=True)
    smallest: Tensor = order.masked_fill_(sorted_places == behind, -1)
    return smallest

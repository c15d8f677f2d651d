"""Erase sets of items in a batch and read the decisions: never one run of the model for each set."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, Self

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.selection import Selected
from attnprobe.engines.items import Items
from attnprobe.engines.known_flips import KnownFlips
from attnprobe.engines.prefix_rounds import first_flips_in_rounds
from attnprobe.engines.taken_mass import TakenMass
from attnprobe.erasure.asked_sets import Answers, AskedDocument
from attnprobe.erasure.curve_names import SCORES, Score
from attnprobe.erasure.erasable import Curves, DecisionCurves, SingleEffects
from attnprobe.erasure.guarantees.certified_sets import CertifiedSets, sets_of_document
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.orderings import ranks
from attnprobe.erasure.set_by_set_limits import limits_set_by_set
from attnprobe.erasure.stand_ins import TrainingVectors


class Attended(NamedTuple):
    """One layer as a run saw it, of what is selected.

    Attributes:
        selected: the layer, heads and rows.
        rows: True where a row is selected (batch, queries).
        weights: of all heads (batch, heads, queries, keys); of some rows only where the engine needs no others.
        gradients: of the decision's probability, of the same shape.
        attends: True where a row may attend, of the same shape.
    """

    selected: Selected
    rows: Tensor
    weights: Tensor
    gradients: Tensor
    attends: Tensor


class SetErasures(ABC):
    """A batch of documents in which any sets of items can be erased.

    Attributes:
        meaning: what is meant by erased, and by decided.
        logits: of the unerased documents (batch, classes).
        at_once: rows that are run together.
    """

    meaning: Meaning
    logits: Tensor
    at_once: int

    @abstractmethod
    def evaluate(self, documents: Tensor, erased: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """The logits after erasures, micro-batch after micro-batch.

        Args:
            documents: which document of the batch each erasure is of (erasures,).
            erased: True where a token's weight is erased (erasures, tokens).

        Yields:
            Which of the erasures, and their logits (…, classes).
        """

    def decision(self) -> Tensor:
        """What is decided of the unerased documents (batch,)."""
        return self._decision

    @cached_property
    def _decision(self) -> Tensor:
        return self.meaning.decide(self.logits)

    def flips(self, logits: Tensor, documents: Tensor) -> Tensor:
        """Whether logits (…, classes) of these documents (…) decide otherwise than the unerased documents' (…)."""
        return self.meaning.flips(logits, self.logits[documents], self.decision()[documents])

    def first_flips(self, order: Tensor, items: Items) -> Tensor:
        """How many of the first items of each ordering are erased when the decision first flips, −1 for never.

        Args:
            order: (orderings, batch, items).
            items: of the batch.

        Returns:
            (orderings, batch).
        """
        return self.first_flips_of(order, _all(order), items)

    def first_flips_of_labels(self, order: Tensor, items: Items) -> Tensor:
        """The same of each label of a decision that has several (orderings, batch, labels)."""
        return self.first_flips_of_labels_of(order, _all(order), items)

    def first_flips_of(self, order: Tensor, documents: Tensor, items: Items) -> Tensor:
        """As :meth:`first_flips`, of any documents (orderings, rows) in the order given (orderings, rows, items).

        Prefixes of all documents and orderings are run together, the shortest first, and those of a document whose
        decision has flipped are not run any further. No set of items is run twice.
        """
        if not self.meaning.flips_at_all:
            return order.new_full(order.shape[:2], -1)

        def flips(logits: Tensor, rows: Tensor) -> Tensor:
            return self.flips(logits, rows)[..., None]

        known = self.known_flips(items)
        first = self._first(order, documents, items, flips, known)[..., 0]
        known.close()
        return first

    def first_flips_of_labels_of(self, order: Tensor, documents: Tensor, items: Items) -> Tensor:
        """As :meth:`first_flips_of`, of each label (orderings, rows, labels)."""
        first = self.meaning.labels(self.logits)

        def flips(logits: Tensor, rows: Tensor) -> Tensor:
            return self.meaning.labels(logits) != first[rows]

        return self._first(order, documents, items, flips, KnownFlips(items, first.shape[-1]))

    def known_flips(self, items: Items) -> KnownFlips:
        """Of which sets of these items it is known whether decisions flip."""
        if self._known is None or self._known[0] is not items:
            self._known = items, KnownFlips(items)
        return self._known[1]

    _known: tuple[Items, KnownFlips] | None = None
    """Of the items that were asked for last."""

    def _first(
        self,
        order: Tensor,
        documents: Tensor,
        items: Items,
        flips: Callable[[Tensor, Tensor], Tensor],
        known: KnownFlips,
    ) -> Tensor:
        """How many items are erased when each of several things first flips (orderings, rows, things), −1 for never.

        Args:
            order: (orderings, rows, items).
            documents: of the batch (orderings, rows).
            items: of the batch.
            flips: says of logits (…, classes) of documents (…) which have flipped (…, things).
            known: of which sets that is known.
        """
        of_rows, documents = order.flatten(0, 1), documents.flatten()
        without_first = self._without_first(of_rows, documents, items)

        def erased(rows: Tensor, lengths: Tensor) -> Tensor:
            return torch.cat([flips(logits, documents[rows[part]]) for part, logits in without_first(rows, lengths)])

        first = first_flips_in_rounds(of_rows, documents, items.sizes, known, self.at_once, erased)
        return first.view(*order.shape[:2], known.things)

    def _without_first(
        self, order: Tensor, documents: Tensor, items: Items
    ) -> Callable[[Tensor, Tensor], Iterator[tuple[slice, Tensor]]]:
        """What erases, for rows (sets,) of an order (rows, items), so many of their first items (sets,).

        It gives logits as :meth:`evaluate` does.

        Args:
            order: (rows, items).
            documents: of the batch, whose orders these are (rows,).
            items: of the batch.
        """
        rank = ranks(order)

        def evaluated(rows: Tensor, lengths: Tensor) -> Iterator[tuple[slice, Tensor]]:
            of = documents[rows]
            return self.evaluate(of, items.tokens(of, rank[rows] < lengths[:, None]))

        return evaluated

    def curves(self, order: Tensor, documents: Tensor, items: Items) -> DecisionCurves:
        """How sure the model is of its decisions without the first items of orderings, and with these alone.

        Every prefix is erased, and every remainder: twice as many erasures as an ordering has items, whatever flips.

        Args:
            order: (orderings, batch, items).
            documents: rows of the batch (documents,).
            items: of the batch.
        """
        ranked, sizes = ranks(order)[:, documents], items.sizes[documents]
        targets = self.meaning.targets
        shape = (1 + len(targets), 3, 2, *ranked.shape[:2], ranked.shape[-1] + 1)
        found = torch.empty(shape, dtype=torch.float64, device=order.device)
        removed = torch.arange(ranked.shape[-1] + 1, device=order.device)
        row, k = (removed <= sizes[:, None]).nonzero(as_tuple=True)
        for ordering, rank in enumerate(ranked):
            first = rank[row] < k[:, None]
            for side, erased in enumerate((first, ~first & items.mask[documents][row])):
                tokens = items.tokens(documents[row], erased)
                for part, logits in self.evaluate(documents[row], tokens):
                    rows, places = row[part], k[part]
                    found[0][:, side, ordering, rows, places] = self._sureness(logits, documents[rows])
                    if targets:
                        scores = self.meaning.of_targets(logits.double()).transpose(0, 1)
                        found[1:][:, :, side, ordering, rows, places] = scores
        # Beyond a document's items everything stays as it is with all of them.
        found = found.gather(-1, torch.minimum(removed, sizes[:, None]).expand(found.shape))
        of_decision, *of_targets = map(_of_scores, found)
        return of_decision._replace(targets=dict(zip(targets, of_targets, strict=True)))

    def probability_without(self, erased: Tensor, documents: Tensor, items: Items) -> Tensor:
        """How sure the model is of its decisions when sets of items are erased (sets, documents).

        Args:
            erased: True where an item is (sets, documents, items).
            documents: rows of the batch (documents,).
            items: of the batch.
        """
        rows = documents.repeat(len(erased))
        found = torch.empty(len(rows), dtype=torch.float64, device=erased.device)
        tokens = items.tokens(rows, erased.flatten(0, 1) & items.mask[rows])
        for part, logits in self.evaluate(rows, tokens):
            found[part] = self._sureness(logits, rows[part])[0]
        return found.view(erased.shape[:2])

    def aopc_limits(self, documents: Tensor, items: Items, score: Score) -> Tensor | None:
        """Least and largest AOPC of any ordering, as intervals (documents, 4): exact of short documents, else attained.

        Of a document alone, so that nothing hangs on which others are asked for. None: there is no such score of these
        decisions.

        Args:
            documents: rows of the batch (documents,).
            items: of the batch.
            score: of the decision.
        """
        scores = self._known_scores()
        if score not in scores:
            return None
        if self._limits is None or not torch.equal(self._limits[0], documents):
            found = [limits_set_by_set(self.asked_document(document, items)) for document in documents.tolist()]
            self._limits = documents, torch.stack(found).to(items.mask.device)
        return self._limits[1][:, scores.index(score)]

    _limits: tuple[Tensor, Tensor] | None = None
    """Of the documents that were asked for last, all scores at once: what costs is to erase."""

    def certified_sets(self, documents: Tensor, items: Items, largest: int, known: Tensor) -> CertifiedSets | None:
        """What flips decisions, and what guarantees them: see :meth:`Erasures.certified_sets`. None: nothing flips."""
        if not self.meaning.flips_at_all:
            return None
        found = []
        for row, document in enumerate(documents.tolist()):
            one = known[row, : int(items.sizes[document])].cpu()
            asked = self.asked_document(document, items)
            found.append(sets_of_document(asked, largest, one if bool(one.any()) else None))
        return CertifiedSets.of(documents, found, items.mask.shape[1])

    def asked_document(self, document: int, items: Items) -> AskedDocument:
        """A document of the batch by itself, the same whoever asks, so that nothing is run twice."""
        if self._asked_items is not items:
            self._asked_items, self._asked_documents = items, {}
        if document not in self._asked_documents:
            size = int(items.sizes[document])
            self._asked_documents[document] = AskedDocument(size, lambda kept: self._kept(document, items, kept))
        return self._asked_documents[document]

    _asked_items: Items | None = None
    _asked_documents: dict[int, AskedDocument]

    def _known_scores(self) -> tuple[Score, ...]:
        known = {"probability": self.meaning.has_probability, "logit": self.meaning.has_logit}
        return tuple(score for score in SCORES if known[score])

    def _kept(self, document: int, items: Items, kept: Tensor) -> Answers:
        """What comes of leaving only these items (sets, items of the document) of a document."""
        erased = torch.zeros(len(kept), items.mask.shape[1], dtype=torch.bool, device=items.mask.device)
        erased[:, : kept.shape[1]] = ~kept.to(erased.device)
        rows = torch.full((len(kept),), document, device=erased.device)
        found = torch.empty(len(kept), len(self._known_scores()), dtype=torch.float64)
        flips = torch.empty(len(kept), dtype=torch.bool)
        for part, logits in self.evaluate(rows, items.tokens(rows, erased)):
            probability, _, logit = self._sureness(logits, rows[part])
            of = {"probability": probability, "logit": logit}
            found[part] = torch.stack([of[score] for score in self._known_scores()], -1).cpu()
            flips[part] = self.flips(logits, rows[part]).cpu()
        return Answers(flips, found)

    def _sureness(self, logits: Tensor, documents: Tensor) -> Tensor:
        """Probability, its logarithm and logit of the decisions on these documents (3, …), by logits (…, classes)."""
        decision, logits = self.decision()[documents], logits.double()
        if not self.meaning.decides_classes:
            probability = self.meaning.probability(logits, decision)
            return torch.stack([probability, probability.log(), self.meaning.logit(logits, decision)])
        log_p, logit = (
            each.gather(-1, decision[:, None]).squeeze(-1) for each in (torch.log_softmax(logits, -1), logits)
        )
        return torch.stack([log_p.exp(), log_p, logit])

    def single_effects(self, items: Items) -> SingleEffects:
        """What erasing each item alone does."""
        documents, item = items.mask.nonzero(as_tuple=True)
        places = torch.arange(items.mask.shape[1], device=item.device)
        erased = items.tokens(documents, places == item[:, None])
        return gather_effects(self, items, documents, item, self.evaluate(documents, erased))


class Engine(SetErasures):
    """One batch, run once, ready for erasures.

    Attributes:
        attachment: the model.
        inputs: the batch.
        attended: the selected layers.
        rows_run: documents run through any part of the model since, each counted as the share of its layers that it was
            run through.
        taken: what takes the mass that rows lose; None: nothing does.
    """

    attachment: Attachment
    inputs: Inputs
    attended: list[Attended]
    rows_run: float
    taken: TakenMass | None = None

    def under(self, meaning: Meaning, seeds: Tensor, training: Sequence[TrainingVectors] | None = None) -> list[Self]:
        """The same batch, which is not run again, erased in another way; decisions are the same.

        Args:
            meaning: what is meant by erased, and the same as before by decided.
            seeds: one integer a document, for what is drawn of it (batch,).
            training: of each selected layer what its heads give of training documents (heads, dim), where that is
                needed.

        Returns:
            An engine for each draw of what takes the mass that rows lose.
        """
        engines = []
        for taken in self._takers(meaning, seeds, training) if meaning.adds_vectors else [None] * meaning.draws:
            other = copy.copy(self)
            other.meaning, other.taken = meaning, taken
            other._limits, other._asked_items, other._known = None, None, None
            engines.append(other)
        return engines

    def _require_taker(self) -> None:
        assert self.taken is not None or not self.meaning.adds_vectors, "under() says what takes the mass"

    @abstractmethod
    def _takers(self, meaning: Meaning, seeds: Tensor, training: Sequence[TrainingVectors] | None) -> list[TakenMass]:
        """Of every draw what takes the mass that rows lose."""

    @abstractmethod
    def evaluate(
        self, documents: Tensor, erased: Tensor, heads: Tensor | None = None
    ) -> Iterator[tuple[slice, Tensor]]:
        """As :meth:`SetErasures.evaluate`.

        Args:
            documents: which document of the batch each erasure is of (erasures,).
            erased: True where a token's weight is erased (erasures, tokens).
            heads: True for the heads in which it is (erasures, heads), where they are not those that are selected.
        """

    @abstractmethod
    def attended_after(self, documents: Tensor, erased: Tensor) -> list[Attended]:
        """The selected layers, with weights and gradients of the first decision's probability, after erasures."""

    def slopes(self, share: float, score: Score) -> Tensor:
        """Weights times the score's derivatives with respect to them, where what is selected is a share of itself.

        Rows that are selected then sum to this share of what they summed to; whatever follows from them is computed
        anew, but for weights that are selected too.

        Args:
            share: from 0 to 1.
            score: of the first decision.

        Returns:
            Sums over all that is selected (batch, keys), float64.
        """
        documents = torch.arange(len(self.logits), device=self.logits.device)
        return torch.cat([self._slopes(part, share, score) for part in torch.split(documents, self.at_once)])

    @abstractmethod
    def _slopes(self, documents: Tensor, share: float, score: Score) -> Tensor:
        """The same of some documents of the batch (documents,)."""

    def score(self, logits: Tensor, documents: Tensor, score: Score) -> Tensor:
        """A score of the first decision (…), by logits (…, classes) of these documents (…); differentiable."""
        if score == "probability":
            return self.probability(logits, documents)
        return self.meaning.logit(logits, self.decision()[documents])

    def probability(self, logits: Tensor, documents: Tensor | None = None) -> Tensor:
        """How sure the model is of its first decision (…), by logits (…, classes); differentiable.

        Of a number that is predicted, the number itself: what orderings are made of the gradient of.

        Args:
            logits: after erasures, or of the unerased documents.
            documents: whose they are (…); without them they are of all, unerased, and decide themselves.
        """
        first = self.meaning.decide(logits.detach()) if documents is None else self.decision()[documents]
        return self.meaning.graded(logits, first)


def _of_scores(found: Tensor) -> DecisionCurves:
    """Curves of probability, its logarithm and logit, without and with items alone (3, 2, …)."""
    probability, log_probability, logit = (Curves(*score) for score in found)
    return DecisionCurves(probability, log_probability, logit)


def gather_effects(
    engine: SetErasures, items: Items, documents: Tensor, item: Tensor, evaluated: Iterator[tuple[slice, Tensor]]
) -> SingleEffects:
    """Effects of single erasures as a table, from their logits as they come."""
    meaning = engine.meaning
    log_p = meaning.log_probabilities(engine.logits.double())
    js, probability, logit = (torch.zeros_like(items.mask, dtype=torch.float64) for _ in range(3))
    targets = js.new_zeros(3, len(meaning.targets), *js.shape) if meaning.targets else None
    flips, decision = torch.zeros_like(items.mask), engine.decision()
    for part, logits in evaluated:
        rows, columns = documents[part], item[part]
        js[rows, columns] = meaning.divergence(meaning.log_probabilities(logits.double()), log_p[rows])
        flips[rows, columns] = engine.flips(logits, rows)
        probability[rows, columns] = meaning.probability(logits.double(), decision[rows])
        logit[rows, columns] = meaning.logit(logits.double(), decision[rows])
        if targets is not None:
            targets[:, :, rows, columns] = meaning.of_targets(logits.double())
    known = engine.known_flips(items)
    known.keep(known.of_single_items(documents, item), flips[documents, item][:, None])
    return SingleEffects(js, flips, probability, logit, targets)


def _all(order: Tensor) -> Tensor:
    """Of which documents orders (orderings, batch, items) are: of all, one after the other (orderings, batch)."""
    return torch.arange(order.shape[1], device=order.device).expand(order.shape[:2])

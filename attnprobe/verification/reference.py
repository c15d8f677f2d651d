"""The slow reference: a document alone, and a run of the whole model for every set of items that is erased from it.

It shares nothing with the erasure engine but the model: no batch of documents, no padding, no sums over prefixes, no
replay, nothing in closed form. It computes in double precision, so that what is rounding is that of the run alone.
Sets that are known beforehand may be erased from copies of the document side by side, each of which goes through the
whole model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.registered_decisions import CONTINUATION
from attnprobe.verification.decisions_by_hand import by_hand, js_of_classes
from attnprobe.verification.reference_correlations import Tau

ROUNDING = 1e-4
"""Logits that differ by less than this share of the largest one (of one, if that is less) are equal in float32."""

TIED = 1e-5
"""Weights within this share of each other, and gradients within this share of the largest, are equal in float32."""


COPIES = 64
"""Of a document that go through the model side by side, at most."""

MOVED = 16
"""Logits, the largest, that are moved to see whether a decision other than for a class is a matter of rounding."""


class Reference(ABC):
    """One document.

    To renormalise and to decide is doubled here; the function of another package's way of erasing, or of its decision,
    is called, so that it is the engine that is held against the reference, and not that function.

    Attributes:
        weights: attention, which sums to one (items,).
        gradients: of the decision's probability with respect to it (items,).
        products: gradient times attention (items,).
        decision: the class that is decided for, or the number of another decision.
        larger_sets_flip: whether, where the best set of some size flips the decision, that of every larger size does,
            as long as something is left: where what a class leaves to be ahead is ahead with every larger set.
    """

    larger_sets_flip = True

    weights: Tensor
    gradients: Tensor
    products: Tensor
    decision: int

    def __init__(self, meaning: Meaning = BY_DEFAULT) -> None:
        self._meaning = meaning
        self._by_hand = None if meaning.decides_classes else by_hand(meaning)
        self._seen: dict[frozenset[int], Tensor] = {}

    @property
    def items(self) -> int:
        """How many there are."""
        return len(self.weights)

    @property
    def gradient_rounding(self) -> float:
        """Gradients that differ by less than this are equal in float32."""
        return TIED * float(self.gradients.abs().max())

    @abstractmethod
    def _run(self, erased: frozenset[int]) -> Tensor:
        """The logits (classes,) of a run of the whole model in which these items are erased."""

    def _run_copies(self, erased: Sequence[frozenset[int]]) -> Tensor:
        """The logits (copies, classes) of a run for each of these sets, at most as many as copies go side by side."""
        return torch.stack([self._run(items) for items in erased])

    @property
    def _side_by_side(self) -> int:
        """How many copies of the document go through the model at a time."""
        return COPIES

    def run_each(self, erased: Iterable[Iterable[int]]) -> None:
        """Run the model for each of these sets of items, where it was not, and remember: they will be asked for."""
        asked = dict.fromkeys(map(frozenset, erased))
        new: list[frozenset[int]] = [items for items in asked if items not in self._seen]
        for start in range(0, len(new), self._side_by_side):
            copies = new[start : start + self._side_by_side]
            for items, logits in zip(copies, self._run_copies(copies), strict=True):
                self._seen[items] = logits.double()

    def are_alike(self, one: int, other: int) -> bool:
        """Whether erasing one item in the place of another makes no difference, whatever else is erased."""
        return False

    @abstractmethod
    def nothing_is_left(self, erased: Iterable[int]) -> bool:
        """Whether no weight is left in anything that is selected when these items are erased."""

    @abstractmethod
    def smallest_sets(self, count: int) -> list[list[int]]:
        """Sets of ``count`` items, one of which flips the decision if any set of this size does."""

    def runner_up_margins(self) -> Tensor:
        """What each item adds to the decision over the class that comes second, where it adds up (items,)."""
        raise NotImplementedError

    def leads(self) -> np.ndarray:
        """What each item adds to the decision's lead over each other class, where it adds up (classes less one, items).

        That is its weight times the difference of the logits that it would give alone.
        """
        raise NotImplementedError

    def worst_erasures(self, kept: list[int]) -> list[list[int]]:
        """Sets of items beside ``kept``, one of which flips the decision if any such set does, where items add up."""
        raise NotImplementedError

    def correlations(self) -> dict[str, Tau]:
        """By column Kendall's tau over the words of the input; none where they are not the items."""
        return {}

    @abstractmethod
    def next_greedily(self, erased: list[int]) -> tuple[int, bool]:
        """The item to erase greedily after these, and whether it is that one by more than rounding."""

    def logits(self, erased: Iterable[int] = ()) -> Tensor:
        """The logits (classes,), float64, after erasing these items; of what was run before it is remembered."""
        items = frozenset(erased)
        if items not in self._seen:
            self._seen[items] = self._run(items).double()
        return self._seen[items]

    def lead(self, erased: Iterable[int] = (), *, decision: int | None = None) -> float:
        """By what share of the largest logit (of one, if that is less) the decision is ahead of all other classes.

        Args:
            erased: the items that are.
            decision: another class in its place.
        """
        logits = self.logits(erased)
        decided = self.decision if decision is None else decision
        others = torch.cat([logits[:decided], logits[decided + 1 :]])
        if not len(others):
            return float("inf")
        return float((logits[decided] - others.max()) / logits.abs().max().clamp(min=1.0))

    def flips(self, erased: Iterable[int]) -> bool | None:
        """Whether erasing these items flips the decision; None where that is a matter of rounding."""
        if self._by_hand is None:
            lead = self.lead(erased)
            return None if abs(lead) <= ROUNDING else lead < 0
        whole = self.logits()
        found = {self._by_hand.flips(logits, self.decision, whole) for logits in _nearby(self.logits(erased))}
        return None if len(found) > 1 else found == {True}

    def may_decide(self, number: int) -> bool:
        """Whether this is what is decided of the unerased document, but for rounding."""
        if self._by_hand is None:
            return self.lead(decision=number) >= -ROUNDING
        return number in map(self._by_hand.decided, _nearby(self.logits()))

    def decided(self, logits: Tensor) -> int:
        """What is decided by logits (classes,)."""
        return int(logits.argmax()) if self._by_hand is None else self._by_hand.decided(logits)

    def graded(self, logits: Tensor) -> Tensor:
        """What gradients are of, by logits (classes,): the decision's probability, or the number in its place."""
        if self._by_hand is None:
            return torch.softmax(logits, -1)[self.decision]
        return self._by_hand.graded(logits, self.decision)

    def probability(self, logits: Tensor) -> float:
        """How sure the model is of the unerased document's decision, by logits (classes,); NaN of a number."""
        if self._by_hand is None:
            return float(self.graded(logits))
        return self._by_hand.probability(logits, self.decision)

    def logit(self, logits: Tensor) -> float:
        """The number that stands for the document's decision, by logits (classes,); NaN where there is none."""
        return float(logits[self.decision]) if self._by_hand is None else self._by_hand.logit(logits, self.decision)

    @property
    def targets(self) -> tuple[int, ...]:
        """Classes that are followed beside the decision."""
        return self._meaning.targets

    def scores_of_class(self, logits: Tensor, number: int) -> tuple[float, float, float]:
        """Probability, its logarithm and logit of a class, or of a label by itself, by logits (classes,)."""
        if self._meaning.decision == CONTINUATION:  # of one of its tokens
            log_p = float(logits[number])
            return float(np.exp(log_p)), log_p, float(logits[len(logits) // 2 + number])
        logit = float(logits[number])
        log_p = float(-np.logaddexp(0.0, -logit)) if self._meaning.has_labels else logit - float(logits.logsumexp(0))
        return float(np.exp(log_p)), log_p, logit

    def js(self, erased: Iterable[int]) -> float:
        """Jensen-Shannon divergence in nats between the output after erasing these items and the unerased output."""
        js = js_of_classes if self._by_hand is None else self._by_hand.js
        return js(self.logits(erased), self.logits())


def _nearby(logits: Tensor) -> Tensor:
    """Logits (classes,) and those that are off by rounding in one of the largest (…, classes)."""
    step = ROUNDING * float(logits.abs().max().clamp(min=1.0))
    moved_ones = logits.topk(min(len(logits), MOVED)).indices
    moved = torch.zeros(len(moved_ones), len(logits), dtype=logits.dtype, device=logits.device)
    moved.scatter_(1, moved_ones[:, None], step)
    return torch.cat([logits[None], logits + moved, logits - moved])

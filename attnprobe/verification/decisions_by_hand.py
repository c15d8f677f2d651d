"""The decisions of this package again, by hand: of one document, in double precision, sharing nothing with the engine.

The numbers are those of ``registered_decisions``: one logit says yes (1) or no (0); a set of labels counts in bits, the
first label being the lowest; of a number that is predicted there is one decision, 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_decisions import CONTINUATION, GIVEN_CLASS, MULTI_LABEL, ONE_LOGIT, REGRESSION


class ByHand(ABC):
    """A decision that is not for a class, by logits (classes,)."""

    @abstractmethod
    def decided(self, logits: Tensor) -> int:
        """The number of what is decided."""

    def flips(self, logits: Tensor, decision: int, whole: Tensor) -> bool:
        """Whether logits decide otherwise than the whole document, by the decision and the logits of that."""
        return self.decided(logits) != decision

    @abstractmethod
    def graded(self, logits: Tensor, decision: int) -> Tensor:
        """What gradients are of; differentiable."""

    @abstractmethod
    def probability(self, logits: Tensor, decision: int) -> float:
        """How sure the model is of a decision; NaN where it has no probability."""

    @abstractmethod
    def logit(self, logits: Tensor, decision: int) -> float:
        """The number that stands for a decision; NaN where there is none."""

    @abstractmethod
    def js(self, logits: Tensor, whole: Tensor) -> float:
        """Jensen-Shannon divergence in nats; NaN where there is none."""


class _YesOrNo(ByHand):
    """Each label by itself, one or several."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def decided(self, logits: Tensor) -> int:
        return sum(2**place for place, logit in enumerate(logits.tolist()) if logit > self._threshold)

    def graded(self, logits: Tensor, decision: int) -> Tensor:
        p = torch.ones((), dtype=logits.dtype, device=logits.device)
        for place, logit in enumerate(logits):
            yes = 1 / (1 + torch.exp(-logit))
            p = p * (yes if decision >> place & 1 else 1 - yes)
        return p

    def probability(self, logits: Tensor, decision: int) -> float:
        return float(self.graded(logits, decision))

    def logit(self, logits: Tensor, decision: int) -> float:
        return math.nan if len(logits) > 1 else float(logits[0]) * (1 if decision else -1)

    def js(self, logits: Tensor, whole: Tensor) -> float:
        return sum(map(_js_of_two, logits.tolist(), whole.tolist())) / len(logits)


class _Number(ByHand):
    """An output that stays within a tolerance, or leaves it."""

    def __init__(self, tolerance: float | None) -> None:
        self._tolerance = math.inf if tolerance is None else tolerance

    def decided(self, logits: Tensor) -> int:
        return 0

    def flips(self, logits: Tensor, decision: int, whole: Tensor) -> bool:
        return abs(float(logits[0] - whole[0])) > self._tolerance

    def graded(self, logits: Tensor, decision: int) -> Tensor:
        return logits[0]

    def probability(self, logits: Tensor, decision: int) -> float:
        return math.nan

    def logit(self, logits: Tensor, decision: int) -> float:
        return float(logits[0])

    def js(self, logits: Tensor, whole: Tensor) -> float:
        return math.nan


class _OnTop(ByHand):
    """Whether one class is ahead of every other."""

    def __init__(self, number: int) -> None:
        self._number = number

    def _others(self, logits: Tensor) -> Tensor:
        return torch.cat([logits[: self._number], logits[self._number + 1 :]])

    def decided(self, logits: Tensor) -> int:
        return int(int(logits.argmax()) == self._number)

    def graded(self, logits: Tensor, decision: int) -> Tensor:
        shares = torch.softmax(logits, -1)
        return shares[self._number] if decision else self._others(shares).sum()

    def probability(self, logits: Tensor, decision: int) -> float:
        return float(self.graded(logits, decision))

    def logit(self, logits: Tensor, decision: int) -> float:
        ahead = float(logits[self._number] - self._others(logits).max())
        return ahead if decision else -ahead

    def js(self, logits: Tensor, whole: Tensor) -> float:
        one, other = (float(each[self._number] - self._others(each).logsumexp(-1)) for each in (logits, whole))
        return _js_of_two(one, other)


class _Continuation(ByHand):
    """Whether all tokens of a continuation lead, and its log-probability; logits are those, then how far each leads."""

    def decided(self, logits: Tensor) -> int:
        leads = logits[len(logits) // 2 :].tolist()
        return int(all(lead > 0 for lead in leads))

    def graded(self, logits: Tensor, decision: int) -> Tensor:
        return logits[: len(logits) // 2].sum()

    def probability(self, logits: Tensor, decision: int) -> float:
        return math.nan

    def logit(self, logits: Tensor, decision: int) -> float:
        return float(self.graded(logits, decision))

    def js(self, logits: Tensor, whole: Tensor) -> float:
        return math.nan


class _Called(ByHand):
    """A decision of another package, whose functions are called: there are no second ones."""

    def __init__(self, meaning: Meaning) -> None:
        self._meaning = meaning

    def decided(self, logits: Tensor) -> int:
        return int(self._meaning.decide(logits))

    def graded(self, logits: Tensor, decision: int) -> Tensor:
        return self._meaning.probability(logits, torch.tensor(decision, device=logits.device))

    def probability(self, logits: Tensor, decision: int) -> float:
        return float(self.graded(logits, decision))

    def logit(self, logits: Tensor, decision: int) -> float:
        return math.nan

    def js(self, logits: Tensor, whole: Tensor) -> float:
        return js_of_classes(logits, whole)


def by_hand(meaning: Meaning) -> ByHand:
    """The decision of a run that does not decide for classes."""
    if meaning.decision in (ONE_LOGIT, MULTI_LABEL):
        return _YesOrNo(meaning.options.threshold)
    if meaning.decision == GIVEN_CLASS:
        assert meaning.options.number is not None, "the model was asked which it is"
        return _OnTop(meaning.options.number)
    if meaning.decision == CONTINUATION:
        return _Continuation()
    return _Number(meaning.options.tolerance) if meaning.decision == REGRESSION else _Called(meaning)


def js_of_classes(logits: Tensor, whole: Tensor) -> float:
    """Of the softmax's distributions."""
    log_p, log_q = (torch.log_softmax(each, -1) for each in (logits, whole))
    log_m = torch.logaddexp(log_p, log_q) - torch.log(log_p.new_tensor(2.0))
    return float(sum((each.exp() * (each - log_m)).sum() for each in (log_p, log_q)) / 2)


def _js_of_two(one: float, other: float) -> float:
    """Of the distributions of no and yes that two log-odds say."""
    p, q = (1 / (1 + math.exp(-odds)) if odds > -700 else 0.0 for odds in (one, other))
    total = 0.0
    for a, b in ((p, q), (1 - p, 1 - q)):
        mean = (a + b) / 2
        total += sum(each * math.log(each / mean) for each in (a, b) if each > 0) / 2
    return max(total, 0.0)

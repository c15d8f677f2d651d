"""What a model says, as the page is told it: probabilities, what is decided, and what has become of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from attnprobe.erasure.meaning import Meaning
from attnprobe.reports.page.readable import legible


def finite(number: float) -> float | None:
    """The number; None in the place of what JSON has no word for."""
    return number if math.isfinite(number) else None


class Outcomes:
    """Logits in the words of a decision.

    Args:
        meaning: what is meant by decided.
        classes: names of the model's classes, by number.
    """

    def __init__(self, meaning: Meaning, classes: Sequence[str]) -> None:
        self.meaning = meaning
        self._classes = list(classes)

    def of(self, logits: Tensor) -> dict[str, Any]:
        """What one text's logits (1, classes) say.

        ``probabilities`` are of what is decided between; of several labels each one's own; none of a number that is
        predicted, whose ``value`` is told.
        """
        logits = logits.double()
        decided = self.meaning.decide(logits)
        value = None if self.meaning.has_probability else float(self.meaning.logit(logits, decided)[0])
        return {
            "probabilities": self._probabilities(logits)[0],
            "decided": int(decided[0]),
            "decided_name": self.name(int(decided[0]), value),
            "value": value,
        }

    def name(self, decided: int, value: float | None = None) -> str:
        """What a number of a decision means."""
        if value is not None:
            return f"{value:.4g}"
        if self.meaning.decides_classes:
            return legible(self._classes[decided])
        return legible(self.meaning.names(self._classes, [decided])[decided])

    def against(self, logits: Tensor, untouched: Tensor) -> dict[str, Any]:
        """Whether logits (1, classes) decide otherwise than the untouched text's, and how far they are from these."""
        before, after = untouched.double(), logits.double()
        decided = self.meaning.decide(before)
        log_p, log_q = (self.meaning.log_probabilities(each) for each in (before, after))
        return {
            "flipped": bool(self.meaning.flips(after, before, decided)[0]),
            "js": finite(float(self.meaning.divergence(log_q, log_p)[0])) if self.meaning.has_probability else None,
        }

    def along(self, logits: Tensor, untouched: Tensor) -> dict[str, Any]:
        """What becomes of the untouched text's decision along an ordering, by logits (items + 1, classes)."""
        before, after = untouched.double(), logits.double()
        decided = self.meaning.decide(before).expand(len(after))
        sure = self.meaning.graded(after, decided)
        return {
            "probabilities": [finite(each) for each in sure.tolist()],
            "decided": self.meaning.decide(after).tolist(),
        }

    def of_first(self, logits: Tensor, untouched: Tensor) -> dict[str, Any]:
        """How probable what was decided of the untouched text still is, and the name of what is decided now."""
        told = self.of(logits)
        first = self.meaning.decide(untouched.double())
        probability = float(self.meaning.graded(logits.double(), first)[0])
        return {"probability": finite(probability), "decided": told["decided_name"]}

    def _probabilities(self, logits: Tensor) -> list[list[float]]:
        if not self.meaning.has_probability:
            return [[] for _ in logits]
        p = self.meaning.log_probabilities(logits).exp()
        table: list[list[float]] = (p[..., 1] if self.meaning.has_labels else p).tolist()
        return table

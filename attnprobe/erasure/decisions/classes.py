"""The class with the largest logit: the decision of Serrano & Smith (2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnprobe.erasure.decisions.entry import Decision

if TYPE_CHECKING:
    from torch import Tensor


def _largest(logits: Tensor) -> Tensor:
    """The class of the largest logit, the first of equal ones."""
    return logits.argmax(-1)


def _share(logits: Tensor, decided: Tensor) -> Tensor:
    """The class's probability by the softmax."""
    return logits.softmax(-1).gather(-1, decided[..., None]).squeeze(-1)


def _own_logit(logits: Tensor, decided: Tensor) -> Tensor:
    return logits.gather(-1, decided[..., None]).squeeze(-1)


LARGEST_LOGIT = Decision("Class", _largest, _share, description="the class of the largest logit", logit=_own_logit)

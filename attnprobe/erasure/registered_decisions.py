"""The decisions there are: what a decision is, that of this package, and those that other packages offer.

A decision says what a model decides for by its logits: erasing flips it where it becomes another number. This module
loads no torch: names and titles are needed where settings are checked and results are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnprobe.base.registry import LONGEST_TITLE, Registry, is_title

if TYPE_CHECKING:
    from torch import Tensor

CLASS = "class"
"""The decision of Serrano & Smith (2019), and of every run that names no other: for the class of the largest logit."""

GROUP = "attnprobe.decisions"
"""The entry-point group in which packages offer decisions."""


def classes_themselves(classes: list[str]) -> list[str]:
    """The numbers of a decision are those of classes."""
    return classes


@dataclass(frozen=True)
class Decision:
    """A named way to read a decision off a model's logits.

    Attributes:
        title: what readers are shown, as "Class" or "The top class has more than 90 %".
        decide: makes numbers (…), int64 and from 0 on, out of logits (…, classes).
        probability: how sure the model is of numbers (…), from 0 to 1, by logits (…, classes): orderings are made of
            its gradient, so it is differentiable.
        names: what the numbers mean, from 0 on, out of the names of the classes.
        description: one line on what is decided, for lists.
    """

    title: str
    decide: Callable[[Tensor], Tensor]
    probability: Callable[[Tensor, Tensor], Tensor]
    names: Callable[[list[str]], list[str]] = classes_themselves
    description: str = ""


def _fault(entry: object) -> str | None:
    if not isinstance(entry, Decision):
        return f"it is no attnprobe.Decision, but of the type {type(entry).__name__}"
    if not is_title(entry.title):
        return f"its title is no text of 1 to {LONGEST_TITLE} characters"
    if not all(map(callable, (entry.decide, entry.probability, entry.names))):
        return "its decide, probability and names are no functions"
    return None


def _largest(logits: Tensor) -> Tensor:
    """The class of the largest logit, the first of equal ones."""
    return logits.argmax(-1)


def _share(logits: Tensor, decided: Tensor) -> Tensor:
    """The class's probability by the softmax."""
    return logits.softmax(-1).gather(-1, decided[..., None]).squeeze(-1)


DECISIONS: Registry[Decision] = Registry("decision", GROUP, _fault)
"""By name."""

DECISIONS.register(CLASS, Decision("Class", _largest, _share, description="the class of the largest logit"))

OWN = tuple(DECISIONS.registered)
"""Those of this package."""

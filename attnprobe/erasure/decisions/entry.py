"""What a decision is: how it is read off a model's logits, and what there is to measure of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

MOST_LABELS = 31
"""Labels of a set that is told as one number: as many bits as numbers in tables have."""


class DecisionOptions(NamedTuple):
    """What a user sets of a decision.

    Attributes:
        threshold: of a logit, above which it says yes.
        tolerance: by how much an output may move before it counts as another; None where none is another.
        given_class: the name of the class, token or label word that a decision is about.
        continuation: the text that a decision is about, behind each text.
        number: which of the model's logits that is: not set by a user, but found once the model is there.
    """

    threshold: float = 0.0
    tolerance: float | None = None
    given_class: str | None = None
    continuation: str | None = None
    number: int | None = None


AS_USUAL = DecisionOptions()


def classes_themselves(classes: list[str]) -> list[str]:
    """The numbers of a decision are those of classes."""
    return classes


def of_classes(logits: Tensor) -> Tensor:
    """The softmax's log-probabilities (…, classes)."""
    return logits.log_softmax(-1)


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
        log_probabilities: the distribution whose divergences and entropy are measured, as logarithms (…, outcomes); of
            several decisions at once (…, labels, 2), whose divergence is their mean. None where there is none.
        logit: the number that stands for decided numbers (…), by logits (…, classes); None where there is none. Where
            an output is no probability, orderings are made of its gradient.
        has_probability: whether ``probability`` says anything; of a number that is no decision it does not.
        departs: whether logits (…, classes) are another decision than the unerased ones of the same shape; None: where
            ``decide`` gives another number.
        flips: whether there can be another decision at all.
        labels: several decisions at once, Boolean (…, labels), of which ``decide`` gives the set; None where there is
            one.
        name: what one number means, where there are too many to list; takes the names of the classes and the number.
        least_logits, most_logits: how many a model has to give.
        takes: the options that there are to set.
        needs: those of them that have to be.
        with_options: the same decision as a user sets them, where there are any.
    """

    title: str
    decide: Callable[[Tensor], Tensor]
    probability: Callable[[Tensor, Tensor], Tensor]
    names: Callable[[list[str]], list[str]] = classes_themselves
    description: str = ""
    log_probabilities: Callable[[Tensor], Tensor] | None = of_classes
    logit: Callable[[Tensor, Tensor], Tensor] | None = None
    has_probability: bool = True
    departs: Callable[[Tensor, Tensor], Tensor] | None = None
    flips: bool = True
    labels: Callable[[Tensor], Tensor] | None = None
    name: Callable[[list[str], int], str] | None = None
    least_logits: int = 2
    most_logits: int | None = None
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    with_options: Callable[[DecisionOptions], Decision] | None = None

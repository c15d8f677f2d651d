"""The decisions there are: what a decision is, that of this package, and those that other packages offer.

A decision says what a model decides for by its logits: erasing flips it where it becomes another number. This module
loads no torch: names and titles are needed where settings are checked and results are read.
"""

from __future__ import annotations

from attnprobe.base.registry import LONGEST_TITLE, Registry, is_title
from attnprobe.erasure.decisions.classes import LARGEST_LOGIT
from attnprobe.erasure.decisions.continuation import GIVEN_CONTINUATION
from attnprobe.erasure.decisions.entry import AS_USUAL, DecisionOptions
from attnprobe.erasure.decisions.entry import Decision as Decision
from attnprobe.erasure.decisions.given_class import GIVEN_ON_TOP
from attnprobe.erasure.decisions.multi_label import SET_OF_LABELS
from attnprobe.erasure.decisions.one_logit import ABOVE_THRESHOLD
from attnprobe.erasure.decisions.regression import NUMBER

CLASS = "class"
"""The decision of Serrano & Smith (2019), and of every run that names no other: for the class of the largest logit."""

ONE_LOGIT, MULTI_LABEL, REGRESSION = "one_logit", "multi_label", "regression"
"""Of heads that do not choose one class of several."""

GIVEN_CLASS = "given_class"
"""Of a class that the user names: whether it has the largest logit."""

CONTINUATION = "continuation"
"""Of a text that is given behind each text: whether a language model would say it, and how probable it is."""

ABOUT_WHAT_IS_GIVEN = (GIVEN_CLASS, CONTINUATION)
"""Decisions that are meant where what they are about is set, by their own name."""

NUMBERS = (REGRESSION, CONTINUATION)
"""Decisions about a number, which moves, and has no probability."""

GROUP = "attnprobe.decisions"
"""The entry-point group in which packages offer decisions."""


def _fault(entry: object) -> str | None:
    if not isinstance(entry, Decision):
        return f"it is no attnprobe.Decision, but of the type {type(entry).__name__}"
    if not is_title(entry.title):
        return f"its title is no text of 1 to {LONGEST_TITLE} characters"
    if not all(map(callable, (entry.decide, entry.probability, entry.names))):
        return "its decide, probability and names are no functions"
    return None


DECISIONS: Registry[Decision] = Registry("decision", GROUP, _fault)
"""By name."""

DECISIONS.register(CLASS, LARGEST_LOGIT)
DECISIONS.register(ONE_LOGIT, ABOVE_THRESHOLD)
DECISIONS.register(MULTI_LABEL, SET_OF_LABELS)
DECISIONS.register(REGRESSION, NUMBER)
DECISIONS.register(GIVEN_CLASS, GIVEN_ON_TOP)
DECISIONS.register(CONTINUATION, GIVEN_CONTINUATION)

OWN = tuple(DECISIONS.registered)
"""Those of this package."""


def as_set(name: str, options: DecisionOptions = AS_USUAL) -> Decision:
    """The decision of this name as a user sets it.

    Raises:
        InputError: there is none.
    """
    entry = DECISIONS[name]
    return entry if entry.with_options is None else entry.with_options(options)


def not_taken(name: str, options: DecisionOptions) -> dict[str, list[str]]:
    """Options that are set, and that the decision of this name does not take: by name the decisions that do."""
    set_here = [field for field in options._fields if getattr(options, field) != getattr(AS_USUAL, field)]
    taken = DECISIONS[name].takes if name in OWN else ()
    return {field: [each for each in OWN if field in DECISIONS[each].takes] for field in set_here if field not in taken}


def lacking(name: str, options: DecisionOptions) -> list[str]:
    """Options that are not set, and that the decision of this name cannot do without."""
    needed = DECISIONS[name].needs if name in OWN else ()
    return [field for field in needed if getattr(options, field) == getattr(AS_USUAL, field)]

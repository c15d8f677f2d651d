"""How orderings are told of in sentences: those that readers know by other words than their titles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from attnprobe.erasure.registered_orderings import GREEDY, PAPER, SMALLEST_SET, Role
from attnprobe.reports.style import display_name
from attnprobe.runs.ordering_records import record_of, recorded_orderings

Told = Mapping[str, Any]
"""A run's configuration or summary, which both say what its orderings are."""


class ReferenceInWords(NamedTuple):
    """A reference as texts have it.

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


_KNOWN = {
    GREEDY: ReferenceInWords(
        "erasing greedily by gradient",
        "erasing greedily",
        "greedy",
        "of erasing greedily",
        "erasing greedily by gradient, ranked again after each erasure",
    ),
    SMALLEST_SET: ReferenceInWords(
        "the smallest set that suffices",
        "the smallest set that suffices",
        "smallest",
        "of the smallest sets that flip them",
        "the smallest set that flips the decision, which is known exactly for this readout",
    ),
}


def in_prose(ordering: str, told: Told) -> str:
    """An ordering's title within a sentence."""
    name = display_name(ordering, told)
    return name[0].lower() + name[1:]


def references_in_words(told: Told) -> dict[str, ReferenceInWords]:
    """Every reference of a run, those of this package first."""
    records = recorded_orderings(told)
    names = [name for name, record in records.items() if record.role is Role.REFERENCE]
    return {name: _KNOWN.get(name) or _by_title(in_prose(name, told)) for name in names}


def _by_title(title: str) -> ReferenceInWords:
    erasing = f"erasing by {title}"
    return ReferenceInWords(erasing, erasing, title, f"of {erasing}", erasing)


def further_orderings(summary: Told) -> list[str]:
    """The orderings of a run that are neither the paper's nor references or controls: they choose no documents."""
    records = recorded_orderings(summary)
    further = (name for name in summary["first_flips"] if name not in PAPER)
    return [name for name in further if record_of(records, name).role is not Role.REFERENCE]

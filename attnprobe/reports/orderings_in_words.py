"""How orderings are told of in sentences: those that readers know by other words than their titles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attnprobe.erasure.registered_orderings import OWN, PAPER, ReferenceInWords, Role
from attnprobe.reports.style import display_name
from attnprobe.runs.ordering_records import record_of, recorded_orderings

Told = Mapping[str, Any]
"""A run's configuration or summary, which both say what its orderings are."""


def in_prose(ordering: str, told: Told) -> str:
    """An ordering's title within a sentence."""
    name = display_name(ordering, told)
    return name[0].lower() + name[1:]


def references_in_words(told: Told) -> dict[str, ReferenceInWords]:
    """Every reference of a run, those of this package first."""
    records = recorded_orderings(told)
    names = [name for name, record in records.items() if record.role is Role.REFERENCE]
    return {name: _own_words(name) or _by_title(in_prose(name, told)) for name in names}


def _own_words(name: str) -> ReferenceInWords | None:
    return OWN[name].reference if name in OWN else None


def _by_title(title: str) -> ReferenceInWords:
    erasing = f"erasing by {title}"
    return ReferenceInWords(erasing, erasing, title, f"of {erasing}", erasing)


def method_in_words(name: str, told: Told) -> str:
    """How readers of a paper are told that items are erased by an ordering."""
    return (OWN[name].method if name in OWN else "") or f"by {in_prose(name, told)}"


def further_orderings(summary: Told) -> list[str]:
    """The orderings of a run that are neither the paper's nor references or controls: they choose no documents."""
    records = recorded_orderings(summary)
    further = (name for name in summary["first_flips"] if name not in PAPER)
    return [name for name in further if record_of(records, name).role is not Role.REFERENCE]


def names_to_type(orderings: Iterable[str]) -> str:
    """How those are asked for whose titles do not tell their names, in a sentence; empty where there is none.

    >>> names_to_type(["attention", "norm", "contribution"])
    'Typed behind --orderings: contribution (Output share).'
    """
    asked = [(name, OWN[name].title) for name in orderings if name in OWN and OWN[name].on_request]
    told = [f"{name} ({title})" for name, title in asked if not _letters(title).startswith(_letters(name))]
    return f"Typed behind --orderings: {', '.join(told)}." if told else ""


def _letters(text: str) -> str:
    return re.sub("[^a-z]", "", text.lower())


def joined(names: Sequence[str], last: str) -> str:
    """Names with a word before the last of them; a name may hold a comma.

    >>> joined(["a"], "and"), joined(["a", "b"], "or"), joined(["a", "b", "c"], "and"), joined(["a, b", "c", "d"], "or")
    ('a', 'a or b', 'a, b and c', 'a, b; c or d')
    """
    between = "; " if any("," in name for name in names) else ", "
    return f" {last} ".join(filter(None, [between.join(names[:-1]), *names[-1:]]))

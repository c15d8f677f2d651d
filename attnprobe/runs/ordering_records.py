"""What a run says of its orderings, in config.json: their titles and roles, and the packages that they come from.

What reads a run knows its orderings by this alone: the package that offered one need not be there any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from attnprobe.base.bounds import MOST_ORDERINGS
from attnprobe.base.registry import Origin, is_title
from attnprobe.base.visible import visible
from attnprobe.erasure.registered_orderings import ORDERINGS, OWN, Ordering, Role, chosen_orderings
from attnprobe.explanations.names import judged_as

ENTRY = "orderings"
"""Of config.json, and of the summary: ordering → its record. Runs of before have none."""


class OrderingRecord(NamedTuple):
    """What a run says of an ordering.

    Attributes:
        title: what readers are shown.
        role: what it is in the run.
        origin: the package that offered it, None where it is of attnprobe or was registered by a program.
    """

    title: str
    role: Role
    origin: Origin | None = None

    def to_json(self) -> dict[str, str]:
        """As it stands in config.json."""
        told = {} if self.origin is None else self.origin._asdict()
        return {"title": self.title, "role": self.role.value, **told}


def present_orderings(further: Collection[str] = (), own: Iterable[str] = ()) -> dict[str, OrderingRecord]:
    """The records of the orderings that a run is erased by in this process, which imports the packages that offer any.

    Args:
        further: names of orderings beside the usual ones, or ``all``.
        own: names of explanations that the user gives.

    Raises:
        InputError: a package offers one that cannot be used.
    """
    records = {name: _record(each, ORDERINGS.origin(name)) for name, each in chosen_orderings(further).items()}
    told = {name: judged for explanation in own for name, judged in judged_as(explanation).items()}
    return records | {name: OrderingRecord(judged.title, judged.role) for name, judged in told.items()}


def records_of(orderings: Mapping[str, Ordering]) -> dict[str, dict[str, str]]:
    """What config.json says of orderings that no package offers, by name."""
    return {name: _record(ordering).to_json() for name, ordering in orderings.items()}


def _record(ordering: Ordering, origin: Origin | None = None) -> OrderingRecord:
    return OrderingRecord(ordering.title, ordering.role, origin)


def recorded_orderings(content: Mapping[str, Any]) -> dict[str, OrderingRecord]:
    """What a config.json, or a summary, says of orderings; those of this package are known in runs of before, too.

    Args:
        content: of the file; an entry in it that does not fit says nothing.
    """
    records = {name: _record(ORDERINGS[name]) for name in OWN}
    entry = content.get(ENTRY)
    for name, told in entry.items() if entry and is_record(entry) else ():
        origin = Origin(told["package"], told["version"]) if "package" in told else None
        records[name] = OrderingRecord(told["title"], Role(told["role"]), origin)
    return records


def record_of(records: Mapping[str, OrderingRecord], name: str) -> OrderingRecord:
    """The record of an ordering; of one that has none, as in a run of before, its own name and an explanation's role.

    >>> record_of({}, "erased_alone").title
    'Erased alone'
    """
    known = records.get(name)
    if known is not None:
        return known._replace(title=visible(known.title))
    return OrderingRecord(visible(name).replace("_", " ").capitalize(), Role.EXPLANATION)


def is_record(entry: object) -> bool:
    """Whether something can be the entry: a table of records, no more than one run can have orderings."""
    return entry is None or (
        isinstance(entry, dict) and len(entry) <= MOST_ORDERINGS and all(map(_fits, entry.values()))
    )


def _fits(told: object) -> bool:
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        return False
    named = is_title(told.get("title")) and ("package" in told) == ("version" in told)
    return named and told.get("role") in {role.value for role in Role}

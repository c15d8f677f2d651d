"""What a run says of its way of erasing and its decision, in config.json: titles, and the packages they come from.

A run by default, which renormalises and decides for classes, says nothing. What reads a run knows them by this alone:
the package that offered one need not be there any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from attnprobe.base.errors import InputError
from attnprobe.base.registry import Origin, Registry, is_title
from attnprobe.base.visible import visible
from attnprobe.erasure.decisions.entry import DecisionOptions
from attnprobe.erasure.registered_decisions import CLASS, DECISIONS, NUMBERS, as_set
from attnprobe.erasure.registered_decisions import OWN as OWN_DECISIONS
from attnprobe.erasure.registered_ways import ERASING, OWN, RENORMALISE
from attnprobe.settings.run_settings import RunSettings


class Chosen(NamedTuple):
    """What a setting chooses out of a registry.

    Attributes:
        setting: the setting's name, on which every run has a value.
        entry: of config.json: name → its record.
        registry: where the name is looked up.
        default: the name that says nothing.
    """

    setting: str
    entry: str
    registry: Registry[Any]
    default: str


_NO = "no"

CHOSEN = (
    Chosen("erase_by", "erasing", ERASING, RENORMALISE),
    Chosen("decision", "decisions", DECISIONS, CLASS),
)
"""What is meant by erased first, and by decided."""

OTHERWISE = "erased_otherwise"
"""Of config.json: name → record of every way of erasing behind the first."""


class EntryRecord(NamedTuple):
    """What a run says of a way of erasing or a decision that is not the default.

    Attributes:
        name: in its registry.
        title: what readers are shown, legible.
        origin: the package that offered it, None where it was registered by a program.
        flips: of a decision, whether there can be another.
    """

    name: str
    title: str
    origin: Origin | None
    flips: bool = True

    def __str__(self) -> str:
        return f"“{self.title}” ({self.origin or self.name})"

    def to_json(self) -> dict[str, str]:
        """As ``config.json`` has it."""
        origin = self.origin._asdict() if self.origin else {}
        return {"title": self.title, **origin, **({} if self.flips else {"flips": _NO})}


class RecordedMeaning(NamedTuple):
    """What a run says of its way of erasing and its decision; None for the defaults."""

    way: EntryRecord | None
    decision: EntryRecord | None

    @property
    def is_default(self) -> bool:
        """Whether the run renormalises and decides for classes, as in Serrano & Smith (2019)."""
        return self == (None, None)

    @property
    def flips(self) -> bool:
        """Whether there is another decision that erasing could lead to; of a number only where a tolerance is set."""
        return self.decision is None or self.decision.flips

    @property
    def is_distribution(self) -> bool:
        """Whether what the model says is a distribution, with probabilities and divergences; a number is none."""
        return self.decision is None or self.decision.name not in NUMBERS

    def to_json(self) -> dict[str, dict[str, dict[str, str]]]:
        """The entries of config.json; none for the defaults."""
        return {
            each.entry: {record.name: record.to_json()}
            for each, record in zip(CHOSEN, self, strict=True)
            if record is not None
        }


def present_record(registry: Registry[Any], name: str, options: DecisionOptions) -> EntryRecord | None:
    """The record of an entry as it is set, by what there is in this process; None where there is none.

    Raises:
        InputError: a package offers it that cannot be used.
    """
    if name not in registry:
        return None
    entry = as_set(name, options) if registry is DECISIONS else registry[name]
    return EntryRecord(name, entry.title, registry.origin(name), registry is not DECISIONS or entry.flips)


def present_meaning(settings: RunSettings) -> RecordedMeaning:
    """The records of what settings mean, by what there is in this process.

    Raises:
        InputError: there is no such entry, or its package offers one that cannot be used.
    """
    return RecordedMeaning(*(_present(each, settings) for each in CHOSEN))


def present_otherwise(settings: RunSettings) -> dict[str, EntryRecord]:
    """By name the records of the ways of erasing behind the first, by what there is in this process; raises as that."""
    names = map(ERASING.require, settings.erase_by[1:])
    return {name: EntryRecord(name, ERASING[name].title, ERASING.origin(name)) for name in names}


def _present(chosen: Chosen, settings: RunSettings) -> EntryRecord | None:
    name = _first(getattr(settings, chosen.setting))
    if name == chosen.default:
        return None
    return present_record(chosen.registry, chosen.registry.require(name), settings.decision_options)


def told_of_decision(name: str, options: DecisionOptions) -> dict[str, dict[str, dict[str, str]]]:
    """The entry of config.json on a decision of this package; none for the default, and for those of others."""
    record = None if name == CLASS or name not in OWN_DECISIONS else present_record(DECISIONS, name, options)
    return RecordedMeaning(None, record).to_json()


def recorded_meaning(content: Mapping[str, Any]) -> RecordedMeaning:
    """What a config.json, or a summary, says; of what only the settings name nothing but the name is known.

    Args:
        content: of the file; an entry in it that does not fit says nothing.
    """
    return RecordedMeaning(*(_record(content, each) for each in CHOSEN))


def _record(content: Mapping[str, Any], chosen: Chosen) -> EntryRecord | None:
    entry = content.get(chosen.entry)
    records = entry if entry and is_entry(entry) else {}
    name = _first((content.get("settings") or {}).get(chosen.setting, next(iter(records), chosen.default)))
    return None if name == chosen.default else _of_json(name, records)


def recorded_ways(content: Mapping[str, Any]) -> dict[str, EntryRecord]:
    """By name what a config.json, or a summary, says of every way of erasing, the first of which results are of."""
    named = (content.get("settings") or {}).get("erase_by", RENORMALISE)
    names = list(dict.fromkeys(map(str, named if isinstance(named, list | tuple) and named else [named])))
    records: dict[str, Any] = {}
    for entry in (content.get(CHOSEN[0].entry), content.get(OTHERWISE)):
        records |= entry if isinstance(entry, dict) and all(map(is_told, entry.values())) else {}
    own = {name: {"title": ERASING[name].title} for name in names if name in OWN}
    return {name: _of_json(name, own | records) for name in names}


def _of_json(name: str, records: Mapping[str, Any]) -> EntryRecord:
    told = records.get(name, {})
    origin = Origin(told["package"], told["version"]) if "package" in told else None
    title = told.get("title", name.replace("_", " ").capitalize())
    return EntryRecord(visible(name), visible(title), origin, told.get("flips") != _NO)


def _first(named: object) -> str:
    """The name that a setting names first, which names one or several."""
    return str(named[0] if isinstance(named, list | tuple) and named else named)


def require_default(config: Mapping[str, Any], run: str, what: str) -> None:
    """See to it that a run renormalises and decides for classes.

    Args:
        config: the content of its config.json.
        run: what to call it.
        what: is about such runs alone, within a sentence.

    Raises:
        InputError: it does not.
    """
    meaning = recorded_meaning(config)
    if not meaning.is_default:
        told = " and ".join(
            f"{verb} {record}" for verb, record in zip(("erases by", "decides"), meaning, strict=True) if record
        )
        raise InputError(f"{run} {told}: {what} is of runs that renormalise and decide for classes.")


def require_present(config: Mapping[str, Any]) -> None:
    """See to it that what a run was made with is there to compute with.

    Raises:
        InputError: the package that offered it is not installed; the message names it.
    """
    chosen = zip((each.registry for each in CHOSEN), recorded_meaning(config), strict=True)
    named = [(registry, record) for registry, record in chosen if record is not None]
    for registry, record in [*named, *((ERASING, way) for way in list(recorded_ways(config).values())[1:])]:
        if record.name not in registry:
            where = "a program registered and this one does not" if record.origin is None else f"{record.origin} offers"
            more = "" if record.origin is None else ", a package that is not installed here"
            raise InputError(f"The run was made with the {registry.kind} {record.name}, which {where}{more}.")


def is_entry(entry: object) -> bool:
    """Whether something can be one of the entries: a table with the record of one name."""
    return entry is None or (isinstance(entry, dict) and len(entry) == 1 and all(map(is_told, entry.values())))


def is_told(told: object) -> bool:
    """Whether something can be the record of an entry: its title, and the package that offers it, if one does."""
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        return False
    return is_title(told.get("title")) and ("package" in told) == ("version" in told)

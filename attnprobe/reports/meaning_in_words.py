"""What readers are told of a run that erases, or decides, otherwise than by default; of a run by default nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnprobe.runs.meaning_records import EntryRecord, RecordedMeaning, recorded_meaning

Told = Mapping[str, Any]
"""A run's configuration or summary, which both say what is meant by erased and by decided."""


def meaning_in_words(told: Told) -> str:
    """A sentence on the way of erasing and one on the decision, each where it is not the default."""
    way, decision = recorded_meaning(told)
    sentences = [
        f"Erasing here is not to renormalise, but {way}." if way else "",
        _decision_in_words(decision) if decision else "",
    ]
    return " ".join(filter(None, sentences))


def _decision_in_words(decision: EntryRecord) -> str:
    if not decision.flips:
        return f"Nothing flips here: the model predicts a number, {decision}."
    return f"What flips here is not the class, but {decision}."


def meaning_in_brief(meaning: RecordedMeaning) -> list[str]:
    """The same in a few words each, for captions and titles."""
    way, decision = meaning
    return [
        *([f"erased by “{way.title}”"] if way else []),
        *([f"decision “{decision.title}”"] if decision else []),
    ]

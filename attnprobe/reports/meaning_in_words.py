"""What readers are told of a run that erases, or decides, otherwise than by default; of a run by default nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnprobe.erasure.registered_decisions import CONTINUATION
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.runs.meaning_records import EntryRecord, RecordedMeaning, recorded_meaning

Told = Mapping[str, Any]
"""A run's configuration or summary, which both say what is meant by erased and by decided."""


def meaning_in_words(told: Told) -> str:
    """A sentence on the way of erasing and one on the decision, each where it is not the default."""
    way, decision = recorded_meaning(told)
    sentences = [
        f"Erasing here is not to renormalise, but {way}." if way else "",
        _decision_in_words(decision) if decision else "",
        _on_top_in_words(told.get("on_top"), decision),
        _followed_in_words(told.get("followed"), decision),
    ]
    return " ".join(filter(None, sentences))


def _decision_in_words(decision: EntryRecord) -> str:
    if not decision.flips:
        return f"Nothing flips here: the model predicts a number, {decision}."
    moves = " The output that moves is its log-probability, in nats." if decision.name == CONTINUATION else ""
    return f"What flips here is not the class, but {decision}.{moves}"


def _on_top_in_words(on_top: Mapping[str, Any] | None, decision: EntryRecord | None) -> str:
    """In how many documents what is given is decided for to begin with; empty where nothing is given, or not known."""
    if not on_top or decision is None:
        return ""
    share = percent_with_interval(on_top)
    if decision.name == CONTINUATION:
        return f"The model would say it behind {share} of the documents; behind the others a flip is that it does."
    return f"It is on top in {share} of the documents; in the others another is, and a flip puts it there."


def _followed_in_words(names: Sequence[str] | None, decision: EntryRecord | None) -> str:
    """What is followed beside the decision, and where its numbers are; empty where nothing is."""
    if not names:
        return ""
    named = " and ".join(filter(None, [", ".join(f"“{name}”" for name in names[:-1]), f"“{names[-1]}”"]))
    of_tokens = decision is not None and decision.name == CONTINUATION
    what = f"log-probability of its tokens {named} is" if of_tokens else f"probability and logit of {named} are"
    where = "after every single erasure (items.parquet) and along every ordering (target_curves.parquet)"
    return f"The {what} kept {where}."


def meaning_in_brief(meaning: RecordedMeaning) -> list[str]:
    """The same in a few words each, for captions and titles."""
    way, decision = meaning
    return [
        *([f"erased by “{way.title}”"] if way else []),
        *([f"decision “{decision.title}”"] if decision else []),
    ]

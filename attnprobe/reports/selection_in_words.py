"""What of a model's attention a run is about: layers, heads, rows, items; said wherever something is concluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from attnprobe.base.visible import visible
from attnprobe.erasure.registered_decisions import CONTINUATION
from attnprobe.reports.numbers import percent, percent_with_interval
from attnprobe.runs.meaning_records import recorded_meaning
from attnprobe.runs.selection_records import SelectedLayer, recorded_selection
from attnprobe.runs.sink_records import LEAST_WEIGHT, MOST_FLIPS, OF_SINK
from attnprobe.settings.attention import position_of

Summary = Mapping[str, Any]

_ROWS = {
    "first": "the first token's row",
    "last": "the last token's row",
    "at": "the row that is decided at",
    "continued": "the rows that the continuation is read from",
    "all": "all rows",
}


def question(summary: Summary) -> str:
    """The question that a run answers, with what it is about where the model has more than one row of attention."""
    about = selection_in_brief(recorded_selection(summary))
    return "Does attention explain this model?" if not about else f"Does attention explain this model ({about})?"


def selection_in_words(summary: Summary) -> str:
    """A sentence on layers, heads, rows and items; empty of a model whose attention pools.

    Args:
        summary: as ``summarise`` gives it, with what the run was noted to have erased in.
    """
    layers = recorded_selection(summary)
    if not layers:
        return ""
    unit = summary["run"]["unit"]
    specials = (summary.get("special_tokens") or {}).get("items", True)
    items = f"{unit}s, special tokens " + ("among them" if specials else "not: these are never erased")
    if OF_SINK in (summary.get("special_tokens") or {}):
        items += f"; the first {unit}, a sink of attention, is none and never erased"
    decides = _decided_at(summary) + _label_texts(summary)
    return f"This is about {selection_in_brief(layers)}; items are {items}.{decides}"


def _decided_at(summary: Summary) -> str:
    """At which token the model decides, where it does so at one of the text."""
    at = summary.get("decided_at")
    return f" {decided_at_in_words(at)}" if at else ""


def decided_at_in_words(at: str) -> str:
    """At which token of each text a model decides.

    >>> decided_at_in_words("[MASK]"), decided_at_in_words("-2")
    ('The model decides at “[MASK]” of each text.', 'The model decides at token −2 of each text (the last is −1).')
    """
    position = position_of(at)
    if position is None:
        return f"The model decides at “{visible(at)}” of each text."
    counted = "the last is −1" if position < 0 else "the first is 0"
    return f"The model decides at token {str(position).replace('-', '−')} of each text ({counted})."


def _label_texts(summary: Summary) -> str:
    """Between which words a language model decides, and whether each is with the space before it."""
    texts = summary.get("label_texts") or []
    if not texts:
        return ""
    named = [f"“{text.strip()}” {'with' if text.startswith(' ') else 'without'} a space before it" for text in texts]
    return f" It decides between {', '.join(named[:-1])} and {named[-1]}."


def specials_in_words(summary: Summary) -> str:
    """How much of the attention special tokens held, and the first item where it is a sink; empty where not known."""
    shares = summary.get("special_tokens") or {}
    words = []
    if shares.get("share"):
        held = percent_with_interval(shares["share"])
        out = "" if shares.get("items", True) else ", beside what the items have"
        out = ", the sink not counted" if OF_SINK in shares else out
        who = "Special tokens and those of the continuation" if _is_continued(summary) else "Special tokens"
        words.append(f"{who} hold {held} of the attention{out}.")
    sink, unit = shares.get("sink"), summary["run"]["unit"]
    words += _sink_that_was_asked_for(shares, unit)
    if sink:
        words.append(
            f"The first {unit} is a sink of attention: it holds "
            f"{percent_with_interval(sink['weight'])} of it, and erasing it alone changes "
            f"{percent_with_interval(sink['flips'])} of the decisions; by attention it goes first."
        )
    return " ".join(words)


def _sink_that_was_asked_for(shares: Mapping[str, Any], unit: str) -> list[str]:
    """What is said of the first item where a sink is to be left out: that it is, or why it is not."""
    measured = shares.get("sinks")
    if not measured:
        return []
    of_training = (
        f"of {measured['documents']:,} training documents it holds {percent(measured['weight'])} of the attention, and "
        f"erasing it alone changes {percent(measured['flips'])} of the decisions"
    )
    if OF_SINK not in shares:
        limits = f"a sink holds {percent(LEAST_WEIGHT)} or more and changes {percent(MOST_FLIPS)} at most"
        return [f"The first {unit} is no sink of attention, and an item: {of_training} ({limits})."]
    held = percent_with_interval(shares[OF_SINK])
    return [f"The sink that is left out holds {held} of the attention; {of_training}."]


def _is_continued(summary: Summary) -> bool:
    """Whether there are tokens of a continuation among those that are attended to, which are in no item."""
    decision = recorded_meaning(summary).decision
    of_decoder = any(layer.stack for layer in recorded_selection(summary))  # which reads them beside the text
    return decision is not None and decision.name == CONTINUATION and not of_decoder


def selection_in_brief(layers: Sequence[SelectedLayer]) -> str:
    """Layers, rows and heads, as ``the last of 2 layers, the first token's row, all 2 heads``."""
    return ", ".join(filter(None, [_layers(layers), _rows(layers), _heads(layers)])) if layers else ""


def _layers(layers: Sequence[SelectedLayer]) -> str:
    stack, last = visible(layers[0].stack), layers[0].of_layers - 1
    of = f"{stack} " if stack else ""
    numbers = [layer.layer for layer in layers]
    if last == 0:
        return f"the one {of}layer"
    if len(numbers) == last + 1:
        return f"all {last + 1} {of}layers"
    if numbers == [last]:
        return f"the last of {last + 1} {of}layers"
    return f"{of}layer{'s' * (len(numbers) > 1)} {spans(numbers)} of 0–{last}"


def _rows(layers: Sequence[SelectedLayer]) -> str:
    kinds = [layer.rows if isinstance(layer.rows, str) else tuple(layer.rows) for layer in layers]
    if len(set(kinds)) == 1:
        return _named_rows(kinds[0])
    if len(set(kinds[:-1])) == 1:
        return f"{_named_rows(kinds[0])}, of the last layer {_named_rows(kinds[-1])}"
    return "rows by layer"


def _named_rows(rows: str | tuple[int, ...]) -> str:
    return _ROWS[rows] if isinstance(rows, str) else f"row{'s' * (len(rows) > 1)} {spans(rows)}"


def _heads(layers: Sequence[SelectedLayer]) -> str:
    if all(len(layer.heads) == layer.of_heads for layer in layers):
        counts = {layer.of_heads for layer in layers}
        if counts == {1}:
            return ""
        return f"all {counts.pop()} heads" if len(counts) == 1 else "all heads"
    chosen = {tuple(layer.heads) for layer in layers}
    if len(chosen) > 1:
        return "some heads"
    heads = chosen.pop()
    return f"head{'s' * (len(heads) > 1)} {spans(heads)} of 0–{layers[0].of_heads - 1}"


def spans(numbers: Sequence[int]) -> str:
    """Numbers with those in a row as a span.

    >>> spans([0, 2, 3, 4, 7])
    '0, 2–4, 7'
    """
    places = list(enumerate(sorted(numbers)))
    groups = [[number for _, number in group] for _, group in groupby(places, lambda each: each[1] - each[0])]
    return ", ".join(f"{group[0]}–{group[-1]}" if len(group) > 1 else str(group[0]) for group in groups)

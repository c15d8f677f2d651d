"""How orderings agree with what people marked, and what becomes without that, as a table and in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attnprobe.base.visible import visible
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM
from attnprobe.reports.cells import INTERVALS, Row, Table, cell, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.reports.style import display_name

ITSELF = "What is marked"

Summary = Mapping[str, Any]


def rationales_table(summary: Summary) -> Table | None:
    """By annotator what is held against the items that are marked; None without rationales."""
    found = summary.get("rationales")
    if not found:
        return None
    rows = [
        {"annotator": annotator, "held": name, "documents": of["documents"], **held}
        for annotator, of in found.items()
        for name, held in held_rows(of, summary)
    ]

    def agreement(field: str) -> Callable[[Row], str]:
        """Of what is marked with itself it says nothing."""
        return lambda row: cell(row[field] if row["held"] != ITSELF else dict.fromkeys(("value", "low", "high")), 3)

    cells: dict[str, Callable[[Row], str]] = {
        "Annotator": lambda row: in_latex(row["annotator"]),
        "Held against": lambda row: in_latex(row["held"]),
        "AUPRC": agreement("auprc"),
        "Token F1": agreement("token_f1"),
        "IOU F1": agreement("iou_f1"),
        "Comp.": lambda row: cell(row["comprehensiveness"], 3),
        "Of the best (\\%)": lambda row: percentage(row["of_best"]),
    }
    said = "; ".join(annotated(annotator, of, summary) for annotator, of in found.items())
    caption = (
        "orderings and people held against the items that an annotator marked: area under the precision-recall curve "
        "(AUPRC); F1 in items and in spans, found with half of the union, of an ordering's first items, as many as are "
        "marked; fall of the decision's probability without them (Comp.), and as a share of the largest that as many "
        rf"items reach, a ratio of means; {in_latex(said)}; {INTERVALS}"
    )
    return table_of(rows, cells, caption)


def held_rows(of: Mapping[str, Any], summary: Summary) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is held against an annotator's items, by what readers are shown for it: orderings, people, and itself."""
    for name, held in of["orderings"].items():
        yield display_name(name, summary), held
    for name, held in of["annotators"].items():
        yield f"annotator {visible(name)}", held
    yield ITSELF, of["itself"]


def annotated(annotator: str, of: Mapping[str, Any], summary: Summary) -> str:
    """How much an annotator marked, and what is known of the best sets."""
    text = (
        f"annotator {visible(annotator)}: {percent_with_interval(of['marked'])} of the {summary['run']['unit']}s of "
        f"{of['documents']:,} documents are marked"
    )
    text += f", {of['left_out']:,} without any are left out" * bool(of["left_out"])
    return text + (f"; the largest falls are {_certainty(of['best'])}" if of["best"] else "; the largest is not known")


def _certainty(best: Mapping[str, Any]) -> str:
    if not best["between"]:
        return "exact"
    exact = f"exact in {best['exact']:,} documents and " * bool(best["exact"])
    return f"{exact}certified between two ends in {best['between']:,}, {best['widest']:.1g} apart at most"


def rationales_in_words(summary: Summary) -> str:
    """How attention's order agrees with the first annotator, and what the decision loses without what is marked.

    Empty without rationales.
    """
    for annotator, of in (summary.get("rationales") or {}).items():
        return " ".join(filter(None, [_agreement(annotator, of, summary), _faithfulness(of, summary)]))
    return ""


def _agreement(annotator: str, of: Mapping[str, Any], summary: Summary) -> str:
    orderings, unit = of["orderings"], summary["run"]["unit"]
    text = f"People (annotator {visible(annotator)}) marked {percent_with_interval(of['marked'])} of the {unit}s of "
    text += f"{of['documents']:,} documents."
    if ATTENTION in orderings:
        attention = orderings[ATTENTION]
        text += f" Attention's order agrees with them to an AUPRC of {_decimal(attention['auprc'])}"
        if RANDOM in orderings:
            chance = orderings[RANDOM]["auprc"]["value"]
            text += f", a random one to {_decimal({'value': chance})}"
            text += f" (the difference is {_decimal(attention['auprc_above_random'])})"
        others = [f"annotator {visible(name)} to {_decimal(held['auprc'])}" for name, held in of["annotators"].items()]
        text += "".join(f", {other}" for other in others) + "."
    return text


def _faithfulness(of: Mapping[str, Any], summary: Summary) -> str:
    itself, best, unit = of["itself"], of["best"], summary["run"]["unit"]
    text = f"Without what they marked the decision's probability falls by {_decimal(itself['comprehensiveness'])}"
    if RANDOM in of["orderings"]:
        chance = _decimal(of["orderings"][RANDOM]["comprehensiveness"])
        text += f", without as many {unit}s at random by {chance}"
    if best is None:
        return f"{text}."
    text += f", without the best as many by {_decimal(best['attained'])} ({_certainty(best)})"
    if itself["of_best"]["value"] is not None:
        text += f": the first fall is {percent_with_interval(itself['of_best']).replace('-', '−')} of that"
    return f"{text}."


def _decimal(estimate: Mapping[str, Any]) -> str:
    """``0.331 [0.300, 0.362]``; without the interval where there is none."""
    value, low, high = (estimate.get(end) for end in ("value", "low", "high"))
    shown = "–" if value is None else _signed(value)
    return shown if low is None or high is None else f"{shown} [{_signed(low)}, {_signed(high)}]"


def _signed(number: float) -> str:
    return f"{round(number, 3) + 0.0:.3f}".replace("-", "−")

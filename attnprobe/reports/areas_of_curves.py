"""What is read off whole curves, as a table and in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attnprobe.erasure.curve_names import SCORES
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM
from attnprobe.reports.cells import INTERVALS, Row, Table, cell, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import percent, percent_with_interval
from attnprobe.reports.style import display_name

TRIVIAL = (
    "sufficiency is trivial under renormalisation: what is kept is given all the weight, so that any one item decides "
    "as its own logits do, however little attention it had"
)
"""What stands wherever sufficiency does."""


def areas_of_curves(summary: Mapping[str, Any]) -> Table | None:
    """By ordering the areas of its curves; None where no whole curves are kept.

    LaTeX shows those of the probability, and where the limits are known what share of what can be reached they are.
    """
    found = summary["curves"]
    if found is None:
        return None
    rows = [{"ordering": name} | dict(row) for name, row in found["orderings"].items()]

    def of_probability(field: str, show: Callable[[Row], str]) -> Callable[[Row], str]:
        return lambda row: show(row["probability"][field])

    def alone(estimate: Row) -> str:
        return cell({"value": estimate["value"], "low": None, "high": None}, 3)

    cells: dict[str, Callable[[Row], str]] = {
        "Ordering": lambda row: in_latex(display_name(row["ordering"], summary)),
        "Comp.": of_probability("comprehensiveness", lambda estimate: cell(estimate, 3)),
        "Suff.": of_probability("sufficiency", lambda estimate: cell(estimate, 3)),
        "Comp., ERASER": of_probability("comprehensiveness_eraser", alone),
        "Suff., ERASER": of_probability("sufficiency_eraser", alone),
        "Log-odds": lambda row: alone(row["log_odds"]),
        "SRG": of_probability("symmetric_relevance_gain", alone),
        "RACU": of_probability("area_against_random", alone),
    }
    said = ""
    for score in SCORES:
        if score in found["limits"]:
            cells[f"Normalised, {score} (\\%)"] = _normalised(score)
            said += "; " + in_latex(_limits_in_words(score, found["limits"][score]))
    caption = (
        rf"areas of the decision's curves over {found['documents']:,} documents, of its probability: comprehensiveness "
        r"and sufficiency (AOPC, mean over every number of erased items; ERASER's over 1, 5, 10, 20 and 50\,\% of "
        r"them), log-odds, symmetric relevance gain and area against random orderings (RACU)"
        rf"{said}; {in_latex(TRIVIAL)}; {INTERVALS}"
    )
    return table_of(rows, cells, caption)


def _normalised(score: str) -> Callable[[Row], str]:
    return lambda row: percentage(row[score]["normalised"])


def _limits_in_words(score: str, counts: Mapping[str, Any]) -> str:
    """Of how many documents what is known: exact, between, attained, or that there is no share."""
    known = [f"{counts['exact']:,} exact"] * bool(counts["exact"])
    known += [f"{counts['between']:,} certified between two ends, {counts['widest']:.1g} apart at most"] * bool(
        counts["between"]
    )
    known += [
        f"{counts['attained']:,} attained by orders that were searched for, so that 0 and 100 are the least and the "
        "most that is known to be reached"
    ] * bool(counts["attained"])
    known += [f"{counts['equal']:,} not defined, because both limits are equal"] * bool(counts["equal"])
    return (
        f"normalised, {score}: 0 is the least comprehensiveness that any ordering of a document has, 100 the most; "
        f"limits of {counts['documents']:,} documents: {', '.join(known)}"
    )


def curves_in_words(summary: Mapping[str, Any]) -> str:
    """Where attention is between the worst and the best order; empty where limits are not known."""
    found = summary["curves"]
    if found is None or "probability" not in found["limits"] or ATTENTION not in found["orderings"]:
        return ""
    normalised = found["orderings"][ATTENTION]["probability"]["normalised"]
    if normalised["value"] is None:
        return ""
    found_ones = " found" * bool(found["limits"]["probability"]["attained"])
    at_random = found["orderings"].get(RANDOM)
    beside = f", a random order's at {percent(at_random['probability']['normalised']['value'])}" if at_random else ""
    return (
        f"Between the worst order{found_ones} (0 %) and the best{found_ones} (100 %), attention's AOPC is at "
        f"{percent_with_interval(normalised)}{beside} ({normalised['n']:,} documents)."
    )

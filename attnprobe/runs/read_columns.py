"""Which columns of a run's tables are looked at; the others are not read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attnprobe.erasure.certified_names import ENUMERATED, FLIP_BOUND, FLIP_SMALLEST
from attnprobe.erasure.correlation_names import CORRELATIONS
from attnprobe.erasure.curve_names import LIMIT_COLUMNS, OF_LABEL, RANDOM_COLUMNS
from attnprobe.erasure.registered_measurements import MEASURED, OWN_MEASUREMENTS
from attnprobe.erasure.state_names import INSIDE_COLUMNS, STATE_P

NEEDED = {
    "documents": ("document", "label", "decision", "n", "attention_entropy_normalised", "top_item", "top_weight"),
    "erasures": ("document", "ordering", "draw", "n", "removed", "mass"),
}
"""Without which there are no results."""

HEAD_COLUMNS = (
    *("document", "stack", "layer", "head", "n", "removed_attention", "removed_random"),
    *("attention_entropy_normalised", "js_top", "js_other", "flip_top"),
)
"""Of heads.parquet."""

EFFECT_COLUMNS = (
    *("document", "stack", "layer", "head", "n", "attention_entropy_normalised"),
    *("js_whole", "flip_whole", "js_top", "flip_top", "js_other", "flip_other"),
)
"""Of head_effects.parquet."""

CURVE_COLUMNS = (
    *("document", "ordering", "draw", "removed"),
    *("probability", "log_probability", "logit", "kept_probability", "kept_logit"),
)
"""Of curves.parquet."""

RATIONALE_COLUMNS = (
    *("document", "annotator", "kind", "name", "draw", "marked"),
    *("auprc", "token_f1", "iou_f1", "comprehensiveness", "at_most"),
)
"""Of rationales.parquet."""

_ERASURES = (*NEEDED["erasures"], "emptied", "emptied_rows", "sufficient", *INSIDE_COLUMNS, *RANDOM_COLUMNS)

_DOCUMENTS = (
    *NEEDED["documents"],
    *(name for each in OWN_MEASUREMENTS.values() for name in each.columns),
    *CORRELATIONS,
    STATE_P,
    *LIMIT_COLUMNS,
    *(FLIP_SMALLEST, FLIP_BOUND, ENUMERATED),
    *("must_flip", "may_flip", "never_flips", "top_can_flip", "top_can_stay", "earlier_can_fail"),
    *("first_flip_earliest", "first_flip_latest", "random_earliest"),
)

_DOCUMENTS_BY_BEGINNING = (
    *(f"{name}_" for each in OWN_MEASUREMENTS.values() if each.by_ordering for name in each.columns),
    *(f"{name}_" for each in OWN_MEASUREMENTS.values() for name in each.by_way),
    MEASURED,
)
"""Columns of single orderings, and of measurements of other packages."""


OF_FIRST_WAY = ("sufficient", *RANDOM_COLUMNS, *INSIDE_COLUMNS)
"""Columns of erasures.parquet that are null in rows of further ways of erasing."""

ITEMS_BY_WAY = ("js", "flips")
"""Columns of items.parquet that are there once more for each further way of erasing."""

_OF_FIRST_WAY = (
    *LIMIT_COLUMNS,
    *OWN_MEASUREMENTS["sufficient_set"].columns,
    *(FLIP_SMALLEST, FLIP_BOUND, ENUMERATED),
    *("must_flip", "may_flip", "never_flips", "top_can_flip", "top_can_stay", "earlier_can_fail"),
    *("first_flip_earliest", "first_flip_latest", "random_earliest"),
)


def columns_of_way(present: Sequence[str], way: str, ways: Sequence[str]) -> dict[str, str]:
    """Those of the columns of documents.parquet that are looked at, and what they are of one way of erasing.

    Args:
        present: all that there are.
        way: which.
        ways: all that the run has results of, the first of which has columns without its name behind them.

    >>> columns_of_way(["n", "js_top", "js_top_zero"], "zero", ["renormalise", "zero"])
    {'n': 'n', 'js_top_zero': 'js_top'}
    """
    told = {name: _way_of(name, ways) for name in document_columns(present)}
    kept = {name: name for name, of in told.items() if of is None or (of == way == ways[0])}
    if way == ways[0]:
        return kept
    kept = {name: name for name in kept if name not in _OF_FIRST_WAY}
    return kept | {name: name.removesuffix(f"_{way}") for name, of in told.items() if of == way}


def _way_of(name: str, ways: Sequence[str]) -> str | None:
    """Which of the ways of a run a column hangs on; None where it hangs on none."""
    for way in ways[1:]:
        if name.endswith(f"_{way}") and _hangs_on_way(name.removesuffix(f"_{way}")):
            return way
    return ways[0] if _hangs_on_way(name) else None


def _hangs_on_way(name: str) -> bool:
    return any(each.hangs_on_way(name) for each in OWN_MEASUREMENTS.values())


def document_columns(present: Iterable[str]) -> list[str]:
    """Those of the columns of documents.parquet that are looked at."""
    return [name for name in present if name in _DOCUMENTS or name.startswith(_DOCUMENTS_BY_BEGINNING)]


def erasure_columns(present: Iterable[str]) -> list[str]:
    """Those of the columns of erasures.parquet that are looked at."""
    return [name for name in present if name in _ERASURES or name.startswith(OF_LABEL)]

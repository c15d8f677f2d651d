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
    *(name for each in ("sufficient_set",) for name in OWN_MEASUREMENTS[each].columns),
    *("must_flip", "may_flip", "never_flips", "top_can_flip", "top_can_stay", "earlier_can_fail"),
    *("first_flip_earliest", "first_flip_latest", "random_earliest"),
    *(FLIP_SMALLEST, FLIP_BOUND, ENUMERATED),
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
    others = {name: _other_way(name, ways[1:]) for name in document_columns(present)}
    if way == ways[0]:
        return {name: name for name, (_, of) in others.items() if of is None}
    found = {name: base for name, (base, of) in others.items() if of == way}
    replaced = set(found.values())
    kept = {name: name for name, (_, of) in others.items() if of is None}
    return {
        name: base
        for name, base in (kept | found).items()
        if name in found or not (name in replaced or name in _OF_FIRST_WAY or _hangs_on_way(name))
    }


def _other_way(name: str, ways: Iterable[str]) -> tuple[str, str | None]:
    """What a column is called in a run of one way, and which of some further ways it is of; None: of the first."""
    for way in ways:
        base = name.removesuffix(f"_{way}")
        if base != name and _hangs_on_way(base):
            return base, way
    return name, None


def _hangs_on_way(name: str) -> bool:
    return any(each.hangs_on_way(name) for each in OWN_MEASUREMENTS.values())


def document_columns(present: Iterable[str]) -> list[str]:
    """Those of the columns of documents.parquet that are looked at."""
    return [name for name in present if name in _DOCUMENTS or name.startswith(_DOCUMENTS_BY_BEGINNING)]


def erasure_columns(present: Iterable[str]) -> list[str]:
    """Those of the columns of erasures.parquet that are looked at."""
    return [name for name in present if name in _ERASURES or name.startswith(OF_LABEL)]

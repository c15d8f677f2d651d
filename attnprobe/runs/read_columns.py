"""Which columns of a run's tables are looked at; the others are not read."""

from __future__ import annotations

from collections.abc import Iterable

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

_ERASURES = (*NEEDED["erasures"], "emptied", "emptied_rows")

_DOCUMENTS = (
    *NEEDED["documents"],
    *("p_decision", "output_entropy", "attention_entropy", "attention_kl_uniform", "attention_js_uniform", "js_other"),
    *(f"{what}_{which}" for what in ("weight", "js", "flip") for which in ("second", "lowest", "second_lowest")),
    *("must_flip", "may_flip", "never_flips", "top_can_flip", "top_can_stay", "earlier_can_fail"),
    *("first_flip_earliest", "first_flip_latest", "random_earliest"),
)

_DOCUMENTS_BY_ORDERING = ("top_item", "js_top", "delta_js_negative", "delta_js_zero", "flip_top", "flip_other")
"""Each as it is, of attention, and with the name of another ordering behind it."""


def document_columns(present: Iterable[str]) -> list[str]:
    """Those of the columns of documents.parquet that are looked at."""
    return [name for name in present if name in _DOCUMENTS or _is_by_ordering(name)]


def erasure_columns(present: Iterable[str]) -> list[str]:
    """Those of the columns of erasures.parquet that are looked at."""
    return [name for name in present if name in _ERASURES]


def _is_by_ordering(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}_") for each in _DOCUMENTS_BY_ORDERING)

"""What the columns of a run's tables hold: of which kind, within which bounds, and where a value may be missing.

A run's folder may come from anybody. What is declared here is checked where tables are read, a part at a time, so that
nothing behind that meets a number which no run can have. Rounding is allowed for: shares may pass 0 and 1 by ``SLACK``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from attnprobe.base.bounds import MOST_DOCUMENTS

SLACK = 1e-6
"""By how much a number that was computed in floating point may pass its bound."""

MOST_NUMBER = 2**31 - 1

LONGEST_NAME = 200
"""Characters of the name of an ordering or of a stack of attention layers."""


class Kind(Enum):
    """What the values of a column are, in words."""

    WHOLE = "a whole number"
    REAL = "a number"
    YES_NO = "yes or no"
    TEXT = "text"
    NAME = f"a name of 1 to {LONGEST_NAME} characters"


class Missing(Enum):
    """Where a value may be missing."""

    NOWHERE = "in no row"
    ONE_ITEM = "in rows of a single item"
    ANYWHERE = "in any row"


class Column(NamedTuple):
    """What a column holds.

    Attributes:
        kind: of its values; yes and no may be written as the numbers 1 and 0.
        low, high: bounds of a number, which are among the values; what is not finite is not a number.
        left_out: whole numbers within the bounds that are no value.
        missing: where a value may be missing.
        up_to: a column of whole numbers in the same table that this one does not pass in any row.
        less: by how much it stays below it.
        infinite: whether infinity is a value, too.
        with_removed: whether it has a value, or says yes, only where ``removed`` is not −1; and a value wherever it is
            not.
    """

    kind: Kind
    low: float = -math.inf
    high: float = math.inf
    left_out: tuple[int, ...] = ()
    missing: Missing = Missing.NOWHERE
    up_to: str | None = None
    less: int = 0
    infinite: bool = False
    with_removed: bool = False

    @property
    def words(self) -> str:
        """What its values are, as it is said where one is not."""
        if self.kind not in (Kind.WHOLE, Kind.REAL) or (self.low, self.high) == (-math.inf, math.inf):
            return self.kind.value
        low, high = (
            f"{round(bound, 5) + 0.0:,g}" if abs(bound) < 1e4 else f"{bound:,.0f}" for bound in (self.low, self.high)
        )
        ends = f" from {low} to {high}" if math.isfinite(self.high) else f" from {low} on"
        return f"{self.kind.value}{ends}{''.join(f' other than {number}' for number in self.left_out)}"


def _count(low: int = 0, **more: object) -> Column:
    return Column(Kind.WHOLE, low, MOST_NUMBER, **more)  # type: ignore[arg-type]


def _share(missing: Missing = Missing.NOWHERE, **more: object) -> Column:
    return Column(Kind.REAL, -SLACK, 1 + SLACK, missing=missing, **more)  # type: ignore[arg-type]


def _from_zero(missing: Missing = Missing.NOWHERE) -> Column:
    return Column(Kind.REAL, -SLACK, math.inf, missing=missing)


def _nats(missing: Missing = Missing.NOWHERE) -> Column:
    """A Jensen-Shannon divergence, which is log 2 at most."""
    return Column(Kind.REAL, -SLACK, math.log(2) + SLACK, missing=missing)


_ALONE, _ANYWHERE = Missing.ONE_ITEM, Missing.ANYWHERE

_DOCUMENT = Column(Kind.WHOLE, 0, MOST_DOCUMENTS - 1)
_OF_ITEMS = _count(missing=_ANYWHERE, up_to="n")
_REMOVED = _count(-1, left_out=(0,), up_to="n")
_REACHED = _count(-1, left_out=(0,), missing=_ANYWHERE, up_to="n")
_YES_NO = Column(Kind.YES_NO, 0, 1)
_MAYBE = Column(Kind.YES_NO, 0, 1, missing=_ANYWHERE)
_HEAD = {
    "document": _DOCUMENT,
    "stack": Column(Kind.NAME),
    "layer": Column(Kind.WHOLE, 0, 10_000),
    "head": Column(Kind.WHOLE, 0, 10_000),
}

COLUMNS: Mapping[str, Mapping[str, Column]] = {
    "documents": {
        "document": _DOCUMENT,
        "label": _count(-1),
        "decision": _count(),
        "n": _count(1),
        "p_decision": _share(),
        "output_entropy": _from_zero(),
        "attention_entropy": _from_zero(),
        "attention_entropy_normalised": _share(_ALONE),
        "attention_kl_uniform": _from_zero(),
        "attention_js_uniform": _nats(),
        **{f"weight_{which}": _share(_ALONE) for which in ("second", "lowest", "second_lowest")},
        **{f"js_{which}": _nats(_ALONE) for which in ("second", "lowest", "second_lowest")},
        **{
            f"flip_{which}": Column(Kind.YES_NO, 0, 1, missing=_ALONE)
            for which in ("second", "lowest", "second_lowest")
        },
        **dict.fromkeys(("must_flip", "may_flip", "never_flips"), _OF_ITEMS),
        **dict.fromkeys(("first_flip_earliest", "first_flip_latest", "random_earliest", "random_latest"), _REACHED),
        **dict.fromkeys(("top_can_flip", "top_can_stay", "top_can_change", "earlier_can_fail"), _MAYBE),
        **dict.fromkeys(
            ("kendall_tau_low", "kendall_tau_found"), Column(Kind.REAL, -1 - SLACK, 1 + SLACK, missing=_ANYWHERE)
        ),
    },
    "erasures": {
        "document": _DOCUMENT,
        "ordering": Column(Kind.NAME),
        "draw": Column(Kind.WHOLE, 0, 127),
        "n": _count(1),
        "removed": _REMOVED,
        "fraction": _share(with_removed=True, missing=_ANYWHERE),
        "mass": _share(with_removed=True, missing=_ANYWHERE),
        "emptied": Column(Kind.YES_NO, 0, 1, with_removed=True),
        "emptied_rows": _count(missing=_ANYWHERE),
    },
    "items": {
        "document": _DOCUMENT,
        "position": Column(Kind.WHOLE, 0, MOST_DOCUMENTS - 1),
        "token": Column(Kind.TEXT),
        "before": Column(Kind.TEXT, missing=_ANYWHERE),
        "weight": _share(),
        "gradient": Column(Kind.REAL),
        "js": _nats(),
        "flips": _YES_NO,
    },
    "heads": {
        **_HEAD,
        "n": _count(),
        "prefixes": _count(),
        "removed_attention": _REMOVED,
        "removed_random": _REMOVED,
        "top_weight": _share(_ANYWHERE),
        "attention_entropy_normalised": _share(_ALONE),
        "js_top": _nats(),
        "js_other": _nats(_ANYWHERE),
        "flip_top": _YES_NO,
    },
    "identifiability": {
        **_HEAD,
        "row": _count(-1),
        "n": _count(),
        "d_v": _count(1),
        "d_k": Column(Kind.REAL, 1, MOST_NUMBER, missing=_ANYWHERE),
        "dk_star": Column(Kind.REAL, 0, missing=_ANYWHERE, infinite=True),
        **dict.fromkeys(("rank", "nullity", "distinct", "practical_rank_1e3", "practical_rank_1e2"), _count(up_to="n")),
        "sampled": _YES_NO,
        "failed": _MAYBE,
        "seconds": _from_zero(_ANYWHERE),
        **dict.fromkeys(("mean_width", "largest_width", "top_weight", "top_low", "top_high"), _share(_ANYWHERE)),
        "can_be_top": _OF_ITEMS,
        "top_can_change": _MAYBE,
        **dict.fromkeys(
            ("kendall_tau_low", "kendall_tau_found"), Column(Kind.REAL, -1 - SLACK, 1 + SLACK, missing=_ANYWHERE)
        ),
        **dict.fromkeys(("farthest_low", "farthest_high"), _share(_ANYWHERE)),
        **dict.fromkeys(("entropy", "greatest_entropy"), _from_zero(_ANYWHERE)),
    },
    "weight_ranges": {
        **_HEAD,
        "position": Column(Kind.WHOLE, 0, MOST_DOCUMENTS - 1),
        **dict.fromkeys(("weight", "low", "high", "maximum_entropy"), _share()),
    },
}
"""By table and name."""

_BY_BEGINNING: Mapping[str, Mapping[str, Column]] = {
    "documents": {
        "top_item": _count(up_to="n", less=1),
        "top_weight": _share(),
        "js_top": _nats(),
        "js_other": _nats(_ALONE),
        "delta_js_negative": _share(_ALONE),
        "delta_js_zero": _share(_ALONE),
        "flip_top": _YES_NO,
        "flip_other": _share(_ALONE),
    },
    "items": {
        "contribution_": Column(Kind.REAL),
        "rank_": Column(Kind.WHOLE, 0, MOST_DOCUMENTS - 1, missing=_ANYWHERE),
    },
}
"""Of columns of which there is one for each ordering or class: what their names begin with."""


def column_of(table: str, name: str) -> Column | None:
    """What a column of one of the ``COLUMNS`` holds; None where that is not known, and nobody looks at it."""
    known = COLUMNS.get(table, {}).get(name)
    if known is not None:
        return known
    return next((column for start, column in _BY_BEGINNING.get(table, {}).items() if name.startswith(start)), None)

"""What the columns of a run's tables hold: of which kind, within which bounds, and where a value may be missing.

A run's folder may come from anybody. What is declared here, and of measurements with them, is checked where tables are
read, a part at a time, so that nothing behind that meets a number which no run can have.
"""

from __future__ import annotations

from collections.abc import Mapping

from attnprobe.base.bounds import MOST_DOCUMENTS
from attnprobe.base.column_values import MOST_NUMBER, SLACK, Column, Missing, Values
from attnprobe.erasure.certified_names import ENUMERATED, FLIP_BOUND, FLIP_SMALLEST, FLIPPING_ITEM, SUFFICIENT_ITEM
from attnprobe.erasure.correlation_names import CORRELATIONS
from attnprobe.erasure.curve_names import LIMIT_COLUMNS, OF_LABEL, OF_TARGET
from attnprobe.erasure.rationale_names import RATIONALE
from attnprobe.erasure.registered_measurements import MEASURED, OWN_MEASUREMENTS
from attnprobe.erasure.registered_ways import ERASE_BY
from attnprobe.erasure.state_names import FLIP_P, REMOVED_INSIDE, STATE_P

_ALONE, _ANYWHERE = Missing.ONE_ITEM, Missing.ANYWHERE

_DOCUMENT = Column(Values.WHOLE, 0, MOST_DOCUMENTS - 1)
_OF_ITEMS = Column.whole(missing=_ANYWHERE, up_to="n")
_REMOVED = Column.whole(low=-1, left_out=(0,), up_to="n")
_REACHED = Column.whole(low=-1, left_out=(0,), missing=_ANYWHERE, up_to="n")
_YES_NO = Column(Values.YES_NO, 0, 1)
_MAYBE = Column(Values.YES_NO, 0, 1, missing=_ANYWHERE)
_HEAD = {
    "document": _DOCUMENT,
    "stack": Column(Values.NAME),
    "layer": Column(Values.WHOLE, 0, 10_000),
    "head": Column(Values.WHOLE, 0, 10_000),
}

_CURVES = {
    "document": _DOCUMENT,
    "ordering": Column(Values.NAME),
    "draw": Column(Values.WHOLE, 0, 127),
    "removed": Column.whole(),
    "target": Column.whole(),
    **dict.fromkeys(("probability", "kept_probability"), Column.share(of_distribution=True)),
    "log_probability": Column(Values.REAL, high=SLACK, of_distribution=True),
    **dict.fromkeys(("logit", "kept_logit"), Column.number(missing=_ANYWHERE)),
}

COLUMNS: Mapping[str, Mapping[str, Column]] = {
    "documents": {
        "document": _DOCUMENT,
        "label": Column.whole(low=-1),
        **{name: column for each in OWN_MEASUREMENTS.values() for name, column in each.columns.items()},
        **dict.fromkeys(CORRELATIONS, Column(Values.REAL, -1 - SLACK, 1 + SLACK, missing=_ANYWHERE)),
        STATE_P: Column.share(missing=_ANYWHERE),
        **dict.fromkeys(LIMIT_COLUMNS, Column.number(missing=_ANYWHERE, infinite=True)),
        FLIP_SMALLEST: _REACHED,
        FLIP_BOUND: _REACHED,
        ENUMERATED: _MAYBE,
        **dict.fromkeys(("must_flip", "may_flip", "never_flips"), _OF_ITEMS),
        **dict.fromkeys(("first_flip_earliest", "first_flip_latest", "random_earliest", "random_latest"), _REACHED),
        **dict.fromkeys(("top_can_flip", "top_can_stay", "top_can_change", "earlier_can_fail"), _MAYBE),
        **dict.fromkeys(
            ("kendall_tau_low", "kendall_tau_found"), Column(Values.REAL, -1 - SLACK, 1 + SLACK, missing=_ANYWHERE)
        ),
    },
    "erasures": {
        "document": _DOCUMENT,
        "ordering": Column(Values.NAME),
        "draw": Column(Values.WHOLE, 0, 127),
        ERASE_BY: Column(Values.NAME),
        "n": Column.whole(low=1),
        "removed": _REMOVED,
        "fraction": Column.share(with_removed=True, missing=_ANYWHERE),
        "mass": Column.share(with_removed=True, missing=_ANYWHERE),
        "emptied": Column(Values.YES_NO, 0, 1, with_removed=True),
        "emptied_rows": Column.whole(missing=_ANYWHERE),
        "sufficient": Column.whole(up_to="n", missing=_ANYWHERE),
        FLIP_P: Column.share(missing=_ANYWHERE),
        REMOVED_INSIDE: Column.whole(low=-1, left_out=(0,), missing=_ANYWHERE, up_to="n"),
        "random_tried": Column.whole(low=1, missing=_ANYWHERE),
        "random_better": Column.whole(missing=_ANYWHERE, up_to="random_tried"),
        "random_equal": Column.whole(missing=_ANYWHERE, up_to="random_tried"),
    },
    "items": {
        "probability": Column.share(missing=_ANYWHERE),
        "log_probability": Column(Values.REAL, high=SLACK, missing=_ANYWHERE),
        "logit": Column.number(missing=_ANYWHERE),
        "document": _DOCUMENT,
        "position": Column(Values.WHOLE, 0, MOST_DOCUMENTS - 1),
        "token": Column(Values.TEXT),
        "before": Column(Values.TEXT, missing=_ANYWHERE),
        "weight": Column.share(),
        "gradient": Column(Values.REAL),
        "js": Column.nats(of_distribution=True),
        "flips": _YES_NO,
        SUFFICIENT_ITEM: _MAYBE,
        FLIPPING_ITEM: _MAYBE,
    },
    **dict.fromkeys(("curves", "target_curves"), _CURVES),
    "rationales": {
        "document": _DOCUMENT,
        **dict.fromkeys(("annotator", "kind", "name"), Column(Values.NAME)),
        "draw": Column(Values.WHOLE, 0, 127),
        "marked": Column.whole(low=1),
        **dict.fromkeys(("auprc", "token_f1", "iou_f1"), Column.share(missing=_ANYWHERE)),
        **dict.fromkeys(
            ("comprehensiveness", "at_most"), Column(Values.REAL, -1 - SLACK, 1 + SLACK, missing=_ANYWHERE)
        ),
    },
    "heads": {
        **_HEAD,
        "n": Column.whole(),
        "prefixes": Column.whole(),
        "removed_attention": _REMOVED,
        "removed_random": _REMOVED,
        "top_weight": Column.share(missing=_ANYWHERE),
        "attention_entropy_normalised": Column.share(missing=_ALONE),
        "js_top": Column.nats(),
        "js_other": Column.nats(missing=_ANYWHERE),
        "flip_top": _YES_NO,
    },
    "head_effects": {
        **_HEAD,
        "n": Column.whole(),
        "top_weight": Column.share(missing=_ANYWHERE),
        "attention_entropy_normalised": Column.share(missing=_ALONE),
        "js_whole": Column.nats(),
        "flip_whole": _YES_NO,
        "js_top": Column.nats(),
        "flip_top": _YES_NO,
        "js_other": Column.nats(missing=_ANYWHERE),
        "flip_other": _MAYBE,
    },
    "attention_maps": {
        **_HEAD,
        **dict.fromkeys(("queries", "keys"), Column.whole(low=1)),
        "weights": Column(Values.TEXT),
    },
    "attention_tokens": {
        "document": _DOCUMENT,
        "side": Column(Values.NAME),
        "position": Column.whole(),
        "token": Column(Values.TEXT),
        "item": Column.whole(low=-1),
    },
    "identifiability": {
        **_HEAD,
        "row": Column.whole(low=-1),
        "n": Column.whole(),
        "d_v": Column.whole(low=1),
        "d_k": Column(Values.REAL, 1, MOST_NUMBER, missing=_ANYWHERE),
        "dk_star": Column(Values.REAL, 0, missing=_ANYWHERE, infinite=True),
        **dict.fromkeys(
            ("rank", "nullity", "distinct", "practical_rank_1e3", "practical_rank_1e2"), Column.whole(up_to="n")
        ),
        "sampled": _YES_NO,
        "failed": _MAYBE,
        "seconds": Column.from_zero(missing=_ANYWHERE),
        **dict.fromkeys(
            ("mean_width", "largest_width", "top_weight", "top_low", "top_high"), Column.share(missing=_ANYWHERE)
        ),
        "can_be_top": _OF_ITEMS,
        "top_can_change": _MAYBE,
        **dict.fromkeys(
            ("kendall_tau_low", "kendall_tau_found"), Column(Values.REAL, -1 - SLACK, 1 + SLACK, missing=_ANYWHERE)
        ),
        **dict.fromkeys(("farthest_low", "farthest_high"), Column.share(missing=_ANYWHERE)),
        **dict.fromkeys(("entropy", "greatest_entropy"), Column.from_zero(missing=_ANYWHERE)),
    },
    "weight_ranges": {
        **_HEAD,
        "position": Column(Values.WHOLE, 0, MOST_DOCUMENTS - 1),
        **dict.fromkeys(("weight", "low", "high", "maximum_entropy"), Column.share()),
    },
}
"""By table and name."""


def _by_way(column: Column) -> Column:
    """The same of a way of erasing with several draws, over which it is averaged."""
    return column._replace(values=Values.AVERAGED) if column.values == Values.YES_NO else column


_TARGET_SCORES = (
    Column.share(missing=_ANYWHERE),
    Column(Values.REAL, high=SLACK, missing=_ANYWHERE),
    Column.number(missing=_ANYWHERE),
)

_BY_BEGINNING: Mapping[str, Mapping[str, Column]] = {
    "documents": {
        **{f"{name}_": _by_way(each.columns[name]) for each in OWN_MEASUREMENTS.values() for name in each.by_way},
        **{
            name: column
            for each in OWN_MEASUREMENTS.values()
            if each.by_ordering
            for name, column in each.columns.items()
        },
        MEASURED: Column.number(missing=_ANYWHERE),
    },
    "erasures": {OF_LABEL: _REMOVED},
    "items": {
        "contribution_": Column(Values.REAL),
        **dict(zip(OF_TARGET, _TARGET_SCORES, strict=True)),
        RATIONALE: _MAYBE,
        "js_": Column.nats(of_distribution=True),
        "flips_": _by_way(_YES_NO),
        "rank_": Column(Values.WHOLE, 0, MOST_DOCUMENTS - 1, missing=_ANYWHERE),
    },
}
"""Of columns of which there is one for each ordering, class or measurement: what their names begin with."""


def column_of(table: str, name: str) -> Column | None:
    """What a column of one of the ``COLUMNS`` holds; None where that is not known, and nobody looks at it."""
    known = COLUMNS.get(table, {}).get(name)
    if known is not None:
        return known
    return next((column for start, column in _BY_BEGINNING.get(table, {}).items() if name.startswith(start)), None)

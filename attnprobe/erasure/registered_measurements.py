"""The measurements there are: what is known of each document beside where orderings flip it.

A measurement is one or more columns of documents.parquet. This module loads no torch: columns are needed where results
are read. What measures is in ``measurements``, which is loaded when the first of it is called.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attnprobe.base.column_values import Column, Missing, Values
from attnprobe.base.registry import Registry
from attnprobe.erasure.certified_names import NECESSARY, SUFFICIENT_BOUND, SUFFICIENT_SMALLEST

if TYPE_CHECKING:
    from torch import Tensor

    from attnprobe.erasure.erasable import Erasable

MEASUREMENT_GROUP = "attnprobe.measurements"
"""The entry-point group in which packages offer measurements."""

MEASURED = "measured_"
"""What the columns of measurements of other packages begin with: behind it stand the measurement's name and theirs."""

MOST_COLUMNS = 20
"""Columns of one measurement of another package."""

_COLUMN = re.compile(r"[a-z0-9_]{1,40}")


def _every(batch: Erasable) -> bool:
    """A measurement that can be made of every model."""
    return True


@dataclass(frozen=True)
class Measurement:
    """What is measured of each document, under a name.

    Attributes:
        title: what readers are shown, as "Gini coefficient of the attention".
        measure: makes columns (batch,) by name, NaN where a document has no value, out of a batch of documents and of
            what each ordering makes of it: permutations (draws, batch, items), the real items first. What it gives is
            to be the same for a document whoever shares its batch.
        columns: what each of them holds, by name; its ``description`` is what readers are shown beside the title.
        by_ordering: whether each column is there once more, with ``_`` and its name behind it, for every explanation
            and control other than attention; then ``measure`` is given the orders of these alone. Of this package
            alone.
        fits: whether a batch's model is one that it can be made of; it is not asked of models in which it is not.
        description: one line for lists.
        by_way: which of its columns hang on what is meant by erased: runs that erase in several ways have these once
            more for each further one, with ``_`` and its name behind them. Of this package alone.
    """

    title: str
    measure: Callable[[Erasable, Mapping[str, Tensor]], Mapping[str, Tensor]]
    columns: Mapping[str, Column]
    by_ordering: bool = False
    fits: Callable[[Erasable], bool] = _every
    description: str = ""
    by_way: tuple[str, ...] = ()

    def hangs_on_way(self, column: str) -> bool:
        """Whether a column of its, perhaps one of a single ordering, hangs on what is meant by erased."""
        if column in self.columns or not self.by_ordering:
            return column in self.by_way
        return column.startswith(tuple(f"{name}_" for name in self.by_way))


LONGEST_TITLE_OF_A_MEASUREMENT = 60
"""Characters."""


def _fault(entry: object) -> str | None:
    if not isinstance(entry, Measurement):
        return f"it is no attnprobe.Measurement, but of the type {type(entry).__name__}"
    if not isinstance(entry.title, str) or not 0 < len(entry.title) <= LONGEST_TITLE_OF_A_MEASUREMENT:
        return f"its title is no text of 1 to {LONGEST_TITLE_OF_A_MEASUREMENT} characters"
    if not callable(entry.measure) or not callable(entry.fits):
        return "its measure and fits are no functions"
    if entry.by_ordering or entry.by_way:
        return "it has columns by ordering, or by way of erasing, which it has to name itself"
    columns = entry.columns
    if not isinstance(columns, Mapping) or not 0 < len(columns) <= MOST_COLUMNS:
        return f"its columns are no table of 1 to {MOST_COLUMNS}"
    return next(filter(None, (_fault_of_column(*each) for each in columns.items())), None)


def _fault_of_column(name: object, column: object) -> str | None:
    if not isinstance(name, str) or not _COLUMN.fullmatch(name):
        return f"its column {name!r} is not named with 1 to 40 small letters, digits and underscores"
    if not isinstance(column, Column) or column.values not in (Values.WHOLE, Values.REAL, Values.YES_NO):
        return f"its column {name!r} holds no numbers: it is no attnprobe.Column of numbers or of yes and no"
    if not isinstance(column.description, str) or len(column.description) > LONGEST_TITLE_OF_A_MEASUREMENT:
        return f"its column {name!r} has a description of more than {LONGEST_TITLE_OF_A_MEASUREMENT} characters"
    return None


def _of(name: str) -> Callable[[Any, Any], Any]:
    """A function of ``measurements``, which is imported when it is called."""

    def measure(batch: Erasable, orders: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        made: Mapping[str, Tensor] = getattr(importlib.import_module("attnprobe.erasure.measurements"), name)(
            batch, orders
        )
        return made

    return measure


def _of_sets(description: str) -> Column:
    """Items of a set; missing of documents that were not asked, where it is found by asking."""
    return Column.whole(description, up_to="n", missing=Missing.ANYWHERE)


_ALONE = Missing.ONE_ITEM

MEASUREMENTS: Registry[Measurement] = Registry("measurement", MEASUREMENT_GROUP, _fault)
"""By name, in the order in which their columns stand in documents.parquet."""

MEASUREMENTS.register(
    "decision",
    Measurement(
        "Decision",
        _of("decision"),
        {
            "decision": Column.whole("the class decided for"),
            "n": Column.whole("items", low=1),
            "p_decision": Column.share("probability of the decision", of_distribution=True),
            "left_out_share": Column.share("share of the attention on tokens that are in no item"),
            "sink_share": Column.share("share of the attention on a first item that is left out as a sink"),
            "output_entropy": Column.from_zero("entropy of the output, nats", of_distribution=True),
        },
        description="the class decided for, its probability and the entropy of the output",
    ),
)
MEASUREMENTS.register(
    "evenness",
    Measurement(
        "Evenness of the attention",
        _of("evenness"),
        {
            "attention_entropy": Column.from_zero("entropy of the attention, nats"),
            "attention_entropy_normalised": Column.share("the same over log n", missing=_ALONE),
            "attention_kl_uniform": Column.from_zero("its divergence from the uniform distribution, nats"),
            "attention_js_uniform": Column.nats("the same, Jensen-Shannon"),
        },
        description="how evenly attention is spread over a document",
    ),
)
MEASUREMENTS.register(
    "neighbours",
    Measurement(
        "Second, lowest and second lowest weight",
        _of("neighbours"),
        {
            f"{what}_{which}": made(
                f"{said} the item with the {which.replace('_', ' ')} weight",
                missing=_ALONE,
                of_distribution=what == "js",
            )
            for which in ("second", "lowest", "second_lowest")
            for what, made, said in (
                ("weight", Column.share, "the weight of"),
                ("js", Column.nats, "JS after erasing alone"),
                ("flip", Column.yes_no, "a flip by erasing alone"),
            )
        },
        description="erasing alone the item of the second largest, the smallest and the second smallest weight",
        by_way=tuple(f"{what}_{which}" for which in ("second", "lowest", "second_lowest") for what in ("js", "flip")),
    ),
)
MEASUREMENTS.register(
    "sufficient_set",
    Measurement(
        "Smallest set that guarantees the decision",
        _of("sufficient_set"),
        {
            SUFFICIENT_SMALLEST: _of_sets("items of the smallest set that guarantees the decision"),
            SUFFICIENT_BOUND: _of_sets("no set of fewer items does"),
            NECESSARY: _of_sets("items that every such set has"),
        },
        description="how little has to be kept so that the decision stands whatever else is erased",
    ),
)
MEASUREMENTS.register(
    "first_against_others",
    Measurement(
        "The first item against every other",
        _of("first_against_others"),
        {
            "top_item": Column.whole("i*, the first item of the ordering", up_to="n", less=1),
            "top_weight": Column.share("its attention weight"),
            "js_top": Column.nats("JS after erasing i* alone", of_distribution=True),
            "js_other": Column.nats("mean of JS over every other item r", missing=_ALONE, of_distribution=True),
            "delta_js_negative": Column.share("share of r with ΔJS < 0", missing=_ALONE, of_distribution=True),
            "delta_js_zero": Column.share("share of r with ΔJS = 0", missing=_ALONE, of_distribution=True),
            "flip_top": Column.yes_no("whether erasing i* alone changes the decision"),
            "flip_other": Column.share("share of r that do", missing=_ALONE),
        },
        by_ordering=True,
        description="erasing the first item of an ordering alone, against every other item alone",
        by_way=("js_top", "js_other", "delta_js_negative", "delta_js_zero", "flip_top", "flip_other"),
    ),
)

OWN_MEASUREMENTS = MEASUREMENTS.registered
"""Those of this package."""

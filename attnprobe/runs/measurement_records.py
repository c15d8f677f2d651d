"""What a run says of the measurements of other packages, in config.json: titles, columns, and where they come from.

What reads a run knows them by this alone: the package that offered one need not be there any more. The measurements of
this package are in every run and need no record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from attnprobe.base.bounds import MOST_MEASUREMENTS
from attnprobe.base.column_values import SLACK, Column, Values
from attnprobe.base.registry import Origin
from attnprobe.base.visible import visible
from attnprobe.erasure.registered_measurements import (
    LONGEST_TITLE_OF_A_MEASUREMENT,
    MEASURED,
    MEASUREMENTS,
    MOST_COLUMNS,
    OWN_MEASUREMENTS,
)

MEASUREMENTS_ENTRY = "measurements"
"""Of config.json: measurement → its record; runs without measurements of other packages have none."""


class MeasuredColumn(NamedTuple):
    """What a run says of a column.

    Attributes:
        description: what readers are shown beside the measurement's title.
        share: whether its values are from 0 to 1, so that their mean is told in per cent.
    """

    description: str
    share: bool


class MeasurementRecord(NamedTuple):
    """What a run says of a measurement.

    Attributes:
        title: what readers are shown.
        columns: by the name that they have in the measurement.
        origin: the package that offered it, None where a program registered it.
    """

    title: str
    columns: Mapping[str, MeasuredColumn]
    origin: Origin | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in config.json."""
        told = {} if self.origin is None else self.origin._asdict()
        return {
            "title": self.title,
            "columns": {name: column._asdict() for name, column in self.columns.items()},
            **told,
        }


def column_name(measurement: str, column: str) -> str:
    """What a measurement's column is called in documents.parquet."""
    return f"{MEASURED}{measurement}_{column}"


def present_measurements() -> dict[str, MeasurementRecord]:
    """The record of every measurement that another package offers, or a program registered, in this process.

    Raises:
        InputError: a package offers one that cannot be used.
    """
    return {
        name: MeasurementRecord(
            each.title,
            {column: MeasuredColumn(held.description, _is_share(held)) for column, held in each.columns.items()},
            MEASUREMENTS.origin(name),
        )
        for name, each in MEASUREMENTS.items()
        if name not in OWN_MEASUREMENTS
    }


def _is_share(held: Column) -> bool:
    return held.values == Values.YES_NO or (held.low >= -SLACK and held.high <= 1 + SLACK)


def recorded_measurements(content: Mapping[str, Any]) -> dict[str, MeasurementRecord]:
    """What a config.json says of measurements, legible; an entry in it that does not fit says nothing.

    Args:
        content: of the file.
    """
    entry = content.get(MEASUREMENTS_ENTRY)
    return {
        name: MeasurementRecord(
            visible(told["title"]),
            {
                column: MeasuredColumn(visible(held["description"]), held["share"])
                for column, held in told["columns"].items()
            },
            Origin(told["package"], told["version"]) if "package" in told else None,
        )
        for name, told in (entry.items() if entry and are_measurements(entry) else ())
    }


def are_measurements(entry: object) -> bool:
    """Whether something can be the entry: a table of records, no more than one run can have measurements."""
    return entry is None or (
        isinstance(entry, dict) and len(entry) <= MOST_MEASUREMENTS and all(map(_fits, entry.values()))
    )


def _fits(told: object) -> bool:
    if not isinstance(told, dict) or ("package" in told) != ("version" in told):
        return False
    title, columns = told.get("title"), told.get("columns")
    texts = (title, *(told[key] for key in ("package", "version") if key in told))
    if not all(isinstance(text, str) and len(text) <= LONGEST_TITLE_OF_A_MEASUREMENT for text in texts) or not title:
        return False
    return isinstance(columns, dict) and 0 < len(columns) <= MOST_COLUMNS and all(map(_is_column, columns.values()))


def _is_column(held: object) -> bool:
    return (
        isinstance(held, dict)
        and isinstance(held.get("description"), str)
        and len(held["description"]) <= LONGEST_TITLE_OF_A_MEASUREMENT
        and isinstance(held.get("share"), bool)
    )

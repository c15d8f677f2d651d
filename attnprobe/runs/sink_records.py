"""What a run notes of documents' first item, where a sink of attention is to be left out of the items."""

from __future__ import annotations

from typing import Any, NamedTuple

SINKS = "sinks"
"""Of ``summary.json``: what was measured."""

OF_SINK = "sink_share"
"""Of ``documents.parquet``: the share of the attention on a first item that is left out."""

LEAST_WEIGHT, MOST_FLIPS = 0.3, 0.05
"""The first item is a sink where it holds this share of the attention or more on average, and flips, erased alone, no
more than this share of the decisions."""


class MeasuredSink(NamedTuple):
    """Of training documents.

    Attributes:
        documents: how many were asked, those of several items.
        weight: which share of the items' attention the first one holds, the mean.
        flips: in which share of them erasing it alone flips the decision.
    """

    documents: int
    weight: float
    flips: float

    @property
    def is_sink(self) -> bool:
        """Whether it is left out."""
        return self.weight >= LEAST_WEIGHT and self.flips <= MOST_FLIPS

    def to_json(self) -> dict[str, Any]:
        """For ``summary.json``."""
        return {**self._asdict(), "left_out": self.is_sink}

    @classmethod
    def of(cls, content: object) -> MeasuredSink | None:
        """From what a file says; None where that cannot be."""
        if not isinstance(content, dict):
            return None
        documents: Any = content.get("documents")
        shares = [float(share) for share in map(content.get, cls._fields[1:]) if isinstance(share, int | float)]
        is_one = type(documents) is int and documents > 0 and len(shares) == 2
        return cls(documents, *shares) if is_one and all(0 <= share <= 1 for share in shares) else None

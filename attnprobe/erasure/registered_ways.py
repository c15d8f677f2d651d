"""The ways of erasing there are: what one is, that of this package, and those that other packages offer.

A way of erasing says what becomes of a row of attention when weights are erased in it: which weights remain, and which
vector takes the mass that the row has lost. This module loads no torch: names and titles are needed where settings are
checked and results are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnprobe.base.registry import LONGEST_TITLE, Registry, is_title

if TYPE_CHECKING:
    from torch import Tensor

    from attnprobe.erasure.stand_ins import RowsOfAttention

RENORMALISE = "renormalise"
"""That of Serrano & Smith (2019), and of every run that names no other: zero, and renormalise what remains."""

ERASE_BY = "erase_by"
"""The column of erasures.parquet that tells ways apart, in runs that erase in several."""

RESAMPLED = 5
"""Documents in whose place each document is put by ``resample``; results are averaged over them."""

MOST_STAND_INS = 128
"""Vectors that may stand in of one document: the table of erasures counts so far."""

GROUP = "attnprobe.erasing"
"""The entry-point group in which packages offer ways of erasing."""


@dataclass(frozen=True)
class WayOfErasing:
    """A named way to erase weights in rows of attention.

    Attributes:
        title: what readers are shown, as "Zero without renormalising".
        edit: makes rows of weights (…, keys) out of three tensors of that shape: the weights of a model's rows; True
            where a weight is erased; and the weights' logarithms up to a constant a row, which are exact where weights
            have underflowed, or None where they are not known. Differentiable. Rows of which nothing is erased stay as
            they are, whatever it makes of them; keys that a row does not attend to have no weight afterwards either.
        description: one line on what is erased how, for lists.
        stand_in: makes the vectors (draws, documents, …, rows, dim), or what can be expanded to it, that take the mass
            which rows have lost, of the values that they weigh; None: nothing takes it, which is the vector zero.
        draws: how many vectors there are of each document; results are averaged over them.
        needs_training: whether they are made of the training documents' vectors.
    """

    title: str
    edit: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    description: str = ""
    stand_in: Callable[[RowsOfAttention], Tensor] | None = None
    draws: int = 1
    needs_training: bool = False


def _fault(entry: object) -> str | None:
    if not isinstance(entry, WayOfErasing):
        return f"it is no attnprobe.WayOfErasing, but of the type {type(entry).__name__}"
    if not is_title(entry.title):
        return f"its title is no text of 1 to {LONGEST_TITLE} characters"
    if not callable(entry.edit):
        return "its edit is no function"
    if entry.stand_in is not None and not callable(entry.stand_in):
        return "its stand_in is no function"
    if type(entry.draws) is not int or not 0 < entry.draws <= MOST_STAND_INS:
        return f"its draws are no number from 1 to {MOST_STAND_INS}"
    return None


def _renormalise(weights: Tensor, erased: Tensor, scores: Tensor | None) -> Tensor:
    from attnprobe.erasure.edits import erase_rows

    return erase_rows(weights, erased, scores)


def leave_others(weights: Tensor, erased: Tensor, scores: Tensor | None) -> Tensor:
    """Zero what is erased, and leave the other weights as they are: what remains adds up, and has closed forms."""
    return weights.masked_fill(erased, 0.0)


def mean_of_the_row(rows: RowsOfAttention) -> Tensor:
    """What a row would give if it attended evenly."""
    from attnprobe.erasure.stand_ins import document_mean

    return document_mean(rows)


def _corpus_mean(rows: RowsOfAttention) -> Tensor:
    from attnprobe.erasure.stand_ins import corpus_mean

    return corpus_mean(rows)


def _resample(rows: RowsOfAttention) -> Tensor:
    from attnprobe.erasure.stand_ins import resampled

    return resampled(rows, RESAMPLED)


ERASING: Registry[WayOfErasing] = Registry("way of erasing", GROUP, _fault)
"""By name."""

ERASING.register(
    RENORMALISE,
    WayOfErasing(
        "Renormalise",
        _renormalise,
        "a weight becomes zero, and what remains of its row is scaled to the sum that the row had",
    ),
)

ERASING.register(
    "zero",
    WayOfErasing(
        "Zero", leave_others, "a weight becomes zero, the others stay, and nothing takes the mass that is lost"
    ),
)

ERASING.register(
    "document_mean",
    WayOfErasing(
        "Replaced by the document's mean",
        leave_others,
        "a weight becomes zero, and the mean of the document's own values takes its mass",
        mean_of_the_row,
    ),
)

ERASING.register(
    "corpus_mean",
    WayOfErasing(
        "Replaced by the training mean",
        leave_others,
        "a weight becomes zero, and the mean of what attention gives of training documents takes its mass",
        _corpus_mean,
        needs_training=True,
    ),
)

ERASING.register(
    "resample",
    WayOfErasing(
        "Replaced by other documents",
        leave_others,
        f"a weight becomes zero, and what attention gives of another training document takes its mass; {RESAMPLED} of "
        "these, averaged",
        _resample,
        draws=RESAMPLED,
        needs_training=True,
    ),
)

OWN = tuple(ERASING.registered)
"""Those of this package."""

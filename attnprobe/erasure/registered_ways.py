"""The ways of erasing there are: what one is, that of this package, and those that other packages offer.

A way of erasing says what becomes of a row of attention when weights are erased in it. This module loads no torch:
names and titles are needed where settings are checked and results are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnprobe.base.registry import LONGEST_TITLE, Registry, is_title

if TYPE_CHECKING:
    from torch import Tensor

RENORMALISE = "renormalise"
"""That of Serrano & Smith (2019), and of every run that names no other: zero, and renormalise what remains."""

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
    """

    title: str
    edit: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    description: str = ""


def _fault(entry: object) -> str | None:
    if not isinstance(entry, WayOfErasing):
        return f"it is no attnprobe.WayOfErasing, but of the type {type(entry).__name__}"
    if not is_title(entry.title):
        return f"its title is no text of 1 to {LONGEST_TITLE} characters"
    return None if callable(entry.edit) else "its edit is no function"


def _renormalise(weights: Tensor, erased: Tensor, scores: Tensor | None) -> Tensor:
    from attnprobe.erasure.edits import erase_rows

    return erase_rows(weights, erased, scores)


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

OWN = tuple(ERASING.registered)
"""Those of this package."""

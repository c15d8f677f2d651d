"""What came of one model."""

from __future__ import annotations

from dataclasses import dataclass

VERIFIED, REFUSED, NOT_BUILT = "verified", "refused", "not built"


@dataclass(frozen=True)
class Outcome:
    """One class of one model type.

    Attributes:
        type: the model type.
        task: of ``tiny_models.TASKS``.
        name: of the class.
        outcome: one of the three above.
        parameters: how many the tiny model has.
        layers: attention layers by stack.
        last: engine of the last attention layer that the output depends on.
        first: engine of the first.
        sinks: whether rows of its attention sum to less than one.
        mask: see ``independent_checks.Checks``.
        knockout: see there.
        note: the sentence it was refused with, or why it was not built.
    """

    type: str
    task: str
    name: str
    outcome: str
    parameters: int = 0
    layers: str = ""
    last: str = ""
    first: str = ""
    sinks: bool = False
    mask: bool | None = None
    knockout: bool | None = None
    note: str = ""

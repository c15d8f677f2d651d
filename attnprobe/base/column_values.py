"""What a column of a run's tables holds: of which kind, within which bounds, and where a value may be missing.

Rounding is allowed for: shares may pass 0 and 1 by ``SLACK``.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any, NamedTuple

SLACK = 1e-6
"""By how much a number that was computed in floating point may pass its bound."""

MOST_NUMBER = 2**31 - 1

LONGEST_NAME = 200
"""Characters of the name of an ordering or of a stack of attention layers."""


class Values(Enum):
    """What the values of a column are, in words."""

    WHOLE = "a whole number"
    REAL = "a number"
    YES_NO = "yes or no"
    AVERAGED = "yes, no or a share of several draws"
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
        values: what they are; yes and no may be written as the numbers 1 and 0.
        low, high: bounds of a number, which are among the values; what is not finite is not a number.
        left_out: whole numbers within the bounds that are no value.
        missing: where a value may be missing.
        of_distribution: whether there is one only where what the model says is a distribution, and none where it is a
            number.
        up_to: a column of whole numbers in the same table that this one does not pass in any row.
        less: by how much it stays below it.
        infinite: whether infinity is a value, too.
        with_removed: whether it has a value, or says yes, only where ``removed`` is not −1; and a value wherever it is
            not.
        description: what it says, in a few words.
    """

    values: Values
    low: float = -math.inf
    high: float = math.inf
    left_out: tuple[int, ...] = ()
    missing: Missing = Missing.NOWHERE
    of_distribution: bool = False
    up_to: str | None = None
    less: int = 0
    infinite: bool = False
    with_removed: bool = False
    description: str = ""

    @property
    def words(self) -> str:
        """What its values are, as it is said where one is not."""
        if self.values not in (Values.WHOLE, Values.REAL) or (self.low, self.high) == (-math.inf, math.inf):
            return self.values.value
        low, high = (
            f"{round(bound, 5) + 0.0:,g}" if abs(bound) < 1e4 else f"{bound:,.0f}" for bound in (self.low, self.high)
        )
        ends = f" from {low} to {high}" if math.isfinite(self.high) else f" from {low} on"
        return f"{self.values.value}{ends}{''.join(f' other than {number}' for number in self.left_out)}"

    @classmethod
    def whole(cls, description: str = "", low: int = 0, **more: Any) -> Column:  # noqa: ANN401
        """A whole number from ``low`` on; ``more`` are attributes, as in all of these."""
        return cls(Values.WHOLE, low, MOST_NUMBER, description=description, **more)

    @classmethod
    def share(cls, description: str = "", **more: Any) -> Column:  # noqa: ANN401
        """A number from 0 to 1."""
        return cls(Values.REAL, -SLACK, 1 + SLACK, description=description, **more)

    @classmethod
    def from_zero(cls, description: str = "", **more: Any) -> Column:  # noqa: ANN401
        """A number from 0 on."""
        return cls(Values.REAL, -SLACK, math.inf, description=description, **more)

    @classmethod
    def nats(cls, description: str = "", **more: Any) -> Column:  # noqa: ANN401
        """A Jensen-Shannon divergence, which is log 2 at most."""
        return cls(Values.REAL, -SLACK, math.log(2) + SLACK, description=description, **more)

    @classmethod
    def number(cls, description: str = "", **more: Any) -> Column:  # noqa: ANN401
        """Any number that is finite."""
        return cls(Values.REAL, description=description, **more)

    @classmethod
    def yes_no(cls, description: str = "", **more: Any) -> Column:  # noqa: ANN401
        """Whether something holds, 1 or 0."""
        return cls(Values.YES_NO, 0, 1, description=description, **more)

"""Texts that a model has read last, kept ready: as many as there is room for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from attnprobe.live.ready import Reading
from attnprobe.live.requests import AboutText

MOST_COST = 1 << 20
"""Attention weights of one head, of all texts together: of 64 texts of 128 tokens."""

MOST_TEXTS = 64


class KeptReadings:
    """The texts by what was asked for; those that nobody asked for in the longest time go first.

    Args:
        read: reads a text that is not kept.
    """

    def __init__(self, read: Callable[[AboutText], Reading]) -> None:
        self._read = read
        self._kept: OrderedDict[AboutText, Reading] = OrderedDict()

    def __call__(self, text: AboutText) -> Reading:
        """A text, read now or before.

        Raises:
            InputError: it cannot be read.
        """
        reading = self._kept.pop(text, None)
        if reading is None:
            reading = self._read(text)
        self._kept[text] = reading
        while len(self._kept) > 1 and (len(self._kept) > MOST_TEXTS or self._cost > MOST_COST):
            self._kept.popitem(last=False)
        return reading

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def _cost(self) -> int:
        return sum(reading.cost for reading in self._kept.values())

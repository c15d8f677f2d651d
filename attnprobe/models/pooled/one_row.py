"""What is the same of every batch in which one row of attention pools, and an affine readout is all that follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

from torch import Tensor

from attnprobe.erasure.erasable import OutputProducts
from attnprobe.erasure.rankings.output_shares import of_pooled


class OneRow(ABC):
    """A batch whose attention is one row a document, and whose every pooled vector is an item."""

    @abstractmethod
    def pooled(self) -> tuple[Tensor, Tensor, Tensor]:
        """Values (batch, items, dim), weights and mask (batch, items)."""

    def left_out_share(self) -> None:
        """Everything that is pooled is an item."""
        return

    def sink_share(self) -> None:
        """As above."""
        return

    @cached_property
    def _attention_outputs(self) -> list[list[OutputProducts]]:
        return [[of_pooled(*self.pooled())]]

    def attention_outputs(self) -> list[list[OutputProducts]]:
        """What items are of the pooled vector."""
        return self._attention_outputs

    def layer_outputs(self) -> list[list[OutputProducts]]:
        """The same: pooling is the whole layer."""
        return self.attention_outputs()

    def slopes(self) -> None:
        """What is pooled says it in closed form."""
        return

    def flows(self) -> None:
        """One row pools, and nothing flows from layer to layer."""
        return

"""Many rows through a model, as many at once as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

_TOKENS = 1 << 14
"""Tokens that are run at once: more of them gain nothing on a processor, and little on an accelerator."""

_WEIGHTS = 1 << 26
"""Attention weights of one layer that are held at once: 256 MB in float32."""


def rows_at_once(tokens: int, heads: int) -> int:
    """How many documents of this many tokens are run together."""
    return max(1, min(_TOKENS // max(1, tokens), _WEIGHTS // max(1, heads * tokens * tokens)))


class MicroBatches:
    """Cuts rows into micro-batches, and into smaller ones from then on whenever memory does not suffice.

    Args:
        size: rows of a micro-batch at first.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, rows: int, compute: Callable[[slice], Tensor]) -> Iterator[tuple[slice, Tensor]]:
        """The results of ``compute`` for consecutive slices of all rows."""
        start = 0
        while start < rows:
            part = slice(start, min(rows, start + self.size))
            try:
                result = compute(part)
            except RuntimeError as error:
                if not _out_of_memory(error) or part.stop - part.start <= 1:
                    raise
                self.size = max(1, (part.stop - part.start) // 2)
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
                continue
            yield part, result
            start = part.stop


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error) or "alloc" in str(error)

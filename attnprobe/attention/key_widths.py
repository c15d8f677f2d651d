"""The width d_k of a model's keys, read off the products that its attention scores come from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_PRODUCTS = {torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, Tensor.bmm}
_ADDED_PRODUCTS = {torch.baddbmm, Tensor.baddbmm}


class KeyWidths(TorchFunctionMode):
    """Remembers how wide the operands of the last product of queries and keys were.

    Enter it before ``intercepting``: then it also sees how fused attention is computed there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shape: tuple[int, ...] = ()
        self._width = 0

    def of(self, scores: Tensor) -> int | None:
        """The d_k behind pre-softmax scores (…, queries, keys); None where they come from no product of matrices."""
        return self._width if self._shape[-2:] == scores.shape[-2:] and self._width else None

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        if func in _PRODUCTS or func in _ADDED_PRODUCTS:
            left = args[1] if func in _ADDED_PRODUCTS and len(args) > 1 else args[0]
            if isinstance(left, Tensor) and isinstance(result, Tensor) and result.dim() > 1:
                self._shape, self._width = tuple(result.shape), left.shape[-1]
        return result

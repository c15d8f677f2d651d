"""Matrix products of float32 on a CPU by oneDNN, in the place of the library that PyTorch takes for them.

Both compute in float32 and agree to rounding. On other processors than Intel's MKL, which PyTorch takes, reaches about
half the speed (``python -m benchmarks.products``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode


class OneDnnProducts(TorchFunctionMode):
    """Inside the context ``nn.Linear`` and ``linear`` go through oneDNN, where no gradient is wanted."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Replace ``linear`` of what oneDNN takes."""
        if function is linear and not kwargs and not torch.is_grad_enabled() and _taken(args):
            values, weight, bias = (*args, None)[:3]
            return torch.ops.mkldnn._linear_pointwise(values, weight, bias, "none", [], "")
        return function(*args, **(kwargs or {}))


_KNOWN = bool(torch._C._has_mkldnn) and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _taken(args: Sequence[Any]) -> bool:
    return _KNOWN and all(
        part is None or (isinstance(part, Tensor) and part.dtype == torch.float32 and part.device.type == "cpu")
        for part in args
    )

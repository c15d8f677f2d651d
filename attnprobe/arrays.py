"""NumPy or torch in, the same out: what lets the mathematics be written once, on tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

Array: TypeAlias = Any
"""A ``torch.Tensor`` or a ``numpy.ndarray``; the functions that take one return the same kind."""

P = ParamSpec("P")
R = TypeVar("R")


def numpy_or_torch(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function on tensors take NumPy arrays too, and answer them with NumPy arrays.

    Arrays are converted also inside tuples (a readout given as weight and bias). The answer is converted only when
    an array, and no tensor, was among the arguments.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        given = [*args, *kwargs.values()]
        kinds = {type(leaf) for value in given for leaf in (value if isinstance(value, tuple) else (value,))}
        if np.ndarray not in kinds:
            return function(*args, **kwargs)
        positional: Any = [_to_torch(value) for value in args]
        named: Any = {name: _to_torch(value) for name, value in kwargs.items()}
        result = function(*positional, **named)
        mixed = any(issubclass(kind, Tensor) for kind in kinds)
        return result if mixed else _to_numpy(result)

    return wrapper


def _to_torch(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, tuple):
        return tuple(_to_torch(part) for part in value)
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == np.uint64:
        value = value.view(np.int64)  # torch has no arithmetic on uint64; seeds keep their bits
    return torch.tensor(value) if not value.flags.writeable else torch.from_numpy(np.ascontiguousarray(value))


def _to_numpy(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_to_numpy(part) for part in value))
    return value


def as_mask(mask: Tensor | None, like: Tensor) -> Tensor:
    """A boolean mask of the shape of ``like`` (…, items): True where an item is real; all of them without ``mask``.

    Raises:
        ValueError: the mask cannot be broadcast to that shape.
    """
    if mask is None:
        return torch.ones(like.shape, dtype=torch.bool, device=like.device)
    try:
        return torch.broadcast_to(mask.to(device=like.device, dtype=torch.bool), like.shape)
    except RuntimeError:
        raise ValueError(f"mask has shape {tuple(mask.shape)}, but {tuple(like.shape)} is needed") from None


def first_document(bad: Tensor) -> str:
    """Name the first document in which ``bad`` (batch, …) is True, for an error message.

    Leading axes are told as an index when there is more than one.
    """
    where = torch.nonzero(bad)[0].tolist()
    return f"document {where[0]}" + (f", position {where[-1]}" if len(where) > 1 else "")


def check_numbers(name: str, numbers: Tensor, mask: Tensor, *, minus_infinity: bool = False) -> None:
    """Raise a ``ValueError`` that names the document in which real items hold NaN or infinite numbers.

    With ``minus_infinity`` a −∞ is let through: as an attention score it is a weight of zero.
    """
    bad = ~torch.isfinite(numbers)
    if minus_infinity:
        bad &= ~torch.isneginf(numbers)
    bad &= mask
    if bool(bad.any()):
        raise ValueError(f"{name} hold NaN or infinite numbers in {first_document(bad)}")

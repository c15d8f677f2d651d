"""Attention inside one kernel of a library: its weights are what it gives of identity matrices in the place of values.

A kernel that is registered with torch (``torch.ops``) and takes a query, a key and a value is called with the rows of
an identity matrix as values, as many at a time as a value is wide. That these are its weights is seen by what they give
of the values themselves.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import torch
from torch import Tensor

_NAME = re.compile(r"att(entio)?n|sdpa", re.IGNORECASE)
_ARGUMENTS = {"query", "key", "value", "q", "k", "v"}
_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 5e-2}


class UnreadKernelError(RuntimeError):
    """A kernel's weights cannot be read; the message names it."""


class Kernel(NamedTuple):
    """A call of a kernel, and its weights.

    Attributes:
        weights: (batch, heads, queries, keys).
        values: (batch, heads, keys, dim).
        turned: whether tokens come before heads in what it takes and gives.
        given: what it gives, of which the first tensor is weights times values.
    """

    weights: Tensor
    values: Tensor
    turned: bool
    given: Any

    def with_context(self, context: Tensor) -> Any:  # noqa: ANN401
        """What it gives, with another (batch, heads, queries, dim) in the place of weights times values."""
        context = context.transpose(1, 2) if self.turned else context
        return (context, *self.given[1:]) if isinstance(self.given, tuple) else context


def is_kernel(func: Any) -> bool:  # noqa: ANN401
    """Whether a function is one of ``torch.ops`` that attends, by its name and the names of what it takes."""
    if not isinstance(func, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)) or not _NAME.search(str(func)):
        return False
    return {argument.name for argument in _schema(func).arguments[:3]} <= _ARGUMENTS


def read(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Kernel:  # noqa: ANN401
    """Call a kernel, and read its weights.

    Raises:
        UnreadKernelError: what it takes is laid out in another way, or it does not average its values.
    """
    names = [argument.name for argument in _schema(func).arguments[:3]]
    taken = [args[at] if len(args) > at else kwargs[name] for at, name in enumerate(names)]
    given = func(*args, **kwargs)
    product = given[0] if isinstance(given, tuple) else given
    if all(isinstance(part, Tensor) and part.dim() == 4 for part in (*taken, product)):
        for turned in (False, True):
            kernel = _read(func, args, kwargs, taken, turned, given)
            if kernel is not None:
                return kernel
    raise UnreadKernelError(str(func).replace(".default", "").replace(".", "::", 1))


def _schema(func: Any) -> Any:  # noqa: ANN401
    overloads: Any = func
    return func._schema if isinstance(func, torch._ops.OpOverload) else getattr(func, overloads.overloads()[0])._schema


def _weights(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: Tensor, axis: int) -> Tensor:  # noqa: ANN401
    """What a kernel gives of the rows of an identity matrix (…, keys); keys are on axis 1 or 2 of its values."""
    keys, width = value.shape[axis], value.shape[-1]
    identity = torch.eye(keys, dtype=value.dtype, device=value.device)
    parts = []
    for start in range(0, keys, width):
        columns = identity[:, start : start + width]
        rows = torch.zeros(keys, width, dtype=value.dtype, device=value.device)
        rows[:, : columns.shape[1]] = columns
        shape = [1, 1, 1, width]
        shape[axis] = keys
        values = rows.view(shape).expand_as(value).contiguous()
        positional, named = _with_value(func, args, kwargs, values)
        given = func(*positional, **named)
        product = given[0] if isinstance(given, tuple) else given
        parts.append(product[..., : columns.shape[1]])
    return torch.cat(parts, -1)


def _with_value(
    func: Any,  # noqa: ANN401
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    value: Tensor,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if len(args) > 2:
        return (*args[:2], value, *args[3:]), kwargs
    return args, {**kwargs, _schema(func).arguments[2].name: value}


def _read(
    func: Any,  # noqa: ANN401
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    taken: list[Tensor],
    turned: bool,
    given: Any,  # noqa: ANN401
) -> Kernel | None:
    """With tokens before heads, or behind them; None where weights times values are not what it gives."""
    query, _, value = taken
    product = given[0] if isinstance(given, tuple) else given
    try:
        weights = _weights(func, args, kwargs, value, 1 if turned else 2)
    except (RuntimeError, ValueError, TypeError):
        return None
    if turned:
        weights, value, product = weights.transpose(1, 2), value.transpose(1, 2), product.transpose(1, 2)
        query = query.transpose(1, 2)
    if weights.shape[:2] != query.shape[:2]:
        return None
    spread = value.repeat_interleave(weights.shape[1] // value.shape[1], dim=1)
    again = torch.matmul(weights.detach().double(), spread.detach().double())
    if again.shape != product.shape or float((weights.detach().sum(-1) - 1).amax()) > 1e-2:
        return None
    scale = float(product.detach().abs().amax().clamp(min=1.0))
    close = float((again - product.detach().double()).abs().amax()) <= _TOLERANCE[value.dtype] * scale
    return Kernel(weights, spread, turned, given) if close else None

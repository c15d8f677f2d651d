"""Softmax that a model writes out: exponentials over their sum, and exponentials of logarithms that are normalised.

``log_softmax(x).exp()``, ``exp(x - logsumexp(x))``, ``e / e.sum()`` with a mask or a small number in between, and
``normalize(e, p=1)`` give attention weights as ``softmax`` does. Tensors are followed from one call to the next, by
themselves and not by their numbers, so that a run with something erased is followed like any other.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum, auto
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_LOG_SOFTMAX = {torch.log_softmax, Tensor.log_softmax, functional.log_softmax, torch.special.log_softmax}
_LOG_SUM = {torch.logsumexp, Tensor.logsumexp, torch.special.logsumexp}
_EXP = {torch.exp, Tensor.exp, Tensor.exp_}
_MINUS = {torch.sub, torch.subtract, Tensor.sub, Tensor.subtract, Tensor.__sub__, Tensor.sub_, Tensor.__isub__}
_SUM = {torch.sum, Tensor.sum}
_OVER = {torch.div, torch.divide, torch.true_divide, Tensor.div, Tensor.divide, Tensor.true_divide}
_OVER |= {Tensor.__truediv__, Tensor.div_, Tensor.__itruediv__}
_TIMES = {torch.mul, torch.multiply, Tensor.mul, Tensor.multiply, Tensor.__mul__, Tensor.__rmul__, Tensor.__imul__}
_HIDES = {torch.masked_fill, Tensor.masked_fill, Tensor.masked_fill_, Tensor.mul_, *_TIMES}
_NUDGES = {torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.add_, Tensor.__iadd__, torch.clamp}
_NUDGES |= {Tensor.clamp, Tensor.clamp_, torch.clamp_min, Tensor.clamp_min, torch.maximum, Tensor.unsqueeze}
_NUDGES |= {torch.unsqueeze, Tensor.masked_fill, Tensor.__getitem__, Tensor.float, Tensor.to, Tensor.expand_as}

_BEGIN = _LOG_SOFTMAX | _LOG_SUM | _EXP
FOLLOWED = _LOG_SOFTMAX | _LOG_SUM | _EXP | _MINUS | _SUM | _OVER | _HIDES | _NUDGES | {functional.normalize}
"""Functions of torch that are looked at."""

_AT_ONCE = 6
"""So many tensors are followed at once: what belongs to one softmax stands close together."""


class Weights(NamedTuple):
    """Scores (…) whose softmax over one axis a call has given."""

    scores: Tensor
    axis: int


class _Kind(Enum):
    LOGARITHMS = auto()
    LOG_SUM = auto()
    EXPONENTIALS = auto()
    SUM = auto()


class _Followed(NamedTuple):
    """A tensor, what it is, and of exponentials and logarithms what they are of; of sums and logarithms the axis."""

    tensor: Tensor
    kind: _Kind
    scores: Tensor | None = None
    axis: int = -1


class WrittenOut:
    """Follows a run's tensors, call by call.

    Attributes:
        exponentials: shapes of three axes or more of which exponentials were taken, whatever became of them.
    """

    def __init__(self) -> None:
        self._followed: OrderedDict[int, _Followed] = OrderedDict()
        self.exponentials: list[tuple[int, ...]] = []

    def looks_at(self, func: Any) -> bool:  # noqa: ANN401
        """Whether a call may begin or go on with a softmax."""
        return func in _BEGIN or (bool(self._followed) and func in FOLLOWED)

    def forget(self) -> None:
        """A new run begins."""
        self._followed.clear()

    def weights(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Weights | None:  # noqa: ANN401
        """What attention weights a call of one of ``FOLLOWED`` has given; None: none."""
        if not isinstance(result, Tensor) or not args or not isinstance(args[0], Tensor):
            return self._reversed(func, args, result)
        first, second = self._of(args[0]), self._of(args[1]) if len(args) > 1 else None
        if func in _LOG_SOFTMAX:
            axis = args[1] if len(args) > 1 else kwargs.get("dim", -1)
            self._follow(_Followed(result, _Kind.LOGARITHMS, args[0], _axis(axis, args[0])))
        elif func in _EXP:
            return self._exponentials(args[0], first, result)
        elif func in _LOG_SUM:
            axis = args[1] if len(args) > 1 else kwargs.get("dim", -1)
            self._follow(_Followed(result, _Kind.LOG_SUM, None, _axis(axis, args[0])))
        elif func in _MINUS and second is not None and second.kind is _Kind.LOG_SUM:
            self._follow(_Followed(result, _Kind.LOGARITHMS, args[0], second.axis))
        elif func is functional.normalize and first is not None and first.kind is _Kind.EXPONENTIALS:
            power = args[1] if len(args) > 1 else kwargs.get("p", 2.0)
            axis = args[2] if len(args) > 2 else kwargs.get("dim", 1)
            return Weights(_scores(first), _axis(axis, result)) if power == 1 else None
        elif first is not None:
            return self._of_followed(func, args, kwargs, first, second, result)
        return None

    def _of_followed(
        self,
        func: Any,  # noqa: ANN401
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        first: _Followed,
        second: _Followed | None,
        result: Tensor,
    ) -> Weights | None:
        exponentials = first.kind is _Kind.EXPONENTIALS
        if exponentials and func in _OVER and second is not None and second.kind is _Kind.SUM:
            return Weights(_scores(first), second.axis)
        if exponentials and func in _SUM:
            axis = args[1] if len(args) > 1 else kwargs.get("dim")
            axis = axis[0] if isinstance(axis, (tuple, list)) and len(axis) == 1 else axis
            if isinstance(axis, int):
                self._follow(_Followed(result, _Kind.SUM, None, _axis(axis, args[0])))
        elif exponentials and func in _HIDES and result.shape == first.tensor.shape:
            self._follow(_Followed(result, _Kind.EXPONENTIALS))  # some are hidden: what is left says which
        elif first.kind in (_Kind.SUM, _Kind.LOG_SUM) and func in _NUDGES:
            self._follow(first._replace(tensor=result))
        return None

    def _reversed(self, func: Any, args: tuple[Any, ...], result: Any) -> Weights | None:  # noqa: ANN401
        """A mask or a small number may stand first."""
        if isinstance(result, Tensor) and func in _TIMES | _NUDGES and len(args) > 1 and isinstance(args[1], Tensor):
            second = self._of(args[1])
            if second is not None and second.tensor.shape == result.shape:
                self._follow(second._replace(tensor=result, scores=None))
        return None

    def _exponentials(self, of: Tensor, known: _Followed | None, result: Tensor) -> Weights | None:
        if known is not None and known.kind is _Kind.LOGARITHMS and known.scores is not None:
            return Weights(known.scores, known.axis)
        if result.dim() > 2:
            self.exponentials.append(tuple(result.shape))
        scores = None if of is result else of
        self._follow(_Followed(result, _Kind.EXPONENTIALS, scores))
        return None

    def _of(self, tensor: Any) -> _Followed | None:  # noqa: ANN401
        found = self._followed.get(id(tensor))
        return found if found is not None and found.tensor is tensor else None

    def _follow(self, one: _Followed) -> None:
        self._followed[id(one.tensor)] = one
        self._followed.move_to_end(id(one.tensor))
        if len(self._followed) > _AT_ONCE:
            self._followed.popitem(last=False)


def _axis(axis: Any, of: Tensor) -> int:  # noqa: ANN401
    if isinstance(axis, (tuple, list)):
        axis = axis[0]
    return int(-1 if axis is None else axis) % of.dim()


def _scores(exponentials: _Followed) -> Tensor:
    return exponentials.tensor.log() if exponentials.scores is None else exponentials.scores

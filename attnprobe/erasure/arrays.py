"""What the public functions take and give back: one rule, written here and nowhere else.

*Taken* are torch tensors, NumPy arrays, and whatever NumPy makes an array of, nested lists above all; integers and
Booleans count as numbers. What is answered is of the same kind: tensors where a tensor was given, NumPy arrays
otherwise. *Computed* is in float64, and floating results are *returned* in the widest floating format among the arrays
of numbers that were given (a readout is part of a model and does not count), or in float64 where there is none.
Refused, in one ``ValueError`` of one sentence, is what could only be obeyed wrongly: masked arrays that hide something,
lists of unequal rows, text, complex numbers, masks that hold anything but 0 and 1, orderings and seeds that are not
whole numbers, a mask whose axes would be aligned with others by their place alone.

A function says by its annotations what its arguments hold (``Array``, ``Mask``, ``WholeNumbers``, ``SeveralArrays``,
``contributions.Readout``) and gets tensors from :func:`numpy_or_torch`: numbers in the floating format that they were
given in, so that the function can allow for its rounding, and float64 in the place of integers.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Iterator
from enum import Enum, auto
from numbers import Real
from typing import Annotated, Any, NoReturn, ParamSpec, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

FORMATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Floating formats that are taken."""


_BITS = 63
"""Of a number of things: what arithmetic on 64 bits takes."""


class Holds(Enum):
    """What an argument of a public function holds."""

    NUMBERS = auto()
    SEVERAL = auto()
    TRUTHS = auto()
    WHOLE_NUMBERS = auto()
    READOUT = auto()


Array: TypeAlias = Annotated[Any, Holds.NUMBERS]
"""Numbers: a ``torch.Tensor``, a ``numpy.ndarray`` or nested lists; functions answer in the same kind."""

SeveralArrays: TypeAlias = Annotated[Any, Holds.SEVERAL]
"""A tuple of arrays of numbers."""

Mask: TypeAlias = Annotated[Any, Holds.TRUTHS]
"""Booleans, or numbers that are all 0 or 1; None where it may be left out."""

WholeNumbers: TypeAlias = Annotated[Any, Holds.WHOLE_NUMBERS]
"""Integers of up to 64 bits; unsigned ones keep their bits."""


class Certified:
    """What results inherit whose numbers are ends of what is certain: they stay in the float64 in which it holds."""

    __slots__ = ()


P = ParamSpec("P")
R = TypeVar("R")


def numpy_or_torch(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function on tensors a public one, which takes and returns arrays by the rule of this module."""
    signature = inspect.signature(function)
    kinds = holdings(function)
    # A mask may be None; weights may where scores are given.
    needed = {name for name in kinds if signature.parameters[name].default is inspect.Parameter.empty}
    needed -= {name for name, holds in kinds.items() if holds is Holds.TRUTHS}

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        given = {name: bound.arguments[name] for name in kinds if bound.arguments.get(name) is not None}
        for name in sorted(needed - given.keys()):
            if name != "weights" or "scores" not in given:
                either = name == "weights" and "scores" in kinds
                _refuse(name, f"{'and scores are' if either else 'is'} None, but numbers are needed")
        tensors = [leaf for value in given.values() for leaf in _tensors(value)]
        device = tensors[0].device if tensors else _home(given.values())
        dtype = None
        for name, value in given.items():
            taken = _CONVERTERS[kinds[name]](name, value)
            if kinds[name] in (Holds.NUMBERS, Holds.SEVERAL):
                dtype = _widest(dtype, value, taken)
            bound.arguments[name] = _on(device, value, taken)
        result = function(*bound.args, **bound.kwargs)
        answered: R = _answer(result, torch.float64 if dtype is None else dtype, as_numpy=not tensors)
        return answered

    return wrapper


def holdings(function: Callable[..., Any]) -> dict[str, Holds]:
    """What the annotations of a function say that its arguments hold, by name; other arguments are left out."""
    hints = inspect.get_annotations(function, eval_str=True)
    marks = {name: getattr(hint, "__metadata__", (None,))[0] for name, hint in hints.items() if name != "return"}
    return {name: mark for name, mark in marks.items() if isinstance(mark, Holds)}


def numbers(name: str, value: Any) -> Tensor:  # noqa: ANN401
    """An array of numbers as a tensor, in its own floating format or in float64.

    Raises:
        ValueError: it is no array of numbers.
    """
    if isinstance(value, Tensor):
        tensor = _dense(name, value)
        if not tensor.is_floating_point():
            tensor = tensor.to(torch.float64)
    else:
        array = _ndarray(name, value)
        tensor = _from_numpy(array if array.dtype.kind == "f" else array.astype(np.float64))
    if tensor.dtype not in FORMATS:
        _refuse(name, f"holds {tensor.dtype} numbers, but float16, bfloat16, float32 or float64 is needed")
    if not tensor.dim():
        _refuse(name, "is a single number, but an array is needed")
    return tensor


def truths(name: str, value: Any) -> Tensor:  # noqa: ANN401
    """A mask as a Boolean tensor.

    Raises:
        ValueError: it holds anything but Booleans, zeros and ones; a list of positions is no mask.
    """
    tensor = _dense(name, value) if isinstance(value, Tensor) else _from_numpy(_ndarray(name, value))
    if tensor.dtype == torch.bool:
        return tensor
    other = (tensor != 0) & (tensor != 1)
    if bool(other.any()):
        found = tensor[other][0].item()
        _refuse(name, f"is a mask and holds 0 and 1 or Booleans alone, but it holds {found:g}: positions are no mask")
    return tensor != 0


def whole_numbers(name: str, value: Any) -> Tensor:  # noqa: ANN401
    """Integers as an int64 tensor; unsigned ones of 64 bits keep their bits.

    Raises:
        ValueError: they are Booleans or floating numbers, or need more than 64 bits.
    """
    if isinstance(value, Tensor):
        tensor = _dense(name, value)
        whole = not tensor.is_floating_point() and tensor.dtype != torch.bool
        return tensor.to(torch.int64) if whole else _refuse(name, f"holds {tensor.dtype}, but whole numbers are needed")
    array = _ndarray(name, value)
    if array.dtype.kind not in "iu":
        _refuse(name, f"holds {array.dtype}, but whole numbers of 64 bits are needed")
    return _from_numpy(array.astype(np.int64))


def readout(name: str, value: Any) -> Any:  # noqa: ANN401
    """A readout with tensors: a ``torch.nn.Linear`` as it is, or a pair (weight, bias) with arrays of any kind.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, nn.Linear):
        return value
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        _refuse(name, f"is {type(value).__name__}, but torch.nn.Linear or a pair (weight, bias) is needed")
    weight, bias = value
    return numbers(f"{name} weight", weight), None if bias is None else numbers(f"{name} bias", bias)


def whole_number(name: str, value: Any, at_least: int) -> int:  # noqa: ANN401
    """One whole number.

    Raises:
        ValueError: it is none, or smaller than ``at_least``, or of more than 63 bits.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = at_least - 1
    if number < at_least or isinstance(value, bool):
        shown = str(value) if isinstance(value, (int, float)) else f"of the kind {type(value).__name__}"
        _refuse(name, f"is {shown}, but a whole number of at least {at_least} is needed")
    if number.bit_length() > _BITS:
        _refuse(name, f"is a number of {number.bit_length():,} bits, but {_BITS} are the most")
    return number


def real_number(name: str, value: Any) -> float:  # noqa: ANN401
    """One finite number.

    Raises:
        ValueError: it is none.
    """
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        shown = str(value) if isinstance(value, float) else f"of the kind {type(value).__name__}"
        _refuse(name, f"is {shown}, but a finite number is needed")
    return number


def check_kind(name: str, value: Any, kind: type) -> None:  # noqa: ANN401
    """Raise a ``TypeError`` where an argument that is no array is not of its kind."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {type(value).__name__}, but {kind.__name__} is needed")


def _several(name: str, value: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
    if not isinstance(value, (tuple, list)):
        _refuse(name, f"is {type(value).__name__}, but a tuple of arrays is needed")
    if not value:
        _refuse(name, "is empty, but one array at least is needed")
    return tuple(numbers(name, part) for part in value)


_CONVERTERS: dict[Holds, Callable[[str, Any], Any]] = {
    Holds.NUMBERS: numbers,
    Holds.SEVERAL: _several,
    Holds.TRUTHS: truths,
    Holds.WHOLE_NUMBERS: whole_numbers,
    Holds.READOUT: readout,
}


def _refuse(name: str, what: str) -> NoReturn:
    raise ValueError(f"{name} {what}")


def _dense(name: str, value: Tensor) -> Tensor:
    if value.layout != torch.strided or value.is_quantized or value.is_nested or type(value).__name__ == "MaskedTensor":
        _refuse(name, "is a sparse, nested, quantised or masked tensor, but a plain one, with a mask, is needed")
    if value.is_meta:
        _refuse(name, "is a tensor without numbers, of the device meta")
    if value.is_complex():
        _refuse(name, "holds complex numbers, but real ones are needed")
    return value


def _ndarray(name: str, value: Any) -> np.ndarray:  # noqa: ANN401
    """An array of Booleans, integers or floating numbers."""
    if _any_leaf(value, _hides):
        _refuse(name, "is a masked array that hides something: give the plain array, and what is real as the mask")
    if isinstance(value, (list, tuple)) and _any_leaf(value, lambda leaf: isinstance(leaf, Tensor)):
        _refuse(name, "is a list of tensors, but one tensor is needed: stack them")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        _refuse(name, "is no array: its rows have different lengths, or it does not hold numbers")
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > np.dtype(np.float64).itemsize:
        _refuse(name, f"holds {array.dtype}, but Booleans, integers or floating numbers of up to 64 bits are needed")
    return array


def _hides(leaf: Any) -> bool:  # noqa: ANN401
    return isinstance(leaf, np.ma.MaskedArray) and bool(np.ma.getmaskarray(leaf).any())


def _any_leaf(value: Any, test: Callable[[Any], bool]) -> bool:  # noqa: ANN401
    if isinstance(value, (list, tuple)):
        return any(_any_leaf(part, test) for part in value)
    return test(value)


def _from_numpy(array: np.ndarray) -> Tensor:
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)  # torch has next to no arithmetic on wide unsigned integers
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(array.shape)
    if any(stride < 0 for stride in array.strides):  # an array of one number counts as contiguous in any case
        array = array.copy()
    return torch.from_numpy(array) if array.flags.writeable else torch.tensor(array)


def _tensors(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    for leaf in value if isinstance(value, (tuple, list)) else (value,):
        if isinstance(leaf, Tensor):
            yield leaf


def _home(given: Any) -> torch.device:  # noqa: ANN401
    """Where arrays go that come without a tensor: to the readout."""
    return next((value.weight.device for value in given if isinstance(value, nn.Linear)), torch.device("cpu"))


def _on(device: torch.device, value: Any, taken: Any) -> Any:  # noqa: ANN401
    """What was converted, on the device of the tensors that came with it; tensors stay where they are."""
    if isinstance(taken, tuple):
        return tuple(_on(device, part, tensor) for part, tensor in zip(value, taken, strict=True))
    return taken.to(device) if isinstance(taken, Tensor) and not isinstance(value, Tensor) else taken


def _widest(dtype: torch.dtype | None, value: Any, taken: Any) -> torch.dtype | None:  # noqa: ANN401
    """``dtype`` and the floating format of what was given, whichever holds both."""
    if isinstance(taken, tuple):
        return functools.reduce(lambda widest, pair: _widest(widest, *pair), zip(value, taken, strict=True), dtype)
    if isinstance(value, Tensor):
        floating = value.is_floating_point()
    else:
        floating = np.asarray(value).dtype.kind == "f"
    if not floating:
        return dtype
    return taken.dtype if dtype is None else torch.promote_types(dtype, taken.dtype)


def _answer(value: Any, dtype: torch.dtype | None, *, as_numpy: bool) -> Any:  # noqa: ANN401
    """Results in the format and kind of what was given; certificates, and lists of them, stay as they were checked."""
    if isinstance(value, Certified):
        dtype = None
    if isinstance(value, Tensor):
        value = value.to(dtype) if dtype is not None and value.is_floating_point() else value
        return value.detach().cpu().numpy() if as_numpy else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_answer(part, dtype, as_numpy=as_numpy) for part in value))
    if isinstance(value, list):
        return [_answer(part, None, as_numpy=as_numpy) for part in value]
    return value


def as_mask(mask: Tensor | None, like: Tensor, name: str = "mask") -> Tensor:
    """A boolean mask of the shape of ``like`` (…, items): True where an item is real; all of them without ``mask``.

    A mask has as many axes as what it masks, some of them perhaps of length one, or the axis of the items alone. One of
    (batch, items) beside (batch, heads, items) is refused: whether its documents are heads nobody can see.

    Raises:
        ValueError: the mask has another shape.
    """
    if mask is None:
        return torch.ones(like.shape, dtype=torch.bool, device=like.device)
    fits = mask.dim() in (1, like.dim()) and mask.shape[-1:] == like.shape[-1:]
    pairs = zip(mask.shape[:-1], like.shape[-mask.dim() : -1], strict=False)
    if not fits or any(length not in (1, needed) for length, needed in pairs):
        hint = f"; {name}[:, None] where it is the same for all heads" if 1 < mask.dim() < like.dim() else ""
        raise ValueError(f"{name} has shape {tuple(mask.shape)}, but {tuple(like.shape)} is needed{hint}")
    return torch.broadcast_to(mask.to(device=like.device, dtype=torch.bool), like.shape)


def first_document(bad: Tensor) -> str:
    """Name the first place (…, items) at which ``bad`` is True, for an error message: its document and its item."""
    where = torch.nonzero(bad)[0].tolist()
    return f"document {where[0]}, position {where[-1]}" if len(where) > 1 else f"position {where[0]}"


def check_numbers(name: str, numbers: Tensor, mask: Tensor, *, minus_infinity: bool = False) -> None:
    """Raise a ``ValueError`` that names the document in which real items hold NaN or infinite numbers.

    With ``minus_infinity`` a −∞ is let through: as an attention score it is a weight of zero.
    """
    if bool(torch.isfinite(numbers.detach().sum())):  # as no sum is that has a NaN or something infinite in it
        return
    bad = ~torch.isfinite(numbers)
    if minus_infinity:
        bad &= ~torch.isneginf(numbers)
    bad &= mask
    if bool(bad.any()):
        raise ValueError(f"{name} hold NaN or infinite numbers in {first_document(bad)}")

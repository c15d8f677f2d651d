"""Run a model from one of its blocks on: the blocks below are not computed, the block starts from what it once saw."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from attnprobe.attention.calls import Place

_HIDDEN = ("hidden_states", "hidden_state", "src", "tgt", "x", "input", "inputs")


class NoBlocksError(RuntimeError):
    """The model's blocks cannot be run one from another."""


def blocks_around(model: nn.Module, paths: Sequence[str]) -> set[str]:
    """Paths of the blocks of a model: the entries of the outermost lists of modules that hold the modules at ``paths``.

    Empty where one of them is in no list.
    """
    lists = {_list_around(model, path) for path in paths}
    if None in lists or not lists:
        return set()
    return {f"{path}.{name}" for path in lists if path for name, _ in model.get_submodule(path).named_children()}


def _list_around(model: nn.Module, path: str) -> str | None:
    parts = path.split(".")
    for depth in range(1, len(parts)):
        if isinstance(model.get_submodule(".".join(parts[:depth])), nn.ModuleList):
            return ".".join(parts[:depth])
    return None


@dataclass(frozen=True)
class Needed:
    """What of a run is kept, to run the model again from one call of a block on.

    Attributes:
        inputs: calls, the hidden states given to which are kept.
        outputs: calls, the outputs of which are kept.
    """

    inputs: frozenset[int] = frozenset()
    outputs: frozenset[int] = frozenset()

    @classmethod
    def to_start_at(cls, calls: Sequence[Place], start: int) -> Needed:
        """What it takes to start at call ``start``: what it was given, and what else reads from the calls before."""
        ends = {i for i in range(start) if _stack(calls[i]) != _stack(calls[i + 1])}
        return cls(frozenset({start}), frozenset(ends | {start - 1} if start else ends))


def _stack(call: Place) -> str:
    return call.path.rpartition(".")[0]


@dataclass
class Recording:
    """The calls of a model's blocks in one run, in order; what is not needed of outputs is None in their place."""

    calls: list[Place] = field(default_factory=list)
    inputs: dict[int, Tensor] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)


@contextlib.contextmanager
def recording(model: nn.Module, blocks: set[str], needed: Needed | None = None) -> Iterator[Recording]:
    """Record the calls of the blocks at these paths while the model runs inside the context."""
    wanted = needed or Needed()
    record = Recording()
    counts = dict.fromkeys(blocks, 0)

    def wrap(path: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            index = len(record.calls)
            record.calls.append(Place(path, counts[path]))
            record.outputs.append(None)
            counts[path] += 1
            if index in wanted.inputs:
                record.inputs[index] = _hidden(args, kwargs).detach()
            output = forward(*args, **kwargs)
            record.outputs[index] = _map(output, Tensor.detach if index in wanted.outputs else _nothing)
            return output

        return call

    with _patched(model, blocks, wrap):
        yield record


@contextlib.contextmanager
def replaying(
    model: nn.Module, record: Recording, start: int, rows: Tensor, batch: int, hidden: Tensor | None = None
) -> Iterator[None]:
    """Inside the context the model, run on documents ``rows`` of the recorded batch, begins at call ``start``.

    Calls before it give what they gave, where somebody reads it, and are not computed.

    Args:
        model: what is run inside the context, once.
        record: of a run of the whole batch, with what :meth:`Needed.to_start_at` names.
        start: the first call that is computed.
        rows: documents of the recorded batch (rows,), in the order and number in which they are run.
        batch: how many documents were recorded.
        hidden: what call ``start`` begins with (rows, …) in the place of what was recorded; the calls before it then
            give nothing beside their hidden states.
    """
    position = [0]

    def take(tensor: Tensor) -> Tensor:
        # What all documents share has another length, or one, on its first axis.
        return tensor.index_select(0, rows) if tensor.dim() and tensor.shape[0] == batch else tensor

    beginning = take(record.inputs[start]) if hidden is None else hidden

    def wrap(_path: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            index = position[0]
            position[0] += 1
            if index < start:
                return skip(args, kwargs, index)
            if index == start:
                args, kwargs = _with_hidden(args, kwargs, beginning)
            return forward(*args, **kwargs)

        return call

    def skip(args: tuple[Any, ...], kwargs: dict[str, Any], index: int) -> Any:  # noqa: ANN401
        output = record.outputs[index]
        if hidden is not None:
            return _with_first(_map(output, _nothing), _hidden(args, kwargs))
        if _stack(record.calls[index + 1]) != _stack(record.calls[index]):
            return _map(output, take)
        return _with_first(_map(output, take), _hidden(args, kwargs))

    with _patched(model, {call.path for call in record.calls}, wrap):
        yield


@contextlib.contextmanager
def _patched(
    model: nn.Module, paths: set[str], wrap: Callable[[str, Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    """Replace the forward functions of modules, and put them back."""
    with contextlib.ExitStack() as stack:
        for path in paths:
            module = model.get_submodule(path)
            own = module.__dict__.get("forward")
            module.__dict__["forward"] = wrap(path, module.forward)
            stack.callback(_put_back, module, own)
        yield


def _put_back(module: nn.Module, own: Any) -> None:  # noqa: ANN401
    if own is None:
        module.__dict__.pop("forward", None)
    else:
        module.__dict__["forward"] = own


def _hidden(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    if args and isinstance(args[0], Tensor):
        return args[0]
    for name in _HIDDEN:
        if isinstance(kwargs.get(name), Tensor):
            found: Tensor = kwargs[name]
            return found
    raise NoBlocksError("a block is called without hidden states")


def _with_hidden(
    args: tuple[Any, ...], kwargs: dict[str, Any], hidden: Tensor
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if args and isinstance(args[0], Tensor):
        return (hidden, *args[1:]), kwargs
    name = next(name for name in _HIDDEN if isinstance(kwargs.get(name), Tensor))
    return args, kwargs | {name: hidden}


def hidden_of(output: Any) -> Tensor:  # noqa: ANN401
    """The hidden states (batch, tokens, width) among what a block gives.

    Raises:
        NoBlocksError: they are not the first of it.
    """
    first = output[0] if isinstance(output, tuple) and output else output
    if not isinstance(first, Tensor) or first.dim() != 3:
        raise NoBlocksError("a block gives no hidden states")
    return first


def _nothing(_tensor: Tensor) -> None:
    return None


def _map(output: Any, change: Callable[[Tensor], Any]) -> Any:  # noqa: ANN401
    """A block's output with each of its tensors changed."""
    if isinstance(output, Tensor):
        return change(output)
    if isinstance(output, (tuple, list)):
        return tuple(_map(part, change) for part in output)
    return output


def _with_first(output: Any, hidden: Tensor) -> Any:  # noqa: ANN401
    """A block's output with other hidden states."""
    return (hidden, *output[1:]) if isinstance(output, tuple) and output else hidden

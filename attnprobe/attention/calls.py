"""Intercept every attention that torch computes while a model runs."""

from __future__ import annotations

import contextlib
import math
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from attnprobe.attention.kernels import UnreadKernelError, is_kernel, read
from attnprobe.attention.layouts import Layout
from attnprobe.attention.taps import Tap, fused_mask
from attnprobe.attention.written_out import WrittenOut
from attnprobe.erasure.edits import masked_softmax

_SOFTMAX = {torch.softmax, Tensor.softmax, functional.softmax, torch.special.softmax}
_MATMUL = {torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, Tensor.bmm}
LINEAR_MAPS = {functional.linear, torch.addmm, Tensor.addmm}
_FUSED = functional.scaled_dot_product_attention

# The composite function of nn.MultiheadAttention hands itself to whoever intercepts, as one call, and what it calls is
# then not intercepted. This is the same function, which does not hand itself on.
_MULTIHEAD = types.FunctionType(
    functional.multi_head_attention_forward.__code__,
    {**vars(functional), "has_torch_function": lambda tensors: False},
    "multi_head_attention_forward",
    functional.multi_head_attention_forward.__defaults__,
    functional.multi_head_attention_forward.__closure__,
)
_MULTIHEAD.__kwdefaults__ = functional.multi_head_attention_forward.__kwdefaults__


class UnseenProductError(RuntimeError):
    """Something was to be added to weights times values, and what these give was not seen."""


class Place(NamedTuple):
    """Where in a model an attention is computed: the path of the innermost module, and which of its calls."""

    path: str
    number: int

    def __str__(self) -> str:
        return self.path if self.number == 0 else f"{self.path} (call {self.number + 1})"


class Observation(NamedTuple):
    """A softmax as it was seen.

    Attributes:
        place: where.
        shape: of its result.
        axis: that it runs over.
        fused: whether it is fused attention.
        kernel: the name of the kernel of a library that computes it; empty: torch does.
    """

    place: Place
    shape: tuple[int, ...]
    axis: int
    fused: bool
    kernel: str = ""


class Observed(list[Observation]):
    """All softmaxes of what was run, in order.

    Attributes:
        unread: kernels that attend and whose weights cannot be read, by where they are called.
        exponentials: where exponentials were taken of what has three axes or more, and their shapes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unread: list[tuple[str, str]] = []
        self.exponentials: list[tuple[str, tuple[int, ...]]] = []


class Tapped(NamedTuple):
    """What is done at a place, and how its weights are laid out.

    Attributes:
        tap: what is done.
        layout: of the weights there.
        extra: columns behind those of the tokens, which are no tokens (attention sinks).
        by_mask: whether a fused attention may do an erasure by its own mask, where it can.
    """

    tap: Tap
    layout: Layout
    extra: int = 0
    by_mask: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether the weights are laid out as (batch, heads, queries, tokens) as they are."""
        return self.extra == 0 and self.layout == Layout(3, 2, 0, self.layout.heads)


@contextlib.contextmanager
def observing(model: nn.Module) -> Iterator[Observed]:
    """Yields the list of all softmaxes seen while ``model`` runs, of all runs in the context.

    Nothing of it outlasts the context, also after an exception. A thread sees its own runs only.
    """
    mode = _Interception({}, {})
    with _watching(model, set(model.modules()), mode):
        yield mode.observed


@contextlib.contextmanager
def intercepting(
    model: nn.Module,
    tapped: Mapping[Place, Tapped],
    *,
    skipped: Mapping[str, int] | None = None,
) -> Iterator[None]:
    """Let the taps act while ``model`` runs.

    Nothing of it outlasts the context, also after an exception. A thread sees its own interceptions only.

    Args:
        model: what is run inside the context.
        tapped: what is done where.
        skipped: how many attentions at a path are not computed, because a run begins behind them.

    Raises:
        UnseenProductError: a tap adds to weights times values, and the model has not computed these where they can be
            seen, at the latest when the context ends.
    """
    # What runs in a tapped module is told apart by module; of all else it is enough to know that it runs elsewhere.
    within = {module for place in tapped for module in model.get_submodule(place.path).modules()}
    mode = _Interception(tapped, skipped or {})
    with _watching(model, {model, *within}, mode):
        yield
        mode.require_added()


@contextlib.contextmanager
def _watching(model: nn.Module, watched: set[nn.Module], mode: _Interception) -> Iterator[None]:
    """The mode is on, and is told when one of these modules of the model begins and ends to run."""
    with contextlib.ExitStack() as stack:
        for path, module in model.named_modules():
            if module in watched:
                stack.callback(module.register_forward_pre_hook(mode.entering(path)).remove)
                stack.callback(module.register_forward_hook(mode.leaving, always_call=True).remove)
        stack.enter_context(_without_fast_path())
        stack.enter_context(mode)
        yield


@contextlib.contextmanager
def _without_fast_path() -> Iterator[None]:
    """The fast path of nn.TransformerEncoderLayer computes attention inside one kernel."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)


class _Awaited(NamedTuple):
    """Weights on their way to the product with the values."""

    path: str
    weights: Tensor
    tapped: Tapped


class _Interception(TorchFunctionMode):
    def __init__(self, tapped: Mapping[Place, Tapped], skipped: Mapping[str, int]) -> None:
        super().__init__()
        self.tapped = tapped
        self.skipping = {place.path for place, each in tapped.items() if each.tap.ignores_projections}
        self._skipped = dict(skipped)
        self._thread = threading.get_ident()
        self.observed = Observed()
        self._written_out = WrittenOut()
        self._running: list[str] = []
        self._seen: dict[str, int] = {}
        self._awaited: _Awaited | None = None

    def entering(self, path: str) -> Callable[[nn.Module, Any], None]:
        def enter(_module: nn.Module, _inputs: Any) -> None:  # noqa: ANN401
            if threading.get_ident() != self._thread:  # hooks are every thread's, the mode is not
                return
            if not self._running:
                self.require_added()
                self._seen = dict(self._skipped)
                self._awaited = None
                self._written_out.forget()
            self._running.append(path)

        return enter

    def leaving(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:  # noqa: ANN401
        if threading.get_ident() == self._thread:
            self._running.pop()

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        if func in _SOFTMAX:
            return self._softmax(func, args, kwargs)
        if func is _FUSED:
            return self._fused(*args, **kwargs)
        if func is functional.multi_head_attention_forward:
            with self:
                return _MULTIHEAD(*args, **kwargs)
        if self._awaited is not None and func in _MATMUL and _consumes(args[0], self._awaited.weights):
            return self._product(func, args, kwargs)
        if self._written_out.looks_at(func):
            return self._followed(func, args, kwargs)
        if is_kernel(func):
            return self._kernel(func, args, kwargs)
        if self.skipping and func in LINEAR_MAPS and self._before_attention():
            return _skipped(func, args, kwargs)
        if self.skipping and func in _MATMUL and not kwargs and self._before_attention():
            return _skipped_product(func, args)
        return func(*args, **kwargs)

    def require_added(self) -> None:
        """See to it that what is to be added to weights times values is not left behind; raises UnseenProductError."""
        if self._awaited is not None and self._awaited.tapped.tap.adds:
            path, self._awaited = self._awaited.path, None
            raise UnseenProductError(f"weights times values are not seen at {path}")

    def _place(self) -> Place:
        path = self._running[-1] if self._running else ""
        number = self._seen.get(path, 0)
        self._seen[path] = number + 1
        return Place(path, number)

    def _before_attention(self) -> bool:
        seen, skipped = self._seen, self._skipped
        return any(path in self.skipping and seen.get(path, 0) == skipped.get(path, 0) for path in self._running)

    def _softmax(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:  # noqa: ANN401
        scores = args[0] if args else kwargs["input"]
        axis = args[1] if len(args) > 1 else kwargs.get("dim", -1)
        weights: Tensor = func(*args, **kwargs)
        place = self._place()
        return self._seen_weights(place, weights, scores, (-1 if axis is None else axis) % weights.dim())

    def _followed(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """A softmax may be written out, call by call."""
        taken = len(self._written_out.exponentials)
        result = func(*args, **kwargs)
        found = self._written_out.weights(func, args, kwargs, result)
        if found is not None:
            return self._seen_weights(self._place(), result, found.scores, found.axis)
        path = self._running[-1] if self._running else ""
        self.observed.exponentials += [(path, shape) for shape in self._written_out.exponentials[taken:]]
        return result

    def _seen_weights(self, place: Place, weights: Tensor, scores: Tensor, axis: int) -> Tensor:
        self.observed.append(Observation(place, tuple(weights.shape), axis, fused=False))
        tapped = self.tapped.get(place)
        if tapped is None:
            return weights
        edited = _edit(tapped, weights, scores)
        if tapped.tap.wants_values or tapped.tap.adds:
            self.require_added()
            self._awaited = _Awaited(place.path, edited, tapped)
        return edited

    def _kernel(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """A kernel of a library: its weights are read by identity matrices, and are what is edited."""
        place = self._place()
        try:
            kernel = read(func, args, kwargs)
        except UnreadKernelError as error:
            self.observed.unread.append((place.path, str(error)))
            return func(*args, **kwargs)
        shape = tuple(kernel.weights.shape)
        self.observed.append(Observation(place, shape, 3, fused=True, kernel=str(func).replace(".default", "")))
        tapped = self.tapped.get(place)
        if tapped is None:
            return kernel.given
        edited = _edit(tapped, kernel.weights, kernel.weights.log())
        values = kernel.values
        if tapped.tap.wants_values:
            context = tapped.tap.context(values, None)
            if context is not None:
                return kernel.with_context(context.to(values.dtype))
        return kernel.with_context(_with_added(tapped, torch.matmul(edited, values), values))

    def _product(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:  # noqa: ANN401
        assert self._awaited is not None
        tapped = self._awaited.tapped
        self._awaited = None
        values = args[1] if len(args) > 1 else kwargs.get("other", kwargs.get("mat2"))
        skipped = tapped.tap.ignores_projections and not kwargs
        product: Tensor = _skipped_product(func, args) if skipped else func(*args, **kwargs)
        spread = _spread(values, args[0], tapped.layout)
        context = tapped.tap.context(spread, product) if tapped.tap.wants_values else None
        return _with_added(tapped, product if context is None else context, spread)

    def _fused(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        place = self._place()
        shape = (*query.shape[:-1], key.shape[-2])
        self.observed.append(Observation(place, shape, len(shape) - 1, fused=True))
        tapped = self.tapped.get(place)
        if tapped is None:
            return _FUSED(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa)
        tap = tapped.tap
        if tapped.by_mask and tap.erased is not None and tapped.is_plain:
            mask = fused_mask(attn_mask, is_causal, tap.erased, *shape[-2:])
            if mask is not None:
                nothing = ~mask.any(-1, keepdim=True)
                # A row that attends to nothing may be computed on anything, and is then zeroed.
                attends = mask | nothing
                result = _FUSED(query, key, value, attends, dropout_p, scale=scale, enable_gqa=enable_gqa)
                return result.masked_fill(nothing, 0.0)
        if enable_gqa:
            key, value = (t.repeat_interleave(query.shape[-3] // t.shape[-3], dim=-3) for t in (key, value))
        if tap.row is not None and tapped.is_plain:
            attn_mask, is_causal = _row_of_mask(attn_mask, is_causal, tap.row, *shape[-2:]), False
            query = query[torch.arange(len(query), device=query.device), :, tap.row][:, :, None]
        scores = _scores(query, key, attn_mask, is_causal, scale)
        weights = masked_softmax(scores, scores > -torch.inf)
        edited = _edit(tapped, weights, scores)
        spread = value.reshape(-1, tapped.layout.heads, *value.shape[-2:]) if tap.wants_values or tap.adds else None
        if tap.wants_values:
            context = tap.context(spread, None)
            if context is not None:
                return context.reshape(*query.shape[:-1], value.shape[-1]).to(value.dtype)
        product = torch.matmul(torch.dropout(edited, dropout_p, dropout_p > 0), value)
        return _with_added(tapped, product, spread if tapped.layout.in_front else None)


def _edit(tapped: Tapped, weights: Tensor, scores: Tensor) -> Tensor:
    """Let the tap edit the columns of the tokens; the others stay."""
    layout = tapped.layout
    view = layout.view(weights)
    tokens = view.shape[-1] - tapped.extra
    edited = tapped.tap.edit(view[..., :tokens], layout.view(scores)[..., :tokens])
    if tapped.extra:
        edited = torch.cat([edited, view[..., tokens:]], dim=-1)
    return layout.restore(edited, like=weights)


def _with_added(tapped: Tapped, product: Tensor, values: Tensor | None) -> Tensor:
    """Weights times values and what the tap adds to them; values are None where their layout is not known."""
    if not tapped.tap.adds:
        return product
    added = None if values is None else tapped.tap.added(values)
    if added is None or added.numel() != product.numel():
        raise UnseenProductError("weights times values are laid out in a way that is not known")
    return product + added.reshape(product.shape).to(product.dtype)


def _consumes(operand: Any, weights: Tensor) -> bool:  # noqa: ANN401
    """Whether the first operand of a product is the weights, perhaps without the columns that are no tokens.

    Documents and heads may have been put into one axis, or taken out of one.
    """
    if not isinstance(operand, Tensor) or operand.dim() < 2 or operand.shape[-2] != weights.shape[-2]:
        return False
    return operand.shape[:-2].numel() == weights.shape[:-2].numel() and operand.shape[-1] <= weights.shape[-1]


def _spread(values: Any, operand: Tensor, layout: Layout) -> Tensor | None:  # noqa: ANN401
    """The values (batch, heads, keys, dim) of a product whose left side is laid out with batch and heads in front."""
    if not isinstance(values, Tensor) or not layout.in_front or values.dim() != operand.dim():
        return None
    spread = values.expand(*operand.shape[:-2], *values.shape[-2:])
    return spread.reshape(-1, layout.heads, *values.shape[-2:])


def _scores(query: Tensor, key: Tensor, mask: Tensor | None, causal: bool, scale: float | None) -> Tensor:
    """What a fused attention takes the softmax of (…, queries, keys)."""
    scores: Tensor = torch.matmul(query, key.transpose(-2, -1))
    scores = scores * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if causal:
        below = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~below, -torch.inf)
    if mask is None:
        return scores
    return scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask


def _row_of_mask(mask: Tensor | None, causal: bool, row: Tensor, queries: int, keys: int) -> Tensor | None:
    """One row a document (batch, 1 or heads, 1, keys) of a fused attention's mask."""
    if causal:
        return (torch.arange(keys, device=row.device) <= row[:, None])[:, None, None]
    if mask is None:
        return None
    whole = mask.expand(len(row), mask.shape[-3] if mask.dim() > 2 else 1, queries, keys)
    return whole[torch.arange(len(row), device=row.device), :, row][:, :, None]


def _skipped(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:  # noqa: ANN401
    """Zeros, shared by all entries, of the shape that a linear map would give."""
    if func is functional.linear:
        inputs, weight = args[0], args[1] if len(args) > 1 else kwargs["weight"]
        shape = (*inputs.shape[:-1], weight.shape[0])
    else:
        inputs, weight = args[1], args[2]
        shape = (inputs.shape[0], weight.shape[1])
    zeros: Tensor = inputs.new_zeros(1).expand(shape)
    return zeros


def _skipped_product(func: Any, args: tuple[Any, ...]) -> Tensor:  # noqa: ANN401
    """The same of the product of two stacks of matrices; what is none is computed."""
    left, right = args
    if left.dim() < 2 or right.dim() < 2:
        product: Tensor = func(left, right)
        return product
    stacks = (left[..., :1, :1] + right[..., :1, :1]).shape[:-2]
    zeros: Tensor = left.new_zeros(1).expand(*stacks, left.shape[-2], right.shape[-1])
    return zeros

"""Capture and erase attention weights inside any model whose attention is a module that returns its weights.

    with erasing(model.attention, erased):      # bool (batch, items), or a function from weights to one
        logits = model(batch)

The module must return one tensor of weights, which its caller multiplies with the values. That the caller really does
so is proved on first use: the model runs once more with its weights turned to NaN, and where its output does not
notice, an error says so. Hooks are always taken away again, also after an exception; contexts nest, compose and
differentiate. Attention that is computed and used inside one module, as that of ``nn.MultiheadAttention`` or of a whole
transformer, is edited through ``attnprobe.AttachedModel``.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from attnprobe.erasure.arrays import Mask, truths
from attnprobe.erasure.functions import erase

_proved: weakref.WeakSet[nn.Module] = weakref.WeakSet()
_under_proof: weakref.WeakSet[nn.Module] = weakref.WeakSet()


class EditError(RuntimeError):
    """An edit of attention weights cannot have the effect that was asked for."""


@contextlib.contextmanager
def capturing(module: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the attention weights that ``module`` returns, one tensor a call, in the list that the context yields.

    Inside an ``erasing`` context of the same module the weights are those after erasing. They are the very tensors that
    the model goes on with, so gradients with respect to them can be asked for.

    Raises:
        EditError: the module does not return one tensor of attention weights.
    """
    captured: list[Tensor] = []

    def keep(weights: Tensor) -> Tensor:
        if module not in _under_proof:
            captured.append(weights)
        return weights

    with _editing(module, keep):
        yield captured


@contextlib.contextmanager
def erasing(module: nn.Module, erased: Mask | Callable[[Tensor], Mask]) -> Iterator[None]:
    """Zero selected attention weights that ``module`` returns and renormalise the rest, as long as the context lasts.

    Args:
        module: returns attention weights (…, items), which its caller multiplies with the values.
        erased: True where a weight is set to zero: as many axes as the weights have, of length one where it is the same
            for all, or (items,); or a function that makes such a mask from the weights.

    Raises:
        EditError: the module does not return one tensor of attention weights; or, on first use, the output of the model
            that it is part of does not depend on them.
        ValueError: what is given is no such mask; when the model runs, where that is seen from the weights alone.
    """
    _refuse_by_name(module)
    chosen = erased if callable(erased) else truths("erased", erased)

    def edit(weights: Tensor) -> Tensor:
        edited: Tensor = erase(weights, chosen(weights) if callable(chosen) else chosen)
        return edited

    with _editing(module, edit), _proving(module):
        yield


@contextlib.contextmanager
def _editing(module: nn.Module, edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    _refuse_by_name(module)

    def hook(_module: nn.Module, _inputs: Any, weights: Any) -> Tensor:  # noqa: ANN401
        if not isinstance(weights, Tensor) or not weights.is_floating_point():
            raise EditError(
                f"{type(module).__name__} returns {type(weights).__name__}, not one tensor of attention weights"
            )
        return edit(weights)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _refuse_by_name(module: nn.Module) -> None:
    if isinstance(module, nn.MultiheadAttention):
        raise EditError(
            "nn.MultiheadAttention has already used the weights that it returns: editing them would change nothing; "
            "edit the model that it is in through attnprobe.AttachedModel"
        )


@contextlib.contextmanager
def _proving(module: nn.Module) -> Iterator[None]:
    """On the first call of a model that contains ``module``, prove that its output depends on the returned weights."""
    if module in _proved:
        yield
        return
    running: list[nn.Module] = []
    fired = [False]

    def note(_module: nn.Module, _inputs: Any, _output: Any) -> None:  # noqa: ANN401
        fired[0] = True

    def enter(entered: nn.Module, _inputs: Any) -> None:  # noqa: ANN401
        if not running:
            fired[0] = False
        running.append(entered)

    def leave(left: nn.Module, args: Any, *rest: Any) -> None:  # noqa: ANN401
        # A module that raised is left too, without its keyword arguments, and proves nothing.
        running.pop()
        outermost = not running and left is not module
        if not outermost or not fired[0] or len(rest) < 2 or module in _proved or module in _under_proof:
            return
        keywords, output = rest
        _prove(left, module, args, keywords, output)
        _proved.add(module)

    with contextlib.ExitStack() as stack:
        for handle in (
            module.register_forward_hook(note),
            register_module_forward_pre_hook(enter),
            register_module_forward_hook(leave, with_kwargs=True, always_call=True),
        ):
            stack.callback(handle.remove)
        yield


def _prove(model: nn.Module, module: nn.Module, args: Any, keywords: Any, output: Any) -> None:  # noqa: ANN401
    returned: list[Tensor] = []

    def poison(_module: nn.Module, _inputs: Any, weights: Tensor) -> Tensor:  # noqa: ANN401
        returned.append(torch.full_like(weights, torch.nan))
        return returned[-1]

    handle = module.register_forward_hook(poison)
    _under_proof.add(module)
    try:
        with torch.no_grad(), torch.random.fork_rng():
            poisoned = model(*args, **keywords)
    except Exception:  # the weights went somewhere that could not bear NaN: they are used
        return
    finally:
        _under_proof.discard(module)
        handle.remove()
    # Weights handed out beside the result are not the result.
    beside = {id(weights) for weights in returned}
    for plain, spoilt in zip(_tensors(output), _tensors(poisoned), strict=True):
        if id(spoilt) not in beside and _differ(plain, spoilt):
            return
    raise EditError(
        f"{type(model).__name__} does not use the weights that {type(module).__name__} returns: "
        "its output stays the same when they are edited, so nothing would be erased"
    )


def _differ(plain: Tensor, spoilt: Tensor) -> bool:
    if spoilt.is_floating_point():  # random layers may differ between two runs, but not by NaN
        return bool((spoilt.isnan() & ~plain.isnan()).any())
    return not torch.equal(plain, spoilt)


def _tensors(output: Any) -> Iterator[Tensor]:  # noqa: ANN401
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for part in output.values():
            yield from _tensors(part)
    elif isinstance(output, (list, tuple)):
        for part in output:
            yield from _tensors(part)

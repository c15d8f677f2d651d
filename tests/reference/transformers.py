"""Slow and obvious: attention erased in a transformer by computing every attention layer by hand, in a full forward.

Nothing is intercepted: each attention module's ``forward`` is replaced for the time of one call by the one written out
in ``attention_forwards``, and what a token may see is worked out here from the padding masks in the inputs. Layers are
named by a key (stack, layer): the stack is "self" for encoders and decoders alone, and "encoder", "decoder" or "cross"
for T5.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from tests.reference.attention_forwards import FORWARDS, Replaced, erase_rows, softmax_of_visible, transformer_encoder
from tests.reference.attention_models import FAMILIES, TASKS, EncoderClassifier, tiny_inputs, tiny_model

__all__ = [
    "FAMILIES",
    "TASKS",
    "EncoderClassifier",
    "Key",
    "attention_keys",
    "reference_attention",
    "reference_logits",
    "reference_logits_given",
    "reference_logits_replaced",
    "reference_outputs",
    "tiny_inputs",
    "tiny_model",
    "visible_keys",
]

Key = tuple[str, int]
"""(stack, layer)."""


def attention_keys(model: nn.Module) -> list[Key]:
    """The keys of all attention layers of the model, stack by stack, from the first layer to the last."""
    return _keys_of(_attention_modules(model))


def _keys_of(modules: list[tuple[str, nn.Module]]) -> list[Key]:
    keys: list[Key] = []
    for stack, module in modules:
        layers = len(module.layers) if isinstance(module, nn.TransformerEncoder) else 1
        for _ in range(layers):
            keys.append((stack, sum(key[0] == stack for key in keys)))
    return keys


@torch.no_grad()
def reference_attention(
    model: nn.Module, inputs: Mapping[str, Tensor], erased: Mapping[Key, Tensor] | None = None
) -> dict[Key, Tensor]:
    """The weights that multiply the values in each layer, computed by hand.

    Args:
        model: one of ``tiny_model``'s.
        inputs: its inputs; padding is read off ``attention_mask`` (and ``decoder_attention_mask``).
        erased: what is erased on the way, as in :func:`reference_logits`; nothing by default.

    Returns:
        Weights (B, H, Q, K) by key. A row of padding that sees nothing is zero here; the models make it uniform or
        zero, and nothing reads it.
    """
    seen: dict[Key, Tensor] = {}

    def record(key: Key, weights: Tensor) -> Tensor:
        seen[key] = _erase(erased or {}, key, weights)
        return seen[key]

    _forward(model, inputs, record, erased or {})
    return {key: seen[key] for key in attention_keys(model)}


@torch.no_grad()
def reference_logits(model: nn.Module, inputs: Mapping[str, Tensor], erased: Mapping[Key, Tensor]) -> Tensor:
    """The logits with weights erased: zero, the rest of the row rescaled to its sum, and through the whole model.

    Args:
        model: one of ``tiny_model``'s.
        inputs: its inputs.
        erased: True where a weight is erased (B, H, Q, K), by key; layers that are not named keep their weights, but
            compute them from what the erasures below have made of their inputs. A row that loses all becomes zero.

    Returns:
        Logits (B, labels), or (B, Q, vocabulary) for language models, in the model's dtype. Those at padding mean
        nothing.

    Raises:
        ValueError: a key that the model does not have, or a shape that is not that of the layer's weights.
    """
    return _forward(model, inputs, partial(_erase, erased), erased)


def reference_logits_given(model: nn.Module, inputs: Mapping[str, Tensor], weights: Mapping[Key, Tensor]) -> Tensor:
    """The logits where the named layers use exactly these weights in place of their softmax; differentiable.

    Args, raises: as :func:`reference_logits`, with the weights (B, H, Q, K) in the place of what is erased.
    """

    def give(key: Key, own: Tensor) -> Tensor:
        if key not in weights:
            return own
        _check_shape(key, weights[key], own)
        return weights[key]

    return _forward(model, inputs, give, weights)


@torch.no_grad()
def reference_logits_replaced(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    erased: Mapping[Key, Tensor],
    stand_in: Callable[[Key, Tensor], Tensor],
) -> Tensor:
    """The logits with weights erased: zero, and something takes the weight that a row has lost.

    Args, raises: as :func:`reference_logits`, and

    Args:
        stand_in: of a layer and its values (B, H, K, D) the vectors (B, H, Q, D) that take it.
    """

    def replace(key: Key, own: Tensor) -> Tensor | Replaced:
        if key not in erased:
            return own
        _check_shape(key, erased[key], own)
        gone = torch.where(erased[key], own, torch.zeros_like(own))
        return Replaced(own - gone, gone.sum(-1), partial(stand_in, key))

    return _forward(model, inputs, replace, erased)


@torch.no_grad()
def reference_outputs(model: nn.Module, inputs: Mapping[str, Tensor]) -> dict[Key, Tensor]:
    """What each head of each layer gives, weights times values (B, H, Q, D), computed by hand; in no order."""
    seen: dict[Key, Tensor] = {}

    def keep(key: Key, own: Tensor, values: Tensor) -> Tensor:
        seen[key] = torch.stack([weights @ each for weights, each in zip(own, values, strict=True)])
        return torch.zeros(*own.shape[:-1], values.shape[-1], dtype=values.dtype)

    def look(key: Key, own: Tensor) -> Replaced:
        return Replaced(own, torch.zeros_like(own[..., 0]), partial(keep, key, own))

    _forward(model, inputs, look, {})
    return seen


def visible_keys(model: nn.Module, inputs: Mapping[str, Tensor], stack: str) -> Tensor:
    """True where a query may see a key (B, Q, K): no padding among the keys, and in decoders no later key."""
    ids = inputs["input_ids"]
    real = inputs.get("attention_mask", torch.ones_like(ids)).bool()
    decoder_ids = inputs.get("decoder_input_ids", ids)
    decoder_real = inputs.get("decoder_attention_mask", torch.ones_like(decoder_ids)).bool()
    classes = {type(module).__name__ for _, module in _attention_modules(model)}
    if stack == "decoder":
        return _causal(decoder_real)
    if stack == "cross":
        return real[:, None, :].expand(-1, decoder_ids.shape[1], -1)
    if classes & {"GPT2Attention", "LlamaAttention"}:
        return _causal(real)
    visible = real[:, None, :].expand(-1, ids.shape[1], -1)
    # DeBERTa alone also masks the rows of padding.
    return visible & real[:, :, None] if "DisentangledSelfAttention" in classes else visible


def _causal(real: Tensor) -> Tensor:
    length = real.shape[1]
    return real[:, None, :] & torch.ones(length, length, dtype=torch.bool).tril()


def _erase(erased: Mapping[Key, Tensor], key: Key, weights: Tensor) -> Tensor:
    if key not in erased:
        return weights
    _check_shape(key, erased[key], weights)
    return erase_rows(weights, erased[key])


def _check_shape(key: Key, given: Tensor, weights: Tensor) -> None:
    if given.shape != weights.shape:
        raise ValueError(f"{key}: shape {tuple(given.shape)} given, but the weights are {tuple(weights.shape)}")


def _attention_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """(stack, module) of every attention module, or of the whole of an ``nn.TransformerEncoder``, in order."""
    found = []
    for name, module in model.named_modules():
        if isinstance(module, nn.TransformerEncoder):
            found.append(("self", module))
        elif type(module).__name__ == "T5Attention":
            stack = "encoder" if ".encoder." in f".{name}" else "decoder"
            found.append(("cross" if name.endswith("EncDecAttention") else stack, module))
        elif type(module).__name__ in FORWARDS:
            found.append(("self", module))
    return sorted(found, key=lambda entry: ["self", "encoder", "decoder", "cross"].index(entry[0]))


def _forward(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    edit: Callable[[Key, Tensor], Tensor | Replaced],
    named: Mapping[Key, Tensor],
) -> Tensor:
    """One forward with every attention layer written out; ``edit(key, weights)`` gives the weights to use."""
    modules = _attention_modules(model)
    keys = _keys_of(modules)
    unknown = [key for key in named if key not in keys]
    if unknown:
        raise ValueError(f"{unknown[0]} is no attention layer of this model, which has {keys}")
    visible = {stack: visible_keys(model, inputs, stack) for stack, _ in keys}

    def weights_of(stack: str, layer: int, scores: Tensor) -> Tensor | Replaced:
        return edit((stack, layer), softmax_of_visible(scores, visible[stack]))

    forwards: list[tuple[nn.Module, Callable[..., object]]] = []
    layers_of: dict[str, int] = {}
    for stack, module in modules:
        if isinstance(module, nn.TransformerEncoder):
            forwards.append((module, partial(transformer_encoder, module, partial(weights_of, stack))))
        else:
            layer = layers_of[stack] = layers_of.get(stack, -1) + 1
            by_hand = FORWARDS[type(module).__name__]
            forwards.append((module, partial(by_hand, module, partial(weights_of, stack, layer))))
    with _replaced(forwards):
        output = model(**inputs)
    return output if isinstance(output, Tensor) else output.logits


@contextlib.contextmanager
def _replaced(forwards: list[tuple[nn.Module, Callable[..., object]]]) -> Iterator[None]:
    """Give each module its forward, and its own back again, whatever happens."""
    own = [(vars(module), vars(module).get("forward")) for module, _ in forwards]
    try:
        for module, forward in forwards:
            vars(module)["forward"] = forward
        yield
    finally:
        for attributes, before in own:
            attributes.pop("forward", None)
            if before is not None:
                attributes["forward"] = before

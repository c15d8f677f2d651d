"""ViT and Whisper's encoder again, written out from their weights, with attention erased by hand."""

import torch
from torch.nn import functional


def vit_logits(model, pixels, erased, renormalise):
    """With these keys (B, N) at zero in all rows and heads of the layers of these numbers: ``{number: keys}``."""
    weights = model.state_dict()
    patch = weights["vit.embeddings.patch_embeddings.projection.weight"].shape[-1]
    columns = functional.unfold(pixels, patch, stride=patch).transpose(1, 2)
    kernel = weights["vit.embeddings.patch_embeddings.projection.weight"].flatten(1)
    patches = columns @ kernel.T + weights["vit.embeddings.patch_embeddings.projection.bias"]
    first = weights["vit.embeddings.cls_token"].expand(len(pixels), -1, -1)
    x = torch.cat([first, patches], dim=1) + weights["vit.embeddings.position_embeddings"]
    for number in range(model.config.num_hidden_layers):
        own = _part(weights, f"vit.layers.{number}.")
        before = _norm(x, own, "layernorm_before", 1e-12)
        x = x + _attention(before, _part(own, "attention."), "o_proj", erased.get(number), renormalise)
        hidden = functional.gelu(_linear(_norm(x, own, "layernorm_after", 1e-12), own, "mlp.fc1"))
        x = x + _linear(hidden, own, "mlp.fc2")
    return _linear(_norm(x, weights, "vit.layernorm", 1e-12)[:, 0], weights, "classifier")


def whisper_logits(model, features, erased, renormalise):
    """The same of Whisper's encoder as a classifier, of features (B, mels, frames)."""
    weights = model.state_dict()
    x = functional.gelu(
        functional.conv1d(features, weights["encoder.conv1.weight"], weights["encoder.conv1.bias"], padding=1)
    )
    x = functional.gelu(
        functional.conv1d(x, weights["encoder.conv2.weight"], weights["encoder.conv2.bias"], stride=2, padding=1)
    )
    x = x.transpose(1, 2) + weights["encoder.embed_positions.weight"]
    for number in range(model.config.encoder_layers):
        own = _part(weights, f"encoder.layers.{number}.")
        before = _norm(x, own, "self_attn_layer_norm", 1e-5)
        x = x + _attention(before, _part(own, "self_attn."), "out_proj", erased.get(number), renormalise)
        x = x + _linear(functional.gelu(_linear(_norm(x, own, "final_layer_norm", 1e-5), own, "fc1")), own, "fc2")
    x = _linear(_norm(x, weights, "encoder.layer_norm", 1e-5), weights, "projector")
    return _linear(x.mean(1), weights, "classifier")


def _attention(x, own, out, erased, renormalise):
    heads = [_linear(x, own, name).unflatten(-1, (4, -1)).transpose(1, 2) for name in ("q_proj", "k_proj", "v_proj")]
    queries, keys, values = heads
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
    mass = torch.exp(scores - scores.amax(-1, keepdim=True))
    left = mass if erased is None else mass * ~erased[:, None, None, :]
    total = left.sum(-1, keepdim=True) if renormalise else mass.sum(-1, keepdim=True)
    given = left / total.masked_fill(total == 0, 1.0) @ values
    return _linear(given.transpose(1, 2).flatten(-2), own, out)


def _part(weights, prefix):
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _linear(x, weights, name):
    given = x @ weights[f"{name}.weight"].T
    return given + weights[f"{name}.bias"] if f"{name}.bias" in weights else given


def _norm(x, weights, name, epsilon):
    return functional.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], epsilon)

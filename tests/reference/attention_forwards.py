"""Attention written out by hand: one function for each family's attention module, from the family's mathematics.

Each takes the module, a function that turns scores (B, H, Q, K) into the weights to use, and the arguments of the
module's own ``forward``; it returns what that ``forward`` returns. Scores are divided by √d unless said otherwise.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F


def softmax_of_visible(scores, visible):
    """Softmax of scores (B, H, Q, K) over the visible keys (B, Q, K); a row that sees nothing is zero."""
    scores = scores.masked_fill(~visible[:, None], -torch.inf)
    largest = scores.amax(-1, keepdim=True)
    exponentials = torch.exp(scores - largest.masked_fill(largest == -torch.inf, 0.0))
    total = exponentials.sum(-1, keepdim=True)
    return exponentials / total.masked_fill(total == 0, 1.0)


def erase_rows(weights, erased):
    """Zero the weights (B, H, Q, K) where ``erased``; the rest of a row is rescaled to the sum that the row had.

    A row that loses everything becomes zero, and one that loses nothing stays as it is, to the bit.
    """
    result = weights.clone()
    for row in torch.cartesian_prod(*(torch.arange(n) for n in weights.shape[:-1])).tolist():
        before, gone = weights[tuple(row)], erased[tuple(row)]
        if gone.any():
            kept = torch.where(gone, torch.zeros_like(before), before)
            result[tuple(row)] = kept / kept.sum() * before.sum() if kept.sum() > 0 else kept
    return result


def split_heads(projected, heads):
    """(B, L, H·D) as (B, H, L, D)."""
    return torch.stack(projected.chunk(heads, dim=-1), dim=1)


class Replaced(NamedTuple):
    """Weights of which some are gone, and what is put in their place.

    Attributes:
        kept: the weights that are left (B, H, Q, K).
        lost: how much weight each row has lost (B, H, Q).
        stand_in: of the values (B, H, K, D) the vectors (B, H, Q, D) that take it.
    """

    kept: torch.Tensor
    lost: torch.Tensor
    stand_in: Callable[[torch.Tensor], torch.Tensor]


def average(weights, values):
    """The values (B, H, K, D) averaged by the weights (B, H, Q, K), heads side by side: (B, Q, H·D)."""
    if isinstance(weights, Replaced):
        averaged = torch.einsum("bhqk,bhkd->bhqd", weights.kept, values)
        averaged = averaged + weights.lost[..., None] * weights.stand_in(values)
    else:
        averaged = torch.einsum("bhqk,bhkd->bhqd", weights, values)
    return torch.cat(averaged.unbind(1), dim=-1)


def products(queries, keys):
    """The dot product of every query (B, H, Q, D) with every key (B, H, K, D): (B, H, Q, K)."""
    return torch.einsum("bhqd,bhkd->bhqk", queries, keys)


def bert(module, weights_of, hidden_states, **_):
    """BERT and RoBERTa (Vaswani et al. 2017, section 3.2.2); the output projection is the caller's."""
    heads = module.num_attention_heads
    projections = (module.query, module.key, module.value)
    queries, keys, values = (split_heads(projection(hidden_states), heads) for projection in projections)
    weights = weights_of(products(queries, keys) / math.sqrt(queries.shape[-1]))
    return average(weights, values), weights


def distilbert(module, weights_of, hidden_states, **_):
    """DistilBERT: as BERT, output projection included."""
    projections = (module.q_lin, module.k_lin, module.v_lin)
    queries, keys, values = (split_heads(projection(hidden_states), module.n_heads) for projection in projections)
    weights = weights_of(products(queries, keys) / math.sqrt(queries.shape[-1]))
    return module.out_lin(average(weights, values)), weights


def deberta_v2(module, weights_of, hidden_states, *_, rel_embeddings, **__):
    """Disentangled attention (He et al. 2021, equation 4), with the position buckets of version 2.

    The score of query i and key j is q_i·k_j + q_i·r^k + k_j·r^q over √(3d), where r^k and r^q are the key and query
    projections (shared with the content) of the embedding of the bucket of i − j.
    """
    heads, length, span = module.num_attention_heads, hidden_states.shape[1], module.position_buckets
    projections = (module.query_proj, module.key_proj, module.value_proj)
    queries, keys, values = (split_heads(projection(hidden_states), heads) for projection in projections)
    position_keys = split_heads(module.key_proj(rel_embeddings)[None], heads)[0]
    position_queries = split_heads(module.query_proj(rel_embeddings)[None], heads)[0]
    rows = []
    for i in range(length):
        row = []
        for j in range(length):
            place = _deberta_bucket(i - j, span, module.max_relative_positions) + span
            place = min(max(place, 0), 2 * span - 1)
            content = (queries[:, :, i] * keys[:, :, j]).sum(-1)
            content_to_position = (queries[:, :, i] * position_keys[:, place]).sum(-1)
            position_to_content = (keys[:, :, j] * position_queries[:, place]).sum(-1)
            row.append(content + content_to_position + position_to_content)
        rows.append(torch.stack(row, dim=-1))
    weights = weights_of(torch.stack(rows, dim=-2) / math.sqrt(3 * queries.shape[-1]))
    return average(weights, values), weights


def _deberta_bucket(distance, buckets, furthest):
    """Distances up to half the buckets are their own; the others share logarithmically wider ones."""
    middle = buckets // 2
    if abs(distance) <= middle:
        return distance
    beyond = math.log(abs(distance) / middle) / math.log((furthest - 1) / middle) * (middle - 1)
    return int(math.copysign(middle + math.ceil(beyond), distance))


def gpt2(module, weights_of, hidden_states, *_, **__):
    """GPT-2: queries, keys and values from one projection whose matrix is stored (in, out)."""
    projected = hidden_states @ module.c_attn.weight + module.c_attn.bias
    queries, keys, values = (split_heads(third, module.num_heads) for third in projected.chunk(3, dim=-1))
    weights = weights_of(products(queries, keys) / math.sqrt(queries.shape[-1]))
    return average(weights, values) @ module.c_proj.weight + module.c_proj.bias, weights


def llama(module, weights_of, hidden_states, *, position_embeddings, **_):
    """Llama: rotary positions (Su et al. 2021), and key and value heads shared by a group of query heads."""
    heads, shared = module.config.num_attention_heads, module.config.num_key_value_heads
    queries = split_heads(module.q_proj(hidden_states), heads)
    keys = split_heads(module.k_proj(hidden_states), shared)
    values = split_heads(module.v_proj(hidden_states), shared)
    queries, keys = (_rotate(vectors, *position_embeddings) for vectors in (queries, keys))
    owner = [head * shared // heads for head in range(heads)]
    weights = weights_of(products(queries, keys[:, owner]) / math.sqrt(queries.shape[-1]))
    return module.o_proj(average(weights, values[:, owner])), weights


def _rotate(vectors, cosines, sines):
    """Turn the plane of coordinates (c, c + D/2) of vectors (B, H, L, D) by the angles of their positions."""
    half = vectors.shape[-1] // 2
    cosine, sine = cosines[:, None, :, :half], sines[:, None, :, :half]
    first, second = vectors[..., :half], vectors[..., half:]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)


def t5(module, weights_of, hidden_states, *, key_value_states=None, position_bias=None, **_):
    """T5 (Raffel et al. 2020, section 2.1): scores are not divided by √d; a learned bias for the distance is added.

    Only the first layer of a stack owns the biases; it returns them and the stack hands them to the layers above.
    """
    read = hidden_states if key_value_states is None else key_value_states
    queries = split_heads(module.q(hidden_states), module.n_heads)
    keys, values = (split_heads(projection(read), module.n_heads) for projection in (module.k, module.v))
    scores = products(queries, keys)
    if module.has_relative_attention_bias:
        position_bias = _t5_position_bias(module, scores)
    if position_bias is not None:
        scores = scores + position_bias
    weights = weights_of(scores)
    return module.o(average(weights, values)), position_bias, weights


def _t5_position_bias(module, scores):
    bias = torch.zeros_like(scores[:1])
    for i in range(scores.shape[-2]):
        for j in range(scores.shape[-1]):
            bucket = _t5_bucket(
                j - i,
                not module.is_decoder,
                module.relative_attention_num_buckets,
                module.relative_attention_max_distance,
            )
            bias[0, :, i, j] = module.relative_attention_bias.weight[bucket]
    return bias


def _t5_bucket(distance, both_directions, buckets, furthest):
    """Short distances have a bucket each, longer ones share logarithmically wider ones."""
    start = 0
    if both_directions:
        buckets //= 2
        start = buckets if distance > 0 else 0
        distance = abs(distance)
    else:
        distance = max(-distance, 0)
    exact = buckets // 2
    if distance < exact:
        return start + distance
    beyond = math.log(distance / exact) / math.log(furthest / exact) * (buckets - exact)
    return start + min(exact + int(beyond), buckets - 1)


def transformer_encoder(module, weights_of_layer, source, **_):
    """The whole of ``nn.TransformerEncoder``, batch first, from its parameters.

    Here the function that makes weights is told the layer, too: ``weights_of_layer(layer, scores)``.
    """
    for number, layer in enumerate(module.layers):
        weights_of = partial(weights_of_layer, number)
        if layer.norm_first:
            source = source + _attend(layer.self_attn, weights_of, _layer_norm(layer.norm1, source))
            source = source + _feed_forward(layer, _layer_norm(layer.norm2, source))
        else:
            source = _layer_norm(layer.norm1, source + _attend(layer.self_attn, weights_of, source))
            source = _layer_norm(layer.norm2, source + _feed_forward(layer, source))
    return source if module.norm is None else _layer_norm(module.norm, source)


def _attend(attention, weights_of, states):
    projected = states @ attention.in_proj_weight.T + attention.in_proj_bias
    queries, keys, values = (split_heads(third, attention.num_heads) for third in projected.chunk(3, dim=-1))
    weights = weights_of(products(queries, keys) / math.sqrt(queries.shape[-1]))
    return average(weights, values) @ attention.out_proj.weight.T + attention.out_proj.bias


def _feed_forward(layer, states):
    inner = layer.activation(states @ layer.linear1.weight.T + layer.linear1.bias)
    return inner @ layer.linear2.weight.T + layer.linear2.bias


def _layer_norm(norm, states):
    return F.layer_norm(states, states.shape[-1:], norm.weight, norm.bias, norm.eps)


FORWARDS: dict[str, Callable[..., Any]] = {
    "BertSelfAttention": bert,
    "RobertaSelfAttention": bert,
    "DistilBertSelfAttention": distilbert,
    "DisentangledSelfAttention": deberta_v2,
    "GPT2Attention": gpt2,
    "LlamaAttention": llama,
    "T5Attention": t5,
}
"""The hand-written forward of each attention module, by the name of its class."""

"""Each attention head by itself: how much of it must be erased, in its own order and in a random one.

Erasing in one head hardly ever flips a decision, so that prefixes are tried at a few lengths only (``PREFIXES``, evenly
spaced, the last of them everything), each of them exactly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Generic

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from attnprobe.data.batches import B, EncodedSplit, IntArray
from attnprobe.engines.importance import importance
from attnprobe.engines.items import Items
from attnprobe.engines.protocol import Engine
from attnprobe.erasure.divergence import entropy, js_divergence
from attnprobe.erasure.orderings import rank_at_random, rank_by_attention, ranks

PREFIXES = 8
"""Lengths of prefixes that are tried of each head and ordering."""

BUDGET = 2_000_000
"""Tokens that may be run through the model for a map; of long documents fewer are taken than were asked for."""

FEWEST = 10
"""Documents that are taken however long they are."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """One attention layer of one batch, ready for erasures in any of its heads; ``name`` is (stack, number)."""

    name: tuple[str, int]
    engine: Engine
    items: Items


@dataclasses.dataclass(frozen=True)
class Drawn(Generic[B]):
    """Documents that were drawn from a split at random, in ascending order.

    Attributes:
        encoded: they.
        numbers: 0-based in the split (documents,).
        order: their rows in the order in which they were drawn (documents,).
        seeds: one integer a document, for its random draws (documents,).
    """

    encoded: EncodedSplit[B]
    numbers: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    seeds: Tensor


def rows_of_map(lengths: npt.NDArray[np.integer], order: npt.NDArray[np.int64], heads: int) -> npt.NDArray[np.int64]:
    """Rows of the documents that the map is made of, ascending: the first drawn, within the budget.

    Args:
        lengths: tokens a document (documents,).
        order: rows in the order in which they were drawn (documents,).
        heads: of all layers together.
    """
    tokens = lengths[order].cumsum() * heads * 2 * (PREFIXES + 1)
    within = int(np.searchsorted(tokens, BUDGET, side="right"))
    return np.sort(order[: max(FEWEST, within)])


def head_rows(layer: Layer, seeds: Tensor) -> dict[str, Tensor]:
    """The columns of the map for one layer and one batch: (documents × heads,), heads fastest.

    Args:
        layer: the batch.
        seeds: one integer a document, for the random order and the random other item (batch,).
    """
    (attended,) = layer.engine.attended
    heads = attended.weights.shape[1]
    columns: list[dict[str, Tensor]] = []
    random = rank_at_random(layer.items.mask, 1, seeds)[0]
    for head in range(heads):
        only = torch.zeros(heads, dtype=torch.bool)
        only[head] = True
        selected = dataclasses.replace(attended.selected, heads=only)
        weights = importance([attended._replace(selected=selected)], layer.items, "mean").weights
        columns.append(_one_head(layer, only.to(weights.device), weights, random))
    return {name: torch.stack([column[name] for column in columns], dim=1).flatten() for name in columns[0]}


def _one_head(layer: Layer, head: Tensor, weights: Tensor, random: Tensor) -> dict[str, Tensor]:
    items, engine = layer.items, layer.engine
    attention = rank_by_attention(weights, items.mask)
    top = attention[:, 0]
    # The first item of the random order that is not the most attended one.
    other = torch.where(random[:, 0] == top, random[:, min(1, random.shape[1] - 1)], random[:, 0])
    lengths = prefix_lengths(items.sizes)
    orders = torch.stack([attention, random])
    prefixes = ranks(orders)[:, :, None] < lengths[None, :, :, None]
    places = torch.arange(items.mask.shape[1], device=top.device)
    singles = places == torch.stack([top, other])[:, :, None]
    # (orders, documents, lengths) prefixes and (two, documents) single items, one after another.
    sets = torch.cat([prefixes.flatten(0, 2), singles.flatten(0, 1)])
    documents = torch.arange(len(top), device=top.device)
    which = torch.cat([documents.repeat_interleave(lengths.shape[1]).repeat(2), documents.repeat(2)])
    flips, js = _effects(engine, which, items.tokens(which, sets), head)
    count = prefixes.shape[:3].numel()
    flipped = flips[:count].view(*prefixes.shape[:3])
    removed = torch.where(flipped.any(-1), lengths.gather(1, flipped.int().argmax(-1).T).T, -1)
    n = items.sizes
    return {
        "n": n,
        "prefixes": torch.minimum(n, torch.full_like(n, PREFIXES)),
        "removed_attention": removed[0],
        "removed_random": removed[1],
        "top_weight": weights.gather(1, top[:, None])[:, 0],
        "attention_entropy_normalised": entropy(weights.log()) / n.double().log(),
        "js_top": js[count:].view(2, -1)[0],
        "js_other": js[count:].view(2, -1)[1].masked_fill(n < 2, torch.nan),
        "flip_top": flips[count:].view(2, -1)[0],
    }


def prefix_lengths(sizes: Tensor) -> Tensor:
    """Lengths of the prefixes that are tried (batch, ``PREFIXES``), the last of them each document's size.

    Documents of fewer items have some lengths more than once.
    """
    steps = torch.arange(1, PREFIXES + 1, device=sizes.device)
    return (sizes[:, None] * steps + PREFIXES - 1) // PREFIXES


def _effects(engine: Engine, documents: Tensor, erased: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
    """Flips and JS divergences in nats (erasures,) of erasing in one head."""
    log_p = torch.log_softmax(engine.logits.double(), dim=-1)
    flips = torch.zeros(len(documents), dtype=torch.bool, device=documents.device)
    js = torch.zeros(len(documents), dtype=torch.float64, device=documents.device)
    for part, logits in engine.evaluate(documents, erased, head.expand(len(documents), -1)):
        rows = documents[part]
        flips[part] = engine.flips(logits, rows)
        js[part] = js_divergence(torch.log_softmax(logits.double(), dim=-1), log_p[rows], dim=-1)
    return flips, js


def head_table(
    drawn: Drawn[B],
    groups: list[IntArray],
    layers: Callable[[B], Iterator[Layer]],
    device: torch.device,
) -> pa.Table:
    """One row a document × attention head.

    Args:
        drawn: the documents.
        groups: rows of those that are taken, in batches.
        layers: makes a batch ready, layer by layer.
        device: where the model is.
    """
    encoded, seeds = drawn.encoded, drawn.seeds
    parts: list[dict[str, npt.NDArray[np.generic]]] = []
    for group, batch in zip(groups, encoded.batches(groups, device), strict=True):
        for layer in layers(batch):
            columns = {name: column.cpu().numpy() for name, column in head_rows(layer, seeds[group].to(device)).items()}
            heads = len(columns["n"]) // len(group)
            parts.append(
                {
                    "document": np.repeat(drawn.numbers[group], heads),
                    "stack": np.full(len(group) * heads, layer.name[0]),
                    "layer": np.full(len(group) * heads, layer.name[1], dtype=np.int16),
                    "head": np.tile(np.arange(heads, dtype=np.int16), len(group)),
                }
                | columns
            )
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((table["head"], table["layer"], table["stack"], table["document"]))
    return pa.table({name: _column(name, column[order]) for name, column in table.items()})


def _column(name: str, column: npt.NDArray[np.generic]) -> pa.Array:
    if name in ("n", "prefixes", "removed_attention", "removed_random"):
        return pa.array(column.astype(np.int32))
    return pa.array(column, mask=np.isnan(column) if column.dtype.kind == "f" else None)

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
from attnprobe.engines.importance import attention_of_heads
from attnprobe.engines.items import Items
from attnprobe.engines.protocol import Engine
from attnprobe.erasure.divergence import entropy
from attnprobe.erasure.orderings import rank_at_random, rank_by_attention, ranks

PREFIXES = 8
"""Lengths of prefixes that are tried of each head and ordering."""

ERASURES = 2 * (PREFIXES + 1)
"""Of a document in one head."""

MAYBE = ("flip_other",)
"""Columns of yes, no, and −1 where neither can be."""

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


def rows_of_map(lengths: npt.NDArray[np.integer], order: npt.NDArray[np.int64], erasures: int) -> npt.NDArray[np.int64]:
    """Rows of the documents that the map is made of, ascending: the first drawn, within the budget.

    Args:
        lengths: tokens a document (documents,).
        order: rows in the order in which they were drawn (documents,).
        erasures: of a document, in all heads together.
    """
    tokens = lengths[order].cumsum() * erasures
    within = int(np.searchsorted(tokens, BUDGET, side="right"))
    return np.sort(order[: max(FEWEST, within)])


def head_rows(layer: Layer, seeds: Tensor) -> dict[str, Tensor]:
    """The columns of the map for one layer and one batch: (documents × heads,), heads fastest.

    Args:
        layer: the batch.
        seeds: one integer a document, for the random order and the random other item (batch,).
    """
    items = layer.items
    weights, attention, random = orders_of_heads(layer, seeds)
    lengths = prefix_lengths(items.sizes)
    # (documents, heads, orders × lengths) prefixes, then two single items, as sets of items.
    prefixes = ranks(torch.stack([attention, random], dim=2))[..., None, :] < lengths[:, None, None, :, None]
    singles = single_items(layer, attention[..., 0], random)
    flips, js = effects(layer, torch.cat([prefixes.flatten(2, 3), singles], dim=2))
    flipped = flips[..., : 2 * PREFIXES].reshape(*weights.shape[:2], 2, PREFIXES)
    first = lengths[:, None, None].expand_as(flipped).gather(3, flipped.int().argmax(-1, keepdim=True))[..., 0]
    removed = torch.where(flipped.any(-1), first, -1)
    columns = {
        "n": items.sizes,
        "prefixes": items.sizes.clamp(max=PREFIXES),
        "removed_attention": removed[..., 0],
        "removed_random": removed[..., 1],
        **of_weights(layer, weights),
        "js_top": js[..., -2],
        "js_other": js[..., -1].masked_fill(items.sizes[:, None] < 2, torch.nan),
        "flip_top": flips[..., -2],
    }
    return by_head(columns, weights.shape[1])


def by_head(columns: dict[str, Tensor], heads: int) -> dict[str, Tensor]:
    """Columns (documents,) or (documents, heads) as (documents × heads,)."""
    whole = {name: column[:, None] if column.dim() == 1 else column for name, column in columns.items()}
    return {name: column.expand(-1, heads).flatten() for name, column in whole.items()}


def orders_of_heads(layer: Layer, seeds: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each head's attention, its items by it, and a document's items at random (documents, heads, items)."""
    (attended,) = layer.engine.attended
    weights = attention_of_heads(attended, layer.items)
    mask = layer.items.mask[:, None].expand(weights.shape)
    random = rank_at_random(layer.items.mask, 1, seeds)[0]
    return weights, rank_by_attention(weights, mask), random[:, None].expand(weights.shape)


def single_items(layer: Layer, top: Tensor, random: Tensor) -> Tensor:
    """The most attended item, and the first of a random order that is another (documents, heads, two, items)."""
    other = torch.where(random[..., 0] == top, random[..., min(1, random.shape[-1] - 1)], random[..., 0])
    places = torch.arange(layer.items.mask.shape[1], device=top.device)
    return places == torch.stack([top, other], dim=2)[..., None]


def of_weights(layer: Layer, weights: Tensor) -> dict[str, Tensor]:
    """Columns (documents, heads) of each head's weights (documents, heads, items)."""
    return {
        "top_weight": weights.amax(-1),
        "attention_entropy_normalised": entropy(weights.log()) / layer.items.sizes.double().log()[:, None],
    }


def prefix_lengths(sizes: Tensor) -> Tensor:
    """Lengths of the prefixes that are tried (batch, ``PREFIXES``), the last of them each document's size.

    Documents of fewer items have some lengths more than once.
    """
    steps = torch.arange(1, PREFIXES + 1, device=sizes.device)
    return (sizes[:, None] * steps + PREFIXES - 1) // PREFIXES


def effects(layer: Layer, sets: Tensor) -> tuple[Tensor, Tensor]:
    """Flips and JS divergences in nats (documents, heads, sets) of erasing items in one head.

    Each set is run once, however often it is asked for: the whole head is the end of every ordering, and in a short
    document so is a single item the beginning.

    Args:
        layer: the batch.
        sets: of items (documents, heads, sets, items).
    """
    engine, items = layer.engine, layer.items
    documents, heads, several = sets.shape[:3]
    pair = torch.arange(documents * heads, device=sets.device).repeat_interleave(several)
    asked = torch.cat([pair[:, None], (sets.flatten(0, 2) & items.mask[pair // heads]).long()], dim=1)
    runs, which = torch.unique(asked, dim=0, return_inverse=True)
    document, head = runs[:, 0] // heads, runs[:, 0] % heads
    erased = items.tokens(document, runs[:, 1:].bool())
    in_heads = torch.arange(heads, device=sets.device) == head[:, None]
    meaning = engine.meaning
    log_p = meaning.log_probabilities(engine.logits.double())
    flips = torch.zeros(len(runs), dtype=torch.bool, device=sets.device)
    js = torch.zeros(len(runs), dtype=torch.float64, device=sets.device)
    for part, logits in engine.evaluate(document, erased, in_heads):
        rows = document[part]
        flips[part] = engine.flips(logits, rows)
        js[part] = meaning.divergence(meaning.log_probabilities(logits.double()), log_p[rows])
    return flips[which].view(sets.shape[:3]), js[which].view(sets.shape[:3])


def head_table(
    drawn: Drawn[B],
    groups: list[IntArray],
    layers: Callable[[B], Iterator[Layer]],
    rows: Callable[[Layer, Tensor], dict[str, Tensor]],
    device: torch.device,
) -> pa.Table:
    """One row a document × attention head.

    Args:
        drawn: the documents.
        groups: rows of those that are taken, in batches.
        layers: makes a batch ready, layer by layer.
        rows: the columns of one layer and one batch, as :func:`head_rows` gives them.
        device: where the model is.
    """
    encoded, seeds = drawn.encoded, drawn.seeds
    parts: list[dict[str, npt.NDArray[np.generic]]] = []
    for group, batch in zip(groups, encoded.batches(groups, device), strict=True):
        for layer in layers(batch):
            columns = {name: column.cpu().numpy() for name, column in rows(layer, seeds[group].to(device)).items()}
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
    if name in MAYBE:
        return pa.array(column == 1, mask=column == -1)
    return pa.array(column, mask=np.isnan(column) if column.dtype.kind == "f" else None)

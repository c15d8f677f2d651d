"""A screen over all single edges: what one backward pass says of each, and what cutting some of them really does.

The edges of which it says most are cut exactly, and so is a random sample of all: what of the sample matters and is not
among the first is what the screen misses.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.engines.edge_replay import EdgeReplay, EdgeRuns
from attnprobe.engines.knockout import Baseline, effects
from attnprobe.settings.knockout import WHOLE


def screen_edges(
    replay: EdgeReplay, baseline: Baseline, top: int, sampled: int, seeds: Tensor, *, by_head: bool
) -> dict[str, Tensor]:
    """Single edges of a batch: one row an edge, those that the screen puts first and those that are drawn.

    Args:
        replay: the batch.
        baseline: what it decides as it is.
        top: of how many edges of each document, those of the largest first-order change, the exact one is computed.
        sampled: of how many more, drawn from all of its edges.
        seeds: one integer a document (batch,), for the draw.
        by_head: whether an edge is of one head; else of all heads of a layer together.

    Returns:
        Columns (rows,): ``document`` (in the batch), ``layer``, ``head``, ``query``, ``key`` (positions in the batch),
        ``first_order``, ``top`` and ``sampled`` (whether it is among those), and those of :class:`Effects`.
    """
    slopes = replay.first_order(baseline.decision)
    real = [
        attends & replay.axes.queries(site)[:, :, None]
        for attends, site in zip(replay.attends, replay.sites, strict=True)
    ]
    # Layers, heads, queries and keys of a document are one axis.
    of_edges = torch.stack([slope if by_head else slope.sum(1, keepdim=True) for slope in slopes], 1)
    there = torch.stack(real, 1)[:, :, None].expand(of_edges.shape)
    rows: list[Tensor] = []
    for document in range(len(of_edges)):
        rows.append(_chosen(of_edges[document], there[document], document, top, sampled, int(seeds[document])))
    chosen = torch.cat(rows)
    of, layer, head, query, key = chosen[:, :5].unbind(-1)
    shape = (replay.attends[0].shape[1], replay.attends[0].shape[2])
    positions = [torch.arange(size, device=chosen.device) for size in shape]
    heads = torch.arange(replay.sites[0].heads, device=chosen.device) == head[:, None]
    runs = EdgeRuns(
        of, query[:, None] == positions[0], key[:, None] == positions[1], layer, layer, heads if by_head else None
    )
    done = effects(replay, baseline, runs)
    number = head if by_head else torch.full_like(head, WHOLE)
    columns = {"document": of, "layer": layer, "head": number, "query": query, "key": key}
    columns |= {"first_order": of_edges[of, layer, head, query, key]}
    columns |= {"top": chosen[:, 5].bool(), "sampled": chosen[:, 6].bool()}
    return {name: column.cpu() for name, column in columns.items()} | done._asdict()


def _chosen(slopes: Tensor, there: Tensor, document: int, top: int, sampled: int, seed: int) -> Tensor:
    """Edges of one document (edges, 7): document, layer, head, query, key, whether first, whether drawn."""
    edges = there.flatten().nonzero()[:, 0]
    by_size = slopes.flatten()[edges].abs().argsort(descending=True, stable=True)
    first = by_size[:top]
    generator = torch.Generator().manual_seed(seed % (1 << 63))
    drawn = torch.randperm(len(edges), generator=generator)[:sampled].to(edges.device)
    both = torch.unique(torch.cat([first, drawn]))
    places = torch.stack(torch.unravel_index(edges[both], there.shape), -1)
    marks = torch.stack([torch.isin(both, first), torch.isin(both, drawn)], -1).long()
    return torch.cat([torch.full_like(places[:, :1], document), places, marks], -1)

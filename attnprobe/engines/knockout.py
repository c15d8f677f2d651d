"""The information-flow map of a batch: what the decision loses when positions are cut off from others (Geva 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.engines.edge_replay import EdgeReplay, EdgeRuns
from attnprobe.settings.knockout import WHOLE

Window = tuple[int, int]
"""The first and the last layer of a window, both of it."""


class Route(NamedTuple):
    """Positions of a batch by name: True for those that are meant (batch, tokens)."""

    sources: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]


class Baseline(NamedTuple):
    """What a batch decides as it is.

    Attributes:
        decision, rival: classes (batch,).
        log_p: logarithms of their probabilities (batch, 2).
    """

    decision: Tensor
    rival: Tensor
    log_p: Tensor

    @classmethod
    def of(cls, logits: Tensor, rival: Tensor | None) -> Baseline:
        """By the logits (batch, classes) of the plain run.

        Args:
            logits: of it.
            rival: classes (batch,); without it, the runner-up of each document.
        """
        decision = logits.argmax(-1)
        if rival is None:
            rival = logits.scatter(-1, decision[:, None], -torch.inf).argmax(-1)
        return cls(decision, rival, _log_p(logits, decision, rival))


class Effects(NamedTuple):
    """What runs did, one entry a run (runs,).

    Attributes:
        delta_log_probability: of the decision, in nats.
        delta_rival: of the rival.
        flipped: whether the decision is another.
    """

    delta_log_probability: Tensor
    delta_rival: Tensor
    flipped: Tensor


def effects(replay: EdgeReplay, baseline: Baseline, runs: EdgeRuns) -> Effects:
    """What cutting edges does to the decision and to its rival."""
    change = torch.zeros(len(runs), 2, dtype=torch.float64)
    flipped = torch.zeros(len(runs), dtype=torch.bool)
    for places, logits in replay.evaluate(runs):
        documents = runs.documents[places]
        decision = baseline.decision[documents]
        after = _log_p(logits, decision, baseline.rival[documents])
        at = places.cpu()
        change[at] = (after - baseline.log_p[documents]).cpu()
        flipped[at] = (logits.argmax(-1) != decision).cpu()
    return Effects(change[:, 0], change[:, 1], flipped)


def knock_out(
    replay: EdgeReplay, baseline: Baseline, route: Route, windows: Sequence[Window], *, by_head: bool
) -> dict[str, Tensor]:
    """The map of a batch: one row a document × source × target × window, and × head where that is asked for.

    Where there is nothing to cut, because the rows may not attend to these keys anyway, nothing is run and the change
    is exactly zero.

    Args:
        replay: the batch.
        baseline: what it decides as it is.
        route: sources among the keys, and targets among the queries.
        windows: of layers.
        by_head: whether each head is cut by itself, too.

    Returns:
        Columns (rows,): ``document`` (in the batch), ``source``, ``target``, ``window`` (by their places in what was
        given), ``head`` (``WHOLE`` for all), ``edges`` (pairs of positions that are cut, of all layers of the window),
        and those of :class:`Effects`.
    """
    sources, targets = (torch.stack(list(masks.values())) for masks in route)
    device, heads = sources.device, replay.sites[0].heads
    counts = torch.stack([_pairs(attends, sources, targets) for attends in replay.attends])
    names = [WHOLE, *range(heads)] if by_head else [WHOLE]
    sizes = (replay.axes.batch, len(sources), len(targets), len(windows), len(names))
    grid = torch.cartesian_prod(*(torch.arange(size, device=device) for size in sizes)).reshape(-1, len(sizes))
    document, source, target, window, head = grid.unbind(-1)
    first, last = torch.tensor(windows, device=device)[window].unbind(-1)
    above = torch.cat([torch.zeros_like(counts[:1]), counts.cumsum(0)])
    edges = above[last + 1, source, target, document] - above[first, source, target, document]
    asked = edges.nonzero()[:, 0]
    number = torch.tensor(names, device=device)[head]
    in_heads = (number[:, None] == WHOLE) | (number[:, None] == torch.arange(heads, device=device))
    runs = EdgeRuns(
        document[asked],
        targets[target[asked], document[asked]],
        sources[source[asked], document[asked]],
        first[asked],
        last[asked],
        in_heads[asked] if by_head else None,
    )
    done = effects(replay, baseline, runs)
    columns = {"document": document, "source": source, "target": target, "window": window, "head": number}
    columns = {name: column.cpu() for name, column in columns.items()} | {"edges": edges.cpu()}
    at = asked.cpu()
    for name, values in done._asdict().items():
        columns[name] = torch.zeros(len(edges), dtype=values.dtype).index_put((at,), values)
    return columns


def _pairs(attends: Tensor, sources: Tensor, targets: Tensor) -> Tensor:
    """How many pairs of positions there are to cut in a layer (sources, targets, batch)."""
    found = torch.einsum("tbq,bqk,sbk->stb", targets.double(), attends.double(), sources.double())
    return found.round().long()


def _log_p(logits: Tensor, decision: Tensor, rival: Tensor) -> Tensor:
    """Logarithms of the probabilities of two classes (runs, 2), in float64."""
    return torch.log_softmax(logits.double(), -1).gather(-1, torch.stack([decision, rival], -1))

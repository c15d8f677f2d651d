"""Runs in which edges are cut in windows of layers, each from the lowest layer of its window on.

What lies below a window does not change, and is not computed: every block's input is kept from one plain run. Runs that
begin in the same layer go through the model together, whatever their document, edges, window and head.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Needed, Recording, recording, replaying
from attnprobe.attention.calls import Place, Tapped, intercepting
from attnprobe.attention.edited_runs import close, frozen
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.onednn import OneDnnProducts
from attnprobe.attention.sites import Site
from attnprobe.attention.taps import Capture, Erase
from attnprobe.engines.micro_batches import MicroBatches, rows_at_once
from attnprobe.erasure.edits import spread
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning


@dataclass(frozen=True)
class EdgeRuns:
    """What is cut in each of several runs: all edges from some query positions to some keys, in a window of layers.

    Attributes:
        documents: of the batch (runs,).
        queries: True for the rows that are cut off (runs, queries).
        keys: True for what they are cut off from (runs, keys).
        first, last: the window, both included, among the layers of the stack (runs,).
        heads: in which heads (runs, heads); None for all.
    """

    documents: Tensor
    queries: Tensor
    keys: Tensor
    first: Tensor
    last: Tensor
    heads: Tensor | None = None

    def __len__(self) -> int:
        return len(self.documents)

    def take(self, which: Tensor) -> EdgeRuns:
        """Those of these places, in this order."""
        heads = None if self.heads is None else self.heads[which]
        rows = (self.documents[which], self.queries[which], self.keys[which])
        return EdgeRuns(*rows, self.first[which], self.last[which], heads)

    def cut_in(self, layer: int) -> Tensor | None:
        """True where a weight of a layer is erased, broadcast against (runs, heads, queries, keys); None: nowhere."""
        inside = (self.first <= layer) & (layer <= self.last)
        if not bool(inside.any()):
            return None
        edges = (self.queries & inside[:, None])[:, None, :, None] & self.keys[:, None, None, :]
        return edges if self.heads is None else edges & self.heads[:, :, None, None]


class EdgeReplay:
    """A batch that has been run once as it is, ready to be run again with edges cut.

    Args:
        attachment: the model.
        sites: the attention layers of one stack, in order.
        inputs: the batch.
        starts: of each layer the call of a block at which a run begins whose window begins there; None for the whole
            model.
        meaning: what is meant by erased.

    Attributes:
        logits: of the batch as it is (batch, classes).
        attends: of each layer, where a row may attend to a key in some head (batch, queries, keys).
        axes: which tokens are real.
        layer_passes: how many calls of blocks there were, each of one document, the plain run's among them.
    """

    def __init__(
        self,
        attachment: Attachment,
        sites: Sequence[Site],
        inputs: Inputs,
        starts: Sequence[int | None],
        meaning: Meaning = BY_DEFAULT,
    ) -> None:
        self.attachment, self.sites, self.inputs, self.meaning = attachment, list(sites), inputs, meaning
        self._starts = list(starts)
        self.axes = attachment.call.axes(inputs)
        self.layer_passes = 0
        longest = max(length or 0 for length in self.axes.lengths)
        self._micro_batches = MicroBatches(rows_at_once(longest, max(site.heads for site in sites)))
        taps = [Capture() for _ in sites]
        with torch.no_grad(), self._recorded():
            self.logits = self._called(dict(s.tapped(tap) for s, tap in zip(sites, taps, strict=True)), inputs)
        self.attends = [_known(tap.attends).any(1) for tap in taps]
        self.layer_passes += self.axes.batch * self._calls

    @property
    def _calls(self) -> int:
        return max(1, len(self.attachment.calls))

    @contextlib.contextmanager
    def _recorded(self) -> Iterator[None]:
        """Keeps what runs from any of the starts on need."""
        calls = self.attachment.calls
        each = [Needed.to_start_at(calls, start) for start in self._starts if start is not None]
        self._record = Recording()
        if not each:
            yield
            return
        needed = Needed(
            frozenset().union(*(one.inputs for one in each)), frozenset().union(*(one.outputs for one in each))
        )
        with recording(self.attachment.call.model, self.attachment.blocks, needed) as self._record:
            yield

    def _called(self, tapped: dict[Place, Tapped], inputs: Inputs, start: int | None = None) -> Tensor:
        skipped = None if start is None else self.attachment.skipped_before(start)
        with OneDnnProducts(), intercepting(self.attachment.call.model, tapped, skipped=skipped):
            return self.attachment.call(inputs)

    @torch.no_grad()
    def evaluate(self, runs: EdgeRuns) -> Iterator[tuple[Tensor, Tensor]]:
        """Logits (some, classes) after cutting, and which runs they are of (some,), in any order."""
        for layer in sorted(set(runs.first.tolist())):
            places = (runs.first == layer).nonzero()[:, 0]

            def compute(part: slice, layer: int = layer, places: Tensor = places) -> Tensor:
                return self._cut(runs.take(places[part]), layer)

            for part, logits in self._micro_batches.run(len(places), compute):
                yield places[part], logits

    def _cut(self, runs: EdgeRuns, first: int) -> Tensor:
        """Logits (runs, classes) of runs whose windows all begin in one layer."""
        tapped: dict[Place, Tapped] = {}
        for layer in range(first, int(runs.last.max()) + 1):
            where = runs.cut_in(layer)
            if where is not None:
                place, tap = self.sites[layer].tapped(Erase(where, self.meaning))
                tapped[place] = tap
        start, model = self._starts[first], self.attachment.call.model
        self.layer_passes += len(runs) * (self._calls - (start or 0))
        inputs = rows_of(self.inputs, runs.documents, self.axes.batch)
        if start is None:
            return self._called(tapped, inputs)
        with replaying(model, self._record, start, runs.documents, self.axes.batch):
            return self._called(tapped, inputs, start)

    def first_order(self, graded: Tensor) -> list[Tensor]:
        """What cutting each edge does to the first order, of one backward pass: of each layer (batch, heads, Q, K).

        The change of a row's weights, which is known, times the derivative ∂ of the logarithm of the probability of
        classes ``graded`` (batch,) by the weights: −a_ij (∂_ij − o). Where rows are renormalised o is the mean of ∂
        over the rest of the row, by its weights; where nothing takes the mass it is 0; where the mean of the document's
        own values does, it is the plain mean over what the row attends to. The first is the derivative by the attention
        score, −a_ij (∂_ij − Σ_j a_ij ∂_ij), divided by 1 − a_ij: where a weight is nearly all of its row the score
        hardly moves it, and cutting takes it away all the same.
        """
        taps = [Capture(differentiable=True) for _ in self.sites]
        tapped = dict(site.tapped(tap) for site, tap in zip(self.sites, taps, strict=True))
        with frozen(self.attachment.call.model), torch.enable_grad():
            logits = self._called(tapped, self.inputs)
            log_p = torch.log_softmax(logits.double(), -1).gather(-1, graded[:, None]).sum()
            weights = [_known(tap.weights) for tap in taps]
            slopes = torch.autograd.grad(log_p, weights, allow_unused=True)
        self.layer_passes += 3 * self.axes.batch * self._calls  # a backward pass computes twice what a run does
        rows = zip(weights, slopes, (_known(tap.attends) for tap in taps), strict=True)
        return [_of_cuts(of.detach(), slope, attends, self.meaning) for of, slope, attends in rows]


def starts_that_agree(
    attachment: Attachment, sites: Sequence[Site], inputs: Inputs, meaning: Meaning = BY_DEFAULT
) -> list[int | None]:
    """Of each layer the call of a block from which runs are seen to give what whole runs give; None where they do not.

    Args:
        attachment: the model.
        sites: the attention layers of one stack, in order.
        inputs: a batch to see that on.
        meaning: what is meant by erased.
    """
    nowhere: list[int | None] = [None] * len(sites)
    if not attachment.within:
        return nowhere
    starts: list[int | None] = [attachment.within[site] for site in sites]
    try:
        replay, whole = (EdgeReplay(attachment, sites, inputs, each, meaning) for each in (starts, nowhere))
        runs = [_some_edges(replay, layer) for layer in range(len(sites))]
        agreed = [_agree(replay, whole, of) for of in runs]
    # Whatever a model's code makes of being run in another way, whole runs are still right.
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, AssertionError):
        return nowhere
    return [start if agrees else None for start, agrees in zip(starts, agreed, strict=True)]


def _some_edges(replay: EdgeReplay, layer: int) -> EdgeRuns:
    """Random edges from a layer up, of documents neither in order nor as many as there are."""
    device = replay.logits.device
    documents = torch.arange(replay.axes.batch).flip(0)
    documents = torch.cat([documents, documents[:1]])
    generator = torch.Generator().manual_seed(layer)
    site = replay.sites[layer]
    queries, keys = (
        (torch.rand(mask.shape, generator=generator) < 0.5)[documents].to(device)
        for mask in (replay.attends[layer][:, :, 0], replay.axes.keys(site))
    )
    first = torch.full((len(documents),), layer, device=device)
    last = (first + torch.arange(len(documents), device=device) % 3).clamp(max=len(replay.sites) - 1)
    return EdgeRuns(documents.to(device), queries, keys, first, last)


def _agree(replay: EdgeReplay, whole: EdgeReplay, runs: EdgeRuns) -> bool:
    pairs = zip(replay.evaluate(runs), whole.evaluate(runs), strict=True)
    return all(close(other, one) for (_, one), (_, other) in pairs)


def _of_cuts(weights: Tensor, slopes: Tensor | None, attends: Tensor, meaning: Meaning) -> Tensor:
    """What cutting each edge (…, keys) does to its row's weights, times their slopes: 0 where there is no edge."""
    if slopes is None:  # nobody reads this layer
        return torch.zeros_like(weights, dtype=torch.float64)
    weights, slopes = weights.double(), slopes.double()
    if meaning.renormalises:
        return -weights * (slopes - _mean_of_the_rest(weights, slopes))
    if meaning.adds_up:
        spread_over = attends.double() if meaning.spreads_evenly else torch.zeros_like(weights)
        taken = (spread_over * slopes).sum(-1, keepdim=True) / spread_over.sum(-1, keepdim=True).clamp(min=1)
        return -weights * (slopes - taken)
    changes = torch.empty_like(weights)
    for key in range(weights.shape[-1]):
        cut = torch.zeros(weights.shape[-1], dtype=torch.bool, device=weights.device)
        cut[key] = True
        left = meaning.edit(weights, cut)
        if meaning.spreads_evenly:
            left = spread(left, (weights - left).sum(-1, keepdim=True), attends)
        changes[..., key] = ((left - weights) * slopes).sum(-1)
    return changes


def _mean_of_the_rest(weights: Tensor, slopes: Tensor) -> Tensor:
    """Of each edge (…, keys) the weighted mean of ∂ over the others in its row; 0 where there is none."""
    weighted = weights * slopes
    # Of the largest weight, which may be all but everything, the others are summed without it: nothing cancels.
    largest = weights.argmax(-1, keepdim=True)
    without = torch.ones_like(weights).scatter(-1, largest, 0.0)
    mass = (weights.sum(-1, keepdim=True) - weights).scatter(-1, largest, (weights * without).sum(-1, keepdim=True))
    rest = (weighted.sum(-1, keepdim=True) - weighted).scatter(-1, largest, (weighted * without).sum(-1, keepdim=True))
    alone = mass <= 0
    return torch.where(alone, 0.0, rest / mass.masked_fill(alone, 1.0))


def _known(tensor: Tensor | None) -> Tensor:
    assert tensor is not None, "the layer was run"
    return tensor

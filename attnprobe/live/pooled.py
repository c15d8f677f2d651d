"""Models whose one attention pools, behind the page: one layer, one head, one row."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from attnprobe.base.errors import InputError
from attnprobe.data.batches import Batch, EncodedSplit
from attnprobe.engines.items import Items
from attnprobe.live.ready import LayerName, Reader, Reading, Ready, Shown, reader_of
from attnprobe.live.requests import READ, Edit
from attnprobe.models.pooled.probe import POOLING, PooledProbe
from attnprobe.runs.attention_codes import as_codes


class PooledReader(Reader):
    """A trained model whose attention pools.

    Args:
        probe: it, joined to the erasure tests.
        device: where it is.
        ways: of erasing that can be asked for, that by default first.
    """

    layers = (LayerName(POOLING, 0, 1),)
    by_default = (0,)
    rows = (READ,)
    engine = "closed forms"

    def __init__(self, probe: PooledProbe, device: torch.device, ways: Sequence[str]) -> None:
        self.device, self.ways = device, ways
        self.probes = {way: _by(probe, way) for way in ways}

    @property
    def network(self) -> nn.Module:
        """See :attr:`Reader.network`."""
        return self.probes[self.ways[0]].model

    def read(self, encoded: EncodedSplit[Any], seeds: npt.NDArray[np.uint64]) -> PooledReading:
        """See :meth:`Reader.read`."""
        return PooledReading(self, encoded, torch.from_numpy(seeds.view(np.int64)).to(self.device))

    def warm_up(self) -> None:
        """There is nothing to find out."""


def _by(probe: PooledProbe, way: str) -> PooledProbe:
    """The same model, erased in another way."""
    other = copy.copy(probe)
    other.meaning, other.others = dataclasses.replace(probe.meaning, erase_by=way), ()
    return other


class PooledReading(Reading):
    """A text that such a model has read.

    Args:
        reader: the model.
        encoded: the text.
        seeds: of it (1,).
    """

    def __init__(self, reader: PooledReader, encoded: EncodedSplit[Any], seeds: Tensor) -> None:
        self.reader, self.encoded, self.seeds = reader, encoded, seeds
        self._batch: Batch = encoded.batch(np.array([0])).to(reader.device)
        self.cost = int(encoded.lengths[0])
        self._ready: dict[str, Ready] = {}

    @cached_property
    def tokens(self) -> Sequence[tuple[str, int]]:
        """The items themselves; see :attr:`Reading.tokens`."""
        return [(text, number) for number, text in enumerate(self.item_texts)]

    @cached_property
    def item_texts(self) -> Sequence[str]:
        """See :attr:`Reading.item_texts`."""
        probe = self.reader.probes[self.reader.ways[0]]
        texts: list[str] = probe.item_texts(self.encoded, np.ones(1, dtype=bool)).token.to_pylist()
        return texts

    @property
    def row(self) -> None:
        """No token's row is read: one row pools all."""
        return

    def attention(self, layer: int) -> Shown:
        """See :meth:`Reading.attention`."""
        _require_one("layer", [layer])
        weights = self.ready(Edit()).erasures.attention.weights
        texts = [text for text, _ in self.tokens]
        return Shown(as_codes(weights[None].cpu().numpy()), [POOLING], texts)

    def cut_only(self, edit: Edit) -> Tensor | None:
        """See :meth:`Reading.cut_only`: of one row nothing is left, and the readout's bias decides."""
        cut = edit.cut
        _require_one("layer", cut.layers)
        _require_one("row", cut.rows)
        _require_one("layer", [layer for layer, _ in cut.heads])
        _require_one("head", [head for _, heads in cut.heads for head in heads])
        if not cut:
            return None
        head = self.reader.probes[self.reader.ways[0]].readout
        return head.bias.detach().double()[None]

    def ready(self, edit: Edit) -> Ready:
        """See :meth:`Reading.ready`."""
        _require_one("layer", edit.layers or ())
        heads = dict(edit.heads or ())
        _require_one("layer", list(heads))
        _require_one("head", [head for each in heads.values() for head in each])
        if edit.layers == () or heads.get(0, (0,)) == ():
            raise InputError("No head of any layer is chosen, so that nothing can be erased.")
        ways = self.reader.ways
        way = ways[0] if edit.erase_by is None else edit.erase_by
        if way not in ways:
            raise InputError(f"There is no way of erasing {way!r} here; there are {', '.join(ways)}.")
        if way not in self._ready:
            self._ready[way] = self._made_ready(way)
        return self._ready[way]

    def _made_ready(self, way: str) -> Ready:
        probe = self.reader.probes[way]
        with torch.no_grad():
            sets = probe.sets(self._batch, self.seeds)
            erasures = probe.erasures(self._batch, self.seeds)
        items = Items.single_tokens(torch.ones_like(sets.weights, dtype=torch.bool))
        return Ready(sets, items, erasures, sets.logits)


def _require_one(what: str, numbers: Sequence[int]) -> None:
    """See that what is asked for is the one that there is."""
    if any(numbers):
        raise InputError(f"There is no {what} {max(numbers)}: there is one {what}, number 0.")


reader_of.register(PooledProbe, PooledReader)

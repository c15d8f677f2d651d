"""Transformers behind the page: attention in layers and heads, erased in and cut off as an edit says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from attnprobe.attention.selection import ALL, Selected
from attnprobe.attention.sites import CROSS, DECODER, Site
from attnprobe.base.errors import InputError
from attnprobe.data.batches import EncodedSplit
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.attention_maps import read_maps
from attnprobe.engines.attention_probe import name_of
from attnprobe.engines.choice import FORWARD, REPLAY, make_engine, replay_is_faithful
from attnprobe.engines.cut_replay import CutReplay
from attnprobe.engines.protocol import Engine
from attnprobe.engines.selected_outputs import SelectedOutputs
from attnprobe.erasure.meaning import Meaning
from attnprobe.live.ready import LayerName, Reader, Reading, Ready, Shown, reader_of
from attnprobe.live.requests import EVERY, READ, Edit
from attnprobe.models.layered_probe import LayeredProbe
from attnprobe.runs.attention_codes import Codes, as_codes

MOST_TOKENS = 1024
"""Of a text: attention has as many rows as columns, in every head of every layer."""

MOST_EDITS = 12
"""Edits of a text that are kept ready."""

MOST_CODES = 1 << 23
"""Weights of a text's attention that are kept to be looked at again."""

Key = tuple[Any, ...]


class LayeredReader(Reader):
    """A model that has been attached to.

    Args:
        probe: it, joined to the erasure tests.
        device: where it is.
        ways: of erasing that can be asked for, that by default first.
    """

    most_tokens = MOST_TOKENS

    def __init__(self, probe: LayeredProbe[Any], device: torch.device, ways: Sequence[str]) -> None:
        self.probe, self.device, self.ways = probe, device, ways
        self.attachment = probe.attention.attachment
        self.sites = self.attachment.sites.attention
        self.layers = [LayerName(site.stack, site.layer, site.heads) for site in self.sites]
        self.chosen = list(probe.attention.selected)
        self.by_default = [self.sites.index(each.site) for each in self.chosen]
        self.engine = probe.attention.engine
        every = all(each.query == ALL for each in self.chosen)
        self.rows = (EVERY, READ) if every and self._auto[self.by_default[-1]] != ALL else (READ, EVERY)
        self._faithful: dict[tuple[int, str], bool] = {}
        self._outputs: dict[Key, SelectedOutputs] = {}

    @cached_property
    def _auto(self) -> list[str]:
        return self.attachment.auto()

    @property
    def network(self) -> nn.Module:
        """See :attr:`Reader.network`."""
        return self.attachment.call.model

    def read(self, encoded: EncodedSplit[Any], seeds: npt.NDArray[np.uint64]) -> LayeredReading:
        """See :meth:`Reader.read`."""
        tokens = int(encoded.lengths[0])
        if tokens > MOST_TOKENS:
            raise InputError(
                f"The text has {tokens:,} tokens, and {MOST_TOKENS:,} are the most that are looked at here."
            )
        return LayeredReading(self, encoded, torch.from_numpy(seeds.view(np.int64)).to(self.device))

    def warm_up(self) -> None:
        """Whether a replay from each layer on gives what whole runs give."""
        for site in self.sites:
            if site.stack != DECODER:
                self.start_of([site], self.probe.meaning)

    def start_of(self, sites: Sequence[Site], meaning: Meaning) -> int | None:
        """The call of a block from which a run is begun again that acts at these sites; None: the whole model.

        All layers from there on are tried at once, in all rows and heads, on the examples of the attachment: what is
        erased of them otherwise is another mask, and the same replay.
        """
        within = self.attachment.within
        if not within:
            return None
        start = min(within[site] for site in sites)
        if (start, meaning.erase_by) not in self._faithful:
            above = [
                Selected(site, torch.ones(site.heads, dtype=torch.bool), ALL)
                for site in self.sites
                if within[site] >= start and site.stack != DECODER
            ]
            examples = self.probe.attention.examples
            faithful = replay_is_faithful(self.attachment, above, examples, meaning)
            self._faithful[start, meaning.erase_by] = faithful
        return start if self._faithful[start, meaning.erase_by] else None

    def outputs(self, key: Key, selected: Sequence[Selected]) -> SelectedOutputs:
        """What selected layers give, tried once for each selection of layers."""
        if key not in self._outputs:
            self._outputs = dict(list(self._outputs.items())[-MOST_EDITS:])
            self._outputs[key] = SelectedOutputs(self.attachment, selected, self.probe.attention.examples)
        return self._outputs[key]

    def selected(self, edit: Edit) -> list[Selected]:
        """The layers, heads and rows that an edit erases in, in order of computation.

        Raises:
            InputError: there are none, or no such.
        """
        positions = self.by_default if edit.layers is None else edit.layers
        heads = dict(edit.heads or ())
        for position in (*positions, *heads):
            self.site(position)
        known = {self.sites.index(each.site): each for each in self.chosen}
        chosen = []
        for position in positions:
            site, of_run = self.sites[position], known.get(position)
            if site.stack == DECODER:
                raise InputError(
                    f"Layer {position} attends to what the decoder has said: items are the text's tokens, which the "
                    "encoder attends to, or the decoder across."
                )
            mask = self._heads(position, heads.get(position), of_run)
            if not bool(mask.any()):
                continue
            query: str | tuple[int, ...] = self._auto[position]
            if edit.rows == EVERY:
                query = ALL
            elif edit.rows is None and of_run is not None:
                query = of_run.query
            chosen.append(Selected(site, mask, query))
        if not chosen:
            raise InputError("No head of any layer is chosen, so that nothing can be erased.")
        return chosen

    def _heads(self, position: int, heads: Sequence[int] | None, of_run: Selected | None) -> Tensor:
        count = self.sites[position].heads
        if heads is None:
            return torch.ones(count, dtype=torch.bool) if of_run is None else of_run.heads.cpu()
        mask = torch.zeros(count, dtype=torch.bool)
        for head in heads:
            if head >= count:
                raise InputError(f"Layer {position} has no head {head}: there are 0 to {count - 1}.")
            mask[head] = True
        return mask

    def site(self, position: int) -> Site:
        """The layer at a position.

        Raises:
            InputError: there is none.
        """
        if position >= len(self.sites):
            raise InputError(f"There is no layer {position}: there are 0 to {len(self.sites) - 1}.")
        return self.sites[position]


class LayeredReading(Reading):
    """A text that a transformer has read.

    Args:
        reader: the model.
        encoded: the text.
        seeds: of it (1,).
    """

    def __init__(self, reader: LayeredReader, encoded: EncodedSplit[Any], seeds: Tensor) -> None:
        self.reader, self.encoded, self.seeds = reader, encoded, seeds
        batch = encoded.batch(np.array([0])).to(reader.device)
        self.inputs, self.items = reader.probe.ready_to_erase(batch)
        self.axes = reader.attachment.call.axes(self.inputs)
        self.cost = max(length or 0 for length in self.axes.lengths) ** 2
        self._sides = reader.probe.tokens_seen(encoded, 0, reader.device)
        self._ready: dict[Key, Ready] = {}
        self._untouched: Tensor | None = None
        self._codes: list[Codes] = []

    @property
    def tokens(self) -> Sequence[tuple[str, int]]:
        """See :attr:`Reading.tokens`."""
        return self._sides["source"]

    @cached_property
    def item_texts(self) -> Sequence[str]:
        """See :attr:`Reading.item_texts`."""
        texts: list[str] = self.reader.probe.item_texts(self.encoded, np.ones(1, dtype=bool)).token.to_pylist()
        return texts

    @property
    def row(self) -> int | None:
        """See :attr:`Reading.row`."""
        last = self.reader.sites[-1]
        query = self.reader.attachment.auto()[-1]
        if query == ALL or last.pools or last.stack in (DECODER, CROSS):
            return None
        rows = Selected(last, torch.ones(last.heads, dtype=torch.bool), query).rows(
            self.axes.queries(last), self.axes.read
        )
        return int(rows[0].int().argmax()) if int(rows[0].sum()) == 1 else None

    def attention(self, layer: int) -> Shown:
        """See :meth:`Reading.attention`."""
        site = self.reader.site(layer)
        codes = self._codes or [as_codes(each.weights[0].cpu().numpy()) for each in self._maps()]
        if sum(each.size for each in codes) <= MOST_CODES:
            self._codes = codes
        source = [text for text, _ in self._sides["source"]]
        target = [text for text, _ in self._sides.get("target", self._sides["source"])]
        rows = target if site.stack in (DECODER, CROSS) else source
        columns = target if site.stack == DECODER else source
        return Shown(codes[layer], rows if codes[layer].shape[1] == len(rows) else [""], columns)

    def _maps(self) -> list[Any]:
        return list(read_maps(self.reader.attachment, self.inputs))

    def cut_only(self, edit: Edit) -> None:
        """Something is left in any case: what is not cut off."""
        return

    def ready(self, edit: Edit) -> Ready:
        """See :meth:`Reading.ready`."""
        reader = self.reader
        meaning = _by(reader, edit.erase_by)
        selected = reader.selected(edit)
        cut = self._cut(edit, selected)
        key = _key(selected, cut, meaning)
        if key not in self._ready:
            while len(self._ready) >= MOST_EDITS:
                del self._ready[next(iter(self._ready))]
            self._ready[key] = self._made_ready(selected, cut, meaning)
        return self._ready[key]

    def _made_ready(self, selected: list[Selected], cut: Mapping[Site, Tensor], meaning: Meaning) -> Ready:
        reader = self.reader
        training = self._training(selected, meaning)
        made = self._engine(selected, cut, meaning)
        engine = made.under(meaning, self.seeds, training)[0]
        if self._untouched is None:
            self._untouched = engine.logits
        erasures = AttentionErasures(
            engine,
            self.items,
            reader.probe.settings.aggregate,
            greedy=True,
            outputs=reader.outputs(_key(selected, {}, None), selected),
            leaves_out=reader.probe.attention.leaves_out,
        )
        return Ready(engine, self.items, erasures, engine.logits)

    def _engine(self, selected: list[Selected], cut: Mapping[Site, Tensor], meaning: Meaning) -> Engine:
        reader, attachment = self.reader, self.reader.attachment
        if cut:
            sites = [*cut, *(each.site for each in selected)]
            start = reader.start_of(sites, meaning)
            return CutReplay(attachment, selected, self.inputs, cut, start, self.untouched, reader.probe.meaning)
        if _places(selected) == _places(reader.chosen):  # of other heads, too: they are a mask of the same rows
            kind = reader.probe.attention.kind_of(meaning)
        else:
            kind = FORWARD if reader.start_of([each.site for each in selected], meaning) is None else REPLAY
        return make_engine(kind, attachment, selected, self.inputs, reader.probe.meaning)

    @property
    def untouched(self) -> Tensor:
        """The logits with nothing erased and nothing cut off (1, classes)."""
        if self._untouched is None:
            self._untouched = self.ready(Edit()).untouched
        return self._untouched

    def _training(self, selected: Sequence[Selected], meaning: Meaning) -> list[Any] | None:
        if not meaning.needs_training:
            return None
        known = [self.reader.probe.training.get(name_of(each.site)) for each in selected]
        if None in known:
            raise InputError(
                f"What attention gives of training documents, which {meaning.erase_by} needs, is known of the layers "
                "alone that the run erases in."
            )
        return known

    def _cut(self, edit: Edit, selected: Sequence[Selected]) -> dict[Site, Tensor]:
        """By layer where rows are cut off (1, heads, queries)."""
        cut: dict[int, Tensor] = {}

        def of(position: int) -> Tensor:
            site = self.reader.site(position)
            if position not in cut:
                queries = 1 if site.pools else self.axes.queries(site).shape[1]
                cut[position] = torch.zeros(1, site.heads, queries, dtype=torch.bool, device=self.reader.device)
            return cut[position]

        for position in edit.cut.layers:
            of(position)[:] = True
        for position, heads in edit.cut.heads:
            self.reader._heads(position, heads, None) if position < len(self.reader.sites) else of(position)
            of(position)[:, list(heads)] = True
        if edit.cut.rows:
            for each in selected:
                mask = of(self.reader.sites.index(each.site))
                if max(edit.cut.rows) >= mask.shape[2]:
                    raise InputError(f"There is no row {max(edit.cut.rows)}: there are 0 to {mask.shape[2] - 1}.")
                heads_of = each.heads.nonzero().flatten().to(mask.device)
                mask[0, heads_of[:, None], torch.tensor(edit.cut.rows, device=mask.device)] = True
        places = [position for position in sorted(cut) if bool(cut[position].any())]
        return {self.reader.sites[position]: cut[position] for position in places}


def _by(reader: LayeredReader, way: str | None) -> Meaning:
    """What is meant where a way of erasing is named."""
    if way is not None and way not in reader.ways:
        raise InputError(f"There is no way of erasing {way!r} here; there are {', '.join(reader.ways)}.")
    first = reader.probe.meaning
    return first if way in (None, first.erase_by) else dataclasses.replace(first, erase_by=way, targets=())


def _places(selected: Sequence[Selected]) -> list[tuple[str, int, object]]:
    return [(each.site.stack, each.site.layer, each.query) for each in selected]


def _key(selected: Sequence[Selected], cut: Mapping[Site, Tensor], meaning: Meaning | None) -> Key:
    chosen = tuple(
        (*place, tuple(each.heads.tolist())) for place, each in zip(_places(selected), selected, strict=True)
    )
    off = tuple((site.stack, site.layer, mask.cpu().numpy().tobytes()) for site, mask in cut.items())
    return chosen, off, meaning


reader_of.register(LayeredProbe, LayeredReader)

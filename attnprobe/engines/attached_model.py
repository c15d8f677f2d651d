"""Look at a model's attention, erase in it while it runs, or in one's own order: for any model that was attached to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from attnprobe.attention.attachment import Attachment, attach, said_of_tokens
from attnprobe.attention.calls import intercepting
from attnprobe.attention.checks import NONE
from attnprobe.attention.decisions import require_decision
from attnprobe.attention.given_batches import batches_of
from attnprobe.attention.head_outputs import require_standing_in
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.orientation import settled
from attnprobe.attention.own_mode import in_own_mode, unwrapped
from attnprobe.attention.selection import ALL, Selected, select
from attnprobe.attention.sites import CROSS, Site
from attnprobe.attention.taps import Capture, Erase, StandIn
from attnprobe.base.errors import InputError
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.choice import fastest_engine, make_engine
from attnprobe.engines.edges import edges_of_layers, edges_of_run
from attnprobe.engines.items import Items
from attnprobe.engines.taken_mass import vectors_of
from attnprobe.erasure.arrays import Mask, WholeNumbers, as_mask, truths, whole_number
from attnprobe.erasure.contributions import FirstFlip
from attnprobe.erasure.edits import emptied_rows
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.orderings import check_order
from attnprobe.erasure.registered_ways import ERASING, RENORMALISE
from attnprobe.erasure.stand_ins import RowsOfAttention, TrainingVectors
from attnprobe.settings.attention import AttentionSettings


@dataclass
class Erasure:
    """What an erasure did, run by run.

    Attributes:
        emptied_rows: for each run and layer, how many rows of each document lost all weight, and are zero (batch,).
    """

    emptied_rows: list[Tensor] = field(default_factory=list)


class AttachedModel:
    """A model whose attention is seen, and seen to be editable.

    Args:
        model: any module with softmax attention over tokens; put into evaluation mode. What is wrapped in
            ``torch.nn.DataParallel`` is unwrapped.
        inputs: a batch to verify that on: the keyword arguments of the model, or what stands for them in the batches of
            ``attnprobe.probe``. A single document is looked at in copies.
        reference: batches of training documents, likewise, for ways of erasing that put what attention gives of these
            in the place of what is erased.
        tokens: how many tokens a document has, where the inputs have no entry a token (patches of a picture, frames of
            a sound); by default as many as the model is seen to attend among.
        token_axis: which axis of the first of the inputs has an entry a token, where it is not the second; 0 says that
            tokens come before documents.

    Raises:
        RefusedError: attention cannot be erased, or not provably; the message says why.
        InputError: the model cannot be run on the batch.

    >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> model = AttachedModel(nn.TransformerEncoder(layer, 2), {"src": torch.randn(4, 7, 8)})
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        reference: Sequence[Inputs] = (),
        *,
        tokens: int | None = None,
        token_axis: int | None = None,
    ) -> None:
        self.model = model = unwrapped(model)
        with in_own_mode(model):
            (batch,) = batches_of([inputs], model)
            call, said = ModelCall(model), said_of_tokens(tokens, token_axis)
            self._inputs = settled(call, batch, token_axis)
            self.attachment: Attachment = attach(call, self._inputs, said)
            given = batches_of(reference, model) if reference else []
            self._reference = [call.documents_first(each) for each in given]
        self._engines: dict[tuple[AttentionSettings, str], str] = {}
        self._training: dict[AttentionSettings, list[TrainingVectors]] = {}
        self._proved: set[Site] = set()

    @property
    def sites(self) -> list[Site]:
        """The attention layers, in order of computation."""
        return self.attachment.sites.attention

    @contextlib.contextmanager
    def capturing(self, layers: str = ALL) -> Iterator[dict[tuple[str, int], list[Tensor]]]:
        """Collect attention weights (batch, heads, queries, keys), a list for each (stack, layer), one a run.

        They are the very tensors that the model goes on with, so gradients with respect to them can be asked for.

        Raises:
            InputError: there are no such layers.
        """
        selected = select(self.attachment.sites, AttentionSettings(layers=layers))
        captured: dict[tuple[str, int], list[Tensor]] = {(c.site.stack, c.site.layer): [] for c in selected}
        taps = [_Collect(captured[chosen.site.stack, chosen.site.layer]) for chosen in selected]
        with intercepting(self.model, dict(c.site.tapped(tap) for c, tap in zip(selected, taps, strict=True))):
            yield captured

    @contextlib.contextmanager
    def erasing(
        self,
        erased: Mask = None,
        *,
        edges: Mask = None,
        layers: str = "last",
        heads: str = ALL,
        query: str = ALL,
        mask: Mask = None,
        erase_by: str = RENORMALISE,
        draw: int = 0,
    ) -> Iterator[Erasure]:
        """Zero the attention to some tokens, or along some edges, and rescale the rest of each row to its sum.

        A row that loses every weight gives zero. What a row may not attend to anyway, by padding or by causality, is
        not changed by being erased.

        Args:
            erased: True for the tokens (batch, keys), to which no selected row attends any more.
            edges: in its place, True where a query position no longer attends to a key position: (batch, queries,
                keys); (layers, batch, queries, keys), of the selected layers from the lowest; or (layers, batch, heads,
                queries, keys). Axes but the last may have length one, where the rest is the same for all.
            layers, heads, query: as in ``AttentionSettings``.
            mask: True where a token is real (batch, keys), for a ``query`` that counts real tokens.
            erase_by: the name of a way of erasing, where it is another.
            draw: which of the reference documents that ``resample`` draws for each row of the batch stands in, from 0.

        Raises:
            RefusedError: nothing can be put in the place of what is erased, provably.
            InputError: there are no such layers, heads, rows, way or draw; or it needs reference documents.
            ValueError: a mask holds anything but Booleans, zeros and ones; or, when the model runs, has another shape;
                tokens and edges are given, or neither.
        """
        if (erased is None) == (edges is None):
            raise ValueError("either erased is needed, which tokens, or edges, and not both")
        real = None if mask is None else truths("mask", mask)
        settings = AttentionSettings(layers=layers, heads=heads, query=query)
        selected = select(self.attachment.sites, settings, self.attachment.auto())
        meaning = _meaning(erase_by)
        if not 0 <= whole_number("draw", draw, 0) < meaning.draws:
            raise InputError(f"draw is {draw}, but {erase_by} has {meaning.draws}, from 0 on.")
        training = self._prepared(meaning, settings, selected)
        if edges is None:
            of_layers = [truths("erased", erased)] * len(selected)
        else:
            of_layers = edges_of_layers(truths("edges", edges), len(selected))
        report = Erasure()
        taps = []
        for layer, chosen in enumerate(selected):
            known = None if training is None else training[layer]
            tap = _EraseAndReport(chosen, of_layers[layer], real, report, meaning, _fresh(meaning, draw, known))
            tap.of_edges = edges is not None
            taps.append(tap)
        with intercepting(self.model, dict(c.site.tapped(tap) for c, tap in zip(selected, taps, strict=True))):
            yield report

    def first_flip(
        self,
        inputs: Inputs,
        order: WholeNumbers,
        *,
        layers: str = "last",
        heads: str = ALL,
        query: str = ALL,
        erase_by: str = RENORMALISE,
    ) -> FirstFlip:
        """Where orders of one's own flip the model's decisions: what :meth:`erasing` finds prefix by prefix, sooner.

        Args:
            inputs: a batch: the keyword arguments of the model.
            order: positions of tokens, the first to be erased first (…, batch, tokens): permutations, the real tokens
                before padding.
            layers, heads, query: as in ``AttentionSettings``.
            erase_by: the name of a way of erasing.

        Returns:
            By order and document (…, batch) how many tokens are erased by then, the share of the document's, and that
            of its attention; and whether the decision changes only when all selected rows are empty. Where a way draws
            what stands in several times, as ``resample`` does, draws are an axis in front (draws, …, batch).

        Raises:
            RefusedError: the model decides for no class, or what is selected has no influence on it; or nothing can
                be put in the place of what is erased, provably.
            InputError: there are no such layers, heads or rows, or no such way; or it needs reference documents.
            ValueError: an order is no permutation with padding last; the message names the document.
        """
        with in_own_mode(self.model):
            (batch,) = batches_of([inputs], self.model)
            batch = self.attachment.call.documents_first(batch)
            settings = AttentionSettings(layers=layers, heads=heads, query=query)
            return self._first_flip(batch, order, settings, erase_by)

    def _first_flip(self, inputs: Inputs, order: WholeNumbers, settings: AttentionSettings, erase_by: str) -> FirstFlip:
        require_decision(self.attachment)
        selected = select(self.attachment.sites, settings, self.attachment.auto())
        meaning = _meaning(erase_by)
        training = self._prepared(meaning, settings, selected)
        if (settings, erase_by) not in self._engines:
            self._engines[settings, erase_by] = fastest_engine(self.attachment, selected, self._inputs, meaning)
        mask = self.attachment.call.axes(inputs).keys(selected[0].site)
        of_items = _of_items(torch.as_tensor(order).to(mask.device), mask)
        items = Items.single_tokens(mask)
        engine = make_engine(self._engines[settings, erase_by], self.attachment, selected, inputs)
        flips = [
            AttentionErasures(each, items, settings.aggregate).first_flips(of_items.reshape(-1, *of_items.shape[-2:]))
            for each in engine.under(meaning, torch.arange(len(mask), device=mask.device), training)
        ]
        names = ("removed", "fraction", "mass", "emptied")
        found = [torch.stack([each[name].view(of_items.shape[:-1]) for each in flips]) for name in names]
        return FirstFlip(*(table if meaning.draws > 1 else table[0] for table in found))

    def _prepared(
        self, meaning: Meaning, settings: AttentionSettings, selected: Sequence[Selected]
    ) -> list[TrainingVectors] | None:
        """What selected heads give of the reference documents, where something like it stands in for what is erased."""
        if not meaning.adds_vectors:
            return None
        reads = dict(zip(self.sites, self.attachment.reads, strict=True))
        new = [chosen.site for chosen in selected if chosen.site not in self._proved and reads[chosen.site] != NONE]
        require_standing_in(self.attachment.call, new, self._inputs)
        self._proved.update(new)
        if not meaning.needs_training:
            return None
        if not self._reference:
            of = ERASING.told(meaning.erase_by)
            raise InputError(
                f"{of[0].upper()}{of[1:]} puts what attention gives of training documents in the "
                "place of what is erased: give AttachedModel batches of these as reference."
            )
        if settings not in self._training:
            self._training[settings] = vectors_of(self.attachment.call, selected, self._reference)
        return self._training[settings]


def _meaning(erase_by: str) -> Meaning:
    meaning = Meaning(erase_by)
    meaning.check()
    return meaning


def _fresh(meaning: Meaning, draw: int, training: TrainingVectors | None) -> StandIn | None:
    """What takes the mass that rows lose, of whatever documents the model is run on; what is drawn is by their rows."""
    if not meaning.adds_vectors:
        return None

    def stand_in(values: Tensor, attends: Tensor) -> Tensor:
        seeds = torch.arange(len(values), device=values.device)
        vectors = meaning.stand_ins(RowsOfAttention(values, attends, seeds, training))
        assert vectors is not None, "it has a stand-in"
        return vectors[draw]

    return stand_in


def _of_items(order: Tensor, mask: Tensor) -> Tensor:
    """Orders of tokens (…, batch, tokens) as orders of the real ones, counted from the left (…, batch, items).

    Raises:
        ValueError: they are no permutations, real tokens first.
    """
    if order.dtype.is_floating_point or order.dtype.is_complex or order.dtype == torch.bool:
        raise ValueError(f"order holds {str(order.dtype).removeprefix('torch.')} numbers, but positions are needed")
    order = order.long()
    check_order(order, mask)
    sizes = mask.sum(-1, keepdim=True)
    places = torch.arange(int(sizes.max()), device=mask.device)
    numbers = (mask.cumsum(-1) - 1).expand_as(order).gather(-1, order)[..., : len(places)]
    return torch.where(places < sizes, numbers, places)


class _Collect(Capture):
    def __init__(self, collected: list[Tensor]) -> None:
        super().__init__()
        self._collected = collected

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        self._collected.append(weights)
        return weights


class _EraseAndReport(Capture):
    """Erases by hand, so that it sees what there was.

    Attributes:
        of_edges: whether edges are erased (batch, heads, queries, keys), and not tokens (batch, keys).
    """

    of_edges = False

    def __init__(
        self,
        chosen: Selected,
        erased: Tensor,
        mask: Tensor | None,
        report: Erasure,
        meaning: Meaning,
        stand_in: StandIn | None,
    ) -> None:
        super().__init__()
        self._chosen, self._given, self._mask, self._report = chosen, erased, mask, report
        self._begun, self._generated = False, 0
        self._meaning, self._stand_in = meaning, stand_in
        self.adds = stand_in is not None

    def added(self, values: Tensor) -> Tensor | None:
        """See :meth:`Tap.added`."""
        return self._erase.added(values)

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        self._note_length(weights)
        erased = self._where(weights) & self._chosen.heads.to(weights.device)[None, :, None, None]
        if self._chosen.query != ALL:
            erased = erased & self._rows(weights)[:, None, :, None]
        self._report.emptied_rows.append(emptied_rows(weights > 0, erased))
        self._erase = Erase(erased, self._meaning, self._stand_in)
        return self._erase.edit(weights, scores)

    def _where(self, weights: Tensor) -> Tensor:
        """What is erased of all heads and rows (batch, 1 or heads, 1 or queries, keys)."""
        if self.of_edges:
            return edges_of_run(self._given, weights, self._generated)
        return as_mask(self._with_new(self._given, weights), weights[:, 0, 0], "erased")[:, None, None, :]

    def _with_new(self, tokens: Tensor, weights: Tensor, *, value: bool = False) -> Tensor:
        """A mask of tokens (…, keys) that goes on over those that the model has generated, one a run, since."""
        more = weights.shape[-1] - tokens.shape[-1] if tokens.dim() else 0
        generates = 0 < more <= self._generated
        return functional.pad(tokens, (0, more), value=value) if generates else tokens

    def _note_length(self, weights: Tensor) -> None:
        """Count the tokens that are generated: a run of one more than the run before, the first of all erased."""
        keys, given = weights.shape[-1], self._given.shape[-1] if self._given.dim() else 0
        if keys == given:
            self._begun, self._generated = True, 0
        elif self._begun and keys == given + self._generated + 1:
            self._generated += 1

    def _rows(self, weights: Tensor) -> Tensor:
        """The rows that are erased (batch, queries); where earlier ones are kept in a cache, the last of all."""
        queries, keys = weights.shape[2], weights.shape[3]
        own = self._chosen.site.stack != CROSS and not self._chosen.site.pools
        if own and queries < keys:
            everything = weights.new_ones(len(weights), keys, dtype=torch.bool)
            if self._mask is not None and self._mask.dim() == 2:
                everything = as_mask(self._with_new(self._mask, weights, value=True), everything)
            return self._chosen.rows(everything)[:, keys - queries :]
        return self._chosen.rows(self._real(weights.new_ones(len(weights), queries, dtype=torch.bool), keys))

    def _real(self, queries: Tensor, keys: int) -> Tensor:
        """Which rows (batch, queries) are real tokens: of rows that are not the columns' tokens nothing is known."""
        if self._mask is None or (queries.shape[1] != keys and self._mask.shape != queries.shape):
            return queries
        return as_mask(self._mask, queries)

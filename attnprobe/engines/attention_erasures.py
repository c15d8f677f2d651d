"""A batch of documents whose attention is erased item by item, as the battery asks for it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from attnprobe.engines.attention_flows import flows_of, layers_of_flow
from attnprobe.engines.greedy import greedy_order
from attnprobe.engines.importance import aggregated, importance
from attnprobe.engines.inner_replay import InnerReplay
from attnprobe.engines.items import Items
from attnprobe.engines.protocol import Engine
from attnprobe.engines.replay import Replay
from attnprobe.engines.rows_together import RowsTogether
from attnprobe.engines.selected_outputs import SelectedOutputs
from attnprobe.engines.single_row import SingleRow
from attnprobe.engines.ways_together import SideBySideErasures, WaysTogether
from attnprobe.erasure.curve_names import OF_LABEL, Score
from attnprobe.erasure.edits import emptied_rows, rows_with_weight
from attnprobe.erasure.erasable import (
    Attention,
    DecisionCurves,
    FirstItems,
    Flow,
    OtherErasures,
    OutputProducts,
    SingleEffects,
    Slopes,
    StandIn,
)
from attnprobe.erasure.guarantees.certified_sets import CertifiedSets
from attnprobe.erasure.orderings import ranks
from attnprobe.erasure.other_ways import OneByOne


class AttentionErasures:
    """A batch of documents whose items are erased by an engine.

    Args:
        engine: the batch, run once.
        items: of the batch.
        aggregate: how heads, layers and rows become one number an item, ``mean`` or ``max``.
        greedy: whether the greedy ordering was asked for.
        outputs: what the selected layers give, where it is to be asked for.
        leaves_out: whether some real tokens are kept out of the items.
        otherwise: makes engines of the same batch that erase in further ways, by what stands in.
    """

    def __init__(
        self,
        engine: Engine,
        items: Items,
        aggregate: str,
        *,
        greedy: bool = False,
        outputs: SelectedOutputs | None = None,
        leaves_out: bool = False,
        otherwise: Callable[[], Mapping[StandIn, Engine]] | None = None,
    ) -> None:
        self.engine = engine
        self._leaves_out = leaves_out
        self.items = items
        self._aggregate = aggregate
        self._greedy = greedy
        self._outputs = outputs
        self._otherwise = otherwise

    @cached_property
    def attention(self) -> Attention:
        """What orderings are made of."""
        seen = importance(self.engine.attended, self.items, self._aggregate)
        return Attention(seen.weights.log(), *seen, self.items.mask, self.items.sizes)

    def log_probabilities(self) -> Tensor:
        """Of the unerased documents (batch, classes), or of each label (batch, labels, 2)."""
        return self.engine.meaning.log_probabilities(self.engine.logits.double())

    def decision(self) -> Tensor:
        """What is decided (batch,)."""
        return self.engine.decision()

    def probability(self) -> Tensor:
        """How sure the model is of its decisions (batch,)."""
        if self.engine.meaning.decides_classes:  # to the last digit what the logarithms say
            return self.log_probabilities().amax(-1).exp()
        return self.engine.meaning.probability(self.engine.logits.double(), self.decision())

    def left_out_share(self) -> Tensor | None:
        """What share of the attention is on tokens that are in no item: special tokens or a sink that are left out."""
        if not self._leaves_out and self.items.sink is None:
            return None
        tokens = aggregated(self.engine.attended, self._aggregate, lambda layer: layer.weights)
        whole = tokens.sum(-1)
        return 1 - self.items.sum(tokens).sum(-1) / whole.masked_fill(whole == 0, 1.0)

    def sink_share(self) -> Tensor | None:
        """What share of the attention is on a first item that is none, because it is a sink."""
        if self.items.sink is None:
            return None
        tokens = aggregated(self.engine.attended, self._aggregate, lambda layer: layer.weights)
        whole = tokens.sum(-1)
        return (tokens * self.items.sink).sum(-1) / whole.masked_fill(whole == 0, 1.0)

    def first_items(self) -> FirstItems:
        """What the first items hold of the attention, and what erasing them alone does."""
        documents = torch.arange(len(self.items.mask), device=self.items.mask.device)
        first = torch.zeros_like(self.items.mask)
        first[:, 0] = True
        flips = torch.zeros_like(documents, dtype=torch.bool)
        for part, logits in self.engine.evaluate(documents, self.items.tokens(documents, first)):
            flips[part] = self.engine.flips(logits, documents[part])
        return FirstItems(self.attention.weights[:, 0], flips, self.items.sizes > 1)

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        return self.engine.single_effects(self.items)

    def first_flips(self, order: Tensor) -> dict[str, Tensor]:
        """Where orderings flip the decision; ``emptied_rows`` is how many rows of attention are then without weight.

        Nothing is left, and the rest of the model decides without this attention, where all selected rows are.
        """
        if self.engine.meaning.has_labels:
            return self.columns_of_labels(order, self.engine.first_flips_of_labels(order, self.items))
        return self.columns(order, self.engine.first_flips(order, self.items))

    def columns(self, order: Tensor, removed: Tensor) -> dict[str, Tensor]:
        """The columns of :meth:`first_flips` of orderings that flip where so many items are erased, −1 for never."""
        never = removed < 0
        erased = ranks(order) < removed[..., None]
        mass = (self.attention.weights * erased).sum(-1)
        rows = torch.stack([self._emptied(one) for one in erased])
        return {
            "removed": removed,
            "fraction": (removed.double() / self.items.sizes).masked_fill(never, torch.nan),
            "mass": mass.masked_fill(never, torch.nan),
            "emptied": (rows == self._rows_with_weight) & ~never,
            "emptied_rows": rows.double().masked_fill(never, torch.nan),
        }

    def columns_of_labels(self, order: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The same, of where each label flips (orderings, batch, labels), and a column a label."""
        of_labels = labels.movedim(-1, 0)
        return self.columns(order, _earliest(of_labels)) | self._while_something_is_left(of_labels, order)

    def _while_something_is_left(self, labels: Tensor, order: Tensor) -> dict[str, Tensor]:
        """Columns of first flips of labels (labels, orderings, batch), −1 where a label has none before all is gone."""
        columns = {}
        for number, removed in enumerate(labels):
            erased = ranks(order) < removed[..., None]
            gone = torch.stack([self._emptied(one) for one in erased]) == self._rows_with_weight
            columns[f"{OF_LABEL}{number}"] = removed.masked_fill(gone & (removed > 0), -1)
        return columns

    def _emptied(self, erased: Tensor) -> Tensor:
        """How many selected rows lose all weight when these items (batch, items) are erased (batch,)."""
        tokens = self.items.tokens(torch.arange(len(erased), device=erased.device), erased)[:, None, None]
        return torch.stack([emptied_rows(attends, tokens) for attends in self._attends]).sum(0)

    @cached_property
    def _rows_with_weight(self) -> Tensor:
        """How many selected rows have weight before anything is erased (batch,)."""
        return torch.stack([rows_with_weight(attends) for attends in self._attends]).sum(0)

    @cached_property
    def _attends(self) -> list[Tensor]:
        """Of each selected layer, where the selected rows of the selected heads may attend."""
        return [
            layer.attends[:, layer.selected.heads.to(layer.attends.device)] & layer.rows[:, None, :, None]
            for layer in self.engine.attended
        ]

    def curves(self, order: Tensor, documents: Tensor) -> DecisionCurves:
        """How sure the model is along orderings, prefix by prefix."""
        return self.engine.curves(order, documents, self.items)

    def aopcs(self, order: Tensor, documents: Tensor) -> None:
        """There is no closed form here."""

    def probability_without(self, erased: Tensor, documents: Tensor) -> Tensor:
        """How sure the model is when sets of items are erased, set by set."""
        return self.engine.probability_without(erased, documents, self.items)

    def largest_falls(self, documents: Tensor, sizes: Tensor) -> None:
        """Not known here."""
        return

    def aopc_limits(self, documents: Tensor, score: Score) -> Tensor | None:
        """Exact of short documents, attained in others."""
        return self.engine.aopc_limits(documents, self.items, score)

    def certified_sets(self, documents: Tensor, largest: int, known: Tensor) -> CertifiedSets | None:
        """Exact of short documents, between a bound and what is found of others."""
        return self.engine.certified_sets(documents, self.items, largest, known)

    def input_effects(self, documents: Tensor) -> None:
        """Not known here."""
        return

    def smallest_set(self) -> None:
        """No exact smallest set is known here."""
        return

    def greedy_order(self) -> Tensor | None:
        """The greedy ordering, where it was asked for."""
        return greedy_order(self.engine, self.items) if self._greedy else None

    def attention_outputs(self) -> Iterable[Sequence[OutputProducts]] | None:
        """What items are of what attention gives, where the map behind it is seen."""
        return None if self._outputs is None else self._outputs.of_attention(self.engine.inputs, self.items)

    def layer_outputs(self) -> Iterable[Sequence[OutputProducts]] | None:
        """What items are of what layers as a whole give, where these can be run by themselves."""
        return None if self._outputs is None else self._outputs.of_layers(self.engine.inputs, self.items)

    def slopes(self) -> Slopes:
        """Through the engine, at every share that is asked for."""
        return lambda share, score: self.items.sum(self.engine.slopes(share, score))

    def flows(self) -> Iterable[Flow] | None:
        """Attention of all layers, where all of it is self-attention over the same tokens."""
        engine = self.engine
        if not layers_of_flow(engine.attachment):
            return None
        of_classes = self.decides_classes
        return flows_of(engine.attachment, engine.inputs, self.items, self.decision(), of_classes=of_classes)

    @property
    def decides_classes(self) -> bool:
        """Whether the decision is the class with the largest logit."""
        return self.engine.meaning.decides_classes

    def otherwise(self) -> Sequence[OtherErasures]:
        """The same batch, erased in further ways; what orderings are made of is not computed again."""
        engines = {} if self._otherwise is None else self._otherwise()
        replays: dict[tuple[type[Replay], int | None], dict[StandIn, Replay]] = {}
        rows: dict[StandIn, SingleRow] = {}
        for stand_in, engine in engines.items():
            if type(engine) in (Replay, InnerReplay):
                assert isinstance(engine, Replay)
                replays.setdefault((type(engine), engine.start), {})[stand_in] = engine
            elif isinstance(engine, SingleRow) and engine.in_closed_form:
                rows[stand_in] = engine
        side_by_side: list[tuple[list[StandIn], SideBySideErasures]] = [
            (list(each), WaysTogether(list(each.values()))) for each in replays.values() if len(each) > 1
        ]
        side_by_side += [(list(rows), RowsTogether(list(rows.values())))] if len(rows) > 1 else []
        together = [TogetherOtherwise(self, *each) for each in side_by_side]
        done = {stand_in for each in together for stand_in in each.stand_ins}
        apart = {stand_in: self._by(engine) for stand_in, engine in engines.items() if stand_in not in done}
        return [*together, *([OneByOne(apart)] if apart else [])]

    def _by(self, engine: Engine) -> AttentionErasures:
        other = copy.copy(self)
        other.engine, other._otherwise = engine, None
        return other

    def requirements(self) -> None:
        """Not known: what is left does not add up."""
        return

    def pooling(self) -> None:
        """There is more behind this attention than an affine readout."""
        return

    def pooled_states(self) -> None:
        """There is more behind this attention than a readout of one vector."""
        return

    def contributions(self) -> None:
        """Items do not contribute to these logits one by one."""
        return


def _earliest(labels: Tensor) -> Tensor:
    """Where the set of labels flips, which is where the first of them does (labels, …): (…), −1 for never."""
    never = labels < 0
    return labels.masked_fill(never, labels.max().item() + 1).amin(0).masked_fill(never.all(0), -1)


class TogetherOtherwise:
    """A batch that is erased in several further ways, run side by side.

    Args:
        batch: as the run means it first.
        stand_ins: what stands in, in their order.
        sets: the batch, in which each document stands once for each of them.
    """

    def __init__(self, batch: AttentionErasures, stand_ins: Sequence[StandIn], sets: SideBySideErasures) -> None:
        self.stand_ins = list(stand_ins)
        self._batch = batch
        self.sets = sets
        self._items = sets.items_of(batch.items)

    def first_flips(self, order: Tensor, pairs: Sequence[tuple[int, int]]) -> dict[str, Tensor]:
        """See :meth:`OtherErasures.first_flips`."""
        numbers, of = torch.tensor(pairs, device=order.device).T
        asked, documents = order[numbers], self.sets.documents_of(of)
        if self.sets.meaning.has_labels:
            return self._batch.columns_of_labels(
                asked, self.sets.first_flips_of_labels_of(asked, documents, self._items)
            )
        return self._batch.columns(asked, self.sets.first_flips_of(asked, documents, self._items))

    def single_effects(self) -> SingleEffects:
        """See :meth:`OtherErasures.single_effects`."""
        shape = (len(self.stand_ins), *self._batch.items.mask.shape)
        return SingleEffects(*(each.view(shape) for each in self.sets.single_effects(self._items)[:4]))

    def smallest_sets(self) -> None:
        """No exact smallest set is known here."""
        return

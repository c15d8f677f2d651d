"""A verified model, and what of its attention is erased: batches made ready for erasures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.head_outputs import head_outputs
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.selection import Selected, select
from attnprobe.attention.sites import Site
from attnprobe.data.batches import B
from attnprobe.engines import head_effects, head_map
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.choice import Tried, fastest_engine, make_engine
from attnprobe.engines.head_effects import effect_rows
from attnprobe.engines.head_map import Drawn, Layer, head_rows, head_table, rows_of_map
from attnprobe.engines.head_readings import HeadReadings, read_heads
from attnprobe.engines.items import Items
from attnprobe.engines.masked_runs import EraseSelected
from attnprobe.engines.protocol import Engine
from attnprobe.engines.selected_outputs import SelectedOutputs
from attnprobe.erasure.erasable import StandIn
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.stand_ins import TrainingVectors
from attnprobe.runs.selection_records import SelectedLayer
from attnprobe.settings.attention import FULL, QUICK, AttentionSettings

_TESTS_OF_HEADS = {FULL: (head_rows, head_map.ERASURES), QUICK: (effect_rows, head_effects.ERASURES)}
"""By setting: what makes the columns of a layer, and how often a document is erased in for that in one head."""


class AttentionProbe:
    """Erases attention in a model that it is attached to; ``examples`` are kept.

    Args:
        attachment: the model.
        settings: what is erased.
        examples: a batch to choose engines on.
        meaning: what is meant by erased, and by decided.
        leaves_out: whether some tokens, the special ones, are kept out of the items.

    Raises:
        RefusedError: what is selected has no influence on the output.
        InputError: there are no such layers, heads or rows.
    """

    def __init__(
        self,
        attachment: Attachment,
        settings: AttentionSettings,
        examples: Inputs,
        meaning: Meaning = BY_DEFAULT,
        *,
        leaves_out: bool = False,
    ) -> None:
        self.attachment = attachment
        self.settings = settings
        self.meaning = meaning
        self.selected = select(attachment.sites, settings, attachment.auto())
        self.engine = fastest_engine(attachment, self.selected, examples, meaning)
        self.leaves_out = leaves_out
        self.examples = examples
        self._engines: dict[Site, str] = {}
        self._kinds = {meaning: self.engine}
        self._outputs = SelectedOutputs(attachment, self.selected, examples)

    def erasures(
        self,
        inputs: Inputs,
        items: Items,
        seeds: Tensor | None = None,
        others: Sequence[Meaning] = (),
        training: Mapping[str, TrainingVectors] = MappingProxyType({}),
    ) -> AttentionErasures:
        """A batch ready for erasures of what is selected.

        Args:
            inputs: the batch.
            items: of the batch.
            seeds: one integer a document (batch,), for what is drawn of it to stand in for what is erased.
            others: what else is meant by erased, of the same decision.
            training: what :meth:`training_vectors` gives of training documents, by its names.
        """
        drawn = torch.zeros_like(items.sizes) if seeds is None else seeds
        known = [training.get(name_of(chosen.site)) for chosen in self.selected]
        of_selected = None if None in known else [each for each in known if each is not None]
        engine = make_engine(self.engine, self.attachment, self.selected, inputs, self.meaning)

        def otherwise() -> dict[StandIn, Engine]:
            engines, tried, made = {}, Tried(), {self.engine: engine}
            for meaning in others:
                kind = self.kind_of(meaning, tried)
                if kind not in made:
                    made[kind] = make_engine(kind, self.attachment, self.selected, inputs, meaning)
                for draw, each in enumerate(made[kind].under(meaning, drawn, of_selected)):
                    engines[StandIn(meaning.erase_by, draw)] = each
            return engines

        settings, (first, *_) = self.settings, engine.under(self.meaning, drawn, of_selected)
        return AttentionErasures(
            first,
            items,
            settings.aggregate,
            greedy=settings.greedy,
            outputs=self._outputs,
            leaves_out=self.leaves_out,
            otherwise=otherwise,
        )

    def kind_of(self, meaning: Meaning, tried: Tried | None = None) -> str:
        """The engine that is proved to erase so, tried when it is first asked for."""
        if meaning not in self._kinds:
            self._kinds[meaning] = fastest_engine(
                self.attachment, self.selected, self.examples, meaning, inside=True, tried=tried
            )
        return self._kinds[meaning]

    @property
    def seen_in_training(self) -> list[Selected]:
        """Layers and rows of which it has to be known: what is selected, and what the map of heads erases in so."""
        if not self.meaning.needs_training or not self.settings.head_map_documents:
            return self.selected
        of_map = [selected for site in self.map_sites for selected in self._of_site(site)]
        chosen = {selected.site: selected for selected in (*of_map, *self.selected)}
        return [chosen[site] for site in self.attachment.sites.attention if site in chosen]

    def training_vectors(self, inputs: Inputs) -> dict[str, Tensor]:
        """By attention what its heads give of documents (batch, heads, dim), the mean over the rows that are selected.

        A document that has no such row has NaN.

        Raises:
            RefusedError: that cannot be seen.
        """
        seen = self.seen_in_training
        given = head_outputs(self.attachment.call, seen, inputs)
        return {name_of(chosen.site): of.float() for chosen, of in zip(seen, given, strict=True)}

    def masked_logits(self, inputs: Inputs, items: Items, masking: Masking) -> Tensor:
        """Logits (batch, classes) of one run of the model as it is, with items erased of what is selected.

        Args:
            inputs: a batch.
            items: of it.
            masking: what is erased of each document, and how.
        """
        tokens = items.tokens(torch.arange(len(items.mask), device=items.mask.device), masking.erased(items.mask))
        axes = self.attachment.call.axes(inputs)
        taps = [EraseSelected(chosen, axes, tokens, masking.meaning) for chosen in self.selected]
        return run_with(self.attachment.call, inputs, [chosen.site for chosen in self.selected], taps)

    @property
    def selection(self) -> list[dict[str, Any]]:
        """What is erased in, layer by layer, made definite: the fields of ``SelectedLayer``."""
        stacks = self.attachment.sites.stacks()
        return [
            SelectedLayer(
                site.stack if len(stacks) > 1 else "",
                site.layer,
                len(stacks[site.stack]),
                chosen.heads.nonzero().flatten().tolist(),
                site.heads,
                chosen.query if isinstance(chosen.query, str) else list(chosen.query),
            )._asdict()
            for chosen in self.selected
            for site in [chosen.site]
        ]

    @property
    def map_sites(self) -> list[Site]:
        """The layers of the stack that is erased in, those that the output depends on."""
        stack = self.selected[0].site.stack
        reads = zip(self.attachment.sites.attention, self.attachment.reads, strict=True)
        return [site for site, read in reads if site.stack == stack and read != "none"]

    def rows_of_map(self, lengths: npt.NDArray[np.integer], order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """See :func:`attnprobe.engines.head_map.rows_of_map`."""
        erasures = _TESTS_OF_HEADS[self.settings.head_map][1]
        return rows_of_map(lengths, order, erasures * sum(site.heads for site in self.map_sites))

    def map_of_heads(
        self,
        drawn: Drawn[B],
        ready: Callable[[B], tuple[Inputs, Items]],
        batch: tuple[int, int],
        device: torch.device,
        training: Mapping[str, TrainingVectors] = MappingProxyType({}),
    ) -> pa.Table:
        """One row a document × attention head.

        Args:
            drawn: a sample of documents.
            ready: what the model is called with for a batch, and the batch's items.
            batch: at most so many documents and so many tokens at once.
            device: where the model is.
            training: what :meth:`training_vectors` gives of training documents, by its names.
        """
        rows = self.rows_of_map(drawn.encoded.lengths, drawn.order)
        groups = [group[np.isin(group, rows)] for group in drawn.encoded.in_order_of_length(*batch)]
        # Without padding: a document has erasures enough to fill what is run at once.
        lengths = drawn.encoded.lengths
        groups = [group[lengths[group] == length] for group in groups for length in np.unique(lengths[group])[::-1]]
        rows_of = _TESTS_OF_HEADS[self.settings.head_map][0]
        return head_table(drawn, groups, lambda of: self.layers(*ready(of), training), rows_of, device)

    def layers(
        self, inputs: Inputs, items: Items, training: Mapping[str, TrainingVectors] = MappingProxyType({})
    ) -> Iterator[Layer]:
        """A batch ready for erasures in each of the layers of the map, one after another, by what is meant first."""
        for site in self.map_sites:
            selected = self._of_site(site)
            if site not in self._engines:
                self._engines[site] = fastest_engine(
                    self.attachment, selected, self.examples, self.meaning, inside=True
                )
            engine = make_engine(self._engines[site], self.attachment, selected, inputs, self.meaning)
            known = training.get(name_of(site))
            (engine,) = engine.under(self.meaning, torch.zeros_like(items.sizes), None if known is None else [known])
            yield Layer((site.stack, site.layer), engine, items)

    def _of_site(self, site: Site) -> list[Selected]:
        """All heads of a layer, in the rows that the output depends on."""
        settings = AttentionSettings(layers=f"{site.stack}:{site.layer}")
        return select(self.attachment.sites, settings, self.attachment.auto())

    def heads_read(self, layers: str, heads: str) -> int:
        """How many heads :meth:`readings` reads."""
        settings = AttentionSettings(layers=layers, heads=heads)
        selected = select(self.attachment.sites, settings, self.attachment.auto())
        return sum(int(chosen.heads.sum()) for chosen in selected)

    def readings(self, inputs: Inputs, layers: str, heads: str, seeds: Tensor) -> Iterator[HeadReadings]:
        """What layers and heads average, whatever is erased; see :func:`read_heads`."""
        settings = AttentionSettings(layers=layers, heads=heads)
        selected = select(self.attachment.sites, settings, self.attachment.auto())
        return read_heads(self.attachment, selected, inputs, seeds)


def name_of(site: Site) -> str:
    """What an attention layer is called among vectors of training documents."""
    return f"{site.stack}:{site.layer}"

"""A verified model, and what of its attention is erased: batches made ready for erasures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.selection import select
from attnprobe.attention.sites import Site
from attnprobe.attention.token_axes import TokenAxes
from attnprobe.data.batches import B
from attnprobe.engines import head_effects, head_map
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.choice import fastest_engine, make_engine
from attnprobe.engines.head_effects import effect_rows
from attnprobe.engines.head_map import Drawn, Layer, head_rows, head_table, rows_of_map
from attnprobe.engines.head_readings import HeadReadings, read_heads
from attnprobe.engines.items import Items
from attnprobe.engines.masked_runs import EraseSelected
from attnprobe.engines.selected_outputs import SelectedOutputs
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.runs.selection_records import SelectedLayer
from attnprobe.settings.attention import FULL, QUICK, AttentionSettings

_TESTS_OF_HEADS = {FULL: (head_rows, head_map.ERASURES), QUICK: (effect_rows, head_effects.ERASURES)}
"""By setting: what makes the columns of a layer, and how often a document is erased in for that in one head."""


class AttentionProbe:
    """Erases attention in a model that it is attached to.

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
        meaning.require_nothing_stands_in("models of many heads")
        self.attachment = attachment
        self.settings = settings
        self.meaning = meaning
        self.selected = select(attachment.sites, settings, attachment.auto())
        self.engine = fastest_engine(attachment, self.selected, examples, meaning)
        self.leaves_out = leaves_out
        self._examples = examples
        self._engines: dict[Site, str] = {}
        self._outputs = SelectedOutputs(attachment, self.selected, examples)

    def erasures(self, inputs: Inputs, items: Items) -> AttentionErasures:
        """A batch ready for erasures of what is selected."""
        engine = make_engine(self.engine, self.attachment, self.selected, inputs, self.meaning)
        settings = self.settings
        return AttentionErasures(
            engine,
            items,
            settings.aggregate,
            greedy=settings.greedy,
            outputs=self._outputs,
            leaves_out=self.leaves_out,
        )

    def masked_logits(self, inputs: Inputs, items: Items, masking: Masking) -> Tensor:
        """Logits (batch, classes) of one run of the model as it is, with items erased of what is selected.

        Args:
            inputs: a batch.
            items: of it.
            masking: what is erased of each document, and how.
        """
        tokens = items.tokens(torch.arange(len(items.mask), device=items.mask.device), masking.erased(items.mask))
        axes = TokenAxes.of(inputs, self.attachment.call.model)
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
    ) -> pa.Table:
        """One row a document × attention head.

        Args:
            drawn: a sample of documents.
            ready: what the model is called with for a batch, and the batch's items.
            batch: at most so many documents and so many tokens at once.
            device: where the model is.
        """
        rows = self.rows_of_map(drawn.encoded.lengths, drawn.order)
        groups = [group[np.isin(group, rows)] for group in drawn.encoded.in_order_of_length(*batch)]
        # Without padding: a document has erasures enough to fill what is run at once.
        lengths = drawn.encoded.lengths
        groups = [group[lengths[group] == length] for group in groups for length in np.unique(lengths[group])[::-1]]
        rows_of = _TESTS_OF_HEADS[self.settings.head_map][0]
        return head_table(drawn, groups, lambda of: self.layers(*ready(of)), rows_of, device)

    def layers(self, inputs: Inputs, items: Items) -> Iterator[Layer]:
        """A batch ready for erasures in each of the layers of the map, one after another."""
        for site in self.map_sites:
            settings = AttentionSettings(layers=f"{site.stack}:{site.layer}")
            selected = select(self.attachment.sites, settings, self.attachment.auto())
            if site not in self._engines:
                self._engines[site] = fastest_engine(
                    self.attachment, selected, self._examples, self.meaning, by_head=True
                )
            engine = make_engine(self._engines[site], self.attachment, selected, inputs, self.meaning)
            yield Layer((site.stack, site.layer), engine, items)

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

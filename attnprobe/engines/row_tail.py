"""The rest of a model behind its last attention, run on the one row of each document that the decision is read from.

The model is called on sequences of one token: it starts at the last block from that row's state, the linear maps
before the attention are not computed, and a given context stands in the place of its weights times values.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Recording, replaying
from attnprobe.attention.calls import intercepting
from attnprobe.attention.input_axes import rows_of, single_tokens
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.onednn import OneDnnProducts
from attnprobe.attention.selection import Selected
from attnprobe.attention.sites import Site
from attnprobe.attention.taps import StopModel, UseContext


class NoSingleRowError(RuntimeError):
    """The rest of the model cannot be run on one row alone."""


class RowTail:
    """The rest of the model behind an attention, on one row a document.

    Args:
        attachment: the model.
        site: its last attention.
        inputs: the batch.
        read: the row that the decision is read from, ``first``, ``last`` or ``at``.

    Raises:
        NoSingleRowError: it is read from several rows of a document.

    Attributes:
        start: the call of a block that the attention is in.
        position: of the row (batch,).
    """

    def __init__(self, attachment: Attachment, site: Site, inputs: Inputs, read: str) -> None:
        self._attachment, self._site = attachment, site
        self.start = attachment.within[site]
        axes = attachment.call.axes(inputs)
        self._batch = axes.batch
        queries = axes.queries(site)
        is_row = Selected(site, torch.ones(site.heads), read).rows(queries, axes.read)
        if bool((is_row.sum(-1) != 1).any()):
            raise NoSingleRowError
        self.position = is_row.int().argmax(-1)
        self._tokens = single_tokens(inputs, self.position, queries.shape[1])
        if "attention_mask" in self._tokens:
            self._tokens["attention_mask"] = torch.ones_like(self._tokens["attention_mask"])

    def logits(self, record: Recording, documents: Tensor, hidden: Tensor, contexts: Tensor) -> Tensor:
        """The logits (rows, classes) that follow.

        Args:
            record: of a run of the batch: which blocks are called, and what the calls before this one give.
            documents: of the batch (rows,).
            hidden: what the block begins with, in their row (rows, 1, dim).
            contexts: in the place of the attention's weights times values, in their row (rows, heads, dim).

        Raises:
            NoSingleRowError: the model lays contexts out in another way.
        """
        model = self._attachment.call.model
        inputs = rows_of(self._tokens, documents, self._batch)
        with (
            replaying(model, record, self.start, documents, self._batch, hidden),
            OneDnnProducts(),
            intercepting(model, dict([self._site.tapped(UseContext(contexts[:, :, None]))])),
        ):
            try:
                return self._attachment.call(inputs)
            except StopModel:
                raise NoSingleRowError from None

"""What the page knows of a transformer's attention: all of it of some documents, and what single heads do in each."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.seen_attention import SOURCE, TARGET, SeenAttention, documents_with_attention, seen_attention
from attnprobe.reports.page.embedding import embedded_json
from attnprobe.reports.page.readable import legible, legible_item

SHARE = 0.4
"""Of a page's bytes that are kept for attention, where it has some."""

WITH_ATTENTION = "Attention can be seen token by token"
"""The kind of documents of which the run's files have all attention."""

EFFECTS, ORDERS = "effects", "orders"
"""What is told of single heads: what becomes of the output without each, or when its own order flips the decision."""


def has_heads(results: RunResults) -> bool:
    """Whether a run's model has attention in layers and heads, and not one that pools."""
    return results.config["settings"].get("attention") is not None


class DocumentsOfHeads:
    """What single heads do in each document of a run, as its map of heads has it.

    Attributes:
        told: ``EFFECTS``, ``ORDERS``, or nothing where there is no such table.
    """

    def __init__(self, results: RunResults) -> None:
        effects, orders = results.head_effects(), results.heads()
        self.told = "" if effects is None and orders is None else ORDERS if effects is None else EFFECTS
        table = orders if effects is None else effects
        self._table = pd.DataFrame() if table is None else table

    @cached_property
    def which(self) -> list[list[Any]]:
        """Stack, layer and number of each head, in order."""
        if not self.told:
            return []
        heads = self._table[["stack", "layer", "head"]].drop_duplicates()
        heads = heads.assign(stack=heads["stack"].astype(str)).sort_values(["stack", "layer", "head"])
        return [[legible(stack), int(layer), int(head)] for stack, layer, head in heads.itertuples(index=False)]

    @cached_property
    def _rows(self) -> Mapping[Any, Any]:
        return self._table.groupby("document").indices if self.told else {}

    def of(self, number: int) -> dict[str, Any]:
        """A document's entry, a number and a flag a head, in order; empty where single heads are not tested in it.

        The number is JS without the whole head in nats, and the flag whether the decision then flips; or after how many
        items in the head's own order the decision flips, 0 for never, and whether it does.
        """
        if number not in self._rows:
            return {}
        rows = self._table.iloc[self._rows[number]]
        place = {tuple(head): at for at, head in enumerate(self.which)}
        names = zip(rows["stack"].astype(str), rows["layer"].tolist(), rows["head"].tolist(), strict=True)
        at = [place[legible(stack), layer, head] for stack, layer, head in names]
        effects = self.told == EFFECTS
        numbers = rows["js_whole"] if effects else rows["removed_attention"].clip(lower=0)
        flips = rows["flip_whole"].astype(bool) if effects else rows["removed_attention"] > 0
        shown: list[float | None] = [None] * len(self.which)
        flags = [0] * len(self.which)
        for where, value, flag in zip(at, numbers.tolist(), flips.tolist(), strict=True):
            shown[where], flags[where] = float(f"{value:.4g}"), int(flag)
        return {"heads": {"numbers": shown, "flips": flags}}


def shown_attention(results: RunResults, wanted: Iterable[int], budget: int) -> dict[int, str]:
    """By number, JSON of the attention of as many documents as the budget holds, those first that are wanted first.

    Args:
        results: the run.
        wanted: numbers of documents, in order.
        budget: bytes.

    Raises:
        InputError: a table of the run does not hold attention.
    """
    kept = set(documents_with_attention(results.folder).tolist())
    in_order = [number for number in wanted if number in kept]
    seen, chosen = seen_attention(results.folder, in_order), {}
    for number in in_order:
        text = embedded_json(_encoded(seen[number]))
        if len(text.encode()) > budget:
            continue
        budget -= len(text.encode())
        chosen[number] = text
    return chosen


def attention_kept(results: RunResults) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Of which documents the run has all attention (documents,): the rows are those of ``results.several``."""
    return np.isin(results.several["document"].to_numpy(), documents_with_attention(results.folder))


def _encoded(seen: SeenAttention) -> dict[str, Any]:
    """Layers as stack, number, heads, rows and columns; their codes, one behind the other; tokens by side."""
    codes = b"".join(layer.codes.tobytes() for layer in seen.layers)
    sides = {side: [legible_item(token.text) for token in seen.tokens.get(side, [])] for side in (SOURCE, TARGET)}
    return {
        "layers": [[legible(layer.stack), layer.layer, *layer.codes.shape] for layer in seen.layers],
        "codes": base64.b64encode(codes).decode("ascii"),
        **sides,
        "items": [token.item for token in seen.tokens.get(SOURCE, [])],
    }

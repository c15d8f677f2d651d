"""The attention of a few documents, token by token, kept for whoever looks at them: on the page, without the model.

A seeded sample, that of the map of single heads from its beginning on, of documents that are short enough. A weight is
kept as a byte (:mod:`attnprobe.runs.attention_codes`): of n tokens these are layers × heads × n².
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import metadata_of
from attnprobe.data.batches import EncodedSplit
from attnprobe.models.probe import Probe
from attnprobe.models.subject import Tested
from attnprobe.runs.attention_codes import as_codes, as_text
from attnprobe.runs.run_folder import ATTENTION_MAPS, ATTENTION_TOKENS, SEEN
from attnprobe.stages.run_work import TEST
from attnprobe.stages.training import Run

MOST_DOCUMENTS = 24

MOST_OF_ONE = 1 << 20
"""Bytes of a document, at most: longer ones are passed over."""

MOST_BYTES = 8 << 20
"""Bytes of all of them."""


_MAPS = pa.schema(
    [
        ("document", pa.int64()),
        ("stack", pa.string()),
        *((name, pa.int32()) for name in ("layer", "head", "queries", "keys")),
        ("weights", pa.string()),
    ]
)
_TOKENS = pa.schema(
    [
        ("document", pa.int64()),
        ("side", pa.string()),
        ("position", pa.int32()),
        ("token", pa.string()),
        ("item", pa.int32()),
    ]
)


def has_maps(run: Run, tested: Tested[Any], stamp: str) -> bool:
    """Whether a run's folder has the tables, or needs none."""
    if not tested.probe.documents_with_maps:
        return True
    try:
        stamps = {metadata_of(run.folder.table(name)).get(b"attnprobe") for name in SEEN}
    except (OSError, InputError, UnreadableError):
        return False
    return stamps == {stamp.encode()}


def keep_maps(run: Run, tested: Tested[Any], stamp: str, lost: Sequence[int]) -> None:
    """Write the tables of a run's attention and of its tokens; nothing where there is no map of single heads.

    Args:
        run: whose folder and data they are.
        tested: its model.
        stamp: what they are made by.
        lost: documents that broke the model.
    """
    probe, split = tested.probe, run.dataset.splits[TEST]
    asked = min(MOST_DOCUMENTS, probe.documents_with_maps)
    if not asked:
        return
    order = np.random.default_rng(run.configuration.settings.seed).permutation(len(split))
    order = order[~np.isin(order, lost)][: 4 * asked]
    numbers = np.sort(order)
    encoded = run.subject.encode(split.take(numbers))
    maps, tokens, written, documents = [_MAPS.empty_table()], [_TOKENS.empty_table()], 0, 0
    for number in order.tolist():
        row = int(np.searchsorted(numbers, number))
        if probe.bytes_of_maps(int(encoded.lengths[row])) > MOST_OF_ONE:
            continue
        of_document = _maps(run, probe, encoded, row, number)
        size = sum(map(len, of_document["weights"].to_pylist()))
        if written + size > MOST_BYTES:
            break
        maps.append(of_document)
        tokens.append(_tokens(run, probe, encoded, row, number))
        written, documents = written + size, documents + 1
        if documents == asked:
            break
    for name, parts in ((ATTENTION_TOKENS, tokens), (ATTENTION_MAPS, maps)):
        table = pa.concat_tables(parts).sort_by([("document", "ascending")])
        run.folder.write_table(name, [table], stamp)


def _maps(run: Run, probe: Probe[Any], encoded: EncodedSplit[Any], row: int, number: int) -> pa.Table:
    """A row a layer and head of one document, which is run by itself: there is no padding."""
    rows = []
    for layer in probe.maps(encoded.batch(np.array([row])).to(run.device)):
        codes = as_codes(layer.weights[0].double().cpu().numpy())
        rows += [(number, layer.stack, layer.layer, head, *of.shape, as_text(of)) for head, of in enumerate(codes)]
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(dict(zip(_MAPS.names, columns, strict=True)), schema=_MAPS)


def _tokens(run: Run, probe: Probe[Any], encoded: EncodedSplit[Any], row: int, number: int) -> pa.Table:
    """A row a token of one document."""
    rows = [
        (number, side, position, text, item)
        for side, told in probe.tokens_seen(encoded, row, run.device).items()
        for position, (text, item) in enumerate(told)
    ]
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(dict(zip(_TOKENS.names, columns, strict=True)), schema=_TOKENS)

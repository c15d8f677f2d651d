"""The attention of a run's documents that its folder keeps to be looked at, read from there and checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.base.errors import InputError
from attnprobe.runs.attention_codes import Codes, from_text
from attnprobe.runs.run_folder import ATTENTION_MAPS, ATTENTION_TOKENS, RunFolder
from attnprobe.runs.tables import DocumentNumbers, read_table

_MAP_COLUMNS = ("document", "stack", "layer", "head", "queries", "keys", "weights")
_TOKEN_COLUMNS = ("document", "side", "position", "token", "item")

SOURCE, TARGET = "source", "target"
"""The tokens of the text, and those of a decoder that reads tokens of its own."""


class SeenLayer(NamedTuple):
    """One attention layer of one document: ``codes`` (heads, queries, keys), as ``attention_codes`` has them."""

    stack: str
    layer: int
    codes: Codes


class SeenToken(NamedTuple):
    """A token's text, and the item of the document that it is of, −1 of none."""

    text: str
    item: int


class SeenAttention(NamedTuple):
    """All attention of one document, layers in order of computation, and the tokens of each side that it is between."""

    layers: list[SeenLayer]
    tokens: dict[str, list[SeenToken]]

    @property
    def size(self) -> int:
        """How many weights these are."""
        return sum(layer.codes.size for layer in self.layers)


def documents_with_attention(folder: Path) -> DocumentNumbers:
    """The numbers of the documents whose attention a run keeps, ascending (documents,).

    Raises:
        InputError: the table cannot be read.
    """
    path = RunFolder(folder).table(ATTENTION_MAPS)
    if not path.exists() or not RunFolder(folder).table(ATTENTION_TOKENS).exists():
        return np.zeros(0, dtype=np.int64)
    return np.unique(read_table(path, ["document"])["document"].to_numpy(dtype=np.int64))


def seen_attention(folder: Path, documents: Iterable[int]) -> dict[int, SeenAttention]:
    """By number, the attention of those of the documents whose attention a run keeps.

    Raises:
        InputError: a table cannot be read, or does not hold whole layers of attention.
    """
    wanted = np.intersect1d(documents_with_attention(folder), np.array(sorted(documents), dtype=np.int64))
    if not len(wanted):
        return {}
    maps, tokens = RunFolder(folder).table(ATTENTION_MAPS), RunFolder(folder).table(ATTENTION_TOKENS)
    by_document = dict(iter(read_table(tokens, _TOKEN_COLUMNS, wanted).groupby("document", sort=False)))
    return {
        int(str(number)): SeenAttention(_layers(maps, rows), _tokens(by_document.get(number)))
        for number, rows in read_table(maps, _MAP_COLUMNS, wanted).groupby("document", sort=False)
    }


def _layers(path: Path, rows: pd.DataFrame) -> list[SeenLayer]:
    layers = []
    for _, heads in rows.groupby(["stack", "layer"], sort=False, observed=True):
        stack, layer = str(heads["stack"].iat[0]), int(str(heads["layer"].iat[0]))
        where = f"{path}, document {rows['document'].iat[0]}, {stack} layer {layer}"
        queries, keys = (int(str(heads[name].iat[0])) for name in ("queries", "keys"))
        if heads["head"].tolist() != list(range(len(heads))) or len(heads[["queries", "keys"]].drop_duplicates()) > 1:
            raise InputError(f"{where}: the heads are not one a row, from 0 on, all with as many rows and columns.")
        codes: list[npt.NDArray[np.uint8]] = []
        for head, text in enumerate(heads["weights"]):
            found = from_text(str(text), queries, keys)
            if found is None:
                raise InputError(
                    f"{where} head {head}: the column 'weights' is not base64 of {queries * keys:,} bytes."
                )
            codes.append(found)
        layers.append(SeenLayer(stack, layer, np.stack(codes)))
    return layers


def _tokens(rows: pd.DataFrame | None) -> dict[str, list[SeenToken]]:
    if rows is None:
        return {}
    sides: dict[str, list[SeenToken]] = {}
    for _, of_side in rows.sort_values("position").groupby("side", sort=False, observed=True):
        texts, items = of_side["token"].astype(str).tolist(), of_side["item"].tolist()
        sides[str(of_side["side"].iat[0])] = list(map(SeenToken, texts, items))
    return sides

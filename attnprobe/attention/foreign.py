"""What attention weighs that does not weigh the tokens of documents: the reason, read off the shape of its weights."""

from __future__ import annotations

from typing import NamedTuple

from attnprobe.attention.calls import Place


class Foreign(NamedTuple):
    """Attention whose rows or columns are no tokens.

    Attributes:
        place: where it is computed.
        module: the class of the module there.
        shape: of its weights.
        why: what they weigh, as the rest of a sentence that begins with the module.
    """

    place: Place
    module: str
    shape: tuple[int, ...]
    why: str

    @property
    def sentence(self) -> str:
        """What it is refused with."""
        return f"{self.module} at {self.place} {self.why} (its weights have the shape {self.shape})."


def why_foreign(shape: tuple[int, ...], axis: int, batch: int, rows: int | None, columns: int | None) -> str:
    """What weights of this shape weigh.

    Args:
        shape: of the weights.
        axis: the axis of the softmax.
        batch: how many documents were run.
        rows: how many tokens they have of what rows are; None where that is not known.
        columns: the same of columns.
    """
    keys = shape[axis]
    others = [size for place, size in enumerate(shape) if place != axis % len(shape)]
    queries = others[-1]
    if len(shape) == 4 and shape[0] > batch and shape[0] % batch == 0 and queries == keys:
        groups = shape[0] // batch
        return f"attends within {groups} groups (windows) of {keys} places, and a column is another token in each"
    if len(shape) == 5 and shape[0] == batch:
        return f"attends within blocks, {queries} places to {keys}, and a column is another token in each block"
    if len(shape) == 4 and rows is not None and _is_band(shape, batch, rows, keys):
        return f"attends to {keys} places of a window around each token, and a column is another token in each row"
    if columns is None:
        if queries == keys:
            return f"attends among {keys} places, other layers among others: what a token is changes between layers"
        return f"attends from {queries} places to {keys}, which are pooled, or others than these"
    if keys == columns:
        return f"attends to the {columns} tokens, but from {queries} rows that are not the tokens themselves"
    if queries == keys:
        return f"attends among {keys} places, which are not the {columns} tokens"
    if queries == rows and keys < columns:
        return f"attends to {keys} places in the stead of {columns} tokens: keys are pooled or left out"
    if queries == rows and keys > columns:
        return f"attends to {keys} places, of which {columns} at most are the tokens"
    return f"attends from {queries} places to {keys}, and neither are the {columns} tokens"


def _is_band(shape: tuple[int, ...], batch: int, rows: int, keys: int) -> bool:
    """Documents × rows × heads × places around the row; rows may be filled up to whole windows."""
    return shape[0] == batch and rows <= shape[1] < rows + keys and shape[2] != rows and keys < 2 * shape[1]

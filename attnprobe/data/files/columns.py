"""Which column of a file holds the label and which the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attnprobe.base.bounds import MOST_COLUMNS
from attnprobe.base.errors import InputError
from attnprobe.data.files.places import listed, nearest_names, place, quoted

LABEL_COLUMNS = ("category", "label")
TEXT_COLUMNS = ("tokens", "text")

_ELSEWHERE = {
    "label": ("labels", "class", "target", "sentiment", "topic", "intent", "rating", "stars", "score", "y"),
    "text": ("sentence", "review", "content", "document", "body", "comment", "article", "question", "title", "x"),
}
"""What others call such columns; they are offered, and not taken unasked."""


@dataclass(frozen=True)
class Columns:
    """The names of the two columns."""

    label: str
    text: str


@dataclass(frozen=True)
class WantedColumns:
    """The columns that the user named, and what the text's holds.

    Attributes:
        label, text: their names; None stands for the usual names.
        given_tokens: whether a text is tokens that whitespace separates. A list is always the tokens it holds.
    """

    label: str | None = None
    text: str | None = None
    given_tokens: bool = False

    def among(self, path: Path, names: Sequence[str], row: int | None = None) -> Columns:
        """The two columns of a file whose columns are ``names``, as ``row`` says.

        Raises:
            InputError: a column is missing, or is there more than once; or there are too many.
        """
        if len(names) > MOST_COLUMNS:
            raise InputError(f"{place(path, row)}: there are more than {MOST_COLUMNS:,} columns.")
        return Columns(
            label=_chosen(path, row, names, "label", self.label, LABEL_COLUMNS),
            text=_chosen(path, row, names, "text", self.text, TEXT_COLUMNS),
        )


def _chosen(
    path: Path, row: int | None, names: Sequence[str], kind: str, wanted: str | None, usual: tuple[str, ...]
) -> str:
    candidates = (wanted,) if wanted is not None else usual
    present = [name for name in names if name in candidates]
    if len(present) == 1:
        return present[0]
    option = f"--{kind}-column"
    if present:
        raise InputError(
            f"{place(path, row)}: the columns {listed(present)} could each hold the {kind}; "
            f"name one with {option}, or rename the others."
        )
    missing = " or ".join(map(quoted, candidates))
    near = [name for name in names if name.casefold() in _ELSEWHERE[kind]][:1]
    near = near or [name for each in candidates for name in nearest_names(each, names)][:1]
    offered = f" Did you mean {option} {near[0]}?" if near else f" Name it with {option}."
    raise InputError(
        f"{place(path, row)}: there is no {kind} column {missing}; the columns are {listed(names)}.{offered}"
    )

"""Which of a tokenizer's tokens are at named positions of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.base.errors import InputError
from attnprobe.data.files.places import quoted
from attnprobe.data.named_positions import ALL, FIRST, LAST, REST, Places, named_places
from attnprobe.data.prompts import Prompts
from attnprobe.models.huggingface.pieces import EncodedPieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Marks = list[npt.NDArray[np.bool_]]
"""Of each prompt, True at the tokens that are meant (tokens,)."""


def marked_tokens(encoded: EncodedPieces, prompts: Prompts, names: Sequence[str]) -> dict[str, Marks]:
    """By name, which tokens of each prompt are there.

    Args:
        encoded: the prompts as tokens.
        prompts: they.
        names: of positions, as :mod:`attnprobe.data.named_positions` has them; ``rest`` is what is in none of the
            others.

    Raises:
        InputError: a name is none, or is nowhere in a prompt, or the tokenizer does not say where its tokens are.
    """
    pieces = _stretches_of_tokens(encoded, prompts.texts)
    marks: dict[str, Marks] = {}
    for name in names:
        places = named_places(name, prompts)
        if places.name != REST or places.stretches is not None:
            marks[name] = [_marked(places, row, of) for row, of in enumerate(pieces)]
    if REST in names and REST not in marks:
        marks[REST] = [
            ~np.logical_or.reduce([marks[name][row] for name in marks] or [np.zeros(len(of), dtype=bool)])
            for row, of in enumerate(pieces)
        ]
    return {name: marks[name] for name in names}


def in_batch(marks: Sequence[npt.NDArray[np.bool_]], mask: Tensor) -> Tensor:
    """Marks of a batch's documents, one (tokens,) each, where its tokens are (documents, tokens), padding between."""
    placed = torch.zeros_like(mask)
    placed[mask] = torch.from_numpy(np.concatenate(list(marks))).to(mask.device)
    return placed


def token_positions(
    tokenizer: PreTrainedTokenizerBase,
    prompts: Any,  # noqa: ANN401
    name: str,
) -> Tensor:
    """Which tokens of prompts are at a named position: for edges that ``AttachedModel.erasing`` is to cut.

    Args:
        tokenizer: which also says on which side it pads; the result is laid out as ``tokenizer(texts, padding=True)``.
        prompts: strings, or tables with a ``prompt`` and further columns.
        name: ``first``, ``last``, ``all``; ``first:WORD``, ``last:WORD``, ``every:WORD``; ``chars:START-END``; or a
            column of the prompts that holds a part of each, or where it is (docs/knockout.md).

    Returns:
        True at the tokens that are meant (prompts, tokens).

    Raises:
        TypeError: the tokenizer is none.
        InputError: the name is none, or is nowhere in a prompt; or the tokenizer does not say where its tokens are.

    >>> keys = token_positions(tokenizer, prompts, "subject")  # doctest: +SKIP
    >>> rows = token_positions(tokenizer, prompts, "last")  # doctest: +SKIP
    >>> edges = rows[:, :, None] & keys[:, None, :]  # doctest: +SKIP
    """
    from attnprobe.models.huggingface.given_texts import documents_of_texts
    from attnprobe.models.huggingface.pieces import encode_documents
    from attnprobe.models.huggingface.sequences import UNLIMITED

    if not hasattr(tokenizer, "pad_token"):
        raise TypeError(f"A tokenizer of transformers is needed first, not {type(tokenizer).__name__}.")
    given = Prompts.of(prompts)
    if name == REST and name not in given.columns:
        raise InputError("'rest' is what other positions leave: name the others, and take what is in none of them.")
    before = tokenizer.pad_token
    try:
        if before is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
        encoded = encode_documents(
            documents_of_texts(given.texts, tokenizer), tokenizer, min(int(tokenizer.model_max_length), UNLIMITED)
        )
        batch = encoded.batch(np.arange(len(given)))
    finally:
        tokenizer.pad_token = before
    return in_batch(marked_tokens(encoded, given, [name])[name], batch.mask)


def _stretches_of_tokens(encoded: EncodedPieces, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """Where each token of each prompt is (tokens, 2), without spaces before it; −1 where it is not of the text."""
    parts = encoded.item_parts()
    starts, ends = parts.starts.copy(), parts.ends
    text_of = np.repeat(np.arange(len(texts)), parts.lengths)
    for token in np.flatnonzero(starts >= 0).tolist():
        piece = texts[int(text_of[token])][int(starts[token]) : int(ends[token])]
        if piece.strip():
            starts[token] += len(piece) - len(piece.lstrip())
    return np.split(np.stack([starts, ends], axis=1), np.cumsum(parts.lengths)[:-1])


def _marked(places: Places, row: int, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    marks = np.zeros(len(tokens), dtype=bool)
    if places.stretches is None:
        if places.name == ALL:
            return ~marks
        marks[{FIRST: 0, LAST: len(tokens) - 1}[places.name]] = True
        return marks
    starts, ends = tokens.T
    for start, end in places.stretches[row]:
        marks |= (starts >= 0) & (starts < end) & (ends > start)
    if not marks.any():
        unknown = "" if (starts >= 0).any() else ", and its tokenizer does not say where its tokens are"
        raise InputError(f"Prompt {row}: no token is at {quoted(places.name)}{unknown}.")
    return marks

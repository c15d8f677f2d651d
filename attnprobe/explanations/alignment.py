"""Scores of tokens, of words or of stretches of text, matched with the items of a model, document by document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.explanations.item_scores import ItemScores
from attnprobe.settings.own_explanations import FIRST, LAST, MEAN, OUT, OWN_SCORE, SUM

Numbers = npt.NDArray[np.float64]


class Listed(NamedTuple):
    """One score after another (scores,), and of what tokens of a vocabulary (scores,), where that is said."""

    scores: Numbers
    tokens: npt.NDArray[np.int64] | None = None


class Spans(NamedTuple):
    """Scores of stretches of a document's text, in characters, the end exclusive, each (spans,)."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    scores: Numbers


Given = Listed | Spans
"""What an explanation says of one document."""


def item_scores(
    name: str,
    draws: Sequence[Sequence[Given]],
    parts: ItemParts,
    *,
    specials: str = OWN_SCORE,
    subwords: str = SUM,
    numbers: npt.NDArray[np.int64] | None = None,
) -> ItemScores:
    """The scores of an explanation's items.

    What is listed is one score a part, or one an item that is no special token: whichever of the two fits the first
    document, for all. A stretch of text gives its score to every item that it reaches into. Of several scores of an
    item the sum, or the mean, is taken; an item of which nothing is said has 0.

    Args:
        name: of the explanation.
        draws: by draw, what it says of each document.
        parts: of the same documents.
        specials: one of ``SPECIALS``.
        subwords: one of ``JOINED``.
        numbers: of the documents in their split, ascending (documents,); by default their rows.

    Raises:
        InputError: what it says does not fit a document; the message names it.
    """
    numbers = np.arange(len(parts)) if numbers is None else numbers
    first = np.cumsum(parts.lengths) - parts.lengths
    rows = []
    for draw, documents in enumerate(draws):
        said = f"The explanation {name}" + (f", draw {draw}" if len(draws) > 1 else "")
        if len(documents) != len(parts):
            raise InputError(f"{said}: it has scores of {len(documents):,} documents, but there are {len(parts):,}.")
        matching = _Matching(subwords)
        scores = []
        for row, given in enumerate(documents):
            try:
                scores.append(matching.scores(given, parts.of(row, first)))
            except ValueError as error:
                raise InputError(f"{said}, document {numbers[row]}: {error}.") from None
        rows.append(np.concatenate(scores) + 0.0)  # −0.0 is 0.0
    places = np.zeros(int(parts.sizes.sum()), dtype=np.int8)
    places[parts.special_items()] = {FIRST: 1, LAST: -1, OWN_SCORE: 0, OUT: 0}[specials]
    return ItemScores(numbers, parts.sizes, np.stack(rows), places)


class _Matching:
    """Matches documents one after another; what is listed is of the same kind in all.

    Args:
        joined: one of ``JOINED``.
    """

    def __init__(self, joined: str) -> None:
        self._joined = joined
        self._of_items: bool | None = None

    def scores(self, given: Given, parts: ItemParts) -> Numbers:
        """The scores (items,) of a document.

        Raises:
            ValueError: they do not fit; the message says why.
        """
        _check_finite(given.scores)
        if isinstance(given, Spans):
            return self._of_spans(given, parts)
        scores = given.scores if given.tokens is None else _without_padding(given, parts)
        left_out = 0 if parts.of_text_left_out is None else int(parts.of_text_left_out[0])
        ranked = int(parts.sizes[0]) - int(parts.special_items().sum()) + left_out
        fits = {False: int(parts.lengths[0]), True: ranked}
        if self._of_items is None:
            self._of_items = len(scores) != fits[False] and len(scores) == fits[True]
        if len(scores) != fits[self._of_items]:
            what = "items that are no special tokens" if self._of_items else "tokens, special ones included,"
            if len(parts.items) == parts.sizes[0] and not parts.special.any():
                what = "items"
            raise ValueError(f"it has {len(scores):,} scores, but there are {fits[self._of_items]:,} {what} to score")
        if self._of_items:
            made = np.zeros(int(parts.sizes[0]))
            made[~parts.special_items()] = scores[left_out:]
            return made
        within = parts.items >= 0
        return self._join(parts.items[within], scores[within], int(parts.sizes[0]))

    def _of_spans(self, given: Spans, parts: ItemParts) -> Numbers:
        text = int(parts.text_lengths[0])
        wrong = (given.starts < 0) | (given.ends <= given.starts) | (given.ends > text)
        for span in np.flatnonzero(wrong)[:1].tolist():
            start, end = int(given.starts[span]), int(given.ends[span])
            raise ValueError(f"the span [{start}, {end}) is none of its text, which has {text:,} characters")
        span, item = parts.reached(given.starts, given.ends)
        return self._join(item, given.scores[span], int(parts.sizes[0]))

    def _join(self, items: npt.NDArray[np.int64], scores: Numbers, size: int) -> Numbers:
        sums = np.bincount(items, scores, size).astype(np.float64)
        return sums / np.maximum(np.bincount(items, minlength=size), 1) if self._joined == MEAN else sums


def _check_finite(scores: Numbers) -> None:
    for place in np.flatnonzero(~np.isfinite(scores))[:1].tolist():
        found = "NaN" if np.isnan(scores[place]) else "infinite"
        raise ValueError(f"its score {place} is {found}")


def _without_padding(given: Listed, parts: ItemParts) -> Numbers:
    """The scores of the tokens that the model reads; raises a ValueError where they are said to be of others."""
    tokens, own = given.tokens, parts.numbers
    assert tokens is not None
    if len(tokens) != len(given.scores):
        raise ValueError(f"it has {len(given.scores):,} scores of {len(tokens):,} tokens")
    if own is None:
        raise ValueError("its scores are of tokens of a vocabulary, which this model does not read")
    for padding, kept in ((tokens[len(own) :], slice(0, len(own))), (tokens[: -len(own)], slice(-len(own), None))):
        if len(tokens) >= len(own) and np.array_equal(tokens[kept], own) and len(np.unique(padding)) <= 1:
            return given.scores[kept]
    if len(tokens) != len(own):
        raise ValueError(f"its scores are of {len(tokens):,} tokens, but the model reads {len(own):,}")
    place = int(np.argmax(tokens != own))
    raise ValueError(f"its score {place} is of the token {tokens[place]}, but the model reads {own[place]} there")

"""spaCy's blank English pipeline: what it makes of chunks between whitespace, and what of it looks past their ends.

spaCy cuts a text at its whitespace and splits every chunk on its own, by affixes and special cases. After that it looks for
special cases among all tokens of the document (``:`` and ``)`` are ``:)``), and of those that overlap takes the longest,
which it leaves as it is where whitespace stands within. So a case that reaches across whitespace changes nothing itself,
but hides those that it overlaps: the one way in which the neighbours of a chunk matter. Whitespace that is a token of its
own is in no case of several tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokenizer import Tokenizer
    from spacy.tokens import Doc

_APART = "\n"  # a token of its own, across which nothing is found


class SplitChunks(NamedTuple):
    """The tokens of several chunks, one after another.

    Attributes:
        tokens_per_chunk: never 0 (chunks,).
        starts: where each token begins in its chunk, in characters (tokens,).
        lengths: of each token, in characters (tokens,).
    """

    tokens_per_chunk: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]


class SpacySplitting:
    """spaCy, loaded; the strings that it keeps go when this goes.

    Attributes:
        stops: the words after which its sentencizer ends a sentence.
    """

    def __init__(self) -> None:
        import spacy
        from spacy.pipeline import Sentencizer

        self._pipeline: Language = spacy.blank("en")
        self.stops = frozenset(Sentencizer.default_punct_chars)

    def split_chunks(self, chunks: Sequence[str]) -> SplitChunks:
        """What spaCy makes of each beside nothing that could matter; chunks may have single blanks within."""
        from spacy.attrs import IDX, LENGTH

        doc: Doc = self._bare_tokenizer(_APART.join(chunks))
        tokens = doc.to_array([IDX, LENGTH]).astype(np.int64)
        sizes = np.array([len(chunk) for chunk in chunks], dtype=np.int64)
        chunk_starts = np.cumsum(sizes + 1) - (sizes + 1)
        chunk = np.searchsorted(chunk_starts, tokens[:, 0], side="right") - 1
        starts = tokens[:, 0] - chunk_starts[chunk]
        kept = starts < sizes[chunk]
        return SplitChunks(np.bincount(chunk[kept], minlength=len(chunks)), starts[kept], tokens[kept, 1])

    def is_punctuation(self, token: str) -> bool:
        """As spaCy says of a token."""
        from spacy.attrs import IS_PUNCT

        return bool(self._pipeline.vocab.lex_attr_getters[IS_PUNCT](token))

    @cached_property
    def special_cases(self) -> SpecialCases:
        """Those of the pipeline."""
        from spacy.attrs import ORTH

        tokenizer = self._pipeline.tokenizer
        plain = _with_rules(tokenizer, {})
        return SpecialCases(
            ([token.text for token in plain(text)], [token[ORTH] for token in tokens])
            for text, tokens in tokenizer.rules.items()
        )

    @cached_property
    def _bare_tokenizer(self) -> Tokenizer:
        """The pipeline's, with a vocabulary that works out nothing of a new word: it takes two thirds of the time."""
        return _with_rules(self._pipeline.tokenizer, self._pipeline.tokenizer.rules)


class SpecialCases:
    """Where special cases that spaCy looks for among the tokens of a document may reach from one chunk into the next."""

    def __init__(self, cases: Iterable[tuple[Sequence[str], Sequence[str]]]) -> None:
        """
        Args:
            cases: of each special case the tokens that it is found by, and those that it is split into.
        """
        self._split_into: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._halves: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for found_by, split_into in cases:
            if list(found_by) != list(split_into):
                self._split_into[split_into[0]].append(tuple(split_into))
            for cut in range(1, len(found_by)):
                left, right = "".join(found_by[:cut]), "".join(found_by[cut:])
                self._halves[left[-1], right[0]].add((left, right))

    def may_be_in(self, tokens: Sequence[str]) -> bool:
        """Whether a special case may have changed what these were: False is certain."""
        return not self._split_into.keys().isdisjoint(tokens) and any(
            tuple(tokens[at : at + len(case)]) == case
            for at, token in enumerate(tokens)
            for case in self._split_into.get(token, ())
        )

    def may_cross(self, left: str, right: str) -> bool:
        """Whether tokens at the end of one chunk and at the beginning of the next may be one: False is certain."""
        return any(
            (left.endswith(before) or before.endswith(left)) and (right.startswith(after) or after.startswith(right))
            for before, after in self._halves.get((left[-1], right[0]), ())
        )


def _with_rules(tokenizer: Tokenizer, rules: Mapping[str, Any]) -> Tokenizer:
    from spacy.tokenizer import Tokenizer
    from spacy.vocab import Vocab

    return Tokenizer(
        Vocab(),
        rules=rules,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        token_match=tokenizer.token_match,
        url_match=tokenizer.url_match,
    )

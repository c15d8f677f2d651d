"""spaCy's blank English pipeline: what it makes of chunks between whitespace, and what of it looks past their ends.

spaCy cuts a text at its whitespace and splits every chunk on its own, by affixes and special cases. After that it looks
for special cases among all tokens of the document (``:`` and ``)`` are ``:)``), and of those that overlap takes the
longest, which it leaves as it is where whitespace stands within. So a case that reaches across whitespace changes
nothing itself, but hides those that it overlaps: the one way in which the neighbours of a chunk matter. No case of
several tokens holds whitespace that is a token of its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokenizer import Tokenizer

_APART = "\n"  # a token of its own, across which nothing is found

# Among English letters no affix is found, and one of these signs behind them is a suffix, as a full stop is behind a
# small letter: three of five chunks that are new, of which spaCy takes ten times as long to say so.
_PLAIN = re.compile(r"([A-Za-z]+)([,:;!?)]|(?<=[a-z])\.)?")


class SpacySplitting:
    """spaCy, loaded; the strings that it keeps go when this goes.

    Attributes:
        stops: the words after which its sentencizer ends a sentence.
        is_punctuation: whether a word is, as spaCy says.
    """

    def __init__(self) -> None:
        import spacy
        from spacy.attrs import IS_PUNCT
        from spacy.pipeline import Sentencizer

        self._pipeline: Language = spacy.blank("en")
        self._rules = self._pipeline.tokenizer.rules
        self.stops = frozenset(Sentencizer.default_punct_chars)
        self.is_punctuation: Callable[[str], bool] = self._pipeline.vocab.lex_attr_getters[IS_PUNCT]

    def split_chunks(self, chunks: Sequence[str]) -> list[list[str]]:
        """The words of each beside nothing that could matter; a chunk may have single blanks within."""
        from spacy.attrs import IDX, LENGTH

        words = [self._plain_words(chunk) for chunk in chunks]
        asked = [number for number, found in enumerate(words) if not found]
        text = _APART.join([chunks[number] for number in asked])
        places = self._bare_tokenizer(text).to_array([IDX, LENGTH]).astype(np.int64)
        tokens = [text[start : start + length] for start, length in places.tolist()] + [_APART]
        start = 0
        for number in asked:
            end = tokens.index(_APART, start)
            words[number] = tokens[start:end]
            start = end + 1
        return words

    def _plain_words(self, chunk: str) -> list[str]:
        """The words of a chunk for which spaCy need not be asked; of any other none."""
        plain = _PLAIN.fullmatch(chunk)
        if plain is None or chunk in self._rules:
            return []
        letters, sign = plain.groups()
        if sign is None:
            return [chunk]
        return [] if letters in self._rules else [letters, sign]

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
    """Where a special case, looked for among the tokens of a document, may reach from one chunk into the next."""

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

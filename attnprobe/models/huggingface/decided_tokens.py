"""At which token of each text a model decides that gives logits for every token: a string, a position or a word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import DocumentError
from attnprobe.settings.attention import AttentionSettings, position_of
from attnprobe.settings.unfit import Named, SettingError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SHOWN = 60
"""Characters of a text that is refused."""


class DecidedToken:
    """The token that a setting names, in whatever text.

    Args:
        at: a position, counted from the first token, special ones among them, negative ones from the end; a special
            token of the tokenizer, as ``[MASK]``; or a word of the texts, which stands for the token that it begins in.
            What stands in a text several times is found where it stands first.
        tokenizer: of the model.

    Raises:
        SettingError: it is a word, and the tokenizer does not say where its pieces are; or it is written as a special
            token of another tokenizer.
    """

    def __init__(self, at: str, tokenizer: PreTrainedTokenizerBase) -> None:
        self._at, self._position, self._number = at, position_of(at), None
        if self._position is not None:
            return
        special = {str(token): number for number, token in tokenizer.added_tokens_decoder.items()}
        special |= dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
        self._number = special.get(at)
        if self._number is None and re.fullmatch(r"\[[A-Z]+\]|<[^ ]+>", at):
            sentence = "{}: {} is no special token of {}, which has {}."
            known = ", ".join(sorted(special))
            raise SettingError(AttentionSettings.section, sentence, Named("at"), at, type(tokenizer).__name__, known)
        if self._number is None and not tokenizer.is_fast:
            sentence = "{}: {} does not say where its pieces are in a text; give a position or a special token."
            raise SettingError(AttentionSettings.section, sentence, Named("at"), type(tokenizer).__name__)
        self._word = re.compile(rf"(?<!\w){re.escape(at)}(?!\w)")

    def of(
        self,
        texts: Sequence[str],
        lengths: npt.NDArray[np.int64],
        numbers: npt.NDArray[np.int64],
        spans: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    ) -> npt.NDArray[np.bool_]:
        """True for one piece a document (pieces,); of documents without pieces for none.

        Args:
            texts: of the documents.
            lengths: pieces a document (documents,).
            numbers: of the vocabulary (pieces,).
            spans: where pieces begin and end in their document's text, in characters, −1 where that is not known.

        Raises:
            DocumentError: there is no such token in a document.
        """
        found = np.zeros(len(numbers), dtype=bool)
        first = np.cumsum(lengths) - lengths
        for row in np.flatnonzero(lengths).tolist():
            pieces = slice(first[row], first[row] + lengths[row])
            place = self._place(texts[row], numbers[pieces], spans[0][pieces], spans[1][pieces])
            if place is None:
                which = f"document {row} of {len(texts):,}" if len(texts) > 1 else "the document"
                raise DocumentError(
                    f"There is no {self._told} among what the model reads of {which}, which begins with "
                    f"{texts[row][:_SHOWN]!r}: at which token it decides cannot be said."
                )
            found[first[row] + place] = True
        return found

    @property
    def _told(self) -> str:
        return f"token {self._at}" if self._position is not None or self._number is not None else f"word {self._at!r}"

    def _place(
        self, text: str, numbers: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> int | None:
        """The piece's place in its document; None where there is none."""
        if self._position is not None:
            return self._position % len(numbers) if -len(numbers) <= self._position < len(numbers) else None
        if self._number is not None:
            at = np.flatnonzero(numbers == self._number)
        else:
            word = self._word.search(text)
            at = np.flatnonzero((starts <= word.start()) & (word.start() < ends)) if word else np.zeros(0, dtype=int)
        return int(at[0]) if len(at) else None


def require_token_logits(decides_at: str | None, *, encoder_decoder: bool) -> None:
    """See that a model of this kind can decide at a token of the text.

    Raises:
        SettingError: it answers with tokens of its decoder.
    """
    if decides_at is not None and encoder_decoder:
        sentence = "{}: the model answers with tokens of its decoder, and decides at none of the text."
        raise SettingError(AttentionSettings.section, sentence, Named("at"))

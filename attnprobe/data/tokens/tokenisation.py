"""Tokenising many texts: over processes, with the same result whatever their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

import numpy as np
from tqdm import tqdm

from attnprobe.data.tokens.tokeniser import TokenisedTexts, tokenise_texts
from attnprobe.data.tokens.worker_pool import map_in_processes, worker_count

CHUNK_CHARACTERS = 400_000  # a fraction of a second's work
CHARACTERS_WORTH_PROCESSES = 4_000_000  # less is done sooner than processes are started


def tokenise(
    texts: Sequence[str], label: str, workers: int | None = None, chunk_characters: int = CHUNK_CHARACTERS
) -> TokenisedTexts:
    """Words and sentences of texts that are not blank.

    Args:
        texts: of 1,000,000 characters at most.
        label: stands before the progress bar.
        workers: processes; None for as many as are worth it, 1 for none but this one.
        chunk_characters: about how much text a process gets at a time.
    """
    if workers is None:
        large = sum(map(len, texts)) >= CHARACTERS_WORTH_PROCESSES
        workers = worker_count() if large else 1
    chunks = _chunks(texts, chunk_characters)
    with tqdm(total=len(texts), desc=label, unit=" documents", delay=0.5, disable=None) as progress:
        if workers == 1:
            return _merged(map(tokenise_texts, chunks), progress)
        with closing(map_in_processes(tokenise_texts, chunks, workers)) as parts:
            return _merged(parts, progress)


def _chunks(texts: Sequence[str], characters: int) -> Iterator[Sequence[str]]:
    begin, size = 0, 0
    for end, text in enumerate(texts, start=1):
        size += len(text)
        if size >= characters or end == len(texts):
            yield texts[begin:end]
            begin, size = end, 0


def _merged(parts: Iterable[TokenisedTexts], progress: tqdm[None]) -> TokenisedTexts:
    """The parts one after another, over one list of types."""
    ids: dict[str, int] = {}
    words, sentence_lengths, sentences_per_document = [], [], []
    for part in parts:
        id_of_type = np.array([ids.setdefault(word, len(ids)) for word in part.types], dtype=np.int32)
        words.append(id_of_type[part.words])
        sentence_lengths.append(part.sentence_lengths)
        sentences_per_document.append(part.sentences_per_document)
        progress.update(len(part.sentences_per_document))
    return TokenisedTexts(
        list(ids),
        np.concatenate(words),
        np.concatenate(sentence_lengths),
        np.concatenate(sentences_per_document),
    )

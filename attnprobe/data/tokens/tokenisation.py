"""Many texts, chunk by chunk: over processes where that is worth it, with the same result whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import TypeVar

from attnprobe.data.tokens.given_tokens import Text, as_string
from attnprobe.data.tokens.worker_pool import map_in_processes, worker_count

R = TypeVar("R")
T = TypeVar("T", bound=Text)

CHUNK_CHARACTERS = 400_000  # a fraction of a second's work
CHUNKS_WORTH_PROCESSES = 10  # less is done sooner than processes are started


def in_chunks(texts: Iterable[T], characters: int = CHUNK_CHARACTERS) -> Iterator[list[T]]:
    """The texts in lists of about so many characters."""
    chunk: list[T] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(as_string(text))
        if size >= characters:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def map_chunks(
    function: Callable[[Sequence[T]], R], chunks: Iterable[Sequence[T]], workers: int | None = None
) -> Generator[R, None, None]:
    """``function`` of each chunk of texts, in their order; only a few chunks are held at a time.

    Args:
        function: of a module that imports little.
        chunks: gone through once.
        workers: processes; None for as many as are worth it, 1 for none but this one.
    """
    chunks = iter(chunks)
    first = list(islice(chunks, CHUNKS_WORTH_PROCESSES))
    if workers is None:
        workers = worker_count() if len(first) == CHUNKS_WORTH_PROCESSES else 1
    if workers == 1:
        yield from map(function, chain(first, chunks))
        return
    with closing(map_in_processes(function, chain(first, chunks), workers)) as parts:
        yield from parts

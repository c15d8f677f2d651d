"""Tokenised texts kept on disk, found again by what they were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from attnprobe.atomic_files import replacing
from attnprobe.data.cache_folder import cache_folder
from attnprobe.data.content_hashes import update_with_texts
from attnprobe.data.tokens.tokenisation import tokenise
from attnprobe.data.tokens.tokeniser import TokenisedTexts, tokeniser_version

FORMAT = 1
CHECKSUM_BYTES = 32


def tokenise_once(texts: Sequence[str], label: str) -> TokenisedTexts:
    """As ``tokenise``, but what was tokenised before is read from the cache folder.

    A file that is damaged is made anew; where none can be written, things go on without.
    """
    path = cache_folder() / "tokenised" / f"{_key(texts)}.arrow"
    tokenised = _found(path)
    if tokenised is not None:
        return tokenised
    tokenised = tokenise(texts, label)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(tokenised, path)
    except OSError:
        pass
    return tokenised


def _found(path: Path) -> TokenisedTexts | None:
    try:
        return _load(path)
    except (OSError, ValueError, pa.ArrowException):
        return None


def _key(texts: Sequence[str]) -> str:
    digest = hashlib.sha256(f"{tokeniser_version()} cache format {FORMAT}\n".encode())
    update_with_texts(digest, texts)
    return digest.hexdigest()


def _save(tokenised: TokenisedTexts, path: Path) -> None:
    """A checksum, then an Arrow stream of one row, whose lists are the fields."""
    columns = {field: pa.array([value]) for field, value in tokenised._asdict().items()}
    batch = pa.record_batch(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    content = sink.getvalue().to_pybytes()
    with replacing(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)


def _load(path: Path) -> TokenisedTexts:
    data = path.read_bytes()
    checksum, content = data[:CHECKSUM_BYTES], memoryview(data)[CHECKSUM_BYTES:]
    if hashlib.sha256(content).digest() != checksum:
        raise ValueError(f"{path} is damaged")
    with pa.ipc.open_stream(pa.py_buffer(content)) as stream:
        (row,) = stream.read_all().to_batches()
    types, *arrays = (row.column(field)[0].values for field in TokenisedTexts._fields)
    words, sentence_lengths, sentences_per_document = (np.array(array.to_numpy()) for array in arrays)
    return TokenisedTexts(types.to_pylist(), words, sentence_lengths, sentences_per_document)

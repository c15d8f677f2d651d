"""Records into a folder of three splits, in bounded memory: once through the source, once through what was kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.base.atomic_files import creating_folder
from attnprobe.base.bounds import LONGEST_TEXT
from attnprobe.base.errors import InputError, error_of
from attnprobe.data.serrano2019.lengths import TextLengths, text_lengths
from attnprobe.data.serrano2019.recipes import LengthLimits, Recipe
from attnprobe.data.serrano2019.records import Record, one_line
from attnprobe.data.serrano2019.source_notes import source_notes
from attnprobe.data.serrano2019.split_rules import (
    DEV,
    REASONS,
    SPLITS,
    TEST,
    TOO_LONG_SENTENCE,
    TOO_MANY_SENTENCES,
    TRAIN,
    UNSPLIT,
    Codes,
    Pool,
)
from attnprobe.data.tokens.tokenisation import CHUNK_CHARACTERS, map_chunks

SCHEMA = pa.schema([("label", pa.string()), ("text", pa.string())])
GIVEN = {"train": TRAIN, "dev": DEV, "test": TEST, "": UNSPLIT}
ROWS_WRITTEN_AT_ONCE = 20_000


def make_splits_folder(recipe: Recipe, records: Iterable[Record], folder: Path, described: str) -> None:
    """Filter and split the records, and write a Parquet file for each split, and ``SOURCE.md``.

    Args:
        recipe: of the dataset.
        records: all of them; gone through once.
        folder: to be made; it is there whole or not at all.
        described: where the records come from.

    Raises:
        InputError: no document is left for a split, or the folder cannot be written.
    """
    try:
        with creating_folder(folder) as temporary:
            kept = temporary / "kept.arrow"
            dropped: Counter[str] = Counter()
            pool = _collect(recipe, records, kept, dropped)
            codes = recipe.split(pool)
            for number, split in enumerate(SPLITS):
                if not (codes == number).any():
                    raise InputError(f"{described}: no document is left for {split}, of {len(codes)} that have a text.")
            _write_splits(kept, codes, temporary)
            kept.unlink()
            dropped.update({reason: int((codes == code).sum()) for code, reason in REASONS.items()})
            counts = [np.bincount(pool.labels[codes == n], minlength=len(recipe.classes)) for n in range(len(SPLITS))]
            notes = source_notes(recipe, described, counts, dropped)
            (temporary / "SOURCE.md").write_text(notes, encoding="utf-8")
    except OSError as error:
        sentence = f"{folder}: the dataset {recipe.name!r} cannot be written ({error.strerror})."
        raise error_of(error, sentence) from error


def _collect(recipe: Recipe, records: Iterable[Record], kept: Path, dropped: Counter[str]) -> Pool:
    """Write the documents with a class and a text to a file, and note what they are split by."""
    class_of = {label: number for number, label in enumerate(recipe.classes)}
    labels, given = [np.zeros(0, np.int8)], [np.zeros(0, np.int8)]

    with pa.OSFile(str(kept), "wb") as file, pa.ipc.new_stream(file, SCHEMA, options=_COMPRESSED) as stream:

        def chunks() -> Iterator[Sequence[str]]:
            for chunk in _chunks(_usable(records, class_of, dropped)):
                labels.append(np.array([class_of[label] for label in chunk.labels], dtype=np.int8))
                given.append(np.array([GIVEN[split] for split in chunk.splits], dtype=np.int8))
                stream.write_batch(pa.record_batch([chunk.labels, chunk.texts], schema=SCHEMA))
                yield chunk.texts

        if recipe.limits is None:
            unfit = [np.zeros(len(texts), np.int8) for texts in chunks()]
        else:
            unfit = [_unfit(lengths, recipe.limits) for lengths in map_chunks(text_lengths, chunks())]
    return Pool(np.concatenate(labels), np.concatenate(given), np.concatenate([np.zeros(0, np.int8), *unfit]))


def _usable(records: Iterable[Record], classes: Iterable[str], dropped: Counter[str]) -> Iterator[Record]:
    classes = set(classes)
    for split, label, text in records:
        if label not in classes:
            dropped["of no class of the dataset"] += 1
            continue
        text = one_line(text)
        if not text:
            dropped["without a word"] += 1
        elif len(text) > LONGEST_TEXT:
            dropped[f"more than {LONGEST_TEXT:,} characters"] += 1
        else:
            yield Record(split, label, text)


class _Chunk(NamedTuple):
    splits: list[str]
    labels: list[str]
    texts: list[str]


def _chunks(records: Iterable[Record]) -> Iterator[_Chunk]:
    chunk, size = _Chunk([], [], []), 0
    for record in records:
        for values, value in zip(chunk, record, strict=True):
            values.append(value)
        size += len(record.text)
        if size >= CHUNK_CHARACTERS:
            yield chunk
            chunk, size = _Chunk([], [], []), 0
    if chunk.texts:
        yield chunk


def _unfit(lengths: TextLengths, limits: LengthLimits) -> Codes:
    too_long = np.where(lengths.longest > limits.words, TOO_LONG_SENTENCE, 0)
    return np.where(lengths.sentences > limits.sentences, TOO_MANY_SENTENCES, too_long).astype(np.int8)


def _write_splits(kept: Path, codes: npt.NDArray[np.int8], folder: Path) -> None:
    """Go through the kept documents once and write each to its split, in their order."""
    writers = [pq.ParquetWriter(folder / f"{split}.parquet", SCHEMA, compression="zstd") for split in SPLITS]
    waiting: list[list[pa.RecordBatch]] = [[] for _ in SPLITS]
    try:
        with pa.OSFile(str(kept), "rb") as file, pa.ipc.open_stream(file) as stream:
            position = 0
            for batch in stream:
                own = codes[position : position + batch.num_rows]
                position += batch.num_rows
                for number, batches in enumerate(waiting):
                    batches.append(batch.filter(pa.array(own == number)))
                    if sum(part.num_rows for part in batches) >= ROWS_WRITTEN_AT_ONCE:
                        writers[number].write_table(pa.Table.from_batches(batches))
                        batches.clear()
        for writer, batches in zip(writers, waiting, strict=True):
            writer.write_table(pa.Table.from_batches(batches, SCHEMA))
    finally:
        for writer in writers:
            writer.close()


_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")

"""Parquet files of many codecs, encodings and versions of the format, and their ends taken apart and put together."""

import io
import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.base.parquet.compact_protocol import BINARY, FLAG, LONG, WHOLE, CompactReader, list_of, structure
from tests.parquet import compact_writing
from tests.parquet.compact_writing import Narrow

CODECS = ("none", "snappy", "gzip", "brotli", "zstd", "lz4")

ENCODINGS: dict[str, dict[str, Any]] = {
    "dictionary": {},
    "plain": {"use_dictionary": False},
    "delta": {
        "use_dictionary": False,
        "column_encoding": {
            "document": "DELTA_BINARY_PACKED",
            "token": "DELTA_BYTE_ARRAY",
            "tokens.list.element": "DELTA_LENGTH_BYTE_ARRAY",
            "weight": "BYTE_STREAM_SPLIT",
        },
    },
    "indexed": {"write_page_index": True, "write_page_checksum": True, "data_page_size": 500},
}

OPTIONS = [
    {"compression": codec, "data_page_version": version, **ENCODINGS[encoding]}
    for codec, version, encoding in itertools.product(CODECS, ("1.0", "2.0"), ENCODINGS)
]


def rows(count=300, seed=0):
    """A table with columns of every kind that is read."""
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "document": np.arange(count) // 3,
            "token": [f"word{i % 17}" for i in range(count)],
            "weight": random.random(count),
            "tokens": [[f"t{j}" for j in range(size)] for size in random.integers(0, 9, count)],
            "ordering": pa.array([("a", "b")[i % 2] for i in range(count)]).dictionary_encode(),
            "flips": random.random(count) < 0.5,
            "some": pa.array([None if i % 3 else i for i in range(count)], pa.int32()),
        }
    )


def written(table, **options):
    """The bytes of a file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


_STATISTICS = structure({1: BINARY, 2: BINARY, 3: LONG, 5: BINARY, 6: BINARY, 7: FLAG, 8: FLAG})
_COLUMN = {
    **{1: WHOLE, 2: list_of(WHOLE), 3: list_of(BINARY), 4: WHOLE},
    **dict.fromkeys((5, 6, 7, 9, 10, 11), LONG),
    12: _STATISTICS,
}
_FOOTER = {
    **{1: WHOLE, 2: list_of(structure({1: WHOLE, 2: WHOLE, 3: WHOLE, 4: BINARY, 5: WHOLE, 6: WHOLE})), 3: LONG},
    4: list_of(structure({1: list_of(structure({1: BINARY, 2: LONG, 3: structure(_COLUMN)})), 2: LONG, 3: LONG})),
    5: list_of(structure({1: BINARY, 2: BINARY})),
    6: BINARY,
}
"""More of it than attnprobe looks at: as much as pyarrow must have."""


def _length(content):
    return int.from_bytes(content[-8:-4], "little")


def footer_of(content):
    """What a file says of itself, by the numbers of the format."""
    said, _ = CompactReader(content[-8 - _length(content) : -8], 10**6).structure(_FOOTER)
    return _as_written(said, _FOOTER)


def with_footer(content, said):
    """The same pages, of which this is said."""
    footer = said if isinstance(said, bytes) else compact_writing.structure(said)
    return content[: -8 - _length(content)] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


_PAGE = {
    **{1: WHOLE, 2: WHOLE, 3: WHOLE},
    5: structure({1: WHOLE, 2: WHOLE, 3: WHOLE, 4: WHOLE}),
}


def with_last_page(content, change, body=None):
    """A file whose last column is one page, of which this is said, and perhaps with another content."""
    footer = footer_of(content)
    column = footer[4][-1][1][-1][3]
    start = column[9]
    said, length = CompactReader(content[start:], 100).structure(_PAGE)
    said = _as_written(said, _PAGE)
    for number, to in change.items():
        said[number] = {**said[number], **to} if isinstance(to, dict) else to
    if body is None:
        body = content[start + length : start + column[7]]
    else:
        said[3] = Narrow(len(body))
    header = compact_writing.structure(said)
    column[7] = len(header) + len(body)
    return with_footer(content[:start] + header + body + content[-8 - _length(content) :], footer)


def _as_written(said, layout):
    """Whole numbers of 32 bits are told from others."""
    return {number: _entry(value, layout[number]) for number, value in said.items()}


def _entry(value, kind):
    if isinstance(value, dict):
        return _as_written(value, kind.of)
    if isinstance(value, list):
        return [_entry(entry, kind.of) for entry in value]
    return Narrow(value) if kind == WHOLE else value

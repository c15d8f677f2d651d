"""How the files of a dataset are named."""

from __future__ import annotations

from pathlib import Path

TSV, CSV, JSONL, PARQUET = FORMATS = (".tsv", ".csv", ".jsonl", ".parquet")
"""How names of files end, before what says that they are compressed."""

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
"""What the end of a file's name says of its compression; Parquet has its own within."""

SUFFIXES = (*FORMATS, *(f"{suffix}{packed}" for suffix in FORMATS if suffix != PARQUET for packed in COMPRESSIONS))
"""How names of files may end."""


def is_dataset_folder(folder: Path) -> bool:
    """Whether a folder holds a training file."""
    return any((folder / f"train{suffix}").is_file() for suffix in SUFFIXES)

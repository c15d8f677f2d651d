"""The embedded dataset ``docstrings``: which package is a docstring from?"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from attnprobe.base.atomic_files import creating_folder
from attnprobe.base.errors import error_of
from attnprobe.base.progress_bars import progress_bar
from attnprobe.data.cache_folder import cache_folder
from attnprobe.data.cache_lock import only_maker
from attnprobe.data.docstrings.balanced_split import balanced_split
from attnprobe.data.docstrings.extraction import Docstring, extract_docstrings
from attnprobe.data.docstrings.near_duplicates import without_near_duplicates
from attnprobe.data.docstrings.sources import CLASSES, SourceFile, class_folders, class_versions, source_files
from attnprobe.data.tokens.worker_pool import map_in_processes, worker_count

FORMAT = 1  # to be raised when the same packages would give other files
SIZES = {"train": 1000, "dev": 150, "test": 250}  # documents of a class, where it has as many
CHUNK_FILES = 20


def docstrings_folder() -> Path:
    """The dataset's folder in the user's cache, made of the packages installed if it is not there.

    Raises:
        InputError: it cannot be written.
    """
    versions = class_versions()
    described = ", ".join(f"{name} {version}" for name, version in versions.items())
    key = hashlib.sha256(f"{described}, format {FORMAT}".encode()).hexdigest()[:16]
    folder = cache_folder() / f"docstrings-{key}"
    if not folder.is_dir():
        with only_maker(folder, "docstrings"):
            if not folder.is_dir():
                _make(folder, described)
    return folder


def _make(folder: Path, described: str) -> None:
    docstrings = collect_docstrings(source_files(class_folders()), worker_count())
    try:
        write_docstrings(docstrings, folder, described)
    except OSError as error:
        sentence = f"{folder}: the dataset 'docstrings' cannot be written ({error.strerror})."
        raise error_of(error, sentence) from error


def collect_docstrings(files: Sequence[SourceFile], workers: int) -> list[Docstring]:
    """The docstrings of the files, near-duplicates dropped, in an order that the texts alone decide."""
    chunks = [files[i : i + CHUNK_FILES] for i in range(0, len(files), CHUNK_FILES)]
    docstrings: list[Docstring] = []
    with (
        progress_bar(total=len(files), desc="docstrings", unit=" files") as progress,
        closing(map_in_processes(extract_docstrings, chunks, workers)) as parts,
    ):
        for chunk, part in zip(chunks, parts, strict=True):
            docstrings += part
            progress.update(len(chunk))
    docstrings.sort(key=lambda docstring: (hashlib.blake2b(docstring.text.encode()).digest(), docstring))
    return [docstrings[i] for i in without_near_duplicates([docstring.text for docstring in docstrings])]


def write_docstrings(docstrings: Sequence[Docstring], folder: Path, described: str) -> None:
    """Split the docstrings by module and write a file for each split, and one that says what they are."""
    split = balanced_split([d.class_name for d in docstrings], [d.module for d in docstrings], SIZES)
    with creating_folder(folder) as temporary:
        for name, documents in split.items():
            rows = [f"{docstrings[i].class_name}\t{docstrings[i].text}\n" for i in documents]
            (temporary / f"{name}.tsv").write_bytes("".join(["label\ttext\n", *rows]).encode())
        counts = {name: Counter(docstrings[i].class_name for i in documents) for name, documents in split.items()}
        (temporary / "SOURCE.md").write_text(_source_description(described, counts), encoding="utf-8")


def _source_description(described: str, counts: Mapping[str, Counter[str]]) -> str:
    header = "| class | " + " | ".join(counts) + " |"
    rows = [
        f"| {class_name} | " + " | ".join(str(count[class_name]) for count in counts.values()) + " |"
        for class_name in CLASSES
    ]
    table = "\n".join([header, "|---" * (len(counts) + 1) + "|", *rows])
    return f"""# docstrings

Docstrings of the packages installed on this machine, read from their source files: {described}.
The class is the package; `python` is the standard library. The texts are their authors', under the
packages' licences.

Examples are removed, the names of the packages and their usual aliases are one same word, whitespace
is single spaces; 20 to 250 words. A docstring of which half was seen before (eight words in a row) is
dropped. The split is by source file: no file has docstrings in two splits.

{table}
"""

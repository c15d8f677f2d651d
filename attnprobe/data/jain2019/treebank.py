"""The Stanford Sentiment Treebank's own files: a tree a line, as ``(3 (2 It) (3 works))``; the split is the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from attnprobe.base.bounds import LONGEST_TEXT
from attnprobe.base.errors import InputError
from attnprobe.data.files.places import place
from attnprobe.data.serrano2019.original_files import open_original
from attnprobe.data.serrano2019.records import Record

CLASSES = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}
"""By the label of a sentence, from very negative to very positive; neutral sentences, 2, are left out."""

_TREE = re.compile(r"\(([0-4]) .*\)")
_LEAF = re.compile(r"\([0-4] ([^()]+)\)")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")"}


def treebank_records(paths: Sequence[Path], progress: tqdm[NoReturn]) -> Iterator[Record]:
    """The sentence of every tree with the class of its root.

    Raises:
        InputError: a file cannot be read, or a line of it is no tree.
    """
    for path in paths:
        with open_original(path, progress) as file:
            for row, line in enumerate(iter(lambda: file.readline(LONGEST_TEXT), b""), start=1):
                yield _record(line, path, row)


def _record(line: bytes, path: Path, row: int) -> Record:
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        raise InputError(f"{place(path, row)}: the line is not UTF-8.") from None
    tree = _TREE.fullmatch(text)
    words = _LEAF.findall(text)
    if tree is None or not words:
        raise InputError(f"{place(path, row)}: the line is not a tree of the treebank, as (3 (2 It) (3 works)).")
    label = tree[1]
    return Record(path.stem, CLASSES.get(label, label), " ".join(_BRACKETS.get(word, word) for word in words))

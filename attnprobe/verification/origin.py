"""What made a run: its configuration, its model and its vocabulary, held against what they are said to be."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import metadata_of
from attnprobe.base.plain_files import read_text
from attnprobe.data.vocabulary import Vocabulary
from attnprobe.models.subject import Tested
from attnprobe.runs.run_folder import FURTHER_TABLES, MAPS_OF_HEADS, OF_SHARDS, SEEN, TABLES, RunFolder
from attnprobe.stages.training import Run
from attnprobe.verification.row_batches import integers, row_batches


def require_finished(folder: RunFolder) -> None:
    """Raise InputError where there is no run, or one that is not probed yet."""
    folder.read_configuration()
    for name in TABLES:
        if not folder.table(name).exists():
            raise InputError(
                f"{folder.path} is not finished: there is no {folder.table(name).name} in it; "
                f"go on with attnprobe probe {folder.path}."
            )


def check_configuration(folder: RunFolder) -> str:
    """The configuration's fingerprint is that of what it says.

    Raises:
        InputError: it is another.
    """
    entry = json.loads(read_text(folder.config, MOST_JSON_BYTES)).get("fingerprint")
    computed = folder.read_configuration().fingerprint
    if entry != computed:
        raise InputError(
            f"{folder.config} says that its fingerprint is {_short(entry)}, but what it says makes {_short(computed)}."
        )
    return f"{folder.config.name} has the fingerprint {_short(computed)} that its settings and data make"


def check_data(run: Run) -> str:
    """What is known of the data once they have been loaded and their fingerprint found to be the run's.

    Raises:
        InputError: they have other documents or labels than the configuration says.
    """
    source = run.configuration.data
    sizes = {name: len(split) for name, split in run.dataset.splits.items()}
    for what, said, found in (
        ("documents", source.documents, sizes),
        ("labels", source.labels, run.dataset.labels),
    ):
        if said != found:
            raise InputError(f"{run.folder.config} says that the data's {what} are {said}, but they are {found}.")
    return (
        f"the data in {source.location} have the fingerprint {_short(source.fingerprint)} of the configuration; "
        f"{sizes['test']:,} test documents"
    )


def check_vocabulary(run: Run) -> str | None:
    """The vocabulary is the one that the training data make; None for models that have none.

    Raises:
        InputError: a line is another.
    """
    if not run.subject.has_vocabulary:
        return None
    path = run.folder.vocabulary
    stored, made = Vocabulary.load(path).words, Vocabulary.build(run.dataset).words
    for line, (one, other) in enumerate(itertools.zip_longest(stored, made), start=1):
        if one != other:
            raise InputError(f"{path}, line {line}: {_word(one)}, but the data make {_word(other)} of it.")
    return f"{path.name} holds the {len(made):,} words that the training data make"


def check_stamps(run: Run, tested: Tested[Any]) -> str:
    """Every table was made by this configuration and this model.

    Raises:
        InputError: one was made by another, or cannot be read.
    """
    folder = run.folder
    model = run.subject.saved if run.subject.trained else run.configuration.settings.model
    tables = [folder.table(name) for name in (*TABLES, *FURTHER_TABLES) if folder.table(name).exists()]
    for path in tables:
        stamp = _stamp(path)
        configuration, _, digest = stamp.partition("/")
        by_maps = (
            run.configuration.read_by
            if path.stem in (*MAPS_OF_HEADS.values(), *SEEN)
            else run.configuration.fingerprint
        )
        expected = run.configuration.erased_by if path.stem in OF_SHARDS else by_maps
        if stamp == f"{expected}/{tested.digest}":
            continue
        if configuration != expected:
            raise InputError(
                f"{path} was made by the configuration {_short(configuration)}, but {folder.config.name} is "
                f"{_short(expected)}."
            )
        raise InputError(
            f"{model} has changed: its hash is {_short(tested.digest)}, but {path.name} was made by {_short(digest)}."
        )
    name = model.name if isinstance(model, Path) else model
    made = ", ".join(path.stem for path in tables)
    return f"the model in {name} has the hash {_short(tested.digest)} that made {made}"


def labels_of_documents(run: Run, tested: Tested[Any]) -> npt.NDArray[np.int64]:
    """What the table of documents should hold as labels (documents of the test split,).

    They are classes of the model, by name, where it decides between others than the dataset's, and −1 without one.
    """
    labels = run.dataset.splits["test"].labels
    if tested.decides_labels:
        return labels
    path = run.folder.table("documents")
    decided = [np.unique(integers(path, rows, "decision")) for rows in row_batches(path)]
    own = tested.own_classes(np.unique(np.concatenate(decided)), run.dataset.labels)
    assert own is not None, "a model with classes of its own gives their names"
    return own.of_labels[labels]


def _stamp(path: Path) -> str:
    try:
        metadata = metadata_of(path)
    except (OSError, UnreadableError):
        raise InputError(f"{path} is damaged: it is no whole Parquet file.") from None
    return bytes(metadata.get(b"attnprobe", b"")).decode(errors="replace")


def _word(word: str | None) -> str:
    return "nothing" if word is None else repr(word)


def _short(fingerprint: object) -> str:
    return f"{str(fingerprint)[:12]}…" if fingerprint else "nothing"

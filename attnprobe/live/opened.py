"""A run, or a checkpoint that is tested as it is, made a model that answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from attnprobe.attention.refusals import RefusedError
from attnprobe.base.errors import InputError
from attnprobe.data.batches import EncodedSplit
from attnprobe.data.document_seeds import document_seeds
from attnprobe.data.documents import Documents
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_ways import ERASING
from attnprobe.live import layered, pooled  # noqa: F401 - they register what reads with their models
from attnprobe.live.answering import Described, Encode, LiveModel
from attnprobe.live.ready import reader_of
from attnprobe.live.requests import LONGEST_TEXT, AboutText
from attnprobe.models.probe import Probe
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.checkpoint_names import PREFIX, short_model_name
from attnprobe.stages.opening import choose_device, reopened
from attnprobe.stages.run_work import TEST
from attnprobe.stages.sinks import leave_out_sink
from attnprobe.stages.training import Run
from attnprobe.stages.training_vectors import prepare

EXAMPLES = 5
"""Test documents of a run that the page begins with."""

OF_NO_RUN = ("The film was not good , but the music was .", "An unexpectedly moving and funny story .")
"""Texts to begin with where there are no documents."""

SEED = 0
"""Where there is no run: that of :func:`attnprobe.probe`."""


def open_run(folder: Path, device: str, seconds: float, say: Callable[[str], None]) -> LiveModel:
    """The model of a run.

    Args:
        folder: of the run.
        device: ``auto``, ``cpu`` or ``cuda``.
        seconds: that a request may take.
        say: is told of what is done.

    Raises:
        InputError: it is no run, or has no model, or its data are gone or have changed.
    """
    run = reopened(folder, device, say)
    subject = run.subject
    subject.check()
    tested = subject.load()
    stamp = f"{run.configuration.read_by}/{tested.digest}"
    ways = _ready_ways(run, tested.probe, stamp)
    leave_out_sink(tested.probe, subject, stamp)
    classes = run.dataset.labels
    if tested.classes is not None:
        classes = _class_names(tested.classes, tested.probe, tested.tokens, run.configuration.settings.model)
    split = run.dataset.splits[TEST]

    def encode(about: AboutText) -> tuple[EncodedSplit[Any], Any]:
        if about.document is None:
            documents = subject.document_of(about.text, about.second)
            occurrences = np.zeros(1, dtype=np.int64)
        else:
            if about.document >= len(split):
                raise InputError(f"There is no test document {about.document}: there are 0 to {len(split) - 1}.")
            numbers = np.array([about.document])
            documents, occurrences = split.take(numbers), np.array(split.occurrences[numbers])
        return subject.encode(documents), _seeds(run.configuration.settings.seed, documents, occurrences)

    described = Described(
        name=f"{run.configuration.settings.dataset} {short_model_name(run.configuration.settings.model)}",
        kind=run.configuration.settings.model.partition(":")[0],
        classes=classes,
        examples=_examples(run),
        pairs=subject.takes_pairs,
        unit=tested.probe.unit,
        longest=getattr(subject, "longest", None),
        run=folder,
    )
    return _made(described, tested.probe, run.device, ways, encode, seconds)


def open_checkpoint(reference: str, settings: AttentionSettings, device: str, seconds: float) -> LiveModel:
    """The model of a checkpoint of transformers, as it is.

    Args:
        reference: a local folder, else an id of the hub.
        settings: what an item is, and of a language model what it decides between.
        device: ``auto``, ``cpu`` or ``cuda``.
        seconds: that a request may take.

    Raises:
        RefusedError: it decides nothing, or its attention cannot provably be erased.
        InputError: it cannot be had.
    """
    from attnprobe.models.huggingface.given_texts import documents_of_texts
    from attnprobe.models.huggingface.library import quiet
    from attnprobe.models.huggingface.loading import decides, decision_of, load_checkpoint
    from attnprobe.models.huggingface.pieces import encode_documents
    from attnprobe.models.huggingface.probe import CheckpointProbe
    from attnprobe.models.huggingface.sequences import longest_sequence

    if not decides(reference, at_token=settings.at is not None):
        raise RefusedError(
            f"{reference} decides nothing yet: attnprobe run --model {PREFIX}{reference} fine-tunes it on a dataset, "
            "and the run can be opened then."
        )
    checkpoint = load_checkpoint(reference)
    tokenizer = checkpoint.tokenizer
    assert tokenizer is not None, "it is refused without"
    where = choose_device(device)
    model = checkpoint.model.to(where)
    with quiet():
        probe = CheckpointProbe(model, tokenizer, settings, Meaning(decision=decision_of(reference)))
    longest = longest_sequence(model, tokenizer)
    classes = _class_names(probe.class_names, probe, probe.decides_tokens, reference)

    def encode(about: AboutText) -> tuple[EncodedSplit[Any], Any]:
        text = about.text if about.second is None else (about.text, about.second)
        documents = documents_of_texts([text], tokenizer)
        encoded = encode_documents(documents, tokenizer, longest, settings.unit, at=settings.at)
        return encoded, _seeds(SEED, documents, np.zeros(1, dtype=np.int64))

    ways = [name for name in _of_one_draw() if not ERASING[name].needs_training]
    described = Described(
        name=checkpoint.name,
        kind=PREFIX.rstrip(":"),
        classes=classes,
        examples=OF_NO_RUN,
        pairs=True,
        unit=settings.unit,
        longest=longest,
    )
    return _made(described, probe, where, ways, encode, seconds)


def _made(
    described: Described,
    probe: Probe[Any],
    device: torch.device,
    ways: Sequence[str],
    encode: Encode,
    seconds: float,
) -> LiveModel:
    probe.others = ()
    reader = reader_of(probe, device, ways)
    limits = [limit for limit in (described.longest, reader.most_tokens) if limit is not None]
    described = dataclasses.replace(described, longest=min(limits, default=None))
    made = LiveModel(described, probe.meaning, reader, encode, seconds)
    first = described.examples[0]
    made.warm_up(AboutText(first) if isinstance(first, str) else AboutText(*first))
    return made


def _of_one_draw() -> list[str]:
    """Ways of erasing that give one answer: of several draws there would be as many."""
    return [name for name in ERASING if ERASING[name].draws == 1]


def _ready_ways(run: Run, probe: Probe[Any], stamp: str) -> list[str]:
    """The ways that can be asked for, the run's own first; what attention gives of training documents is read."""
    settings = run.configuration.settings
    first = settings.erase_by[0]
    known = True
    try:
        prepare(probe, run.subject, stamp)
    except InputError:
        if probe.meaning.needs_training:
            raise
        known = False
    with_vectors = [name for name in settings.erase_by if known]
    ways = [name for name in _of_one_draw() if not ERASING[name].needs_training or name in with_vectors]
    if first not in ways:
        raise InputError(
            f"The run erases by {first}, of several draws, of which there is no single answer: such a run cannot be "
            "looked at here."
        )
    return [first, *(name for name in ways if name != first)]


def _class_names(named: Callable[[Any], list[str]], probe: Probe[Any], tokens: bool, reference: str) -> list[str]:
    if tokens and probe.meaning.decides_classes:
        raise InputError(
            f"{reference} decides between all {probe.class_count:,} tokens of its vocabulary: say between which words, "
            "--label-words yes,no."
        )
    return named(np.arange(probe.class_count))


def _examples(run: Run) -> list[str | tuple[str, str]]:
    """The first test documents' texts."""
    split = run.dataset.splits[TEST]
    texts = split.take(np.arange(min(EXAMPLES, len(split)))).texts
    attention = run.configuration.settings.attention
    mark = None if attention is None else attention.pairs_at
    if mark is None:
        return [text[:LONGEST_TEXT] for text in texts]
    pairs = [text.partition(mark) for text in texts]
    return [(first[:LONGEST_TEXT], second[:LONGEST_TEXT]) for first, _, second in pairs]


def _seeds(seed: int, documents: Documents, occurrences: Any) -> Any:  # noqa: ANN401
    return document_seeds(seed, documents.content_hashes, occurrences)

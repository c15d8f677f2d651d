"""A run is begun, or opened again: its data are loaded, its settings written down, and its folder is locked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from attnprobe.base.errors import InputError
from attnprobe.data.datasets import load_dataset, locate
from attnprobe.data.limits import within_limits
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.data.tokens.segmenters import Segmenter
from attnprobe.data.what_to_know import require_words_to_erase, said_of_data
from attnprobe.erasure.registered_decisions import CLASS, OWN, as_set
from attnprobe.explanations.names import check_names
from attnprobe.explanations.score_files import ScoreFile
from attnprobe.models.kinds import subject_class
from attnprobe.runs.configuration import (
    DataSource,
    ExplanationsSource,
    RationalesSource,
    RunConfiguration,
    SegmenterSource,
)
from attnprobe.runs.ordering_records import present_orderings
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.attention import TOKEN, AttentionSettings
from attnprobe.settings.own_explanations import OUT, OWN_SCORE, ExplanationSettings
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.unfit import Named, Names, SettingError, told_by
from attnprobe.stages.run_work import TEST
from attnprobe.stages.training import Run, Say
from attnprobe.training.ranks import Ranks, the_only_rank


@dataclasses.dataclass(frozen=True)
class Whereabouts:
    """Where a run's data are, where its folder goes, and where it is computed.

    Attributes:
        out: below which its folder is.
        data_dir: of datasets that are named; None: the environment says it.
        label_column, text_column: of the files under a path.
        device: ``auto``, ``cpu`` or ``cuda``.
        force: whether what is finished is thrown away.
    """

    out: Path
    data_dir: Path | None = None
    label_column: str | None = None
    text_column: str | None = None
    device: str = "auto"
    force: bool = False


@contextmanager
def begun(
    settings: RunSettings, where: Whereabouts, say: Say, names: Names, ranks: Ranks | None = None
) -> Iterator[Run]:
    """Load the data and make or reopen the folder of a run with these settings, which is ours until the end.

    Args:
        settings: of the run.
        where: its data and its folder are.
        say: told what happens.
        names: what settings are called that the model turns out not to have.
        ranks: the processes that train together, of which the first alone writes and speaks; None for what one
            process does.

    Raises:
        InputError: the data, the model or the folder cannot be used, or someone else is writing there, or torchrun has
            started several processes for what one does.
    """
    ranks = ranks or the_only_rank()
    say = say if ranks.first else _say_nothing
    _say_of_decision(settings, say)
    checkpoint = subject_class(settings.model).source_of(settings.model)
    device = choose_device(where.device)
    location = locate(settings.dataset, where.data_dir)
    whole = load_dataset(
        location,
        label_column=where.label_column,
        text_column=where.text_column,
        given_tokens=settings.data.given_tokens,
        segmenter=settings.data.segmenter,
    )
    _say_of_data(whole, location, settings, say)
    dataset = within_limits(whole, settings.data)
    if settings.attention is None:  # others have special tokens besides
        require_words_to_erase(dataset, location)
    source = DataSource(
        location=location,
        label_column=where.label_column,
        text_column=where.text_column,
        fingerprint=whole.fingerprint,
        labels=whole.labels,
        documents={split: len(documents) for split, documents in dataset.splits.items()},
    )
    rationales = RationalesSource.of(dataset.rationales)
    configuration = RunConfiguration(
        dataclasses.replace(settings, dataset=whole.name),
        source,
        checkpoint,
        rationales=rationales,
        segmenter=SegmenterSource.of(whole.segmenter),
    )
    configuration = with_explanations(configuration, dataset)
    folder = RunFolder.of(where.out, configuration.settings)
    with folder.locked() if ranks.first else nullcontext():
        if ranks.first:
            folder.open(configuration, force=where.force)
        elif folder.read_configuration().fingerprint != configuration.fingerprint:
            raise InputError(f"Rank {ranks.rank} has other data than the first rank has.")
        with told_by(names):
            yield Run(folder, configuration, dataset, device, say, ranks)


@contextmanager
def opened_again(
    path: Path, asked: Mapping[str, Any], device: str, say: Say, names: Names, *, shared: bool = False
) -> Iterator[Run]:
    """Load a run folder and the data that it was made from; the folder is ours until the end.

    Args:
        path: of the folder.
        asked: what is asked of it now, by the names of settings ``AT_ANY_TIME``; and further selections of layers, as
            entries of ``attention``.
        device: where to compute.
        say: told what happens.
        names: what settings are called that the model turns out not to have.
        shared: whether others may write there at the same time, if they share it as well.

    Raises:
        InputError: it is no run, or its data are gone or have changed, or someone else is writing there.
    """
    folder = RunFolder(path)
    folder.read_configuration()
    with folder.locked(shared=shared), told_by(names):
        run = reopened(path, device, say)
        if asked:
            changed = dict(asked)
            settings = run.configuration.settings
            if AttentionSettings.section in changed:
                changed["attention"] = _with_views(settings, **changed["attention"])
            settings = settings.with_ways(changed.pop("erase_by")) if "erase_by" in changed else settings
            configuration = dataclasses.replace(run.configuration, settings=dataclasses.replace(settings, **changed))
            if "explanations" in asked:
                configuration = with_explanations(configuration, run.dataset)
            folder.record_settings(configuration)
            run = dataclasses.replace(run, configuration=configuration)
        yield run


def reopened(path: Path, device: str, say: Say) -> Run:
    """Load a run folder and the data that it was made from.

    Raises:
        InputError: it is no run, or its data are gone or have changed.
    """
    folder = RunFolder(path)
    configuration: RunConfiguration = folder.read_configuration()
    source = configuration.data
    _require_same_segmenter(configuration, folder)
    whole = load_dataset(
        source.location,
        label_column=source.label_column,
        text_column=source.text_column,
        given_tokens=configuration.settings.data.given_tokens,
        segmenter=configuration.settings.data.segmenter,
    )
    if whole.fingerprint != source.fingerprint:
        raise InputError(f"The data in {source.location} have changed since {folder.config} was made.")
    _say_of_data(whole, source.location, configuration.settings, say)
    dataset = within_limits(whole, configuration.settings.data)
    return Run(folder, configuration, dataset, choose_device(device), say)


def _require_same_segmenter(configuration: RunConfiguration, folder: RunFolder) -> None:
    """See that what found a run's words is here, in the version that it was then; it is not imported.

    Raises:
        InputError: it is not.
    """
    name = configuration.settings.data.segmenter
    here = SegmenterSource.of(None if name is None else Segmenter.found(name))
    if here != configuration.segmenter:
        raise InputError(
            f"{folder.config}: the words were found by {configuration.segmenter or 'no segmenter'}; here is {here}."
        )


def _with_views(settings: RunSettings, **also: Any) -> AttentionSettings:  # noqa: ANN401
    """What of its attention a run erases, with other further selections of layers.

    Raises:
        SettingError: its model has none.
    """
    if settings.attention is None:
        sentence = "{} is for checkpoints, and not for the model {}."
        raise SettingError(AttentionSettings.section, sentence, Named("also"), settings.model)
    return dataclasses.replace(settings.attention, **also)


def with_explanations(configuration: RunConfiguration, dataset: Dataset) -> RunConfiguration:
    """The configuration with what its file of explanations is, where it names one; all of the file is looked at.

    Raises:
        InputError: the file cannot be used.
    """
    settings = configuration.settings.explanations
    if settings.leaves_out_sinks and configuration.settings.attention is None:
        raise InputError(f"--sinks {OUT} is for transformers: the attention of other models has no first token.")
    if settings.file is None:
        if settings.specials not in (OWN_SCORE, OUT) or settings.subwords != ExplanationSettings().subwords:
            raise InputError("--specials and --subwords say how scores become items': give --explanations FILE, too.")
        if settings.specials == OUT and configuration.settings.attention is None:
            raise InputError(f"--specials {OUT} is for transformers: other models read no special tokens.")
        return configuration
    path = Path(settings.file).resolve()
    file = ScoreFile(path)
    draws = file.draws_by_name(len(dataset.splits[TEST]))
    check_names(draws, present_orderings(configuration.settings.orderings))
    source = ExplanationsSource(file.content, draws)
    settings = dataclasses.replace(settings, file=str(path))
    return dataclasses.replace(
        configuration,
        settings=dataclasses.replace(configuration.settings, explanations=settings),
        explanations=source,
    )


def _say_of_data(dataset: Dataset, location: str, settings: RunSettings, say: Say) -> None:
    """What is to be known of a dataset, of whose words only where they are read."""
    for sentence in said_of_data(dataset, location, words=_reads_words(settings)):
        say(sentence)


def _reads_words(settings: RunSettings) -> bool:
    """Whether items are words, or made of words."""
    return settings.attention is None or settings.attention.unit != TOKEN


def _say_of_decision(settings: RunSettings, say: Say) -> None:
    """Say what flips, where it is not a class: it may be the checkpoint's head that says so."""
    if settings.decision == CLASS or settings.decision not in OWN:
        return
    decision = as_set(settings.decision, settings.decision_options)
    moves = (
        "" if decision.flips else " Nothing flips: how far it moves is told, and --tolerance says how far is too far."
    )
    say(f"The decision is {settings.decision} ({decision.title}): {decision.description}.{moves}")


DEVICES = ("auto", "cpu", "cuda")
"""Where to compute."""


def choose_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is one.

    Raises:
        InputError: CUDA is asked for and there is none, or something else is.
    """
    if name not in DEVICES:
        raise InputError(f"device must be {' or '.join(DEVICES)}, not {name!r}.")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("There is no CUDA device here; use --device cpu.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def _say_nothing(sentence: str) -> None:
    """To nobody."""

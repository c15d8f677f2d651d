"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnprobe.base.errors import InputError
from attnprobe.base.visible import visible

if TYPE_CHECKING:
    import torch

    from attnprobe.data.tokenised_dataset import Dataset
    from attnprobe.runs.configuration import RunConfiguration
    from attnprobe.settings.attention import AttentionSettings
    from attnprobe.settings.run_settings import RunSettings
    from attnprobe.stages.training import Run
    from attnprobe.training import Ranks

MOST_SEEDS = 1000
"""At a time: more are a slip of the finger."""


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what is trained on what, and where it goes."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.settings.attention import AttentionSettings
    from attnprobe.settings.data import DataLimits
    from attnprobe.settings.dropout import Dropout
    from attnprobe.settings.own_explanations import ExplanationSettings
    from attnprobe.settings.run_settings import RunSettings
    from attnprobe.settings.training import TrainingSettings
    from attnprobe.settings.transformer import TransformerOptions

    what = parser.add_argument_group("what to run")
    add_settings(what, RunSettings)
    what.add_argument(
        "--experiment", type=Path, metavar="FILE", help="a TOML file of settings; flags take the place of its entries"
    )
    add_out_argument(what)
    what.add_argument("--force", action="store_true", help="start over, throwing away what is finished")
    data = parser.add_argument_group("documents")
    add_column_arguments(data)
    add_settings(data, DataLimits)
    for title, settings in (
        ("training", TrainingSettings),
        ("dropout of HAN and FLAN", Dropout),
        ("the encoder of --model transformer", TransformerOptions),
        ("what of a transformer's attention is erased (transformer and hf: models)", AttentionSettings),
        ("explanations of your own", ExplanationSettings),
    ):
        add_settings(parser.add_argument_group(title), settings)


def add_column_arguments(parser: argparse._ActionsContainer) -> None:
    """Which columns the files under a path have."""
    parser.add_argument("--text-column", metavar="NAME", help="of the files under a path (tokens or text)")
    parser.add_argument("--label-column", metavar="NAME", help="of the files under a path (category or label)")


def add_out_argument(parser: argparse._ActionsContainer) -> None:
    """Where run folders go."""
    parser.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="default: runs")


def add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say where data are and where to compute."""
    machine = parser.add_argument_group("this machine")
    add_data_dir_argument(machine)
    machine.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")


def add_data_dir_argument(parser: argparse._ActionsContainer) -> None:
    """Where datasets lie; without it the data package looks at the environment."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder of datasets, found by their folders' names (default: $ATTNPROBE_DATA)",
    )


@contextmanager
def start_run(arguments: argparse.Namespace, *, fine_tune: bool = False, ranks: Ranks | None = None) -> Iterator[Run]:
    """Load the data and make or reopen the run folder that the arguments name, which is ours until the end.

    Args:
        arguments: of the command.
        fine_tune: whether a Hugging Face model is trained even where it decides something as it is.
        ranks: the processes that train together, of which the first alone writes and speaks; None for what one
            process does.

    Raises:
        InputError: an argument, the data, the model or the folder cannot be used, or someone else is writing there, or
            torchrun has started several processes for what one does.
    """
    from attnprobe.cli.settings import names_of, settings_from

    settings = settings_from(arguments, fine_tune=fine_tune)
    from attnprobe.data.datasets import load_dataset, locate
    from attnprobe.data.limits import within_limits
    from attnprobe.models.kinds import subject_class
    from attnprobe.runs.configuration import DataSource, RationalesSource, RunConfiguration
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.settings.unfit import told_by
    from attnprobe.stages.training import Run
    from attnprobe.training.ranks import the_only_rank

    ranks = ranks or the_only_rank()
    if ranks.first:
        say_of_decision(settings)
    checkpoint = subject_class(settings.model).source_of(settings.model)
    device = choose_device(arguments.device)
    location = locate(settings.dataset, arguments.data_dir)
    whole = load_dataset(
        location,
        label_column=arguments.label_column,
        text_column=arguments.text_column,
        given_tokens=settings.data.given_tokens,
    )
    if ranks.first:
        say_of_data(whole, location, words=_reads_words(settings))
    dataset = within_limits(whole, settings.data)
    source = DataSource(
        location=location,
        label_column=arguments.label_column,
        text_column=arguments.text_column,
        fingerprint=whole.fingerprint,
        labels=whole.labels,
        documents={split: len(documents) for split, documents in dataset.splits.items()},
    )
    rationales = RationalesSource.of(dataset.rationales)
    configuration = RunConfiguration(
        dataclasses.replace(settings, dataset=whole.name), source, checkpoint, rationales=rationales
    )
    configuration = with_explanations(configuration, dataset)
    folder = RunFolder.of(arguments.out, configuration.settings)
    with folder.locked() if ranks.first else nullcontext():
        if ranks.first:
            folder.open(configuration, force=arguments.force)
        elif folder.read_configuration().fingerprint != configuration.fingerprint:
            raise InputError(f"Rank {ranks.rank} has other data than the first rank has.")
        with told_by(names_of(arguments)):  # what the model turns out not to have
            yield Run(folder, configuration, dataset, device, say if ranks.first else _say_nothing, ranks)


@contextmanager
def writing_run(path: Path, arguments: argparse.Namespace, *, shared: bool = False) -> Iterator[Run]:
    """Load a run folder and the data that it was made from; the folder is ours until the end.

    Args:
        path: of the folder.
        arguments: of the command.
        shared: whether others may write there at the same time, if they share it as well.

    Raises:
        InputError: it is no run, or its data are gone or have changed, or someone else is writing there.
    """
    from attnprobe.cli.flags import given
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.settings.attention import AttentionSettings
    from attnprobe.settings.doors import in_configuration, in_flags
    from attnprobe.settings.own_explanations import ExplanationSettings
    from attnprobe.settings.run_settings import AT_ANY_TIME, TABLES, RunSettings
    from attnprobe.settings.unfit import told_by

    also = given(arguments, AttentionSettings)

    def name(section: str, setting: str) -> str:
        by_flag = section not in TABLES or section == ExplanationSettings.section or setting in also
        return (in_flags if by_flag else in_configuration)(section, setting)

    folder = RunFolder(path)
    folder.read_configuration()
    with folder.locked(shared=shared), told_by(name):  # what the model turns out not to have
        run = reopen_run(path, arguments)
        asked, of_run = given(arguments, ExplanationSettings), given(arguments, RunSettings)
        changed: dict[str, Any] = {name: of_run[name] for name in AT_ANY_TIME if name in of_run}
        if asked:
            changed["explanations"] = ExplanationSettings(**asked)
        if also:
            changed["attention"] = _with_views(run.configuration.settings, **also)
        if changed:
            settings = run.configuration.settings
            settings = settings.with_ways(changed.pop("erase_by")) if "erase_by" in changed else settings
            configuration = dataclasses.replace(run.configuration, settings=dataclasses.replace(settings, **changed))
            configuration = with_explanations(configuration, run.dataset) if asked else configuration
            folder.record_settings(configuration)
            run = dataclasses.replace(run, configuration=configuration)
        yield run


def _with_views(settings: RunSettings, **also: Any) -> AttentionSettings:  # noqa: ANN401
    """What of its attention a run erases, with other further selections of layers.

    Raises:
        SettingError: its model has none.
    """
    from attnprobe.settings.attention import AttentionSettings
    from attnprobe.settings.unfit import Named, SettingError

    if settings.attention is None:
        sentence = "{} is for checkpoints, and not for the model {}."
        raise SettingError(AttentionSettings.section, sentence, Named("also"), settings.model)
    return dataclasses.replace(settings.attention, **also)


def reopen_run(path: Path, arguments: argparse.Namespace) -> Run:
    """Load a run folder and the data that it was made from.

    Raises:
        InputError: it is no run, or its data are gone or have changed.
    """
    from attnprobe.data.datasets import load_dataset
    from attnprobe.data.limits import within_limits
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.stages.training import Run

    folder = RunFolder(path)
    configuration: RunConfiguration = folder.read_configuration()
    source = configuration.data
    whole = load_dataset(
        source.location,
        label_column=source.label_column,
        text_column=source.text_column,
        given_tokens=configuration.settings.data.given_tokens,
    )
    if whole.fingerprint != source.fingerprint:
        raise InputError(f"The data in {source.location} have changed since {folder.config} was made.")
    say_of_data(whole, source.location, words=_reads_words(configuration.settings))
    dataset = within_limits(whole, configuration.settings.data)
    return Run(folder, configuration, dataset, choose_device(arguments.device), say)


def with_explanations(configuration: RunConfiguration, dataset: Dataset) -> RunConfiguration:
    """The configuration with what its file of explanations is, where it names one; all of the file is looked at.

    Raises:
        InputError: the file cannot be used.
    """
    from attnprobe.settings.own_explanations import OUT

    settings = configuration.settings.explanations
    if settings.file is None:
        if settings not in (type(settings)(), type(settings)(specials=OUT)):
            raise InputError("--specials and --subwords say how scores become items': give --explanations FILE, too.")
        if settings.specials == OUT and configuration.settings.attention is None:
            raise InputError(f"--specials {OUT} is for transformers: other models read no special tokens.")
        return configuration
    from attnprobe.explanations.names import check_names
    from attnprobe.explanations.score_files import ScoreFile
    from attnprobe.runs.configuration import ExplanationsSource
    from attnprobe.runs.ordering_records import present_orderings
    from attnprobe.stages.run_work import TEST

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


def say_of_data(dataset: Dataset, location: str, *, words: bool = True) -> None:
    """Say which labels of a dataset may be meant for the same, and where its words are none.

    Args:
        dataset: loaded.
        location: what the user knows it by.
        words: whether its words are read.
    """
    from attnprobe.data.alike_labels import alike_labels_in_words
    from attnprobe.data.unspaced_scripts import unspaced_in_words

    for sentence in alike_labels_in_words(dataset, location) + (unspaced_in_words(dataset, location) if words else []):
        say(sentence)


def _reads_words(settings: RunSettings) -> bool:
    """Whether items are words, or made of words."""
    from attnprobe.settings.attention import TOKEN

    return settings.attention is None or settings.attention.unit != TOKEN


def say_of_decision(settings: RunSettings) -> None:
    """Say what flips, where it is not a class: it may be the checkpoint's head that says so."""
    from attnprobe.erasure.registered_decisions import CLASS, OWN, as_set

    if settings.decision == CLASS or settings.decision not in OWN:
        return
    decision = as_set(settings.decision, settings.decision_options)
    moves = (
        "" if decision.flips else " Nothing flips: how far it moves is told, and --tolerance says how far is too far."
    )
    say(f"The decision is {settings.decision} ({decision.title}): {decision.description}.{moves}")


def choose_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is one.

    Raises:
        InputError: CUDA is asked for and there is none.
    """
    import torch

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("There is no CUDA device here; use --device cpu.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def say(sentence: str) -> None:
    """Print a sentence on a line of its own, whatever the names in it are made of."""
    print(visible(sentence), flush=True)


def say_lines(text: str) -> None:
    """Print a text of several lines; names in it are on one line each."""
    print(visible(text, kept="\n"), flush=True)


_say_nothing: Callable[[str], None] = lambda sentence: None  # noqa: E731


def seed_numbers(text: str) -> list[int]:
    """Seeds from numbers and spans such as ``0-2,7``, for argparse.

    Raises:
        InputError: it is no such list, a span runs backwards, a seed is in it twice, or there are too many.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", part.strip(), re.ASCII)
        if found is None:
            raise InputError(f"--seeds {text}: {part.strip()!r} is no seed and no span of seeds, such as 0-2.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise InputError(f"--seeds {text}: the span {part.strip()} ends before it begins.")
        if len(seeds) + last - first >= MOST_SEEDS:
            raise InputError(f"--seeds {text}: these are more than {MOST_SEEDS:,} seeds.")
        seeds += range(first, last + 1)
    twice = next((seed for seed in seeds if seeds.count(seed) > 1), None)
    if twice is not None:
        raise InputError(f"--seeds {text}: seed {twice} is in it twice.")
    return seeds


def positive(text: str) -> int:
    """A whole number from one on, for argparse."""
    return _counted(text, 1)


def whole_number(text: str) -> int:
    """A number that may be zero, for argparse."""
    return _counted(text, 0)


def _counted(text: str, least: int) -> int:
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
    return int(text)

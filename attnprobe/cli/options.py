"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attnprobe.errors import InputError

if TYPE_CHECKING:
    import torch

    from attnprobe.runs import RunConfiguration, RunSettings
    from attnprobe.stages import Run

DEFAULT_DATASET = "docstrings"

EPOCHS, EPOCHS_DOCSTRINGS = 8, 4
"""At most, unless told otherwise; the embedded dataset is done after fewer."""


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what is trained on what, and where it goes."""
    what = parser.add_argument_group("what to run")
    what.add_argument("--dataset", default=DEFAULT_DATASET, metavar="NAME|PATH", help="default: docstrings")
    what.add_argument("--model", default="flan-rnn", metavar="NAME", help="default: flan-rnn")
    what.add_argument("--seed", type=whole_number, default=0, metavar="N", help="default: 0")
    what.add_argument("--experiment", type=Path, metavar="FILE", help="take all settings but the seed from a TOML file")
    add_out_argument(what)
    what.add_argument("--force", action="store_true", help="start over, throwing away what is finished")
    columns = parser.add_argument_group("columns of the files under a path")
    columns.add_argument("--text-column", metavar="NAME", help="default: tokens or text")
    columns.add_argument("--label-column", metavar="NAME", help="default: category or label")
    training = parser.add_argument_group("training")
    training.add_argument("--epochs", type=positive, metavar="N", help="at most (default: 8; docstrings: 4)")
    training.add_argument("--patience", type=positive, default=2, metavar="N", help="epochs without gain (2)")
    training.add_argument("--learning-rate", type=_positive_number, default=2e-3, metavar="X", help="of Adam (0.002)")
    training.add_argument("--batch-size", type=positive, default=32, metavar="N", help="documents, at most (32)")
    training.add_argument("--gradient-norm", type=_positive_number, default=10.0, metavar="X", help="limit (10)")
    training.add_argument("--gradient-value", type=_positive_number, metavar="X", help="limit (none)")
    training.add_argument("--word2vec", action="store_true", help="start from word2vec embeddings (needs gensim)")


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


def start_run(arguments: argparse.Namespace) -> Run:
    """Load the data and make or reopen the run folder that the arguments name."""
    from attnprobe.data.datasets import load_dataset, locate
    from attnprobe.runs import DataSource, RunConfiguration, RunFolder
    from attnprobe.stages import Run

    settings = _settings(arguments)
    device = choose_device(arguments.device)
    location = locate(settings.dataset, arguments.data_dir)
    whole = load_dataset(location, label_column=arguments.label_column, text_column=arguments.text_column)
    dataset = settings.data.apply(whole)
    source = DataSource(
        location=location,
        label_column=arguments.label_column,
        text_column=arguments.text_column,
        fingerprint=whole.fingerprint,
        labels=whole.labels,
        documents={split: len(documents) for split, documents in dataset.splits.items()},
    )
    configuration = RunConfiguration(dataclasses.replace(settings, dataset=whole.name), source)
    folder = RunFolder.of(arguments.out, configuration.settings)
    folder.open(configuration, force=arguments.force)
    return Run(folder, configuration, dataset, device, say)


def _settings(arguments: argparse.Namespace) -> RunSettings:
    """What the arguments or the experiment's file say; unknown names are told before anything is read."""
    from attnprobe.experiments import load_experiment
    from attnprobe.models import MODELS
    from attnprobe.runs import RunSettings
    from attnprobe.training import TrainingSettings

    if arguments.experiment is not None:
        return load_experiment(arguments.experiment, arguments.seed)
    MODELS[arguments.model]
    return RunSettings(
        dataset=arguments.dataset,
        model=arguments.model,
        seed=arguments.seed,
        word2vec=arguments.word2vec,
        training=TrainingSettings(
            epochs=arguments.epochs or (EPOCHS_DOCSTRINGS if arguments.dataset == DEFAULT_DATASET else EPOCHS),
            patience=arguments.patience,
            learning_rate=arguments.learning_rate,
            batch_documents=arguments.batch_size,
            gradient_norm=arguments.gradient_norm,
            gradient_value=arguments.gradient_value,
        ),
    )


def reopen_run(path: Path, arguments: argparse.Namespace) -> Run:
    """Load a run folder and the data that it was made from.

    Raises:
        InputError: it is no run, or its data are gone or have changed.
    """
    from attnprobe.data.datasets import load_dataset
    from attnprobe.runs import RunFolder
    from attnprobe.stages import Run

    folder = RunFolder(path)
    configuration: RunConfiguration = folder.read_configuration()
    source = configuration.data
    whole = load_dataset(source.location, label_column=source.label_column, text_column=source.text_column)
    if whole.fingerprint != source.fingerprint:
        raise InputError(f"The data in {source.location} have changed since {folder.config} was made.")
    dataset = configuration.settings.data.apply(whole)
    return Run(folder, configuration, dataset, choose_device(arguments.device), say)


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


say: Callable[[str], None] = lambda sentence: print(sentence, flush=True)  # noqa: E731


def whole_number(text: str) -> int:
    """A number that may be zero, for argparse."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def positive(text: str) -> int:
    """A whole number from one on, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return number


def _positive_number(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number

"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from attnprobe.base.errors import InputError
from attnprobe.base.visible import visible

if TYPE_CHECKING:
    import torch

    from attnprobe.data.tokenised_dataset import Dataset
    from attnprobe.runs.configuration import RunConfiguration
    from attnprobe.stages.training import Run
    from attnprobe.training import Ranks

MOST_SEEDS = 1000
"""At a time: more are a slip of the finger."""


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what is trained on what, and where it goes."""
    what = parser.add_argument_group("what to run")
    what.add_argument("--dataset", default="docstrings", metavar="NAME|PATH", help="default: docstrings")
    what.add_argument(
        "--model",
        default="flan-rnn",
        metavar="NAME|hf:PATH_OR_ID",
        help="a name (attnprobe list), or a Hugging Face model (default: flan-rnn)",
    )
    what.add_argument("--seed", type=whole_number, default=0, metavar="N", help="default: 0")
    what.add_argument("--experiment", type=Path, metavar="FILE", help="a TOML file of all settings but the seed")
    add_out_argument(what)
    what.add_argument("--force", action="store_true", help="start over, throwing away what is finished")
    columns = parser.add_argument_group("columns of the files under a path")
    columns.add_argument("--text-column", metavar="NAME", help="default: tokens or text")
    columns.add_argument("--label-column", metavar="NAME", help="default: category or label")
    columns.add_argument(
        "--given-tokens",
        action="store_true",
        help="texts are tokens that whitespace separates: keep them (lists of tokens are kept in any case)",
    )
    training = parser.add_argument_group("training")
    training.add_argument("--epochs", type=positive, metavar="N", help="at most (8; on docstrings 4; hf: 3)")
    training.add_argument("--patience", type=positive, metavar="N", help="epochs without gain (2)")
    training.add_argument("--learning-rate", type=positive_number, metavar="X", help="of Adam (0.002; hf: 0.0001)")
    training.add_argument("--batch-size", type=positive, metavar="N", help="documents, at most (32)")
    training.add_argument("--gradient-norm", type=positive_number, metavar="X", help="limit (10; hf: 1)")
    training.add_argument("--gradient-value", type=positive_number, metavar="X", help="limit (none)")
    training.add_argument("--word2vec", action="store_true", help="start from word2vec embeddings (needs gensim)")
    meaning = parser.add_argument_group("what is meant by erased and by decided (attnprobe list)")
    meaning.add_argument("--erase-by", metavar="NAME", help="a way of erasing (renormalise)")
    meaning.add_argument("--decision", metavar="NAME", help="what flips (class)")
    _add_transformer_arguments(parser)
    _add_attention_arguments(parser)


def _add_transformer_arguments(parser: argparse.ArgumentParser) -> None:
    encoder = parser.add_argument_group("the encoder of --model transformer")
    encoder.add_argument("--d-e", type=positive, metavar="N", help="width of embeddings and hidden states (64)")
    encoder.add_argument("--num-heads", type=positive, metavar="N", help="attention heads of a layer (4)")
    encoder.add_argument("--d-k", type=positive, metavar="N", help="width of a head's queries and keys (d_e / heads)")
    encoder.add_argument(
        "--d-v", type=positive, metavar="N", help="width of a head's values (d_e / heads; of added heads d_e)"
    )
    encoder.add_argument(
        "--combine", choices=("concatenate", "add", "add_own"), help="how heads become one output (concatenate)"
    )
    encoder.add_argument("--positions", action=argparse.BooleanOptionalAction, help="embed positions (yes)")
    encoder.add_argument("--num-layers", type=positive, metavar="N", help="encoder layers (1)")
    encoder.add_argument("--d-ff", type=positive, metavar="N", help="width of feed-forward networks (256)")
    encoder.add_argument("--dropout", type=float, metavar="X", help="rate (0.1)")
    encoder.add_argument("--longest", type=positive, metavar="N", help="documents are cut to this many items (512)")
    encoder.add_argument(
        "--matched",
        action=argparse.BooleanOptionalAction,
        help="of concatenated heads: as many parameters as with heads added (no)",
    )
    encoder.add_argument(
        "--as-released",
        type=_names,
        metavar="A,B",
        help="as in the released code: head_sum, mask, scale (none of them)",
    )


def _add_attention_arguments(parser: argparse.ArgumentParser) -> None:
    attention = parser.add_argument_group("what of a transformer's attention is erased (transformer and hf: models)")
    attention.add_argument(
        "--layers", metavar="LAYERS", help="last, all, or numbers: 0,2-4 (last); encoder:, decoder:, cross: before them"
    )
    attention.add_argument("--heads", metavar="HEADS", help="all, or numbers: 0,2-4 (all)")
    attention.add_argument(
        "--query", metavar="ROWS", help="first, last, all, or positions (the row that the decision is read from)"
    )
    attention.add_argument("--unit", choices=("token", "word"), help="what is erased at once (token)")
    attention.add_argument("--aggregate", choices=("mean", "max"), help="of heads, layers and rows (mean)")
    attention.add_argument("--greedy", action="store_true", default=None, help="erase greedily, too: slow")
    attention.add_argument(
        "--label-words", type=_words, metavar="A,B", help="a language model decides between these (the next token)"
    )
    attention.add_argument(
        "--head-map-documents", type=positive, metavar="N", help="documents of which single heads are tested (100)"
    )


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
    from attnprobe.cli.settings import settings_from
    from attnprobe.data.datasets import load_dataset, locate
    from attnprobe.data.limits import within_limits
    from attnprobe.models.kinds import subject_class
    from attnprobe.runs.configuration import DataSource, RunConfiguration
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.stages.training import Run
    from attnprobe.training.ranks import the_only_rank

    ranks = ranks or the_only_rank()
    settings = settings_from(arguments, fine_tune=fine_tune)
    checkpoint = subject_class(settings.model).source_of(settings.model)
    device = choose_device(arguments.device)
    location = locate(settings.dataset, arguments.data_dir)
    if arguments.given_tokens:
        settings = dataclasses.replace(settings, data=dataclasses.replace(settings.data, given_tokens=True))
    whole = load_dataset(
        location,
        label_column=arguments.label_column,
        text_column=arguments.text_column,
        given_tokens=settings.data.given_tokens,
    )
    if ranks.first:
        say_of_labels(whole, location)
    dataset = within_limits(whole, settings.data)
    source = DataSource(
        location=location,
        label_column=arguments.label_column,
        text_column=arguments.text_column,
        fingerprint=whole.fingerprint,
        labels=whole.labels,
        documents={split: len(documents) for split, documents in dataset.splits.items()},
    )
    configuration = RunConfiguration(dataclasses.replace(settings, dataset=whole.name), source, checkpoint)
    folder = RunFolder.of(arguments.out, configuration.settings)
    with folder.locked() if ranks.first else nullcontext():
        if ranks.first:
            folder.open(configuration, force=arguments.force)
        elif folder.read_configuration().fingerprint != configuration.fingerprint:
            raise InputError(f"Rank {ranks.rank} has other data than the first rank has.")
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
    from attnprobe.runs.run_folder import RunFolder

    folder = RunFolder(path)
    folder.read_configuration()
    with folder.locked(shared=shared):
        yield reopen_run(path, arguments)


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
    say_of_labels(whole, source.location)
    dataset = within_limits(whole, configuration.settings.data)
    return Run(folder, configuration, dataset, choose_device(arguments.device), say)


def say_of_labels(dataset: Dataset, location: str) -> None:
    """Say which labels of a dataset may be meant for the same."""
    from attnprobe.data.alike_labels import alike_labels_in_words

    for sentence in alike_labels_in_words(dataset, location):
        say(sentence)


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


def whole_number(text: str) -> int:
    """A number that may be zero, for argparse."""
    number = _integer(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


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
    number = _integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return number


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    if len(words) < 2 or not all(words):
        raise argparse.ArgumentTypeError(f"{text} is not a list of words, such as good,bad")
    return words


def positive_number(text: str) -> float:
    """A finite number above zero, for argparse."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number

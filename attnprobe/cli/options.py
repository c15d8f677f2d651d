"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnprobe.base.errors import InputError
from attnprobe.cli.console import console

if TYPE_CHECKING:
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
        ranks: the processes that train together; None for what one process does.

    Raises:
        InputError: an argument, or as :func:`attnprobe.stages.opening.begun`.
    """
    from attnprobe.cli.settings import names_of, settings_from

    settings = settings_from(arguments, fine_tune=fine_tune)  # before anything that takes time
    from attnprobe.stages.opening import Whereabouts, begun

    where = Whereabouts(
        out=arguments.out,
        data_dir=arguments.data_dir,
        label_column=arguments.label_column,
        text_column=arguments.text_column,
        device=arguments.device,
        force=arguments.force,
    )
    with begun(settings, where, say, names_of(arguments), ranks) as run:
        yield run


@contextmanager
def writing_run(path: Path, arguments: argparse.Namespace, *, shared: bool = False) -> Iterator[Run]:
    """Load a run folder and the data that it was made from; the folder is ours until the end.

    Args:
        path: of the folder.
        arguments: of the command.
        shared: whether others may write there at the same time, if they share it as well.

    Raises:
        InputError: as :func:`attnprobe.stages.opening.opened_again`.
    """
    from attnprobe.cli.flags import given
    from attnprobe.settings.attention import AttentionSettings
    from attnprobe.settings.doors import in_configuration, in_flags
    from attnprobe.settings.own_explanations import ExplanationSettings
    from attnprobe.settings.run_settings import AT_ANY_TIME, TABLES, RunSettings
    from attnprobe.settings.unfit import told_by
    from attnprobe.stages.opening import opened_again

    also = given(arguments, AttentionSettings)

    def name(section: str, setting: str) -> str:
        by_flag = section not in TABLES or section == ExplanationSettings.section or setting in also
        return (in_flags if by_flag else in_configuration)(section, setting)

    of_run, explanations = given(arguments, RunSettings), given(arguments, ExplanationSettings)
    asked: dict[str, Any] = {name: of_run[name] for name in AT_ANY_TIME if name in of_run}
    if explanations:
        with told_by(name):
            asked["explanations"] = ExplanationSettings(**explanations)
    if also:
        asked[AttentionSettings.section] = also
    with opened_again(path, asked, arguments.device, say, name, shared=shared) as run:
        yield run


def reopen_run(path: Path, arguments: argparse.Namespace) -> Run:
    """Load a run folder and the data that it was made from.

    Raises:
        InputError: it is no run, or its data are gone or have changed.
    """
    from attnprobe.stages.opening import reopened

    return reopened(path, arguments.device, say)


def opening(page: Path, runs: Sequence[Path]) -> str:
    """Where a page is and how it is opened: a sentence for the last line of a command."""
    again = f", or with: {shlex.join(['attnprobe', 'report', str(runs[0]), '--open'])}" if len(runs) == 1 else ""
    return f"The page is {page}: open it in a browser{again}"


def say(sentence: str) -> None:
    """Say what is done, on a line of its own, whatever the names in it are made of."""
    console().progress(sentence)


def say_lines(text: str) -> None:
    """Print what was asked for, a text of several lines; names in it are on one line each."""
    console().result(text)


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

"""The settings that arguments, an experiment's file, or both stand for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from attnprobe.cli.flags import given
from attnprobe.settings.doors import in_flags, of_what_is_given
from attnprobe.settings.experiment_files import experiment_tables
from attnprobe.settings.run_settings import TABLES, RunSettings
from attnprobe.settings.unfit import Names

Tables = dict[str, Any]


def settings_from(arguments: argparse.Namespace, *, fine_tune: bool) -> RunSettings:
    """What to run; unknown names are told before anything is read.

    Args:
        arguments: of the command; a flag is set in the place of an entry of an experiment's file.
        fine_tune: whether a Hugging Face model is trained in any case; else only one that decides nothing yet.

    Raises:
        InputError: an argument is not fit for the model, or the model or the experiment's file cannot be used.
    """
    flags, names = _flags(arguments), names_of(arguments)
    file = _file(arguments)
    from attnprobe.stages.asked_settings import settings_asked

    return settings_asked(flags, file, names, fine_tune=fine_tune)


def names_of(arguments: argparse.Namespace) -> Names:
    """What settings of a command are called: by flags, or as entries of a file where they are from there."""
    return of_what_is_given(_flags(arguments), _file(arguments), in_flags)


def _flags(arguments: argparse.Namespace) -> Tables:
    tables = {name: given(arguments, table) for name, table in TABLES.items()}
    return given(arguments, RunSettings) | {name: table for name, table in tables.items() if table}


def _file(arguments: argparse.Namespace) -> Tables:
    path: Path | None = arguments.experiment
    return {} if path is None else experiment_tables(path)

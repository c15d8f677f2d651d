"""The settings that arguments, an experiment's file, or both stand for."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.cli.flags import given
from attnprobe.erasure.decisions.entry import DecisionOptions
from attnprobe.erasure.registered_decisions import ABOUT_WHAT_IS_GIVEN, CLASS
from attnprobe.settings.doors import in_flags, in_toml
from attnprobe.settings.experiment_files import experiment_tables
from attnprobe.settings.kinds import kind_of
from attnprobe.settings.run_settings import DATASET, MODEL, TABLES, RunSettings
from attnprobe.settings.training import EPOCHS_DOCSTRINGS
from attnprobe.settings.unfit import Names, told_by

Tables = dict[str, Any]


def settings_from(arguments: argparse.Namespace, *, fine_tune: bool) -> RunSettings:
    """What to run; unknown names are told before anything is read.

    Args:
        arguments: of the command; a flag is set in the place of an entry of an experiment's file.
        fine_tune: whether a Hugging Face model is trained in any case; else only one that decides nothing yet.

    Raises:
        InputError: an argument is not fit for the model, or the model or the experiment's file cannot be used.
    """
    flags = _flags(arguments)
    tables = _together(_file(arguments) or _usual(flags), flags)
    for name in ABOUT_WHAT_IS_GIVEN:
        if tables.get(name) is not None:
            tables = {"decision": name} | tables
    from attnprobe.models.kinds import subject_class

    with told_by(names_of(arguments)):
        left_to_model = "decision" not in tables
        # What is set of a decision can be judged once it is known which it is.
        settings = RunSettings.of_tables(_without_options(tables) if left_to_model else tables)
        at_token = settings.attention is not None and settings.attention.at is not None
        as_it_is = not fine_tune and subject_class(settings.model).decides(settings.model, at_token=at_token)
        if left_to_model:
            own = subject_class(settings.model).decision_of(settings.model) if as_it_is else CLASS
            settings = RunSettings.of_tables(tables | {"decision": own})
    if not as_it_is:
        return settings
    if settings.training != kind_of(settings.model).training:
        raise InputError(
            f"{settings.model} is tested as it is, and not trained: leave the training settings out, "
            "or fine-tune it with attnprobe train."
        )
    return dataclasses.replace(settings, training=None)


def _without_options(tables: Tables) -> Tables:
    return {name: value for name, value in tables.items() if name not in DecisionOptions._fields}


def names_of(arguments: argparse.Namespace) -> Names:
    """What settings of a command are called: by flags, or as entries of a file where they are from there."""
    flags, file = _flags(arguments), _file(arguments)

    def name(section: str, setting: str) -> str:
        if not section and setting in TABLES:
            for one in flags.get(setting, {}):
                return in_flags(setting, one)
        elsewhere = setting in (file.get(section, {}) if section else file)
        by_flag = setting in (flags.get(section, {}) if section else flags)
        return in_toml(section, setting) if elsewhere and not by_flag else in_flags(section, setting)

    return name


def _flags(arguments: argparse.Namespace) -> Tables:
    tables = {name: given(arguments, table) for name, table in TABLES.items()}
    return given(arguments, RunSettings) | {name: table for name, table in tables.items() if table}


def _file(arguments: argparse.Namespace) -> Tables:
    path: Path | None = arguments.experiment
    return {} if path is None else experiment_tables(path)


def _usual(flags: Tables) -> Tables:
    """What is run where no file says it."""
    named = {"dataset": DATASET, "model": MODEL} | flags
    of_docstrings = named["dataset"] == DATASET and kind_of(named["model"]).from_scratch
    training = {"training": {"epochs": EPOCHS_DOCSTRINGS}} if of_docstrings else {}
    return {"dataset": DATASET, "model": MODEL, **training}


def _together(file: Tables, flags: Mapping[str, Any]) -> Tables:
    """A file's tables with flags in the place of its entries."""
    return file | {
        name: file.get(name, {}) | value if isinstance(value, dict) else value for name, value in flags.items()
    }

"""The settings of a run that is asked for: what is given, and for the rest what is usual for its model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.data.tokens.segmenters import name_segmenter
from attnprobe.erasure.decisions.entry import DecisionOptions
from attnprobe.erasure.registered_decisions import ABOUT_WHAT_IS_GIVEN, CLASS
from attnprobe.models.kinds import subject_class
from attnprobe.settings.declaration import settings_of
from attnprobe.settings.kinds import kind_of
from attnprobe.settings.run_settings import DATASET, MODEL, RunSettings
from attnprobe.settings.training import EPOCHS_DOCSTRINGS
from attnprobe.settings.unfit import Names, told_by

Tables = dict[str, Any]


def settings_asked(given: Tables, file: Tables, names: Names, *, fine_tune: bool) -> RunSettings:
    """What to run; unknown names are told before anything is read.

    Args:
        given: settings, and tables of settings by section; they stand in the place of a file's.
        file: those of an experiment's file; empty where there is none.
        names: what settings are called.
        fine_tune: whether a Hugging Face model is trained in any case; else only one that decides nothing yet.

    Raises:
        InputError: a setting is not fit for the model, or the model cannot be used.
    """
    tables = _together(file or _usual(given), given)
    for name in ABOUT_WHAT_IS_GIVEN:
        if tables.get(name) is not None:
            tables = {"decision": name} | tables
    with told_by(names):
        left_to_model = "decision" not in tables
        # What is set of a decision can be judged once it is known which it is.
        settings = RunSettings.of_tables(_without_options(tables) if left_to_model else tables)
        at_token = settings.attention is not None and settings.attention.at is not None
        as_it_is = not fine_tune and subject_class(settings.model).decides(settings.model, at_token=at_token)
        if left_to_model:
            own = subject_class(settings.model).decision_of(settings.model) if as_it_is else CLASS
            settings = RunSettings.of_tables(tables | {"decision": own})
    if settings.data.segmenter is not None and given.get("data", {}).get("segmenter") == settings.data.segmenter:
        name_segmenter(settings.data.segmenter)  # by the user, and not by a file alone
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


def _usual(given: Tables) -> Tables:
    """What is run where no file says it."""
    named = {"dataset": DATASET, "model": MODEL} | given
    settings_of(RunSettings)["model"].check(named["model"])
    of_docstrings = named["dataset"] == DATASET and kind_of(named["model"]).from_scratch
    training = {"training": {"epochs": EPOCHS_DOCSTRINGS}} if of_docstrings else {}
    return {"dataset": DATASET, "model": MODEL, **training}


def _together(file: Tables, given: Mapping[str, Any]) -> Tables:
    """A file's tables with what is given in the place of its entries."""
    return file | {
        name: file.get(name, {}) | value if isinstance(value, dict) else value for name, value in given.items()
    }

"""Settings as arguments of functions: each by one name, which is its flag's, whatever table of settings it is in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from attnprobe.execution.settings import ExecutionSettings
from attnprobe.settings.declaration import Declared, Settings, check_known, settings_of
from attnprobe.settings.doors import in_arguments
from attnprobe.settings.run_settings import TABLES, RunSettings
from attnprobe.settings.unfit import SettingError, SettingTypeError

OF_A_RUN: tuple[type[Settings], ...] = (RunSettings, *TABLES.values())
"""The tables of settings that ``attnprobe.run`` and ``attnprobe.train`` take."""


def arguments_of(*tables: type[Settings]) -> dict[str, Declared]:
    """Settings by what they are called as arguments."""
    return {
        in_arguments(declared.section, declared.name): declared
        for table in tables
        for declared in settings_of(table).values()
    }


ARGUMENTS: Mapping[str, Declared] = arguments_of(*OF_A_RUN, ExecutionSettings)
"""All of them."""


def by_table(given: Mapping[str, Any], known: Mapping[str, Declared]) -> dict[str, Any]:
    """Arguments as settings of a run, and as tables of settings by section.

    Args:
        given: by the names of arguments.
        known: those that are taken.

    Raises:
        SettingTypeError: there is no such argument; the nearest is suggested.
    """
    try:
        check_known("", given, known)
    except SettingError as error:
        raise SettingTypeError("", "{}", str(error)) from None
    tables: dict[str, Any] = {}
    for name, value in given.items():
        declared = known[name]
        of = tables.setdefault(declared.section, {}) if declared.section else tables
        of[declared.name] = _as_setting(value, declared)
    return tables


def _as_setting(value: object, declared: Declared) -> object:
    """A value as settings have it: a path is a text, and one text alone, or any that can be gone through, a tuple."""
    if isinstance(value, PurePath) and declared.kind is str:
        return str(value)
    if declared.kind is tuple and isinstance(value, str):
        return (value,)
    if declared.kind is tuple and not isinstance(value, (tuple, list, dict)) and hasattr(value, "__iter__"):
        return tuple(value)
    return value

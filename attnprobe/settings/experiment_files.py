"""Experiments as TOML files: what a run is made with."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnprobe.base.bounds import MOST_TOML_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.settings.declaration import NONE, settings_of
from attnprobe.settings.doors import in_toml
from attnprobe.settings.run_settings import TABLES, RunSettings
from attnprobe.settings.unfit import Named, SettingError, told_by


def load_experiment(path: Path, seed: int, varied: Mapping[str, Mapping[str, Any]] | None = None) -> RunSettings:
    """The settings that an experiment's file describes, with this seed.

    The file names a ``dataset`` and a ``model``, and may have ``word2vec`` and the tables of docs/settings.md; a limit
    that is not to be is ``"none"``.

    Args:
        path: the experiment's file.
        seed: of the run.
        varied: entries of its tables, by table, in the place of the file's.

    Raises:
        InputError: the file is missing, is not TOML, or holds an unknown or unfit entry.
    """
    tables = experiment_tables(path)
    for section, entries in (varied or {}).items():
        tables[section] = tables.get(section, {}) | entries
    with told_by(in_toml, f"{path}: "):
        return RunSettings.of_tables(tables | {"seed": seed})


def experiment_tables(path: Path) -> dict[str, Any]:
    """What an experiment's file says, entry by entry: as a run could be made of it.

    Raises:
        InputError: the file is missing, is not TOML, or holds an unknown or unfit entry.
    """
    content = read_toml(path)
    with told_by(in_toml, f"{path}: "):
        if "seed" in content:
            raise SettingError("", "{} is given with the command, and not in a file.", Named("seed"))
        for name, table in TABLES.items():
            if isinstance(content.get(name), dict):
                limits = [each.name for each in settings_of(table).values() if each.optional]
                content[name] = {key: without_limit(key in limits, value) for key, value in content[name].items()}
        RunSettings.of_tables(content)
    return content


def without_limit(can_be: bool, value: object) -> object:
    """A value of a file, where ``"none"`` says that there is no limit if that can be."""
    return None if can_be and value == NONE else value


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        InputError: the file is missing, or is not TOML.
    """
    try:
        return tomllib.loads(read_text(path, MOST_TOML_BYTES))
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror}).") from None
    except ValueError as error:  # not UTF-8, not TOML, or a number of thousands of digits
        raise InputError(f"{path}: not TOML ({error}).") from None
    except RecursionError:
        raise InputError(f"{path}: not TOML (tables or lists are nested too deeply).") from None

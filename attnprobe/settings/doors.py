"""What settings are called at the doors through which they come.

Settings come as arguments in Python, as flags of a command, as entries of an experiment's TOML file and of the
``config.json`` of a run. They are checked where they are kept (:mod:`attnprobe.settings.declaration`), and what is
refused there is told in Python's words; each other door puts its own names in the place of the arguments'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnprobe.settings.declaration import DECLARED, flag_of, settings_of
from attnprobe.settings.unfit import Names


def in_toml(section: str, name: str) -> str:
    """A setting as an entry of an experiment's file.

    >>> in_toml("training", "epochs"), in_toml("", "dataset"), in_toml("", "training")
    ('[training] epochs', 'dataset', '[training]')
    """
    if section:
        return f"[{section}] {name}"
    return f"[{name}]" if name in DECLARED else str(name)


def in_configuration(section: str, name: str) -> str:
    """A setting as an entry of a run's ``config.json``.

    >>> in_configuration("training", "epochs")
    'settings.training.epochs'
    """
    return ".".join(filter(None, ("settings", section, name)))


def in_flags(section: str, name: str) -> str:
    """A setting as a flag of a command.

    >>> in_flags("training", "batch_documents"), in_flags("", "seed")
    ('--batch-size', '--seed')
    """
    declared = settings_of(DECLARED[section]) if section in DECLARED else {}
    return declared[name].flag if name in declared else flag_of(name)


def in_arguments(section: str, name: str) -> str:
    """A setting as an argument of a function in Python, where all are called as the command line calls them.

    >>> in_arguments("training", "batch_documents"), in_arguments("", "seed")
    ('batch_size', 'seed')
    """
    return in_flags(section, name).removeprefix("--").replace("-", "_")


def of_what_is_given(given: Mapping[str, Any], file: Mapping[str, Any], door: Names) -> Names:
    """What settings are called that came through a door, or as entries of an experiment's file where they are from it.

    Args:
        given: settings, and tables of settings by section, that came through the door.
        file: those of the file.
        door: what the door calls them.
    """

    def name(section: str, setting: str) -> str:
        if not section and setting in DECLARED:
            for one in given.get(setting, {}):
                return door(setting, one)
        elsewhere = setting in (file.get(section, {}) if section else file)
        at_the_door = setting in (given.get(section, {}) if section else given)
        return in_toml(section, setting) if elsewhere and not at_the_door else door(section, setting)

    return name

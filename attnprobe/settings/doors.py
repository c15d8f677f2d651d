"""What settings are called at the doors through which they come.

Settings come as arguments in Python, as flags of a command, as entries of an experiment's TOML file and of the
``config.json`` of a run. They are checked where they are kept (:mod:`attnprobe.settings.declaration`), and what is
refused there is told in Python's words; each other door puts its own names in the place of the arguments'.
"""

from __future__ import annotations

from attnprobe.settings.declaration import DECLARED, flag_of, settings_of


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

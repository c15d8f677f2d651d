"""Flags of commands, made of the declarations of settings."""

from __future__ import annotations

import argparse
from typing import Any

from attnprobe.settings.declaration import Declared, Settings, in_words, settings_of
from attnprobe.settings.kinds import KINDS


def add_settings(group: argparse._ActionsContainer, settings: type[Settings], *names: str) -> None:
    """Declare a flag for each of these settings, or for all."""
    declared = settings_of(settings)
    for each in [declared[name] for name in names or declared]:
        told: dict[str, Any] = {
            "dest": _place(each),
            "default": argparse.SUPPRESS,  # None is a value that may be given
            "help": f"{each.told.help} ({default_in_words(each)})".replace("%", "%%"),
        }
        if each.kind is bool:
            group.add_argument(each.flag, action=argparse.BooleanOptionalAction, **told)
        else:
            # What is no value stays a text, and is refused where settings are made.
            group.add_argument(each.flag, type=each.read, metavar=_metavar(each), **told)


def given(arguments: argparse.Namespace, settings: type[Settings]) -> dict[str, Any]:
    """The settings that a command is given, by name."""
    places = {name: _place(each) for name, each in settings_of(settings).items()}
    return {name: getattr(arguments, place) for name, place in places.items() if hasattr(arguments, place)}


def default_in_words(declared: Declared) -> str:
    """What it is where it is not given; of how to train, also what it is for other kinds of models."""
    words = declared.told.shown or in_words(declared.default)
    if declared.section != "training":
        return words
    usual = {name: getattr(kind.training, declared.name) for name, kind in KINDS.registered.items()}
    others = [f"{name}: {in_words(value)}" for name, value in usual.items() if value != declared.default]
    return "; ".join([words, *others])


def _place(declared: Declared) -> str:
    """Where the parser keeps it: two tables may have settings of the same name."""
    return f"{declared.section}.{declared.name}" if declared.section else declared.name


def _metavar(declared: Declared) -> str:
    told = declared.told
    if told.metavar or told.choices:
        return told.metavar or f"{{{','.join(told.choices)}}}"
    return {int: "N", float: "X"}.get(declared.kind, "TEXT")

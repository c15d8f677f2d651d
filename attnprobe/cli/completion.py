"""Completion in bash and zsh, by argcomplete: commands, flags, and the names of datasets, models and orderings.

The shell asks the command itself, so that what packages add and what lies in the folder of datasets is completed, too.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from typing import Any

ASKED = "_ARGCOMPLETE"
"""The variable by which a shell says that it asks for completions."""


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell, and end the process; where argcomplete is not installed there is nothing to answer."""
    try:
        import argcomplete
    except ImportError:
        os._exit(1)
    for action in _all_actions(parser):
        names = _NAMES.get(action.dest)
        if names is not None and not action.choices:
            action.completer = names  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options="long")


def command_in(line: str) -> str:
    """The command in a line that is being typed: the first word behind the program that is no flag.

    >>> command_in("attnprobe run --dat"), command_in("attnprobe ")
    ('run', '')
    """
    return next((word for word in line.split()[1:] if not word.startswith("-")), "")


def _all_actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for each in set(action.choices.values()):
                yield from _all_actions(each)


def _datasets(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:  # noqa: ANN401
    from attnprobe.data.known_datasets import known_datasets

    return [*known_datasets(getattr(parsed_args, "data_dir", None)), *_files(prefix)]


def _models(prefix: str, **_: Any) -> list[str]:  # noqa: ANN401
    from attnprobe.settings.kinds import KINDS, MODELS

    return [*MODELS, *KINDS.offered, "hf:", *_files(prefix)]


def _orderings(prefix: str, **_: Any) -> list[str]:  # noqa: ANN401
    from attnprobe.erasure.registered_orderings import ORDERINGS

    before, comma, _last = prefix.rpartition(",")  # of a list
    return [f"{before}{comma}{name}" for name in ORDERINGS]


def _files(prefix: str) -> list[str]:
    from argcomplete.completers import FilesCompleter

    return list(FilesCompleter()(prefix))


_NAMES = {
    "dataset": _datasets,
    "model": _models,
    "target": _models,
    "by": _orderings,
    "orderings": _orderings,
}
"""By the place of an argument what completes it."""

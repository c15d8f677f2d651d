"""Say where the cache is, how large, and what made what is in it; clear it.

Everything in it is made again when it is needed. What attnprobe did not write stays, and links are not followed.

  attnprobe cache
  attnprobe cache --clear --yes
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attnprobe.base.errors import InputError
from attnprobe.base.text_cells import aligned
from attnprobe.base.visible import visible
from attnprobe.cli.console import conclude
from attnprobe.cli.options import say_lines

if TYPE_CHECKING:
    from attnprobe.data.cache_contents import Cached


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--clear", action="store_true", help="remove what attnprobe wrote there, once confirmed")
    parser.add_argument("--yes", action="store_true", help="confirm it beforehand")


def execute(arguments: argparse.Namespace) -> None:
    """Print the table, and remove what is asked for."""
    from attnprobe.data.cache_contents import cached, remove_cached
    from attnprobe.data.cache_folder import named_cache_folder

    if arguments.yes and not arguments.clear:
        raise InputError("--yes confirms --clear, which is not given.")
    folder = named_cache_folder()
    found = cached(folder)
    removed: list[Cached] = []
    say_lines(_table(folder, found))
    own = [each for each in found if each.own]
    if arguments.clear and own:
        if not arguments.yes and not _confirmed(own):
            say_lines("Nothing was removed.")
        else:
            removed = remove_cached(folder, own)
            say_lines(f"Removed: {_counted(removed)}.")
    conclude(folder=folder, bytes=sum(each.size for each in found), entries=found, removed=removed)


def _table(folder: Path, found: Sequence[Cached]) -> str:
    made = dict.fromkeys(each.by for each in found)
    rows = [["", "entries", "MB"]]
    for by in made:
        of = [each for each in found if each.by == by]
        rows.append([by, f"{len(of):,}", _megabytes(of)])
    head = f"{visible(str(folder))}: {_counted(found)}"
    return "\n".join([f"{head}.", "", *aligned(rows)]) if found else f"{head}."


def _counted(found: Sequence[Cached]) -> str:
    return f"{len(found):,} entr{'y' if len(found) == 1 else 'ies'}, {_megabytes(found)} MB"


def _megabytes(found: Sequence[Cached]) -> str:
    return f"{sum(each.size for each in found) / 1e6:,.1f}"


def _confirmed(own: Sequence[Cached]) -> bool:
    if not sys.stdin.isatty():
        raise InputError("Nobody is there to confirm --clear: give --yes as well.")
    print(f"Remove {_counted(own)}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")

"""What every script in ``figures/`` is: run folders in, tables and figures out, and one sentence where it cannot."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from attnprobe.base.exit_status import leave
from attnprobe.base.visible import visible


def draw_from_runs(description: str | None, draw: Callable[[list[Path], Path], list[Path]]) -> None:
    """Draw as the command line says, and print the files; what keeps it from its end is one sentence.

    Args:
        description: of the script, for ``--help``.
        draw: makes files, which it returns, of folders of runs, or above some, in a folder.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder, or one above")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")

    def work() -> None:
        arguments = parser.parse_args()
        for path in draw(arguments.runs, arguments.out):
            print(visible(str(path)))

    leave(parser.prog, work)

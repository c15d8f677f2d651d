"""What every script in ``figures/`` does: draw one figure or table from run folders."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from attnprobe.closed_output import output_that_may_end
from attnprobe.errors import InputError
from attnprobe.reports.paper import draw
from attnprobe.reports.paper.grid import RunGrid
from attnprobe.visible import visible


def main(name: str, description: str | None) -> None:
    """Draw one entry of the registry as the command line says, and print the files.

    What the user can mend ends as one sentence on standard error and exit status 2.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder, or one above")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    with output_that_may_end():
        arguments = parser.parse_args()
        try:
            for path in draw(name, RunGrid.find(arguments.runs), arguments.out):
                print(visible(str(path)))
        except InputError as error:
            sys.exit(_refuse(parser.prog, str(error)))
        except OSError as error:
            sys.exit(_refuse(parser.prog, f"Could not read or write {error.filename}: {error.strerror or error}."))


def _refuse(program: str, sentence: str) -> int:
    print(f"{program}: {visible(sentence)}", file=sys.stderr)
    return 2

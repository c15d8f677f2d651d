"""`attnprobe report` in CPU seconds beyond imports: a first call, which draws the figures, and a second one.

    python -m benchmarks.report RUN
    python -m benchmarks.against REV report RUN first
    python -m benchmarks.against REV report RUN again

RUN is the folder of a run that has been probed, such as `attnprobe run --epochs 1` leaves; a copy of it is reported on.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copytree

import fontTools.subset  # noqa: F401 - imported where something is drawn
import matplotlib.backends.backend_pdf  # noqa: F401 - the same
import scipy.stats  # noqa: F401 - imported by some statistics

from attnprobe.runs.run_folder import RunFolder
from attnprobe.stages.reporting import report as report_on
from benchmarks.measure import in_turn, report
from benchmarks.one_side import spent

REPETITIONS = 5
DRAWN = "drawn.json"


def workload(arguments: list[str]) -> Callable[[], object]:
    """A report of a copy of the run, `first` or `again`."""
    run, which = arguments
    folder = copied(Path(run))
    return lambda: reported(folder, first=which == "first")


def copied(run: Path) -> RunFolder:
    """A copy that lasts as long as this process."""
    return RunFolder(Path(copytree(run, Path(tempfile.mkdtemp()) / "run")))


def reported(folder: RunFolder, *, first: bool) -> None:
    """Report, with all figures to be drawn or only those that would come out otherwise."""
    if first:
        (folder.path / DRAWN).unlink(missing_ok=True)
    report_on(folder, lambda _: None)


def main() -> None:
    """Print both, and how much longer the first takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    folder = copied(parser.parse_args().run)
    reported(folder, first=True)  # warms up: modules that are imported late, the font that is looked up
    ways = [partial(reported, folder, first=each) for each in (True, False)]
    first, again = (statistics.median(side) for side in in_turn(ways, REPETITIONS, warm_ups=0, clock=spent))
    report("report, a first call against a second", first / again, first_seconds=first, second_seconds=again)


if __name__ == "__main__":
    main()

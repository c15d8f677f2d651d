"""Run every erasure test on trained runs: the second part of `attnprobe run`.

attnprobe probe runs/docstrings/flan-rnn/seed-0
attnprobe probe RUN --shard 3/8          (the third of eight jobs; without --shard, what they did is joined)
attnprobe probe RUN --explanations FILE.parquet   (erases also in the orders of the scores in it)
attnprobe probe RUN --certify 2                   (finds also what flips and what guarantees decisions)
attnprobe probe RUN --erase-by renormalise,zero   (means these by erased; the first is the run's own)
attnprobe probe RUN --also none                   (of a checkpoint: leaves out its further selections of layers)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from attnprobe.base.exit_status import DOCUMENTS_LEFT_OUT
from attnprobe.cli.console import conclude
from attnprobe.cli.execution import add_execution_arguments, execution_from
from attnprobe.cli.options import add_machine_arguments, say, writing_run
from attnprobe.cli.several_runs import Outcome, add_runs, each_by_itself, runs_meant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.settings.attention import AttentionSettings
    from attnprobe.settings.own_explanations import ExplanationSettings
    from attnprobe.settings.run_settings import RunSettings

    add_runs(parser)
    add_settings(parser.add_argument_group("what is meant by erased"), RunSettings, "erase_by")
    add_settings(parser.add_argument_group("explanations of your own"), ExplanationSettings)
    add_settings(parser.add_argument_group("sets of items"), RunSettings, "certify")
    add_settings(parser.add_argument_group("of a checkpoint"), AttentionSettings, "also")
    add_machine_arguments(parser)
    add_execution_arguments(parser, shared=True)


def execute(arguments: argparse.Namespace) -> int:
    """Probe each run; the status says whether documents were left out."""
    from attnprobe.stages.views import probe_with_views

    execution = execution_from(arguments)
    meant = runs_meant(arguments.runs)

    def probed(path: Path) -> Outcome:
        with writing_run(path, arguments, shared=execution.share is not None) as run:
            left_out = probe_with_views(run, execution)
        line = "probed" + f", without {left_out:,} documents" * bool(left_out)
        return Outcome(DOCUMENTS_LEFT_OUT if left_out else 0, line, {"documents_left_out": left_out})

    if meant.below:
        return each_by_itself(meant.folders, probed)
    told: list[dict[str, Any]] = []
    status = 0
    for path in meant.folders:
        outcome = probed(path)
        status = max(status, outcome.status)
        told.append({"run": path, "status": outcome.status, **outcome.document})
        if execution.share is None:
            say(f"The results are in {path}; make tables and figures with: attnprobe report {path}")
    conclude(runs=told)
    return status

"""Sweep over every model type of transformers that has a text model; write the table in docs/.

python -m experiments.model_sweep
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import torch
from transformers.utils import logging

from attnprobe.engines.examination import examine
from experiments.model_sweep.independent_checks import check
from experiments.model_sweep.outcomes import NOT_BUILT, REFUSED, VERIFIED, Outcome
from experiments.model_sweep.page import page
from experiments.model_sweep.tiny_models import TASKS, NotBuiltError, build, model_types

SECONDS, GIGABYTES = 120, 10
"""A model may take so long, and its process so much address space (most of it is the library's own)."""

AT_ONCE = 2


def main() -> None:
    """Run the sweep and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--page", type=Path, default=Path("docs/models.md"))
    parser.add_argument("--table", type=Path, default=Path("docs/results/models.csv"))
    parser.add_argument("--types", nargs="+", default=model_types(), metavar="TYPE")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    jobs = [(kind, task) for kind in arguments.types for task in TASKS if kind in TASKS[task]]
    outcomes = []
    for outcome in _run(jobs):
        outcomes.append(outcome)
        print(
            f"{len(outcomes)}/{len(jobs)} {outcome.type}, {outcome.task}: {outcome.outcome} {outcome.note}", flush=True
        )
    outcomes.sort(key=lambda outcome: jobs.index((outcome.type, outcome.task)))
    pd.DataFrame([asdict(outcome) for outcome in outcomes]).to_csv(arguments.table, index=False)
    arguments.page.write_text(page(outcomes), encoding="utf-8")


def _run(jobs: list[tuple[str, str]]) -> Iterator[Outcome]:
    """The outcomes as they come, of processes that share only the imports."""
    context = multiprocessing.get_context("fork")
    waiting = jobs[:]
    running: list[tuple[tuple[str, str], multiprocessing.process.BaseProcess, Connection, float]] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            job = waiting.pop(0)
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(*job, sender))
            process.start()
            sender.close()
            running.append((job, process, receiver, time.monotonic()))
        for entry in running[:]:
            job, process, receiver, started = entry
            late = time.monotonic() - started > SECONDS
            if not (receiver.poll() or late or not process.is_alive()):
                continue
            running.remove(entry)
            yield _received(job, receiver, f"longer than {SECONDS} seconds" if late else "its process died")
            process.kill()
            process.join()
        time.sleep(0.02)


def _received(job: tuple[str, str], receiver: Connection, otherwise: str) -> Outcome:
    try:
        if receiver.poll():
            received: Outcome = receiver.recv()
            return received
    except EOFError:
        pass
    return Outcome(*job, TASKS[job[1]][job[0]], NOT_BUILT, note=otherwise)


def _work(kind: str, task: str, sender: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30, GIGABYTES << 30))
    sender.send(_outcome(kind, task))


def _outcome(kind: str, task: str) -> Outcome:
    name = TASKS[task][kind]
    try:
        model = build(kind, task)
    except NotBuiltError as reason:
        return Outcome(kind, task, name, NOT_BUILT, note=str(reason))
    seen = examine(model)
    stacks = [layer.site.stack for layer in seen.layers]
    layers = ", ".join(f"{stack} {stacks.count(stack)}" for stack in dict.fromkeys(stacks))
    if seen.refusal:
        return Outcome(kind, task, name, REFUSED, seen.parameters, layers, note=seen.refusal)
    engines = [layer.erasure.engine for layer in seen.layers if layer.erasure]
    sinks = any(layer.site.extra for layer in seen.layers)
    return Outcome(kind, task, name, VERIFIED, seen.parameters, layers, engines[-1], engines[0], sinks, *check(model))


if __name__ == "__main__":
    main()

"""Sweep over every model type of transformers that has a model of texts, pictures or sounds; write the table in docs/.

python -m experiments.model_sweep [--resume FILE]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import signal
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import torch
from transformers.utils import logging

from attnprobe.engines.examination import examine
from experiments.model_sweep.examples import examples, of_other_modality
from experiments.model_sweep.independent_checks import check
from experiments.model_sweep.outcomes import NOT_BUILT, REFUSED, VERIFIED, Outcome
from experiments.model_sweep.page import page
from experiments.model_sweep.tiny_models import TASKS, NotBuiltError, build, class_name, model_types

SECONDS, GIGABYTES = 20, 10
"""A model may take so much of a processor's time, and so much address space (most of it is the library's own)."""

AT_ONCE = 1

_IN_ORDER = sorted(TASKS, key=lambda task: not of_other_modality(task))
"""Tasks of pictures and sounds first: what is interrupted has something of each."""


def main() -> None:
    """Run the sweep and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--page", type=Path, default=Path("docs/models.md"))
    parser.add_argument("--table", type=Path, default=Path("docs/results/models.csv"))
    parser.add_argument("--types", nargs="+", default=model_types(), metavar="TYPE")
    parser.add_argument("--tasks", nargs="+", default=_IN_ORDER, metavar="TASK", choices=list(TASKS))
    parser.add_argument("--resume", type=Path, help="a file of outcomes, which is gone on with and added to")
    parser.add_argument("--earlier", type=Path, help="a table of an earlier sweep, for what has not been run")
    parser.add_argument("--write-only", action="store_true", help="run nothing, and write what there is")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    jobs = [(kind, task) for task in arguments.tasks for kind in arguments.types if kind in TASKS[task]]
    outcomes = _earlier(arguments.resume, jobs)
    done = {(outcome.type, outcome.task) for outcome in outcomes}
    for outcome in _run([] if arguments.write_only else [job for job in jobs if job not in done]):
        outcomes.append(outcome)
        if arguments.resume:
            with arguments.resume.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
        print(
            f"{len(outcomes)}/{len(jobs)} {outcome.type}, {outcome.task}: {outcome.outcome} {outcome.note}", flush=True
        )
    missing = set(jobs) - {(outcome.type, outcome.task) for outcome in outcomes}
    earlier = [outcome for outcome in _of_table(arguments.earlier) if (outcome.type, outcome.task) in missing]
    outcomes += earlier
    tasks = list(TASKS)
    outcomes.sort(key=lambda outcome: (outcome.type, tasks.index(outcome.task)))
    pd.DataFrame([asdict(outcome) for outcome in outcomes]).to_csv(arguments.table, index=False)
    left = len(missing) - len(earlier)
    arguments.page.write_text(page(outcomes, len(earlier), left), encoding="utf-8")


def _earlier(file: Path | None, jobs: list[tuple[str, str]]) -> list[Outcome]:
    """Outcomes of these jobs that were written down before, one a line."""
    if file is None or not file.exists():
        return []
    found = [Outcome(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    return [outcome for outcome in found if (outcome.type, outcome.task) in set(jobs)]


def _of_table(table: Path | None) -> list[Outcome]:
    """The outcomes of a table that a sweep has written."""
    if table is None:
        return []
    rows = pd.read_csv(table, keep_default_na=False).to_dict("records")
    truth = {"True": True, "False": False, "": None}
    known = {field.name for field in fields(Outcome)}
    return [
        Outcome(
            **{
                str(name): truth.get(value, value) if name in ("mask", "knockout", "sinks") else value
                for name, value in row.items()
                if name in known
            }
        )
        for row in rows
    ]


def _run(jobs: list[tuple[str, str]]) -> Iterator[Outcome]:
    """The outcomes as they come, of processes that share only the imports."""
    context = multiprocessing.get_context("fork")
    waiting = jobs[:]
    running: list[tuple[tuple[str, str], multiprocessing.process.BaseProcess, Connection]] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            job = waiting.pop(0)
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(*job, sender))
            process.start()
            sender.close()
            running.append((job, process, receiver))
        for entry in running[:]:
            job, process, receiver = entry
            if not (receiver.poll() or not process.is_alive()):
                continue
            running.remove(entry)
            process.join(1)
            late = process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
            yield _received(
                job, receiver, f"longer than {SECONDS} seconds of a processor" if late else "its process died"
            )
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
    return Outcome(*job, class_name(*job), NOT_BUILT, note=otherwise)


def _work(kind: str, task: str, sender: Connection) -> None:
    spent = int(time.process_time())  # of a fork it begins at what its parent has not spent
    resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS, spent + SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30, GIGABYTES << 30))
    sender.send(_outcome(kind, task))


def _outcome(kind: str, task: str) -> Outcome:
    name = class_name(kind, task)
    try:
        model = build(kind, task)
    except NotBuiltError as reason:
        return Outcome(kind, task, name, NOT_BUILT, note=str(reason))
    seen = examine(model, inputs=examples(model, task) if of_other_modality(task) else None)
    stacks = [layer.site.stack for layer in seen.layers]
    layers = ", ".join(f"{stack} {stacks.count(stack)}" for stack in dict.fromkeys(stacks))
    if seen.refusal:
        return Outcome(kind, task, name, REFUSED, seen.parameters, layers, note=seen.refusal)
    engines = [layer.erasure.engine for layer in seen.layers if layer.erasure]
    sinks = any(layer.site.extra for layer in seen.layers)
    outcome = Outcome(kind, task, name, VERIFIED, seen.parameters, layers, engines[-1], engines[0], sinks)
    return outcome if of_other_modality(task) else replace(outcome, **check(model)._asdict())


if __name__ == "__main__":
    main()

"""Every format that is read from disk: how a hostile input is made, how it is read, and its share of all inputs."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.fuzzing import by_command, checkpoints, dataset_files, library_calls, results, run_files
from tests.fuzzing.judging import judge, kind_of, limited_memory


class Format(NamedTuple):
    """Inputs of a kind; of ``share`` in a thousand inputs each."""

    make: Callable[..., Path]
    read: Callable[[Path], None]
    share: int


class Tally(NamedTuple):
    """What became of a format's inputs; ``failures`` are numbers of inputs and what they did."""

    inputs: int
    accepted: int
    refused: int
    refusals: Counter[str]
    failures: list[tuple[int, BaseException]]
    seconds: float


_DATASETS = {"tsv": 130, "csv": 130, "jsonl": 130, "parquet": 120, "packed": 80}

FORMATS: dict[str, Format] = {
    **{
        f"dataset, {kind}": Format(partial(dataset_files.make, kind=kind), dataset_files.read, share)
        for kind, share in _DATASETS.items()
    },
    "experiment": Format(run_files.make_experiment, run_files.read_experiment, 50),
    "grid": Format(run_files.make_grid, run_files.read_grid, 40),
    "config.json of a run": Format(run_files.make_configuration, run_files.read_run_configuration, 40),
    "config.json of results": Format(run_files.make_configuration, run_files.read_reported_configuration, 40),
    "summary.json": Format(run_files.make_summary, run_files.read_summary, 40),
    "vocabulary.txt": Format(run_files.make_vocabulary, run_files.read_vocabulary, 50),
    "model.safetensors": Format(run_files.make_weights, run_files.read_weights, 30),
    "training-state.safetensors": Format(run_files.make_training_state, run_files.read_training_state, 30),
    "result tables": Format(results.make_run, results.read_results, 15),
    "result tables, verified": Format(results.make_verified, results.read_verified, 20),
    "shard files": Format(results.make_pieces, results.read_pieces, 15),
    "groups of documents": Format(results.make_groups, results.read_groups, 20),
    "tokenised store": Format(results.make_cache, results.read_cache, 5),
    "stamp of a fine-tuned model": Format(checkpoints.make_stamp, checkpoints.read_stamp, 10),
    "Hugging Face folder": Format(checkpoints.make, checkpoints.read, 5),
    "experiment, by the command": Format(by_command.make_experiment, by_command.read_experiment, 12),
    "run folder, by a command": Format(by_command.make_run_folder, by_command.read_run_folder, 12),
    "library calls": Format(library_calls.make, library_calls.read, 100),
    "library calls, by brute force": Format(library_calls.make_documents, library_calls.read_documents, 25),
}


def fuzz(name: str, inputs: int, seed: int, most_failures: int = 3) -> Tally:
    """Make and judge inputs of a format; stops after ``most_failures``."""
    made: Format = FORMATS[name]
    accepted, refusals, failures, started, number = 0, Counter(), [], time.perf_counter(), 0
    parent = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=parent) as warm:
        made.make(random.Random(0), Path(warm))  # what is made once is not counted as an input's memory
    with limited_memory():
        for number in range(inputs):
            with tempfile.TemporaryDirectory(dir=parent) as folder:
                try:
                    path = made.make(random.Random(f"{seed} {name} {number}"), Path(folder))
                    sentence = judge(made.read, path, Path(folder))
                except KeyboardInterrupt:
                    raise
                except BaseException as error:
                    failures.append((number, error))
                    if len(failures) == most_failures:
                        break
                    continue
            accepted += sentence is None
            if sentence is not None:
                refusals[kind_of(sentence)] += 1
    seconds = time.perf_counter() - started
    return Tally(number + 1, accepted, sum(refusals.values()), refusals, failures, seconds)


def table(tallies: dict[str, Tally]) -> str:
    """As Markdown: a row a format."""
    rows: list[tuple[str, ...]] = [("format", "inputs", "accepted", "refused", "distinct refusals", "seconds")]
    rows.append(("---", "---:", "---:", "---:", "---:", "---:"))
    for name, tally in tallies.items():
        counts = (tally.inputs, tally.accepted, tally.refused, len(tally.refusals), round(tally.seconds))
        rows.append((name, *(f"{count:,}" for count in counts)))
    total: list[Any] = [sum(getattr(t, field) for t in tallies.values()) for field in ("inputs", "accepted", "refused")]
    rows.append(("all", *(f"{count:,}" for count in total), "", f"{sum(t.seconds for t in tallies.values()):,.0f}"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)

"""The stage of a run in which its test split is probed: shard by shard, by whatever executor, then joined."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from tqdm import tqdm

from attnprobe.atomic_files import append_line
from attnprobe.errors import FailedError
from attnprobe.execution.joining import Joined, decided_classes, join_pieces
from attnprobe.execution.probing_work import TEST, ProbingWork
from attnprobe.execution.scheduling import carry_out
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.execution.shard_files import DamagedError, Remarks
from attnprobe.execution.shards import Piece, shards
from attnprobe.execution.work import Done
from attnprobe.probes.head_map import Drawn
from attnprobe.probing import document_seeds
from attnprobe.run_lock import locked
from attnprobe.stages import Run, special_strings_in_words
from attnprobe.subjects import Tested

ATTEMPTS = 3
"""How often a shard is probed again whose finished files turn out damaged."""

BY_DEFAULT = ExecutionSettings()

NAMED = 100
"""Documents that are left out are named in the summary up to this many."""


def probe(run: Run, execution: ExecutionSettings = BY_DEFAULT) -> int:
    """Run every erasure test on the test split with the trained model, or leave finished tables as they are.

    Returns:
        How many documents were left out because they broke the model.

    Raises:
        InputError: there is no trained model, or it is corrupt or foreign, or not one document could be probed.
    """
    folder = run.folder
    tested = run.subject.load()
    stamp = f"{run.configuration.fingerprint}/{tested.digest}"
    if folder.is_probed(stamp):
        run.say(f"Probing: finished before, reusing {folder.table('documents')}.")
        ProbingWork(folder.path, run.configuration, run.dataset, run.device, tested).files.remove_all()
        return _quarantined(run)
    work = ProbingWork(folder.path, run.configuration, run.dataset, run.device, tested)
    with folder.timed("probing"):
        pieces = shards(work.split.windows, execution.windows)
        if execution.share is not None:
            _carry_out_share(run, work, pieces, execution)
            return 0
        joined = _probed_and_joined(run, work, pieces, tested, execution)
        _say_remarks(run, work, joined)
    work.files.remove_all()
    return len(joined.remarks.lost)


def _probed_and_joined(
    run: Run, work: ProbingWork, pieces: list[Piece], tested: Tested[Any], execution: ExecutionSettings
) -> Joined:
    for _ in range(ATTEMPTS):
        _carry_out(run, work, pieces, execution)
        try:
            classes = tested.own_classes(decided_classes(work.files, pieces), run.dataset.labels)
            of_labels = None if classes is None else classes.of_labels
            lost = [number for piece in pieces for number in work.files.remarks(piece).lost]
            heads = _map_of_heads(run, work, tested, lost)
            if heads is not None:
                run.folder.write_table("heads", [heads], work.stamp)
            joined = join_pieces(work.files, pieces, run.folder, work.stamp, of_labels)
        except DamagedError as damage:
            run.say(f"{damage.path} is damaged: its documents are probed again.")
            work.files.remove(damage.piece)
            continue
        names: dict[str, Any] = {} if classes is None else {"classes": classes.names}
        if joined.remarks.special:
            names["special_strings"] = joined.remarks.special
        run.folder.note(labels=run.dataset.labels, **tested.notes, **names, quarantined=_told(joined.remarks))
        return joined
    raise FailedError(f"{work.files.folder}: files are damaged again and again; is the disk sound?")


def _carry_out(run: Run, work: ProbingWork, pieces: list[Piece], execution: ExecutionSettings) -> None:
    executor = execution.make(work.split.windows, run.device.type)

    def note(done: Done[Piece]) -> None:
        documents = len(work.numbers(done.piece))
        entry = {"piece": done.piece.name, "documents": documents, "words": work.cost(done.piece)}
        entry |= {"seconds": done.seconds, "cpu_seconds": done.cpu_seconds, "worker": done.worker}
        append_line(run.folder.execution_log, json.dumps(entry | {"end": time.time()}))

    carry_out(work, pieces, executor, run.say, note)


def _carry_out_share(run: Run, work: ProbingWork, pieces: list[Piece], execution: ExecutionSettings) -> None:
    share = execution.share
    assert share is not None
    name = f"{share.part}-of-{share.parts}"
    with locked(run.folder.lock.with_name(f"run.lock-{name}"), run.folder.path):
        _carry_out(run, work, share.of(pieces), execution)
    done = sum(work.is_done(piece) for piece in pieces)
    run.say(
        f"Probing: {done:,} of {len(pieces):,} shards are there; when all are, join them with: "
        f"attnprobe probe {run.folder.path}"
    )


def _map_of_heads(run: Run, work: ProbingWork, tested: Tested[Any], lost: list[int]) -> pa.Table | None:
    """Of the first documents of a seeded order that have results."""
    asked, seed = tested.probe.head_map_documents, run.configuration.settings.seed
    if not asked:
        return None
    order = np.random.default_rng(seed).permutation(len(work.split))[: asked + len(lost)]
    order = order[~np.isin(order, lost)][:asked]
    numbers = np.sort(order)
    seeds = document_seeds(
        seed, np.array(work.split.content_hashes[numbers]), np.array(work.split.occurrences[numbers])
    )
    drawn = Drawn(
        encoded=run.subject.encode(work.split.take(numbers)),
        numbers=numbers,
        order=np.searchsorted(numbers, order),
        seeds=torch.from_numpy(seeds.view(np.int64)),
    )
    with tqdm(unit=" tokens × layers", unit_scale=True, desc="single heads", disable=None, leave=False) as bar:
        return tested.probe.map_of_heads(drawn, run.device, bar.update)


def _told(remarks: Remarks) -> dict[str, Any]:
    """What the summary says of documents that were left out."""
    first = sorted(remarks.lost.items())[:NAMED]
    return {"documents": len(remarks.lost), "first": [[document, why] for document, why in first]}


def _say_remarks(run: Run, work: ProbingWork, joined: Joined) -> None:
    cut, special, longest, lost = dataclasses.astuple(joined.remarks)
    if cut:
        run.say(
            f"{cut:,} of {len(work.split):,} {TEST} documents are longer than the model takes: "
            f"they are cut to {longest:,} tokens."
        )
    if special:
        run.say(special_strings_in_words(special, len(work.split), TEST))
    if lost:
        run.say(
            f"{len(lost):,} of {len(work.split):,} documents broke the model and were left out: "
            f"see quarantined in {run.folder.summary}."
        )


def _quarantined(run: Run) -> int:
    return int((run.folder.read_summary().get("quarantined") or {}).get("documents", 0))

"""The stage of a run in which its test split is probed: shard by shard, by whatever executor, then joined."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

import numpy as np

from attnprobe.base.atomic_files import append_line
from attnprobe.base.errors import FailedError
from attnprobe.base.run_lock import locked
from attnprobe.erasure.registered_measurements import MEASUREMENTS, OWN_MEASUREMENTS
from attnprobe.erasure.registered_orderings import chosen_orderings
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.execution.work import Done
from attnprobe.models.subject import Tested
from attnprobe.runs.configuration import RationalesSource, what_is_registered
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.measurement_records import recorded_measurements
from attnprobe.runs.ordering_records import recorded_orderings
from attnprobe.runs.run_folder import ASKED, left_out_before
from attnprobe.runs.tables import read_table
from attnprobe.stages.canonical_tables import joined as in_order_of_document
from attnprobe.stages.certified_sample import cost_in_words
from attnprobe.stages.foretelling import Foretelling
from attnprobe.stages.group_work import left_out
from attnprobe.stages.head_map_work import HeadMapWork
from attnprobe.stages.joining import Joined, decided_classes, join_pieces
from attnprobe.stages.kept_maps import has_maps, keep_maps
from attnprobe.stages.kept_states import keep_states
from attnprobe.stages.probing_work import ProbingWork
from attnprobe.stages.run_work import TEST
from attnprobe.stages.shard_files import DamagedError
from attnprobe.stages.shards import Piece, shards
from attnprobe.stages.sinks import keep_sink
from attnprobe.stages.training import Run, special_strings_in_words
from attnprobe.stages.training_vectors import keep_training_vectors

SINGLE_HEADS = "single_heads"
"""Under this key the summary says, among what is quarantined, which documents the map of single heads lacks."""

ATTEMPTS = 3
"""How often a shard is probed again whose finished files turn out damaged."""

BY_DEFAULT = ExecutionSettings()


def probe(
    run: Run, execution: ExecutionSettings = BY_DEFAULT, tested: Tested[Any] | None = None, *, foretold: bool = False
) -> int:
    """Run every erasure test on the test split with the trained model, or leave finished tables as they are.

    Args:
        run: what is probed.
        execution: by whom.
        tested: its model, where it is loaded already.
        foretold: whether it has been said what that takes, as of a view.

    Returns:
        How many documents were left out because they broke the model.

    Raises:
        InputError: there is no trained model, or it is corrupt or foreign, or not one document could be probed.
    """
    folder, run = run.folder, _with_rationales(run)
    tested = tested or run.subject.load()
    made_with = f"{run.configuration.read_by}/{tested.digest}"
    keep_training_vectors(run, tested.probe, made_with)
    keep_sink(run, tested.probe, made_with)
    work = ProbingWork(run, tested)
    if folder.is_probed(work.table_stamp):
        run.say(f"Probing: finished before, reusing {folder.table('documents')}.{_not_tried(run)}")
        if execution.share is None and folder.lacks_map_of_heads(
            run.configuration.settings.attention_by_head, work.stamp
        ):
            _add_map_of_heads(run, work, tested, execution)
        if execution.share is None and not has_maps(run, tested, work.stamp):
            keep_maps(run, tested, work.stamp, _without_results(run, work))
        work.files.remove_all()
        return _quarantined(run)
    folder.record_registered(what_is_registered(run.configuration))
    if work.certified is not None and not foretold:
        run.say(cost_in_words(work.certified, np.asarray(work.split.words_per_document)))
    with folder.timed("probing"):
        keep_states(run.subject, tested.probe, work.stamp)
        pieces = shards(work.split.windows, execution.windows)
        if execution.share is not None:
            _carry_out_share(run, work, pieces, execution)
            return 0
        joined, not_mapped = _probed_and_joined(run, work, pieces, tested, execution)
        _say_remarks(run, work, joined, not_mapped)
    work.files.remove_all()
    return len(joined.remarks.lost | not_mapped)


def _with_rationales(run: Run) -> Run:
    """The run with the rationales that lie beside its data now, which may have come since it was begun."""
    rationales = RationalesSource.of(run.dataset.rationales)
    if rationales == run.configuration.rationales:
        return run
    configuration = dataclasses.replace(run.configuration, rationales=rationales)
    run.folder.record_settings(configuration)
    return dataclasses.replace(run, configuration=configuration)


def _not_tried(run: Run) -> str:
    """Which orderings and measurements there are now that the run was not probed with, in a sentence."""
    content = read_configuration(run.folder.config)
    before, measured = recorded_orderings(content), recorded_measurements(content)
    chosen = chosen_orderings(run.configuration.settings.orderings)
    new = [name for name in chosen if name not in before]
    new += [name for name in MEASUREMENTS if name not in measured and name not in OWN_MEASUREMENTS]
    return f" It was probed without {', '.join(new)}: give --force to start over with it." if new else ""


def _probed_and_joined(
    run: Run, work: ProbingWork, pieces: list[Piece], tested: Tested[Any], execution: ExecutionSettings
) -> tuple[Joined, dict[int, str]]:
    """What was said of the pieces, and which documents the map of single heads had to leave out, and why."""
    for _ in range(ATTEMPTS):
        _carry_out(run, work, pieces, execution)
        try:
            classes = tested.own_classes(decided_classes(work.files, pieces), run.dataset.labels)
            of_labels = None if classes is None else classes.of_labels
            lost = [number for piece in pieces for number in work.files.remarks(piece).lost]
            not_mapped = _map_of_heads(run, work, tested, execution, lost)
            keep_maps(run, tested, work.stamp, lost)
            joined = join_pieces(work.files, pieces, run.folder, work.table_stamp, of_labels)
        except DamagedError as damage:
            run.say(f"{damage.path} is damaged: its documents are probed again.")
            work.files.remove(damage.piece)
            continue
        names: dict[str, Any] = {} if classes is None else {"classes": classes.names}
        label_names = tested.label_names(run.dataset.labels)
        if label_names is not None:
            names["decided_labels"] = label_names
        settings, numbers = run.configuration.settings, tested.probe.meaning.targets
        if numbers:
            of_targets = zip(tested.notes.get("continuation", settings.targets), numbers, strict=True)
            names["targets"] = [{"name": name, "class": number} for name, number in of_targets]
        if joined.remarks.special:
            names["special_strings"] = joined.remarks.special
        quarantined = left_out(joined.remarks.lost)
        if not_mapped is not None:
            quarantined[SINGLE_HEADS] = left_out(not_mapped)
        run.folder.note(labels=run.dataset.labels, **tested.notes, **names, quarantined=quarantined)
        return joined, not_mapped or {}
    raise FailedError(f"{work.files.folder}: files are damaged again and again; is the disk sound?")


def _carry_out(run: Run, work: ProbingWork, pieces: list[Piece], execution: ExecutionSettings) -> None:
    name = "under-way" if execution.share is None else f"under-way-{execution.share.part}-of-{execution.share.parts}"
    under_way = work.files.folder / f"{name}.txt"

    def note(done: Done[Piece]) -> None:
        documents = len(work.numbers(done.piece))
        entry = {"piece": done.piece.name, "documents": documents, "words": work.cost(done.piece)}
        entry |= {"seconds": done.seconds, "cpu_seconds": done.cpu_seconds, "worker": done.worker}
        append_line(run.folder.execution_log, json.dumps(entry | {"end": time.time()}))

    execution.carry_out(work, pieces, work.split.windows, run.device.type, run.say, under_way, note)


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


def _map_of_heads(
    run: Run, work: ProbingWork, tested: Tested[Any], execution: ExecutionSettings, lost: list[int]
) -> dict[int, str] | None:
    """Write the table of heads; which documents it had to leave out, and why; None where there is no such table."""
    if not tested.probe.head_map_documents:
        return None
    heads = HeadMapWork(run, tested)
    groups = heads.groups(lost)
    windows, device = work.split.windows, run.device.type
    workers, documents = execution.worker_count(windows, device), sum(len(group.numbers) for group in groups)
    what, less = f"Single heads of {documents:,} documents", "--head-map-documents N takes fewer, and 0 none"
    told = Foretelling(heads, groups, workers, what, less, run.say)
    under_way = run.folder.shards / "under-way-heads.txt"
    alone = execution.carry_out(heads, told.pieces, windows, device, run.say, under_way, told.note)
    rows, missing = heads.results(groups, alone)
    if rows is not None:
        windows_of_rows = [in_order_of_document([rows])]
        run.folder.write_table(heads.table, windows_of_rows, work.stamp, **{ASKED: str(heads.asked)})
    return missing


def _add_map_of_heads(run: Run, work: ProbingWork, tested: Tested[Any], execution: ExecutionSettings) -> None:
    """Test single heads of a run that is probed, and was so without that."""
    run.say("Probing: single heads are tested, which was not asked for before.")
    missing = _map_of_heads(run, work, tested, execution, _without_results(run, work)) or {}
    run.folder.note(quarantined={SINGLE_HEADS: left_out(missing)})
    _say_not_mapped(run, missing)


def _without_results(run: Run, work: ProbingWork) -> list[int]:
    """The documents of the split that a probed run has no results of."""
    present = read_table(run.folder.table("documents"), ["document"])["document"].to_numpy()
    lost: list[int] = np.setdiff1d(np.arange(len(work.split)), present).tolist()
    return lost


def _say_remarks(run: Run, work: ProbingWork, joined: Joined, not_mapped: dict[int, str]) -> None:
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
    _say_not_mapped(run, not_mapped)


def _say_not_mapped(run: Run, not_mapped: dict[int, str]) -> None:
    if not_mapped:
        run.say(
            f"{len(not_mapped):,} documents are left out of the map of single heads: "
            f"see quarantined in {run.folder.summary}."
        )


def _quarantined(run: Run) -> int:
    summary = run.folder.read_summary()
    return left_out_before(summary) + left_out_before(summary, SINGLE_HEADS)

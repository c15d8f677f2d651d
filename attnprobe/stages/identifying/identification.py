"""Identify a run's attention: nullity of many documents, linear programs on a sample, tables in the run's folder."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from attnprobe.base.atomic_files import remove_leftovers, replacing
from attnprobe.base.errors import FailedError, InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import metadata_of, opened_parquet
from attnprobe.base.run_layout import remove_unfinished
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.models.subject import Tested
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.meaning_records import require_default
from attnprobe.runs.run_folder import RunFolder, left_out_before
from attnprobe.runs.tables import groups_of_table, read_table
from attnprobe.settings.identification import Identified
from attnprobe.stages.foretelling import Foretelling
from attnprobe.stages.group_files import Group, Results
from attnprobe.stages.group_work import GroupWork, left_out
from attnprobe.stages.identifying.document_work import NullityWork, ProgramsWork
from attnprobe.stages.identifying.identification_tables import OF_DOCUMENTS, head_table, weight_table, with_reach
from attnprobe.stages.identifying.nullities import Columns
from attnprobe.stages.identifying.programs import Entry
from attnprobe.stages.training import Run

BY_DEFAULT = ExecutionSettings()

LONGEST = 512
"""Items of the longest documents that programs are run on: their cost grows with the third power."""

NULLITIES = 100_000
"""Documents × heads whose nullity is computed: all of most splits."""

IDENTIFICATION = "identification"
"""Under this key the summary says, among what is quarantined, which documents had to be left out here."""

SETTINGS = b"identified"
"""Under this key a table's metadata says what was computed."""


def identify(run: Run, wanted: Identified, execution: ExecutionSettings = BY_DEFAULT) -> int:
    """Write the tables of a probed run, or leave finished ones as they are, or go on where it was interrupted.

    Returns:
        How many documents had to be left out because they broke the model, or took too long.

    Raises:
        InputError: the run is not probed with the model that is there, there are no such layers or heads, or the
            model's values cannot be seen.
        FailedError: not one document could be read.
    """
    folder = run.folder
    require_default(read_configuration(folder.config), str(folder.path), "identifying")
    tested = run.subject.load()
    stamp = f"{run.configuration.fingerprint}/{tested.digest}"
    probed = f"{run.configuration.erased_by}/{tested.digest}"
    if not folder.is_probed(probed):
        raise InputError(f"{folder.path} holds no results of its model; run attnprobe probe first.")
    affine = tested.probe.readout is not None
    if _is_identified(folder, stamp, wanted, affine=affine):
        run.say(f"Identifiability: finished before, reusing {folder.table('identifiability')}.")
        return left_out_before(folder.read_summary(), IDENTIFICATION)
    with folder.timed("identifiability"):
        nullities, without_nullity = _nullities(run, tested, wanted, execution)
        entries, without_programs = _programs(run, tested, wanted, execution, nullities)
        lost = without_nullity | without_programs
        folder.note(quarantined={IDENTIFICATION: left_out(lost)})
        if affine:
            windows = groups_of_table(folder.table("documents"))
            folder.write_table("documents", (with_reach(window, entries) for window in windows), probed)
        _write(folder, stamp, wanted, nullities, entries)
    remove_leftovers(folder.identification_state, deep=False)
    remove_unfinished(folder.identification_state)
    if lost:
        run.say(
            f"{len(lost):,} documents broke the model, or took too long, and were left out: "
            f"see quarantined in {folder.summary}."
        )
    return len(lost)


def _is_identified(folder: RunFolder, stamp: str, wanted: Identified, *, affine: bool) -> bool:
    try:
        stamps = [metadata_of(folder.table(name)) for name in ("identifiability", "weight_ranges")]
        with opened_parquet(folder.table("documents")) as file:
            documents = file.names
    except (OSError, InputError, UnreadableError):
        return False
    expected = _metadata(stamp, wanted)
    whole = not affine or set(OF_DOCUMENTS) <= set(documents)  # probed again, they are gone
    return whole and all(found == expected for found in stamps)


def _metadata(stamp: str, wanted: Identified) -> dict[bytes, bytes]:
    entries = dataclasses.asdict(wanted) | {"longest": LONGEST}
    return {b"attnprobe": stamp.encode(), SETTINGS: json.dumps(entries, sort_keys=True).encode()}


def _nullities(
    run: Run, tested: Tested[Any], wanted: Identified, execution: ExecutionSettings
) -> tuple[Columns, dict[int, str]]:
    """Of documents that have results, and which of these were left out, and why."""
    work = NullityWork(run, tested, wanted.layers, wanted.heads)
    order = _order(run.folder, len(work.split), wanted)
    heads = tested.probe.heads_read(wanted.layers, wanted.heads)
    groups = work.groups(np.sort(order[: max(wanted.documents, NULLITIES // heads)]))
    rows, lost = _results(run, work, groups, execution)
    if rows is None:
        raise FailedError(f"Not one document could be read; the first failed with: {next(iter(lost.values()))}")
    return work.columns(rows), lost


def _programs(
    run: Run, tested: Tested[Any], wanted: Identified, execution: ExecutionSettings, nullities: Columns
) -> tuple[dict[int, list[Entry]], dict[int, str]]:
    """Entries of the documents of a sample, and which of these were left out, and why."""
    work = ProgramsWork(run, tested, wanted.layers, wanted.heads)
    sampled = _sample(nullities, _order(run.folder, len(work.split), wanted), len(work.split), wanted)
    groups = work.groups(sampled)
    done = sum(map(work.is_done, groups))
    if done:
        run.say(f"Identifiability: resuming after {done} of {len(groups)} documents.")
    rows, lost = _results(run, work, groups, execution)
    return work.entries(rows), lost


def _results(run: Run, work: GroupWork, groups: list[Group], execution: ExecutionSettings) -> Results:
    under_way = run.folder.identification_state / "under-way.txt"
    windows, device = work.split.windows, run.device.type
    workers, documents = execution.worker_count(windows, device), sum(len(group.numbers) for group in groups)
    what, less = f"Identifiability: {work.of} of {documents:,} documents", "--documents N takes fewer"
    told = Foretelling(work, groups, workers, what, less, run.say)
    alone = execution.carry_out(work, told.pieces, windows, device, run.say, under_way, told.note)
    return work.results(groups, alone)


def _order(folder: RunFolder, documents: int, wanted: Identified) -> npt.NDArray[np.int64]:
    """The documents that have results, in a random order."""
    order = np.random.default_rng(wanted.seed).permutation(documents)
    probed = read_table(folder.table("documents"), ["document"])["document"].to_numpy()
    return order[np.isin(order, probed)]


def _sample(
    nullities: Columns, order: npt.NDArray[np.int64], documents: int, wanted: Identified
) -> npt.NDArray[np.int64]:
    """The first documents of a random order that have more than one item and no more than ``LONGEST``."""
    longest = np.zeros(documents, dtype=np.int64)
    np.maximum.at(longest, nullities["document"], nullities["n"])
    fit = (longest[order] > 1) & (longest[order] <= LONGEST)
    return np.sort(order[fit][: wanted.documents])


def _write(
    folder: RunFolder,
    stamp: str,
    wanted: Identified,
    nullities: Columns,
    entries: dict[int, list[Entry]],
) -> None:
    """The table of heads is written last: where it is, the others are."""
    heads = head_table([nullities], entries)
    for name, table in (("weight_ranges", weight_table(heads, entries)), ("identifiability", heads)):
        with replacing(folder.table(name)) as temporary:
            pq.write_table(table.replace_schema_metadata(_metadata(stamp, wanted)), temporary, compression="zstd")

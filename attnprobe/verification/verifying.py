"""Verify a finished run: one check after another, until one fails, for those behind it build on it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from attnprobe.base.errors import InputError
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_decisions import OWN as OWN_DECISIONS
from attnprobe.erasure.registered_orderings import GREEDY, OWN, RANK, SMALLEST_SET, Role
from attnprobe.erasure.registered_ways import ERASING
from attnprobe.erasure.registered_ways import OWN as OWN_WAYS
from attnprobe.erasure.state_names import FLIP_P
from attnprobe.explanations.names import judged_as
from attnprobe.models.subject import Tested
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.meaning_records import CHOSEN, recorded_meaning, recorded_ways
from attnprobe.runs.measurement_records import recorded_measurements
from attnprobe.runs.ordering_records import ENTRY, OrderingRecord, record_of, recorded_orderings
from attnprobe.runs.run_folder import ATTENTION_MAPS, CURVES, FURTHER_TABLES, MAPS_OF_HEADS, RunFolder
from attnprobe.settings.attention import QUICK
from attnprobe.settings.verification import Sample
from attnprobe.stages.sinks import leave_out_sink
from attnprobe.stages.tables import curved_documents, sample_of_documents
from attnprobe.stages.training import Run
from attnprobe.verification.completeness import (
    Present,
    check_erasures,
    check_items,
    draws_of_first,
    present_documents,
)
from attnprobe.verification.curve_rows import check_curves
from attnprobe.verification.kept_maps import compare_maps
from attnprobe.verification.measured_again import measured_again
from attnprobe.verification.orders import FURTHER_KEYS, asked_of_every_run, ordering_draws
from attnprobe.verification.origin import (
    check_configuration,
    check_data,
    check_stamps,
    check_vocabulary,
    labels_of_documents,
)
from attnprobe.verification.own_orders import check_own_orders
from attnprobe.verification.rationale_marks import check_marks
from attnprobe.verification.row_batches import columns_of, reals, row_batches
from attnprobe.verification.single_heads import compare_effects
from attnprobe.verification.sinks import check_left_out, check_sink
from attnprobe.verification.states_again import check_states
from attnprobe.verification.training_vectors import check_training_vectors
from attnprobe.verification.truth import compare_with_reference, drawn


class Finding(NamedTuple):
    """What a check found: whether all is as it should be, and one sentence on it."""

    holds: bool
    sentence: str

    def __str__(self) -> str:
        return f"{'verified' if self.holds else 'failed'}: {self.sentence}"


def verify(folder: RunFolder, reopen: Callable[[Path], Run], sample: Sample) -> Iterator[Finding]:
    """Check a finished run; the first check that fails is the last.

    Args:
        folder: of the run.
        reopen: loads it and its data, and raises InputError where they have changed.
        sample: what is held against the slow reference.
    """
    try:
        for sentence in _checks(folder, reopen, sample):
            yield Finding(True, sentence)
    except InputError as error:
        yield Finding(False, str(error))


def _checks(folder: RunFolder, reopen: Callable[[Path], Run], sample: Sample) -> Iterator[str]:
    yield check_configuration(folder)
    run = reopen(folder.path)
    yield check_data(run)
    vocabulary = check_vocabulary(run)
    if vocabulary is not None:
        yield vocabulary
    tested = run.subject.load()
    yield check_stamps(run, tested)
    yield from check_training_vectors(run, tested)
    leave_out_sink(tested.probe, run.subject, f"{run.configuration.read_by}/{tested.digest}")
    told = read_configuration(folder.config)
    meant = [*zip((each.registry for each in CHOSEN), recorded_meaning(told), strict=True)]
    for registry, record in [*meant, *((ERASING, way) for way in list(recorded_ways(told).values())[1:])]:
        if record is not None and record.name in OWN_DECISIONS and registry is not ERASING:
            yield f"the {registry.kind} {record.name} is made again by hand"
        elif record is not None and record.name not in OWN_WAYS:
            here = registry.origin(record.name)
            of = f"{record.name} is of {record.origin or 'a program that registered it'}"
            called = "it" if here == record.origin else f"that of {here or 'this program'}"
            yield f"the {registry.kind} {of}: the reference calls {called}, too, and does not check it"
    records = recorded_orderings(told)
    others = {name: records[name] for name in told.get(ENTRY) or () if name not in asked_of_every_run()}
    present = yield from _check_tables(run, tested, others)
    if run.configuration.explanations is not None:
        kept = sample_of_documents(len(run.dataset.splits["test"]), run.configuration.settings.seed)
        with_items = present.numbers[kept[present.numbers]]
        every = np.ones(len(with_items), dtype=bool)
        yield check_own_orders(run, tested, drawn(with_items, every, sample))
    if run.configuration.rationales is not None or run.dataset.rationales is not None:
        kept = sample_of_documents(len(run.dataset.splits["test"]), run.configuration.settings.seed)
        with_items = present.numbers[kept[present.numbers]]
        yield check_marks(run, tested, drawn(with_items, np.ones(len(with_items), dtype=bool), sample))
    measurements = recorded_measurements(told)
    if measurements:
        every = np.ones(len(present.numbers), dtype=bool)
        yield from measured_again(run, tested, drawn(present.numbers, every, sample), measurements)
    yield compare_with_reference(run, tested, present, sample, others)
    yield from check_sink(run, tested)
    every = np.ones(len(present.numbers), dtype=bool)
    yield from check_left_out(run, tested, drawn(present.numbers, every, sample))
    if FLIP_P in columns_of(folder.table("erasures")):
        kept = sample_of_documents(len(run.dataset.splits["test"]), run.configuration.settings.seed)
        with_items = present.numbers[kept[present.numbers]]
        yield check_states(run, tested, drawn(with_items, np.ones(len(with_items), dtype=bool), sample))
    yield from _check_heads(run, tested, sample)


def _check_heads(run: Run, tested: Tested[Any], sample: Sample) -> Iterator[str]:
    """What is known of single heads by themselves: what they do, and what they attend to."""
    if run.folder.table(MAPS_OF_HEADS[QUICK]).exists():
        yield compare_effects(run, tested, sample)
    if run.folder.table(ATTENTION_MAPS).exists() and tested.probe.documents_with_maps:
        yield compare_maps(run, tested, sample)


def _check_tables(run: Run, tested: Tested[Any], others: Mapping[str, OrderingRecord]) -> Generator[str, None, Present]:
    folder, settings = run.folder, run.configuration.settings
    quarantined = folder.read_summary().get("quarantined") or {}
    present = present_documents(folder.table("documents"), labels_of_documents(run, tested), quarantined)
    left_out = len(run.dataset.splits["test"]) - len(present.numbers)
    yield (
        f"documents.parquet holds each of {len(present.numbers):,} documents once, with the label of the data"
        + f"; {left_out:,} were quarantined" * bool(left_out)
    )
    meaning, way = tested.probe.meaning, settings.erase_by[0]
    closed = meaning.decides_classes and (meaning.renormalises or meaning.adds_up)
    orderings = [
        *ordering_draws(settings.draws),
        *([(SMALLEST_SET, 0)] if tested.probe.readout is not None and closed else []),
        *([(GREEDY, 0)] if settings.attention is not None and settings.attention.greedy else []),
    ]
    found = draws_of_first(folder.table("erasures"), others, way)
    orderings += found
    own = run.configuration.explanations
    of_file = {name for each in (own.draws if own else ()) for name in judged_as(each)}
    for name in dict.fromkeys(name for name, _ in found if name not in FURTHER_KEYS):
        by = "attnprobe" if name in OWN else others[name].origin or "the program that registered it"
        by = "the file of explanations" if name in of_file else by
        yield f"the ordering {name} is of {by}: not made again, but followed as {RANK}{name} of items.parquet says"
    otherwise = {other.erase_by: _rows_otherwise(other, orderings) for other in tested.probe.others}
    rows = check_erasures(folder.table("erasures"), present, orderings, otherwise, way)
    of_all = len(orderings) + sum(map(len, otherwise.values()))
    of = f"{of_all} orderings and draws" + f", in {1 + len(otherwise)} ways of erasing," * bool(otherwise)
    yield f"erasures.parquet holds {rows:,} rows, one for each of {of} of each document"
    sampled = sample_of_documents(len(run.dataset.splits["test"]), settings.seed)
    rows = check_items(folder.table("items"), present, sampled)
    of = f"{sampled[present.numbers].sum():,} documents"
    yield f"items.parquet holds {rows:,} rows, one for each item of {of}, whose weights sum to one"
    if settings.curves or settings.limits or folder.table(CURVES).exists():
        yield _check_curves(run, present, [name for name, _ in orderings])
    for name in FURTHER_TABLES:
        if name != CURVES and folder.table(name).exists():
            rows = sum(len(batch) for batch in row_batches(folder.table(name)))
            yield f"{name}.parquet can be read to its last page: {rows:,} rows"
    return present


def _rows_otherwise(meaning: Meaning, orderings: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Names and draws of the rows of a further way of erasing, of those of the first way: each draw of it as often."""
    draws = {name: 1 + max(draw for other, draw in orderings if other == name) for name, _ in orderings}
    draws.pop(GREEDY, None)
    return [(name, draw) for name, of_name in draws.items() for draw in range(_rounded_up(of_name, meaning.draws))]


def _rounded_up(count: int, step: int) -> int:
    return step * -(-count // step)


def _check_curves(run: Run, present: Present, orderings: list[str]) -> str:
    folder, split = run.folder, run.dataset.splits["test"]
    if not folder.table(CURVES).exists():
        raise InputError(f"{folder.path} was to keep whole curves, but there is no {folder.table(CURVES).name} in it.")
    records = recorded_orderings(read_configuration(folder.config))
    curved = {name for name in orderings if record_of(records, name).role != Role.REFERENCE}
    way = run.configuration.settings.erase_by[0]
    draws = draws_of_first(folder.table("erasures"), curved, way)
    sampled = curved_documents(np.asarray(split.words_per_document), run.configuration.settings.seed)
    documents = folder.table("documents")
    p_decision = np.concatenate([reals(documents, rows, "p_decision") for rows in row_batches(documents)])
    rows = check_curves(folder.table(CURVES), present, sampled, draws, p_decision)
    of = f"{sampled[present.numbers].sum():,} documents"
    return f"curves.parquet holds {rows:,} rows, whole curves of {len(draws)} orderings and draws of {of}, that fit"

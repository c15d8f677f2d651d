"""Measurements of other packages, made again by the package that offers them: of documents alone, in no batch.

Nothing here is independent of the package: what is seen is that the run holds what it gives, and that a document's
value does not hang on the documents beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from attnprobe.base.errors import InputError
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.battery import orders_of
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.measurements import measured
from attnprobe.erasure.registered_measurements import MEASUREMENTS
from attnprobe.models.subject import Tested
from attnprobe.runs.measurement_records import MeasurementRecord, column_name
from attnprobe.runs.tables import columns_of_table, read_table
from attnprobe.stages.own_orderings import OrderingsOfRun
from attnprobe.stages.training import Run

AGREE = 1e-4
"""Values agree within this, times the larger of the value and one: a batch's rounding goes through whatever is made of
it."""

Numbers = npt.NDArray[np.integer]


def measured_again(
    run: Run, tested: Tested[Any], numbers: Numbers, records: Mapping[str, MeasurementRecord]
) -> Iterator[str]:
    """A sentence on each measurement.

    Args:
        run: it.
        tested: its model.
        numbers: of the documents that are measured again, ascending (documents,).
        records: what the run says of its measurements.

    Raises:
        InputError: a column is missing, or holds something else than the package gives.
    """
    path = run.folder.table("documents")
    present = columns_of_table(path)
    for name, record in records.items():
        for column in record.columns:
            if column_name(name, column) not in present:
                raise InputError(f"{path} lacks the column {column_name(name, column)!r}.")
    here = {
        name for name, record in records.items() if name in MEASUREMENTS and MEASUREMENTS.origin(name) == record.origin
    }
    if here:
        _compare(run, tested, numbers, {name: records[name] for name in here}, path)
    for name, record in records.items():
        by = record.origin or "the program that registered it"
        if name in here:
            yield f"the measurement {name} is of {by}: made again in {len(numbers):,} documents, each alone, and equal"
        else:
            yield f"the measurement {name} is of {by}, which is not here: not made again"


def _compare(
    run: Run, tested: Tested[Any], numbers: Numbers, records: Mapping[str, MeasurementRecord], path: Path
) -> None:
    names = [column_name(name, column) for name, record in records.items() for column in record.columns]
    stored = read_table(path, ["document", *names], numbers.astype(np.int64))
    split = run.dataset.splits["test"]
    encoded = run.subject.encode(split.take(numbers))
    seeds = document_seeds(
        run.configuration.settings.seed,
        np.asarray(split.content_hashes[numbers]),
        np.asarray(split.occurrences[numbers]),
    )
    orderings = OrderingsOfRun(run.configuration).of(tested.probe, encoded, numbers)
    for row, number in enumerate(numbers.tolist()):
        batch = encoded.batch(np.array([row])).to(run.device)
        document = torch.tensor([number], device=run.device)
        erasable = Erasable(tested.probe.erasures(batch), document)
        seed = torch.from_numpy(seeds.view(np.int64)[row : row + 1]).to(run.device)
        orders = {name: order.of_all for name, order in orders_of(erasable, seed, orderings).items()}
        again = measured(erasable, orders, orderings)
        for name in names:
            found = float(again[name][0]) if name in again else float("nan")
            value = float(stored[name].iloc[row])
            alike = np.isnan(value) and np.isnan(found)
            if not alike and not abs(value - found) <= AGREE * max(1.0, abs(found)):
                raise InputError(
                    f"{path}, document {number}: {name} is {value:.8g}, and {found:.8g} where it is measured again."
                )

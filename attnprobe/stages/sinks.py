"""Whether documents' first item is a sink of attention: asked of training documents once, and kept in the run's folder.

A sink takes much of the attention whatever the text says, and decides little. Which items a run has must not hang on
the documents that it is tested on, on how these are cut into shards, or on who probes them: so it is one measurement
of a seeded sample of the training split, by which the first item of every test document is left out, or of none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.data.batches import EncodedSplit, IntArray
from attnprobe.erasure.erasable import FirstItems
from attnprobe.erasure.meaning import Meaning
from attnprobe.models.probe import Probe
from attnprobe.models.subject import Subject
from attnprobe.runs.run_folder import write_json
from attnprobe.runs.sink_records import SINKS, MeasuredSink
from attnprobe.stages.training import Run
from attnprobe.stages.training_vectors import TRAINING

MEASURED_ON = 128
"""Training documents, at most."""


class _Kept(NamedTuple):
    made_by: str
    measured: MeasuredSink


def sample_of_training(documents: int, seed: int) -> IntArray:
    """The numbers, ascending, of the documents of a training split that are asked (sample,)."""
    return np.sort(np.random.default_rng(seed).permutation(documents)[:MEASURED_ON])


def keep_sink(run: Run, probe: Probe[Any], stamp: str) -> None:
    """Have it in the run's folder where sinks are left out; what is there and made by the same stays.

    Args:
        run: it.
        probe: its model; all items are items.
        stamp: what it is measured with.

    Raises:
        InputError: there is no training document of several items, or nothing can flip.
    """
    settings, path = run.configuration.settings, run.folder.sinks
    if not settings.explanations.leaves_out_sinks:
        return
    kept = _read(path)
    if kept is None or kept.made_by != stamp:
        split = run.dataset.splits[TRAINING]
        documents = split.take(sample_of_training(len(split), settings.seed))
        measured = measured_sink(probe, run.subject.encode_for_training(documents), run.device)
        write_json(path, {"made_by": stamp, **measured._asdict()})
    else:
        measured = kept.measured
    run.folder.note(**{SINKS: measured.to_json()})


def measured_sink(probe: Probe[Any], encoded: EncodedSplit[Any], device: torch.device) -> MeasuredSink:
    """What the first items of documents hold, and what erasing them alone does.

    Args:
        probe: the model.
        encoded: documents.
        device: where the model is.

    Raises:
        InputError: none has several items, or nothing can flip.
    """
    batches = encoded.batches(encoded.in_order_of_length(probe.batch_documents, probe.batch_tokens), device)
    return measured_of(map(probe.first_items, batches), probe.meaning)


def measured_of(batches: Iterable[FirstItems], meaning: Meaning) -> MeasuredSink:
    """The same of batches, by what is meant by decided.

    Raises:
        InputError: no document has several items, or nothing can flip.
    """
    if not meaning.flips_at_all:
        raise InputError("A sink of attention is told by the decisions that it does not change, and here none can.")
    weights, flips = [], []
    for weight, flipped, several in batches:
        weights.append(weight[several].cpu())
        flips.append(flipped[several].cpu())
    weight, flipped = torch.cat(weights), torch.cat(flips)
    if not len(weight):
        raise InputError("There is no document of several items to find a sink of attention in.")
    return MeasuredSink(len(weight), float(weight.mean()), float(flipped.double().mean()))


def leave_out_sink(probe: Probe[Any], subject: Subject[Any, Any], stamp: str) -> None:
    """Make a run's model ready: its documents' first item is none where it is a sink that is to be left out.

    Args:
        probe: the model.
        subject: whose it is.
        stamp: what the sink is to be measured with.

    Raises:
        InputError: it has not been measured with that.
    """
    if not subject.configuration.settings.explanations.leaves_out_sinks:
        return
    path = subject.folder.sinks
    kept = _read(path)
    if kept is None or kept.made_by != stamp:
        raise InputError(f"{path} is not there, or is of another model: attnprobe probe makes it.")
    probe.leaves_out_first = kept.measured.is_sink


def _read(path: Path) -> _Kept | None:
    """What is in a file; None where there is none.

    Raises:
        InputError: it does not hold what it should.
    """
    try:
        content = json.loads(read_text(path, MOST_JSON_BYTES))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        content = None
    measured = MeasuredSink.of(content)
    made_by = content.get("made_by") if measured is not None else None
    if measured is None or not isinstance(made_by, str):
        raise InputError(f"{path} does not hold what it should; delete it.")
    return _Kept(made_by, measured)

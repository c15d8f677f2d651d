"""What of the attention is on items that are none: found again document by document, by runs of the whole model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.models.probe import Probe
from attnprobe.models.subject import Tested
from attnprobe.runs.tables import columns_of_table, read_table
from attnprobe.stages.sinks import sample_of_training
from attnprobe.stages.training import Run
from attnprobe.stages.training_vectors import TRAINING
from attnprobe.verification.attention_reference import AttentionReference
from attnprobe.verification.reference_registry import read_document, reference_maker

AGREE = 1e-4
"""Shares agree within this."""

_WEIGHT, _FLIPS = 0.3, 0.05
"""What a sink is: the same numbers again."""

_SHARES = ("left_out_share", "sink_share")


def check_sink(run: Run, tested: Tested[Any]) -> Iterator[str]:
    """A sentence where the run's settings leave a sink out.

    Args:
        run: it.
        tested: its model, ready; in double precision afterwards.

    Raises:
        InputError: what the run says of its training documents is not so, or it took another item for a sink.
    """
    if not run.configuration.settings.explanations.leaves_out_sinks:
        return
    probe, path = tested.probe, run.folder.sinks
    told = json.loads(read_text(path, MOST_JSON_BYTES))
    split = run.dataset.splits[TRAINING]
    numbers = sample_of_training(len(split), run.configuration.settings.seed)
    encoded = run.subject.encode_for_training(split.take(numbers))
    leaves_out, probe.leaves_out_first = probe.leaves_out_first, False
    weights, flips = [], []
    make = reference_maker(probe, encoded.batch(np.array([0])).to(run.device))
    for row in range(len(encoded)):
        batch = encoded.batch(np.array([row])).to(run.device)
        if int(read_document(probe, batch)[1].max()) > 0:
            reference = make(batch, 0)
            weights.append(float(reference.weights[0]))
            flips.append(reference.flips({0}))
    probe.leaves_out_first = leaves_out
    unknown, certain = flips.count(None), flips.count(True)
    found = {"documents": len(weights), "weight": float(np.mean(weights)), "flips": certain / len(flips)}
    slack = {"documents": 0.0, "weight": AGREE, "flips": unknown / len(flips) + 1e-12}
    for name, value in found.items():
        if not value - AGREE * (name == "weight") <= told[name] <= value + slack[name]:
            raise InputError(f"{path}: {name} is {told[name]:.6g}, but {value:.6g} of training documents.")
    if leaves_out != (told["weight"] >= _WEIGHT and told["flips"] <= _FLIPS):
        raise InputError(f"{path}: the first item is {'none' if leaves_out else 'one'}, against what is said there.")
    which = "is a sink of attention and no item" if leaves_out else "is no sink of attention, and an item"
    yield f"the first item {which}: {len(weights):,} training documents say so again"


def check_left_out(run: Run, tested: Tested[Any], numbers: npt.NDArray[np.integer]) -> Iterator[str]:
    """A sentence where the run says how much of the attention is on what is no item.

    Args:
        run: it.
        tested: its model, ready.
        numbers: of the documents that are looked at, ascending.

    Raises:
        InputError: it is another share.
    """
    path = run.folder.table("documents")
    told = [name for name in _SHARES if name in columns_of_table(path)]
    if not told:
        return
    probe = tested.probe
    stored = read_table(path, ["document", *told], numbers.astype(np.int64))
    encoded = run.subject.encode(run.dataset.splits["test"].take(numbers))
    for row, number in enumerate(numbers.tolist()):
        found = _shares(probe, encoded.batch(np.array([row])).to(run.device))
        for name in told:
            value = float(stored[name].iloc[row])
            if not abs(value - found[name]) <= AGREE:
                raise InputError(f"{path}, document {number}: {name} is {value:.6g}, but {found[name]:.6g}.")
    yield f"{' and '.join(told)} of {len(numbers):,} documents are what is on tokens that are no items"


def _shares(probe: Probe[Any], batch: Any) -> dict[str, float]:  # noqa: ANN401
    attention: AttentionProbe = probe.attention  # type: ignore[attr-defined]  # such a model is attached to
    inputs, items = read_document(probe, batch)
    tokens = torch.arange(len(items), device=items.device)
    call, settings = attention.attachment.call, attention.settings
    weights = AttentionReference(call, attention.selected, settings.aggregate, inputs, tokens).weights
    leaves_out, probe.leaves_out_first = probe.leaves_out_first, False
    every = read_document(probe, batch)[1]
    probe.leaves_out_first = leaves_out
    outside = (items < 0).to(weights.device)
    sink = outside & (every >= 0).to(weights.device)
    return {"left_out_share": float(weights[outside].sum()), "sink_share": float(weights[sink].sum())}

"""P-values of pooled vectors, counted again: validation documents read anew in double precision, rank by rank.

A run counts in float32 what here is in double precision, so that a vector within rounding of a validation document's
may be counted on either side of it: each p-value has to lie between the least and the largest that rounding allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from attnprobe.base.errors import InputError
from attnprobe.base.progress_bars import progress_bar
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.registered_orderings import RANK
from attnprobe.erasure.registered_ways import ERASE_BY, RENORMALISE
from attnprobe.erasure.state_names import FLIP_P, OUTSIDE, REMOVED_INSIDE, STATE_P
from attnprobe.models.subject import Tested
from attnprobe.stages.kept_states import DEV, VALIDATION_DRAW, validation_sample
from attnprobe.stages.training import Run
from attnprobe.verification.row_batches import columns_of, rows_of_documents

Vectors = npt.NDArray[np.float64]

_SLACK = 1e-5
"""Of a coordinate, times its largest size in any validation document, or one."""

_MARGIN = 1e-4
"""Of a lead, times the largest logit, that may be rounding."""

_FOLLOWED = 200
"""Removals of a document of whose prefixes it is seen which are the first inside."""

_TOP = 1 << 64


class Read(NamedTuple):
    """A document: weights (items,) and values (items, dim) of its attention."""

    weights: Vectors
    values: Vectors

    def pooled(self, kept: npt.NDArray[np.bool_]) -> Vectors:
        """What attention makes of the items that are kept (dim,), by renormalising; zero where they weigh nothing."""
        weights = np.where(kept, self.weights, 0.0)
        total = weights.sum()
        pooled: Vectors = (weights / total if total > 0 else weights) @ self.values
        return pooled


class Ends(NamedTuple):
    """Between which numbers something is, whatever rounding does."""

    low: float
    high: float


class CountedStates:
    """Validation documents' vectors, and what others are among them.

    Args:
        vectors: of the validation documents (documents, dim).
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._slack = _SLACK * np.maximum(1.0, np.abs(vectors).max(0))
        self._most = 1 + (len(vectors) - 1) // 2
        ends = [self._statistic(vector, without=row) for row, vector in enumerate(vectors)]
        self._low, self._high = (np.array([end[side] for end in ends]) for side in (0, 1))

    def p_value(self, vector: Vectors) -> Ends:
        """That of another document's vector."""
        low, high = self._statistic(vector)
        least, most = (self._high <= low - 1e-13).sum(), (self._low <= high + 1e-13).sum()
        return Ends((1 + least) / (1 + len(self._low)), (1 + most) / (1 + len(self._low)))

    def _statistic(self, vector: Vectors, without: int | None = None) -> Ends:
        others = self._vectors if without is None else np.delete(self._vectors, without, axis=0)
        ends = []
        for slack in (-self._slack, self._slack):
            counts = np.minimum((others <= vector + slack).sum(0), (others >= vector - slack).sum(0))
            ranks = np.sort(np.minimum(1 + counts, self._most))
            simes = min(rank / k for k, rank in enumerate(ranks.tolist(), 1))
            ends.append(simes + sum(map(math.log, ranks.tolist())) / len(ranks) / (64 * len(ranks) ** 2))
        return Ends(*ends)


def check_states(run: Run, tested: Tested[Any], numbers: npt.NDArray[np.integer]) -> str:
    """Count p-values of documents again.

    Args:
        run: whose pooled vectors are held against its validation documents.
        tested: its model; in double precision afterwards.
        numbers: of the documents, ascending, all with items that are kept (documents,).

    Raises:
        InputError: a p-value is another one, or the first flip inside is not.
    """
    training = run.configuration.settings.training
    way = RENORMALISE if training is None else training.mask_training_by
    if way not in _AFTER:
        return f"{STATE_P} and {FLIP_P} are taken as they stand: training erased by {way}, which is not done again here"
    model: Any = tested.probe.model  # type: ignore[attr-defined]  # a model with an affine readout is one of ours
    model.double()
    states = CountedStates(_validation_vectors(run, model, way))
    files = {name: run.folder.table(name) for name in ("documents", "erasures", "items")}
    own = rows_of_documents(files["documents"], ["document", STATE_P], numbers).to_pandas()
    erasures = ["document", "ordering", "draw", "removed", "emptied", FLIP_P, REMOVED_INSIDE]
    if tells_ways := ERASE_BY in columns_of(files["erasures"]):
        erasures.append(ERASE_BY)
    flips = rows_of_documents(files["erasures"], erasures, numbers).to_pandas()
    flips = flips[(flips["draw"] == 0) & ((flips[ERASE_BY] == RENORMALISE) if tells_ways else True)]
    ranked = [name for name in columns_of(files["items"]) if name.startswith(RANK)]
    ranks = rows_of_documents(files["items"], ["document", *ranked], numbers).to_pandas()
    split, made = run.dataset.splits["test"], 0
    documents = zip(numbers.tolist(), _read(run, model, split.take(numbers)), strict=True)
    for number, document in progress_bar(
        documents, total=len(numbers), desc="pooled vectors", disable=None, leave=False
    ):
        everything = np.ones(len(document.weights), dtype=bool)
        (told,) = own.loc[own["document"] == number, STATE_P]
        _require(
            states.p_value(document.pooled(everything)), told, f"{files['documents']}, document {number}: {STATE_P}"
        )
        of_document = ranks[ranks["document"] == number]
        for flip in flips[flips["document"] == number].itertuples(index=False):
            where = f"{files['erasures']}, document {number}, ordering {flip.ordering}"
            if flip.removed < 0:
                if not np.isnan(flip.flip_p):
                    raise InputError(f"{where}: {FLIP_P} is {flip.flip_p:.6g}, but nothing flips.")
            elif f"{RANK}{flip.ordering}" in ranked:
                place = of_document[f"{RANK}{flip.ordering}"].fillna(_TOP).to_numpy()
                kept = place >= flip.removed
                _require(states.p_value(document.pooled(kept)), flip.flip_p, f"{where}: {FLIP_P}")
                if not np.isnan(flip.removed_inside):
                    _check_inside(states, document, model.head, place, flip, where)
                made += 1
    return (
        f"{len(numbers) + made:,} p-values of pooled vectors in {len(numbers):,} documents are those among the "
        f"{len(states._low):,} validation documents, read again"
    )


def _require(p: Ends, told: float, what: str) -> None:
    if not p.low - 1e-9 <= told <= p.high + 1e-9:
        raise InputError(f"{what} is {told:.6g}, but counted again between {p.low:.6g} and {p.high:.6g}.")


def _check_inside(
    states: CountedStates,
    document: Read,
    head: torch.nn.Linear,
    place: Vectors,
    flip: Any,  # noqa: ANN401
    where: str,
) -> None:
    """The prefix that is said to be the first that flips inside is one, and no earlier one is."""
    weight, bias = (each.detach().cpu().numpy() for each in (head.weight, head.bias))
    whole = weight @ document.pooled(np.ones(len(place), dtype=bool)) + bias
    decision, slack = int(whole.argmax()), _MARGIN * max(1.0, float(np.abs(whole).max()))
    claimed = int(flip.removed_inside)
    last = claimed if claimed > 0 else len(place)
    for removed in range(int(flip.removed), min(last, int(flip.removed) + _FOLLOWED) + 1):
        kept = place >= removed
        vector = document.pooled(kept)
        logits = weight @ vector + bias
        lead = float(np.delete(logits, decision).max() - logits[decision])
        left = bool(document.weights[kept].any())
        if removed == claimed and (not left or lead < -slack or states.p_value(vector).high < OUTSIDE):
            raise InputError(f"{where}: {REMOVED_INSIDE} is {claimed}, but that prefix does not flip inside.")
        if removed != claimed and left and lead > slack and states.p_value(vector).low >= OUTSIDE:
            raise InputError(f"{where}: {REMOVED_INSIDE} is {claimed}, but the first {removed} items flip inside.")


def _read(run: Run, model: Any, documents: Any) -> Iterator[Read]:  # noqa: ANN401
    """Each document alone, in order."""
    encoded = run.subject.encode(documents)
    for row in range(len(encoded)):
        batch = encoded.batch(np.array([row])).to(run.device)
        with torch.no_grad():
            values, mask = model.items(batch)
            weights = model.attention(values, mask, batch)
        yield Read(weights[0].cpu().numpy(), values[0].cpu().numpy())


def _validation_vectors(run: Run, model: Any, way: str) -> Vectors:  # noqa: ANN401
    """Of the documents of the sample (documents, dim), as the model was trained on them."""
    settings, split = run.configuration.settings, run.dataset.splits[DEV]
    sample = validation_sample(len(split), settings.seed)
    masked = settings.training is not None and settings.training.mask_training is not None
    hashes, copies = np.array(split.content_hashes[sample]), np.array(split.occurrences[sample])
    seeds = document_seeds(settings.seed, hashes, copies).tolist()
    vectors = []
    for seed, document in zip(seeds, _read(run, model, split.take(sample)), strict=True):
        erased = _erased(seed, len(document.weights)) if masked else np.zeros(len(document.weights), dtype=bool)
        vectors.append(_AFTER[way](document, erased))
    return np.array(vectors)


def _erased(seed: int, items: int) -> npt.NDArray[np.bool_]:
    """Which items of a validation document training's scheme erases: of half of them a uniform share."""
    stream = _mixed(_mixed(seed ^ 0x6D61736B) + VALIDATION_DRAW)
    share, coin = (_number(stream + what) for what in (-1, -3))
    return np.array([coin < 0.5 and _number(stream + item) < share for item in range(items)])


def _number(bits: int) -> float:
    """From 0 to below 1."""
    return float((_mixed(bits) >> 11) / (1 << 53))


def _mixed(bits: int) -> int:
    """SplitMix64."""
    bits = (bits + 0x9E3779B97F4A7C15) % _TOP
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 % _TOP
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB % _TOP
    return bits ^ (bits >> 31)


def _with_mean(document: Read, erased: npt.NDArray[np.bool_]) -> Vectors:
    mean: Vectors = document.values.mean(0)
    stands_in: Vectors = document.weights[erased].sum() * mean
    return _with_zero(document, erased) + stands_in


def _renormalised(document: Read, erased: npt.NDArray[np.bool_]) -> Vectors:
    return document.pooled(~erased)


def _with_zero(document: Read, erased: npt.NDArray[np.bool_]) -> Vectors:
    left: Vectors = np.where(erased, 0.0, document.weights) @ document.values
    return left


_AFTER = {RENORMALISE: _renormalised, "zero": _with_zero, "document_mean": _with_mean}
"""What a document is pooled into after erasing in it, by way of erasing."""

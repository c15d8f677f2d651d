"""In how many documents an ordering is better than chance: a p-value a document, corrected for being many.

A document's p-value says where the ordering stands among random orders of this very document (``erasure.chance``):
with r of R random orders that reach more and t that reach as much, p = (r + U (t + 1)) / (R + 1). Of an ordering that
knows nothing of the items it is uniform, exactly, for any R. Documents in which it is small enough are found after
Benjamini & Hochberg (1995): of those that are called better than chance, at most 5 % are expected not to be. Their
share is what these documents show, and no estimate of the documents in which the ordering *is* better.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from attnprobe.analysis.bca import percentile_ends
from attnprobe.analysis.bootstrap import LEVEL, Estimate, Numbers, means, resampling_counts
from attnprobe.analysis.first_flips import with_controls
from attnprobe.analysis.intervals import with_width
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.erasure.curve_names import RANDOM_COLUMNS
from attnprobe.erasure.registered_orderings import RANDOM, Role

FALSE_DISCOVERIES = 0.05
"""Of the documents that are said to be better than chance, the expected share that is not."""

FEWEST_ORDERS = round(1 / FALSE_DISCOVERIES) - 1
"""Random orders of a document with fewer than which no document can be told from chance, whatever the ordering."""

SEED = 20030106
"""Of what breaks ties."""

AOPC, FIRST_FLIP = "aopc", "first_flip"
"""What is compared: areas, where the run knows them of random orders; else the share erased at the first flip."""


class AgainstChance(NamedTuple):
    """Of one ordering; draws are averaged within a document.

    Attributes:
        outdone: the mean share of random orders of the same document that reach more, of those as good half: .5 is
            chance.
        better: the share of documents in which it is better than chance; None where too few random orders are known of
            a document to tell.
    """

    outdone: Estimate
    better: Estimate | None


def better_than_chance(results: RunResults) -> dict[str, Any]:
    """``measure``, ``documents``, ``tried`` (random orders of each, the fewest) and ``orderings``, controls last.

    Raises:
        InputError: the table of erasures holds counts that cannot be.
    """
    measure, counts = _counts(results)
    columns: dict[str, Numbers] = {}
    shares: dict[str, Estimate | None] = {}
    fewest = min((int(tried.min()) for tried, _, _ in counts.values() if tried.size), default=0)
    generator = np.random.default_rng(SEED)
    ties = generator.random((len(results.several), max((each[0].shape[1] for each in counts.values()), default=0)))
    documents = 0
    for name, (tried, better, equal) in counts.items():
        documents = len(tried)
        columns[name] = (better + equal / 2) / tried
        p = p_values(better, equal, tried, ties[: len(tried), : tried.shape[1]])
        shares[name] = found_share(p) if fewest >= FEWEST_ORDERS else None
    outdone = means(columns)
    return {
        "measure": measure,
        "documents": documents,
        "tried": fewest,
        "orderings": {name: AgainstChance(outdone[name], shares[name]) for name in counts},
    }


def p_values(better: Numbers, equal: Numbers, tried: Numbers, uniform: Numbers) -> Numbers:
    """Where an ordering stands among itself and random orders of a document, ties broken at random.

    Args:
        better: of the random orders, how many reach more.
        equal: how many reach as much.
        tried: how many there are.
        uniform: drawn from [0, 1), of the same shape.
    """
    p: Numbers = (better + uniform * (equal + 1)) / (tried + 1)
    return p


def found_share(p: Numbers) -> Estimate:
    """The share of documents that are found, averaged over draws, with the bootstrap's interval.

    In each resample of the documents the procedure is carried out anew, since how small is small enough depends on the
    other documents.

    Args:
        p: by document and draw (documents, draws).
    """
    documents, draws = p.shape
    if not documents:
        return Estimate(np.nan, np.nan, np.nan, 0)

    def shares(counts: Numbers) -> Numbers:
        of_draws: Numbers = np.mean([found_shares(p[:, draw], counts) for draw in range(draws)], axis=0)
        return of_draws

    value = float(shares(np.ones((1, documents)))[0])
    if documents < 2:
        return Estimate(value, np.nan, np.nan, documents)
    resampled = [shares(counts) for counts in resampling_counts(documents)]
    low, high = percentile_ends(np.concatenate(resampled), LEVEL)
    return with_width(Estimate(value, low, high, documents))


def found_shares(p: Numbers, counts: Numbers) -> Numbers:
    """What share Benjamini and Hochberg's procedure finds (resamples,): the largest k/m with p₍ₖ₎ ≤ .05 k/m.

    Not scipy's, which is of one sample and in a package that takes a second to load; tests hold it against that.

    Args:
        p: of each document (documents,).
        counts: how often each is there (resamples, documents), in each resample ``documents`` in all.
    """
    order = np.argsort(p)
    up_to = counts[:, order].cumsum(axis=1)
    small = p[order] * len(p) <= FALSE_DISCOVERIES * up_to
    last = len(p) - 1 - small[:, ::-1].argmax(axis=1)
    shares: Numbers = np.where(small.any(axis=1), up_to[np.arange(len(up_to)), last], 0.0) / len(p)
    return shares


def _counts(results: RunResults) -> tuple[str, dict[str, tuple[Numbers, Numbers, Numbers]]]:
    """What is compared, and by ordering ``RANDOM_COLUMNS`` (documents, draws), of the documents that have them."""
    areas = _of_areas(results) if RANDOM_COLUMNS[0] in results.erasures else {}
    return (AOPC, areas) if areas else (FIRST_FLIP, _of_first_flips(results))


def _of_areas(results: RunResults) -> dict[str, tuple[Numbers, Numbers, Numbers]]:
    """Those that the run has counted, of the documents whose curves are kept; none where there are none."""
    found: dict[str, tuple[Numbers, Numbers, Numbers]] = {}
    for name in _judged(results):
        tried, better, equal = (results.of_ordering(name, column) for column in RANDOM_COLUMNS)
        known = ~np.isnan(tried).any(axis=1)
        if not known.any():
            continue
        tried, better, equal = tried[known], better[known], equal[known]
        if not (better + equal <= tried).all():
            raise InputError(
                f"{results.folder / 'erasures.parquet'} counts, of ordering {name!r}, more random orders that reach as "
                "much or more than there are, or does not count them."
            )
        found[name] = tried, better, equal
    return found


def _of_first_flips(results: RunResults) -> dict[str, tuple[Numbers, Numbers, Numbers]]:
    """The same of shares erased at the first flip, emptied and never as all, against the run's own random orders."""
    flips = with_controls(results)
    erased = {name: np.where(np.isnan(flips[name].removed), 1.0, flips[name].fraction) for name in _judged(results)}
    others = erased.pop(RANDOM)[:, None]
    return {
        name: (
            np.full(ours.shape, float(others.shape[2])),
            (others < ours[:, :, None]).sum(axis=2).astype(np.float64),
            (others == ours[:, :, None]).sum(axis=2).astype(np.float64),
        )
        for name, ours in erased.items()
    }


def _judged(results: RunResults) -> list[str]:
    """All orderings but references, which are made of where decisions flip; controls last."""
    return [name for name in with_controls(results) if name not in results.of_role(Role.REFERENCE)]

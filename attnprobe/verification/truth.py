"""A seeded sample of a run's documents, held against the slow reference."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.base.progress_bars import progress_bar
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.registered_orderings import GREEDY
from attnprobe.models.subject import Tested
from attnprobe.runs.run_folder import CURVES
from attnprobe.settings.verification import Sample
from attnprobe.stages.tables import curved_documents, sample_of_documents
from attnprobe.stages.training import Run
from attnprobe.verification.comparison import FOLLOWED, Comparison
from attnprobe.verification.completeness import Present
from attnprobe.verification.orders import orders_of
from attnprobe.verification.other_ways import compare_other_ways
from attnprobe.verification.rationale_rows import compare_rationales
from attnprobe.verification.reference_registry import reference_maker, references_otherwise
from attnprobe.verification.sets_by_subsets import MADE as SETS_OF_ITEMS
from attnprobe.verification.sets_by_subsets import compare_asked_sets
from attnprobe.verification.stored_results import stored_documents
from attnprobe.verification.sufficient_sets import compare_sufficient_sets


def compare_with_reference(
    run: Run, tested: Tested[Any], present: Present, sample: Sample, others: Collection[str] = ()
) -> str:
    """Compare all that the run says of a sample of documents.

    Args:
        run: it.
        tested: its model; in double precision afterwards.
        present: the documents that have results.
        sample: how many of them, and which.
        others: orderings of other packages, which are followed in the order that the run says it erased in.

    Raises:
        InputError: a number is another one, by more than rounding.
    """
    split, seed = run.dataset.splits["test"], run.configuration.settings.seed
    with_items = sample_of_documents(len(split), seed)
    first = with_items
    if run.folder.table(CURVES).exists():  # of those whose items are kept some have curves
        first = curved_documents(np.asarray(split.words_per_document), seed)
    numbers = drawn(present.numbers, first[present.numbers], sample)
    encoded = run.subject.encode(split.take(numbers))
    seeds = document_seeds(seed, np.asarray(split.content_hashes[numbers]), np.asarray(split.occurrences[numbers]))
    alone = [encoded.batch(np.array([row])).to(run.device) for row in range(len(numbers))]
    reference_of = reference_maker(tested.probe, alone[0])
    comparison = Comparison(run.folder)
    stored = stored_documents(run.folder, numbers, with_items[numbers])
    for row in progress_bar(range(len(numbers)), unit=" documents", desc="slow reference", leave=False):
        seed_of_document = int(seeds.view(np.int64)[row])
        reference = reference_of(alone[row], seed_of_document)
        orders = orders_of(
            reference,
            seed_of_document,
            greedy=(GREEDY, 0) in stored[row].erasures,
            others=stored[row].orders(others),
            draws=run.configuration.settings.draws,
        )
        if not comparison.compare(stored[row], reference, orders, seed_of_document):
            continue
        compare_sufficient_sets(comparison, stored[row], reference, orders)
        if stored[row].asked:
            compare_asked_sets(comparison, stored[row], reference, orders)
        otherwise = references_otherwise(tested.probe, alone[row], seed_of_document)
        compare_other_ways(comparison, stored[row], otherwise, orders)
        if stored[row].items is not None:
            compare_rationales(comparison, stored[row], reference, orders)
    if comparison.differing:
        more = len(comparison.differing) - 1
        raise InputError(comparison.differing[0] + f"; and so on in {more:,} more comparisons" * bool(more) + ".")
    return _in_words(comparison)


def drawn(numbers: npt.NDArray[np.integer], kept: npt.NDArray[np.bool_], sample: Sample) -> npt.NDArray[np.integer]:
    """The numbers of the sampled documents, ascending; at least half of them, if there are so many, have items.

    Args:
        numbers: of the documents that have results (documents,).
        kept: whether their items were kept (documents,).
        sample: how many are drawn.
    """
    order = np.random.default_rng(sample.seed).permutation(len(numbers))
    half = order[kept[order]][: (sample.documents + 1) // 2]
    rest = order[~np.isin(order, half)][: sample.documents - len(half)]
    return np.sort(numbers[np.concatenate([half, rest])])


def _in_words(comparison: Comparison) -> str:
    made = comparison.made
    counts = ", ".join(f"{made[name]:,} {words}" for name, words in _WORDS.items() if made[name])
    cut = f", {comparison.cut:,} of them followed for {FOLLOWED} removals" * bool(comparison.cut)
    cut += "" if made["ranks"] else "; the run does not say in which order it erased"
    return (
        f"{made['documents']:,} documents agree with the slow reference in {made.total():,} comparisons: {counts}; "
        f"{comparison.within_rounding:,} within rounding; {comparison.first_flips:,} first flips{cut}"
    )


_WORDS = {
    "weight": "weights",
    "gradient": "gradients",
    "js": "divergences",
    "ranks": "orders",
    "single scores": "scores without one item",
    "probability": "points of curves",
    "limits": "limits of AOPC",
    "random orders": "places among random orders",
    "rationales": "rows on rationales",
    "correlations": "correlations",
    "prefixes": "decisions on the way to a first flip",
    "smallest sets": "sizes of smallest sets",
    "sufficient sets": "sets that guarantee the decision",
    SETS_OF_ITEMS: "sizes and outcomes of sets of items",
}
"""What of all that is compared is told by itself."""

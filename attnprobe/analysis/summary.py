"""Everything about a run that is a number, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.delta_js import by_delta_alpha, delta_js_pairs
from attnprobe.analysis.emptied_rows import emptied_rows
from attnprobe.analysis.first_flips import GRID, control_statistics, first_flip_statistics, flip_curves
from attnprobe.analysis.flip_timing import divergence_from_uniform, flip_timing
from attnprobe.analysis.head_map import head_map
from attnprobe.analysis.identifiability import identifiability
from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.mass import mass_statistics
from attnprobe.analysis.neighbours import neighbours
from attnprobe.analysis.never_flips import never_flips
from attnprobe.analysis.ordering_tests import ordering_tests
from attnprobe.analysis.released_draw import released_draws
from attnprobe.analysis.restricted_means import restricted_means
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.single_weight_tests import single_weight_tests
from attnprobe.analysis.single_weights import attention_entropy, single_flips
from attnprobe.analysis.verdict import anything_flips, give_verdict
from attnprobe.analysis.who_flips_first import who_flips_first
from attnprobe.runs.ordering_records import ENTRY


def summarise(results: RunResults) -> dict[str, Any]:
    """All statistics of a run: dictionaries, lists, strings and numbers; None for what is not defined.

    An estimate is ``{value, low, high, n}``: the ends of its 95 % interval, and the number of documents it is made of.
    The interval is conditional on the trained model: it is about other documents, not about other seeds.

    - ``run``: name, dataset, model, seed, unit, number of classes.
    - ``orderings``: ``title`` and ``role`` of each that there are results of, and the package that it comes from.
    - ``erasing``, ``decisions``: the title of the way of erasing, or of the decision, and the package that it comes
      from, each where it is not the default.
    - ``counts``: ``documents`` that there are results of, ``quarantined`` that the model could not read, ``sampled``
      that statistics are made of (as many as there are, or a seeded sample); of these ``with_one_item``, which are left
      out, ``with_several_items``, and ``with_items_kept`` of the latter; ``emptied_known``: whether the run says where
      nothing was left, or it is known only where every item was erased, as of older runs.
    - ``accuracy``: over the documents with several items, of which all other statistics are; None where the model
      decides between other classes than the dataset's. ``accuracy_of_all_documents``: those with one item too.
    - ``attention_entropy``: mean normalised entropy of the attention weights.
    - ``first_flips``: by ordering, ``OrderingStatistics``; ``first_flips_as_released``: the same by the convention of
      2019, in which a decision that changes only when nothing is left has flipped.
    - ``flip_curves``: ``fraction``, and the share of documents flipped by then by ordering.
    - ``who_flips_first``: a list of ``Comparison``.
    - ``single_flips``: by ordering, ``SingleFlips``.
    - ``delta_js``: a list of ``DeltaAlphaBin``, with bins of .05.
    - ``neighbours``: top against second and lowest against second lowest, ``Neighbours``.
    - ``released_draw``: by ordering, ``ReleasedDraw``: r as the released code draws it, beside the exact averages.
    - ``single_weight_tests``: by ordering, ``SingleWeightTest``: i* against every r.
    - ``restricted_means``: by ordering, ``RestrictedMeans``: never-flips counted in.
    - ``mass``: by ordering, ``MassStatistics``.
    - ``never_flips``: ``NeverFlips``.
    - ``controls``: by control, as attention in ascending order, ``OrderingStatistics``.
    - ``ordering_tests``: a list of ``OrderingTest``, p-values not corrected for being many.
    - ``flip_timing``, ``flip_timing_as_released``: of attention, ``FlipTiming``.
    - ``uniform_divergence``: ``Divergence``.
    - ``emptied_rows``: by ordering, the share of first flips with a row of attention that has lost every weight.
    - ``heads``: a list of ``HeadStatistics``; None where the run has no table of heads.
    - ``identifiability``: ``Identifiability``; None where ``attnprobe identify`` has not been run.
    - ``answer``: ``Verdict``.

    Raises:
        InputError: no document has more than one item, or a file of the run cannot be read.
    """
    entropy = attention_entropy(results)
    comparisons = who_flips_first(results)
    pairs = delta_js_pairs(results)
    summary = {
        "run": {
            "name": results.name,
            "dataset": results.dataset,
            "model": results.model,
            "seed": results.seed,
            "unit": results.unit,
            "classes": len(results.labels),
        },
        ENTRY: {name: record.to_json() for name, record in results.records.items()},
        **results.meaning.to_json(),
        "counts": {
            "documents": results.total,
            "quarantined": results.quarantined,
            "sampled": len(results.documents),
            "with_one_item": len(results.documents) - len(results.several),
            "with_several_items": len(results.several),
            "with_items_kept": pairs["document"].nunique(),
            "emptied_known": results.knows_emptied,
        },
        "accuracy": _accuracy(results.several),
        "accuracy_of_all_documents": _accuracy(results.documents),
        "attention_entropy": entropy,
        "first_flips": first_flip_statistics(results),
        "first_flips_as_released": first_flip_statistics(results, as_released=True),
        "flip_curves": {"fraction": GRID} | flip_curves(results),
        "who_flips_first": comparisons,
        "single_flips": single_flips(results),
        "delta_js": by_delta_alpha(pairs),
        **_secondary(results),
        "answer": give_verdict(entropy, comparisons, anything_flips=anything_flips(results)),
    }
    plain: dict[str, Any] = _plain(summary)
    return plain


def _accuracy(documents: pd.DataFrame) -> Estimate | None:
    labelled = documents[documents["label"] >= 0]
    return wilson(int((labelled["label"] == labelled["decision"]).sum()), len(labelled)) if len(labelled) else None


def _secondary(results: RunResults) -> dict[str, Any]:
    """The tests that stand beside the paper's main ones."""
    return {
        "neighbours": neighbours(results),
        "released_draw": released_draws(results),
        "single_weight_tests": single_weight_tests(results),
        "restricted_means": restricted_means(results),
        "mass": mass_statistics(results),
        "never_flips": never_flips(results),
        "controls": control_statistics(results),
        "ordering_tests": ordering_tests(results),
        "flip_timing": flip_timing(results),
        "flip_timing_as_released": flip_timing(results, as_released=True),
        "uniform_divergence": divergence_from_uniform(results),
        "emptied_rows": emptied_rows(results),
        "heads": head_map(results),
        "identifiability": identifiability(results),
    }


def _plain(thing: Any) -> Any:  # noqa: ANN401
    """Named tuples as dictionaries, arrays as lists, numbers as Python's, NaN and infinity as None."""
    if isinstance(thing, np.ndarray):
        return _plain(thing.tolist())
    if hasattr(thing, "_asdict"):
        return _plain(thing._asdict())
    if isinstance(thing, Mapping):
        return {str(key): _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(value) for value in thing]
    if isinstance(thing, float) and not math.isfinite(thing):
        return None
    return thing

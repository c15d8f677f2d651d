"""Everything about a run that is a number, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from attnprobe.analysis.bootstrap import means
from attnprobe.analysis.delta_js import by_delta_alpha, delta_js_pairs
from attnprobe.analysis.first_flips import GRID, first_flip_statistics, flip_curves
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.single_weights import attention_entropy, single_flips
from attnprobe.analysis.verdict import give_verdict
from attnprobe.analysis.who_flips_first import who_flips_first


def summarise(results: RunResults) -> dict[str, Any]:
    """All statistics of a run: dictionaries, lists, strings and numbers; None for what is not defined.

    An estimate is ``{value, low, high, n}``: the ends of its 95 % interval, and the number of documents it is made of.

    - ``run``: name, dataset, model, seed, unit, number of classes.
    - ``counts``: documents; those left out because they have one item; the rest; those whose items were kept.
    - ``accuracy``: over all documents, those with one item too.
    - ``attention_entropy``: mean normalised entropy of the attention weights.
    - ``first_flips``: by ordering, ``OrderingStatistics``.
    - ``flip_curves``: ``fraction``, and the share of documents flipped by then by ordering.
    - ``who_flips_first``: a list of ``Comparison``.
    - ``single_flips``: by ordering, ``SingleFlips``.
    - ``delta_js``: a list of ``DeltaAlphaBin``, with bins of .05.
    - ``answer``: ``Verdict``.

    Raises:
        InputError: no document has more than one item, or a file of the run cannot be read.
    """
    entropy = attention_entropy(results)
    comparisons = who_flips_first(results)
    pairs = delta_js_pairs(results)
    right = np.asarray(results.documents["label"] == results.documents["decision"], dtype=np.float64)
    summary = {
        "run": {
            "name": results.name,
            "dataset": results.dataset,
            "model": results.model,
            "seed": results.seed,
            "unit": results.unit,
            "classes": len(results.labels),
        },
        "counts": {
            "documents": len(results.documents),
            "with_one_item": len(results.documents) - len(results.several),
            "with_several_items": len(results.several),
            "with_items_kept": pairs["document"].nunique(),
        },
        "accuracy": means({"accuracy": right})["accuracy"],
        "attention_entropy": entropy,
        "first_flips": first_flip_statistics(results),
        "flip_curves": {"fraction": GRID} | flip_curves(results),
        "who_flips_first": comparisons,
        "single_flips": single_flips(results),
        "delta_js": by_delta_alpha(pairs),
        "answer": give_verdict(entropy, comparisons),
    }
    plain: dict[str, Any] = _plain(summary)
    return plain


def _plain(thing: Any) -> Any:  # noqa: ANN401
    """Named tuples as dictionaries, arrays as lists, numbers as Python's, NaN as None."""
    if isinstance(thing, np.ndarray):
        return _plain(thing.tolist())
    if hasattr(thing, "_asdict"):
        return _plain(thing._asdict())
    if isinstance(thing, Mapping):
        return {str(key): _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(value) for value in thing]
    if isinstance(thing, float) and math.isnan(thing):
        return None
    return thing

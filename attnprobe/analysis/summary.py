"""Everything about a run that is a number, ready for JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from attnprobe.analysis.accuracy import given_on_top
from attnprobe.analysis.bootstrap import forget_resamples
from attnprobe.analysis.label_flips import label_flips
from attnprobe.analysis.measured import measured
from attnprobe.analysis.output_moves import output_moves
from attnprobe.analysis.registered_statistics import (
    LONGEST_SENTENCE,
    MOST_ROWS,
    OWN_STATISTICS,
    STATISTICS,
    STATISTICS_ENTRY,
    Statistic,
)
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.special_tokens import special_tokens
from attnprobe.analysis.verdict import anything_flips, give_verdict
from attnprobe.base.errors import InputError
from attnprobe.runs.measurement_records import MEASUREMENTS_ENTRY
from attnprobe.runs.ordering_records import ENTRY
from attnprobe.runs.selection_records import SELECTED


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
    - by name, what each of the ``STATISTICS`` of this package gives: their descriptions say what.
    - ``output_moves``, where the model predicts a number: how far it moves; ``label_flips``, where several labels are
      decided for: a list of ``LabelFlips``.
    - ``selected``: a list of ``SelectedLayer``; ``special_tokens``: whether they are ``items``, what ``share`` of the
      attention they hold, and the first item as a ``sink`` where it is one. Of transformers.
    - ``answer``: ``Verdict``.
    - ``measurements``: what the measurements of other packages come to, as ``measured`` has it; and ``statistics``: by
      name what those of other packages give (``value``), the ``sentence`` and the ``table`` that they make of it, and
      where they come from. Neither is there where there is nothing of the kind.

    Raises:
        InputError: no document has more than one item, or a file of the run cannot be read.
    """
    summary: dict[str, Any] = {
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
            "with_items_kept": int(np.isin(results.several["document"], results.with_items_kept).sum()),
            "emptied_known": results.knows_emptied,
        },
        **{name: statistic.compute(results) for name, statistic in OWN_STATISTICS.items()},
    }
    summary |= _where_there_is_some(results)
    summary["answer"] = give_verdict(
        summary["attention_entropy"],
        summary["who_flips_first"],
        anything_flips=anything_flips(results),
        can_flip=results.meaning.flips,
    )
    if results.measurements:
        summary[MEASUREMENTS_ENTRY] = measured(results)
    others = {
        name: _of_others(name, statistic, results)
        for name, statistic in STATISTICS.items()
        if name not in OWN_STATISTICS
    }
    forget_resamples()
    plain: dict[str, Any] = _plain(summary | ({STATISTICS_ENTRY: others} if others else {}))
    return plain


def _where_there_is_some(results: RunResults) -> dict[str, Any]:
    """What there is to tell of decisions that are not for one class, and of special tokens, and of no others."""
    found: dict[str, Any] = {"output_moves": output_moves(results), "label_flips": label_flips(results)}
    found |= {"special_tokens": special_tokens(results), SELECTED: results.selection or None}
    found |= {"label_texts": results.label_texts or None, "decided_at": results.decided_at}
    found |= {"on_top": given_on_top(results), "followed": results.targets or None}
    return {name: value for name, value in found.items() if value is not None}


def _of_others(name: str, statistic: Statistic, results: RunResults) -> dict[str, Any]:
    """What a statistic that is not of this package gives.

    Raises:
        InputError: it fails, or gives something that is none.
    """
    origin = STATISTICS.origin(name)
    of = f"The statistic {name}" + (f" of {origin}" if origin else "")
    try:
        value = _plain(statistic.compute(results))
        json.dumps(value, allow_nan=False)
        sentence = "" if statistic.sentence is None else statistic.sentence(value)
        table = None if statistic.table is None else statistic.table(value)
        if not isinstance(sentence, str) or len(sentence) > LONGEST_SENTENCE:
            raise TypeError(f"its sentence is no text of at most {LONGEST_SENTENCE:,} characters")
        if table is not None and (not isinstance(table, pd.DataFrame) or len(table) > MOST_ROWS):
            raise TypeError(f"its table is no pandas table of at most {MOST_ROWS:,} rows")
    except (InputError, MemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise InputError(f"{of} fails: {type(error).__name__}" + (f": {said}." if said else ".")) from error
    return {
        "title": statistic.title,
        **({} if origin is None else origin._asdict()),
        "value": value,
        "sentence": sentence,
        "table": None if table is None else _rows_of(table),
    }


def _rows_of(table: pd.DataFrame) -> dict[str, Any]:
    """A table as JSON has it: names of columns, and rows of numbers and texts."""
    rows = [
        [cell if isinstance(cell, (str, int, float, bool)) or cell is None else str(cell) for cell in row]
        for row in table.astype(object).itertuples(index=False)
    ]
    return {"columns": [str(name) for name in table.columns], "rows": rows}


def _plain(thing: Any) -> Any:  # noqa: ANN401
    """Named tuples as dictionaries, arrays as lists, numbers as Python's, NaN and infinity as None."""
    if thing is None or type(thing) in (str, int, bool):  # most things are, and asking what else they may be takes long
        return thing
    if isinstance(thing, np.ndarray):
        return _plain(thing.tolist())
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else None
    if hasattr(thing, "_asdict"):
        return _plain(thing._asdict())
    if isinstance(thing, (dict, Mapping)):
        return {str(key): _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(value) for value in thing]
    return thing

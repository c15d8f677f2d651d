"""One document in the terminal: shaded by an ordering, what must go before the decision flips struck through."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.erased_orders import Positions, follows
from attnprobe.analysis.results import FirstFlips, RunResults, no_smallest_set
from attnprobe.base.errors import InputError
from attnprobe.base.text_cells import wrapped
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM, is_smallest
from attnprobe.reports.meaning_in_words import meaning_in_words
from attnprobe.reports.numbers import percent
from attnprobe.reports.orderings_in_words import in_prose
from attnprobe.reports.page.documents import SampledDocuments, ranked_by
from attnprobe.reports.page.readable import gaps, legible, legible_item
from attnprobe.reports.page.terminal_lines import Look, text_in_lines
from attnprobe.reports.style import colours

NAMED, SHORT = 10, 40
"""Items of the smallest set that are named, and characters of each."""


def document_in_terminal(
    results: RunResults,
    number: int,
    *,
    ordering: str = ATTENTION,
    bias: Sequence[float] | None = None,
    width: int = 100,
    colour: bool = True,
) -> str:
    """A document's text and where its decision flips, in lines; of one whose items were not kept, what else is known.

    What is struck through is what the tests had erased at the first flip. A run that does not say in which order items
    were erased has nothing struck through, and a sentence that says so.

    Args:
        results: the run; the document need not be among those that statistics are made of.
        number: of the document, as in documents.parquet.
        ordering: one that the run has the order or the numbers of.
        bias: the readout's, where it is affine: what is decided when nothing is left.
        width: characters in a line.
        colour: shade, strike through and underline what people marked with escape sequences; without, tildes are around
            what is struck, and underscores around what is marked.

    Raises:
        InputError: there is no such document, or nothing is known of the ordering.
    """
    results, row = results.only([number]), 0
    if not (results.documents["n"] > 1).any():
        raise InputError(f"{results.folder} has no document {number} with more than one {results.unit}.")
    documents = SampledDocuments(results, [row])
    items = documents.items(row)
    affine = bias is not None and len(bias) == len(documents.columns.contributions) > 0
    _check_known(documents, ordering, affine=affine)
    if items is None:
        unkept = f"Its {results.unit}s were not kept: of a large split items.parquet has those of a seeded sample."
        return _in_lines([_head(results, row), unkept, _all_orderings(results, row)], width)
    order = documents.order(row, ordering)
    shades = _shades(_numbers(items, ordering, affine=affine), order, ordering, len(items))
    erased = _erased(results.flips_of(ordering), row, order)
    struck = np.zeros(len(items), dtype=bool)
    struck[[] if erased is None else erased] = True
    texts = [legible_item(token) for token in items["token"]]
    between, hue = gaps(items["before"].tolist()), colours([ordering])[ordering] if colour else None
    marked = {name: items[column].to_numpy(dtype=bool) for column, name in documents.columns.annotators.items()}
    by_anyone = np.logical_or.reduce([*marked.values(), np.zeros(len(items), dtype=bool)])
    text = text_in_lines(texts, between, [*map(Look, shades, struck, by_anyone)], hue, width, results.unit)
    said = [
        _marked(marked, results.unit, colour=colour),
        _outcome(results, row, items, ordering, erased, bias if affine else None),
        _all_orderings(results, row),
        _smallest(documents, row, texts),
    ]
    return "\n\n".join([_in_lines([_head(results, row)], width), text, _in_lines(said, width)])


def document_as_shown(
    results: RunResults, number: int, ordering: str = ATTENTION, bias: Sequence[float] | None = None
) -> dict[str, Any]:
    """The same as :func:`document_in_terminal` shows, as what JSON is made of.

    Args:
        results: the run.
        number: of the document.
        ordering: as there.
        bias: as there.

    Raises:
        InputError: as there.
    """
    results, row = results.only([number]), 0
    documents = SampledDocuments(results, [row])
    items, document = documents.items(row), results.several.iloc[row].to_dict()
    affine = bias is not None and len(bias) == len(documents.columns.contributions) > 0
    _check_known(documents, ordering, affine=affine)
    flips = {
        name: {"removed": each.removed[row], "emptied": each.emptied[row], "never": each.never[row]}
        for name, each in results.with_twins().items()
    }
    classes = {name: results.class_name(int(document[name])) for name in ("decision", "label") if document[name] >= 0}
    told = {"name": results.name, "unit": results.unit, "document": document, "classes": classes, "by": ordering}
    erased = None if items is None else _erased(results.flips_of(ordering), row, documents.order(row, ordering))
    return {**told, "first_flips": flips, "erased": erased, "items": items}


def _in_lines(paragraphs: Sequence[str], width: int) -> str:
    return "\n\n".join("\n".join(wrapped(paragraph, width)) for paragraph in paragraphs if paragraph)


def _check_known(documents: SampledDocuments, ordering: str, *, affine: bool) -> None:
    """Raise an InputError where the run has neither the order nor the numbers of an ordering."""
    results, columns = documents.results, documents.columns
    present = list(dict.fromkeys(results.erasures["ordering"]))
    known = [name for name in present if name in columns.ranks or ranked_by(name, columns.doubles, affine=affine)]
    if ordering not in known:
        unknown = "does not say in which order items were erased by" if ordering in present else "knows no ordering"
        raise InputError(f"{results.folder} {unknown} {ordering!r}; it can show {', '.join(known)}.")


def _numbers(items: pd.DataFrame, ordering: str, *, affine: bool) -> Numbers | None:
    """What the items were ranked by (items,), where the table has it."""
    columns = ranked_by(ordering, items, affine=affine)
    return items[columns].to_numpy(dtype=np.float64).prod(axis=1) if columns else None


def _shades(numbers: Numbers | None, order: Positions | None, ordering: str, n: int) -> Numbers:
    """From 0 to 1 (n,): numbers as shares of the largest, where the order is theirs; elsewhere by place in it."""
    if numbers is not None and (order is None or follows(order, numbers)):
        largest = numbers.max()
        return np.clip(numbers, 0, None) / largest if largest > 0 else np.zeros(n)
    shades = np.zeros(n)
    if order is not None:
        shades[order] = 1.0 if is_smallest(ordering) else 1 - np.arange(len(order)) / n
    return shades


def _erased(flips: FirstFlips, row: int, order: Positions | None) -> Positions | None:
    """The positions erased at the first flip of the first draw, none where nothing flips; None: it is not known."""
    count = flips.removed[row, 0]
    if np.isnan(count):
        return np.zeros(0, dtype=np.int64)
    return None if order is None or len(order) < count else order[: int(count)]


def _head(results: RunResults, row: int) -> str:
    document: Any = results.several.iloc[row]
    decision, label = int(document["decision"]), int(document["label"])
    told = "" if label < 0 else ", as labelled" if decision == label else f", but the label is {_class(results, label)}"
    sure = f" ({percent(float(document['p_decision']))})" if "p_decision" in document else ""
    return (
        f"{legible(results.name)}, document {int(document['document'])}: {int(document['n']):,} {results.unit}s. "
        f"The model decides {_class(results, decision)}{sure}{told}. {meaning_in_words(results.config)}"
    ).rstrip()


def _marked(by: Mapping[str, npt.NDArray[np.bool_]], unit: str, *, colour: bool) -> str:
    """What is underlined, and how much of it each annotator marked; empty where nobody marked any item."""
    counts = {legible(name): int(marked.sum()) for name, marked in by.items() if marked.any()}
    if not counts:
        return ""
    shown = "Underlined" if colour else "Between underscores"
    said = [f"annotator {name} marked ({count:,} {unit}{'s' * (count != 1)})" for name, count in counts.items()]
    return f"{shown} is what {' or '.join(said)}."


def _outcome(
    results: RunResults,
    row: int,
    items: pd.DataFrame,
    ordering: str,
    erased: Positions | None,
    bias: Sequence[float] | None,
) -> str:
    """What erasing in an ordering makes of the decision; ``bias`` where the readout is affine."""
    flips, lead = results.flips_of(ordering), _lead(results, ordering)
    if flips.emptied[row, 0]:
        if bias is None:
            return f"{lead} the decision changes only when nothing is left: the rest of the model then decides alone."
        then = _decided_after(results, items, np.ones(len(items), dtype=bool), bias)
        return f"{lead} the decision changes only when nothing is left: the readout's bias alone then decides{then}."
    if flips.never[row, 0]:
        return f"{lead} the decision never changes, not even when nothing is left."
    count = int(flips.removed[row, 0])
    share = percent(count / len(items))
    counted = results.unit if count == 1 else f"{count:,} {results.unit}s"
    gone = f"{'one ' * (count == 1)}{counted}" if is_smallest(ordering) else f"the first {counted}"
    if erased is None:
        return (
            f"{lead} the decision flips with {gone} erased, {share} of all. Which these are "
            "the run does not say, as it was made before the order of erasing was kept: nothing is struck through."
        )
    struck = np.isin(np.arange(len(items)), erased)
    then = "" if bias is None else f" to{_decided_after(results, items, struck, bias)}"
    return f"{lead} the decision flips{then} with {gone} erased, {share} of all."


def _lead(results: RunResults, ordering: str) -> str:
    if is_smallest(ordering):
        return "By the smallest set"
    return "In the first random order" if ordering == RANDOM else f"By {in_prose(ordering, results.config)}"


def _decided_after(
    results: RunResults, items: pd.DataFrame, struck: npt.NDArray[np.bool_], bias: Sequence[float]
) -> str:
    """`` <class> (<probability>)``, of an affine readout."""
    contributions = _contributions(items)
    mass = items["weight"].to_numpy(dtype=np.float64)[~struck].sum()
    logits = contributions[~struck].sum(axis=0) / mass if mass > 0 else np.asarray(bias)
    p = np.exp(logits - logits.max())
    p /= p.sum()
    return f" {_class(results, int(p.argmax()))} ({percent(float(p.max()))})"


def _contributions(items: pd.DataFrame) -> Numbers:
    names = [f"contribution_{c}" for c in range(sum(str(name).startswith("contribution_") for name in items))]
    return items[names].to_numpy(dtype=np.float64)


def _all_orderings(results: RunResults, row: int) -> str:
    said = []
    for name, flips in results.with_twins().items():
        counts = sorted({int(count) for count in flips.removed[row] if not np.isnan(count)})
        ends = [f"{count:,}" for count in (counts if len(counts) == 1 else (*counts[:1], *counts[-1:]))]
        ways = [" to ".join(ends)] if ends else []
        ways += ["only with nothing left"] * bool(flips.emptied[row].any()) + ["never"] * bool(flips.never[row].any())
        said.append(f"{in_prose(name, results.config)} {' or '.join(ways)}")
    return f"Erased at the first flip: {', '.join(said)}."


def _smallest(documents: SampledDocuments, row: int, texts: Sequence[str]) -> str:
    results, unit = documents.results, documents.results.unit
    if results.smallest_sets is None:
        why = no_smallest_set(results.config)
        return f"({why[0].upper()}{why[1:]}.)"
    flips = results.first_flips[results.smallest_sets]
    chosen = _erased(flips, row, documents.order(row, results.smallest_sets))
    if chosen is None:
        count = int(flips.removed[row, 0])
        return f"Smallest set that flips it: {count:,} {unit}{'s' * (count > 1)}; the run does not say which."
    if not len(chosen):
        return f"No set of {unit}s flips it while anything is left."
    positions = sorted(chosen.tolist())
    named = [f"“{textwrap.shorten(texts[each], SHORT, placeholder='…')}” ({each})" for each in positions[:NAMED]]
    more = f" and {len(positions) - NAMED:,} more" if len(positions) > NAMED else ""
    return f"Smallest set that flips it (and positions): {', '.join(named)}{more}."


def _class(results: RunResults, number: int) -> str:
    return legible(results.class_name(number))

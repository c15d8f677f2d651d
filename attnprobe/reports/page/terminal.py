"""One document in the terminal: shaded by an ordering, what must go before the decision flips struck through."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.one_document import smallest_set
from attnprobe.analysis.results import ATTENTION, NO_SMALLEST_SET, RunResults
from attnprobe.errors import InputError
from attnprobe.reports.numbers import percent
from attnprobe.reports.page.documents import SampledDocuments
from attnprobe.reports.page.readable import gaps, legible, legible_item
from attnprobe.reports.style import COLOURS, display_name

SHADED_BY = (ATTENTION, "gradient", "gradient_attention")
"""Orderings whose numbers the table of items has."""

STRONGEST = 0.6
"""Of the colour in the paper's white, for the largest number."""

NAMED, SHORT = 10, 40
"""Items of the smallest set that are named, and characters of each."""

_TAB = "    "

_SPACED = re.compile(r"(\s*)(\S*)")

_ESCAPE = re.compile("\x1b\\[[0-9;]*m")


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

    Args:
        results: the run; the document need not be among those that statistics are made of.
        number: of the document, as in documents.parquet.
        ordering: one of ``SHADED_BY``.
        bias: the readout's, where it is affine: what is decided when nothing is left.
        width: characters in a line.
        colour: shade and strike through with escape sequences; without, tildes are around what is struck.

    Raises:
        InputError: there is no such document.
    """
    results, row = results.only([number]), 0
    if not (results.documents["n"] > 1).any():
        raise InputError(f"{results.folder} has no document {number} with more than one {results.unit}.")
    items = SampledDocuments(results, [row]).items(row)
    if items is None:
        unkept = f"Its {results.unit}s were not kept: of a large split items.parquet has those of a seeded sample."
        return _in_lines([_head(results, row), unkept, _all_orderings(results, row)], width)
    keys = _keys(items, ordering)
    flips = results.first_flips[ordering].removed[row, 0]
    struck = np.zeros(len(items), dtype=bool)
    struck[np.argsort(-keys, kind="stable")[: 0 if np.isnan(flips) else int(flips)]] = True
    texts = [legible_item(token) for token in items["token"]]
    between, hue = gaps(items["before"].tolist()), COLOURS[ordering] if colour else None
    text = _text(texts, between, _shades(keys), struck, hue, width, results.unit)
    said = [
        _flip(results, row, items, ordering, struck, bias),
        _all_orderings(results, row),
        _smallest(results, items, texts),
    ]
    return "\n\n".join([_in_lines([_head(results, row)], width), text, _in_lines(said, width)])


def _in_lines(paragraphs: Sequence[str], width: int) -> str:
    return "\n\n".join(textwrap.fill(paragraph, width) for paragraph in paragraphs if paragraph)


def _keys(items: pd.DataFrame, ordering: str) -> Numbers:
    weight = items["weight"].to_numpy(dtype=np.float64)
    if ordering == ATTENTION:
        return weight
    gradient = items["gradient"].to_numpy(dtype=np.float64)
    return gradient if ordering == "gradient" else gradient * weight


def _shades(keys: Numbers) -> Numbers:
    """From 0 to 1, as a share of the largest."""
    largest = keys.max()
    return np.clip(keys, 0, None) / largest if largest > 0 else np.zeros_like(keys)


def _head(results: RunResults, row: int) -> str:
    document: Any = results.several.iloc[row]
    decision, label = int(document["decision"]), int(document["label"])
    told = "" if label < 0 else ", as labelled" if decision == label else f", but the label is {_class(results, label)}"
    sure = f" ({percent(float(document['p_decision']))})" if "p_decision" in document else ""
    return (
        f"{legible(results.name)}, document {int(document['document'])}: {int(document['n']):,} {results.unit}s. "
        f"The model decides {_class(results, decision)}{sure}{told}."
    )


def _text(
    texts: Sequence[str],
    between: Sequence[str],
    shades: Numbers,
    struck: npt.NDArray[np.bool_],
    hue: str | None,
    width: int,
    unit: str,
) -> str:
    """The items in lines, with the text between them as it is; sentences each begin a line."""
    page = _Page(width)
    for j, (text, gap) in enumerate(zip(texts, between, strict=True)):
        if unit == "sentence" and j:
            gap = "\n" + gap.strip(" ").removeprefix("\n")
        page.write_between(gap)
        page.write(text, partial(_painted, shade=float(shades[j]), gone=bool(struck[j]), hue=hue))
    return page.text()


class _Page:
    """Lines that are filled from left to right, and broken at white space where what comes next does not fit."""

    def __init__(self, width: int) -> None:
        self._lines = [""]
        self._width = self._room = width
        self._space = self._word = ""
        self._length = 0  # of the word, which is not yet in its line

    def write(self, text: str, marked: Callable[[str], str]) -> None:
        """Go on with an item, each part of it in a line marked."""
        for number, line in enumerate(text.replace("\t", _TAB).split("\n")):
            if number:
                self._break()
            for place, part in enumerate(textwrap.wrap(line, self._width - 4)):
                if place:
                    self._put_space(" ")
                self._put(marked(part))

    def write_between(self, text: str) -> None:
        """Go on with text that is no item."""
        for number, line in enumerate(text.replace("\t", _TAB).split("\n")):
            if number:
                self._break()
            for blank, part in _SPACED.findall(line):
                self._put_space(blank)
                self._put(part)

    def text(self) -> str:
        """All lines."""
        self._end_word()
        return "\n".join(self._lines)

    def _put(self, marked: str) -> None:
        length = len(_ESCAPE.sub("", marked))
        if self._length + length > self._width:
            self._end_word()
        self._word += marked
        self._length += length

    def _put_space(self, blank: str) -> None:
        if blank:
            self._end_word()
            self._space += blank

    def _end_word(self) -> None:
        if not self._word:
            return
        if self._lines[-1] and len(self._space) + self._length > self._room:
            self._lines.append("")
            self._room, self._space = self._width, ""
        self._lines[-1] += self._space + self._word
        self._room -= len(self._space) + self._length
        self._space, self._word, self._length = "", "", 0

    def _break(self) -> None:
        self._end_word()
        self._lines.append("")
        self._room, self._space = self._width, ""


def _painted(text: str, shade: float, gone: bool, hue: str | None) -> str:
    if hue is None:
        return f"~~{text}~~" if gone else text
    codes = ["9"] if gone else []
    if round(9 * shade) > 0:
        channels = (int(hue[start : start + 2], 16) for start in (1, 3, 5))
        mixed = (round(255 + (channel - 255) * STRONGEST * shade) for channel in channels)
        codes += ["38;2;16;16;16", "48;2;" + ";".join(map(str, mixed))]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes else text


def _flip(
    results: RunResults,
    row: int,
    items: pd.DataFrame,
    ordering: str,
    struck: npt.NDArray[np.bool_],
    bias: Sequence[float] | None,
) -> str:
    name, count = display_name(ordering), int(struck.sum())
    if not count:
        return f"By {_in_prose(name)} the decision never flips, not even with everything erased."
    unit = results.unit if count == 1 else f"{results.unit}s"
    then = _decided_after(results, items, struck, bias)
    share = percent(count / len(items))
    return f"By {_in_prose(name)} the decision flips{then} with the first {count:,} {unit} erased, {share} of all."


def _decided_after(
    results: RunResults, items: pd.DataFrame, struck: npt.NDArray[np.bool_], bias: Sequence[float] | None
) -> str:
    """`` to <class> (<probability>)``, where the readout is affine; nothing elsewhere."""
    contributions = _contributions(items)
    if bias is None or not len(bias) == contributions.shape[1] > 0:
        return ""
    mass = items["weight"].to_numpy(dtype=np.float64)[~struck].sum()
    logits = contributions[~struck].sum(axis=0) / mass if mass > 0 else np.asarray(bias)
    p = np.exp(logits - logits.max())
    p /= p.sum()
    return f" to {_class(results, int(p.argmax()))} ({percent(float(p.max()))})"


def _contributions(items: pd.DataFrame) -> Numbers:
    names = [f"contribution_{c}" for c in range(sum(str(name).startswith("contribution_") for name in items))]
    return items[names].to_numpy(dtype=np.float64)


def _all_orderings(results: RunResults, row: int) -> str:
    said = []
    for name, flips in results.first_flips.items():
        draws = sorted({-1 if np.isnan(draw) else int(draw) for draw in flips.removed[row]}, key=lambda k: (k < 0, k))
        ends = ["never" if k < 0 else f"{k:,}" for k in (draws if len(draws) == 1 else (draws[0], draws[-1]))]
        said.append(f"{_in_prose(display_name(name))} {' to '.join(ends)}")
    return f"Erased at the first flip: {', '.join(said)}."


def _smallest(results: RunResults, items: pd.DataFrame, texts: Sequence[str]) -> str:
    if not results.knows_smallest_sets:
        return f"({NO_SMALLEST_SET[0].upper()}{NO_SMALLEST_SET[1:]}.)"
    contributions = _contributions(items)
    chosen = smallest_set(contributions) if contributions.shape[1] else None
    if chosen is None:
        return ""
    positions = [int(position) for position in np.flatnonzero(chosen)]
    named = [f"“{textwrap.shorten(texts[each], SHORT, placeholder='…')}” ({each})" for each in positions[:NAMED]]
    more = f" and {len(positions) - NAMED:,} more" if len(positions) > NAMED else ""
    return f"Smallest set that flips it (and positions): {', '.join(named)}{more}."


def _class(results: RunResults, number: int) -> str:
    return legible(results.class_name(number))


def _in_prose(name: str) -> str:
    return name[0].lower() + name[1:]

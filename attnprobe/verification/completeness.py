"""Whether a run's tables hold every row that they should, once, in order, and numbers that fit each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from attnprobe.base.errors import InputError
from attnprobe.erasure.registered_orderings import RANK
from attnprobe.erasure.registered_ways import ERASE_BY
from attnprobe.verification.row_batches import flags, integers, reals, row_batches, texts, whole_documents

Numbers = npt.NDArray[np.integer]

_SUM = 1e-6
"""Weights of a document sum to one within this."""


class Present(NamedTuple):
    """The documents that have results: their numbers in the split, and how many items each has (documents,)."""

    numbers: Numbers
    sizes: Numbers


def present_documents(path: Path, labels: npt.NDArray[np.int64], quarantined: dict[str, Any]) -> Present:
    """Go through the table of documents.

    Args:
        path: of the table.
        labels: the class of each document of the split (documents,).
        quarantined: what the summary says of documents without results.

    Raises:
        InputError: a page cannot be read; a document is missing, there twice or out of order; a label is another.
    """
    numbers: list[Numbers] = [np.empty(0, dtype=np.int64)]
    sizes: list[Numbers] = [np.empty(0, dtype=np.int64)]
    last = -1
    for rows in row_batches(path):
        documents = integers(path, rows, "document")
        _check_ascending(path, np.concatenate([[last], documents]))
        if len(documents) and documents[-1] >= len(labels):
            raise InputError(
                f"{path} holds document {documents[-1]}, but the split ends with document {len(labels) - 1}."
            )
        stored = integers(path, rows, "label")
        for row in np.flatnonzero(stored != labels[documents])[:1]:
            raise InputError(
                f"{path}, document {documents[row]}: its label is {stored[row]}, that of the data is "
                f"{labels[documents[row]]}."
            )
        numbers.append(documents)
        sizes.append(integers(path, rows, "n"))
        last = int(documents[-1]) if len(documents) else last
    present = Present(np.concatenate(numbers), np.concatenate(sizes))
    missing = np.ones(len(labels), dtype=bool)
    missing[present.numbers] = False
    _check_missing(path, np.flatnonzero(missing), quarantined)
    return present


def _check_ascending(path: Path, documents: Numbers) -> None:
    for row in np.flatnonzero(np.diff(documents) <= 0)[:1]:
        one, next_ = documents[row], documents[row + 1]
        raise InputError(
            f"{path} holds document {one} twice."
            if one == next_
            else f"{path} holds document {next_} behind document {one}: it is there twice or out of order."
        )


def _check_missing(path: Path, missing: Numbers, quarantined: dict[str, Any]) -> None:
    try:
        named = {int(document) for document, _ in quarantined.get("first", [])}
        count = int(quarantined.get("documents", 0))
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise InputError(f"{path.with_name('summary.json')} does not say which documents were quarantined.") from None
    unnamed = sorted(set(missing.tolist()) - named) if count <= len(named) else []
    if unnamed:
        raise InputError(f"{path} does not hold document {unnamed[0]}{_and_more(len(unnamed) - 1)}.")
    if len(missing) != count or not named <= set(missing.tolist()):
        raise InputError(
            f"{path} does not hold {len(missing):,} documents of the split, but {count:,} were quarantined, or others."
        )


def draws_of_first(path: Path, orderings: Collection[str], way: str) -> list[tuple[str, int]]:
    """Names and draws that the first document of the table of erasures has of these orderings, by one way of erasing.

    Others should have them, too.
    """
    for rows in whole_documents(path):
        documents = integers(path, rows, "document")
        first = rows.filter(pa.array(documents == documents[0]))
        if ERASE_BY in first.column_names:
            first = first.filter(pc.equal(first[ERASE_BY], way))
        names, draws = first["ordering"].cast(pa.string()).to_pylist(), first["draw"].to_pylist()
        return [(name, draw) for name, draw in zip(names, draws, strict=True) if name in orderings]
    return []


def check_erasures(
    path: Path,
    present: Present,
    orderings: Sequence[tuple[str, int]],
    otherwise: Mapping[str, Sequence[tuple[str, int]]] | None = None,
    first: str = "",
) -> int:
    """Go through the table of erasures.

    Args:
        path: of the table.
        present: the documents.
        orderings: names and draws that each document has.
        otherwise: by way of erasing the same of rows of the further ways of a run; None where it has one way.
        first: the way that the others stand beside.

    Returns:
        How many rows there are.

    Raises:
        InputError: a page cannot be read; a row is missing, there twice or out of order; its numbers do not fit.
    """
    by_way = {"": orderings, **(otherwise or {})}
    kinds = sorted({(way, name) for way, of_way in by_way.items() for name, _ in of_way})
    names = pa.array([f"{way}/{name}" for way, name in kinds])
    draws = 1 + max(draw for of_way in by_way.values() for _, draw in of_way)
    wanted = np.sort(
        [kinds.index((way, name)) * draws + draw for way, of_way in by_way.items() for name, draw in of_way]
    )
    of_all = InStep(path, present)
    for rows in whole_documents(path):
        documents, counts = of_all.take(rows)
        draw = integers(path, rows, "draw").astype(np.int64)
        way = _ways(path, rows, [first, *otherwise]) if otherwise else pa.array([""] * len(rows))
        kind = pc.binary_join_element_wise(way, texts(path, rows, "ordering"), "/")
        name = pc.index_in(kind, names).fill_null(-1).to_numpy().astype(np.int64)
        code = np.where((name >= 0) & (draw >= 0) & (draw < draws), name * draws + draw, -1)
        for row in np.flatnonzero(~np.isin(code, wanted))[:1]:
            raise InputError(
                f"{path}, document {np.repeat(documents.numbers, counts)[row]}: there is no ordering "
                f"{rows['ordering'][int(row)]} with a draw {draw[row]}."
            )
        for document in np.flatnonzero(counts != len(wanted))[:1]:
            raise InputError(
                f"{path}, document {documents.numbers[document]}: it has {counts[document]} rows, and not one for each "
                f"of {len(wanted)} orderings and draws."
            )
        doubled = (np.sort(code.reshape(-1, len(wanted)), axis=1) != wanted).any(1)
        for document in np.flatnonzero(doubled)[:1]:
            raise InputError(f"{path}, document {documents.numbers[document]}: an ordering is there twice.")
        _check_removed(path, rows, documents, counts)
    return of_all.finish()


def _ways(path: Path, rows: pa.Table, known: Sequence[str]) -> pa.Array:
    """By which way of erasing each row is (rows,): nothing stands for the first.

    Raises:
        InputError: by none of the run's.
    """
    told = texts(path, rows, ERASE_BY)
    for row in np.flatnonzero(~pc.is_in(told, pa.array(known)).to_numpy(zero_copy_only=False))[:1]:
        raise InputError(
            f"{path}, document {rows['document'][int(row)]}: the column {ERASE_BY!r} holds {told[int(row)].as_py()!r}, "
            f"but the run erases by {', '.join(known)}."
        )
    return pc.if_else(pc.equal(told, known[0]), "", told)


def _check_removed(path: Path, rows: pa.Table, documents: Present, counts: Numbers) -> None:
    """Whether counts, fractions and mass fit each other."""
    numbers, sizes = np.repeat(documents.numbers, counts), np.repeat(documents.sizes, counts)
    removed, fraction, mass = (
        integers(path, rows, "removed"),
        reals(path, rows, "fraction"),
        reals(path, rows, "mass"),
    )
    never = removed == -1
    possible = never | ((removed >= 1) & (removed <= sizes))
    possible &= integers(path, rows, "n") == sizes
    possible &= np.where(never, np.isnan(fraction), np.abs(fraction - removed / np.maximum(sizes, 1)) <= 1e-9)
    possible &= np.where(never, np.isnan(mass), (mass >= -_SUM) & (mass <= 1 + _SUM))
    emptied = flags(path, rows, "emptied") if "emptied" in rows.column_names else np.zeros(len(rows), dtype=bool)
    possible &= ~emptied | (~never & (mass >= 1 - _SUM))
    for row in np.flatnonzero(~possible)[:1]:
        raise InputError(
            f"{path}, document {numbers[row]}, ordering {rows['ordering'][int(row)]}: {removed[row]} removed, fraction "
            f"{fraction[row]:.6g}, mass {mass[row]:.6g} and emptied {emptied[row]} do not fit {sizes[row]} items."
        )


def check_items(path: Path, present: Present, sampled: npt.NDArray[np.bool_]) -> int:
    """Go through the table of items.

    Args:
        path: of the table.
        present: the documents.
        sampled: True for the documents of the split whose items are kept (documents of the split,).

    Returns:
        How many rows there are.

    Raises:
        InputError: a page cannot be read; a row is missing, there twice or out of order; weights do not sum to one.
    """
    kept = sampled[present.numbers]
    of_all = InStep(path, Present(present.numbers[kept], present.sizes[kept]))
    for rows in whole_documents(path):
        documents, counts = of_all.take(rows)
        for row in np.flatnonzero(counts != documents.sizes)[:1]:
            raise InputError(
                f"{path}, document {documents.numbers[row]}: it has {counts[row]} rows, but {documents.sizes[row]} "
                "items."
            )
        first = np.cumsum(counts) - counts
        place = np.arange(len(rows)) - np.repeat(first, counts)
        position = integers(path, rows, "position")
        for row in np.flatnonzero(position != place)[:1]:
            raise InputError(
                f"{path}, document {np.repeat(documents.numbers, counts)[row]}: position {position[row]} stands where "
                f"position {place[row]} should."
            )
        _check_ranks(path, rows, documents, counts)
        sums = np.add.reduceat(reals(path, rows, "weight"), first)
        for row in np.flatnonzero(~(np.abs(sums - 1) <= _SUM))[:1]:
            raise InputError(f"{path}, document {documents.numbers[row]}: its weights sum to {sums[row]:.8g}.")
    return of_all.finish()


def _check_ranks(path: Path, rows: pa.Table, documents: Present, counts: Numbers) -> None:
    """Whether the places in each ordering are 0, 1, … up to some item, each once in a document."""
    of_row = np.repeat(np.arange(len(counts)), counts)
    for name in rows.column_names:
        if name.startswith(RANK):
            rank = integers(path, rows.set_column(0, name, pc.fill_null(rows[name], -1)).select([0]), name)
            place = rank.astype(np.int64)
            ranked = np.bincount(of_row[place >= 0], minlength=len(counts))
            wrong = (place < -1) | (place >= ranked[of_row])
            ordered = np.lexsort((place, of_row))
            same = (np.diff(of_row[ordered]) == 0) & (np.diff(place[ordered]) == 0) & (place[ordered][1:] >= 0)
            wrong[ordered[1:][same]] = True
            for row in np.flatnonzero(wrong)[:1]:
                raise InputError(
                    f"{path}, document {documents.numbers[of_row[row]]}: {name} holds {place[row]}, which is no place "
                    f"among {ranked[of_row[row]]} items, or there twice."
                )


class InStep:
    """Goes through a table's documents beside those that it should have."""

    def __init__(self, path: Path, expected: Present) -> None:
        self._path, self._expected = path, expected
        self._done = self._rows = 0

    def take(self, rows: pa.Table) -> tuple[Present, Numbers]:
        """The documents of the next rows, and how many rows each has; raises InputError where they are others."""
        numbers = integers(self._path, rows, "document")
        first = np.flatnonzero(np.diff(numbers, prepend=-1))
        here = Present(*(column[self._done : self._done + len(first)] for column in self._expected))
        found = numbers[first]
        for row in np.flatnonzero(found[: len(here.numbers)] != here.numbers)[:1]:
            one, other = int(found[row]), int(here.numbers[row])
            raise InputError(
                f"{self._path} does not hold document {other}."
                if one > other
                else f"{self._path} holds document {one} where it should hold document {other}."
            )
        for number in found[len(here.numbers) :][:1]:
            raise InputError(f"{self._path} holds document {number}, which should not be there.")
        self._done += len(first)
        self._rows += len(rows)
        return here, np.diff(first, append=len(numbers))

    def finish(self) -> int:
        """How many rows there were; raises InputError where documents are missing."""
        for number in self._expected.numbers[self._done :][:1]:
            left = len(self._expected.numbers) - self._done
            raise InputError(f"{self._path} does not hold document {number}{_and_more(left - 1)}.")
        return self._rows


def _and_more(others: int) -> str:
    return f" and {others:,} more" if others else ""

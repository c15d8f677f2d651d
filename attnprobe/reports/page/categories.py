"""Kinds of documents that are worth reading: those by when they flip, by whether attention misleads, by the label."""

from __future__ import annotations

import numpy as np

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM
from attnprobe.reports.page.attention import WITH_ATTENTION, attention_kept
from attnprobe.reports.page.marks import Marks, Rows

TENTH = 0.1
"""Of the documents that have a number, as many count as having it large, or small."""


def add_categories(results: RunResults, marks: Marks) -> list[int]:
    """The numbers of the marks, in order of display; a kind of which there is no document is left out."""
    every = np.ones(len(results.several), dtype=bool)
    if not results.meaning.flips:
        return [marks.add("All documents", every)]
    flips = results.first_flips
    attention = flips[ATTENTION].fraction[:, 0]
    removed = flips[ATTENTION].removed[:, 0]
    # What changes only when nothing is left, and what never does, is later than any flip.
    at_random = np.where(np.isnan(flips[RANDOM].removed), np.inf, flips[RANDOM].removed).mean(axis=1)
    top, other = columns_of(results, ["flip_top", "flip_other"]).values()
    named = {
        "Flips late by attention": _tenth(attention, largest=True),
        "Flips early by attention": _tenth(attention, largest=False),
        "Changes only when nothing is left by attention": flips[ATTENTION].emptied[:, 0],
        "Never flips by attention": flips[ATTENTION].never[:, 0],
        "Attention misleads: a random order flips earlier": at_random < np.where(np.isnan(removed), np.inf, removed),
    }
    if results.smallest_sets is not None:
        fewest = flips[results.smallest_sets].removed[:, 0]
        named["Attention is right: as few as in the smallest set"] = removed == fewest
    else:
        named[f"Attention is right: its first {results.unit} alone flips, few others do"] = (top == 1) & (other < TENTH)
    if {"js_top", "js_other"} <= set(results.several):
        js_top, js_other = columns_of(results, ["js_top", "js_other"]).values()
        named["Largest ΔJS"] = _tenth(js_top - js_other, largest=True)
    label, decision = (results.several[name].to_numpy() for name in ("label", "decision"))
    if (kept := attention_kept(results)).any():
        named[WITH_ATTENTION] = kept
    named["Misclassified"] = (label >= 0) & (label != decision)
    named["All documents"] = every
    return [marks.add(title, rows) for title, rows in named.items() if rows.any()]


def _tenth(column: Numbers, *, largest: bool) -> Rows:
    """Which documents are in the tenth with the largest numbers, or the smallest; none of those without a number."""
    if np.isnan(column).all():
        return np.zeros(len(column), dtype=bool)
    end = np.nanquantile(column, 1 - TENTH if largest else TENTH)
    chosen: Rows = column >= end if largest else column <= end
    return chosen

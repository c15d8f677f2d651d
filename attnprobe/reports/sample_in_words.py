"""What readers are told of documents that statistics are not made of: not sampled, of one item, or not to be read.

Accuracy is of fewer still where a model decides between classes of its own that some labels of the data are none of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnprobe.analysis.results import RunResults
from attnprobe.reports.numbers import percent_with_interval


def documents_in_words(counts: Mapping[str, Any], unit: str) -> str:
    """How many documents a run has, and which of them statistics are made of; without a full stop.

    Args:
        counts: of a summary.
        unit: what an item is.

    >>> counts = dict(documents=9, sampled=9, quarantined=1, with_several_items=8, with_one_item=1)
    >>> documents_in_words(counts, "word")
    '8 documents; 1 more has a single word and is left out; 1 more broke the model and is left out'
    >>> documents_in_words(counts | dict(sampled=7, quarantined=0, with_several_items=4, with_one_item=3), "word")
    '9 documents; statistics of a seeded sample of 7, of which 3 have a single word and are left out'
    """
    one_item, is_sample = counts["with_one_item"], counts["sampled"] < counts["documents"]
    text = f"{counts['documents' if is_sample else 'with_several_items']:,} documents"
    if is_sample:
        text += f"; statistics of a seeded sample of {counts['sampled']:,}"
    if one_item:
        which = f", of which {one_item:,}" if is_sample else f"; {one_item:,} more"
        text += f"{which} {_have(one_item)} a single {unit} and {_are(one_item)} left out"
    if counts["quarantined"]:
        text += f"; {counts['quarantined']:,} more broke the model and {_are(counts['quarantined'])} left out"
    return text


def accuracy_in_words(summary: Mapping[str, Any], of_all: str = "", some: str = "documents") -> str:
    """How often the model is right, and in how many documents where it is not all; empty where that is not known.

    Args:
        summary: as ``summarise`` gives it.
        of_all: what follows where it is all.
        some: what those are called that it is of where it is not.
    """
    accuracy = summary["accuracy"]
    if not accuracy:
        return ""
    of = of_all
    if accuracy["n"] < summary["counts"]["with_several_items"]:
        of = f" of the {accuracy['n']:,} {some} whose label is a class of the model's"
    return percent_with_interval(accuracy) + of


def sample_in_words(results: RunResults) -> str:
    """``a seeded sample of 100,000 of 1,000,000 documents``; empty where statistics are made of all."""
    if not results.is_sample:
        return ""
    return f"a seeded sample of {len(results.documents):,} of {results.total:,} documents"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"

"""Who never flips, not even with everything erased.

With everything erased the logits of an affine readout are its bias, so that only documents decided as the class that
the bias prefers can never flip, under whatever ordering; which of them do depends on it. (Of the oracle: no set flips
them.) Other readouts have no such class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bootstrap import Compared, Estimate, Numbers, Ratio, compare_ratios
from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.first_flips import with_controls
from attnprobe.analysis.intervals import average_shares, binary_shares
from attnprobe.analysis.results import FirstFlips, RunResults
from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.erasure.registered_orderings import PAPER

Group = tuple[str, str]
"""What makes a group of documents, ``decision`` or ``label`` and so on, and which."""


class NeverFlipped(NamedTuple):
    """Under one ordering, random draws averaged; of the others, shares have Wilson's intervals.

    Attributes:
        share: of the documents with n > 1.
        in_any_draw: share that never flips in one draw at least: without random draws the same.
        by_decision, by_label: the same as ``share`` among the documents decided as, or labelled, each class.
        output_entropy: mean entropy of the output of those that never flip (first) and of the others, in nats.
    """

    share: Estimate
    in_any_draw: Estimate
    by_decision: dict[str, Estimate]
    by_label: dict[str, Estimate]
    output_entropy: Compared


class NeverFlips(NamedTuple):
    """Never-flips of a run; None where its files give no bias of an affine readout.

    Attributes:
        bias_class: the class decided when everything is erased.
        decided_as_bias_class: share of documents decided as it, with which they are.
        violations: documents of another decision that never flip in some draw of the paper's orderings: of an affine
            readout none.
        by_ordering: each ordering's, controls last.
    """

    bias_class: str | None
    decided_as_bias_class: Estimate | None
    violations: int | None
    by_ordering: dict[str, NeverFlipped]


MOST_CLASSES = 100
"""Of more classes, as of the tokens that a language model may decide for, none is reported by itself."""


def never_flips(results: RunResults) -> NeverFlips:
    """Never-flips by ordering and class.

    Raises:
        InputError: the table of documents lacks ``output_entropy``, or summary.json is not whole.
    """
    flips = with_controls(results)
    by_ordering = _by_ordering(results, flips)
    bias_class = class_of_bias(results)
    if bias_class is None:
        return NeverFlips(None, None, None, by_ordering)
    as_bias = results.several["decision"].to_numpy() == bias_class
    never = np.any([flips[name].never.any(axis=1) for name in PAPER if name in flips], axis=0)
    decided = binary_shares({"decided": as_bias.astype(np.float64)})["decided"]
    return NeverFlips(results.class_name(bias_class), decided, int(np.count_nonzero(never & ~as_bias)), by_ordering)


def class_of_bias(results: RunResults) -> int | None:
    """Number of the class with the largest bias in the readout, the first of equal ones; None where it is not noted.

    Raises:
        InputError: summary.json is not what a run writes.
    """
    path = results.folder / "summary.json"
    try:
        summary = json.loads(read_text(path, MOST_JSON_BYTES))
        if "readout_bias" not in summary or summary["readout_bias"] is None:
            return None
        return int(np.argmax(summary["readout_bias"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        raise InputError(f"{path} is not a run's summary: it cannot be read, or its readout_bias.") from None


def _by_ordering(results: RunResults, flips: Mapping[str, FirstFlips]) -> dict[str, NeverFlipped]:
    groups = _groups(results)
    entropy = columns_of(results, ["output_entropy"])["output_entropy"]
    averaged: dict[tuple[str, Group], Ratio] = {}
    certain: dict[tuple[str, Group], Numbers] = {}
    sides: dict[str, tuple[Ratio, Ratio]] = {}
    for name, flip in flips.items():
        draws = flip.never.astype(np.float64)
        never = draws.mean(axis=1)
        certain[name, ("any", "")] = draws.max(axis=1)
        for group, inside in groups.items():
            if draws.shape[1] > 1:
                averaged[name, group] = never * inside, inside.astype(np.float64)
            else:
                certain[name, group] = never[inside]
        sides[name] = (entropy * never, never), (entropy * (1 - never), 1 - never)
    estimates = average_shares(averaged) | binary_shares(certain)
    entropies = compare_ratios(sides)
    return {
        name: NeverFlipped(
            share=estimates[name, ("all", "")],
            in_any_draw=estimates[name, ("any", "")],
            by_decision={label: estimates[name, (kind, label)] for kind, label in groups if kind == "decision"},
            by_label={label: estimates[name, (kind, label)] for kind, label in groups if kind == "label"},
            output_entropy=entropies[name],
        )
        for name in flips
    }


def _groups(results: RunResults) -> dict[Group, npt.NDArray[np.bool_]]:
    """All documents, and those of each decision and label that there are: (documents,) of yes and no."""
    groups = {("all", ""): np.ones(len(results.several), dtype=bool)}
    for kind in ("decision", "label"):
        classes = results.several[kind].to_numpy()
        numbers = [number for number in np.unique(classes).tolist() if number >= 0]
        if len(numbers) <= MOST_CLASSES:
            groups |= {(kind, results.class_name(number)): classes == number for number in numbers}
    return groups

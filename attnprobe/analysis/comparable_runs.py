"""Whether runs can be compared: of the same documents, decided and erased alike, with the same things measured."""

from __future__ import annotations

from collections.abc import Sequence

from attnprobe.analysis.across_runs import by_pair
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.erasure.registered_orderings import Role

NAMED = 3
"""Orderings that a sentence names."""


def check_comparable(runs: Sequence[RunResults]) -> None:
    """See that runs are of the same documents of one dataset, each once, and erase and decide alike.

    Raises:
        InputError: they are not; the message names two runs that differ.
    """
    by_pair(runs)  # which refuses a run that is there twice
    first = runs[0]
    for other in runs[1:]:
        both = f"{first.folder} and {other.folder}"
        if other.dataset != first.dataset:
            raise InputError(
                f"{both} are of different datasets, {first.dataset} and {other.dataset}: explanations are compared on "
                "the same documents."
            )
        if _documents_of(other) != _documents_of(first):
            raise InputError(f"{both} are of the same dataset, but not of the same documents.")
        if other.meaning.to_json() != first.meaning.to_json():
            raise InputError(f"{both} do not erase, or decide, in the same way.")


def _documents_of(run: RunResults) -> tuple[object, ...]:
    data = run.config["data"]
    return data.get("fingerprint"), tuple(run.labels), run.total + run.quarantined


def common_orderings(runs: Sequence[RunResults]) -> tuple[list[str], list[str]]:
    """The orderings that all runs have, but references, in the first one's order; and those that only some have.

    Raises:
        InputError: fewer than two are common.
    """
    of_runs = [
        [name for name in (*run.first_flips, *run.of_role(Role.CONTROL)) if name not in run.of_role(Role.REFERENCE)]
        for run in runs
    ]
    common = [name for name in of_runs[0] if all(name in names for names in of_runs)]
    others = dict.fromkeys(name for names in of_runs for name in names if name not in common)
    if len(common) < 2:
        raise InputError(f"The runs have {len(common)} orderings in common; to compare takes two.")
    return common, list(others)

"""What an explanation that was brought reaches beside its permuted twin, the same scores shuffled in each document."""

from __future__ import annotations

from typing import NamedTuple

from attnprobe.analysis.bootstrap import Estimate, means
from attnprobe.analysis.first_flips import with_controls
from attnprobe.analysis.restricted_means import restricted
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.whole_curves import WholeCurves, areas
from attnprobe.erasure.registered_orderings import Role
from attnprobe.explanations.names import PERMUTED


class BesideTwin(NamedTuple):
    """Of one explanation, over documents; draws are averaged within a document.

    Attributes:
        twin: the name of its twin.
        erased, erased_by_twin: mean share of the items erased at the first flip, emptied and never as all.
        erased_difference: the twin's less its own, paired by document: above 0 the explanation flips earlier.
        aopc, aopc_of_twin: of the decision's probability; None where no whole curves are kept.
        aopc_difference: its own less the twin's, paired by document: above 0 the explanation is more comprehensive.
    """

    twin: str
    erased: Estimate
    erased_by_twin: Estimate
    erased_difference: Estimate
    aopc: Estimate | None
    aopc_of_twin: Estimate | None
    aopc_difference: Estimate | None


def twins(results: RunResults) -> dict[str, BesideTwin]:
    """By explanation, those that have a twin.

    Raises:
        InputError: the table of curves cannot be read, or is not whole.
    """
    controls = results.of_role(Role.CONTROL)
    pairs = {name: f"{name}{PERMUTED}" for name in results.records if f"{name}{PERMUTED}" in controls}
    if not pairs:
        return {}
    flips, curves = with_controls(results), WholeCurves.of(results)
    erased = {name: restricted(flips[name])["fraction"] for pair in pairs.items() for name in pair}
    columns = {("erased", name): column for name, column in erased.items()}
    columns |= {("erased difference", name): erased[twin] - erased[name] for name, twin in pairs.items()}
    if curves is not None:
        reached, places = areas(curves, "probability").comprehensiveness, curves.of_orderings()
        aopc = {name: reached[:, places[name]].mean(axis=1) for name in erased if name in places}
        columns_of_curves = {("aopc", name): column for name, column in aopc.items()}
        columns_of_curves |= {
            ("aopc difference", name): aopc[name] - aopc[twin]
            for name, twin in pairs.items()
            if {name, twin} <= set(aopc)
        }
    else:
        columns_of_curves = {}
    estimates = means(columns) | means(columns_of_curves)
    return {
        name: BesideTwin(
            twin,
            estimates["erased", name],
            estimates["erased", twin],
            estimates["erased difference", name],
            estimates.get(("aopc", name)),
            estimates.get(("aopc", twin)),
            estimates.get(("aopc difference", name)),
        )
        for name, twin in pairs.items()
    }

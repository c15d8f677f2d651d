"""The statistics there are: what is made of a run's results, entry by entry of summary.json.

Those of this package have panels, tables and sentences in ``reports``, and are imported when they are computed. One of
another package brings its own: it is in the answer, among tables and figures and on the page of every report.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attnprobe.base.registry import Registry

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from attnprobe.analysis.results import RunResults

STATISTICS_GROUP = "attnprobe.statistics"
"""The entry-point group in which packages offer statistics."""

STATISTICS_ENTRY = "statistics"
"""Of the summary: statistic of another package → what came of it."""

LONGEST_TITLE_OF_A_STATISTIC = 60
"""Characters."""

LONGEST_SENTENCE = 1_000
"""Characters of what a statistic says in the answer."""

MOST_ROWS = 1_000
"""Of the table of a statistic."""


@dataclass(frozen=True)
class Statistic:
    """What is made of a run's results, under a name.

    Attributes:
        title: what readers are shown.
        compute: makes it of the results: numbers, texts, estimates (``value``, ``low``, ``high``, ``n``), and lists and
            tables of them, as JSON has them; what is no number is None.
        description: one line for lists and documentation.
        sentence: says it in words, of what ``compute`` gave, for the answer; without it the answer has no word on it.
        table: lays it out as a table of numbers and texts, for ``tables/`` and the page.
        draw: draws it into a panel of its own, for ``figures/``.
    """

    title: str
    compute: Callable[[RunResults], Any]
    description: str = ""
    sentence: Callable[[Any], str] | None = None
    table: Callable[[Any], pd.DataFrame] | None = None
    draw: Callable[[Axes, Any], None] | None = None


def _fault(entry: object) -> str | None:
    if not isinstance(entry, Statistic):
        return f"it is no attnprobe.Statistic, but of the type {type(entry).__name__}"
    if not isinstance(entry.title, str) or not 0 < len(entry.title) <= LONGEST_TITLE_OF_A_STATISTIC:
        return f"its title is no text of 1 to {LONGEST_TITLE_OF_A_STATISTIC} characters"
    if not callable(entry.compute):
        return "its compute is no function"
    shown = (entry.sentence, entry.table, entry.draw)
    return (
        None if all(each is None or callable(each) for each in shown) else "its sentence, table or draw is no function"
    )


STATISTICS: Registry[Statistic] = Registry("statistic", STATISTICS_GROUP, _fault)
"""By name: of this package's the entry of summary.json."""


def _of(module: str, function: str) -> Callable[[RunResults], Any]:
    """A function of a module of ``analysis``, which is imported when it is called."""
    return lambda results: getattr(importlib.import_module(f"attnprobe.analysis.{module}"), function)(results)


_OWN = {
    "accuracy": (
        _of("accuracy", "accuracy"),
        "of the documents of several items, of which all other statistics are; null where the model "
        "decides between other classes than the dataset's",
    ),
    "accuracy_of_all_documents": (
        _of("accuracy", "accuracy_of_all_documents"),
        "the same with the documents of one item",
    ),
    "attention_entropy": (
        _of("single_weights", "attention_entropy"),
        "mean normalised entropy of the weights, the answer's evenness",
    ),
    "first_flips": (
        _of("first_flips", "first_flip_statistics"),
        "by ordering, `OrderingStatistics`: outcomes, and how much is erased by then",
    ),
    "first_flips_as_released": (
        _of("first_flips", "first_flips_as_released"),
        "the same by the convention of 2019, in which a decision that changes only when nothing is left has flipped",
    ),
    "flip_curves": (
        _of("first_flips", "flip_curves_on_grid"),
        "`fraction`, and by ordering the share of documents flipped by then",
    ),
    "who_flips_first": (
        _of("who_flips_first", "who_flips_first"),
        "a list of `Comparison`, by pair of orderings",
    ),
    "single_flips": (
        _of("single_weights", "single_flips"),
        "by ordering, `SingleFlips`: its first item erased alone, and another one",
    ),
    "delta_js": (
        _of("delta_js", "delta_js_by_bin"),
        "a list of `DeltaAlphaBin`, with bins of .05",
    ),
    "neighbours": (
        _of("neighbours", "neighbours"),
        "`Neighbours`: top against second, and lowest against second lowest",
    ),
    "released_draw": (
        _of("released_draw", "released_draws"),
        "by ordering, `ReleasedDraw`: r as the released code draws it, beside the exact averages",
    ),
    "single_weight_tests": (
        _of("single_weight_tests", "single_weight_tests"),
        "by ordering, `SingleWeightTest`: i* against every r",
    ),
    "restricted_means": (
        _of("restricted_means", "restricted_means"),
        "by ordering, `RestrictedMeans`: never-flips counted in",
    ),
    "mass": (
        _of("mass", "mass_statistics"),
        "by ordering, `MassStatistics`",
    ),
    "never_flips": (
        _of("never_flips", "never_flips"),
        "`NeverFlips`: the class that the bias prefers, and never by ordering, decision and label",
    ),
    "controls": (
        _of("first_flips", "control_statistics"),
        "by control, as attention in ascending order, `OrderingStatistics`",
    ),
    "ordering_tests": (
        _of("ordering_tests", "ordering_tests"),
        "a list of `OrderingTest`, p-values not corrected for being many",
    ),
    "flip_timing": (
        _of("flip_timing", "flip_timing"),
        "`FlipTiming` of attention: entropy of late against early flips",
    ),
    "flip_timing_as_released": (
        _of("flip_timing", "flip_timing_as_released"),
        "the same by the convention of 2019",
    ),
    "uniform_divergence": (
        _of("flip_timing", "divergence_from_uniform"),
        "`Divergence` of the attention from the uniform distribution",
    ),
    "emptied_rows": (
        _of("emptied_rows", "emptied_rows"),
        "by ordering, share of first flips with a row of attention that has lost every weight",
    ),
    "curves": (
        _of("curve_statistics", "curve_statistics"),
        "by ordering and score, `CurveStatistics` of the documents whose whole curves are kept; null where none are",
    ),
    "sufficient_sets": (
        _of("sufficient_sets", "sufficient_sets"),
        "`SufficientSets`: how little guarantees the decision, by ordering and at the least; null where not known",
    ),
    "certified_sets": (
        _of("certified_sets", "certified_sets"),
        "`CertifiedSets`: what flips decisions and what guarantees them, where sets were erased to find it; null where "
        "`--certify` was not given",
    ),
    "over_meanings": (
        _of("over_meanings", "over_meanings"),
        "`OverMeanings`: attention against the paper's other orderings, and the verdict, under each way of erasing of "
        "the run, and what survives all of them; null where there is one way alone",
    ),
    "in_distribution": (
        _of("in_distribution", "in_distribution"),
        "`InDistribution`: whether first flips happen where what attention pools is like validation documents, as the "
        "model was trained on them; null where not known",
    ),
    "better_than_chance": (
        _of("better_than_chance", "better_than_chance"),
        "by ordering, `AgainstChance`: where it is among random orders of each document, and in how many it is better",
    ),
    "rank_agreement": (
        _of("rank_agreement", "rank_agreement"),
        "by pair of orderings, `Agreement`: how alike they are in a sample of documents; null where no orders are kept",
    ),
    "twins": (
        _of("twins", "twins"),
        "by explanation that was brought, `BesideTwin`: what it reaches beside the same scores shuffled",
    ),
    "rationales": (
        _of("rationale_statistics", "rationale_statistics"),
        "by annotator what is held against the items that people marked: agreement, and the fall of the decision's "
        "probability without them; null where the data have no rationales",
    ),
    "correlations": (
        _of("correlations", "correlations"),
        "`documents`, and by column `Correlation` of attention, gradients and leaving words out; null where "
        "`--correlations` was not given",
    ),
    "heads": (
        _of("head_map", "head_map"),
        "a list of `HeadStatistics`; null where the run has no table of heads",
    ),
    "head_effects": (
        _of("head_effects", "head_effects"),
        "a list of `HeadEffects`; null where the run has no table of what single heads do",
    ),
    "identifiability": (
        _of("identifiability", "identifiability"),
        "`Identifiability`; null where `attnprobe identify` has not been run",
    ),
}

for _name, (_compute, _description) in _OWN.items():
    STATISTICS.register(_name, Statistic(_name.replace("_", " ").capitalize(), _compute, _description))

OWN_STATISTICS = STATISTICS.registered
"""Those of this package, in the order in which they stand in the summary."""

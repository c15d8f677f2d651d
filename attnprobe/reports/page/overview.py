"""Everything about one run that stands above its documents: sentences, panels, and marks that lead to documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attnprobe.analysis.results import RunResults, no_smallest_set
from attnprobe.base.run_layout import is_view
from attnprobe.reports.in_distribution import in_distribution_blocks
from attnprobe.reports.label_flips import label_blocks
from attnprobe.reports.meaning_in_words import meaning_in_words
from attnprobe.reports.of_packages import Block, blocks
from attnprobe.reports.output_moves import moves_blocks
from attnprobe.reports.over_meanings import meanings_blocks
from attnprobe.reports.page.categories import add_categories
from attnprobe.reports.page.marks import Marks
from attnprobe.reports.page.panels.curves import CurvesPanel, curves_panel
from attnprobe.reports.page.panels.delta_js import DeltaJsPanel, delta_js_panel
from attnprobe.reports.page.panels.fractions import END, ENDS, SPAN, FractionRow, fraction_rows
from attnprobe.reports.page.panels.heads import HeadStack, effect_stacks, head_stacks
from attnprobe.reports.page.panels.identifiability import Outcome, identifiability_bar
from attnprobe.reports.page.panels.knockout import KnockoutPanel, knockout_panel
from attnprobe.reports.page.panels.rationales import rationale_blocks
from attnprobe.reports.page.panels.single_flips import TableCell, single_flips_table
from attnprobe.reports.page.panels.twins import twin_blocks
from attnprobe.reports.page.panels.who_flips_first import ComparisonRow, comparison_rows
from attnprobe.reports.page.provenance import provenance
from attnprobe.reports.page.two_sentences import numbers_in_a_sentence, verdict_in_a_sentence
from attnprobe.reports.sample_in_words import accuracy_in_words, sample_in_words
from attnprobe.reports.selection_in_words import question, selection_in_words, specials_in_words


@dataclass(frozen=True)
class Overview:
    """What the template draws of a run."""

    name: str
    unit: str
    question: str
    verdict: str
    numbers: str
    accuracy: str
    documents: int
    one_item: int
    sample: str
    quarantined: int
    meaning: str
    no_smallest_set: str
    emptied_known: bool
    bases: list[tuple[float, float]]
    categories: list[int]
    fractions: list[FractionRow]
    delta_js: DeltaJsPanel | None
    single_flips: dict[str, TableCell]
    comparisons: list[ComparisonRow]
    heads: list[HeadStack]
    head_effects: list[HeadStack]
    knockout: KnockoutPanel | None
    may_be_knocked_out: bool
    identifiability: list[Outcome]
    curves: CurvesPanel | None
    beside: list[Block]
    blocks: list[Block]
    provenance: list[tuple[str, str]]


def overview(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> Overview:
    """Draw up a run's overview; its marks are added to ``marks``.

    Args:
        results: the run.
        summary: as ``summarise`` gives it for it.
        marks: empty.

    Raises:
        InputError: a file of the run cannot be read or lacks a column.
    """
    categories = add_categories(results, marks)
    flips, is_distribution = results.meaning.flips, results.meaning.is_distribution
    return Overview(
        name=results.name,
        unit=results.unit,
        question=question(summary),
        verdict=verdict_in_a_sentence(summary),
        numbers=numbers_in_a_sentence(summary),
        accuracy=accuracy_in_words(summary),
        documents=summary["counts"]["with_several_items"],
        one_item=summary["counts"]["with_one_item"],
        sample=sample_in_words(results),
        quarantined=results.quarantined,
        meaning=" ".join(
            filter(None, [selection_in_words(summary), specials_in_words(summary), meaning_in_words(summary)])
        ),
        no_smallest_set="" if results.knows_smallest_sets else no_smallest_set(results.config),
        emptied_known=results.knows_emptied,
        bases=[(0.0, SPAN), *((x, END) for x in ENDS)],
        categories=categories,
        fractions=fraction_rows(results, summary, marks) if flips else [],
        delta_js=delta_js_panel(results, marks) if is_distribution else None,
        single_flips=single_flips_table(results, summary, marks) if flips else {},
        comparisons=comparison_rows(results, summary, marks) if flips else [],
        heads=head_stacks(results, summary, marks),
        head_effects=effect_stacks(results, summary, marks),
        knockout=knockout_panel(results.folder),
        may_be_knocked_out=bool(results.config.get("checkpoint")) and not is_view(results.folder),
        identifiability=identifiability_bar(results, marks),
        curves=curves_panel(results, summary, list(results.with_twins())) if is_distribution else None,
        beside=[
            *meanings_blocks(summary),
            *in_distribution_blocks(summary),
            *moves_blocks(summary),
            *label_blocks(summary),
            *twin_blocks(summary),
            *rationale_blocks(summary),
        ],
        blocks=blocks(summary),
        provenance=provenance(results, summary),
    )

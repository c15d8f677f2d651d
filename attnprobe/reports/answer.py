"""The answer to the question, for the terminal, in words that readers understand who have not read the papers."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from attnprobe.analysis.first_flips import FRACTIONS, OUTCOMES
from attnprobe.analysis.results import no_smallest_set
from attnprobe.analysis.thresholds import NEGLIGIBLE_LEAD, SIGNIFICANT
from attnprobe.analysis.verdict import (
    AS_WELL_AS_ANY,
    IN_PART,
    NO,
    NO_FLIPS_HERE,
    NOT_INFORMATIVE,
    NOTHING_FLIPS,
    UNDECIDED,
)
from attnprobe.base.text_cells import aligned
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM, smallest_among
from attnprobe.reports.areas_of_curves import curves_in_words
from attnprobe.reports.certified_in_words import certified_in_words
from attnprobe.reports.controls import chance_in_words, twins_in_words
from attnprobe.reports.correlations import correlations_in_words
from attnprobe.reports.guarantees_in_words import guarantees_in_words
from attnprobe.reports.heads_in_words import effects_in_words, heads_in_words
from attnprobe.reports.human_rationales import rationales_in_words
from attnprobe.reports.label_flips import labels_in_words
from attnprobe.reports.meaning_in_words import meaning_in_words
from attnprobe.reports.numbers import percent, percent_with_interval, points_with_interval, rounded_up, significant
from attnprobe.reports.of_packages import measured_in_words, statistics_in_words
from attnprobe.reports.orderings_in_words import (
    further_orderings,
    in_prose,
    joined,
    names_to_type,
    references_in_words,
)
from attnprobe.reports.output_moves import moves_in_words, moves_verdict
from attnprobe.reports.over_meanings import meanings_in_words
from attnprobe.reports.page.two_sentences import numbers_in_a_sentence
from attnprobe.reports.sample_in_words import accuracy_in_words, documents_in_words
from attnprobe.reports.selection_in_words import question, selection_in_words, specials_in_words
from attnprobe.reports.style import display_name

WIDTH = 100
"""Characters in a line."""

LONGEST_NAME = 20

FEW_DOCUMENTS = 30
"""Below this many, the reader is warned."""

Summary = Mapping[str, Any]


def answer(summary: Summary, views: Mapping[str, Summary] | None = None) -> str:
    """Three short tables and a few sentences; at most 100 characters a line, no colours.

    Args:
        summary: as ``summarise`` gives it.
        views: those of further selections of layers, by folder.
    """
    verdict = f"{question(summary)} {_verdict(summary)}"
    of_flips = (
        [
            _outcomes(summary),
            _how_early(summary),
            filled(_where_all_flip(summary)),
            _who_is_first(summary),
            filled(names_to_type(summary["first_flips"])),
            filled(_erasing_one(summary)),
        ]
        if summary["answer"]["verdict"] != NO_FLIPS_HERE
        else []
    )
    parts = [
        filled(_introduction(summary)),
        *of_flips,
        labels_in_words(summary, aligned),
        moves_in_words(summary, aligned),
        filled(guarantees_in_words(summary)),
        filled(certified_in_words(summary)) if summary["answer"]["verdict"] != NO_FLIPS_HERE else "",
        filled(curves_in_words(summary)),
        filled(chance_in_words(summary)),
        filled(twins_in_words(summary)),
        filled(rationales_in_words(summary)),
        filled(correlations_in_words(summary)),
        filled(verdict),
        *(filled(_of_view(name, view)) for name, view in (views or {}).items()),
        filled(heads_in_words(summary)),
        filled(effects_in_words(summary)),
        measured_in_words(summary, aligned),
        *map(filled, statistics_in_words(summary)),
    ]
    return "\n\n".join(filter(None, parts))


def _of_view(name: str, summary: Summary) -> str:
    """The answer of a further selection of layers, and where its tables are."""
    said = [question(summary), _verdict(summary)]
    if summary["answer"]["verdict"] != NO_FLIPS_HERE:  # what is told where nothing flips has these numbers
        said.append(numbers_in_a_sentence(summary))
    return " ".join([*said, f"(All of it is in {name}/.)"])


def filled(text: str) -> str:
    """A text in lines, none of which begins with a percent sign."""
    together = text.replace(" %", "\u00a0%")
    return textwrap.fill(together, WIDTH, break_on_hyphens=False).replace("\u00a0", " ")


def _introduction(summary: Summary) -> str:
    counts = summary["counts"]
    documents = documents_in_words(counts, summary["run"]["unit"])
    right = summary["accuracy"] and f"The model is right in {accuracy_in_words(summary)}. "
    text = f"{summary['run']['name']}: {documents}. {right or ''}Brackets are 95 % intervals."
    if not counts["emptied_known"]:
        text += " The run is older than the record of when nothing is left: that every item was erased is known alone."
    if counts["with_several_items"] < FEW_DOCUMENTS:
        text += " So few documents can show little: take every number here with caution."
    said = [text, selection_in_words(summary), specials_in_words(summary), meaning_in_words(summary)]
    return " ".join(filter(None, said))


def _outcomes(summary: Summary) -> str:
    """How often the decision changes in each of the three ways."""
    unit = summary["run"]["unit"]
    headings = ["", "while some are left", "only when none is left", "never"]
    rows = [
        [shortened(name, summary), *(percent_with_interval(row[field]) for field in OUTCOMES)]
        for name, row in summary["first_flips"].items()
    ]
    title = f"Each order erases {unit}s one by one until the decision changes. It changes (share of documents):"
    decides = (
        "the readout's bias alone decides"
        if smallest_among(summary["first_flips"])
        else "the rest of the model decides"
    )
    note = f"(With none left {decides}: such a change is no work of the attention.)"
    return "\n".join([title, *aligned([headings, *rows]), note])


def _how_early(summary: Summary) -> str:
    """How much is erased by then, over all documents."""
    orderings, unit = summary["first_flips"], summary["run"]["unit"]
    headings = ["", "mean", "less attention's", "at 10 %", "at 25 %", "at 50 %"]
    rows = [
        [
            shortened(name, summary),
            percent_with_interval(row["restricted_mean"]),
            "" if name == ATTENTION else points_with_interval(row["restricted_mean_lead"]),
            *(percent(row[field]["value"]) for field in FRACTIONS),
        ]
        for name, row in orderings.items()
    ]
    documents = summary["counts"]["with_several_items"]
    title = textwrap.fill(
        f"{unit.capitalize()}s erased by then, over all {documents:,} documents (none left, or never, counts as all), "
        "and the share of documents that have changed with 10, 25 and 50 % erased:",
        WIDTH,
    )
    return "\n".join([title, *aligned([headings, *rows])])


def shortened(ordering: str, summary: Summary) -> str:
    """An ordering's name, without what is in brackets where it is too long."""
    name = display_name(ordering, summary)
    return name if len(name) <= LONGEST_NAME else name.partition(" (")[0][:LONGEST_NAME]


def _where_all_flip(summary: Summary) -> str:
    """Means over the documents that every ordering flips: a selection by outcome, and said to be one."""
    unit, orderings = summary["run"]["unit"], summary["first_flips"]
    paired = {name: row["paired_fraction"] for name, row in orderings.items()}
    documents, several = paired[ATTENTION]["n"], summary["counts"]["with_several_items"]
    text = _emptied_rows(summary)
    further = further_orderings(summary)
    aside = f" ({_listed(further, summary)} aside)" if further else ""
    if not documents:
        return f"In no document does every ordering change the decision while some {unit}s are left{aside}.{text}"
    references = {name: words for name, words in references_in_words(summary).items() if name in paired}
    best = "".join(
        f", {words.noun} {percent(paired[name]['value'])}"
        + (f" (in the {paired[name]['n']:,} of them that it changes)" if paired[name]["n"] < documents else "")
        for name, words in references.items()
    )
    ratios = orderings[ATTENTION]["removed_ratio_to"]
    times = "".join(
        f" Attention takes {significant(ratios[name]['value'])} times as many {unit}s as {words.noun}."
        for name, words in references.items()
        if ratios[name]["value"] is not None
    )
    return (
        f"In the {documents:,} of {several:,} documents whose decision every ordering changes while some {unit}s are "
        f"left{aside}, erasing the most attended first takes {percent(paired[ATTENTION]['value'])} of the {unit}s, a "
        f"random order {percent(paired[RANDOM]['value'])}{best}.{times}{text}"
    )


def _emptied_rows(summary: Summary) -> str:
    """How many of the changes by attention are not the work of the remaining weights alone."""
    emptied = summary["emptied_rows"].get(ATTENTION)
    if not emptied or not emptied["value"]:
        return ""
    return f" In {percent(emptied['value'])} of the changes by attention some row of it had lost every weight."


def _erasing_one(summary: Summary) -> str:
    single, unit = summary["single_flips"][ATTENTION], summary["run"]["unit"]
    return (
        f"Erasing only the most attended {unit} changes the decision in {percent_with_interval(single['top'])} of the "
        f"documents; erasing only another {unit}, in {percent_with_interval(single['other'])}."
    )


def _who_is_first(summary: Summary) -> str:
    verdict = summary["answer"]
    compared = [verdict["against_random"], *verdict["against_others"], *_against_further(summary)]
    compared = [one for one in compared if one["neither"]["value"] < 1]
    if not compared:
        return "No decision changes under attention or what it is compared with, while something is left."
    headings = ("attention against", "attention first", "equal", "the other first", "neither")
    rows = [
        [shortened(one["second"], summary)]
        + [percent_with_interval(one[field]) for field in ("first_earlier", "equal", "second_earlier")]
        + [percent(one["neither"]["value"])]
        for one in compared
    ]
    title = "Which changes the decision with fewer erasures (share of documents):"
    return "\n".join([title, *aligned([headings, *rows])])


def _against_further(summary: Summary) -> list[Mapping[str, Any]]:
    """Attention against each ordering that has no part in the verdict."""
    further = further_orderings(summary)
    return [one for one in summary["who_flips_first"] if one["first"] == ATTENTION and one["second"] in further]


def _listed(orderings: Sequence[str], summary: Summary) -> str:
    return joined([in_prose(name, summary) for name in orderings], "and")


def _verdict(summary: Summary) -> str:
    verdict, unit = summary["answer"], summary["run"]["unit"]
    evenness = f"{verdict['attention_entropy']['value']:.3f}"
    if verdict["verdict"] == NO_FLIPS_HERE:
        return moves_verdict(summary)
    if verdict["verdict"] == NOTHING_FLIPS:
        return f"Nothing flips: no decision changes, whichever {unit}s are erased while something is left."
    text = _sentence(summary, unit, evenness)
    if verdict["documents_to_decide"] is not None:
        text += f" About {rounded_up(verdict['documents_to_decide']):,} documents like these would tell."
    if verdict["nearly_uniform"] and verdict["verdict"] != NOT_INFORMATIVE:
        text += (
            f" The weights are nearly equal (evenness {evenness}, where 1 is all equal): what single weights say "
            "here is little."
        )
    beside = [text + _without_smallest_sets(summary) + _beside_the_verdict(summary), meanings_in_words(summary)]
    return " ".join(filter(None, beside))


def _beside_the_verdict(summary: Summary) -> str:
    """What came of the orderings that the verdict does not judge by, those of one outcome together."""
    by_outcome: dict[str, list[str]] = {}
    for one in _against_further(summary):
        lead = one["lead"]
        outcome = "earlier or not, these documents do not tell"
        if lead["high"] is not None and lead["high"] < 0 and one["p"] < SIGNIFICANT:
            outcome = "earlier than its order"
        elif lead["low"] is not None and lead["low"] > -NEGLIGIBLE_LEAD:
            outcome = "no earlier than its order"
        by_outcome.setdefault(outcome, []).append(in_prose(one["second"], summary))
    return "".join(
        f" (Erasing by {joined(names, 'or')}, by which it is not judged, changes decisions {outcome}.)"
        for outcome, names in by_outcome.items()
    )


def _sentence(summary: Summary, unit: str, evenness: str) -> str:
    """What the verdict says and no more: what these documents do not tell is said to be open."""
    verdict = summary["answer"]
    others = [one["second"] for one in verdict["against_others"]]
    tried = f" ({_listed(others, summary)})" if others else ""
    better, left_open = (
        " or by ".join(in_prose(name, summary) for name in verdict[which] if name != RANDOM)
        for which in ("better", "open")
    )
    against_random_is_open = RANDOM in verdict["open"]
    no_earlier = "their order changes decisions no earlier than a random one"
    if against_random_is_open:
        no_earlier = "whether their order changes decisions earlier than a random one, these documents do not tell"
    undecided = (
        "Undecided: its order changes decisions earlier than a random one; whether erasing by "
        f"{left_open} changes them earlier still, these documents do not tell."
    )
    if against_random_is_open:
        also = f"; erasing by {better} changes them earlier than it does" if better else ""
        undecided = (
            f"Undecided: whether erasing the most attended {unit}s first changes decisions earlier than a random order "
            f"does, these documents do not tell{also}."
        )
    elif verdict["nearly_uniform"] is None:
        undecided = (
            "Undecided: its order changes decisions no earlier than a random one, but whether the weights are too "
            f"equal for that to say anything (evenness {evenness}, where 1 is all equal), these documents do not tell."
        )
    return {
        NOT_INFORMATIVE: (
            f"Not informative: the weights are nearly equal (evenness {evenness}, where 1 is all equal), and "
            f"{no_earlier}."
        ),
        NO: f"No: erasing the most attended {unit}s first does not change decisions earlier than a random order does.",
        UNDECIDED: undecided,
        IN_PART: (
            "Only in part: its order changes decisions earlier than a random one, but erasing by "
            f"{better} changes them earlier still."
        ),
        AS_WELL_AS_ANY: (
            f"As well as any ordering tried{tried}: its order changes decisions earlier than a random one, and no "
            f"other changes them earlier still in {100 * NEGLIGIBLE_LEAD:.0f} % more of the documents than later."
        ),
    }[verdict["verdict"]]


def _without_smallest_sets(summary: Summary) -> str:
    if smallest_among(summary["first_flips"]):
        return ""
    certified = summary["certified_sets"]
    if certified is not None:
        return " How far it is from the best is told of the documents whose sets were erased."
    return f" How far it is from the best is open: {no_smallest_set(summary)}."

"""The question answered in two sentences: the verdict, and the numbers that it rests on with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnprobe.analysis.first_flips import OUTCOMES
from attnprobe.analysis.thresholds import NEGLIGIBLE_LEAD
from attnprobe.analysis.verdict import (
    AS_WELL_AS_ANY,
    IN_PART,
    NO,
    NO_FLIPS_HERE,
    NOT_INFORMATIVE,
    NOTHING_FLIPS,
    UNDECIDED,
)
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.reports.orderings_in_words import in_prose, references_in_words
from attnprobe.reports.output_moves import NO_FLIPS, moves_in_a_sentence

Summary = Mapping[str, Any]


def verdict_in_a_sentence(summary: Summary) -> str:
    """Does attention explain this model? A few words, and why."""
    verdict = summary["answer"]
    better, left_open = (
        " and ".join(in_prose(name, summary) for name in verdict[which] if name != RANDOM)
        for which in ("better", "open")
    )
    others = " and ".join(in_prose(one["second"], summary) for one in verdict["against_others"])
    tried = f" ({others})" if others else ""
    than_chance = "decisions no earlier than chance"
    undecided = f"its order changes decisions earlier than chance, but whether {left_open} earlier still is open."
    if RANDOM in verdict["open"]:
        than_chance = "decisions earlier than chance or not: these documents do not tell"
        undecided = "these documents do not tell whether its order changes decisions earlier than chance."
    elif verdict["nearly_uniform"] is None:
        undecided = "its order is no earlier than chance, but its weights may be too equal for that to say anything."
    sentences = {
        NO_FLIPS_HERE: f"{NO_FLIPS}.",
        NOTHING_FLIPS: "Nothing flips: no decision changes, whatever is erased while something is left.",
        NOT_INFORMATIVE: f"Its weights are nearly equal, and their order changes {than_chance}.",
        NO: "No: its order changes decisions no earlier than a random one.",
        UNDECIDED: f"Undecided: {undecided}",
        IN_PART: f"Only in part: its order changes decisions earlier than a random one, but {better} earlier still.",
        AS_WELL_AS_ANY: (
            f"As well as any ordering tried{tried}: earlier than a random one, and none earlier still by "
            f"{100 * NEGLIGIBLE_LEAD:.0f} % of the documents."
        ),
    }
    return sentences[verdict["verdict"]]


def numbers_in_a_sentence(summary: Summary) -> str:
    """What attention, a random order and the best that is known must erase, over all documents."""
    if summary["answer"]["verdict"] == NO_FLIPS_HERE:
        return moves_in_a_sentence(summary)
    unit, orderings = summary["run"]["unit"], summary["first_flips"]
    mean = {name: percent_with_interval(row["restricted_mean"]) for name, row in orderings.items()}
    best = "".join(
        f", {words.short} {mean[name]}" for name, words in references_in_words(summary).items() if name in mean
    )
    flipped, emptied, never = (percent_with_interval(orderings[ATTENTION][field]) for field in OUTCOMES)
    return (
        f"Erasing the most attended {unit}s first changes {flipped} of the decisions while some are left, {emptied} "
        f"only when none is left, {never} never. On average {mean[ATTENTION]} are erased by then (none left, or never, "
        f"counts as all); a random order takes {mean[RANDOM]}{best} (over all "
        f"{summary['counts']['with_several_items']:,} documents{_sample(summary)})."
    )


def _sample(summary: Summary) -> str:
    """Of what sample they are, where they are of one."""
    counts = summary["counts"]
    sampled = counts.get("sampled", counts["documents"])  # a report made before there were samples says nothing of one
    return f", of a seeded sample of {sampled:,} of {counts['documents']:,}" if sampled < counts["documents"] else ""

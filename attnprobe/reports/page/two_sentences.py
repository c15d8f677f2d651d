"""The question answered in two sentences: the verdict, and the numbers that it rests on with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnprobe.analysis.results import ATTENTION, GREEDY, ORACLE, RANDOM
from attnprobe.analysis.verdict import AS_WELL_AS_ANY, IN_PART, NO, NOT_INFORMATIVE, UNDECIDED
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.reports.style import display_name

Summary = Mapping[str, Any]


def verdict_in_a_sentence(summary: Summary) -> str:
    """Does attention explain this model? A few words, and why."""
    verdict = summary["answer"]
    better = " and ".join(_in_prose(name) for name in verdict["better"])
    sentences = {
        NOT_INFORMATIVE: "Its weights are nearly equal, and their order changes decisions no earlier than chance.",
        NO: "No: its order changes decisions no earlier than a random one.",
        UNDECIDED: "Undecided: these documents do not tell whether its order changes decisions earlier than chance.",
        IN_PART: f"Only in part: its order changes decisions earlier than a random one, but {better} earlier still.",
        AS_WELL_AS_ANY: "As well as any ordering tried: earlier than a random one, and none earlier still.",
    }
    return sentences[verdict["verdict"]]


def numbers_in_a_sentence(summary: Summary) -> str:
    """What attention, a random order and the best that is known must erase, over the same documents."""
    unit = summary["run"]["unit"]
    same = {name: row["paired_fraction"] for name, row in summary["first_flips"].items()}
    if not same[ATTENTION]["n"]:
        return "In no document does the decision change under every ordering, so that means cannot be compared."
    words = {GREEDY: "erasing greedily", ORACLE: "the smallest set that suffices"}
    best = "".join(f", {what} {percent_with_interval(same[name])}" for name, what in words.items() if name in same)
    return (
        f"To change a decision the most attended {unit}s must go first until "
        f"{percent_with_interval(same[ATTENTION])} are erased; a random order takes "
        f"{percent_with_interval(same[RANDOM])}{best} (means over {same[ATTENTION]['n']:,} documents"
        f"{_sample(summary)})."
    )


def _sample(summary: Summary) -> str:
    """Of what sample they are, where they are of one."""
    counts = summary["counts"]
    sampled = counts.get("sampled", counts["documents"])  # a report made before there were samples says nothing of one
    return f", of a seeded sample of {sampled:,} of {counts['documents']:,}" if sampled < counts["documents"] else ""


def _in_prose(ordering: str) -> str:
    name = display_name(ordering)
    return name[0].lower() + name[1:]

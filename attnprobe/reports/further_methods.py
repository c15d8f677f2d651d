"""What a paper says of what a run has beside its first orders: other meanings of "erased", chance, guarantees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attnprobe.analysis.better_than_chance import AOPC, FALSE_DISCOVERIES
from attnprobe.analysis.certified_sets import LONGER, SHORT
from attnprobe.erasure.certified_names import EVERY_SET
from attnprobe.erasure.state_names import OUTSIDE

Summary = Mapping[str, Any]


def methods_beside(summary: Summary) -> Iterator[str]:
    """Sentences, as far as a summary has results of these."""
    yield from _meanings(summary)
    yield from _inside(summary)
    yield from _chance(summary)
    yield from _guarantees(summary)


def _meanings(summary: Summary) -> Iterator[str]:
    found = summary.get("over_meanings")
    if found is None:
        return
    _, *others = (f"“{under['title']}” ({name})" for name, under in found["ways"].items())
    yield (
        f"The same orders were also erased by {len(others):,} other meaning{'s' * (len(others) != 1)} of erasing, "
        f"{', '.join(others)}; a verdict is said to survive where the same rule gives it under each. Where what stands "
        "in is drawn, results are means over the draws."
    )


def _inside(summary: Summary) -> Iterator[str]:
    if summary.get("in_distribution") is None:
        return
    yield (
        "What attention pools of an erased document was held against the validation documents as the model was trained "
        "on them, by a Max-Simes-Fisher p-value, which is uniform of documents like these; we call a state outside "
        f"where p < {OUTSIDE:g}."
    )


def _chance(summary: Summary) -> Iterator[str]:
    found = summary.get("better_than_chance")
    if not found or not found["orderings"]:
        return
    measure = "the AOPC of the decision's probability" if found["measure"] == AOPC else "the first flip"
    text = (
        f"Each ordering was held against {found['tried']:,} random orders of the same document, in "
        f"{found['documents']:,} documents, by {measure}"
    )
    if any(of["better"] is not None for of in found["orderings"].values()):
        text += (
            "; a document's randomization p-value breaks ties at random, and the documents in which an ordering is "
            f"better than chance are those that the procedure of Benjamini and Hochberg finds at a false discovery "
            f"rate of {100 * FALSE_DISCOVERIES:g} %"
        )
    yield f"{text}."


def _guarantees(summary: Summary) -> Iterator[str]:
    unit, certified = summary["run"]["unit"], summary.get("certified_sets")
    if certified is None:
        if summary.get("sufficient_sets") is not None:
            yield (
                f"The smallest set of {unit}s that, kept, guarantees the decision whatever subset of the others is "
                "erased was found from sums, exactly."
            )
        return
    flips, keeps = certified["flips"], certified["keeps"]
    if SHORT in flips:
        yield (
            f"In {flips[SHORT]['documents']:,} documents of at most {EVERY_SET} {unit}s all sets of {unit}s were "
            "erased: which smallest set flips the decision, and which guarantees it, is exact there."
        )
    if LONGER in flips:
        yield (
            f"In {keeps[LONGER]['documents']:,} longer documents all sets up to a size were erased, and larger ones by "
            "a search: no smaller set than the lower number does either, which is certain; the upper number is that of "
            "a set that is known to flip the decision, or beside which nothing that was tried changes it."
        )

"""The frontier in words, for the terminal."""

from __future__ import annotations

from attnprobe.analysis.adversary_frontier import AtEpsilon, Frontier
from attnprobe.analysis.bootstrap import Estimate
from attnprobe.reports.answer import filled
from attnprobe.reports.numbers import percent, percent_with_interval

MOST_NATS = "0.693, log 2, is the most that there is"

SHOWN = (0.01, 0.05)
"""Epsilons that sentences are about: those of Jain & Wallace (2019)."""


def frontier_in_words(name: str, unit: str, frontier: Frontier) -> str:
    """A few sentences.

    Args:
        name: of the run.
        unit: what an item is.
        frontier: of its documents.
    """
    parts = [f"{name}: {frontier.documents:,} documents. Brackets are 95 % intervals."]
    shown = [one for one in frontier.at if frontier.same_output or one.epsilon in SHOWN]
    parts += [_at(one, unit, frontier) for one in shown]
    if frontier.searched is not None:
        searched = frontier.searched
        parts.append(
            f"Gradient search at {searched.epsilon:g}, in {searched.reached.n:,} of these documents, reaches "
            f"{nats(searched.reached)} where {nats(searched.attained)} is attained, in the median "
            f"{percent(searched.ratio)} of it."
        )
    far = percent_with_interval(frontier.far_from_permuted._asdict())
    parts.append(
        f"Against all permutations of its weights, the prediction of {far} of the documents is farther from their mean "
        "than 1.96 of their standard deviations."
    )
    parts.append(
        "What this shows is that predictions do not tell what was attended to, and not that a model could have learned "
        "to attend so."
    )
    return "\n\n".join(map(filled, parts))


def _at(one: AtEpsilon, unit: str, frontier: Frontier) -> str:
    documents = frontier.documents
    certain = "exact"
    if one.exact < documents:
        certain = f"exact in {one.exact:,} documents, else between this and {nats(one.js_bound)}"
    alone = percent_with_interval(one.one_item._asdict())
    kept = f"With predictions that move by no more than {one.epsilon:g}"
    if frontier.same_output:
        kept = f"With the very same vector pooled of the {unit}s, whatever is read from it"
    return (
        f"{kept}, attention can on average be {nats(one.js)} nats "
        f"of Jensen-Shannon divergence away ({certain}; {MOST_NATS}). In {alone} of the documents the farthest "
        f"attention is on one {unit} alone."
    )


def nats(estimate: Estimate) -> str:
    """``0.604 [0.581, 0.627]``."""
    ends = f" [{estimate.low:.3f}, {estimate.high:.3f}]" if estimate.n > 1 else ""
    return f"{estimate.value:.3f}{ends}"

"""What the words of the page mean, in a sentence each: shown beside the panels that use them."""

from __future__ import annotations

TERMS = {
    "erase": (
        "Set the attention on some {unit}s to nothing, scale the rest so that it adds up as before (unless "
        "the run says that it erases in another way), and let the model go on from there."
    ),
    "decision": "What the model decides with nothing erased, right or wrong.",
    "first flip": (
        "The smallest number of {unit}s, in the order of an ordering, whose erasure changes the decision "
        "while something is left."
    ),
    "only with nothing left": (
        "The decision changes, but not before all attention is gone: then the rest of the model decides "
        "alone, whatever the text. It is counted apart, and is no flip."
    ),
    "ordering": (
        "Which {unit} goes first, second, …: by attention, by gradient, at random, by an explanation that was brought."
    ),
    "smallest set": ("The fewest {unit}s whose erasure changes the decision, in any order: no ordering can do better."),
    "interval": (
        "In brackets, where 95 % of the intervals that are made like this hold the true number: over documents."
    ),
    "i* and r": "i* is the {unit} with the largest attention weight; r is any other {unit} of the document.",
    "Δα": "The attention weight of i* less that of r.",
    "JS, ΔJS": (
        "The Jensen–Shannon divergence, in nats, of what the model says with and without a {unit}: 0 where "
        "nothing changes, .693 at most. ΔJS is that of i* less that of r."
    ),
    "comprehensiveness": (
        "How much less likely the decision gets as an ordering erases its first {unit}s, on average over how many."
    ),
    "sufficiency": "The same with the first {unit}s alone kept and the others erased.",
    "head": "One of several attentions that a layer computes side by side, each with weights of its own.",
    "equivalent weights": (
        "Other attention weights that give the same output of the head: the model cannot tell them apart."
    ),
}
"""By term; ``{unit}`` is what an item is."""


def explained(unit: str, *terms: str) -> list[tuple[str, str]]:
    """Terms and what they mean.

    Args:
        unit: what an item is.
        terms: which of the ``TERMS``.
    """
    return [(term, TERMS[term].format(unit=unit)) for term in terms]

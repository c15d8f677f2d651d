"""Yes or no to each of several labels: the set of those whose logit is above a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnprobe.erasure.decisions.entry import AS_USUAL, MOST_LABELS, Decision, DecisionOptions
from attnprobe.erasure.decisions.one_logit import log_odds_as_distribution

if TYPE_CHECKING:
    from torch import Tensor

NO_LABEL = "none"
"""What the empty set is called."""


def _bits(decided: Tensor, labels: int) -> Tensor:
    """Which labels (…, labels) numbers (…) have."""
    from torch import arange

    return (decided[..., None] >> arange(labels, device=decided.device)) & 1


def _log_odds(logits: Tensor, decided: Tensor) -> Tensor:
    """The log-odds (…, labels) of what is decided of each label."""
    return logits * (2 * _bits(decided, logits.shape[-1]) - 1)


def _probability(logits: Tensor, decided: Tensor) -> Tensor:
    """That all labels are as decided, each by itself."""
    from torch.nn.functional import logsigmoid

    return logsigmoid(_log_odds(logits, decided)).sum(-1).exp()


def _name(classes: list[str], number: int) -> str:
    """The set's labels, joined; numbers count in bits, the first label being the lowest."""
    named = [name for place, name in enumerate(classes) if number >> place & 1]
    return " + ".join(named) or NO_LABEL


def _sets(options: DecisionOptions) -> Decision:
    threshold = options.threshold

    def labels(logits: Tensor) -> Tensor:
        return logits > threshold

    def decide(logits: Tensor) -> Tensor:
        from torch import arange

        return (labels(logits).long() << arange(logits.shape[-1], device=logits.device)).sum(-1)

    return Decision(
        f"Set of the labels above {threshold:g}",
        decide,
        _probability,
        description="which labels' logits are above --threshold, 0 unless told otherwise: the set, and each by itself",
        log_probabilities=log_odds_as_distribution,
        labels=labels,
        name=_name,
        least_logits=1,
        most_logits=MOST_LABELS,
        takes=("threshold",),
        with_options=_sets,
    )


SET_OF_LABELS = _sets(AS_USUAL)

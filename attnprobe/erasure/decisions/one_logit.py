"""Yes or no by one logit, above a threshold or not: a sigmoid's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnprobe.erasure.decisions.entry import AS_USUAL, Decision, DecisionOptions

if TYPE_CHECKING:
    from torch import Tensor


def log_odds_as_distribution(logits: Tensor) -> Tensor:
    """Logarithms of the probabilities of no and of yes (…, 2), by log-odds (…)."""
    from torch import stack
    from torch.nn.functional import logsigmoid

    return stack([logsigmoid(-logits), logsigmoid(logits)], -1)


def _signed(logits: Tensor, decided: Tensor) -> Tensor:
    """The log-odds of what is decided."""
    return logits[..., 0] * (2 * decided - 1)


def _probability(logits: Tensor, decided: Tensor) -> Tensor:
    return _signed(logits, decided).sigmoid()


def _names(classes: list[str]) -> list[str]:
    return ["no", "yes"]


def _above(options: DecisionOptions) -> Decision:
    threshold = options.threshold
    return Decision(
        f"One logit above {threshold:g}",
        lambda logits: (logits[..., 0] > threshold).long(),
        _probability,
        _names,
        "whether a model's one logit is above --threshold, 0 unless told otherwise (a probability of one half)",
        log_probabilities=lambda logits: log_odds_as_distribution(logits[..., 0]),
        logit=_signed,
        least_logits=1,
        most_logits=1,
        takes=("threshold",),
        with_options=_above,
    )


ABOVE_THRESHOLD = _above(AS_USUAL)

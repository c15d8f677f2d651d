"""A number that a model predicts: nothing flips, but it moves; where a tolerance is set, it leaves that or stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnprobe.erasure.decisions.entry import AS_USUAL, Decision, DecisionOptions

if TYPE_CHECKING:
    from torch import Tensor


def _zero(logits: Tensor) -> Tensor:
    """There is one thing to decide, and it is the output: number 0."""
    return logits[..., 0].long() * 0


def _output(logits: Tensor, decided: Tensor) -> Tensor:
    return logits[..., 0]


def _within(options: DecisionOptions) -> Decision:
    tolerance = options.tolerance

    def departs(logits: Tensor, unerased: Tensor) -> Tensor:
        moved = (logits[..., 0] - unerased[..., 0]).abs()
        return moved > (float("inf") if tolerance is None else tolerance)

    return Decision(
        "The output, a number" if tolerance is None else f"The output stays within {tolerance:g}",
        _zero,
        _output,
        lambda classes: ["the output"],
        "the number that a model predicts: how far it moves, and whether by more than --tolerance where that is given",
        log_probabilities=None,
        logit=_output,
        has_probability=False,
        departs=departs,
        flips=tolerance is not None,
        least_logits=1,
        most_logits=1,
        takes=("tolerance",),
        with_options=_within,
    )


NUMBER = _within(AS_USUAL)

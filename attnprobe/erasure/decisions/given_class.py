"""Whether one class that was named has the largest logit, or any other: on top, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnprobe.base.registry import LONGEST_TITLE
from attnprobe.erasure.decisions.entry import AS_USUAL, Decision, DecisionOptions

if TYPE_CHECKING:
    from torch import Tensor

_SAYS = " on top, or not"
_SHOWN = LONGEST_TITLE - len(_SAYS) - 2
"""Characters of a class's name in a title, in quotation marks."""


def _margin(logits: Tensor, number: int) -> Tensor:
    """By how much the class's logit is above the largest other one (…), by logits (…, classes)."""
    from torch import inf

    others = logits.clone()
    others[..., number] = -inf
    return logits[..., number] - others.amax(-1)


def _log_odds(logits: Tensor, number: int) -> Tensor:
    """Of the class against all others together by the softmax (…)."""
    from torch import inf, zeros_like

    mask = zeros_like(logits)
    mask[..., number] = -inf
    return logits[..., number] - (logits + mask).logsumexp(-1)


def _on_top(options: DecisionOptions) -> Decision:
    name, number = options.given_class, options.number
    shown = "" if name is None else name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…"

    def known() -> int:
        assert number is not None, "a model was asked which of its logits it is"
        return number

    def probability(logits: Tensor, decided: Tensor) -> Tensor:
        return (_log_odds(logits, known()) * (2 * decided - 1)).sigmoid()

    def log_probabilities(logits: Tensor) -> Tensor:
        from torch import stack
        from torch.nn.functional import logsigmoid

        odds = _log_odds(logits, known())
        return stack([logsigmoid(-odds), logsigmoid(odds)], -1)

    return Decision(
        "A given class on top, or not" if name is None else f"‘{shown}’{_SAYS}",
        lambda logits: (logits.argmax(-1) == known()).long(),
        probability,
        lambda classes: [f"not {name}", str(name)],
        "whether the class, token or label word of --given-class has the largest logit, or any other",
        log_probabilities=log_probabilities,
        logit=lambda logits, decided: _margin(logits, known()) * (2 * decided - 1),
        takes=("given_class", "number"),
        needs=("given_class",),
        with_options=_on_top,
    )


GIVEN_ON_TOP = _on_top(AS_USUAL)

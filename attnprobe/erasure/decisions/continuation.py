"""A continuation that was given to a language model: how probable it is, and whether it is what the model would say.

A model's numbers are here of each token of the continuation, given the text and the tokens before it: its
log-probability, and behind those of all tokens by how much its logit is above the largest other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnprobe.erasure.decisions.entry import AS_USUAL, Decision, DecisionOptions

if TYPE_CHECKING:
    from torch import Tensor

_SHOWN = 24
"""Characters of a continuation in a title."""


def of_tokens(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities and leads of a continuation's tokens (…, tokens) each, by what the model gives of it."""
    tokens = logits.shape[-1] // 2
    return logits[..., :tokens], logits[..., tokens:]


def _log_probability(logits: Tensor, decided: Tensor) -> Tensor:
    return of_tokens(logits)[0].sum(-1)


def _is_greedy(logits: Tensor) -> Tensor:
    return (of_tokens(logits)[1] > 0).all(-1).long()


def _given(options: DecisionOptions) -> Decision:
    text = options.continuation
    shown = "" if text is None else text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return Decision(
        "A given continuation" if text is None else f"‘{shown}’ said, or not",
        _is_greedy,
        _log_probability,
        lambda classes: [f"not ‘{shown}’", f"‘{shown}’"],
        "whether each token of --continuation is the most probable one, given those before it; and how probable it is",
        log_probabilities=None,
        logit=_log_probability,
        has_probability=False,
        takes=("continuation",),
        needs=("continuation",),
        with_options=_given,
    )


GIVEN_CONTINUATION = _given(AS_USUAL)
"""No text is named yet."""

"""Tokens that the inputs do not show, of pictures and sounds: how many there are is found at the softmax itself.

A model that cuts a picture into patches, or a sound into frames, attends among as many places as it makes of them.
These are its tokens. Which of them are real is seen there, too: those that some row attends to.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from attnprobe.attention.calls import Observation
from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.layouts import Layout
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.sites import CROSS, DECODER, Site, in_attention
from attnprobe.attention.taps import Capture
from attnprobe.attention.token_axes import TokenAxes, documents_of, target_of
from attnprobe.base.errors import InputError

_KEPT = 8
"""Batches whose tokens are kept: engines ask several times of the same."""


def count_tokens(model: nn.Module, observed: Iterable[Observation], batch: int, has_target: bool) -> int | None:
    """How many places most of a model's attentions weigh among each other; None where none does.

    Args:
        model: what was run.
        observed: all softmaxes of one run.
        batch: how many documents were run.
        has_target: whether a decoder reads tokens of its own, among which its layers attend.
    """
    squares = [
        one
        for one in observed
        if one.shape[one.axis] > 1 and _is_square(one, batch) and not (has_target and "decoder" in one.place.path)
    ]
    named = [one for one in squares if in_attention(model, one.place.path)]
    counts = Counter(one.shape[one.axis] for one in named or squares)
    return counts.most_common(1)[0][0] if counts else None


def _is_square(one: Observation, batch: int) -> bool:
    layout = Layout.recognise(one.shape, one.axis, batch, (one.shape[one.axis],))
    return layout is not None and layout.query is not None


class CountedTokens:
    """Counts the tokens of a batch by running it.

    Args:
        sites: the model's attention layers over its tokens.
        said: how many tokens a document has; None: as many as are found.
        axis: of the first of the inputs, which has as many entries; None: no axis has.
    """

    def __init__(self, sites: Sequence[Site], said: int | None = None, axis: int | None = None) -> None:
        self._sites = [site for site in sites if site.stack not in (DECODER, CROSS)]
        self._said, self._axis = said, axis
        self._kept: deque[tuple[list[tuple[Any, int]], TokenAxes]] = deque(maxlen=_KEPT)

    def __call__(self, call: ModelCall, inputs: Inputs) -> TokenAxes:
        """The masks of a batch, by a run of it.

        Raises:
            InputError: it has another number of tokens than was said.
        """
        # The version tells a batch whose numbers were changed in place.
        values = [(value, value._version if isinstance(value, Tensor) else 0) for value in inputs.values()]
        for kept, axes in self._kept:
            if len(kept) == len(values) and all(
                one is other and version == now for (one, version), (other, now) in zip(kept, values, strict=True)
            ):
                return axes
        source = self._source(call, inputs)
        said = self._said if self._axis is None else documents_of(inputs).shape[self._axis]
        if said is not None and source.shape[1] != said:
            raise InputError(f"{said} tokens were said, but the model attends among {source.shape[1]}.")
        has_decoder = bool(getattr(getattr(call.model, "config", None), "is_encoder_decoder", False))
        target = target_of(inputs)
        axes = TokenAxes(source, source if target is None and has_decoder else target)
        self._kept.append((values, axes))
        return axes

    def _source(self, call: ModelCall, inputs: Inputs) -> Tensor:
        """True where a token is real (batch, tokens)."""
        taps = [Capture() for _ in self._sites]
        with torch.no_grad():
            run_with(call, inputs, self._sites, taps)
        attended = [tap.attends.any(1).any(1) for tap in taps if tap.attends is not None]
        return torch.stack(attended).any(0)

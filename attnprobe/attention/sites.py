"""Find the attentions of a model by running it: which softmaxes weigh tokens against tokens, and which do not."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from attnprobe.attention.calls import Observation, Place, Tapped
from attnprobe.attention.layouts import Layout
from attnprobe.attention.taps import Tap

SELF, ENCODER, DECODER, CROSS = "self", "encoder", "decoder", "cross"
"""Stacks: the only one of a model; and those of a model with an encoder and a decoder."""

_ATTENTION = re.compile(r"att(entio)?n", re.IGNORECASE)
_CROSS = re.compile(r"cross|encoder_att|enc_?dec_?att|enc_att", re.IGNORECASE)
_SINKS = 4
"""At most so many columns behind those of the tokens are taken for attention sinks."""


@dataclass(frozen=True)
class Site:
    """One attention layer.

    Attributes:
        stack: ``self``, or ``encoder``, ``decoder`` or ``cross`` of a model that has an encoder and a decoder.
        layer: its 0-based number in the stack, in order of computation.
        place: where it is computed.
        module: the name of the module's class.
        layout: how its weights are laid out.
        extra: columns behind those of the tokens, which are no tokens.
        fused: whether it is computed by ``scaled_dot_product_attention``.
        pools: whether it has a single query, and weighs the tokens once for all.
    """

    stack: str
    layer: int
    place: Place
    module: str
    layout: Layout
    extra: int
    fused: bool
    pools: bool

    @property
    def heads(self) -> int:
        """How many heads there are."""
        return self.layout.heads

    def tapped(self, tap: Tap, *, by_mask: bool = True) -> tuple[Place, Tapped]:
        """An entry of what ``intercepting`` takes."""
        return self.place, Tapped(tap, self.layout, self.extra, by_mask)


@dataclass(frozen=True)
class Sites:
    """What was found in a model.

    Attributes:
        attention: its attention layers, in order of computation.
        foreign: attention modules whose columns are no tokens, each with the shape that was seen.
    """

    attention: list[Site]
    foreign: list[tuple[Place, str, tuple[int, ...]]]

    def confirmed_by(self, other: Sites, model: nn.Module) -> Sites:
        """Only those that were seen to grow with the texts, and not to have as many columns by chance.

        Args:
            other: what was found in a run on shorter texts.
            model: what was run.
        """
        elsewhere = {site.place: site.extra for site in other.attention}
        attention, foreign = [], list(self.foreign)
        numbers: Counter[str] = Counter()
        for site in self.attention:
            if elsewhere.get(site.place) == site.extra:
                attention.append(dataclasses.replace(site, layer=numbers[site.stack]))
                numbers[site.stack] += 1
            elif _in_attention(model, site.place.path):
                foreign.append((site.place, site.module, ()))
        return Sites(attention, foreign)

    def stacks(self) -> dict[str, list[Site]]:
        """Sites by stack, in order of layers."""
        by_stack: dict[str, list[Site]] = {}
        for site in self.attention:
            by_stack.setdefault(site.stack, []).append(site)
        return by_stack


def recognise(model: nn.Module, observed: Iterable[Observation], batch: int, lengths: tuple[int, int | None]) -> Sites:
    """Tell attention over tokens from other softmaxes (routers, pooling over something else).

    Args:
        model: what was run.
        observed: all softmaxes of one run.
        batch: how many documents were run; a number that is no other size of the model.
        lengths: how many tokens they had: source, and target where the model has a decoder of its own. Numbers that are
            no other sizes of the model.
    """
    source, target = lengths
    attention: list[Site] = []
    foreign: list[tuple[Place, str, tuple[int, ...]]] = []
    numbers: Counter[str] = Counter()
    for place, shape, axis, fused in observed:
        name = type(model.get_submodule(place.path)).__name__ if place.path else type(model).__name__
        stack = _stack(place.path, target is not None)
        rows = source if target is None or stack == ENCODER else target
        columns = target if target is not None and stack == DECODER else source
        layout = Layout.recognise(shape, axis, batch, (rows,))
        extra = shape[axis] - columns
        if layout is None or not 0 <= extra <= _SINKS:
            if _in_attention(model, place.path) and len(shape) > 2 and shape[axis] > 1:
                foreign.append((place, name, shape))
            continue
        pools = layout.query is None or shape[layout.query] == 1 < rows
        attention.append(Site(stack, numbers[stack], place, name, layout, extra, fused, pools))
        numbers[stack] += 1
    return Sites(attention, foreign)


def _in_attention(model: nn.Module, path: str) -> bool:
    """Whether a module, or the one around it, is by its class or its own name one that attends."""
    around = path.rpartition(".")[0]
    classes = (type(model.get_submodule(part)).__name__ for part in (path, around) if part)
    return path.endswith(("attn", "attention")) or any(map(_ATTENTION.search, classes))


def _stack(path: str, has_decoder: bool) -> str:
    if not has_decoder:
        return SELF
    if _CROSS.search(path):
        return CROSS
    return DECODER if "decoder" in path else ENCODER

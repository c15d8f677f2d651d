"""Find the attentions of a model by running it: which softmaxes weigh tokens against tokens, and which do not."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from attnprobe.attention.calls import Observation, Place, Tapped
from attnprobe.attention.foreign import Foreign, why_foreign
from attnprobe.attention.layouts import Layout
from attnprobe.attention.taps import Tap

SELF, ENCODER, DECODER, CROSS = "self", "encoder", "decoder", "cross"
"""Stacks: the only one of a model; and those of a model with an encoder and a decoder."""

_ATTENTION = re.compile(r"att(entio)?n", re.IGNORECASE)
_CROSS = re.compile(r"cross|encoder_att|enc_?dec_?att|enc_att", re.IGNORECASE)
_TOWERS = {
    "vision": re.compile(r"vis(ion|ual)|image|pixel", re.IGNORECASE),
    "audio": re.compile(r"audio|speech|sound|acoustic", re.IGNORECASE),
    "text": re.compile(r"text|lang", re.IGNORECASE),
}
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
        fused: whether it is computed by ``scaled_dot_product_attention``, or another kernel.
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
    kernel: str = ""
    """The name of the kernel of a library that computes it; empty: torch does."""

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
        foreign: attention modules whose rows or columns are no tokens.
        elsewhere: the same in another tower of the model, of images beside text, say, which is left as it is.
    """

    attention: list[Site]
    foreign: list[Foreign]
    elsewhere: list[Foreign] = dataclasses.field(default_factory=list)

    def confirmed_by(self, other: Sites, model: nn.Module, observed: Iterable[Observation] = ()) -> Sites:
        """Only those that were seen to grow with the texts, and not to have as many columns by chance.

        Args:
            other: what was found in a run on shorter texts.
            model: what was run.
            observed: all softmaxes of the first run.
        """
        shapes = {one.place: one.shape for one in observed}
        elsewhere = {site.place: site.extra for site in other.attention}
        attention, foreign = [], list(self.foreign)
        numbers: Counter[str] = Counter()
        for site in self.attention:
            if elsewhere.get(site.place) == site.extra:
                attention.append(dataclasses.replace(site, layer=numbers[site.stack]))
                numbers[site.stack] += 1
            elif in_attention(model, site.place.path):
                columns = "has as many columns as there are tokens by chance: not so in shorter documents"
                foreign.append(Foreign(site.place, site.module, shapes.get(site.place, ()), columns))
        return _apart(attention, [*foreign, *self.elsewhere])

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
    foreign: list[Foreign] = []
    numbers: Counter[str] = Counter()
    for place, shape, axis, fused, kernel in observed:
        name = type(model.get_submodule(place.path)).__name__ if place.path else type(model).__name__
        stack = _stack(place.path, target is not None)
        rows = source if target is None or stack == ENCODER else target
        columns = target if target is not None and stack == DECODER else source
        layout = Layout.recognise(shape, axis, batch, (rows,)) or _of_one_query(shape, axis, batch, columns)
        extra = shape[axis] - columns
        if layout is None or not 0 <= extra <= _SINKS:
            if in_attention(model, place.path) and len(shape) > 2 and shape[axis] > 1:
                foreign.append(Foreign(place, name, shape, why_foreign(shape, axis, batch, rows, columns)))
            continue
        pools = layout.query is None or shape[layout.query] == 1 < rows
        attention.append(Site(stack, numbers[stack], place, name, layout, extra, fused, pools, kernel))
        numbers[stack] += 1
    return _apart(attention, foreign)


def foreign_to_all(model: nn.Module, observed: Iterable[Observation], batch: int) -> list[Foreign]:
    """Attention of a model of which it is not known how many tokens it has.

    Args:
        model: what was run.
        observed: all softmaxes of one run.
        batch: how many documents were run.
    """
    return [
        Foreign(
            one.place,
            type(model.get_submodule(one.place.path)).__name__,
            one.shape,
            why_foreign(one.shape, one.axis, batch, None, None),
        )
        for one in observed
        if in_attention(model, one.place.path) and len(one.shape) > 2
    ]


def _of_one_query(shape: tuple[int, ...], axis: int, batch: int, columns: int) -> Layout | None:
    """The layout of weights of a single query for the whole document, which pools the tokens."""
    last = [size for place, size in enumerate(shape) if place != axis % len(shape)][-1]
    one = len(shape) > 2 and last == 1 and shape[axis] == columns > 1
    return Layout.recognise(shape, axis, batch, (1,)) if one else None


def _apart(attention: list[Site], foreign: list[Foreign]) -> Sites:
    """What is foreign in another tower than that of the tokens is told apart from what is in the same."""
    own = {_tower(site.place.path) for site in attention}
    elsewhere = [each for each in foreign if own and _tower(each.place.path) not in {"", *own}]
    return Sites(attention, [each for each in foreign if each not in elsewhere], elsewhere)


def _tower(path: str) -> str:
    """The part of a model of several modalities that a module is in, by its path; empty where it says none."""
    return next((name for name, words in _TOWERS.items() if words.search(path)), "")


def in_attention(model: nn.Module, path: str) -> bool:
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

"""Which layers, heads and rows of a model's attention are erased: settings made definite for the model at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attnprobe.attention.sites import ENCODER, SELF, Site, Sites
from attnprobe.settings.attention import AUTO, AttentionSettings
from attnprobe.settings.unfit import Named, SettingError

FIRST, LAST, ALL = "first", "last", "all"

AT = "at"
"""The row that a decision is read from, where a batch's inputs say it: see ``READ_AT``."""

CONTINUED = "continued"
"""The rows likewise, where they are several: those that a continuation's tokens are read from."""

_SECTION = AttentionSettings.section


@dataclass(frozen=True)
class Selected:
    """One attention layer of which something is erased.

    Attributes:
        site: the layer.
        heads: True for the heads that are (heads,).
        query: the rows that are: ``first``, ``last``, ``all``, ``at``, ``continued``, or numbers of real tokens.
    """

    site: Site
    heads: Tensor
    query: str | tuple[int, ...]

    def rows(self, mask: Tensor, read: Tensor | None = None) -> Tensor:
        """True for the rows that are erased (batch, queries), of real tokens alone.

        Args:
            mask: True where a query is a real token (batch, queries).
            read: True for those that the decision is read from (batch, queries), where the inputs say them.
        """
        if self.site.pools:
            return torch.ones_like(mask[:, :1])
        if self.query == ALL:
            return mask
        if self.query in (AT, CONTINUED):
            assert read is not None, "found where inputs say which rows are read"
            return mask & read
        number = mask.cumsum(-1) - 1
        if self.query == FIRST:
            return mask & (number == 0)
        if self.query == LAST:
            return mask & (number == number[:, -1:])
        wanted = torch.zeros_like(mask)
        assert not isinstance(self.query, str)
        for index in self.query:
            wanted |= number == (index if index >= 0 else mask.sum(-1, keepdim=True) + index)
        return mask & wanted


def select(sites: Sites, settings: AttentionSettings, auto: Sequence[str] | None = None) -> list[Selected]:
    """The layers, heads and rows that settings name, in order of computation.

    Args:
        sites: of the model.
        settings: what is wanted.
        auto: for each site, the rows that ``auto`` stands for; all without it.

    Raises:
        SettingError: the model has no such stack, layer, head, or the specification is none.
    """
    stacks = sites.stacks()
    name, _, layers = settings.layers.rpartition(":")
    name = name or (ENCODER if SELF not in stacks and ENCODER in stacks else next(iter(stacks)))
    if name not in stacks:
        sentence = "{} {}: the model has no {!r} attention; it has {}."
        raise SettingError(_SECTION, sentence, Named("layers"), settings.layers, name, ", ".join(stacks))
    chosen = [stacks[name][number] for number in indices("layers", layers, len(stacks[name]))]
    automatic = dict(zip(sites.attention, auto or [ALL] * len(sites.attention), strict=True))
    return [Selected(site, _heads(settings.heads, site), _query(settings.query, automatic[site])) for site in chosen]


def _heads(specification: str, site: Site) -> Tensor:
    heads = torch.zeros(site.heads, dtype=torch.bool)
    heads[indices("heads", specification, site.heads)] = True
    return heads


def _query(specification: str, auto: str) -> str | tuple[int, ...]:
    if specification == AUTO:
        return auto
    if specification in (FIRST, LAST, ALL):
        return specification
    return tuple(_numbers("query", specification))


def indices(what: str, specification: str, count: int) -> list[int]:
    """The 0-based numbers that ``last``, ``all``, or numbers and spans such as ``0,2-4,-1`` stand for, ascending.

    Raises:
        SettingError: it is none of these, or names a number that there is not.
    """
    if specification == ALL:
        return list(range(count))
    if specification == LAST:
        return [count - 1]
    numbers = _numbers(what, specification)
    for number in numbers:
        if not -count <= number < count:
            sentence = "{} {}: there is no {}; the model has 0 to {}."
            raise SettingError(_SECTION, sentence, Named(what), specification, number, count - 1)
    return sorted({number % count for number in numbers})


def _numbers(what: str, specification: str) -> list[int]:
    numbers: list[int] = []
    for part in specification.split(","):
        start, dash, end = part.strip().rpartition("-")
        try:
            if start and dash:
                numbers += range(int(start), int(end) + 1)
            else:
                numbers.append(int(part))
        except ValueError:
            known = {"query": "first, last, all, auto"}.get(what, "last, all")
            sentence = "{} {}: {!r} is not a number or a span; give {}, or such as 0,2-4."
            raise SettingError(_SECTION, sentence, Named(what), specification, part.strip(), known) from None
    if not numbers:
        raise SettingError(_SECTION, "{} {}: there is nothing in it.", Named(what), specification)
    return numbers

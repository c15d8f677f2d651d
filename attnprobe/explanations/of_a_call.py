"""The explanations that a call of ``attnprobe.probe`` brings, made orderings of its documents' items."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnprobe.erasure.registered_orderings import Ordering
from attnprobe.explanations.alignment import Given, Listed, item_scores
from attnprobe.explanations.brought import arrays_of_batches, brought_draws
from attnprobe.explanations.item_parts import ItemParts, check_choices
from attnprobe.explanations.item_scores import explanation
from attnprobe.explanations.names import check_names
from attnprobe.settings.own_explanations import OWN_SCORE


@dataclass(frozen=True)
class ExplanationsOfACall:
    """Explanations, and how their scores become those of items.

    Attributes:
        by_name: as the program gives them.
        specials: one of ``SPECIALS``.
        subwords: one of ``JOINED``.
        sinks: one of ``SINKS``.
    """

    by_name: Mapping[str, object]
    specials: str
    subwords: str
    sinks: str = OWN_SCORE

    def check(self, usual: Collection[str]) -> None:
        """See that they can be judged beside the orderings of these names.

        Raises:
            InputError: a name or a choice cannot be.
            TypeError: the explanations are no table by name.
        """
        check_choices(self.specials, self.subwords, self.sinks)
        if not isinstance(self.by_name, Mapping):
            raise TypeError(f"The explanations are {type(self.by_name).__name__}, but a table by name is needed.")
        check_names(self.by_name, usual)

    def of_texts(self, texts: Sequence[str], parts: ItemParts) -> dict[str, Ordering]:
        """Each explanation and its permuted twin, of texts, of which ``parts`` are what is read.

        Raises:
            InputError: one does not fit the texts; the message names the text.
        """
        draws = {name: brought_draws(name, given, texts) for name, given in self.by_name.items()}
        return self._orderings(draws, parts)

    def of_batches(self, masks: Sequence[npt.NDArray[np.bool_]], *, without_first: bool = False) -> dict[str, Ordering]:
        """The same of batches' tokens, which are the items where they are real (documents, tokens).

        Args:
            masks: True where a token is real.
            without_first: whether the first token is none, because it is a sink.
        """
        sizes = np.concatenate([mask.sum(-1) for mask in masks])
        parts = ItemParts.of_numbered(sizes)
        parts = parts.without_first() if without_first else parts
        draws: dict[str, list[Sequence[Given]]] = {}
        for name, given in self.by_name.items():
            draws[name] = []
            for arrays in arrays_of_batches(name, given, masks):
                batches = zip(arrays, masks, strict=True)
                rows = [pair for scores, mask in batches for pair in zip(scores, mask, strict=True)]
                draws[name].append([Listed(row[real]) for row, real in rows])
        return self._orderings(draws, parts)

    def _orderings(self, draws: Mapping[str, Sequence[Sequence[Given]]], parts: ItemParts) -> dict[str, Ordering]:
        made: dict[str, Ordering] = {}
        for name, documents in draws.items():
            scores = item_scores(name, documents, parts, specials=self.specials, subwords=self.subwords)
            made |= explanation(name, scores)
        return made

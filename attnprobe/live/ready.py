"""A text made ready for an edit: what is asked of it, whatever kind of model reads it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from attnprobe.attention.refusals import RefusedError
from attnprobe.data.batches import EncodedSplit
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.items import Items
from attnprobe.engines.protocol import SetErasures
from attnprobe.erasure.erasable import Erasures
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.orderings import ranks
from attnprobe.live.requests import Edit
from attnprobe.models.probe import Probe
from attnprobe.runs.attention_codes import Codes


class LayerName(NamedTuple):
    """An attention layer: its stack, its number there, and how many heads it has."""

    stack: str
    number: int
    heads: int


class Shown(NamedTuple):
    """The attention of one layer, nothing erased.

    Attributes:
        codes: (heads, rows, columns).
        rows, columns: the texts of the tokens.
    """

    codes: Codes
    rows: Sequence[str]
    columns: Sequence[str]


@dataclass(frozen=True)
class Ready:
    """A text in which items can be erased, as an edit says.

    Attributes:
        sets: gives logits after erasures.
        items: of the text.
        erasures: the same as orderings see it.
        untouched: logits with nothing erased and nothing cut off (1, classes): what is decided.
    """

    sets: SetErasures
    items: Items
    erasures: Erasures
    untouched: Tensor

    @property
    def meaning(self) -> Meaning:
        """What is meant by erased, and by decided."""
        return self.sets.meaning

    @property
    def size(self) -> int:
        """How many items there are."""
        return int(self.items.sizes[0])

    @torch.no_grad()
    def logits(self, erased: Tensor) -> Tensor:
        """The logits (sets, classes), float64, with sets of items (sets, items) erased."""
        documents = torch.zeros(len(erased), dtype=torch.int64, device=self.items.mask.device)
        tokens = self.items.tokens(documents, erased.to(documents.device))
        return torch.cat([logits.double() for _, logits in self.sets.evaluate(documents, tokens)])

    def empties(self, order: Tensor, removed: int) -> bool:
        """Whether nothing is left without so many of the first items of an ordering (1, 1, items).

        Where it is a row of several that has something left, there is something left.
        """
        if isinstance(self.erasures, AttentionErasures):
            columns = self.erasures.columns(order, torch.full_like(order[..., 0], removed))
            return bool(columns["emptied"][0, 0])
        erased = ranks(order)[0, 0] < removed
        return not bool((self.erasures.attention.weights[0] * ~erased).any())

    def flips(self, logits: Tensor) -> Tensor:
        """Whether logits (sets, classes) decide otherwise than the untouched text (sets,)."""
        unerased = self.untouched.double().expand_as(logits)
        return self.meaning.flips(logits, unerased, self.meaning.decide(unerased))


class Reading(ABC):
    """A text as a model reads it, and what has been computed of it.

    Attributes:
        encoded: the text, as a split of one document.
        cost: about how much memory goes with it, in attention weights of one head.
        seeds: of the text, for what is drawn of it (1,).
    """

    encoded: EncodedSplit[Any]
    cost: int
    seeds: Tensor

    @abstractmethod
    def ready(self, edit: Edit) -> Ready:
        """The text ready for what an edit erases in; what it removes is of no account.

        Raises:
            InputError: there are no such layers, heads, rows or way of erasing, or none of them is left.
        """

    @property
    @abstractmethod
    def tokens(self) -> Sequence[tuple[str, int]]:
        """The tokens' texts, and the item that each is in, −1 for none."""

    @property
    @abstractmethod
    def item_texts(self) -> Sequence[str]:
        """The items' texts, in order."""

    @property
    @abstractmethod
    def row(self) -> int | None:
        """Which token's row the decision is read from; None where there is no such row."""

    @abstractmethod
    def attention(self, layer: int) -> Shown:
        """The attention of a layer, by its position.

        Raises:
            InputError: there is no such layer.
        """

    @abstractmethod
    def cut_only(self, edit: Edit) -> Tensor | None:
        """The logits (1, classes) where cutting alone leaves nothing to erase; None: something is left."""


class Reader(ABC):
    """A model at work.

    Attributes:
        most_tokens: of a text, that are looked at here; None where there is no such limit.
        layers: its attention layers, in order.
        by_default: positions of those that are erased in unless something else is asked for.
        rows: which rows can be chosen, that by default first.
        ways: names of ways of erasing, that by default first.
        engine: how erasures are computed by default.
    """

    most_tokens: int | None = None
    layers: Sequence[LayerName]
    by_default: Sequence[int]
    rows: Sequence[str]
    ways: Sequence[str]
    engine: str

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """The model itself."""

    @abstractmethod
    def read(self, encoded: EncodedSplit[Any], seeds: npt.NDArray[np.uint64]) -> Reading:
        """A text, run once.

        Args:
            encoded: the text, as a split of one document.
            seeds: of it, for what is drawn of it (1,).

        Raises:
            InputError: it is too long.
        """

    @abstractmethod
    def warm_up(self) -> None:
        """Find out now what would have to be found out when it is first asked for."""


@singledispatch
def reader_of(probe: Probe[Any], device: torch.device, ways: Sequence[str]) -> Reader:
    """What reads texts with a model, by the class of its probe: each kind of reader registers the one that it is for.

    Args:
        probe: a model, joined to the erasure tests.
        device: where it is.
        ways: of erasing that can be asked for, that by default first.

    Raises:
        RefusedError: nothing is registered for such a model.
    """
    raise RefusedError(f"What {type(probe).__name__} does with single texts is not known here.")

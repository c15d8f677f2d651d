"""What is asked of a model, answered: one text at a time, from what is known of it already where it is."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from attnprobe.base.errors import InputError
from attnprobe.data.batches import EncodedSplit
from attnprobe.erasure.battery import Order, orders_of
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.orderings import ranks
from attnprobe.erasure.registered_orderings import ALL, ORDERINGS, OwnOrdering, Role, chosen_orderings
from attnprobe.live.kept_readings import KeptReadings
from attnprobe.live.outcomes import Outcomes, finite
from attnprobe.live.ready import Reader, Reading, Ready
from attnprobe.live.requests import (
    AboutText,
    Compared,
    Edit,
    ErasedDocument,
    Erasing,
    OfAttention,
    OfModel,
    OfText,
    Ordered,
    Request,
    Searched,
    SeenDocument,
)
from attnprobe.live.smallest import smallest_flip
from attnprobe.reports.page.readable import legible, legible_item
from attnprobe.runs.attention_codes import as_text

SHARE_OF_SEARCH = 0.5
"""Of the seconds that a request may take: in which sets are gone through."""

LONGEST_SEARCH = 20.0
"""Seconds."""

Encode = Callable[[AboutText], tuple[EncodedSplit[Any], npt.NDArray[np.uint64]]]
"""Of a text, or a document of the run, the numbers that the model reads, and its seed (1,)."""


@dataclass(frozen=True)
class Described:
    """What is said of a model.

    Attributes:
        name: of the run, or of the checkpoint.
        kind: of model.
        classes: what it decides between, by number; none where it predicts a number.
        examples: texts to begin with; of pairs both.
        pairs: whether it reads pairs of texts.
        unit: what an item is.
        longest: tokens, or words, that it takes at most; None: there is no such limit.
        run: the folder, where there is a run.
    """

    name: str
    kind: str
    classes: Sequence[str]
    examples: Sequence[str | tuple[str, str]]
    pairs: bool
    unit: str
    longest: int | None
    run: Path | None = None


class LiveModel:
    """A model, and what it has read last.

    Args:
        described: what is said of it.
        meaning: what is meant by decided, and first by erased.
        reader: it at work.
        encode: makes numbers of texts.
        seconds: how long a request may take.
    """

    def __init__(self, described: Described, meaning: Meaning, reader: Reader, encode: Encode, seconds: float) -> None:
        self.described, self.reader, self.seconds = described, reader, seconds
        self.outcomes = Outcomes(meaning, described.classes)
        self._encode = encode
        self._readings = KeptReadings(lambda text: reader.read(*encode(text)))
        self._fitting: list[str] = []

    def warm_up(self, text: AboutText) -> None:
        """Find out now what would have to be found out when it is first asked for.

        Args:
            text: to find it out with.
        """
        self.reader.warm_up()
        ready = self._readings(text).ready(Edit())
        batch = Erasable(ready.erasures, torch.zeros(1, dtype=torch.int64))
        self._fitting = [name for name, each in chosen_orderings([ALL]).items() if _fits(each, batch)]

    @contextmanager
    def given_up_by(self, check: Callable[[], None]) -> Iterator[None]:
        """Within, every module of the model asks before it runs whether somebody still waits for what it gives.

        Args:
            check: raises where nobody does.
        """

        def ask(module: nn.Module, arguments: Any) -> None:  # noqa: ANN401
            check()

        hooks = [module.register_forward_pre_hook(ask) for module in self.reader.network.modules()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def answer(self, request: Request) -> dict[str, Any]:
        """What a request is answered by.

        Raises:
            InputError: it cannot be answered; the message says why.
        """
        by_kind: Mapping[type, Callable[[Any], dict[str, Any]]] = {
            OfModel: self._described,
            OfText: self._read,
            OfAttention: self._seen,
            Erasing: self._erased,
            Ordered: self._ordered,
            Searched: self._searched,
            Compared: self._compared,
            SeenDocument: self._seen_document,
            ErasedDocument: self._erased_document,
        }
        return by_kind[type(request)](request)

    def _described(self, request: OfModel) -> dict[str, Any]:
        of, reader = self.described, self.reader
        several = len({layer.stack for layer in reader.layers}) > 1
        return {
            "name": legible(of.name),
            "kind": of.kind,
            "unit": of.unit,
            "decision": self.outcomes.meaning.title,
            "classes": [legible(name) for name in of.classes],
            "layers": [
                {
                    "name": f"{layer.stack} {layer.number}" if several else str(layer.number),
                    "stack": layer.stack,
                    "number": layer.number,
                    "heads": layer.heads,
                }
                for layer in reader.layers
            ],
            "by_default": list(reader.by_default),
            "erase_by": list(reader.ways),
            "orderings": [
                {"name": name, "title": ORDERINGS[name].title, "role": ORDERINGS[name].role.value}
                for name in self._fitting
            ],
            "rows": list(reader.rows),
            "pairs": of.pairs,
            "max_tokens": of.longest,
            "engine": reader.engine,
            "examples": [each if isinstance(each, str) else list(each) for each in of.examples],
            "report": of.run is not None,
            "timeout": self.seconds,
        }

    def _read(self, request: AboutText) -> dict[str, Any]:
        reading = self._readings(request.about)
        tokens = reading.tokens
        names = [legible_item(text) for text in reading.item_texts]
        members: list[list[int]] = [[] for _ in names]
        for position, (_, item) in enumerate(tokens):
            if item >= 0:
                members[item].append(position)
        return {
            "tokens": [legible_item(text) for text, _ in tokens],
            "items": [{"name": name, "tokens": of} for name, of in zip(names, members, strict=True)],
            "row": reading.row,
            **self.outcomes.of(reading.ready(Edit()).untouched),
            "cut": reading.encoded.cut > 0,
        }

    def _seen(self, request: OfAttention) -> dict[str, Any]:
        shown = self._readings(request.about).attention(request.layer)
        heads, rows, columns = shown.codes.shape
        return {
            "heads": heads,
            "rows": rows,
            "columns": columns,
            "codes": as_text(shown.codes.reshape(-1, columns)),
            "row_names": [legible_item(text) for text in shown.rows],
            "column_names": [legible_item(text) for text in shown.columns],
        }

    def _erased(self, request: Erasing) -> dict[str, Any]:
        started = time.perf_counter()
        reading = self._readings(request.about)
        logits, untouched = self._logits(reading, request.edit)
        answer = self.outcomes.of(logits) | self.outcomes.against(logits, untouched)
        return answer | {"milliseconds": round(1000 * (time.perf_counter() - started), 2)}

    def _logits(self, reading: Reading, edit: Edit) -> tuple[Tensor, Tensor]:
        """The logits (1, classes) after an edit, and with nothing erased."""
        alone = reading.cut_only(edit)
        ready = reading.ready(edit)
        erased = _sets(ready, [edit.removed])
        return (ready.logits(erased) if alone is None else alone), ready.untouched

    def _ordered(self, request: Ordered) -> dict[str, Any]:
        reading = self._readings(request.about)
        ready = self._left_to_erase(reading, request.edit)
        batch, order = self._order(reading, ready, request.ordering)
        one = order.of_all[0, 0, : ready.size]
        prefixes = ranks(order.of_all[:1, :1, : ready.size])[0, 0] < torch.arange(ready.size + 1)[:, None].to(
            one.device
        )
        logits = ready.logits(prefixes)
        known = ORDERINGS[request.ordering]
        scores = known.scores if isinstance(known, OwnOrdering) else None
        return {
            "order": one.tolist(),
            "scores": None if scores is None else [finite(each) for each in scores(batch)[0].tolist()],
            "ranked": int(order.ranked[0, 0]),
            **self.outcomes.along(logits, ready.untouched),
            **_first_flip(ready, order.of_all[:1], ready.flips(logits)),
        }

    def _searched(self, request: Searched) -> dict[str, Any]:
        reading = self._readings(request.about)
        ready = self._left_to_erase(reading, request.edit)
        seconds = min(LONGEST_SEARCH, SHARE_OF_SEARCH * self.seconds)
        found = smallest_flip(ready, reading.seeds, seconds)
        size = None if found.removed is None else len(found.removed)
        of_set = {} if found.removed is None else self.outcomes.of(ready.logits(_sets(ready, [found.removed])))
        return {
            "removed": None if found.removed is None else list(found.removed),
            "decided": None,
            "size": size,
            "status": found.status,
            "at_least": found.at_least,
            "emptied": size == ready.size,
            **of_set,
        }

    def _compared(self, request: Compared) -> dict[str, Any]:
        reading = self._readings(request.about)
        first = reading.ready(Edit())
        orders = {name: self._order(reading, first, name)[1] for name in request.orderings}
        rows = []
        for way in request.ways:
            ready = reading.ready(Edit(erase_by=way))
            for name, of_first in orders.items():
                order = of_first
                if ORDERINGS[name].role == Role.REFERENCE and ready is not first:  # it is made of decisions
                    made = self._made(reading, ready, name)
                    if made is None:
                        continue
                    order = made[1]
                rows.append({"ordering": name, "erase_by": way, **_median_flip(ready, order.of_all)})
        return {"rows": rows}

    def _order(self, reading: Reading, ready: Ready, name: str) -> tuple[Erasable, Order]:
        """A text as an ordering sees it, and what the ordering makes of it.

        Raises:
            InputError: there is no such ordering, or it does not fit the model.
        """
        ORDERINGS.require(name)
        made = self._made(reading, ready, name)
        if made is None:
            raise InputError(f"The ordering {name} cannot be made of this model.")
        return made

    def _made(self, reading: Reading, ready: Ready, name: str) -> tuple[Erasable, Order] | None:
        batch = Erasable(ready.erasures, torch.zeros_like(reading.seeds))
        order = orders_of(batch, reading.seeds, {name: ORDERINGS[name]}).get(name)
        return None if order is None else (batch, order)

    def _left_to_erase(self, reading: Reading, edit: Edit) -> Ready:
        if reading.cut_only(edit) is not None:
            raise InputError("The one attention of this model is cut off: nothing is left that could be erased.")
        return reading.ready(edit)

    def _seen_document(self, request: SeenDocument) -> dict[str, Any]:
        reading = self._readings(request.about)
        shown = [reading.attention(layer) for layer in range(len(self.reader.layers))]
        names = zip(self.reader.layers, shown, strict=True)
        target = next((each.rows for each in reversed(shown) if list(each.rows) != list(each.columns)), [])
        return {
            "layers": [[layer.stack, layer.number, *each.codes.shape] for layer, each in names],
            "codes": base64.b64encode(b"".join(each.codes.tobytes() for each in shown)).decode(),
            "source": [legible_item(text) for text, _ in reading.tokens],
            "target": [legible_item(text) for text in target],
            "items": [item for _, item in reading.tokens],
        }

    def _erased_document(self, request: ErasedDocument) -> dict[str, Any]:
        logits, untouched = self._logits(self._readings(request.about), request.edit)
        return self.outcomes.of_first(logits, untouched)


def _fits(ordering: Any, batch: Erasable) -> bool:  # noqa: ANN401
    try:
        return bool(ordering.fits(batch))
    except InputError:
        return False


def _sets(ready: Ready, removed: Sequence[Sequence[int]]) -> Tensor:
    """Sets of items (sets, items), True for what is erased.

    Raises:
        InputError: there is no such item.
    """
    erased = torch.zeros(len(removed), ready.size, dtype=torch.bool)
    for row, numbers in enumerate(removed):
        if numbers and max(numbers) >= ready.size:
            raise InputError(f"There is no item {max(numbers)}: there are 0 to {ready.size - 1}.")
        erased[row, list(numbers)] = True
    return erased


def _first_flip(ready: Ready, order: Tensor, flips: Tensor) -> dict[str, Any]:
    """When an ordering (1, 1, items) flips the decision while something is left, by what all its prefixes do."""
    if not bool(flips.any()):
        return {"first_flip": None, "fraction": None, "emptied": False}
    first = int(flips.int().argmax())
    if first == 0:
        return {"first_flip": 0, "fraction": 0.0, "emptied": False}
    emptied = ready.empties(order, first)
    return {
        "first_flip": None if emptied else first,
        "fraction": None if emptied else first / ready.size,
        "emptied": emptied,
    }


def _median_flip(ready: Ready, order: Tensor) -> dict[str, Any]:
    """The same of the middle one of several draws (draws, 1, items); what never flips is later than what does."""
    columns = ready.erasures.first_flips(order)
    removed, emptied = columns["removed"][:, 0].tolist(), columns["emptied"][:, 0].tolist()
    never = ready.size + 1
    ranked = sorted((never if one < 0 else one, bool(empty)) for one, empty in zip(removed, emptied, strict=True))
    one, empty = ranked[(len(ranked) - 1) // 2]
    flipped = one < never and not empty
    return {
        "first_flip": one if flipped else None,
        "fraction": one / ready.size if flipped else None,
        "emptied": one < never and empty,
        "draws": len(ranked),
    }

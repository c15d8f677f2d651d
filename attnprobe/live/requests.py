"""What can be asked of a model, checked: every request of the page as a value that is what it should be.

What is checked here is the form alone. Whether there is such a layer, item or ordering is known where the model is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from attnprobe.base.bounds import LONGEST_NAME
from attnprobe.base.visible import holds_half_a_character
from attnprobe.live.strict_json import RequestError

LONGEST_TEXT = 20_000
"""Characters of a text."""

MOST_NUMBERS = 20_000
"""Of a list: no text has more items."""

MOST_NAMES = 64
"""Orderings or ways that are compared at once."""

LARGEST = 1_000_000
"""Of a number that counts layers, heads, items or documents."""

READ, EVERY = ROWS = ("read", "all")
"""Which rows of a layer are erased in: those that the decision is read from, or all."""


@dataclass(frozen=True)
class Cut:
    """Whole heads, layers and rows that give nothing: what their attention gives is zero.

    Attributes:
        heads: by the position of a layer the numbers of its heads.
        layers: positions of layers.
        rows: positions of tokens, cut in the layers and heads that are erased in.
    """

    heads: tuple[tuple[int, tuple[int, ...]], ...] = ()
    layers: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(any(heads for _, heads in self.heads) or self.layers or self.rows)


@dataclass(frozen=True)
class Edit:
    """What is erased, and how.

    Attributes:
        removed: numbers of items.
        layers: positions of layers, ascending; None: those that are erased in by default.
        heads: by the position of a layer the heads that are erased in, where these are not all.
        rows: ``read`` or ``all``; None: as by default.
        erase_by: the name of a way of erasing; None: the first.
        cut: what is cut off whole.
    """

    removed: tuple[int, ...] = ()
    layers: tuple[int, ...] | None = None
    heads: tuple[tuple[int, tuple[int, ...]], ...] | None = None
    rows: str | None = None
    erase_by: str | None = None
    cut: Cut = field(default_factory=Cut)


@dataclass(frozen=True)
class AboutText:
    """A request about a text, or about a test document of the run.

    Attributes:
        text: what the model is to read; empty where a document is meant.
        second: the second text of a pair.
        document: the number of a test document.
    """

    text: str = ""
    second: str | None = None
    document: int | None = None

    @property
    def about(self) -> AboutText:
        """The text alone, whatever is asked of it."""
        return AboutText(self.text, self.second, self.document)


@dataclass(frozen=True)
class OfModel:
    """Asks what the model is."""


@dataclass(frozen=True)
class OfText(AboutText):
    """Asks what the model makes of a text."""


@dataclass(frozen=True)
class OfAttention(AboutText):
    """Asks for the attention of a layer, by its position."""

    layer: int = 0


@dataclass(frozen=True)
class Erasing(AboutText):
    """Asks what becomes of a decision."""

    edit: Edit = field(default_factory=Edit)


@dataclass(frozen=True)
class Searched(Erasing):
    """Asks for the smallest set that flips it."""


@dataclass(frozen=True)
class Ordered(Erasing):
    """Asks what becomes of it along an ordering."""

    ordering: str = ""


@dataclass(frozen=True)
class Compared(AboutText):
    """Asks when orderings flip it, by each of several ways of erasing."""

    orderings: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeenDocument(AboutText):
    """Asks for all attention in a test document, as the run's own page does."""


@dataclass(frozen=True)
class ErasedDocument(Erasing):
    """Asks what becomes of the decision about a test document, as the run's own page does."""


Request = AboutText | OfModel


def read_request(name: str, given: Mapping[str, Any]) -> Request | None:
    """The request of this name; None: there is none.

    Args:
        name: as in its address.
        given: the object that was sent.

    Raises:
        RequestError: the object is not what the request needs; the sentence names the entry.
    """
    if name not in _READERS:
        return None
    reader, known = _READERS[name]
    for key in given:
        if key not in known:
            raise RequestError(f"There is no entry {key[:LONGEST_NAME]!r} in a request for {name}.")
    return reader(given)


_TEXT = frozenset({"text", "second"})
_EDIT = frozenset({"layers", "heads", "rows", "erase_by", "cut"})


def _model(given: Mapping[str, Any]) -> Request:
    return OfModel()


def _text(given: Mapping[str, Any]) -> Request:
    return OfText(**_about(given))


def _attention(given: Mapping[str, Any]) -> Request:
    return OfAttention(**_about(given), layer=_number(given, "layer"))


def _erase(given: Mapping[str, Any]) -> Request:
    return Erasing(**_about(given), edit=_edit(given))


def _search(given: Mapping[str, Any]) -> Request:
    return Searched(**_about(given), edit=_edit(given))


def _ordering(given: Mapping[str, Any]) -> Request:
    return Ordered(**_about(given), edit=_edit(given), ordering=_name(given.get("ordering"), "ordering"))


def _compare(given: Mapping[str, Any]) -> Request:
    return Compared(**_about(given), orderings=_names(given, "orderings"), ways=_names(given, "ways"))


def _seen_document(given: Mapping[str, Any]) -> Request:
    return SeenDocument(document=_number(given, "document"))


def _erased_document(given: Mapping[str, Any]) -> Request:
    return ErasedDocument(document=_number(given, "document"), edit=Edit(_numbers(given.get("erased"), "erased")))


_Reader = Callable[[Mapping[str, Any]], Request]

_READERS: Mapping[str, tuple[_Reader, frozenset[str]]] = {
    "model": (_model, frozenset()),
    "text": (_text, _TEXT),
    "attention": (_attention, _TEXT | {"layer"}),
    "erase": (_erase, _TEXT | _EDIT | {"removed"}),
    "ordering": (_ordering, _TEXT | _EDIT | {"ordering"}),
    "search": (_search, _TEXT | _EDIT),
    "compare": (_compare, _TEXT | {"orderings", "ways"}),
    "seen_document": (_seen_document, frozenset({"document"})),
    "erased_document": (_erased_document, frozenset({"document", "erased"})),
}


def _about(given: Mapping[str, Any]) -> dict[str, Any]:
    if "text" not in given:
        raise RequestError("The entry text is missing.")
    second = given.get("second")
    return {
        "text": _checked_text(given["text"], "text"),
        "second": None if second is None else _checked_text(second, "second"),
    }


def _checked_text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise RequestError(f"The entry {name} is no text.")
    if len(value) > LONGEST_TEXT:
        raise RequestError(f"The entry {name} has {len(value):,} characters, and may have {LONGEST_TEXT:,}.")
    if holds_half_a_character(value):
        raise RequestError(f"The entry {name} holds half of a surrogate pair, which is no character.")
    return value


def _edit(given: Mapping[str, Any]) -> Edit:
    layers, heads, rows, way = (given.get(name) for name in ("layers", "heads", "rows", "erase_by"))
    if rows is not None and rows not in ROWS:
        raise RequestError(f"The entry rows must be one of {', '.join(ROWS)}.")
    return Edit(
        removed=_numbers(given.get("removed", []), "removed"),
        layers=None if layers is None else _numbers(layers, "layers"),
        heads=None if heads is None else _heads(heads, "heads"),
        rows=rows,
        erase_by=None if way is None else _name(way, "erase_by"),
        cut=_cut(given.get("cut")),
    )


def _cut(value: object) -> Cut:
    if value is None:
        return Cut()
    if not isinstance(value, dict):
        raise RequestError("The entry cut is no object.")
    for key in value:
        if key not in ("heads", "layers", "rows"):
            raise RequestError(f"There is no entry {key[:LONGEST_NAME]!r} in cut.")
    of = {name: value.get(name) for name in ("heads", "layers", "rows")}
    return Cut(
        heads=() if of["heads"] is None else _heads(of["heads"], "cut.heads"),
        layers=() if of["layers"] is None else _numbers(of["layers"], "cut.layers"),
        rows=() if of["rows"] is None else _numbers(of["rows"], "cut.rows"),
    )


def _heads(value: object, name: str) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Numbers of heads by the position of their layer, which JSON has as a text."""
    if not isinstance(value, dict) or len(value) > MOST_NUMBERS:
        raise RequestError(f"The entry {name} is no object of lists of heads by layer.")
    found = []
    for key, heads in value.items():
        if not (key.isascii() and key.isdigit() and len(key) <= 6 and str(int(key)) == key):
            raise RequestError(f"The entry {name} has {key[:LONGEST_NAME]!r} where the position of a layer is needed.")
        found.append((int(key), _numbers(heads, f"{name}.{key}")))
    return tuple(sorted(found))


def _numbers(value: object, name: str) -> tuple[int, ...]:
    """Whole numbers from 0 on, each once, ascending."""
    if not isinstance(value, list):
        raise RequestError(f"The entry {name} is no list of whole numbers.")
    if len(value) > MOST_NUMBERS:
        raise RequestError(f"The entry {name} has {len(value):,} numbers, and may have {MOST_NUMBERS:,}.")
    numbers = [_whole(each, name) for each in value]
    if len(set(numbers)) < len(numbers):
        raise RequestError(f"The entry {name} has a number twice.")
    return tuple(sorted(numbers))


def _number(given: Mapping[str, Any], name: str) -> int:
    if name not in given:
        raise RequestError(f"The entry {name} is missing.")
    return _whole(given[name], name)


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestError(f"The entry {name} holds what is no whole number.")
    if not 0 <= value <= LARGEST:
        raise RequestError(f"The entry {name} holds a number that is not between 0 and {LARGEST:,}.")
    return value


def _names(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name)
    if not isinstance(value, list) or not 0 < len(value) <= MOST_NAMES:
        raise RequestError(f"The entry {name} is no list of 1 to {MOST_NAMES} names.")
    names = tuple(_name(each, name) for each in value)
    if len(set(names)) < len(names):
        raise RequestError(f"The entry {name} has a name twice.")
    return names


def _name(value: object, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or holds_half_a_character(value):
        raise RequestError(f"The entry {name} is no name.")
    return value

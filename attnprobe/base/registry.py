"""Registries: things that the command line finds by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from attnprobe.base.errors import InputError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A mapping from names to entries whose look-up errors suggest the nearest known names.

    >>> models: Registry[int] = Registry("model")
    >>> models.register("han-rnn", 1)
    1
    >>> models["han-rn"]
    Traceback (most recent call last):
    attnprobe.base.errors.InputError: There is no model 'han-rn'; did you mean 'han-rnn'?
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> T:
        """Add ``entry`` under ``name`` and return it; a name is given once."""
        if name in self._entries:
            raise ValueError(f"the {self.kind} {name!r} is registered already")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            raise InputError(f"There is no {self.kind} {name!r}; {self.suggestion(name)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def suggestion(self, name: str) -> str:
        """The nearest known names, or all of them, as the end of a sentence."""
        near = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.5)
        if near:
            return f"did you mean {' or '.join(map(repr, near))}?"
        return f"known: {', '.join(sorted(self._entries))}."

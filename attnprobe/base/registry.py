"""Registries: things that the command line finds by name, those of other packages among them."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from attnprobe.base.errors import InputError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
"""What an entry of another package may be called: names stand in columns, in files and on the page."""

LONGEST_TITLE = 60
"""Characters of what readers are shown for an entry."""


def is_title(title: object) -> bool:
    """Whether something can be what readers are shown for an entry."""
    return isinstance(title, str) and 0 < len(title) <= LONGEST_TITLE


class Origin(NamedTuple):
    """The package that an entry comes from, and its version."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


class Registry(Mapping[str, T], Generic[T]):
    """A mapping from names to entries whose look-up errors suggest the nearest known names.

    Beside what is registered it holds what installed packages offer under its entry-point group, in every process in
    which they are installed. Who offers what is read when the registry is first asked; a package is imported when an
    entry of its is first looked up.

    Args:
        kind: what an entry is, in words, for messages.
        group: the entry-point group in which other packages offer entries; without it none do.
        fits: what is wrong with an object that another package offers, in words; None where it can be an entry.

    >>> models: Registry[int] = Registry("model")
    >>> models.register("han-rnn", 1)
    1
    >>> models["han-rn"]
    Traceback (most recent call last):
    attnprobe.base.errors.InputError: There is no model 'han-rn'; did you mean 'han-rnn'?
    """

    def __init__(
        self, kind: str, group: str | None = None, fits: Callable[[object], str | None] = lambda entry: None
    ) -> None:
        self.kind = kind
        self.group = group
        self._fits = fits
        self._entries: dict[str, T] = {}
        self._offered: dict[str, EntryPoint] | None = None

    def register(self, name: str, entry: T) -> T:
        """Add ``entry`` under ``name`` and return it; a name is given once. Other processes do not learn of it."""
        if name in self._entries:
            raise ValueError(f"the {self.kind} {name!r} is registered already")
        self._entries[name] = entry
        return entry

    @property
    def registered(self) -> dict[str, T]:
        """The entries that were registered in this process; those that packages offer are not among them."""
        return dict(self._entries)

    @property
    def offered(self) -> dict[str, EntryPoint]:
        """What installed packages offer, in order of name.

        Raises:
            InputError: a name cannot be one, or is taken.
        """
        if self._offered is None:
            self._offered = {} if self.group is None else self._found(self.group)
        for name, point in self._offered.items():
            if name in self._entries:
                raise InputError(f"{_origin(point)} offers the {self.kind} {name!r}, a name that attnprobe has itself.")
        return self._offered

    def _found(self, group: str) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        offered = offered_by_packages(tuple(sys.path)).select(group=group)
        points = {(point.name, point.value, _origin(point)): point for point in offered}
        for (name, _, origin), point in sorted(points.items(), key=lambda item: item[0]):
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"{origin} offers the {self.kind} {name!r}; a name is of up to 100 letters, digits, dots, hyphens, "
                    "plus signs and underscores, the first of which is a letter or a digit."
                )
            if name in found:
                raise InputError(f"{_origin(found[name])} and {origin} both offer the {self.kind} {name!r}.")
            found[name] = point
        return found

    def origin(self, name: str) -> Origin | None:
        """The package that offers an entry; None of one that was registered in this process."""
        point = None if name in self._entries else self.offered.get(name)
        return None if point is None else _origin(point)

    def require(self, name: str) -> str:
        """The name itself; raises InputError where there is no such entry, or none that can be used."""
        self[name]
        return name

    def told(self, name: str) -> str:
        """An entry within a sentence: what it is, its name, and the package that offers it."""
        origin = self.origin(name)
        return f"the {self.kind} {name}" + (f" of {origin}" if origin else "")

    def _load(self, name: str, point: EntryPoint) -> T:
        try:
            entry = point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a module does when it is imported, an exit among it
            said = " ".join(str(error).split())
            raise InputError(
                f"The {self.kind} {name!r} of {_origin(point)} cannot be loaded: {type(error).__name__}"
                + (f": {said}." if said else ".")
            ) from error
        wrong = self._fits(entry)
        if wrong is not None:
            raise InputError(f"What {_origin(point)} offers as the {self.kind} {name!r} is none: {wrong}.")
        loaded: T = entry
        return loaded

    def __getitem__(self, name: str) -> T:
        if name in self._entries:
            return self._entries[name]
        if name in self.offered:
            return self._load(name, self.offered[name])
        raise InputError(f"There is no {self.kind} {name!r}; {self.suggestion(name)}")

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self.offered

    def __iter__(self) -> Iterator[str]:
        return iter([*self._entries, *self.offered])

    def __len__(self) -> int:
        return len(self._entries) + len(self.offered)

    def suggestion(self, name: str) -> str:
        """The nearest known names, or all of them, as the end of a sentence."""
        near = difflib.get_close_matches(name, list(self), n=3, cutoff=0.5)
        if near:
            return f"did you mean {' or '.join(map(repr, near))}?"
        return f"known: {', '.join(sorted(self))}."


@cache
def offered_by_packages(path: tuple[str, ...]) -> EntryPoints:
    """What packages on a path offer to whomever: the list of every package is read once, and not once a group.

    Args:
        path: ``sys.path``, which a program may change.
    """
    from importlib.metadata import entry_points  # which takes a while to import

    return cast("EntryPoints", entry_points())  # Python 3.11 has a class of its own for it


def _origin(point: EntryPoint) -> Origin:
    """Who offers an entry point; a distribution whose metadata are incomplete is told by what it imports."""
    metadata = None if point.dist is None else point.dist.metadata
    told = {field: metadata[field] for field in ("Name", "Version") if metadata is not None and field in metadata}
    return Origin(told.get("Name", point.module), told.get("Version", "of no version"))

"""Functions of other packages that give a text's words: of texts in languages that put no spaces between them.

Such a function is code, and a name alone runs it: it is imported only where the user has named it, on the command line,
as an argument or in the environment. The name in a run's folder or in an experiment's file, which somebody else may
have made, does not suffice; what was segmented before lies in the cache folder, and needs no import.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.base.registry import Origin
from attnprobe.data.files.places import quoted
from attnprobe.data.tokens.given_tokens import SegmentedText

SEGMENTER_VARIABLE = "ATTNPROBE_SEGMENTER"
"""The environment variable that names segmenters which may be imported, with commas between them."""

_named: set[str] = set()
_imported: dict[str, Origin] = {}  # by name of segmenters: what they were then, which a process does not import anew


def name_segmenter(name: str) -> None:
    """The user has named a segmenter to this process, which may import it from now on."""
    _named.add(name)


@dataclass(frozen=True)
class Segmenter:
    """A function that takes a text and gives its words, or their (start, end) in characters, in order.

    Attributes:
        name: ``PACKAGE:FUNCTION``.
        origin: the package that it is of, and its version; of a module that is of no package, what its files hold.
    """

    name: str
    origin: Origin

    @classmethod
    def found(cls, name: str) -> Segmenter:
        """What the name stands for; nothing is imported.

        Raises:
            InputError: there is no such package.
        """
        module = name.partition(":")[0].partition(".")[0]
        try:
            spec = find_spec(module)  # of a module that is in no other, which imports nothing
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            raise InputError(f"The segmenter {name} cannot be had: no package {module} is installed here.")
        return cls(name, _origin(module, spec))

    def __str__(self) -> str:
        return f"{self.name} of {self.origin}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.origin)  # without the function: workers have the words

    def segmented(self, text: str, where: str) -> SegmentedText:
        """A text with its words.

        Args:
            text: not blank.
            where: file, row and column, for messages.

        Raises:
            InputError: the function may not be imported or cannot be, it fails, or what it gives are no words that
                the text holds one behind the other.
        """
        try:
            given = self._function(text)
            if isinstance(given, str) or not isinstance(given, Iterable):
                raise InputError(f"gives {type(given).__name__}, where words are needed, such as a list of them")
            made = SegmentedText.of_spans(text, _spans(text, given))
        except InputError as error:
            raise InputError(f"{where}: the segmenter {self.name} {error}.") from None
        except Exception as error:  # whatever the function raises
            said = " ".join(str(error).split())
            told = f"{type(error).__name__}: {said}" if said else type(error).__name__
            raise InputError(f"{where}: the segmenter {self.name} fails ({told}).") from error
        if not made.tokens:
            raise InputError(f"{where}: the segmenter {self.name} gives no word of the text.")
        return made

    def require_named(self) -> None:
        """See that the user has named it.

        Raises:
            InputError: a file alone has.
        """
        in_environment = os.environ.get(SEGMENTER_VARIABLE, "").split(",")
        if self.name not in _named and self.name not in map(str.strip, in_environment):
            raise InputError(
                f"The words are those of the segmenter {self.name}, which is code, and which a file alone names: if it "
                f"is to be run, name it in the environment, {SEGMENTER_VARIABLE}={self.name}, or where a run begins "
                f"with --segmenter {self.name}."
            )

    @cached_property
    def _function(self) -> Callable[[str], Any]:
        module, _, name = self.name.partition(":")
        if _imported.setdefault(self.name, self.origin) != self.origin:
            raise InputError("is another one than this process has imported: start it anew")
        try:
            function = getattr(importlib.import_module(module), name, None)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a module does when it is imported, an exit among it
            said = " ".join(str(error).split())
            raise InputError(f"cannot be imported ({type(error).__name__}{': ' if said else ''}{said})") from error
        if not callable(function):
            raise InputError(f"is no function: {module} has {'no' if function is None else 'another'} {name}")
        checked: Callable[[str], Any] = function
        return checked


def _spans(text: str, given: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """Where each word is in the text (start, end); raises an InputError where one does not fit."""
    end = 0
    for number, word in enumerate(given):
        if isinstance(word, str):
            start = text.find(word, end)
            if start < 0:
                raise InputError(f"gives as word {number} {quoted(word)}, not in the text from character {end} on")
            start, end = start, start + len(word)
        else:
            start, end = _checked_span(text, word, number, end)
        yield start, end


def _checked_span(text: str, span: Any, number: int, end: int) -> tuple[int, int]:  # noqa: ANN401
    is_pair = isinstance(span, tuple | list) and len(span) == 2
    if not is_pair or not all(hasattr(each, "__index__") and not isinstance(each, bool) for each in span):
        raise InputError(
            f"gives as word {number} {type(span).__name__}, where a text or its (start, end) in whole numbers is needed"
        )
    start, behind = (each.__index__() for each in span)
    if not end <= start <= behind <= len(text):
        raise InputError(
            f"gives as word {number} characters {start} to {behind}, which are not in order within {end} to {len(text)}"
        )
    return start, behind


def _origin(module: str, spec: ModuleSpec) -> Origin:
    if module in sys.stdlib_module_names:
        return Origin("python", platform.python_version())
    packages = sorted(set(_packages().get(module, ())))
    if packages:
        return Origin("+".join(packages), "+".join(map(metadata.version, packages)))
    return Origin(module, f"sha256 {_content(spec)}")


@cache
def _packages() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()  # which reads what every package has


def _content(spec: ModuleSpec) -> str:
    """What the files of a module hold, which is of no package that has a version."""
    digest = hashlib.sha256()
    folders = [Path(each) for each in spec.submodule_search_locations or ()]
    files = [(path.relative_to(folder), path) for folder in folders for path in folder.rglob("*.py")]
    if not folders and spec.has_location and spec.origin is not None:
        files = [(Path(Path(spec.origin).name), Path(spec.origin))]
    for name, path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{name.as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]

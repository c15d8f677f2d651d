"""Settings that are declared once: name, type, default, range, flag and help are one field of a dataclass.

What is refused is refused when such a dataclass is made, whoever makes it. The doors (:mod:`attnprobe.settings.doors`)
only turn what they are given into values: the parser of the command line, the reader of experiments, the reader of
``config.json`` and the table in docs/settings.md are made of the declarations.

Why no library does this: ``attnprobe --help`` and ``attnprobe list`` have .15 seconds of CPU. To declare six tables of
eight settings, and to parse a command line of them, takes .03 with dataclasses and argparse; pydantic 2.14 takes .12,
tyro 1.0 .10 and jsonargparse 4.53 .14, Python's own start not counted. msgspec 0.23 and cattrs 26.2 are quick (.03 and
.04), but they check what is converted and not what is made in Python, turn 10 into 10.0, which changes a run's
fingerprint, and know no flags. None of them tells what it refuses in the words of the door.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, ClassVar, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from attnprobe.settings.unfit import Named, SettingError, SettingTypeError

S = TypeVar("S", bound="Settings")

MOST = 2**53
"""Of a whole number: beyond it JSON readers round, and arrays of counts overflow."""

NONE = "none"
"""How a text says that there is no limit, where there could be one, and that a list is empty."""

ITSELF = object()
"""Stands for the value of a setting."""

_KEY = "setting"


class Told(NamedTuple):
    """What is declared of a setting beside its name, its type and its default.

    Attributes:
        help: what it says, for readers.
        at_least: of a number.
        above, below: of a number that is not whole.
        choices: the texts that it may be, or that may be in it.
        several: whether it is empty or holds two or more different texts.
        flag: of the command line, where it is not the name.
        metavar: what stands for a value in help.
        shown: the default in words, where the value alone does not say it.
        identity: what tells runs apart of its value: ``ITSELF``; or, where runs that differ in it alone are the same
            run, the value that all of them have for that, or None where it is left out.
        silent: whether ``config.json`` leaves it out where it is the default, as runs of before have it.
    """

    help: str
    at_least: int = 1
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    several: bool = False
    flag: str = ""
    metavar: str = ""
    shown: str = ""
    identity: object = ITSELF
    silent: bool = False


def setting(default: Any = dataclasses.MISSING, /, **told: Any) -> Any:  # noqa: ANN401
    """A field of a dataclass that is a setting: its default, and what :class:`Told` holds of it."""
    return dataclasses.field(default=default, metadata={_KEY: Told(**told)})


@dataclasses.dataclass(frozen=True)
class Declared:
    """A setting as it is declared.

    Attributes:
        section: whose it is, as ``training``; empty for those of a run itself.
        name: its own.
        kind: ``int``, ``float``, ``bool``, ``str``, or ``tuple`` (of texts).
        optional: whether it may be None.
        default: ``dataclasses.MISSING`` where there is none.
        told: what else is declared.
    """

    section: str
    name: str
    kind: type
    optional: bool
    default: Any
    told: Told

    @property
    def flag(self) -> str:
        """What the command line calls it."""
        return self.told.flag or flag_of(self.name)

    @property
    def wanted(self) -> str:
        """What it may be, in words."""
        told = self.told
        if told.choices:
            words = " or ".join(filter(None, [", ".join(told.choices[:-1]), told.choices[-1]]))
            return f"a list of {words}" if self.kind is tuple else words
        if self.kind is float:
            if told.above is not None:
                return "a finite number" + (f" above {told.above:g}" if math.isfinite(told.above) else "")
            return f"a number from {told.at_least}" + (" on" if told.below is None else f" to below {told.below:g}")
        return {
            int: f"a whole number from {told.at_least} on",
            bool: "true or false",
            str: "a text that is not empty",
            tuple: "a list of two or more different words" if told.several else "a list of words",
        }[self.kind]

    def check(self, value: Any) -> None:  # noqa: ANN401
        """See that something can be its value.

        Raises:
            SettingError: it cannot; a :class:`SettingTypeError` where it is of another type.
        """
        if value is None and self.optional:
            return
        of_kind = self._is_of_kind(value)
        if not (of_kind and self._fits(value)):
            too_large = of_kind and self.kind is int and value > MOST
            wanted = f"at most {MOST}" if too_large else self.wanted
            error = SettingError if of_kind else SettingTypeError
            raise error(self.section, "{} must be {}, not {}.", Named(self.name), wanted, shown(value))

    def _is_of_kind(self, value: object) -> bool:
        if isinstance(value, bool):
            return self.kind is bool
        if isinstance(value, tuple):
            return self.kind is tuple and all(isinstance(each, str) for each in value)
        return isinstance(value, int | float if self.kind is float else self.kind)

    def _fits(self, value: Any) -> bool:  # noqa: ANN401
        told = self.told
        if self.kind is int:
            whole: int = value
            return told.at_least <= whole <= MOST
        if self.kind is float:
            number = _in_floating_point(value)
            low = number > told.above if told.above is not None else number >= told.at_least
            return low and number < (math.inf if told.below is None else told.below)
        texts = value if self.kind is tuple else (value,) if self.kind is str else ()
        if told.several and texts and not 1 < len(texts) == len(set(texts)):
            return False
        return all(text.strip() and (not told.choices or text in told.choices) for text in texts)

    def read(self, text: str) -> object:
        """The value that a text stands for on the command line; the text itself where it stands for none."""
        if text == NONE and (self.optional or self.kind is tuple):
            return None if self.optional else ()
        if self.kind is tuple:
            return tuple(part.strip() for part in text.split(","))
        try:
            return self.kind(text)
        except ValueError:
            return text

    def arguments(self, value: object) -> list[str]:
        """The words of a command line that stand for a value; the inverse of :meth:`read`."""
        if isinstance(value, bool):
            return [self.flag if value else f"--no-{self.flag.removeprefix('--')}"]
        return [self.flag, in_words(value)]


class Settings:
    """What dataclasses of settings have in common: they know their declarations, and check themselves by them.

    Attributes:
        section: what they are called in files.
    """

    section: ClassVar[str]

    def __init_subclass__(cls, section: str) -> None:
        super().__init_subclass__()
        cls.section = section
        DECLARED[section] = cls
        fields = {name: value.metadata for name, value in vars(cls).items() if isinstance(value, dataclasses.Field)}
        told = [f"    {name}: {metadata[_KEY].help}." for name, metadata in fields.items() if _KEY in metadata]
        cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__ or ""), "", "Settings:", *told])  # for help() of Python

    def __post_init__(self) -> None:
        for name, declared in settings_of(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, list) and declared.kind is tuple:  # as TOML and JSON have it
                value = tuple(value)
                object.__setattr__(self, name, value)
            declared.check(value)


DECLARED: dict[str, type[Settings]] = {}
"""All that are loaded, by section."""


_RESOLVED: dict[str, Mapping[str, Declared]] = {}


def settings_of(settings: type[Settings]) -> Mapping[str, Declared]:
    """The settings that a dataclass declares, by name."""
    section = settings.section
    if section not in _RESOLVED:
        hints = get_type_hints(settings)
        fields = [field for field in dataclasses.fields(settings) if _KEY in field.metadata]  # type: ignore[arg-type]
        _RESOLVED[section] = {field.name: _declared(section, field, hints[field.name]) for field in fields}
    return _RESOLVED[section]


def _declared(section: str, field: dataclasses.Field[Any], hint: Any) -> Declared:  # noqa: ANN401
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    (kind,) = (get_origin(each) or each for each in kinds if each is not NoneType)
    return Declared(section, field.name, kind, NoneType in kinds, field.default, field.metadata[_KEY])


def with_entries(settings: S, entries: object) -> S:
    """The settings with those in the place of which a table has others.

    Raises:
        SettingError: it is no table, has an unknown entry, or one that cannot be.
    """
    if not isinstance(entries, Mapping):
        raise SettingTypeError("", "{} must be a table, not {}.", Named(settings.section), shown(entries))
    check_known(settings.section, entries, settings_of(type(settings)))
    return dataclasses.replace(settings, **entries)  # type: ignore[type-var]


def identity_of(settings: Settings) -> dict[str, Any]:
    """What tells runs apart of a table of settings, by name; nothing of what ``config.json`` leaves out."""
    told = {name: declared.told.identity for name, declared in settings_of(type(settings)).items()}
    unsaid = left_unsaid(settings)
    return {
        name: getattr(settings, name) if identity is ITSELF else identity
        for name, identity in told.items()
        if identity is not None and name not in unsaid
    }


def left_unsaid(settings: Settings) -> list[str]:
    """Which of a table of settings ``config.json`` leaves out: those that are silent and as they are by default."""
    declared = settings_of(type(settings)).items()
    return [name for name, of in declared if of.told.silent and getattr(settings, name) == of.default]


def check_known(section: str, names: Iterable[str], known: Iterable[str]) -> None:
    """See that all names are among those that are known.

    Raises:
        SettingError: one is not; the nearest is suggested.
    """
    known = list(known)
    for name in names:
        if name not in known:
            (near,) = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise SettingError(section, "There is no setting {}; did you mean {}?", Named(name), Named(near))


def flag_of(name: str) -> str:
    """What the command line calls a setting of this name, unless told otherwise.

    >>> flag_of("learning_rate")
    '--learning-rate'
    """
    return f"--{name.replace('_', '-')}"


def in_words(value: object) -> str:
    """A value as the command line and help have it.

    >>> in_words(None), in_words(True), in_words(("a", "b")), in_words(10.0)
    ('none', 'yes', 'a,b', '10')
    """
    if value is None or value == ():
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def shown(value: object) -> str:
    """A value within a refusal."""
    try:
        return repr(value)
    except ValueError:  # Python writes no number of more than some thousand digits
        return "a number of thousands of digits"


def _in_floating_point(value: float) -> float:
    """A number as arithmetic takes it: a whole one of hundreds of digits is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf

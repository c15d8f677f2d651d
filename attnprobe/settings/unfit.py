"""Settings that cannot be, told of in the words of the door (:mod:`attnprobe.settings.doors`) they came through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attnprobe.base.errors import InputError

Names = Callable[[str, str], str]
"""What a door calls a setting, given its section (empty for those of a run itself) and its name; a section is called
by its name, without a section."""


class Named(str):
    """The name of a setting, or of a section, within a sentence."""


class SettingError(InputError):
    """A setting is not what it can be.

    Args:
        section: whose settings the sentence names, as ``training``; empty for those of a run itself.
        template: the sentence, with ``{}`` for each of the values.
        values: what stands there; a :class:`Named` is said in the words of the door.

    >>> error = SettingError("training", "{} must be above {}.", Named("epochs"), 0)
    >>> str(error), error.told(lambda section, name: f"[{section}] {name}")
    ('epochs must be above 0.', '[training] epochs must be above 0.')
    """

    def __init__(self, section: str, template: str, *values: object) -> None:
        self.section, self.template, self.values = section, template, values
        super().__init__(self.told(lambda section, name: name))

    def __reduce__(self) -> tuple[type[SettingError], tuple[object, ...]]:
        return type(self), (self.section, self.template, *self.values)

    def told(self, names: Names) -> str:
        """The sentence as a door has it that calls settings by these names."""
        values = [names(self.section, value) if isinstance(value, Named) else value for value in self.values]
        return self.template.format(*values)


class SettingTypeError(SettingError, TypeError):
    """A setting is of another type altogether."""


@contextmanager
def told_by(names: Names, where: str = "") -> Iterator[None]:
    """Let what is refused within be told by these names, behind the words that say where they stand.

    Raises:
        InputError: a setting is refused.
    """
    try:
        yield
    except SettingError as error:
        raise InputError(f"{where}{error.told(names)}") from None

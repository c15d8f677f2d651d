"""Classes that a user names, as numbers of the logits of a model."""

from __future__ import annotations

from collections.abc import Sequence

from attnprobe.data.files.places import listed
from attnprobe.settings.unfit import Named, SettingError

_DIGITS = 10
"""From so many on a number is that of no class, and Python may refuse to read it."""


def plain_name(name: str) -> str:
    """A name as it is compared with others."""
    return name.strip().casefold()


def number_of_class(name: str, classes: Sequence[str], setting: str = "given_class") -> int:
    """The number of the class that is called so, but for case and blanks around it; or that has this number.

    Args:
        name: what the user calls it.
        classes: names of all classes, by number.
        setting: what named it.

    Raises:
        SettingError: there is none.
    """
    exact = [number for number, each in enumerate(classes) if each == name]
    alike = [number for number, each in enumerate(classes) if plain_name(each) == plain_name(name)]
    is_number = name.isdecimal() and len(name) < _DIGITS
    by_number = [int(name)] if is_number and int(name) < len(classes) else []
    found = exact or alike or by_number
    if not found:
        sentence = "{} {}: the model has no class of this name; it has {}."
        raise SettingError("", sentence, Named(setting), name, listed(classes))
    return found[0]

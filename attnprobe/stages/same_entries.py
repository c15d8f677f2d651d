"""Whether processes that work together have the same entries of registries, those of other packages above all."""

from __future__ import annotations

from typing import Any, Protocol

from attnprobe.base.errors import InputError
from attnprobe.base.registry import Origin, Registry


class Recorded(Protocol):
    """What a process says of an entry."""

    @property
    def origin(self) -> Origin | None:
        """The package that offers it, None where it is of attnprobe or was registered by a program."""
        ...


def require_same(registry: Registry[Any], name: str, there: Recorded | None, here: Recorded | None) -> None:
    """See to it that two processes have the same entry.

    Args:
        registry: in which it is looked up.
        name: of the entry.
        there: what the process that began says of it; None where it does not have it.
        here: the same of the process that is to help.

    Raises:
        InputError: they have not.
    """
    if there == here:
        return
    entry = f"{registry.kind} {name}"
    if there is not None and there.origin is None:
        raise InputError(
            f"The {entry} was registered by the program that began the run, and other processes do not have it: offer "
            f"it in the entry-point group {registry.group} of an installed package, or take one worker."
        )
    told = [f"{where} {_told(record)}" for where, record in (("began the run", there), ("is to help", here))]
    raise InputError(f"The {entry} is not the same in all processes: the one that {told[0]}, the one that {told[1]}.")


def _told(record: Recorded | None) -> str:
    return "does not have it" if record is None else f"has it of {record.origin or 'a program'}"

"""What an explanation that is brought may be called: names stand in columns, in files and on the page."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable
from typing import NamedTuple

from attnprobe.base.bounds import MOST_ORDERINGS
from attnprobe.base.errors import InputError
from attnprobe.erasure.registered_orderings import ORDERINGS, Role

PERMUTED = "_permuted"
"""What stands behind an explanation's name in that of its twin: the same scores, shuffled within the document."""

LONGEST_EXPLANATION_NAME = 40
"""Characters: that of its permuted twin is a title, too."""

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.+-]{{0,{LONGEST_EXPLANATION_NAME - 1}}}")


class JudgedAs(NamedTuple):
    """What readers are shown for an explanation, and what it is in a run."""

    title: str
    role: Role


def judged_as(name: str) -> dict[str, JudgedAs]:
    """An explanation and its permuted twin, by the names of their orderings.

    >>> list(judged_as("ig"))
    ['ig', 'ig_permuted']
    """
    return {
        name: JudgedAs(name, Role.EXPLANATION),
        f"{name}{PERMUTED}": JudgedAs(f"{name}, permuted", Role.CONTROL),
    }


def is_twin(name: str, orderings: Container[str]) -> bool:
    """Whether an ordering is the permuted twin of another one of these."""
    return name.endswith(PERMUTED) and name.removesuffix(PERMUTED) in orderings


def check_names(names: Iterable[object], chosen: Collection[str] = ()) -> None:
    """See that explanations can be called so, beside the orderings that are chosen.

    Raises:
        InputError: one cannot; or there are more than a run can hold.
    """
    known, seen = set(ORDERINGS), set[str]()
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                f"An explanation is called {name!r}; a name is of up to {LONGEST_EXPLANATION_NAME} letters, digits, "
                "dots, hyphens, plus signs and underscores, the first of which is a letter or a digit."
            )
        for taken in (name, f"{name}{PERMUTED}"):
            if taken in known:
                raise InputError(f"An explanation is called {name!r}, but {taken} is an ordering of its own already.")
            if taken in seen:
                raise InputError(f"Two explanations are called {taken!r}, or are so with their permuted twins.")
        seen |= {name, f"{name}{PERMUTED}"}
    if len(seen) + len(chosen) > MOST_ORDERINGS:
        raise InputError(
            f"There are {len(seen) // 2} explanations; with their permuted twins and the {len(chosen)} other orderings "
            f"these are more than {MOST_ORDERINGS}."
        )

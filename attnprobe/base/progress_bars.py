"""Bars that tell how far work is: in a terminal and in a notebook, and nowhere where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_SILENT: ContextVar[bool] = ContextVar("silent", default=False)


def progress_bar(*iterable: Any, disable: bool | None = None, **told: Any) -> Any:  # noqa: ANN401
    """A ``tqdm``, with its arguments; in a notebook the one that is made for notebooks.

    Args:
        iterable: what is gone through, if anything is.
        disable: None: shown where somebody watches.
        told: see ``tqdm``.
    """
    from tqdm import tqdm

    if _SILENT.get():
        return tqdm(*iterable, disable=True, **told)
    if disable is None and _in_a_notebook():  # whose streams are no terminal
        from tqdm.auto import tqdm as of_notebooks

        return of_notebooks(*iterable, disable=False, **told)
    return tqdm(*iterable, disable=disable, **told)


@contextmanager
def without_bars() -> Iterator[None]:
    """Within, no bar is shown."""
    before = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(before)


def _in_a_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in shell.config

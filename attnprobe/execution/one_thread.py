"""One thread a worker: sums are added up in the same order however many workers there are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLES = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""What keeps numerical libraries to one thread if it is in the environment before they are loaded."""


def keep_to_one_thread() -> None:
    """Have this process compute with one thread from now on; called before anything that computes is loaded."""
    os.environ.update(VARIABLES)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@contextmanager
def of_one_thread() -> Iterator[None]:
    """Processes that are started inside compute with one thread."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(VARIABLES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Inside, torch computes with one thread; afterwards with as many as before. numpy's threads are not touched."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

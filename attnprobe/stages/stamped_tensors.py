"""Tensors that are computed once and kept in a run's folder, stamped with what they were made by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from attnprobe.base.atomic_files import replacing
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import check_size, open_plain

_STAMP = "attnprobe"

_MOST_BYTES = 1 << 31


def write_tensors(path: Path, tensors: Mapping[str, Tensor], stamp: str) -> None:
    """Write a file that is there whole or not at all."""
    content = safetensors.torch.save({name: each.cpu().contiguous() for name, each in tensors.items()}, {_STAMP: stamp})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_tensors(path: Path, stamp: str) -> dict[str, Tensor] | None:
    """What is in a file; None where there is none, or it was made by something else.

    Raises:
        InputError: it is no such file, or holds numbers that are not finite.
    """
    if not path.exists():
        return None
    with open_plain(path) as opened:
        check_size(path, os.fstat(opened.fileno()).st_size, _MOST_BYTES)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get(_STAMP) != stamp:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError:
        raise InputError(f"{path} is corrupt: it is not a safetensors file; delete it.") from None
    for name, each in tensors.items():
        if not each.is_floating_point() or not bool(torch.isfinite(each).all()):
            raise InputError(f"{path} holds numbers that are not finite, in {name!r}; delete it.")
    return tensors

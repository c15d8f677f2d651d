"""Models no larger than the weights that are stored of them, whatever their configuration asks for.

A configuration is some numbers, and a model of ten million layers takes hours and all memory to be made before it is
found that its weights are not there. Those numbers that count what is made are bounded, and what is made is counted
while it is: a model's modules, and the bytes of its weights and buffers, are held against the tensors that are stored.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import safetensors
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from attnprobe.base.bounds import (
    EXPANSION_OF_WEIGHTS,
    FREE_MODULES,
    FREE_WEIGHT_BYTES,
    MODULES_A_TENSOR,
    MOST_ADDED_TOKENS,
    MOST_LABELS,
    MOST_LAYERS,
)
from attnprobe.base.errors import InputError

_FLOAT_BYTES = 4

_OF_LAYERS = re.compile(r"(layer|block|stage|depth|group|repeat)s?(_|\b|$)(?!.*(size|dim|interval|freq))")
"""Entries of a configuration that count what is gone through one after another."""

_OF_LABELS = re.compile(r"(^|_)num_(labels|classes)$")

_OF_ADDED_TOKENS = re.compile(r"^(extra_ids|num_madeup_words|offset)$")
"""Entries of a tokenizer's configuration that count tokens to be made up."""

_NAMES_OF_LABELS = ("id2label", "label2id")
"""Entries whose keys are anyone's words."""


def check_configuration(path: Path, content: Mapping[str, Any]) -> None:
    """Raise an InputError where config.json asks for more layers or labels than any model has."""
    _check_counts(path, content, ((_OF_LAYERS, MOST_LAYERS), (_OF_LABELS, MOST_LABELS)))


def check_tokenizer_configuration(path: Path, content: object) -> None:
    """Raise an InputError where tokenizer_config.json asks for more tokens to be made up than any tokenizer has."""
    _check_counts(path, content, ((_OF_ADDED_TOKENS, MOST_ADDED_TOKENS),))


_COUNT = re.compile("num_|n_")
"""How names of counts begin; others, as of the layer that features are taken of, may be negative."""


@contextmanager
def bounded_model(reference: str, folder: Path) -> Iterator[None]:
    """Within, models are made that are no larger than the weights in a folder allow.

    Args:
        reference: what the user calls the checkpoint.
        folder: that its weights are in.

    Raises:
        InputError: a model that is being made has more modules, or larger weights and buffers.
        SafetensorError: the weights in the folder are no safetensors files.
    """
    counted = _Counted(reference, folder)
    with ExitStack() as stack:
        for register, hook in (
            (register_module_module_registration_hook, counted.module),
            (register_module_parameter_registration_hook, counted.weight),
            (register_module_buffer_registration_hook, counted.weight),
        ):
            stack.callback(register(hook).remove)
        yield


class _Counted:
    """What has been made of a model by this thread: modules, and bytes that are not there before they are loaded."""

    def __init__(self, reference: str, folder: Path) -> None:
        tensors, numbers = _stored(folder)
        self._reference, self._tensors = reference, tensors
        self._most_modules = FREE_MODULES + MODULES_A_TENSOR * tensors
        self._most_bytes = FREE_WEIGHT_BYTES + EXPANSION_OF_WEIGHTS * _FLOAT_BYTES * numbers
        self._modules = self._bytes = 0
        self._thread = threading.get_ident()

    def module(self, parent: nn.Module, name: str, module: nn.Module | None) -> None:
        """One more."""
        del parent, name, module
        if threading.get_ident() != self._thread:
            return
        self._modules += 1
        if self._modules > self._most_modules:
            raise self._too_large(f"{self._most_modules:,} modules")

    def weight(self, parent: nn.Module, name: str, tensor: Tensor | None) -> None:
        """One more; those that are loaded afterwards are no more than these."""
        del parent, name
        if tensor is None or not tensor.is_meta or threading.get_ident() != self._thread:
            return
        self._bytes += tensor.numel() * (tensor.element_size() if not tensor.is_floating_point() else _FLOAT_BYTES)
        if self._bytes > self._most_bytes:
            raise self._too_large(f"{self._most_bytes:,} bytes")

    def _too_large(self, what: str) -> InputError:
        return InputError(
            f"{self._reference} is incomplete: its config.json asks for a model of more than {what}, and its weights "
            f"are {self._tensors:,} tensors."
        )


def _stored(folder: Path) -> tuple[int, int]:
    """How many tensors the files of weights hold, and how many numbers these."""
    tensors = numbers = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safetensors.safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                size = 1
                for width in file.get_slice(name).get_shape():
                    size *= width
                tensors, numbers = tensors + 1, numbers + size
    return tensors, numbers


def _check_counts(path: Path, content: object, counts: tuple[tuple[re.Pattern[str], int], ...]) -> None:
    left = [content]
    while left:
        table = left.pop()
        if isinstance(table, list):
            left += table
        if not isinstance(table, Mapping):
            continue
        for key, value in table.items():
            if key in _NAMES_OF_LABELS:
                continue
            left.append(value)
            for pattern, most in counts:
                for number in value if isinstance(value, list) else [value]:
                    if type(number) is int and number > most and pattern.search(key):
                        raise InputError(f"{path}: the entry {key!r} is {number:,}, and may be {most:,} at most.")
                    if type(number) is int and number < 0 and _COUNT.match(key) and pattern.search(key):
                        raise InputError(f"{path}: the entry {key!r} is {number:,}, and counts something.")

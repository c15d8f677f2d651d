"""Weights and training state on disk, as safetensors: nothing that could run code is ever loaded."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from attnprobe.base.atomic_files import replacing
from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import check_size, open_plain
from attnprobe.training import B, Epoch, Progress, Trainer
from attnprobe.training.adam import LARGEST, MOMENTS, Optimiser
from attnprobe.training.finite_weights import first_not_finite


def save_model(path: Path, weights: dict[str, Tensor], fingerprint: str) -> None:
    """Write a model's weights, stamped with the fingerprint of the run's configuration."""
    _save(path, weights, {"fingerprint": fingerprint})


def load_model(path: Path, model: nn.Module, fingerprint: str) -> str:
    """Load weights into a model of the same shape.

    Returns:
        The hexadecimal SHA-256 of the file.

    Raises:
        InputError: the file is corrupt, is not of this run, or does not fit the model.
    """
    weights, metadata = _load(path, 1, model.state_dict())
    if metadata.get("fingerprint") != fingerprint:
        raise InputError(f"{path} was not made by this run's configuration; start over with --force.")
    if not _alike(weights, model.state_dict()):
        raise InputError(f"{path} holds the weights of another model; start over with --force.")
    bad = first_not_finite(weights.items())
    if bad is not None:
        raise InputError(f"{path} holds weights that are not finite, in {bad!r}; start over with --force.")
    model.load_state_dict(weights)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_training(path: Path, trainer: Trainer[B], fingerprint: str) -> None:
    """Write all it takes to go on after the last finished epoch."""
    tensors = {f"model.{name}": tensor for name, tensor in trainer.model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in trainer.progress.best_weights.items()}
    for parameter, state in trainer.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{parameter}.{name}": tensor for name, tensor in state.items()}
    progress = {
        "epochs": [dataclasses.asdict(epoch) for epoch in trainer.progress.epochs],
        "best_score": trainer.progress.best_score,
        "best_epoch": trainer.progress.best_epoch,
        "learning_rate": trainer.progress.learning_rate,
    }
    _save(path, tensors, {"fingerprint": fingerprint, "progress": json.dumps(progress)})


def resume_training(path: Path, trainer: Trainer[B], fingerprint: str) -> None:
    """Put a new trainer where ``save_training`` left another one.

    Raises:
        InputError: the file is corrupt or was made with other settings.
    """
    tensors, metadata = _load(path, _COPIES, trainer.model.state_dict())
    if metadata.get("fingerprint") != fingerprint:
        raise InputError(f"{path} was not made by this run's configuration; start over with --force.")
    try:
        progress = json.loads(metadata["progress"])
        epochs = [Epoch(**epoch) for epoch in progress.pop("epochs")]
        best = _under("best.", tensors)
        if not _alike(best, trainer.model.state_dict()):
            raise KeyError("best")
        progress = Progress(epochs=epochs, best_weights=best, **progress)
        _check_numbers(progress)
        trainer.model.load_state_dict(_under("model.", tensors))
        _restore(trainer.optimiser, _under("optimiser.", tensors))
        trainer.progress = progress
        trainer.set_learning_rate(trainer.progress.learning_rate)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError):
        raise InputError(f"{path} is not a training state; delete it or start over with --force.") from None


_COPIES = 5
"""Of the weights in a training state: as they are, the best, and up to three moments."""


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _alike(some: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> bool:
    """Whether tensors have the same names, shapes and types."""
    shapes = [{name: (each.shape, each.dtype) for name, each in tensors.items()} for tensors in (some, others)]
    return shapes[0] == shapes[1]


def _check_numbers(progress: Progress) -> None:
    """Raise TypeError or ValueError where training stands at what is no number."""
    of_epochs = [value for epoch in progress.epochs for value in vars(epoch).values() if value is not None]
    if type(progress.best_epoch) is not int:
        raise TypeError("the best epoch has no number")
    for value in (progress.best_score, progress.learning_rate, *of_epochs):
        if not isinstance(value, int | float):
            raise TypeError(f"{type(value).__name__} is no number")
    if not math.isfinite(progress.learning_rate) or progress.learning_rate < 0:
        raise ValueError("the learning rate is no rate")


def _restore(optimiser: Optimiser, tensors: dict[str, Tensor]) -> None:
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        parameter, key = name.split(".")
        states.setdefault(int(parameter), {})[key] = tensor
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for number, state in states.items():
        if state.keys() - {LARGEST} != {"step", *MOMENTS} or not 0 <= float(state["step"]) < math.inf:
            raise ValueError("not the state of an optimiser")
        if not state["step"].is_floating_point():
            raise ValueError("not the steps of an optimiser")
        weight = parameters[number] if 0 <= number < len(parameters) else torch.empty(0)
        moments = state.keys() - {"step"}
        if not _alike({name: state[name] for name in moments}, dict.fromkeys(moments, weight)):
            raise ValueError("not the state of this model's optimiser")
    optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})


def _save(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    # Cloned because tied weights share their memory, which safetensors refuses.
    content = safetensors.torch.save({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, metadata)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _load(path: Path, copies: int, weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What is in a file, if that is no more than so many copies of a model's weights and what is said of them."""
    most = copies * sum(tensor.nbytes for tensor in weights.values()) + MOST_JSON_BYTES
    with open_plain(path) as file:
        check_size(path, os.fstat(file.fileno()).st_size, most)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except safetensors.SafetensorError:
        raise InputError(f"{path} is corrupt: it is not a safetensors file; start over with --force.") from None

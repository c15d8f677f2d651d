"""The library behind it: transformers, imported late, kept quiet, and told never to run foreign code."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

from attnprobe.base.errors import InputError

OLDEST = 5
"""The oldest major version of transformers that works: before it, BERT and its kin do not load as they do now."""

SAFELY: dict[str, Any] = {
    "use_safetensors": True,
    "trust_remote_code": False,
    "local_files_only": True,
    "dtype": torch.float32,
}
"""How every model is loaded; float32 because erasures are compared by small differences."""


def import_transformers() -> ModuleType:
    """The library.

    Raises:
        InputError: it is not installed, or too old.
    """
    try:
        transformers = importlib.import_module("transformers")
    except ModuleNotFoundError:
        raise InputError("Hugging Face models need transformers: pip install 'attnprobe[hf]'.") from None
    version = str(transformers.__version__)
    if int(version.split(".")[0]) < OLDEST:
        raise InputError(f"Hugging Face models need transformers {OLDEST} or newer, and {version} is installed.")
    return transformers


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings and progress bars of transformers and the hub within; afterwards as talkative as before."""
    hub, logging = (importlib.import_module(f"{name}.utils.logging") for name in ("huggingface_hub", "transformers"))
    hub_verbosity, verbosity, bars = hub.get_verbosity(), logging.get_verbosity(), logging.is_progress_bar_enabled()
    hub.set_verbosity_error()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        hub.set_verbosity(hub_verbosity)
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()

"""What the configuration of a run says of it, as far as it is looked at: config.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnprobe.errors import InputError

HUB = "hf:"
"""Before the path, or the identifier on the hub, of a Hugging Face model."""

NEEDED = (("settings", "dataset"), ("settings", "model"), ("settings", "seed"), ("data", "labels"), ("unit",))
"""Entries that every configuration has."""


def read_configuration(path: Path) -> dict[str, Any]:
    """The content of a config.json.

    Raises:
        InputError: it cannot be read, is not JSON, or lacks an entry.
    """
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for keys in NEEDED:
            entry: Any = config
            for key in keys:
                entry = entry[key]
        if not isinstance(config["settings"]["seed"], int):
            raise InputError(f"{path} has no whole number for a seed.")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.") from None
    except RecursionError:
        raise InputError(f"{path} is not JSON that can be read: it is nested too deeply.") from None
    except (KeyError, TypeError):
        raise InputError(f"{path} lacks the entry {'.'.join(keys)!r}.") from None
    return config


def model_of(config: Mapping[str, Any], path: Path) -> str:
    """What tells a run's model from others: its name, and of a ``transformer`` every option that is not the default.

    Two runs are of the same model where this, the dataset and the seed are the same.

    Args:
        config: as :func:`read_configuration` gives it.
        path: where from, for messages.

    Raises:
        InputError: its options are not those of a transformer.
    """
    settings = config["settings"]
    options = settings.get("transformer")
    if options is None:
        return str(settings["model"])
    # Torch comes with it, which no other run's results need.
    from attnprobe.models.transformer_options import TransformerOptions

    try:
        return TransformerOptions(**options | {"as_released": tuple(options.get("as_released", ()))}).folder
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (TypeError, AttributeError):
        raise InputError(f"{path} has options in 'settings.transformer' that this attnprobe does not know.") from None


def short_model_name(model: str) -> str:
    """A model's name as readers are shown it: of a path or an identifier of the hub only the last part.

    >>> short_model_name("hf:models/MiniLM/"), short_model_name("hf:org/bert-base"), short_model_name("flan-rnn")
    ('MiniLM', 'bert-base', 'flan-rnn')
    """
    path = model.removeprefix(HUB)
    parts = [part for part in re.split(r"[/\\]", path) if part.strip(" .")]
    return parts[-1] if path != model and parts else model

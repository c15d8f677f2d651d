"""Names of Hugging Face checkpoints: ``hf:`` and a local folder or a hub id."""

from __future__ import annotations

import os
import re
from pathlib import Path

from attnprobe.base.bounds import LONGEST_NAME
from attnprobe.base.errors import InputError
from attnprobe.base.run_layout import MODEL

PREFIX = "hf:"
"""What the names of Hugging Face models begin with, where names of other models are possible."""


def is_huggingface(model: str) -> bool:
    """Whether a model's name is that of a Hugging Face model."""
    return model.startswith(PREFIX)


def canonical(model: str) -> str:
    """The same name with the path of a local folder made absolute; a hub id is left as it is."""
    folder = local_folder(model.removeprefix(PREFIX))
    return model if folder is None else f"{PREFIX}{os.path.abspath(folder)}"


def short_name(reference: str) -> str:
    """A name for folders and titles: the folder's own, or the hub id, with only letters, digits, ``.``, ``_``, ``-``.

    >>> short_name("./models/tiny bert"), short_name("runs/trec6/seed-0/model"), short_name("org/name")
    ('tiny_bert', 'seed-0-model', 'org-name')
    """
    parts = [part for part in Path(reference).parts if part not in ("/", ".", "..")]
    by_itself = local_folder(reference) is not None or len(parts) > 2 or reference.startswith((".", "/"))
    kept = parts[-1:] if by_itself and parts[-1:] != [MODEL] else parts[-2:]
    return re.sub(r"[^\w.-]", "_", "-".join(kept), flags=re.ASCII) or "checkpoint"


def short_model_name(model: str) -> str:
    """A model's name as readers are shown it: of a path or an identifier of the hub only the last part.

    >>> short_model_name("hf:models/MiniLM/"), short_model_name("hf:org/bert-base"), short_model_name("flan-rnn")
    ('MiniLM', 'bert-base', 'flan-rnn')
    """
    path = model.removeprefix(PREFIX)
    parts = [part for part in re.split(r"[/\\]", path) if part.strip(" .")]
    return parts[-1] if path != model and parts else model


def local_folder(reference: str) -> Path | None:
    """The folder that a reference is the path of, or None where it is none.

    Raises:
        InputError: there is no reference, or it is too long to be one.
    """
    if not reference.strip():  # as a path it would be this folder
        raise InputError(f"{PREFIX} must be followed by a folder or a hub id, and nothing follows.")
    if len(reference) > LONGEST_NAME:
        raise InputError(
            f"{PREFIX} is followed by {len(reference):,} characters; the path or id of a checkpoint may have "
            f"{LONGEST_NAME:,} at most."
        )
    path = Path(reference).expanduser()
    return path if path.is_dir() else None

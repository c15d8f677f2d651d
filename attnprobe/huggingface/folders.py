"""Checkpoints by name: ``hf:`` and a local folder or a hub id, and what identifies their content."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from attnprobe.errors import InputError
from attnprobe.huggingface.library import import_transformers, quiet

PREFIX = "hf:"
"""What the names of Hugging Face models begin with, where names of other models are possible."""

OWN_FOLDER = "model"
"""How a fine-tuned checkpoint's folder is called within its run."""

_DOWNLOADED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.tiktoken")
_LEFT = ("*/*", "consolidated*", "*.msgpack.index.json", "pytorch_model.bin.index.json")
_CONTENT = (
    "config.json",
    "*.safetensors",
    "tokenizer*.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "added_tokens.json",
    "special_tokens_map.json",
)
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")


def is_huggingface(model: str) -> bool:
    """Whether a model's name is that of a Hugging Face model."""
    return model.startswith(PREFIX)


def canonical(model: str) -> str:
    """The same name with the path of a local folder made absolute; a hub id is left as it is."""
    folder = _local(model.removeprefix(PREFIX))
    return model if folder is None else f"{PREFIX}{os.path.abspath(folder)}"


def short_name(reference: str) -> str:
    """A name for folders and titles: the folder's own, or the hub id, with only letters, digits, ``.``, ``_``, ``-``.

    >>> short_name("./models/tiny bert"), short_name("runs/trec6/seed-0/model"), short_name("org/name")
    ('tiny_bert', 'seed-0-model', 'org-name')
    """
    parts = [part for part in Path(reference).parts if part not in ("/", ".", "..")]
    by_itself = _local(reference) is not None or len(parts) > 2 or reference.startswith((".", "/"))
    kept = parts[-1:] if by_itself and parts[-1:] != [OWN_FOLDER] else parts[-2:]
    return re.sub(r"[^\w.-]", "_", "-".join(kept), flags=re.ASCII) or "checkpoint"


def locate(reference: str) -> Path:
    """The local folder of a checkpoint; a hub id is downloaded first, code and pickled weights left where they are.

    Args:
        reference: a folder's path, else a hub id.

    Raises:
        InputError: there is neither such a folder nor such an id, the hub cannot be reached, or it is no checkpoint.
    """
    folder = _local(reference)
    if folder is None:
        folder = _download(reference)
    if not (folder / "config.json").is_file():
        raise InputError(f"{reference} is not a Hugging Face model: there is no config.json in it.")
    if not any(folder.glob("*.safetensors")):
        if any(file.suffix in _PICKLED for file in folder.iterdir()):
            raise InputError(f"{reference} holds only pickled weights, which could run code: save it as safetensors.")
        raise InputError(f"{reference} holds no weights: there is no safetensors file in it.")
    return folder


def content_hash(folder: Path) -> str:
    """Hexadecimal SHA-256 of a checkpoint's configuration, weights and tokenizer, by file name and content."""
    whole = hashlib.sha256()
    for file in sorted({file for pattern in _CONTENT for file in folder.glob(pattern)}):
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        whole.update(f"{file.name} {digest}\n".encode())
    return whole.hexdigest()


def _local(reference: str) -> Path | None:
    path = Path(reference).expanduser()
    return path if path.is_dir() else None


def _download(reference: str) -> Path:
    import_transformers()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        with quiet():
            return Path(snapshot_download(reference, allow_patterns=list(_DOWNLOADED), ignore_patterns=list(_LEFT)))
    except HFValidationError:
        raise InputError(f"There is no folder {reference}, and it cannot be an id of the Hugging Face hub.") from None
    except GatedRepoError:
        raise InputError(f"{reference} is gated: ask for access on the Hugging Face hub and log in.") from None
    except RepositoryNotFoundError:
        raise InputError(f"There is no folder {reference}, and no such id on the Hugging Face hub.") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, ConnectionError):
        raise InputError(
            f"There is no folder {reference}, and the Hugging Face hub cannot be reached to look for that id."
        ) from None

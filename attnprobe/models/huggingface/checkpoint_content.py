"""Checkpoints by name: ``hf:`` and a local folder or a hub id, and what identifies their content."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from attnprobe.base.bounds import MOST_JSON_BYTES, MOST_TOKENIZER_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import check_size, read_text, require_plain
from attnprobe.models.huggingface.library import import_transformers, quiet
from attnprobe.settings.checkpoint_names import local_folder

_DOWNLOADED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.tiktoken", "*.spm", "*.codes", "*.tokenizer")
_LEFT = ("*/*", "consolidated*", "*.msgpack.index.json", "pytorch_model.bin.index.json")
_CONTENT = (
    *("config.json", "generation_config.json", "adapter_config.json", "*.safetensors", "*.safetensors.index.json"),
    *("tokenizer*.json", "*.tokenizer", "vocab*", "*_vocab.json", "*.model", "*.spm", "*.tiktoken", "sentencepiece*"),
    *("merges.txt", "bpe.codes", "dict.txt", "emoji.json", "normalizer.json", "byte_maps.json", "word_*.json"),
    *("added_tokens.json", "special_tokens_map.json", "chat_template*", "additional_chat_templates/*"),
)
"""What decides what a model says: all that transformers reads of weights, configuration, adapter and tokenizer."""

_TOKENS = re.compile(r"tokenizer\.json|vocab.*\.json|.*_vocab\.json")
"""JSON files that hold all words of a tokenizer."""

_INDEX = "*.safetensors.index.json"
_ADAPTER = "adapter_config.json"
_NAMED_WEIGHTS = "transformers_weights"
"""In ``config.json``: weights of another name."""

_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")


def locate(reference: str) -> Path:
    """The local folder of a checkpoint; a hub id is downloaded first, code and pickled weights left where they are.

    Args:
        reference: a folder's path, else a hub id.

    Raises:
        InputError: there is neither such a folder nor such an id, the hub cannot be reached, or it is no checkpoint,
            or not all of it lies in the folder.
    """
    folder = local_folder(reference)
    if folder is None:
        folder = _download(reference)
    if not (folder / "config.json").is_file():
        raise InputError(f"{reference} is not a Hugging Face model: there is no config.json in it.")
    if not any(folder.glob("*.safetensors")):
        if any(file.suffix in _PICKLED for file in folder.iterdir()):
            raise InputError(f"{reference} holds only pickled weights, which could run code: save it as safetensors.")
        raise InputError(f"{reference} holds no weights: there is no safetensors file in it.")
    _content_files(folder)
    return folder


def content_hash(folder: Path) -> str:
    """Hexadecimal SHA-256 of all that decides what a checkpoint says, by file name and content.

    Raises:
        InputError: a file of it is not in the folder.
    """
    whole = hashlib.sha256()
    for name, file in _content_files(folder).items():
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        whole.update(f"{name} {digest}\n".encode())
    return whole.hexdigest()


def _content_files(folder: Path) -> dict[str, Path]:
    """The files that decide what a checkpoint says, by their path in its folder, in order.

    Those that an index or the configuration names are among them.

    Raises:
        InputError: one of them lies elsewhere, or is no file, or larger than it can be, or what should name others does
            not.
    """
    found = {file.relative_to(folder).as_posix() for pattern in _CONTENT for file in folder.glob(pattern)}
    for index in folder.glob(_INDEX):
        found |= _named_in_index(index)
    named = _entry_of(folder / "config.json", _NAMED_WEIGHTS)
    found |= {named} if isinstance(named, str) else set()
    base = _entry_of(folder / _ADAPTER, "base_model_name_or_path")
    if base and (folder / str(base)).resolve() != folder.resolve():
        raise InputError(
            f"{folder / _ADAPTER} is for a model that lies elsewhere, {base!r}: merge both and save them as one model."
        )
    files = {name: folder / name for name in sorted(found, key=lambda name: (folder / name).parts)}
    for name, file in files.items():
        _require_inside(folder, name)
        require_plain(file)
        if file.is_file() and file.suffix != ".safetensors":
            of_tokenizer = file.suffix != ".json" or _TOKENS.fullmatch(file.name)
            check_size(file, file.stat().st_size, MOST_TOKENIZER_BYTES if of_tokenizer else MOST_JSON_BYTES)
    return {name: file for name, file in files.items() if file.is_file()}


def _require_inside(folder: Path, name: str) -> None:
    """Raise InputError where a file lies outside the folder; the hub's own store of files counts as inside."""
    root = folder.resolve()
    roots = [root]
    if root.parent.name == "snapshots":  # whose files are links into a folder beside it
        roots.append(root.parent.parent / "blobs")
    try:
        place = (folder / name).resolve()
        inside = any(place.is_relative_to(each) for each in roots)
    except (OSError, RuntimeError, ValueError):  # links in a circle, or no name of a file
        inside = False
    if not inside:
        raise InputError(f"{folder} is no whole model: its file {name!r} lies outside the folder; copy it into it.")


def _named_in_index(index: Path) -> set[str]:
    files = _entry_of(index, "weight_map")
    if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
        raise InputError(f"{index} is no index of weights.")
    return set(files.values())


def _entry_of(path: Path, key: str) -> Any:  # noqa: ANN401
    """An entry of a JSON file; None where there is no such file, or no such entry."""
    return entries_of(path).get(key)


def entries_of(path: Path) -> dict[str, Any]:
    """What a JSON file of a checkpoint says; nothing where there is none, or it holds something else.

    Raises:
        InputError: it is larger than such a file can be.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(read_text(path, MOST_JSON_BYTES))
    except (ValueError, RecursionError):
        content = None
    return content if isinstance(content, dict) else {}


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

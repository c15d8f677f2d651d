"""A fine-tuned checkpoint on disk: a folder that transformers loads, with a stamp that tells what made it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from attnprobe.base.atomic_files import creating_folder
from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.models.huggingface.checkpoint_content import content_hash
from attnprobe.models.huggingface.classifier import PieceClassifier
from attnprobe.models.huggingface.library import quiet
from attnprobe.models.huggingface.loading import Checkpoint, load_checkpoint

STAMP = "attnprobe.json"

_OF_THE_SYSTEM = re.compile(r"\(os error (\d+)\)")


def save_finetuned(folder: Path, classifier: PieceClassifier, source: Checkpoint, fingerprint: str) -> None:
    """Write model and tokenizer, stamped with the fingerprint of the run's configuration; all of it or nothing.

    Args:
        folder: where to; its parent exists.
        classifier: with the weights to keep.
        source: the checkpoint that it was made of.
        fingerprint: of the run.
    """
    with creating_folder(folder) as temporary, quiet():
        try:
            classifier.model.save_pretrained(temporary)
            if source.tokenizer is not None:
                source.tokenizer.save_pretrained(temporary)
        except Exception as error:  # what is written in Rust raises errors of its own, Exception itself among them
            number = _OF_THE_SYSTEM.search(str(error))
            if number is None:
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(folder)) from error
        stamp = {"fingerprint": fingerprint, "content": content_hash(temporary)}
        (temporary / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def load_finetuned(folder: Path, fingerprint: str) -> tuple[Checkpoint, str]:
    """What :func:`save_finetuned` wrote.

    Returns:
        The checkpoint, and its content hash.

    Raises:
        InputError: there is none, or it is not of this run, or has changed since, or cannot be loaded.
    """
    try:
        stamp = json.loads(read_text(folder / STAMP, MOST_JSON_BYTES))
        made_by, content = stamp["fingerprint"], stamp["content"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{folder} is no model that attnprobe fine-tuned; start over with --force.") from None
    if made_by != fingerprint:
        raise InputError(f"{folder} was not made by this run's configuration; start over with --force.")
    if content_hash(folder) != content:
        raise InputError(f"{folder} is corrupt: its files have changed since it was written; start over with --force.")
    return load_checkpoint(str(folder)), content

"""Examine a Hugging Face model: where its attention is, whether it can provably be erased, and at what cost.

attnprobe doctor PATH_OR_ID
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from attnprobe.base.exit_status import REFUSED
from attnprobe.cli.options import say_lines

if TYPE_CHECKING:
    from torch import nn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", metavar="PATH_OR_ID", help="a folder, or an id of the hub; hf: before it is optional")


def execute(arguments: argparse.Namespace) -> int:
    """Print the examination; the exit status is 2 where the model is refused."""
    from attnprobe.engines.examination import examine
    from attnprobe.models.huggingface.library import quiet
    from attnprobe.reports.examination import examination_text
    from attnprobe.settings.checkpoint_names import PREFIX

    model, task = _load(arguments.model.removeprefix(PREFIX))
    with quiet():
        examination = examine(model, decision=True)
    say_lines(examination_text(examination, task))
    if examination.refusal is not None:
        return REFUSED
    return 0


def _load(reference: str) -> tuple[nn.Module, str]:
    """The model, and what it is for; one that decides nothing yet is given the head of a classifier."""
    from attnprobe.models.huggingface.loading import decides, load_checkpoint, load_classifier

    as_it_is = decides(reference)
    checkpoint = load_checkpoint(reference, tokenizer_needed=False)
    if as_it_is:
        return checkpoint.model, _DECIDING[checkpoint.task]
    model = load_classifier(checkpoint, ["0", "1"], seed=0)
    return model, "none yet: examined with the new head for two classes that attnprobe run would fine-tune"


_DECIDING = {
    "classification": "sequence classification",
    "seq2seq": "sequence-to-sequence language model",
    "causal": "causal language model",
}

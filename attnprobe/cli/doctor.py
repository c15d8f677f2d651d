"""Examine a Hugging Face model: where its attention is, whether it can provably be erased, and at what cost.

Without a model the installation is examined: packages, processors, browser, cache, and what each extra is for.

  attnprobe doctor PATH_OR_ID
  attnprobe doctor
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from attnprobe.base.exit_status import FAILED, REFUSED
from attnprobe.cli.console import conclude
from attnprobe.cli.options import say_lines

if TYPE_CHECKING:
    from torch import nn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "model",
        nargs="?",
        metavar="PATH_OR_ID",
        help="a folder, or an id of the hub; hf: before it is optional (none: the installation)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the examination; the status is 2 where a model is refused, 1 where the installation lacks something."""
    if arguments.model is None:
        return _installation()
    from attnprobe.engines.examination import examine
    from attnprobe.models.huggingface.library import quiet
    from attnprobe.reports.examination import examination_text
    from attnprobe.settings.checkpoint_names import PREFIX

    model, task = _load(arguments.model.removeprefix(PREFIX))
    with quiet():
        examination = examine(model, decision=True)
    say_lines(examination_text(examination, task))
    conclude(verified=examination.refusal is None, task=task, examination=examination)
    if examination.refusal is not None:
        return REFUSED
    return 0


def _installation() -> int:
    from attnprobe.cli.installation import installation_seen, installation_text

    found = installation_seen()
    ready = all(each.usable for each in found)
    say_lines(installation_text(found))
    conclude(ready=ready, installation=found)
    return 0 if ready else FAILED


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

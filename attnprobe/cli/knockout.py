"""Where a language model's decision flows: cut positions off from others, layer by layer, and see what it loses.

attnprobe knockout gpt2 --prompts facts.jsonl --sources subject,rest,last --targets last --window 3
attnprobe knockout PATH_OR_ID --prompts facts.jsonl --sources first:Paris --by-head --screen 20
attnprobe knockout RUN --sources first,rest      (the test documents of a run of a checkpoint; into RUN/knockout)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from attnprobe.base.errors import InputError
from attnprobe.cli.console import conclude
from attnprobe.cli.options import add_machine_arguments, reopen_run, say, say_lines

if TYPE_CHECKING:
    from attnprobe.data.prompts import Prompts
    from attnprobe.models.huggingface.loading import Checkpoint
    from attnprobe.settings.knockout import KnockoutSettings

OUT = "knockout"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.settings.knockout import KnockoutSettings

    parser.add_argument(
        "model", metavar="MODEL", help="a checkpoint's folder, or an id of the hub, or the folder of a run of one"
    )
    parser.add_argument(
        "--prompts",
        type=Path,
        metavar="FILE",
        help=".jsonl (a prompt and further columns a line), .csv, or .txt (a prompt a line); of a run, its test "
        "documents without it",
    )
    add_settings(parser, KnockoutSettings)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="results, tables and figures (knockout; of a run, RUN/knockout)"
    )
    parser.add_argument("--force", action="store_true", help="throw away what is in DIR of another knock-out")
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Cut edges, print what came of it, and write tables and figures."""
    from attnprobe.cli.flags import given
    from attnprobe.settings.doors import in_flags
    from attnprobe.settings.knockout import KnockoutSettings
    from attnprobe.settings.unfit import told_by

    with told_by(in_flags):
        settings = KnockoutSettings(**given(arguments, KnockoutSettings))
        checkpoint, content, prompts, folder, settings = _subject(arguments, settings)
        from attnprobe.models.huggingface.knocked_out import KnockedOut
        from attnprobe.stages.knockout import Setup, check_folder, knock_out_into
        from attnprobe.stages.opening import choose_device

        check_folder(folder)
        assert checkpoint.tokenizer is not None
        model = checkpoint.model.to(choose_device(arguments.device))
        subject = KnockedOut(model, checkpoint.tokenizer, settings, prompts)
        if subject.cut:
            say(f"{subject.cut:,} of the documents are longer than the model takes: they are cut.")
        setup = Setup.of(checkpoint.name, content, prompts, settings)
        result = knock_out_into(folder, setup, subject, force=arguments.force)
    say_lines(f"{result.in_words()}\n")
    say(f"The tables and figures are in {folder}.")
    conclude(folder=folder, summary=result.summary())


def _subject(
    arguments: argparse.Namespace, settings: KnockoutSettings
) -> tuple[Checkpoint, str, Prompts, Path, KnockoutSettings]:
    """The checkpoint, the hash of its content, the prompts, where results go, and what is cut."""
    from attnprobe.data.prompts import Prompts
    from attnprobe.models.huggingface.checkpoint_content import content_hash
    from attnprobe.models.huggingface.loading import load_checkpoint
    from attnprobe.settings.checkpoint_names import PREFIX

    prompts = None if arguments.prompts is None else Prompts.read(arguments.prompts)
    folder = Path(arguments.model)
    if _is_run(folder):
        checkpoint, content, of_run, settings = _of_run(folder, arguments, settings)
        return checkpoint, content, prompts or of_run, arguments.out or folder / OUT, settings
    if prompts is None:
        raise InputError("The prompts are missing: give --prompts FILE.")
    checkpoint = load_checkpoint(arguments.model.removeprefix(PREFIX))
    return checkpoint, content_hash(checkpoint.folder), prompts, arguments.out or Path(OUT), settings


def _is_run(folder: Path) -> bool:
    from attnprobe.base.run_layout import CONFIG, MANIFEST

    return (folder / CONFIG).is_file() and (folder / MANIFEST).is_file()


def _of_run(
    folder: Path, arguments: argparse.Namespace, settings: KnockoutSettings
) -> tuple[Checkpoint, str, Prompts, KnockoutSettings]:
    """What a run tests, a seeded sample of its test documents as prompts, and settings with the run's label words."""
    import dataclasses

    import numpy as np

    from attnprobe.data.prompts import Prompts
    from attnprobe.stages.run_work import TEST

    run = reopen_run(folder, arguments)
    checkpoint, content = run.subject.checkpoint_with_tokenizer()
    attention = run.configuration.settings.attention
    assert attention is not None, "a run of a checkpoint is made with attention settings"
    if attention.pairs_at is not None:
        raise InputError(f"{folder} is of pairs of texts, whose edges are not cut.")
    split = run.dataset.splits[TEST]
    numbers = np.sort(np.random.default_rng(settings.seed).permutation(len(split))[: settings.documents])
    prompts = Prompts(list(split.take(numbers).texts), numbers=tuple(numbers.tolist()))
    if not settings.label_words:
        settings = dataclasses.replace(settings, label_words=attention.label_words)
    return checkpoint, content, prompts, settings

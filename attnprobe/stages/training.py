"""A run at work, and its first stage: training, which reuses what is finished and says so."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import torch
from tqdm import tqdm

from attnprobe.base.atomic_files import replacing
from attnprobe.base.progress_bars import progress_bar
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.models.kinds import subject_of
from attnprobe.models.subject import Subject
from attnprobe.runs.configuration import RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.training import AUC
from attnprobe.training import ALONE, Epoch, Ranks, StreamedSplit, TrainableClassifier, Trainer
from attnprobe.training.checkpoints import resume_training, save_training

Say = Callable[[str], None]


@dataclass
class Run:
    """A run at work: its folder, its configuration, its data, where it computes, whom it tells, and with whom."""

    folder: RunFolder
    configuration: RunConfiguration
    dataset: Dataset
    device: torch.device
    say: Say
    ranks: Ranks = ALONE

    @cached_property
    def subject(self) -> Subject[Any, Any]:
        """Its model."""
        return subject_of(self.folder, self.configuration, self.dataset, self.device)

    def streamed(self, split: str) -> StreamedSplit[Any]:
        """A split, its documents as numbers when they are needed."""
        return StreamedSplit(self.dataset.splits[split], self.subject.encode_for_training)

    def new_model(self) -> TrainableClassifier[Any]:
        """A model as it is before training, a function of the seed."""
        model: TrainableClassifier[Any] = self.subject.new_model()
        return model


def train(run: Run) -> None:
    """Train the run's model, or go on where an interrupted training stopped, or leave a finished one as it is.

    Of several ranks, the first alone writes; all come here.
    """
    folder, settings, subject, first = run.folder, run.configuration.settings, run.subject, run.ranks.first
    if settings.training is None:
        run.say(f"Training: none, {settings.model} is tested as it is.")
        return
    if subject.saved.exists():
        subject.check()
        if first:
            folder.training_state.unlink(missing_ok=True)
        run.say(f"Training: finished before, reusing {subject.saved}.")
        return
    with run.ranks.first_goes_first():  # it writes the vocabulary, which the others read
        trainer = _begun_or_resumed(run)
    with folder.timed("training") if first else nullcontext():
        _train_epochs(run, trainer, run.streamed("train"), run.streamed("dev"))
        if first:
            trainer.model.load_state_dict(trainer.progress.best_weights)
            subject.save(trainer.model)
    if first:
        folder.training_state.unlink(missing_ok=True)
    best = trainer.progress
    judged_by = "AUC" if settings.training.judged_by == AUC else settings.training.judged_by
    run.say(f"Training: best dev {judged_by} {best.best_score:.3f} in epoch {best.best_epoch + 1}.")


def _begun_or_resumed(run: Run) -> Trainer[Any]:
    settings, state = run.configuration.settings, run.folder.training_state
    assert settings.training is not None
    model = run.new_model()
    if settings.training.mask_training:
        run.subject.check_training_meaning()
        run.subject.make_maskable(model)
    trainer = Trainer(model, settings.training, settings.seed, run.ranks)
    if state.exists():
        resume_training(state, trainer, run.configuration.fingerprint)
        run.say(f"Training: resuming after epoch {len(trainer.progress.epochs)} of {settings.training.epochs}.")
    elif run.ranks.first:
        run.subject.begin(model)
    return trainer


def _train_epochs(run: Run, trainer: Trainer[Any], training: StreamedSplit[Any], dev: StreamedSplit[Any]) -> None:
    settings = trainer.settings
    sample = training.sample()
    about = "" if training.kept is not None else "about "
    left = settings.epochs - len(trainer.progress.epochs)
    estimate = left * trainer.estimate_seconds(sample, run.device)
    run.say(
        f"Training: {len(training):,} documents, {about}{sample.tokens:,} tokens, "
        f"at most {left} epoch{'s' * (left != 1)}: about {_duration(estimate)} at most, less if it stops early."
    )
    tokens = sample.tokens
    del sample
    untold = {"train": training, "dev": dev}
    with _bar("training", left * tokens, shown=run.ranks.first) as bar:
        while not trainer.progress.finished(settings):
            _say_what_is_cut(run, untold)
            epoch = trainer.run_epoch(training, dev, run.device, bar.update)
            if run.ranks.first:
                write_training_log(run.folder.training_log, trainer.progress.epochs)
                save_training(run.folder.training_state, trainer, run.configuration.fingerprint)
            bar.set_postfix_str(f"dev accuracy {epoch.dev_accuracy:.3f}")
            bar.clear()
            run.say(
                f"  epoch {epoch.epoch + 1} of {settings.epochs}: loss {epoch.loss:.3f}, "
                f"dev accuracy {epoch.dev_accuracy:.3f}, {epoch.tokens_per_second:,.0f} tokens/s, {epoch.seconds:.0f} s"
            )
        _say_what_is_cut(run, untold)


def _say_what_is_cut(run: Run, untold: dict[str, StreamedSplit[Any]]) -> None:
    """Of splits that have been seen whole and were not told of; those are taken out."""
    for name, split in list(untold.items()):
        if split.cut is None:
            continue
        del untold[name]
        if split.cut.documents:
            run.say(
                f"{split.cut.documents:,} of {len(split):,} {name} documents are longer than the model takes: "
                f"they are cut to {split.cut.longest:,} tokens."
            )
        if split.cut.left_out:
            run.say(
                f"{split.cut.left_out:,} of {len(split):,} {name} documents are left out: the model's tokenizer makes "
                "nothing of them."
            )
        if split.cut.special:
            run.say(special_strings_in_words(split.cut.special, len(split), name))


def special_strings_in_words(documents: int, of: int, split: str) -> str:
    """That in so many documents of a split strings stand that are special tokens."""
    return (
        f"{documents:,} of {of:,} {split} documents hold strings that are special tokens of the model's tokenizer: "
        "they are read as these."
    )


def write_training_log(path: Path, epochs: list[Epoch]) -> None:
    """Write ``training.csv``, one row an epoch."""
    text = io.StringIO()
    rows = [{name: value for name, value in dataclasses.asdict(epoch).items() if value is not None} for epoch in epochs]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def _bar(stage: str, tokens: int, *, shown: bool) -> tqdm[NoReturn]:
    """Tokens done, tokens a second, time left; silent where nobody watches."""
    disabled = None if shown else True
    return progress_bar(
        total=tokens, unit=" tokens", unit_scale=True, desc=stage, mininterval=0.5, disable=disabled, leave=False
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return "1 second" if seconds < 1.5 else f"{round(seconds)} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"

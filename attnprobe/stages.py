"""The stages of a run that need the model: train it, probe it. Each reuses what is finished and says so."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import torch
from tqdm import tqdm

from attnprobe.atomic_files import replacing
from attnprobe.checkpoints import resume_training, save_training
from attnprobe.configuration import RunConfiguration
from attnprobe.data.batches import EncodedSplit
from attnprobe.data.documents import Dataset
from attnprobe.huggingface.folders import is_huggingface
from attnprobe.probing import document_seeds, probe_split
from attnprobe.runs import RunFolder
from attnprobe.subjects import PooledSubject, Subject, Tested, TransformerSubject
from attnprobe.training import Epoch, TrainableClassifier, Trainer

Say = Callable[[str], None]


@dataclass
class Run:
    """A run at work: its folder, its configuration, its data, where it computes and whom it tells."""

    folder: RunFolder
    configuration: RunConfiguration
    dataset: Dataset
    device: torch.device
    say: Say

    @cached_property
    def subject(self) -> Subject[Any, Any]:
        """Its model."""
        kind: type[Subject[Any, Any]] = PooledSubject
        if is_huggingface(self.configuration.settings.model):
            from attnprobe.huggingface.subject import CheckpointSubject

            kind = CheckpointSubject
        elif self.configuration.settings.transformer is not None:
            kind = TransformerSubject
        return kind(self.folder, self.configuration, self.dataset, self.device)

    def encoded(self, split: str) -> EncodedSplit[Any]:
        """A split's documents as numbers; says how many do not fit into the model."""
        encoded = self.subject.encoded(split)
        if encoded.cut:
            self.say(
                f"{encoded.cut:,} of {len(encoded):,} {split} documents are longer than the model takes: "
                f"they are cut to {int(encoded.lengths.max()):,} tokens."
            )
        return encoded

    def new_model(self) -> TrainableClassifier[Any]:
        """A model as it is before training, a function of the seed."""
        model: TrainableClassifier[Any] = self.subject.new_model()
        return model


def train(run: Run) -> None:
    """Train the run's model, or go on where an interrupted training stopped, or leave a finished one as it is."""
    folder, settings, subject = run.folder, run.configuration.settings, run.subject
    if settings.training is None:
        run.say(f"Training: none, {settings.model} is tested as it is.")
        return
    if subject.saved.exists():
        subject.check()
        folder.training_state.unlink(missing_ok=True)
        run.say(f"Training: finished before, reusing {subject.saved}.")
        return
    model = run.new_model()
    trainer = Trainer(model, settings.training, settings.seed)
    training, dev = run.encoded("train"), run.encoded("dev")
    if folder.training_state.exists():
        resume_training(folder.training_state, trainer, run.configuration.fingerprint)
        run.say(f"Training: resuming after epoch {len(trainer.progress.epochs)} of {settings.training.epochs}.")
    else:
        subject.begin(model)
    with folder.timed("training"):
        _train_epochs(run, trainer, training, dev)
        model.load_state_dict(trainer.progress.best_weights)
        subject.save(model)
    folder.training_state.unlink(missing_ok=True)
    best = trainer.progress
    run.say(f"Training: best dev accuracy {best.best_accuracy:.3f} in epoch {best.best_epoch + 1}.")


def _train_epochs(run: Run, trainer: Trainer[Any], training: EncodedSplit[Any], dev: EncodedSplit[Any]) -> None:
    settings = trainer.settings
    tokens = int(training.lengths.sum())
    left = settings.epochs - len(trainer.progress.epochs)
    estimate = left * trainer.estimate_seconds(training, run.device)
    run.say(
        f"Training: {len(training):,} documents, {tokens:,} tokens, at most {left} epochs: "
        f"about {_duration(estimate)} at most, less if it stops early."
    )
    with _bar("training", left * tokens) as bar:
        while not trainer.progress.finished(settings):
            epoch = trainer.run_epoch(training, dev, run.device, bar.update)
            write_training_log(run.folder.training_log, trainer.progress.epochs)
            save_training(run.folder.training_state, trainer, run.configuration.fingerprint)
            bar.set_postfix_str(f"dev accuracy {epoch.dev_accuracy:.3f}")
            bar.clear()
            run.say(
                f"  epoch {epoch.epoch + 1} of {settings.epochs}: loss {epoch.loss:.3f}, "
                f"dev accuracy {epoch.dev_accuracy:.3f}, {epoch.tokens_per_second:,.0f} tokens/s, {epoch.seconds:.0f} s"
            )


def write_training_log(path: Path, epochs: list[Epoch]) -> None:
    """Write ``training.csv``, one row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in dataclasses.fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(epoch) for epoch in epochs)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def probe(run: Run) -> None:
    """Run every erasure test on the test split with the trained model, or leave finished tables as they are.

    Raises:
        InputError: there is no trained model, or it is corrupt or foreign.
    """
    folder = run.folder
    tested = run.subject.load()
    fingerprint = f"{run.configuration.fingerprint}/{tested.digest}"
    if folder.is_probed(fingerprint):
        run.say(f"Probing: finished before, reusing {folder.table('documents')}.")
        return
    test = run.encoded("test")
    with folder.timed("probing"):
        with _bar("probing", int(test.lengths.sum())) as bar:
            tables = probe_split(tested.probe, test, run.configuration.settings.seed, run.device, bar.update)
        tables, classes = tested.own_classes(tables, run.dataset.labels)
        heads = _map_of_heads(run, tested, test)
        folder.write_tables(tables._asdict() | ({} if heads is None else {"heads": heads}), fingerprint)
    folder.note(labels=run.dataset.labels, **tested.notes | ({} if classes is None else {"classes": classes}))


def _map_of_heads(run: Run, tested: Tested[Any], test: EncodedSplit[Any]) -> pa.Table | None:
    seed = run.configuration.settings.seed
    seeds = torch.from_numpy(document_seeds(seed, test.documents.content_hashes).view(np.int64))
    with tqdm(unit=" tokens × layers", unit_scale=True, desc="single heads", disable=None, leave=False) as bar:
        return tested.probe.map_of_heads(test, seed, seeds, run.device, bar.update)


def _bar(stage: str, tokens: int) -> tqdm[NoReturn]:
    """Tokens done, tokens a second, time left; silent where nobody watches."""
    return tqdm(total=tokens, unit=" tokens", unit_scale=True, desc=stage, mininterval=0.5, disable=None, leave=False)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"

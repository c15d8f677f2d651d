"""The stages of a run that need the model: train it, probe it. Each reuses what is finished and says so."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
from tqdm import tqdm

from attnprobe.atomic_files import replacing
from attnprobe.checkpoints import load_model, resume_training, save_model, save_training
from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.documents import Dataset
from attnprobe.data.vocabulary import Vocabulary
from attnprobe.data.word2vec import word2vec_vectors
from attnprobe.models import MODELS, PooledClassifier
from attnprobe.models.classifier import EMBEDDING_DIM
from attnprobe.probes.pooled import PooledProbe
from attnprobe.probing import probe_split
from attnprobe.runs import RunConfiguration, RunFolder
from attnprobe.training import Epoch, Trainer

Say = Callable[[str], None]


@dataclass
class Run:
    """A run at work: its folder, its configuration, its data, where it computes and whom it tells."""

    folder: RunFolder
    configuration: RunConfiguration
    dataset: Dataset
    device: torch.device
    say: Say

    def __post_init__(self) -> None:
        self.vocabulary = Vocabulary.build(self.dataset)

    def encoded(self, split: str) -> EncodedDocuments:
        """A split's documents as numbers of the vocabulary."""
        documents = self.dataset.splits[split]
        return EncodedDocuments(documents, self.vocabulary.encode(documents))

    def new_model(self) -> PooledClassifier:
        """A model with its initial weights, a function of the seed."""
        settings = self.configuration.settings
        torch.manual_seed(settings.seed)
        model = MODELS[settings.model].build(len(self.vocabulary), len(self.dataset.labels), settings.dropout)
        return model.to(self.device)


def train(run: Run) -> None:
    """Train the run's model, or go on where an interrupted training stopped, or leave a finished one as it is."""
    folder, settings = run.folder, run.configuration.settings
    fingerprint = run.configuration.fingerprint
    if folder.model.exists():
        load_model(folder.model, run.new_model(), fingerprint)
        folder.training_state.unlink(missing_ok=True)
        run.say(f"Training: finished before, reusing {folder.model}.")
        return
    model = run.new_model()
    trainer = Trainer(model, settings.training, settings.seed)
    training, dev = run.encoded("train"), run.encoded("dev")
    if folder.training_state.exists():
        resume_training(folder.training_state, trainer, fingerprint)
        run.say(f"Training: resuming after epoch {len(trainer.progress.epochs)} of {settings.training.epochs}.")
    else:
        run.vocabulary.save(folder.vocabulary)
        if settings.word2vec:
            vectors = word2vec_vectors(run.dataset, run.vocabulary, EMBEDDING_DIM, settings.seed)
            with torch.no_grad():
                model.embedding.weight.copy_(torch.from_numpy(vectors))
    with folder.timed("training"):
        _train_epochs(run, trainer, training, dev)
        save_model(folder.model, trainer.progress.best_weights, fingerprint)
    folder.training_state.unlink(missing_ok=True)
    best = trainer.progress
    run.say(f"Training: best dev accuracy {best.best_accuracy:.3f} in epoch {best.best_epoch + 1}.")


def _train_epochs(run: Run, trainer: Trainer, training: EncodedDocuments, dev: EncodedDocuments) -> None:
    settings = run.configuration.settings.training
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
    folder, settings = run.folder, run.configuration.settings
    model = run.new_model()
    digest = load_model(folder.model, model, run.configuration.fingerprint)
    fingerprint = f"{run.configuration.fingerprint}/{digest}"
    if folder.is_probed(fingerprint):
        run.say(f"Probing: finished before, reusing {folder.table('documents')}.")
        return
    pooled = PooledProbe(model)
    test = run.encoded("test")
    with folder.timed("probing"):
        with _bar("probing", int(test.lengths.sum())) as bar:
            tables = probe_split(pooled, test, settings.seed, run.device, bar.update)
        folder.write_tables(tables._asdict(), fingerprint)
    folder.note(
        labels=run.dataset.labels,
        readout_bias=[float(b) for b in pooled.readout.bias.detach().cpu()],
    )


def _bar(stage: str, tokens: int) -> tqdm[NoReturn]:
    """Tokens done, tokens a second, time left; silent where nobody watches."""
    return tqdm(total=tokens, unit=" tokens", unit_scale=True, desc=stage, mininterval=0.5, disable=None, leave=False)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"

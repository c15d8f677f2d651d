"""The training loop against a bare PyTorch loop on the same batches; one thread.

    python -m benchmarks.training RUN
    python -m benchmarks.against REV training flan-rnn

The bare loop is what a user would write: forward, cross-entropy, backward, clip, two optimisers' steps. It gets the
batches ready made; ours makes them as it goes and keeps the log of the loss and the tokens.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from attnprobe.cli.options import reopen_run
from attnprobe.data.batches import Batch, EncodedDocuments
from attnprobe.data.split import HeldSplit
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.settings.dropout import Dropout
from attnprobe.stages.training import Run
from attnprobe.training import StreamedSplit, Trainer, TrainingSettings
from benchmarks.made_up_documents import CLASSES, WORDS, made_up_documents
from benchmarks.measure import in_turn, median_ratio, report

CPU = torch.device("cpu")

DOCUMENTS, DEV_DOCUMENTS = 1500, 200


def workload(arguments: list[str]) -> Callable[[], object]:
    """An epoch of the model of this name on made-up documents, a few of them to measure its accuracy on."""
    (name,) = arguments
    torch.set_num_threads(1)
    torch.manual_seed(0)
    trainer = Trainer(POOLED[name](WORDS, CLASSES, Dropout()), TrainingSettings(), 0)
    splits = [_split(made_up_documents(*each)) for each in ((DOCUMENTS, 0), (DEV_DOCUMENTS, 1))]
    return lambda: trainer.run_epoch(*splits, CPU, lambda tokens: None)


def _split(encoded: EncodedDocuments) -> StreamedSplit[Batch]:
    return StreamedSplit(HeldSplit(encoded.documents), lambda documents: encoded)


def bare_loop(run: Run, batches: list[Batch]) -> None:
    """Train a fresh model over the batches."""
    settings = run.configuration.settings.training
    model = run.new_model().train()
    sparse = torch.optim.SparseAdam([model.embedding.weight], lr=settings.learning_rate)
    others = [p for p in model.parameters() if p is not model.embedding.weight]
    dense = torch.optim.Adam(others, lr=settings.learning_rate)
    for batch in batches:
        sparse.zero_grad()
        dense.zero_grad()
        nn.functional.cross_entropy(model(batch), batch.labels).backward()
        if settings.gradient_norm is not None:
            nn.utils.clip_grad_norm_(others, settings.gradient_norm)
        sparse.step()
        dense.step()


def our_loop(run: Run, batches: Iterator[Batch]) -> None:
    """The same with our trainer's steps."""
    trainer = Trainer(run.new_model().train(), run.configuration.settings.training, 0)
    losses, tokens = [], 0
    for batch in batches:
        losses.append(trainer.step(batch) * len(batch))
        tokens += len(batch.words)
    torch.stack(losses).sum().item()


def main() -> None:
    """Print the speed of our loop as a share of the bare loop's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--batches", type=int, default=40)
    arguments = parser.parse_args()
    arguments.device = "cpu"
    torch.set_num_threads(1)
    run = reopen_run(arguments.run, arguments)
    settings = run.configuration.settings.training
    train = run.subject.encoded("train")
    groups = train.shuffled(settings.batch_documents, settings.batch_tokens, [0, 0])[: arguments.batches]
    ready = list(train.batches(groups, CPU))
    bare, ours = in_turn(
        [lambda: bare_loop(run, ready), lambda: our_loop(run, train.batches(groups, CPU))], repetitions=5
    )
    tokens = sum(len(batch.words) for batch in ready)
    report("training_speed_vs_bare_loop", median_ratio(bare, ours), tokens=tokens, bare_seconds=sorted(bare)[2])


if __name__ == "__main__":
    main()

"""Training flan-rnn against a bare PyTorch loop on the same documents, CPU seconds; one thread.

    python -m benchmarks.training
    python -m benchmarks.against REV training flan-rnn

The bare loop is what a user would write: embedding, dropout, a packed bidirectional GRU and attention of PyTorch's own
modules, cross-entropy, backward, clip, two optimisers' steps. It gets the batches ready made; ours makes them as it
goes and keeps the log of the loss and the tokens. Against an earlier version it is an epoch with the accuracy on the
development documents.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from attnprobe.data.batches import Batch, EncodedDocuments, pad
from attnprobe.data.split import HeldSplit
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.settings.dropout import Dropout
from attnprobe.training import StreamedSplit, Trainer, TrainingSettings
from benchmarks.made_up_documents import CLASSES, WORDS, made_up_documents
from benchmarks.measure import in_turn, median_ratio, report

CPU = torch.device("cpu")
SETTINGS, DROPOUT = TrainingSettings(), Dropout()
DOCUMENTS, DEV_DOCUMENTS = 1500, 200


def workload(arguments: list[str]) -> Callable[[], object]:
    """An epoch of the model of this name on made-up documents, and its accuracy on others."""
    (name,) = arguments
    torch.set_num_threads(1)
    torch.manual_seed(0)
    trainer = Trainer(POOLED[name](WORDS, CLASSES, DROPOUT), SETTINGS, 0)
    train, dev = (as_split(made_up_documents(*each)) for each in ((DOCUMENTS, 0), (DEV_DOCUMENTS, 1)))
    return lambda: trainer.run_epoch(train, dev, CPU, lambda tokens: None)


def as_split(encoded: EncodedDocuments) -> StreamedSplit[Batch]:
    """Documents as a split that is kept in memory."""
    return StreamedSplit(HeldSplit(encoded.documents), lambda documents: encoded)


class BareFLAN(nn.Module):
    """flan-rnn of PyTorch's own modules."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 200, sparse=True)
        self.word_dropout, self.pooled_dropout = nn.Dropout(DROPOUT.words), nn.Dropout(DROPOUT.document)
        self.gru = nn.GRU(200, 50, batch_first=True, bidirectional=True)
        self.project, self.query, self.head = (
            nn.Linear(100, 100),
            nn.Linear(100, 1, bias=False),
            nn.Linear(100, CLASSES),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Logits (documents, classes)."""
        lengths = batch.document_lengths
        words, mask = pad(batch.words, lengths)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.word_dropout(self.embedding(words)), lengths, batch_first=True, enforce_sorted=False
        )
        values = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)[0]
        scores = self.query(torch.tanh(self.project(values))).squeeze(-1).masked_fill(~mask, -torch.inf)
        pooled = torch.bmm(torch.softmax(scores, dim=-1)[:, None], values).squeeze(1)
        logits: Tensor = self.head(self.pooled_dropout(pooled))
        return logits


def bare_loop(batches: list[Batch]) -> None:
    """Train a fresh model over the batches."""
    assert SETTINGS.gradient_norm is not None
    model = BareFLAN()
    sparse = torch.optim.SparseAdam([model.embedding.weight], lr=SETTINGS.learning_rate)
    others = [p for p in model.parameters() if p is not model.embedding.weight]
    dense = torch.optim.Adam(others, lr=SETTINGS.learning_rate)
    for batch in batches:
        sparse.zero_grad()
        dense.zero_grad()
        nn.functional.cross_entropy(model(batch), batch.labels).backward()
        nn.utils.clip_grad_norm_(others, SETTINGS.gradient_norm)
        sparse.step()
        dense.step()


def main() -> None:
    """Print how many times as fast as the bare loop our training is."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None).parse_args()
    torch.set_num_threads(1)
    documents, none = made_up_documents(DOCUMENTS, 0), made_up_documents(1, 1)
    groups = documents.shuffled(SETTINGS.batch_documents, SETTINGS.batch_tokens, [0, 0])
    ready = list(documents.batches(groups, CPU))

    def ours() -> None:
        trainer = Trainer(POOLED["flan-rnn"](WORDS, CLASSES, DROPOUT), SETTINGS, 0)
        trainer.run_epoch(as_split(documents), as_split(none), CPU, lambda tokens: None)

    theirs, mine = in_turn([lambda: bare_loop(ready), ours], repetitions=5, clock=time.process_time)
    tokens = int(documents.lengths.sum())
    report("training_speed_vs_bare_loop", median_ratio(theirs, mine), tokens=tokens, bare_seconds=sorted(theirs)[2])


if __name__ == "__main__":
    main()

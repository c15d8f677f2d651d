"""What a training holds in memory does not grow with the number of documents."""

import subprocess
import sys

import pytest

from tests.fixtures.commands import ROOT, environment

EPOCH = """
import resource, sys
import numpy as np
import torch
from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.documents import Documents
from attnprobe.data.split import Split
from attnprobe.models import POOLED, Dropout
from attnprobe.training import StreamedSplit, Trainer, TrainingSettings

WORDS, DOCUMENTS = 8, int(sys.argv[1])


class Made(Split):
    \"\"\"Documents of eight words, made when they are asked for.\"\"\"

    starts = property(lambda self: np.arange(0, DOCUMENTS + 2048, 2048).clip(max=DOCUMENTS))
    labels = property(lambda self: np.zeros(DOCUMENTS, dtype=np.int64))
    content_hashes = property(lambda self: np.zeros(DOCUMENTS, dtype=np.uint64))
    occurrences = property(lambda self: np.zeros(DOCUMENTS, dtype=np.uint32))
    words_per_document = property(lambda self: np.full(DOCUMENTS, WORDS, dtype=np.int32))

    def window(self, number):
        documents = int(np.diff(self.starts)[number])
        rng = np.random.default_rng(number)
        return Documents.of_words(
            [f"word{i}" for i in range(1000)],
            rng.integers(0, 1000, documents * WORDS, dtype=np.int32),
            np.full(documents, WORDS, dtype=np.int32),
            np.ones(documents, dtype=np.int32),
            rng.integers(0, 2, documents),
            rng.integers(0, 2**63, documents).astype(np.uint64),
        )


settings = TrainingSettings(batch_documents=1024)
trainer = Trainer(POOLED["flan-none"](1000, 2, Dropout()), settings, 0)
update, updates = trainer.step, iter(range(10))
trainer.step = lambda *given: update(*given) if next(updates, None) is not None else torch.zeros(())
split = StreamedSplit(Made(), lambda documents: EncodedDocuments(documents, documents.words))
trainer.estimate_seconds(split.sample(), torch.device("cpu"))
told = []
trainer.run_epoch(split, StreamedSplit(Made(), split._encode), torch.device("cpu"), told.append)
assert sum(told) == DOCUMENTS * WORDS
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(documents):
    """Peak memory of an epoch and of measuring dev accuracy, each on so many documents; few updates are made."""
    done = subprocess.run(
        [sys.executable, "-c", EPOCH, str(documents)],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
def test_four_times_the_documents_take_no_more_memory():
    pytest.importorskip("resource")
    assert peak(400_000) < 1.2 * peak(100_000)

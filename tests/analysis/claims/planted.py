"""Run folders with a known answer: values, scores and readout are made up, everything else is computed as in a run."""

import json

import numpy as np
import pyarrow.parquet as pq
import torch

from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.documents import Documents
from attnprobe.models.pooled.probe import PooledProbe, Reading
from attnprobe.stages.tables import probe_split

DOCUMENTS, ITEMS = 150, 20


class Planted(PooledProbe):
    """Stands in for a model: attention pools ``values``, the readout is the identity, nearly without bias."""

    unit = "word"
    readout = torch.nn.Linear(2, 2)

    def __init__(self, values, scores):
        self.values, self.scores = values, scores
        self.readout = torch.nn.Linear(2, 2)
        with torch.no_grad():
            self.readout.weight.copy_(torch.eye(2))
            self.readout.bias.copy_(torch.tensor([0.0, 0.01]))

    def read(self, batch):
        values, scores = self.values[batch.rows], self.scores[batch.rows]
        return Reading(values, scores, torch.ones(scores.shape, dtype=torch.bool))


def write_run(folder, planted, dataset="planted", model="flan-rnn", seed=0):
    """A probed run folder ``folder/<dataset>/<model>/seed-<seed>``."""
    documents, items = planted.scores.shape
    encoded = EncodedDocuments(
        Documents.of_words(
            types=["word"],
            words=np.zeros(documents * items, dtype=np.int32),
            sentence_lengths=np.full(documents, items, dtype=np.int32),
            sentences_per_document=np.ones(documents, dtype=np.int32),
            labels=np.zeros(documents, dtype=np.int64),
            content_hashes=np.arange(documents, dtype=np.uint64) + 1000 * seed,
        ),
        np.zeros(documents * items, dtype=np.int32),
    )
    path = folder / dataset / model / f"seed-{seed}"
    path.mkdir(parents=True)
    for name, table in probe_split(planted, encoded, seed, torch.device("cpu"))._asdict().items():
        pq.write_table(table, path / f"{name}.parquet")
    config = {
        "settings": {"dataset": dataset, "model": model, "seed": seed},
        "unit": "word",
        "data": {"labels": ["a", "b"]},
    }
    (path / "config.json").write_text(json.dumps(config))
    return path


def background(seed):
    """Documents in which every item speaks for class 1 a little, unevenly attended."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.zeros(DOCUMENTS, ITEMS, 2)
    values[..., 1] = 1 + 0.1 * torch.rand(DOCUMENTS, ITEMS, generator=generator)
    scores = 0.5 * torch.randn(DOCUMENTS, ITEMS, generator=generator)
    place = torch.rand(DOCUMENTS, ITEMS, generator=generator).argsort(-1)
    return values, scores, place, torch.arange(DOCUMENTS), generator


def one_word_decides_and_is_attended(seed=0):
    """Erasing the most attended word alone always flips the decision, and nothing else does."""
    values, scores, place, rows, _ = background(seed)
    values[rows, place[:, 0]] = torch.tensor([8.0, 0.0])
    scores[rows, place[:, 0]] = 4.0
    return Planted(values, scores)


def attention_looks_elsewhere(seed=0):
    """One word decides and is attended least; the most attended says what the others say together: nothing new."""
    values, scores, place, rows, _ = background(seed)
    deciding, attended = place[:, 0], place[:, 1]
    values[rows, deciding] = torch.tensor([200.0, 0.0])
    scores[rows, deciding] = -2.0
    scores[rows, attended] = -torch.inf
    pooled = (torch.softmax(scores, -1)[..., None] * values).sum(1)
    values[rows, attended] = pooled
    scores[rows, attended] = 3.5
    return Planted(values, scores)


def several_words_decide(seed=0, words=8):
    """Any one of several words suffices, and attention knows them: they must all go before the decision flips."""
    values, scores, place, rows, generator = background(seed)
    for number in range(words):
        values[rows, place[:, number]] = torch.tensor([60.0, 0.0])
        scores[rows, place[:, number]] = 3.5 + 0.5 * torch.rand(DOCUMENTS, generator=generator)
    return Planted(values, scores)


def attention_is_uniform(seed=0):
    """All weights are equal but for a breath."""
    values, scores, place, rows, _ = background(seed)
    values[rows, place[:, 0]] = torch.tensor([30.0, 0.0])
    return Planted(values, 0.01 * scores)


def middling_weight_decides(seed=0):
    """The most attended word has a weight about .4 above the others', and erasing it alone changes everything."""
    values, scores, place, rows, _ = background(seed)
    values[rows, place[:, 0]] = torch.tensor([8.0, 0.0])
    scores[rows, place[:, 0]] = 2.8
    return Planted(values, scores)


def only_a_large_weight_matters(seed=0):
    """Weights about .4 above the others' change nothing when erased, weights far above them everything."""
    values, scores, place, rows, _ = background(seed)
    middling = rows < DOCUMENTS // 2
    values[rows, place[:, 0]] = torch.where(middling[:, None], torch.tensor([0.0, 1.05]), torch.tensor([8.0, 0.0]))
    scores[rows, place[:, 0]] = torch.where(middling, 2.8, 5.0)
    return Planted(values, scores)

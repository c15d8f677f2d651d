"""Run folders made without training: random values, random readouts, and what the engine says of them."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.functions import erase
from attnprobe.models.pooled.probe import PooledErasures
from attnprobe.runs.run_folder import RunFolder
from attnprobe.stages.tables import Collector
from tests.analysis.transformer_runs import write_transformer_run

DIM = 6


class MadeRun:
    """A run with an affine readout, and the model that it is of.

    ``texts`` are documents, lists of items; ``before`` what is between them in the documents' texts, where it is known;
    ``peak`` multiplies the attention scores.
    """

    def __init__(
        self, folder, texts, *, classes=3, seed=0, unit="word", labels=None, peak=1.5, dataset="made", before=None
    ):
        generator = torch.Generator().manual_seed(seed)
        self.folder, self.texts = folder, texts
        items = max(map(len, texts))
        self.mask = torch.tensor([[j < len(text) for j in range(items)] for text in texts])
        self.values = torch.randn(len(texts), items, DIM, generator=generator)
        self.scores = peak * torch.randn(len(texts), items, generator=generator)
        self.readout = torch.nn.Linear(DIM, classes)
        with torch.no_grad():
            self.readout.weight.copy_(2 * torch.randn(classes, DIM, generator=generator))
            self.readout.bias.copy_(0.3 * torch.randn(classes, generator=generator))
        self.labels = labels or [f"class {c}" for c in range(classes)]
        self._write(seed, unit, dataset, before)

    def _write(self, seed, unit, dataset, before):
        count = len(self.texts)
        erasures = PooledErasures(self.values, self.scores, self.mask, self.readout)
        collector = Collector(np.ones(count, dtype=bool))
        collector.add(np.arange(count), run_battery(erasures, torch.arange(count)))
        labels = np.random.default_rng(seed).integers(len(self.labels), size=count)
        texts = [pa.array([item for text in each for item in text], pa.string()) for each in (self.texts, before or [])]
        run = RunFolder(self.folder)
        self.folder.mkdir(parents=True)
        run.write_tables(collector.tables(labels, texts[0], texts[1] if before else None)._asdict(), "made")
        config = {
            "settings": {"dataset": dataset, "model": f"flan-{unit}", "seed": seed},
            "data": {"labels": self.labels, "fingerprint": "the same"},
            "unit": unit,
        }
        run.config.write_text(json.dumps(config), encoding="utf-8")
        run.note(readout_bias=self.readout.bias.tolist())

    def distribution(self, document, erased):
        """Probabilities of the classes without these positions, from the model's own attention and readout."""
        n = len(self.texts[document])
        gone = torch.zeros(n, dtype=torch.bool)
        gone[list(erased)] = True
        weights = erase(None, gone, scores=self.scores[document, :n].double())
        weight, bias = self.readout.weight.detach().double(), self.readout.bias.detach().double()
        return torch.softmax(weight @ (weights @ self.values[document, :n].double()) + bias, -1).numpy()


def random_texts(sizes, seed=0):
    """Documents of so many words."""
    generator = np.random.default_rng(seed)
    return [[f"word{generator.integers(90)}" for _ in range(n)] for n in sizes]


def made_transformer_run(folder, sizes, seed=0):
    """A run without contributions, with single heads; its tables agree with one another where the page reads them."""
    heads = (("self", 2, 3),)
    documents, erasures, items, table = write_transformer_run(
        folder, sizes, seed, heads=heads, faithful={("self", 1, 2)}
    )
    documents["p_decision"] = 0.75
    documents["js_other"] = 0.01
    documents.to_parquet(folder / "documents.parquet")
    generator = np.random.default_rng(seed)
    items["gradient"] = generator.normal(size=len(items))
    items.to_parquet(folder / "items.parquet")
    return documents, erasures, pd.DataFrame(items), table

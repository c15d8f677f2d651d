"""The map of heads against one plain forward pass of the same documents, quick and full, CPU seconds; one thread.

    python -m benchmarks.heads --documents 24

The model is a BERT of MiniLM's shape (six layers of twelve heads, 384 wide) with random weights, the documents random
tokens, as long as questions of trec6 are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

from attnprobe.attention.attachment import attach
from attnprobe.attention.examples import example_inputs
from attnprobe.attention.model_call import ModelCall
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.head_effects import effect_rows
from attnprobe.engines.head_map import Layer, head_rows
from attnprobe.engines.items import Items
from attnprobe.settings.attention import AttentionSettings
from benchmarks.measure import in_turn, median_ratio, report

LENGTHS = (6, 7, 8, 9, 10, 11, 12, 14)
"""Words of trec6's test questions, with the two marks of a BERT: eight quantiles."""

MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
VOCABULARY, CLASSES = 2000, 6

MAPS: dict[str, Callable[[Layer, Tensor], dict[str, Tensor]]] = {"quick": effect_rows, "full": head_rows}


def groups_of_one_length(documents: int) -> list[dict[str, Tensor]]:
    """Inputs of a model, in batches of documents that are as long as each other, as a run makes them."""
    draw = np.random.default_rng(0)
    lengths = np.sort(np.resize(LENGTHS, documents))
    batches = []
    for length, number in zip(*np.unique(lengths, return_counts=True), strict=True):
        ids = torch.from_numpy(draw.integers(5, VOCABULARY, size=(number, length)))
        batches.append({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    return batches


def main() -> None:
    """Print a ratio for each map."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, default=24)
    parser.add_argument("--repetitions", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=VOCABULARY, num_labels=CLASSES, initializer_range=0.08, **MINILM)
    model: Any = BertForSequenceClassification(config).eval()
    examples = example_inputs(model)
    probe = AttentionProbe(attach(ModelCall(model), examples), AttentionSettings(), examples)
    batches = groups_of_one_length(arguments.documents)

    @torch.no_grad()
    def plain() -> None:
        for batch in batches:
            model(**batch)

    def mapped(rows: Callable[[Layer, Tensor], dict[str, Tensor]]) -> None:
        for batch in batches:
            items = Items.single_tokens(batch["attention_mask"].bool())
            for layer in probe.layers(batch, items):
                rows(layer, torch.arange(len(batch["input_ids"])))

    for name, rows in MAPS.items():
        times = in_turn([partial(mapped, rows), plain], arguments.repetitions, 1, time.process_time)
        report(
            f"map of heads, {name}, against one plain forward pass",
            median_ratio(*times),
            seconds_a_document=float(np.median(times[0])) / arguments.documents,
            documents=arguments.documents,
            mean_tokens=float(np.mean(np.resize(LENGTHS, arguments.documents))),
        )


if __name__ == "__main__":
    main()

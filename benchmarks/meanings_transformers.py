"""What five ways of erasing cost a transformer's probe, beside one: processor time of one thread.

    python -m benchmarks.meanings_transformers

Two probes of the same documents, in turn: with `renormalise`, and with all five ways. Both attach to the model and
choose engines; what is read of reference documents is counted, too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial

import numpy as np
import torch

import attnprobe
from attnprobe.erasure.registered_ways import OWN, RENORMALISE
from attnprobe.models.transformer.network import EncoderLayer, TransformerClassifier
from attnprobe.settings.transformer import TransformerOptions
from benchmarks.measure import in_turn, median_ratio, report

BATCH = 64


def batches(model: TransformerClassifier, documents: int, words: int, seed: int) -> list[dict[str, torch.Tensor]]:
    """Random documents of 4 to ``words`` words, in batches of similar length."""
    generator = np.random.default_rng(seed)
    lengths = np.sort(generator.integers(4, words + 1, documents))
    made = []
    for of_batch in np.array_split(lengths, max(1, documents // BATCH)):
        mask = torch.from_numpy(np.arange(of_batch.max() + 1) <= of_batch[:, None])
        ids = torch.from_numpy(generator.integers(1, model.first_token, mask.shape)).masked_fill(~mask, 0)
        ids[:, 0] = model.first_token
        made.append({"input_ids": ids, "attention_mask": mask})
    return made


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=256)
    parser.add_argument("--words", type=int, default=24)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    options = TransformerOptions(d_e=128, num_heads=4, num_layers=2, dropout=0.0)
    torch.manual_seed(0)
    model = TransformerClassifier(2000, 4, options).eval()
    with torch.no_grad():  # so that attention decides
        for layer in model.encoder.layers:
            assert isinstance(layer, EncoderLayer)
            layer.attention.value.weight.mul_(6)
            layer.attention.query.weight.mul_(4)
    documents, reference = (batches(model, given.documents, given.words, seed) for seed in (0, 1))
    for layers in ("last", "all"):
        probe = partial(attnprobe.probe, model.encoder, documents, layers=layers)
        probes = [partial(probe, erase_by=RENORMALISE), partial(probe, erase_by=OWN, reference=reference)]
        one, five = in_turn(probes, given.repetitions, clock=time.process_time)
        details = {"layers": layers, "documents": given.documents, "words": given.words}
        report("five ways of erasing / one", median_ratio(five, one), seconds_of_one=statistics.median(one), **details)


if __name__ == "__main__":
    main()

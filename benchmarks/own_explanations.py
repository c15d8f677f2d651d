"""What an explanation of one's own costs in a fine-tuned transformer, against one plain forward pass; one thread.

    python -m benchmarks.own_explanations CHECKPOINT --data DIR/trec6

CHECKPOINT is a Hugging Face sequence classifier (``python -m benchmarks.minilm_shaped`` makes one), DIR/trec6 has
test.tsv. In the last layer's first row, battery by battery in turn: with an explanation (scores that somebody holds,
here random ones) and its permuted twin, less without, so that aligning it is left out and ranking, checking, erasing
until decisions flip and columns of documents and items count. CPU seconds of the process, over those of a plain pass of
the same batches; medians over repetitions. An explanation is two orderings, itself and its twin.
"""

from __future__ import annotations

import argparse
import copy
import csv
import statistics
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from attnprobe.data.content_hashes import document_hashes
from attnprobe.data.documents import Documents
from attnprobe.data.tokens.tokeniser import tokenise_texts
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.registered_orderings import Ordering, chosen_orderings
from attnprobe.explanations.of_a_call import ExplanationsOfACall
from attnprobe.models.huggingface.pieces import encode_documents
from attnprobe.models.huggingface.probe import CheckpointProbe
from attnprobe.models.huggingface.sequences import longest_sequence
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.own_explanations import OWN_SCORE, SUM
from attnprobe.stages.tables import micro_batches
from benchmarks.measure import in_turn, report

CPU = torch.device("cpu")


def knowing_nothing(of: AttentionErasures) -> AttentionErasures:
    """The same batch, which is not run again, before anything was erased in it."""
    other = copy.copy(of)
    (other.engine,) = of.engine.under(of.engine.meaning, torch.zeros_like(of.items.sizes))
    return other


def main() -> None:
    """Print what an explanation and its twin cost, and what the battery costs without one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="a folder with test.tsv")
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = pd.read_csv(arguments.data / "test.tsv", sep="\t", quoting=csv.QUOTE_NONE, keep_default_na=False)
    texts = table["tokens"].tolist()[: arguments.documents]
    model = AutoModelForSequenceClassification.from_pretrained(arguments.checkpoint).eval()
    tokenizer = AutoTokenizer.from_pretrained(arguments.checkpoint)
    labels = np.zeros(len(texts), dtype=np.int64)
    documents = Documents(
        **tokenise_texts(texts)._asdict(), labels=labels, content_hashes=document_hashes(texts), texts=texts
    )
    probe = CheckpointProbe(model, tokenizer, AttentionSettings())
    encoded = encode_documents(documents, tokenizer, longest_sequence(model, tokenizer), "token")
    groups = micro_batches(probe, encoded)
    batches = list(zip(groups, encoded.batches(groups, CPU), strict=True))
    draw = np.random.default_rng(0)
    scores = [draw.normal(size=len(tokenizer(text)["input_ids"])) for text in texts]
    own = ExplanationsOfACall({"mine": scores}, OWN_SCORE, SUM).of_texts(texts, probe.item_parts(encoded))
    usual = chosen_orderings()
    erasures = [(rows, probe.erasures(batch)) for rows, batch in batches]

    def plain() -> None:
        with torch.no_grad():
            for rows, _ in batches:
                given = tokenizer([texts[row] for row in rows], return_tensors="pt", padding=True)
                model(input_ids=given["input_ids"], attention_mask=given["attention_mask"])

    def batteries(orderings: Mapping[str, Ordering]) -> None:
        for rows, of in erasures:
            run_battery(knowing_nothing(of), torch.arange(len(rows)), torch.as_tensor(rows), orderings)

    work = [plain, partial(batteries, usual), partial(batteries, {**usual, **own})]
    passes, without, with_own = in_turn(work, arguments.repetitions, clock=time.process_time)
    details = {"documents": len(texts), "tokens": sum(map(len, scores)), "repetitions": arguments.repetitions}
    for name, ratios in {
        "an explanation and its twin": [(b - a) / one for one, a, b in zip(passes, without, with_own, strict=True)],
        "the usual orderings": [a / one for one, a in zip(passes, without, strict=True)],
    }.items():
        report(f"{name} / plain pass", statistics.median(ratios), least=min(ratios), most=max(ratios), **details)


if __name__ == "__main__":
    main()

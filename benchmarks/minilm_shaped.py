"""A checkpoint of MiniLM's shape, trained from nothing: a stand-in where MiniLM itself is not to be had.

    python -m benchmarks.minilm_shaped --data DIR/trec6 --out CHECKPOINT

A BERT of six layers of twelve heads, 384 wide (Wang et al. 2020), with lower-cased word pieces of the training texts,
dropout, AdamW and a rate that rises over a tenth of the steps and falls to zero. It has seen no other text than these,
so that its speed and its shape are MiniLM's and its accuracy is not. DIR/trec6 holds train.tsv and test.tsv with
columns ``category`` and ``tokens``. One thread; minutes. What comes out is a Hugging Face checkpoint that classifies,
for ``attnprobe run --model hf:CHECKPOINT``, and the accuracy on the test split as a JSON line.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from benchmarks.measure import report

SHAPE = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}

PIECES, LONGEST = 4000, 128
"""Word pieces of the vocabulary, and of a text."""

BATCH, RATE, WARM_UP, WEIGHT_DECAY = 32, 2e-4, 0.1, 0.01

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def word_pieces(texts: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer as BERT's, whose pieces are those of these texts."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=PIECES, special_tokens=SPECIAL, show_progress=False)
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, SPECIAL.index(name)) for name in ("[CLS]", "[SEP]")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=LONGEST,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def read(path: Path) -> pd.DataFrame:
    """Columns ``category`` and ``tokens``."""
    return pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE, keep_default_na=False)


def encoded(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> dict[str, Tensor]:
    """The model's arguments for some texts, padded."""
    made = tokenizer(texts, truncation=True, padding=True, return_tensors="pt", return_token_type_ids=False)
    return dict(made)


def train(
    model: BertForSequenceClassification,
    tokenizer: PreTrainedTokenizerFast,
    texts: list[str],
    labels: Tensor,
    epochs: int,
) -> None:
    """Go through the texts so many times, in batches of texts of like length."""
    draw = np.random.default_rng(0)
    steps = epochs * -(-len(texts) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    warm = max(1, int(WARM_UP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    sizes = np.array([len(text.split()) for text in texts])
    model.train()
    for epoch in range(epochs):
        started, losses = time.perf_counter(), []
        by_length = np.argsort(sizes + draw.uniform(0, 2, len(texts)), kind="stable")
        batches = np.array_split(by_length, -(-len(texts) // BATCH))
        for place in draw.permutation(len(batches)):
            rows = batches[place]
            of_batch = encoded(tokenizer, [texts[row] for row in rows])
            loss = model(**of_batch, labels=labels[rows]).loss
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.3f}, {time.perf_counter() - started:.0f} s")


@torch.no_grad()
def right(
    model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerFast, texts: list[str], labels: Tensor
) -> int:
    """How many of the texts the model puts into their class."""
    model.eval()
    parts = torch.split(torch.arange(len(texts)), BATCH)
    logits = [model(**encoded(tokenizer, [texts[row] for row in part.tolist()])).logits for part in parts]
    return int((torch.cat(logits).argmax(-1) == labels).sum())


def main() -> None:
    """Train the model, save it and print how accurate it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="a folder with train.tsv and test.tsv")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint goes")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    of_split = {split: read(arguments.data / f"{split}.tsv") for split in ("train", "test")}
    classes = sorted(set(of_split["train"]["category"]))
    texts = {split: table["tokens"].tolist() for split, table in of_split.items()}
    labels = {split: torch.tensor(table["category"].map(classes.index).tolist()) for split, table in of_split.items()}
    tokenizer = word_pieces(texts["train"])
    config = BertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=LONGEST,
        num_labels=len(classes),
        id2label=dict(enumerate(classes)),
        label2id={name: number for number, name in enumerate(classes)},
        **SHAPE,
    )
    model = BertForSequenceClassification(config)
    train(model, tokenizer, texts["train"], labels["train"], arguments.epochs)
    model.save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    accurate = right(model, tokenizer, texts["test"], labels["test"]) / len(texts["test"])
    counts = {f"{split}_documents": len(of_it) for split, of_it in texts.items()}
    parameters = sum(each.numel() for each in model.parameters())
    report("accuracy of the checkpoint", accurate, epochs=arguments.epochs, parameters=parameters, **counts)


if __name__ == "__main__":
    main()

"""Runs of models that are at hand: what a page or the terminal strikes out can be erased from the model itself."""

import json
import math
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from attnprobe.any_model import probe
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.models.transformer.probe import TransformerProbe
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.stages.tables import probe_split
from tests.models.documents import random_documents
from tests.page.made_runs import MadeRun
from tests.probes.test_transformer import logits_by_hand

HEADS = 4
LABELS = ["one", "other", "third"]

MARGIN = 1e-4
"""Logits nearer to each other than this share of the largest are a matter of rounding."""


class StruckRun:
    """A run, and the logits (classes,) that its model itself gives when items of a document are erased."""

    def __init__(self, folder, heads, logits):
        self.folder, self.heads, self._logits = folder, heads, logits
        items = pd.read_parquet(folder / "items.parquet")
        self.items = {number: rows.sort_values("position") for number, rows in items.groupby("document")}
        self.erasures = pd.read_parquet(folder / "erasures.parquet").set_index(["document", "ordering", "draw"])
        self.orderings = [name.removeprefix("rank_") for name in map(str, items) if name.startswith("rank_")]

    def flips(self, document, erased):
        """Whether the model, without these positions, decides otherwise; None where that is a matter of rounding."""
        unerased, logits = (np.asarray(self._logits(document, positions)) for positions in ((), erased))
        decision = unerased.argmax()
        lead = (logits[decision] - np.delete(logits, decision).max()) / max(1.0, np.abs(logits).max())
        return None if abs(lead) < MARGIN else bool(lead < 0)

    def made_again(self, document):
        """What would be struck by gradient × attention if its order were made again from the columns of the items."""
        items = self.items[document]
        order = np.argsort(-(items["weight"] * items["gradient"]).to_numpy(), kind="stable")
        return order[: max(0, self.outcome(document, "gradient_attention"))].tolist()

    @cached_property
    def wrong(self):
        """Documents of several items in which what an order made again strikes does not flip the decision."""
        flipped = [number for number in self.items if self.outcome(number, "gradient_attention") > 0]
        return [number for number in flipped if self.flips(number, self.made_again(number)) is False]

    @cached_property
    def documents(self):
        """Six of several items, these first."""
        several = [number for number, items in self.items.items() if len(items) > 1 and number not in self.wrong]
        return [*self.wrong, *several][:6]

    def outcome(self, document, ordering):
        """How many are erased at the first draw's flip while something is left; 0: only when nothing is; −1: never."""
        row = self.erasures.loc[(document, ordering, 0)]
        return 0 if row["emptied"] else int(row["removed"])

    def check(self, document, ordering, struck):
        """What is struck is as many as the tests erased, flips, and one item fewer, the last that went, does not.

        Returns how many of the two were decided by more than rounding.
        """
        outcome = self.outcome(document, ordering)
        assert len(struck) == max(0, outcome), (document, ordering, struck)
        if outcome <= 0:
            return 0
        rank = self.items[document][f"rank_{ordering}"].to_numpy(dtype=float, na_value=np.nan)
        fewer = sorted(struck, key=lambda position: rank[position])[:-1]
        found = self.flips(document, struck), self.flips(document, fewer)
        assert found[0] is not False, (document, ordering, struck)
        assert found[1] is not True, (document, ordering, fewer)
        return sum(each is not None for each in found)


def pooled_run(folder):
    """Pooled attention; words are told apart, so that each can be found again."""
    generator = np.random.default_rng(1)
    texts = [[f"word{w}" for w in generator.permutation(90)[:n]] for n in generator.integers(2, 15, size=24)]
    run = MadeRun(folder, texts, peak=2.0, seed=5)
    return StruckRun(folder, 1, lambda document, erased: np.log(run.distribution(document, erased)))


def transformer_run(folder):
    """An encoder with four heads, whose weights are peaked as if it were trained."""
    torch.manual_seed(0)
    model = TransformerClassifier(500, 3, TransformerOptions(d_e=16, num_heads=HEADS, d_k=3, d_ff=8, longest=64)).eval()
    with torch.no_grad():
        model.encoder.words.weight[model.first_token] = 0.0
        for layer in model.encoder.layers:
            layer.attention.value.weight *= 10
            layer.attention.key.weight *= 10
        model.encoder.head.weight *= 20
    encoded = random_documents(36, vocabulary=500, sentences=2, words=6, planted=False)
    tables = probe_split(TransformerProbe(model, AttentionSettings(unit="word")), encoded, 0, torch.device("cpu"))
    _write(folder, *(getattr(tables, name).to_pandas() for name in ("documents", "erasures", "items")))
    exact = model.double()

    @torch.no_grad()
    def logits(document, erased):
        batch = encoded.batch(np.array([document]))
        flags = torch.zeros_like(exact.inputs(batch)["attention_mask"])
        flags[0, list(erased)] = True
        return logits_by_hand(exact, batch, flags)[0]

    return StruckRun(folder, HEADS, logits)


def checkpoint_run(folder):
    """A Hugging Face classifier with four heads and random weights, whose items are words of several pieces."""
    from transformers import BertConfig, BertForSequenceClassification

    from tests.huggingface.checkpoints import SIZES, wordpiece

    torch.manual_seed(3)
    sizes = SIZES | {"num_attention_heads": HEADS}
    config = BertConfig(vocab_size=100, max_position_embeddings=80, num_labels=3, initializer_range=0.6, **sizes)
    model, tokenizer = BertForSequenceClassification(config).eval(), wordpiece()
    words = [*(f"word{n}" for n in range(12)), "pieces", "of", "words", "cross", "nothing", "unbelievably", "loved"]
    generator = np.random.default_rng(2)
    texts = [" ".join(generator.permutation(words)[:n]) for n in generator.integers(2, 9, size=30)]
    result = probe(model, tokenizer, texts, unit="word")
    _write(folder, result.documents.assign(label=0), result.erasures, result.items)
    exact = model.double()

    @torch.no_grad()
    def logits(document, erased):
        encoded = tokenizer(texts[document], return_tensors="pt")
        words = encoded.word_ids()
        begins = [word is None or place == 0 or word != words[place - 1] for place, word in enumerate(words)]
        tokens = torch.isin(torch.tensor(begins).cumsum(0) - 1, torch.tensor(list(erased), dtype=torch.int64))
        hidden = exact.bert(encoded["input_ids"], output_hidden_states=True).hidden_states[-2]
        layer = exact.bert.encoder.layer[-1]
        of = layer.attention.self
        query, key, value = (
            each(hidden).unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in (of.query, of.key, of.value)
        )
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]), -1)
        weights = weights.masked_fill(tokens, 0.0)
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-300)
        attended = layer.attention.output((weights @ value).transpose(1, 2).flatten(-2), hidden)
        return exact.classifier(exact.bert.pooler(layer.output(layer.intermediate(attended), attended)))[0]

    return StruckRun(folder, HEADS, logits)


def _write(folder, documents, erasures, items):
    folder.mkdir(parents=True)
    for name, table in {"documents": documents, "erasures": erasures, "items": items}.items():
        table.to_parquet(folder / f"{name}.parquet")
    config = {
        "settings": {"dataset": "made", "model": "transformer", "seed": 0, "attention": {"layers": "last"}},
        "data": {"labels": LABELS, "fingerprint": "the same"},
        "unit": "word",
    }
    RunFolder(folder).config.write_text(json.dumps(config), encoding="utf-8")


RUNS = {"pooled": pooled_run, "transformer of four heads": transformer_run, "checkpoint by word": checkpoint_run}

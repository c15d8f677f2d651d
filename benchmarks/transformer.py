"""Erasure curves of a fine-tuned BERT against plain forward passes, and against one forward pass a removal; one thread.

    python -m benchmarks.transformer RUN --tokens 50

RUN is a run folder of a BERT fine-tuned on a dataset. Documents of at least so many tokens are cut to that many, so
that nothing is padded. The loop is what a user of transformers writes: an attention function of one's own for the last
layer, one call of the model a removal, until the decision flips.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForSequenceClassification, AutoTokenizer
from transformers.masking_utils import sdpa_mask

from attnprobe.attention.attachment import Attachment, attach
from attnprobe.attention.examples import example_inputs
from attnprobe.attention.model_call import ModelCall
from attnprobe.attention.selection import select
from attnprobe.cli.options import reopen_run
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.choice import REPLAY, SINGLE_ROW, fastest_engine, make_engine
from attnprobe.engines.items import Items
from attnprobe.engines.single_row import SingleRow
from attnprobe.settings.attention import AttentionSettings
from benchmarks.measure import in_turn, median_ratio, report

LOOPS = 3
"""Repetitions of the loop, which takes long."""


class Loop:
    """One forward pass a removal, through an attention function that erases keys of the last layer's first row."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.last = model.config.num_hidden_layers - 1
        self.erased: Tensor | None = None
        AttentionInterface.register("erasing", self.attend)
        AttentionMaskInterface.register("erasing", sdpa_mask)

    def attend(
        self,
        module: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        **_: Any,
    ) -> tuple[Tensor, None]:
        """Scaled dot-product attention; in the last layer by hand, with weights of the first row erased."""
        if self.erased is None or module.layer_idx != self.last:
            context = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            return context.transpose(1, 2).contiguous(), None
        weights = torch.softmax(query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5, dim=-1)
        row = weights[:, :, 0] * ~self.erased
        weights[:, :, 0] = row / row.sum(-1, keepdim=True).clamp(min=1e-30)
        return (weights @ value).transpose(1, 2).contiguous(), None

    @torch.no_grad()
    def first_flips(self, ids: Tensor, order: Tensor) -> list[int]:
        """Counts, −1 for never, one document and one removal at a time."""
        before = self.model.config._attn_implementation
        self.model.set_attn_implementation("erasing")
        counts = []
        for document in range(len(ids)):
            one = ids[document : document + 1]
            self.erased = None
            decision = self.model(input_ids=one).logits.argmax()
            self.erased = torch.zeros(one.shape[1], dtype=torch.bool)
            count = -1
            for k, item in enumerate(order[document].tolist(), start=1):
                self.erased[item] = True
                if self.model(input_ids=one).logits.argmax() != decision:
                    count = k
                    break
            counts.append(count)
        self.model.set_attn_implementation(before)
        return counts


def documents_of(run: Path, tokens: int, documents: int) -> tuple[Any, Tensor]:
    """The run's model, and pieces of test documents of that many tokens (documents, tokens)."""
    arguments = argparse.Namespace(device="cpu")
    opened = reopen_run(run, arguments)
    folder = opened.folder.checkpoint
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    split = opened.dataset.splits["test"].documents()
    rows: list[list[int]] = []
    for document in np.random.default_rng(0).permutation(len(split)):
        pieces = tokenizer.encode(split.texts[int(document)], truncation=True, max_length=tokens)
        if len(pieces) == tokens:
            rows.append(pieces)
        if len(rows) == documents:
            break
    return model, torch.tensor(rows)


def time_curves(model: Any, attachment: Attachment, ids: Tensor, repetitions: int) -> SingleRow:
    """Print what complete curves cost, for the first ordering and each further one."""
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    selected = select(attachment.sites, AttentionSettings(), attachment.auto())
    assert fastest_engine(attachment, selected, example_inputs(model)) == SINGLE_ROW
    items = Items.single_tokens(torch.ones_like(ids, dtype=torch.bool))
    engine = make_engine(SINGLE_ROW, attachment, selected, inputs)
    assert isinstance(engine, SingleRow)
    order = AttentionErasures(engine, items, "mean").attention.weights.argsort(dim=-1, descending=True)

    def plain() -> None:
        with torch.no_grad():
            model(**inputs)

    def curve(of: SingleRow = engine) -> None:
        for _ in of.prefix_logits(order, items):
            pass

    def first() -> None:
        fresh = make_engine(SINGLE_ROW, attachment, selected, inputs)
        assert isinstance(fresh, SingleRow)
        curve(fresh)

    def stopping() -> None:
        (knowing_nothing,) = engine.under(engine.meaning, torch.zeros_like(items.sizes))
        knowing_nothing.first_flips(order[None], items)

    forward, whole, further, until_flip = in_turn([plain, first, curve, stopping], repetitions)
    shape = {"documents": len(ids), "tokens": ids.shape[1], "layers": model.config.num_hidden_layers}
    report("curves of one ordering / plain pass", median_ratio(whole, forward), **shape)
    report("curves of each further ordering / plain pass", median_ratio(further, forward), **shape)
    report("first flips of each further ordering / plain pass", median_ratio(until_flip, forward), **shape)
    removed = engine.first_flips(order[None], items)[0]
    loop = Loop(model)
    counts: list[int] = []
    some = slice(0, max(4, 400 // ids.shape[1]))

    def one_by_one() -> None:
        counts[:] = loop.first_flips(ids[some], order[some])

    slow, whole = in_turn([one_by_one, first], LOOPS, 0)
    report(
        "one pass a removal until the flip / curves",
        median_ratio(slow, whole) * len(ids) / len(ids[some]),
        documents=len(ids[some]),
        tokens=ids.shape[1],
        removals=sum(c if c > 0 else ids.shape[1] for c in counts),
        same_counts=float(np.mean([a == b for a, b in zip(counts, removed[some].tolist(), strict=True)])),
    )
    return engine


def time_layers(model: Any, attachment: Attachment, ids: Tensor) -> None:
    """Print what the complete sweep of one ordering costs in each layer, counted and timed, in plain passes."""
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    documents, tokens = ids.shape
    everything = torch.arange(documents).repeat_interleave(tokens)
    order = torch.rand(documents, tokens, generator=torch.Generator().manual_seed(0)).argsort(-1).argsort(-1)
    prefixes = (order[:, None] <= torch.arange(tokens)[:, None]).flatten(0, 1)

    def plain() -> None:
        with torch.no_grad():
            model(**inputs)

    def sweep(engine: Any) -> Callable[[], None]:
        def run() -> None:
            for _ in engine.evaluate(everything, prefixes):
                pass

        return run

    layers = len(attachment.sites.attention)
    for layer in range(layers):
        selected = select(attachment.sites, AttentionSettings(layers=str(layer)), attachment.auto())
        engine = make_engine(REPLAY, attachment, selected, inputs)
        engine.rows_run = 0.0
        forward, swept = in_turn([plain, sweep(engine)], 1, 0)
        report(
            "sweep / plain pass",
            swept[0] / forward[0],
            layer=layer,
            counted=engine.rows_run / documents,
            bound=tokens * (layers - layer) / layers,
            tokens=tokens,
        )


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--layers", action="store_true", help="sweep every layer too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, ids = documents_of(arguments.run, arguments.tokens, arguments.documents)
    attachment = attach(ModelCall(model), example_inputs(model))
    time_curves(model, attachment, ids, arguments.repetitions)
    if arguments.layers:
        time_layers(model, attachment, ids[:4])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    report("peak memory, GiB", memory, documents=len(ids), tokens=ids.shape[1])


if __name__ == "__main__":
    main()

"""What judging an explanation costs, here and by packages that explain, on the same texts in one process; one thread.

    python -m benchmarks.explainers CHECKPOINT --data DIR/trec6 --json benchmarks/results/explainers.json

CHECKPOINT is a Hugging Face sequence classifier (``python -m benchmarks.minilm_shaped`` makes one), DIR/trec6 has
test.tsv. The explanation that all judge is captum's integrated gradients of the decision's logit over embeddings. What
is compared is CPU seconds of the process: of what each package's own call takes for all texts, over those of one plain
pass of the same texts in batches. Judging here is ``attnprobe.probe`` with the explanation less without it, so that
its permuted twin, first flips, divergences and tables count; with curves the same where whole curves are kept.
Everything is run in turn, medians over repetitions. A package that is not installed is told of in a line.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

import attnprobe
from benchmarks.measure import in_turn, report

STEPS = 20
"""Of integrated gradients."""

BATCH = 32

Work = Callable[[], object]


class Texts:
    """A classifier, some texts, and one explanation of each.

    Args:
        checkpoint: a folder.
        texts: of which each fits the model.

    Attributes:
        decided: the classes (texts,).
        held: captum's attributions (texts, tokens), summed over dimensions.
    """

    def __init__(self, checkpoint: Path, texts: list[str]) -> None:
        self.model: Any = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        self.texts = sorted(texts, key=lambda text: len(self.tokenizer.encode(text)))
        self.encoded = self.inputs(self.texts)
        self.sizes = self.encoded["attention_mask"].sum(-1).tolist()
        self.decided = self.plain().argmax(-1)
        self.held = self.integrated_gradients()

    def inputs(self, texts: list[str]) -> dict[str, Tensor]:
        """The model's arguments, padded."""
        return dict(self.tokenizer(texts, return_tensors="pt", padding=True, return_token_type_ids=False))

    @torch.no_grad()
    def plain(self) -> Tensor:
        """Logits of all texts (texts, classes), in batches of texts of like length."""
        parts = [self.texts[start : start + BATCH] for start in range(0, len(self.texts), BATCH)]
        return torch.cat([self.model(**self.inputs(part)).logits for part in parts])

    def logits(self, ids: Tensor, mask: Tensor) -> Tensor:
        """For captum."""
        logits: Tensor = self.model(input_ids=ids, attention_mask=mask).logits
        return logits

    @torch.no_grad()
    def probabilities(self, texts: Any) -> Any:
        """For packages that know no model: of texts as they give them (texts, classes)."""
        given = [str(text) or " " for text in texts]
        parts = [self.inputs(given[start : start + BATCH]) for start in range(0, len(given), BATCH)]
        return torch.cat([self.model(**part).logits for part in parts]).double().softmax(-1).numpy()

    def integrated_gradients(self) -> Tensor:
        """By captum, of the decision's logit."""
        from captum.attr import LayerIntegratedGradients

        ids, mask = self.encoded["input_ids"], self.encoded["attention_mask"]
        found = LayerIntegratedGradients(self.logits, self.model.get_input_embeddings()).attribute(
            ids,
            baselines=torch.full_like(ids, self.tokenizer.pad_token_id),
            target=self.decided,
            additional_forward_args=(mask,),
            n_steps=STEPS,
            internal_batch_size=BATCH,
        )
        return found.sum(-1).detach()

    def ablation(self) -> Tensor:
        """By captum: each token alone becomes [MASK] (texts, tokens); padding is ablated, too."""
        from captum.attr import FeatureAblation

        ids, mask = self.encoded["input_ids"], self.encoded["attention_mask"]
        with torch.no_grad():
            return FeatureAblation(self.logits).attribute(
                ids, self.tokenizer.mask_token_id, target=self.decided, additional_forward_args=(mask,)
            )

    def scores(self) -> list[Any]:
        """The held explanation, one number a token of each text."""
        return [each[:size].numpy() for each, size in zip(self.held, self.sizes, strict=True)]


def probes(of: Texts) -> dict[str, Work]:
    """Ours, with the explanation and without, by first flips alone and with whole curves."""

    def probe(**given: Any) -> Work:
        return lambda: attnprobe.probe(of.model, of.tokenizer, of.texts, layers="last", query="first", **given)

    held: Mapping[str, object] = {"ig": of.scores()}
    return {
        "probe": probe(),
        "probe with it": probe(explanations=held),
        "curves": probe(curves=True),
        "curves with it": probe(curves=True, explanations=held),
    }


def ferret(of: Texts) -> dict[str, Work]:
    """AOPC of comprehensiveness and of sufficiency, and τ with leaving one out, text by text."""
    from ferret.evaluators.faithfulness_measures import (
        AOPC_Comprehensiveness_Evaluation,
        AOPC_Sufficiency_Evaluation,
        TauLOO_Evaluation,
    )
    from ferret.explainers.explanation import Explanation

    held = [
        Explanation(text, of.tokenizer.convert_ids_to_tokens(ids[:size].tolist()), scores, "ig", int(target))
        for text, ids, size, scores, target in zip(
            of.texts, of.encoded["input_ids"], of.sizes, of.scores(), of.decided, strict=True
        )
    ]

    def judged(evaluator: type) -> Work:
        made = evaluator(of.model, of.tokenizer)
        return lambda: statistics.mean(
            float(made.compute_evaluation(each, each.target, remove_first_last=True).score) for each in held
        )

    return {
        "ferret AOPC comprehensiveness": judged(AOPC_Comprehensiveness_Evaluation),
        "ferret AOPC sufficiency": judged(AOPC_Sufficiency_Evaluation),
        "ferret tau with leave-one-out": judged(TauLOO_Evaluation),
    }


def explainkit(of: Texts) -> dict[str, Work]:
    """AOPC over five shares of the words, text by text; a word's score is the sum over its tokens."""
    from explainkit import Explanation, aopc, word_tokenizer

    held = []
    certain = of.probabilities(of.texts)
    for text, scores, target, sure in zip(of.texts, of.scores(), of.decided.tolist(), certain, strict=True):
        offsets = of.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        spans = word_tokenizer(text)
        by_word = [
            float(sum(score for score, (start, end) in zip(scores, offsets, strict=True) if start < e and end > s))
            for _, s, e in spans
        ]
        told = {"prediction": float(sure[target]), "predicted_class": target, "target_class": target}
        words = {"tokens": [word for word, _, _ in spans], "spans": [(s, e) for _, s, e in spans]}
        held.append(Explanation(text=text, scores=by_word, base_value=0.0, method="ig", **words, **told))
    return {"explainkit AOPC": lambda: statistics.mean(aopc(each, of.probabilities) for each in held)}


def interpreto(of: Texts) -> dict[str, Work]:
    """Deletion and insertion of words, masked or put back one by one; a word's score is the sum over its tokens."""
    from interpreto import Saliency
    from interpreto.attributions.metrics import Deletion, Insertion

    held = Saliency(of.model, of.tokenizer, batch_size=BATCH)(of.texts)
    for output, scores in zip(held, of.scores(), strict=True):
        (indices,) = output.granularity.get_indices(output.model_inputs_to_explain, of.tokenizer)
        sums = [float(sum(scores[token] for token in word)) for word in indices]
        output.attributions = torch.tensor([sums], dtype=output.attributions.dtype)
    deletion, insertion = (metric(of.model, of.tokenizer, batch_size=BATCH) for metric in (Deletion, Insertion))
    return {
        "interpreto deletion": lambda: deletion.evaluate(held)[0],
        "interpreto insertion": lambda: insertion.evaluate(held)[0],
    }


PACKAGES: Mapping[str, Callable[[Texts], dict[str, Work]]] = {
    "captum": lambda of: {
        "captum integrated gradients": of.integrated_gradients,
        "captum feature ablation": of.ablation,
    },
    "ferret": ferret,
    "explainkit": explainkit,
    "interpreto": interpreto,
}


def main() -> None:
    """Print what everything costs in plain passes, and what it gave; and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="a folder with test.tsv")
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where the figures are kept")
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    os.environ["TQDM_DISABLE"] = "1"
    torch.set_num_threads(1)
    table = pd.read_csv(arguments.data / "test.tsv", sep="\t", quoting=csv.QUOTE_NONE, keep_default_na=False)
    of = Texts(arguments.checkpoint, table["tokens"].tolist()[: arguments.documents])
    work: dict[str, Work] = {"plain": of.plain, **probes(of)}
    for package, made in PACKAGES.items():
        if find_spec(package) is None:
            print(json.dumps({"figure": package, "note": "not installed"}))
        else:
            work |= made(of)
    times = dict(zip(work, in_turn(list(work.values()), arguments.repetitions, clock=time.process_time), strict=True))
    plain = times.pop("plain")
    details = {"documents": len(of.texts), "tokens": sum(of.sizes), "repetitions": arguments.repetitions}
    found = []
    for name, seconds in times.items():
        ratios = [each / one for each, one in zip(seconds, plain, strict=True)]
        found.append({"figure": f"{name} / plain pass", "ratios": [round(each, 4) for each in ratios]})
    for name in ("probe", "curves"):
        more = zip(times[f"{name} with it"], times[name], plain, strict=True)
        ratios = [round((with_it - without) / one, 4) for with_it, without, one in more]
        found.append({"figure": f"an explanation and its twin, {name} / plain pass", "ratios": ratios})
    for each in found:
        each["value"] = statistics.median(each["ratios"])
        report(each["figure"], each["value"], least=min(each["ratios"]), most=max(each["ratios"]), **details)
    gave = {name: did() for name, did in work.items() if name.split()[0] in ("ferret", "explainkit", "interpreto")}
    print(
        json.dumps({"figure": "means that they give", **{name: round(float(each), 4) for name, each in gave.items()}})
    )
    if arguments.json:
        kept = {"plain_seconds": round(float(np.median(plain)), 3), **details, "figures": found, "means": gave}
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Explanations by captum and shap of a run's test documents, as a file for ``attnprobe probe RUN --explanations``.

    python -m benchmarks.explained_by_packages RUN --out scores.parquet

RUN is a run folder of a fine-tuned Hugging Face sequence classifier. ``ig`` are captum's integrated gradients of the
decision's logit over embeddings from [PAD] on, ``input_x_gradient`` of that name, ``ablation`` captum's feature
ablation with [MASK] in a token's place, and ``shap`` the values of shap's partition explainer; one score a token. The
packages' own objects are also given to ``attnprobe.probe``, a line each, and what comes out is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from captum.attr import FeatureAblation, InputXGradient, LayerIntegratedGradients
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import attnprobe
from attnprobe.cli.options import reopen_run
from attnprobe.settings.checkpoint_names import PREFIX

STEPS = 20
"""Of integrated gradients."""


class Explained:
    """What packages say of texts, one at a time.

    Args:
        checkpoint: a folder.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.model: Any = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)

    @torch.no_grad()
    def probabilities(self, texts: Any) -> Any:
        """Of texts as shap gives them (texts, classes)."""
        given = self.tokenizer(list(map(str, texts)), return_tensors="pt", padding=True)
        return self._logits(given["input_ids"], given["attention_mask"]).softmax(-1).numpy()

    def _logits(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        logits: Tensor = self.model(input_ids=ids, attention_mask=mask).logits
        return logits

    def by_captum(self, text: str) -> dict[str, Any]:
        """By name the scores of a text's tokens."""
        ids = self.tokenizer(text, return_tensors="pt")["input_ids"]
        embedding = self.model.get_input_embeddings()
        with torch.no_grad():
            y = int(self._logits(ids).argmax())
            ablated = FeatureAblation(self._logits).attribute(ids, self.tokenizer.mask_token_id, target=y)
        from_nothing = torch.full_like(ids, self.tokenizer.pad_token_id)
        path = LayerIntegratedGradients(self._logits, embedding).attribute(ids, from_nothing, target=y, n_steps=STEPS)

        def of_embedded(embedded: Tensor) -> Tensor:
            logits: Tensor = self.model(inputs_embeds=embedded).logits
            return logits

        embedded = embedding(ids).detach().requires_grad_()
        product = InputXGradient(of_embedded).attribute(embedded, target=y)
        found = {"ig": path.sum(-1), "input_x_gradient": product.sum(-1), "ablation": ablated}
        return {name: each[0].detach() for name, each in found.items()}

    def by_shap(self, texts: list[str]) -> Any:
        """The values of the tokens of each text, for every class."""
        import shap

        return shap.Explainer(self.probabilities, shap.maskers.Text(self.tokenizer), silent=True, seed=0)(texts)


def of_decided(found: Any) -> list[Any]:
    """Of shap's values those for the class that is decided for (tokens,), text by text."""
    sums = [base + values.sum(0) for base, values in zip(found.base_values, found.values, strict=True)]
    return [values[:, int(np.argmax(each))] for values, each in zip(found.values, sums, strict=True)]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="a .parquet file")
    arguments = parser.parse_args()
    arguments.device = "cpu"
    torch.set_num_threads(1)
    run = reopen_run(arguments.run, arguments)
    texts = run.dataset.splits["test"].documents().texts
    of_run, tested = run.folder.checkpoint, run.configuration.settings.model.removeprefix(PREFIX)
    explained = Explained(of_run if of_run.exists() else Path(tested))  # a model that is tested as it is has no copy
    of_texts = [explained.by_captum(text) for text in texts]
    by_captum = {name: [found[name] for found in of_texts] for name in of_texts[0]}
    by_shap = explained.by_shap(list(texts))
    of_names = {**by_captum, "shap": of_decided(by_shap)}
    rows = [
        pd.DataFrame(
            {"document": document, "position": np.arange(len(scores)), "score": np.asarray(scores, float), "name": name}
        )
        for name, of_documents in of_names.items()
        for document, scores in enumerate(of_documents)
    ]
    table = pd.concat(rows, ignore_index=True)
    table.to_parquet(arguments.out)
    print(f"{arguments.out}: {len(table):,} scores of {len(texts):,} documents by {', '.join(of_names)}")
    result = attnprobe.probe(
        explained.model, explained.tokenizer, list(texts), explanations={**by_captum, "shap": by_shap}
    )
    print(result.fractions().to_string())


if __name__ == "__main__":
    main()

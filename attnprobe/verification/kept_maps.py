"""The attention that a run keeps to be looked at, computed again: a document alone, every row of every head."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.attention.calls import intercepting
from attnprobe.attention.taps import Tap
from attnprobe.base.errors import InputError
from attnprobe.models.subject import Tested
from attnprobe.runs.run_folder import ATTENTION_MAPS, ATTENTION_TOKENS
from attnprobe.runs.tables import read_table
from attnprobe.settings.verification import Sample
from attnprobe.stages.training import Run
from attnprobe.verification.reference_registry import read_document

DOCUMENTS = 5
"""So many documents of the table are looked at, drawn."""

OFF = 1e-3
"""By how much a square root may be off beyond half a step: the run's weights are in its model's own precision."""


def compare_maps(run: Run, tested: Tested[Any], sample: Sample) -> str:
    """Compare what a run says that its model attends to.

    Args:
        run: it, with tables of that.
        tested: its model; in the precision that the references have left it in.
        sample: which of its documents are drawn, and of how many at most.

    Raises:
        InputError: a weight is another one, by more than it is rounded, or the tables lack a head or a token.
    """
    path = run.folder.table(ATTENTION_MAPS)
    table, tokens = read_table(path), read_table(run.folder.table(ATTENTION_TOKENS))
    every = np.unique(table["document"].to_numpy())
    drawn = np.random.default_rng(sample.seed).permutation(every)[: min(DOCUMENTS, sample.documents)]
    encoded = run.subject.encode(run.dataset.splits["test"].take(np.sort(drawn)))
    heads = 0
    for row, number in enumerate(np.sort(drawn).tolist()):
        batch = encoded.batch(np.array([row])).to(run.device)
        inputs, item_of_token = read_document(tested.probe, batch)
        of_text = tokens[(tokens["document"] == number) & (tokens["side"] == "source")].sort_values("position")
        if of_text["item"].tolist() != item_of_token.tolist():
            raise InputError(
                f"{ATTENTION_TOKENS}.parquet, document {number}: these are not its tokens and their items."
            )
        found: dict[tuple[str, int, int], npt.NDArray[np.float64]] = {}
        for stack, layer, weights in _computed(tested.probe, inputs):
            found |= {(stack, layer, head): of_head for head, of_head in enumerate(weights)}
        stored = table[table["document"] == number]
        if sorted(zip(*(stored[name] for name in ("stack", "layer", "head")), strict=True)) != sorted(found):
            raise InputError(f"{path}, document {number}: the rows are not one for each of {len(found)} heads.")
        for each in stored.itertuples():
            where = f"{path}, document {number}, {each.stack} layer {each.layer} head {each.head}"
            _compare(where, str(each.weights), found[each.stack, each.layer, each.head])
            heads += 1
    return (
        f"{path.name} agrees with the slow reference in {heads:,} heads of {len(drawn):,} documents, every weight "
        "of them within the step that it is rounded to"
    )


def _compare(where: str, text: str, weights: npt.NDArray[np.float64]) -> None:
    """Raise InputError where stored weights are not these (queries, keys)."""
    codes = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
    if codes.size != weights.size:
        raise InputError(f"{where}: there are {codes.size:,} weights, the reference finds {weights.size:,}.")
    off = np.abs(codes.reshape(weights.shape) / 255 - np.sqrt(weights))
    if off.max() > 0.5 / 255 + OFF:
        query, key = np.unravel_index(int(off.argmax()), off.shape)
        kept = (int(codes.reshape(weights.shape)[query, key]) / 255) ** 2
        raise InputError(
            f"{where}, row {query}, token {key}: the weight is {kept:.4g}, "
            f"the reference finds {weights[query, key]:.4g}."
        )


@torch.no_grad()
def _computed(probe: Any, inputs: dict[str, Tensor]) -> Iterator[tuple[str, int, npt.NDArray[np.float64]]]:  # noqa: ANN401
    """Stack, layer and weights (heads, queries, keys) of a document."""
    attachment = probe.attention.attachment
    looks = {site: _Look() for site in attachment.sites.attention}
    with intercepting(attachment.call.model, dict(site.tapped(look, by_mask=False) for site, look in looks.items())):
        attachment.call(inputs)
    for site, look in looks.items():
        yield site.stack, site.layer, look.weights[0].double().cpu().numpy()


class _Look(Tap):
    """Notes the weights, and leaves them."""

    weights: Tensor

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        self.weights = weights.detach().clone()
        return weights

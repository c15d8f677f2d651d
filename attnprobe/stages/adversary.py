"""How different a run's attention could be with nearly the same predictions, of a sample of its documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from attnprobe.base.errors import InputError
from attnprobe.base.progress_bars import progress_bar
from attnprobe.erasure.adversaries.adversarial_attention import farthest_rows
from attnprobe.erasure.adversaries.distances import DISTANCES
from attnprobe.erasure.adversaries.feasible_rows import FeasibleRows
from attnprobe.erasure.adversaries.permutations import permutation_scores
from attnprobe.erasure.erasable import Erasable
from attnprobe.models.subject import Tested
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.meaning_records import require_default
from attnprobe.runs.tables import read_table
from attnprobe.settings.adversary import EPSILONS, Adversaries
from attnprobe.stages.tables import micro_batches
from attnprobe.stages.training import Run

SEARCHED_AT = 0.05
"""The epsilon at which searches are reported, as in Jain & Wallace (2019)."""

_AT_ONCE = 16
"""Documents between two steps of the bar."""

KEPT = 1e-9
"""A weight that is no larger does not count among the items that a row attends to."""

Search = Callable[[FeasibleRows, float, int], torch.Tensor]
"""Of rows, an epsilon and a seed the Jensen-Shannon divergence that a search reaches (documents,)."""


class Moved(NamedTuple):
    """What came of moving attention.

    Attributes:
        rows: one a document and epsilon: `document`, `n`, `epsilon`, by distance what is attained (`js`, `tv`) and what
            is certain to bound it (`js_bound`, `tv_bound`), `items` that the farthest row attends to, and `search`, the
            divergence that a gradient search reaches, where one was made.
        documents: one a document: `document`, `n`, `permutation_z`, of the rival that is nearest.
    """

    rows: pd.DataFrame
    documents: pd.DataFrame


def move_attention(run: Run, wanted: Adversaries, search: Search) -> Moved:
    """Look for the farthest attention of a probed run's documents, without changing the run.

    Raises:
        InputError: the run is not probed with the model that is there, or erases or decides otherwise, or its attention
            is not pooled into an affine readout.
    """
    folder = run.folder
    require_default(read_configuration(folder.config), str(folder.path), "moving attention")
    tested = run.subject.load()
    if not folder.is_probed(f"{run.configuration.erased_by}/{tested.digest}"):
        raise InputError(f"{folder.path} holds no results of its model; run attnprobe probe first.")
    documents = read_table(folder.table("documents"), ["document", "n"])
    several = documents.loc[documents["n"] > 1, "document"].to_numpy()
    if not len(several):
        raise InputError(f"No document of {folder.path} has more than one item, so no attention can be moved.")
    drawn = np.random.default_rng(wanted.seed).permutation(several)[: wanted.documents]
    searched = set(drawn[: wanted.searched].tolist())
    rows: list[pd.DataFrame] = []
    of_documents: list[pd.DataFrame] = []
    epsilons = (0.0,) if wanted.same_output else EPSILONS
    bar = progress_bar(
        total=len(drawn) * len(epsilons), unit=" rows", desc="moving attention", disable=None, leave=False
    )
    for numbers, batch in _batches(run, tested, np.sort(drawn)):
        erasable = Erasable(tested.probe.erasures(batch), torch.from_numpy(numbers))
        of_documents.append(_of_permutations(_feasible(erasable, 0.0, folder.path), numbers))
        chosen = torch.tensor([number in searched for number in numbers.tolist()])
        for epsilon in epsilons:
            same = wanted.same_output
            feasible = _of_same_output(erasable) if same else _feasible(erasable, epsilon, folder.path)
            found = _farthest(feasible, numbers, epsilon, wanted, bar)
            if epsilon == SEARCHED_AT and bool(chosen.any()):
                reached = search(feasible.of_documents(torch.nonzero(chosen)[:, 0]), epsilon, wanted.seed)
                found.loc[chosen.numpy(), "search"] = reached.numpy()
            rows.append(found)
    bar.close()
    order = ["document", "epsilon"]
    return Moved(
        pd.concat(rows).sort_values(order, ignore_index=True),
        pd.concat(of_documents).sort_values("document", ignore_index=True),
    )


def _batches(run: Run, tested: Tested[Any], numbers: np.ndarray) -> Iterator[tuple[np.ndarray, Any]]:
    encoded = run.subject.encode(run.dataset.splits["test"].take(numbers))
    for rows in micro_batches(tested.probe, encoded):
        yield numbers[rows], encoded.batch(rows).to(run.device)


def _feasible(erasable: Erasable, epsilon: float, path: object) -> FeasibleRows:
    pooling = erasable.pooling()
    if pooling is None or erasable.requirements() is None:
        raise InputError(f"{path}: its attention is not pooled into an affine readout, as in HAN and FLAN.")
    decision, alone = erasable.decision(), pooling.alone
    margins = alone - alone.gather(1, decision[:, None, None].expand(-1, 1, alone.shape[2]))
    attention = erasable.attention
    return FeasibleRows.of(margins, attention.weights, decision, attention.mask, epsilon)


def _of_same_output(erasable: Erasable) -> FeasibleRows:
    """Rows of attention whose pooled vector is the document's own; once it is seen that attention pools."""
    pooling, attention = erasable.pooling(), erasable.attention
    assert pooling is not None, "it is seen with the permutations"
    return FeasibleRows.of_outputs(pooling.values, attention.weights, attention.mask)


def _farthest(
    feasible: FeasibleRows, numbers: np.ndarray, epsilon: float, wanted: Adversaries, bar: tqdm[Any]
) -> pd.DataFrame:
    """Some documents at a time: with several classes each takes seconds, and the bar is to move."""
    parts = []
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        rows = feasible.of_documents(torch.arange(start, start + len(some)))
        columns: dict[str, Any] = {"document": some, "n": rows.mask.sum(-1).numpy(), "epsilon": epsilon}
        for name in ("js", "tv"):
            found = farthest_rows(rows, DISTANCES[name], None, wanted.programs)
            columns |= {name: found.distance.numpy(), f"{name}_bound": found.bound.numpy()}
            if name == "js":
                columns["items"] = (found.weights > KEPT).sum(-1).numpy()
        parts.append(pd.DataFrame(columns | {"search": np.nan}))
        bar.update(len(some))
    return pd.concat(parts, ignore_index=True)


def _of_permutations(feasible: FeasibleRows, numbers: np.ndarray) -> pd.DataFrame:
    scores = permutation_scores(feasible)
    # Of the rival whose lead is the smallest.
    nearest = torch.matmul(feasible.leads, feasible.weights[..., None]).squeeze(-1).argmin(-1, keepdim=True)
    return pd.DataFrame(
        {
            "document": numbers,
            "n": feasible.mask.sum(-1).numpy(),
            "permutation_z": scores.gather(1, nearest).squeeze(1).numpy(),
        }
    )

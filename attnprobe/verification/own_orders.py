"""The orders of a run's file of explanations, made again from its scores by sorting, document by document."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.erasure.registered_orderings import RANK
from attnprobe.models.subject import Tested
from attnprobe.stages.own_orderings import OrderingsOfRun
from attnprobe.stages.run_work import TEST
from attnprobe.stages.training import Run
from attnprobe.verification.row_batches import rows_of_documents


def check_own_orders(run: Run, tested: Tested[Any], numbers: npt.NDArray[np.integer]) -> str:
    """See that items were erased by the scores of the file, the largest first, of equal ones the earlier.

    Args:
        run: one that has such a file.
        tested: its model.
        numbers: of documents whose items the run holds, ascending (documents,).

    Raises:
        InputError: the file is gone, or another one; or items were erased in another order.
    """
    settings = run.configuration.settings.explanations
    encoded = run.subject.encode(run.dataset.splits[TEST].take(numbers))
    scores = OrderingsOfRun(run.configuration).scores(tested.probe, encoded, numbers)
    path = run.folder.table("items")
    rows = rows_of_documents(path, ["document", *(f"{RANK}{name}" for name in scores)], numbers)
    documents = rows["document"].to_numpy()
    for name, given in scores.items():
        ranks = rows[f"{RANK}{name}"].to_numpy()
        ends = np.cumsum(given.sizes)
        for number, begin, end in zip(numbers.tolist(), (ends - given.sizes).tolist(), ends.tolist(), strict=True):
            keys = (np.arange(end - begin), -given.scores[0, begin:end], -given.places[begin:end].astype(int))
            erased = np.argsort(ranks[documents == number], kind="stable")
            if not np.array_equal(erased, np.lexsort(keys)):
                raise InputError(
                    f"{path}, document {number}: {RANK}{name} is not the order of the scores in {settings.file}."
                )
    names = ", ".join(scores)
    return f"{len(numbers):,} documents were erased in the order of the scores in {settings.file}: {names}"

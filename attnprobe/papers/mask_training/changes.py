"""What is measured with and without training for erasure, and by how much it differs, paired by document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Compared, Numbers, Ratio, compare_ratios, pooled
from attnprobe.analysis.intervals import t_interval
from attnprobe.analysis.over_meanings import over_meanings
from attnprobe.analysis.restricted_means import restricted
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.who_flips_first import shares_of_documents
from attnprobe.erasure.certified_names import SUFFICIENT_SMALLEST
from attnprobe.erasure.registered_orderings import ATTENTION, PAPER, SMALLEST_SET
from attnprobe.erasure.state_names import FLIP_P, OUTSIDE, STATE_P
from attnprobe.papers.mask_training.matched_runs import MatchedRuns

ACCURACY = "accuracy"
ERASED = "erased"
LEAD = "lead"
FLIPPED = "flipped"
KEPT = "kept"
ONE_IS_ENOUGH = "one_is_enough"
EARLY, LATE = "early", "late"
OUTSIDE_FLIPS = "outside_flips"
OUTSIDE_WHOLE = "outside_whole"

HALF = 0.5
"""Share of the items from which on the smallest set that flips a decision is large, and every flip of it late."""

SIDES = ("plain", "masked", "difference")


def quantity(name: str, ordering: str = "") -> str:
    """How a quantity is called in the tables: of an ordering with its name behind a blank.

    >>> quantity(ERASED, ATTENTION), quantity(ACCURACY)
    ('erased attention', 'accuracy')
    """
    return f"{name} {ordering}".strip()


def change_table(matched: Iterable[MatchedRuns]) -> pd.DataFrame:
    """A row a pair of runs and quantity: both values and masked less plain, each with its 95 % interval over documents.

    ``accuracy`` is of all documents, whole. Of documents of several items: ``erased`` is the restricted mean of an
    ordering, ``lead`` attention's over another, ``flipped`` the share that attention flips while something is left,
    ``kept`` the smallest share of the items that guarantees the decision, ``one_is_enough`` the share in which one item
    does; the latter also of the documents whose decision the smallest set flips ``late``, with half of the items or
    more or not at all, and ``early``. ``outside_flips`` is the share of attention's first flips that are outside of
    what the model was trained on, ``outside_whole`` the same of whole documents.
    """
    rows = []
    for pair in matched:
        for name, compared in changes(pair).items():
            row: dict[str, object] = {"dataset": pair.plain.dataset, "model": pair.plain.model, "seed": pair.plain.seed}
            row["quantity"] = name
            for side, estimate in zip(SIDES, (compared.second, compared.first, compared.difference), strict=True):
                row |= {side: estimate.value, f"{side}_low": estimate.low, f"{side}_high": estimate.high}
            rows.append(row | {"n": compared.difference.n})
    return pd.DataFrame(rows)


def changes(pair: MatchedRuns) -> dict[str, Compared]:
    """By quantity masked, plain, and masked less plain."""
    whole = compare_ratios({ACCURACY: (_right(pair.masked), _right(pair.plain))})
    masked, plain = (_columns(run) for run in (pair.masked, pair.plain))
    return whole | compare_ratios({name: (masked[name], plain[name]) for name in masked if name in plain})


def _right(run: RunResults) -> Ratio:
    labelled = (run.documents["label"] >= 0).to_numpy()
    right = (run.documents["label"] == run.documents["decision"]).to_numpy() & labelled
    return right.astype(np.float64), labelled.astype(np.float64)


def _columns(run: RunResults) -> dict[str, Ratio]:
    """By quantity numerators and denominators (documents,) of the documents of several items."""
    flips = run.first_flips
    columns = {
        quantity(ERASED, name): restricted(flips[name])["fraction"] for name in (*PAPER, SMALLEST_SET) if name in flips
    }
    columns |= {
        quantity(LEAD, name): shares_of_documents(flips[ATTENTION], flips[name])["lead"]
        for name in PAPER
        if name != ATTENTION
    }
    columns[FLIPPED] = (~np.isnan(flips[ATTENTION].removed)).mean(axis=1)
    several = run.several
    if SUFFICIENT_SMALLEST in several:
        kept: Numbers = several[SUFFICIENT_SMALLEST].to_numpy(dtype=np.float64)
        one = (kept == 1).astype(np.float64)
        columns |= {KEPT: kept / several["n"].to_numpy(), ONE_IS_ENOUGH: one}
        if SMALLEST_SET in flips:
            late = restricted(flips[SMALLEST_SET])["fraction"] >= HALF
            columns[quantity(ONE_IS_ENOUGH, LATE)] = np.where(late, one, np.nan)
            columns[quantity(ONE_IS_ENOUGH, EARLY)] = np.where(late, np.nan, one)
    if STATE_P in several and FLIP_P in run.erasures:
        columns |= {
            OUTSIDE_FLIPS: _below(run.at_first_flip(ATTENTION, FLIP_P)),
            OUTSIDE_WHOLE: _below(several[STATE_P].to_numpy(dtype=np.float64)),
        }
    return {name: pooled(column) for name, column in columns.items()}


def _below(p: Numbers) -> Numbers:
    return np.where(np.isnan(p), np.nan, p < OUTSIDE)


def seed_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row a dataset, model and quantity of several seeds: mean differences, from three on with a t-interval."""
    rows = []
    for (dataset, model, name), group in table.groupby(["dataset", "model", "quantity"], sort=False):
        if len(group) > 1:
            over = {side: t_interval(group[side].tolist()) for side in SIDES}
            row: dict[str, object] = {"dataset": dataset, "model": model, "quantity": name, "seeds": len(group)}
            for side, estimate in over.items():
                row |= {side: estimate.value, f"{side}_low": estimate.low, f"{side}_high": estimate.high}
            rows.append(row)
    return pd.DataFrame(rows)


def count_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row a quantity: in how many runs it is higher and lower by its whole interval, in how many that is not shown.

    With the median, the least and the largest of the differences.
    """
    rows = []
    for name, group in table.groupby("quantity", sort=False):
        higher, lower = int((group["difference_low"] > 0).sum()), int((group["difference_high"] < 0).sum())
        ends = group["difference"].agg(["median", "min", "max"]).to_dict()
        rows.append(
            {"quantity": name, "runs": len(group), "higher": higher, "lower": lower}
            | {"not_shown": len(group) - higher - lower}
            | ends
        )
    return pd.DataFrame(rows)


def verdict_table(matched: Iterable[MatchedRuns]) -> pd.DataFrame:
    """A row a pair of runs: the verdict of each, and what becomes of it and of each comparison over meanings."""
    rows = []
    for pair in matched:
        row: dict[str, object] = {"dataset": pair.plain.dataset, "model": pair.plain.model, "seed": pair.plain.seed}
        for side, run in zip(SIDES, (pair.plain, pair.masked), strict=False):
            row |= {f"{side}_{name}": told for name, told in _verdicts(run).items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _verdicts(run: RunResults) -> Mapping[str, str]:
    found = over_meanings(run)
    if found is None:
        return {}
    own = next(iter(found.ways.values())).verdict
    return {"verdict": own, "over_meanings": found.verdict} | {
        f"over_{name}": found.comparisons[name] for name in PAPER if name in found.comparisons
    }

"""What the claims look at in one run, computed once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Compared, Estimate, Numbers, Ratio, compare_ratios, ratios
from attnprobe.analysis.delta_js import delta_js_pairs
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import sign_flip_tests
from attnprobe.analysis.single_weights import attention_entropy
from attnprobe.analysis.thresholds import FEWEST_ITEMS
from attnprobe.analysis.verdict import is_nearly_uniform
from attnprobe.analysis.who_flips_first import Comparison, compare, shares_of_documents

Which = npt.NDArray[np.bool_]


class Evidence:
    """One run's results as the claims need them.

    Attributes:
        results: the run.
    """

    def __init__(self, results: RunResults) -> None:
        self.results = results

    @property
    def pair(self) -> tuple[str, str]:
        """Dataset and model."""
        return self.results.dataset, self.results.model

    @property
    def has_encoder(self) -> bool:
        """Whether the model encodes its items in their context."""
        return not self.results.model.endswith(("-none", "-average"))

    @cached_property
    def entropy(self) -> Estimate:
        """Mean normalised attention entropy."""
        return attention_entropy(self.results)

    @property
    def is_nearly_uniform(self) -> bool | None:
        """Whether the weights differ too little for single ones to be compared; None where documents do not tell."""
        return is_nearly_uniform(self.entropy)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Pairs (document, r): see ``delta_js_pairs``."""
        return delta_js_pairs(self.results)

    @property
    def not_looked_at(self) -> str:
        """How many documents of the split are not in what is looked at, and why, in words."""
        results = self.results
        reasons = {
            "not in the seeded sample": results.total - len(results.documents),
            "that broke the model": results.quarantined,
        }
        return ", ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)

    @property
    def left_out(self) -> str:
        """How many documents are left out of every statistic, and why, in words."""
        one_item = len(self.results.documents) - len(self.results.several)
        said = f"{one_item:,} with one {self.results.unit}" if one_item else ""
        return ", ".join(filter(None, [self.not_looked_at, said]))

    @property
    def is_long(self) -> Which:
        """The documents (documents,) with so many items that one of them is no large part."""
        return self.results.several["n"].to_numpy() >= FEWEST_ITEMS

    @property
    def short_ones(self) -> str:
        """How many documents with several items are not long, in words."""
        short = int(np.count_nonzero(~self.is_long))
        return f"{short:,} with fewer than {FEWEST_ITEMS} {self.results.unit}s" if short else ""

    def comparison(self, first: str, second: str) -> Comparison:
        """Which of two orderings flips strictly earlier, as ``who_flips_first`` has it."""
        (comparison,) = compare(self.results.first_flips, [(first, second)])
        return comparison

    def shares(self, first: str, second: str) -> dict[str, Numbers]:
        """Per document (documents,): which of two orderings flips strictly earlier, averaged over random draws."""
        flips = self.results.first_flips
        return shares_of_documents(flips[first], flips[second])

    def restricted_mean(self, ordering: str) -> float:
        """Mean fraction erased at the first flip, a document without one counting as one."""
        fraction = self.results.first_flips[ordering].fraction
        return float(np.where(np.isnan(fraction), 1.0, fraction).mean())

    def mean_over_pairs(self, values: Numbers, among: Which) -> Estimate:
        """Mean of ``values`` over the pairs in ``among`` (pairs,), each by its weight; resampled by document."""
        return ratios({"mean": self._sums(values, among)})["mean"]

    def means_over_pairs(self, values: Numbers, first: Which, second: Which) -> Compared:
        """Means of ``values`` over the pairs in ``first`` and in ``second`` (pairs,), and their difference.

        Each pair by its weight; a resample of documents changes both means.
        """
        return compare_ratios({"means": (self._sums(values, first), self._sums(values, second))})["means"]

    def _sums(self, values: Numbers, among: Which) -> Ratio:
        """Sums of weighted values and of weights (documents,) of the pairs in ``among``."""
        rows = pd.Index(self.results.several["document"]).get_indexer(self.pairs["document"])
        weight = self.pairs["weight"].to_numpy() * among
        size = len(self.results.several)
        above, below = (
            np.bincount(rows, weights=column, minlength=size).astype(np.float64) for column in (weight * values, weight)
        )
        return above, below


def p_value_of(differences: Numbers) -> float:
    """Of the sign-flip permutation test that documents' differences (documents,) are zero in the mean."""
    return sign_flip_tests({"differences": differences})["differences"].p

"""The claims on correlations, judged in runs: J1 to J6.

J1 to J4 compare models on the same documents: differences are of a document's two correlations, and their intervals are
over documents, given the trained models. So each seed is a case of its own, and a dataset's seeds have to agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.correlation_names import ATTENTION_GRADIENT, ATTENTION_LEAVE_ONE_OUT, GRADIENT_LEAVE_ONE_OUT
from attnprobe.papers.jain2019.runs import Correlated, correlated
from attnprobe.papers.serrano2019.claims.evidence import p_value_of
from attnprobe.papers.serrano2019.claims.judgement import Case, Judgement, above, below, over_most
from attnprobe.papers.serrano2019.claims.scorecard import Claim, ClaimResult, result_of

LSTM, CNN, AVERAGE = "jain-lstm", "jain-cnn", "jain-average"

WEAK = 0.5
"""A mean correlation below this is called weak: every one of the BiLSTMs' that was released is."""

CORRELATIONS_OF_ATTENTION = "correlations of attention"


class _Judged(NamedTuple):
    """A claim and what makes its cases of all runs."""

    claim: Claim
    cases: Callable[[Sequence[Correlated]], list[Case]]


def judge_correlation_claims(runs: Iterable[RunResults]) -> list[ClaimResult]:
    """Judge J1 to J6 on these runs; nothing where no run's attention was correlated.

    Args:
        runs: in any order.
    """
    found = sorted(correlated(runs), key=lambda run: (run.dataset, run.model, run.seed))
    if not found:
        return []
    return [result_of(judged.claim, judged.cases(found)) for judged in _JUDGED]


def _compares(more: str, less: str, tau: str) -> Callable[[Sequence[Correlated]], list[Case]]:
    """Cases of a claim that one model's correlation is above another's, document by document."""

    def cases(runs: Sequence[Correlated]) -> list[Case]:
        by_model = {(run.dataset, run.seed, run.model): run.taus[tau] for run in runs}
        found = []
        for run in runs:
            other = by_model.get((run.dataset, run.seed, less))
            if run.model == more and other is not None:
                one, other = run.taus[tau].align(other, join="inner")
                name = f"{run.dataset} {more} less {less} seed-{run.seed}"
                found.append(Case(name, run.dataset, _above_zero((one - other).to_numpy())))
        return found

    return cases


def _within(model: str, judge: Callable[[pd.DataFrame], Judgement]) -> Callable[[Sequence[Correlated]], list[Case]]:
    """Cases of a claim about one model."""
    return lambda runs: [
        Case(f"{run.dataset} {run.model} seed-{run.seed}", run.dataset, judge(run.taus))
        for run in runs
        if run.model == model
    ]


def _above_zero(differences: Numbers) -> Judgement:
    estimate = _mean(differences)
    return Judgement(above(estimate, 0.0), estimate, 0.0, _undefined(differences), p_value=p_value_of(differences))


def _weak(taus: pd.DataFrame) -> Judgement:
    values = taus[ATTENTION_GRADIENT].to_numpy()
    estimate = _mean(values)
    return Judgement(below(estimate, WEAK), estimate, WEAK, _undefined(values))


def _mean(values: Numbers) -> Estimate:
    return means({"mean": values})["mean"]


def _undefined(values: Numbers) -> str:
    missing = int(np.isnan(values).sum())
    return f"{missing:,} without such a correlation" if missing else ""


def _claim(number: int, sentence: str, statistic: str, comparison: str) -> Claim:
    return Claim(
        f"J{number}",
        sentence,
        CORRELATIONS_OF_ATTENTION,
        statistic,
        comparison,
        None,
        verdict=over_most,
        counted="datasets",
    )


_DIFFERENCE = "mean difference of a document's τ({}) between the two models"

_JUDGED = (
    _Judged(
        _claim(
            1,
            "Attention agrees with the input's gradients more without an encoder of context (average) than with a CNN.",
            _DIFFERENCE.format("attention, gradient"),
            "above zero",
        ),
        _compares(AVERAGE, CNN, ATTENTION_GRADIENT),
    ),
    _Judged(
        _claim(
            2,
            "Attention agrees with the input's gradients more with a CNN than with a BiLSTM.",
            _DIFFERENCE.format("attention, gradient"),
            "above zero",
        ),
        _compares(CNN, LSTM, ATTENTION_GRADIENT),
    ),
    _Judged(
        _claim(
            3,
            "Attention agrees with leaving words out more without an encoder of context (average) than with a CNN.",
            _DIFFERENCE.format("attention, leave-one-out"),
            "above zero",
        ),
        _compares(AVERAGE, CNN, ATTENTION_LEAVE_ONE_OUT),
    ),
    _Judged(
        _claim(
            4,
            "Attention agrees with leaving words out more with a CNN than with a BiLSTM (as in two of the four "
            "released datasets).",
            _DIFFERENCE.format("attention, leave-one-out"),
            "above zero",
        ),
        _compares(CNN, LSTM, ATTENTION_LEAVE_ONE_OUT),
    ),
    _Judged(
        _claim(
            5,
            "With a BiLSTM, gradients agree with leaving words out more than attention does.",
            "mean of a document's τ(gradient, leave-one-out) less its τ(attention, leave-one-out)",
            "above zero",
        ),
        _within(
            LSTM, lambda taus: _above_zero((taus[GRADIENT_LEAVE_ONE_OUT] - taus[ATTENTION_LEAVE_ONE_OUT]).to_numpy())
        ),
    ),
    _Judged(
        _claim(
            6,
            "With a BiLSTM, attention agrees with the input's gradients only weakly.",
            "mean τ(attention, gradient)",
            f"below {WEAK}",
        ),
        _within(LSTM, _weak),
    ),
)

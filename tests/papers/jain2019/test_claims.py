"""The claims on correlations: what is compared with what, and when it holds."""

import json

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.correlations import correlations
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.correlation_names import CORRELATIONS
from attnprobe.papers.jain2019.claims import judge_correlation_claims
from attnprobe.papers.jain2019.runs import correlated, run_row
from attnprobe.papers.serrano2019.claims.judgement import FAILS, HOLDS, NOT_TESTED, UNDECIDED
from attnprobe.papers.serrano2019.scorecard_tables import as_csv, as_markdown, for_terminal
from tests.fixtures.synthetic_runs import write_run

DOCUMENTS, ASKED = 60, 40


def run(folder, model, taus, seed=0, dataset="sst2", spread=0.1):
    """A run with these mean correlations in its first 40 documents, which two models share document by document."""
    generator = np.random.default_rng(seed)
    path = folder / dataset / model / f"seed-{seed}"
    write_run(path, generator.integers(2, 9, size=DOCUMENTS), seed=seed)
    config = json.loads((path / "config.json").read_text())
    config["settings"] |= {"dataset": dataset, "model": model, "seed": seed}
    (path / "config.json").write_text(json.dumps(config))
    documents = pd.read_parquet(path / "documents.parquet")
    documents["p_decision"] = generator.uniform(0.5, 1, DOCUMENTS)
    shared = generator.normal(0, spread, DOCUMENTS)
    for name, mean in zip(CORRELATIONS, taus, strict=True):
        documents[name] = np.where(np.arange(DOCUMENTS) < ASKED, mean + shared - shared[:ASKED].mean(), np.nan)
    documents.to_parquet(path / "documents.parquet")
    return RunResults.load(path)


def verdicts(runs):
    return {result.claim.id: result.verdict for result in judge_correlation_claims(runs)}


def as_published(folder, **options):
    models = {"jain-lstm": (0.35, 0.29, 0.65), "jain-cnn": (0.47, 0.35, 0.49), "jain-average": (0.61, 0.62, 0.56)}
    return [run(folder, model, taus, **options) for model, taus in models.items()]


def test_the_released_pattern_holds(tmp_path):
    runs = as_published(tmp_path)
    assert verdicts(runs) == dict.fromkeys(("J1", "J2", "J3", "J4", "J5", "J6"), HOLDS)
    (first, *_) = judge_correlation_claims(runs)
    (case,) = first.cases
    assert case.name == "sst2 jain-average less jain-cnn seed-0"
    assert case.judgement.estimate.value == pytest.approx(0.61 - 0.47)
    assert case.judgement.estimate.n == ASKED  # others were not asked
    # Differences are of the same document: what two models share of a document is no part of them.
    assert case.judgement.estimate.high - case.judgement.estimate.low < 1e-9


def test_the_opposite_fails_and_seeds_that_disagree_leave_it_open(tmp_path):
    turned = [run(tmp_path, "jain-lstm", (0.8, 0.5, 0.2)), run(tmp_path, "jain-cnn", (0.4, 0.3, 0.2))]
    found = verdicts(turned)
    assert found == {"J1": NOT_TESTED, "J2": FAILS, "J3": NOT_TESTED, "J4": FAILS, "J5": FAILS, "J6": FAILS}
    assert verdicts([*turned, *as_published(tmp_path, seed=1)])["J2"] == UNDECIDED


def test_without_correlations_there_is_no_such_claim(tmp_path):
    write_run(tmp_path / "plain", [3, 4, 5] * 10)
    plain = RunResults.load(tmp_path / "plain")
    assert judge_correlation_claims([plain]) == []
    assert correlations(plain) is None
    assert list(correlated([plain])) == []


def test_the_scorecard_shows_them(tmp_path):
    scorecard = judge_correlation_claims(as_published(tmp_path))
    assert "J6  HOLDS           1 dataset: 1 holds" in for_terminal(scorecard)
    assert "| sst2 jain-cnn less jain-lstm seed-0 | holds | 0.120 [0.120, 0.120] | 40 |" in as_markdown(scorecard)
    assert len(as_csv(scorecard).splitlines()) == 1 + 6


def test_a_row_of_a_run_against_slow_sums(tmp_path):
    results = run(tmp_path, "jain-cnn", (0.47, 0.35, 0.49))
    (found,) = correlated([results])
    row = run_row(found)
    documents = pd.read_parquet(results.folder / "documents.parquet")
    label, decision = documents["label"], documents["decision"]
    assert row["accuracy"] == pytest.approx((label == decision).mean())
    hits = ((label == 1) & (decision == 1)).sum()
    precision, recall = hits / (decision == 1).sum(), hits / (label == 1).sum()
    assert row["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    positive = documents["p_decision"].where(decision == 1, 1 - documents["p_decision"])
    pairs = [(a > b) + (a == b) / 2 for a in positive[label == 1] for b in positive[label == 0]]
    assert row["auc"] == pytest.approx(np.mean(pairs))
    assert row["tau_attention_gradient"] == pytest.approx(0.47)
    assert row["tau_attention_gradient_n"] == ASKED
    told = correlations(results)
    assert told["documents"] == ASKED
    assert told["taus"]["tau_gradient_leave_one_out"].mean.value == pytest.approx(0.49)

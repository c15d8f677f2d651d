"""Runs of readouts of which no smallest set is known, with greedy erasure as a reference and without."""

import json

import numpy as np
import pytest

from attnprobe.analysis.across_runs import by_pair
from attnprobe.analysis.finding_runs import load_runs
from attnprobe.analysis.flip_timing import divergence_from_uniform
from attnprobe.analysis.mass import mass_statistics
from attnprobe.analysis.never_flips import never_flips
from attnprobe.analysis.ordering_tests import ordering_tests
from attnprobe.analysis.results import NO_SMALLEST_SET, RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.analysis.telling_documents import telling_document
from attnprobe.papers.serrano2019.claims.evidence import Evidence
from attnprobe.papers.serrano2019.claims.judgement import IDENTITY, NOT_INFORMATIVE
from attnprobe.papers.serrano2019.claims.orderings import distance_from_the_smallest_set, even_the_earliest_is_large
from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
from attnprobe.settings.checkpoint_names import short_model_name
from tests.fixtures.synthetic_runs import ORDERINGS, write_run
from tests.fixtures.transformer_runs import MODEL, WITH_GREEDY, WITHOUT_ORACLE, write_transformer_run

SIZES = [10] * 40


@pytest.fixture(params=[WITHOUT_ORACLE, WITH_GREEDY], ids=["alone", "greedy"])
def results(request, tmp_path):
    sizes = np.random.default_rng(2).integers(1, 19, size=50)
    write_transformer_run(tmp_path, sizes, draws=request.param, never=0.05)
    return RunResults.load(tmp_path)


def test_a_summary_is_made(results):
    summary = summarise(results)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert not results.knows_smallest_sets
    for row in summary["first_flips"].values():
        assert set(row["removed_ratio_to"]) == {"greedy"} & set(summary["first_flips"])
    assert summary["run"] | {"unit": "token", "model": MODEL, "name": "toy · Mini|LM^{x} · seed 3"} == summary["run"]
    assert len(summary["heads"]) == 6
    assert set(summary["emptied_rows"]) == set(summary["first_flips"])


def test_what_needs_the_smallest_set_has_no_value_and_nothing_else_is_lost(results):
    assert all(np.isnan(mass.oracle_difference.value) for mass in mass_statistics(results).values())
    assert telling_document(results) is None
    assert never_flips(results)[:3] == (None, None, None)
    assert not np.isnan(never_flips(results).by_ordering["attention"].share.value)
    claims = {result.claim.id: result for result in judge_claims([results])}
    assert claims["O1"].verdict == NOT_INFORMATIVE
    assert claims["O1"].cases[0].judgement.note == NO_SMALLEST_SET
    assert all(claims[claim].cases for claim in ("S1", "S2", "S3", "S4", "S5", "M1", "M2", "M3", "M4", "M7", "O2"))


def test_a_bias_that_is_null_is_none(tmp_path):
    write_transformer_run(tmp_path, [3, 4])
    (tmp_path / "summary.json").write_text('{"readout_bias": null}')
    assert never_flips(RunResults.load(tmp_path)).bias_class is None


def test_one_run_without_leaves_the_claim_to_the_others(tmp_path):
    write_transformer_run(tmp_path / "without", SIZES)
    removed = {"attention": [6] * 40, "oracle": [2] * 40}
    write_run(tmp_path / "with", SIZES, never=0, removed=removed)
    (claim,) = [result for result in judge_claims(load_runs([tmp_path])) if result.claim.id == "O1"]
    verdicts = {case.judgement.verdict for case in claim.cases}
    assert verdicts == {IDENTITY, NOT_INFORMATIVE}
    assert claim.verdict == IDENTITY


def test_greedy_comes_after_the_orderings_and_before_the_smallest_set(tmp_path):
    write_run(tmp_path, [3, 4], draws={"greedy": 1, "oracle": 1, "mine": 1} | ORDERINGS)
    assert list(RunResults.load(tmp_path).first_flips)[-3:] == ["mine", "greedy", "oracle"]


def test_greedy_is_a_reference_and_no_rival(tmp_path):
    removed = {name: [3] * 100 for name in WITH_GREEDY} | {"greedy": [1] * 100, "random": [[9] * 5] * 100}
    write_transformer_run(tmp_path, [10] * 100, never=0, removed=removed)
    results = RunResults.load(tmp_path)
    summary = summarise(results)
    assert summary["answer"]["verdict"] == "as well as any ordering tried"
    assert "greedy" not in {one["second"] for one in summary["answer"]["against_others"]}
    assert summary["first_flips"]["attention"]["removed_ratio_to"]["greedy"]["value"] == pytest.approx(3)
    assert summary["first_flips"]["greedy"]["removed_ratio_to"]["greedy"]["value"] == 1
    assert ("attention", "greedy") in {(one["first"], one["second"]) for one in summary["who_flips_first"]}
    assert all("greedy" not in test.comparison[:2] for test in ordering_tests(results))
    assert "greedy" not in divergence_from_uniform(results).where_other_wins
    # Greedy is earlier in every document, and were it a rival, none would be left to judge.
    judgement = even_the_earliest_is_large(Evidence(results))
    assert (judgement.estimate.n, judgement.verdict) == (100, "holds")


def test_the_distance_from_the_smallest_set_is_judged_where_there_is_one(tmp_path):
    write_run(tmp_path, SIZES, never=0, removed={"attention": [6] * 40, "oracle": [2] * 40})
    assert distance_from_the_smallest_set(Evidence(RunResults.load(tmp_path))).estimate.value == pytest.approx(3)


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("hf:bert-base-uncased", "bert-base-uncased"),
        ("hf:org/model-1.5B", "model-1.5B"),
        ("hf:/home/me/models/MiniLM/", "MiniLM"),
        ("hf:C:\\models\\MiniLM", "MiniLM"),
        ("hf:./", "hf:./"),
        ("hf:/", "hf:/"),
        ("flan-rnn", "flan-rnn"),
        ("mine/own", "mine/own"),
    ],
)
def test_models_are_shown_without_the_path_to_them(model, shown):
    assert short_model_name(model) == shown


def test_models_of_the_same_name_in_different_places_are_different(tmp_path):
    for place in ("one", "other"):
        write_transformer_run(tmp_path / place, [3, 4], model=f"hf:{place}/MiniLM")
    runs = load_runs([tmp_path])
    assert {run.name for run in runs} == {"toy · MiniLM · seed 3"}
    assert list(by_pair(runs)) == [("toy", "hf:one/MiniLM"), ("toy", "hf:other/MiniLM")]

"""The analysis can say *fails*: planted answers come out as planted."""

import csv

import pytest

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.finding_runs import load_runs
from attnprobe.base.errors import InputError
from attnprobe.papers.serrano2019.claims.judgement import (
    FAILS,
    HOLDS,
    IDENTITY,
    NOT_INFORMATIVE,
    NOT_TESTED,
    UNDECIDED,
    Case,
    Judgement,
    above,
    below,
    both,
    differs,
    over_all,
    over_most,
)
from attnprobe.papers.serrano2019.claims.scorecard import CLAIMS, judge_claims, often_but_not_always
from attnprobe.papers.serrano2019.scorecard_tables import as_csv, as_latex, as_markdown, for_terminal
from tests.fixtures import planted_claims as planted

SCENARIOS = {
    "one_word_decides_and_is_attended": {
        "S1": HOLDS,
        "S3": NOT_INFORMATIVE,
        "S4": FAILS,
        "S5": HOLDS,
        "M1": HOLDS,
        "M2": UNDECIDED,
        "M3": UNDECIDED,
        "M4": FAILS,
        "M7": FAILS,
        "O1": IDENTITY,
        "O2": IDENTITY,
    },
    "attention_looks_elsewhere": {
        "S1": FAILS,
        "S4": HOLDS,
        "S5": FAILS,
        "M1": FAILS,
        "M2": HOLDS,
        "M4": HOLDS,
        "O1": IDENTITY,
    },
    "several_words_decide": {
        "S1": HOLDS,
        "S3": FAILS,
        "S4": HOLDS,
        "S5": NOT_INFORMATIVE,
        "M1": HOLDS,
        "M4": HOLDS,
        "M7": HOLDS,
        "O1": IDENTITY,
        "O2": IDENTITY,
    },
    "middling_weight_decides": {"S2": FAILS, "S4": FAILS},
    "only_a_large_weight_matters": {"S1": HOLDS, "S2": HOLDS, "S3": HOLDS},
    "attention_is_uniform": {
        "S1": NOT_INFORMATIVE,
        "S2": NOT_INFORMATIVE,
        "S3": NOT_INFORMATIVE,
        "S4": NOT_INFORMATIVE,
        "S5": NOT_INFORMATIVE,
        "M2": HOLDS,
    },
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_planted_answers_come_out_as_planted(tmp_path, scenario):
    planted.write_run(tmp_path, getattr(planted, scenario)())
    verdicts = {result.claim.id: result.verdict for result in judge_claims(load_runs([tmp_path]))}
    assert list(verdicts) == [claim.id for claim in CLAIMS]
    expected = SCENARIOS[scenario]
    assert {key: verdicts[key] for key in expected} == expected
    assert verdicts["M5"] == verdicts["M6"] == NOT_TESTED


def several(tmp_path, model, words):
    """A run a seed, in which that many words must be erased."""
    for seed, number in enumerate(words):
        run = planted.several_words_decide(seed=10 * number + seed, words=number)
        planted.write_run(tmp_path, run, model=model, seed=seed)


def verdict_of(tmp_path, claim):
    (result,) = [result for result in judge_claims(load_runs([tmp_path])) if result.claim.id == claim]
    return result


@pytest.mark.parametrize(
    ("recurrent", "convolutional", "expected"),
    [
        ((8, 8, 7), (3, 4, 3), HOLDS),
        ((3, 3, 4), (8, 7, 8), FAILS),
        ((5, 4, 6), (6, 5, 4), UNDECIDED),
        ((8, 8, 7), (3, 4), NOT_TESTED),
    ],
)
@pytest.mark.samples(2)
def test_encoders_are_ranked_over_seeds(tmp_path, recurrent, convolutional, expected):
    several(tmp_path, "flan-rnn", recurrent)
    several(tmp_path, "flan-conv", convolutional)
    result = verdict_of(tmp_path, "M5")
    assert result.verdict == expected
    assert ("planted flan-conv" in result.missing) == (expected == NOT_TESTED)


@pytest.mark.slow
def test_without_an_encoder_the_flip_point_may_move_either_way(tmp_path):
    several(tmp_path, "flan-rnn", (8, 8, 7))
    several(tmp_path, "flan-none", (3, 4, 3))
    result = verdict_of(tmp_path, "M6")
    assert result.verdict == HOLDS
    assert {case.part for case in result.cases} == {
        "the flip point moves",
        "random does better",
        "attention gains on gradient",
    }
    several(tmp_path, "han-rnn", (5, 4, 6))
    several(tmp_path, "han-none", (6, 5, 4))
    parts = {(case.name, case.part): case.judgement.verdict for case in verdict_of(tmp_path, "M6").cases}
    assert parts["planted han rnn against none", "the flip point moves"] == UNDECIDED


def judgement(verdict):
    return Judgement(verdict, Estimate(0.5, 0.4, 0.6, 10), 0.5)


def cases_of(*verdicts):
    return [Case(f"run {i}", f"pair {i}", judgement(verdict)) for i, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("verdicts", "most", "all_of_them"),
    [
        ((), NOT_TESTED, NOT_TESTED),
        ((HOLDS, HOLDS, NOT_INFORMATIVE), HOLDS, HOLDS),
        ((HOLDS, HOLDS, FAILS), HOLDS, FAILS),
        ((HOLDS, FAILS), UNDECIDED, FAILS),
        ((HOLDS, HOLDS, UNDECIDED), HOLDS, UNDECIDED),
        ((FAILS, FAILS, HOLDS), FAILS, FAILS),
        ((NOT_INFORMATIVE,), NOT_INFORMATIVE, NOT_INFORMATIVE),
    ],
)
def test_verdicts_over_a_grid(verdicts, most, all_of_them):
    assert over_most(cases_of(*verdicts)) == most
    assert over_all(cases_of(*verdicts)) == all_of_them


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((HOLDS, HOLDS, UNDECIDED), HOLDS),
        ((HOLDS, HOLDS, FAILS), HOLDS),
        ((HOLDS, HOLDS), FAILS),
        ((HOLDS,), UNDECIDED),
        ((FAILS, FAILS, HOLDS), FAILS),
        ((HOLDS, FAILS), UNDECIDED),
    ],
)
def test_often_but_not_always(verdicts, expected):
    assert often_but_not_always(cases_of(*verdicts)) == expected


def test_seeds_that_disagree_leave_their_pair_undecided():
    cases = [Case("seed 0", "pair", judgement(HOLDS)), Case("seed 1", "pair", judgement(FAILS))]
    assert over_most(cases) == UNDECIDED
    assert over_all(cases) == UNDECIDED
    assert over_most([cases[0], cases[0]]) == HOLDS


@pytest.mark.parametrize(
    ("low", "high", "is_above", "is_below", "is_other"),
    [
        (0.51, 0.6, HOLDS, FAILS, HOLDS),
        (0.4, 0.49, FAILS, HOLDS, HOLDS),
        (0.4, 0.6, UNDECIDED, UNDECIDED, UNDECIDED),
        (0.5, 0.5, UNDECIDED, UNDECIDED, UNDECIDED),
        (0.4, 0.5, UNDECIDED, UNDECIDED, UNDECIDED),
        (float("nan"), float("nan"), UNDECIDED, UNDECIDED, UNDECIDED),
    ],
)
def test_the_interval_decides(low, high, is_above, is_below, is_other):
    estimate = Estimate(0.55, low, high, 9)
    assert above(estimate, 0.5) == is_above
    assert below(estimate, 0.5) == is_below
    assert differs(estimate, 0.5) == is_other


def test_two_things_claimed_together():
    assert both(HOLDS, HOLDS) == HOLDS
    assert both(HOLDS, FAILS) == both(FAILS, UNDECIDED) == FAILS
    assert both(HOLDS, UNDECIDED) == UNDECIDED


def test_the_scorecard_in_all_forms(tmp_path):
    planted.write_run(tmp_path, planted.one_word_decides_and_is_attended(), dataset="a_b|c")
    planted.write_run(tmp_path, planted.attention_looks_elsewhere(), dataset="a_b|c", seed=1)
    scorecard = judge_claims(load_runs([tmp_path]))
    text = for_terminal(scorecard)
    assert max(map(len, text.splitlines())) <= 100
    assert all(f"{claim.id}  " in text for claim in CLAIMS)
    rows = list(csv.DictReader(as_csv(scorecard).splitlines()))
    assert {row["claim"] for row in rows} == {claim.id for claim in CLAIMS}
    assert [row["verdict"] for row in rows if row["claim"] == "S1"] == [HOLDS, FAILS]
    assert all(float(row["p_holm"]) >= float(row["p"]) for row in rows if row["p"])
    assert "a_b\\|c" in as_markdown(scorecard)
    latex = as_latex(scorecard)
    assert latex.count("{") == latex.count("}")


def test_folders_without_runs_are_told(tmp_path):
    with pytest.raises(InputError, match="no finished run"):
        load_runs([tmp_path])
    with pytest.raises(InputError, match="not a folder"):
        load_runs([tmp_path / "nowhere"])

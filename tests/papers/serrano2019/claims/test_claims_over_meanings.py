"""Claims by meanings of erasure: planted runs in which orderings exchange their flips under a further one."""

import pandas as pd
import pytest

from attnprobe.analysis.finding_runs import load_runs
from attnprobe.analysis.who_flips_first import who_flips_first
from attnprobe.papers.serrano2019.claims.judgement import FAILS, HOLDS, UNDECIDED, over_meanings
from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
from attnprobe.papers.serrano2019.scorecard_tables import as_markdown, for_terminal, write_scorecard
from attnprobe.reports.run_table import meaning_table, write_run_tables
from tests.fixtures.further_ways import write_another_way
from tests.fixtures.planted_claims import attention_looks_elsewhere, write_run


@pytest.mark.parametrize(
    ("own", "others", "becomes"),
    [
        (HOLDS, [HOLDS, HOLDS], "survives"),
        (FAILS, [FAILS], "survives"),
        (HOLDS, [HOLDS, UNDECIDED], "undecided"),
        (HOLDS, [UNDECIDED, FAILS], "falls"),
        (FAILS, [HOLDS], "falls"),
        (UNDECIDED, [HOLDS, FAILS], "undecided"),
    ],
)
def test_what_becomes_of_a_verdict(own, others, becomes):
    assert over_meanings(own, others) == becomes


def test_a_claim_that_is_turned_round_falls_and_others_survive(tmp_path):
    write_another_way(
        write_run(tmp_path / "runs", attention_looks_elsewhere()), "zero", "Zero", ("gradient_attention", "attention")
    )
    scorecard = judge_claims(load_runs([tmp_path / "runs"]))
    claims = {result.claim.id: result for result in scorecard}
    assert claims["M1"].by_way == {"Renormalise": FAILS, "Zero": HOLDS}
    assert claims["M1"].over_meanings == "falls"
    assert claims["S4"].by_way == {"Renormalise": HOLDS, "Zero": HOLDS}
    assert claims["S4"].over_meanings == "survives"
    for identity in ("O1", "O2"):
        assert claims[identity].by_way == {}
    written = {path.name: path for path in write_scorecard(scorecard, tmp_path / "claims")}
    table = pd.read_csv(written["meanings.csv"], index_col="claim")
    assert table.columns.tolist() == ["Renormalise", "Zero", "over all"]
    assert table.loc["M1"].tolist() == [FAILS, HOLDS, "falls"]
    assert "Over 2 meanings of erasure: falls (Zero: holds)." in for_terminal(scorecard)
    assert "| M1 | fails | holds | falls |" in as_markdown(scorecard)
    assert "M1 & fails & holds & falls" in written["meanings.tex"].read_text()


def test_leads_are_tabled_by_run_and_meaning(tmp_path):
    folder = write_run(tmp_path / "runs", attention_looks_elsewhere())
    assert meaning_table(load_runs([tmp_path / "runs"])).empty
    write_another_way(folder, "zero", "Zero", ("gradient_attention", "attention"))
    runs = load_runs([tmp_path / "runs"])
    table = meaning_table(runs).set_index(["way", "against"])
    leads = {one.second: one.lead for one in who_flips_first(runs[0]) if one.first == "attention"}
    for other in ("random", "gradient", "gradient_attention"):
        columns = ["lead", "low", "high", "n"]
        assert table.loc[("renormalise", other), columns].tolist() == pytest.approx(leads[other])
    exchanged = table["lead"].xs("gradient_attention", level="against")
    assert exchanged["zero"] == pytest.approx(-exchanged["renormalise"])
    assert "leads_by_meaning.csv" in {path.name for path in write_run_tables(runs, tmp_path / "card")}


def test_verdicts_of_one_way_are_as_if_there_were_no_others(tmp_path):
    for name in ("one", "two"):
        write_run(tmp_path / name, attention_looks_elsewhere())
    write_another_way(tmp_path / "two" / "planted" / "flan-rnn" / "seed-0", "zero", "Zero")
    one, two = (judge_claims(load_runs([tmp_path / name])) for name in ("one", "two"))
    # As texts, in which what is not a number equals itself.
    texts = [
        repr(
            [
                (each._replace(by_way={}, cases=[]), [case._replace(under={}) for case in each.cases])
                for each in scorecard
            ]
        )
        for scorecard in (one, two)
    ]
    assert texts[0] == texts[1]
    written = write_scorecard(one, tmp_path / "claims")
    assert not any(path.name.startswith("meanings") for path in written)
    for result in two:
        assert set(result.by_way.values()) <= {result.verdict}

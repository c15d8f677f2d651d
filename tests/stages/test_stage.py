"""Tables of a run, made once, resumed, and made of what could be solved."""

import argparse

import pandas as pd
import pytest

from attnprobe.cli import main
from attnprobe.cli.options import reopen_run
from attnprobe.identifiability import SolverError
from attnprobe.settings.identification import Identified
from attnprobe.stages.identifying import identification as stage
from attnprobe.stages.identifying import programs
from attnprobe.stages.identifying.identification import identify
from attnprobe.stages.identifying.weight_reach import weight_reach
from tests.fixtures.narrow_models import narrow_models, probed_run


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    return probed_run(tmp_path_factory.mktemp("identify"))


@pytest.fixture
def identified(probed, monkeypatch):
    """Identify the run: what was said, and the tables."""
    narrow_models(monkeypatch)

    def run(**wanted):
        at_work = reopen_run(probed, argparse.Namespace(device="cpu"))
        said = []
        at_work.say = said.append
        identify(at_work, Identified(**wanted))
        names = ("identifiability", "weight_ranges", "documents")
        return "\n".join(said), {name: pd.read_parquet(probed / f"{name}.parquet") for name in names}

    return run


def test_an_interruption_costs_nothing_that_is_done(probed, identified, monkeypatch):
    _, whole = identified(documents=3, seed=3)
    (probed / "identifiability.parquet").unlink()
    done, original = [], programs._entry

    def stopped_at_the_third(reading, *arguments):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(reading)
        return original(reading, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(programs, "_entry", stopped_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            identified(documents=3, seed=3)
    assert len(list((probed / "identification-state").glob("programs-*"))) == 2
    monkeypatch.setattr(programs, "_entry", lambda *arguments: done.append(arguments) or original(*arguments))
    said, again = identified(documents=3, seed=3)
    assert "resuming after 2 of 3 documents" in said
    assert len(done) == 3
    assert not (probed / "identification-state").exists()
    for name, table in whole.items():
        columns = table.columns.drop("seconds", errors="ignore")
        pd.testing.assert_frame_equal(again[name][columns], table[columns])
    assert "finished before, reusing" in identified(documents=3, seed=3)[0]


def test_a_program_that_fails_costs_no_other(identified, monkeypatch):
    original, calls = weight_reach, []

    def failing_once(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise SolverError("poison")
        return original(*arguments)

    monkeypatch.setattr(programs, "weight_reach", failing_once)
    _, tables = identified(documents=4, seed=5)
    heads = tables["identifiability"]
    failed = heads[heads["failed"] == True]  # noqa: E712 - null is neither
    assert len(failed) == 1
    assert failed["mean_width"].isna().all()
    assert failed["nullity"].notna().all()
    assert heads["sampled"].sum() == 4
    assert tables["documents"]["must_flip"].notna().sum() == 3
    assert tables["weight_ranges"]["document"].nunique() == 3


def test_more_documents_hold_those_of_fewer(identified):
    few = identified(documents=2, seed=2)[1]["identifiability"]
    more = identified(documents=4, seed=2)[1]["identifiability"]
    assert few["sampled"].sum() == 2
    assert more["sampled"].sum() == 4
    assert more.loc[few["sampled"], "sampled"].all()
    columns = ["mean_width", "top_high", "kendall_tau_low", "farthest_low"]
    pd.testing.assert_frame_equal(more.loc[few["sampled"], columns], few.loc[few["sampled"], columns])


def test_documents_that_are_too_long_are_not_sampled(identified, monkeypatch):
    monkeypatch.setattr(stage, "LONGEST", 11)
    heads = identified(documents=100)[1]["identifiability"]
    assert (heads["sampled"] == (heads["n"] <= 11)).all()
    assert heads["sampled"].nunique() == 2
    assert (heads["nullity"] == heads["n"] - heads["rank"]).all()


def test_a_run_that_was_probed_again_is_identified_again(probed, identified):
    before = identified(documents=2, seed=0)[1]["documents"]
    (probed / "items.parquet").unlink()
    assert main(["probe", str(probed)]) == 0
    assert "must_flip" not in pd.read_parquet(probed / "documents.parquet")
    said, tables = identified(documents=2, seed=0)
    assert said == ""
    pd.testing.assert_frame_equal(tables["documents"], before)


def test_running_again_replaces_columns_and_keeps_the_others(identified):
    first = identified(documents=1, seed=0)[1]["documents"]
    second = identified(documents=2, seed=0)[1]["documents"]
    assert first.columns.tolist() == second.columns.tolist()
    assert second["must_flip"].notna().sum() == 2
    others = [name for name in first if first[name].notna().all()]
    pd.testing.assert_frame_equal(first[others], second[others])

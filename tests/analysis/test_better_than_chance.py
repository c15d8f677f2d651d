"""In how many documents orderings are better than chance: found after Benjamini and Hochberg, with an interval."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from attnprobe.analysis.better_than_chance import (
    FALSE_DISCOVERIES,
    FEWEST_ORDERS,
    better_than_chance,
    found_share,
    found_shares,
    p_values,
)
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.reports.answer import answer
from attnprobe.reports.controls import better_than_chance_table, chance_in_words, twins_in_words, twins_table
from tests.fixtures.curved_runs import write_curved_run
from tests.fixtures.synthetic_runs import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curved") / "run"
    write_curved_run(folder, documents=60, limits=0)
    return folder


def found(p):
    """Which documents are found, by scipy."""
    return false_discovery_control(p) <= FALSE_DISCOVERIES


def by_hand(p):
    """How many hypotheses are rejected: the largest k for which the k-th smallest p is at most k · .05 / m."""
    ordered = sorted(p)
    return max((k for k, each in enumerate(ordered, 1) if each <= k * FALSE_DISCOVERIES / len(p)), default=0)


def test_the_share_and_its_resamples_are_those_of_the_procedure_by_hand(monkeypatch):
    generator = np.random.default_rng(5)
    p = np.where(generator.random(40) < 0.5, generator.random(40) / 100, generator.random(40)).round(3)[:, None]
    counts = generator.multinomial(40, np.full(40, 1 / 40), size=50).astype(float)
    monkeypatch.setattr("attnprobe.analysis.better_than_chance.resampling_counts", lambda documents: [counts])
    share = found_share(p)
    assert share.value == found(p[:, 0]).mean() == by_hand(p[:, 0]) / 40
    resampled = [by_hand(np.repeat(p[:, 0], row.astype(int))) / 40 for row in counts]
    assert (share.low, share.high) == pytest.approx(np.quantile(resampled, [0.025, 0.975]))


def test_shares_are_scipys():
    generator = np.random.default_rng(3)
    for share in (0.0, 0.1, 0.5, 1.0):
        for documents in (1, 2, 30):
            p = np.where(
                generator.random(documents) < share, generator.random(documents) / 50, generator.random(documents)
            )
            assert found_shares(p, np.ones((1, documents)))[0] == found(p).mean()


def test_where_all_documents_are_alike_the_interval_has_a_width():
    nothing, everything = found_share(np.ones((50, 1))), found_share(np.full((50, 2), 1e-9))
    assert (nothing.value, nothing.low) == (0, 0)
    assert 0.05 < nothing.high < 0.1
    assert (everything.value, everything.high) == (1, 1)
    assert 0.9 < everything.low < 0.95
    assert np.isnan(found_share(np.ones((0, 1))).value)


def test_nineteen_random_orders_can_tell_and_eighteen_cannot():
    """As long as ties are not broken in luck's favour: each p is then 1 / (R + 1)."""
    for tried, all_found in ((FEWEST_ORDERS, True), (FEWEST_ORDERS - 1, False)):
        p = p_values(*(np.full(9, each) for each in (0.0, 0.0, float(tried), 1.0)))
        assert found(p).all() == found(p).any() == all_found


def test_the_interval_covers_what_is_found_of_other_documents():
    """Of 120 documents, in half of which an ordering is as good as the best of 200; 300 simulations."""
    generator = np.random.default_rng(1)

    def drawn(documents):
        rank = np.where(generator.random(documents) < 0.5, generator.geometric(0.3, documents) - 1, 200)
        return (np.where(rank < 200, rank, generator.integers(200, size=documents)) + generator.random(documents)) / 200

    truth = np.mean([found(drawn(120)).mean() for _ in range(2000)])
    shares = [found_share(drawn(120)[:, None]) for _ in range(300)]
    assert 0.3 < truth < 0.6
    assert 0.92 <= np.mean([share.low <= truth <= share.high for share in shares]) <= 0.99


def test_a_run_says_it_of_every_ordering_and_chance_is_chance(run):
    results = RunResults.load(run)
    statistics = better_than_chance(results)
    orderings = statistics["orderings"]
    assert (statistics["measure"], statistics["tried"]) == ("aopc", 199)
    several = results.several.document
    assert statistics["documents"] == results.curves().document[lambda each: each.isin(several)].nunique()
    assert "oracle" not in orderings
    assert list(orderings)[-1] == "attention_ascending"
    assert orderings["random"].better.value < 0.05
    assert abs(orderings["random"].outdone.value - 0.5) < 0.06  # three times the standard error of 48 × 5 places
    assert orderings["gradient_attention"].better.value > 0.5 > orderings["gradient_attention"].outdone.high
    rows = results.erasures[results.erasures.ordering == "gradient_attention"]
    rows = rows[rows.document.isin(results.several.document) & rows.random_tried.notna()]
    middle = (rows.random_better + rows.random_equal / 2) / rows.random_tried  # as it is documented
    assert orderings["gradient_attention"].outdone.value == pytest.approx(middle.mean())


def test_first_flips_stand_in_for_areas_and_five_orders_tell_no_document(tmp_path):
    write_run(tmp_path, [3, 4, 5, 9, 1])
    results = RunResults.load(tmp_path)
    summary = summarise(results)
    told = summary["better_than_chance"]
    assert told["measure"] == "first_flip"
    assert "random" not in told["orderings"]
    assert all(row["better"] is None for row in told["orderings"].values())
    assert chance_in_words(summary) == ""
    assert "tell no single document" in better_than_chance_table(summary).caption
    flips = results.first_flips
    erased = {name: np.where(np.isnan(flips[name].removed), 1.0, flips[name].fraction) for name in flips}
    better = (erased["random"] < erased["attention"]).sum(1)
    equal = (erased["random"] == erased["attention"]).sum(1)
    middle = ((better + equal / 2) / 5).mean()
    assert told["orderings"]["attention"]["outdone"]["value"] == pytest.approx(middle)


def test_counts_that_cannot_be_are_refused_in_a_sentence(run, tmp_path):
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rows = pd.read_parquet(run / "erasures.parquet")
    for change, said in (
        ({"random_equal": rows.random_tried, "random_better": rows.random_tried}, "counts, of ordering"),
        ({"random_better": rows.random_tried + 1}, "random_better"),
        ({"random_equal": rows.random_equal.where(rows.index % 7 > 0)}, "does not count them"),
    ):
        rows.assign(**change).to_parquet(tmp_path / "erasures.parquet")
        with pytest.raises(InputError, match=said):
            better_than_chance(RunResults.load(tmp_path))


def with_brought(run, folder):
    """The run once more: gradient × attention was brought as an explanation, and ascending attention is its twin."""
    folder.mkdir()
    for path in run.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    renamed = {"gradient_attention": "mine", "attention_ascending": "mine_permuted"}
    for table in ("erasures", "curves"):
        rows = pd.read_parquet(run / f"{table}.parquet")
        extra = rows[rows.ordering.isin(renamed)].assign(ordering=lambda each: each.ordering.astype(str).map(renamed))
        rows = pd.concat([rows.assign(ordering=rows.ordering.astype(str)), extra]).sort_values(
            "document", kind="stable"
        )
        rows.to_parquet(folder / f"{table}.parquet")
    config = json.loads((folder / "config.json").read_text())
    config["orderings"] = {
        "mine": {"title": "mine", "role": "explanation"},
        "mine_permuted": {"title": "mine, permuted", "role": "control"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return RunResults.load(folder)


def test_the_answer_says_an_explanation_beside_its_twin(run, tmp_path):
    results = with_brought(run, tmp_path / "brought")
    summary = summarise(results)
    (told,) = summary["twins"].values()
    means, areas = summary["restricted_means"], summary["curves"]["orderings"]
    assert told["twin"] == "mine_permuted"
    assert told["erased"]["value"] == pytest.approx(means["gradient_attention"]["fraction"]["value"])
    assert told["erased_by_twin"]["value"] == pytest.approx(means["attention_ascending"]["fraction"]["value"])
    difference = means["attention_ascending"]["fraction"]["value"] - told["erased"]["value"]
    assert told["erased_difference"]["value"] == pytest.approx(difference)
    reached = [areas[name]["probability"]["comprehensiveness"]["value"] for name in ("mine", "mine_permuted")]
    assert told["aopc_difference"]["value"] == pytest.approx(reached[0] - reached[1])
    text = " ".join(answer(summary).split())
    assert " ".join(twins_in_words(summary).split()) in text
    assert "its scores change decisions earlier" in text
    assert text.count("By AOPC an order is better than chance") == 1
    assert "mine_permuted" not in text
    assert len(twins_table(summary).shown) == 1
    assert summarise(RunResults.load(run))["twins"] == {}

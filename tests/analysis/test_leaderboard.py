"""Who is better than whom: planted explanations, runs as clusters, and how alike explanations are over seeds."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from attnprobe.analysis import leaderboard as module
from attnprobe.analysis.bootstrap import SEED, means
from attnprobe.analysis.leaderboard import MEASURES, leaderboard, ranking
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.stability_over_seeds import stability_over_seeds
from attnprobe.base.errors import InputError
from attnprobe.reports.leaderboard.ranks_drawn import draw_leaderboard
from tests.fixtures.planted_explanations import write_planted_run


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Three runs that differ by their seed alone."""
    place = tmp_path_factory.mktemp("planted")
    return [write_planted_run(place / f"seed-{seed}", seed=seed) for seed in range(3)]


def loaded(folders):
    return [RunResults.load(folder) for folder in folders]


@pytest.mark.parametrize("runs", [1, 3])
def test_the_deciding_item_comes_first_and_last_and_guesses_are_not_told_apart(seeds, runs):
    board = leaderboard(loaded(seeds[:runs]))
    assert list(board.rankings) == list(MEASURES)
    assert board.unknown == {}
    for found in board.rankings.values():
        places = {place.ordering: place for place in found.places}
        assert found.places[0].ordering == "truth"
        assert (places["truth"].best, places["truth"].worst) == (1, 1)
        assert found.places[-1].ordering == "hidden"
        assert places["hidden"].best == places["hidden"].worst == len(places)
        assert "other_guess" in places["guess"].not_shown
        assert "guess_permuted" in places["guess"].not_shown
        (pair,) = (each for each in found.pairs if {each.better, each.worse} == {"guess", "other_guess"})
        assert not pair.shown
        assert pair.difference.value >= 0
        shown = next(each for each in found.pairs if (each.better, each.worse) == ("truth", "hidden"))
        assert shown.shown
        assert shown.runs == runs


def test_means_are_over_documents_and_then_over_runs(seeds):
    runs = loaded(seeds)
    board = leaderboard(runs)
    for place in board.rankings["first_flip"].places:
        expected = []
        for run in runs:
            flip = run.flips_of(place.ordering)
            erased = np.where(np.isnan(flip.removed), 1.0, flip.fraction).mean(axis=1)
            expected.append(erased.mean())
        assert place.mean.value == pytest.approx(np.mean(expected))
        assert place.mean.low <= place.mean.value <= place.mean.high
    for pair in board.rankings["first_flip"].pairs:
        of = {place.ordering: place.mean.value for place in board.rankings["first_flip"].places}
        assert pair.difference.value == pytest.approx(of[pair.worse] - of[pair.better])


def test_of_one_run_intervals_are_those_of_its_tables(seeds):
    run = RunResults.load(seeds[0])
    ordered = leaderboard([run]).rankings["first_flip"].places
    flips = {place.ordering: run.flips_of(place.ordering) for place in ordered}
    erased = {name: np.where(np.isnan(f.removed), 1.0, f.fraction).mean(axis=1) for name, f in flips.items()}
    expected = means(erased)
    for place in ordered:
        assert place.mean == pytest.approx(expected[place.ordering])


def test_resamples_are_those_of_drawing_documents_and_runs_one_by_one(monkeypatch):
    generator = np.random.default_rng(4)
    table = {name: generator.normal(size=(12, 3)) for name in "ab"}
    missing = generator.random((12, 3)) < 0.2
    for column in table.values():
        column[missing] = np.nan
    counts = generator.multinomial(12, np.full(12, 1 / 12), size=30).astype(float)
    monkeypatch.setattr(module, "resampling_counts", lambda documents: [counts])
    values, resampled = module._resampled(np.stack(list(table.values()), axis=2))
    drawn = np.random.default_rng(SEED).multinomial(2, np.full(3, 1 / 3), size=30)
    for place, column in enumerate(table.values()):
        assert values[place] == pytest.approx(np.nanmean(column, axis=0).mean())
        for row in range(30):
            documents = np.repeat(np.arange(12), counts[row].astype(int))
            of_runs = [np.nanmean(column[documents, run]) for run in np.repeat(np.arange(3), drawn[row])]
            assert resampled[row, place] == pytest.approx(np.mean(of_runs))


def test_two_that_are_equal_in_distribution_are_seldom_shown_though_models_differ():
    """Of 40 documents and 4 models, in which the lead differs half as much as over documents."""
    generator = np.random.default_rng(8)
    shown = []
    for _ in range(60):
        base, lead = generator.normal(size=(40, 4)), generator.normal(scale=0.5, size=(1, 4))
        table = {"a": base + generator.normal(size=(40, 4)) + lead, "b": base + generator.normal(size=(40, 4))}
        (pair,) = ranking("aopc", table).pairs
        shown.append(pair.shown)
    assert np.mean(shown) < 0.12
    strong = {"a": table["a"] - lead + 1.5, "b": table["b"]}
    assert ranking("aopc", strong).pairs[0].shown


def test_where_smaller_is_better_the_smallest_is_first():
    generator = np.random.default_rng(1)
    base = generator.random((50, 1))
    table = {"late": base + 0.3, "early": base + generator.normal(scale=0.01, size=(50, 1))}
    found = ranking("first_flip", table)
    assert [place.ordering for place in found.places] == ["early", "late"]
    assert found.pairs[0].difference.low > 0.29
    assert [place.ordering for place in ranking("aopc", table).places] == ["late", "early"]


def test_holm_is_over_all_pairs(seeds):
    found = leaderboard(loaded(seeds)).rankings["aopc"]
    assert len(found.pairs) == len(found.places) * (len(found.places) - 1) / 2
    smallest = min(pair.p for pair in found.pairs)
    assert min(pair.p_holm for pair in found.pairs) == pytest.approx(min(1, smallest * len(found.pairs)))
    for pair in found.pairs:
        assert pair.shown == (pair.p_holm < 0.05 and pair.difference.low > 0)


def test_orderings_that_only_some_runs_have_are_left_out_and_what_is_not_known_is_said(seeds, tmp_path):
    fewer = write_planted_run(tmp_path / "fewer", seed=7, only=("truth", "guess"), limits=False)
    board = leaderboard(loaded([seeds[0], fewer]))
    assert set(board.left_out) == {"hidden", "hidden_permuted", "other_guess", "other_guess_permuted"}
    assert set(board.unknown) == {"normalised_aopc"}
    assert board.unknown["normalised_aopc"] == str(fewer)
    assert board.rankings["aopc"].places[0].ordering == "truth"
    without = [write_planted_run(tmp_path / f"w{seed}", seed=seed, curves=False, limits=False) for seed in (1, 2)]
    assert list(leaderboard(loaded(without)).rankings) == ["first_flip"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"settings": {"dataset": "another", "model": "flan-rnn", "seed": 9}}, "of different datasets"),
        ({"data": {"labels": ["a", "b"], "fingerprint": "another"}}, "not of the same documents"),
        ({"settings": {"dataset": "planted", "model": "flan-rnn", "seed": 0}}, "are both"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_in_a_sentence(seeds, tmp_path, change, said):
    other = write_planted_run(tmp_path / "other", seed=9, documents=60)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(InputError, match=said) as error:
        leaderboard(loaded([seeds[0], other]))
    assert str(other) in str(error.value)


def test_a_run_without_curves_is_not_ranked_beside_runs_with_them(seeds, tmp_path):
    other = write_planted_run(tmp_path / "other", seed=9, curves=False, limits=False)
    with pytest.raises(InputError, match="has no whole curves, which other runs have"):
        leaderboard(loaded([seeds[0], other]))


def test_stability_is_that_of_scipy_between_every_two_seeds(seeds):
    runs = loaded(seeds)
    found = {stable.ordering: stable for stable in stability_over_seeds(runs)}
    assert found["truth"].seeds == 3
    tables = [run.items(["document", "rank_truth", "rank_random"]) for run in runs]
    taus, shared = [], []
    for document in runs[0].several.document:
        of_seeds = [table[table.document == document].rank_truth.to_numpy(int) for table in tables]
        pairs = [(of_seeds[i], of_seeds[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
        taus.append(np.mean([kendalltau(*pair).statistic for pair in pairs]))
        shared.append(np.mean([pair[0].argmin() == pair[1].argmin() for pair in pairs]))
    assert found["truth"].kendall_tau.value == pytest.approx(np.mean(taus))
    assert found["truth"].top_overlap.value == pytest.approx(np.mean(shared)) == 1
    assert found["random"].kendall_tau.low < 0.1
    assert stability_over_seeds(runs[:1]) == []


def test_other_items_of_the_same_documents_are_refused(seeds, tmp_path):
    longer = write_planted_run(tmp_path / "longer", seed=5, longest=11)
    with pytest.raises(InputError, match="other items of some document"):
        stability_over_seeds(loaded([seeds[0], longer]))


def test_an_ordering_without_curves_is_ranked_by_first_flips_alone(seeds, tmp_path):
    folder = write_planted_run(tmp_path / "run", seed=2)
    curves = pd.read_parquet(folder / "curves.parquet")
    curves[curves.ordering != "guess"].to_parquet(folder / "curves.parquet")
    board = leaderboard(loaded([folder, seeds[0]]))
    ranked = {name: {place.ordering for place in found.places} for name, found in board.rankings.items()}
    assert "guess" in ranked["first_flip"]
    assert ranked["aopc"] == ranked["normalised_aopc"] == ranked["first_flip"] - {"guess"}
    assert draw_leaderboard(board).axes

import numpy as np
import pytest

from attnprobe.analysis.flip_timing import divergence_from_uniform, flip_timing
from attnprobe.analysis.results import RunResults
from tests.fixtures.synthetic_runs import write_run

SIZES = np.random.default_rng(5).integers(1, 9, size=90)


@pytest.fixture
def results(tmp_path):
    write_run(tmp_path, SIZES, never=0.3)
    return RunResults.load(tmp_path)


def table(results, ordering, as_released=False):
    """Documents by number, with ``removed`` −1 where nothing flips: while something is left, or at all as released."""
    documents = results.documents[results.documents["n"] > 1].set_index("document")
    rows = results.erasures[results.erasures["ordering"] == ordering].set_index("document")
    removed = rows["removed"].loc[documents.index]
    if not as_released:
        removed = removed.where(removed < documents["n"], -1)
    return documents.assign(removed=removed, fraction=(removed / documents["n"]).where(removed > 0))


@pytest.mark.parametrize("as_released", [False, True])
def test_late_and_early_equal_a_loop(results, as_released):
    documents = table(results, "attention", as_released)
    if as_released:
        documents["fraction"] = documents["fraction"].fillna(-1)
    mean = documents["fraction"].mean()
    late, early = (documents[which] for which in (documents["fraction"] >= mean, documents["fraction"] < mean))
    timing = flip_timing(results, as_released=as_released)
    assert timing.mean_fraction == pytest.approx(mean)
    assert timing.entropy.first.value == pytest.approx(late["attention_entropy"].mean())
    assert timing.entropy.second.value == pytest.approx(early["attention_entropy"].mean())
    difference = late["attention_entropy_normalised"].mean() - early["attention_entropy_normalised"].mean()
    assert timing.entropy_normalised.difference.value == pytest.approx(difference)
    assert (timing.entropy.first.n, timing.entropy.second.n) == (len(late), len(early))
    assert timing.without_flip.n == (0 if as_released else documents["fraction"].isna().sum())


def test_divergence_where_another_wins_equals_a_loop(results):
    divergence = divergence_from_uniform(results)
    attention = table(results, "attention")
    assert divergence.kl.value == pytest.approx(attention["attention_kl_uniform"].mean())
    assert divergence.js.value == pytest.approx(attention["attention_js_uniform"].mean())
    assert list(divergence.where_other_wins) == ["gradient", "gradient_attention"]
    for name, columns in divergence.where_other_wins.items():
        other = table(results, name)
        wins, rest = [], []
        for document, row in attention.iterrows():
            ours, theirs = row["removed"], other["removed"][document]
            if ours < 0 and theirs < 0:
                continue
            (wins if theirs > 0 and (ours < 0 or theirs < ours) else rest).append(document)
        for column, compared in columns.items():
            assert compared.first.value == pytest.approx(attention[column][wins].mean())
            assert compared.second.value == pytest.approx(attention[column][rest].mean())
            assert (compared.first.n, compared.second.n) == (len(wins), len(rest))


def test_nobody_flips(tmp_path):
    write_run(tmp_path, [3] * 9, never=1)
    results = RunResults.load(tmp_path)
    timing = flip_timing(results)
    assert np.isnan(timing.mean_fraction)
    assert timing.entropy.first.n == timing.entropy.second.n == 0
    assert timing.without_flip.n == 9
    assert flip_timing(results, as_released=True).mean_fraction == -1
    assert np.isnan(divergence_from_uniform(results).where_other_wins["gradient"]["attention_js_uniform"].first.value)

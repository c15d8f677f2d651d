"""Statistics of runs of very many documents: of which sample they are, and that they are nothing but the sample's."""

import json

import numpy as np
import pytest

from attnprobe.analysis import statistics_sample
from attnprobe.analysis.head_map import head_map
from attnprobe.analysis.identifiability import identifiability
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.statistics_sample import sample_of_statistics
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.stages import tables as probing
from tests.fixtures.identified_runs import write_identified
from tests.fixtures.kept_documents import in_groups, keep_only, leave_out
from tests.fixtures.synthetic_runs import ORDERINGS, write_run
from tests.fixtures.transformer_runs import write_transformer_run

SIZES = np.random.default_rng(4).integers(1, 8, size=90)
GONE = [0, 41, 89]
LIMIT = 40


def write_affine(folder, sizes=SIZES, **options):
    write_run(folder, sizes, draws=ORDERINGS | {"attention_ascending": 1}, **options)
    (folder / "summary.json").write_text(json.dumps({"readout_bias": [0.1, 0.3]}))


def write_transformer(folder, sizes=SIZES, **options):
    write_transformer_run(folder, sizes, faithful=[("self", 1, 2)], **options)


WRITERS = pytest.mark.parametrize("write", [write_affine, write_transformer])


@pytest.fixture
def limited(monkeypatch):
    monkeypatch.setattr(statistics_sample, "STATISTICS_SAMPLE", LIMIT)


def summary_of(folder):
    return summarise(RunResults.load(folder))


@pytest.mark.usefixtures("limited")
def test_the_documents_whose_items_are_kept_are_in_the_sample(monkeypatch):
    for items in (LIMIT // 4, LIMIT):
        monkeypatch.setattr(probing, "ITEM_SAMPLE", items)
        kept = np.flatnonzero(probing.sample_of_documents(500, seed=7))
        sample = sample_of_statistics(500, 500, seed=7)
        assert len(kept) == items
        assert len(sample) == LIMIT
        assert set(kept) <= set(sample.tolist())
        assert (np.diff(sample) > 0).all()
    assert set(sample_of_statistics(500, 500, seed=8)) != set(sample)
    assert sample_of_statistics(LIMIT, LIMIT, seed=7) is None


@pytest.mark.usefixtures("limited")
def test_a_document_without_results_leaves_the_others_in_the_sample():
    whole = sample_of_statistics(500, 500, seed=7)
    assert np.array_equal(sample_of_statistics(497, 500, seed=7), whole)


@WRITERS
@pytest.mark.samples(1)
def test_row_groups_change_no_number(tmp_path, write):
    write(tmp_path)
    whole = summary_of(tmp_path)
    in_groups(tmp_path, 7)
    assert summary_of(tmp_path) == whole


@WRITERS
@pytest.mark.samples(1)
def test_statistics_of_a_large_run_are_those_of_the_run_of_its_sample(tmp_path, write, monkeypatch):
    write(tmp_path / "large")
    write(tmp_path / "sample")
    monkeypatch.setattr(statistics_sample, "STATISTICS_SAMPLE", LIMIT)
    results = RunResults.load(tmp_path / "large")
    assert results.is_sample
    found = summarise(results)
    monkeypatch.undo()
    keep_only(tmp_path / "sample", np.random.default_rng(results.seed).permutation(90)[:LIMIT])
    expected = summary_of(tmp_path / "sample")
    assert found["counts"].pop("documents") == 90
    assert expected["counts"].pop("documents") == found["counts"]["sampled"] == LIMIT
    heads = found.pop("heads"), expected.pop("heads")  # of a sample of their own, which is whole
    assert (heads[0] is None) == (write is write_affine)
    assert found == expected


def test_heads_are_of_their_own_sample(tmp_path, monkeypatch):
    write_transformer(tmp_path)
    whole = head_map(RunResults.load(tmp_path))
    monkeypatch.setattr(statistics_sample, "STATISTICS_SAMPLE", LIMIT)
    assert head_map(RunResults.load(tmp_path)) == whole


@WRITERS
def test_statistics_without_quarantined_documents_are_those_of_a_run_that_never_had_them(tmp_path, write):
    for name in ("quarantined", "never"):
        write(tmp_path / name)
        leave_out(tmp_path / name, GONE, renumber=name == "never")
    found, expected = summary_of(tmp_path / "quarantined"), summary_of(tmp_path / "never")
    assert found["counts"].pop("quarantined") == 3
    assert expected["counts"].pop("quarantined") == 0
    assert found["counts"]["documents"] == found["counts"]["sampled"] == 87
    for summary in (found, expected):
        for released in summary["released_draw"].values():  # r is drawn by the document's number
            for drawn in ("drawn", "r_is_top", "test"):
                del released[drawn]
    assert found == expected


@pytest.mark.usefixtures("limited")
def test_quarantined_documents_leave_the_rest_of_the_sample_as_it_is(tmp_path):
    write_affine(tmp_path)
    whole = set(RunResults.load(tmp_path).documents["document"])
    gone = [min(whole), *set(range(90)) - whole][:3]
    leave_out(tmp_path, gone)
    results = RunResults.load(tmp_path)
    assert set(results.documents["document"]) == whole - set(gone)
    assert (results.total, results.quarantined) == (87, 3)


@pytest.mark.usefixtures("limited")
def test_the_split_is_as_large_as_the_configuration_says(tmp_path):
    write_affine(tmp_path)
    expected = RunResults.load(tmp_path).chosen
    config = json.loads((tmp_path / "config.json").read_text())
    config["data"]["documents"] = {"test": 90}
    (tmp_path / "config.json").write_text(json.dumps(config))
    leave_out(tmp_path, GONE, note=False)
    assert np.array_equal(RunResults.load(tmp_path).chosen, expected)


@pytest.mark.parametrize("entry", ["3", "[]", '{"first": []}', '{"documents": "many"}'])
def test_a_summary_that_tells_no_number_of_quarantined_documents_is_named(tmp_path, entry):
    write_affine(tmp_path)
    (tmp_path / "summary.json").write_text(f'{{"quarantined": {entry}}}')
    with pytest.raises(InputError, match=r"summary\.json .* 'quarantined'"):
        RunResults.load(tmp_path)


def test_what_was_identified_counts_in_the_sample_or_not(tmp_path, monkeypatch):
    write_affine(tmp_path)
    sampled = np.flatnonzero(SIZES > 1)[::4]
    columns = {
        "must_flip": np.ones(len(sampled)),
        "may_flip": SIZES[sampled] - 1.0,
        "never_flips": np.zeros(len(sampled)),
        "top_can_flip": sampled % 2,
        "top_can_stay": sampled % 3 == 0,
        "first_flip_earliest": np.ones(len(sampled)),
        "first_flip_latest": np.where(sampled % 5, 1.0, -1.0),
        "random_earliest": np.full(len(sampled), 2.0),
        "earlier_can_fail": sampled % 2 == 0,
    }
    write_identified(tmp_path, [("pooling", 0, 0)], sampled.tolist(), affine=columns)
    in_groups(tmp_path, 7)
    whole = identifiability(RunResults.load(tmp_path))
    assert {conclusion.documents for conclusion in whole.conclusions[:4]} == {len(sampled)}
    monkeypatch.setattr(statistics_sample, "STATISTICS_SAMPLE", LIMIT)
    results = RunResults.load(tmp_path)
    assert not set(sampled) <= set(results.documents["document"])
    assert repr(identifiability(results)) == repr(whole)  # not a number is not equal to itself

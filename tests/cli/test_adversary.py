"""`attnprobe adversary` moves the attention of a run's documents, says how far, and leaves the run as it is."""

import hashlib
import itertools

import pandas as pd
import pytest
import torch

from attnprobe.erasure.adversaries.feasible_rows import FeasibleRows
from attnprobe.erasure.adversaries.permutations import permutation_scores
from attnprobe.papers.jain2019.searched_attention import searched_divergence
from tests.fixtures.commands import attnprobe, planted_rows, write_splits
from tests.fixtures.limit_documents import draw
from tests.reference import adversaries as brute


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adversary")
    write_splits(folder / "planted", train=planted_rows(60, 1), dev=planted_rows(10, 2), test=planted_rows(12, 3))
    arguments = ("--dataset", folder / "planted", "--model", "flan-none", "--epochs", 1, "--out", folder / "runs")
    assert attnprobe("run", *arguments, cwd=folder)[0] == 0
    return folder / "runs" / "planted" / "flan-none" / "seed-0"


def contents(folder):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*") if path.is_file()}


def test_it_says_how_far_and_leaves_the_run_as_it_is(run, tmp_path):
    before = contents(run)
    arguments = ("--documents", 6, "--searched", 2, "--out", "adversary")
    status, out, errors = attnprobe("adversary", run, *arguments, cwd=tmp_path)
    assert status == 0, errors
    assert contents(run) == before
    rows = pd.read_csv(tmp_path / "adversary" / "documents.csv")
    assert rows["document"].nunique() == 6
    assert (rows["js_bound"] - rows["js"]).abs().max() < 1e-12  # two classes: exact
    assert (rows["tv"] <= 1 + 1e-9).all()
    for _, of_document in rows.groupby("document"):
        assert of_document.sort_values("epsilon")["js"].is_monotonic_increasing
    searched = rows[rows["search"].notna()]
    assert len(searched) == 2
    assert (searched["epsilon"] == 0.05).all()
    assert (searched["search"] <= searched["js"] + 1e-3).all()  # which may exceed ε by a little
    frontier = pd.read_csv(tmp_path / "adversary" / "frontier.csv").set_index("epsilon")
    assert frontier.loc[0.05, "js"] == pytest.approx(rows.loc[rows["epsilon"] == 0.05, "js"].mean())
    said = " ".join(out.split())
    assert f"attention can on average be {frontier.loc[0.05, 'js']:.3f} [" in said
    assert "(exact; 0.693, log 2, is the most that there is)" in said
    assert {path.name for path in (tmp_path / "adversary").iterdir()} == {
        *("documents.csv", "frontier.csv", "frontier.tex", "frontier.png", "frontier.pdf")
    }


@pytest.mark.slow
def test_attention_that_pools_the_same_vector_is_no_farther_than_any_with_the_same_prediction(run, tmp_path):
    found, said = {}, {}
    for name, asked in (("same", ["--same-output"]), ("any", ["--searched", 0])):
        arguments = ("adversary", run, "--documents", 4, *asked, "--out", name)
        status, said[name], errors = attnprobe(*arguments, cwd=tmp_path)
        assert status == 0, errors
        found[name] = pd.read_csv(tmp_path / name / "documents.csv")
    same, any_row = found["same"].set_index("document"), found["any"].set_index("document")
    assert "the very same vector pooled of the words, whatever is read from it" in " ".join(said["same"].split())
    assert same["epsilon"].eq(0).all()
    assert same["search"].isna().all()
    most = any_row.loc[any_row["epsilon"] == 0, "js_bound"]
    assert (same["js"] <= most.loc[same.index] + 1e-9).all()


def test_what_it_cannot_be_asked_of_is_refused(run, tmp_path):
    status, _, errors = attnprobe("adversary", tmp_path / "nowhere", cwd=tmp_path)
    assert status == 2
    assert errors.count("\n") == 1
    status, _, errors = attnprobe("adversary", run, "--documents", 0, cwd=tmp_path)
    assert status == 2
    assert "--documents" in errors
    assert not (tmp_path / "adversary").exists()
    (tmp_path / "file").write_text("")
    for out, said in ((run, "is a run's folder, which is left as it is"), (tmp_path / "file", "is no folder")):
        before = contents(run)
        status, _, errors = attnprobe("adversary", run, "--documents", 2, "--out", out, cwd=tmp_path)
        assert status == 2
        assert said in errors
        assert contents(run) == before


def rows_of(documents, epsilon):
    of = documents.contributions()
    return FeasibleRows.of(of.margins, of.mass, of.decision, of.mask, epsilon)


def test_permutations_are_all_looked_at_without_one():
    """Mean and deviation of the lead over every permutation of four weights."""
    documents = draw(1, "plain", 3, 4, 4, shortest=4)
    rows = rows_of(documents, 0.1)
    found = permutation_scores(rows)
    orders = torch.tensor([*itertools.permutations(range(4))])
    for weights, leads, scores in zip(rows.weights, rows.leads, found, strict=True):
        permuted = weights[orders] @ leads.T
        expected = (leads @ weights - permuted.mean(0)) / permuted.std(0, correction=0)
        torch.testing.assert_close(scores, expected, rtol=1e-9, atol=1e-9)


def test_a_search_never_passes_the_exact_adversary_by_more_than_it_may_exceed():
    for classes in (2, 3):
        documents = draw(classes, "plain", classes, 4, 10)
        rows = rows_of(documents, 0.05)
        reached = searched_divergence(rows, 0.05, 0)
        for weights, leads, mask, found in zip(rows.weights, rows.leads, rows.mask, reached, strict=True):
            row, of_items = weights[mask].numpy(), leads[:, mask].numpy()
            low, high = brute.limits(row, of_items, 0.05 + 1e-4)
            most = max((brute.js(row, corner) for corner in brute.vertices(of_items, low, high)), default=0.0)
            assert -1e-9 <= found <= most + 1e-6
            assert not torch.isnan(found)

"""A run that is asked what flips its decisions and what guarantees them, from the command to the page."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import attnprobe
from attnprobe.analysis.certified_sets import LONGER, SHORT, certified_sets
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.sufficient_sets import sufficient_sets
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.erasure.certified_names import EVERY_SET
from attnprobe.reports.figures import FIGURES
from attnprobe.reports.page.documents import SampledDocuments
from attnprobe.reports.tables import TABLES
from attnprobe.stages import certified_sample
from attnprobe.stages.certified_sample import certified_sample as sample_of
from tests.fixtures.commands import planted_folder
from tests.test_any_model import FirstToken, batches

COLUMNS = ["sufficient_smallest", "sufficient_bound", "sufficient_necessary", "flip_smallest", "flip_bound"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Its folder, and what the command said."""
    folder = tmp_path_factory.mktemp("certified")
    data = planted_folder(folder / "planted", test=14)
    arguments = ["run", "--dataset", str(data), "--model", "transformer", "--d-e", "16", "--num-heads", "2"]
    arguments += ["--epochs", "3", "--certify", "1", "--head-map-documents", "0", "--out", str(folder / "runs")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certified_sample, "CERTIFIED_SETS", 250_000)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        said = []
        patch.setattr("builtins.print", lambda *parts, **_: said.append(" ".join(map(str, parts))))
        assert main(arguments) == 0
    (path,) = (folder / "runs").glob("*/*/seed-0")
    return path, "\n".join(said)


@pytest.fixture(scope="module")
def results(run):
    return RunResults.load(run[0])


def test_columns_are_of_the_documents_that_were_drawn_alone(results):
    documents = results.documents
    asked = documents["every_set"].notna()
    assert 1 < asked.sum() < len(documents)
    assert (documents[COLUMNS].notna().all(axis=1) == asked).all()
    assert (documents.loc[asked, "every_set"] == (documents.loc[asked, "n"] <= EVERY_SET)).all()
    assert set(documents.loc[asked, "every_set"]) == {0, 1}
    short = documents[documents["every_set"] == 1]
    assert (short["flip_bound"] == short["flip_smallest"]).all()
    assert (short["sufficient_bound"] == short["sufficient_smallest"]).all()
    counted = results.erasures.groupby("document")["sufficient"].agg(lambda of: of.notna().all())
    assert counted[counted].index.tolist() == short["document"].tolist()
    least = results.erasures.groupby("document")["sufficient"].min()
    assert (least[short["document"]].to_numpy() >= short["sufficient_smallest"].to_numpy()).all()
    items = results.items(["document", "position", "sufficient", "flipping"]).set_index("document")
    for name, size in (("sufficient", "sufficient_smallest"), ("flipping", "flip_smallest")):
        marked = items.groupby(level=0)[name].sum(min_count=1).astype(float)
        expected = documents.set_index("document")[size].clip(lower=0)
        pd.testing.assert_series_equal(marked, expected.astype(float), check_names=False)


def test_statistics_are_of_short_documents_exact_and_of_longer_ones_between(results):
    documents = results.several
    found = certified_sets(results)
    for name, every in ((SHORT, 1), (LONGER, 0)):
        of = documents[documents["every_set"] == every]
        flips, keeps = found.flips[name], found.keeps[name]
        assert flips.documents == keeps.documents == len(of)
        known = (of["flip_smallest"].where(of["flip_smallest"] > 0, of["n"]) / of["n"]).mean()
        assert flips.known.value == pytest.approx(known)
        assert keeps.at_least.value == pytest.approx((of["sufficient_bound"] / of["n"]).mean())
        assert flips.at_least.value <= flips.known.value + 1e-12
    assert found.flips[SHORT].exact == found.keeps[SHORT].exact == found.keeps[SHORT].documents
    assert found.keeps[LONGER].exact == 0
    single = (documents["flip_bound"].dropna() != 1).mean()
    assert found.withstood["1"].value == pytest.approx(single)
    sufficient = sufficient_sets(results)
    assert sufficient.smallest.share.n == found.flips[SHORT].documents
    assert sufficient.smallest.share.value == pytest.approx(found.keeps[SHORT].known.value)
    assert all(of.value >= found.flips[SHORT].known.value - 1e-12 for of in found.erased.values())


def test_cost_answer_table_figure_and_page_say_it(run, results):
    folder, said = run
    words = " ".join(said.split())
    assert words.count("By their words that takes up to") == 1
    assert words.index("Probing: what flips and what guarantees") < words.index("Report:")
    found = certified_sets(results)
    assert f"Of the {found.flips[SHORT].documents} documents of at most 14 words all sets were erased" in words
    assert f"Of {found.flips[LONGER].documents} longer ones the smallest set that changes the decision is" in words
    assert "are attained, beside which nothing that was tried changes it" in words
    assert "no exact smallest set is known" not in words
    summary = json.loads((folder / "summary.json").read_text())
    rows = TABLES["certified_sets"](summary).plain
    assert rows[["set", "of"]].to_numpy().tolist() == [[s, of] for s in ("flips", "keeps") for of in (SHORT, LONGER)]
    table = TABLES["guarantees"](summary).plain.set_index("ordering")
    assert table.loc["Smallest set", "erased"] == found.flips[SHORT].known.value
    assert table.loc["attention", "erased"] == found.erased["attention"].value
    figure = FIGURES["erase_or_keep"](results)
    assert isinstance(figure, Figure)
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    assert "documents of at most 14 words" in axes.get_xlabel()
    assert len(axes.patches) == 2 * len(table)
    shown = SampledDocuments(results, range(len(results.several)))
    told = [shown.encoded(row) for row in range(len(results.several))]
    every = results.several["every_set"]
    known = ["unknown" if np.isnan(of) else "exact" if of else "attained" for of in every]
    assert [each["guarantee"] for each in told] == known
    ends = zip(known, results.several["flip_bound"], results.several["flip_smallest"], strict=True)
    expected = [
        "unknown" if of == "unknown" else ("none" if low < 0 else "open") if size < 0 else kinds[low == size]
        for kinds in [{True: "exact", False: "attained"}]
        for of, low, size in ends
    ]
    assert [each["smallest"] for each in told] == expected
    assert {"unknown", "exact"} < set(expected)


def test_a_change_with_nothing_left_is_no_flip(run):
    found = {}
    for emptied in (False, True):  # where tokens are in no item, something is left even then
        results = RunResults.load(run[0])
        documents, erasures = results.documents, results.erasures
        short = (documents["every_set"] == 1) & (documents["n"] > 1)
        erased = erasures["document"].isin(documents.loc[short, "document"])
        documents.loc[~short, ["every_set", *COLUMNS]] = np.nan
        documents.loc[short, ["n", "flip_bound", "flip_smallest"]] = 2
        erasures.loc[erased, ["n", "removed"]] = 2
        erasures.loc[erased, "emptied"] = emptied
        found[emptied] = certified_sets(results)
    some, nothing = (found[emptied].flips[SHORT] for emptied in (False, True))
    assert (some.none, nothing.none) == (0, nothing.documents)
    assert some.exact == nothing.exact == nothing.documents
    assert some.known.value == nothing.known.value == nothing.at_least.value == 1
    assert [found[emptied].withstood["2"].value for emptied in (False, True)] == [0, 1]


def test_with_a_smallest_set_of_every_document_what_guarantees_it_is_told_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = planted_folder(tmp_path / "planted", test=14)
    arguments = ["run", "--dataset", str(data), "--model", "flan-none", "--epochs", "1", "--erase-by", "zero"]
    assert main([*arguments, "--certify", "1", "--out", str(tmp_path / "runs")]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "Smallest set (exact)" in words
    assert words.count("whatever subset of the others is erased") == 1  # of the short documents, which it names


def test_verify_finds_it_again(run, capsys):
    folder, _ = run
    assert main(["verify", str(folder), "--documents", "5"]) == 0
    assert "sizes and outcomes of sets of items" in " ".join(capsys.readouterr().out.split())


def test_a_number_that_is_none_is_said_in_one_sentence(tmp_path, capsys):
    data = planted_folder(tmp_path / "planted", test=3)
    for arguments, sentence in (
        (["--model", "flan-none", "--certify", "2"], "of flan-none, erased by renormalise, they are."),
        (["--model", "transformer", "--certify", "-1"], "must be a whole number from 0 on, not -1."),
        (["--model", "transformer", "--certify", "two"], "must be a whole number from 0 on, not 'two'."),
    ):
        assert main(["run", "--dataset", str(data), *arguments, "--out", str(tmp_path / "runs")]) == 2
        told = capsys.readouterr().err.strip()
        assert sentence in " ".join(told.split())
        assert "--certify" in told


def test_documents_are_taken_in_order_of_draw_as_far_as_their_sets_go(monkeypatch):
    monkeypatch.setattr(certified_sample, "CERTIFIED_SETS", 100)
    words, drawn = np.array([3, 14, 5, 6, 1]), np.array([2, 3, 0, 1, 4])
    chosen = sample_of(words, drawn, 2)
    assert np.flatnonzero(chosen.documents).tolist() == [2, 3]  # 32 and 64 sets; 8 more are too many
    assert sample_of(words, np.array([1, 0, 2, 3, 4]), 2).documents.sum() == 1  # one at least, however many sets
    assert chosen.of(np.array([3, 4])).documents.tolist() == [True, False]


def test_python_says_the_same_of_all_subsets():
    torch.manual_seed(2)
    model, given = FirstToken(), batches()
    result = attnprobe.probe(model, given, certify=1)
    plain = attnprobe.probe(model, given)
    pd.testing.assert_frame_equal(plain.documents, result.documents[plain.documents.columns])
    pd.testing.assert_frame_equal(plain.erasures, result.erasures[plain.erasures.columns])
    assert (result.documents["every_set"] == 1).all()
    attached = attnprobe.AttachedModel(model, given[1])
    flips = {}
    with torch.no_grad():
        decision = model(**given[1]).argmax(-1)
        for number in range(1 << 6):
            erased = torch.tensor([[bool(number >> j & 1) for j in range(6)]] * 2)
            with attached.erasing(erased & given[1]["mask"]):
                flips[number] = (model(**given[1]).argmax(-1) != decision).tolist()
    for row, items in enumerate((6, 3)):
        flipping = [number for number in range(1 << items) if flips[number][row]]
        sufficient = [kept for kept in range(1 << items) if all(kept & number for number in flipping)]
        found = result.documents.iloc[4 + row]
        assert found["sufficient_smallest"] == min(kept.bit_count() for kept in sufficient)
        assert found["flip_smallest"] == min((number.bit_count() for number in flipping), default=-1)
    with pytest.raises(InputError, match=r"certify is -1, but a whole number of at least 0 is needed\."):
        attnprobe.probe(model, given, certify=-1)

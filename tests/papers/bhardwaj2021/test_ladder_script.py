"""The script that climbs the ladder on trained runs."""

import pandas as pd
import pytest

from attnprobe.cli import main
from attnprobe.papers.bhardwaj2021.ladder import DECISION, HEAD, LAYER, LOGITS
from tests.fixtures.commands import ROOT, planted_folder, run_script

SCRIPT = ROOT / "figures" / "identifiable2021" / "ladder.py"


def script(*arguments):
    status, out, errors = run_script(SCRIPT, *arguments)
    return status, out.splitlines(), errors


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ladder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        planted = planted_folder(folder / "planted", test=12)
        for model in (["transformer", "--d-e", "16", "--epochs", "1"], ["flan-none", "--epochs", "1"]):
            arguments = ["train", "--dataset", str(planted), "--out", str(folder / "runs"), "--model", *model]
            assert main(arguments) == 0
        yield folder


def test_the_script_measures_both_kinds_of_models(runs):
    folders = sorted((runs / "runs" / "planted").glob("*/seed-0"))
    assert len(folders) == 2
    status, files, errors = script(*folders, "--out", runs / "found", "--documents", 2, "--items", 6)
    assert status == 0, errors
    written = [name.rpartition("/")[2] for name in files[-3:]]
    assert written == ["ladder_documents.csv", "ladder.csv", "key_dimensions.csv"]
    found = pd.read_csv(runs / "found" / "ladder_documents.csv")
    assert (found["lower"] <= found["upper"] + 1e-9).all()
    assert found.loc[found["name"].isin([HEAD, LAYER, LOGITS]), "change"].max() < 1e-9
    assert found.loc[found["name"].isin([HEAD, LAYER, LOGITS, DECISION]), "kept"].all()
    means = pd.read_csv(runs / "found" / "ladder.csv").set_index(["model", "name"])
    assert (means["documents"] == 2).all()
    assert means.loc[("flan-none", DECISION), "heads"] == 1
    encoder = next(name for name, _ in means.index if name.startswith("transformer"))
    # Four heads of six items: 4 · 5 − 16 directions leave the layer's output as it is.
    assert means.loc[(encoder, LAYER), "dimension"] == 4
    assert set(pd.read_csv(runs / "found" / "key_dimensions.csv")["model"]) == {encoder}


def test_documents_that_are_too_short_are_one_sentence(runs):
    folder = next((runs / "runs" / "planted").glob("transformer*/seed-0"))
    status, files, errors = script(folder, "--out", runs / "none", "--items", 5000)
    assert (status, files) == (2, [])
    assert len(errors.strip().splitlines()) == 1
    assert "has 5000 words" in errors

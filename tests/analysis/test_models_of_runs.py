"""What tells the models of runs from one another."""

import json

import numpy as np
import pytest

from attnprobe.analysis.across_runs import by_pair
from attnprobe.analysis.finding_runs import find_runs, load_runs
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.transformer import TransformerOptions
from tests.fixtures.paper_grids import write_one

SIZES = np.random.default_rng(3).integers(2, 6, size=20)
VARIANTS = (TransformerOptions(), TransformerOptions(d_k=1, combine="add", as_released=("scale",)))


def write_variant(folder, options, place):
    """A run of the model ``transformer`` with these options, as its configuration is written."""
    run = write_one(folder, "toy", f"place-{place}", 0, SIZES)
    config = json.loads((run / "config.json").read_text())
    settings = RunSettings("toy", "transformer", transformer=options).to_json()
    config["settings"] = json.loads(json.dumps(settings))
    (run / "config.json").write_text(json.dumps(config))
    return run


@pytest.fixture
def folder(tmp_path):
    for place, options in enumerate(VARIANTS):
        write_variant(tmp_path, options, place)
    return tmp_path


def test_two_variants_of_a_transformer_are_two_models(folder):
    names = [RunSettings("toy", "transformer", transformer=options).model_folder for options in VARIANTS]
    runs = load_runs([folder])
    assert [run.model for run in runs] == names == ["transformer", "transformer-d_k1-add-released_scale"]
    assert list(by_pair(runs)) == [("toy", name) for name in names]
    assert runs[1].name == "toy · transformer-d_k1-add-released_scale · seed 0"
    grid = RunGrid.find([folder])
    assert grid.models == names
    assert [grid.results("toy", name).model for name in names] == names
    assert len(set(grid.file_names.values())) == 2
    (claim,) = [result for result in judge_claims(runs) if result.claim.id == "M1"]
    assert [case.name for case in claim.cases] == [run.name for run in runs]


def test_the_same_variant_twice_is_refused(folder):
    write_variant(folder, VARIANTS[1], 2)
    with pytest.raises(InputError, match="are both toy · transformer-d_k1-add-released_scale · seed 0"):
        RunGrid.find([folder])
    with pytest.raises(InputError, match="are both toy · transformer-d_k1-add-released_scale · seed 0"):
        by_pair(load_runs([folder]))


@pytest.mark.parametrize("options", [{"d_k": 1, "colour": "red"}, ["d_k"], {"combine": "multiply"}])
def test_options_that_are_none_are_named(folder, options):
    path = next(folder.rglob("config.json"))
    config = json.loads(path.read_text())
    config["settings"]["transformer"] = options
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"config\.json"):
        RunGrid.find([folder])
    with pytest.raises(InputError, match=r"config\.json"):
        _ = RunResults.load(path.parent).model


def test_figures_and_claims_find_the_same_runs(folder):
    assert find_runs([folder, folder / "toy"]) == sorted(RunGrid.find([folder]).folders.values())
    (folder / "toy" / "place-0" / "seed-0" / "items.parquet").unlink()
    (only,) = load_runs([folder])
    assert only.folder == (folder / "toy" / "place-1" / "seed-0").resolve()

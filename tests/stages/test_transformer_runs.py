"""A run of a transformer encoder: its settings, its folder, its grid, and the command from end to end."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.cli.options import add_run_arguments
from attnprobe.cli.settings import settings_from
from attnprobe.execution.work import Done
from attnprobe.runs.configuration import DataSource, RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.experiment_files import load_experiment
from attnprobe.settings.grid_files import load_grid
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.stages.foretelling import Foretelling
from tests.fixtures.commands import planted_folder

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = """
dataset = "planted"
model = "transformer"
[training]
epochs = 1
[transformer]
d_e = 16
d_k = 2
combine = "add"
as_released = ["scale"]
[attention]
heads = "0"
"""
SETTINGS = RunSettings(
    "planted", "transformer", attention=AttentionSettings(unit="word"), transformer=TransformerOptions(d_k=1)
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_settings_survive_being_written_down():
    settings = dataclasses.replace(
        SETTINGS, transformer=TransformerOptions(combine="add", as_released=("scale", "head_sum"))
    )
    assert RunSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert settings.model_folder == "transformer-add-released_scale-released_head_sum"


def test_other_models_say_nothing_of_a_transformer():
    """So that runs made before there was one are still known by their fingerprints."""
    assert "transformer" not in RunSettings("planted", "flan-rnn").to_json()


def test_a_different_encoder_is_a_different_run():
    data = DataSource("x", None, None, "0", ["a", "b"], {})
    one = RunConfiguration(SETTINGS, data)
    other = RunConfiguration(dataclasses.replace(SETTINGS, transformer=TransformerOptions(d_k=2)), data)
    assert one.fingerprint != other.fingerprint
    assert one.difference(other) == "d_k 1, not 2"
    assert one.unit == "word"


def test_an_experiment_says_what_the_encoder_is(tmp_path):
    settings = load_experiment(write(tmp_path / "e.toml", EXPERIMENT), seed=3)
    assert settings.transformer == TransformerOptions(d_e=16, d_k=2, combine="add", as_released=("scale",))
    assert settings.attention == AttentionSettings(unit="word", heads="0")
    varied = load_experiment(tmp_path / "e.toml", 3, {"transformer": {"d_k": 8, "as_released": ()}})
    assert varied.transformer == TransformerOptions(d_e=16, d_k=8, combine="add")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("d_k = 2", "d_q = 2"), r"no setting \[transformer\] d_q"),
        (("d_k = 2", 'd_k = "two"'), r"\[transformer\] d_k must be a whole number"),
        (('"add"', '"sum"'), r"e\.toml: \[transformer\] combine must be concatenate, add or add_own"),
        (('heads = "0"', 'unit = "token"'), r"\[attention\] unit must be word"),
        (("[training]", "word2vec = true\n[training]"), "word2vec is not for the model transformer"),
        (('"transformer"', '"flan-rnn"'), "is not for the model flan-rnn"),
        (('"transformer"', '"hf:some/model"'), r"\[transformer\] is not for the model hf:some/model"),
    ],
)
def test_a_wrong_experiment_is_told(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        load_experiment(write(tmp_path / "e.toml", EXPERIMENT.replace(*change)), seed=0)


GRID = """
[[runs]]
experiments = ["e.toml"]
seeds = [0, 1]
probe = false
[runs.transformer]
d_k = [1, 4]
as_released = [[], ["scale"]]
matched = [false]
"""


def test_a_grid_has_a_run_of_every_combination(tmp_path):
    write(tmp_path / "e.toml", EXPERIMENT)
    runs = load_grid(write(tmp_path / "grid.toml", GRID))
    assert len(runs) == len({run.settings().model_folder + str(run.seed) for run in runs}) == 8
    assert runs[1].name == "e d_k 1 as_released scale matched no seed 0"
    assert runs[1].command() == [
        *("train", "--experiment", str(tmp_path / "e.toml"), "--seed", "0"),
        *("--d-k", "1", "--as-released", "scale", "--no-matched"),
    ]
    assert runs[0].command()[-3:] == ["--as-released", "none", "--no-matched"]
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    for run in runs:
        assert settings_from(parser.parse_args(run.command()[1:]), fine_tune=True) == run.settings()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("d_k = [1, 4]", "d_k = 1"), r"\[runs.transformer\] d_k must be a list of values, not 1"),
        (("[runs.transformer]", "[[runs]]"), r"no setting \[\[runs\]\] d_k"),
        (("d_k = [1, 4]", "dk = [1]"), r"no setting \[runs.transformer\] dk; did you mean \[runs.transformer\] d_k"),
    ],
)
def test_a_wrong_grid_is_told(tmp_path, change, message):
    write(tmp_path / "e.toml", EXPERIMENT)
    with pytest.raises(InputError, match=message):
        load_grid(write(tmp_path / "grid.toml", GRID.replace(*change)))


@pytest.mark.parametrize(("name", "runs"), [("offline", 135), ("paper", 540)])
def test_the_grids_of_2021_load_and_no_two_runs_share_a_folder(name, runs):
    grid = load_grid(ROOT / "experiments" / "identifiable2021" / f"{name}.toml")
    settings = [run.settings() for run in grid]
    assert len({RunFolder.of(Path(), each).path for each in settings}) == len(grid) == runs
    assert all(each.model == "transformer" for each in settings)


def test_the_command_trains_tests_and_reports(tmp_path, capsys):
    data = planted_folder(tmp_path / "planted")
    common = ["--dataset", str(data), "--model", "transformer", "--out", str(tmp_path / "runs"), "--d-e", "16"]
    common += ["--d-k", "2", "--combine", "add", "--epochs", "3", "--longest", "18", "--head-map-documents", "5"]
    assert main(["run", *common]) == 0
    said = capsys.readouterr().out
    folder = RunFolder(tmp_path / "runs" / "planted" / "transformer-d_e16-d_k2-add-longest18" / "seed-0")
    assert folder.is_finished(folder.read_configuration().settings)
    assert "test documents are longer than the model takes: they are cut to 17 tokens" in said
    assert folder.read_summary()["engine"] == "single row"
    documents = pd.read_parquet(folder.table("documents"))
    items = pd.read_parquet(folder.table("items"))
    assert documents["n"].max() == 18
    assert (items.loc[items["position"] == 0, "token"] == "[CLS]").all()
    assert folder.table("head_effects").exists()
    assert main(["run", *common]) == 0
    assert "Training: finished before" in capsys.readouterr().out
    asked = {}
    for documents in ("0", "3"):  # it can be asked for at any time, or not: the run stays what it is
        before = folder.table("documents").stat().st_mtime_ns
        assert main(["run", *common[:-1], documents]) == 0
        said = capsys.readouterr().out
        assert "Probing: finished before" in said
        assert ("single heads are tested" in said) == (documents == "3")
        asked[documents] = pd.read_parquet(folder.table("head_effects"))["document"].nunique()
        assert folder.table("documents").stat().st_mtime_ns == before
        assert folder.is_finished(folder.read_configuration().settings)
    assert asked == {"0": 5, "3": 3}


def test_a_work_of_minutes_is_foretold_once_its_least_piece_is_done():
    said = []
    work: Any = Counted({"a": 40, "b": 10, "c": 30}, done=["c"])
    told = Foretelling(work, list("abc"), 1, "Single heads", "0 for none", said.append)
    assert told.pieces == list("bac")  # the least of those that are to be done
    told.note(Done("b", 100.0, 1.0, 0))
    told.note(Done("a", 400.0, 1.0, 0))
    assert said == ["Single heads: about 7 minutes; 0 for none."]
    quick = Foretelling(work, list("abc"), 2, "Single heads", "0 for none", said.append)
    quick.note(Done("b", 5.0, 1.0, 0))  # 40 tokens at half a second each, by two workers
    assert len(said) == 1


class Counted:
    """A work of which the costs of pieces are known, and which are done."""

    def __init__(self, costs, done):
        self.cost, self.is_done = costs.__getitem__, done.__contains__

import dataclasses
from pathlib import Path

import pytest

from attnprobe.base.errors import InputError
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.experiment_files import load_experiment
from attnprobe.settings.grid_files import load_grid
from attnprobe.settings.training import FINE_TUNING
from attnprobe.stages.grid import run_grid

ROOT = Path(__file__).resolve().parents[2]
WHOLE = """
dataset = "imdb8"
model = "han-rnn"
[data]
train_documents = 100
[dropout]
words = 0.5
[training]
epochs = 3
learning_rate = 1e-3
"""


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_an_experiment_says_what_it_says_and_defaults_the_rest(tmp_path):
    settings = load_experiment(write(tmp_path / "e.toml", WHOLE), seed=4)
    assert (settings.dataset, settings.model, settings.seed) == ("imdb8", "han-rnn", 4)
    assert settings.data.train_documents == 100
    assert settings.data.test_documents is None
    assert settings.dropout.words == 0.5
    assert settings.training.epochs == 3
    assert settings.training.patience == 2


def test_tokens_are_given_where_the_file_says_so(tmp_path):
    assert not load_experiment(write(tmp_path / "e.toml", WHOLE), seed=0).data.given_tokens
    text = WHOLE.replace("train_documents = 100", "given_tokens = true")
    assert load_experiment(write(tmp_path / "e.toml", text), seed=0).data.given_tokens
    with pytest.raises(InputError, match=r"\[data\] given_tokens must be true or false"):
        load_experiment(write(tmp_path / "e.toml", WHOLE.replace("train_documents = 100", "given_tokens = 1")), seed=0)


def test_a_limit_can_be_none(tmp_path):
    text = WHOLE + 'gradient_norm = "none"\ngradient_value = 50.0\n'
    settings = load_experiment(write(tmp_path / "e.toml", text), seed=0)
    assert settings.training.gradient_norm is None
    assert settings.training.gradient_value == 50
    with pytest.raises(InputError, match=r"\[training\] epochs must be a whole number"):
        load_experiment(write(tmp_path / "e.toml", WHOLE.replace("epochs = 3", 'epochs = "none"')), seed=0)


CHECKPOINT = """
dataset = "imdb8"
model = "hf:some/checkpoint"
[training]
epochs = 2
[attention]
layers = "all"
unit = "word"
greedy = true
label_words = ["good", "bad"]
head_map_documents = 7
"""


def test_an_experiment_with_a_checkpoint(tmp_path):
    settings = load_experiment(write(tmp_path / "e.toml", CHECKPOINT), seed=1)
    assert settings.model == "hf:some/checkpoint"
    assert settings.training == dataclasses.replace(FINE_TUNING, epochs=2)
    assert settings.attention == AttentionSettings(
        layers="all", unit="word", greedy=True, label_words=("good", "bad"), head_map_documents=7
    )
    (tmp_path / "checkpoint").mkdir()
    local = CHECKPOINT.replace("some/checkpoint", str(tmp_path / "checkpoint"))
    assert load_experiment(write(tmp_path / "e.toml", local), 0).model_folder == "hf-checkpoint"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("greedy", "gredy"), r"no setting \[attention\] gredy; did you mean \[attention\] greedy"),
        (("true", "1"), r"\[attention\] greedy must be true or false"),
        (('"all"', "3"), r"\[attention\] layers must be a text"),
        (('["good", "bad"]', '"good"'), r"\[attention\] label_words must be a list of two or more different words"),
        (('"word"', '"sentence"'), r"\[attention\] unit must be token or word"),
        (("7", "true"), r"\[attention\] head_map_documents must be a whole number"),
        (("hf:some/checkpoint", "flan-rnn"), r"\[attention\] is not for the model flan-rnn"),
        (("[training]", "[dropout]\nwords = 0.1\n[training]"), r"\[dropout\] is not for the model hf:some/checkpoint"),
    ],
)
def test_a_wrong_experiment_with_a_checkpoint_is_told(tmp_path, change, message):
    path = write(tmp_path / "e.toml", CHECKPOINT.replace(*change))
    with pytest.raises(InputError, match=message):
        load_experiment(path, seed=0)


def test_the_paper_has_24_pairs():
    assert len(load_grid(ROOT / "experiments" / "serrano2019" / "grid.toml")) == 24


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("dataset", "datset"), "no setting datset; did you mean dataset"),
        (("epochs", "epoch"), r"no setting \[training\] epoch; did you mean \[training\] epochs"),
        (("han-rnn", "han-rn"), "did you mean 'han-rnn'"),
        (("epochs = 3", "epochs = 2.5"), r"\[training\] epochs must be a whole number"),
        (("words = 0.5", 'words = "much"'), r"\[dropout\] words must be a number"),
        (('dataset = "imdb8"', "dataset = 3"), "dataset must be a text that is not empty"),
        (("[data]", "[data"), "not TOML"),
    ],
)
def test_a_wrong_experiment_is_told(tmp_path, change, message):
    path = write(tmp_path / "e.toml", WHOLE.replace(*change))
    with pytest.raises(InputError, match=message):
        load_experiment(path, seed=0)


def test_a_missing_experiment_is_told(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml: the file cannot be read"):
        load_experiment(tmp_path / "nowhere.toml", seed=0)


def test_a_grid_lists_its_runs_in_order_and_none_twice(tmp_path):
    for name in ("a-x", "a-y", "b-x"):
        write(tmp_path / f"{name}.toml", WHOLE)
    grid = write(
        tmp_path / "grid.toml",
        '[[runs]]\nexperiments = ["b-*.toml", "a-*.toml"]\nseeds = [0]\n'
        '[[runs]]\nexperiments = ["a-x.toml"]\nseeds = [0, 1]\n',
    )
    assert [run.name for run in load_grid(grid)] == ["b-x seed 0", "a-x seed 0", "a-y seed 0", "a-x seed 1"]
    assert [run.name for run in load_grid(grid, seeds=[7], only="a-*")] == ["a-x seed 7", "a-y seed 7"]
    with pytest.raises(InputError, match="no experiment matches 'c'"):
        load_grid(grid, only="c")
    with pytest.raises(InputError, match=r"no experiment beside it is called 'c\.toml'"):
        load_grid(write(grid, '[[runs]]\nexperiments = ["c.toml"]'))


def test_a_grid_varies_what_is_trained(tmp_path):
    write(tmp_path / "a.toml", WHOLE)
    varied = '[[runs]]\nexperiments = ["a.toml"]\n[runs.training]\nmask_training = ["none", "half"]\nepochs = [2]\n'
    runs = load_grid(write(tmp_path / "grid.toml", varied))
    assert [run.settings().training.mask_training for run in runs] == [None, "half"]
    assert {run.settings().training.epochs for run in runs} == {2}
    alike = load_experiment(tmp_path / "a.toml", 0)
    for run in runs:
        assert run.settings() == dataclasses.replace(alike, training=run.settings().training)
    assert runs[1].name == "a mask_training half epochs 2 seed 0"
    assert runs[1].command()[-4:] == ["--mask-training", "half", "--epochs", "2"]
    with pytest.raises(
        InputError, match=r"mask_training none epochs 2 seed 0 and a mask_training half .* an --out each"
    ):
        run_grid(runs, tmp_path / "runs", 1, [], print)
    with pytest.raises(InputError, match=r"no setting \[runs.training\] epoch; did you mean \[runs.training\] epochs"):
        load_grid(write(tmp_path / "grid.toml", varied.replace("epochs", "epoch")))


def test_the_two_grids_of_stand_ins_differ_in_mask_training_alone():
    plain, masked = (load_grid(ROOT / "experiments" / name) for name in ("offline/grid.toml", "meanings/offline.toml"))
    settings = {(run.experiment.name, run.seed): run.settings() for run in plain}
    assert len(settings) == len(masked) == 48
    for run in masked:
        before = settings[run.experiment.name, run.seed]
        training = dataclasses.replace(before.training, mask_training="half")
        assert run.settings() == dataclasses.replace(before, training=training)


@pytest.mark.parametrize("grid", sorted((ROOT / "experiments").glob("*/grid*.toml")), ids=lambda p: p.parent.name)
def test_the_grids_that_are_shipped_load(grid):
    for run in load_grid(grid):
        settings = load_experiment(run.experiment, run.seed)
        assert run.experiment.stem == f"{settings.dataset}-{settings.model}"

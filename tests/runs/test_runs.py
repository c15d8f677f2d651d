import dataclasses
import json

import pyarrow as pa
import pytest

from attnprobe.base.atomic_files import creating_folder, replacing
from attnprobe.base.errors import InputError
from attnprobe.base.registry import Registry
from attnprobe.runs.configuration import CheckpointSource, DataSource, RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.run_settings import RunSettings
from attnprobe.training import TrainingSettings

DATA = DataSource("docstrings", None, None, "f" * 32, ["a", "b"], {"train": 3, "dev": 1, "test": 1})
CONFIGURATION = RunConfiguration(RunSettings("docstrings", "flan-rnn"), DATA)


def changed(**settings):
    return dataclasses.replace(CONFIGURATION, settings=dataclasses.replace(CONFIGURATION.settings, **settings))


@pytest.fixture
def folder(tmp_path):
    return RunFolder.of(tmp_path, CONFIGURATION.settings)


def write(*paths):
    """As attnprobe writes files."""
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text("ours")


def test_a_configuration_survives_the_way_through_its_file(folder):
    folder.open(CONFIGURATION)
    assert folder.read_configuration() == CONFIGURATION
    assert folder.path.parts[-3:] == ("docstrings", "flan-rnn", "seed-0")
    folder.open(CONFIGURATION)


def test_fingerprints_tell_settings_and_data_apart():
    others = [
        changed(seed=1),
        changed(model="han-rnn"),
        changed(training=TrainingSettings(epochs=9)),
        dataclasses.replace(CONFIGURATION, data=dataclasses.replace(DATA, fingerprint="e" * 32)),
    ]
    assert len({c.fingerprint for c in [CONFIGURATION, *others]}) == 5
    elsewhere = dataclasses.replace(CONFIGURATION, data=dataclasses.replace(DATA, location="/moved"))
    assert elsewhere.fingerprint == CONFIGURATION.fingerprint


def test_what_a_run_without_transformer_was_made_with_is_told_as_ever():
    assert "attention" not in CONFIGURATION.to_json()["settings"]
    assert "checkpoint" not in CONFIGURATION.to_json()
    assert CONFIGURATION.fingerprint == "b667534bc145616186381c1e1877a950e9022ac027a18afaaf8b53d189c949f6"


CHECKPOINT = CheckpointSource("tiny", "0" * 64)
OF_CHECKPOINT = RunConfiguration(
    RunSettings(
        "docstrings",
        "hf:/models/tiny",
        training=None,
        attention=AttentionSettings(layers="0-2", unit="word", greedy=True, label_words=("good", "bad")),
    ),
    DATA,
    CHECKPOINT,
)


def test_a_configuration_of_a_checkpoint_survives_too(tmp_path):
    folder = RunFolder.of(tmp_path, OF_CHECKPOINT.settings)
    assert folder.path == tmp_path / "docstrings" / "hf-tiny" / "seed-0"
    folder.open(OF_CHECKPOINT)
    assert folder.read_configuration() == OF_CHECKPOINT
    content = json.loads(folder.config.read_text())
    assert content["unit"] == "word"
    assert content["checkpoint"] == {"name": "tiny", "content": "0" * 64}
    settings = dataclasses.replace(OF_CHECKPOINT.settings, attention=AttentionSettings())
    other_checkpoint = dataclasses.replace(OF_CHECKPOINT, checkpoint=CheckpointSource("tiny", "1" * 64))
    for other, words in (
        (dataclasses.replace(OF_CHECKPOINT, settings=settings), "layers 0-2, not last and unit word, not token"),
        (other_checkpoint, "another checkpoint"),
        (
            dataclasses.replace(
                OF_CHECKPOINT, settings=dataclasses.replace(OF_CHECKPOINT.settings, training=TrainingSettings())
            ),
            "the model as it is, not fine-tuned",
        ),
    ):
        with pytest.raises(InputError, match=words):
            folder.open(other)


def test_what_runs_of_transformers_were_made_with_is_told_as_ever():
    """A setting that is new and is not given makes no other run of one of before, which would be trained again."""
    assert OF_CHECKPOINT.fingerprint == "e33a84909e2d33c10a7ad7121172665de8453940dafd560e4f92eda11fe071de"
    trained = dataclasses.replace(
        CONFIGURATION, settings=RunSettings.of_tables({"dataset": "docstrings", "model": "transformer"})
    )
    assert trained.fingerprint == "6a91de7b03de82378c6bacf2fd1e17c14ec9faeb4e9bd8b870fec8964bd8a411"


def test_a_checkpoint_is_known_by_its_content_and_not_by_its_place():
    moved = dataclasses.replace(OF_CHECKPOINT.settings, model="hf:/elsewhere/tiny")
    assert dataclasses.replace(OF_CHECKPOINT, settings=moved).fingerprint == OF_CHECKPOINT.fingerprint
    other = dataclasses.replace(OF_CHECKPOINT, checkpoint=CheckpointSource("tiny", "1" * 64))
    assert other.fingerprint != OF_CHECKPOINT.fingerprint


def test_what_a_killed_process_left_of_a_checkpoint_goes(tmp_path):
    folder = RunFolder.of(tmp_path, OF_CHECKPOINT.settings)
    folder.open(OF_CHECKPOINT)
    leftover = folder.path / ".model.0123456789ab"
    leftover.mkdir()
    (leftover / "config.json").write_text("{}")
    folder.checkpoint.mkdir()
    with folder.locked():
        assert not leftover.exists()
        assert folder.checkpoint.exists()


def test_a_run_that_is_not_trained_is_finished_however_it_would_be_trained(tmp_path):
    folder = RunFolder.of(tmp_path, OF_CHECKPOINT.settings)
    folder.open(OF_CHECKPOINT)
    folder.write_tables({name: pa.table({"document": [0]}) for name in ("documents", "erasures", "items")}, "f")
    folder.note(reported="f")
    assert not folder.is_finished(OF_CHECKPOINT.settings)  # the map of heads is missing
    folder.write_table("head_effects", [pa.table({"document": [0]})], "f", documents="100")
    would_train = dataclasses.replace(OF_CHECKPOINT.settings, training=TrainingSettings())
    assert folder.is_finished(OF_CHECKPOINT.settings)
    assert folder.is_finished(would_train)
    assert not folder.is_finished(dataclasses.replace(would_train, seed=1))


def test_other_settings_are_refused_and_forced(folder):
    folder.open(CONFIGURATION)
    other = changed(training=TrainingSettings(epochs=9))
    with pytest.raises(InputError, match=r"epochs 8, not 9.*--force"):
        folder.open(other)
    write(folder.model)
    folder.open(other, force=True)
    assert not folder.model.exists()
    assert folder.read_configuration() == other
    with pytest.raises(InputError, match="other data"):
        folder.open(dataclasses.replace(other, data=dataclasses.replace(DATA, fingerprint="0")))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "settings": 3, "data": {}}', "\0"])
def test_a_spoilt_configuration_is_refused(folder, content):
    folder.path.mkdir(parents=True)
    folder.config.write_text(content)
    with pytest.raises(InputError, match=r"config\.json"):
        folder.read_configuration()


OURS = ("training.csv", "heads.parquet", "report.html", "tables/heads.csv", "figures/of_a_plugin.png", "run.log")
THEIRS = ("notes.txt", "tables/mine.csv", "figures/heads.csv", "figures/delta_js.png", "shards/notes", "more/heads.csv")
THEIRS += ("identification-state/notes.parquet", "identification-state/heads.parquet")
UNFINISHED = (
    *("shards/000000-000001.3.0-128.items.parquet", "shards/000000-000001.0-600.lengths.json"),
    *("shards/heads-00000003-64.parquet", "shards/under-way.txt", "shards/under-way-2-of-3.txt"),
    *("shards/under-way-heads.txt", "identification-state/under-way.txt"),
    *("identification-state/nullity-00000003-64.parquet", "identification-state/programs-00000003-1.parquet"),
)


def files(folder):
    return {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}


def test_force_removes_what_was_written_and_leaves_what_is_not_ours(folder):
    folder.open(CONFIGURATION)
    write(*(folder.path / name for name in (*OURS, *UNFINISHED)))
    with creating_folder(folder.checkpoint) as temporary:
        (temporary / "weights").touch()
    for name in THEIRS:
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).write_text("keep me")
    folder.open(CONFIGURATION, force=True)
    assert files(folder) == {"config.json", "manifest.jsonl", "run.log", *THEIRS}
    assert not folder.checkpoint.exists()
    assert all((folder.path / name).read_text() == "keep me" for name in THEIRS)


def test_force_of_an_older_run_removes_the_names_that_it_has(folder):
    folder.open(CONFIGURATION)
    (folder.path / "manifest.jsonl").unlink()
    names = (
        "model.safetensors",
        "tables/heads.csv",
        "figures/delta_js.png",
        "model/config.json",
        "model/attnprobe.json",
    )
    write(*(folder.path / name for name in names))
    for name in ("tables/mine.csv", "figures/mine.png", "figures/delta_js.svg"):
        (folder.path / name).write_text("keep me")
    folder.open(CONFIGURATION, force=True)
    assert files(folder) == {
        *("config.json", "manifest.jsonl", "tables/mine.csv", "figures/mine.png", "figures/delta_js.svg")
    }


@pytest.mark.parametrize("content", ['{"model_type": "bert"}', "half a fi", "[]"])
def test_force_removes_nothing_where_the_configuration_is_not_ours(folder, content):
    folder.path.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "summary.json"):
        (folder.path / name).write_text(content)
    with pytest.raises(InputError, match=r"config\.json is not from attnprobe"):
        folder.open(CONFIGURATION, force=True)
    assert files(folder) == {"config.json", "model.safetensors", "summary.json"}


def test_force_starts_over_where_our_configuration_is_damaged(folder):
    folder.open(CONFIGURATION)
    folder.config.write_text("half a fi")
    folder.open(CONFIGURATION, force=True)
    assert folder.read_configuration() == CONFIGURATION


def test_a_run_does_not_take_for_its_own_what_force_leaves(folder):
    folder.open(CONFIGURATION)
    folder.model.write_text("someone else's")
    with pytest.raises(InputError, match=r"model\.safetensors is not from attnprobe"):
        folder.open(CONFIGURATION, force=True)
    assert folder.model.read_text() == "someone else's"


@pytest.mark.parametrize(
    "entry",
    ["../victim", "figures/../../victim", "/victim", "notes.txt", "figures", "a/b/c", "", ".", "tables/..", "x\0y"],
)
def test_a_manifest_of_anyone_leads_to_nothing_else(folder, entry):
    folder.open(CONFIGURATION)
    victims = [folder.path.parent / "victim", folder.path / "notes.txt", folder.path / "figures" / "mine"]
    for victim in victims:
        victim.parent.mkdir(exist_ok=True)
        victim.write_text("keep me")
    entries = [entry, str(folder.path.parent / "victim")]
    with (folder.path / "manifest.jsonl").open("a") as file:
        file.write("".join(json.dumps(name) + "\n" for name in entries) + '3\n[]\n{"half')
    folder.open(CONFIGURATION, force=True)
    assert all(victim.read_text() == "keep me" for victim in victims)


def test_a_cut_entry_of_a_manifest_becomes_none(folder):
    folder.open(CONFIGURATION)
    manifest = folder.path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes() + b'"figures/a')
    write(folder.path / "figures/b", folder.path / "figures/b")
    assert manifest.read_text().splitlines() == ['"config.json"', '"figures/a', '"figures/b"']


def test_tables_count_only_when_all_were_made_by_the_same(folder):
    folder.open(CONFIGURATION)
    tables = {name: pa.table({"document": [0]}) for name in ("documents", "erasures", "items")}
    assert not folder.is_probed("one")
    folder.write_tables(tables, "one")
    assert folder.is_probed("one")
    assert not folder.is_probed("two")
    folder.table("items").write_bytes(b"half a fi")
    assert not folder.is_probed("one")


def test_notes_are_merged_and_are_strict_json(folder):
    folder.open(CONFIGURATION)
    with folder.timed("training"):
        pass
    folder.note(unit="word", seconds={"probing": 1.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        folder.note(bad=float("nan"))
    summary = json.loads(folder.summary.read_text())
    assert summary["unit"] == "word"
    assert set(summary["seconds"]) == {"training", "probing"}
    assert not list(folder.path.glob(".*"))


def test_registries_suggest_and_refuse_a_second_entry():
    things: Registry[int] = Registry("thing")
    things.register("alpha", 1)
    with pytest.raises(InputError, match="did you mean 'alpha'"):
        things["alpah"]
    with pytest.raises(InputError, match="known: alpha"):
        things["zzz"]
    with pytest.raises(ValueError, match="already"):
        things.register("alpha", 2)
    assert "beta" not in things
    assert dict(things) == {"alpha": 1}

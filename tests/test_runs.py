import dataclasses
import json

import pyarrow as pa
import pytest

from attnprobe.errors import InputError
from attnprobe.registry import Registry
from attnprobe.runs import DataSource, RunConfiguration, RunFolder, RunSettings
from attnprobe.training import TrainingSettings

DATA = DataSource("docstrings", None, None, "f" * 32, ["a", "b"], {"train": 3, "dev": 1, "test": 1})
CONFIGURATION = RunConfiguration(RunSettings("docstrings", "flan-rnn"), DATA)


def changed(**settings):
    return dataclasses.replace(CONFIGURATION, settings=dataclasses.replace(CONFIGURATION.settings, **settings))


@pytest.fixture
def folder(tmp_path):
    return RunFolder.of(tmp_path, CONFIGURATION.settings)


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


def test_other_settings_are_refused_and_forced(folder):
    folder.open(CONFIGURATION)
    other = changed(training=TrainingSettings(epochs=9))
    with pytest.raises(InputError, match=r"epochs 8, not 9.*--force"):
        folder.open(other)
    folder.model.write_text("old")
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


def test_force_leaves_what_is_not_ours(folder):
    folder.open(CONFIGURATION)
    mine = folder.path / "notes.txt"
    mine.write_text("keep me")
    folder.open(CONFIGURATION, force=True)
    assert mine.read_text() == "keep me"


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

"""What decides what a checkpoint says is in its hash, and lies in its folder."""

import json
import os
import shutil
from typing import Any

import pytest

from attnprobe.base.errors import InputError
from attnprobe.models.huggingface.checkpoint_content import content_hash, locate
from attnprobe.models.huggingface.finetuned import save_finetuned
from tests.fixtures.checkpoints import bert, exchange_two_tensors, save, wordpiece

INDEX = "model.safetensors.index.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkpoint in several files."""
    folder = save(tmp_path_factory.mktemp("made") / "sharded", bert, wordpiece)
    bert().save_pretrained(folder, max_shard_size="8KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    assert len(list(folder.glob("*.safetensors"))) > 2
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "sharded")


@pytest.mark.parametrize(
    "name",
    [
        *(INDEX, "config.json", "generation_config.json", "adapter_model.safetensors", "adapter_config.json"),
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json"),
        *("vocab.txt", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "source.spm", "bpe.codes"),
        *("chat_template.jinja", "chat_template.json", "additional_chat_templates/rag.jinja", "prophetnet.tokenizer"),
    ],
)
def test_every_file_that_decides_is_in_the_hash(folder, name):
    before = content_hash(folder)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    # Spaces and newlines change nothing of what JSON says, and the content all the same.
    path.write_bytes((path.read_bytes() if path.exists() else b"{}") + b"\n")
    assert content_hash(folder) != before


@pytest.mark.parametrize("name", ["README.md", "training_args.bin", "attnprobe.json", ".gitattributes"])
def test_what_decides_nothing_is_not(folder, name):
    before = content_hash(folder)
    (folder / name).write_text("{}")
    assert content_hash(folder) == before


def test_two_tensors_that_are_exchanged_by_the_index_are_another_content(folder):
    before = content_hash(folder)
    exchange_two_tensors(folder)
    assert content_hash(folder) != before


def test_weights_under_a_name_of_their_own_are_in_the_hash(folder):
    (folder / "sub").mkdir()
    config = json.loads((folder / "config.json").read_text())
    for name in ("of_the_configuration", "of_the_index"):
        (folder / "sub" / f"{name}.safetensors").write_bytes(b"0")
    (folder / "config.json").write_text(
        json.dumps(config | {"transformers_weights": "sub/of_the_configuration.safetensors"})
    )
    lead(folder, "sub/of_the_index.safetensors")
    hashes = {content_hash(folder)}
    for path in sorted((folder / "sub").iterdir()):
        path.write_bytes(b"1")
        hashes.add(content_hash(folder))
    assert len(hashes) == 3


def lead(folder, name):
    index = folder / INDEX
    content = json.loads(index.read_text())
    content["weight_map"][next(iter(content["weight_map"]))] = name
    index.write_text(json.dumps(content))


def outside(folder):
    victim = folder.parent / "outside.safetensors"
    victim.write_bytes(b"0")
    return victim


def link(folder, name="model.safetensors"):
    (folder / name).symlink_to(outside(folder))


ASTRAY = {
    "up": lambda folder: lead(folder, f"../{outside(folder).name}"),
    "down and up": lambda folder: lead(folder, f"sub/../../{outside(folder).name}"),
    "absolute": lambda folder: lead(folder, str(outside(folder))),
    "not there": lambda folder: lead(folder, "../nowhere.safetensors"),
    "no name": lambda folder: lead(folder, "a\0b"),
    "a link": link,
    "a link that the index names": lambda folder: (link(folder, "w.st"), lead(folder, "w.st")),
    "a tokenizer's link": lambda folder: link(folder, "vocab.txt"),
    "a circle": lambda folder: os.symlink("vocab.txt", folder / "vocab.txt"),
    "the configuration": lambda folder: (folder / "config.json").write_text(
        json.dumps({"model_type": "bert", "transformers_weights": f"../{outside(folder).name}"})
    ),
}


@pytest.mark.parametrize("way", ASTRAY)
def test_files_outside_the_folder_are_refused(folder, way):
    ASTRAY[way](folder)
    with pytest.raises(InputError, match=r"sharded is no whole model: its file .* lies outside the folder"):
        locate(str(folder))
    with pytest.raises(InputError, match="lies outside"):
        content_hash(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 3}}', "[" * 100_000])
def test_what_is_no_index_is_refused(folder, content):
    (folder / INDEX).write_text(content)
    with pytest.raises(InputError, match=r"index\.json is no index of weights"):
        locate(str(folder))


def test_an_adapter_of_a_model_elsewhere_is_refused(folder):
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/base"}))
    with pytest.raises(InputError, match=r"adapter_config\.json is for a model that lies elsewhere, 'org/base'"):
        locate(str(folder))


def test_a_pipe_is_no_file(folder):
    os.mkfifo(folder / "vocab.txt")
    with pytest.raises(InputError, match=r"vocab\.txt is a pipe, not a file"):
        locate(str(folder))


def test_a_folder_that_is_reached_through_a_link_is_the_same(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert content_hash(locate(str(tmp_path / "link"))) == content_hash(folder)


def test_the_hubs_own_folder_of_links_is_the_same(folder, tmp_path):
    repository = tmp_path / "models--org--name"
    snapshot = repository / "snapshots" / "0123"
    (repository / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, file in enumerate(folder.iterdir()):
        shutil.copy(file, repository / "blobs" / str(number))
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
    assert content_hash(locate(str(snapshot))) == content_hash(folder)


@pytest.mark.parametrize(
    "error", [Exception("No space left on device (os error 28)"), OSError(28, "No space left on device")]
)
def test_a_full_disk_names_the_model(tmp_path, error):
    class Model:
        def save_pretrained(self, folder):
            raise error

    class Classifier:
        model = Model()

    classifier: Any = Classifier()
    with pytest.raises(OSError, match="No space left on device") as raised:
        save_finetuned(tmp_path / "model", classifier, None, "f")
    assert raised.value.filename == str(tmp_path / "model")

"""Hostile files that make a run or say what made it: TOML, JSON, vocabularies, weights; and how they are read."""

import dataclasses
import json
import math
import struct
import tempfile
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from attnprobe.base.errors import InputError
from attnprobe.data.vocabulary import PADDING, UNKNOWN, Vocabulary
from attnprobe.runs.configuration import DataSource, RunConfiguration
from attnprobe.runs.configuration_entries import model_of, read_configuration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.experiment_files import load_experiment
from attnprobe.settings.grid_files import load_grid
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.training import Epoch, Trainer, TrainingSettings
from attnprobe.training.adam import Adam
from attnprobe.training.checkpoints import load_model, resume_training, save_training
from tests.fuzzing.mutation import any_value, hostile_json, mutated_bytes, mutated_value

EXPERIMENTS = (
    {
        "dataset": "imdb8",
        "model": "transformer",
        "data": {"train_documents": 100, "train_words": "none"},
        "training": {"epochs": 3, "learning_rate": 1e-3, "gradient_norm": "none"},
        "attention": {"layers": "last", "heads": "0,2-4", "unit": "word", "aggregate": "mean"},
        "transformer": {"d_e": 64, "num_heads": 4, "combine": "add", "positions": False, "as_released": ["mask"]},
    },
    {
        "dataset": "imdb8",
        "model": "hf:some/model",
        "erase_by": "renormalise",
        "attention": {"query": "first", "label_words": ["a", "b"], "unit": "token", "head_map_documents": 5},
    },
    {
        "dataset": "imdb8",
        "model": "han-rnn",
        "decision": "class",
        "word2vec": True,
        "dropout": {"words": 0.2, "document": 0},
    },
)
"""One of each kind of model, as they are."""

GRID = {"runs": [{"experiments": ["e*.toml"], "seeds": [0, 1], "probe": True, "transformer": {"d_k": [1, 2]}}]}
SOURCE = DataSource("imdb8", None, "text", "0" * 64, ["no", "yes"], {"train": 8, "dev": 2, "test": 4})
CONFIGURATIONS = [
    json.loads(json.dumps(RunConfiguration(settings, SOURCE).to_json()))
    for settings in (
        RunSettings("imdb8", "flan-rnn"),
        RunSettings("imdb8", "transformer", attention=AttentionSettings(unit="word"), transformer=TransformerOptions()),
    )
]
VOCABULARY = "\n".join((PADDING, "a", "café", "it's", UNKNOWN, "")).encode()
STAMP = "f" * 64


def toml(value):
    """A value as TOML, inline where it is nested; what TOML cannot say is said anyway."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(str(key))} = {toml(entry)}" for key, entry in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def hostile_toml(random, content):
    """Bytes that are almost the TOML of a dictionary."""
    if random.random() < 0.05:
        return random.choice(
            ("a = " + "[" * 3000, "a." * 3000 + "b = 1", "a = 9" + "9" * 5000, "a = 1\na = 2")
        ).encode()
    if random.random() < 0.7:
        content = mutated_value(random, content)
    text = "\n".join(f"{json.dumps(str(key))} = {toml(value)}" for key, value in content.items())
    whole = text.encode("utf-8", "surrogatepass")
    return mutated_bytes(random, whole) if random.random() < 0.4 else whole


def make_experiment(random, folder):
    path = folder / "e.toml"
    path.write_bytes(hostile_toml(random, random.choice(EXPERIMENTS)))
    return path


def read_experiment(path):
    settings = load_experiment(path, 0)
    assert RunSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert len(RunConfiguration(settings, SOURCE).fingerprint) == 64


def make_grid(random, folder):
    (folder / "e1.toml").write_text('dataset = "imdb8"\nmodel = "transformer"\n')
    path = folder / "grid.toml"
    path.write_bytes(hostile_toml(random, GRID))
    return path


def read_grid(path):
    for run in load_grid(path)[:20]:
        assert run.name
        assert all(isinstance(argument, str) for argument in run.command())
        assert run.experiment.is_relative_to(path.parent)
        run.settings()


def make_configuration(random, folder):
    path = folder / "config.json"
    path.write_bytes(hostile_json(random, random.choice(CONFIGURATIONS)))
    return path


def read_run_configuration(path):
    """As every command that goes on with a run reads it, and as reports do."""
    try:
        config = read_configuration(path)
        assert isinstance(model_of(config, path), str)
    except InputError:
        pass  # what a run goes on with is asked more of, below
    configuration = RunFolder(path.parent).read_configuration()
    assert len(configuration.fingerprint) == 64
    assert configuration.unit in ("word", "sentence", "token")
    again = RunConfiguration.from_json(json.loads(json.dumps(configuration.to_json())))
    assert again.fingerprint == configuration.fingerprint
    assert isinstance(configuration.difference(again), str)
    RunFolder(path.parent).is_finished(configuration.settings)


def read_reported_configuration(path):
    config = read_configuration(path)
    assert isinstance(model_of(config, path), str)


def make_summary(random, folder):
    path = folder / "summary.json"
    summary = {"seconds": {"report": 1.5}, "reported": STAMP, "classes": {"0": "no"}, "quarantined": {"documents": 0}}
    path.write_bytes(hostile_json(random, summary))
    return path


def read_summary(path):
    """Whatever it holds, it can be added to; what is no summary counts as none."""
    folder = RunFolder(path.parent)
    assert isinstance(folder.read_summary(), dict)
    folder.note(seconds={"train": 1.0}, labels=["a"])
    assert folder.read_summary()["labels"] == ["a"]


def make_vocabulary(random, folder):
    path = folder / "vocabulary.txt"
    path.write_bytes(mutated_bytes(random, VOCABULARY, (VOCABULARY,)))
    return path


def read_vocabulary(path):
    vocabulary = Vocabulary.load(path)
    assert vocabulary.words[0] == PADDING
    assert vocabulary.words[-1] == UNKNOWN
    assert len(set(vocabulary.words)) == len(vocabulary) >= 2
    again = path.with_name("again.txt")
    vocabulary.save(again)
    assert again.read_bytes() == path.read_bytes()


class Network(nn.Module):
    """Weights of both kinds that are trained: with gradients of some rows, and of all entries."""

    def __init__(self):
        super().__init__()
        self.embedding, self.linear = nn.Embedding(3, 2, sparse=True), nn.Linear(2, 2)

    def logits(self, batch):
        return self(batch)

    def optimiser(self, settings):
        return Adam(self.parameters(), settings.learning_rate)


def _step(trainer: Any) -> None:
    trainer.model.linear(trainer.model.embedding(torch.tensor([0, 1]))).sum().backward()


def _trained():
    torch.manual_seed(0)
    trainer = Trainer(Network(), TrainingSettings(), 0)
    _step(trainer)
    trainer.optimiser.step()
    trainer.progress.best_weights = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.progress.epochs = [Epoch(*(0 for _ in dataclasses.fields(Epoch)))]
    return trainer


def header_of(content):
    """The header of a safetensors file as JSON, and the bytes behind it."""
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_another_tensor(random, content):
    """The file with a tensor more or less, or of other values, another type or shape."""
    tensors = safetensors.torch.load(content)
    name = random.choice(list(tensors))
    match random.randrange(5):
        case 0:
            tensors[name + random.choice(("", "x", ".", "/../../x"))] = torch.zeros(2, 3)
        case 1:
            del tensors[name]
        case 2:
            tensors[name] = torch.full_like(tensors[name].double(), random.choice((math.nan, math.inf)))
        case 3:
            tensors[name] = tensors[name].to(random.choice((torch.int8, torch.float16, torch.bool)))
        case _:
            tensors[name] = tensors[name].reshape(-1)[:1]
    return safetensors.torch.save(tensors, header_of(content)[0].get("__metadata__"))


def hostile_safetensors(random, content):
    """A safetensors file whose header lies, whose bytes are damaged, or whose numbers are not finite."""
    header, rest = header_of(content)
    match random.randrange(6):
        case 0:
            return mutated_bytes(random, content)
        case 1:
            return struct.pack("<Q", random.choice((0, 1, 2**63, 2**64 - 1, 10**8, 99_999_999))) + content[8:]
        case 2:
            rest = random.choice((rest[:-1], rest + b"\0" * 8, b"", b"\xff" * len(rest)))
        case 3:
            name = random.choice([name for name in header if name != "__metadata__"])
            header[name][random.choice(("shape", "data_offsets", "dtype"))] = random.choice(
                ([2**40], [2**62, 2**62], [0, 0], [0, 2**62], [-1], "F64", "I8", "BOOL", any_value(random))
            )
        case 4:
            metadata = header.get("__metadata__", {})
            if "progress" in metadata and random.random() < 0.8:
                metadata["progress"] = hostile_json(random, json.loads(metadata["progress"])).decode(errors="replace")
        case _:
            return with_another_tensor(random, content)
    packed = json.dumps(header).encode()
    return struct.pack("<Q", len(packed)) + packed + rest


def _saved(folder):
    """A valid file of weights, and one of a training state."""
    path = folder / "state"
    save_training(path, _trained(), STAMP)
    state = path.read_bytes()
    return safetensors.torch.save(dict(Network().state_dict()), {"fingerprint": STAMP}), state


_valid: list[bytes] = []


def valid_weights():
    """The bytes of a valid file of weights."""
    if not _valid:
        with tempfile.TemporaryDirectory() as folder:
            _valid.extend(_saved(Path(folder)))
    return _valid[0]


def valid_state():
    """The bytes of a valid training state."""
    valid_weights()
    return _valid[1]


def make_weights(random, folder, state=False):
    path = folder / ("training-state.safetensors" if state else "model.safetensors")
    path.write_bytes(hostile_safetensors(random, valid_state() if state else valid_weights()))
    return path


def read_weights(path):
    model = Network()
    digest = load_model(path, model, STAMP)
    assert len(digest) == 64
    assert all(torch.isfinite(weight).all() for weight in model.state_dict().values())


def make_training_state(random, folder):
    return make_weights(random, folder, state=True)


def read_training_state(path):
    """What is resumed can go on: it takes a step, is saved, and is the same when it is resumed again."""
    trainer = Trainer(Network(), TrainingSettings(), 0)
    resume_training(path, trainer, STAMP)
    assert isinstance(trainer.progress.finished(trainer.settings), bool)
    assert all(
        weight.shape == trainer.model.state_dict()[k].shape for k, weight in trainer.progress.best_weights.items()
    )
    _step(trainer)
    trainer.optimiser.step()
    again = path.with_name("again.safetensors")
    save_training(again, trainer, STAMP)
    resume_training(again, Trainer(Network(), TrainingSettings(), 0), STAMP)

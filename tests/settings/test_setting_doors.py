"""What a setting cannot be, it cannot be at any door: flags, TOML, JSON and Python refuse it, each in its own words."""

import argparse
import dataclasses
import json
import re
from typing import Any

import pytest

from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.cli.options import add_run_arguments
from attnprobe.cli.settings import settings_from
from attnprobe.runs.configuration import DataSource, RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.declaration import MOST, flag_of, settings_of
from attnprobe.settings.experiment_files import load_experiment
from attnprobe.settings.run_settings import TABLES, RunSettings
from attnprobe.settings.training import TrainingSettings
from tests.fuzzing.run_files import toml

SOURCE = DataSource("a", None, None, "0" * 64, ["no", "yes"], {"train": 8, "dev": 2, "test": 4})
FLAGS = {
    "training.batch_documents": "--batch-size",
    "dropout.words": "--dropout-words",
    "dropout.sentences": "--dropout-sentences",
    "dropout.document": "--dropout-document",
}
"""What the command line calls settings that are not called by their names alone."""
POOLED, TRANSFORMER, CHECKPOINT = "flan-rnn", "transformer", "hf:some/model"


def named(sentence, door):
    """A sentence with the words of a door in the place of ``{section.name}``, ``{section}`` and ``{name}``."""

    def in_words(found):
        section, _, name = found[1].rpartition(".")
        if door == "flags":
            return FLAGS.get(found[1], f"--{name.replace('_', '-')}")
        if door == "toml":
            return f"[{section}] {name}" if section else f"[{name}]" if name in TABLES else name
        return f"settings.{found[1]}" if door == "json" else name

    return re.sub(r"\{([\w.]+)\}", in_words, sentence)


def case(given, content, sentence, model=POOLED, **at):
    """A row: what is given, and the sentence that refuses it; ``at`` has those of doors that have another one."""
    return pytest.param(given.split(" "), content, sentence, model, at, id=given)


def of(section, **settings):
    return {section: settings}


COUNT = "must be a whole number from 1 on, not"
RATE = "{training.learning_rate}"
POSITIVE = "must be a finite number above 0, not"
EMPTY = r"must be a text that is not empty, not '\t'."
CASES = [
    case("--epochs -3", of("training", epochs=-3), f"{{training.epochs}} {COUNT} -3."),
    case("--patience 0", of("training", patience=0), f"{{training.patience}} {COUNT} 0."),
    case("--train-documents 0", of("data", train_documents=0), f"{{data.train_documents}} {COUNT} 0."),
    case(
        "--epochs 2.5",
        of("training", epochs=2.5),
        f"{{training.epochs}} {COUNT} 2.5.",
        flags=f"--epochs {COUNT} '2.5'.",
    ),
    case("--epochs x", of("training", epochs="x"), f"{{training.epochs}} {COUNT} 'x'."),
    case(
        *("--epochs true", of("training", epochs=True), f"{{training.epochs}} {COUNT} True."),
        flags=f"--epochs {COUNT} 'true'.",
    ),
    case(
        f"--batch-size {MOST + 1}",
        of("training", batch_documents=MOST + 1),
        "{training.batch_documents} must be at most 9007199254740992, not 9007199254740993.",
    ),
    case("--learning-rate nan", of("training", learning_rate=float("nan")), f"{RATE} {POSITIVE} nan."),
    case("--learning-rate inf", of("training", learning_rate=float("inf")), f"{RATE} {POSITIVE} inf."),
    case("--learning-rate 0.0", of("training", learning_rate=0.0), f"{RATE} {POSITIVE} 0.0."),
    case("--gradient-norm -1.0", of("training", gradient_norm=-1.0), f"{{training.gradient_norm}} {POSITIVE} -1.0."),
    case("--gradient-value x", of("training", gradient_value="x"), f"{{training.gradient_value}} {POSITIVE} 'x'."),
    case(
        "--epohcs 3",
        of("training", epohcs=3),
        "There is no setting {training.epohcs}; did you mean {training.epochs}?",
        python="TrainingSettings.__init__() got an unexpected keyword argument 'epohcs'",
    ),
    case(
        "--seed -1",
        {"seed": -1},
        "{seed} must be a whole number from 0 on, not -1.",
        toml="seed is given with the command, and not in a file.",
    ),
    case("--dataset \t", {"dataset": "\t"}, f"{{dataset}} {EMPTY}"),
    case(
        "--model flan-rn",
        {"model": "flan-rn"},
        "{model}: there is no model 'flan-rn'; did you mean 'flan-rnn' or 'flan-none' or 'flan-conv'?",
    ),
    case(
        "--word2vec=1",
        {"word2vec": 1},
        "{word2vec} must be true or false, not 1.",
        flags="Argument --word2vec/--no-word2vec: ignored explicit argument '1'; see attnprobe run --help.",
    ),
    case(
        "--word2vec",
        {"word2vec": True},
        "{word2vec} is not for the model transformer, but for models of other kinds: pooled, jain2019.",
        TRANSFORMER,
    ),
    case(
        "--limits 5 --no-curves",
        {"limits": 5, "curves": False},
        "{limits} is of documents with whole curves, which are not kept.",
    ),
    case(
        "--limits 5 --no-curves",
        {"limits": 5, "curves": False},
        "{limits} is of documents with whole curves, which are not kept.",
        TRANSFORMER,
    ),
    case(
        "--correlations 5",
        {"correlations": 5},
        "{correlations} is for models whose attention pools words, erased by renormalise, deciding a class.",
        "han-none",
    ),
    case(
        "--orderings norm,rollout",
        {"orderings": ["norm", "rollout"]},
        "{orderings}: rollout cannot be made of the model flan-rnn, erased by renormalise, deciding class: it needs "
        "several layers of self-attention over the same tokens, and no other attention.",
    ),
    case(
        "--orderings shapley",
        {"orderings": ["shapley"]},
        "{orderings}: shapley cannot be made of the model transformer, erased by renormalise, deciding class: it needs "
        "erasing by renormalising, and a decision for a class, where one row of attention pools.",
        TRANSFORMER,
    ),
    case(
        "--attention half",
        of("training", attention="half"),
        "{training.attention} must be learned, uniform or frozen: and the folder of a run, not 'half'.",
    ),
    case(
        "--attention frozen:",
        of("training", attention="frozen:"),
        "{training.attention} must be learned, uniform or frozen: and the folder of a run, not 'frozen:'.",
    ),
    case(
        "--attention uniform",
        of("training", attention="uniform"),
        "{training.attention} is for models whose attention pools, and not for transformer.",
        TRANSFORMER,
    ),
    case(
        "--judged-by f1",
        of("training", judged_by="f1"),
        "{training.judged_by} must be accuracy or auc, not 'f1'.",
    ),
    case(
        "--weight-decay -1.0",
        of("training", weight_decay=-1.0),
        "{training.weight_decay} must be a number from 0 on, not -1.0.",
    ),
    case(
        "--dropout-words 1.0", of("dropout", words=1.0), "{dropout.words} must be a number from 0 to below 1, not 1.0."
    ),
    case(
        "--dropout-words 0.5",
        of("dropout", words=0.5),
        "{dropout} is not for the model transformer, but for models of other kinds: pooled.",
        TRANSFORMER,
        flags="--dropout-words is not for the model transformer, but for models of other kinds: pooled.",
    ),
    case(
        "--layers all",
        of("attention", layers="all"),
        "{attention} is not for the model flan-rnn, but for models of other kinds: transformer, huggingface.",
        flags="--layers is not for the model flan-rnn, but for models of other kinds: transformer, huggingface.",
    ),
    case("--heads \t", of("attention", heads="\t"), f"{{attention.heads}} {EMPTY}", TRANSFORMER),
    case(
        "--unit sentence",
        of("attention", unit="sentence"),
        "{attention.unit} must be token or word, not 'sentence'.",
        CHECKPOINT,
    ),
    case(
        "--unit token",
        of("attention", unit="token"),
        "{attention.unit} must be word for the model transformer, not token.",
        TRANSFORMER,
    ),
    case(
        "--aggregate median",
        of("attention", aggregate="median"),
        "{attention.aggregate} must be mean or max, not 'median'.",
        TRANSFORMER,
    ),
    case(
        "--label-words good",
        of("attention", label_words=["good"]),
        "{attention.label_words} must be a list of two or more different words, not ('good',).",
        CHECKPOINT,
    ),
    case(
        "--label-words good,bad",
        of("attention", label_words=["good", "bad"], unit="word"),
        "{attention.label_words} is not for the model transformer, which decides between its own labels.",
        TRANSFORMER,
    ),
    case(
        "--head-map-documents -1",
        of("attention", head_map_documents=-1),
        "{attention.head_map_documents} must be a whole number from 0 on, not -1.",
        TRANSFORMER,
    ),
    case(
        "--d-k 2",
        of("transformer", d_k=2),
        "{transformer} is not for the model flan-rnn, but for models of other kinds: transformer.",
        flags="--d-k is not for the model flan-rnn, but for models of other kinds: transformer.",
    ),
    case(
        "--d-e 65",
        of("transformer", d_e=65),
        "{transformer.d_e} 65 is no multiple of {transformer.num_heads} 4: "
        "give {transformer.d_k} and {transformer.d_v}.",
        TRANSFORMER,
    ),
    case(
        "--combine sum",
        of("transformer", combine="sum"),
        "{transformer.combine} must be concatenate, add or add_own, not 'sum'.",
        TRANSFORMER,
    ),
    case(
        "--matched --combine add",
        of("transformer", matched=True, combine="add"),
        "{transformer.matched} is for {transformer.combine} concatenate, and not for add.",
        TRANSFORMER,
    ),
    case(
        "--as-released heads",
        of("transformer", as_released=["heads"]),
        "{transformer.as_released} must be a list of head_sum, mask or scale, not ('heads',).",
        TRANSFORMER,
    ),
    case(
        "--as-released head_sum",
        of("transformer", as_released=["head_sum"]),
        "{transformer.as_released} head_sum is for {transformer.combine} add and {transformer.d_v} "
        "that is a multiple of {transformer.num_heads} 4.",
        TRANSFORMER,
    ),
    case(
        "--longest 8",
        of("transformer", longest=8),
        "{transformer.longest} must be a whole number from 16 on, not 8.",
        TRANSFORMER,
    ),
    case(
        "--num-layers 10000000",
        of("transformer", num_layers=10**7),
        "{transformer.num_layers} 10000000: an encoder of 499,840,032,768 numbers; 1,000 layers and 2,000,000,000 "
        "numbers are the most.",
        TRANSFORMER,
    ),
]


def merged(base, content):
    tables = {name: base.get(name, {}) | entry for name, entry in content.items() if isinstance(entry, dict)}
    return base | content | tables


def in_python(dataset="a", model=POOLED, **content):
    tables: dict[str, Any] = {name: TABLES[name](**entry) for name, entry in content.items() if name in TABLES}
    return RunSettings(dataset, model, **content | tables)


def recorded(model):
    """What the ``config.json`` of a run of this model holds."""
    settings = RunSettings.of_tables({"dataset": "a", "model": model})
    return json.loads(json.dumps(RunConfiguration(settings, SOURCE).to_json()))


@pytest.mark.parametrize(("given", "content", "sentence", "model", "at"), CASES)
def test_every_door_refuses_it_in_its_own_words(tmp_path, monkeypatch, capsys, given, content, sentence, model, at):
    monkeypatch.chdir(tmp_path)
    said = {door: at.get(door, named(sentence, door)) for door in ("flags", "toml", "json", "python")}

    assert main(["run", "--model", model, "--dataset", "nowhere", *given]) == 2
    assert capsys.readouterr().err == f"attnprobe: {said['flags']}\n"

    experiment = tmp_path / "e.toml"
    tables = {"dataset": "a", "model": model} | content
    experiment.write_text("".join(f"{name} = {toml(entry)}\n" for name, entry in tables.items()))
    with pytest.raises(InputError) as refused:
        load_experiment(experiment, 0)
    assert str(refused.value) == f"{experiment}: {said['toml']}"

    folder = RunFolder(tmp_path)
    configuration = recorded(model)
    folder.config.write_text(json.dumps(configuration | {"settings": merged(configuration["settings"], content)}))
    with pytest.raises(InputError) as refused:
        folder.read_configuration()
    assert str(refused.value) == f"{folder.config}: {said['json']}"

    with pytest.raises((InputError, TypeError)) as refused:
        in_python(**tables)
    assert str(refused.value) == said["python"]


def test_there_are_thirty():
    assert len(CASES) >= 30


def other(declared):
    """A value that is not the default, and fits all other defaults; and how the command line says it."""
    if declared.kind is bool:
        return not declared.default, [f"--no-{declared.name}" if declared.default else declared.flag]
    if declared.name == "also":  # of a model that is trained there can be none beside the first
        return (), [declared.flag, "none"]
    texts = {"layers": "all", "heads": "0", "query": "first", "file": "scores.parquet", "attention": "uniform"}
    texts |= {"mask_training_by": "zero", "pairs_at": "|||", "at": "[MASK]", "segmenter": "jieba:lcut"}
    value = {**texts, "label_words": ("good", "bad")}.get(declared.name)
    if value is None and declared.told.choices:
        value = declared.told.choices[-1]
    if value is None:
        value = 0.125 if declared.kind is float else 32 if declared.default == 64 else 64
    value = (value,) if declared.kind is tuple and not isinstance(value, tuple) else value
    return value, [declared.flag, ",".join(value) if isinstance(value, tuple) else str(value)]


BESIDE = {"mask_training_by": {"mask_training": "half"}}
"""What is set beside settings that say nothing by themselves."""


@pytest.mark.parametrize("section", TABLES)
def test_every_setting_can_be_given_at_every_door(section, tmp_path):
    model = {"attention": CHECKPOINT, "transformer": TRANSFORMER}.get(section, POOLED)
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    for name, declared in settings_of(TABLES[section]).items():
        value, given = other(declared)
        changed = {**BESIDE.get(name, {}), name: value}
        given += [word for each in BESIDE.get(name, {}).items() for word in (flag_of(each[0]), each[1])]
        usual = RunSettings.of_tables({"dataset": "a", "model": model})
        wanted = dataclasses.replace(usual, **{section: dataclasses.replace(getattr(usual, section), **changed)})
        assert wanted != usual
        arguments = parser.parse_args(["--dataset", "a", "--model", model, *given])
        assert settings_from(arguments, fine_tune=True) == wanted
        experiment = tmp_path / "e.toml"
        entries = {each: list(of) if isinstance(of, tuple) else of for each, of in changed.items()}
        lines = "".join(f"{each} = {toml(of)}\n" for each, of in entries.items())
        experiment.write_text(f'dataset = "a"\nmodel = "{model}"\n[{section}]\n{lines}')
        assert load_experiment(experiment, 0) == wanted
        assert RunSettings.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted


def test_a_flag_takes_the_place_of_an_entry_of_the_file_and_is_told_as_a_flag(tmp_path):
    experiment = tmp_path / "e.toml"
    experiment.write_text('dataset = "a"\nmodel = "transformer"\n[transformer]\nd_e = 32\n[training]\nepochs = 3\n')
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)

    def given(*flags):
        return settings_from(parser.parse_args(["--experiment", str(experiment), *flags]), fine_tune=True)

    assert given("--epochs", "5", "--gradient-norm", "none").training == TrainingSettings(epochs=5, gradient_norm=None)
    assert given("--seed", "4", "--dataset", "b") == dataclasses.replace(given(), seed=4, dataset="b")
    with pytest.raises(InputError) as refused:
        given("--num-heads", "5")
    assert str(refused.value) == "[transformer] d_e 32 is no multiple of --num-heads 5: give --d-k and --d-v."

"""Hostile experiments and run folders through the real command line, in this process; nothing is trained."""

import contextlib
import dataclasses
import functools
import io
import json
import math
import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.data.cache_folder import CACHE_VARIABLE
from attnprobe.runs.configuration import RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.experiment_files import load_experiment
from attnprobe.settings.run_settings import RunSettings
from attnprobe.stages import training as stages
from tests.fixtures.commands import write_splits
from tests.fuzzing import results, run_files
from tests.fuzzing.mutation import hostile_json

ROWS = [(label, f"text {number} of {label} . and more") for number in range(6) for label in ("yes", "no")]
OUTSIDE = [
    0,
    -1,
    -3,
    1,
    7.0,
    -0.5,
    0.5,
    2**53,
    2**53 + 1,
    2**63,
    10**400,
    math.nan,
    math.inf,
    "",
    " ",
    "none",
    [],
    [""],
    True,
]
POOLED = {
    "dataset": "imdb8",
    "model": "flan-none",
    "word2vec": False,
    "data": {"train_documents": 6, "dev_documents": 2, "test_documents": 2, "train_words": 3, "given_tokens": True},
    "training": {"epochs": 3, "patience": 2, "batch_documents": 4, "batch_tokens": 9, "gradient_value": 5.0},
    "dropout": {"words": 0.1, "sentences": 0.2, "document": 0.0},
}


@functools.cache
def all_is_loaded():
    """Whatever the commands import is imported: that takes longer than an input may, and is no input's fault."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_splits(folder / "data", train=ROWS, dev=ROWS[:4], test=ROWS[:4])
        (folder / "e.toml").write_text(f'dataset = "{folder}/data"\nmodel = "flan-none"\n')
        read_experiment(folder / "e.toml")
        for name, content in results.valid_run().items():
            (folder / name).write_bytes(content)
        for arguments in (
            ("show", place, "0"),
            *((each, place, "--out", f"{place}/out") for each in ("claims", "compare")),
        ):
            assert command(folder, *arguments) == 0
        with contextlib.suppress(InputError):
            command(folder, "verify", place)


def make_experiment(random, folder):
    """An experiment's file beside the data that it names; of every third one entry is out of its range."""
    all_is_loaded()
    write_splits(folder / "data", train=ROWS, dev=ROWS[:4], test=ROWS[:4])
    content = json.loads(json.dumps(random.choice((POOLED, run_files.EXPERIMENTS[0]))))
    content["dataset"] = str(folder / "data")
    path = folder / "e.toml"
    if random.random() < 0.4:
        table = random.choice([name for name, value in content.items() if isinstance(value, dict)])
        content[table][random.choice(list(content[table]))] = random.choice(OUTSIDE)
        path.write_text("\n".join(f"{name} = {run_files.toml(value)}" for name, value in content.items()))
    else:
        path.write_bytes(run_files.hostile_toml(random, content))
    return path


def read_experiment(path):
    """What ``attnprobe train`` would train is what the file says, in its ranges, and the folder says it again."""
    asked = []

    def trained(run):
        settings = run.configuration.settings
        check_ranges(settings)
        again = RunFolder(run.folder.path).read_configuration()
        assert again == run.configuration
        assert RunConfiguration.from_json(json.loads(json.dumps(again.to_json()))).fingerprint == again.fingerprint
        copy = path.with_name("again.toml")
        copy.write_text(as_toml(settings), encoding="utf-8")
        assert dataclasses.replace(load_experiment(copy, 0), dataset=settings.dataset) == settings
        assert {split: len(documents) for split, documents in run.dataset.splits.items()} == again.data.documents
        assert all(len(documents) for documents in run.dataset.splits.values())
        asked.append(settings)

    with patch.object(stages, "train", trained):
        status = command(path.parent, "train", "--experiment", str(path), "--out", str(path.parent / "runs"))
    assert status == 0
    assert len(asked) == 1


def check_ranges(settings):
    """As their documentation says."""
    of_training = {name: value for name, value in vars(settings.training).items() if name != "weight_decay"}
    counts = [*vars(settings.data).values(), *of_training.values()]
    assert all(
        0 < count < math.inf for count in counts if isinstance(count, (int, float)) and not isinstance(count, bool)
    )
    assert 0 <= settings.training.weight_decay < math.inf
    assert all(0 <= rate < 1 for rate in vars(settings.dropout).values())
    if settings.transformer is not None:
        assert settings.transformer.num_layers <= 1000
        assert settings.transformer.d_e * settings.transformer.longest <= 2 * 10**9
    assert isinstance(settings.word2vec, bool)


def as_toml(settings: RunSettings):
    """Settings as an experiment's file."""
    lines = [f"{name} = {run_files.toml(getattr(settings, name))}" for name in ("dataset", "model")]
    if settings.attention is None:
        lines.append(f"word2vec = {run_files.toml(settings.word2vec)}")
    for name in ("data", "dropout", "training", "attention", "transformer"):
        table = getattr(settings, name)
        if table is None or (name == "dropout" and settings.attention is not None):
            continue
        lines.append(f"[{name}]")
        for key, value in vars(table).items():
            fits = value is not None or name != "transformer" or key in ("d_k", "d_v")
            if fits:
                entry = "none" if value is None else list(value) if isinstance(value, tuple) else value
                lines.append(f"{key} = {run_files.toml(entry)}")
    return "\n".join(lines)


def make_run_folder(random, folder):
    """A run's folder in which up to three things are others: their content, or what they are."""
    all_is_loaded()
    run = folder / "run"
    run.mkdir()
    for name, content in results.valid_run().items():
        (run / name).write_bytes(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        path = random.choice([*run.iterdir(), run / "summary.json", *(run / name for name in FURTHER)])
        if random.random() < 0.4:
            another_kind(random, path)
        elif path.is_file() and not path.is_symlink():
            other_content(random, path)
    (folder / "command.json").write_text(json.dumps(random.choice(COMMANDS)))
    return run


FURTHER = ("tables", "figures", "run.lock", "execution.jsonl", "report.html", "manifest.jsonl", "head_map.parquet")
SUMMARY = {"quarantined": {"documents": 1, "first": [[4, "why"]]}, "classes": {"0": "a"}, "labels": ["a"]}


def another_kind(random, path):
    """Put a link, a pipe, a folder, an empty file or nothing in the place of what there is."""
    if path.is_dir() and not path.is_symlink():
        return
    path.unlink(missing_ok=True)
    targets = (path.parent / "elsewhere", path.parent, path.name, "/dev/zero", "/etc/hostname")
    random.choice((os.mkfifo, os.mkdir, Path.touch, lambda _: None, lambda p: p.symlink_to(random.choice(targets))))(
        path
    )


def other_content(random, path):
    """Put content that is almost right in the place of a file's."""
    valid = results.valid_run().get(path.name)
    if valid is not None and path.suffix == ".parquet":
        path.write_bytes(results.hostile_table(random, valid))
    else:
        path.write_bytes(hostile_json(random, json.loads(valid) if valid is not None else SUMMARY))


COMMANDS = [
    *[
        ["show", "RUN", "0"],
        ["show", "RUN", "3", "--by", "random"],
        ["verify", "RUN"],
        ["claims", "RUN", "--out", "OUT"],
        ["compare", "RUN", "--out", "OUT"],
    ],
    *[["probe", "RUN"], ["identify", "RUN"], ["show", "RUN", "1"], ["claims", "RUN", "RUN", "--out", "OUT"]],
]


def read_run_folder(run):
    """By a command, which ends with one of its statuses and takes nothing away."""
    before = {path.name for path in run.iterdir()}
    places = {"RUN": str(run), "OUT": str(run.parent / "out")}
    arguments = [places.get(each, each) for each in json.loads((run.parent / "command.json").read_text())]
    assert command(run.parent, *arguments) in (0, 1)
    assert before <= {path.name for path in run.iterdir()}
    shutil.rmtree(run.parent / "out", ignore_errors=True)


def command(folder, *arguments):
    """The status of a command; a refusal is raised, with its sentence, which is one line."""
    out, errors = io.StringIO(), io.StringIO()
    environment = {CACHE_VARIABLE: str(folder / "cache"), "ATTNPROBE_DATA": str(folder)}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), patch.dict(os.environ, environment):
        status = main(list(arguments))
    said = errors.getvalue()
    if status in (0, 3):
        assert "Traceback" not in said
        return status
    sentence = said.removeprefix("attnprobe: ").removesuffix("\n")
    if status == 1 and not said:
        return status
    raise InputError(f"{folder}: {sentence}" if sentence and sentence.isprintable() else f"no sentence: {said!r}")

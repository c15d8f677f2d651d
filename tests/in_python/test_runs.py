"""Runs from Python are those of the command line: the same settings, bytes and numbers, told in Python's words."""

import gc
import json
import re
import typing

import pytest

import attnprobe
from attnprobe.cli import main
from attnprobe.in_python.argument_types import ProbeArguments, RunArguments, TrainArguments
from attnprobe.in_python.arguments import ARGUMENTS, OF_A_RUN, arguments_of
from attnprobe.in_python.sentences import in_python
from attnprobe.reports.csv_text import csv_text
from attnprobe.settings.declaration import settings_of
from tests.fixtures.commands import planted_rows, write_splits
from tests.settings_page import TYPES, argument_types


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "planted"
    return write_splits(folder, train=planted_rows(60, 1), dev=planted_rows(16, 2), test=planted_rows(24, 3))


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return attnprobe.run(data, "flan-none", out=out, quiet=True, epochs=1)


def test_a_run_has_the_bytes_of_the_command(made, data, tmp_path):
    assert main(["run", "--dataset", str(data), "--model", "flan-none", "--epochs", "1", "--out", str(tmp_path)]) == 0
    by_command, in_python_ = files(tmp_path / "planted" / "flan-none" / "seed-0"), files(made.folder)
    assert by_command.keys() == in_python_.keys()
    same = [name for name in by_command if name.suffix in (".parquet", ".csv", ".tex", ".txt", ".safetensors")]
    same = [name for name in same if name.name != "training.csv"]  # which has seconds
    assert len(same) > 10
    assert [name for name in same if by_command[name] != in_python_[name]] == []


def test_what_is_made_of_a_run_is_what_its_report_says(made, tmp_path):
    before = files(made.folder)
    assert made.summary == json.loads((made.folder / "summary.json").read_text())
    for name, table in made.tables.items():
        assert csv_text(table) == (made.folder / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    assert str(made) == str(made.answer)
    assert "<pre" in made.answer._repr_html_()
    page = made.report(tmp_path / "report")
    assert "<iframe" in page._repr_html_()
    again = files(tmp_path / "report")
    assert [name for name in again if again[name] != before[name]] == []
    assert {"report.html", "methods.txt", "summary.json"} < {name.name for name in again}
    assert set(made.claims()["claim"]) > {"S1", "S2"}
    assert files(made.folder) == before, "nothing is written into the run's own folder"


def test_other_views_of_a_run_are_summed_up_anew(made):
    few = made.only(range(8))
    assert few.summary["counts"]["sampled"] == 8
    assert made.as_released().summary["first_flips"] != made.summary["first_flips"]
    assert list(made.items(["document"]).columns) == ["document"]
    assert len(made.items().columns) > 10


def test_a_run_that_nobody_keeps_goes_with_its_results(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = attnprobe.train(data, "flan-none", quiet=True, epochs=1)
    assert list(trained.training["epoch"]) == [0]
    results = trained.probe(quiet=True)
    folder = results.folder
    few = results.only([0, 1])
    del trained, results
    gc.collect()
    assert len(few.documents) == 2
    del few
    gc.collect()
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_can_be_asked_at_any_time_is_asked_of_a_run_that_is_there(made):
    trained = attnprobe.TrainedRun(made.folder)
    with pytest.raises(attnprobe.InputError, match=r"^certify is for models of which"):
        trained.probe(quiet=True, certify=2)
    with pytest.raises(attnprobe.InputError, match=r"^erase_by must begin with renormalise"):
        trained.probe(quiet=True, erase_by="zero")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"epoch": 3}, "There is no setting epoch; did you mean epochs?"),
        ({"epochs": 0}, "epochs must be a whole number from 1 on, not 0."),
        ({"batch_size": "many"}, "batch_size must be a whole number from 1 on, not 'many'."),
        ({"workers": 0}, "workers must be a whole number from 1 on, not 0."),
        ({"certify": 2}, "certify is for models of which the smallest sets are not known from sums: of flan-rnn"),
        ({"layers": "all"}, "layers is not for the model flan-rnn, but for models of other kinds"),
        ({"device": None, "data_dir": None, "text_column": None, "force": None, "epochs": 0}, "epochs must be a whole"),
        ({"device": "tpu"}, "device must be auto or cpu or cuda, not 'tpu'."),
        ({"device": "cuda"}, "There is no CUDA device here; use device='cpu'."),
    ],
)
def test_what_cannot_be_is_told_in_the_words_of_python(arguments, sentence, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(attnprobe.InputError) as refused:
        attnprobe.run(quiet=True, **arguments)
    assert str(refused.value).startswith(sentence)
    assert isinstance(refused.value, TypeError) == ("epoch" in arguments)


def test_a_model_that_is_no_text_is_told():
    with pytest.raises(TypeError, match="model must be a text that is not empty, not 3"):
        attnprobe.run(model=3)  # type: ignore[arg-type]


def test_an_entry_of_a_file_is_told_of_as_one(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('dataset = "docstrings"\nmodel = "flan-rnn"\n[training]\nepochs = 0\n')
    with pytest.raises(attnprobe.InputError, match=r"^.*\[training\] epochs must be"):
        attnprobe.train(experiment=file, quiet=True)


def test_a_run_in_the_way_is_told_of_without_flags(made, data):
    with pytest.raises(attnprobe.InputError, match="another out, or force=True to start over") as refused:
        attnprobe.run(data, "flan-none", out=made.folder.parents[2], quiet=True, epochs=2)
    assert "--" not in str(refused.value)


def test_every_setting_is_an_argument_of_one_name():
    tables = [*OF_A_RUN]
    assert len(arguments_of(*tables)) == sum(len(settings_of(table)) for table in tables)
    hinted = set(typing.get_type_hints(RunArguments)) | {"dataset", "model"}
    assert set(ARGUMENTS) <= hinted
    assert set(typing.get_type_hints(ProbeArguments)) <= hinted
    assert set(typing.get_type_hints(TrainArguments)) < hinted


def test_the_types_of_arguments_are_those_that_are_declared():
    assert TYPES.read_text(encoding="utf-8") == argument_types(), "python -m tests.settings_page writes them"


def test_flags_in_sentences_become_arguments():
    for name, declared in ARGUMENTS.items():
        assert in_python(f"give {declared.flag}.") == f"give {name}."
    assert not re.search(r"(?<!\w)--", in_python("--no-curves, --erase-by zero; --documents N"))


def given(value: typing.Any) -> typing.Any:
    """Something that types would not let through."""
    return value


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda place: attnprobe.load_run(place / "nowhere"), "nowhere is not a run: there is no config.json in it."),
        (
            lambda place: attnprobe.load_run(given(None)),
            "path: a path is needed, as a text or a Path, and this is None.",
        ),
        (
            lambda place: attnprobe.run("docstrings", "flan-none", out=given(3)),
            "out: a path is needed",
        ),
        (lambda place: attnprobe.train(data_dir=given(4)), "data_dir: a path is needed"),
        (lambda place: attnprobe.run(experiment=given(4.5)), "experiment: a path is needed"),
    ],
)
def test_what_is_no_place_is_refused_in_a_sentence(tmp_path, call, sentence):
    with pytest.raises(attnprobe.InputError, match=re.escape(sentence)):
        call(tmp_path)

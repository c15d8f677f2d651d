"""A number out of its range, or a text that is empty, is refused wherever settings come from."""

import dataclasses
import itertools
import json

import pytest

from attnprobe.base.errors import InputError
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.data import DataLimits
from attnprobe.settings.declaration import MOST
from attnprobe.settings.dropout import Dropout
from attnprobe.settings.experiment_files import load_experiment
from attnprobe.settings.grid_files import load_grid
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.training import TrainingSettings

TABLES = {
    "data": DataLimits,
    "dropout": Dropout,
    "training": TrainingSettings,
    "attention": AttentionSettings,
    "transformer": TransformerOptions,
}
OUTSIDE = {
    "int": (-3, MOST + 1, 10**400),
    "float": (-1.0, float("nan"), float("inf"), float("-inf"), 10**400),
    "str": ("", " ", "\t"),
    "tuple[str, ...]": (("a", ""), (" ",)),
}
ZERO_IS_A_VALUE = {"words", "sentences", "document", "dropout", "head_map_documents", "weight_decay"}


def numbers():
    """(table, field, value) of every number of every table, out of any range."""
    for name, table in TABLES.items():
        for field in dataclasses.fields(table):
            kind = field.type.removesuffix(" | None")
            nothing = () if field.name in ZERO_IS_A_VALUE else (0,)
            if kind in ("int", "float"):
                yield from itertools.product([name], [field.name], (*OUTSIDE[kind], *nothing))
    yield from itertools.product(["dropout"], ["words", "sentences", "document"], (1, 1.0, 7.0))
    yield from [("transformer", "num_layers", 10**7), ("transformer", "d_e", 10**6), ("transformer", "longest", 10**9)]


def test_settings_refuse_numbers_out_of_their_ranges():
    cases = list(numbers())
    assert len(cases) > 90
    for table, field, value in cases:
        with pytest.raises(InputError, match=field if table != "transformer" else "."):
            TABLES[table](**{field: value})
    for seed in (-1, MOST + 1):
        with pytest.raises(InputError, match="seed"):
            RunSettings("imdb8", "flan-rnn", seed=seed)


def written(value):
    if isinstance(value, tuple):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def model_of(table):
    return "flan-rnn" if table in ("data", "dropout", "training") else "transformer"


def test_an_experiment_with_such_an_entry_is_refused_by_its_name(tmp_path):
    path = tmp_path / "e.toml"
    texts = [
        (name, field.name, value)
        for name, table in TABLES.items()
        for field in dataclasses.fields(table)
        for value in OUTSIDE.get(str(field.type), ()) * str(field.type).startswith(("str", "tuple"))
    ]
    assert len(texts) > 15
    for table, field, value in [*numbers(), *texts]:
        path.write_text(f'dataset = "a"\nmodel = "{model_of(table)}"\n[{table}]\n{field} = {written(value)}\n')
        with pytest.raises(InputError) as refused:
            load_experiment(path, 0)
        assert str(refused.value).startswith(f"{path}")
        assert table in str(refused.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('word2vec = "false"', "word2vec must be true or false"),
        ("word2vec = 1", "word2vec must be true or false"),
        ('dataset = ""', "dataset must be a text that is not empty"),
        ('model = " "', "model must be a text that is not empty"),
        ('model = "hf:"', "nothing follows"),
    ],
)
def test_what_an_experiment_says_in_quotation_marks_is_not_taken_for_true(tmp_path, line, said):
    path = tmp_path / "e.toml"
    lines = {"dataset": 'dataset = "a"', "model": 'model = "flan-rnn"'} | {line.split()[0]: line}
    path.write_text("\n".join(lines.values()))
    with pytest.raises(InputError, match=said) as refused:
        load_experiment(path, 0)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("line", ['probe = "false"', "probe = 0", "seeds = [-1]", f"seeds = [{10**400}]"])
def test_a_grid_refuses_such_entries(tmp_path, line):
    (tmp_path / "e.toml").write_text('dataset = "a"\nmodel = "flan-rnn"\n')
    path = tmp_path / "grid.toml"
    path.write_text(f'[[runs]]\nexperiments = ["e.toml"]\n{line}\n')
    with pytest.raises(InputError, match=line.split()[0]) as refused:
        load_grid(path)
    assert str(path) in str(refused.value)

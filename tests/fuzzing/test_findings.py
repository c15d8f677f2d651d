"""What fuzzing found, each input by itself; docs/fuzzing.md says what happened before."""

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch

from attnprobe.analysis.results import RunResults
from attnprobe.runs.run_folder import OF_SHARDS, left_out_before, readout_bias
from attnprobe.stages.group_files import GroupFiles
from attnprobe.stages.shard_files import DamagedError, Remarks, ShardFiles
from attnprobe.stages.tables import Tables
from tests.fuzzing import checkpoints, dataset_files, results, run_files
from tests.fuzzing.judging import judge

DEEP = "[" * 3000
CONFIG = run_files.CONFIGURATIONS[0]


def refused(read, path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    sentence = judge(read, path, path.parent)
    assert sentence is not None
    return sentence


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('dataset = "a"\nmodel = "transf"', "model: there is no model 'transf'; did you mean 'transformer'?"),
        ("a = " + DEEP, "nested too deeply"),
        ("a = " + "9" * 5000, "not TOML"),
        ('dataset = "a"\nmodel = "flan-rnn"\n[training]\nlearning_rate = nan', "finite"),
        (f'dataset = "a"\nmodel = "flan-rnn"\n[training]\nepochs = "{"x" * 5000}"', "whole number"),
        ('dataset = "a"\nmodel = "hf:\\u001b[31m"\nword2vec = true', "not for the model"),
    ],
)
def test_experiments(tmp_path, content, said):
    assert said in refused(run_files.read_experiment, tmp_path / "e.toml", content)


@pytest.mark.parametrize(
    "content",
    [
        "runs = 1",
        "runs = [1]",
        "[[runs]]\nexperiments = 1",
        "[[runs]]\nexperiments = [1]",
        '[[runs]]\nexperiments = [""]',
        '[[runs]]\nexperiments = ["/e"]',
        f'[[runs]]\nexperiments = ["{"x" * 5000}"]',
        '[[runs]]\nexperiments = ["*"]\nseeds = 1',
        '[[runs]]\nexperiments = ["*"]\nseeds = [[1]]',
        '[[runs]]\nexperiments = ["*"]\ntransformer = {d_k = [{}]}',
        '[[runs]]\nexperiments = ["*"]\ntransformer = {as_released = [[1]]}',
    ],
)
def test_grids(tmp_path, content):
    (tmp_path / "e.toml").write_text("")
    refused(run_files.read_grid, tmp_path / "grid.toml", content)


def changed(*keys, value):
    config = json.loads(json.dumps(CONFIG))
    holder = config
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    return json.dumps(config)


@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        changed("format", value="\x1b[31m"),
        changed("format", value=10**400),
        changed("settings", "model", value=None),
        changed("settings", "model", value={}),
        changed("settings", "model", value="no model"),
        changed("settings", "dataset", value=[]),
        changed("settings", "seed", value="0"),
        changed("settings", "training", "epochs", value=[]),
        changed("data", "labels", value=1),
        changed("settings", "attention", value={"label_words": [], "unit": "page"}),
    ],
)
def test_configurations(tmp_path, content):
    refused(run_files.read_run_configuration, tmp_path / "config.json", content)


@pytest.mark.parametrize("read", [run_files.read_reported_configuration, checkpoints.read_stamp])
def test_deep_json(tmp_path, read):
    name = "config.json" if read is run_files.read_reported_configuration else "attnprobe.json"
    path = tmp_path / name
    path.write_text(DEEP)
    assert judge(read, path if name == "config.json" else tmp_path, tmp_path)


@pytest.mark.parametrize("content", [DEEP, '{"seconds": "a"}', '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}'])
def test_summaries(tmp_path, content):
    (tmp_path / "summary.json").write_text(content)
    assert judge(run_files.read_summary, tmp_path / "summary.json", tmp_path) is None


@pytest.mark.parametrize("value", [torch.tensor(float("nan")), torch.tensor(float("inf")), torch.tensor(1)])
def test_weights(tmp_path, value):
    run_files.make_weights(random.Random(0), tmp_path)
    tensors = safetensors.torch.load(run_files.valid_weights())
    tensors["linear.bias"] = value.expand(2).clone()
    content = safetensors.torch.save(tensors, {"fingerprint": run_files.STAMP})
    refused(run_files.read_weights, tmp_path / "model.safetensors", content)


def state(change, **progress):
    content = run_files.valid_state()
    metadata = run_files.header_of(content)[0]["__metadata__"]
    said = json.loads(metadata["progress"]) | progress
    tensors = safetensors.torch.load(content)
    change(tensors)
    return safetensors.torch.save(tensors, metadata | {"progress": json.dumps(said)})


OF_LINEAR = "optimiser.1."


@pytest.mark.parametrize(
    ("change", "progress"),
    [
        (lambda tensors: None, {"learning_rate": "fast"}),
        (lambda tensors: None, {"learning_rate": 10**400}),
        (lambda tensors: None, {"best_epoch": "0"}),
        (lambda tensors: None, {"best_score": {}}),
        (lambda tensors: tensors.pop(f"{OF_LINEAR}exp_avg"), {}),
        (lambda tensors: tensors.update({f"{OF_LINEAR}exp_avg": torch.zeros(1)}), {}),
        (lambda tensors: tensors.update({f"{OF_LINEAR}step": torch.tensor(True)}), {}),
        (lambda tensors: tensors.update({f"{OF_LINEAR}step": torch.tensor(float("inf"))}), {}),
        (lambda tensors: tensors.update({"optimiser.0.step": torch.tensor(-1)}), {}),
        (lambda tensors: tensors.update({"best.linear.weight": torch.zeros(3)}), {}),
    ],
)
def test_training_states(tmp_path, change, progress):
    run_files.make_training_state(random.Random(0), tmp_path)
    path = tmp_path / "training-state.safetensors"
    path.write_bytes(state(lambda tensors: None))
    assert judge(run_files.read_training_state, path, tmp_path) is None
    refused(run_files.read_training_state, path, state(change, **progress))


def run_with(folder, table, column, values, metadata=None):
    for name, content in results.valid_run().items():
        (folder / name).write_bytes(content)
    path = folder / f"{table}.parquet"
    rows = pq.read_table(path)
    if column is not None:
        rows = rows.set_column(rows.column_names.index(column), column, values(len(rows)))
    pq.write_table(rows.replace_schema_metadata(metadata or {}), path)
    return folder


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("documents", "document", lambda rows: pa.array([{"a": 1}] * rows)),
        ("documents", "n", lambda rows: pa.array([None] + [2] * (rows - 1), pa.int64())),
        ("documents", "js_top", lambda rows: pa.array([[1]] * rows)),
        ("erasures", "ordering", lambda rows: pa.array([b"\xff"] * rows).view(pa.string())),
        ("erasures", "ordering", lambda rows: pa.array([None] * rows, pa.string())),
        ("erasures", "removed", lambda rows: pa.array([float("inf")] * rows)),
        ("items", "weight", lambda rows: pa.array(["x"] * rows)),
    ],
)
def test_columns_of_another_type(tmp_path, table, column, values):
    sentence = judge(results.read_results, run_with(tmp_path, table, column, values), tmp_path)
    assert f"{table}.parquet" in sentence
    assert repr(column) in sentence or "UTF" in sentence


def test_a_column_whose_name_is_not_utf8(tmp_path):
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"label": ["a", "b"], "text": ["c", "d"], "qqqq": [1, 2]}), path, store_schema=False)
    refused(dataset_files.read, path, path.read_bytes().replace(b"qqqq", b"\xff\xfe\xff\xfe"))


def test_a_column_that_is_there_twice(tmp_path):
    folder = run_with(tmp_path, "documents", None, None)
    rows = pq.read_table(folder / "documents.parquet")
    pq.write_table(rows.append_column("document", rows["document"]), folder / "documents.parquet")
    assert "more than one column 'document'" in judge(results.read_results, folder, tmp_path)


def test_what_pandas_says_of_a_table_is_not_believed(tmp_path):
    for metadata in ({"pandas": "{"}, {"pandas": "[]"}, {"pandas": b"\xff"}, {"pandas": '{"columns": 1}'}):
        assert judge(results.read_results, run_with(tmp_path, "items", None, None, metadata), tmp_path) is None


@pytest.mark.parametrize("content", [DEEP, '{"quarantined": {"documents": 1e999}}'])
def test_summaries_of_results(tmp_path, content):
    folder = run_with(tmp_path, "items", None, None)
    (folder / "summary.json").write_text(content)
    assert "summary.json" in judge(RunResults.load, folder, tmp_path)


@pytest.mark.parametrize("bias", [0.5, "xy", [0.5, "x"], [0.5, None], [10**400, 1], [True, 1], {"0": 1}])
def test_a_readouts_bias_that_is_no_numbers_counts_as_none(tmp_path, bias):
    assert readout_bias({"readout_bias": [1, -0.5]}) == [1.0, -0.5]
    assert readout_bias({"readout_bias": bias}) is None
    folder = run_with(tmp_path, "items", None, None)
    (folder / "summary.json").write_text(json.dumps({"readout_bias": bias}))
    assert judge(results.read_results, folder, tmp_path) is None


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("ordering", lambda rows: pa.array([[1]] * rows)),
        ("ordering", lambda rows: pa.array([b"\xff"] * rows).view(pa.string())),
        ("draw", lambda rows: pa.array([{"a": 1}] * rows)),
    ],
)
def test_tables_that_are_verified(tmp_path, column, values):
    folder = results.whole_tables(tmp_path)
    assert judge(results.read_verified, folder, tmp_path) is None
    rows = pq.read_table(folder / "erasures.parquet")
    place = rows.column_names.index(column)
    pq.write_table(rows.set_column(place, column, values(len(rows))), folder / "erasures.parquet")
    assert column in judge(results.read_verified, folder, tmp_path)


def test_a_column_that_is_there_twice_is_not_verified(tmp_path):
    folder = results.whole_tables(tmp_path)
    rows = pq.read_table(folder / "erasures.parquet")
    pq.write_table(rows.append_column("document", rows["document"]), folder / "erasures.parquet")
    assert "more than one column 'document'" in judge(results.read_verified, folder, tmp_path)


@pytest.mark.parametrize("error", [pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowIndexError])
def test_whatever_arrow_raises_of_a_shard_it_is_not_done(tmp_path, monkeypatch, error):
    files, table = ShardFiles(tmp_path), pa.table({"document": list(range(len(results.SIZES)))})
    files.write(results.PIECE, results.MADE, [(Tables(table, table, table), Remarks())])
    assert files.is_done(results.PIECE, results.MADE)

    def refuse(*arguments, **keywords):
        raise error("not like this")

    for name in ("ParquetFile",):
        monkeypatch.setattr(pq, name, refuse)
    assert not files.is_done(results.PIECE, results.MADE)
    for read in (lambda: files.schema(results.PIECE, "items"), lambda: files.whole(results.PIECE, "items")):
        with pytest.raises(DamagedError):
            read()


def test_a_shard_that_says_too_much_of_itself_is_not_done(tmp_path):
    files, table = ShardFiles(tmp_path), pa.table({"document": list(range(len(results.SIZES)))})
    files.write(results.PIECE, results.MADE, [(Tables(table, table, table), Remarks())])
    assert files.is_done(results.PIECE, results.MADE)
    pq.write_table(table.replace_schema_metadata({"attnprobe": DEEP}), files.path(results.PIECE, "items"))
    assert not files.is_done(results.PIECE, results.MADE)


def test_a_shard_with_endless_documents_is_damaged(tmp_path):
    files, rows = ShardFiles(tmp_path), list(range(len(results.SIZES)))
    table = pa.table({"document": rows})
    said = {"piece": results.PIECE.name, **results.MADE._asdict(), "cut": float("inf"), "longest": 0, "lost": {}}
    for name in OF_SHARDS:
        path = files.path(results.PIECE, name)
        pq.write_table(table.replace_schema_metadata({"attnprobe": json.dumps(said)}), path)
    assert files.is_done(results.PIECE, results.MADE)
    with pytest.raises(DamagedError):
        files.remarks(results.PIECE)


@pytest.mark.parametrize(
    "said",
    [b"\xff", b"null", b"[]", b'{"lost": 1}', b'{"lost": [[[], "why"]]}', b'{"lost": [[1e999, ""]]}', DEEP.encode()],
)
def test_groups_of_documents(tmp_path, said):
    files = GroupFiles(tmp_path, "programs")
    rows = pa.table({"document": list(results.GROUP.numbers)}).replace_schema_metadata({"attnprobe": said})
    pq.write_table(rows, files.path(results.GROUP))
    assert files.read(results.GROUP, results.WHAT) is None


def test_a_document_of_no_items_is_no_warning(tmp_path, recwarn):
    folder = results.whole_tables(tmp_path)
    for name in ("documents", "erasures"):
        path = folder / f"{name}.parquet"
        rows = pq.read_table(path)
        rows = rows.set_column(rows.column_names.index("n"), "n", pa.array([0] * len(rows), pa.int64()))
        pq.write_table(rows, path)
    assert judge(results.read_verified, folder, tmp_path)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("config.json", {"model_type": []}),
        ("config.json", {"architectures": {"a": 1}}),
        ("config.json", {"architectures": "Bert"}),
        ("tokenizer_config.json", {"model_max_length": []}),
        ("tokenizer_config.json", {"model_max_length": " "}),
        ("tokenizer.json", {"model": 1}),
    ],
)
def test_checkpoints(tmp_path, name, change):
    model = checkpoints.copy_of_valid(tmp_path)
    assert judge(checkpoints.read, model, tmp_path) is None
    path = model / name
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert judge(checkpoints.read, model, tmp_path)


@pytest.mark.parametrize(
    "noted", ["x", 1, [], {"documents": "2"}, {"documents": -1}, {"documents": True}, {"single_heads": 3}]
)
def test_what_a_summary_says_of_documents_left_out_counts_only_if_it_is_a_number(noted):
    for under in (None, "single_heads", "identification"):
        assert left_out_before({"quarantined": noted}, under) == 0
    whole = {"documents": 2, "identification": {"documents": 1}}
    assert [left_out_before({"quarantined": whole}, under) for under in (None, "identification")] == [2, 1]


@pytest.mark.parametrize("number", range(len(run_files.EXPERIMENTS)))
def test_what_experiments_are_mutated_from_is_one(tmp_path, number):
    path = tmp_path / "e.toml"
    path.write_text(
        "\n".join(f"{key} = {run_files.toml(value)}" for key, value in run_files.EXPERIMENTS[number].items())
    )
    run_files.read_experiment(path)

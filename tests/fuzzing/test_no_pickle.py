"""Nothing that is read from disk is unpickled or run: a payload that would make a file makes none."""

import ast
import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.stages.group_files import GroupFiles
from attnprobe.stages.shard_files import ShardFiles
from tests.fuzzing import checkpoints, dataset_files, results, run_files
from tests.fuzzing.judging import judge

PACKAGE = Path(attnprobe.__file__).parent


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def proof(tmp_path):
    """What a payload would make; it is not there when the test ends."""
    path = tmp_path / "unpickled"
    pickle.loads(pickle.dumps(Payload(path)))
    assert path.exists()
    path.rmdir()
    yield path
    assert not path.exists()


def payloads(proof, tmp_path):
    """The same payload as each kind of file that some library would unpickle."""
    torch.save({"weight": Payload(proof)}, tmp_path / "saved.pt")
    array = np.array([Payload(proof)], dtype=object)
    np.save(tmp_path / "array.npy", array, allow_pickle=True)
    kinds = [pickle.dumps(Payload(proof)), *((tmp_path / name).read_bytes() for name in ("saved.pt", "array.npy"))]
    proof.rmdir() if proof.exists() else None
    return kinds


def refuses(read, path, folder):
    assert judge(read, path, folder) is not None


def test_weights_and_training_states(proof, tmp_path):
    for content in payloads(proof, tmp_path):
        for read in (run_files.read_weights, run_files.read_training_state):
            path = tmp_path / "model.safetensors"
            path.write_bytes(content)
            refuses(read, path, tmp_path)


@pytest.mark.parametrize("name", ["train.tsv", "train.csv", "train.jsonl", "train.parquet", "train.tsv.gz"])
def test_datasets(proof, tmp_path, name):
    for content in payloads(proof, tmp_path):
        (tmp_path / name).write_bytes(content)
        refuses(dataset_files.read, tmp_path / name, tmp_path)


def test_configurations_and_vocabularies(proof, tmp_path):
    for content in payloads(proof, tmp_path):
        for read in (run_files.read_run_configuration, run_files.read_experiment, run_files.read_vocabulary):
            (tmp_path / "config.json").write_bytes(content)
            refuses(read, tmp_path / "config.json", tmp_path)
        (tmp_path / "summary.json").write_bytes(content)
        assert judge(run_files.read_summary, tmp_path / "summary.json", tmp_path) is None


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "model.pkl", "model.ckpt", "model.joblib", "model.h5"]
)
def test_pickled_weights_of_a_checkpoint(proof, tmp_path, name):
    for content in payloads(proof, tmp_path):
        model = checkpoints.copy_of_valid(tmp_path / "fresh")
        (model / "model.safetensors").unlink(missing_ok=True)
        (model / name).write_bytes(content)
        refuses(checkpoints.read, model, tmp_path)
        model.rename(tmp_path / f"used-{len(list(tmp_path.iterdir()))}")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "tokenizer_config.json", "config.json"])
def test_pickles_by_another_name_in_a_checkpoint(proof, tmp_path, name):
    for number, content in enumerate(payloads(proof, tmp_path)):
        model = checkpoints.copy_of_valid(tmp_path / str(number))
        (model / name).write_bytes(content)
        refuses(checkpoints.read, model, tmp_path)


def test_pickles_beside_what_is_read_are_left_alone(proof, tmp_path):
    for number, content in enumerate(payloads(proof, tmp_path)):
        model = checkpoints.copy_of_valid(tmp_path / str(number))
        for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "tokenizer.pkl", "vocab.pkl"):
            (model / name).write_bytes(content)
        assert judge(checkpoints.read, model, tmp_path) is None


def test_result_tables_and_what_they_say_of_themselves(proof, tmp_path):
    for number, content in enumerate(payloads(proof, tmp_path)):
        run = tmp_path / str(number)
        run.mkdir()
        for name, valid in results.valid_run().items():
            (run / name).write_bytes(valid)
        path = run / "items.parquet"
        field = pa.field("weight", pa.float64(), metadata={"ARROW:extension:name": "arrow.py_extension_type"})
        field = field.with_metadata({**field.metadata, "ARROW:extension:metadata": content})
        table = pq.read_table(path)
        table = table.set_column(table.column_names.index("weight"), field, table["weight"])
        pq.write_table(table.replace_schema_metadata({"pandas": content, "attnprobe": content}), path)
        assert judge(results.read_results, run, tmp_path) is None
        path.write_bytes(content)
        refuses(results.read_results, run, tmp_path)


def test_the_tokenised_store(proof, tmp_path):
    for number, content in enumerate(payloads(proof, tmp_path)):
        cache = tmp_path / str(number)
        results.copy_cache(cache)
        for path in cache.rglob("*"):
            if path.is_file():
                path.write_bytes(content)
        assert judge(results.read_cache, cache, tmp_path) is None


def test_shard_files_are_not_done(proof, tmp_path):
    for number, content in enumerate(payloads(proof, tmp_path)):
        (tmp_path / str(number)).mkdir()
        files = ShardFiles(tmp_path / str(number))
        for name in results.NAMES:
            files.path(results.PIECE, name).write_bytes(content)
        assert not files.is_done(results.PIECE, results.MADE)


def test_groups_of_documents_are_not_done(proof, tmp_path):
    for number, content in enumerate(payloads(proof, tmp_path)):
        (tmp_path / str(number)).mkdir()
        files = GroupFiles(tmp_path / str(number), "programs")
        files.path(results.GROUP).write_bytes(content)
        assert files.read(results.GROUP, results.WHAT) is None


def test_code_that_comes_with_a_checkpoint_is_not_run(tmp_path):
    model = checkpoints.copy_of_valid(tmp_path)
    made = tmp_path / "run"
    (model / "own.py").write_text(f"import os; os.mkdir({str(made)!r})")
    config = (model / "config.json").read_text()
    for kind in ("own", "bert"):
        text = config.replace('"bert"', f'"{kind}"').replace("{", '{"auto_map": {"AutoConfig": "own.C"},', 1)
        (model / "config.json").write_text(text)
        if kind == "own":
            with pytest.raises(InputError, match="never run"):
                checkpoints.read(model)
        else:
            checkpoints.read(model)
        assert not made.exists()


UNSAFE_MODULES = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "runpy"}
UNSAFE_CALLS = {"torch.load", "np.load", "numpy.load", "pd.read_pickle", "eval", "exec", "compile", "__import__"}
LAST_NAMES = {call.rpartition(".")[2] for call in UNSAFE_CALLS}


def unsafe(path):
    """What a module names that could run code of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from UNSAFE_MODULES.intersection(name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from UNSAFE_MODULES.intersection([(node.module or "").split(".")[0]])
        elif isinstance(node, ast.Call):
            if getattr(node.func, "attr", getattr(node.func, "id", None)) in LAST_NAMES:
                yield from UNSAFE_CALLS.intersection([ast.unparse(node.func)])
            told = [keyword for keyword in node.keywords if keyword.arg == "trust_remote_code"]
            yield from (keyword.arg for keyword in told if ast.unparse(keyword) == "trust_remote_code=True")


def test_only_our_own_processes_speak_pickle():
    """What could run code is named nowhere in the package but between the processes that it starts itself."""
    found = {path.relative_to(PACKAGE).as_posix(): list(unsafe(path)) for path in PACKAGE.rglob("*.py")}
    assert {name: names for name, names in found.items() if names} == {"execution/crew.py": ["pickle"]}
    crew = (PACKAGE / "execution" / "crew.py").read_text(encoding="utf-8")
    assert crew.count("pickle.load") == crew.count("pickle.loads(work)") == 1

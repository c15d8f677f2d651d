"""`attnprobe verify` as its user runs it: sound runs pass, and whatever was done to one is found and named."""

import base64
import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch

from attnprobe.cli import main
from attnprobe.erasure.curve_names import LIMIT_ENDS
from attnprobe.runs.run_folder import PARQUET
from tests.fixtures.commands import planted_rows, write_splits

TEST_DOCUMENTS = 6
MODELS = {
    "flan-rnn": ["--epochs", "4", "--learning-rate", "0.01"],
    "han-rnn": ["--epochs", "4", "--learning-rate", "0.01", "--limits", "30"],
    "transformer": [
        *("--epochs", "3", "--d-e", "16", "--longest", "16", "--head-map-documents", "2"),
        *("--orderings", "all", "--limits", "30"),
    ],
    "hf": ["--epochs", "2", "--unit", "word", "--greedy", "--head-map-documents", "2", "--draws", "3"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data and a cache of its own, which holds for the module."""
    folder = tmp_path_factory.mktemp("verify")
    rows = [*planted_rows(TEST_DOCUMENTS - 1, 3), ("pos", "word1 plantedpos. word3.")]
    write_splits(folder / "planted", train=planted_rows(80, 1), dev=planted_rows(20, 2), test=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


@pytest.fixture(autouse=True)
def own_cache(place, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))


@pytest.fixture(scope="module")
def probed(place):
    """The folder of a probed run of a model, made once."""
    made = {}

    def run(name):
        if name not in made:
            model = _checkpoint(place) if name == "hf" else name
            arguments = ["--dataset", place / "planted", "--model", model, "--out", place / "runs", *MODELS[name]]
            assert main([str(argument) for argument in ("train", *arguments)]) == 0
            (config,) = (place / "runs" / "planted").glob(f"{name}*/seed-0/config.json")
            assert main(["probe", str(config.parent)]) == 0
            made[name] = config.parent
        return made[name]

    return run


def _checkpoint(place):
    pytest.importorskip("transformers")
    from tests.fixtures.checkpoints import bert, save, wordpiece

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        return f"hf:{save(place / 'tiny', lambda: bert(max_positions=200, initializer_range=0.3), wordpiece)}"


@pytest.fixture
def verify(capfd):
    """(exit status, lines on standard output, lines on standard error)."""

    def run(*arguments):
        capfd.readouterr()
        status = main(["verify", *map(str, arguments)])
        out, errors = capfd.readouterr()
        return status, out.splitlines(), errors.splitlines()

    return run


@pytest.fixture
def copied(probed, tmp_path):
    """A copy of the run of flan-rnn, to be tampered with."""
    return shutil.copytree(probed("flan-rnn"), tmp_path / "seed-0")


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.samples(2)
def test_a_sound_run_is_verified(verify, probed, name):
    status, lines, errors = verify(probed(name), "--documents", 4)
    assert (status, errors) == (0, [])
    assert lines[0] == str(probed(name))
    assert all(line.startswith("  verified: ") for line in lines[1:])
    assert any(line.startswith("  verified: 4 documents agree with the slow reference in ") for line in lines)
    assert any("vocabulary.txt" in line for line in lines) == (name != "hf")
    of_heads = [line.split()[1] for line in lines[-2:] if ".parquet agrees with the slow reference in" in line]
    assert of_heads == ["head_effects.parquet", "attention_maps.parquet"] * (name in ("transformer", "hf"))


@pytest.mark.parametrize(
    ("name", "score", "end"),
    [
        *(("han-rnn", score, end) for score in ("probability", "logit") for end in LIMIT_ENDS),
        ("transformer", "probability", "lower_low"),
        ("transformer", "logit", "upper_low"),
    ],
)
@pytest.mark.samples(4)
def test_limits_of_short_documents_are_found_again(verify, probed, tmp_path, name, score, end):
    """HAN's sentences are few, and the last document has six tokens: every set of them is erased."""
    copy = shutil.copytree(probed(name), tmp_path / "run")
    inward = 1e-2 if end == "lower_low" else -1e-2 if end == "upper_high" else 0.0
    outward = {"lower_high": -1.0, "upper_low": 1.0}.get(end, 0.0)

    def change(rows):
        for each in LIMIT_ENDS:
            rows[f"aopc_{score}_{each}"] += inward if each == end else 0.0
        rows[f"aopc_{score}_{end}"] += outward
        return rows

    rewrite(copy, "documents", change)
    status, lines, _ = verify(copy)
    assert status == 1
    assert f"the limits of the {score}'s AOPC are" in lines[-1]


@pytest.mark.parametrize("column", ["js_whole", "js_top", "js_other", "flip_whole", "flip_top", "flip_other"])
@pytest.mark.samples(2)
def test_what_a_single_head_is_said_to_do_is_measured_again(verify, probed, tmp_path, column):
    folder = shutil.copytree(probed("transformer"), tmp_path / "seed-0")

    def other(value):
        return not value if column.startswith("flip") else value + 0.01

    rewrite(folder, "head_effects", lambda rows: rows.assign(**{column: rows[column].map(other)}))
    status, lines, _ = verify(folder, "--documents", 1)
    assert status == 1
    assert f": {column} is " in lines[-1]
    assert "head_effects.parquet, document " in lines[-1]


def test_attention_that_is_kept_to_be_looked_at_and_is_another_is_found(verify, probed, tmp_path):
    folder = shutil.copytree(probed("transformer"), tmp_path / "seed-0")

    def other(text):
        return base64.b64encode(bytes((code + 9) % 256 for code in base64.b64decode(text))).decode()

    rewrite(folder, "attention_maps", lambda rows: rows.assign(weights=rows["weights"].map(other)))
    status, lines, _ = verify(folder, "--documents", 1)
    assert status == 1
    assert "attention_maps.parquet, document " in lines[-1]
    assert "the weight is " in lines[-1]


def test_several_runs_and_another_sample(verify, probed, copied):
    (copied / "vocabulary.txt").write_text("x", encoding="utf-8")
    status, lines, _ = verify(copied, probed("flan-rnn"), "--documents", 2, "--seed", 5)
    assert status == 1
    assert [line for line in lines if not line.startswith("  verified: ")][::2] == [
        str(copied),
        str(probed("flan-rnn")),
    ]
    assert "2 documents agree" in lines[-1]


def rewrite(folder, name, change):
    """Change a table as a data frame, its stamp kept."""
    path = folder / f"{name}.parquet"
    schema = pq.read_schema(path)
    rows = change(pd.read_parquet(path))
    pq.write_table(pa.Table.from_pandas(rows, schema, preserve_index=False), path, **PARQUET)


def changed(column, row, value):
    def change(rows):
        rows.loc[row, column] = value(rows.loc[row, column]) if callable(value) else value
        return rows

    return change


def weight_of_the_model(folder):
    path = folder / "model.safetensors"
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = safetensors.torch.load_file(path)
    tensors["head.bias"][0] += 1e-3
    safetensors.torch.save_file(tensors, path, metadata)


def mean_of_training(folder):
    path = folder / "training-vectors.safetensors"
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = safetensors.torch.load_file(path)
    tensors["pooling.mean"] *= 1.01
    safetensors.torch.save_file(tensors, path, metadata)


def removed_and_fraction(folder, way="renormalise"):
    """Of the first ordering that can go on for one removal more."""

    def change(rows):
        can = (rows.removed > 0) & (rows.removed + 1 < rows.n) & (rows.ordering == "attention")
        row = rows.index[can & (rows.erase_by == way)][0]
        rows.loc[row, "removed"] += 1
        rows.loc[row, "fraction"] = rows.loc[row, "removed"] / rows.loc[row, "n"]
        return rows

    rewrite(folder, "erasures", change)


def cut_short(folder):
    path = folder / "items.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def flipped_byte(folder):
    path = folder / "items.parquet"
    content = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(3)
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 16
    path.write_bytes(content)


def vocabulary_line(folder):
    path = folder / "vocabulary.txt"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[2] = "another"
    path.write_text("\n".join(lines), encoding="utf-8")


def configuration(folder):
    content = json.loads((folder / "config.json").read_text())
    content["settings"]["seed"] = 7
    (folder / "config.json").write_text(json.dumps(content))


def random_orders_that_reach_more(rows):
    """All random orders reach more than any ordering of a short document does."""
    known = rows["random_tried"].notna()
    return rows.assign(random_better=rows["random_tried"].where(known), random_equal=0 * rows["random_tried"])


TAMPERED = {
    "weight of the model": (weight_of_the_model, "model.safetensors has changed"),
    "removed alone": (
        lambda folder: rewrite(folder, "erasures", changed("removed", 3, lambda count: 1 if count < 0 else -1)),
        "erasures.parquet, row 4 (document 0): the column 'fraction' holds",
    ),
    "removed and fraction": (removed_and_fraction, "ordering attention: removed is"),
    "label": (
        lambda folder: rewrite(folder, "documents", changed("label", 5, lambda label: 1 - label)),
        "documents.parquet, document 5: its label is",
    ),
    "decision": (
        lambda folder: rewrite(folder, "documents", changed("decision", 5, lambda decision: 1 - decision)),
        "documents.parquet, document 5: decision is",
    ),
    "dropped row": (
        lambda folder: rewrite(folder, "documents", lambda rows: rows.drop(4)),
        "documents.parquet does not hold document 4",
    ),
    "doubled row": (
        lambda folder: rewrite(folder, "erasures", lambda rows: rows.loc[np.r_[0:13, 12, 13 : len(rows)]]),
        "erasures.parquet, document 0: it has 80 rows",
    ),
    "removed by a further way": (
        lambda folder: removed_and_fraction(folder, "corpus_mean"),
        "corpus_mean, ordering attention, draw 0: removed is",
    ),
    "a row of another way": (
        lambda folder: rewrite(
            folder, "erasures", lambda rows: rows.assign(erase_by=rows["erase_by"].cat.rename_categories({"zero": "a"}))
        ),
        "erasures.parquet, document 0: the column 'erase_by' holds 'a', but the run erases by renormalise",
    ),
    "divergence by a further way": (
        lambda folder: rewrite(folder, "items", changed("js_resample", 3, lambda js: js / 2 + 1e-3)),
        "items.parquet, document 0, position 3: js_resample is",
    ),
    "vectors of training documents": (mean_of_training, "training-vectors.safetensors: the mean of pooling"),
    "weight of an item": (
        lambda folder: rewrite(folder, "items", changed("weight", 3, lambda weight: weight + 2e-6)),
        "items.parquet, document 0: its weights sum to",
    ),
    "gradient of an item": (
        lambda folder: rewrite(folder, "items", changed("gradient", 3, lambda gradient: gradient + 1e-3)),
        "items.parquet, document 0, position 3: gradient is",
    ),
    "point of a curve": (
        lambda folder: rewrite(folder, "curves", changed("logit", 3, lambda logit: logit + 1e-3)),
        "curves.parquet, document 0, ordering random, 3 removed: logit is",
    ),
    "point of a curve of what is kept": (
        lambda folder: rewrite(folder, "curves", changed("kept_probability", 2, lambda p: p / 2)),
        "curves.parquet, document 0, ordering random, 2 removed: kept_probability is",
    ),
    "probability and its logarithm": (
        lambda folder: rewrite(folder, "curves", changed("log_probability", 3, lambda log_p: log_p - 1e-2)),
        "curves.parquet, document 0, ordering random: the numbers with 3 removed do not fit",
    ),
    "end of a curve": (
        lambda folder: rewrite(folder, "curves", changed("kept_probability", 0, lambda p: p / 2)),
        "curves.parquet, document 0, ordering random: the numbers with 0 removed do not fit",
    ),
    "dropped point of a curve": (
        lambda folder: rewrite(folder, "curves", lambda rows: rows.drop(4)),
        "curves.parquet, document 0: it has",
    ),
    "place among random orders": (
        lambda folder: rewrite(folder, "erasures", random_orders_that_reach_more),
        "random orders",
    ),
    "cut short": (cut_short, "items.parquet is damaged"),
    "flipped byte": (flipped_byte, "items.parquet is damaged: row group 0 of 1 cannot be read"),
    "vocabulary": (vocabulary_line, "vocabulary.txt, line 3: 'another', but the data make 'word"),
    "configuration": (configuration, "config.json says that its fingerprint is"),
}


@pytest.mark.parametrize("what", list(TAMPERED))
@pytest.mark.samples(6)
def test_what_was_done_to_a_run_is_found_and_named(verify, copied, what):
    tamper, message = TAMPERED[what]
    tamper(copied)
    status, lines, errors = verify(copied, "--documents", TEST_DOCUMENTS)
    assert (status, errors) == (1, [])
    assert [line for line in lines[1:] if not line.startswith("  verified: ")] == lines[-1:]
    assert lines[-1].startswith("  failed: ")
    assert lines[-1].endswith(".")
    assert str(copied) in lines[-1]
    assert message in lines[-1]


def test_changed_data_are_found(verify, probed, place):
    path = place / "planted" / "test.tsv"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("word1", "word2", 1), encoding="utf-8")
    try:
        status, lines, _ = verify(probed("flan-rnn"))
    finally:
        path.write_text(before, encoding="utf-8")
    assert status == 1
    assert lines[-1].startswith(f"  failed: The data in {place / 'planted'} have changed since")


def test_a_changed_checkpoint_is_found(verify, probed, tmp_path):
    folder = shutil.copytree(probed("hf"), tmp_path / "seed-0")
    path = folder / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    status, lines, _ = verify(folder)
    assert status == 1
    assert lines[-1].startswith(f"  failed: {folder / 'model'} is corrupt")


@pytest.mark.parametrize("missing", ["documents.parquet", "erasures.parquet", "items.parquet", "config.json"])
def test_what_is_unfinished_or_no_run_is_told_in_one_sentence(verify, copied, missing):
    (copied / missing).unlink()
    status, lines, errors = verify(copied)
    assert (status, lines, len(errors)) == (2, [], 1)
    assert missing in errors[0]
    assert ("is not finished" in errors[0]) == (missing != "config.json")

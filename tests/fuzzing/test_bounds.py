"""What is too large, or is no file, is refused before it is held: each limit of docs/limits.md."""

import bz2
import gzip
import json
import os
import re
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tqdm import tqdm

from attnprobe.analysis import results as analysed
from attnprobe.base import bounds
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_plain
from attnprobe.data import vocabulary
from attnprobe.data.datasets import load_dataset
from attnprobe.data.files import delimited, lines, reading
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.folder import split_files
from attnprobe.data.files.reading import read_labels
from attnprobe.data.serrano2019 import yahoo_xml
from attnprobe.data.serrano2019.sources import holds_splits
from attnprobe.data.serrano2019.yahoo_xml import yahoo_records
from attnprobe.settings.checkpoint_names import local_folder
from attnprobe.settings.experiment_files import load_experiment
from tests.fixtures.synthetic_runs import write_run
from tests.fuzzing import results, run_files
from tests.fuzzing.judging import judge
from tests.fuzzing.measuring import refusal

HEADER = b"label\ttext\n"
GIB = 1 << 30


def read(path):
    return read_labels(path, WantedColumns())


def said(path, content=None):
    if content is not None:
        path.write_bytes(content)
    sentence = judge(read, path, path.parent)
    assert sentence is not None
    return sentence


def sparse(path, size):
    """A file that takes no place on the disk, whatever it says of its size."""
    path.touch()
    os.truncate(path, size)
    return path


def test_every_limit_is_in_the_table_of_the_docs():
    page = Path(__file__).parents[2].joinpath("docs/limits.md").read_text()
    for name, value in vars(bounds).items():
        if name.isupper():
            words = {f"{value:,}", f"{value >> 10:,} KiB", f"{value >> 20:,} MiB", f"{value >> 30:,} GiB"}
            row = next((row for row in page.splitlines() if f"`{name}`" in row), "")
            assert any(re.search(rf"(?<![\w,]){re.escape(word)}(?!\w|,\d)", row) for word in words), f"{name}: {row}"


@pytest.mark.parametrize("name", ["train.tsv", "train.csv", "train.jsonl", "train.parquet", "train.tsv.gz"])
@pytest.mark.parametrize("kind", ["a device", "a pipe", "a socket", "a folder"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path, monkeypatch, name, kind):
    path = tmp_path / name
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    match kind:
        case "a device":
            path.symlink_to("/dev/zero")
        case "a pipe":
            os.mkfifo(path)
        case "a socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(name)
        case "a folder":
            path.mkdir()
    assert said(path).endswith(f"{name} is {kind}, not a file.")
    assert not holds_splits(tmp_path)


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("e.toml", lambda path: load_experiment(path, 0)),
        ("vocabulary.txt", vocabulary.Vocabulary.load),
        ("config.json", run_files.read_reported_configuration),
        ("config.json", run_files.read_run_configuration),
        ("summary.json", run_files.read_summary),
        ("model.safetensors", run_files.read_weights),
        ("training-state.safetensors", run_files.read_training_state),
    ],
)
def test_small_files_that_are_none_or_far_too_large(tmp_path, name, reader):
    path = tmp_path / name
    os.mkfifo(path)
    assert name in judge(reader, path, tmp_path)
    path.unlink()
    assert "too large for what it should be" in judge(reader, sparse(path, 1 << 40), tmp_path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert name in judge(reader, path, tmp_path)


def test_a_file_that_says_that_it_is_empty(tmp_path):
    path = Path("/proc/self/status")
    assert path.stat().st_size == 0
    assert "more than 100 bytes" in judge(lambda path: read_plain(path, 100), path, path.parent)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lambda c: pa.compress(c, "zstd", asbytes=True)])
@pytest.mark.slow
def test_what_unpacks_to_more_than_data_do(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(bounds, "FREE_BYTES", 1 << 20)
    name = f"train.tsv{'.gz' if pack is gzip.compress else '.bz2' if pack is bz2.compress else '.zst'}"
    rows = b"a\tbb\nb\tbb\n" * 600_000
    assert re.search(r"bytes unpack to more than [\d,]+, as no data do", said(tmp_path / name, pack(HEADER + rows)))
    (tmp_path / name).write_bytes(pack(HEADER + rows[:300_000]))
    assert len(read(tmp_path / name)) == 60_000


def test_text_that_packs_well_is_no_bomb():
    text = "".join(f"label{i % 7}\tthe same sentence again, number {i}\n" for i in range(20_000)).encode()
    assert len(text) < bounds.MOST_EXPANSION * min(len(gzip.compress(text)), len(bz2.compress(text)))


@pytest.mark.parametrize(
    ("name", "good"),
    [("a.tsv", HEADER + b"a\tb\n"), ("a.csv", b"label,text\na,b\n"), ("a.jsonl", b'{"label": "a", "text": "b"}\n')],
)
def test_blank_lines_without_end(tmp_path, monkeypatch, name, good):
    monkeypatch.setattr(lines, "MOST_BLANK_LINES", 1000)
    assert "more than 1,000 lines before it are blank" in said(tmp_path / name, good + b"\r\n" * 1001)
    assert len(read_written(tmp_path / name, good + b"\n" * 1000)) == 1
    monkeypatch.setattr(lines, "LONGEST_RECORD", 1000)
    assert "lines before it are blank" in said(tmp_path / name, good + (b"\r" * 90 + b"\n") * 20)


def read_written(path, content):
    path.write_bytes(content)
    return read(path)


def test_a_record_over_lines_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "LONGEST_RECORD", 10_000)
    field = b'"' + b"line\n" * 1900 + b'"'
    assert "row 3: the record has more than 10,000 characters" in said(
        tmp_path / "a.csv", b"label,text\na,b\n" + b",".join([field] * 3) + b"\n"
    )
    assert len(read_written(tmp_path / "b.csv", b"label,text\n" + b"a," + field + b"\nb," + field + b"\n")) == 2


def test_headers_of_a_million_columns(tmp_path):
    assert "more than 10,000 columns" in said(tmp_path / "a.tsv", b"\t" * 1_000_000 + b"\n")
    assert "more than 10,000 columns" in said(tmp_path / "a.csv", b"x," * 200_000 + b"\n")
    keys = json.dumps({f"k{i}": 1 for i in range(20_000)}).encode()
    assert "more than 10,000 columns" in said(tmp_path / "a.jsonl", keys + b"\n")


def test_labels_without_end(tmp_path, monkeypatch):
    long = b"x" * 1001
    assert "row 2, column 'label': the label has 1,001 characters" in said(tmp_path / "a.tsv", HEADER + long + b"\tb\n")
    monkeypatch.setattr(reading, "MOST_CLASSES", 10)
    rows = [b"%d\ttext\n" % i for i in range(11)]
    assert "row 12: a file may have 10 labels at most" in said(tmp_path / "b.tsv", HEADER + b"".join(rows))
    assert len(read_written(tmp_path / "c.tsv", HEADER + b"".join(rows[:10] * 2)).labels) == 10


def test_rows_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_DOCUMENTS", 10)
    assert "row 12: a file may have 10 documents" in said(tmp_path / "a.tsv", HEADER + b"a\tb\n" * 11)
    assert "may have 10 documents" in said(table(tmp_path, label=["a"] * 11, text=["b"] * 11))
    assert len(read(table(tmp_path, label=["a"] * 10, text=["b"] * 10))) == 10


def test_an_element_of_xml_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(yahoo_xml, "MOST_ELEMENT_BYTES", 1 << 20)
    path = tmp_path / "part1"
    path.write_bytes(b"<ystfeed>" + b"<a>" * 10 + b"x" * (1 << 21))
    with pytest.raises(InputError, match="no document ends within 1,048,576 bytes"):
        list(yahoo_records([path], tqdm(disable=True)))


def table(folder, *, options=None, **columns):
    path = folder / "train.parquet"
    pq.write_table(pa.table(columns), path, **(options or {}))
    return path


def with_orderings(folder, count):
    """A run with so many further orderings."""
    write_run(folder, results.SIZES)
    path = folder / "erasures.parquet"
    rows = pq.read_table(path).replace_schema_metadata(None)
    names = rows["ordering"].cast(pa.string())
    one = rows.filter(pc.equal(names, "attention"))
    place = rows.column_names.index("ordering")
    tables = [rows.set_column(place, "ordering", names)]
    tables += [one.set_column(place, "ordering", pa.array([f"other_{i}"] * len(one))) for i in range(count)]
    pq.write_table(pa.concat_tables(tables).sort_by([("document", "ascending")]), path)
    return folder


def test_a_run_of_three_hundred_orderings_more(tmp_path):
    sentence = refusal(results.read_results, with_orderings(tmp_path, 300), tmp_path)
    assert re.search(r"erasures\.parquet has rows of 30\d orderings; a run has 64 at most", sentence)
    config = json.loads((tmp_path / "config.json").read_text())
    told = {f"other_{i}": {"title": "Other", "role": "explanation"} for i in range(65)}
    (tmp_path / "config.json").write_text(json.dumps(config | {"orderings": told}))
    assert "'orderings' is not a table of at most 64 titles" in judge(analysed.RunResults.load, tmp_path, tmp_path)


@pytest.mark.parametrize("length", [1_001, 100_000])
def test_names_without_end(length):
    with pytest.raises(InputError, match=f"name of the dataset has {length:,} characters, and may have 1,000"):
        load_dataset("x" * length)
    with pytest.raises(InputError, match=f"is followed by {length:,} characters"):
        local_folder("x" * length)


def test_experiments_that_name_datasets_without_end(tmp_path):
    path = tmp_path / "e.toml"
    path.write_text(f'dataset = "{"x" * 300_000}"\nmodel = "flan-rnn"\n')
    assert "too large for what it should be" in judge(lambda path: load_experiment(path, 0), path, tmp_path)


def test_a_vocabulary_of_too_many_words(tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary, "MOST_WORDS", 10)
    path = tmp_path / "vocabulary.txt"
    path.write_text("\n".join([vocabulary.PADDING, *map(str, range(20)), vocabulary.UNKNOWN, ""]))
    assert "more than 10 words" in judge(vocabulary.Vocabulary.load, path, tmp_path)


@pytest.mark.slow
def test_a_zst_of_newlines(tmp_path):
    """328 kB that are 10 GB."""
    frame = pa.compress(b"\n" * (64 << 20), "zstd", asbytes=True)
    path = tmp_path / "train.tsv.zst"
    path.write_bytes(pa.compress(HEADER, "zstd", asbytes=True) + frame * (328_000 // len(frame)))
    assert "lines before it are blank" in refusal(read, path, tmp_path)
    path.write_bytes(pa.compress(HEADER + b"a\tb\n", "zstd", asbytes=True) + frame * (328_000 // len(frame)))
    assert "lines before it are blank" in refusal(read, path, tmp_path)


@pytest.mark.slow
def test_two_hundred_million_empty_rows(tmp_path):
    for name, content in (
        ("a.tsv", HEADER + b"\n" * 200_000_000),
        ("a.csv", b"label,text\n" + b",\n" * 200_000_000),
        ("a.jsonl", b'{"label": "a", "text": "b"}\n' + b"\n" * 200_000_000),
        ("a.tsv.gz", gzip.compress(HEADER + b"\t\n" * 200_000_000, 1)),
        ("a.tsv.bz2", bz2.compress(HEADER + b"a\tb\n" + b"\n" * 200_000_000, 1)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert re.search("are blank|is empty", refusal(read, path, tmp_path))
        path.unlink()


@pytest.mark.slow
def test_a_line_of_ten_gigabytes(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_bytes(HEADER)
    sparse(path, 10 * GIB)
    assert "longer than 16,000,000 bytes" in refusal(read, path, tmp_path)
    frame = pa.compress(b"x" * (64 << 20), "zstd", asbytes=True)
    path = tmp_path / "train.jsonl.zst"
    path.write_bytes(frame * 160)
    assert "longer than 16,000,000 bytes" in refusal(read, path, tmp_path)


def test_a_device_in_a_folder_of_data(tmp_path):
    (tmp_path / "train.tsv").symlink_to("/dev/zero")
    (tmp_path / "test.tsv").write_bytes(HEADER + b"a\tb\n")
    assert split_files(tmp_path)
    with pytest.raises(InputError, match=r"train\.tsv is a device, not a file"):
        load_dataset(str(tmp_path))

import bz2
import csv
import gzip

import pyarrow as pa
import pytest

from attnprobe.base.errors import InputError
from attnprobe.data.datasets import load_dataset
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.file_names import is_dataset_folder
from attnprobe.data.files.reading import read_labels
from tests.fixtures.dataset_folders import write_folder, write_tsv

PACKERS = {
    "gz": gzip.compress,
    "bz2": lambda content: bz2.compress(content, 1),
    "zst": lambda content: pa.Codec("zstd").compress(content, asbytes=True),
}
ROWS = [(label, f"Größe {i},\tnaïve") for i in range(40) for label in "ab"]
TEXTS = [(label, text.replace("\t", " ")) for label, text in ROWS]


def packed(path, packer):
    """The file with its content compressed, under the name that says so."""
    target = path.with_name(f"{path.name}.{packer}")
    target.write_bytes(PACKERS[packer](path.read_bytes()))
    path.unlink()
    return target


def message(path):
    with pytest.raises(InputError) as caught:
        read_labels(path, WantedColumns())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
def test_compressed_files_give_the_same_dataset(tmp_path, suffix, packer):
    plain = load_dataset(str(write_folder(tmp_path / "plain", suffix, train=TEXTS, test=TEXTS)))
    folder = write_folder(tmp_path / "packed", suffix, train=TEXTS, test=TEXTS)
    packed(folder / f"train.{suffix}", packer)
    assert is_dataset_folder(folder)
    assert load_dataset(str(folder)).fingerprint == plain.fingerprint


@pytest.mark.parametrize("packer", PACKERS)
def test_what_was_packed_in_pieces_is_read_whole(tmp_path, packer):
    path = write_tsv(tmp_path / "train.tsv", TEXTS)
    content = path.read_bytes()
    pieces = tmp_path / f"pieces.tsv.{packer}"
    pieces.write_bytes(PACKERS[packer](content[:100]) + PACKERS[packer](content[100:]))
    assert len(read_labels(pieces, WantedColumns())) == len(TEXTS)


@pytest.mark.parametrize("packer", PACKERS)
def test_messages_are_those_of_the_file_within(tmp_path, packer):
    rows = [*TEXTS, ("a", " "), *TEXTS]
    plain = message(write_tsv(tmp_path / "train.tsv", rows))
    assert "row 82, column 'text': the text is empty" in plain
    assert message(packed(tmp_path / "train.tsv", packer)) == plain.replace("train.tsv", f"train.tsv.{packer}")


def row_of(said, path):
    assert said.startswith(f"{path}, row ")
    return int(said.removeprefix(f"{path}, row ").partition(":")[0].partition(",")[0])


@pytest.mark.parametrize("packer", PACKERS)
def test_data_that_are_cut_off_or_followed_by_others(tmp_path, packer):
    path = packed(write_tsv(tmp_path / "train.tsv", [("a", f"{i} text {i * i}") for i in range(20_000)]), packer)
    content = path.read_bytes()
    half = content[: len(content) // 2]
    for damaged, row in ((half, 4_000), (content[:-1], 12_000), (content + b"and more", 12_000), (b"label\ttext\n", 1)):
        path.write_bytes(damaged)
        said = message(path)
        assert ": from here on the compressed data are damaged (" in said
        assert row <= row_of(said, path) <= 20_001


@pytest.mark.parametrize("packer", PACKERS)
def test_damaged_data_are_refused_in_one_sentence(tmp_path, packer):
    path = packed(write_tsv(tmp_path / "train.tsv", [("a", f"{i} text {i * i}") for i in range(20_000)]), packer)
    content = path.read_bytes()
    for place in range(20, len(content), len(content) // 12):
        path.write_bytes(content[:place] + bytes(9) + content[place + 9 :])
        assert 1 <= row_of(message(path), path) <= 20_001


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.samples(1)
def test_a_bomb_goes_no_further_than_the_longest_line(tmp_path, packer):
    path = tmp_path / f"train.tsv.{packer}"
    path.write_bytes(PACKERS[packer](b"label\ttext\na\t" + b"x" * 200_000_000))
    assert "row 2: the line is longer than 16,000,000 bytes" in message(path)


def test_a_split_packed_and_not_packed(tmp_path):
    folder = write_folder(tmp_path, train=TEXTS, test=TEXTS)
    packed(folder / "test.tsv", "gz")
    write_folder(folder, test=TEXTS)
    with pytest.raises(InputError, match=r"the files 'test\.tsv', 'test\.tsv\.gz' are the same split"):
        load_dataset(str(folder))


def test_packed_parquet_is_not_looked_for(tmp_path):
    folder = write_folder(tmp_path, "parquet", train=TEXTS)
    packed(folder / "train.parquet", "gz")
    assert not is_dataset_folder(folder)


@pytest.mark.parametrize("packer", PACKERS)
def test_ready_splits_of_a_known_dataset_may_be_packed(tmp_path, packer):
    folder = tmp_path / "yelp"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        with (folder / f"{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("label", "text"), *TEXTS])
        packed(folder / f"{split}.csv", packer)
    assert load_dataset("yelp", data_dir=tmp_path).labels == ["a", "b"]

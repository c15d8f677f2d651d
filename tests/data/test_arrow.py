"""Arrow files of saved datasets: read as they are, and whatever was done to one refused in a sentence."""

import random

import pyarrow as pa
import pytest

from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.reading import read_labels

CLASSES = b'{"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}'
ROWS = [(number % 2, f"text number {number}") for number in range(20)]


def written(path, rows=ROWS, options=None):
    schema = pa.schema([("label", pa.int64()), ("text", pa.string())], metadata={b"huggingface": CLASSES})
    table = pa.table(dict(zip(("label", "text"), zip(*rows, strict=True), strict=True)), schema=schema)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema, options=options) as writer:
        writer.write_table(table, max_chunksize=7)
    return path


def test_batches_are_read_in_order_and_labels_have_their_names(tmp_path):
    file = read_labels(written(tmp_path / "data.arrow"), WantedColumns())
    assert list(file.texts()) == [text for _, text in ROWS]
    assert (file.labels, file.classes) == (["neg", "pos"], ("neg", "pos"))


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_compressed_batches_are_refused(tmp_path, compression):
    path = written(tmp_path / "data.arrow", options=pa.ipc.IpcWriteOptions(compression=compression))
    with pytest.raises(InputError, match=r"not readable as Arrow \(it holds a record batch that is compressed"):
        read_labels(path, WantedColumns())


def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path):
    whole, path, draw = written(tmp_path / "data.arrow").read_bytes(), tmp_path / "damaged.arrow", random.Random(0)
    read, refused = 0, []
    for number in range(150):
        content = bytearray(whole)
        if number % 5 == 0:
            content = content[: draw.randrange(len(content))]
        else:
            place = draw.randrange(len(content) - 8)
            content[place : place + 8] = draw.choice([draw.randbytes(1), b"\xff" * 8, b"\0" * 8, b"\0\0\0\x80" * 2])
        path.write_bytes(content)
        try:
            read += len(list(read_labels(path, WantedColumns()).texts())) > 0
        except InputError as error:
            refused.append(str(error))
    assert all(sentence.startswith(str(path)) and "\n" not in sentence for sentence in refused)
    assert read
    assert refused

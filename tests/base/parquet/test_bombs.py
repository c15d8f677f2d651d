"""Parquet files of some kilobytes that are gigabytes are refused in one sentence, soon, before they are unpacked."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.base import bounds
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet import footers, memory
from attnprobe.base.parquet.bounded_files import opened_parquet
from attnprobe.data.files import parquet as parquet_files
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.reading import read_labels
from attnprobe.runs.run_folder import PARQUET
from attnprobe.runs.tables import read_table, rows_of_table, table_parts
from attnprobe.stages.group_files import GroupFiles
from attnprobe.stages.shard_files import DamagedError, ShardFiles
from attnprobe.verification.row_batches import row_batches
from tests.fixtures.compact_writing import Narrow
from tests.fixtures.parquet_files import footer_of, with_footer, with_last_page, written
from tests.fuzzing import results
from tests.fuzzing.judging import judge, limited_memory
from tests.fuzzing.measuring import refusal

MIB, GIB = 1 << 20, 1 << 30

UNPACKS = r"its [\d,]+ bytes unpack to more than [\d,]+, as no data do"
MEMORY = r"column '{}': its rows would take more than [\d,]+ bytes of memory, even one at a time"
CELL = r"row {}, column 'text': the cell has more than [\d,]+ bytes"


def read(path):
    """As a dataset is read: labels first, then texts."""
    return list(read_labels(path, WantedColumns()).texts())


def said(path, content, reader=read):
    """The sentence with which a file is refused, within the promised time and memory."""
    path.write_bytes(content)
    return refusal(reader, path, path.parent)


def repeated(value, count):
    """So many rows of a value, which takes memory once."""
    return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([value]))


def lists(*rows):
    """Rows of lists, each so many of a token."""
    sizes = np.cumsum([0, *(count for _, count in rows)])
    tokens = np.repeat(np.arange(len(rows), dtype=np.int32), np.diff(sizes))
    return pa.ListArray.from_arrays(sizes, pa.DictionaryArray.from_arrays(tokens, [token for token, _ in rows]))


def texts(text, **options):
    """A file of labels and these texts, in which nothing tells Arrow that values repeat."""
    table = pa.table({"label": repeated("a", len(text)), "text": text})
    return written(table, **{"compression": "zstd", "store_schema": False, **options})


PREFIXES = {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY", "label": "DELTA_BYTE_ARRAY"}}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data_page_version": "2.0", "compression": "brotli"},
        {"compression": "gzip", **PREFIXES},
    ],
)
def test_a_cell_that_packs_as_no_text_does(tmp_path, monkeypatch, options):
    monkeypatch.setattr(bounds, "FREE_BYTES", MIB)
    content = texts(["b", "x" * 16 * MIB], **options)
    assert re.search(UNPACKS, said(tmp_path / "train.parquet", content))
    monkeypatch.setattr(bounds, "FREE_BYTES", 64 * MIB)
    assert re.search(CELL.format(2), said(tmp_path / "train.parquet", content))


@pytest.mark.parametrize("cell", [["x"] * 9_000, ["x" * 6_000, "y" * 6_000], {"a": "x" * 12_000}, [["x" * 12_000]]])
def test_cells_that_are_no_short_texts(tmp_path, monkeypatch, cell):
    monkeypatch.setattr(parquet_files, "LONGEST_RECORD", 10_000)
    short = {"a": "b"} if isinstance(cell, dict) else ["b"] if isinstance(cell[0], str) else [["b"]]
    path = tmp_path / "train.parquet"
    path.write_bytes(texts([short, cell]))
    assert re.search(CELL.format(2), judge(read, path, tmp_path))
    path.write_bytes(texts([cell, short], store_schema=True))
    assert re.search(CELL.format(1), judge(read, path, tmp_path))


@pytest.mark.parametrize("options", [{}, {"data_page_version": "2.0"}, PREFIXES, {"store_schema": True}])
@pytest.mark.parametrize("column", ["label", "text"])
@pytest.mark.samples(4)
def test_a_cell_that_is_repeated(tmp_path, monkeypatch, options, column):
    monkeypatch.setattr(bounds, "FREE_BYTES", MIB)
    table = pa.table({"label": repeated("a", 10_000), "text": repeated("b", 10_000)})
    table = table.set_column(table.column_names.index(column), column, repeated("x" * 900, 10_000))
    content = written(table, **{"compression": "zstd", "store_schema": False, **options})
    assert len(content) < 30_000
    assert re.search(UNPACKS, said(tmp_path / "train.parquet", content))
    monkeypatch.setattr(bounds, "FREE_BYTES", 16 * MIB)
    assert len(read(tmp_path / "train.parquet")) == 10_000


@pytest.mark.parametrize("options", [{}, {"data_page_version": "2.0"}, {"compression": "lz4"}])
@pytest.mark.samples(1)
def test_a_row_of_lists_that_is_too_long(tmp_path, monkeypatch, options):
    monkeypatch.setattr(memory, "MOST_DECODED", 6 * MIB)
    path = tmp_path / "train.parquet"
    assert re.search(MEMORY.format("text.list.element"), said(path, texts(lists(("x", 9), ("x", 300_000)), **options)))
    many = lists(*[("x", 300)] * 1_000)  # as many tokens, and no row of them is long
    path.write_bytes(texts(many, **options))
    assert len(read(path)) == 1_000
    few = lists(*[("x" * 1_000, 300)] * 100)  # a token that a dictionary repeats
    path.write_bytes(texts(few, **options))
    assert len(read(path)) == 100
    monkeypatch.setattr(memory, "MOST_DECODED", MIB // 4)
    assert re.search(MEMORY.format("text.list.element"), said(path, texts(few, **options)))


def test_lists_of_lists_in_a_row_that_is_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MOST_DECODED", 4 * MIB)
    within = lists(*[("x", 30)] * 10_000)
    text = pa.ListArray.from_arrays([0, 10_000], within)
    sentence = said(tmp_path / "train.parquet", texts(text))
    assert re.search(MEMORY.format("text.list.element.list.element"), sentence)


@pytest.mark.parametrize("kind", [pa.null(), pa.string(), pa.int64(), pa.bool_(), pa.list_(pa.string())])
def test_rows_of_nothing_without_end(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(bounds, "FREE_BYTES", MIB)
    rows = pa.table({"label": pa.nulls(500_000, kind), "text": pa.nulls(500_000, kind)})
    for content in (written(rows), written(rows, row_group_size=100_000, compression="zstd")):
        sentence = said(tmp_path / "train.parquet", content)
        assert re.search(r"it says that its [\d,]+ bytes are 500,000 rows, as no data are", sentence)


def test_more_documents_than_a_file_may_have(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_files, "MOST_DOCUMENTS", 10)
    assert "may have 10 documents" in said(tmp_path / "train.parquet", texts(["b"] * 11))


def test_missing_values_of_many_bytes_each(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MOST_DECODED", MIB // 2)
    content = texts(pa.nulls(64, pa.binary(MIB)))
    assert re.search(MEMORY.format("text"), said(tmp_path / "train.parquet", content))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({2: Narrow(2**31 - 1)}, UNPACKS),
        ({5: {1: Narrow(2**31 - 1)}}, UNPACKS),
        ({3: Narrow(2**31 - 1)}, "cannot be so"),
        ({3: Narrow(-5)}, "cannot be so"),
        ({2: Narrow(-5)}, "cannot be so"),
        ({5: {1: Narrow(-5)}}, "cannot be so"),
        ({5: {1: Narrow(7)}}, "more values than it has"),
        ({1: Narrow(2)}, "does not say what it is"),
        ({1: Narrow(77)}, "there is no|does not end|cut off|cannot be so|twice|too deep|says more"),
    ],
)
def test_headers_of_pages_that_lie(tmp_path, change, reason):
    path = tmp_path / "train.parquet"
    content = with_last_page(written(pa.table({"text": ["b", "c"]}), use_dictionary=False, compression="none"), change)
    path.write_bytes(content)

    def reader(path):
        try:
            with opened_parquet(path) as file:
                file.table()
        except UnreadableError as error:
            raise InputError(f"{path}: {error}.") from None

    assert re.search(reason, refusal(reader, path, tmp_path))


def element(name, children=0):
    """A column of texts, or what columns are part of."""
    return {3: Narrow(1), 4: name, **({5: Narrow(children)} if children else {1: Narrow(6)})}


def group(times):
    """Makes the first group of rows come so many times."""

    def change(said):
        said[4] *= times
        said[3] *= times

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda said: said.update({2: [element(b"a", 1)] * 1_000 + [element(b"b")], 4: [], 3: 0}), "a very deep one"),
        (lambda said: said.update({2: [element(b"a", 10_001), *[element(b"b")] * 10_001]}), "more than 10,000 columns"),
        (lambda said: said[2][1].update({4: b"x" * 1_001}), "a column's name has 1,001|name of a column has 1,001"),
        (lambda said: said[2][1].update({4: b"\xff" * 400}), "a column's name has 1,600|name of a column has 1,600"),
        (lambda said: said.update({4: [], 3: 10**12, 2: [element(b"a", 0)]}), "other rows than it has"),
        (lambda said: said.update({4: [{3: 10**12, 1: []}], 3: 10**12, 2: [element(b"a", 0)]}), "no data are"),
        (group(1_000), "more bytes than there are"),
    ],
)
def test_what_files_say_of_themselves_that_no_table_has_to(tmp_path, change, reason):
    content = texts(["b", "c"])
    footer = footer_of(content)
    change(footer)
    assert re.search(reason, said(tmp_path / "train.parquet", with_footer(content, footer)))


@pytest.mark.parametrize(
    "footer",
    [
        pytest.param(b"\x3c" * 3_000_000, id="structures in one another"),
        pytest.param(b"\x39" + b"\x19" * 3_000_000, id="lists in one another"),
        pytest.param(b"\x29\xfc\x80\x80\x80\x02" + b"\0" * 5_000_000, id="elements of nothing"),
        pytest.param(b"\x21" * 6_000_000, id="flags"),
        pytest.param(b"\x19\xf1\xff\xff\xff\xff\x07", id="a list that is not there"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff" * 1_000, id="numbers without end"),
    ],
)
def test_ends_of_files_that_take_long_to_read(tmp_path, footer):
    assert "not readable as Parquet" in said(tmp_path / "train.parquet", with_footer(texts(["b"]), footer))


def test_limits_of_pages_and_footers(tmp_path, monkeypatch):
    path = tmp_path / "train.parquet"
    path.write_bytes(texts(["b", "c"] * 10, row_group_size=1))
    assert len(read(path)) == 20
    for module, name, value, expected in (
        (footers, "MOST_COLUMNS", 1, "there are more than 1 columns"),
        (footers, "MOST_FOOTER_BYTES", 100, "it says more than 100 bytes of itself"),
        (footers, "MOST_FOOTER_ENTRIES", 100, "says more of itself than any table has to"),
        (memory, "FREE_PAGES", 1, r"more than \d+ pages, as no file of its size does"),
    ):
        footers._kept.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            assert re.search(expected, judge(read, path, tmp_path))


def with_token(folder, token):
    """A run of whose tokens the last is another one, or all are, where it is a list of one."""
    results.whole_tables(folder)
    path = folder / "items.parquet"
    rows = pq.read_table(path)
    tokens = [token[0]] * len(rows) if isinstance(token, list) else [*["x"] * (len(rows) - 1), token]
    pq.write_table(rows.append_column("token", pa.array(tokens)), path, compression="zstd", store_schema=False)
    return path


def test_tables_of_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "FREE_BYTES", MIB)
    for token in ("y" * 2_000_000, ["y" * 200_000]):
        path = with_token(tmp_path, token)
        for reader in (
            lambda path: read_table(path, ["token"]),
            lambda path: list(table_parts(path, ["document", "token"])),
            lambda path: list(row_batches(path)),
        ):
            assert re.search(rf"items\.parquet: {UNPACKS}", refusal(reader, path, tmp_path))
        assert rows_of_table(path) > 5
        assert re.search(UNPACKS, refusal(results.read_verified, tmp_path, tmp_path))


def test_a_long_token_is_read_with_few_others_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MOST_DECODED", MIB)
    path = with_token(tmp_path, "y" * 100_000)
    parts = list(table_parts(path, ["document", "token"]))
    assert max(map(len, parts)) <= 10
    assert len(parts) > 1
    assert read_table(path, ["token"])["token"].tolist()[-2:] == ["x", "y" * 100_000]


def test_pieces_of_an_interrupted_run_count_as_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "FREE_BYTES", MIB)
    files = ShardFiles(tmp_path)
    piece, made = results.PIECE, results.MADE
    tables = results.Tables(*(pa.table({"document": list(range(made.documents))}) for _ in results.NAMES))
    files.write(piece, made, [(tables, results.Remarks())])
    assert files.is_done(piece, made)
    path = files.path(piece, "items")
    said = pq.read_metadata(path).metadata[b"attnprobe"]
    bomb = pa.table({"document": repeated("x" * 1_000, 10_000)}).replace_schema_metadata({"attnprobe": said})
    pq.write_table(bomb, path, store_schema=False)
    for read_again in (lambda: list(files.windows(piece, "items")), lambda: files.whole(piece, "items")):
        with pytest.raises(DamagedError):
            read_again()
    groups = GroupFiles(tmp_path, "programs")
    pq.write_table(bomb, groups.path(results.GROUP), store_schema=False)
    assert groups.read(results.GROUP, results.WHAT) is None


@pytest.mark.slow
def test_a_cell_of_a_gigabyte_in_ninety_kilobytes(tmp_path):
    required = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("label", "text")])
    content = written(pa.table({"label": ["a"], "text": ["b"]}, required), compression="zstd", use_dictionary=False)
    packed, unpacked = pa.BufferOutputStream(), GIB - 4
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(unpacked.to_bytes(4, "little"))
        for start in range(0, unpacked, MIB):
            stream.write(b"x" * min(MIB, unpacked - start))
    content = with_last_page(content, {2: Narrow(GIB)}, packed.getvalue().to_pybytes())
    assert len(content) < 200_000
    assert re.search(UNPACKS, said(tmp_path / "train.parquet", content))
    path = tmp_path / "large.parquet"  # a file which is large enough for that
    path.write_bytes(with_last_page(content, {}, b"x" * (8 * MIB)))
    assert "a page has 1,073,741,824 bytes, and may have 536,870,912" in refusal(read, path, tmp_path)


@pytest.mark.slow
def test_two_hundred_million_empty_rows(tmp_path):
    path, rows = tmp_path / "train.parquet", pa.table({"label": pa.nulls(10**7), "text": pa.nulls(10**7)})
    with pq.ParquetWriter(path, rows.schema) as writer:
        for _ in range(20):
            writer.write_table(rows)
    assert "bytes are 200,000,000 rows" in refusal(read, path, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_tens_of_millions_of_tokens_in_a_row(tmp_path, version):
    path, count = tmp_path / "train.parquet", 70_000_000
    content = texts(lists(("x", count)), data_page_version=version)
    assert re.search(UNPACKS, said(path, content))
    noise = pa.array([np.random.default_rng(0).bytes(10**7)])  # so that the file is large enough for them
    table = pa.table({"label": ["a"], "text": lists(("x", count)), "noise": noise})
    assert re.search(
        MEMORY.format("text.list.element"),
        said(path, written(table, compression="zstd", store_schema=False, data_page_version=version)),
    )


@pytest.mark.slow
def test_a_cell_of_a_megabyte_a_hundred_thousand_times(tmp_path):
    content = texts(repeated("x" * 10**6, 10**5))
    assert re.search(UNPACKS, said(tmp_path / "train.parquet", content))
    path = with_token(tmp_path, "x")
    rows = pa.table({"document": np.zeros(10**5, np.int64), "token": repeated("x" * 10**6, 10**5)})
    pq.write_table(rows, path, compression="zstd", store_schema=False)
    assert re.search(UNPACKS, refusal(lambda path: read_table(path, ["token"]), path, tmp_path))


@pytest.mark.slow
def test_a_million_documents_in_one_group_of_rows_are_read(tmp_path):
    """Texts, and lists of tokens, of which one is long."""
    random = np.random.default_rng(0)
    words = pa.array([*(f"word{i}" for i in range(50_000)), "x" * 100_000])
    sizes = random.integers(1, 60, 10**6)
    numbers = np.minimum(random.zipf(1.2, sizes.sum()), 49_999)
    numbers[numbers.size // 2] = 50_000
    tokens = words.take(pa.array(numbers))
    rows = pa.ListArray.from_arrays(np.r_[0, np.cumsum(sizes)].astype(np.int32), tokens)
    labels = pa.array(["a", "b"]).take(pa.array(random.integers(0, 2, 10**6)))
    for text in (rows, pa.compute.binary_join(rows, " ")):
        path = tmp_path / "train.parquet"
        pq.write_table(pa.table({"label": labels, "text": text}), path)
        assert pq.read_metadata(path).num_row_groups == 1
        with limited_memory():
            assert len(read_labels(path, WantedColumns())) == 10**6


@pytest.mark.slow
def test_a_run_of_many_classes_is_verified(tmp_path):
    """Every class has a column of contributions, whose pages are all held at once."""
    random, count = np.random.default_rng(0), 60_000
    of = {f"contribution_{number}": random.random(count) for number in range(600)}
    table = pa.table({"document": np.arange(count) // 60, "position": np.arange(count) % 60, **of})
    path = tmp_path / "items.parquet"
    pq.write_table(table, path, **PARQUET)
    assert sum(map(len, row_batches(path))) == count

"""What Parquet files say of themselves is what pyarrow finds in them, and damage of any byte is refused or harmless."""

import ast
import itertools
import os
import random
import re
import traceback

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import decoded_bytes, metadata_of, opened_parquet
from attnprobe.base.parquet.footers import read_footer
from attnprobe.base.parquet.page_contents import longest_list, longest_text
from attnprobe.base.parquet.page_headers import DICTIONARY, pages_of
from attnprobe.runs.tables import read_table, rows_of_table
from attnprobe.verification.row_batches import rows_of_documents
from tests.fixtures.compact_writing import Narrow
from tests.fixtures.parquet_files import OPTIONS, footer_of, rows, with_footer, written
from tests.fuzzing.mutation import mutated_bytes
from tests.test_architecture import MODULES

ROWS = rows()


def chunks(path):
    """Of each column of each group of rows: pyarrow's numbers, and ours, and the pages."""
    metadata = pq.read_metadata(path)
    with path.open("rb") as raw:
        footer = read_footer(path, raw.fileno())
        for group, place in itertools.product(range(metadata.num_row_groups), range(metadata.num_columns)):
            chunk = footer.groups[group].chunks[place]
            yield (
                metadata.row_group(group).column(place),
                footer.leaves[place],
                chunk,
                list(pages_of(raw.fileno(), chunk)),
            )


@pytest.mark.parametrize("options", OPTIONS[::5] + OPTIONS[1::7])
def test_headers_of_all_pages_are_understood(tmp_path, options):
    path = tmp_path / "a.parquet"
    path.write_bytes(written(ROWS, row_group_size=120, **options))
    for theirs, leaf, chunk, pages in chunks(path):
        assert (leaf.path, chunk.values) == (theirs.path_in_schema, theirs.num_values)
        assert sum(page.values for page in pages if page.type != DICTIONARY) == chunk.values
        assert pages[-1].end == chunk.start + chunk.size
        headers = chunk.size - sum(page.packed for page in pages)
        assert sum(page.unpacked for page in pages) + headers == theirs.total_uncompressed_size
    with opened_parquet(path, checksums=True) as file:
        assert file.rows_of_groups == [120, 120, 60]
        assert file.extents("document") == [(0, 39), (40, 79), (80, 99)]
        assert file.extents("token") == [None] * 3
        assert file.table().equals(ROWS)
    with opened_parquet(path) as file:
        parts = list(file.batches(7, ["tokens", "weight"], [2, 0]))
    assert max(map(len, parts)) == 7
    chosen = ROWS.select(["weight", "tokens"]).take(np.r_[240:300, 0:120])
    assert pa.Table.from_batches(parts).select(["weight", "tokens"]).equals(chosen)


@pytest.mark.parametrize("options", OPTIONS[:40:3])
def test_the_longest_texts_and_lists_are_found(tmp_path, options):
    path = tmp_path / "a.parquet"
    path.write_bytes(written(ROWS, row_group_size=120, **options))
    with path.open("rb") as raw:
        of = {"token": 0, "tokens.list.element": 0}
        for _, leaf, chunk, pages in chunks(path):
            if leaf.path == "token":
                found = [longest_text(raw.fileno(), chunk.codec, page) for page in pages if page.type == DICTIONARY]
                assert found == [len("word16")] * len(found)
            elif leaf.repeated:
                start, of[leaf.path] = of[leaf.path], of[leaf.path] + 120
                sizes = [max(len(row), 1) for row in ROWS["tokens"].to_pylist()[start : start + 120]]
                assert longest_list(raw.fileno(), chunk.codec, pages, leaf.repeated) == max(sizes)


@given(
    st.lists(st.lists(st.none() | st.lists(st.integers(0, 3), max_size=40), max_size=9), min_size=1, max_size=30),
    st.sampled_from(["1.0", "2.0"]),
    st.sampled_from([1 << 20, 64]),
)
def test_the_longest_row_of_lists_of_lists(tmp_path_factory, lists, version, page):
    path = tmp_path_factory.getbasetemp() / "lists.parquet"
    kind = pa.list_(pa.list_(pa.int8()))
    content = written(pa.table({"a": pa.array(lists, kind)}), data_page_version=version, data_page_size=page)
    path.write_bytes(content)
    ((_, leaf, chunk, pages),) = chunks(path)
    assert leaf.repeated == 2
    sizes = [max(1, sum(max(1, len(part or ())) for part in row)) for row in lists]
    with path.open("rb") as raw:
        assert longest_list(raw.fileno(), chunk.codec, pages, 2) == max(sizes)


def test_what_a_writer_says_of_a_file_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(ROWS.replace_schema_metadata({"attnprobe": "stamp", "": "x"}), path)
    assert metadata_of(path) == {b"attnprobe": b"stamp", b"": b"x"}


def test_nothing_is_read_of_no_groups_or_no_rows(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(written(ROWS.slice(0, 0)))
    with opened_parquet(path) as file:
        assert (file.rows, list(file.batches(5))) == (0, [])
        assert file.table(["weight"]).equals(ROWS.select(["weight"]).slice(0, 0))
    path.write_bytes(written(ROWS))
    with opened_parquet(path) as file:
        assert list(file.batches(5, groups=[])) == []


def test_rows_that_are_read_a_few_at_a_time_are_one_table(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    path.write_bytes(written(ROWS, row_group_size=120))
    monkeypatch.setattr("attnprobe.base.parquet.memory.MOST_DECODED", 40_000)
    with opened_parquet(path) as file:
        assert max(map(len, file.batches(300))) < 300
    with opened_parquet(path) as file:
        table = file.table()
    assert table.equals(ROWS)
    assert all(column.num_chunks == 1 for column in table.columns)


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["ab", "", None, "c" * 1000]),
        pa.array([b"ab", b"", None], pa.large_binary()),
        pa.array(["ab" * 500, "c", "ab" * 500, None]).dictionary_encode(),
        pa.array([["a"], ["b", "c"], None]),
        pa.array([["abc" * 400] * 4, None], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        pa.array([[["a", "b"]] * 3, None], pa.list_(pa.list_(pa.large_string()))),
    ],
)
def test_values_are_counted_as_if_each_stood_for_itself(values):
    once = decoded_bytes(values)
    texts = re.findall(r"'(.*?)'", str(values.to_pylist()))
    assert sum(map(len, texts)) <= once <= sum(map(len, texts)) + 24 * (len(texts) + len(values))
    assert decoded_bytes(pa.concat_arrays([values] * 3)) == pytest.approx(3 * once, rel=0.2)
    assert decoded_bytes(pa.concat_arrays([values] * 3).slice(len(values), len(values))) == pytest.approx(once, rel=0.2)


OPENERS = {"ParquetFile", "ParquetDataset", "read_table", "read_schema", "read_metadata", "read_pandas", "read_parquet"}
"""What opens a Parquet file, by pyarrow's and pandas' names."""


OF_ARROW_FILES = {
    "attnprobe.base.arrow_streams",
    # These read what was written here before: a cache of the 2019 datasets, and batches of a split.
    "attnprobe.data.serrano2019.folder",
    "attnprobe.data.split_files",
}
"""What has to do with Arrow's own formats, of which a file of anyone's is read by the first alone."""


def modules_with(*chosen):
    """In which modules there is a node of Python of each of these kinds."""
    found = [set() for _ in chosen]
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for modules, is_chosen in zip(found, chosen, strict=True):
                if is_chosen(node):
                    modules.add(module)
    return found


def is_imported(node, *names):
    """Whether a node imports one of these modules, or something of it."""
    if not isinstance(node, ast.ImportFrom | ast.Import):
        return False
    of = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    told = [f"{of}{each.name}." for each in node.names]
    return any(each.startswith(f"{name}.") for each in told for name in names)


def is_of_ipc(node):
    of = node.value if isinstance(node, ast.Attribute) else None
    return isinstance(of, ast.Attribute) and of.attr == "ipc" and ast.unparse(of) in ("pa.ipc", "pyarrow.ipc")


def test_one_module_alone_gives_files_to_pyarrow():
    """One of each format: Parquet, and what ``datasets`` saves. Each holds a file against its bounds first."""
    of_parquet, of_arrow, mapped = modules_with(
        lambda node: (
            (isinstance(node, ast.Attribute) and node.attr in OPENERS and not is_of_ipc(node))
            or is_imported(node, "pyarrow.dataset")
            or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pyarrow.parquet"))
        ),
        lambda node: is_of_ipc(node) or is_imported(node, "pyarrow.ipc", "pyarrow.feather"),
        lambda node: isinstance(node, ast.Attribute) and node.attr == "memory_map",
    )
    assert of_parquet == {"attnprobe.base.parquet.bounded_files"}
    assert of_arrow == OF_ARROW_FILES
    assert mapped == {"attnprobe.base.arrow_streams"}


def outcome(path):
    """The rows of a file; None where it is refused."""
    try:
        with opened_parquet(path, checksums=True) as file:
            table = file.table()
            assert len(table) == file.rows == sum(file.rows_of_groups)
            return table
    except (InputError, UnreadableError):
        return None


def in_a_child(check):
    """Run what might end the process."""
    child = os.fork()
    if child == 0:
        try:
            check()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def check_damaged(folder, content, damaged):
    """Of a file that is whole, and of the same damaged."""
    path = folder / "a.parquet"
    path.write_bytes(content)
    assert outcome(path).equals(ROWS)
    for other in damaged:
        path.write_bytes(other)
        outcome(path)


def test_what_pyarrow_would_end_the_process_at_is_not_asked_for(tmp_path):
    """Size statistics with more levels than the column has, as one flipped byte makes them."""
    path = tmp_path / "erasures.parquet"
    content = written(ROWS.select(["document", "weight"]), row_group_size=120)
    said = footer_of(content)
    said[4][0][1][0][3][16] = {3: [1, 2, 3, 4, 5]}
    path.write_bytes(with_footer(content, said))

    def check():
        assert read_table(path, ["document"], np.array([50]))["document"].tolist() == [50] * 3
        assert rows_of_table(path) == len(ROWS)
        assert rows_of_documents(path, ["document"], np.array([50, 95])).num_rows == 6
        with pytest.raises(InputError, match=r"erasures\.parquet is not a whole Parquet file"):
            read_table(path, ["document"], np.array([3]))

    in_a_child(check)


@pytest.mark.parametrize("options", OPTIONS[3::9])
def test_damage_is_refused_or_read(tmp_path, options):
    content, source = written(ROWS, row_group_size=120, **options), random.Random(str(options))
    length = int.from_bytes(content[-8:-4], "little")
    ends = (content[: -8 - length] + mutated_bytes(source, content[-8 - length : -8]) + content[-8:] for _ in range(15))
    anywhere = (mutated_bytes(source, content) for _ in range(15))
    in_a_child(lambda: check_damaged(tmp_path, content, itertools.chain(ends, anywhere)))


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS[::7])
def test_a_flipped_bit_of_any_byte_is_refused_or_read(tmp_path, options):
    content, random = written(ROWS, row_group_size=120, **options), np.random.default_rng(0)

    def check():
        path = tmp_path / "a.parquet"
        for place in range(len(content)):
            flipped = bytearray(content)
            flipped[place] ^= 1 << int(random.integers(8))
            path.write_bytes(flipped)
            outcome(path)

    in_a_child(check)


def test_a_footer_that_is_taken_apart_can_be_put_together(tmp_path):
    content = written(ROWS, row_group_size=120)
    path = tmp_path / "a.parquet"
    path.write_bytes(with_footer(content, footer_of(content)))
    assert outcome(path).equals(ROWS)
    assert pq.read_table(path).equals(ROWS)


def changed(said, *places, to):
    """What a footer says, with an entry changed."""
    entry = said
    for place in places[:-1]:
        entry = entry[place]
    entry[places[-1]] = to(entry.get(places[-1])) if isinstance(entry, dict) else to(entry[places[-1]])
    return said


COLUMN = (4, 0, 1, 0, 3)
"""Where the first column of the first group of rows stands in a footer."""


@pytest.mark.parametrize(
    ("places", "to", "reason"),
    [
        ((3,), lambda rows: rows + 1, "other rows than it has"),
        ((4, 0, 3), lambda rows: rows + 1, "of the column 'document' cannot be so"),
        ((4, 0, 3), lambda rows: -rows, "lacks columns"),
        ((4, 0, 1), lambda columns: columns[:-1], "lacks columns"),
        ((4, 0, 1, 0, 1), lambda _: b"elsewhere", "of the column 'document' cannot be so"),
        ((*COLUMN, 1), lambda _: Narrow(6), "of the column 'document' cannot be so"),
        ((*COLUMN, 4), lambda _: Narrow(-1), "of the column 'document' cannot be so"),
        ((*COLUMN, 5), lambda values: values - 1, "of the column 'document' cannot be so"),
        ((*COLUMN, 7), lambda size: size + 10**6, "more bytes than there are"),
        ((*COLUMN, 11), lambda start: start + 1, "there|cannot be so|cut off"),
        ((*COLUMN, 11), lambda start: -start, "Dictionary page must be"),
        ((*COLUMN, 9), lambda _: 3, "there|cannot be so|cut off"),
        ((2,), lambda elements: elements[:-1], "make no tree"),
        ((2,), lambda elements: [*elements, elements[-1]], "make no tree"),
        ((2,), lambda elements: [], "nothing of its columns"),
        ((2, 0, 5), lambda _: Narrow(-1), "make no tree"),
        ((2, 1, 1), lambda _: Narrow(9), "no type of the column"),
        ((8,), lambda _: {}, "it is encrypted"),
    ],
)
def test_what_a_footer_says_that_cannot_be_so(tmp_path, places, to, reason):
    content = written(ROWS, row_group_size=120)
    path = tmp_path / "a.parquet"
    path.write_bytes(with_footer(content, changed(footer_of(content), *places, to=to)))
    with pytest.raises(UnreadableError, match=reason), opened_parquet(path) as file:
        file.table()

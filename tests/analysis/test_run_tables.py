import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.runs import tables as run_tables
from attnprobe.runs.tables import read_table, rows_of_table, table_parts
from tests.fixtures.kept_documents import in_groups, write
from tests.fixtures.synthetic_runs import write_run


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The erasures of 40 documents, in row groups of seven."""
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, np.random.default_rng(0).integers(1, 6, size=40))
    in_groups(folder, 7)
    return folder / "erasures.parquet"


@given(st.sets(st.integers(0, 45)), st.integers(1, 50))
def test_rows_of_documents_are_those_of_the_whole_table(path, chosen, rows):
    whole = pd.read_parquet(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_tables, "ROWS", rows)
        found = read_table(path, ["ordering", "removed"], np.array(sorted(chosen), dtype=np.int64))
    expected = whole[whole["document"].isin(chosen)][["ordering", "removed"]]
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True), check_categorical=False)
    assert found["ordering"].dtype == "category"


def test_everything_is_read_as_it_is_written(path):
    pd.testing.assert_frame_equal(read_table(path), pd.read_parquet(path))
    assert rows_of_table(path) == len(pd.read_parquet(path))
    assert sum(part.num_rows for part in table_parts(path, ["draw"])) == rows_of_table(path)


def test_only_the_row_groups_of_the_documents_are_read(path, tmp_path):
    whole = pd.read_parquet(path)
    content = bytearray(path.read_bytes())
    groups = pq.ParquetFile(path).metadata
    for number in set(range(groups.num_row_groups)) - {1}:
        for place in range(groups.num_columns):
            column = groups.row_group(number).column(place)
            start = column.dictionary_page_offset or column.data_page_offset
            content[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(content)
    found = read_table(damaged, documents=np.array([8, 13]))
    pd.testing.assert_frame_equal(found, whole[whole["document"].isin([8, 13])].reset_index(drop=True))
    with pytest.raises(InputError, match=r"damaged\.parquet is not a whole Parquet file"):
        read_table(damaged, documents=np.array([8, 14]))


def test_orderings_are_categories_however_they_are_stored(tmp_path):
    names = [["attention", "random"], ["random", "mine"], ["mine", "attention"]]
    for kind in (pa.string(), pa.dictionary(pa.int32(), pa.string())):
        parts = [
            pa.table({"document": [2 * i, 2 * i + 1], "ordering": pa.array(each, pa.string()).cast(kind)})
            for i, each in enumerate(names)
        ]
        write(tmp_path / "table.parquet", parts, documents=2)
        found = read_table(tmp_path / "table.parquet")
        assert found["ordering"].dtype == "category"
        assert found["ordering"].tolist() == [name for each in names for name in each]


def test_what_is_wrong_with_a_file_is_one_sentence(path, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "nothing.parquet")
    with pytest.raises(InputError, match="has no column 'colour'"):
        read_table(path, ["colour"])
    (tmp_path / "cut.parquet").write_bytes(path.read_bytes()[:-20])
    for read in (read_table, rows_of_table, lambda cut: list(table_parts(cut, ["draw"]))):
        with pytest.raises(InputError, match=r"cut\.parquet is not a whole Parquet file"):
            read(tmp_path / "cut.parquet")

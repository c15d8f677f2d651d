"""Whatever is missing, double, out of order or damaged in a run's tables is found and named."""

import itertools

import numpy as np
import pyarrow.parquet as pq
import pytest

from attnprobe.base.errors import InputError
from attnprobe.verification.completeness import check_erasures, check_items, present_documents
from attnprobe.verification.row_batches import row_batches, whole_documents
from tests.fixtures.whole_tables import ORDERINGS, make_tables, write

DOCUMENTS = 7
LABELS = np.arange(DOCUMENTS) % 3
SAMPLED = np.array([True] * 3 + [False] + [True] * (DOCUMENTS - 4))


def check(folder, tables, quarantined=None):
    """All three tables; the rows of those of erasures and items."""
    paths = {name: write(folder, name, columns) for name, columns in tables.items()}
    present = present_documents(paths["documents"], LABELS, quarantined or {})
    return check_erasures(paths["erasures"], present, ORDERINGS), check_items(paths["items"], present, SAMPLED)


def kept(tables):
    """Without the items of documents that are not sampled."""
    tables["items"] = take(tables["items"], np.flatnonzero(SAMPLED[tables["items"]["document"]]))
    return tables


def take(columns, rows):
    return {name: column[rows] for name, column in columns.items()}


def test_whole_tables_pass_and_their_rows_are_counted(tmp_path):
    tables = kept(make_tables(DOCUMENTS))
    rows = len(tables["erasures"]["draw"]), len(tables["items"]["weight"])
    assert check(tmp_path, tables) == rows
    assert rows[0] == DOCUMENTS * len(ORDERINGS)


def test_rows_of_a_document_stay_together_across_row_groups(tmp_path):
    items = make_tables(60)["items"]
    path = write(tmp_path, "items", items, rows_in_group=3)
    parts = [part["document"].to_numpy() for part in whole_documents(path)]
    assert len(parts) > 10
    np.testing.assert_array_equal(np.concatenate(parts), items["document"])
    assert all(set(one).isdisjoint(other) for one, other in itertools.pairwise(parts))


@pytest.mark.parametrize(
    ("table", "rows", "message"),
    [
        ("documents", lambda n: np.delete(np.arange(n), 2), r"documents.parquet does not hold document 2\.$"),
        ("documents", lambda n: np.repeat(np.arange(n), np.arange(n) % 4 // 3 + 1), "holds document 3 twice"),
        ("documents", lambda n: np.r_[1, 0, 2:n], "holds document 0 behind document 1"),
        ("erasures", lambda n: np.delete(np.arange(n), 9), "erasures.parquet, document 2: it has 3 rows"),
        ("erasures", lambda n: np.r_[0:9, 8, 9:n], "erasures.parquet, document 2: it has 5 rows"),
        ("erasures", lambda n: np.r_[0:8, 8, 8, 10:n], "erasures.parquet, document 2: an ordering is there twice"),
        ("erasures", lambda n: np.arange(n - 8), "erasures.parquet does not hold document 5 and 1 more"),
        ("erasures", lambda n: np.r_[0:4, 8:n], "erasures.parquet does not hold document 1"),
        ("items", lambda n: np.arange(n - 1), "items.parquet, document 6: it has . rows, but . items"),
        ("items", lambda n: np.r_[0, 0, 1:n], "items.parquet, document 0: it has . rows, but . items"),
    ],
)
def test_rows_that_are_missing_or_double(tmp_path, table, rows, message):
    tables = kept(make_tables(DOCUMENTS, seed=1))
    tables[table] = take(tables[table], rows(len(tables[table]["document"])))
    with pytest.raises(InputError, match=message):
        check(tmp_path, tables)


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "message"),
    [
        ("documents", "label", 4, 2, "document 4: its label is 2, that of the data is 1"),
        ("documents", "document", 6, 9, "holds document 9, but the split ends with document 6"),
        ("documents", "n", 3, 77, "document 3"),
        ("erasures", "removed", 5, 6, r"row 6 \(document 1\): the column 'removed' holds 6, but 'n' 3"),
        ("erasures", "removed", 5, 0, r"row 6 \(document 1\): the column 'removed' holds 0, not"),
        (
            "erasures",
            "fraction",
            8,
            0.123,
            r"row 9 \(document 2\): the column 'fraction' holds 0.123, but 'removed' -1",
        ),
        ("erasures", "mass", 8, 1.5, r"row 9 \(document 2\): the column 'mass' holds 1.5, not"),
        ("erasures", "n", 8, 9, "document 2, ordering attention"),
        ("erasures", "ordering", 8, "entropy", "document 2: there is no ordering entropy with a draw 0"),
        ("erasures", "draw", 8, 7, "document 2: there is no ordering attention with a draw 7"),
        ("items", "weight", 0, 2.0, r"row 1 \(document 0\): the column 'weight' holds 2.0, not"),
        ("items", "position", 0, 1, "document 0: position 1 stands where position 0 should"),
    ],
)
def test_numbers_that_do_not_fit(tmp_path, table, column, row, value, message):
    tables = kept(make_tables(DOCUMENTS, seed=1))
    tables[table][column][row] = value
    with pytest.raises(InputError, match=message):
        check(tmp_path, tables)


def test_weights_may_miss_a_sum_of_one_by_rounding(tmp_path):
    tables = kept(make_tables(DOCUMENTS))
    tables["items"]["weight"][0] += 5e-7
    check(tmp_path, tables)
    tables["items"]["weight"][0] += 1e-6
    with pytest.raises(InputError, match=r"sum to 1\.0000015"):
        check(tmp_path, tables)


@pytest.mark.parametrize(
    ("left_out", "quarantined"),
    [
        ((), {"documents": 0, "first": []}),
        ((2, 5), {"documents": 2, "first": [[2, "ValueError"], [5, "the worker died"]]}),
        ((2, 5), {"documents": 2, "first": [[2, "ValueError"]]}),
    ],
)
def test_quarantined_documents_are_not_missed(tmp_path, left_out, quarantined):
    check(tmp_path, kept(make_tables(DOCUMENTS, left_out)), quarantined)


@pytest.mark.parametrize(
    ("left_out", "quarantined", "message"),
    [
        ((2, 5), {"documents": 1, "first": [[2, "ValueError"]]}, r"does not hold document 5\."),
        ((5,), {"documents": 1, "first": [[2, "ValueError"]]}, r"does not hold document 5\."),
        ((2, 5), {"documents": 3, "first": [[2, "ValueError"]]}, "does not hold 2 documents of the split, but 3 were"),
        ((), {"documents": 1, "first": [[2, "ValueError"]]}, "does not hold 0 documents of the split, but 1 were"),
        ((2,), {"documents": "x"}, "summary.json does not say which documents were quarantined"),
    ],
)
def test_documents_that_are_missing_though_not_quarantined(tmp_path, left_out, quarantined, message):
    with pytest.raises(InputError, match=message):
        check(tmp_path, kept(make_tables(DOCUMENTS, left_out)), quarantined)


def test_a_file_cut_short_anywhere_is_damaged(tmp_path):
    path = write(tmp_path, "items", make_tables(50)["items"])
    content = path.read_bytes()
    for length in np.linspace(0, len(content) - 1, 25).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"items.parquet is damaged: .*\.$"):
            list(row_batches(path))


def test_no_flipped_byte_passes_for_other_numbers(tmp_path):
    path = write(tmp_path, "items", make_tables(40)["items"], rows_in_group=50)
    content, whole = path.read_bytes(), pq.read_table(path)
    in_pages = 0
    for place in np.random.default_rng(0).permutation(len(content))[:300]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        try:
            read = list(row_batches(path))
        except InputError as error:
            in_pages += "row group" in str(error)
            continue
        for name in ("document", "position", "weight"):
            found = [part[name] for part in read if name in part.column_names]
            values = np.concatenate([part.to_numpy() for part in found]) if found else np.empty(0)
            assert not len(values) or np.array_equal(values, whole[name].to_numpy()), (place, name)
    assert in_pages > 30


def in_two_ways(columns, ways=("renormalise", "zero")):
    """The rows of each document twice, in one way of erasing after the other."""
    places = np.arange(len(columns["document"])).reshape(-1, len(ORDERINGS))
    rows = np.tile(places, len(ways)).ravel()
    return take(columns, rows) | {"erase_by": np.tile(np.repeat(ways, len(ORDERINGS)), len(places))}


def test_rows_of_a_way_of_erasing_that_the_run_does_not_have_are_told_as_that(tmp_path):
    tables = make_tables(DOCUMENTS)
    erasures = in_two_ways(tables["erasures"])
    paths = {name: write(tmp_path, name, tables[name]) for name in ("documents", "erasures")}
    present = present_documents(paths["documents"], LABELS, {})
    otherwise = {"zero": ORDERINGS}
    path = write(tmp_path, "erasures", erasures)
    assert check_erasures(path, present, ORDERINGS, otherwise, "renormalise") == len(erasures["draw"])
    erasures["erase_by"] = np.where(np.arange(len(erasures["draw"])) == 9, "nothing", erasures["erase_by"])
    path = write(tmp_path, "erasures", erasures)
    with pytest.raises(InputError, match="document 1: the column 'erase_by' holds 'nothing', but the run erases by"):
        check_erasures(path, present, ORDERINGS, otherwise, "renormalise")

import dataclasses
import itertools
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.data import occurrences, windows
from attnprobe.data.documents import Documents
from attnprobe.data.occurrences import occurrences_of
from attnprobe.data.split import HeldSplit, StoredSplit
from attnprobe.data.split_files import COLUMNS, DamagedError, SplitFiles, write_split
from attnprobe.data.windows import in_windows, window_starts
from tests.fixtures.tokenised_documents import assert_same_documents, documents, made_documents

ARRAYS = ("starts", "labels", "content_hashes", "occurrences", "words_per_document")


@pytest.fixture(autouse=True, scope="module")
def small_windows():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(windows, "WINDOW_DOCUMENTS", 4)
        patched.setattr(windows, "WINDOW_WORDS", 20)
        patched.setattr(occurrences, "BUCKET_DOCUMENTS", 7)
        patched.setattr(occurrences, "CHUNK_DOCUMENTS", 5)
        yield


def stored(split, folder):
    write_split(folder, split, len(split))
    return StoredSplit(folder)


def assert_same_split(one, other):
    assert (len(one), one.windows) == (len(other), other.windows)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for left, right in zip(one, other, strict=True):
        assert_same_documents(left, right)
    assert_same_documents(one.documents(), other.documents())


def by_hand(lengths):
    """Windows, document by document."""
    groups = [[]]
    for document, words in enumerate(lengths):
        held = [lengths[other] for other in groups[-1]]
        if held and (len(held) == windows.WINDOW_DOCUMENTS or sum(held) + words > windows.WINDOW_WORDS):
            groups.append([])
        groups[-1].append(document)
    return groups


@given(documents())
def test_a_stored_split_is_the_held_one(whole):
    held = HeldSplit(whole)
    with tempfile.TemporaryDirectory() as folder:
        on_disk = stored(held, Path(folder))
        assert_same_split(on_disk, held)
        assert_same_documents(on_disk.documents(), whole)
        assert_same_split(pickle.loads(pickle.dumps(on_disk)), held)
        assert on_disk.labels.dtype == np.int64
        assert on_disk.content_hashes.dtype == np.uint64
        SplitFiles(Path(folder)).check()


@given(documents(), st.data())
def test_rows_and_cuts_are_those_of_all_documents(whole, data):
    rows = np.array(data.draw(st.lists(st.integers(0, len(whole) - 1), unique=True).map(sorted)), dtype=np.int64)
    words = data.draw(st.integers(1, 8))
    taken = whole.take(rows)
    with tempfile.TemporaryDirectory() as folder:
        for split in (HeldSplit(whole), stored(HeldSplit(whole), Path(folder))):
            assert_same_documents(split.take(rows), taken.with_own_types())
            assert_same_split(split.sample(rows), HeldSplit(taken.with_own_types()))
            assert_same_documents(split.cut(words).documents(), whole.cut(words).with_own_types())
            np.testing.assert_array_equal(split.cut(words).words_per_document, whole.cut(words).words_per_document)
            np.testing.assert_array_equal(split.cut(words).starts, split.starts)
            both = split.sample(rows).cut(words)
            assert_same_documents(both.documents(), taken.cut(words).with_own_types())
            assert_same_split(pickle.loads(pickle.dumps(both)), both)
            parts = Documents.concatenated(list(both.parts()))
            assert parts.types == whole.types
            assert_same_documents(parts.with_own_types(), both.documents())


def test_rows_out_of_order_or_not_there():
    split = HeldSplit(made_documents([[["a"]]] * 6))
    for rows in ([3, 2], [5, 6], [-1, 0]):
        with pytest.raises(ValueError, match="ascending"):
            split.take(np.array(rows))


@given(st.lists(st.integers(1, 25), max_size=40))
def test_windows_take_as_many_documents_as_fit(lengths):
    starts = window_starts(np.array(lengths, dtype=np.int32)).tolist()
    groups = [list(range(start, end)) for start, end in itertools.pairwise(starts)]
    assert groups == (by_hand(lengths) if lengths else [])


@given(documents(), st.lists(st.integers(0, 30)))
def test_windows_do_not_depend_on_the_parts_that_documents_come_in(whole, borders):
    ends = [0, *sorted(min(border, len(whole)) for border in borders), len(whole)]
    parts = (whole.take(np.arange(start, end)) for start, end in itertools.pairwise(ends))
    for one, other in zip(in_windows(parts), HeldSplit(whole), strict=True):
        assert_same_documents(one, other)


@given(st.lists(st.integers(0, 9) | st.integers(2**64 - 30, 2**64 - 1), max_size=60))
def test_occurrences_count_earlier_copies(hashes):
    array = np.array(hashes, dtype=np.uint64)
    counted = occurrences_of(array)
    assert counted.dtype == np.uint32
    assert counted.tolist() == pd.Series(array).groupby(array).cumcount().tolist()


def test_concatenated_types_are_in_order_of_first_sight():
    parts = [made_documents([[["b", "a"]]]), made_documents([[["c", "a"]], [["b"]]])]
    whole = Documents.concatenated(parts)
    assert whole.types == ["b", "a", "c"]
    assert [whole.words_of(document) for document in range(3)] == [["b", "a"], ["c", "a"], ["b"]]
    assert len(Documents.concatenated([])) == 0


@pytest.fixture
def folder(tmp_path):
    texts = [[["word", str(i)], ["more"] * (i % 9 + 1)] for i in range(50)]
    stored(HeldSplit(made_documents(texts)), tmp_path)
    return tmp_path


def damages(content):
    for place in np.linspace(0, len(content) - 1, 40).astype(int):
        yield content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
    yield from (b"", content[:-1], content[: len(content) // 2], content + b"\0")


@pytest.mark.parametrize("name", ["windows.arrow", "index.json", *(f"{column}.npy" for column in COLUMNS)])
def test_every_damage_is_noticed(folder, name):
    whole = StoredSplit(folder).documents()
    content = (folder / name).read_bytes()
    for damaged in damages(content):
        (folder / name).write_bytes(damaged)
        with pytest.raises(DamagedError):
            SplitFiles(folder).check()
    (folder / name).write_bytes(content)
    SplitFiles(folder).check()
    assert_same_documents(StoredSplit(folder).documents(), whole)


def test_a_damaged_window_is_not_read(folder):
    content = bytearray((folder / "windows.arrow").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "windows.arrow").write_bytes(content)
    with pytest.raises(InputError, match="are damaged; start again, and they are made anew"):
        list(StoredSplit(folder))


def test_a_split_that_is_elsewhere(folder, tmp_path):
    elsewhere = pickle.loads(pickle.dumps(StoredSplit(tmp_path / "not here")))
    for use in (len, list, lambda split: split.labels):
        with pytest.raises(InputError, match="let ATTNPROBE_CACHE name a cache folder that all machines share"):
            use(elsewhere)


def test_what_is_read_may_be_written_to(folder):
    window = StoredSplit(folder).window(1)
    arrays = [getattr(window, field.name) for field in dataclasses.fields(Documents)]
    assert all(array.flags.writeable for array in arrays if isinstance(array, np.ndarray))
    assert isinstance(StoredSplit(folder).labels.base, np.memmap)

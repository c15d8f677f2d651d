import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from attnprobe.base.atomic_files import creating_folder
from attnprobe.base.errors import InputError
from attnprobe.data import stored_dataset, windows
from attnprobe.data.datasets import load_dataset
from attnprobe.data.split import StoredSplit
from attnprobe.data.split_files import write_split
from attnprobe.data.tokens.tokenisation import map_chunks
from tests.fixtures.commands import TIMEOUT, environment
from tests.fixtures.dataset_folders import write_folder, write_tsv
from tests.fixtures.tokenised_documents import assert_same_documents

ROWS = [
    (label, f"Text number {i} of {label}. It has two sentences, twice in a while.") for i in range(30) for label in "ab"
]


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "texts", train=[*ROWS, *ROWS], test=ROWS)


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(windows, "WINDOW_DOCUMENTS", 7)


def store_of(cache):
    (store,) = (cache / "tokenised").iterdir()
    return store


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same_dataset(one, other):
    assert (one.labels, one.fingerprint, list(one.splits)) == (other.labels, other.fingerprint, list(other.splits))
    for split in one.splits:
        assert_same_documents(one.splits[split].documents(), other.splits[split].documents())


def test_it_is_made_once_and_sent_by_its_place(folder, own_cache, monkeypatch):
    made = load_dataset(str(folder))
    before = contents(own_cache)
    monkeypatch.setattr(stored_dataset, "read_splits", None)
    found = load_dataset(str(folder))
    assert contents(own_cache) == before
    assert_same_dataset(found, made)
    sent = pickle.dumps(found)
    assert len(sent) < 1000
    assert_same_dataset(pickle.loads(sent), made)
    assert all(isinstance(split, StoredSplit) for split in found.splits.values())
    with (folder / "test.tsv").open("a") as file:
        file.write("a\tOne more.\n")
    with pytest.raises(TypeError):
        load_dataset(str(folder))


def test_copies_are_counted_within_their_split(folder):
    train = load_dataset(str(folder)).splits["train"]
    hashes = train.content_hashes.tolist()
    assert train.occurrences.tolist() == [hashes[:row].count(own) for row, own in enumerate(hashes)]
    assert 0 < train.occurrences.sum() < len(train)


@pytest.mark.slow
def test_neither_chunks_nor_processes_change_what_is_stored(folder, own_cache, monkeypatch, small_windows, tmp_path):
    load_dataset(str(folder))
    whole = contents(own_cache)
    monkeypatch.setenv("ATTNPROBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(stored_dataset, "in_chunks", lambda texts: ([text] for text in texts))
    monkeypatch.setattr(stored_dataset, "map_chunks", partial(map_chunks, workers=2))
    load_dataset(str(folder))
    assert contents(tmp_path / "cache") == whole


def test_other_windows_are_stored_elsewhere(folder, monkeypatch):
    one = load_dataset(str(folder))
    monkeypatch.setattr(windows, "WINDOW_DOCUMENTS", 5)
    other = load_dataset(str(folder))
    assert_same_dataset(one, other)
    assert (one.splits["test"].windows, other.splits["test"].windows) == (1, 12)


@pytest.mark.parametrize(
    "name", ["dataset.json", "train/windows.arrow", "dev/index.json", "test/labels.npy", "train/occurrences.npy"]
)
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-7],
        lambda content: content[:-90] + bytes([content[-90] ^ 1]) + content[-89:],
        lambda content: None,
    ],
)
def test_what_is_damaged_is_made_anew(folder, own_cache, name, damage):
    made = load_dataset(str(folder))
    store = store_of(own_cache)
    whole = contents(store)
    damaged = damage((store / name).read_bytes())
    (store / name).unlink()
    if damaged is not None:
        (store / name).write_bytes(damaged)
    assert_same_dataset(load_dataset(str(folder)), made)
    assert contents(store_of(own_cache)) == whole


def test_a_file_in_the_place_of_the_store(folder, own_cache):
    made = load_dataset(str(folder))
    store = store_of(own_cache)
    store.rename(folder / "away")
    store.write_text("in the way")
    assert_same_dataset(load_dataset(str(folder)), made)


def test_two_that_make_it_at_once(folder, own_cache, monkeypatch):
    whole = write_split

    def slowly(*arguments):
        time.sleep(0.05)
        whole(*arguments)

    monkeypatch.setattr(stored_dataset, "write_split", slowly)
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(load_dataset, [str(folder)] * 4))
    store_of(own_cache)
    for each in loaded[1:]:
        assert_same_dataset(each, loaded[0])


@pytest.mark.slow
def test_two_processes_at_once(folder, own_cache):
    program = (
        "import sys; from attnprobe.data.datasets import load_dataset; print(load_dataset(sys.argv[1]).fingerprint)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, env=environment)
        for _ in range(2)
    ]
    printed = {process.communicate(timeout=TIMEOUT)[0].decode() for process in running}
    assert printed == {load_dataset(str(folder)).fingerprint + "\n"}
    store_of(own_cache)


def test_what_someone_else_has_mended_meanwhile_stays(folder, own_cache, monkeypatch):
    load_dataset(str(folder))
    store = store_of(own_cache)
    whole = contents(store)
    (store / "dataset.json").write_text("damaged")
    write = write_split

    def meanwhile(*arguments):
        (store / "dataset.json").write_bytes(whole[(store / "dataset.json").relative_to(store)])
        write(*arguments)

    monkeypatch.setattr(stored_dataset, "write_split", meanwhile)
    before = (store / "test").stat().st_ino
    load_dataset(str(folder))
    assert (store / "test").stat().st_ino == before
    assert contents(store_of(own_cache)) == whole


def test_what_killed_processes_left_goes_at_the_next_start_and_what_is_in_use_stays(folder, own_cache, monkeypatch):
    load_dataset(str(folder))
    store = store_of(own_cache)
    temporary = own_cache.parent / "temporary" / "attnprobe"
    monkeypatch.setattr("attnprobe.data.cache_folder._TEMPORARY", temporary)
    left = [
        own_cache / "tokenised" / f".{'0' * 32}.0123456789ab",
        store.with_name(f".{store.name}.damaged-123"),
        own_cache / ".docstrings-1.0123456789ab",
        temporary.with_name(".attnprobe.0123456789ab"),
    ]
    for leftover in left:
        leftover.mkdir(parents=True)
        (leftover / "windows.arrow").write_text("half")
    mine = temporary.with_name(".attnprobe-mine.0123456789ab")
    mine.mkdir()
    with creating_folder(store) as in_use:
        load_dataset(str(folder))
        assert not any(map(os.path.lexists, left))
        assert in_use.exists()
        assert mine.exists()


def test_an_interruption_leaves_nothing(folder, own_cache, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(stored_dataset, "write_sealed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_dataset(str(folder))
    assert list((own_cache / "tokenised").iterdir()) == []


def test_no_cache_folder_can_be_made(folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(load_dataset(str(folder)).splits["test"].documents()) == 60


def test_a_full_disk_is_no_obstacle(folder, own_cache, monkeypatch):
    write = write_split

    def full(place, *arguments):
        write(place, *arguments)
        if own_cache in place.parents:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored_dataset, "write_split", full)
    assert len(load_dataset(str(folder)).splits["test"].documents()) == 60
    assert list((own_cache / "tokenised").iterdir()) == []


def test_a_full_disk_that_was_named_is_said(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored_dataset, "write_split", full)
    for variable in ("XDG_CACHE_HOME", "ATTNPROBE_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path / "cache"))
        with pytest.raises(
            InputError, match=r"cannot be written \(No space left on device\); let ATTNPROBE_CACHE name"
        ):
            load_dataset(str(folder))


def test_the_cache_folder_may_be_named(folder, tmp_path, monkeypatch, own_cache):
    monkeypatch.setenv("ATTNPROBE_CACHE", str(tmp_path / "shared" / "cache"))
    split = load_dataset(str(folder)).splits["test"]
    assert tmp_path / "shared" / "cache" in vars(split)["path"].parents
    assert not own_cache.exists()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ATTNPROBE_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"file: the cache folder, which ATTNPROBE_CACHE names, cannot be made"):
        load_dataset(str(folder))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_file_that_changes_while_it_is_read(folder, own_cache, monkeypatch, split):
    write = write_split

    def meanwhile(place, *arguments):
        write(place, *arguments)
        if place.name == "test":
            write_tsv(folder / f"{split}.tsv", ROWS)

    monkeypatch.setattr(stored_dataset, "write_split", meanwhile)
    write_tsv(folder / "test.tsv", ROWS[:-1])
    with pytest.raises(InputError, match=rf"{split}\.tsv: the file was changed while it was read; start again"):
        load_dataset(str(folder))
    assert list((own_cache / "tokenised").iterdir()) == []


MEMORY = r"""
import re, sys
from pathlib import Path
from attnprobe.data import stored_dataset
from attnprobe.data.datasets import load_dataset
from attnprobe.data.documents import by_first_sight
from attnprobe.data.tokens.tokeniser import TokenisedTexts
import numpy as np

def words_at_spaces(texts):
    types = {}
    words = np.array([types.setdefault(word, len(types)) for text in texts for word in text.split()], dtype=np.int32)
    lengths = np.array([text.count(" ") + 1 for text in texts], dtype=np.int32)
    sizes = np.array([len(word) + 1 for word in types])[words]
    starts = np.cumsum(sizes) - sizes
    starts = starts - np.repeat(starts[np.cumsum(lengths) - lengths], lengths)
    ones = np.ones(len(texts), dtype=np.int32)
    return TokenisedTexts(list(types), words, lengths, ones, starts.astype(np.int32))

stored_dataset.tokenise_texts = words_at_spaces
stored_dataset.map_chunks = lambda function, chunks: (function(chunk) for chunk in chunks)
dataset = load_dataset(sys.argv[1])
print(sum(len(window.words) for split in dataset.splits.values() for window in split))
print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak")
@pytest.mark.slow
def test_memory_is_flat(tmp_path):
    """Spared is what takes time: the tokeniser. A text is 250 bytes."""
    words = [f"{i:x}" * 12 for i in range(1000)]
    draw = np.random.default_rng(0)
    peaks = {}
    for documents in (20_000, 200_000):
        folder = tmp_path / str(documents)
        folder.mkdir()
        for split, share in (("train", 0.8), ("test", 0.2)):
            rows = [
                (str(i % 3), " ".join(words[j] for j in row))
                for i, row in enumerate(draw.integers(0, 1000, (int(documents * share), 8)))
            ]
            write_tsv(folder / f"{split}.tsv", rows)
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(folder)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        words_read, peak = map(int, done.stdout.split())
        assert words_read == 8 * documents
        peaks[documents] = peak * 1024
    assert peaks[200_000] - peaks[20_000] < 90 * 180_000


def test_reading_imports_no_pandas(folder):
    """Where pyarrow imports it for itself, a Ctrl-C that comes meanwhile is lost."""
    load_dataset(str(folder))
    program = (
        "import sys; from attnprobe.data.datasets import load_dataset; "
        "load_dataset(sys.argv[1]).splits['train'].documents(); print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"

"""Hostile results: tables, pieces of an interrupted run, groups of documents, stored tokens; and how they are read."""

import io
import json
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.analysis.curve_statistics import curve_statistics
from attnprobe.analysis.results import RunResults
from attnprobe.data.cache_folder import CACHE_VARIABLE
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.file_names import SplitPaths
from attnprobe.data.stored_dataset import tokenised_once
from attnprobe.erasure.curve_names import LIMIT_COLUMNS
from attnprobe.reports.page.terminal import document_in_terminal
from attnprobe.runs.run_folder import RunFolder, readout_bias
from attnprobe.stages.group_files import Group, GroupFiles, Results
from attnprobe.stages.identifying.document_work import NOT_ENTRIES, ProgramsWork
from attnprobe.stages.shard_files import DamagedError, Made, Remarks, ShardFiles
from attnprobe.stages.shards import Piece
from attnprobe.stages.tables import Tables
from attnprobe.verification.completeness import check_erasures, check_items, present_documents
from attnprobe.verification.curve_rows import check_curves
from tests.fixtures.commands import write_splits
from tests.fixtures.synthetic_runs import write_run
from tests.fixtures.whole_tables import ORDERINGS, make_tables, write
from tests.fuzzing.dataset_files import ROWS
from tests.fuzzing.mutation import any_value, hostile_json, mutated_bytes

SIZES = (3, 4, 2, 5)
NAMES = ("documents", "erasures", "items", "curves")
_valid: dict[str, bytes] = {}


def valid_run():
    """The bytes of a small run's files."""
    if not _valid:
        with tempfile.TemporaryDirectory() as folder:
            documents, erasures, items = write_run(Path(folder), SIZES)
            curves_of(erasures).to_parquet(Path(folder, "curves.parquet"))
            for end in LIMIT_COLUMNS:
                documents[end] = -1.0 if "lower" in end else 1.0
            documents.to_parquet(Path(folder, "documents.parquet"))
            items["rank_attention"] = items.groupby("document")["weight"].rank(ascending=False).astype(np.int32) - 1
            items.to_parquet(Path(folder, "items.parquet"))
            _valid.update({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    return _valid


def curves_of(erasures):
    """Whole curves of the orderings of a table of erasures, but for the smallest set."""
    rows = erasures[erasures["ordering"] != "oracle"]
    rows = rows.loc[rows.index.repeat(rows["n"] + 1), ["document", "ordering", "draw"]].reset_index(drop=True)
    rows["removed"] = rows.groupby(["document", "ordering", "draw"], observed=True).cumcount().astype(np.int32)
    rows["target"] = np.int32(0)
    rows["probability"] = np.float32(0.5) + rows["removed"] % 3 / 10
    rows["log_probability"] = np.log(rows["probability"])
    return rows.assign(logit=1.5, kept_probability=0.25, kept_logit=-0.5)


def hostile_column(random, rows):
    """A column of any type."""
    match random.randrange(9):
        case 0:
            values = pa.array([random.choice((None, 1, -1, 2**62)) for _ in range(rows)], pa.int64())
        case 1:
            values = pa.array([random.choice((None, 0.5, np.nan, np.inf, -1.0)) for _ in range(rows)], pa.float64())
        case 2:
            values = pa.array(["x"] * rows)
        case 3:
            values = pa.nulls(rows)
        case 4:
            values = pa.array([[1]] * rows)
        case 5:
            values = pa.array([{"a": 1}] * rows)
        case 6:
            values = pa.array([b"\xff"] * rows).view(pa.string())
        case 7:
            values = pa.array([True, None] * rows)[:rows]
        case _:
            values = pa.array([random.choice((0, 1, 2, 3, 255)) for _ in range(rows)], pa.uint8())
    return values


def hostile_table(random, content):
    """A table with a column changed, its rows moved or its bytes damaged."""
    if random.random() < 0.4:
        return mutated_bytes(random, content, tuple(valid_run().values()))
    table = pq.read_table(io.BytesIO(content))
    place = random.randrange(table.num_columns)
    match random.randrange(7):
        case 0:
            table = table.remove_column(place)
        case 1:
            table = table.rename_columns([*table.column_names[:place], "document", *table.column_names[place + 1 :]])
        case 2:
            rows = [random.randrange(len(table)) for _ in range(random.randrange(2 * len(table)))]
            table = table.take(pa.array(rows, pa.int64()))
        case 3:
            table = table.replace_schema_metadata({"pandas": json.dumps(any_value(random)), "attnprobe": b"\xff"})
        case _:
            table = table.set_column(place, table.column_names[place], hostile_column(random, len(table)))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=random.choice((1, 3, 100)))
    return buffer.getvalue()


def make_run(random, folder):
    """A run of which one table, or what stands beside the tables, is hostile."""
    for name, content in valid_run().items():
        (folder / name).write_bytes(content)
    table = folder / f"{random.choice(NAMES)}.parquet"
    table.write_bytes(hostile_table(random, table.read_bytes()))
    if random.random() < 0.2:
        summary = {
            "quarantined": {"documents": 1, "first": [[4, "why"]]},
            "classes": {"0": "a"},
            "readout_bias": [0.0, 1.0],
        }
        (folder / "summary.json").write_bytes(hostile_json(random, summary))
    return folder


def read_results(folder):
    """As figures, claims and pages begin, and as ``show`` does."""
    results = RunResults.load(folder)
    assert len(results.several) <= len(results.documents) <= results.total
    for flips in results.first_flips.values():
        assert len(flips.removed) == len(flips.fraction) == len(flips.mass) == len(results.several)
    results.items(("document", "position", "weight"))
    curve_statistics(results)
    assert isinstance(results.class_name(0), str)
    bias = readout_bias(RunFolder(folder).read_summary())
    document_in_terminal(results, 0, bias=bias, colour=False)


def whole_tables(folder):
    """Write tables with every row and column that ``verify`` wants."""
    for name, columns in make_tables(len(SIZES)).items():
        write(folder, name, columns)
    return folder


def make_verified(random, folder):
    """Whole tables as ``verify`` wants them, one of them hostile."""
    table = whole_tables(folder) / f"{random.choice(NAMES)}.parquet"
    table.write_bytes(hostile_table(random, table.read_bytes()))
    return folder


def read_verified(folder):
    """As ``verify`` goes through the tables: what it accepts is whole."""
    tables = {name: folder / f"{name}.parquet" for name in NAMES}
    every = np.ones(len(SIZES), dtype=bool)
    present = present_documents(tables["documents"], np.arange(len(SIZES)) % 3, {})
    assert present.numbers.tolist() == list(range(len(SIZES)))
    assert check_erasures(tables["erasures"], present, ORDERINGS) == len(SIZES) * len(ORDERINGS)
    assert check_items(tables["items"], present, every) == present.sizes.sum()
    draws = [draw for draw in ORDERINGS if draw[0] != "oracle"]
    rows = check_curves(tables["curves"], present, every, draws, np.full(len(SIZES), 0.5))
    assert rows == len(draws) * (present.sizes + 1).sum()


PIECE, MADE = Piece(0, 1), Made("stamp", "content", len(SIZES))


def make_pieces(random, folder):
    """Files of a piece of an interrupted run, one of them hostile."""
    tables = Tables(*(pq.read_table(io.BytesIO(valid_run()[f"{name}.parquet"])) for name in NAMES))
    files = ShardFiles(folder)
    files.write(PIECE, MADE, [(tables, Remarks())])
    path = files.path(PIECE, random.choice(NAMES))
    match random.randrange(3):
        case 0:
            path.write_bytes(mutated_bytes(random, path.read_bytes()))
        case 1:
            path.write_bytes(hostile_table(random, path.read_bytes()))
        case _:
            table = pq.read_table(path)
            said = json.loads(pq.read_metadata(path).metadata[b"attnprobe"])
            pq.write_table(table.replace_schema_metadata({"attnprobe": hostile_json(random, said)}), path)
    return folder


def read_pieces(folder):
    """What is damaged is not done, or said to be damaged: it is probed again."""
    files = ShardFiles(folder)
    if not files.is_done(PIECE, MADE):
        return
    try:
        remarks = files.remarks(PIECE)
        assert isinstance(remarks.cut, int)
        for name in NAMES:
            files.schema(PIECE, name)
            rows = sum(len(window) for window in files.windows(PIECE, name))
            assert rows == len(files.whole(PIECE, name))
    except DamagedError:
        pass


GROUP, WHAT = Group((2, 0, 1)), {"stamp": "stamp", "settings": {}, "content": "content"}


def make_groups(random, folder):
    """The file of documents that an interrupted command has identified; what it says or holds is hostile."""
    files = GroupFiles(folder, "programs")
    rows = pa.table({"document": [2, 0], "entries": [json.dumps([{"rank": 2}])] * 2})
    files.write(GROUP, WHAT, Results(rows, {1: "why"}))
    path = files.path(GROUP)
    match random.randrange(3):
        case 0:
            path.write_bytes(mutated_bytes(random, path.read_bytes()))
        case 1:
            path.write_bytes(hostile_table(random, path.read_bytes()))
        case _:
            said = json.loads(pq.read_metadata(path).metadata[b"attnprobe"])
            pq.write_table(pq.read_table(path).replace_schema_metadata({"attnprobe": hostile_json(random, said)}), path)
    return folder


def read_groups(folder):
    """What is damaged is not done: it is computed again. What is done has every document, or says why it has none."""
    found = GroupFiles(folder, "programs").read(GROUP, WHAT)
    if found is None:
        return
    numbers = [] if found.rows is None else found.rows["document"].to_pylist()
    assert set(numbers) | set(found.lost) == set(GROUP.numbers)
    assert all(isinstance(why, str) for why in found.lost.values())
    with suppress(*NOT_ENTRIES):
        ProgramsWork.entries(found.rows)


_stored: list[Path] = []
_temporary = tempfile.TemporaryDirectory(prefix="fuzzing-")


def _dataset():
    """A dataset's files, and a cache that holds what they make."""
    if not _stored:
        folder = Path(_temporary.name)
        _stored.append(write_splits(folder / "data", train=ROWS * 3, dev=ROWS, test=ROWS))
        _stored.append(folder / "cache")
        with patch.dict(os.environ, {CACHE_VARIABLE: str(_stored[1])}):
            _stored_dataset()
    return _stored


def _stored_dataset():
    files = {split: SplitPaths(_stored[0] / f"{split}.tsv") for split in ("train", "dev", "test")}
    return tokenised_once(files, WantedColumns(), "toy")


def copy_cache(cache):
    """Write a valid cache."""
    shutil.copytree(_dataset()[1], cache)


def make_cache(random, folder):
    """A copy of the cache in which a file is hostile."""
    copy_cache(folder / "cache")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = random.choice(files)
    content = path.read_bytes()
    if path.suffix == ".json" and random.random() < 0.5:
        path.write_bytes(hostile_json(random, json.loads(content)))
    else:
        path.write_bytes(mutated_bytes(random, content, tuple(each.read_bytes() for each in files)))
    return folder / "cache"


def read_cache(cache):
    """What is damaged is made anew: the dataset is the same in any case."""
    with patch.dict(os.environ, {CACHE_VARIABLE: str(cache)}):
        dataset = _stored_dataset()
    assert dataset.labels == ["neg", "pos"]
    for split, copies in (("train", 3), ("dev", 1), ("test", 1)):
        assert dataset.splits[split].labels.tolist() == [1, 0, 1, 0] * copies
        assert "".join(dataset.splits[split].window(0).types).startswith("afinetext")

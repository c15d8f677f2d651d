"""Results that someone has edited: a value that no run can have is refused by file, column and row."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.analysis.head_map import head_map
from attnprobe.analysis.identifiability import identifiability
from attnprobe.analysis.identifiability_results import load_identifiability
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
from attnprobe.papers.serrano2019.scorecard_tables import for_terminal, write_scorecard
from attnprobe.reports.answer import answer
from attnprobe.reports.methods import methods
from attnprobe.reports.page.documents import SampledDocuments
from attnprobe.reports.page.rendering import page_html
from attnprobe.reports.page.terminal import document_in_terminal
from attnprobe.reports.run_table import write_run_tables
from attnprobe.reports.tables import write_tables
from tests.fixtures.foreign_orderings import with_orderings
from tests.fixtures.identified_runs import write_identified
from tests.fixtures.page_runs import MadeRun, made_transformer_run, random_texts

SIZES = (1, 3, 2, 6, 4)
AFFINE = {
    **{"must_flip": [1, 2, 0], "may_flip": [1, 2, 1], "never_flips": [1, 2, 3], "top_can_flip": [1, 0, 1]},
    **{"top_can_stay": [0, 1, 1], "first_flip_earliest": [1, 2, -1], "first_flip_latest": [2, -1, -1]},
    **{"random_earliest": [1, 2, -1], "random_latest": [3, -1, -1], "earlier_can_fail": [0, 1, 0]},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The tables of two runs by folder and name: of an affine readout, which was identified, and of a transformer."""
    made = tmp_path_factory.mktemp("affine") / "run"
    MadeRun(made, random_texts(SIZES), classes=2)
    transformer = tmp_path_factory.mktemp("transformer")
    made_transformer_run(transformer, SIZES)
    write_identified(made, [("pooling", 0, 0)], [1, 3, 4], affine=AFFINE)
    return [
        (folder, path.stem, pq.read_table(path), digest(folder))
        for folder in (made, transformer)
        for path in sorted(folder.glob("*.parquet"))
    ]


def digest(folder):
    """All that is shown of a run, or statistics are made of."""
    results = RunResults.load(folder)
    shown = [
        results.documents,
        results.erasures,
        *(np.concatenate([*flips[:4]], axis=1) for flips in results.first_flips.values()),
        *(flips.stand_ins for flips in results.first_flips.values()),
    ]
    shown += [results.heads(), None if head_map(results) is None else 1]
    found = load_identifiability(results)
    shown += (
        [] if found is None else [found.heads, found.documents, found.weight_ranges(), identifiability(results) is None]
    )
    documents = SampledDocuments(results, range(len(results.several)))
    shown += [documents.encoded(row) for row in range(len(results.several))]
    shown.append(document_in_terminal(results, 1, colour=False))
    return repr([each.to_csv() if isinstance(each, pd.DataFrame) else each for each in shown])


HUGE = 2**62
IMPOSSIBLE = {
    "integer": (HUGE, -HUGE, -2, None),
    "floating": (np.nan, np.inf, -np.inf, -1e9, None),
    "string": ("", "x" * 100_000, None),
    "bool": (None,),
}
POSSIBLE = {
    # Any class may be decided for where no class of the data is the model's; any token may be in a text, even none.
    "token": (lambda value: value is not None),
    # Signed numbers of any size.
    "gradient": (lambda value: value == -1e9),
    "contribution_0": (lambda value: value == -1e9),
    "contribution_1": (lambda value: value == -1e9),
    # Infinite where no width of keys is critical.
    "dk_star": (lambda value: value == np.inf),
}


def kind_of(column):
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    tests = {"bool": pa.types.is_boolean, "integer": pa.types.is_integer, "floating": pa.types.is_floating}
    return next((name for name, fits in tests.items() if fits(kind)), "string")


def edited(table, name, row, value):
    """The table with one cell changed, in a type that holds the new value."""
    column = table[name]
    kind = kind_of(column)
    wide = {"integer": pa.int64(), "floating": pa.float64(), "string": pa.string(), "bool": pa.bool_()}[kind]
    values = column.cast(wide).to_pylist()
    values[row] = value
    place = table.column_names.index(name)
    # From a list and not from pandas: NaN stays a number that is none, and is not null.
    return table.set_column(place, name, pa.array(values, wide, from_pandas=False))


def check_edits(runs, seed, values_of):
    """Edit one cell after another; returns how many edits were refused."""
    random = np.random.default_rng(seed)
    refused = 0
    for folder, table, whole, before in runs:
        path = folder / f"{table}.parquet"
        content = path.read_bytes()
        for name in whole.column_names:
            for value in values_of(random, IMPOSSIBLE[kind_of(whole[name])]):
                row = int(random.integers(len(whole)))
                if whole[name][row].as_py() is value or POSSIBLE.get(name, lambda _: False)(value):
                    continue
                pq.write_table(edited(whole, name, row, value), path)
                try:
                    after = digest(folder)
                    # What may be missing may be taken away; else nothing is seen of a column that nobody looks at.
                    assert after == before or value is None, (table, name, row, value)
                except InputError as error:
                    refused += 1
                    sentence = str(error)
                    assert str(path) in sentence
                    assert name in sentence or name in ("ordering", "document", "stack"), sentence
                    assert re.search(rf"row {row + 1}\b|document -?\d+", sentence), sentence
        path.write_bytes(content)
    return refused


def test_a_value_that_no_run_has_is_refused_by_file_column_and_row(runs):
    """Of every third column; of all of them under ``slow``."""
    third = itertools.cycle((True, False, False))
    assert check_edits(runs, 0, lambda random, values: [values[random.integers(len(values))]][: next(third)]) > 20


@pytest.mark.slow
def test_every_value_that_no_run_has_is_refused(runs):
    assert sum(check_edits(runs, seed, lambda _, values: values) for seed in range(5)) > 1000


LIKELY = {
    "integer": (0, 1, -1, 2, 3, 127, 100_000, 2**31 - 1),
    "floating": (0.0, 1.0, 0.5, 1e-9, -1e-7, 0.69, None),
    "string": ("constructor", "", "\x1b", "random", "oracle", "self"),
    "bool": (True, False, None),
}


def report_on(folder, out):
    """All that reports and claims compute and write of a run, but for figures."""
    results = RunResults.load(folder)
    summary = summarise(results)
    page_html([(results, {**json.loads(json.dumps(summary)), "readout_bias": [0.1, 0.2]})])
    methods(results, summary)
    answer(summary)
    write_tables(results, summary, out)
    write_run_tables([results], out)
    scorecard = judge_claims([results])
    for_terminal(scorecard)
    write_scorecard(scorecard, out)


def check_likely_edits(runs, out, seed, edits):
    """Edit one cell after another to what it might be; returns how many runs were reported on, and how many refused."""
    random = np.random.default_rng(seed)
    outcomes = [0, 0]
    for _ in range(edits):
        folder, table, whole, _ = runs[random.integers(len(runs))]
        path = folder / f"{table}.parquet"
        name = whole.column_names[random.integers(whole.num_columns)]
        values, content = LIKELY[kind_of(whole[name])], path.read_bytes()
        pq.write_table(
            edited(whole, name, int(random.integers(len(whole))), values[random.integers(len(values))]), path
        )
        try:
            report_on(folder, out)
            outcomes[0] += 1
        except InputError as error:
            outcomes[1] += str(folder) in str(error)
        finally:
            path.write_bytes(content)
    assert sum(outcomes) == edits
    return outcomes


def test_a_value_that_a_run_might_have_is_reported_on_or_refused(runs, tmp_path):
    assert min(check_likely_edits(runs, tmp_path, 3, 4)) > 0


@pytest.mark.slow
def test_five_hundred_values_that_a_run_might_have(runs, tmp_path):
    assert min(check_likely_edits(runs, tmp_path, 4, 500)) > 50


def test_rows_that_are_there_twice_or_not_in_order(tmp_path):
    folder = tmp_path / "run"
    MadeRun(folder, random_texts(SIZES), classes=2)
    for table, says in (
        ("documents", r"documents.parquet, row 4: document 2 is there twice"),
        (
            "erasures",
            r"erasures.parquet: ordering 'random' has more rows of some documents than of others: 6 of document 1",
        ),
        ("items", r"items.parquet, row 4 \(document 1\): the column 'position' holds 1 where 2 comes next"),
    ):
        path = folder / f"{table}.parquet"
        content, whole = path.read_bytes(), pq.read_table(path)
        row = 11 if table == "erasures" else 2
        pq.write_table(pa.concat_tables([whole[: row + 1], whole[row:]]), path)
        with pytest.raises(InputError, match=says):
            digest(folder)
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("settings", "seed"), -1),
        (("settings", "seed"), True),
        (("settings", "seed"), 1.5),
        (("settings", "dataset"), ["x"]),
        (("settings", "dataset"), ""),
        (("settings", "dataset"), "x" * 100_000),
        (("settings", "model"), None),
        (("settings", "training"), [1]),
        (("data", "labels"), "no"),
        (("data", "labels"), [1, 2]),
        (("data", "documents"), {"test": -1}),
        (("data", "documents"), {"test": 10**30}),
        (("data", "fingerprint"), {}),
        (("data",), []),
        (("unit",), "paragraph"),
        (("unit",), ["word"]),
        (("checkpoint",), "x"),
        (("checkpoint",), {"name": 7}),
    ],
)
def test_an_entry_of_the_configuration_that_no_run_has_is_named(tmp_path, keys, value):
    folder = tmp_path / "run"
    MadeRun(folder, random_texts(SIZES), classes=2)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    table = config
    for key in keys[:-1]:
        table = table[key]
    table[keys[-1]] = value
    path.write_text(json.dumps(config))
    with pytest.raises(
        InputError, match=rf"config.json: the entry '{'.'.join(keys)}|lacks the entry '{'.'.join(keys)}"
    ) as error:
        RunResults.load(folder)
    assert str(path) in str(error.value)


def test_more_orderings_than_a_run_has_are_refused(tmp_path):
    folder = tmp_path / "run"
    MadeRun(folder, random_texts(SIZES), classes=2)
    with_orderings(folder, [f"by {number}" for number in range(300)])
    with pytest.raises(InputError, match=r"erasures.parquet has rows of 307 orderings; a run has 64 at most"):
        digest(folder)


def test_weights_that_pass_the_largest_are_refused(tmp_path):
    folder = tmp_path / "run"
    MadeRun(folder, random_texts(SIZES), classes=2)
    documents = pq.read_table(folder / "documents.parquet")
    pq.write_table(edited(documents, "top_weight", 3, 0.0), folder / "documents.parquet")
    with pytest.raises(InputError, match=r"items.parquet, document 3: the column 'weight' holds more than the 'top_w"):
        summarise(RunResults.load(folder))


def test_contributions_to_some_classes_alone_are_refused(tmp_path):
    folder = tmp_path / "run"
    MadeRun(folder, random_texts(SIZES), classes=3)
    items = pq.read_table(folder / "items.parquet")
    pq.write_table(items.drop_columns(["contribution_1"]), folder / "items.parquet")
    with pytest.raises(InputError, match=r"items.parquet has no column 'contribution_1'"):
        digest(folder)

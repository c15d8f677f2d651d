"""An ordering that is tried beside the paper's changes no number of theirs, and no document that they are of."""

import csv
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
from attnprobe.reports.answer import answer
from attnprobe.reports.methods import methods
from attnprobe.reports.tables import write_tables
from tests.fixtures.synthetic_runs import ORDERINGS, write_run

FURTHER = {
    "erased_alone": {"title": "Erased alone", "role": "explanation", "package": "theirs", "version": "1.0"},
    "drawn_anew": {"title": "Drawn anew", "role": "chance"},
    "turned_round": {"title": "Turned round", "role": "control"},
    "searched": {"title": "Searched", "role": "reference"},
}
"""One of each role. In documents that all others flip each of them flips nothing, too."""


def without(summary, names):
    """A summary without the entries of these orderings."""
    if isinstance(summary, dict):
        return {key: without(entry, names) for key, entry in summary.items() if key not in names}
    if isinstance(summary, list):
        return [without(entry, names) for entry in summary if not _is_of(entry, names)]
    return summary


def _is_of(entry, names):
    if isinstance(entry, dict):
        compared = entry.get("comparison", entry)
        return bool({compared.get("first"), compared.get("second")} & set(names))
    return False


@pytest.fixture(params=[0, 1], ids=["some of nothing", "few documents"])
def folders(request, tmp_path):
    """The same run with and without them, as a plug-in would have made it."""
    rng = np.random.default_rng(request.param)
    sizes = rng.integers(1, 25, size=(90, 17)[request.param])
    draws = ORDERINGS | {"attention_ascending": 1} | dict.fromkeys(FURTHER, 1) | {"drawn_anew": 3}
    write_run(tmp_path / "with", sizes, never=0.2, draws=draws)
    write_run(tmp_path / "without", sizes, never=0.2, draws=draws)
    for table in ("erasures", "items", "documents"):
        path = tmp_path / "without" / f"{table}.parquet"
        rows = pq.read_table(path)
        if table == "erasures":
            rows = rows.filter(pa.array([name not in FURTHER for name in rows["ordering"].to_pylist()]))
        rows = rows.drop_columns([column for column in rows.column_names if column.endswith(tuple(FURTHER))])
        pq.write_table(rows, path)
    for folder, told in (("with", FURTHER), ("without", {})):
        config = tmp_path / folder / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"orderings": told}))
    return tmp_path / "with", tmp_path / "without"


def test_they_change_nothing_in_the_summary_but_their_own_entries(folders):
    more, less = (summarise(RunResults.load(folder)) for folder in folders)
    assert {*more["first_flips"]} - {*less["first_flips"]} == {*FURTHER} - {"turned_round"}
    assert {*more["controls"]} == {"attention_ascending", "turned_round"}
    assert list(more["first_flips"])[-2:] == ["searched", "oracle"]
    assert without(more, FURTHER) == less


def test_they_have_the_titles_and_roles_that_the_run_says(folders):
    results = RunResults.load(folders[0])
    assert results.title("erased_alone") == "Erased alone"
    assert [results.records[name].role.value for name in FURTHER] == [told["role"] for told in FURTHER.values()]
    assert str(results.records["erased_alone"].origin) == "theirs 1.0"


def test_they_change_no_claim_of_the_paper(folders):
    more, less = (judge_claims([RunResults.load(folder)]) for folder in folders)
    assert repr([result.cases for result in more]) == repr([result.cases for result in less])


def test_tables_have_rows_and_columns_of_theirs_and_no_other_difference(folders, tmp_path):
    texts = []
    for folder in folders:
        results = RunResults.load(folder)
        paths = write_tables(results, summarise(results), tmp_path / f"tables of {folder.name}")
        texts.append({path.name: list(csv.reader(path.open())) for path in paths if path.suffix == ".csv"})
    for name, rows in texts[0].items():
        others = [place for place, heading in enumerate(rows[0]) if not any(one in heading for one in FURTHER)]
        kept = [[row[place] for place in others] for row in rows if not set(row) & set(FURTHER)]
        assert kept == texts[1][name]


def test_the_answer_names_them_and_says_nothing_else_of_others(folders):
    more, less = (answer(summarise(RunResults.load(folder))) for folder in folders)
    for line in less.splitlines():
        if line[:1].isupper() and "%" in line and "[" in line:  # rows of tables
            assert line.split() in [each.split() for each in more.splitlines()]
    assert "Erased alone" in more
    assert "Turned round" not in more
    flat = " ".join(more.split())
    assert "every ordering" not in flat or "(erased alone and drawn anew aside)" in flat
    assert re.search("by erased alone( or drawn anew)?, by which it is not judged,", flat)
    verdict = " ".join(less.split()).rpartition("Does attention explain this model?")[2]
    assert verdict in flat


def test_methods_name_them(folders):
    results = RunResults.load(folders[0])
    text = " ".join(methods(results, summarise(results)).split())
    assert "by erased alone" in text
    assert "erasing by searched" in text


def test_a_run_of_before_that_says_nothing_of_orderings_is_read(folders):
    config = folders[0] / "config.json"
    content = json.loads(config.read_text())
    del content["orderings"]
    config.write_text(json.dumps(content))
    results = RunResults.load(folders[0])
    assert results.title("gradient_attention") == "Gradient × attention"
    assert results.title("drawn_anew") == "Drawn anew"
    assert {"erased_alone", "searched", "turned_round"} <= set(results.first_flips)
    assert "attention_ascending" not in results.first_flips


@pytest.mark.parametrize(
    "entry",
    [
        [],
        {"erased_alone": "Erased alone"},
        {"erased_alone": {"title": "", "role": "explanation"}},
        {"erased_alone": {"title": "x" * 61, "role": "explanation"}},
        {"erased_alone": {"title": "Erased alone", "role": "rival"}},
        {"erased_alone": {"title": "Erased alone", "role": "explanation", "package": "theirs"}},
        {"erased_alone": {"title": 1, "role": "explanation"}},
    ],
)
@pytest.mark.samples(4)
def test_a_record_that_is_none_is_named(folders, entry):
    config = folders[0] / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"orderings": entry}))
    with pytest.raises(InputError, match=r"config\.json: the entry 'orderings' is not a table of at most 64 titles"):
        RunResults.load(folders[0])

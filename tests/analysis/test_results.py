import subprocess
import sys

import numpy as np
import pytest

from attnprobe.analysis import delta_js
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.erasure import measurements
from tests.fixtures.synthetic_runs import write_run


@pytest.fixture
def folder(tmp_path):
    write_run(tmp_path, [3, 1, 5, 2])
    return tmp_path


def test_properties(folder):
    run = RunResults.load(folder)
    assert run.name == "toy · flan-none · seed 3"
    assert run.unit == "word"
    assert run.labels == ["no", "yes"]
    assert run.several["document"].tolist() == [0, 2, 3]
    assert list(run.items(["document", "js"]).columns) == ["document", "js"]


def test_a_folder_is_a_path_or_its_text(folder):
    assert RunResults.load(str(folder)).name == RunResults.load(folder).name


def test_first_flips_by_document_and_draw(tmp_path):
    _, erasures, _ = write_run(tmp_path, [3, 1, 5, 2], never=0.3)
    shuffled = erasures.sample(frac=1, random_state=0)
    shuffled.to_parquet(tmp_path / "erasures.parquet")
    flips = RunResults.load(tmp_path).first_flips
    assert list(flips) == ["random", "attention", "gradient", "gradient_attention", "oracle"]
    expected = erasures.set_index(["ordering", "document", "draw"])
    for name, flip in flips.items():
        for row, document in enumerate([0, 2, 3]):
            for draw in range(flip.removed.shape[1]):
                it = expected.loc[(name, document, draw)]
                none = it["removed"] < 0 or it["emptied"]
                assert flip.emptied[row, draw] == it["emptied"]
                assert flip.never[row, draw] == (it["removed"] < 0)
                assert np.isnan(flip.removed[row, draw]) == np.isnan(flip.mass[row, draw]) == none
                assert none or flip.removed[row, draw] == it["removed"]
                assert none or flip.fraction[row, draw] == it["removed"] / it["n"]


def test_other_orderings_come_after_the_known_and_the_oracle_last(tmp_path):
    draws = {"oracle": 1, "zebra": 1, "gradient": 1, "aardvark": 2, "attention": 1, "random": 2}
    write_run(tmp_path, [3, 4], draws=draws)
    assert list(RunResults.load(tmp_path).first_flips) == [
        "random",
        "attention",
        "gradient",
        "zebra",
        "aardvark",
        "oracle",
    ]


@pytest.mark.parametrize("name", ["config.json", "documents.parquet", "erasures.parquet", "items.parquet"])
@pytest.mark.parametrize("harm", ["missing", "cut", "empty", "folder"])
def test_missing_and_broken_files_are_named(folder, name, harm):
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if harm == "folder":
        path.mkdir()
    elif harm != "missing":
        path.write_bytes(content[: len(content) // 2] if harm == "cut" else b"")
    with pytest.raises(InputError, match=name) as error:
        RunResults.load(folder).items(["js"])
    assert "\n" not in str(error.value)


def test_missing_columns_and_entries_are_named(folder):
    (folder / "config.json").write_text('{"settings": {"dataset": "a", "model": "b"}}')
    with pytest.raises(InputError, match=r"config.json lacks the entry 'settings.seed'"):
        RunResults.load(folder)
    write_run(folder, [3, 2])[0].drop(columns="n").to_parquet(folder / "documents.parquet")
    with pytest.raises(InputError, match=r"documents.parquet has no column 'n'"):
        RunResults.load(folder)
    write_run(folder, [3, 2])
    with pytest.raises(InputError, match=r"items.parquet has no column 'colour'"):
        RunResults.load(folder).items(["js", "colour"])


def test_incomplete_erasures(folder):
    _, erasures, _ = write_run(folder, [3, 2])
    erasures[:-1].to_parquet(folder / "erasures.parquet")
    with pytest.raises(InputError, match="'oracle' has more rows of some documents"):
        _ = RunResults.load(folder).first_flips
    erasures[erasures["ordering"] != "random"].to_parquet(folder / "erasures.parquet")
    with pytest.raises(InputError, match="no row of ordering 'random'"):
        _ = RunResults.load(folder).first_flips


def test_nothing_can_be_erased_from_single_items(tmp_path):
    write_run(tmp_path, [1, 1, 1])
    with pytest.raises(InputError, match="nothing can be erased"):
        _ = RunResults.load(tmp_path).several


def test_constants_are_those_of_the_battery():
    assert delta_js.RELATIVE_ZERO == measurements.ZERO


@pytest.mark.slow
def test_neither_analysis_nor_reports_import_torch():
    code = (
        "import sys, attnprobe.analysis.summary, attnprobe.reports.answer, attnprobe.reports.tables, "
        "attnprobe.reports.figures; assert not {'torch', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

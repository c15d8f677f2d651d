"""An ordering of another package is in every command and process, and spoils nothing where it is no good."""

import json
import re
import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.fixtures.commands import ROOT, attnprobe, planted_folder
from tests.fixtures.page_reading import erased, go
from tests.fixtures.plugins import EXAMPLE, attnprobe_with, offered, with_example

NAME, TITLE, PACKAGE = "erased_alone", "Erased alone", "attnprobe-erased-alone 0.1.0"
FEW = ("--documents", 4)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    return with_example(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="module")
def run(plugin, tmp_path_factory):
    """(folder, what was said) of a run with the example, in two processes."""
    base = tmp_path_factory.mktemp("run with a plug-in")
    dataset = planted_folder(base / "planted", train=60, test=24)
    arguments = ("--dataset", dataset, "--model", "flan-none", "--epochs", 1, "--out", base / "runs", "--workers", 2)
    status, out, errors = attnprobe_with(plugin, "run", *arguments, cwd=base)
    assert status == 0, errors
    return base / "runs" / "planted" / "flan-none" / "seed-0", out


def probed_anew(run, folder):
    """A copy of a run that is trained and not probed."""
    shutil.copytree(run[0], folder)
    for table in ("documents", "erasures", "items"):
        (folder / f"{table}.parquet").unlink()
    return folder


def test_the_documentation_shows_the_code_of_the_example():
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    for name in ("erased_alone.py", "pyproject.toml"):
        assert (EXAMPLE / name).read_text(encoding="utf-8").strip() in text


def test_the_list_says_title_role_package_and_version(plugin, tmp_path):
    status, out, _ = attnprobe_with(plugin, "list", cwd=tmp_path)
    assert status == 0
    line = next(line for line in out.splitlines() if NAME in line)
    assert all(word in line for word in (TITLE, "explanation", PACKAGE))
    assert PACKAGE not in next(line for line in out.splitlines() if line.startswith("  gradient "))


def test_it_is_in_the_results_the_answer_the_tables_and_the_figures(run):
    folder, out = run
    erasures = pd.read_parquet(folder / "erasures.parquet")
    assert set(erasures[erasures["ordering"] == NAME]["document"]) == set(erasures["document"])
    items = pd.read_parquet(folder / "items.parquet")
    for _, document in items.groupby("document"):
        assert document.sort_values(f"rank_{NAME}")["js"].is_monotonic_decreasing
    assert TITLE in out
    assert "erased alone, by which it is not judged" in " ".join(out.split())
    for table in ("first_flips", "flips_2x2", "who_flips_first"):
        assert NAME in (folder / "tables" / f"{table}.csv").read_text()
        assert TITLE in (folder / "tables" / f"{table}.tex").read_text()
    assert "by erased alone" in (folder / "methods.txt").read_text()


def test_the_run_says_what_it_is_and_where_it_came_from(run):
    told = json.loads((run[0] / "config.json").read_text())["orderings"]
    package, version = PACKAGE.split()
    assert told[NAME] == {"title": TITLE, "role": "explanation", "package": package, "version": version}
    assert told["oracle"] == {"title": "Smallest set (exact)", "role": "reference"}


def test_without_it_every_other_number_is_the_same(run, tmp_path):
    folder = probed_anew(run, tmp_path / "seed-0")
    assert attnprobe("probe", folder, cwd=tmp_path)[0] == 0
    assert NAME not in json.loads((folder / "config.json").read_text())["orderings"]
    for table in ("documents", "erasures", "items"):
        more, less = (pq.read_table(each / f"{table}.parquet").to_pandas() for each in (run[0], folder))
        if table == "erasures":
            more = more[more["ordering"] != NAME].reset_index(drop=True)
            more["ordering"], less["ordering"] = more["ordering"].astype(str), less["ordering"].astype(str)
        assert set(more) - set(less) == OF_IT.get(table, set())
        pd.testing.assert_frame_equal(more[list(less)], less, check_exact=True)


BY_WAY = ("js_top", "js_other", "delta_js_negative", "delta_js_zero", "flip_top", "flip_other")

OF_IT = {
    "documents": {
        *(f"{column}_{NAME}" for column in ("top_item", "top_weight", *BY_WAY)),
        *(
            f"{column}_{NAME}_{way}"
            for column in BY_WAY
            for way in ("zero", "document_mean", "corpus_mean", "resample")
        ),
    },
    "items": {f"rank_{NAME}"},
}
"""By table the columns that are there because of it: what hangs on how is erased, once for each way."""


def test_it_is_verified_with_the_package_and_without(run, plugin, tmp_path):
    """It is not made again: its first flips are followed along the places that the run says."""
    for status, out, errors in (
        attnprobe_with(plugin, "verify", run[0], *FEW, cwd=tmp_path),
        attnprobe("verify", run[0], *FEW, cwd=tmp_path),
    ):
        assert status == 0, out + errors
        assert re.search(rf"verified: the ordering {NAME} is of {re.escape(PACKAGE)}: not made again", out)


@pytest.mark.parametrize("column", ["removed", "rank"])
@pytest.mark.samples(1)
def test_a_changed_number_of_it_is_found_without_the_package(run, column, tmp_path):
    folder = tmp_path / "seed-0"
    shutil.copytree(run[0], folder)
    path = folder / ("erasures.parquet" if column == "removed" else "items.parquet")
    table = pq.read_table(path)
    rows = table.to_pandas()
    if column == "removed":
        changed = (rows["ordering"] == NAME) & (rows["removed"] > 1)
        rows.loc[changed, "removed"] -= 1
        rows.loc[changed, "fraction"] = rows["removed"] / rows["n"]
    else:
        rows[f"rank_{NAME}"] = rows.groupby("document")[f"rank_{NAME}"].transform(lambda rank: rank.max() - rank)
    changed = type(table).from_pandas(rows, schema=table.schema, preserve_index=False)
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path, write_page_checksum=True)
    status, out, _ = attnprobe("verify", folder, *FEW, cwd=tmp_path)
    assert status == 1
    assert NAME in out.splitlines()[-1]


def test_a_run_is_reported_and_reused_when_its_package_is_gone(run, tmp_path):
    folder = tmp_path / "seed-0"
    shutil.copytree(run[0], folder)
    before = (folder / "erasures.parquet").read_bytes()
    status, out, errors = attnprobe("report", folder, cwd=tmp_path)
    assert (status, errors) == (0, "")
    assert TITLE in out
    status, out, _ = attnprobe("probe", folder, cwd=tmp_path)
    assert status == 0
    assert "finished before" in out
    assert (folder / "erasures.parquet").read_bytes() == before


def test_a_finished_run_says_what_it_was_probed_without(run, plugin, tmp_path):
    folder = probed_anew(run, tmp_path / "seed-0")
    assert attnprobe("probe", folder, cwd=tmp_path)[0] == 0
    status, out, _ = attnprobe_with(plugin, "probe", folder, cwd=tmp_path)
    assert status == 0
    assert f"It was probed without {NAME}" in out


@pytest.mark.browser
def test_the_page_has_its_button_and_its_curve_and_what_is_struck_flips(run, opened):
    page = opened(run[0] / "report.html")
    flips = "ordering == @NAME and erase_by == 'renormalise' and removed > 0 and not emptied"
    erasures = pd.read_parquet(run[0] / "erasures.parquet").query(flips)
    items = pd.read_parquet(run[0] / "items.parquet")
    document = int(erasures["document"].iloc[0])
    go(page, f"#run=0&document={document}&by={NAME}")
    assert page.locator(".by").input_value() == NAME
    assert TITLE in page.locator(".by").inner_text()
    page.get_by_role("button", name="To the first flip").click()
    places = items[items["document"] == document].sort_values("position")[f"rank_{NAME}"]
    struck = [position for position, rank in enumerate(places) if rank < erasures["removed"].iloc[0]]
    assert sorted(erased(page)) == struck


def test_what_a_program_registered_alone_is_refused_with_workers_and_kept_without(run, tmp_path):
    before = (
        "from attnprobe import ORDERINGS, Ordering, rank_by_attention\n"
        "ORDERINGS.register('mine', Ordering('Mine', lambda batch, seeds: "
        "rank_by_attention(None, batch.attention.mask, scores=batch.attention.scores)[None]))"
    )
    folder = probed_anew(run, tmp_path / "seed-0")
    (tmp_path / "program").mkdir()
    status, _, errors = attnprobe_with(
        tmp_path / "program", "probe", folder, "--workers", 2, cwd=tmp_path, before=before
    )
    assert status == 2
    assert "The ordering mine was registered by the program that began the run" in errors
    status, _, errors = attnprobe_with(tmp_path / "program", "probe", folder, cwd=tmp_path, before=before)
    assert status == 0, errors
    assert "mine" in set(pd.read_parquet(folder / "erasures.parquet")["ordering"])


IMPORTS = "from attnprobe import Ordering\nimport torch\n"

BAD = {
    "raises when imported": ("theirs:ORDERING", "raise KeyError('no key')", "cannot be loaded: KeyError: 'no key'"),
    "exits when imported": ("theirs:ORDERING", "raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
    "is not there": ("nowhere:ORDERING", "", "cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
    "has no such name": ("theirs:ORDERING", "", "cannot be loaded: AttributeError"),
    "is something else": (
        "theirs:ORDERING",
        "ORDERING = 3",
        "is none: it is no attnprobe.Ordering, but of the type int",
    ),
    "has no title": ("theirs:ORDERING", f"{IMPORTS}ORDERING = Ordering('', print)", "is none: its title is no text"),
    "has no role": (
        "theirs:ORDERING",
        f"{IMPORTS}ORDERING = Ordering('A', print, 'rival')",
        "is none: its role is none",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_loaded_is_named_with_its_package(kind, tmp_path):
    point, code, sentence = BAD[kind]
    folder = offered(tmp_path / "bad", "their-package", "2.3", {"theirs": point}, {"theirs": code})
    status, out, errors = attnprobe_with(folder, "list", cwd=tmp_path)
    assert status == 2
    assert "their-package 2.3" in errors
    assert sentence in errors
    assert len(errors.strip().splitlines()) == 1
    assert "gradient_attention" in out  # what can be listed is


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("attention",), "their-package 2.3 offers the ordering 'attention', a name that attnprobe has itself"),
        (("a b",), "their-package 2.3 offers the ordering 'a b'; a name is of up to 100 letters"),
        (("theirs", "theirs"), "other-package 1.0 and their-package 2.3 both offer the ordering 'theirs'"),
    ],
)
def test_a_name_that_is_taken_or_none_is_refused(names, sentence, tmp_path):
    code = {"theirs": f"{IMPORTS}ORDERING = Ordering('Theirs', print)"}
    folder = offered(tmp_path / "bad", "their-package", "2.3", {names[0]: "theirs:ORDERING"}, code)
    if len(names) > 1:
        offered(folder, "other-package", "1.0", {names[1]: "theirs:ORDERING"})
    status, _, errors = attnprobe_with(folder, "list", cwd=tmp_path)
    assert status == 2
    assert sentence in errors


def test_a_bad_ordering_ends_the_run_and_a_worker_says_whose_it_is(run, tmp_path):
    code = f"{IMPORTS}ORDERING = Ordering('Theirs', lambda batch, seeds: batch.attention.weights[None] * torch.nan)"
    folder = offered(tmp_path / "bad", "their-package", "2.3", {"theirs": "theirs:ORDERING"}, {"theirs": code})
    target = probed_anew(run, tmp_path / "seed-0")
    status, _, errors = attnprobe_with(folder, "probe", target, "--workers", 2, cwd=tmp_path)
    assert status == 2
    assert (
        "What is registered as the ordering theirs of their-package 2.3 is none: order holds float64 numbers" in errors
    )
    assert not (target / "erasures.parquet").exists()

"""`attnprobe figures` and the scripts in figures/, each in a process."""

import pytest

from attnprobe.cli import main
from attnprobe.papers.serrano2019.figures import PAPER
from tests.fixtures.commands import ROOT, attnprobe, run_script
from tests.fixtures.paper_grids import GRID, write_grid

SCRIPTS = sorted((ROOT / "figures").glob("*.py"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return write_grid(tmp_path_factory.mktemp("grid"), {key: GRID[key] for key in list(GRID)[:1]})


def test_the_command_draws_all_and_names_the_files(runs, tmp_path):
    status, out, errors = attnprobe("figures", runs / "yelp10k", runs, "--out", "new/paper", cwd=tmp_path)
    assert status == 0, errors
    assert not errors
    paths = [tmp_path / line for line in out.splitlines()]
    assert sorted(paths) == sorted((tmp_path / "new" / "paper").iterdir())
    for name in PAPER:
        assert any(path.name.startswith(name) for path in paths)


def test_there_is_a_script_for_each():
    assert [path.stem for path in SCRIPTS] == sorted(PAPER)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.samples(4)
def test_each_script_draws_its_own(runs, tmp_path, path):
    status, out, errors = run_script(path, runs, "--out", tmp_path / "paper")
    assert status == 0, errors
    written = sorted((tmp_path / "paper").iterdir())
    assert written == sorted(map(type(tmp_path), out.splitlines()))
    assert all(each.name.startswith(path.stem) for each in written)


def test_bad_input_is_one_sentence(runs, tmp_path, capsys):
    for arguments, words in (
        (("nowhere", "--out", "paper"), "nowhere"),
        ((str(tmp_path), "--out", "paper"), "no finished run"),
    ):
        assert main(["figures", *arguments]) == 2
        errors = capsys.readouterr().err
        assert len(errors.splitlines()) == 1
        assert words in errors
    for status, _, errors in (
        attnprobe("figures", tmp_path, "--out", "paper", cwd=tmp_path),
        run_script(SCRIPTS[0], tmp_path, "--out", tmp_path / "paper"),
    ):
        assert status == 2
        assert len(errors.splitlines()) == 1
        assert "no finished run" in errors
    assert not (tmp_path / "paper").exists()

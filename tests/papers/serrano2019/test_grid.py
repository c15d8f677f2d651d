import pytest

from attnprobe.base.errors import InputError
from attnprobe.papers.serrano2019.figures.grid import Run, RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import datasets_in_order, in_rows, models_in_order, others_in_rows
from tests.fixtures.paper_grids import write_one


def test_order_is_the_papers():
    assert models_in_order(["flan-none", "a", "han-rnn", "flan-rnn", "han-none", "han-rnn"]) == [
        "han-rnn",
        "han-none",
        "flan-rnn",
        "flan-none",
        "a",
    ]
    names = ["zoo", "yelp10k", "amazon_multi5", "imdb8", "newsgroups20", "yahoo", "ant", "imdb"]
    assert datasets_in_order(names) == [
        "yahoo", "newsgroups20", "imdb", "imdb8", "amazon_multi5", "yelp10k", "ant", "zoo",
    ]  # fmt: skip
    assert in_rows(["han-rnn", "x"], (("han-rnn", "flan-rnn"), ("han-conv", "flan-conv"))) == [("han-rnn", "flan-rnn")]
    assert others_in_rows(["z", "y", "x", "han-rnn"]) == [("x", "y"), ("z",)]


def test_runs_are_found_once_and_read_by_lowest_seed(runs):
    grid = RunGrid.find([runs, runs / "yelp10k", runs / "yelp10k" / "han-rnn" / "seed-1"])
    assert grid.datasets == ["imdb8", "yelp10k"]
    assert grid.models == ["han-rnn", "flan-rnn"]
    assert grid.seeds("yelp10k", "han-rnn") == [1, 2]
    assert grid.results("yelp10k", "han-rnn").seed == 1
    assert grid.results("yelp10k", "han-rnn", 2).seed == 2
    assert grid.results("imdb8", "flan-rnn") is None
    assert grid.seed_note == "lowest seed of each pair"
    assert RunGrid.find([runs / "imdb8"]).seed_note == "seed 0"


def test_unfinished_runs_do_not_count(tmp_path):
    done = write_one(tmp_path, "toy", "flan-rnn", 0, [3, 4])
    half = write_one(tmp_path, "toy", "flan-rnn", 1, [3, 4])
    (half / "items.parquet").unlink()
    assert list(RunGrid.find([tmp_path]).folders) == [Run("toy", "flan-rnn", 0)]
    (done / "documents.parquet").unlink()
    with pytest.raises(InputError, match=r"no finished run in .*toy"):
        RunGrid.find([tmp_path / "toy"])
    with pytest.raises(InputError, match="not a folder"):
        RunGrid.find([tmp_path / "nowhere"])


def test_the_same_run_twice_is_refused(tmp_path):
    for copy in ("a", "b"):
        write_one(tmp_path / copy, "toy", "flan-rnn", 0, [3, 4])
    with pytest.raises(InputError, match=r"a/toy.* and .*b/toy.* are both toy · flan-rnn · seed 0"):
        RunGrid.find([tmp_path])


@pytest.mark.parametrize("content", ["{", "[]", '{"settings": {"dataset": "x"}}', '{"settings": null}'])
def test_a_broken_configuration_is_named(tmp_path, content):
    run = write_one(tmp_path, "toy", "flan-rnn", 0, [3, 4])
    (run / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config\.json"):
        RunGrid.find([tmp_path])


def test_a_damaged_table_is_named(tmp_path):
    run = write_one(tmp_path, "toy", "flan-rnn", 0, [3, 4])
    (run / "erasures.parquet").write_bytes(b"rubbish")
    grid = RunGrid.find([tmp_path])
    with pytest.raises(InputError, match=r"erasures\.parquet"):
        grid.results("toy", "flan-rnn")

import re

import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.single_weights import single_flips
from attnprobe.papers.serrano2019.figures import draw
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from tests.fixtures.paper_grids import write_one


def balanced(text):
    """Braces and environments close in the order in which they open; rows of a tabular are equally long."""
    bare = re.sub(r"\\[{}%&$#_]", "", re.sub(r"(?m)^%.*$", "", text))
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    open_environments = []
    for which, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if which == "begin":
            open_environments.append(name)
        else:
            assert open_environments.pop() == name
    assert not open_environments
    assert bare.count("$") % 2 == 0
    for tabular in re.findall(r"\\begin\{tabular\}.*?\\end\{tabular\}", bare, re.DOTALL):
        widths = set()
        for row in re.findall(r"(?m)^(.*) \\\\$", tabular):
            spanned = sum(int(count) - 1 for count in re.findall(r"\\multicolumn\{(\d+)\}", row))
            widths.add(row.count("&") + 1 + spanned)
        assert len(widths) == 1


def test_table1(runs, tmp_path):
    paths = draw("table1_datasets", RunGrid.find([runs]), tmp_path)
    table = pd.read_csv(paths[0], index_col="dataset")
    assert list(table.index) == ["imdb8", "yelp10k"]
    assert table.loc["yelp10k", ["classes", "train", "dev", "test"]].tolist() == [2, 6000, 100, 16]
    words = RunResults.load(runs / "yelp10k" / "flan-rnn" / "seed-0").documents["n"]
    assert table.loc["yelp10k", "words_mean"] == pytest.approx(words.mean())
    assert table.loc["yelp10k", "words_deviation"] == pytest.approx(words.std())
    assert table.loc["yelp10k", "sentences_one_item"] == (words == 1).sum()
    text = paths[1].read_text(encoding="utf-8")
    balanced(text)
    assert f"{words.mean():.1f} ({words.std():.1f})" in text


def test_table2_has_every_seed_and_ordering(runs, tmp_path):
    paths = draw("table2_decision_flips", RunGrid.find([runs]), tmp_path)
    table = pd.read_csv(paths[0])
    assert table.groupby(["dataset", "model", "seed"]).size().tolist() == [3] * 4
    assert table[["both", "only_top", "only_other", "neither"]].sum(axis=1).tolist() == pytest.approx([1] * 12)
    row = table.set_index(["ordering", "dataset", "model", "seed"]).loc[("gradient", "yelp10k", "han-rnn", 2)]
    cell = single_flips(RunResults.load(runs / "yelp10k" / "han-rnn" / "seed-2"))["gradient"].only_top
    assert row[["only_top", "only_top_low", "only_top_high", "n"]].tolist() == pytest.approx(list(cell))


def test_table2_in_latex(runs, tmp_path):
    csv, *latex = draw("table2_decision_flips", RunGrid.find([runs]), tmp_path)
    assert [path.name for path in latex] == [
        "table2_decision_flips.tex",
        "table2_decision_flips_appendix_attention.tex",
        "table2_decision_flips_appendix_gradient.tex",
        "table2_decision_flips_appendix_gradient_attention.tex",
    ]
    shares = pd.read_csv(csv).set_index(["ordering", "dataset", "model", "seed"])
    row = 100 * shares.loc[("attention", "yelp10k", "han-rnn", 1)]
    for path in latex:
        balanced(path.read_text(encoding="utf-8"))
    text = latex[0].read_text(encoding="utf-8")
    assert rf"& {row['both']:.1f} & \cellcolor{{blue!15}}{row['only_top']:.1f} \\" in text
    assert rf"& \cellcolor{{orange!25}}{row['only_other']:.1f} & {row['neither']:.1f} \\" in text
    assert "FLANrnn & Yes & -- & --" in latex[1].read_text(encoding="utf-8")


def test_names_are_data_in_latex(tmp_path):
    name = "a_b & <50%$\n\\input{x}^~#"
    for i in range(5):
        write_one(tmp_path / "runs", f"{name}{i}", "han-rnn", 0, [3, 4])
    grid = RunGrid.find([tmp_path / "runs"])
    escaped = r"a\_b \& \textless{}50\%\$ \textbackslash{}input\{x\}\textasciicircum{}\textasciitilde{}\#"
    for table in ("table1_datasets", "table2_decision_flips"):
        for path in draw(table, grid, tmp_path):
            if path.suffix == ".tex":
                text = path.read_text(encoding="utf-8")
                balanced(text)
                assert all(f"{escaped}{i}" in text for i in range(5))
                assert "nan" not in text
                assert "None" not in text

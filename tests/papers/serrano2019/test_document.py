import pandas as pd
import pytest

from attnprobe.papers.serrano2019.figures import figure1_document
from attnprobe.papers.serrano2019.figures.figure1_document import choose, untokenised
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.shaded_text import lay_out
from attnprobe.reports.type_widths import fitted, printable, width_of
from tests.fixtures.paper_grids import write_one


def test_the_choice_is_the_documented_one(runs):
    grid = RunGrid.find([runs])
    chosen = choose(grid)
    assert chosen.results.model == "han-rnn"
    document = chosen.telling.document
    row = chosen.results.documents.set_index("document").loc[chosen.telling.number]
    assert not row["flip_top"]
    assert row["label"] == row["decision"] == document.unerased.label == document.without_top.label
    assert document.without_smallest.label != document.unerased.label
    assert document.smallest.sum() == chosen.telling.size
    assert len(document.texts) == row["n"] >= 4
    assert choose(grid).telling.number == chosen.telling.number


def test_a_set_that_leaves_nothing_is_not_framed(tmp_path):
    run = write_one(tmp_path, "toy", "flan-rnn", 0)
    framed = choose(RunGrid.find([tmp_path])).telling
    erasures = pd.read_parquet(run / "erasures.parquet")
    chosen = (erasures["document"] == framed.number) & (erasures["ordering"] == "oracle")
    erasures.loc[chosen, "emptied"] = True
    erasures.to_parquet(run / "erasures.parquet")
    other = choose(RunGrid.find([tmp_path]))
    assert other is None or other.telling.number != framed.number


def test_runs_that_do_not_say_what_is_in_the_smallest_sets_have_nothing_framed(tmp_path, monkeypatch):
    run = write_one(tmp_path / "runs", "toy", "flan-rnn", 0)
    items = pd.read_parquet(run / "items.parquet").drop(columns="rank_oracle")
    items.to_parquet(run / "items.parquet")
    grid = RunGrid.find([tmp_path / "runs"])
    assert choose(grid) is None
    said = []
    monkeypatch.setattr(figure1_document, "say_missing", lambda axes, words, width: said.append(words))
    figure1_document.draw(grid, tmp_path)
    assert said == [
        "There is nothing to frame: these runs say how large the smallest sets are, but not what is in them"
    ]


def test_without_a_sentence_model_words_are_drawn(tmp_path):
    write_one(tmp_path, "toy", "flan-rnn", 0)
    assert choose(RunGrid.find([tmp_path])).results.unit == "word"


def test_lines_fit_the_column():
    texts = ["a short one", "many words " * 30, "x" * 400, "", "日本 $\\alpha$ \x07 end"]
    for own_lines in (True, False):
        layout = lay_out(texts, 2.0, 6.5, own_lines=own_lines)
        assert max(piece.x + piece.width for piece in layout.pieces) <= 2.0 + 1e-9
        for item, text in enumerate(texts):
            written = "".join(piece.text for piece in layout.pieces if piece.item == item)
            assert written.replace(" ", "") == printable(text).replace(" ", "")
        assert layout.tops == sorted(set(layout.tops))
        assert layout.height > layout.tops[-1]


def test_what_the_font_lacks_is_replaced():
    assert printable("a\u65e5b\u200b\tc") == "a\ufffdb⟦U+200B⟧ c"
    assert untokenised("I do n't ( ever ) know , he 's in .") == "I don't (ever) know, he's in."


@pytest.mark.parametrize("name", ["short", "a_rather_long_name", "an_extremely_long_name_that_never_ends" * 3])
def test_names_are_fitted(name):
    shown, size = fitted(name, 0.6)
    assert 5 <= size <= 6.5
    assert width_of(shown, size) <= 0.6 + 1e-9
    assert name.startswith(shown.rstrip("…"))

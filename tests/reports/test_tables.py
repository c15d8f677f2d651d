import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports.latex import in_latex
from attnprobe.reports.tables import SHOWN_HEADS, TABLES, write_tables
from tests.fixtures.synthetic_runs import write_run
from tests.fixtures.transformer_runs import WITH_GREEDY, WITHOUT_ORACLE, write_transformer_run


def tables_of(tmp_path, *arguments, write=write_run, **options):
    write(tmp_path, *arguments, **options)
    results = RunResults.load(tmp_path)
    summary = summarise(results)
    paths = write_tables(results, summary, tmp_path / "new" / "tables")
    return summary, {path.name: path for path in paths}


@pytest.mark.parametrize("write", [write_run, write_transformer_run])
def test_every_table_is_written_twice(tmp_path, write):
    _, paths = tables_of(tmp_path, [3, 4, 5, 6, 1], write=write)
    missing = {
        "measurements",
        "head_effects",
        "curves",
        "guarantees",
        "twins",
        "rank_agreement",
        "rationales",
        "correlations",
        "in_distribution",
        "over_meanings",
        "certified_sets",
        "label_flips",
        "output_moves",
    }
    expected = set(TABLES) - missing - ({"heads"} if write is write_run else set())
    assert set(paths) == {f"{name}.{suffix}" for name in expected for suffix in ("csv", "tex")}
    assert {path.name for path in (tmp_path / "new" / "tables").iterdir()} == set(paths)


RATIOS = ("fraction_ratio_to", "removed_ratio_to")


def test_csv_holds_the_numbers_of_the_summary(tmp_path):
    summary, paths = tables_of(tmp_path, [3, 4, 5, 6, 1] * 4)
    flips = pd.read_csv(paths["first_flips.csv"], index_col="ordering")
    for name, row in summary["first_flips"].items():
        ratios = {f"{kind}_{one}": row[kind][one] for kind in RATIOS for one in row[kind]}
        assert set(ratios) == {f"{kind}_oracle" for kind in RATIOS}
        for field, estimate in ({name: entry for name, entry in row.items() if name not in RATIOS} | ratios).items():
            for column, entry in zip(("", "_low", "_high", "_n"), estimate.values(), strict=True):
                found = flips.loc[name, field + column]
                assert np.isnan(found) if entry is None else found == entry
    cells = pd.read_csv(paths["flips_2x2.csv"])
    assert (cells["both"] + cells["only_top"] + cells["only_other"] + cells["neither"]).tolist() == pytest.approx(
        [1] * 3
    )
    pairs = pd.read_csv(paths["who_flips_first.csv"])
    assert len(pairs) == 10
    assert pairs["lead_low"].le(pairs["lead"]).all()
    bins = pd.read_csv(paths["delta_js.csv"])
    assert bins["weight"].sum() == pytest.approx(summary["counts"]["with_several_items"])


def test_latex_shows_percentages_with_intervals(tmp_path):
    summary, paths = tables_of(tmp_path, [3, 4, 5, 6] * 4)
    text = paths["first_flips.tex"].read_text(encoding="utf-8")
    row = summary["first_flips"]["gradient_attention"]

    def cell(estimate):
        return f"{100 * estimate['value']:.1f} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"

    outcomes = " & ".join(cell(row[field]) for field in ("flipped_share", "emptied_share", "never_share"))
    assert rf"Gradient $\times$ attention & {outcomes} & {cell(row['restricted_mean'])} & " in text
    mean = row["mean_fraction"]
    where = paths["first_flips_where_they_flip.tex"].read_text(encoding="utf-8")
    assert rf"Gradient $\times$ attention & {mean['n']} & {cell(mean)} & " in where
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:first_flips}"):
        assert rule in text


@pytest.mark.parametrize("never", [0.2, 1])
def test_names_are_data_in_latex_and_rows_are_whole(tmp_path, never):
    _, paths = tables_of(tmp_path, [3, 4], dataset="a_b & <50%$\n\\input{x}^~#", never=never)
    for name, path in paths.items():
        if name.endswith(".tex"):
            text = path.read_text(encoding="utf-8")
            assert (
                r"a\_b \& \textless{}50\%\$[U+000A]\textbackslash{}input\{x\}\textasciicircum{}\textasciitilde{}\#"
                in text
            )
            body = text[text.index(r"\toprule") : text.index(r"\bottomrule")].splitlines()
            rows = [line for line in body if line.endswith(r"\\")]
            assert len({row.count(" & ") for row in rows}) == 1
            assert "nan" not in text
            assert "None" not in text
            assert text.isascii()


@pytest.mark.parametrize("never", [0.2, 1])
def test_tables_of_a_transformer_are_whole_and_its_name_is_data(tmp_path, never):
    model = "hf:a place/x_1 & 50%$\n\\input{x}^~#|"
    summary, paths = tables_of(tmp_path, [3, 4], write=write_transformer_run, never=never, model=model)
    for name, path in paths.items():
        if name.endswith(".tex"):
            text = path.read_text(encoding="utf-8")
            escaped = r"input\{x\}\textasciicircum{}\textasciitilde{}\#\textbar{}"
            assert rf"toy $\cdot$ {escaped} $\cdot$ seed 3" in text
            assert "place" not in text
            body = text[text.index(r"\toprule") : text.index(r"\bottomrule")].splitlines()
            assert len({line.count(" & ") for line in body if line.endswith(r"\\")}) == 1
            assert "nan" not in text
            assert "None" not in text
            assert text.isascii()
    assert summary["run"]["model"] == model


def test_ratios_are_to_what_there_is(tmp_path):
    texts = {}
    for name, draws in {"neither": WITHOUT_ORACLE, "greedy": WITH_GREEDY, "both": WITH_GREEDY | {"oracle": 1}}.items():
        _, paths = tables_of(tmp_path / name, [3, 4, 5], write=write_transformer_run, draws=draws)
        texts[name] = paths["first_flips_where_they_flip.tex"].read_text(encoding="utf-8")
    for name, text in texts.items():
        assert ("smallest &" in text or r"smallest \\" in text) == (name == "both")
        assert (r"greedy \\" in text) == (name != "neither")
        assert ("no exact smallest set is known for this readout" in text) == (name != "both")
        assert ("Greedy (gradient, re-ranked) &" in text) == (name != "neither")
    words = (
        "the ratio of the number of words to that of the smallest sets that flip them and to that of erasing greedily;"
    )
    assert words.replace("words", "tokens") in texts["both"]


def test_heads_as_numbers_and_in_latex(tmp_path):
    shape, planted = [("self", 5, 12)], [("self", 4, 11)]
    summary, paths = tables_of(tmp_path, [10] * 40, write=write_transformer_run, heads=shape, faithful=planted)
    plain = pd.read_csv(paths["heads.csv"])
    assert len(plain) == 60
    assert plain[["layer", "head"]].values.tolist() == [[layer, head] for layer in range(5) for head in range(12)]
    for row, expected in zip(plain.to_dict("records"), summary["heads"], strict=True):
        assert row["gain"] == expected["gain"]["value"]
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
        assert row["verdict"] == expected["verdict"]
    text = paths["heads.tex"].read_text(encoding="utf-8")
    assert text.count(r" \\") == 1 + SHOWN_HEADS
    assert f"the {SHOWN_HEADS} attention heads with the largest gains" in text
    gain = summary["heads"][-1]["gain"]
    cell = f"{100 * gain['value']:.1f} [{100 * gain['low']:.1f}, {100 * gain['high']:.1f}]"
    assert f"self 4.11 & 55.0 & 75.0 & {cell} & " in text
    least = min(summary["heads"], key=lambda row: row["gain"]["value"])
    assert f"self {least['layer']}.{least['head']} &" not in text


def test_escaping():
    assert in_latex("a|b") == r"a\textbar{}b"
    assert in_latex("a_b & <50%$") == r"a\_b \& \textless{}50\%\$"
    assert in_latex("plain – 3 × 4") == r"plain -- 3 $\times$ 4"

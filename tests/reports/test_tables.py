import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports.latex import in_latex
from attnprobe.reports.tables import TABLES, write_tables
from tests.analysis.synthetic import write_run


def tables_of(tmp_path, *arguments, **options):
    write_run(tmp_path, *arguments, **options)
    results = RunResults.load(tmp_path)
    summary = summarise(results)
    paths = write_tables(results, summary, tmp_path / "new" / "tables")
    return summary, {path.name: path for path in paths}


def test_every_table_is_written_twice(tmp_path):
    _, paths = tables_of(tmp_path, [3, 4, 5, 6, 1])
    assert set(paths) == {f"{name}.{suffix}" for name in TABLES for suffix in ("csv", "tex")}
    assert {path.name for path in (tmp_path / "new" / "tables").iterdir()} == set(paths)


def test_csv_holds_the_numbers_of_the_summary(tmp_path):
    summary, paths = tables_of(tmp_path, [3, 4, 5, 6, 1] * 4)
    flips = pd.read_csv(paths["first_flips.csv"], index_col="ordering")
    for name, row in summary["first_flips"].items():
        for field, estimate in row.items():
            for column, entry in zip(("", "_low", "_high", "_n"), estimate.values(), strict=True):
                assert flips.loc[name, field + column] == entry
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
    mean = summary["first_flips"]["gradient_attention"]["mean_fraction"]
    cell = f"{100 * mean['value']:.1f} [{100 * mean['low']:.1f}, {100 * mean['high']:.1f}]"
    assert rf"Gradient $\times$ attention & {mean['n']} & {cell} & " in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:first_flips}"):
        assert rule in text


@pytest.mark.parametrize("never", [0.2, 1])
def test_names_are_data_in_latex_and_rows_are_whole(tmp_path, never):
    _, paths = tables_of(tmp_path, [3, 4], dataset="a_b & <50%$\n\\input{x}^~#", never=never)
    for name, path in paths.items():
        if name.endswith(".tex"):
            text = path.read_text(encoding="utf-8")
            assert r"a\_b \& \textless{}50\%\$ \textbackslash{}input\{x\}\textasciicircum{}\textasciitilde{}\#" in text
            body = text[text.index(r"\toprule") : text.index(r"\bottomrule")].splitlines()
            rows = [line for line in body if line.endswith(r"\\")]
            assert len({row.count(" & ") for row in rows}) == 1
            assert "nan" not in text
            assert "None" not in text
            assert text.isascii()


def test_escaping():
    assert in_latex("a_b & <50%$") == r"a\_b \& \textless{}50\%\$"
    assert in_latex("plain – 3 × 4") == r"plain -- 3 $\times$ 4"

"""2 × 2 tables of decision flips side by side in LaTeX, datasets across and models down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import model_name
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import ABSENT
from attnprobe.reports.style import display_name

ACROSS = 4
"""Datasets side by side at most; more go into a further block below."""

ONLY_TOP, ONLY_OTHER = "blue!15", "orange!25"
"""Colours of the cells in which only i*, or only r, flips the decision."""

Squares = dict[tuple[str, str, str], Mapping[str, Any]]
"""Shares of documents by (ordering, dataset, model), with keys both, only_top, only_other, neither."""


def flip_squares(grid: RunGrid, squares: Squares, ordering: str, models: Sequence[str]) -> str:
    """A ``table*`` environment, for a page with ``\\usepackage{booktabs}`` and ``\\usepackage[table]{xcolor}``."""
    blocks = [grid.datasets[i : i + ACROSS] for i in range(0, len(grid.datasets), ACROSS)]
    tabulars = [_tabular(squares, ordering, datasets, models) for datasets in blocks]
    everything = len(models) == len(grid.models)
    label = f"tab:decision-flips{'-' + ordering.replace('_', '-') if everything else ''}"
    return "\n".join(
        [
            "% needs \\usepackage{booktabs} and \\usepackage[table]{xcolor}",
            r"\begin{table*}",
            r"\centering\small",
            rf"\caption{{{_caption(grid, ordering, models)}}}",
            rf"\label{{{label}}}",
            "\n\n\\medskip\n".join(tabulars),
            r"\end{table*}",
            "",
        ]
    )


def _caption(grid: RunGrid, ordering: str, models: Sequence[str]) -> str:
    which = in_latex(model_name(models[0])) if len(models) == 1 else "every model"
    return (
        rf"Documents (\%) of {which} whose decision flips when $i^*$, the first item by {_in_prose(ordering)}, is "
        r"erased alone, against when another item, $r$, is (averaged over all others). "
        rf"\colorbox{{{ONLY_TOP}}}{{Blue}}: only $i^*$ flips it; \colorbox{{{ONLY_OTHER}}}{{orange}}: only $r$ does. "
        rf"Documents of one item are left out; {in_latex(grid.note)}."
    )


def _in_prose(ordering: str) -> str:
    name = display_name(ordering)
    return in_latex(name[0].lower() + name[1:])


def _tabular(squares: Squares, ordering: str, datasets: Sequence[str], models: Sequence[str]) -> str:
    names = " & ".join(rf"\multicolumn{{2}}{{c}}{{{in_latex(dataset)}}}" for dataset in datasets)
    rules = " ".join(rf"\cmidrule(lr){{{3 + 2 * i}-{4 + 2 * i}}}" for i in range(len(datasets)))
    erased = " & ".join([r"\multicolumn{2}{c}{Erase $r$: flips?}"] * len(datasets))
    answers = " & ".join(["Yes & No"] * len(datasets))
    rows = [_rows([squares.get((ordering, dataset, model)) for dataset in datasets], model) for model in models]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{ll{'rr' * len(datasets)}}}",
            r"\toprule",
            rf" & & {names} \\",
            rules,
            rf" & & {erased} \\",
            rf" & Erase $i^*$: flips? & {answers} \\",
            r"\midrule",
            "\n\\addlinespace\n".join(rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _rows(squares: Sequence[Mapping[str, Any] | None], model: str) -> str:
    upper, lower = [in_latex(model_name(model)), "Yes"], ["", "No"]
    for square in squares:
        upper += [_cell(square, "both"), _cell(square, "only_top", ONLY_TOP)]
        lower += [_cell(square, "only_other", ONLY_OTHER), _cell(square, "neither")]
    return "\n".join(" & ".join(cells) + r" \\" for cells in (upper, lower))


def _cell(square: Mapping[str, Any] | None, field: str, colour: str = "") -> str:
    if square is None:
        return in_latex(ABSENT)
    mark = rf"\cellcolor{{{colour}}}" if colour else ""
    return f"{mark}{100 * square[field]:.1f}"

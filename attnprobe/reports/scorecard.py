"""The scorecard of the claims: for the terminal, and as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from attnprobe.analysis.claims.judgement import VERDICTS, Case, by_group
from attnprobe.analysis.claims.scorecard import ClaimResult
from attnprobe.atomic_files import output_folder, replacing
from attnprobe.reports.latex import booktabs, in_latex

WIDTH = 100
LONGEST_LIST = 8
"""Names of missing runs that are told; the rest are counted."""

COLUMNS = (
    *("claim", "over_all", "case", "part", "verdict", "value", "low", "high", "n"),
    *("threshold", "p", "p_holm", "left_out", "note"),
)

Scorecard = Sequence[ClaimResult]


def for_terminal(scorecard: Scorecard) -> str:
    """Every claim with its verdict over the grid, how many pairs stand behind it, and what is missing."""
    parts = []
    for result in scorecard:
        head = f"{result.claim.id}  {result.verdict.upper():<16}{_counts(result.cases)}"
        parts.append("\n".join([head.rstrip(), *_wrapped(result.claim.sentence), *_wrapped(_missing(result))]))
    return "\n".join(parts)


def write_scorecard(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Write ``claims.md``, ``claims.csv`` (a row a case) and ``claims.tex`` into a folder; returns their paths."""
    output_folder(folder)
    contents = {"claims.md": as_markdown, "claims.csv": as_csv, "claims.tex": as_latex}
    for name, make in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(make(scorecard), encoding="utf-8")
    return [folder / name for name in contents]


def as_markdown(scorecard: Scorecard) -> str:
    """A table of all claims, then one of each claim's cases."""
    lines = ["| claim | | verdict | pairs |", "|---|---|---|---|"]
    lines += [
        f"| {result.claim.id} | {_cell(result.claim.sentence)} | **{result.verdict}** | {_counts(result.cases)} |"
        for result in scorecard
    ]
    for result in scorecard:
        claim = result.claim
        lines += ["", f"## {claim.id}: {result.verdict}", "", claim.sentence, ""]
        lines += [f"Measured: {claim.statistic}; confirmed {_confirmed(claim.comparison)}.", ""]
        if _missing(result):
            lines += [_missing(result), ""]
        if result.cases:
            lines += ["| case | verdict | value [95 % interval] | n | left out | note |", "|---|---|---|---|---|---|"]
            lines += [_case_row(case) for case in result.cases]
    return "\n".join(lines) + "\n"


def as_csv(scorecard: Scorecard) -> str:
    """One row a case: claim, case, part, verdict, value, low, high, n, threshold, p, p after Holm, left out, note."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in scorecard:
        if not result.cases:
            writer.writerow([result.claim.id, result.verdict, *[""] * 11, _missing(result)])
        for case, adjusted in zip(result.cases, result.adjusted, strict=True):
            judgement = case.judgement
            numbers = [*judgement.estimate, judgement.threshold, judgement.p_value, adjusted]
            told = ["" if math.isnan(number) else number for number in numbers]
            names = [result.claim.id, result.verdict, case.name, case.part, judgement.verdict]
            writer.writerow([*names, *told, judgement.left_out, judgement.note])
    return text.getvalue()


def as_latex(scorecard: Scorecard) -> str:
    """A table of all claims: verdict over the grid, and the number of pairs with each verdict."""
    rows = []
    for result in scorecard:
        counts = Counter(by_group(result.cases).values())
        sentence = f"{result.claim.id}. {in_latex(result.claim.sentence)}"
        rows.append(
            [
                rf"\parbox[t]{{0.5\linewidth}}{{\raggedright {sentence}\strut}}",
                in_latex(result.verdict),
                *(str(counts[verdict]) for verdict in VERDICTS),
            ]
        )
    headings = ["Claim", "Verdict", "Holds", "Fails", "Undecided", "Not inf."]
    caption = (
        "Claims, judged from 95\\,\\% intervals: the verdict over all pairs, and how many pairs have each verdict."
    )
    return booktabs(pd.DataFrame(rows, columns=headings), caption, "tab:claims")


def _counts(cases: Sequence[Case]) -> str:
    counts = Counter(by_group(cases).values())
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def _missing(result: ClaimResult) -> str:
    if not result.missing:
        return "" if result.cases else "No run speaks to it."
    names = ", ".join(result.missing[:LONGEST_LIST])
    more = len(result.missing) - LONGEST_LIST
    return f"Too few seeds of: {names}{f' and {more} more' if more > 0 else ''}."


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")


def _confirmed(comparison: str) -> str:
    return comparison if comparison.startswith(("where", "when")) else f"where {comparison}"


def _case_row(case: Case) -> str:
    value, low, high, n = case.judgement.estimate
    name = f"{case.name} ({case.part})" if case.part else case.name
    numbers = "–" if math.isnan(value) else f"{value:.3f} [{low:.3f}, {high:.3f}]"
    cells = [name, case.judgement.verdict, numbers, f"{n:,}", case.judgement.left_out, case.judgement.note]
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

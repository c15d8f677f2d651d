"""The scorecard of the claims: for the terminal, and as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from attnprobe.base.atomic_files import output_folder, replacing
from attnprobe.base.visible import in_a_cell
from attnprobe.papers.serrano2019 import meaning_tables
from attnprobe.papers.serrano2019.claims.judgement import IDENTITY, VERDICTS, Case, Judgement, by_group
from attnprobe.papers.serrano2019.claims.scorecard import ClaimResult
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.markdown import markdown_cell, markdown_row

WIDTH = 100
LONGEST_LIST = 8
"""Names of missing runs that are told; the rest are counted."""

COLUMNS = (
    *("claim", "over_all", "case", "part", "verdict", "value", "low", "high", "n"),
    *("threshold", "p", "p_holm", "left_out", "note"),
    *("flips", "other_over_all", "other_verdict", "other_value", "other_low", "other_high"),
)

CONVENTIONS = ("while something is left", "as released")
"""What counts as a first flip; by whether the change that happens only when nothing is left does."""

Scorecard = Sequence[ClaimResult]


def for_terminal(scorecard: Scorecard) -> str:
    """Every claim with its verdict over the grid, what stands behind it, what is missing, and the other convention."""
    parts = []
    for result in scorecard:
        head = f"{result.claim.id}  {result.verdict.upper():<16}{_counts(result, result.cases)}"
        lines = [result.claim.sentence, _missing(result), _otherwise(result), meaning_tables.meanings_of_claim(result)]
        parts.append("\n".join([head.rstrip(), *(wrapped for line in lines for wrapped in _wrapped(line))]))
    return "\n".join(parts)


def write_scorecard(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Write ``claims.md``, ``claims.csv`` (a row a case) and ``claims.tex`` into a folder; returns their paths.

    Where runs have results of several ways of erasing also ``meanings.csv`` and ``meanings.tex``, claims by ways.
    """
    output_folder(folder)
    contents: dict[str, Callable[[Scorecard], str]]
    contents = {"claims.md": as_markdown, "claims.csv": as_csv, "claims.tex": as_latex}
    if meaning_tables.has_meanings(scorecard):
        contents |= {"meanings.csv": meaning_tables.as_csv, "meanings.tex": meaning_tables.as_latex}
    for name, make in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(make(scorecard), encoding="utf-8")
    return [folder / name for name in contents]


def as_markdown(scorecard: Scorecard) -> str:
    """A table of all claims, then one of each claim's cases."""
    other = CONVENTIONS[not scorecard[0].as_released] if scorecard else ""
    lines = [f"| claim | | verdict | of | {other} |", "|---|---|---|---|---|"]
    lines += [
        f"| {result.claim.id} | {markdown_cell(result.claim.sentence)} | **{result.verdict}** | "
        f"{_counts(result, result.cases)} | {_other_verdict(result)} |"
        for result in scorecard
    ]
    if meaning_tables.has_meanings(scorecard):
        lines += ["", meaning_tables.as_markdown(scorecard)]
    for result in scorecard:
        claim = result.claim
        lines += ["", f"## {claim.id}: {result.verdict}", "", claim.sentence, ""]
        lines += [f"Measured: {claim.statistic}{_confirmed(claim.comparison)}.", ""]
        if claim.by_first_flips:
            lines += [f"Flips count {CONVENTIONS[result.as_released]}.", ""]
        if _missing(result):
            lines += [markdown_cell(_missing(result)), ""]
        if result.cases:
            headings = ["case", "verdict", "value [95 % interval]", "n", "left out", "note"]
            headings += [other] if claim.by_first_flips else []
            lines += [markdown_row(headings), "|---" * len(headings) + "|", *map(_case_row, result.cases)]
    return "\n".join(lines) + "\n"


def scorecard_document(scorecard: Scorecard) -> list[dict[str, object]]:
    """Every claim with its verdict and its cases, as what JSON is made of; numbers as the CSV has them."""
    return [
        {
            "claim": result.claim.id,
            "sentence": result.claim.sentence,
            "verdict": result.verdict,
            "over_all": _counts(result, result.cases),
            "missing": result.missing,
            "flips": CONVENTIONS[result.as_released] if result.claim.by_first_flips else None,
            "other_verdict": result.other_verdict,
            "by_way": dict(result.by_way),
            "cases": [
                {
                    "case": case.name,
                    "part": case.part,
                    "verdict": case.judgement.verdict,
                    "estimate": case.judgement.estimate,
                    "threshold": case.judgement.threshold,
                    "p": case.judgement.p_value,
                    "p_holm": adjusted,
                    "left_out": case.judgement.left_out,
                    "note": case.judgement.note,
                    "other_verdict": None if case.other is None else case.other.verdict,
                    "other_estimate": None if case.other is None else case.other.estimate,
                }
                for case, adjusted in zip(result.cases, result.adjusted, strict=True)
            ],
        }
        for result in scorecard
    ]


def as_csv(scorecard: Scorecard) -> str:
    """One row a case: claim, case, part, verdict, value, low, high, n, threshold, p, p after Holm, left out, note.

    Of a claim that rests on first flips, what counts as one (``flips``), and verdict and value by the other convention.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in scorecard:
        if not result.cases:
            row: list[object] = [result.claim.id, result.verdict, *[""] * 11, _missing(result), *[""] * 6]
            writer.writerow(map(_told, row))
        for case, adjusted in zip(result.cases, result.adjusted, strict=True):
            judgement = case.judgement
            numbers = [*judgement.estimate, judgement.threshold, judgement.p_value, adjusted]
            told = ["" if math.isnan(number) else number for number in numbers]
            names = [result.claim.id, result.verdict, case.name, case.part, judgement.verdict]
            beside: list[object] = [""] * 6
            if case.other is not None:
                beside = [CONVENTIONS[result.as_released], result.other_verdict, case.other.verdict]
                beside += ["" if math.isnan(number) else number for number in case.other.estimate[:3]]
            row = [*names, *told, judgement.left_out, judgement.note, *beside]
            writer.writerow(map(_told, row))
    return text.getvalue()


def _told(cell: object) -> object:
    return in_a_cell(cell) if isinstance(cell, str) else cell


def as_latex(scorecard: Scorecard) -> str:
    """A table of all claims: verdict over the grid, how many pairs have each verdict, and the other convention's."""
    rows = []
    for result in scorecard:
        counts = Counter(by_group(result.cases).values())
        sentence = f"{result.claim.id}. {in_latex(result.claim.sentence)}"
        rows.append(
            [
                rf"\parbox[t]{{0.5\linewidth}}{{\raggedright {sentence}\strut}}",
                in_latex(result.verdict),
                *("--" if result.verdict == IDENTITY else str(counts[verdict]) for verdict in VERDICTS),
                in_latex(_other_verdict(result)),
            ]
        )
    other = CONVENTIONS[not scorecard[0].as_released] if scorecard else ""
    headings = ["Claim", "Verdict", "Holds", "Fails", "Undecided", "Not inf.", other.capitalize()]
    caption = (
        "Claims, judged from 95\\,\\% intervals: the verdict over all pairs, how many pairs (of M5 and M6 comparisons) "
        f"have each verdict, and the verdict with flips counted {other}."
    )
    return booktabs(pd.DataFrame(rows, columns=headings), caption, "tab:claims")


def _counts(result: ClaimResult, cases: Sequence[Case]) -> str:
    """How many pairs, or comparisons, have each verdict: ``2 pairs: 1 holds, 1 undecided``."""
    counts = Counter(by_group(cases).values())
    if not counts:
        return ""
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in (*VERDICTS, IDENTITY) if counts[verdict])
    total = counts.total()
    return f"{total} {result.claim.counted.removesuffix('s') if total == 1 else result.claim.counted}: {verdicts}"


def _other_verdict(result: ClaimResult) -> str:
    return result.other_verdict or "–"


def _otherwise(result: ClaimResult) -> str:
    """The verdict under the other convention of what a first flip is, where there is one."""
    if not result.other_cases:
        return ""
    counts = _counts(result, result.other_cases)
    return f"With flips {CONVENTIONS[not result.as_released]}: {result.other_verdict}. {counts}."


def _missing(result: ClaimResult) -> str:
    if not result.missing:
        return "" if result.cases else "No run speaks to it."
    names = ", ".join(result.missing[:LONGEST_LIST])
    more = len(result.missing) - LONGEST_LIST
    return f"Too few seeds of: {names}{f' and {more} more' if more > 0 else ''}."


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")


def _confirmed(comparison: str) -> str:
    """What confirms a claim; of an identity nothing."""
    if not comparison:
        return ""
    return f"; confirmed {comparison if comparison.startswith(('where', 'when')) else f'where {comparison}'}"


def _case_row(case: Case) -> str:
    judgement = case.judgement
    name = f"{case.name} ({case.part})" if case.part else case.name
    cells = [name, judgement.verdict, _numbers(judgement), f"{judgement.estimate.n:,}"]
    cells += [judgement.left_out, judgement.note]
    return markdown_row(cells if case.other is None else [*cells, f"{case.other.verdict} {_numbers(case.other)}"])


def _numbers(judgement: Judgement) -> str:
    value, low, high, _ = judgement.estimate
    return "–" if math.isnan(value) else f"{value:.3f} [{low:.3f}, {high:.3f}]"

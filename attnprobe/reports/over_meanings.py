"""Whether an answer stands whatever is meant by "erased": a table, a sentence, a block of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attnprobe.erasure.registered_orderings import ATTENTION
from attnprobe.reports.cells import INTERVALS, Row, Table, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import percent_with_interval, points_with_interval
from attnprobe.reports.of_packages import Block
from attnprobe.reports.orderings_in_words import in_prose
from attnprobe.reports.style import display_name

Summary = Mapping[str, Any]


def meanings_table(summary: Summary) -> Table | None:
    """A row a way of erasing and ordering that attention is compared with; None where there is one way alone."""
    found = summary.get("over_meanings")
    if found is None:
        return None
    rows = [
        {
            "way": way,
            "title": under["title"],
            "verdict": under["verdict"],
            "against": one["second"],
            "attention_earlier": one["first_earlier"],
            "other_earlier": one["second_earlier"],
            "lead": one["lead"],
            "p": one["p"],
            "neither": one["neither"],
            "erased_by_attention": under["erased"][ATTENTION],
            "erased_by_other": under["erased"][one["second"]],
            "over_all": found["comparisons"][one["second"]],
        }
        for way, under in found["ways"].items()
        for one in under["comparisons"]
    ]
    cells: dict[str, Callable[[Row], str]] = {
        "Erased is": lambda row: in_latex(row["title"]),
        "Attention against": lambda row: in_latex(display_name(row["against"], summary)),
        "Attention first": lambda row: percentage(row["attention_earlier"]),
        "The other first": lambda row: percentage(row["other_earlier"]),
        "Neither": lambda row: percentage(row["neither"]),
        "Erased (attention)": lambda row: percentage(row["erased_by_attention"]),
        "Erased (the other)": lambda row: percentage(row["erased_by_other"]),
    }
    unit = summary["run"]["unit"]
    caption = (
        rf"share of documents (\%) whose decision changes with fewer erasures, and mean share of the {unit}s (\%) "
        rf"erased by then (none left, or never, counts as all), by what is meant by erased; {INTERVALS}"
    )
    return table_of(rows, cells, caption)


def meanings_in_words(summary: Summary) -> str:
    """Under how many meanings of "erased" the verdict is the same, and what is reversed; empty where there is one."""
    found = summary.get("over_meanings")
    if found is None:
        return ""
    ways, own = found["ways"], next(iter(found["ways"].values()))["verdict"]
    if found["same"] == len(ways):
        text = f"The answer is the same under all {len(ways)} meanings of “erased” that were tried."
    else:
        others: dict[str, list[str]] = {}
        for under in ways.values():
            if under["verdict"] != own:
                others.setdefault(under["verdict"], []).append(_quoted(under["title"]))
        told = "; ".join(f"under {_listed(titles)} it is: {verdict}" for verdict, titles in others.items())
        text = (
            f"The answer is the same under {found['same']} of the {len(ways)} meanings of “erased” that were tried; "
            f"{told}."
        )
    turned = [
        f"{_turned(other, found, summary)} under {_listed([_quoted(ways[way]['title']) for way in reversals])}"
        for other, reversals in found["reversed"].items()
        if reversals
    ]
    if turned:
        text += f" Which is earlier is reversed under some: {'; '.join(turned)}."
    return text


def _turned(other: str, found: Mapping[str, Any], summary: Summary) -> str:
    """Who is earlier where that is reversed."""
    own = next(one for one in next(iter(found["ways"].values()))["comparisons"] if one["second"] == other)
    pair = ["attention", in_prose(other, summary)]
    earlier, later = pair if own["lead"]["value"] < 0 else reversed(pair)
    return f"{earlier} before {later}"


def _quoted(title: str) -> str:
    return f"“{title}”"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def meanings_blocks(summary: Summary) -> list[Block]:
    """One block, as the page shows it: ways of erasing by what attention is compared with; none where there is one."""
    found = summary.get("over_meanings")
    if found is None:
        return []
    others = list(found["comparisons"])
    headings = ["erased is", *(f"lead over {in_prose(name, summary)}, points" for name in others)]
    headings += ["attention erases", "answer"]
    rows = [
        [
            under["title"],
            *(points_with_interval(one["lead"]) for one in under["comparisons"]),
            percent_with_interval(under["erased"][ATTENTION]),
            under["verdict"],
        ]
        for under in found["ways"].values()
    ]
    rows.append(["over all meanings", *(found["comparisons"][name] for name in others), "", found["verdict"]])
    own = next(iter(found["ways"].values()))
    documents = own["comparisons"][0]["lead"]["n"]
    words = (
        f"By the first of these the answer is: {own['verdict']}. {meanings_in_words(summary)} A lead is the share of "
        f"{documents:,} documents in which attention is earlier less that in which the other is."
    )
    return [Block("Whatever is meant by erased?", "", words, headings, rows)]

"""The page as text: templates filled in, one script and one style, both allowed by their hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from attnprobe import __version__
from attnprobe.analysis.results import RunResults
from attnprobe.explanations.names import PERMUTED, is_twin
from attnprobe.reports.page.content import BUDGET, RunContent, page_content
from attnprobe.reports.page.embedding import content_hash
from attnprobe.reports.page.readable import legible
from attnprobe.reports.page.terms import explained
from attnprobe.reports.style import OUTCOMES, colours

TEMPLATES = Path(__file__).parent / "templates"

SCRIPTS = (
    *("contributions.js", "documents.js", "words.js", "plots.js", "attention.js", "single_items.js", "export.js"),
    *("pane.js", "address.js", "page.js"),
)
"""In the order in which they are put together."""

OF_ANY_MEANING = {
    "This model's readout is not affine, so that erasures cannot be computed here.": "Erasures are not computed here.",
    "No exact smallest set is known for this readout.": "No exact smallest set is known.",
}
"""Sentences of the scripts that are true where runs renormalise and decide for classes, and what is true of any."""

DARKEST = 0.05
"""Luminance below which a colour cannot be told from a dark page."""

ON_DARK = "#E8E8E8"
"""What takes the place of such a colour there."""


def page_html(runs: Sequence[tuple[RunResults, Mapping[str, Any]]], budget: int = BUDGET, listener: str = "") -> str:
    """The page of one run, or of several side by side.

    Args:
        runs: results with their summaries, as ``summary.json`` has them.
        budget: bytes.
        listener: a script of whoever serves the page, which answers what the page asks for; it may ask its own server.

    Raises:
        InputError: a file of a run cannot be read.
    """
    content = page_content(runs, budget)
    runs_as_json = (part for number, run in enumerate(content) for part in ("," * (number > 0), *run.json_parts))
    script, style = _script(by_default=all(results.meaning.is_default for results, _ in runs)), _style(content)
    return (
        environment()
        .get_template("page.html")
        .render(
            runs=content,
            data=Markup("".join(('{"runs":[', *runs_as_json, "]}"))),
            script=Markup(script),
            style=Markup(style),
            script_hash=content_hash(script),
            style_hash=content_hash(style),
            listener=Markup(listener),
            listener_hash=content_hash(listener),
            version=__version__,
        )
    )


@cache
def environment() -> jinja2.Environment:
    """What fills templates in: all that is put into them is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["legible"] = legible
    made.filters["unbroken"] = lambda text: text.replace(" %", "\u00a0%").replace("% [", "%\u00a0[")
    made.globals["explained"] = explained
    made.filters["place"] = lambda number: f"{number:.2f}%"
    return made


def _script(*, by_default: bool) -> str:
    parts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    for sentence, of_any in {} if by_default else OF_ANY_MEANING.items():
        parts = [part.replace(sentence, of_any) for part in parts]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def _style(content: Sequence[RunContent]) -> str:
    """The style sheet, with a class for the colour of each ordering of each run."""
    outcomes = "; ".join(f"--{name.replace('_', '-')}: {colour}" for name, colour in OUTCOMES.items())
    light, dark = [f":root {{ {outcomes}; }}"], []
    for number, run in enumerate(content):
        for place, colour in enumerate(_hues(run.orderings)):
            on_dark = ON_DARK if _luminance(colour) < DARKEST else colour
            light.append(f".r{number}o{place} {{ --hue: {colour}; }}")
            dark.append(f".r{number}o{place} {{ --hue: color-mix(in srgb, {on_dark} 82%, white); }}")
    rules = [*light, "@media (prefers-color-scheme: dark) {", *dark, "}"]
    return (TEMPLATES / "page.css").read_text(encoding="utf-8") + "\n".join(rules) + "\n"


def _hues(orderings: Sequence[str]) -> list[str]:
    """A colour for each ordering; a permuted twin has that of its explanation, and is dashed where it is a line."""
    hues = colours(name for name in orderings if not is_twin(name, orderings))
    return [hues[name.removesuffix(PERMUTED) if is_twin(name, orderings) else name] for name in orderings]


def _luminance(colour: str) -> float:
    """Relative luminance of ``#RRGGBB`` (WCAG 2)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""The live page as text, and the policy under which it is shown: one script and one style, allowed by their hashes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from markupsafe import Markup

from attnprobe import __version__
from attnprobe.reports.page.embedding import content_hash
from attnprobe.reports.page.rendering import TEMPLATES as OF_RUNS
from attnprobe.reports.page.rendering import environment
from attnprobe.reports.page.terms import explained

TEMPLATES = Path(__file__).parent / "templates"

SHARED = ("documents.js", "words.js", "plots.js", "attention.js", "address.js")
"""Scripts of the page of a run that this page draws with."""

SCRIPTS = ("asking.js", "edit.js", "links.js", "layers.js", "shown_attention.js", "along.js", "live.js")
"""Its own, in the order in which they are put together."""

TERMS = ("erase", "decision", "first flip", "only with nothing left", "ordering", "smallest set", "JS, ΔJS", "head")


def live_page() -> str:
    """The page; what it shows it asks the server for."""
    template = environment().from_string((TEMPLATES / "live.html").read_text(encoding="utf-8"))
    return template.render(
        script=Markup(_script()), style=Markup(_style()), terms=explained("item", *TERMS), version=__version__
    )


def content_security_policy() -> str:
    """What the page may do: run its own script in its own style, and ask this server; nothing else."""
    return (
        f"default-src 'none'; script-src '{content_hash(_script())}'; style-src '{content_hash(_style())}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _script() -> str:
    paths = [*(OF_RUNS / name for name in SHARED), *(TEMPLATES / name for name in SCRIPTS)]
    return '"use strict";\n(() => {\n' + "\n".join(path.read_text(encoding="utf-8") for path in paths) + "})();\n"


@cache
def _style() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (OF_RUNS / "page.css", TEMPLATES / "live.css"))

"""The page of a run with its model behind it: what the page asks for, a script that stands before its own answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from attnprobe.live.application import Page
from attnprobe.reports.page.page import Page as RunPage

_POLICY = re.compile('http-equiv="Content-Security-Policy" content="([^"]+)"')

LISTENER = Path(__file__).with_name("listener.js")


def report_page_of(run: Path | None) -> Callable[[], Page] | None:
    """What makes the page of a run; None where there is no run.

    The page is made when it is first asked for.

    Args:
        run: its folder.
    """
    if run is None:
        return None
    made: list[Page] = []

    def page() -> Page:
        if not made:
            listener = LISTENER.read_text(encoding="utf-8")
            html = RunPage.of(run).html(listener=listener)
            policy = _POLICY.search(html)
            assert policy is not None, "every page has one"
            made.append(Page(html, f"{policy[1]}; frame-ancestors 'none'"))
        return made[0]

    return page

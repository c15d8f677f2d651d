"""O2, on the draw of r as the code of 2019 released it: a rank that is used as a position."""

from __future__ import annotations

from attnprobe.analysis.released_draw import released_draws
from attnprobe.analysis.results import ATTENTION
from attnprobe.papers.serrano2019.claims.evidence import Evidence
from attnprobe.papers.serrano2019.claims.judgement import IDENTITY, Judgement


def released_draw_deflates(evidence: Evidence) -> Judgement:
    """O2: share of the documents in which only i* flips, r as released less r as intended.

    It cannot be above 0. Where i* is first in its document the two are equal. Elsewhere the released r is i* in the
    place of the first item, and where i* flips, r = i* flips as well: the share of r that do not falls, or stays.
    """
    draw = released_draws(evidence.results)[ATTENTION]
    estimate = draw.difference.only_top
    note = (
        f"only i*: {draw.expected.only_top.value:.1%} as released, {draw.exact.only_top.value:.1%} as intended; "
        f"only r: {draw.expected.only_other.value:.1%}, {draw.exact.only_other.value:.1%}; "
        f"r is i* in {draw.r_is_top_expected.value:.1%}"
    )
    left_out = f"{draw.left_out:,} whose items were not kept" if draw.left_out else ""
    left_out = ", ".join(filter(None, [evidence.left_out, left_out]))
    return Judgement(IDENTITY, estimate, 0.0, left_out, note)

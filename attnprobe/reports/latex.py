"""Text and tables in LaTeX."""

from __future__ import annotations

import pandas as pd

from attnprobe.base.visible import visible

_ESCAPED = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "|": r"\textbar{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "Δ": r"$\Delta$",
        "α": r"$\alpha$",
        "−": "$-$",
        "×": r"$\times$",
        "·": r"$\cdot$",
        "–": "--",
        "⟦": "[",
        "⟧": "]",
        **{chr(0x2400 + code): f"[U+{code:04X}]" for code in range(0x20)},
        "␡": "[U+007F]",
    }
)


def in_latex(text: str) -> str:
    r"""The text as LaTeX that prints it: no character of it is a command, or steers who looks at the file.

    >>> print(in_latex("a_b & <50%$ ΔJS"), in_latex("a\x1b\u202e"))
    a\_b \& \textless{}50\%\$ $\Delta$JS a[U+001B][U+202E]
    """
    return visible(" ".join(text.split())).translate(_ESCAPED)


def booktabs(table: pd.DataFrame, caption: str, label: str) -> str:
    """A ``table`` environment for a page with ``\\usepackage{booktabs}``.

    Args:
        table: cells and headings that are LaTeX already; its first column is set to the left, the others to the right.
        caption: LaTeX.
        label: for ``\\ref``.
    """
    rows = [list(table.columns), *table.to_numpy().tolist()]
    lines = [" & ".join(row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\footnotesize",
            rf"\caption{{{caption}}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{l{'r' * (table.shape[1] - 1)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )

"""Tables as files: CSV with plain numbers, LaTeX to go into a paper."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from attnprobe.base.atomic_files import replacing
from attnprobe.reports.csv_text import csv_text


def write_csv(table: pd.DataFrame, folder: Path, name: str) -> Path:
    """Write ``name.csv``."""
    return _write(csv_text(table), folder / f"{name}.csv")


def write_latex(text: str, folder: Path, name: str) -> Path:
    """Write ``name.tex``."""
    return _write(text, folder / f"{name}.tex")


def _write(text: str, path: Path) -> Path:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path

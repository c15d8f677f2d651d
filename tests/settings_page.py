"""The tables of docs/settings.md, made of what is declared: ``python -m tests.settings_page`` writes them again."""

from pathlib import Path

from attnprobe.cli.flags import default_in_words
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.settings.declaration import settings_of
from attnprobe.settings.identification import Identified
from attnprobe.settings.knockout import KnockoutSettings
from attnprobe.settings.run_settings import TABLES, RunSettings
from attnprobe.settings.verification import Sample

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"

PARTS = (
    ("Of a run", "In TOML these entries come before all tables; the seed is always a flag.", RunSettings),
    ("`[data]`", "Which documents are used: the same ones in every run, whatever its seed.", TABLES["data"]),
    ("`[training]`", "How a model is trained.", TABLES["training"]),
    ("`[dropout]`", "Rates of HAN and FLAN; the defaults are those of the 2019 IMDB configuration.", TABLES["dropout"]),
    ("`[attention]`", "Of the model `transformer` and of `hf:` models: what is erased.", TABLES["attention"]),
    ("`[transformer]`", "Of the model `transformer`: its encoder.", TABLES["transformer"]),
    ("`[explanations]`", "Of `run` and of `probe`: explanations of your own.", TABLES["explanations"]),
    ("Who probes", "Flags alone, of `run`, `probe` and `identify`: no result depends on them.", ExecutionSettings),
    ("`attnprobe identify`", "Flags alone.", Identified),
    ("`attnprobe knockout`", "Flags, and arguments of `attnprobe.knockout`.", KnockoutSettings),
    ("`attnprobe verify`", "Flags alone.", Sample),
)


def table(settings):
    yield "| setting | flag | | is | default |"
    yield "|---|---|---|---|---|"
    for name, declared in settings_of(settings).items():
        cells = (f"`{name}`", f"`{declared.flag}`", declared.told.help, declared.wanted, default_in_words(declared))
        yield f"| {' | '.join(cells)} |"


def page(text):
    """The page with its tables as they are to be; what is before them is written by hand."""
    parts = ["\n".join([f"## {title}", "", sentence, "", *table(of)]) for title, sentence, of in PARTS]
    return text.partition("## ")[0] + "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

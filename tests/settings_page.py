"""What is made of the declarations of settings: the tables of docs/settings.md, and the types of arguments in Python.

``python -m tests.settings_page`` writes them again.
"""

import textwrap
from pathlib import Path

from attnprobe.cli.flags import default_in_words
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.in_python.arguments import OF_A_RUN, arguments_of
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.declaration import settings_of
from attnprobe.settings.identification import Identified
from attnprobe.settings.knockout import KnockoutSettings
from attnprobe.settings.own_explanations import ExplanationSettings
from attnprobe.settings.run_settings import AT_ANY_TIME, TABLES, RunSettings
from attnprobe.settings.verification import Sample

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "settings.md"
TYPES = ROOT / "attnprobe" / "in_python" / "argument_types.py"

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


WRITTEN = {int: "int", float: "float", bool: "bool", str: "str", tuple: "Sequence[str] | str"}
OF_PLACES = (
    ("experiment", "str | PathLike[str]", "a TOML file of settings; arguments take the place of its entries"),
    ("data_dir", "str | PathLike[str]", "folder of datasets, found by their folders' names"),
    ("text_column", "str", "of the files under a path (tokens or text)"),
    ("label_column", "str", "of the files under a path (category or label)"),
    ("device", 'Literal["auto", "cpu", "cuda"]', "where to compute (auto)"),
    ("force", "bool", "start over, throwing away what is finished"),
)
GROUPS = (
    (
        "TrainArguments",
        "",
        "Of ``attnprobe.train``: a run's settings, where its data are, where to compute.",
        (*[each for each in arguments_of(*OF_A_RUN).items() if each[0] not in ("dataset", "model")],),
    ),
    (
        "RunArguments",
        "TrainArguments",
        "Of ``attnprobe.run``: the same, and who tests.",
        (*arguments_of(ExecutionSettings).items(),),
    ),
    (
        "ProbeArguments",
        "",
        "Of testing what is trained: what can be asked at any time, and who tests.",
        (
            *[each for each in arguments_of(RunSettings).items() if each[1].name in AT_ANY_TIME],
            *[each for each in arguments_of(AttentionSettings).items() if each[1].name == "also"],
            *arguments_of(ExplanationSettings, ExecutionSettings).items(),
        ),
    ),
)


def written_type(declared):
    """The type of an argument, as Python has it."""
    kind = WRITTEN[declared.kind]
    if declared.told.choices:
        kind = "Literal[" + ", ".join(f'"{choice}"' for choice in declared.told.choices) + "]"
        if declared.kind is tuple:
            kind = f"Sequence[{kind}]"
    return f"{kind} | None" if declared.optional else kind


def argument_types():
    """The module of the types of arguments."""
    lines = [
        '"""Types of the arguments of ``attnprobe.run``, written by ``python -m tests.settings_page``."""',
        *("", "from collections.abc import Sequence", "from os import PathLike"),
        "from typing import Literal, TypedDict",
    ]
    for name, base, about, arguments in GROUPS:
        lines += ["", "", f"class {name}({base or 'TypedDict'}, total=False):", f'    """{about}"""', ""]
        told = [*OF_PLACES] if name == "TrainArguments" else []
        told += [(argument, written_type(of), f"{of.told.help} ({default_in_words(of)})") for argument, of in arguments]
        for argument, kind, sentence in told:
            text = f'"""{sentence[:1].upper()}{sentence[1:]}."""'
            one = f"    {argument}: {kind}"
            lines += [one, *textwrap.wrap(text, 116, initial_indent="    ", subsequent_indent="    ")]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TYPES.write_text(argument_types(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

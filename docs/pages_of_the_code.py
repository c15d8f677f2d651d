"""What pages of the site are made of the code: the command line from its parser, and links to files beside docs/."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnprobe.cli import COMMANDS, make_parser

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COMMAND_LINE, PLACE = "reference/command-line", "%COMMANDS%"
ELSEWHERE = {"CHANGELOG.md": "project/changelog", "CONTRIBUTING.md": "project/contributing"}
"""Files of the repository that have a page here."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", _bars)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    if page == COMMAND_LINE:
        source[0] = source[0].replace(PLACE, "\n".join(command_line()))
    for file, here in ELSEWHERE.items():
        if page == here:
            text = (Path(app.srcdir).parent / file).read_text(encoding="utf-8").replace("](docs/", "](../")
            source[0] = source[0].replace(f"%../{file}%", text)
            for other, there in ELSEWHERE.items():
                source[0] = source[0].replace(f"]({other}", f"](../{there}.md")
        source[0] = source[0].replace(f"](../{file}", f"]({here}.md")
    # Tables that are files, and no pages.
    source[0] = re.sub(r"\]\((results/[^)]*\.md)\)", r"](path:\1)", source[0])


def _bars(app: Sphinx, kind: str, name: str, of: object, options: object, lines: list[str]) -> None:
    """In docstrings a bar is a bar, and no substitution of reStructuredText."""
    for number, line in enumerate(lines):
        parts = line.split("``")
        lines[number] = "``".join(part if place % 2 else part.replace("|", r"\|") for place, part in enumerate(parts))


def command_line() -> list[str]:
    """A section a command: what it does, how it is called, what each flag is."""
    (commands,) = [each for each in make_parser()._actions if isinstance(each, argparse._SubParsersAction)]
    lines: list[str] = []
    for name in COMMANDS:
        parser = commands.choices[name]
        description = (parser.description or "").strip()
        summary, _, rest = description.partition("\n")
        lines += [f"## attnprobe {name}", "", _in_words(summary), ""]
        if rest.strip():
            lines += ["```text", rest.strip("\n"), "```", ""]
        lines += ["```text", _usage(parser), "```", ""]
        for group in parser._action_groups:
            told = [each for each in group._group_actions if each.dest != "help"]
            if told:
                lines += [f"**{(group.title or '').capitalize()}**", ""]
                for action in told:
                    lines += [f"`{_called(action)}`", f": {_in_words(_help(action))}", ""]
    return lines


def _usage(parser: argparse.ArgumentParser) -> str:
    words = ["usage:", parser.prog]
    words += [each.metavar if isinstance(each.metavar, str) else each.dest for each in parser._get_positional_actions()]
    return " ".join([*words, "[FLAGS]"])


def _called(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return metavar
    value = "" if action.nargs == 0 else f" {metavar}"
    if action.choices is not None:
        value = f" {{{','.join(map(str, action.choices))}}}"
    return ", ".join(action.option_strings) + value


def _help(action: argparse.Action) -> str:
    said = (action.help or "").replace("%%", "%")
    return said[:1].upper() + said[1:] if said else "\N{EM DASH}"


def _in_words(text: str) -> str:
    """Plain text as Markdown that shows it."""
    return re.sub(r"([*_<>\[\]$\\|])", r"\\\1", text)

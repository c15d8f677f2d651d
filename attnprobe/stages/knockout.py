"""A knock-out from prompts to results: from Python in one call, and into a folder that goes on after a stop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from attnprobe import __version__
from attnprobe.analysis.knockout_map import OfRoute, Screened, routes_of, screened, summary_of
from attnprobe.base.atomic_files import output_folder, replacing
from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import opened_parquet
from attnprobe.base.plain_files import read_text
from attnprobe.base.run_layout import CONFIG, remove_if_empty
from attnprobe.base.run_lock import locked
from attnprobe.data.batches import IntArray
from attnprobe.data.prompts import Prompts
from attnprobe.runs.run_folder import PARQUET, write_json
from attnprobe.settings.declaration import with_entries
from attnprobe.settings.knockout import KnockoutSettings
from attnprobe.stages.group_files import Group, GroupFiles, Results

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from attnprobe.models.huggingface.knocked_out import KnockedOut, Tables

FORMAT = 1
SETUP, SUMMARY, PARTS, LOCK = "knockout.json", "summary.json", "parts", "knockout.lock"
FILES = ("knockout.parquet", "prompts.parquet", "screen.parquet")
"""Results: a row a prompt and route, a row a prompt, and a row a single edge that was cut."""


@dataclass(frozen=True)
class KnockoutResult:
    """What cutting edges did, prompt by prompt (docs/knockout.md has the columns).

    Attributes:
        map: one row a prompt × source × target × window of layers (× head).
        prompts: one row a prompt.
        screen: one row a single edge that was cut; None where no screen was asked for.
        name: of the model.
    """

    map: pd.DataFrame
    prompts: pd.DataFrame
    screen: pd.DataFrame | None
    name: str

    def routes(self) -> pd.DataFrame:
        """One row a route, with means over prompts and their 95 % intervals."""
        from attnprobe.reports.knockout.files import routes_table

        return routes_table(self.name, self._routes(), len(self.prompts)).plain

    def screened(self) -> Screened | None:
        """How far the screen can be believed; None where there was none."""
        return None if self.screen is None else screened(self.screen)

    def save(self, folder: str | Path) -> list[Path]:
        """Write tables and figures into a folder, as the command does; returns the paths."""
        from attnprobe.reports.knockout.files import write_knockout

        folder = Path(folder)
        output_folder(folder)
        tables = dict(zip(FILES, (self.map, self.prompts, self.screen), strict=True))
        for file, table in tables.items():
            if table is not None:
                _write(pa.Table.from_pandas(table, preserve_index=False), folder / file)
        routes = self._routes()
        write_json(folder / SUMMARY, self.summary())
        return write_knockout(self.name, routes, self.prompts, self.screened(), folder)

    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` says."""
        return {"model": self.name, **summary_of(self._routes(), self.prompts, self.screen)}

    def in_words(self) -> str:
        """A few sentences."""
        from attnprobe.reports.knockout.words import knockout_in_words

        return knockout_in_words(self.name, self._routes(), self.prompts, self.screened())

    def _routes(self) -> list[OfRoute]:
        return routes_of(self.map)

    def __repr__(self) -> str:
        return f"<KnockoutResult of {len(self.prompts):,} prompts: {len(self.map):,} cuts of {self.name}>"


def knockout(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Any,  # noqa: ANN401
    sources: Sequence[str] = ("all",),
    targets: Sequence[str] = ("last",),
    window: int | str = 1,
    **settings: Any,  # noqa: ANN401
) -> KnockoutResult:
    """Where a decision's information flows: what it loses when positions are cut off from others, layer by layer.

    The attention of the target positions to the source positions is cut in a window of layers, so that the rest of each
    row keeps its sum, and the model goes on from there; positions that were cut off everywhere give zero.

    Args:
        model: a language model of transformers, or a classifier; put into evaluation mode.
        tokenizer: its own.
        prompts: strings; or tables with a ``prompt`` and further columns (dictionaries, a data frame).
        sources: names of positions that are attended to: ``first``, ``last``, ``all``, ``rest`` (what has no other
            name), ``first:WORD``, ``last:WORD``, ``every:WORD``, ``chars:START-END``, or a column of the prompts.
        targets: names of positions that attend to them.
        window: how many layers around each are cut in together; or windows by their layers, ``"0-2,3-5"``.
        settings: the other fields of ``attnprobe knockout``: ``layers``, ``by_head``, ``rival``, ``label_words``,
            ``erase_by``, ``screen``, ``sampled``, ``seed``.

    Raises:
        RefusedError: attention cannot be edited, or not provably, or the model decides for no class.
        InputError: the settings or the prompts do not fit the model; the message says which.

    >>> result = knockout(model, tokenizer, prompts, ["subject", "rest", "last"], window=3)  # doctest: +SKIP
    >>> result.routes()  # doctest: +SKIP
    """
    from attnprobe.attention.own_mode import in_own_mode, unwrapped
    from attnprobe.models.huggingface.knocked_out import KnockedOut
    from attnprobe.models.huggingface.sequences import settle_padding
    from attnprobe.models.huggingface.tokenizer_of_model import fitted

    if any(isinstance(names, str) or not isinstance(names, Iterable) for names in (sources, targets)):
        raise InputError("Sources and targets are lists of names: [name] is a list of one.")
    if not callable(tokenizer) or not hasattr(model, "config"):
        raise TypeError("A model of transformers is needed, and its tokenizer.")
    entries = {"sources": tuple(sources), "targets": tuple(targets), "window": str(window)}
    chosen = with_entries(KnockoutSettings(), {**entries, **settings})
    given = Prompts.of(prompts)
    plain: Any = unwrapped(model)
    with in_own_mode(plain), fitted(plain, tokenizer):
        if plain.get_output_embeddings() is None:
            settle_padding(plain, tokenizer)
        tables = joined(tables for _, tables in _computed(KnockedOut(plain, tokenizer, chosen, given)))
    return result_of(tables, type(plain).__name__)


def result_of(tables: Tables, name: str) -> KnockoutResult:
    """The result of tables that are whole."""
    screen = None if tables.screen is None else tables.screen.to_pandas()
    return KnockoutResult(tables.knockout.to_pandas(), tables.prompts.to_pandas(), screen, name)


def joined(parts: Iterator[Tables]) -> Tables:
    """One after another, prompts in their order."""
    from attnprobe.models.huggingface.knocked_out import Tables

    columns = zip(*parts, strict=True)
    return Tables(*(None if each[0] is None else _in_order(pa.concat_tables(each)) for each in columns))


def _numbered(tables: Tables, numbers: Sequence[int] | None) -> Tables:
    """With the numbers in the column ``document`` by which prompts are known."""
    if numbers is None:
        return tables
    known, parts = np.array(numbers, dtype=np.int64), []
    for table in tables:
        of = None if table is None else pa.array(known[table["document"].to_numpy()])
        parts.append(None if table is None else table.set_column(0, "document", of))
    return type(tables)(*parts)


def _in_order(table: pa.Table) -> pa.Table:
    return table.take(np.argsort(table["document"].to_numpy(), kind="stable"))


def _computed(subject: KnockedOut, groups: Sequence[IntArray] | None = None) -> Iterator[tuple[IntArray, Tables]]:
    """The tables of every group of prompts, with a bar."""
    groups = subject.groups() if groups is None else groups
    bar = tqdm(total=sum(map(len, groups)), unit=" prompts", desc="cutting edges", disable=None, leave=False)
    with bar:
        for numbers in groups:
            yield numbers, subject.of(numbers)
            bar.update(len(numbers))


@dataclass(frozen=True)
class Setup:
    """From what a folder's results are made.

    Attributes:
        model: what the user calls it.
        content: the hash of its checkpoint.
        prompts: the hash of all prompts and their columns.
        settings: what is cut.
    """

    model: str
    content: str
    prompts: str
    settings: KnockoutSettings

    @classmethod
    def of(cls, model: str, content: str, prompts: Prompts, settings: KnockoutSettings) -> Setup:
        """That of a command."""
        told = json.dumps([prompts.texts, dict(prompts.columns)], ensure_ascii=False, default=str)
        return cls(model, content, hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest(), settings)

    def entries(self) -> dict[str, Any]:
        """As ``knockout.json`` has it."""
        settings = {each.name: getattr(self.settings, each.name) for each in fields(self.settings)}
        of_settings = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        return {
            "attnprobe": __version__,
            "format": FORMAT,
            "model": self.model,
            "content": self.content,
            "prompts": self.prompts,
            "settings": of_settings,
        }


def knock_out_into(folder: Path, setup: Setup, subject: KnockedOut, *, force: bool = False) -> KnockoutResult:
    """Cut edges, prompt group by prompt group, into a folder; what is finished there is not computed again.

    Args:
        folder: where to; made where it is not there.
        setup: from what.
        subject: the model and its prompts.
        force: throw away what was made from something else.

    Raises:
        InputError: the folder holds something else, or someone else is writing there.
    """
    check_folder(folder)
    with locked(folder / LOCK, folder):
        made = _begun(folder, setup, force=force)
        output_folder(folder)
        finished = _finished(folder, setup)
        if finished is not None:
            finished.save(folder)
            return finished
        with_screen = bool(setup.settings.screen)
        files = [GroupFiles(folder / PARTS, word) for word in ("knockout", "prompts", *["screen"] * with_screen)]
        groups = subject.groups()
        kept = {number: _kept(files, Group(tuple(of.tolist())), made) for number, of in enumerate(groups)}
        waiting = [groups[number] for number, tables in kept.items() if tables is None]
        new: list[Tables] = []
        for numbers, tables in _computed(subject, waiting):
            for file, table in zip(files, tables, strict=False):
                file.write(Group(tuple(numbers.tolist())), made, Results(table, {}))
            new.append(tables)
        whole = _numbered(joined(iter([*filter(None, kept.values()), *new])), subject.prompts.numbers)
        result = result_of(whole, setup.model)
        result.save(folder)
        for of in groups:
            for file in files:
                file.remove(Group(tuple(of.tolist())))
        remove_if_empty(folder / PARTS)
    return result


def check_folder(folder: Path) -> None:
    """See that results can go into a folder.

    Raises:
        InputError: it is a run's folder, or no folder.
    """
    if (folder / CONFIG).exists():
        raise InputError(f"{folder} is a run's folder, which is left as it is; give another --out.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder, and --out has to be one.")


def _begun(folder: Path, setup: Setup, *, force: bool) -> dict[str, Any]:
    """What the results are made from, written down; refuses a folder of other results."""
    made, path = setup.entries(), folder / SETUP
    try:
        present = json.loads(read_text(path, MOST_JSON_BYTES))
    except FileNotFoundError:
        present = None
    except (ValueError, RecursionError):
        present = {}
    if present is not None and present != made:
        if not force:
            differs = [name for name in made if not isinstance(present, dict) or present.get(name) != made[name]]
            raise InputError(
                f"{folder} holds a knock-out with other {' and '.join(differs)}; give another --out, or --force."
            )
        for name in (SUMMARY, *FILES):
            (folder / name).unlink(missing_ok=True)
    write_json(path, made)
    return made


def _finished(folder: Path, setup: Setup) -> KnockoutResult | None:
    """The results that are there whole already; None where one is not, or is damaged."""
    if not (folder / SUMMARY).is_file():
        return None
    tables: list[pd.DataFrame] = []
    for name in FILES[: 3 if setup.settings.screen else 2]:
        try:
            with opened_parquet(folder / name, checksums=True) as file:
                tables.append(file.table().to_pandas())
        except (OSError, InputError, UnreadableError, ValueError):
            return None
    return KnockoutResult(tables[0], tables[1], tables[2] if len(tables) > 2 else None, setup.model)


def _kept(files: Sequence[GroupFiles], group: Group, made: Mapping[str, Any]) -> Tables | None:
    """What was finished of a group before; None where it was not."""
    from attnprobe.models.huggingface.knocked_out import Tables

    read = [file.read(group, made) for file in files]
    tables = [None if each is None else each.rows for each in read]
    if any(table is None for table in tables):
        return None
    return Tables(*tables, *[None] * (3 - len(tables)))


def _write(table: pa.Table, path: Path) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, **PARQUET)

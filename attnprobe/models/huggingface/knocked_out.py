"""A checkpoint and prompts, joined to the engine that cuts edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from attnprobe.attention.selection import select
from attnprobe.attention.sites import CROSS, DECODER, Site
from attnprobe.base.errors import InputError
from attnprobe.data.batches import IntArray, longest_first
from attnprobe.data.document_seeds import document_seeds
from attnprobe.data.files.places import listed, nearest, quoted
from attnprobe.data.named_positions import ALL, FIRST, LAST, check_names
from attnprobe.data.prompts import Prompts
from attnprobe.engines.edge_replay import EdgeReplay, starts_that_agree
from attnprobe.engines.edge_screen import screen_edges
from attnprobe.engines.knockout import Baseline, Route, knock_out
from attnprobe.erasure.meaning import Meaning
from attnprobe.models.huggingface.given_texts import documents_of_texts
from attnprobe.models.huggingface.label_words import label_token
from attnprobe.models.huggingface.pieces import EncodedPieces, PieceBatch, encode_documents
from attnprobe.models.huggingface.probe import CheckpointProbe
from attnprobe.models.huggingface.sequences import longest_sequence
from attnprobe.models.huggingface.token_positions import in_batch, marked_tokens
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.knockout import KnockoutSettings
from attnprobe.settings.unfit import Named, SettingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Tables(NamedTuple):
    """What came of some prompts.

    Attributes:
        knockout: one row a prompt × source × target × window (× head).
        prompts: one row a prompt.
        screen: one row an edge, of those that were cut by themselves; None where none was asked for.
    """

    knockout: pa.Table
    prompts: pa.Table
    screen: pa.Table | None


class KnockedOut:
    """A model that edges can be cut in, and the prompts on which.

    Args:
        model: a language model, or a classifier.
        tokenizer: its own, with a padding token.
        settings: what is cut.
        prompts: the texts, and their columns.

    Attributes:
        sites: the attention layers of the stack that is cut in.
        windows: the centre, the first and the last layer of each window.

    Raises:
        RefusedError: attention cannot be edited, or not provably, or the model decides for no class.
        InputError: a setting does not fit the model or the prompts; the message says which.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, settings: KnockoutSettings, prompts: Prompts
    ) -> None:
        check_names(settings.sources)
        check_names(settings.targets)
        self.model, self.tokenizer, self.settings, self.prompts = model, tokenizer, settings, prompts
        self._meaning = Meaning(settings.erase_by)
        self._meaning.check()
        if self._meaning.adds_vectors:
            sentence = "{} {}: a knock-out takes weights away and puts no vectors in their place."
            raise SettingError(settings.section, sentence, Named("erase_by"), settings.erase_by)
        attention = AttentionSettings(label_words=settings.label_words)
        self._probe = CheckpointProbe(model, tokenizer, attention)
        self.attachment = self._probe.attention.attachment
        chosen = select(self.attachment.sites, AttentionSettings(layers=settings.layers))
        self.sites: list[Site] = self.attachment.sites.stacks()[chosen[0].site.stack]
        self.windows = settings.windows([each.site.layer for each in chosen], len(self.sites))
        examples = self._probe.deciding_inputs(self._encoded.batch(self._examples).to(model.device))
        self._starts = starts_that_agree(self.attachment, self.sites, examples, self._meaning)
        self._marks = self._named()
        self._rivals = self._known_rivals()

    @cached_property
    def _encoded(self) -> EncodedPieces:
        documents = documents_of_texts(self.prompts.texts, self.tokenizer)
        encoded = encode_documents(documents, self.tokenizer, longest_sequence(self.model, self.tokenizer))
        if self.prompts.numbers is None:  # documents of a run are cut as the run cuts them
            for number in np.flatnonzero(encoded.is_cut)[:1].tolist():
                raise InputError(f"Prompt {number} is longer than the model takes.")
        return encoded

    @property
    def cut(self) -> int:
        """How many documents are longer than the model takes, and lost what was beyond."""
        return self._encoded.cut

    @property
    def _examples(self) -> IntArray:
        """Up to four prompts of different lengths, to see on them how runs may be done."""
        order = np.argsort(self._encoded.lengths, kind="stable")
        return np.unique(order[np.linspace(0, len(order) - 1, 4).astype(np.int64)])

    @property
    def _tells_text(self) -> tuple[bool, bool]:
        """Whether the stack's keys, and its queries, are the prompt's own tokens."""
        batch = self._encoded.batch(self._examples[:1]).to(self.model.device)
        inputs = self._probe.deciding_inputs(batch)
        own = "decoder_input_ids" not in inputs
        stack = self.sites[0].stack
        return own or stack != DECODER, own or stack not in (DECODER, CROSS)

    def _named(self) -> dict[str, list[npt.NDArray[np.bool_]]]:
        """By name, which tokens of each prompt are there: of all sources and targets that are about its text."""
        of_keys, of_queries = self._tells_text
        # What is left over is so by the names of its own side, and a name may mean the prompt on one side alone.
        marks: dict[str, list[npt.NDArray[np.bool_]]] = {}
        for side, asked, of_text in (
            ("source", self.settings.sources, of_keys),
            ("target", self.settings.targets, of_queries),
        ):
            if of_text:
                found = marked_tokens(self._encoded, self.prompts, asked)
                marks |= {f"{side} {name}": of for name, of in found.items()}
                continue
            for name in asked:
                if name not in (FIRST, LAST, ALL):
                    sentence = "{}: {} is of the prompt, and these rows are the answer's: first, last or all is needed."
                    raise SettingError(self.settings.section, sentence, Named(f"{side}s"), quoted(name))
        return marks

    def _known_rivals(self) -> list[int] | None:
        """The class that is each prompt's rival; None where it is the runner-up."""
        rival = self.settings.rival
        if rival is None:
            return None
        if rival not in self.prompts.columns:
            return [self._class_of(rival, None)] * len(self.prompts)
        cells = self.prompts.columns[rival]
        return [self._class_of(cell, number) for number, cell in enumerate(cells)]

    def _class_of(self, word: Any, number: int | None) -> int:  # noqa: ANN401
        where = "The " if number is None else f"Prompt {number}: the "
        if not isinstance(word, str) or not word.strip():
            raise InputError(f"{where}rival is {word!r}, but a word is needed.")
        if self._probe.decides_tokens:
            try:
                return label_token(self.tokenizer, word)
            except SettingError:
                raise InputError(f"{where}rival {quoted(word)} is not one token of the model's vocabulary.") from None
        names = self._probe.class_names(np.arange(self.attachment.classes))
        if word not in names:
            raise InputError(f"{where}rival {quoted(word)} is none of {listed(names)}.{nearest(word, names)}")
        return names.index(word)

    def groups(self) -> list[IntArray]:
        """Numbers of prompts that are run together, the longest first."""
        return longest_first(self._encoded.lengths, self._probe.batch_documents, self._probe.batch_tokens)

    def inputs(self, numbers: IntArray) -> dict[str, Any]:
        """What the model takes of the prompts of these numbers."""
        return self._probe.deciding_inputs(self._encoded.batch(numbers).to(self.model.device))

    def of(self, numbers: IntArray) -> Tables:
        """Cut the edges of the prompts of these numbers."""
        batch = self._encoded.batch(numbers).to(self.model.device)
        inputs = self.inputs(numbers)
        replay = EdgeReplay(self.attachment, self.sites, inputs, self._starts, self._meaning)
        rivals = None if self._rivals is None else torch.tensor([self._rivals[n] for n in numbers.tolist()])
        baseline = Baseline.of(replay.logits, None if rivals is None else rivals.to(replay.logits.device))
        route = self._route(replay, batch, numbers)
        rows = knock_out(
            replay, baseline, route, [window[1:] for window in self.windows], by_head=self.settings.by_head
        )
        screen = None
        if self.settings.screen:
            top, sampled, seeds = self.settings.screen, self.settings.sampled, self._seeds[numbers].view(np.int64)
            found = screen_edges(replay, baseline, top, sampled, torch.from_numpy(seeds), by_head=self.settings.by_head)
            screen = self._screen_table(found, replay, numbers)
        prompts = self._prompt_table(baseline, batch, numbers, replay.layer_passes)
        return Tables(self._map_table(rows, numbers), prompts, screen)

    @cached_property
    def _seeds(self) -> npt.NDArray[np.uint64]:
        hashes = self._encoded.documents.content_hashes
        return document_seeds(self.settings.seed, hashes, np.zeros(len(hashes), dtype=np.int64))

    def _route(self, replay: EdgeReplay, batch: PieceBatch, numbers: IntArray) -> Route:
        site = self.sites[0]
        sides = []
        for side, names, mask in (
            ("source", self.settings.sources, replay.axes.keys(site)),
            ("target", self.settings.targets, replay.axes.queries(site)),
        ):
            marks = {}
            for name in names:
                known = self._marks.get(f"{side} {name}")
                if known is None:
                    marks[name] = _of_tokens(name, mask)
                else:
                    marks[name] = in_batch([known[number] for number in numbers.tolist()], batch.mask)
            sides.append(marks)
        return Route(*sides)

    def _map_table(self, rows: Mapping[str, Tensor], numbers: IntArray) -> pa.Table:
        columns = {name: column.numpy() for name, column in rows.items()}
        windows = np.array(self.windows, dtype=np.int16)[columns["window"]]
        return pa.table(
            {
                "document": pa.array(numbers[columns["document"]].astype(np.int64)),
                "source": _names(self.settings.sources, columns["source"]),
                "target": _names(self.settings.targets, columns["target"]),
                "layer": pa.array(windows[:, 0]),
                "first_layer": pa.array(windows[:, 1]),
                "last_layer": pa.array(windows[:, 2]),
                "head": pa.array(columns["head"].astype(np.int16)),
                "edges": pa.array(columns["edges"].astype(np.int32)),
                "delta_log_probability": pa.array(columns["delta_log_probability"]),
                "delta_rival": pa.array(columns["delta_rival"]),
                "flipped": pa.array(columns["flipped"]),
            }
        )

    def _prompt_table(self, baseline: Baseline, batch: PieceBatch, numbers: IntArray, layer_passes: int) -> pa.Table:
        decision, rival = (each.cpu().numpy() for each in (baseline.decision, baseline.rival))
        log_p = baseline.log_p.cpu().numpy()
        passes = layer_passes / max(1, len(self.attachment.calls)) / len(numbers)
        return pa.table(
            {
                "document": pa.array(numbers.astype(np.int64)),
                "prompt": pa.array([self.prompts.texts[number] for number in numbers.tolist()], pa.string()),
                "tokens": pa.array(batch.mask.sum(-1).cpu().numpy().astype(np.int32)),
                "decision": pa.array(self._probe.class_names(decision), pa.string()),
                "rival": pa.array(self._probe.class_names(rival), pa.string()),
                "log_probability": pa.array(log_p[:, 0]),
                "rival_log_probability": pa.array(log_p[:, 1]),
                "plain_passes": pa.array(np.full(len(numbers), passes)),
            }
        )

    def _screen_table(self, found: Mapping[str, Tensor], replay: EdgeReplay, numbers: IntArray) -> pa.Table:
        columns = {name: column.numpy() for name, column in found.items()}
        site = self.sites[0]
        document = torch.from_numpy(columns["document"])
        table = {"document": pa.array(numbers[columns["document"]].astype(np.int64))}
        table |= {name: pa.array(columns[name].astype(np.int16)) for name in ("layer", "head")}
        for name, mask in (("query", replay.axes.queries(site)), ("key", replay.axes.keys(site))):
            number = mask.cumsum(-1).cpu() - 1  # of a token in its prompt, without padding
            table[name] = pa.array(number[document, torch.from_numpy(columns[name])].numpy().astype(np.int32))
        rest = ("first_order", "delta_log_probability", "delta_rival", "flipped", "top", "sampled")
        return pa.table(table | {name: pa.array(columns[name]) for name in rest})


def _of_tokens(name: str, mask: Tensor) -> Tensor:
    """True at the first, the last, or all real tokens (batch, tokens)."""
    number = mask.cumsum(-1)
    if name == FIRST:
        return mask & (number == 1)
    return mask & (number == number[:, -1:]) if name == LAST else mask


def _names(names: Sequence[str], places: npt.NDArray[np.int64]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(list(names))).cast(pa.string())

"""Every erasure test on any model in one call, from Python."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import torch
from torch import Tensor, nn

from attnprobe.attention.attachment import said_of_tokens
from attnprobe.attention.decisions import attach_to_decision, own_decision
from attnprobe.attention.given_batches import batches_of, decided_at
from attnprobe.attention.model_call import ModelCall
from attnprobe.attention.orientation import settled
from attnprobe.attention.own_mode import in_own_mode, unwrapped
from attnprobe.attention.sites import DECODER
from attnprobe.attention.token_axes import documents_of
from attnprobe.base.errors import InputError
from attnprobe.data.document_seeds import document_seeds
from attnprobe.data.media import Media
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.items import Items
from attnprobe.engines.media_items import MediaItems
from attnprobe.engines.taken_mass import training_vectors
from attnprobe.erasure.arrays import whole_number
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.decisions.entry import DecisionOptions
from attnprobe.erasure.draw_counts import MOST_DRAWS, RANDOM_DRAWS
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.registered_decisions import ABOUT_WHAT_IS_GIVEN, CLASS, CONTINUATION
from attnprobe.erasure.registered_orderings import ALL, ORDERINGS, Ordering, chosen_orderings
from attnprobe.erasure.registered_ways import ERASE_BY, RENORMALISE
from attnprobe.erasure.stand_ins import TrainingVectors
from attnprobe.erasure.ways_of_a_call import WaysOfACall
from attnprobe.explanations.of_a_call import ExplanationsOfACall
from attnprobe.runs.meaning_records import told_of_decision
from attnprobe.runs.ordering_records import records_of
from attnprobe.settings.attention import AttentionSettings, position_of
from attnprobe.settings.declaration import with_entries
from attnprobe.settings.own_explanations import OUT, OWN_SCORE, SUM
from attnprobe.stages.curve_tables import curve_table
from attnprobe.stages.sinks import measured_of, measured_sink
from attnprobe.stages.tables import (
    Collector,
    Tables,
    WholeOrderings,
    occurrences_of,
    probe_split,
    rows_asked,
    rows_certified,
)
from attnprobe.stages.training_vectors import computed_vectors

if TYPE_CHECKING:
    from transformers import Pipeline, PreTrainedTokenizerBase


@dataclass(frozen=True)
class ProbeResult:
    """What the erasure tests gave, as in a run folder (docs/run-folder.md).

    Attributes:
        documents: one row a document; of texts, ``cut`` says whether it is longer than the model takes.
        erasures: one row a document × ordering × draw.
        items: one row a document × item.
        engine: how erasures were computed: ``single row``, ``replay`` or ``whole runs``.
        cut: how many texts were longer than the model takes, and lost what was beyond.
        special_strings: in how many texts a string stands that the tokenizer takes for a special token.
        meaning: what was meant by erased first, and by decided.
        brought: the explanations that were given to ``probe`` and their permuted twins, as orderings by name.
        curves: one row a document × ordering × draw × number of items removed, where they were asked for; else None.
        heads: by layer, as the argument ``layers`` names it, the numbers of the heads that were erased in.
        class_names: what the classes are called that were decided for, by their numbers, where that is known.
        media: the pictures or sounds that the model read, and where in them each item lies, where that is known.
        target_curves: as ``curves``, of every one of the ``targets``, whose number ``target`` is.
    """

    documents: pd.DataFrame
    erasures: pd.DataFrame
    items: pd.DataFrame
    engine: str
    cut: int = 0
    special_strings: int = 0
    meaning: Meaning = BY_DEFAULT
    brought: Mapping[str, Ordering] = field(default_factory=dict)
    curves: pd.DataFrame | None = None
    heads: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    class_names: Mapping[int, str] = field(default_factory=dict)
    media: Media | None = None
    target_curves: pd.DataFrame | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that were erased in, as the argument ``layers`` names them, in order of computation."""
        return tuple(self.heads)

    def __repr__(self) -> str:
        cut = f", {self.cut:,} of them cut" if self.cut else ""
        return (
            f"<ProbeResult of {len(self.documents):,} documents{cut} and {len(self.items):,} items: erased in "
            f"{', '.join(self.layers)}, {self.engine}>"
        )

    def _repr_html_(self) -> str:
        from attnprobe.reports.page.notebook import frame_of_tables
        from attnprobe.runs.read_columns import columns_of_way

        meaning = {"erase_by": self.meaning.erase_by, "decision": self.meaning.decision}
        orderings = records_of(self.brought)
        told = told_of_decision(self.meaning.decision, self.meaning.options)
        erasures = self._erased_by(self.meaning.erase_by)
        tables = {"documents": self.documents, "erasures": erasures, "items": self.items}
        if ERASE_BY in self.erasures:  # the page is of the first way alone
            ways = list(self.erasures[ERASE_BY].unique())
            of_first = columns_of_way([str(name) for name in self.documents], self.meaning.erase_by, ways)
            tables["documents"] = self.documents[list(of_first)]
        tables |= {} if self.curves is None else {"curves": self.curves}
        frame = frame_of_tables(tables, meaning=meaning, told=told, orderings=orderings)
        return f"{self.shown_html()}{frame}"

    def shown_html(self, documents: Sequence[int] | None = None) -> str:
        """Pictures with their patches shaded, or sounds on an axis of time, as HTML; empty where there are none.

        Args:
            documents: which of them, by their numbers; by default the first ones.
        """
        from attnprobe.reports.page.media import media_html

        if self.media is None:
            return ""
        first = self._erased_by(self.meaning.erase_by)
        return media_html(self.media, self.documents, first, self.items, documents, dict(self.class_names))

    def _erased_by(self, way: str) -> pd.DataFrame:
        """The rows of ``erasures`` by one way of erasing."""
        several = ERASE_BY in self.erasures
        known = list(self.erasures[ERASE_BY].unique()) if several else [self.meaning.erase_by]
        if way not in known:
            raise InputError(f"Nothing was erased by {way!r}; what was asked for: {', '.join(known)}.")
        return self.erasures[self.erasures[ERASE_BY] == way].drop(columns=ERASE_BY) if several else self.erasures

    def fractions(self, erase_by: str | None = None) -> pd.DataFrame:
        """By ordering: the shares of its three outcomes, and how much is erased at the first flip.

        ``flipped_share`` (the decision flips while something is left), ``emptied_share`` (it changes only when nothing
        is left) and ``never_share`` add up to one. ``restricted_mean`` is the mean fraction of items erased over all
        documents, the last two outcomes counting as 1; ``median_fraction`` is over those that flip. Documents of one
        item are left out.

        Args:
            erase_by: the way of erasing, where there are several; by default the first.

        Raises:
            InputError: it was not asked for.
        """
        erasures = self._erased_by(self.meaning.erase_by if erase_by is None else erase_by)
        several = erasures[erasures["n"] > 1]
        flipped = (several["removed"] > 0) & ~several["emptied"]
        columns = several.assign(
            flipped_share=flipped.astype(float),
            emptied_share=several["emptied"].astype(float),
            never_share=(several["removed"] < 0).astype(float),
            restricted_mean=several["fraction"].where(flipped, 1.0),
            median_fraction=several["fraction"].where(flipped),
        )
        by_ordering = columns.groupby("ordering", sort=False, observed=True)
        means = by_ordering[["flipped_share", "emptied_share", "never_share", "restricted_mean"]].mean()
        return means.assign(median_fraction=by_ordering["median_fraction"].median())


def probe(
    model: nn.Module | Pipeline,
    tokenizer_or_batches: PreTrainedTokenizerBase | Iterable[Any] | None = None,
    texts: Iterable[Any] | None = None,
    *,
    seed: int = 0,
    erase_by: str | Sequence[str] = RENORMALISE,
    reference: Iterable[Any] = (),
    decision: str | None = None,
    threshold: float = 0.0,
    tolerance: float | None = None,
    given_class: str | int | None = None,
    continuation: str | None = None,
    targets: Sequence[str | int] = (),
    orderings: Sequence[str] = (),
    curves: bool = False,
    limits: int = 0,
    certify: int = 0,
    draws: int = RANDOM_DRAWS,
    explanations: Mapping[str, object] | None = None,
    specials: str = OWN_SCORE,
    sinks: str = OWN_SCORE,
    subwords: str = SUM,
    tokens: int | None = None,
    token_axis: int | None = None,
    **settings: Any,  # noqa: ANN401
) -> ProbeResult:
    """Test whether a model's attention orders what its decisions depend on.

    Args:
        model: a Hugging Face sequence classifier or language model, with its tokenizer and texts; a classifier of
            pictures or sounds, with its image processor or feature extractor and these; a ``pipeline`` of
            one, with texts alone; or any module with softmax attention over tokens that gives logits, with batches. Put
            into evaluation mode. Whatever mode of torch this is called in (inference mode, autocast), the model is run
            in its own format.
        tokenizer_or_batches: the tokenizer; or batches of the model's arguments, by name (a tokenizer's encoding is
            such) or in order: tensors, arrays or lists whose first axis is that of the documents and whose second is
            that of the tokens; ``attention_mask`` (or ``mask``, or the inverse ``src_key_padding_mask``) says which
            tokens are real. One batch stands for a list of one. Pictures (``pixel_values``) and sounds
            (``input_values``, ``input_features``) have no entry a token: how many tokens there are is found where the
            model attends (docs/modalities.md).
        texts: pictures or sounds, with a processor of these; else documents, none of them blank, in anything that can
            be gone through; with a tokenizer, which reads each as it is. A tuple of two strings is a pair; a list of
            messages (``role``, ``content``) is a chat, which the tokenizer's template writes out.
        seed: of the random orderings.
        erase_by: the name of a way of erasing, or several: the first is what results are of, the others are measured
            beside it, in columns and rows with their names.
        reference: training documents, for ways that put what attention gives of these in the place of what is erased:
            texts with a tokenizer, else batches.
        decision: the name of what flips (``attnprobe list``): by default what the model's head was trained for, where
            its configuration says that it gives a number or says yes and no; else the class of the largest logit.
        threshold: of the decisions ``one_logit`` and ``multi_label``, on the logit.
        tolerance: of the decision ``regression``: by how much the output may move; without it nothing flips, and
            ``curves`` are kept, which say how far it moves.
        given_class: a class by name or number, a token, or one of ``label_words``: the decision is then whether it is
            on top, ``given_class``.
        continuation: of a language model, what is given to it behind each text, as it is written: the decision is then
            ``continuation``, whether it would say that; its log-probability is followed token by token, as targets are.
        targets: classes, tokens or label words, named likewise, whose probability and logit are kept after every single
            erasure (columns of ``items``) and along every ordering (``target_curves``), whatever is decided.
        orderings: names of orderings beside the usual ones (``attnprobe list``), or ``["all"]``.
        curves: whether to keep how sure the model is along whole orderings, of a sample of documents as in a run.
        limits: of how many of these it is found what any ordering can reach (``aopc_…`` of the result's documents):
            exact up to 12 items, beyond that what orderings are found to attain. Curves are then kept, too.
        certify: of how many items all sets are erased, to find what flips and what guarantees decisions of a sample of
            documents, 64 of 14 items, or some thirty longer ones (docs/guarantees.md): exact up to 14 items, of which
            all sets are erased whatever the number; 0 asks for none.
        draws: how many random orderings a document gets, up to 128; of more draws the first are those of fewer.
        explanations: scores of your own by name, each judged as an ordering beside its permuted twin: of every text a
            list or array of one number a token of the tokenizer's own encoding, special tokens included, or a word
            where ``unit`` is ``word``; or ``(start, end, score)`` tuples of stretches of the text, in characters; or a
            ``shap.Explanation`` and its like (docs/explanations.md). With batches, an array of (documents, tokens) a
            batch. A list of several of these is one explanation that was drawn several times.
        specials: special tokens are erased by their ``own`` scores, ``first``, ``last``, or are no items: ``out``,
            which of pictures are the tokens of no place.
        sinks: ``out``: the first item is none where it is a sink of attention, told by ``reference`` where there is
            some, else by what is probed; documents then have ``sink_share``, what it holds (docs/transformers.md).
        subwords: how scores of sub-words become one of a word: their ``sum`` or their ``mean``.
        tokens: how many tokens a document has, where batches have no entry a token and it is not what is found.
        token_axis: which axis of the first of a batch's arguments has an entry a token, where it is not the second; 0
            says that tokens come before documents.
        settings: what is erased: the fields of ``AttentionSettings`` (``layers``, ``heads``, ``query``, ``unit``, …).

    Raises:
        RefusedError: attention cannot be erased, or not provably; the message says why.
        InputError: the data or the settings do not fit the model.
        TypeError: an argument is of another kind altogether.
    """
    try:
        whole_number("seed", seed, 0)
        whole_number("draws", draws, 1)
        whole = WholeOrderings(curves, whole_number("limits", limits, 0), whole_number("certify", certify, 0))
    except ValueError as error:
        raise InputError(f"The {error}.") from None
    if draws > MOST_DRAWS:
        raise InputError(f"The draws are {draws:,}, but {MOST_DRAWS} random orderings of a document are the most.")
    if type(settings.get("at")) is int:
        settings |= {"at": str(settings["at"])}
    chosen = with_entries(AttentionSettings(), settings)
    if not isinstance(curves, bool):
        raise TypeError(f"curves is {type(curves).__name__}, but True or False is needed.")
    if not isinstance(decision or CLASS, str):
        raise TypeError(f"decision is {type(decision).__name__}, but a name is needed.")
    given = _Given.of(model, tokenizer_or_batches, texts)
    options = _options(threshold, tolerance, given_class, continuation)
    about = next((name for name in ABOUT_WHAT_IS_GIVEN if getattr(options, name) is not None), None)
    decided = Meaning(decision=decision or about or own_decision(given.model), options=options)
    ways = WaysOfACall.of(erase_by, decided, given.as_batches(reference))
    if whole.certify and not decided.flips_at_all:
        raise InputError("certify is of decisions that flip: a number that is predicted has none without a tolerance.")
    followed = _followed(targets, decided)
    whole = whole._replace(curves=whole.curves or not decided.has_probability or bool(followed))
    if isinstance(orderings, str):
        raise TypeError("orderings are one string, but several are needed: [name] is a list of one.")
    further = [name if name == ALL else ORDERINGS.require(name) for name in orderings]
    usual = chosen_orderings(further, draws)
    brought = ExplanationsOfACall(explanations or {}, specials, subwords, sinks)
    brought.check(usual)
    asked = (chosen, ways, seed, usual, brought, whole, followed)
    with in_own_mode(given.model):
        if given.texts is not None:
            if tokens is not None or token_axis is not None:
                raise InputError("Of texts the tokens are known: tokens and token_axis are for batches.")
            return _probe_texts(given.model, given.tokenizer, given.texts, *asked)
        batches = batches_of(given.batches, given.model)
        return _probe_batches(given.model, batches, *asked, (tokens, token_axis), given.rate)


class _Given(NamedTuple):
    """What was given to be probed: a model, and a tokenizer with texts or batches."""

    model: nn.Module
    tokenizer: Any
    texts: Any
    batches: Any
    rate: float | None = None

    def as_batches(self, reference: Any) -> Any:  # noqa: ANN401
        """Training documents as they were given, but pictures and sounds as batches."""
        from attnprobe.models.huggingface.given_media import processed

        of_media = self.texts is None and self.tokenizer is not None
        documents = list(reference) if of_media else reference
        return processed(self.tokenizer, documents).batches if of_media and documents else documents

    @classmethod
    def of(cls, model: Any, tokenizer_or_batches: Any, texts: Any) -> _Given:  # noqa: ANN401
        """Told apart by what they are.

        Raises:
            TypeError: something is none of what it has to be.
        """
        if not isinstance(model, nn.Module) and isinstance(getattr(model, "model", None), nn.Module):  # a pipeline
            if texts is None:
                tokenizer_or_batches, texts = getattr(model, "tokenizer", None), tokenizer_or_batches
            model, tokenizer_or_batches = model.model, tokenizer_or_batches or model.tokenizer
        if not isinstance(model, nn.Module):
            raise TypeError(f"The model is {type(model).__name__}, but a torch.nn.Module is needed.")
        from attnprobe.models.huggingface.given_media import processed, takes_media

        model = unwrapped(model)
        if texts is None:
            return cls(model, None, None, tokenizer_or_batches)
        if takes_media(tokenizer_or_batches):
            media = processed(tokenizer_or_batches, texts)
            return cls(model, tokenizer_or_batches, None, media.batches, media.rate)
        if not callable(tokenizer_or_batches):
            raise TypeError(f"Texts need a tokenizer, and {type(tokenizer_or_batches).__name__} is none.")
        if not hasattr(model, "config"):
            raise TypeError(
                f"{type(model).__name__} is no model of transformers, and what it takes of a tokenizer is not known: "
                "give it batches, probe(model, [tokenizer(texts, padding=True)])."
            )
        return cls(model, tokenizer_or_batches, texts, None)


def _options(
    threshold: float, tolerance: float | None, given_class: str | int | None, continuation: str | None
) -> DecisionOptions:
    if continuation is not None and (not isinstance(continuation, str) or not continuation):
        raise TypeError(f"continuation is {continuation!r}, but a text that is not empty is needed.")
    if isinstance(given_class, bool) or not isinstance(given_class, str | int | None):
        raise TypeError(f"given_class is {type(given_class).__name__}, but a name or a number is needed.")
    for name, value in (("threshold", threshold), ("tolerance", tolerance)):
        if isinstance(value, bool) or (not isinstance(value, Real) and not (value is None and name == "tolerance")):
            raise TypeError(f"{name} is {type(value).__name__}, but a number is needed.")
    named = None if given_class is None else str(given_class)
    return DecisionOptions(float(threshold), None if tolerance is None else float(tolerance), named, continuation)


def _probe_texts(
    model: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    texts: Any,  # noqa: ANN401
    settings: AttentionSettings,
    ways: WaysOfACall,
    seed: int,
    usual: Mapping[str, Ordering],
    brought: ExplanationsOfACall,
    whole: WholeOrderings,
    targets: Sequence[str],
) -> ProbeResult:
    from attnprobe.models.huggingface.following_tokens import appended_tokens
    from attnprobe.models.huggingface.given_texts import documents_of_texts
    from attnprobe.models.huggingface.pieces import encode_documents
    from attnprobe.models.huggingface.probe import CheckpointProbe
    from attnprobe.models.huggingface.sequences import longest_sequence, settle_padding
    from attnprobe.models.huggingface.tokenizer_of_model import fitted

    documents = documents_of_texts(texts, tokenizer)
    with fitted(model, tokenizer):
        special_items = brought.specials != OUT
        of_model = CheckpointProbe(model, tokenizer, settings, ways.first, special_items=special_items, targets=targets)
        if model.get_output_embeddings() is None and settings.at is None:
            settle_padding(model, tokenizer)
        # A document of which the tokenizer makes nothing is refused by its number.
        longest = longest_sequence(model, tokenizer)
        text, behind = ways.first.options.continuation, None
        if text is not None and not model.config.is_encoder_decoder:
            behind = appended_tokens(model, tokenizer, text)
        asked: dict[str, Any] = {"special_items": special_items, "at": settings.at, "behind": behind}
        encoded = encode_documents(documents, tokenizer, longest, settings.unit, **asked)
        of_model.others = [replace(other, options=of_model.meaning.options) for other in ways.others]
        of_reference, needed = encoded, ways.need_training or brought.sinks == OUT
        if needed and ways.reference:
            read = documents_of_texts(ways.reference, tokenizer)
            of_reference = encode_documents(read, tokenizer, longest, settings.unit, **asked)
        if ways.need_training:
            vectors = computed_vectors(of_model, of_reference, model.device)
            of_model.training = {name: training_vectors(of.to(model.device)) for name, of in vectors.items()}
        if brought.sinks == OUT:
            of_model.leaves_out_first = measured_sink(of_model, of_reference, model.device).is_sink
        own = brought.of_texts(documents.texts, of_model.item_parts(encoded))
        tables = probe_split(of_model, encoded, seed, model.device, {**usual, **own}, whole)
        result = _result(tables, of_model.attention, own, labelled=False)
        decided = np.unique(result.documents["decision"].to_numpy(np.int64))
        if ways.first.decision == CLASS:
            names = dict(zip(decided.tolist(), of_model.class_names(decided), strict=True))
        else:
            classes = [] if of_model.decides_tokens else of_model.class_names(np.arange(of_model.class_count))
            names = of_model.meaning.names(classes, decided.tolist())
    if encoded.cut:
        warnings.warn(
            f"{encoded.cut:,} of {len(documents):,} texts are longer than the model takes: they are cut to "
            f"{longest:,} tokens.",
            stacklevel=3,
        )
    result.documents.insert(1, "cut", encoded.is_cut)
    return replace(result, cut=encoded.cut, special_strings=encoded.special, class_names=names)


def _probe_batches(
    model: nn.Module,
    batches: list[dict[str, Any]],
    settings: AttentionSettings,
    ways: WaysOfACall,
    seed: int,
    usual: Mapping[str, Ordering],
    brought: ExplanationsOfACall,
    whole: WholeOrderings,
    targets: Sequence[str],
    said: tuple[int | None, int | None],
    rate: float | None,
) -> ProbeResult:
    if settings.unit != "token" or settings.label_words:
        raise InputError("Words are known of texts alone: give a tokenizer and texts for unit='word' or label_words.")
    ways = _of_batches(ways, targets)
    call = ModelCall(model)
    (examples,) = _deciding(call, [settled(call, batches[0], said[1])], settings.at)
    attachment = attach_to_decision(call, examples, ways.first, said_of_tokens(*said))
    batches = _deciding(call, [call.documents_first(batch) for batch in batches], settings.at)
    items = MediaItems.of(attachment, batches, rate)
    if brought.specials != OWN_SCORE and not (brought.specials == OUT and items.has_specials):
        raise InputError(
            "Special tokens are known of texts, and of pictures whose patches are: give a tokenizer and texts for "
            "specials other than own."
        )
    leaves_out = brought.specials == OUT
    attention = AttentionProbe(attachment, settings, examples, ways.first, leaves_out=leaves_out)
    training: dict[str, TrainingVectors] = {}
    if ways.need_training:
        reference = [call.documents_first(batch) for batch in batches_of(ways.reference, model)]
        given = [attention.training_vectors(batch) for batch in _deciding(call, reference, settings.at)]
        training = {name: training_vectors(torch.cat([each[name] for each in given])) for name in given[0]}
    keys = [call.axes(batch).keys(attention.selected[0].site) for batch in batches]
    if attention.selected[0].site.stack == DECODER:  # what a decoder reads is no picture or sound
        items = MediaItems([None] * len(batches))
    keys = [items.kept(mask) if leaves_out else mask for mask in keys]
    hashes = np.concatenate([_hashes(batch, mask) for batch, mask in zip(batches, keys, strict=True)])
    seeds = torch.from_numpy(document_seeds(seed, hashes, occurrences_of(hashes)).view(np.int64))
    collected = Collector(np.ones(len(hashes), dtype=bool), erase_by=ways.first.erase_by)
    without_first = False
    if brought.sinks == OUT:
        of_reference = batches_of(ways.reference, model) if ways.reference else []
        told_by = [call.documents_first(batch) for batch in of_reference] or batches
        masks = [call.axes(batch).keys(attention.selected[0].site) for batch in told_by]
        masks = [items.kept(mask) if leaves_out else mask for mask in masks]
        of_batches = (
            attention.erasures(batch, Items.single_tokens(mask)).first_items()
            for batch, mask in zip(told_by, masks, strict=True)
        )
        without_first = measured_of(of_batches, ways.first).is_sink
    own = brought.of_batches([mask.cpu().numpy() for mask in keys], without_first=without_first)
    sizes = np.concatenate([mask.sum(-1).cpu().numpy() for mask in keys])
    curved, limited = whole.of_documents(sizes, seed)
    certified = whole.certified(sizes, seed)
    texts: list[str] = []
    shown: list[Tensor] = []
    start = 0
    for batch, mask in zip(batches, keys, strict=True):
        rows = np.arange(start, start + len(mask))
        drawn, orderings = seeds[rows].to(mask.device), {**usual, **own}
        of_batch = Items.single_tokens(mask)
        of_batch = of_batch.without_first() if without_first else of_batch
        erasures = attention.erasures(batch, of_batch, drawn, ways.others, training)
        documents = torch.from_numpy(rows).to(mask.device)
        of_curves, of_limits = rows_asked(rows, (curved, limited), mask.device)
        certify = rows_certified(rows, certified, mask.device)
        collected.add(rows, run_battery(erasures, drawn, documents, orderings, of_curves, of_limits, certify=certify))
        shown.append(mask if of_batch.sink is None else mask & ~of_batch.sink)
        texts += items.names(shown[-1]) or _token_texts(batch, shown[-1])
        start += len(mask)
    tables = collected.tables(None, pa.array(texts, pa.string()))
    if curved is not None:
        tables = tables._replace(curves=curve_table(collected.curves))
        if targets:
            tables = tables._replace(target_curves=curve_table(collected.target_curves))
    return replace(_result(tables, attention, own), media=items.media(batches, shown))


def _followed(targets: Sequence[str | int], decided: Meaning) -> list[str]:
    """Targets by their names, or by numbers as texts."""
    if isinstance(targets, str) or not isinstance(targets, Sequence):
        raise TypeError("targets are one thing, but several are needed: [name] is a list of one.")
    if targets and (decided.counts_of_logits[1] == 1 or decided.decision == CONTINUATION):
        raise InputError(
            f"targets are of models that decide between classes, and not of the decision {decided.decision}."
        )
    named = [str(target) for target in targets]
    if len(set(named)) < len(named):
        raise InputError("targets name one twice.")
    return named


def _of_batches(ways: WaysOfACall, targets: Sequence[str]) -> WaysOfACall:
    """What is meant by decided, with the numbers of the classes that it is about and of targets."""
    given_class = ways.first.options.given_class
    if ways.first.options.continuation is not None:
        raise InputError("What follows a text is known of texts alone: give a tokenizer and texts for continuation.")
    ways = ways.about(None if given_class is None else _number_of_logit(given_class, "given_class"))
    return ways.following([_number_of_logit(name, "targets") for name in targets])


def _deciding(call: ModelCall, batches: list[dict[str, Any]], at: str | None) -> list[dict[str, Any]]:
    """Batches that say at which token the model decides, where it is told."""
    if at is None:
        return batches
    position = position_of(at)
    if position is None:
        raise InputError(f"Words are known of texts alone: give a tokenizer and texts for at={at!r}.")
    return [decided_at(batch, call.axes(batch).source, position) for batch in batches]


def _number_of_logit(name: str, argument: str) -> int:
    """The logit that a class is, which batches know by its number alone."""
    if name.isdecimal():
        return int(name)
    raise InputError(f"Names of classes are known of texts alone: give a number for {argument}={name!r}.")


def _hashes(batch: Mapping[str, Any], mask: Tensor) -> npt.NDArray[np.uint64]:
    """What a document's random draws are made of: a hash of its real tokens, the same in any batch."""
    tokens = next((v for v in batch.values() if isinstance(v, Tensor) and v.shape[:2] == mask.shape), None)
    if tokens is None:  # of a picture or sound all that is real of it
        tokens, given = documents_of(batch), batch.get("attention_mask")
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        if isinstance(given, Tensor) and given.shape == tokens.shape[: given.dim()]:
            mask = given.bool()
    rows = [row[real].detach().cpu().contiguous().numpy().tobytes() for row, real in zip(tokens, mask, strict=True)]
    digests = [hashlib.blake2b(row, digest_size=8).digest() for row in rows]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _token_texts(batch: Mapping[str, Any], mask: Tensor) -> list[str]:
    ids = batch.get("decoder_input_ids") if mask.shape != batch.get("input_ids", mask).shape else batch.get("input_ids")
    if ids is None or ids.shape != mask.shape:
        return [str(position) for size in mask.sum(-1).tolist() for position in range(size)]
    return [str(token) for token in ids[mask].tolist()]


def _result(
    tables: Tables, attention: AttentionProbe, brought: Mapping[str, Ordering], *, labelled: bool = True
) -> ProbeResult:
    documents = tables.documents if labelled else tables.documents.drop_columns(["label"])
    frames = (documents.to_pandas(), tables.erasures.to_pandas(), tables.items.to_pandas())
    curves, target_curves = (
        None if table is None else table.to_pandas() for table in (tables.curves, tables.target_curves)
    )
    heads = {
        f"{of.site.stack}:{of.site.layer}": tuple(of.heads.nonzero().flatten().tolist()) for of in attention.selected
    }
    return ProbeResult(
        *frames,
        attention.engine,
        meaning=attention.meaning,
        brought=brought,
        curves=curves,
        heads=heads,
        target_curves=target_curves,
    )

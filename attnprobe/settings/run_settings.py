"""The settings of a run: everything that decides what it computes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.base.registry import Registry
from attnprobe.erasure.decisions.entry import DecisionOptions
from attnprobe.erasure.draw_counts import MOST_DRAWS, RANDOM_DRAWS
from attnprobe.erasure.registered_decisions import (
    CLASS,
    CONTINUATION,
    DECISIONS,
    MULTI_LABEL,
    NUMBERS,
    ONE_LOGIT,
    lacking,
    not_taken,
)
from attnprobe.erasure.registered_orderings import ALL, ORDERINGS, OWN, ToldBefore, cannot_be_made
from attnprobe.erasure.registered_ways import ERASING, RENORMALISE
from attnprobe.erasure.registered_ways import OWN as OWN_WAYS
from attnprobe.settings.attention import AUTO, WORD, AttentionSettings
from attnprobe.settings.data import DataLimits
from attnprobe.settings.declaration import (
    Settings,
    check_known,
    identity_of,
    left_unsaid,
    setting,
    settings_of,
    shown,
    with_entries,
)
from attnprobe.settings.dropout import Dropout
from attnprobe.settings.kinds import KINDS, SECTIONS, Kind, kind_of
from attnprobe.settings.own_explanations import ExplanationSettings
from attnprobe.settings.training import FROZEN, LEARNED, UNIFORM, TrainingSettings
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.settings.unfit import Named, SettingError, SettingTypeError

DATASET, MODEL = "docstrings", "flan-rnn"
"""What a command takes unless told otherwise."""

TABLES: Mapping[str, type[Settings]] = {
    "data": DataLimits,
    "dropout": Dropout,
    "training": TrainingSettings,
    "attention": AttentionSettings,
    "transformer": TransformerOptions,
    "explanations": ExplanationSettings,
}
"""The settings of a run that are tables of settings."""

UNSET: Mapping[str, object] = {"word2vec": False, "dropout": Dropout(), "attention": None, "transformer": None}
"""Of ``SECTIONS``: what a run has of those that are not for the kind of its model."""

AT_ANY_TIME = ("explanations", "certify", "erase_by")
"""What can be asked of a run that is there already: it is probed anew, and is the same run.

Of ways of erasing the first stays.
"""

_OPTIONAL = ("training", "attention", "transformer")


@dataclass(frozen=True)
class RunSettings(Settings, section=""):
    """Everything that decides what a run computes.

    Attributes:
        data: how much of the dataset is used.
        dropout: rates, of HAN and FLAN.
        training: how to train, or None where the model is tested as it is.
        attention: what of a transformer's attention is erased; None for HAN and FLAN.
        transformer: what the model ``transformer`` is made with; None for all others.
        explanations: those of one's own that it is erased by.
        erase_by: names of ways of erasing, of which the first is what results are of.
        decision: the name of what flips.
        threshold, tolerance, given_class, continuation: of decisions that have one: see ``DecisionOptions``.
        targets: classes, tokens or label words that are followed beside the decision.
        orderings: names of orderings beside the usual ones, or ``all``.
        draws: how many random orderings a document gets.
        curves: whether whole curves are kept; None: where they have a closed form, or limits are asked for.
        limits: of how many documents limits of AOPC are found.
        correlations: of how many documents attention is correlated with what the input's words do.
        certify: of how many items all sets are erased to find what flips and what guarantees decisions; 0: it is not
            asked.

    Raises:
        SettingError: the seed is negative or of more than 53 bits, there is no such model, or something is set that is
            not for it.
    """

    dataset: str = setting(metavar="NAME|PATH", help="a name (attnprobe list), or a folder", shown=DATASET)
    model: str = setting(
        metavar="NAME|hf:PATH_OR_ID", help="a name (attnprobe list), or a Hugging Face model", shown=MODEL
    )
    seed: int = setting(0, at_least=0, help="of initial weights, order of batches, dropout and random orderings")
    word2vec: bool = setting(False, help="start from word2vec embeddings of the dataset's own text (needs gensim)")
    data: DataLimits = field(default_factory=DataLimits)
    dropout: Dropout = field(default_factory=Dropout)
    training: TrainingSettings | None = field(default_factory=TrainingSettings)
    attention: AttentionSettings | None = None
    transformer: TransformerOptions | None = None
    erase_by: tuple[str, ...] = setting(
        (RENORMALISE,),
        silent=True,
        metavar="NAME,…",
        help="ways of erasing (attnprobe list): the first is what results are of, the others are measured beside it",
        shown=f"{','.join(OWN_WAYS)} in models whose attention pools, where classes are decided; else {RENORMALISE}",
    )
    decision: str = setting(
        CLASS,
        silent=True,
        metavar="NAME",
        help="what flips (attnprobe list)",
        shown="class; of a checkpoint whose head gives numbers, or says yes and no, what it was trained for",
    )
    threshold: float = setting(
        0.0, above=-math.inf, silent=True, help="of the decisions one_logit and multi_label: yes is what is above it"
    )
    tolerance: float | None = setting(
        None,
        above=0,
        silent=True,
        help="of the decision regression: another output is one that has moved by more than this",
        shown="none: nothing flips, and how far the output moves is told",
    )
    given_class: str | None = setting(
        None,
        silent=True,
        metavar="NAME",
        help="of the decision given_class, which it asks for: the class, token or label word that is on top or not",
    )
    continuation: str | None = setting(
        None,
        silent=True,
        metavar="TEXT",
        help="of the decision continuation, which it asks for: what is given to a language model behind each text, and "
        "scored token by token in one run; as it is written, with a space before it where there is to be one",
    )
    targets: tuple[str, ...] = setting(
        (),
        silent=True,
        metavar="NAME,…",
        help="classes, tokens or label words whose probability and logit are kept after every single erasure and along "
        "every ordering, whatever is decided (models with several heads or layers)",
        shown="none",
    )
    orderings: tuple[str, ...] = setting(
        (),
        silent=True,
        metavar="NAME,…",
        help="orderings to erase by beside the usual ones (attnprobe list), or all",
        shown="none",
    )
    draws: int = setting(RANDOM_DRAWS, silent=True, help="random orderings of a document, up to 128")
    curves: bool | None = setting(
        None,
        silent=True,
        help="keep whole curves of a sample of documents, which takes an erasure of every prefix but where they have a "
        "closed form",
        shown="yes where they have one, in HAN and FLAN, and with limits",
    )
    limits: int = setting(
        0,
        at_least=0,
        silent=True,
        help="documents, of those with curves, of which it is found what any ordering can reach: of more than 12 items "
        "in transformers what orderings are found to reach",
    )
    correlations: int = setting(
        0,
        at_least=0,
        silent=True,
        help="documents, a seeded sample, of which attention is correlated with gradients of the input and with "
        "leaving words out of it, which takes a reading for each word (models whose attention pools words)",
    )
    certify: int = setting(
        0,
        at_least=0,
        metavar="K",
        silent=True,
        help="find what flips and what guarantees decisions in a seeded sample of documents: all sets are erased of "
        "those of at most 14 items, all sets of 1 to K items of others, 2 being usual (models of which it is not known "
        "from sums)",
    )
    explanations: ExplanationSettings = field(default_factory=ExplanationSettings)

    def __post_init__(self) -> None:
        if isinstance(self.erase_by, str):  # as runs of before have it
            object.__setattr__(self, "erase_by", (self.erase_by,))
        super().__post_init__()
        self._check_ways()
        for name, table in TABLES.items():
            value = getattr(self, name)
            if not isinstance(value, table) and not (value is None and name in _OPTIONAL):
                raise SettingTypeError("", "{} must be {}, not {}.", Named(name), table.__name__, shown(value))
        kind = kind_of(self.model)
        self._check_sections(kind)
        self._check_orderings(kind)
        closed = "attention" not in kind.sections and (self.erase_by[0], self.decision) == (RENORMALISE, CLASS)
        if self.correlations and not (closed and kind.unit(self.model) == WORD):
            sentence = "{} is for models whose attention pools words, erased by {}, deciding a {}."
            raise SettingError("", sentence, Named("correlations"), RENORMALISE, CLASS)
        if self.certify:
            self._check_certify(closed=closed)
        if self.training is not None and self.training.attention != LEARNED:
            self._check_given_attention(self.training, pools="attention" not in kind.sections)
        if self.limits and self.curves is False:
            raise SettingError("", "{} is of documents with whole curves, which are not kept.", Named("limits"))
        self._check_decision(kind)
        self._check_targets(kind)
        if self.attention is not None:
            self._check_items(self.attention, kind)

    def _check_certify(self, *, closed: bool) -> None:
        if closed:
            sentence = (
                "{} is for models of which the smallest sets are not known from sums: of {}, erased by {}, they are."
            )
            raise SettingError("", sentence, Named("certify"), self.model, RENORMALISE)
        if self.decision == CONTINUATION:
            sentence = "{} is not for the decision {}, which is followed by how far its log-probability moves."
            raise SettingError("", sentence, Named("certify"), self.decision)
        if self.decision in NUMBERS and self.tolerance is None:
            sentence = "{} is of decisions that flip: {} {} has none without a {}."
            raise SettingError("", sentence, Named("certify"), Named("decision"), self.decision, Named("tolerance"))

    def _check_sections(self, kind: Kind) -> None:
        for name in SECTIONS:
            if name not in kind.sections and getattr(self, name) != UNSET[name]:
                fitting = ", ".join(each for each, other in KINDS.registered.items() if name in other.sections)
                sentence = "{} is not for the model {}, but for models of other kinds: {}."
                raise SettingError("", sentence, Named(name), self.model, fitting)
        if self.data.segmenter is not None and not kind.from_scratch:
            sentence = "{} is for models that are trained here from words: {} reads texts with a tokenizer of its own."
            raise SettingError(self.data.section, sentence, Named("segmenter"), self.model)

    @property
    def attention_by_head(self) -> AttentionSettings | None:
        """How single heads are tested; None where they are not, by divergences, of which a number has none."""
        return None if self.decision in NUMBERS else self.attention

    @property
    def decision_options(self) -> DecisionOptions:
        """What is set of the decision."""
        return DecisionOptions(self.threshold, self.tolerance, self.given_class, self.continuation)

    def _check_decision(self, kind: Kind) -> None:
        if kind.from_scratch and self.decision in (ONE_LOGIT, MULTI_LABEL, *NUMBERS):
            sentence = "{} {} is not for the model {}, which decides between the dataset's labels."
            raise SettingError("", sentence, Named("decision"), self.decision, self.model)
        for name, takers in not_taken(self.decision, self.decision_options).items():
            values = (Named(name), Named("decision"), " or ".join(takers), self.decision)
            raise SettingError("", "{} is for {} {}, and not for {}.", *values)
        for name in lacking(self.decision, self.decision_options):
            raise SettingError("", "{} {} needs {}.", Named("decision"), self.decision, Named(name))

    def _check_targets(self, kind: Kind) -> None:
        if not self.targets:
            return
        if "attention" not in kind.sections:
            sentence = (
                "{} is for models with several heads or layers: of {} items.parquet has what items add to each class."
            )
            raise SettingError("", sentence, Named("targets"), self.model)
        if DECISIONS[self.decision].most_logits == 1 or self.decision == CONTINUATION:
            sentence = "{} is for models that decide between classes, and not for the decision {}."
            raise SettingError("", sentence, Named("targets"), self.decision)
        if len(set(self.targets)) < len(self.targets):
            raise SettingError("", "{} names one twice: {}.", Named("targets"), shown(list(self.targets)))

    def _check_orderings(self, kind: Kind) -> None:
        """Refuse an ordering that the model cannot have; of kinds of other packages it is known when they are there."""
        if self.draws > MOST_DRAWS:
            sentence = "{} is {}, but {} random orderings of a document are the most."
            raise SettingError("", sentence, Named("draws"), self.draws, MOST_DRAWS)
        if kind not in KINDS.registered.values():
            return
        told = ToldBefore("attention" not in kind.sections, self.erase_by[0] == RENORMALISE, self.decision == CLASS)
        name = cannot_be_made(self.orderings, told)
        if name is not None:
            sentence = "{}: {} cannot be made of the model {}, erased by {}, deciding {}: it needs {}."
            values = (Named("orderings"), name, self.model, self.erase_by[0], self.decision, OWN[name].needs)
            raise SettingError("", sentence, *values)

    def _check_ways(self) -> None:
        if len(set(self.erase_by)) != max(1, len(self.erase_by)):
            sentence = "{} must be a list of one or more different names, not {}."
            raise SettingError("", sentence, Named("erase_by"), shown(list(self.erase_by)))

    def _check_given_attention(self, training: TrainingSettings, *, pools: bool) -> None:
        if not pools:
            sentence = "{} is for models whose attention pools, and not for {}."
            raise SettingError(training.section, sentence, Named("attention"), self.model)
        of_run = training.attention.startswith(FROZEN) and training.attention != FROZEN
        if training.attention != UNIFORM and not of_run:
            sentence = "{} must be {}, {} or {} and the folder of a run, not {}."
            values = (LEARNED, UNIFORM, FROZEN, shown(training.attention))
            raise SettingError(training.section, sentence, Named("attention"), *values)

    def _check_items(self, attention: AttentionSettings, kind: Kind) -> None:
        of_checkpoints = {
            "also": attention.also not in ((), (AUTO,)),
            "pairs_at": attention.pairs_at is not None,
            "at": attention.at is not None,
        }
        for name in (name for name, is_set in of_checkpoints.items() if is_set and kind.from_scratch):
            sentence = "{} is for checkpoints, and not for the model {}."
            raise SettingError(attention.section, sentence, Named(name), self.model)
        if attention.unit not in kind.units:
            units = " or ".join(kind.units)
            sentence = "{} must be {} for the model {}, not {}."
            raise SettingError(attention.section, sentence, Named("unit"), units, self.model, attention.unit)
        beside = {"label_words": bool(attention.label_words), "at": attention.at is not None}
        for name in (name for name, is_set in beside.items() if is_set and self.decision == CONTINUATION):
            sentence = "{} is not for the decision {}, which is about the tokens that are given."
            raise SettingError(attention.section, sentence, Named(name), self.decision)
        if attention.label_words and kind.from_scratch:
            sentence = "{} is not for the model {}, which decides between its own labels."
            raise SettingError(attention.section, sentence, Named("label_words"), self.model)

    @property
    def model_folder(self) -> str:
        """How the folder of all runs of this model is called."""
        return kind_of(self.model).folder(self.model) if self.transformer is None else self.transformer.folder

    def to_json(self) -> dict[str, Any]:
        """As nested dictionaries, without what there is none of, and the defaults of what runs of before do not say."""
        entries = dataclasses.asdict(self)
        for name in ("attention", "transformer"):
            if entries[name] is None:
                del entries[name]
        tables = [(entries[name], getattr(self, name)) for name in TABLES if entries.get(name) is not None]
        for content, settings in [(entries, self), *tables]:
            for name in left_unsaid(settings):
                del content[name]
        if self.explanations == ExplanationSettings():
            del entries["explanations"]
        if len(self.erase_by) == 1 and "erase_by" in entries:
            entries["erase_by"] = self.erase_by[0]  # as runs of before have it
        return entries

    def identity(self) -> dict[str, Any]:
        """The same, of what tells runs apart alone.

        A map of heads can be made of a run at any time, it can be erased by other explanations, and it can be asked
        what flips and what guarantees its decisions.
        """
        entries = self.to_json()
        for name in AT_ANY_TIME:
            entries.pop(name, None)
        if self.erase_by[0] != RENORMALISE:
            entries["erase_by"] = self.erase_by[0]
        return entries if self.attention is None else entries | {"attention": identity_of(self.attention)}

    @classmethod
    def from_json(cls, content: object) -> RunSettings:
        """The inverse of :meth:`to_json`.

        Raises:
            SettingError: it is anything else.
        """
        if not isinstance(content, Mapping):
            raise SettingTypeError("", "The settings must be a table, not {}.", shown(content))
        _check_names(content, ("dataset", "model", "data", "dropout", "training"))
        return _made(content, {name: table() for name, table in TABLES.items()})

    @classmethod
    def of_tables(cls, content: Mapping[str, Any]) -> RunSettings:
        """What tables of settings say, and for the rest what is usual for the kind of model.

        Raises:
            SettingError: there is no dataset or model, or an unknown setting or table, or one that cannot be.
        """
        _check_names(content, ("dataset", "model"))
        settings_of(cls)["model"].check(content["model"])
        kind = kind_of(content["model"])
        try:
            model = kind.canonical(content["model"])
        except InputError as error:
            raise SettingError("", "{}: {}", Named("model"), error) from None
        usual = {name: table() for name, table in TABLES.items()}
        usual |= {"training": kind.training, "attention": AttentionSettings(unit=kind.units[0])}
        of_kind: dict[str, Any] = {name: {} for name in ("attention", "transformer") if name in kind.sections}
        # By default those that cost little: what remains adds up in closed forms.
        ways = kind.erase_by if content.get("decision", CLASS) == CLASS else (RENORMALISE,)
        made = _made({"training": {}, "erase_by": ways, **of_kind, **content, "model": model}, usual)
        made.check_entries()
        return made

    def check_entries(self) -> None:
        """See to it that there is everything that they name: of a run that is there already, a package may be gone.

        Raises:
            SettingError: there is not, or several vectors stand in by the first way of erasing.
        """
        named: list[tuple[Registry[Any], str]] = [(ERASING, name) for name in self.erase_by]
        named += [(DECISIONS, self.decision), *((ORDERINGS, name) for name in self.orderings if name != ALL)]
        named += [] if self.training is None else [(ERASING, self.training.mask_training_by)]
        for registry, name in named:
            try:
                registry.require(name)
            except InputError as error:
                raise SettingError("", "{}", error) from None
        if ERASING[self.erase_by[0]].draws > 1:
            sentence = (
                "{} {}: several vectors are drawn for it, so that it is only measured beside another that is first."
            )
            raise SettingError("", sentence, Named("erase_by"), self.erase_by[0])

    def with_ways(self, names: tuple[str, ...]) -> RunSettings:
        """The same, erased in by these ways; the first stays, since runs are told apart by it.

        Raises:
            SettingError: there is no such way, or another is the first.
        """
        settings = dataclasses.replace(self, erase_by=names)
        settings.check_entries()
        if settings.erase_by[0] != self.erase_by[0]:
            sentence = "{} must begin with {}, which the run was made with, not with {}."
            raise SettingError("", sentence, Named("erase_by"), self.erase_by[0], settings.erase_by[0])
        return settings


def _check_names(content: Mapping[str, Any], needed: Sequence[str]) -> None:
    """See that nothing is there that is unknown, and nothing missing."""
    check_known("", content, [each.name for each in dataclasses.fields(RunSettings)])
    for name in needed:
        if name not in content:
            raise SettingError("", "{} is missing.", Named(name))


def _made(content: Mapping[str, Any], usual: Mapping[str, Settings]) -> RunSettings:
    """The settings that tables say, each with what is usual where it says nothing."""
    tables = {
        name: with_entries(usual[name], content[name])
        for name in TABLES
        if name in content and not (content[name] is None and name in _OPTIONAL)
    }
    return RunSettings(**{**content, **tables})

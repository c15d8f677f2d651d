"""What a paper says of how a run was made: its data, its model, what was erased, the tests, in whole sentences.

Made of the run's files alone: where a file does not say something, the sentence about it is not there.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import BCA_UP_TO, LEVEL, RESAMPLES, RESAMPLES_OF_MANY
from attnprobe.analysis.first_flips import FRACTIONS
from attnprobe.analysis.results import RunResults
from attnprobe.base.bounds import MOST_LOG_BYTES
from attnprobe.base.plain_files import read_plain
from attnprobe.base.visible import in_print
from attnprobe.erasure.registered_orderings import RANDOM
from attnprobe.reports.further_methods import methods_beside
from attnprobe.reports.orderings_in_words import method_in_words, references_in_words
from attnprobe.reports.sample_in_words import accuracy_in_words
from attnprobe.reports.selection_in_words import decided_at_in_words, selection_in_brief
from attnprobe.settings.training import FROZEN, UNIFORM

WIDTH = 80
"""Characters in a line."""

REFERENCES = (
    "Sofia Serrano and Noah A. Smith. 2019. Is Attention Interpretable? In Proceedings of the 57th Annual Meeting of "
    "the Association for Computational Linguistics, pages 2931–2951. https://doi.org/10.18653/v1/P19-1282.",
    "The attnprobe developers. attnprobe{version}. Software.",
)
"""What the paragraph cites."""

Summary = Mapping[str, Any]


def methods(results: RunResults, summary: Summary, views: Sequence[str] = ()) -> str:
    """One paragraph and its references, in lines of at most 80 characters; the same run gives the same text.

    Args:
        results: of the run.
        summary: as ``summarise`` gives it.
        views: folders of further selections of layers, which have paragraphs of their own.
    """
    sentences = [
        *_subject(results, summary),
        *_documents(results, summary),
        *_erasure(results),
        *_orderings(results, summary),
        *_statistics(results, summary),
        *methods_beside(summary),
        *_further(summary),
        *_views(views),
        *_software(results),
    ]
    version = _entry(results.config, "attnprobe")
    cited = [entry.format(version=f" {version}" if version else "") for entry in REFERENCES]
    parts = [" ".join(sentences), "References", *cited]
    return "\n\n".join(map(_filled, parts)) + "\n"


def _filled(text: str) -> str:
    """In lines, what cannot be seen made visible; a percent sign stays with its number."""
    together = in_print(" ".join(text.split())).replace(" %", "\u00a0%")
    filled = textwrap.fill(together, WIDTH, break_on_hyphens=False)
    return filled.replace("\u00a0", " ")


def _subject(results: RunResults, summary: Summary) -> Iterator[str]:
    data = results.config["data"]
    yield (
        f"We tested whether attention explains the decisions of the model {results.short_model} on the dataset "
        f"{results.dataset}, with the erasure tests of Serrano and Smith (2019) as attnprobe carries them out."
    )
    fingerprint = data.get("fingerprint")
    documents = data.get("documents") or {}
    names = {"train": "training", "dev": "development", "test": "test"}
    counted = [f"{documents[split]:,} {name}" for split, name in names.items() if split in documents]
    splits = f" and {_listed(counted)} documents" if counted else ""
    known = f" (fingerprint {fingerprint})" if fingerprint else ""
    yield f"The dataset{known} has {summary['run']['classes']:,} classes{splits}."
    yield _training(results)


def _training(results: RunResults) -> str:
    settings, seed = results.config["settings"], results.seed
    checkpoint = results.config.get("checkpoint") or {}
    of = f"the Hugging Face checkpoint {results.short_model} (content {checkpoint.get('content')})"
    if "training" not in settings:
        return f"The seed is {seed}."
    training = settings["training"]
    if training is None:
        return f"The model is {of}, tested as it is; the seed of the random orderings is {seed}."
    adam = "AMSGrad" if training.get("amsgrad") else "Adam"
    made, optimiser = (f"fine-tuned from {of}", "AdamW") if checkpoint else ("trained", adam)
    text = f"The model was {made} with seed {seed} by {optimiser}"
    text += (
        f" with a learning rate of {training['learning_rate']:g} and batches of at most "
        f"{training['batch_documents']:,} documents, for at most {training['epochs']:,} "
        f"epoch{'s' * (training['epochs'] != 1)} and no more than {training['patience']:,} without a gain"
    )
    if training.get("weight_decay"):
        text += f", with a weight decay of {training['weight_decay']:g} but for the attention"
    return f"{text}{_epochs(results)}.{_given_attention(training.get('attention'))}"


def _given_attention(attention: object) -> str:
    """Of a model whose attention was not learned with it."""
    if not isinstance(attention, str):
        return ""
    of = "uniform" if attention == UNIFORM else f"that of the trained model of {attention.removeprefix(FROZEN)}"
    return f" Its attention was not learned, but {of}."


def _epochs(results: RunResults) -> str:
    """What the log says of the epoch whose weights were kept."""
    try:
        log = pd.read_csv(BytesIO(read_plain(results.folder / "training.csv", MOST_LOG_BYTES)))
        column, named = ("dev_auc", "AUC") if "dev_auc" in log else ("dev_accuracy", "accuracy")
        scores = log[column].to_numpy(dtype=np.float64)
        best = int(scores.argmax())  # the first of several, as in training
        return (
            f"; of {len(scores):,} epoch{'s' * (len(scores) != 1)} the best on the development documents, "
            f"epoch {best + 1:,} with an {named} of {scores[best]:.3f}, gave the weights"
        )
    except (OSError, ValueError, KeyError):
        return ""


def _documents(results: RunResults, summary: Summary) -> Iterator[str]:
    counts, unit = summary["counts"], results.unit
    sampled = counts["sampled"] < counts["documents"]
    of = f", which are in a seeded sample of {counts['sampled']:,} of {counts['documents']:,}" if sampled else ""
    text = f"Statistics are of the {counts['with_several_items']:,} test documents with more than one {unit}{of}"
    left_out = [
        f"{counts[field]:,} {words}"
        for field, words in (
            ("with_one_item", f"with a single {unit}"),
            ("quarantined", "that the model could not read"),
        )
        if counts[field]
    ]
    verb = "is" if counts["with_one_item"] + counts["quarantined"] == 1 else "are"
    yield f"{text}; {_listed(left_out)} {verb} left out." if left_out else f"{text}."
    if summary["accuracy"]:
        yield f"In {accuracy_in_words(summary, ' of them', 'of them')} the model is right."


def _erasure(results: RunResults) -> Iterator[str]:
    unit, attention = results.unit, results.config["settings"].get("attention")
    way, decision = results.meaning
    edited = (
        f"to change its row of attention by {way}, and not to renormalise what remains of it"
        if way
        else "to set its attention weight to zero and to renormalise the weights that remain"
    )
    yield f"To erase a {unit} is {edited}; what comes after the attention is then computed again."
    if attention:
        words = list(attention.get("label_words") or ())
        where = selection_in_brief(results.selection)
        if not where:  # of a run older than the record of it
            places = [_which("layer", attention.get("layers")), _which("head", attention.get("heads"))]
            where = f"{_listed(places)}, in {_rows(attention.get('query'))}"
        yield (
            f"This was done at once in {where}; of several, an item's attention and gradient are the "
            f"{attention.get('aggregate')}."
        )
        if not results.has_special_items:
            yield "Special tokens are no items, and were never erased."
        if (measured := results.measured_sink) is not None and measured.is_sink:
            yield f"The first {unit} of a document, a sink of attention, is none, and was never erased."
        if results.decided_at is not None:
            yield decided_at_in_words(results.decided_at)
        if words:
            yield f"The model is a language model, which decides between the words {_listed(words)}."
    if decision and not decision.flips:
        yield (
            f"The model predicts a number ({decision}): nothing flips, and we report how far it moves from what it is "
            "for the whole document."
        )
        return
    of_output = "the model's output for the whole document, whatever its true class, and flips"
    yield (
        f"The decision is {decision}, by {of_output} where it becomes another."
        if decision
        else f"The decision is the argmax of {of_output} where another class takes its place."
    )
    yield "A change that comes only when no weight is left is counted apart, and is no flip."


def _which(kind: str, selected: object) -> str:
    """A selection of layers or heads in words.

    >>> _which("layer", "last"), _which("head", "all"), _which("head", "0,2-4")
    ('the last layer', 'all heads', 'heads 0,2-4')
    """
    return {"last": f"the last {kind}", "all": f"all {kind}s"}.get(str(selected), f"{kind}s {selected}")


def _rows(query: object) -> str:
    known = {
        "auto": "the query row that the decision is read from, or all rows where there is none such",
        "all": "all query rows",
        "first": "the first query row",
        "last": "the last query row",
    }
    return known.get(str(query), f"query rows {query}")


def _orderings(results: RunResults, summary: Summary) -> Iterator[str]:
    names, known = list(summary["first_flips"]), references_in_words(summary)
    draws = results.first_flips[RANDOM].removed.shape[1]
    random = f"at random ({draws} draws a document)"
    rankings = [method_in_words(name, summary) for name in names if name != RANDOM and name not in known]
    items = f"{results.unit.capitalize()}s"
    yield f"{items} were erased one after another, {random} and, the largest first, {_listed(rankings)}."
    references = [words.method for name, words in known.items() if name in names]
    if references:
        yield f"The reference is {_listed(references)}."


def _statistics(results: RunResults, summary: Summary) -> Iterator[str]:
    unit = results.unit
    if not results.meaning.flips:
        yield "All intervals, at 95 %, are those of a bootstrap over documents, conditional on the trained model."
        return
    shares = _listed([f"{100 * fraction:g}" for fraction in FRACTIONS.values()])
    yield (
        "Of each ordering we report in which share of the documents the decision flips, changes only when nothing is "
        f"left, and never changes; the mean fraction of the {unit}s erased at the first flip, over all documents, a "
        "document that does not flip while something is left counting as one of which everything is erased; and the "
        f"share that has flipped with {shares} % erased."
    )
    yield (
        "Orderings are held against each other in the same documents, by the share in which the one flips the decision "
        "with fewer erasures less the share in which the other does. Where neither has chance in it, this lead has an "
        "interval that leaves zero out exactly where the exact sign test does at that level; against a random order it "
        "has the bootstrap's, and beside it the p of a sign-flip permutation test."
    )
    yield (
        f"The most attended {unit} is also erased alone, and held against every other {unit} erased alone, averaged "
        "over all of them."
    )
    many = summary["counts"]["with_several_items"] > BCA_UP_TO
    kind = "percentile" if many else "bias-corrected and accelerated"
    yield (
        f"All other intervals, at {100 * LEVEL:g} % as these, are Wilson's of shares of a plain yes or no, and of the "
        f"rest those of a {kind} bootstrap over documents "
        f"({RESAMPLES_OF_MANY if many else RESAMPLES:,} resamples). They are conditional on the trained model."
    )


def _further(summary: Summary) -> Iterator[str]:
    yield from _rationales(summary)
    heads = summary.get("heads")
    if heads:
        yield (
            f"Each of {len(heads):,} attention heads was also erased by itself in {heads[0]['documents']:,} documents, "
            "in its own order and in a random one; their p-values are Holm's over the heads."
        )
    effects = summary.get("head_effects")
    if effects:
        unit = summary["run"]["unit"]
        yield (
            f"Each of {len(effects):,} attention heads was also erased by itself in {effects[0]['documents']:,} "
            f"documents: whole, in its most attended {unit} alone, and in one other {unit} drawn at random; their "
            "p-values are Holm's over the heads."
        )
    correlated = summary.get("correlations")
    if correlated:
        yield (
            f"In {correlated['documents']:,} documents Kendall's tau-b says how alike words are ranked by attention; "
            "by the absolute derivative of the decision's probability with respect to the input's words, with "
            "attention held fixed; and by the total variation of the output without the word, the encoder run again "
            "(Jain and Wallace 2019)."
        )


def _rationales(summary: Summary) -> Iterator[str]:
    unit, annotators = summary["run"]["unit"], summary.get("rationales") or {}
    if annotators:
        whom = _listed([f"{name} ({of['documents']:,} documents)" for name, of in annotators.items()])
        yield (
            f"Orderings were held against the {unit}s that people marked, by annotator: {whom}. Agreement is the area "
            f"under the precision-recall curve, and F1 in {unit}s and in spans (intersection over union of one half or "
            f"more; DeYoung et al., 2020) of an ordering's first {unit}s, as many as are marked; that of one annotator "
            "with another is its ceiling. The fall of the decision's probability without what is marked is also given "
            f"as a share of the largest that as many {unit}s reach."
        )


def _views(views: Sequence[str]) -> Iterator[str]:
    if views:
        named = _listed([f"{name}/" for name in views])
        yield f"The same was done of other selections of layers, described in {named}."


def _software(results: RunResults) -> Iterator[str]:
    versions = results.config.get("versions")
    version = _entry(results.config, "attnprobe")
    named = [f"attnprobe {version}"] if version else []
    named += [f"{'Python' if name == 'python' else name} {number}" for name, number in _pairs(versions)]
    if named:
        yield f"The run was made with {_listed(named)}."


def _pairs(entries: object) -> list[tuple[str, Any]]:
    return list(entries.items()) if isinstance(entries, dict) else []


def _entry(config: Mapping[str, Any], name: str) -> str | None:
    return str(config[name]) if config.get(name) else None


def _listed(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``.

    >>> _listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))

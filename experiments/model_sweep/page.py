"""The sweep's outcomes as a page for docs/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

import torch
import transformers

from attnprobe.engines.choice import FORWARD, REPLAY, SINGLE_ROW
from experiments.model_sweep.examples import of_other_modality
from experiments.model_sweep.outcomes import NOT_BUILT, REFUSED, VERIFIED, Outcome
from experiments.model_sweep.tiny_models import TASKS

_OF_TEXTS = ("causal LM", "classification", "masked LM", "seq2seq LM")
_LETTERS = {SINGLE_ROW: "s", REPLAY: "r", FORWARD: "w"}
_NO_SOFTMAX = "no softmax attention over tokens"
_NO_TOKENS = (
    "whose columns are",
    "(its weights have the shape",
    "block-sparse attention",
    "columns that are not the tokens",
)

_INTRODUCTION = """# Which models work

Every model type that transformers {transformers} lists for a task of texts (causal language models, sequence
classification, masked language models, sequence-to-sequence language models), of pictures (image and video
classification, zero-shot image classification, questions on images, images to text) or of sounds (audio classification,
speech to text), built as small as it can be with random weights, and given to the check that `attnprobe.probe` and the
commands make of every model. Of pictures and sounds tokens are found where a model attends
([modalities.md](modalities.md)); a model of images to text is given text alone. Made by

```sh
python -m experiments.model_sweep --resume outcomes.jsonl
```

with torch {torch} on the CPU; each class as a row: [`results/models.csv`](results/models.csv).

**Verified** means: every attention layer was seen; an edit that changes nothing leaves the logits; the weights seen are
distributions, and the model's own where it gives them; gradients flow; an erasure in any layer that the output reads
changes the output, of that document alone, by mask and by hand alike. **Refused** means: one of these does not hold,
and the sentence says which; nothing is erased then.

Verification of the edit is one thing, a decision another. That a class is verified says that attention can be erased in
it, and that the erasure does what it says. A verdict also needs a decision by argmax about the text: sequence
classifiers with two logits or more and causal and sequence-to-sequence language models have one. Masked language models
have none: `attnprobe.AttachedModel` edits their attention, `attnprobe.probe` refuses them, `attnprobe run` fine-tunes
them into classifiers; [transformers.md](transformers.md) names the other heads without a decision.

Two more checks, which share nothing with these, were made of the verified models of texts. *Mask*: erasing a token's
column in all layers gives the logits that masking the token gives. *Knock-out*: with that column erased, the logits at
all other rows do not depend on which token it is."""

_OLDER = """## Older versions of transformers

Interception is one of torch, and asks nothing of transformers' own attention functions. The same examination and the
same two checks were made with transformers 4.48.3 and 4.57.6 (huggingface_hub 0.36.2) of tiny BERT, RoBERTa,
DistilBERT, DeBERTa-v2, GPT-2, Llama and T5, as classifiers and as language models, with `sdpa` and with `eager`
attention where they have both: all are verified, by the same engines as with 5.23.0, and both checks hold. Loading is
another matter: models named `hf:…` on the command line need transformers 5; older ones are for Python code that loads
its models by itself."""


def page(outcomes: Sequence[Outcome], earlier: int = 0, left: int = 0) -> str:
    """Markdown.

    Args:
        outcomes: of all classes.
        earlier: how many of them are of an earlier sweep.
        left: how many classes have not been run at all.
    """
    parts = [
        _INTRODUCTION.format(transformers=transformers.__version__, torch=torch.__version__.partition("+")[0]),
        *_of_earlier(earlier, left),
        _counts(outcomes),
        _independent(outcomes),
        _by_type(outcomes),
        _reasons("Refused", REFUSED, outcomes),
        _reasons("Not built", NOT_BUILT, outcomes),
        "These say nothing about attention: no configuration that was tried makes a model that runs on its examples.",
        _OLDER,
    ]
    return "\n\n".join(parts) + "\n"


def _counts(outcomes: Sequence[Outcome]) -> str:
    built = [outcome for outcome in outcomes if outcome.outcome != NOT_BUILT]
    verified = [outcome for outcome in built if outcome.outcome == VERIFIED]
    without = [outcome for outcome in built if _NO_SOFTMAX in outcome.note]
    foreign = [outcome for outcome in built if any(words in outcome.note for words in _NO_TOKENS)]
    failed = [outcome for outcome in built if outcome not in verified + without + foreign]
    kinds = {
        "all": list(outcomes),
        "not built": [outcome for outcome in outcomes if outcome.outcome == NOT_BUILT],
        "refused: no softmax attention": without,
        "refused: attention to something else than tokens": foreign,
        "refused: a check failed": failed,
        "verified": verified,
    }
    rows = [(kind, str(len(of)), str(len({outcome.type for outcome in of}))) for kind, of in kinds.items()]
    of_tokens, of_softmax = (len(verified) / max(1, len(verified + others)) for others in (failed, failed + foreign))
    others = []
    for task in TASKS:
        of_task = [outcome for outcome in outcomes if outcome.task == task]
        ends = (_number(of_task, end) for end in (VERIFIED, REFUSED, NOT_BUILT))
        others.append((task, str(len(of_task)), *ends))
    by_task = _table(("task", "classes", "verified", "refused", "not built"), others)
    return (
        f"{_table(('', 'classes', 'model types'), rows)}\n\n{by_task}\n\nVerified are {of_tokens:.1%} of the classes "
        f"that weigh tokens by tokens, and {of_softmax:.1%} of all that compute any softmax attention."
    )


def _of_earlier(earlier: int, left: int) -> list[str]:
    """What is said of classes that this sweep has not come to."""
    told = [f"{earlier} classes are as an earlier sweep left them, with the words for refusals of then."] * (
        earlier > 0
    )
    return told + [f"{left} classes have not been run yet, and are not in the tables."] * (left > 0)


def _number(outcomes: Sequence[Outcome], of: str) -> str:
    return str(sum(outcome.outcome == of for outcome in outcomes))


def _independent(outcomes: Sequence[Outcome]) -> str:
    verified = [o for o in outcomes if o.outcome == VERIFIED and not of_other_modality(o.task)]
    mask, knockout = ([getattr(o, name) for o in verified] for name in ("mask", "knockout"))
    neither = [o for o in verified if not o.mask and not o.knockout]
    sinks = _names(o for o in neither if o.sinks)
    rest = _names(o for o in neither if not o.sinks)
    return (
        f"Of the {len(verified)} verified classes of texts the mask check holds for {mask.count(True)}, the knock-out "
        f"check for {knockout.count(True)}, one of the two at least for {len(verified) - len(neither)}. "
        f"Neither can hold where an attention sink takes part of each row ({sinks}): a row keeps the sum that it had, "
        "and the erased token had a part in that. Nor where tokens reach the output by another way beside attention: "
        f"recurrences, convolutions, a mean over all rows, a scale made of the attention scores ({rest}). These are "
        "edited in their attention, and in nothing else."
    )


def _by_type(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for kind, group in groupby(outcomes, key=attrgetter("type")):
        of_type = list(group)
        verified = [outcome for outcome in of_type if outcome.outcome == VERIFIED]
        cells = [next((_cell(o) for o in of_type if o.task == task), "") for task in _OF_TEXTS]
        cells.append("; ".join(f"{o.task}: {_cell(o)}" for o in of_type if o.task not in _OF_TEXTS))
        layers = max((outcome.layers for outcome in verified), key=len, default="")
        checks = [_all(getattr(o, name) for o in verified) for name in ("mask", "knockout")]
        rows.append((f"`{kind}`", *cells, layers, *checks))
    legend = (
        "## All model types\n\nA verified class shows the engines of its last and its first attention layer: `s` "
        "single row, `r` replay, `w` whole runs of the model. Layers are those of the tiny model."
    )
    return (
        f"{legend}\n\n{_table(('type', *_OF_TEXTS, 'pictures and sounds', 'layers seen', 'mask', 'knock-out'), rows)}"
    )


def _cell(outcome: Outcome) -> str:
    if outcome.outcome != VERIFIED:
        return outcome.outcome
    return f"{_LETTERS[outcome.last]} {_LETTERS[outcome.first]}"


def _all(held: Iterable[bool | None]) -> str:
    asked = [value for value in held if value is not None]
    return ("yes" if all(asked) else "no") if asked else ""


def _reasons(title: str, which: str, outcomes: Sequence[Outcome]) -> str:
    """The sentences, once for all classes of a type that have the same."""
    found: dict[tuple[str, str], list[str]] = {}
    for outcome in outcomes:
        if outcome.outcome == which:
            note = outcome.note.replace(outcome.name, "The model").replace("|", "\\|")
            found.setdefault((outcome.type, note), []).append(outcome.task)
    rows = [(f"`{kind}`", ", ".join(tasks), note) for (kind, note), tasks in found.items()]
    return f"## {title}\n\n{_table(('type', 'classes', 'why'), rows)}"


def _names(outcomes: Iterable[Outcome]) -> str:
    return ", ".join(dict.fromkeys(f"`{outcome.type}`" for outcome in outcomes)) or "none"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""The tiny transformers of the reference, attached to once, and what erasing in them gives by the reference."""

from functools import cache
from typing import NamedTuple

import torch

from attnprobe.attention.attachment import Attachment, attach
from attnprobe.attention.model_call import ModelCall
from attnprobe.attention.selection import select
from attnprobe.engines.choice import FORWARD, REPLAY, SINGLE_ROW, make_engine
from attnprobe.engines.items import Items
from attnprobe.erasure.meaning import BY_DEFAULT
from attnprobe.settings.attention import AttentionSettings
from tests.reference.transformers import TASKS, reference_logits, tiny_inputs
from tests.reference.transformers import tiny_model as make_model

LENGTHS = [11, 9, 11, 7, 10]
"""Five documents of four heads: no size of the models is the batch's or a document's."""

MODELS = [(family, task) for family, tasks in TASKS.items() for task in tasks]
READS_ONE_ROW = [(family, task) for family, task in MODELS if family != "t5" and task != "mean-classification"]


class Case(NamedTuple):
    """A model, attached to, and a padded batch."""

    attachment: Attachment
    inputs: dict[str, torch.Tensor]

    @property
    def model(self):
        return self.attachment.call.model

    def select(self, layers="last", heads="all", query="auto"):
        settings = AttentionSettings(layers=layers, heads=heads, query=query)
        return select(self.attachment.sites, settings, self.attachment.auto())

    def engine(self, kind, selected, inputs=None, meaning=BY_DEFAULT):
        return make_engine(kind, self.attachment, selected, self.inputs if inputs is None else inputs, meaning)

    def real(self, stack, axis):
        """True at the real tokens (B, L) along the ``queries`` or the ``keys`` of a stack."""
        target = stack == "decoder" or (stack == "cross" and axis == "queries")
        return self.inputs["decoder_attention_mask" if target else "attention_mask"].bool()


@cache
def attached(family, task, implementation="sdpa", side="right", dtype=torch.float32):
    model = make_model(family, task=task, implementation=implementation, dtype=dtype)
    inputs = inputs_of(family, task, side)
    return Case(attach(ModelCall(model), inputs), inputs)


def inputs_of(family, task, side="right", lengths=LENGTHS):
    """A padded batch; the decoder of a language model reads three tokens in every document."""
    inputs = tiny_inputs(family, lengths, side, task=task)
    if (family, task) == ("t5", "language-modelling"):
        kept = slice(None, 3) if side == "right" else slice(-3, None)
        inputs |= {name: inputs[name][:, kept] for name in ("decoder_input_ids", "decoder_attention_mask")}
    return inputs


def engines_of(case, selected):
    """The names of the engines that can do it: the single row only where it is the one that is read."""
    attachment = case.attachment
    (chosen, *others) = selected
    last = attachment.sites.attention[-1]
    read = attachment.reads[-1]
    one = not others and chosen.site is last and read in ("first", "last") and chosen.query in (read, "all")
    return [FORWARD, REPLAY, *[SINGLE_ROW] * (one and chosen.site.stack == "self")]


def rows_named(query, real):
    """True at the rows (B, Q) that a setting means: all, or some of the real ones by their numbers."""
    rows = torch.zeros_like(real)
    for document, mask in enumerate(real):
        positions = mask.nonzero()[:, 0].tolist()
        if query == "all":
            rows[document] = True
        elif query in ("first", "last"):
            rows[document, positions[0 if query == "first" else -1]] = True
        else:
            for number in query:
                if -len(positions) <= number < len(positions):
                    rows[document, positions[number]] = True
    return rows


def erased_weights(case, selected, tokens):
    """What the reference erases when these keys (B, K) are erased from what is selected."""
    masks = {}
    for chosen in selected:
        key = (chosen.site.stack, chosen.site.layer)
        rows = rows_named(chosen.query, case.real(chosen.site.stack, "queries"))
        masks[key] = tokens[:, None, None, :] & rows[:, None, :, None] & chosen.heads[None, :, None, None]
    return masks


def decision_logits(logits, inputs):
    """Of every document those that its decision is made of: its own, or those of the last token."""
    if logits.dim() == 2:
        return logits
    if "decoder_input_ids" in inputs:
        return logits[:, -1]
    mask = inputs["attention_mask"]
    last = [int(row.nonzero().max()) for row in mask]
    return logits[torch.arange(len(mask)), last]


def logits_by_hand(case, selected, tokens):
    """By the reference, the logits (B, classes) with these keys (B, K) erased."""
    erased = erased_weights(case, selected, tokens)
    return decision_logits(reference_logits(case.model, case.inputs, erased), case.inputs)


def key_mask(case, selected):
    """True at the real tokens among the keys (B, K)."""
    return case.real(selected[0].site.stack, "keys")


def token_sets(real, seed=0):
    """Sets of real tokens (B, K): few, many, and all of them."""
    generator = torch.Generator().manual_seed(seed)
    random = torch.rand(real.shape, generator=generator)
    return [(random < 0.4) & real, (random < 0.9) & real, real]


def words(real, seed=0):
    """Items of one to three tokens each; the first token of every other document belongs to none, as does the last."""
    generator = torch.Generator().manual_seed(seed)
    of_token = torch.full(real.shape, -1)
    for document, mask in enumerate(real):
        positions = mask.nonzero()[:, 0].tolist()
        if document % 2 and len(positions) > 3:
            positions = positions[1:-1]
        item, left = -1, 0
        for position in positions:
            if left == 0:
                item, left = item + 1, int(torch.randint(1, 4, (), generator=generator))
            of_token[document, position] = item
            left -= 1
    return Items.of(of_token)


def orderings(items, draws=2, seed=0):
    """Random orderings (draws, batch, items), padding last."""
    generator = torch.Generator().manual_seed(seed)
    keys = torch.rand(draws, *items.mask.shape, generator=generator)
    return keys.masked_fill(~items.mask, 2.0).argsort(-1)


def tokens_of(items, document, chosen):
    """True at the tokens (K,) of these items of a document."""
    return torch.tensor([item in chosen for item in items.of_token[document].tolist()])


def sets_to_tokens(items, sets):
    """One set of items a document as keys (B, K)."""
    return torch.stack([tokens_of(items, document, chosen) for document, chosen in enumerate(sets)])


def flips_by_hand(case, selected, items, order, decide=lambda logits: logits.argmax(-1)):
    """How many of the first items of each ordering (draws, B, items) flip the decision; −1 for never."""
    nothing = torch.zeros_like(items.of_token, dtype=torch.bool)
    decided = decide(logits_by_hand(case, selected, nothing)).tolist()
    counts = torch.full(order.shape[:2], -1)
    sizes = [int(mask.sum()) for mask in items.mask]
    for draw, one in enumerate(order.tolist()):
        for length in range(max(sizes), 0, -1):
            sets = [ranking[: min(length, size)] for ranking, size in zip(one, sizes, strict=True)]
            after = decide(logits_by_hand(case, selected, sets_to_tokens(items, sets))).tolist()
            for document, size in enumerate(sizes):
                if length <= size and after[document] != decided[document]:
                    counts[draw, document] = length
    return counts

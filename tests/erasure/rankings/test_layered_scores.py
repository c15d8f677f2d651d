"""What further orderings rank transformers' items by, against products, gradients and sums written out one by one.

Weights, and logits as a function of them, are the reference's: every layer by hand, nothing intercepted.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional

from attnprobe import probe
from attnprobe.base.errors import InputError
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.items import Items
from attnprobe.engines.selected_outputs import SelectedOutputs
from attnprobe.erasure.battery import orders_of
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.rankings import integrated_gradients, output_shares, through_layers
from attnprobe.erasure.registered_orderings import ALL, chosen_orderings
from attnprobe.settings.attention import AttentionSettings
from tests.fixtures.attached_models import (
    LENGTHS,
    attached,
    decision_logits,
    engines_of,
    erased_weights,
    key_mask,
    tokens_of,
    words,
)
from tests.reference.transformers import attention_keys, reference_attention, reference_logits_given

EXACT = torch.float64
ONE_STACK = [
    ("bert", "classification"),
    ("deberta-v2", "classification"),
    ("gpt2", "language-modelling"),
    ("llama", "classification"),
    ("torch", "classification"),
    ("torch", "mean-classification"),
]
SIDES = {"gpt2": "left"}


class Batch:
    """A padded batch of a tiny model in float64, and its numbers by hand."""

    def __init__(self, family, task, items=words, kind="whole runs", **selection):
        self.case = attached(family, task, side=SIDES.get(family, "right"), dtype=EXACT)
        self.selected = self.case.select(**selection)
        self.items = items(key_mask(self.case, self.selected))
        self.engine = self.case.engine(kind, self.selected)
        self.family = family
        outputs = SelectedOutputs(self.case.attachment, self.selected, self.case.inputs)
        self.erasable = Erasable(AttentionErasures(self.engine, self.items, "mean", outputs=outputs), torch.arange(5))

    @property
    def sizes(self):
        return self.items.sizes.tolist()

    def real(self, document):
        return self.case.real("self", "keys")[document].nonzero()[:, 0]

    def weights(self):
        """Of all layers by key."""
        return reference_attention(self.case.model, self.case.inputs)

    def decided(self, weights):
        """Of given weights by key the logit and the probability of each decision (documents,)."""
        logits = decision_logits(reference_logits_given(self.case.model, self.case.inputs, weights), self.case.inputs)
        at = self.engine.decision()[:, None]
        return logits.gather(1, at)[:, 0], logits.softmax(-1).gather(1, at)[:, 0]

    def of_items(self, document, numbers):
        """Numbers of the real tokens of a document, by their position, summed over each item's tokens."""
        places = self.items.of_token[document].tolist()
        sums = torch.zeros(self.sizes[document], dtype=EXACT)
        for position, number in numbers.items():
            if places[position] >= 0:
                sums[places[position]] += number
        return sums

    def check(self, found, expected, atol=1e-10):
        for document, size in enumerate(self.sizes):
            torch.testing.assert_close(found[document, :size], expected[document], atol=atol, rtol=1e-8)


def read_rows(batch, document, task):
    """The positions of the rows that the decision is read from."""
    real = batch.real(document).tolist()
    if task == "mean-classification":
        return real
    return [real[0]] if task == "classification" and batch.case.attachment.reads[-1] == "first" else [real[-1]]


@pytest.mark.parametrize(("family", "task"), ONE_STACK)
def test_what_flows_is_a_row_of_a_product_of_matrices(family, task):
    batch = Batch(family, task)
    weights, gradients = batch.weights(), {}
    for key in weights:  # one by one: what a layer gives changes the attention of those above it too
        free = weights[key].clone().requires_grad_()
        (gradients[key],) = torch.autograd.grad(batch.decided({key: free})[0].sum(), free)
    rolled, relevant = [], []
    for document in range(5):
        real = batch.real(document)
        identity = torch.eye(len(real), dtype=EXACT)
        flow, relevance = identity, identity
        for key in attention_keys(batch.case.model):
            attention = weights[key][document][:, real][:, :, real]
            gradient = gradients[key][document][:, real][:, :, real]
            flow = (0.5 * attention.mean(0) + 0.5 * identity) @ flow
            relevance = relevance + (gradient * attention).clamp(min=0).mean(0) @ relevance
        rows = torch.isin(real, torch.tensor(read_rows(batch, document, task)))
        for found, matrix in ((rolled, flow), (relevant, relevance)):
            row = dict(zip(real.tolist(), matrix[rows].mean(0), strict=True))
            found.append(batch.of_items(document, row))
    batch.check(through_layers.rollout(batch.erasable), rolled)
    batch.check(through_layers.relevance(batch.erasable), relevant)
    if task != "mean-classification":
        assert all(float(row.sum()) <= 1 + 1e-9 for row in rolled)


def test_what_does_not_fit_is_refused_by_name_and_left_out_of_all():
    batch = Batch("t5", "classification", Items.single_tokens, layers="encoder:last").erasable
    seeds = torch.arange(5)
    with pytest.raises(InputError, match="rollout cannot be made of this model: it needs several layers of self-att"):
        orders_of(batch, seeds, chosen_orderings(["rollout"]))
    assert "rollout" not in orders_of(batch, seeds, chosen_orderings([ALL]))


SMOOTH = [
    ("bert", "classification", {}),
    ("bert", "classification", {"layers": "all", "heads": "1,3"}),
    ("gpt2", "language-modelling", {"layers": "0,2"}),
    ("llama", "classification", {"layers": "1", "query": "last"}),
    ("torch", "mean-classification", {"layers": "last"}),
]
"""Networks whose activation has no corners."""


def path(batch):
    """Given weights by key: selected ones at a share of themselves, as a function of it."""
    own = batch.weights()
    where = erased_weights(batch.case, batch.selected, key_mask(batch.case, batch.selected))
    return own, where, lambda share: {key: torch.where(where[key], share * own[key], own[key]) for key in where}


@pytest.mark.parametrize("of", ["logit", "probability"])
@pytest.mark.parametrize(("family", "task", "selection"), SMOOTH)
@pytest.mark.samples(4)
def test_integrated_gradients_are_those_of_a_finer_rule_and_add_up(family, task, selection, of):
    batch = Batch(family, task, **selection)
    own, where, at = path(batch)
    which = ["logit", "probability"].index(of)
    attributed = torch.zeros(batch.items.of_token.shape, dtype=EXACT)
    for node, width in zip(*np.polynomial.legendre.leggauss(50), strict=True):
        free = {key: weights.requires_grad_() for key, weights in at(float(node + 1) / 2).items()}
        gradients = torch.autograd.grad(batch.decided(free)[which].sum(), list(free.values()))
        for key, gradient in zip(free, gradients, strict=True):
            attributed += (gradient * own[key] * where[key]).sum((1, 2)) * float(width / 2)
    found = getattr(integrated_gradients, f"of_{of}")(batch.erasable)
    expected = [batch.of_items(d, dict(enumerate(attributed[d].tolist()))) for d in range(5)]
    batch.check(found, expected, atol=2e-5)
    whole = Batch(family, task, Items.single_tokens, **selection)
    gained = (batch.decided(at(1.0))[which] - batch.decided(at(0.0))[which]).detach()
    total = getattr(integrated_gradients, f"of_{of}")(whole.erasable).sum(-1)
    torch.testing.assert_close(total, gained, atol=1e-4, rtol=0)


def test_every_engine_integrates_alike():
    for family, task in (("bert", "classification"), ("gpt2", "language-modelling"), ("torch", "classification")):
        case = attached(family, task, dtype=EXACT)
        kinds = engines_of(case, case.select())
        assert kinds[-1] == "single row"
        found = [integrated_gradients.of_logit(Batch(family, task, kind=kind, query="all").erasable) for kind in kinds]
        for each in found[1:]:
            torch.testing.assert_close(each, found[0], atol=1e-9, rtol=1e-7)


MAPS = {"bert": "attention.output.dense", "deberta-v2": "attention.output.dense", "gpt2": "attn"}
MAPS |= {"llama": "self_attn.o_proj", "distilbert": "attention.out_lin"}
BLOCKS = {"bert": "bert.encoder.layer", "deberta-v2": "deberta.encoder.layer", "gpt2": "transformer.h"}
BLOCKS |= {"llama": "model.layers", "distilbert": "distilbert.transformer.layer"}
OUTPUTS = [
    ("bert", "classification", {"layers": "all"}),
    ("deberta-v2", "classification", {"layers": "last", "query": "first"}),
    ("gpt2", "language-modelling", {"layers": "0,1", "heads": "2"}),
    ("llama", "classification", {"layers": "1", "query": "0,-1"}),
    ("distilbert", "classification", {"layers": "last", "heads": "0,1"}),
]


def given_by(batch, key, module, zeroed):
    """What a module of a layer gives (5, tokens, width) when the layer's weights are zero at (5, heads, rows, keys)."""
    seen, weights = [], batch.weights()[key].masked_fill(zeroed, 0.0)
    block = batch.case.model.get_submodule(f"{BLOCKS[batch.family]}.{key[1]}")
    watched = block.get_submodule(module) if module else block
    hook = watched.register_forward_hook(lambda _, args, out: seen.append(out if torch.is_tensor(out) else out[0]))
    batch.decided({key: weights})
    hook.remove()
    return seen[0].detach()


def parts_of_outputs(batch, module):
    """For each document, layer and selected row: what the module gives there, and what of it goes with each item."""
    found = [[] for _ in range(5)]
    for chosen in batch.selected:
        key = (chosen.site.stack, chosen.site.layer)
        where = erased_weights(batch.case, [chosen], torch.ones_like(key_mask(batch.case, [chosen])))[key]
        whole = given_by(batch, key, module, torch.zeros_like(where))
        nothing = given_by(batch, key, module, where) if module else torch.zeros_like(whole)
        parts = []
        for item in range(max(batch.sizes)):
            tokens = torch.stack([tokens_of(batch.items, document, {item}) for document in range(5)])
            parts.append(whole - given_by(batch, key, module, where & tokens[:, None, None]))
        rows = chosen.rows(batch.case.real("self", "queries"))
        for document in range(5):
            for row in rows[document].nonzero()[:, 0].tolist():
                of_row = torch.stack([part[document, row] for part in parts[: batch.sizes[document]]])
                found[document].append((key, (whole - nothing)[document, row], of_row))
    return found


def mean_over_rows_and_layers(found, of):
    by_layer = {}
    for key, output, parts in found:
        by_layer.setdefault(key, []).append(of(output, parts))
    return torch.stack([torch.stack(rows).mean(0) for rows in by_layer.values()]).mean(0)


@pytest.mark.parametrize(("family", "task", "selection"), OUTPUTS)
@pytest.mark.samples(2)
def test_shares_of_outputs_are_what_goes_with_an_item(family, task, selection):
    batch = Batch(family, task, **selection)
    of_attention, of_layers = parts_of_outputs(batch, MAPS[family]), parts_of_outputs(batch, "")
    scores = {
        "norm": (of_attention, lambda _, parts: parts.norm(dim=-1)),
        "contribution": (of_attention, lambda output, parts: parts @ output / output.square().sum()),
        "value_zeroing": (
            of_layers,
            lambda output, part: 1 - functional.cosine_similarity(output - part, output, -1),
        ),
    }
    for name, (found, of) in scores.items():
        expected = [mean_over_rows_and_layers(found[document], of) for document in range(5)]
        batch.check(getattr(output_shares, name)(batch.erasable), expected, atol=1e-9)


def test_contributions_of_all_tokens_sum_to_one():
    for family, task in ONE_STACK:
        batch = Batch(family, task, Items.single_tokens, layers="all")
        torch.testing.assert_close(output_shares.contribution(batch.erasable).sum(-1), torch.ones(5, dtype=EXACT))


class Gated(torch.nn.Module):
    """A block whose attention is multiplied before it is mapped on, so that the map is not right behind it."""

    def __init__(self):
        super().__init__()
        self.maps = torch.nn.ModuleList(torch.nn.Linear(8, 8) for _ in range(4))

    def forward(self, hidden, mask):
        q, k, v, gate = (each(hidden).unflatten(-1, (2, 4)).transpose(1, 2) for each in self.maps)
        scores = (q @ k.transpose(-1, -2)).masked_fill(~mask[:, None, None], -torch.inf)
        return hidden + ((scores.softmax(-1) @ v) * gate.sigmoid()).transpose(1, 2).flatten(2)


class WithoutOutputMap(torch.nn.Module):
    """Two gated blocks, and a head that reads the first token."""

    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([Gated(), Gated()])
        self.head = torch.nn.Linear(8, 3)

    def forward(self, hidden, mask):
        for block in self.blocks:
            hidden = block(hidden, mask)
        return self.head(hidden[:, 0])


@pytest.mark.parametrize("name", ["norm", "contribution"])
def test_a_model_whose_output_map_is_not_seen_is_refused_in_a_sentence(name):
    torch.manual_seed(0)
    batches = [{"hidden": torch.randn(5, 7, 8), "mask": torch.arange(7) < torch.tensor([[7], [6], [5], [4], [7]])}]
    with pytest.raises(InputError, match=rf"^The ordering {name} cannot be made of this model: it needs .*\.$"):
        probe(WithoutOutputMap(), batches, orderings=[name])
    usual = {"rollout", "chefer", "value_zeroing", "integrated_gradients", "leave_one_out"}
    found = set(probe(WithoutOutputMap(), batches, orderings=["all"]).erasures["ordering"])
    assert usual <= found
    assert not {"norm", "contribution", "runner_up_margin"} & found


@pytest.mark.parametrize(("family", "task"), [("bert", "classification"), ("gpt2", "language-modelling")])
@pytest.mark.samples(1)
def test_padding_and_batching_change_rounding_only(family, task):
    case = attached(family, task)
    attention = AttentionProbe(case.attachment, AttentionSettings(layers="all"), case.inputs)

    def scores(inputs):
        batch = Erasable(attention.erasures(inputs, Items.single_tokens(inputs["attention_mask"].bool())), None)
        return {
            name: module(batch)
            for name, module in {
                "rollout": through_layers.rollout,
                "relevance": through_layers.relevance,
                "integrated gradients": integrated_gradients.of_probability,
                "norm": output_shares.norm,
                "contribution": output_shares.contribution,
                "value zeroing": output_shares.value_zeroing,
            }.items()
        }

    whole = scores(case.inputs)
    for document, size in enumerate(LENGTHS):
        rows = torch.tensor([document, (document + 1) % 5])
        alone = {name: value[rows] for name, value in case.inputs.items()}
        width = int(alone["attention_mask"].sum(-1).max())
        for name, found in scores({key: value[:, :width] for key, value in alone.items()}).items():
            scale = float(whole[name].abs().max())
            torch.testing.assert_close(found[0, :size], whole[name][document, :size], atol=1e-5 * scale, rtol=1e-4)

"""Edges are cut where they are named, and nothing else is: against a forward written out by hand."""

import pytest
import torch

import attnprobe
from attnprobe.base.errors import InputError
from tests.fixtures.attached_models import attached, decision_logits, inputs_of
from tests.reference.transformers import reference_logits

CASES = [
    ("gpt2", "language-modelling", "eager", "right", "all"),
    ("gpt2", "classification", "sdpa", "left", "0,2"),
    ("llama", "language-modelling", "sdpa", "right", "all"),
    ("llama", "classification", "eager", "left", "1"),
    ("bert", "classification", "sdpa", "right", "0-1"),
    ("torch", "mean-classification", "sdpa", "right", "all"),
    ("t5", "language-modelling", "eager", "right", "encoder:all"),
    ("t5", "language-modelling", "eager", "right", "decoder:all"),
    ("t5", "classification", "eager", "right", "cross:all"),
]


@pytest.fixture(scope="module")
def models():
    """Attached models of the reference by family, task, implementation and side, each made once."""
    made = {}

    def get(family, task, implementation, side):
        key = (family, task, implementation, side)
        if key not in made:
            case = attached(*key)
            made[key] = attnprobe.AttachedModel(case.model, case.inputs), case.inputs
        return made[key]

    return get


def sites_of(model, layers):
    stack, _, numbers = layers.rpartition(":")
    sites = [site for site in model.sites if site.stack == (stack or model.sites[0].stack)]
    chosen = {"all": range(len(sites)), "0-1": [0, 1], "0,2": [0, 2], "1": [1], "0": [0]}[numbers]
    return [sites[number] for number in chosen]


def shapes(model, inputs, layers):
    with torch.no_grad(), model.capturing(layers) as seen:
        model.model(**inputs)
    return [seen[site.stack, site.layer][0].shape for site in sites_of(model, layers)]


def cut(model, inputs, edges, layers, **told):
    with torch.no_grad(), model.erasing(edges=edges, layers=layers, **told):
        output = model.model(**inputs)
    return decision_logits(getattr(output, "logits", output), inputs)


def by_hand(model, inputs, edges, layers):
    """``edges``: of each layer (batch, heads, queries, keys)."""
    masks = {(site.stack, site.layer): of for site, of in zip(sites_of(model, layers), edges, strict=True)}
    return decision_logits(reference_logits(model.model, inputs, masks), inputs)


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert torch.equal(found.argmax(-1), expected.argmax(-1))


@pytest.mark.parametrize(("family", "task", "implementation", "side", "layers"), CASES)
@pytest.mark.samples(4)
def test_cut_edges_give_what_a_forward_by_hand_gives(models, family, task, implementation, side, layers):
    """Single edges, random sets, sets of each layer, and of each head."""
    model, inputs = models(family, task, implementation, side)
    generator = torch.Generator().manual_seed(3)
    (batch, heads, queries, keys), *others = shapes(model, inputs, layers)
    several = 1 + len(others)
    single = torch.zeros(batch, queries, keys, dtype=torch.bool)
    single[torch.arange(batch), queries // 2, torch.arange(batch) % (keys // 2 + 1)] = True
    random = torch.rand(several, batch, heads, queries, keys, generator=generator) < 0.5
    for edges, whole in (
        (single, single[None, :, None].expand(several, -1, heads, -1, -1)),
        (random[:, :, 0], random[:, :, :1].expand(-1, -1, heads, -1, -1)),
        (random, random),
        (torch.ones(1, queries, keys), torch.ones(several, batch, heads, queries, keys, dtype=torch.bool)),
    ):
        assert_same(cut(model, inputs, edges, layers), by_hand(model, inputs, whole, layers))


def test_without_any_row_a_head_gives_nothing(models):
    """A = all keys, B = the last row, one layer, one head: what the head gives at that row is taken away."""
    model, inputs = models("llama", "language-modelling", "sdpa", "right")
    last = inputs["attention_mask"].sum(-1) - 1
    batch, tokens = inputs["input_ids"].shape
    edges = torch.zeros(batch, tokens, tokens, dtype=torch.bool)
    edges[torch.arange(batch), last] = True
    for heads, taken in (("1", slice(8, 16)), ("all", slice(None))):

        def without(_module, arguments, taken=taken):
            given = arguments[0].clone()
            given[torch.arange(batch), last, taken] = 0
            return (given,)

        projection = model.model.model.layers[1].self_attn.o_proj
        handle = projection.register_forward_pre_hook(without)
        with torch.no_grad():
            expected = decision_logits(model.model(**inputs).logits, inputs)
        handle.remove()
        assert_same(cut(model, inputs, edges, "1", heads=heads), expected)


@pytest.mark.parametrize("side", ["right", "left"])
def test_what_a_row_may_not_attend_to_anyway_changes_nothing_when_cut(models, side):
    model, inputs = models("gpt2", "classification", "eager" if side == "left" else "sdpa", side)
    mask = inputs["attention_mask"].bool()
    tokens = mask.shape[1]
    forbidden = ~torch.ones(tokens, tokens, dtype=torch.bool).tril() | ~mask[:, None, :]
    with torch.no_grad():
        plain = decision_logits(model.model(**inputs).logits, inputs)
    nothing = cut(model, inputs, torch.zeros_like(forbidden), "all")
    torch.testing.assert_close(nothing, plain, rtol=0, atol=1e-5)
    assert torch.equal(cut(model, inputs, forbidden, "all"), nothing)


def test_padding_does_not_matter(models):
    """The same edges in a document by itself."""
    model, inputs = models("gpt2", "language-modelling", "eager", "right")
    generator = torch.Generator().manual_seed(0)
    edges = torch.rand(len(inputs["input_ids"]), *inputs["input_ids"].shape[-1:] * 2, generator=generator) < 0.4
    together = cut(model, inputs, edges, "all")
    for row, length in enumerate(inputs["attention_mask"].sum(-1).tolist()):
        alone = {name: tensor[row : row + 1, :length] for name, tensor in inputs.items()}
        torch.testing.assert_close(
            cut(model, alone, edges[row : row + 1, :length, :length], "all")[0], together[row], rtol=0, atol=1e-5
        )


def test_cutting_one_column_everywhere_is_erasing_its_token(models):
    model, inputs = models("bert", "classification", "sdpa", "right")
    erased = torch.zeros(inputs["input_ids"].shape, dtype=torch.bool)
    erased[:, 2] = True
    for erase_by in ("renormalise", "zero", "document_mean"):
        with torch.no_grad(), model.erasing(erased, layers="all", erase_by=erase_by):
            expected = model.model(**inputs).logits
        edges = erased[:, None].expand(-1, erased.shape[1], -1)
        assert torch.equal(cut(model, inputs, edges, "all", erase_by=erase_by), expected)


def test_generated_tokens_attend_as_they_do_and_the_prompt_stays_cut(models):
    model, _ = models("gpt2", "language-modelling", "eager", "right")
    ids = inputs_of("gpt2", "language-modelling", lengths=[6, 6])["input_ids"]
    edges = torch.zeros(2, 6, 6, dtype=torch.bool)
    edges[:, 3:, :2] = True
    longer = torch.zeros(2, 8, 8, dtype=torch.bool)
    longer[:, :6, :6] = edges
    told = {"max_new_tokens": 3, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
    with torch.no_grad(), model.erasing(edges=edges, layers="all"):
        made = model.model.generate(ids, attention_mask=torch.ones_like(ids), eos_token_id=None, **told)
    with torch.no_grad(), model.erasing(edges=longer, layers="all"):
        again = model.model(made.sequences[:, :8]).logits
    torch.testing.assert_close(made.logits[-1], again[:, -1], rtol=0, atol=1e-5)


def test_edges_of_other_shapes_are_refused(models):
    model, inputs = models("gpt2", "language-modelling", "eager", "right")
    batch, tokens = inputs["input_ids"].shape
    for edges, sentence in (
        (torch.ones(batch, tokens), r"edges have shape \(5, 11\), but \(batch, queries, keys\)"),
        (torch.ones(2, batch, tokens, tokens), "for 2 layers, but 3 are selected"),
        (torch.ones(batch, tokens, tokens - 1), r"\(5, 1, 11, 10\) .* has \(5, 4, 11, 11\)"),
        (torch.ones(batch - 1, tokens, tokens), r"\(4, 1, 11, 11\)"),
        (torch.full((batch, tokens, tokens), 2), "edges is a mask"),
    ):
        with pytest.raises(ValueError, match=sentence), torch.no_grad(), model.erasing(edges=edges, layers="all"):
            model.model(**inputs)
    for both in ({}, {"erased": torch.ones(batch, tokens), "edges": torch.ones(batch, tokens, tokens)}):
        with pytest.raises(ValueError, match="not both"), model.erasing(**both):
            pass
    with pytest.raises(InputError, match="there is no 7"), model.erasing(edges=torch.ones(1, 1, tokens), layers="7"):
        pass

"""What erasures cost: how many blocks are run on how many tokens, counted by the model itself."""

import contextlib

import pytest
import torch

from attnprobe.engines.choice import REPLAY, SINGLE_ROW
from attnprobe.engines.items import Items
from tests.fixtures.attached_models import MODELS, READS_ONE_ROW, attached, key_mask, orderings


@contextlib.contextmanager
def counting(case):
    """Documents and tokens that each block's attention is run on, in order of the blocks."""
    calls = {}
    with contextlib.ExitStack() as stack:
        for number, site in enumerate(case.attachment.sites.attention):
            module = case.model.get_submodule(site.place.path)

            def count(_module, inputs, keywords, _output, number=number):
                hidden = inputs[0] if inputs else keywords.get("hidden_states", keywords.get("query"))
                documents, tokens = calls.get(number, (0, 0))
                calls[number] = (documents + len(hidden), tokens + hidden.shape[:2].numel())

            stack.callback(module.register_forward_hook(count, with_kwargs=True).remove)
        yield calls


def one_stack(family):
    return family != "t5"  # elsewhere a block has one attention, and its number is the block's


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize(("family", "task"), [model for model in MODELS if one_stack(model[0])])
def test_an_erasure_in_a_layer_runs_that_block_and_those_above(family, task, layer):
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    selected = case.select(str(layer), query="all")
    items = Items.single_tokens(key_mask(case, selected))
    engine = case.engine(REPLAY, selected)
    assert engine.rows_run == 0
    with counting(case) as calls:
        engine.single_effects(items)
    erasures = int(items.mask.sum())
    assert calls == {number: (erasures, erasures * 11) for number in range(layer, 3)}
    assert engine.rows_run == pytest.approx(erasures * (3 - layer) / 3)


@pytest.mark.parametrize("task", ["classification", "language-modelling"])
def test_an_erasure_in_a_decoder_does_not_run_the_encoder(task):
    case = attached("t5", task)
    for layers, share in (("encoder:1", 3 / 4), ("decoder:0", 2 / 4), ("cross:1", 1 / 4)):
        selected = case.select(layers, query="all")
        items = Items.single_tokens(key_mask(case, selected))
        engine = case.engine(REPLAY, selected)
        with counting(case) as calls:
            engine.single_effects(items)
        erasures = int(items.mask.sum())
        first = [site.stack + str(site.layer) for site in case.attachment.sites.attention]
        run = {first[number] for number in calls}
        below = {"encoder:1": {"encoder0"}, "decoder:0": {"encoder0", "encoder1"}}
        kept = below.get(layers, {"encoder0", "encoder1", "decoder0", "cross0"})
        assert run == set(first) - kept
        assert all(documents == erasures for documents, _ in calls.values())
        assert engine.rows_run == pytest.approx(erasures * share)


@pytest.mark.parametrize(("family", "task"), [model for model in MODELS if one_stack(model[0])])
def test_nothing_is_run_behind_a_flip(family, task):
    """One prefix at a time: as many runs as sets that are prefixes up to the flip, and all where there is none."""
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    selected = case.select("1", query="all")
    items = Items.single_tokens(key_mask(case, selected))
    order = orderings(items)
    engine = case.engine(REPLAY, selected)
    engine.at_once = 1
    with counting(case) as calls:
        flips = engine.first_flips(order, items)
    assert (flips > 0).any()
    up_to = torch.where(flips < 0, items.sizes, flips)
    runs = len(
        {
            (document, frozenset(order[each, document, :k].tolist()))
            for each, document in torch.ones_like(up_to).nonzero().tolist()
            for k in range(1, int(up_to[each, document]) + 1)
        }
    )
    assert runs < int(up_to.sum()), "orderings have sets in common"
    assert calls == {1: (runs, runs * 11), 2: (runs, runs * 11)}
    assert engine.rows_run == pytest.approx(runs * 2 / 3)


@pytest.mark.parametrize(("family", "task"), READS_ONE_ROW)
def test_a_single_row_runs_the_last_block_on_one_token(family, task):
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    selected = case.select()
    items = Items.single_tokens(key_mask(case, selected))
    engine = case.engine(SINGLE_ROW, selected)
    assert engine.rows_run == 0
    with counting(case) as calls:
        engine.single_effects(items)
    erasures = int(items.mask.sum())
    assert calls == {2: (erasures, erasures)}
    assert engine.rows_run == pytest.approx(erasures / 3 / 11)
    with counting(case) as calls:
        engine.first_flips(orderings(items, draws=3), items)
    assert calls[2][1] <= 3 * erasures
    assert engine.rows_run == pytest.approx((erasures + calls[2][1]) / 3 / 11)

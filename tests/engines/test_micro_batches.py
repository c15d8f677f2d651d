"""Results do not depend on what is run together, and memory that runs out makes micro-batches smaller, no more."""

import pytest
import torch

from attnprobe.attention.model_call import ModelCall
from attnprobe.engines.items import Items
from attnprobe.engines.micro_batches import MicroBatches, rows_at_once
from tests.fixtures.attached_models import (
    LENGTHS,
    MODELS,
    Case,
    attached,
    engines_of,
    forgotten,
    inputs_of,
    key_mask,
    orderings,
    token_sets,
)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_slices_cover_all_rows_in_order(size):
    parts = [(part, result.tolist()) for part, result in MicroBatches(size).run(7, lambda part: torch.arange(7)[part])]
    assert [number for _, numbers in parts for number in numbers] == list(range(7))
    assert all(part.stop - part.start == len(numbers) <= size for part, numbers in parts)


def test_no_rows_are_no_micro_batches():
    assert list(MicroBatches(3).run(0, lambda part: torch.zeros(1))) == []


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: not enough memory"),
    ],
)
def test_they_shrink_for_good_when_memory_runs_out(error):
    tried = []

    def compute(part):
        tried.append(part.stop - part.start)
        if part.stop - part.start > 3:
            raise error
        return torch.arange(20)[part]

    batches = MicroBatches(16)
    numbers = torch.cat([result for _, result in batches.run(20, compute)])
    assert torch.equal(numbers, torch.arange(20))
    assert tried[:4] == [16, 8, 4, 2]
    assert batches.size == 2
    tried.clear()
    assert len(list(batches.run(4, compute))) == 2
    assert tried == [2, 2]


def test_one_row_that_does_not_fit_and_other_errors_are_raised():
    def compute(part):
        raise RuntimeError("not enough memory")

    with pytest.raises(RuntimeError, match="not enough memory"):
        list(MicroBatches(4).run(4, compute))

    sizes = []

    def fail(part):
        sizes.append(part.stop - part.start)
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(MicroBatches(4).run(4, fail))
    assert sizes == [4]


def test_memory_bounds_how_many_rows_run_at_once():
    sizes = [rows_at_once(tokens, 12) for tokens in (1, 16, 128, 512, 4096, 100_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1
    assert all(rows_at_once(tokens, 64) * 64 * tokens**2 <= 2**27 for tokens in (64, 512, 1024))


@pytest.mark.parametrize(
    ("family", "task"), [("bert", "classification"), ("llama", "language-modelling"), ("t5", "classification")]
)
@pytest.mark.samples(1)
def test_engines_shrink_their_micro_batches_and_give_the_same(family, task, monkeypatch):
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    selected = case.select()
    items = Items.single_tokens(key_mask(case, selected))
    order = orderings(items, draws=1)
    run = ModelCall.__call__

    def little_memory(call, inputs):
        if len(inputs["input_ids"]) > 3:
            raise torch.OutOfMemoryError("out of memory")
        return run(call, inputs)

    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected)
        flips, effects = engine.first_flips(order, items), engine.single_effects(items)
        with monkeypatch.context() as patch:
            patch.setattr(ModelCall, "__call__", little_memory)
            assert torch.equal(engine.first_flips(order, forgotten(items)), flips)
            again = engine.single_effects(items)
        torch.testing.assert_close(again.js, effects.js, rtol=0, atol=1e-5)
        assert torch.equal(again.flips, effects.flips)


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_documents_alone_give_what_they_give_in_a_padded_batch(family, task):
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    selected = case.select()
    items = Items.single_tokens(key_mask(case, selected))
    order = orderings(items)
    some, *_ = token_sets(items.of_token >= 0)
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected)
        ((_, together),) = engine.evaluate(torch.arange(5), some)
        flips, effects = engine.first_flips(order, items), engine.single_effects(items)
        for document in (1, 3):
            alone = without_padding(case.inputs, document)
            small = Case(case.attachment, alone)
            size = int(items.sizes[document])
            own = small.engine(kind, selected)
            ((_, logits),) = own.evaluate(torch.tensor([0]), some[document : document + 1, :size])
            torch.testing.assert_close(logits[0], together[document], rtol=0, atol=1e-5)
            single = Items.single_tokens(torch.ones(1, size, dtype=torch.bool))
            assert torch.equal(
                own.first_flips(order[:, document : document + 1, :size], single)[:, 0], flips[:, document]
            )
            js = own.single_effects(single).js
            torch.testing.assert_close(js[0], effects.js[document, :size], rtol=0, atol=1e-5)


def without_padding(inputs, document):
    alone = {}
    for name, tensor in inputs.items():
        mask = inputs["decoder_attention_mask" if name.startswith("decoder") else "attention_mask"][document].bool()
        alone[name] = tensor[document, mask][None]
    return alone


def test_a_batch_of_documents_of_one_token():
    case = attached("bert", "classification")
    selected = case.select()
    inputs = {"input_ids": torch.tensor([[7], [8], [9]]), "attention_mask": torch.ones(3, 1, dtype=torch.int64)}
    items = Items.single_tokens(torch.ones(3, 1, dtype=torch.bool))
    results = []
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected, inputs)
        results.append(
            (engine.first_flips(torch.zeros(1, 3, 1, dtype=torch.int64), items), engine.single_effects(items))
        )
    for flips, effects in results:
        assert torch.equal(flips, results[0][0])
        torch.testing.assert_close(effects.js, results[0][1].js, rtol=0, atol=1e-5)


def test_the_padded_lengths_differ():
    """So that what is compared above is not the same."""
    assert len(set(LENGTHS)) > 3
    assert inputs_of("bert", "classification")["attention_mask"].sum(-1).tolist() == LENGTHS

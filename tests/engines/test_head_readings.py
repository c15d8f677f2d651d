"""What heads average, and with which weights: by hand, and by putting other weights into the model."""

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.selection import select
from attnprobe.attention.taps import Capture, Use
from attnprobe.base.errors import InputError
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.head_readings import read_heads
from attnprobe.erasure.orderings import softmax_of_scores
from attnprobe.identifiability import nullity, same_head_output
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.dropout import Dropout
from tests.fixtures.attached_models import LENGTHS, MODELS, attached, inputs_of
from tests.fixtures.ragged_documents import random_documents
from tests.reference.transformers import reference_attention

SEEDS = torch.arange(len(LENGTHS)) * 7919 - 3
BATCH = random_documents(7).batch(np.arange(7))


def read(case, layers="all", inputs=None, seeds=SEEDS, heads="all"):
    settings = AttentionSettings(layers=layers, heads=heads)
    selected = select(case.attachment.sites, settings, case.attachment.auto())
    return selected, list(read_heads(case.attachment, selected, case.inputs if inputs is None else inputs, seeds))


def every_stack(case):
    return [f"{stack}:all" for stack in case.attachment.sites.stacks()]


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(6)
def test_weights_are_those_of_the_row(family, task, implementation):
    case = attached(family, task, implementation)
    by_hand = reference_attention(case.model, case.inputs)
    for layers in every_stack(case):
        selected, readings = read(case, layers)
        for chosen, reading in zip(selected, readings, strict=True):
            assert (reading.stack, reading.layer) == (chosen.site.stack, chosen.site.layer)
            real = case.real(reading.stack, "queries")
            for document, row in enumerate(reading.row.tolist()):
                positions = real[document].nonzero()[:, 0].tolist()
                expected = {"first": positions[:1], "last": positions[-1:], "all": positions}[chosen.query]
                assert row in expected
                weights = by_hand[reading.stack, reading.layer][document, :, row].double()
                torch.testing.assert_close(reading.weights[document], weights, atol=1e-5, rtol=0)
            torch.testing.assert_close(reading.weights.sum(-1), torch.ones_like(reading.weights[..., 0]))
            keys = case.real(reading.stack, "keys")
            assert not (reading.mask & ~keys[:, None]).any()
            assert not reading.weights[~reading.mask].any()


def test_rows_of_a_layer_that_is_read_as_a_whole_are_drawn_by_the_seed():
    case = attached("bert", "classification")
    rows = [read(case, "0", seeds=torch.full((5,), seed))[1][0].row for seed in range(20)]
    assert {int(row[3]) for row in rows} == set(range(LENGTHS[3]))
    assert all(torch.equal(read(case, "0")[1][0].row, reading.row) for reading in read(case, "all")[1][:2])


def other_weights(reading, document, head, generator):
    """Weights of a row with the same head output, far from the observed ones, and as far away in another direction."""
    mask = reading.mask[document, head]
    observed = reading.weights[document, head][mask].numpy()
    alternatives = same_head_output(observed, reading.values[document, head][mask])
    vertices = alternatives.extremes.vertices
    farthest = vertices[np.abs(vertices - observed).sum(1).argmax()]
    whole = torch.zeros(len(mask), dtype=torch.float64)
    whole[mask] = torch.from_numpy(farthest)
    elsewhere = torch.zeros_like(whole)
    elsewhere[mask] = torch.from_numpy(observed[generator.permutation(len(observed))])
    return whole, elsewhere, np.abs(farthest - observed).sum() / 2


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("family", ["bert", "gpt2", "torch", "t5"])
@pytest.mark.samples(4)
def test_weights_with_the_same_output_leave_the_logits_and_others_do_not(family, implementation):
    """The certificates of the programs, put back into the model in its own type."""
    case, generator = attached(family, "classification", implementation), np.random.default_rng(0)
    for layers in every_stack(case):
        (chosen, *_), (reading, *_) = read(case, f"{layers.rpartition(':')[0]}:last")
        kept = Capture()
        with torch.no_grad():
            untouched = run_with(case.attachment.call, case.inputs, [chosen.site], [kept])
        moved, wrong = kept.weights.clone(), kept.weights.clone()
        distances = []
        for document, row in enumerate(reading.row.tolist()):
            for head in range(chosen.site.heads):
                same, elsewhere, distance = other_weights(reading, document, head, generator)
                distances.append(distance)
                moved[document, head, row], wrong[document, head, row] = same.float(), elsewhere.float()
                before = reading.weights[document, head] @ reading.values[document, head].double()
                after = moved[document, head, row] @ reading.values[document, head]
                torch.testing.assert_close(after.double(), before, atol=1e-5, rtol=1e-5)
        assert max(distances) > 0.03
        with torch.no_grad():
            same = run_with(case.attachment.call, case.inputs, [chosen.site], [Use(moved)])
            other = run_with(case.attachment.call, case.inputs, [chosen.site], [Use(wrong)])
        scale = float(untouched.abs().amax().clamp(min=1.0))
        assert float((same - untouched).abs().amax()) <= 1e-5 * scale
        assert float((other - untouched).abs().amax()) > 1e-3 * scale


@pytest.mark.parametrize(("family", "width"), [("bert", 8), ("gpt2", 8), ("llama", 8), ("t5", None), ("torch", 8)])
@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_the_width_of_keys_is_that_of_the_products(family, width, implementation):
    case = attached(family, "classification", implementation)
    widths = {reading.key_width for layers in every_stack(case) for reading in read(case, layers)[1]}
    assert widths == {width or case.model.config.d_kv}


def test_documents_alone_give_what_they_give_in_a_padded_batch():
    case = attached("bert", "classification")
    _, together = read(case)
    for document, length in enumerate(LENGTHS):
        inputs = {name: tensor[document : document + 1, :length] for name, tensor in case.inputs.items()}
        _, alone = read(case, inputs=inputs, seeds=SEEDS[document : document + 1])
        for one, many in zip(alone, together, strict=True):
            assert int(one.row) == int(many.row[document])
            for name in ("weights", "values"):
                ours, theirs = getattr(one, name)[0], getattr(many, name)[document, :, :length]
                torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
            ours, theirs = (int(nullity(r.values[d], r.mask[d]).nullity[0]) for r, d in ((one, 0), (many, document)))
            assert ours == theirs == max(0, length - 9)


def test_a_causal_row_attends_to_what_is_before_it():
    case = attached("gpt2", "language-modelling")
    _, readings = read(case, "0")
    for document, row in enumerate(readings[0].row.tolist()):
        assert readings[0].mask[document].sum(-1).tolist() == [row + 1] * 4


def test_heads_are_those_that_were_asked_for():
    case = attached("bert", "classification")
    probe = AttentionProbe(case.attachment, AttentionSettings(), inputs_of("bert", "classification"))
    (reading,) = probe.readings(case.inputs, "1", "0,3", SEEDS)
    (every,) = probe.readings(case.inputs, "1", "all", SEEDS)
    assert (reading.layer, reading.heads) == (1, (0, 3))
    assert torch.equal(reading.values, every.values[:, [0, 3]])
    assert torch.equal(reading.weights, every.weights[:, [0, 3]])
    with pytest.raises(InputError, match="there is no 7"):
        next(probe.readings(case.inputs, "7", "all", SEEDS))


@pytest.mark.parametrize("name", ["flan-conv", "han-none"])
def test_a_pooling_attention_is_one_head(name):
    torch.manual_seed(0)
    probe = PooledProbe(POOLED[name](40, 3, Dropout()))
    (reading,) = probe.readings(BATCH, "all", "all", torch.zeros(len(BATCH)))
    values, scores, mask = probe.read(BATCH)
    assert (reading.stack, reading.layer, reading.heads, reading.key_width) == ("pooling", 0, (0,), None)
    assert torch.equal(reading.values[:, 0], values)
    assert torch.equal(reading.mask[:, 0], mask)
    assert torch.equal(reading.weights[:, 0], softmax_of_scores(scores, mask))
    pooled = torch.einsum("bi,bid->bd", reading.weights[:, 0], values.double())
    torch.testing.assert_close(probe.readout(pooled.float()), probe.model(BATCH), atol=1e-5, rtol=1e-5)
    with pytest.raises(InputError, match="there is no 1"):
        next(probe.readings(BATCH, "1", "all", torch.zeros(len(BATCH))))

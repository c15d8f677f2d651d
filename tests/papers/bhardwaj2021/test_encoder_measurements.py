import dataclasses

import numpy as np
import pytest
import torch

from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.papers.bhardwaj2021.encoder_measurements import LENGTHS, accuracy_row, logit_rank_rows, rank_rows
from attnprobe.papers.bhardwaj2021.encoder_readings import first_row, last_layer
from attnprobe.papers.bhardwaj2021.random_alternatives import random_alternatives
from attnprobe.settings.transformer import TransformerOptions, encoder_parameters
from tests.fixtures.ragged_documents import random_documents

OPTIONS = TransformerOptions(d_e=16, num_heads=4, d_k=3, d_ff=8, longest=64)
both = pytest.mark.parametrize("combine", ["concatenate", "add"])


def make(**changes):
    torch.manual_seed(0)
    return TransformerClassifier(30, 3, dataclasses.replace(OPTIONS, **changes)).eval()


@pytest.mark.parametrize("layers", [1, 2])
@both
def test_what_is_read_off_is_what_the_model_computes(combine, layers):
    model, batch = make(combine=combine, num_layers=layers), random_documents(6).batch(np.arange(6))
    inputs = model.inputs(batch)
    read = first_row(model, inputs)
    torch.testing.assert_close(read.logits, model(batch))
    whole = last_layer(model, inputs)
    torch.testing.assert_close(whole.log_weights[:, :, 0].exp().float(), read.scores.softmax(-1))
    seen = []
    attention = model.encoder.layers[-1].attention
    with attention.register_forward_hook(lambda _module, _inputs, output: seen.append(output)):
        model(batch)
    summed = (whole.log_weights.exp() @ whole.values).sum(1) + attention.output.bias
    torch.testing.assert_close(summed.float(), seen[0], atol=1e-5, rtol=1e-4)
    assert next(model.parameters()).dtype == torch.float32  # it is left as it was


def test_accuracy_and_evenness():
    model, documents = make(), random_documents(30)
    with torch.no_grad():
        model.encoder.layers[0].attention.query.weight.zero_()
        model.encoder.layers[0].attention.query.bias.zero_()
    row = accuracy_row(model, documents)
    decisions = model(documents.batch(np.arange(30))).argmax(-1)
    assert row["accuracy"] == float((decisions == torch.from_numpy(documents.documents.labels)).double().mean())
    assert row["parameters"] == encoder_parameters(model.options)
    assert row["evenness"] == pytest.approx(1.0)
    assert row["score_deviation"] == pytest.approx(0.0, abs=1e-6)
    assert accuracy_row(make(), documents)["evenness"] < 1


@both
def test_ranks_and_nullities_are_those_of_the_formulas(combine):
    """Generic values: nullity max(n − d_v − 1, 0) of a head, max(h n − d_e − h, 0) of the layer, for both."""
    model, documents = make(combine=combine), random_documents(60, words=12)
    d_v = model.options.value_width
    rows = rank_rows(model, documents, documents=5)
    assert [row["items"] for row in rows] == [n for n in LENGTHS if n <= documents.lengths.max() + 1]
    assert max(row["items"] for row in rows) > d_v + 1
    for row in rows:
        n = row["items"]
        assert row["documents"] == min(5, int((documents.lengths >= n - 1).sum()))
        assert row["nullity"] == row["nullity_of_distinct"] == max(n - d_v - 1, 0)
        assert row["joint_nullity"] == max(4 * n - 16 - 4, 0)
        assert row["published_rank"] == row["published_rank_first_head"] == min(n, d_v)
        assert row["not_unique"] == (n > d_v + 1)


def test_repeated_words_count_once_without_positions():
    model, documents = make(positions=False, combine="add"), random_documents(60, vocabulary=6, words=12)
    rows = {row["items"]: row for row in rank_rows(model, documents, documents=5)}
    assert rows[12]["nullity"] > 0
    assert rows[12]["nullity_of_distinct"] == 0


@pytest.mark.parametrize(("items", "dim"), [(3, 1), (12, 4), (20, 7)])
def test_random_alternatives_are_distributions_with_the_same_output(items, dim):
    generator = torch.Generator().manual_seed(items)
    values = torch.randn(items, dim, dtype=torch.float64, generator=generator)
    weights = torch.randn(items, items, dtype=torch.float64, generator=generator).softmax(-1)
    found = random_alternatives(weights, values, 20, generator)
    assert found.shape == (20, items, items)
    assert (found > 0).all()
    torch.testing.assert_close(found.sum(-1), torch.ones(20, items, dtype=torch.float64))
    torch.testing.assert_close(found @ values, (weights @ values).expand(20, -1, -1), atol=1e-12, rtol=1e-12)
    assert ((found - weights).abs().sum(-1) > 1e-4).all()
    # Halfway to the boundary: doubling the step reaches it.
    assert (2 * found - weights).amin(-1).abs().max() < 1e-12


def test_unique_weights_have_no_alternatives():
    weights = torch.rand(5, 5, dtype=torch.float64).softmax(-1)
    found = random_alternatives(weights, torch.eye(5), 3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, weights.expand(3, -1, -1), atol=1e-15, rtol=0)


def test_logits_of_the_model_have_the_keys_rank_and_those_of_random_alternatives_have_full_rank():
    model, documents = make(), random_documents(60, words=12)
    rows = logit_rank_rows(model, documents, documents=3, draws=4, lengths=(12, 16))
    assert [row["items"] for row in rows] == [12] * 3 + [16] * 3
    for row in rows:
        assert row["own_rank"] == 3  # d_k
        assert row["random_rank_low"] == row["random_rank"] == row["random_rank_high"] == row["items"] - 1

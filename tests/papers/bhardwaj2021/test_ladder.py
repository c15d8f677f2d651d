"""The ladder on small models: each rung's certificate by a run of the model, dimensions by count, closed forms."""

import itertools

import numpy as np
import pytest
import torch

from attnprobe.attention.attachment import attach
from attnprobe.attention.model_call import ModelCall
from attnprobe.base.errors import InputError
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.models.transformer.probe import example_inputs
from attnprobe.papers.bhardwaj2021.key_dimensions import key_dimensions
from attnprobe.papers.bhardwaj2021.ladder import DECISION, HEAD, LAYER, LOGITS, NORM, affine_ladder, ladder
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.stages.identifying.read_row import ReadRow

ITEMS, CLASSES, D_E, HEADS = 12, 3, 8, 2
CONCATENATE, ADD = "concatenate", "add"


def small_model(combine, d_k=3):
    torch.manual_seed(3)
    options = TransformerOptions(d_e=D_E, num_heads=HEADS, d_k=d_k, combine=combine, num_layers=2, d_ff=16, longest=16)
    model = TransformerClassifier(40, CLASSES, options).eval()
    with torch.no_grad():
        model.encoder.head.weight.mul_(4)
    return model


def read(model, items=ITEMS):
    inputs = {"input_ids": torch.arange(items)[None] + 3, "attention_mask": torch.ones(1, items, dtype=torch.bool)}
    inputs["input_ids"][0, 0] = model.first_token
    return ReadRow(attach(ModelCall(model.encoder), example_inputs(model)), inputs), inputs


@pytest.fixture(scope="module", params=[CONCATENATE, ADD])
def small(request):
    model = small_model(request.param)
    row, inputs = read(model)
    return request.param, model, row, inputs, {rung.name: rung for rung in ladder(row)}


def by_hand(model, inputs, weights):
    """Logits of the first row's weights (heads, items), written out."""
    encoder = model.encoder
    with torch.no_grad():
        hidden = encoder.layers[0](encoder.embedded(inputs["input_ids"]), inputs["attention_mask"])
        layer = encoder.layers[1]
        contexts = torch.from_numpy(weights)[None, :, None] @ layer.attention.values(hidden)
        state = layer.attention_norm(hidden[:, :1] + layer.attention.combined(contexts))
        return encoder.head(layer.feed_forward_norm(state + layer.feed_forward(state))[:, 0])[0].numpy()


def test_the_model_runs_with_any_weights(small):
    _, model, row, inputs, _ = small
    with torch.no_grad():
        own = model.encoder(**inputs)[0].numpy()
    np.testing.assert_allclose(row.logits(row.weights[None])[0], own, atol=1e-12)
    others = np.random.default_rng(0).dirichlet(np.ones(ITEMS), (5, HEADS))
    for weights, logits in zip(others, row.logits(others), strict=True):
        np.testing.assert_allclose(logits, by_hand(model, inputs, weights), atol=1e-12)
    logits, gradients = row.logits_and_gradients(others[0])
    step = 1e-6 * (others[1] - others[0])
    slopes = (row.logits((others[0] + step)[None]) - row.logits((others[0] - step)[None]))[0] / 2
    np.testing.assert_allclose(np.einsum("chi,hi->c", gradients, step), slopes, atol=1e-13)
    np.testing.assert_allclose(logits, row.logits(others[:1])[0])


def test_what_the_norm_is_given_is_affine_in_the_weights(small):
    _, model, row, _, _ = small
    before, moved = row.before_norm()
    maps = model.encoder.layers[1].attention.output_maps().detach().numpy()
    values = row.values @ maps
    np.testing.assert_allclose(moved, values - np.einsum("hi,hid->hd", row.weights, values)[:, None], atol=1e-12)
    normed = model.encoder.layers[1].attention_norm(torch.from_numpy(before))
    assert normed.shape == (D_E,)


def test_dimensions_are_what_counting_says(small):
    combine, _, _, _, rungs = small
    d_v = D_E // HEADS if combine == CONCATENATE else D_E
    # What the second layer is given is normed: its numbers have one direction less than there are.
    assert rungs[HEAD].dimension == HEADS * (ITEMS - 1 - min(d_v, D_E - 1))
    assert rungs[LAYER].dimension == HEADS * (ITEMS - 1) - D_E
    assert rungs[NORM].dimension == rungs[LAYER].dimension + 2
    assert rungs[LOGITS].dimension == HEADS * (ITEMS - 1) - (CLASSES - 1)
    assert rungs[DECISION].dimension == HEADS * (ITEMS - 1)


def test_every_rung_holds_those_above_it_and_keeps_what_it_says(small):
    *_, rungs = small
    reach = [rung.lower for rung in rungs.values()]
    assert all(below >= above - 1e-9 for above, below in itertools.pairwise(reach) if above != rungs[NORM].lower)
    assert all(rung.lower <= rung.upper + 1e-9 for rung in rungs.values())
    assert rungs[LAYER].lower > 0.1
    for name in (HEAD, LAYER, LOGITS):
        assert rungs[name].change < 1e-9
    assert rungs[NORM].change < 1e-4  # but for the ε inside LayerNorm
    for epsilon in (0.01, 0.1):
        assert rungs[f"probabilities within {epsilon}"].change <= epsilon
    assert all(rung.kept for rung in rungs.values())


def test_added_heads_are_unique_by_head_and_not_by_layer():
    """With so few items each head's output fixes its weights; the layer's sum of heads does not."""
    row, _ = read(small_model(ADD), items=D_E)
    rungs = {rung.name: rung for rung in ladder(row)}
    assert rungs[HEAD].dimension == 0
    assert rungs[HEAD].lower == pytest.approx(0, abs=1e-12)
    assert rungs[LAYER].dimension == HEADS * (D_E - 1) - D_E
    assert rungs[LAYER].lower > 0.05


def test_keys_realise_what_counting_says():
    """d_v = 4, n = 12: d_k* is 2.3; keys two wide leave nothing, three wide 3 · 20 − 48 dimensions."""
    for d_k, realised in ((2, 0), (3, 12), (4, 28), (6, 54)):
        row, _ = read(small_model(CONCATENATE, d_k))
        for head in range(HEADS):
            found = key_dimensions(row, head)
            assert (found.d_k, found.d_v, found.free_rows) == (d_k, 4, 12 * 7)
            assert found.realised == found.counted == realised
            assert found.by_query == found.by_query_counted == max(0, min(d_k, 11) - 4)
            assert (d_k > found.dk_star) == (realised > 0)


def test_two_items_and_two_classes_have_closed_forms():
    """The logits differ by k x at weights (1 − x, x): a change of probability is one of x, up to where it ends."""
    x, k = 0.4, 3.0
    readout = torch.tensor([[0.0], [k]]).double(), torch.tensor([0.0, -1.0]).double()
    rungs = {rung.name: rung for rung in affine_ladder(np.array([1 - x, x]), np.array([[0.0], [1.0]]), readout)}
    assert rungs[HEAD].lower == rungs[HEAD].upper == rungs[LOGITS].upper == pytest.approx(0, abs=1e-9)
    p = 1 / (1 + np.exp(1 - k * x))
    for epsilon in (0.01, 0.1):
        ends = [(np.log(q / (1 - q)) + 1) / k for q in (p - epsilon, p + epsilon)]
        rung = rungs[f"probabilities within {epsilon}"]
        assert rung.lower == pytest.approx(max(abs(end - x) for end in ends), abs=1e-6)
        assert rung.upper == pytest.approx(rung.lower, abs=1e-6)
        assert rung.change == pytest.approx(epsilon, abs=1e-6)
    assert rungs[DECISION].lower == pytest.approx(1 - x, abs=1e-6)  # x down to 1/3 keeps it, and up to 1
    assert rungs[DECISION].kept


def test_a_model_that_reads_every_row_is_refused():
    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
            self.encoder, self.head = torch.nn.TransformerEncoder(layer, 1), torch.nn.Linear(8, 3)

        def forward(self, src):
            return self.head(self.encoder(src).mean(1))

    torch.manual_seed(0)
    attachment = attach(ModelCall(Mean().eval()), {"src": torch.randn(4, 9, 8)})
    with pytest.raises(InputError, match="read from all rows"):
        ReadRow(attachment, {"src": torch.randn(1, 9, 8)})

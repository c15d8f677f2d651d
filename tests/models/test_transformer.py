import dataclasses

import numpy as np
import pytest
import torch

from attnprobe.base.errors import InputError
from attnprobe.models.transformer.multi_head_attention import MultiHeadAttention
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.settings.transformer import TransformerOptions, attention_parameters, encoder_parameters
from attnprobe.training import Trainer, TrainingSettings, accuracy
from tests.fixtures.ragged_documents import random_documents, streamed

SMALL = TransformerOptions(d_e=16, num_heads=4, d_ff=8, longest=64)
VARIANTS = {
    "concatenate": SMALL,
    "narrow keys": dataclasses.replace(SMALL, d_k=1),
    "add": dataclasses.replace(SMALL, combine="add"),
    "add_own": dataclasses.replace(SMALL, combine="add_own", d_k=3),
    "matched": dataclasses.replace(SMALL, matched=True),
    "two layers": dataclasses.replace(SMALL, num_layers=2, positions=False),
    "released sum": dataclasses.replace(SMALL, combine="add", as_released=("head_sum",)),
    "released scale": dataclasses.replace(SMALL, d_k=64, as_released=("scale",)),
}
every_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)


def make(options, classes=3, seed=0):
    torch.manual_seed(seed)
    return TransformerClassifier(30, classes, options).eval()


def make_attention(seed=0, **changes):
    torch.manual_seed(seed)
    return MultiHeadAttention(dataclasses.replace(SMALL, **changes)).eval()


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@every_variant
def test_the_formulas_count_what_the_modules_hold(options):
    encoder = make(options).encoder
    assert parameters(encoder.layers[0].attention) == attention_parameters(options)
    assert parameters(encoder.layers) == encoder_parameters(options)


@pytest.mark.parametrize(
    ("d_e", "heads", "d_k", "concatenated", "added"),
    [(32, 4, 16, 6_336, 9_504), (512, 8, 64, 1_050_624, 2_889_216), (512, 8, 16, None, 2_495_232)],
)
def test_added_heads_have_the_parameters_of_the_released_classes(d_e, heads, d_k, concatenated, added):
    options = TransformerOptions(d_e=d_e, num_heads=heads, d_k=d_k)
    assert attention_parameters(dataclasses.replace(options, combine="add")) == added
    if concatenated is not None:
        assert attention_parameters(options) == concatenated


@pytest.mark.parametrize(("d_e", "heads", "d_k"), [(64, 4, 1), (64, 4, 256), (32, 4, 16), (512, 8, 64)])
def test_the_matched_baseline_is_within_half_a_unit_of_added_heads(d_e, heads, d_k):
    matched = TransformerOptions(d_e=d_e, num_heads=heads, d_k=d_k, matched=True)
    added = TransformerOptions(d_e=d_e, num_heads=heads, d_k=d_k, combine="add")
    assert abs(encoder_parameters(matched) - encoder_parameters(added)) <= (2 * d_e + 1) / 2
    assert attention_parameters(matched) == attention_parameters(dataclasses.replace(matched, matched=False))


@every_variant
def test_a_layer_gives_the_sum_of_its_heads_each_through_its_own_map(options):
    torch.manual_seed(1)
    attention = MultiHeadAttention(options).eval()
    hidden, mask = torch.randn(2, 5, 16), torch.arange(5) < torch.tensor([[5], [3]])
    weights = torch.softmax(attention.scores(hidden, mask), -1)
    assert (weights[1, :, :, 3:] == 0).all()
    summed = torch.einsum("bhqk,bhkv,hve->bqe", weights, attention.values(hidden), attention.output_maps())
    torch.testing.assert_close(attention(hidden, mask), summed + attention.output.bias, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "rank"),
    [
        ({"combine": "add"}, 16),
        ({"combine": "add_own"}, 16),
        ({"combine": "concatenate"}, 4),
        # What was released under the name of the first has the null space of the third.
        ({"combine": "add", "as_released": ("head_sum",)}, 4),
    ],
)
def test_the_rank_of_the_map_from_a_heads_values_to_the_output(changes, rank):
    maps = make_attention(**changes).output_maps()
    assert torch.linalg.matrix_rank(maps.double()).tolist() == [rank] * 4


def test_heads_added_share_a_map_and_heads_with_own_maps_do_not():
    shared = make_attention(combine="add").output_maps()
    torch.testing.assert_close(shared, shared[:1].expand_as(shared))
    own = make_attention(combine="add_own").output_maps()
    assert not torch.allclose(own[0], own[1])


def test_concatenation_is_addition_with_own_maps():
    concatenated = make(dataclasses.replace(SMALL, d_v=16))
    added = make(dataclasses.replace(SMALL, combine="add_own"))
    added.load_state_dict(concatenated.state_dict())
    batch = random_documents(6).batch(np.arange(6))
    torch.testing.assert_close(added(batch), concatenated(batch), atol=0, rtol=0)


@pytest.mark.parametrize(("d_k", "factor"), [(64, 4.0), (4, 1.0), (1, 0.5)])
def test_the_released_scale_spreads_scores_by_the_root_of_d_k_over_d_v(d_k, factor):
    hidden, mask = torch.randn(2, 5, 16), torch.ones(2, 5, dtype=torch.bool)
    intended = make_attention(d_k=d_k).scores(hidden, mask)
    released = make_attention(d_k=d_k, as_released=("scale",)).scores(hidden, mask)
    torch.testing.assert_close(released, factor * intended)


def test_scores_begin_with_the_same_spread_whatever_d_k_is():
    hidden, mask = torch.randn(8, 40, 16), torch.ones(8, 40, dtype=torch.bool)
    spreads = [
        np.mean([make_attention(seed, d_k=d_k).scores(hidden, mask).var().item() for seed in range(20)])
        for d_k in (1, 4, 64)
    ]
    assert max(spreads) < 1.5 * min(spreads)


def test_the_released_mask_makes_real_items_attend_to_padding():
    hidden, mask = torch.randn(2, 5, 16), torch.arange(5) < torch.tensor([[3], [3]])
    for released, on_padding in ((("mask",), 1.0), ((), 0.0)):
        weights = torch.softmax(make_attention(as_released=released).scores(hidden, mask), -1)
        torch.testing.assert_close(weights[:, :, 0, 3:].sum(-1), torch.full((2, 4), on_padding))


def test_with_the_released_mask_a_batch_decides_and_otherwise_not():
    documents = random_documents(6)
    for options, alike in ((SMALL, True), (dataclasses.replace(SMALL, as_released=("mask",)), False)):
        model = make(options)
        alone = torch.cat([model(documents.batch(np.array([row]))) for row in range(6)])
        assert torch.allclose(model(documents.batch(np.arange(6))), alone, atol=1e-5) == alike


@every_variant
def test_padding_and_batching_change_rounding_only(options):
    model, documents = make(options), random_documents(30)
    together = model(documents.batch(np.arange(30)))
    for rows in np.array_split(np.random.default_rng(0).permutation(30), 7):
        torch.testing.assert_close(model(documents.batch(rows)), together[torch.from_numpy(rows)], atol=1e-5, rtol=1e-5)


@every_variant
def test_training_computes_what_evaluation_does(options):
    """It computes a single row of the last layer, but of the same model."""
    model = make(dataclasses.replace(options, dropout=0.0))
    batch = random_documents(10).batch(np.arange(10))
    evaluated = model(batch)
    torch.testing.assert_close(model.train()(batch), evaluated, atol=1e-5, rtol=1e-5)


def test_only_positions_tell_the_order_of_words():
    documents = random_documents(1, sentences=1, words=1, planted=False)
    batch = documents.batch(np.array([0]))
    batch = dataclasses.replace(batch, words=torch.tensor([4, 5, 6, 7]), sentence_lengths=torch.tensor([4]))
    turned = dataclasses.replace(batch, words=batch.words.flip(0))
    without, with_positions = (make(dataclasses.replace(SMALL, positions=given)) for given in (False, True))
    torch.testing.assert_close(without(batch), without(turned), atol=1e-6, rtol=1e-5)
    assert not torch.allclose(with_positions(batch), with_positions(turned), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("combine", ["concatenate", "add"])
def test_it_learns_what_a_planted_word_says(combine):
    model = make(dataclasses.replace(SMALL, combine=combine, d_k=2))
    train, test = random_documents(160, seed=1), random_documents(60, seed=2)
    trainer = Trainer(model, TrainingSettings(epochs=8, learning_rate=1e-2), 0)
    for _ in range(8):
        trainer.run_epoch(streamed(train), streamed(test), torch.device("cpu"), lambda tokens: None)
    assert accuracy(model, streamed(test), torch.device("cpu")) > 0.9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"combine": "sum"}, "combine must be concatenate, add or add_own, not 'sum'"),
        ({"d_e": 65}, "d_e 65 is no multiple of num_heads 4"),
        ({"d_k": 0}, "d_k must be a whole number from 1 on, not 0"),
        ({"dropout": 1.0}, "dropout must be a number from 0 to below 1, not 1.0"),
        ({"longest": 8}, "longest must be a whole number from 16 on, not 8"),
        ({"matched": True, "combine": "add"}, "matched is for combine concatenate, and not for add"),
        ({"as_released": ("heads",)}, r"as_released must be a list of head_sum, mask or scale, not \('heads',\)"),
        ({"as_released": ("head_sum",)}, "as_released head_sum is for combine add"),
        ({"as_released": ("head_sum",), "combine": "add", "d_v": 6}, "d_v that is a multiple of num_heads 4"),
    ],
)
def test_options_that_do_not_fit_are_told(changes, message):
    with pytest.raises(InputError, match=message):
        TransformerOptions(**changes)


def test_folders_tell_options_apart():
    names = [options.folder for options in VARIANTS.values()]
    assert len(set(names)) == len(names)
    assert TransformerOptions().folder == "transformer"
    assert TransformerOptions(positions=False, matched=True).folder == "transformer-no_positions-matched"

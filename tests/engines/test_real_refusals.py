"""What is refused is refused for the reason that is true: each sentence is tried on a model that it is true of."""

import pytest
import torch
from torch import nn

from attnprobe import AttachedModel, RefusedError
from attnprobe.attention.foreign import why_foreign
from tests.fixtures.attached_models import attached
from tests.fixtures.media_models import SIZES, made, noise, pictures, texts, vit

transformers = pytest.importorskip("transformers")


def refusal(model, inputs, **said):
    with pytest.raises(RefusedError) as caught:
        AttachedModel(model, inputs, **said)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_windows_of_swin():
    """32 × 32 pixels in patches of 2 are 256 places: 16 windows of 4 × 4."""
    settings = {"image_size": 32, "patch_size": 2, "window_size": 4, "embed_dim": 16, "depths": [2], "num_heads": [2]}
    model = made(transformers, "SwinForImageClassification", "SwinConfig", num_labels=3, **settings)
    assert "attends within 16 groups (windows) of 16 places" in refusal(model, pictures())


def test_a_window_around_each_token_of_longformer():
    model = made(
        transformers, "LongformerForSequenceClassification", "LongformerConfig", "eager", vocab_size=60,
        attention_window=[4, 4], pad_token_id=0, num_labels=3, **SIZES,
    )  # fmt: skip
    assert "places of a window around each token" in refusal(model, texts(5))


def test_pooled_keys_of_segformer():
    """64 × 64 pixels in steps of 4 are 256 places, of which keys are pooled by 8 × 8: 4."""
    model = made(
        transformers, "SegformerForImageClassification", "SegformerConfig", num_labels=3, hidden_sizes=[16, 16, 32, 32],
        depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4], decoder_hidden_size=16,
    )  # fmt: skip
    assert "attends from 256 places to 4, which are pooled, or others than these" in refusal(model, pictures(size=64))


def test_latent_rows_of_perceiver():
    model = made(
        transformers, "PerceiverForSequenceClassification", "PerceiverConfig", "eager", num_latents=13, d_latents=32,
        d_model=32, num_blocks=1, num_self_attends_per_block=2, num_self_attention_heads=4, num_cross_attention_heads=4,
        vocab_size=60, max_position_embeddings=20, num_labels=3,
    )  # fmt: skip
    given = {"inputs": texts(5)["input_ids"]}
    assert "attends to the 9 tokens, but from 13 rows that are not the tokens themselves" in refusal(model, given)


def test_patches_in_another_order_each_time_of_vilt():
    model = made(
        transformers, "ViltForQuestionAnswering", "ViltConfig", "eager", image_size=32, patch_size=8, vocab_size=60,
        max_position_embeddings=20, **SIZES,
    )  # fmt: skip
    assert "what a column is changes from run to run" in refusal(model, texts(5) | pictures())


def test_no_softmax_of_a_convolution():
    model = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.Flatten(), nn.Linear(64, 3)).eval()
    assert "it computes no softmax at all" in refusal(model, {"input": noise(5, 3, 32, 32)})


@pytest.mark.parametrize("kernel", ["flash_attention_2", "flex_attention", "kernels-community/flash-attn"])
def test_kernels_by_name(kernel):
    model = vit(transformers)
    model.config._attn_implementation = kernel
    assert f"computes attention with {kernel!r}, in which no weight can be seen" in refusal(model, pictures())


def test_a_function_of_ones_own_is_seen_for_what_it_computes():
    """Registered with transformers under a name that says nothing, it calls torch's own attention."""

    def own(module, query, key, value, attention_mask, **_options):
        given = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
        return given.transpose(1, 2).contiguous(), None

    transformers.AttentionInterface.register("own_function", own)
    model = vit(transformers, "own_function")
    assert [site.heads for site in AttachedModel(model, pictures()).sites] == [4, 4]


def test_what_texts_are_refused_for_is_as_it_was():
    assert attached("bert", "classification").attachment.sites.foreign == []


@pytest.mark.parametrize(
    ("shape", "axis", "rows", "columns", "words"),
    [
        ((5, 3, 4, 8, 24), 4, 11, 11, "attends within blocks, 8 places to 24"),
        ((5, 4, 11, 3), 3, 11, 11, "attends to 3 places in the stead of 11 tokens: keys are pooled or left out"),
        ((5, 4, 11, 22), 3, 11, 11, "attends to 22 places, of which 11 at most are the tokens"),
        ((5, 4, 43, 43), 3, 11, 11, "attends among 43 places, which are not the 11 tokens"),
        ((5, 4, 24, 7), 3, 11, 11, "attends from 24 places to 7, and neither are the 11 tokens"),
        ((5, 4, 6, 6), 3, None, None, "other layers among others: what a token is changes between layers"),
    ],
)
def test_shapes_say_what_is_weighed(shape, axis, rows, columns, words):
    assert words in why_foreign(shape, axis, 5, rows, columns)

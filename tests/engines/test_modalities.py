"""Tokens that inputs do not show are found at the softmax, and erasing there is what it is by hand."""

import re
from collections import Counter

import pytest
import torch
from torch import nn

from attnprobe import AttachedModel, InputError, RefusedError
from attnprobe.attention.decisions import require_decision
from attnprobe.attention.places import find_places
from attnprobe.data.media import Frames, Patches
from tests.fixtures.media_models import MODELS, noise, pictures, texts, vit, whisper
from tests.fixtures.media_models import made as make
from tests.reference.media_models import vit_logits, whisper_logits

transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("name", MODELS)
def test_the_tokens_are_those_that_the_model_attends_among(name):
    model, inputs, stacks, tokens = MODELS[name](transformers)
    attached = AttachedModel(model, inputs)
    assert Counter(site.stack for site in attached.sites) == stacks
    assert attached.attachment.call.axes(attached._inputs).source.shape[1] == tokens
    assert "a real edit" in dict(attached.attachment.checks)


def test_padding_of_a_sound_is_seen_where_nothing_attends_to_it():
    """By the model's own arithmetic: samples 140, 100, 90 give 13, 9, 8 frames through strides of 5 and 2."""
    model, inputs, _, _ = MODELS["wav2vec2"](transformers)
    attached = AttachedModel(model, inputs)
    real = attached.attachment.call.axes(attached._inputs).source
    expected = model._get_feat_extract_output_lengths(inputs["attention_mask"].sum(-1))
    assert real.sum(-1).tolist() == expected.tolist()
    assert [int(row.nonzero().max()) + 1 for row in real] == expected.tolist()


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("erase_by", ["renormalise", "zero"])
@pytest.mark.parametrize(("make_model", "by_hand"), [(vit, vit_logits), (whisper, whisper_logits)])
@torch.no_grad()
def test_erasing_in_a_picture_and_in_a_sound_is_what_it_is_by_hand(make_model, by_hand, erase_by, implementation):
    model = make_model(transformers, implementation)
    inputs = pictures() if make_model is vit else {"input_features": noise(5, 16, 40)}
    (values,) = inputs.values()
    attached = AttachedModel(model, inputs)
    tokens = attached.attachment.call.axes(inputs).source.shape[1]
    torch.testing.assert_close(by_hand(model, values, {}, True), model(**inputs).logits, rtol=0, atol=1e-5)
    some = torch.rand(5, tokens, generator=torch.Generator().manual_seed(2)) < 0.5
    for erased in (some, torch.ones_like(some)):
        for layers, numbers in (("0", [0]), ("last", [1]), ("all", [0, 1])):
            expected = by_hand(model, values, dict.fromkeys(numbers, erased), erase_by == "renormalise")
            with attached.erasing(erased, layers=layers, erase_by=erase_by):
                found = model(**inputs).logits
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
            assert torch.equal(found.argmax(-1), expected.argmax(-1))


@pytest.mark.parametrize(("make_model", "by_hand"), [(vit, vit_logits), (whisper, whisper_logits)])
@torch.no_grad()
def test_first_flips_of_patches_and_frames_are_those_by_hand(make_model, by_hand):
    model = make_model(transformers)
    inputs = pictures() if make_model is vit else {"input_features": noise(5, 16, 40)}
    (values,) = inputs.values()
    attached = AttachedModel(model, inputs)
    tokens = attached.attachment.call.axes(inputs).source.shape[1]
    order = torch.rand(5, tokens, generator=torch.Generator().manual_seed(5)).argsort(-1)
    decided = by_hand(model, values, {}, True).argmax(-1)
    for layers, numbers in (("last", [1]), ("all", [0, 1])):
        expected = torch.full((5,), -1)
        for count in range(tokens, 0, -1):
            erased = torch.zeros(5, tokens, dtype=torch.bool).scatter(1, order[:, :count], True)
            after = by_hand(model, values, dict.fromkeys(numbers, erased), True).argmax(-1)
            expected[after != decided] = count
        assert attached.first_flip(inputs, order, layers=layers).count.tolist() == expected.tolist()


class TokensFirst(nn.Module):
    """torch's own encoder as it is by default: (tokens, documents, width)."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, src, src_key_padding_mask=None):
        return self.head(self.encoder(src, src_key_padding_mask=src_key_padding_mask).mean(0))


@pytest.mark.parametrize("shape", [(7, 5), (6, 6), (7, 1)])
@pytest.mark.parametrize("said", [{}, {"token_axis": 0}])
def test_tokens_in_front_of_documents_are_found(shape, said):
    torch.manual_seed(0)
    model, inputs = TokensFirst().eval(), {"src": noise(*shape, 8)}
    attached = AttachedModel(model, inputs, **said)
    assert attached.attachment.call.axes(attached._inputs).source.shape[1] == shape[0]
    order = torch.arange(shape[0]).expand(shape[1], -1)
    flips = attached.first_flip(inputs, order, layers="all").count
    with torch.no_grad():
        decided = model(**inputs).argmax(-1)
        for document, removed in enumerate(flips.tolist()):
            for count in range(1, shape[0] + 1):
                erased = torch.zeros(shape[1], shape[0], dtype=torch.bool)
                erased[document, :count] = True
                with attached.erasing(erased, layers="all"):
                    flipped = bool(model(**inputs).argmax(-1)[document] != decided[document])
                assert flipped or removed < 0 or count < removed
                if flipped:
                    assert count == removed
                    break


def test_documents_of_one_and_of_two_tokens():
    model = make(
        transformers, "BertForSequenceClassification", "BertConfig", vocab_size=60, num_labels=3, hidden_size=32,
        num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
    )  # fmt: skip
    for tokens in (1, 2):
        ids = torch.randint(3, 60, (5, tokens), generator=torch.Generator().manual_seed(0))
        attached = AttachedModel(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        assert [site.stack for site in attached.sites] == ["self", "self"]


def test_what_is_said_of_tokens_is_held_against_what_is_seen():
    model = vit(transformers)
    assert len(AttachedModel(model, pictures(), tokens=17).sites) == 2
    with pytest.raises(RefusedError, match="attends among 17 places, which are not the 16 tokens"):
        AttachedModel(model, pictures(), tokens=16)
    with pytest.raises(InputError, match="both given"):
        AttachedModel(model, pictures(), tokens=17, token_axis=1)
    with pytest.raises(InputError, match="has the axes 0 to 3"):
        AttachedModel(model, pictures(), token_axis=4)
    with pytest.raises(TypeError, match="tokens is str"):
        AttachedModel(model, pictures(), tokens="17")  # type: ignore[arg-type]


class OverFrames(nn.Module):
    """Attends among the columns of its input (documents, bands, frames)."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = x.transpose(1, 2)
        return {"logits": self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))}


def test_an_axis_is_said_and_an_output_is_a_dictionary():
    attached = AttachedModel(OverFrames().eval(), {"x": noise(5, 4, 9)}, token_axis=2)
    assert attached.attachment.call.axes(attached._inputs).lengths == (9, None)
    with pytest.raises(RefusedError, match=re.escape("attends among 9 places, which are not the 4 tokens")):
        AttachedModel(OverFrames().eval(), {"x": noise(5, 4, 9)}, token_axis=1)


def test_texts_that_pictures_are_held_against_are_the_same_for_all():
    model, inputs, _, _ = MODELS["CLIP"](transformers)
    attached = AttachedModel(model, inputs)
    order = torch.arange(17).expand(5, -1)
    assert attached.first_flip(inputs, order, layers="all").count.shape == (5,)
    with pytest.raises(InputError, match="input_ids is another than in the first batch"):
        attached.first_flip(pictures() | texts(4), order)


def test_embeddings_decide_nothing():
    model, inputs, _, _ = MODELS["CLIP's tower of pictures"](transformers)
    with pytest.raises(RefusedError, match=r"gives embeddings \(image_embeds\) and no logits"):
        require_decision(AttachedModel(model, inputs).attachment)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ViT", Patches(4, 4, 1, 0)),
        ("DeiT", Patches(4, 4, 2, 0)),
        ("AST", Patches(2, 5, 2, 0, spectrogram=True)),
        ("wav2vec2", Frames(13, 10.0, 1, 100.0)),
        ("Whisper classifier", Frames(20, 2.0, 2, 100.0)),
    ],
)
def test_where_tokens_lie_is_seen_by_changing_what_is_there(name, expected):
    model, inputs, _, _ = MODELS[name](transformers)
    attached = AttachedModel(model, inputs)
    assert find_places(attached.attachment, attached._inputs, rate=100.0) == expected


def test_a_place_that_cannot_be_proved_is_not_claimed():
    """Patches are shuffled before the first block: no grid is that of the tokens."""
    model = vit(transformers)
    order = torch.tensor([0, *(1 + torch.randperm(16, generator=torch.Generator().manual_seed(4))).tolist()])
    model.vit.embeddings.register_forward_hook(lambda _module, _inputs, output: output[:, order])
    attached = AttachedModel(model, pictures())
    assert find_places(attached.attachment, attached._inputs) is None


def test_names_are_rows_and_columns_seconds_and_numbers():
    assert Patches(1, 2, 1, 1).names() == ["[special 1]", "(1, 1)", "(1, 2)", "[special 2]"]
    assert Frames(3, 320, 1, 16000.0).names() == ["0.000 s", "0.020 s", "0.040 s"]
    assert Frames(2, 2, 2).names() == ["frame 1", "frame 2"]

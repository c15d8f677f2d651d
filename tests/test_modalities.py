"""``probe`` on pictures and sounds: through a processor or as encodings, named by their places, and shown there."""

import io
import re
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

import attnprobe
from attnprobe import InputError
from attnprobe.data.media import Frames, Patches
from attnprobe.models.huggingface.given_media import processed
from tests.fixtures.media_models import noise, padded_sounds, pictures, vit, wav2vec2

transformers = pytest.importorskip("transformers")


@cache
def of_pictures():
    return attnprobe.probe(vit(transformers), pictures(), layers="all", specials="out")


def test_items_of_a_picture_are_its_patches():
    result = of_pictures()
    assert result.media.places == Patches(4, 4, 1, 0)
    names = [f"({row}, {column})" for row in range(1, 5) for column in range(1, 5)]
    assert result.items["token"].tolist() == names * 5
    assert result.documents["left_out_share"].between(0, 1, inclusive="neither").all()


def test_first_flips_of_patches_are_what_erasing_them_does():
    """Erased patch by patch through ``AttachedModel``, by the ranks that the result has."""
    model, result = vit(transformers), of_pictures()
    attached = attnprobe.AttachedModel(model, pictures())
    flips = result.erasures[result.erasures["ordering"] == "attention"].set_index("document")["removed"]
    ranks = result.items["rank_attention"].to_numpy().reshape(5, 16)
    with torch.no_grad():
        decided = model(**pictures()).logits.argmax(-1)
        expected = torch.full((5,), -1)
        for count in range(16, 0, -1):
            erased = torch.cat([torch.zeros(5, 1, dtype=torch.bool), torch.from_numpy(ranks < count)], dim=1)
            with attached.erasing(erased, layers="all"):
                expected[model(**pictures()).logits.argmax(-1) != decided] = count
    assert flips.tolist() == expected.tolist()


def test_without_leaving_them_out_tokens_of_no_place_are_items():
    result = attnprobe.probe(vit(transformers), pictures(3))
    assert result.items["token"].tolist()[:2] == ["[special 1]", "(1, 1)"]
    assert len(result.items) == 3 * 17
    assert "Tokens of no place" in result.shown_html()


def test_a_picture_is_drawn_with_its_patches():
    drawn = of_pictures().shown_html()
    assert drawn.count("<figure>") == 5
    assert drawn.count("<rect") == 5 * 2 * 16
    assert drawn.count("data:image/png;base64,") == 10
    for name in ("(1, 1)", "(4, 4)"):
        assert len(re.findall(re.escape(f"<title>{name}: "), drawn)) == 10
    assert of_pictures().shown_html([1]).count("<figure>") == 1
    assert of_pictures()._repr_html_().startswith("<style>")


def test_what_is_drawn_is_what_was_measured():
    result = of_pictures()
    titles = re.findall(r"<title>(\(\d, \d\)): ([^<]+)</title>", result.shown_html([0]))
    items = result.items[result.items["document"] == 0]
    expected = [
        (name, f"{value:.3g}")
        for column in ("weight", "js")
        for name, value in zip(items["token"], items[column], strict=True)
    ]
    assert titles == expected


def test_pictures_through_their_processor():
    processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    given = np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), dtype=np.uint8)
    result = attnprobe.probe(vit(transformers), processor, list(given))
    batch = processor(images=list(given), return_tensors="pt")
    again = attnprobe.probe(vit(transformers), dict(batch))
    for table in ("documents", "erasures", "items"):
        assert getattr(result, table).equals(getattr(again, table))
    assert len(attnprobe.probe(vit(transformers), processor, given[0]).documents) == 1


def test_sounds_through_their_processor_are_on_an_axis_of_seconds():
    extractor = transformers.Wav2Vec2FeatureExtractor(sampling_rate=100, return_attention_mask=True)
    sounds = [noise(length, seed=length).numpy() for length in (160, 120)]
    result = attnprobe.probe(wav2vec2(transformers), extractor, sounds)
    assert result.media.places == Frames(15, 10.0, 1, 100.0)
    assert result.items["token"].tolist()[:3] == ["0.00 s", "0.10 s", "0.20 s"]
    assert result.documents["n"].tolist() == [15, 11]
    assert ">1.6 s<" in result.shown_html()


def test_training_pictures_stand_in_through_the_processor():
    processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    given = list(np.random.default_rng(0).integers(0, 255, (5, 40, 50, 3), dtype=np.uint8))
    result = attnprobe.probe(vit(transformers), processor, given[:2], erase_by="corpus_mean", reference=given[2:])
    batches = dict(processor(images=given[2:], return_tensors="pt"))
    pixels = dict(processor(images=given[:2], return_tensors="pt"))
    again = attnprobe.probe(vit(transformers), pixels, erase_by="corpus_mean", reference=[batches])
    assert result.items.equals(again.items)


def test_sounds_as_encodings_are_counted_in_frames():
    result = attnprobe.probe(wav2vec2(transformers), padded_sounds())
    assert result.items["token"].tolist()[:2] == ["frame 1", "frame 2"]
    assert result.documents["n"].tolist() == [13, 9, 13, 8, 13]


def test_padding_of_sounds_changes_nothing():
    """A sound alone and among longer ones: the same random draws, and the same results but for rounding."""
    model, batch = wav2vec2(transformers), padded_sounds()
    alone = attnprobe.probe(model, {name: value[3:4, :90] for name, value in batch.items()})
    among = attnprobe.probe(model, batch)
    own = among.items[among.items["document"] == 3]
    np.testing.assert_allclose(own["weight"], alone.items["weight"], atol=1e-5)
    assert own["rank_random"].tolist() == alone.items["rank_random"].tolist()
    flips = among.erasures[among.erasures["document"] == 3]["removed"]
    assert flips.tolist() == alone.erasures["removed"].tolist()


def test_what_is_no_picture_is_told():
    processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    with pytest.raises(InputError, match="There are no pictures"):
        processed(processor, [])
    with pytest.raises(TypeError, match="read the files first"):
        processed(processor, ["picture.png"])
    with pytest.raises(InputError, match="makes nothing of what it is given"):
        processed(processor, [np.zeros(3)])


def test_a_picture_whose_file_breaks_off_is_told():
    """Pillow reads a file's pixels when they are asked for, in the processor."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(file, "png")
    broken = Image.open(io.BytesIO(file.getvalue()[: len(file.getvalue()) // 2]))
    with pytest.raises(InputError, match="makes nothing of what it is given: image file is truncated"):
        processed(transformers.ViTImageProcessor(size={"height": 32, "width": 32}), [broken])
    with pytest.raises(InputError, match="Special tokens are known of texts, and of pictures"):
        attnprobe.probe(wav2vec2(transformers), padded_sounds(), specials="out")

"""A patch and a step in time that are planted decide, and erasing finds them: models that are trained here."""

import pytest
import torch

pytest.importorskip("transformers")

from experiments.modalities.__main__ import MODALITIES, found, prepared, probed
from experiments.modalities.planted import COLUMNS, PATCH, pictures, sounds


@pytest.mark.slow
@pytest.mark.parametrize("modality", MODALITIES, ids=lambda modality: modality.name)
def test_what_is_planted_comes_first_by_what_erasing_does(modality):
    """By single erasures, and as the smallest of all sets that flip; the bright or loud place says nothing."""
    model, documents = prepared(modality, 12)
    table = found(modality, probed(modality, model, documents), documents)
    assert table["documents"].eq(12).all()
    first = dict(zip(table["ordering"], table["planted_first"], strict=True))
    assert first["leave_one_out"] == first["smallest set that flips (exact)"] == 12
    assert first["attention"] >= 10
    assert first["random"] <= 6


def test_only_the_planted_place_tells_the_class():
    """Without it pictures and sounds of all classes are drawn alike: noise, and one loud place."""
    for make in (pictures, sounds):
        drawn = make(40, torch.Generator().manual_seed(0))
        planted = drawn.classes > 0
        assert bool((drawn.places[planted] >= 0).all())
        assert bool((drawn.places[~planted] == -1).all())
        assert bool((drawn.places != drawn.loud).all())
    drawn = pictures(40, torch.Generator().manual_seed(0))
    for picture, kind, place in zip(drawn.values, drawn.classes.tolist(), drawn.places.tolist(), strict=True):
        row, column = divmod(place, COLUMNS)
        if kind == 1:  # stripes from left to right: alike in all rows
            patch = picture[:, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
            assert float(patch.mean(1).std()) > 3 * float(patch.mean(2).std())

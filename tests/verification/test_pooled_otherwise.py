"""The reference of further ways of erasing, step by step, against hooks on the model and against the closed forms."""

import numpy as np
import pytest
import torch

from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_ways import OWN
from attnprobe.erasure.stand_ins import RowsOfAttention
from attnprobe.models.pooled.probe import POOLING
from attnprobe.verification.pooled_otherwise import Standing, pooled_references, vectors_of
from attnprobe.verification.pooled_reference import PooledReference
from tests.erasure.test_other_ways import OTHERS, probe_of
from tests.fixtures.ragged_documents import random_documents

CLASSES, DOCUMENTS = 3, 6
SEEDS = torch.arange(DOCUMENTS) * 1_000_003


@pytest.fixture(scope="module", params=["flan-rnn", "han-none"])
def probed(request):
    """(probe, encoded documents, the batch of all erased in otherwise)."""
    probe, encoded = probe_of(request.param), random_documents(DOCUMENTS, CLASSES, sentences=4, words=3)
    (other,) = probe.erasures(encoded.batch(np.arange(DOCUMENTS)), SEEDS).otherwise()
    return probe, encoded, other


@pytest.mark.parametrize("way", OTHERS)
def test_steps_are_what_hooks_on_the_model_give_and_the_closed_forms(way, probed):
    probe, encoded, other = probed
    generator = np.random.default_rng(0)
    numbers = [number for number, stand_in in enumerate(other.stand_ins) if stand_in.erase_by == way]
    effects, logits = other.single_effects(), other._replaced.logits_without_each()
    for row in range(DOCUMENTS):
        batch, seed, training = encoded.batch(np.array([row])), int(SEEDS[row]), probe.training[POOLING]
        references = pooled_references(probe.model, batch, Meaning(way), seed, training)
        assert len(references) == len(numbers)
        values = probe.model.items(batch)[0][0].detach()
        vectors = vectors_of(Meaning(way), Standing(values, seed, training))
        for number, reference, vector in zip(numbers, references, vectors, strict=True):
            by_hooks = PooledReference(probe.model, batch, Meaning(way), vector)
            for _ in range(4):
                erased = np.flatnonzero(generator.random(reference.items) < 0.5).tolist()
                torch.testing.assert_close(reference.logits(erased), by_hooks.logits(erased), rtol=0, atol=1e-9)
            everything = range(reference.items)
            torch.testing.assert_close(reference.logits(everything), probe.readout(vector).detach(), rtol=0, atol=1e-9)
            torch.testing.assert_close(reference.logits(), by_hooks.logits(), rtol=0, atol=1e-9)
            for item in range(reference.items):
                torch.testing.assert_close(reference.logits([item]), logits[number, row, :, item], rtol=0, atol=1e-7)
                assert reference.js([item]) == pytest.approx(float(effects.js[number, row, item]), abs=1e-7)


@pytest.mark.parametrize("way", OTHERS)
def test_vectors_are_those_of_the_registered_way(way, probed):
    """Written down twice: the same means, and the same training documents drawn for a document."""
    probe, encoded, _ = probed
    for row in range(DOCUMENTS):
        values = probe.model.items(encoded.batch(np.array([row])))[0].detach()
        training, seed = probe.training[POOLING], SEEDS[row : row + 1]
        found = vectors_of(Meaning(way), Standing(values[0], int(seed), training))
        attends = torch.ones(1, 1, values.shape[1], dtype=torch.bool)
        expected = Meaning(way).stand_ins(RowsOfAttention(values, attends, seed, training))
        expected = torch.zeros(1, 1, 1, values.shape[-1], dtype=values.dtype) if expected is None else expected
        torch.testing.assert_close(torch.stack(found), expected[:, 0, 0], rtol=1e-12, atol=1e-12)


def test_what_is_looked_for_size_by_size_is_the_smallest_set(probed):
    probe, encoded, other = probed
    sizes = other.smallest_sets()["removed"]
    compared = 0
    for row in range(DOCUMENTS):
        for way in OTHERS:
            numbers = [number for number, stand_in in enumerate(other.stand_ins) if stand_in.erase_by == way]
            references = pooled_references(
                probe.model, encoded.batch(np.array([row])), Meaning(way), int(SEEDS[row]), probe.training[POOLING]
            )
            for number, reference in zip(numbers, references, strict=True):
                flips = [
                    any(reference.flips(erased) for erased in reference.smallest_sets(count))
                    for count in range(1, reference.items + 1)
                ]
                assert int(sizes[number, row]) == (flips.index(True) + 1 if any(flips) else -1)
                compared += any(flips)
    assert compared > 5


def test_every_own_way_is_written_down_twice():
    assert set(OTHERS) == set(OWN) - {"renormalise"}

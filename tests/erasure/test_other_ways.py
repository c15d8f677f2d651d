"""A batch that is erased in by several ways at once, against each way and draw by itself, set by set."""

import dataclasses

import numpy as np
import pytest
import torch

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.erasable import Erasable, StandIn
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.orderings import completed
from attnprobe.erasure.registered_orderings import chosen_orderings
from attnprobe.erasure.registered_ways import ERASING, OWN
from attnprobe.erasure.stand_ins import TrainingVectors
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.probe import POOLING, PooledProbe
from attnprobe.models.pooled.stepwise import StepwiseErasures
from attnprobe.settings.dropout import Dropout
from tests.fixtures.entries import HALVES, registered
from tests.fixtures.ragged_documents import random_documents

CLASSES, DOCUMENTS = 3, 14
SEEDS = torch.arange(DOCUMENTS) * 1_000_003
OTHERS = [name for name in OWN if name != "renormalise"]


def probe_of(name, meaning=BY_DEFAULT, others=OTHERS):
    torch.manual_seed(0)
    model = POOLED[name](30, CLASSES, Dropout()).double().eval()
    with torch.no_grad():  # so that attention and readout are far from uniform
        model.attention.query.weight.mul_(8)
        model.head.weight.mul_(8)
        model.head.bias.normal_()
    probe = PooledProbe(model, meaning)
    probe.others = [Meaning(other) for other in others]
    batch = random_documents(40, CLASSES, sentences=4, words=3, seed=9)
    vectors = probe.training_vectors(batch.batch(np.arange(40)))[POOLING]
    probe.training = {POOLING: TrainingVectors(vectors.mean(0), vectors[:9])}
    return probe


@pytest.fixture(scope="module")
def batch():
    encoded = random_documents(DOCUMENTS, CLASSES, sentences=4, words=3)
    return encoded.batch(np.arange(len(encoded)))


def by_itself(probe, batch, way):
    """The batch erased in by one way, set by set: one for each draw."""
    reading, meaning = probe.read(batch), Meaning(way)
    alone = PooledProbe(probe.model, meaning)
    alone.training = probe.training
    (other,) = (each for each in erasures(probe, batch).otherwise() if StandIn(way, 0) in each.stand_ins)
    numbers = [number for number, stand_in in enumerate(other.stand_ins) if stand_in.erase_by == way]
    logits = other._replaced.stand_ins[numbers]
    read = reading.values, reading.scores, reading.mask
    return [StepwiseErasures(*read, probe.readout, meaning, each) for each in logits]


def erasures(probe, batch):
    return probe.erasures(batch, SEEDS)


@pytest.mark.parametrize("name", ["flan-rnn", "han-none"])
def test_every_way_is_what_it_is_set_by_set(name, batch):
    probe = probe_of(name)
    result = run_battery(erasures(probe, batch), SEEDS)
    orders = {
        key: ordering.rank(Erasable(erasures(probe, batch), SEEDS), SEEDS)
        for key, ordering in chosen_orderings().items()
        if key != "oracle" and ordering.fits(Erasable(erasures(probe, batch), SEEDS))
    }
    flipped = 0
    for way in OTHERS:
        draws = by_itself(probe, batch, way)
        assert len(draws) == (5 if way == "resample" else 1)
        for (ordering, draw), columns in result.otherwise[way].items():
            if ordering == "oracle":
                continue
            order = orders[ordering][draw % len(orders[ordering])]
            expected = draws[draw % len(draws)].first_flips(order[None])
            for column, values in expected.items():
                torch.testing.assert_close(columns[column], values[0], rtol=1e-9, atol=1e-12, equal_nan=True)
            flipped += int((columns["removed"] > 0).sum())
        assert {key for key, _ in result.otherwise[way]} == {*orders, "oracle"}
        effects = [each.single_effects() for each in draws]
        js = torch.stack([each.js for each in effects]).mean(0)
        torch.testing.assert_close(result.items[f"js_{way}"], js, rtol=1e-7, atol=1e-10)
        flips = torch.stack([each.flips for each in effects]).double().mean(0)
        assert torch.equal(result.items[f"flips_{way}"].double(), flips)
        top = result.documents["top_item"][:, None]
        torch.testing.assert_close(result.documents[f"js_top_{way}"], js.gather(1, top).squeeze(1))
        assert torch.equal(result.documents[f"flip_top_{way}"].double(), flips.gather(1, top).squeeze(1))
    assert flipped > 50


def test_rows_of_the_first_way_are_those_of_a_run_of_it_alone(batch):
    several, alone = (
        run_battery(erasures(probe_of("flan-rnn", others=others), batch), SEEDS) for others in (OTHERS, ())
    )
    assert not alone.otherwise
    for key, columns in alone.erasures.items():
        assert all(
            torch.equal(columns[name].nan_to_num(7), several.erasures[key][name].nan_to_num(7)) for name in columns
        )
    for name, column in alone.documents.items():
        assert torch.equal(column.nan_to_num(7), several.documents[name].nan_to_num(7))


@pytest.mark.parametrize("way", ["zero", "document_mean", "corpus_mean"])
def test_a_run_of_one_way_alone_has_its_closed_forms(way, batch):
    """First, it gives what it gives as a further way; curves, areas and limits are those of erasing set by set."""
    probe = probe_of("flan-none")
    (stepwise,) = by_itself(probe, batch, way)
    first = probe_of("flan-none", Meaning(way), ["renormalise"])
    found = erasures(first, batch)
    result = run_battery(found, SEEDS)
    further = run_battery(erasures(probe, batch), SEEDS).otherwise[way]
    shared = result.erasures.keys() & further.keys()
    assert {name for name, _ in shared} >= {"random", "attention", "gradient", "gradient_attention", "oracle"}
    for key in shared:
        assert torch.equal(further[key]["removed"], result.erasures[key]["removed"])
    smallest = completed(found.smallest_set()[None], found.attention.mask)
    assert torch.equal(result.erasures["oracle", 0]["removed"], stepwise.first_flips(smallest)["removed"][0])
    assert torch.equal(result.erasures["oracle", 0]["removed"], further["oracle", 0]["removed"])
    rows, order = torch.arange(5), smallest
    for one, other in zip(found.curves(order, rows)[:3], stepwise.curves(order, rows)[:3], strict=True):
        for side in ("erased", "kept"):
            torch.testing.assert_close(getattr(one, side), getattr(other, side), rtol=1e-9, atol=1e-9)
    for score in ("probability", "logit"):
        torch.testing.assert_close(found.aopc_limits(rows, score), stepwise.aopc_limits(rows, score), atol=1e-9, rtol=0)
    assert set(result.otherwise) == {"renormalise"}


def test_everything_erased_is_what_stands_in(batch):
    """By the corpus mean its logits, by no other way those of what remains."""
    probe = probe_of("flan-rnn", Meaning("corpus_mean"), ())
    found = erasures(probe, batch)
    everything = found.attention.mask[None]
    mean = probe.training[POOLING].mean.double() @ probe.readout.weight.double().T + probe.readout.bias.double()
    expected = mean.softmax(-1)[found.decision()]
    torch.testing.assert_close(found.probability_without(everything, torch.arange(DOCUMENTS))[0], expected.detach())


def test_a_way_of_another_package_is_measured_set_by_set_beside_the_others(batch):
    with registered(halve=HALVES, third=dataclasses.replace(ERASING["resample"], draws=3, stand_in=_three)):
        result = run_battery(erasures(probe_of("flan-none", others=["halve", "zero", "third"]), batch), SEEDS)
    assert {key for key in result.otherwise} == {"halve", "zero", "third"}
    assert ("attention", 2) in result.otherwise["third"]
    assert "oracle" not in {name for name, _ in result.otherwise["halve"]}
    assert (result.otherwise["halve"]["attention", 0]["removed"] > 0).any()


def _three(rows):
    return rows.training.sample[:3, None, None].expand(3, len(rows.values), 1, -1)


def test_an_ordering_whose_columns_would_be_taken_for_a_way_s_is_refused(batch):
    orderings = chosen_orderings()
    orderings = {**orderings, "mine_zero": orderings["attention"]}
    probe = probe_of("flan-none")
    with pytest.raises(InputError, match="The ordering mine_zero ends with the name of the way of erasing zero"):
        run_battery(erasures(probe, batch), SEEDS, orderings=orderings)


def test_the_public_functions_take_a_way_by_name(batch):
    probe = probe_of("flan-rnn")
    values, scores, mask = probe.read(batch)
    given = {"values": values, "weights": None, "mask": mask, "readout": probe.readout, "scores": scores}
    order = attnprobe.rank_by_attention(None, mask, scores=scores)
    (other,) = erasures(probe, batch).otherwise()
    logits = other._replaced.stand_ins
    for way, more, numbers in (
        ("zero", {}, [0]),
        ("document_mean", {}, [1]),
        ("corpus_mean", {"mean": logits[2, 0]}, [2]),
        ("resample", {"samples": logits[3:]}, [3, 4, 5, 6, 7]),
    ):
        expected = other.first_flips(order[None], [(0, number) for number in numbers])["removed"]
        found = attnprobe.first_flip(**given, order=order, erase_by=way, **more)
        smallest = attnprobe.minimal_flip_set(**given, erase_by=way, **more)
        single = attnprobe.single_erasures(**given, erase_by=way, **more)
        several = way == "resample"
        assert torch.equal(found.count if several else found.count[None], expected)
        counts = other.smallest_sets()["removed"][numbers]
        assert torch.equal(smallest.count if several else smallest.count[None], counts)
        expected = other._replaced.logits_without_each()[numbers].mT
        torch.testing.assert_close(single if several else single[None], expected, rtol=1e-9, atol=1e-9)
    everything = attnprobe.first_flip(**given, order=order)
    assert torch.equal(everything.count, attnprobe.first_flip(**given, order=order, erase_by="renormalise").count)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"erase_by": "halve"},
            "erase_by is 'halve', but one of renormalise, zero, document_mean, corpus_mean, resample",
        ),
        ({"erase_by": "corpus_mean"}, "mean is for erase_by='corpus_mean', which needs it"),
        ({"erase_by": "resample"}, "samples is for erase_by='resample', which needs it"),
        ({"mean": [0.0, 0.0]}, "mean is for erase_by='corpus_mean'"),
        ({"erase_by": "corpus_mean", "mean": [0.0, 0.0, 0.0]}, r"mean has shape \(3,\), but \(2,\) is needed"),
        ({"erase_by": "corpus_mean", "mean": [0.0, np.nan]}, "mean holds NaN or infinite numbers"),
        ({"erase_by": "resample", "samples": [[[0.0, 0.0]] * 3]}, r"samples has shape \(1, 3, 2\), but \(1, 1, 2\) is"),
    ],
)
def test_what_does_not_fit_a_way_is_refused(given, sentence):
    readout = (np.eye(2), np.zeros(2))
    with pytest.raises(ValueError, match=sentence):
        attnprobe.minimal_flip_set([[[1.0, 0.0]]], [[1.0]], None, readout, **given)


@pytest.mark.parametrize(("draws", "rows"), [(1, 5), (5, 5), (7, 10), (10, 10), (11, 15)])
def test_each_draw_of_what_stands_in_has_as_many_rows(draws, rows, batch):
    """Else a mean over rows leans towards the draws that come first."""
    probe = probe_of("flan-none", others=["zero", "resample"])
    result = run_battery(erasures(probe, batch), SEEDS, orderings=chosen_orderings((), draws))
    of_random = {way: [draw for name, draw in keys if name == "random"] for way, keys in result.otherwise.items()}
    assert of_random == {"zero": list(range(draws)), "resample": list(range(rows))}

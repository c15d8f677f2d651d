"""Where orderings stand among random orders: against brute force, and uniform where an ordering is itself random."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from attnprobe.analysis.better_than_chance import p_values
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.chance import CLOSED, RANDOM_ORDERS, aopc_of_orders, place_among_random
from attnprobe.erasure.curve_names import RANDOM_COLUMNS
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.erasure.registered_orderings import chosen_orderings
from attnprobe.explanations.item_scores import ItemScores, explanation
from attnprobe.models.pooled.closed_forms import PooledErasures
from tests.fixtures.limit_documents import KINDS, draw
from tests.reference import curves as brute


def falls(values, weights, order, weight, bias):
    along, _ = brute.curves(values, weights, order, weight, bias, "probability")
    return (along[0] - along[1:]).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_areas_in_closed_form_are_those_of_erasing_step_by_step(kind):
    documents = draw(3, kind, 3, 6, 7)
    order = rank_at_random(documents.mask, 4, torch.arange(6))
    found = aopc_of_orders(documents.scores(), order)
    for row, (values, weights, weight, bias) in enumerate(documents.each()):
        for place in range(4):
            wanted = falls(values, weights, order[place, row, : len(weights)].tolist(), weight, bias)
            assert float(found[place, row]) == pytest.approx(wanted, abs=1e-12)


def test_padding_and_the_other_documents_change_nothing():
    documents = draw(5, "plain", 4, 5, 9)
    order = rank_at_random(documents.mask, 3, torch.arange(5))
    whole = aopc_of_orders(documents.scores(), order)
    for row in range(5):
        n = int(documents.mask[row].sum())
        alone = draw(5, "plain", 4, 5, 9)
        for name in ("values", "weights", "mask"):
            setattr(alone, name, getattr(documents, name)[row : row + 1, :n])
        torch.testing.assert_close(
            aopc_of_orders(alone.scores(), order[:, row : row + 1, :n])[:, 0], whole[:, row], rtol=0, atol=1e-14
        )


def test_counts_are_those_of_a_loop_and_rounding_makes_no_difference():
    generator = torch.Generator().manual_seed(0)
    reached, others = (torch.randint(0, 5, (rows, 8), generator=generator) / 4 for rows in (3, 20))
    shaken = reached + (torch.rand(3, 8, generator=generator, dtype=torch.float64) - 0.5) / CLOSED / 2
    for ours in (reached, shaken):
        tried, better, equal = (place_among_random(ours, others)[name] for name in RANDOM_COLUMNS)
        for row in range(3):
            for document in range(8):
                assert better[row, document] == sum(
                    float(x) > float(reached[row, document]) for x in others[:, document]
                )
                assert equal[row, document] == sum(
                    float(x) == float(reached[row, document]) for x in others[:, document]
                )
        assert (tried == 20).all()


def brought(documents, generator):
    """An explanation of one score an item, drawn, and its twin."""
    sizes = documents.mask.sum(-1).numpy()
    items = int(sizes.sum())
    scores = ItemScores(np.arange(len(sizes)), sizes, generator.normal(size=(1, items)), np.zeros(items, dtype=np.int8))
    return explanation("mine", scores)


@pytest.mark.parametrize("kind", ["plain", "tied", "without mass", "alike"])
@pytest.mark.samples(2)
def test_the_p_values_of_a_permuted_twin_are_uniform(kind):
    """Ties of areas among them: in documents whose items say the same there is nothing else."""
    generator, p = np.random.default_rng(7), []
    for part in range(4):
        documents = draw(11 + part, kind, 3, 500, 6, shortest=2)
        values, weights, mask, readout = documents.arguments()
        linear = torch.nn.Linear(values.shape[2], len(readout[1]), dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(readout[0])
            linear.bias.copy_(readout[1])
        scores = weights.masked_fill(~mask, 0).log()
        seeds = torch.from_numpy(generator.integers(2**62, size=500))
        with torch.no_grad():
            result = run_battery(
                PooledErasures(values.nan_to_num(), scores, mask, linear),
                seeds,
                orderings=chosen_orderings() | brought(documents, generator),
                curved=torch.arange(500),
            )
        counts = (result.erasures["mine_permuted", 0][name].numpy() for name in RANDOM_COLUMNS)
        tried, better, equal = counts
        assert (tried == RANDOM_ORDERS).all()
        p.append(p_values(better, equal, tried, generator.random(500)))
        assert result.erasures["oracle", 0]["random_tried"].isnan().all()
    everywhere = np.concatenate(p)
    assert len(everywhere) == 2000
    assert kstest(everywhere, "uniform").pvalue > 0.01
    if kind == "plain":  # without ties broken, p would have steps: a coarse one is told from uniform
        assert kstest(np.floor(everywhere * 20) / 20, "uniform").pvalue < 0.01


def test_the_first_of_two_items_is_worked_out_by_hand():
    """Of two items the decisive one first reaches most: half of the random orders reach as much, none more."""
    values = torch.tensor([[[40.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    linear = torch.nn.Linear(2, 2, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(2))
        linear.bias.zero_()
        erasures = PooledErasures(values, torch.tensor([[0.0, 1.0]]).double(), torch.ones(1, 2).bool(), linear)
        result = run_battery(erasures, torch.tensor([3]), curved=torch.tensor([0]))
    columns = result.erasures["gradient", 0]
    assert columns["random_better"].tolist() == [0]
    assert 70 < int(columns["random_equal"]) < 130
    other_way_round = result.erasures["attention", 0]
    assert other_way_round["random_better"] + other_way_round["random_equal"] == RANDOM_ORDERS
    assert other_way_round["random_better"] == columns["random_equal"]

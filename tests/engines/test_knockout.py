"""The map of a batch is what cutting its edges one by one gives, each run from its lowest layer alone."""

import itertools

import pytest
import torch

from attnprobe.attention.blocks import recording
from attnprobe.engines.edge_replay import EdgeReplay, starts_that_agree
from attnprobe.engines.edge_screen import screen_edges
from attnprobe.engines.knockout import Baseline, Route, knock_out
from attnprobe.erasure.meaning import Meaning
from attnprobe.settings.knockout import WHOLE
from tests.fixtures.attached_models import attached, decision_logits
from tests.reference.transformers import reference_attention, reference_logits, reference_logits_given

CASES = [
    ("gpt2", "language-modelling", "sdpa", "right", "self"),
    ("llama", "language-modelling", "eager", "left", "self"),
    ("bert", "classification", "sdpa", "right", "self"),
    ("t5", "classification", "eager", "right", "encoder"),
    ("t5", "classification", "eager", "right", "cross"),
]


def ready(family, task, implementation, side, stack):
    case = attached(family, task, implementation, side)
    sites = case.attachment.sites.stacks()[stack]
    starts = starts_that_agree(case.attachment, sites, case.inputs)
    assert None not in starts
    return case, EdgeReplay(case.attachment, sites, case.inputs, starts)


def some_route(replay):
    """Two sources and two targets of real tokens, different in every document."""
    generator = torch.Generator().manual_seed(1)
    site = replay.sites[0]
    keys, queries = replay.axes.keys(site), replay.axes.queries(site)
    drawn = [torch.rand(mask.shape, generator=generator) < 0.4 for mask in (keys, keys, queries, queries)]
    return Route({"a": drawn[0] & keys, "b": drawn[1] & keys}, {"x": drawn[2] & queries, "y": drawn[3] & queries})


def by_hand(case, replay, queries, keys, window, head):
    """Logits with the edges of every document cut, by the reference."""
    edges = queries[:, None, :, None] & keys[:, None, None, :]
    which = torch.arange(replay.sites[0].heads) == head if head != WHOLE else torch.ones(replay.sites[0].heads).bool()
    edges = edges & which[None, :, None, None]
    stack = replay.sites[0].stack
    masks = {(stack, layer): edges for layer in range(window[0], window[1] + 1)}
    return decision_logits(reference_logits(case.model, case.inputs, masks), case.inputs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case[:1] + case[3:]))
@pytest.mark.samples(2)
def test_the_map_is_what_single_cuts_give(case):
    case, replay = ready(*case)
    layers = len(replay.sites)
    windows = [(layer, min(layer + 1, layers - 1)) for layer in range(layers)] + [(0, layers - 1)]
    route, baseline = some_route(replay), Baseline.of(replay.logits, None)
    found = knock_out(replay, baseline, route, windows, by_head=True)
    rows = zip(*(column.tolist() for column in found.values()), strict=True)
    by_place = {row[:5]: row[5:] for row in rows}
    plain = torch.log_softmax(decision_logits(reference_logits(case.model, case.inputs, {}), case.inputs).double(), -1)
    decision = plain.argmax(-1)
    rival = plain.scatter(-1, decision[:, None], -torch.inf).argmax(-1)
    batch = range(len(plain))
    places = list(itertools.product(range(2), range(2), range(len(windows)), (WHOLE, 1)))
    for source, target, window, head in places[:: 3 if layers > 2 else 2]:
        queries, keys = list(route.targets.values())[target], list(route.sources.values())[source]
        after = by_hand(case, replay, queries, keys, windows[window], head)
        log_p = torch.log_softmax(after.double(), -1)
        for document in batch:
            edges, delta, of_rival, flipped = by_place[document, source, target, window, head]
            d, r = decision[document], rival[document]
            assert delta == pytest.approx(float(log_p[document, d] - plain[document, d]), abs=3e-5)
            assert of_rival == pytest.approx(float(log_p[document, r] - plain[document, r]), abs=3e-5)
            assert flipped == bool(after[document].argmax() != d)
            assert edges or delta == 0


def test_no_layer_below_a_window_is_run_and_nothing_that_cuts_nothing():
    case, replay = ready(*CASES[0])
    layers, (batch, tokens) = len(replay.sites), replay.attends[0].shape[:2]
    first, later = torch.zeros(batch, tokens, dtype=torch.bool), torch.zeros(batch, tokens, dtype=torch.bool)
    first[:, 0], later[:, 1] = True, True
    route = Route({"first": first, "later": later}, {"later": later, "first": first})
    windows = [(layer, layer) for layer in range(layers)]
    before = replay.layer_passes
    with recording(case.model, case.attachment.blocks) as record:
        found = knock_out(replay, Baseline.of(replay.logits, None), route, windows, by_head=False)
    # Of the four pairs of a first and a later token one, first to later, is forbidden in a causal model.
    assert (found["edges"] > 0).sum() == 3 * batch * layers
    assert not found["delta_log_probability"][found["edges"] == 0].any()
    needed = 3 * batch * sum(layers - layer for layer in range(layers))
    assert before == batch * layers
    assert replay.layer_passes - before == needed
    # Runs that begin in one layer go through the blocks together; those below are called, and skipped.
    assert len(record.calls) <= layers * layers


def test_windows_of_one_start_run_together_and_do_not_mix():
    _, replay = ready(*CASES[0])
    route, baseline = some_route(replay), Baseline.of(replay.logits, None)
    windows = [(0, 0), (0, 1), (0, 2)]
    together = knock_out(replay, baseline, route, windows, by_head=False)
    for number, window in enumerate(windows):
        alone = knock_out(replay, baseline, route, [window], by_head=False)
        which = together["window"] == number
        for name in ("delta_log_probability", "delta_rival"):
            torch.testing.assert_close(together[name][which], alone[name], rtol=0, atol=1e-5)


def test_a_model_without_blocks_is_run_as_a_whole_and_gives_the_same():
    case, replay = ready(*CASES[2])
    whole = EdgeReplay(case.attachment, replay.sites, case.inputs, [None] * len(replay.sites))
    route, windows = some_route(replay), [(1, 2), (2, 2)]
    one, other = (
        knock_out(each, Baseline.of(each.logits, None), route, windows, by_head=False) for each in (replay, whole)
    )
    torch.testing.assert_close(one["delta_log_probability"], other["delta_log_probability"], rtol=0, atol=3e-5)


def test_erasing_by_zero_leaves_rows_short():
    case = attached(*CASES[0][:4])
    sites = case.attachment.sites.stacks()["self"]
    meaning = Meaning("zero")
    replay = EdgeReplay(
        case.attachment, sites, case.inputs, starts_that_agree(case.attachment, sites, case.inputs, meaning), meaning
    )
    route, baseline = some_route(replay), Baseline.of(replay.logits, None)
    found = knock_out(replay, baseline, route, [(2, 2)], by_head=False)
    edges = route.targets["x"][:, None, :, None] & route.sources["a"][:, None, None, :]
    weights = reference_attention(case.model, case.inputs)["self", 2].masked_fill(edges, 0.0)
    after = decision_logits(reference_logits_given(case.model, case.inputs, {("self", 2): weights}), case.inputs)
    log_p = torch.log_softmax(after.double(), -1).gather(-1, baseline.decision[:, None])[:, 0]
    which = (found["source"] == 0) & (found["target"] == 0)
    torch.testing.assert_close(
        found["delta_log_probability"][which], (log_p - baseline.log_p[:, 0]).detach(), rtol=0, atol=3e-5
    )


def test_the_screen_is_the_derivative_by_scores_over_what_is_left_and_verifies_what_it_puts_first():
    case, replay = ready(*CASES[1])
    baseline = Baseline.of(replay.logits, None)
    slopes = replay.first_order(baseline.decision)
    weights = reference_attention(case.model, case.inputs)["self", 1]
    document, head, query = 0, 2, int(case.inputs["attention_mask"][0].nonzero()[-1])
    for key in weights[document, head, query].nonzero()[:, 0].tolist()[:3]:
        moved = []
        for step in (-1e-2, 1e-2):  # of the score of one edge
            scores = weights.clone().double()
            row = scores[document, head, query]
            row[key] *= torch.tensor(step).exp()
            scores[document, head, query] = row / row.sum() * weights[document, head, query].sum()
            logits = reference_logits_given(case.model, case.inputs, {("self", 1): scores.float()})
            moved.append(torch.log_softmax(decision_logits(logits, case.inputs).double(), -1)[0, baseline.decision[0]])
        expected = -(moved[1] - moved[0]) / 2e-2 / (1 - weights[document, head, query, key])
        assert float(slopes[1][document, head, query, key]) == pytest.approx(float(expected.detach()), abs=2e-4)
    seeds = torch.arange(len(replay.logits))
    found = screen_edges(replay, baseline, 4, 6, seeds, by_head=True)
    for row in range(0, len(found["document"]), 7):
        document, layer, head, query, key = (int(found[n][row]) for n in ("document", "layer", "head", "query", "key"))
        real = torch.zeros_like(replay.axes.source)
        after = by_hand(
            case,
            replay,
            real.index_fill(1, torch.tensor([query]), 1),
            real.index_fill(1, torch.tensor([key]), 1),
            (layer, layer),
            head,
        )
        delta = (
            torch.log_softmax(after.double(), -1)[document, baseline.decision[document]] - baseline.log_p[document, 0]
        )
        assert float(found["delta_log_probability"][row]) == pytest.approx(float(delta), abs=3e-5)
    assert (found["top"].int().sum(), found["sampled"].int().sum()) == (4 * len(seeds), 6 * len(seeds))
    largest = torch.stack([slope[0].abs().amax() for slope in slopes]).amax()
    assert float(found["first_order"][(found["document"] == 0) & found["top"]].abs().amax()) == float(largest)


@pytest.mark.parametrize("way", ["zero", "document_mean"])
def test_the_screen_is_to_the_first_order_what_the_way_of_erasing_does_to_rows(way):
    """A weight that is taken away by a thousandth: nothing takes that, or its row's keys do evenly."""
    case = attached(*CASES[1][:4])
    sites = case.attachment.sites.stacks()["self"]
    replay = EdgeReplay(case.attachment, sites, case.inputs, [None] * len(sites), Meaning(way))
    baseline = Baseline.of(replay.logits, None)
    slopes = replay.first_order(baseline.decision)[1]
    weights = reference_attention(case.model, case.inputs)["self", 1].detach()
    document, head, query = 0, 2, int(case.inputs["attention_mask"][0].nonzero()[-1])
    attended = weights[document, head, query] > 0
    for key in attended.nonzero()[:, 0].tolist()[:3]:
        moved = []
        for part in (-1e-2, 1e-2):
            changed = weights.clone()
            row = changed[document, head, query]
            taken = part * row[key].item()
            row[key] -= taken
            if way == "document_mean":
                row += taken / attended.sum() * attended
            logits = reference_logits_given(case.model, case.inputs, {("self", 1): changed})
            moved.append(torch.log_softmax(decision_logits(logits, case.inputs).double(), -1)[0, baseline.decision[0]])
        expected = float((moved[1] - moved[0]).detach()) / 2e-2
        assert float(slopes[document, head, query, key]) == pytest.approx(expected, abs=2e-4)

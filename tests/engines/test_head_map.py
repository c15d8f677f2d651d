import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

pytest.importorskip("transformers")

from attnprobe.engines import head_map
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.head_map import ERASURES, head_rows, prefix_lengths, rows_of_map
from attnprobe.engines.items import Items
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.settings.attention import AttentionSettings
from tests.fixtures.attached_models import attached
from tests.reference.transformers import reference_attention, reference_logits


def by_hand(case, layer, head, document, order, length):
    """Logits of a document after erasing the first items of an order in one head of a layer."""
    inputs = {name: tensor[document : document + 1] for name, tensor in case.inputs.items()}
    tokens = inputs["input_ids"].shape[1]
    erased = torch.zeros(1, case.model.config.num_attention_heads, tokens, tokens, dtype=torch.bool)
    erased[0, head, :, order[:length]] = True
    return reference_logits(case.model, inputs, {("self", layer): erased})[0].detach()


def probabilities(logits):
    return torch.softmax(logits.double(), -1).numpy()


@pytest.mark.parametrize("family", ["bert", "gpt2"])
@pytest.mark.samples(1)
def test_every_column_equals_erasing_by_hand(family):
    case = attached(family, "classification")
    mask = case.inputs["attention_mask"].bool()
    items, seeds = Items.single_tokens(mask), torch.arange(len(mask))
    probe = AttentionProbe(case.attachment, AttentionSettings(), case.inputs)
    plain = reference_logits(case.model, case.inputs, {}).detach()
    weights = reference_attention(case.model, case.inputs)
    random = rank_at_random(mask, 1, seeds)[0]
    checked = 0
    for layer in probe.layers(case.inputs, items):
        columns = head_rows(layer, seeds)
        stack, number = layer.name
        heads = weights[stack, number].shape[1]
        read = case.attachment.reads[number]
        for document, size in enumerate(mask.sum(-1).tolist()):
            for head in (0, heads - 1):
                rows = {"first": [0], "last": [size - 1], "all": list(range(size))}[read]
                own = weights[stack, number][document, head, rows, :size].mean(0)
                row = {name: column[document * heads + head].item() for name, column in columns.items()}
                order = own.argsort(descending=True, stable=True)
                assert row["n"] == size
                assert row["top_weight"] == pytest.approx(own.max().item() / own.sum().item(), abs=1e-5)
                lengths = prefix_lengths(torch.tensor([size]))[0].tolist()
                for name, ranking in (("removed_attention", order), ("removed_random", random[document, :size])):
                    flipping = [
                        k
                        for k in lengths
                        if by_hand(case, number, head, document, ranking, k).argmax() != plain[document].argmax()
                    ]
                    assert row[name] == (flipping[0] if flipping else -1)
                top = by_hand(case, number, head, document, order, 1)
                js = jensenshannon(probabilities(top), probabilities(plain[document])) ** 2
                assert row["js_top"] == pytest.approx(js, abs=1e-6)
                assert row["flip_top"] == (top.argmax() != plain[document].argmax())
                other = next(i for i in random[document].tolist() if i != order[0])
                after = by_hand(case, number, head, document, torch.tensor([other]), 1)
                js = jensenshannon(probabilities(after), probabilities(plain[document])) ** 2
                assert row["js_other"] == pytest.approx(js, abs=1e-6)
                checked += 1
    assert checked == 3 * 5 * 2


def test_prefix_lengths_are_evenly_spaced_and_end_with_everything():
    lengths = prefix_lengths(torch.tensor([1, 3, 8, 100]))
    assert lengths[:, -1].tolist() == [1, 3, 8, 100]
    assert lengths[2].tolist() == list(range(1, 9))
    assert lengths[3].tolist() == [13, 25, 38, 50, 63, 75, 88, 100]
    assert (lengths.diff(dim=-1) >= 0).all()
    assert lengths.min() == 1
    assert set(lengths[1].tolist()) == {1, 2, 3}


def test_the_first_drawn_are_taken_within_the_budget(monkeypatch):
    lengths = np.full(50, 10)
    order = np.random.default_rng(1).permutation(50)
    assert rows_of_map(lengths, order, 4 * ERASURES).tolist() == list(range(50))
    monkeypatch.setattr(head_map, "BUDGET", 10 * 4 * ERASURES * 20)
    assert rows_of_map(lengths, order, 4 * ERASURES).tolist() == sorted(order[:20])
    monkeypatch.setattr(head_map, "BUDGET", 1)
    assert rows_of_map(lengths, order, 4 * ERASURES).tolist() == sorted(order[: head_map.FEWEST])
    assert rows_of_map(lengths[:3], np.array([2, 0, 1]), 4 * ERASURES).tolist() == [0, 1, 2]

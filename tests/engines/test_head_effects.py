import pytest
import torch
from scipy.spatial.distance import jensenshannon

pytest.importorskip("transformers")

from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.choice import FORWARD, INNER_REPLAY, fastest_engine
from attnprobe.engines.head_effects import effect_rows
from attnprobe.engines.head_map import head_rows
from attnprobe.engines.items import Items
from attnprobe.erasure.meaning import Meaning
from attnprobe.settings.attention import AttentionSettings
from tests.engines.test_head_map import by_hand, probabilities
from tests.fixtures.attached_models import MODELS, attached, key_mask
from tests.reference.transformers import reference_logits


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_every_column_equals_erasing_by_hand_and_what_the_map_of_orders_has(family):
    case = attached(family, "classification")
    mask = case.inputs["attention_mask"].bool()
    items, seeds = Items.single_tokens(mask), torch.arange(len(mask))
    probe = AttentionProbe(case.attachment, AttentionSettings(), case.inputs)
    plain = reference_logits(case.model, case.inputs, {}).detach()
    for layer in probe.layers(case.inputs, items):
        columns, of_orders = effect_rows(layer, seeds), head_rows(layer, seeds)
        for name in ("n", "top_weight", "attention_entropy_normalised", "js_top", "js_other", "flip_top"):
            torch.testing.assert_close(columns[name], of_orders[name], rtol=0, atol=1e-7)
        heads = len(columns["n"]) // len(mask)
        for document, size in enumerate(mask.sum(-1).tolist()):
            row = {name: column[document * heads + 1].item() for name, column in columns.items()}
            after = by_hand(case, layer.name[1], 1, document, torch.arange(size), size)
            js = jensenshannon(probabilities(after), probabilities(plain[document])) ** 2
            assert row["js_whole"] == pytest.approx(js, abs=1e-6)
            assert row["flip_whole"] == (after.argmax() != plain[document].argmax())


def test_of_one_item_there_is_no_other():
    case = attached("bert", "classification")
    inputs = {name: tensor[:, :1] for name, tensor in case.inputs.items()}
    probe = AttentionProbe(case.attachment, AttentionSettings(), case.inputs)
    items = Items.single_tokens(inputs["attention_mask"].bool())
    for layer in probe.layers(inputs, items):
        columns = effect_rows(layer, torch.arange(5))
        assert columns["js_other"].isnan().all()
        assert (columns["flip_other"] == -1).all()
        assert torch.equal(columns["js_whole"], columns["js_top"])


RUNS = [(*model, "renormalise") for model in MODELS]
RUNS += [("bert", "classification", "zero"), ("t5", "classification", "zero")]


@pytest.mark.parametrize(("family", "task", "way"), RUNS)
@pytest.mark.samples(4)
def test_from_inside_a_layer_on_the_logits_are_those_of_whole_runs(family, task, way):
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    selected = case.select("cross:1" if family == "t5" else "1")
    mask = key_mask(case, selected)
    generator = torch.Generator().manual_seed(0)
    documents = torch.randint(len(mask), (40,), generator=generator)
    erased = (torch.rand(40, mask.shape[1], generator=generator) < 0.6) & mask[documents]
    heads = torch.rand(40, selected[0].site.heads, generator=generator) < 0.4
    meaning = Meaning(way)
    assert fastest_engine(case.attachment, selected, case.inputs, meaning, inside=True) == INNER_REPLAY
    found, expected = (
        torch.cat([logits for _, logits in engine.evaluate(documents, erased, heads)])
        for engine in (case.engine(kind, selected, meaning=meaning) for kind in (INNER_REPLAY, FORWARD))
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)

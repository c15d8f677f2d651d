"""Whole curves of a run, held against erasing step by step through the model's own hooks."""

import numpy as np
import pytest
import torch

import attnprobe.stages.tables as probing
from attnprobe.attention.hooks import erasing
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.dropout import Dropout
from attnprobe.stages.tables import curved_documents, probe_split
from tests.fixtures.attached_models import attached, engines_of, key_mask, words
from tests.fixtures.ragged_documents import random_documents

CPU = torch.device("cpu")


def probe_of(model):
    torch.manual_seed(1)
    probe = PooledProbe(POOLED[model](30, 3, Dropout()))
    with torch.no_grad():  # so that the bias does not decide alone
        probe.model.head.weight.mul_(4)
    return probe


@torch.no_grad()
def erased_one_by_one(probe, encoded, document, place):
    """What the model says of a document alone without the first k items, and with these alone: (2, n + 1, classes)."""
    batch = encoded.batch(np.array([document]))
    found = []
    for keeps in (False, True):
        for k in range(len(place) + 1):
            erased = place < k
            chosen = torch.from_numpy(~erased if keeps else erased)[None]
            with erasing(probe.model.attention, chosen):
                found.append(probe.model(batch)[0].double())
    return torch.stack(found).view(2, len(place) + 1, -1)


@pytest.mark.parametrize("model", ["flan-none", "han-none"])
def test_every_curve_is_what_erasing_one_by_one_gives(model):
    probe, encoded = probe_of(model), random_documents(8)
    tables = probe_split(probe, encoded, 0, CPU)
    documents, items = (table.to_pandas().set_index("document") for table in (tables.documents, tables.items))
    curves = tables.curves.to_pandas()
    keys = ["document", "ordering", "draw"]
    assert curves[[*keys, "removed"]].drop_duplicates().shape[0] == len(curves)
    erasures = tables.erasures.to_pandas().query("ordering != 'oracle'")
    counts = curves.groupby(keys, sort=False, observed=True)["removed"].agg(list)
    assert counts.index.tolist() == [tuple(key) for key in erasures[keys].to_numpy()]
    for (document, ordering, draw), removed in counts.items():
        n = documents.n[document]
        assert removed == list(range(n + 1))
        if draw:
            continue
        place = np.atleast_1d(items.loc[[document], f"rank_{ordering}"].to_numpy())
        rows = curves.query("document == @document and ordering == @ordering and draw == 0")
        decision = documents.decision[document]
        assert (rows.target == decision).all()
        without, alone = erased_one_by_one(probe, encoded, document, place)
        for found, wanted in (
            (rows.probability, without.softmax(-1)),
            (rows.log_probability, without.log_softmax(-1)),
            (rows.logit, without),
            (rows.kept_probability, alone.softmax(-1)),
            (rows.kept_logit, alone),
        ):
            np.testing.assert_allclose(found, wanted[:, decision], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(("family", "task"), [("bert", "classification"), ("gpt2", "language-modelling")])
def test_transformers_run_every_prefix_whatever_the_engine(family, task):
    case = attached(family, task)
    selected = case.select()
    items = words(key_mask(case, selected))
    batch, width = items.mask.shape
    order = torch.stack([torch.arange(width).expand(batch, -1), torch.arange(width).flip(0).expand(batch, -1)])
    order = order.gather(-1, (~items.mask).expand(2, -1, -1).gather(-1, order).int().argsort(dim=-1, stable=True))
    rows = torch.arange(batch)[1:]
    found = []
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected)
        curves = AttentionErasures(engine, items, "mean").curves(order, rows)
        found.append(curves)
        decision = engine.decision()
        for one, ranked in enumerate(order.argsort(-1)):
            for row, document in enumerate(rows.tolist()):
                for k in {0, 1, int(items.sizes[document])}:
                    for side, erased in ((0, ranked < k), (1, (ranked >= k) & items.mask)):
                        tokens = items.tokens(torch.tensor([document]), erased[[document]])
                        ((_, logits),) = engine.evaluate(torch.tensor([document]), tokens)
                        expected = logits.double().log_softmax(-1)[0, decision[document]]
                        torch.testing.assert_close(
                            curves.log_probability[side][one, row, k], expected, atol=1e-4, rtol=1e-4
                        )
    for curves in found[1:]:
        torch.testing.assert_close(curves.logit.erased, found[0].logit.erased, atol=1e-3, rtol=1e-3)


def test_batching_changes_rounding_only(monkeypatch):
    probe, encoded = probe_of("flan-rnn"), random_documents(30)
    once = probe_split(probe, encoded, 3, CPU)
    monkeypatch.setattr(probe, "batch_documents", 7)
    again = probe_split(probe, encoded, 3, CPU)
    for name in ("probability", "logit", "kept_logit"):
        one, other = (
            table.curves.to_pandas().query("ordering in ['random', 'attention']")[name] for table in (once, again)
        )
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_curves_are_kept_of_a_sample_within_that_of_items(monkeypatch):
    monkeypatch.setattr(probing, "ITEM_SAMPLE", 12)
    monkeypatch.setattr(probing, "CURVE_WORDS", 60)
    encoded = random_documents(40)
    tables = probe_split(probe_of("flan-none"), encoded, 5, CPU)
    documents = tables.curves["document"].unique().to_numpy()
    assert 1 < len(documents) < 12
    assert set(documents.tolist()) <= set(tables.items["document"].to_pylist())
    assert encoded.documents.words_per_document[documents].sum() <= 60
    chosen = curved_documents(encoded.documents.words_per_document, 5)
    assert np.flatnonzero(chosen).tolist() == sorted(documents.tolist())
    monkeypatch.setattr(probing, "CURVE_WORDS", 0)
    none = probe_split(probe_of("flan-none"), encoded, 5, CPU).curves
    assert len(none) == 0
    assert none.schema == tables.curves.schema

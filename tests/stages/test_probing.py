import dataclasses

import numpy as np
import pyarrow.compute as pc
import pytest
import torch

import attnprobe.stages.tables as probing
from attnprobe.base.errors import InputError
from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.registered_orderings import ORDERINGS, Ordering
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.closed_forms import PooledErasures
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.dropout import Dropout
from attnprobe.stages.tables import Collector, occurrences_of, probe_split
from tests.fixtures.ragged_documents import random_documents

CPU = torch.device("cpu")


@pytest.fixture(params=list(POOLED))
def probe(request):
    torch.manual_seed(1)
    return PooledProbe(POOLED[request.param](30, 3, Dropout()))


def test_tables_are_in_document_order_and_complete(probe):
    encoded = random_documents(50)
    tables = probe_split(probe, encoded, 0, CPU)
    documents, items = tables.documents.to_pandas(), tables.items.to_pandas()
    assert documents.document.tolist() == list(range(50))
    assert documents.label.tolist() == encoded.documents.labels.tolist()
    assert items.document.is_monotonic_increasing
    for document, group in items.groupby("document"):
        expected = encoded.documents.words_of(document)
        if probe.unit == "sentence":
            expected = encoded.documents.sentences_of(document)
        assert group.token.tolist() == expected
        assert group.position.tolist() == list(range(len(expected)))
    with torch.no_grad():
        logits = probe.model(encoded.batch(np.arange(50)))
    clear = (logits.topk(2).values.diff().abs() > 1e-5)[:, 0].numpy()
    assert (logits.argmax(-1).numpy() == documents.decision.to_numpy())[clear].all()


@pytest.mark.samples(4)
def test_batching_changes_rounding_only(probe, monkeypatch):
    encoded = random_documents(60)
    once = probe_split(probe, encoded, 3, CPU)
    monkeypatch.setattr(probe, "batch_documents", 7)
    again = probe_split(probe, encoded, 3, CPU)
    for name in ("p_decision", "js_top", "attention_entropy"):
        np.testing.assert_allclose(once.documents[name].to_numpy(), again.documents[name].to_numpy(), atol=1e-5)
    same = pc.mean(pc.equal(once.erasures["removed"], again.erasures["removed"]).cast("double")).as_py()
    assert same > 0.99


def test_the_same_seed_gives_the_same_bytes(probe):
    encoded = random_documents(30)
    once, again = (probe_split(probe, encoded, 3, CPU).made() for _ in range(2))
    assert once.keys() == again.keys()
    assert all(table.equals(again[name]) for name, table in once.items())


def test_random_draws_belong_to_the_document_and_the_seed():
    hashes = np.array([7, 9, 7, 7, 9], dtype=np.uint64)
    copies = occurrences_of(hashes)
    assert copies.tolist() == [0, 0, 1, 2, 1]
    seeds = document_seeds(0, hashes, copies)
    assert len(set(seeds.tolist())) == 5
    assert document_seeds(0, hashes[:3], copies[:3]).tolist() == seeds[:3].tolist()
    assert not set(document_seeds(1, hashes, copies).tolist()) & set(seeds.tolist())

    torch.manual_seed(1)
    probe = PooledProbe(POOLED["flan-none"](30, 3, Dropout()))
    encoded = random_documents(40)
    whole = probe_split(probe, encoded, 5, CPU).erasures.to_pandas()
    documents = encoded.documents
    words = int(documents.words_per_document[:10].sum())
    head = dataclasses.replace(
        documents,
        words=documents.words[:words],
        sentence_lengths=documents.sentence_lengths[: documents.sentences_per_document[:10].sum()],
        sentences_per_document=documents.sentences_per_document[:10],
        labels=documents.labels[:10],
        content_hashes=documents.content_hashes[:10],
    )
    part = probe_split(probe, EncodedDocuments(head, head.words), 5, CPU).erasures.to_pandas()
    assert part.removed.tolist() == whole.removed[: len(part)].tolist()


def test_items_are_sampled_beyond_a_size(monkeypatch):
    monkeypatch.setattr(probing, "ITEM_SAMPLE", 10)
    torch.manual_seed(1)
    for model in ("flan-none", "han-none"):
        probe = PooledProbe(POOLED[model](30, 3, Dropout()))
        encoded = random_documents(30)
        items = probe_split(probe, encoded, 5, CPU).items.to_pandas()
        assert items.document.nunique() == 10
        again = probe_split(probe, encoded, 5, CPU).items.to_pandas()
        assert items.document.unique().tolist() == again.document.unique().tolist()
        for document, group in items.groupby("document"):
            texts = encoded.documents.words_of if model.startswith("flan") else encoded.documents.sentences_of
            assert group.token.tolist() == texts(document)


@pytest.mark.parametrize("first", [True, False])
def test_an_ordering_that_fits_some_documents_and_not_others_is_refused(first, monkeypatch):
    """Its rows of these would be missing, whichever came first."""
    rank, mask = ORDERINGS["attention"].rank, torch.ones(1, 3, dtype=torch.bool)
    mine = Ordering("Mine", rank, fits=lambda batch: (int(batch.documents[0]) == 0) == first)
    monkeypatch.setitem(ORDERINGS._entries, "mine", mine)
    erasures = PooledErasures(torch.randn(1, 3, 4), torch.zeros(1, 3), mask, torch.nn.Linear(4, 2))
    results = [run_battery(erasures, torch.arange(1), torch.tensor([row])) for row in range(2)]
    collector = Collector(np.ones(2, dtype=bool))
    collector.add(np.array([0]), results[0])
    with pytest.raises(InputError, match="The ordering mine fits some documents and not others"):
        collector.add(np.array([1]), results[1])

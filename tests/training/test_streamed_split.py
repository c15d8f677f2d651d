"""Epochs over more documents than are in memory: each of them once, in an order that seed and epoch decide."""

import itertools
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import attnprobe.data.windows as windows
import attnprobe.training.streamed_split as streamed_split
from attnprobe.data.batches import EncodedDocuments, length_buckets
from attnprobe.data.documents import Documents
from attnprobe.data.split import HeldSplit
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.settings.dropout import Dropout
from attnprobe.training import StreamedSplit, Trainer, TrainingSettings, accuracy, limit_gradients
from attnprobe.training.checkpoints import resume_training, save_training
from tests.fixtures.ragged_documents import random_documents

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(learning_rate=1e-2, batch_documents=8, batch_tokens=300)


def encode(documents):
    numbers = np.array([int(word.removeprefix("word")) for word in documents.types], dtype=np.int32)
    return EncodedDocuments(documents, numbers[documents.words])


def numbered(documents=300, **settings):
    """A split whose documents' labels are their own numbers."""
    made = random_documents(documents, planted=False, **settings).documents
    return HeldSplit(
        Documents.of_words(
            made.types,
            made.words,
            made.sentence_lengths,
            made.sentences_per_document,
            np.arange(documents),
            made.content_hashes,
        )
    )


@pytest.fixture
def small(monkeypatch):
    """Windows of 7 documents, buffers of 50."""
    monkeypatch.setattr(windows, "WINDOW_DOCUMENTS", 7)
    monkeypatch.setattr(streamed_split, "BUFFER_DOCUMENTS", 50)


def buffers(split, seed, epoch):
    """The numbers of the documents of each buffer, and the seed of each."""
    return [
        (buffer.documents.documents.labels.tolist(), buffer.seed)
        for buffer in StreamedSplit(split, encode).buffers(seed, epoch)
    ]


def make_trainer(settings=SETTINGS, seed=4):
    torch.manual_seed(0)
    return Trainer(POOLED["flan-rnn"](30, 3, Dropout()), settings, seed)


def test_a_split_that_fits_is_trained_on_as_one_batch_after_the_other_of_all_of_it():
    """The order of batches, the seed of dropout and the updates, written out."""
    train = random_documents(200, seed=1)
    ours = make_trainer()
    split = StreamedSplit(HeldSplit(train.documents), encode)
    for _ in range(2):
        ours.run_epoch(split, split, CPU, lambda tokens: None)

    model = make_trainer().model
    optimiser = model.optimiser(SETTINGS)
    for epoch in range(2):
        torch.manual_seed(hash((4, epoch)))
        model.train()
        rng = np.random.default_rng([4, epoch])
        jittered = (train.lengths * rng.uniform(0.9, 1.1, 200)).astype(np.int64) + 1
        groups = length_buckets(jittered, SETTINGS.batch_documents, SETTINGS.batch_tokens)
        for group in rng.permutation(len(groups)):
            batch = train.batch(groups[group])
            model.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(model(batch), batch.labels).backward()
            limit_gradients(model.parameters(), SETTINGS)
            optimiser.step()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, ours.model.state_dict()[name]), name


def test_a_split_that_fits_is_encoded_once():
    calls = []
    split = StreamedSplit(numbered(100), lambda documents: calls.append(len(documents)) or encode(documents))
    for epoch in range(3):
        assert [len(buffer.documents) for buffer in split.buffers(0, epoch)] == [100]
    assert [len(part) for part in split.parts()] == [100]
    assert split.sample().tokens == split.split.words_per_document.sum()
    assert calls == [100]


@given(seed=st.integers(0, 5), epoch=st.integers(0, 5), documents=st.integers(51, 200))
def test_an_epoch_has_every_document_once_in_buffers_of_whole_windows(seed, epoch, documents):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "WINDOW_DOCUMENTS", 7)
        patch.setattr(streamed_split, "BUFFER_DOCUMENTS", 50)
        made = buffers(numbered(documents), seed, epoch)
        assert made == buffers(numbered(documents), seed, epoch)
    assert sorted(itertools.chain.from_iterable(numbers for numbers, _ in made)) == list(range(documents))
    assert all(50 <= len(numbers) < 57 for numbers, _ in made[:-1])
    for numbers, _ in made:
        assert numbers == sorted(numbers)
        of_window = np.unique(np.array(numbers) // 7, return_counts=True)
        assert all(count == min(7, documents - 7 * window) for window, count in zip(*of_window, strict=True))
    order = np.random.default_rng([seed, epoch]).permutation(-(-documents // 7)).tolist()
    assert [{n // 7 for n in numbers} for numbers, _ in made] == _cut_like(made, order)
    assert len({tuple(seed) for _, seed in made}) == len(made)


def _cut_like(made, order):
    """The drawn windows in portions of as many as the buffers have."""
    portions, start = [], 0
    for numbers, _ in made:
        count = len({n // 7 for n in numbers})
        portions.append(set(order[start : start + count]))
        start += count
    return portions


def test_epochs_and_seeds_have_their_own_order(small):
    split = numbered(300)
    made = [buffers(split, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(numbers) for numbers in made}) == 4


def test_words_fill_a_buffer_too(small, monkeypatch):
    split = numbered(40)
    monkeypatch.setattr(streamed_split, "BUFFER_WORDS", 300)
    made = [numbers for numbers, _ in buffers(split, 0, 0)]
    assert sorted(itertools.chain.from_iterable(made)) == list(range(40))
    sizes = [int(split.words_per_document[numbers].sum()) for numbers in made]
    largest_window = max(int(split.words_per_document[start : start + 7].sum()) for start in range(0, 40, 7))
    assert len(sizes) > 1
    assert all(300 <= size < 300 + largest_window for size in sizes[:-1])


def test_no_two_buffers_are_in_memory_at_once(small):
    alive, most = weakref.WeakSet(), []

    def counted(documents):
        most.append(len(alive))
        alive.add(encoded := encode(documents))
        return encoded

    split = StreamedSplit(HeldSplit(random_documents(300).documents), counted)
    make_trainer().run_epoch(split, split, CPU, lambda tokens: None)
    assert len(most) == 6 + 43
    assert max(most) == 0


@pytest.mark.slow
def test_a_streamed_epoch_learns_from_every_document(small):
    train, dev = (HeldSplit(random_documents(n, seed=n).documents) for n in (200, 60))
    trainer = make_trainer(TrainingSettings(epochs=12, patience=12, learning_rate=5e-3, batch_documents=8))
    told = []
    logged = [
        trainer.run_epoch(StreamedSplit(train, encode), StreamedSplit(dev, encode), CPU, told.append) for _ in range(12)
    ]
    assert sum(told) == 12 * train.words_per_document.sum()
    assert trainer.progress.best_score > 0.8
    assert logged[-1].loss < logged[0].loss / 2


def test_a_streamed_training_that_is_interrupted_ends_with_the_same_weights(small, tmp_path):
    def run(trainer, epochs):
        train, dev = (StreamedSplit(HeldSplit(random_documents(n, seed=n).documents), encode) for n in (120, 60))
        for _ in range(epochs):
            trainer.run_epoch(train, dev, CPU, lambda tokens: None)
        return trainer

    whole, broken, resumed = run(make_trainer(), 3), run(make_trainer(), 2), make_trainer()
    save_training(tmp_path / "state", broken, "f")
    resume_training(tmp_path / "state", resumed, "f")
    run(resumed, 1)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


def test_accuracy_is_the_same_window_by_window(monkeypatch):
    model, documents = make_trainer().model, HeldSplit(random_documents(120).documents)
    whole = accuracy(model, StreamedSplit(documents, encode), CPU)
    monkeypatch.setattr(windows, "WINDOW_DOCUMENTS", 7)
    monkeypatch.setattr(streamed_split, "BUFFER_DOCUMENTS", 50)
    assert accuracy(model, StreamedSplit(HeldSplit(documents.documents()), encode), CPU) == whole


def test_a_sample_of_windows_stands_for_the_split(small):
    lengths = np.full(140, 6, dtype=np.int32)
    made = Documents.of_words(
        [f"word{number}" for number in range(30)],
        np.arange(840, dtype=np.int32) % 30,
        lengths,
        np.ones(140, dtype=np.int32),
        np.zeros(140, dtype=np.int64),
        np.arange(140, dtype=np.uint64),
    )
    split = StreamedSplit(HeldSplit(made), encode)
    sample = split.sample()
    assert len(sample.documents) == 4 * 7
    assert sample.tokens == 840
    shortened = StreamedSplit(HeldSplit(made), lambda documents: encode(documents.cut(3))).sample()
    assert shortened.tokens == 420
    assert make_trainer().estimate_seconds(sample, CPU) > 0


def test_what_was_cut_is_known_when_all_has_been_seen(small):
    def cut(documents):
        encoded = encode(documents.cut(10))
        encoded.cut = int((documents.words_per_document > 10).sum())
        return encoded

    split = StreamedSplit(numbered(100), cut)
    assert split.cut is None
    for _ in split.buffers(0, 0):
        assert split.cut is None
    assert split.cut[:2] == (int((split.split.words_per_document > 10).sum()), 10)
    fits = StreamedSplit(numbered(40), cut)
    assert fits.cut[:2] == (int((fits.split.words_per_document > 10).sum()), 10)

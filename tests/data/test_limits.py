import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.data.limits import within_limits
from attnprobe.data.split import HeldSplit, Split
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.settings.data import DataLimits
from tests.fixtures.ragged_documents import random_documents


def texts(documents):
    return [documents.sentences_of(document) for document in range(len(documents))]


@given(st.integers(1, 40), st.integers(0, 5))
def test_cutting_keeps_the_first_words_in_their_sentences(words, seed):
    documents = random_documents(12, seed=seed).documents
    cut = documents.cut(words)
    for whole, short in zip(texts(documents), texts(cut), strict=True):
        flat = [word for sentence in whole for word in sentence.split(" ")]
        assert [word for sentence in short for word in sentence.split(" ")] == flat[:words]
        assert all(sentence for sentence in short)
        assert short[:-1] == whole[: len(short) - 1]
    assert cut.labels.tolist() == documents.labels.tolist()


@given(st.lists(st.integers(0, 11), min_size=1, max_size=15))
def test_taking_is_indexing(indices):
    documents = random_documents(12).documents
    taken = documents.take(np.array(indices))
    whole = texts(documents)
    assert texts(taken) == [whole[i] for i in indices]
    assert taken.labels.tolist() == documents.labels[indices].tolist()
    assert taken.content_hashes.tolist() == documents.content_hashes[indices].tolist()


def test_limits_sample_once_and_never_cut_test_documents():
    documents = {split: random_documents(50, seed=i).documents for i, split in enumerate(("train", "dev", "test"))}
    splits: dict[str, Split] = {split: HeldSplit(held) for split, held in documents.items()}
    dataset = Dataset("d", ["a", "b", "c"], splits, "f")
    assert within_limits(dataset, DataLimits()).splits == splits
    limits = DataLimits(train_documents=10, test_documents=20, train_words=3)
    once, again = within_limits(dataset, limits), within_limits(dataset, limits)
    assert {name: len(split) for name, split in once.splits.items()} == {"train": 10, "dev": 50, "test": 20}
    assert texts(once.splits["train"].documents()) == texts(again.splits["train"].documents())
    assert once.splits["dev"].words_per_document.max() == 3
    whole = texts(documents["test"])
    assert all(text in whole for text in texts(once.splits["test"].documents()))

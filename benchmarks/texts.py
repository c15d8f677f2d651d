"""How fast texts become words and sentences, against spaCy's pipeline on the same texts in the same process.

    python -m benchmarks.texts [FOLDER ...] [--megabytes 20] [--repetitions 3]

Of the training texts of each dataset folder, and of the docstrings of installed packages, the first so many megabytes:
once with nothing remembered (cold), once more (warm), and by spaCy, in turn. Processor seconds of one process; spaCy is
loaded before.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import spacy
from spacy.attrs import IDX, IS_SPACE, ORTH, SENT_START

from attnprobe.data.docstrings.folder import docstrings_folder
from attnprobe.data.documents import by_first_sight
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.folder import read_splits, split_files
from attnprobe.data.tokens import tokeniser
from attnprobe.data.tokens.chunk_memory import ChunkMemory
from attnprobe.data.tokens.tokenisation import in_chunks
from attnprobe.data.tokens.tokeniser import tokenise_texts
from benchmarks.measure import processor_seconds, report

PIPELINE = spacy.blank("en")
PIPELINE.add_pipe("sentencizer")


def first_texts(folder: Path, characters: float) -> list[list[str]]:
    """Texts of about so many characters from the folder's training split, as they are handed to be tokenised."""
    taken: list[str] = []
    size = 0
    for text in read_splits(split_files(folder), WantedColumns())["train"].texts():
        if size >= characters:
            break
        taken.append(str(text))
        size += len(taken[-1])
    return list(in_chunks(taken))


def forget() -> None:
    """The next text is the first that is seen, but spaCy is there."""
    tokeniser._memory = ChunkMemory()
    tokenise_texts(["Well-known."])


def spacys(texts: Iterable[str]) -> tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Distinct words, each token as an index into them, and words per sentence, from spaCy's own documents."""
    tokens = np.concatenate([PIPELINE(text).to_array([ORTH, SENT_START, IS_SPACE, IDX]) for text in texts])
    is_word = tokens[:, 2] == 0
    lengths = np.bincount((np.cumsum(tokens[:, 1] == 1) - 1)[is_word])
    distinct, words = by_first_sight(tokens[is_word, 0])
    return [PIPELINE.vocab.strings[int(code)] for code in distinct], words, lengths[lengths > 0]


def compare(name: str, chunks: list[list[str]], repetitions: int) -> None:
    """Print words a processor second and the two ratios."""
    seconds: dict[str, list[float]] = {"cold": [], "warm": [], "spacy": []}
    for _ in range(repetitions):
        forget()
        for times in ("cold", "warm"):
            seconds[times].append(processor_seconds(lambda: [tokenise_texts(chunk) for chunk in chunks], 1))
        seconds["spacy"].append(processor_seconds(lambda: [spacys(chunk) for chunk in chunks], 1))
    words = sum(len(tokenise_texts(chunk).words) for chunk in chunks)
    for times in ("cold", "warm"):
        report(
            f"tokenising_{times}_vs_spacy",
            statistics.median(a / b for a, b in zip(seconds["spacy"], seconds[times], strict=True)),
            dataset=name,
            megabytes=sum(len(text) for chunk in chunks for text in chunk) / 1e6,
            words=words,
            words_a_second=words / statistics.median(seconds[times]),
            spacys_words_a_second=words / statistics.median(seconds["spacy"]),
        )


def main() -> None:
    """Print cold and warm ratios for every folder and the docstrings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--megabytes", type=float, default=20, help="default: 20")
    parser.add_argument("--repetitions", type=int, default=3, help="default: 3")
    arguments = parser.parse_args()
    for folder in [*arguments.folders, docstrings_folder()]:
        chunks = first_texts(folder, 1e6 * arguments.megabytes)
        compare(folder.name.split("-")[0], chunks, arguments.repetitions)


if __name__ == "__main__":
    main()

"""How much is read of files that anyone may have made; docs/limits.md has the same as a table.

Each is enforced while a file is read, before what passes it is held in memory. They are generous: none is met by data
or models that are what they seem.
"""

from __future__ import annotations

MOST_EXPANSION = 200
"""What is packed may unpack to so many times its size: text does to ten times."""

FREE_BYTES = 64 << 20
"""What is packed may unpack to so many bytes in any case."""

LONGEST_TEXT = 1_000_000
"""Characters of a document, which is also where spaCy draws the line."""

LONGEST_LABEL = 1_000
"""Characters of the name of a class."""

MOST_CLASSES = 100_000
"""Of a file."""

LONGEST_RECORD = 16 * LONGEST_TEXT
"""Bytes of a line, or of a CSV record over all its lines: a character takes four, and there are other columns."""

MOST_BLANK_LINES = LONGEST_TEXT
"""One after another: they may be the inside of a text in quotation marks."""

MOST_COLUMNS = 10_000
"""Of a table, or keys of a JSON object."""

MOST_DOCUMENTS = 10**8
"""Rows of a file of texts and of a run's table of documents."""

MOST_FOOTER_BYTES, MOST_FOOTER_ENTRIES = 16 << 20, 3_000_000
"""Of what a Parquet file says of itself: its bytes, and the numbers, names and lists in it."""

FREE_PAGES, BYTES_A_PAGE = 100_000, 1_000
"""A Parquet file may have so many pages, and one more for so many of its bytes."""

LARGEST_PAGE = 512 << 20
"""Bytes of a page of a Parquet file, unpacked; of most writers they have a five-hundredth."""

MOST_DECODED, EXPANSION_IN_MEMORY = 1 << 30, 10
"""Bytes of memory for the rows of a Parquet file that are decoded at once, with the pages that they are in; and beside
these so many times what the pages take in the file."""

MOST_ELEMENT_BYTES = 16 << 20
"""Of an element of XML."""

MOST_JSON_BYTES = 32 << 20
"""Of a JSON file: a configuration, a summary, an index of weights."""

MOST_MANIFEST_BYTES = 1 << 20
"""Of a run's manifest; of a larger one what is behind is not looked at, and none of that is removed."""

MOST_LOG_BYTES = 32 << 20
"""Of a log of training."""

MOST_TOML_BYTES = 256 << 10
"""Of an experiment or a grid."""

MOST_VOCABULARY_BYTES = 64 << 20
"""Of a vocabulary of ours."""

MOST_WORDS = 4_000_000
"""Of a vocabulary of ours."""

MOST_TOKENIZER_BYTES = 128 << 20
"""Of a file of a tokenizer; the largest that are in use have a third."""

MOST_ORDERINGS = 64
"""That one run may have results of."""

MOST_WAYS = 100
"""Ways of erasing that a run may name."""

MOST_MEASUREMENTS = 64
"""Of other packages, that one run may have."""

MOST_ANNOTATORS = 16
"""Whose rationales may lie beside a split."""

LONGEST_NAME = 1_000
"""Characters of the name or path of a dataset, a model or a run, whoever says it."""

MOST_LAYERS = 1_000
"""That the configuration of a checkpoint may ask for: of layers, blocks, groups or stages."""

MOST_LABELS = 1_000_000
"""That the configuration of a checkpoint may ask for."""

MOST_ADDED_TOKENS = 10_000
"""That the configuration of a tokenizer may ask to be made up."""

FREE_MODULES, MODULES_A_TENSOR = 2_000, 4
"""A checkpoint's model may have so many modules, and so many more for each tensor that is stored."""

FREE_WEIGHT_BYTES, EXPANSION_OF_WEIGHTS = 512 << 20, 4
"""Its weights and buffers may take so many bytes, and so many times those that the stored ones take in 32 bits."""


def most_unpacked(packed: int) -> int:
    """To how many bytes ``packed`` bytes may unpack.

    >>> most_unpacked(0) == FREE_BYTES, most_unpacked(10**9) // 10**9
    (True, 200)
    """
    return FREE_BYTES + MOST_EXPANSION * packed

"""Hostile dataset files: delimited, JSON lines and Parquet, whole and compressed; and how they are read."""

import bz2
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.reading import read_labels
from attnprobe.data.tokens.given_tokens import as_string
from tests.fuzzing.mutation import BYTES, WORDS, any_value, hostile_json, mutated_bytes

ROWS = [("pos", "a fine text ."), ("neg", "a poor, poor text"), ("pos", 'says "no"'), ("neg", "naïve 東京")]
TSV = "".join(f"{label}\t{text}\n" for label, text in [("category", "tokens"), *ROWS]).encode()
CSV = b'label,text\npos,"a fine, ""fine"" text"\nneg,"two\nlines"\npos,b\n'
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32")
HEADERS = (
    "category\tcategory\ttokens",
    "category",
    "",
    "\t",
    "tokens\tcategory",
    "label\tcategory\ttokens\ttext",
    "a\x00\tb",
)
PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "zst": lambda content: pa.compress(content, "zstd", asbytes=True)}


def read(path):
    """Read labels and texts; what is accepted is consistent."""
    file = read_labels(path, WantedColumns())
    texts = list(file.texts())
    assert len(texts) == len(file) == len(file.codes) > 0
    assert len(set(file.labels)) == len(file.labels) == len(file.first_rows) == file.codes.max() + 1
    assert file.codes.min() == 0
    for text in (*map(as_string, texts), *file.labels):
        assert text.strip()
        assert "\0" not in text
        text.encode()


def delimited(random, valid, delimiter):
    """A hostile file of fields with a delimiter between them."""
    match random.randrange(6):
        case 0:
            header = random.choice(HEADERS).replace("\t", delimiter).encode()
            return header + b"\n" + valid.split(b"\n", 1)[1]
        case 1:
            return valid.decode().encode(random.choice(ENCODINGS))
        case 2:  # ragged, or with odd fields
            rows = [[random.choice((*WORDS, "pos")) for _ in range(random.choice((1, 2, 2, 3)))] for _ in range(4)]
            lines = [delimiter.join(row).encode("utf-8", "surrogatepass") for row in rows]
            return valid + random.choice((b"\n", b"\r\n", b"\r")).join(lines)
        case 3:
            return b"".join(random.choice((*BYTES, b"pos", b"category\ttokens\n", b",")) for _ in range(12))
        case _:
            return mutated_bytes(random, valid, (TSV, CSV))


def json_lines(random):
    """A hostile file of JSON lines."""
    lines = [json.dumps({"label": label, "text": text}).encode() for label, text in ROWS]
    row = random.randrange(len(lines))
    lines[row] = hostile_json(random, {"label": "pos", "text": "a", "other": {"b": [1]}}).replace(b"\n", b" ")
    return b"\n".join(lines) + random.choice((b"", b"\n", b"\n\n\n"))


COLUMNS = [
    lambda: pa.array(["pos", None, "neg", "a"]),
    lambda: pa.array([1, 2, 2**62, -1]),
    lambda: pa.array([1.5, float("nan"), float("inf"), 3.0]),
    lambda: pa.array([b"a", b"\xff\xfe", b"", b"pos"]),
    lambda: pa.array([b"a", b"\xff\xfe", b"b", b"pos"]).view(pa.string()),
    lambda: pa.array([True, False, None, True]),
    lambda: pa.array([None] * 4),
    lambda: pa.array([[1], [], None, [2, 3]]),
    lambda: pa.array([["a", "b"], ["c"], [], ["\x00", None]]),
    lambda: pa.array([["a", "b"], ["c d"], ["e"], ["."]]),
    lambda: pa.array([{"a": 1}, {"a": None}, None, {"a": 3}]),
    lambda: pa.array(["a", "b", "a", "b"]).dictionary_encode(),
    lambda: pa.array([1, 2, 3, 4]).cast(pa.timestamp("ns")),
    lambda: pa.array([1, 2**62, 3, -(2**62)]).cast(pa.timestamp("us")),
    lambda: pa.array([1, 2, 3, 4], pa.int32()).cast(pa.date32()),
    lambda: pa.array([1, 2**62, 3, 4]).cast(pa.time64("ns")),
    lambda: pa.array([1, 2**62, 3, 4]).cast(pa.duration("ms")),
    lambda: pa.array([1, 2, 3, 4]).cast(pa.decimal128(38, 2)),
    lambda: pa.array([1.0, 2.0, 3.0, 4.0]).cast(pa.float16()),
    lambda: pa.array([[("a", 1)], [], None, []], pa.map_(pa.string(), pa.int64())),
    lambda: pa.array([b"0123456789abcdef"] * 4, pa.binary(16)).cast(pa.binary(16)),
    lambda: pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", "1", "null", "["])),
    lambda: pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"] * 4, pa.binary(16))),
    lambda: pa.array(["x" * 3000, "\x00", " ", "\u2028"]),
]
"""Columns of four rows, of every type."""


def parquet(random):
    """A hostile Parquet file: columns of any type and name, then perhaps damaged bytes."""
    names = random.choice(
        (("label", "text"), ("label", "text"), ("text", "label", "label"), ("label",), ("", "text"), ())
    )
    good = [lambda: pa.array(["pos", "neg", "pos", "neg"]), lambda: pa.array(["a b", "c", "d", "e"])]
    columns = [random.choice(COLUMNS if random.random() < 0.5 else good)() for _ in names]
    metadata = {random.choice(("pandas", "ARROW:schema", "a")): json.dumps(any_value(random)).encode()}
    table = pa.Table.from_arrays(columns, names=list(names)) if names else pa.table({})
    if random.random() < 0.1:
        table = table.slice(0, 0)
    buffer = io.BytesIO()
    options = {
        "compression": random.choice(("none", "snappy", "zstd", "gzip")),
        "row_group_size": random.choice((1, 9)),
    }
    pq.write_table(table.replace_schema_metadata(metadata), buffer, version="2.6", **options)
    content = buffer.getvalue()
    return mutated_bytes(random, content) if random.random() < 0.5 else content


def make(random, folder, kind):
    """Write a hostile file of a kind, ``tsv``, ``csv``, ``jsonl``, ``parquet`` or ``packed``."""
    packed = random.choice(tuple(PACKERS)) if kind == "packed" else ""
    if packed:
        kind = random.choice(("tsv", "csv", "jsonl"))
    match kind:
        case "tsv":
            content = delimited(random, TSV, "\t")
        case "csv":
            content = delimited(random, CSV, ",")
        case "jsonl":
            content = json_lines(random)
        case _:
            content = parquet(random)
    if packed:
        content = PACKERS[packed](content)
        content = mutated_bytes(random, content) if random.random() < 0.6 else content
    path = folder / f"train.{kind}{packed and '.'}{packed}"
    path.write_bytes(content)
    return path

"""Dataset folders for tests."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq


def write_tsv(path, rows, header=("label", "text")):
    path.write_text("".join("\t".join(row) + "\n" for row in [header, *rows]), encoding="utf-8", newline="")
    return path


def write_csv(path, rows, header=("label", "text")):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_jsonl(path, rows, header=("label", "text")):
    lines = [json.dumps(dict(zip(header, row, strict=True))) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def write_parquet(path, rows, header=("label", "text")):
    columns = zip(*rows, strict=True) if rows else [pa.array([], pa.string()) for _ in header]
    pq.write_table(pa.table(dict(zip(header, map(pa.array, columns), strict=True))), path)
    return path


WRITERS = {"tsv": write_tsv, "csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}


def write_folder(folder, suffix="tsv", **splits):
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        WRITERS[suffix](folder / f"{split}.{suffix}", rows)
    return folder

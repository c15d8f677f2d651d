"""Run folders made of random tables, as the battery would write them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

ORDERINGS = {"random": 5, "attention": 1, "gradient": 1, "gradient_attention": 1, "oracle": 1}
SUFFIXES = ("", "_gradient", "_gradient_attention")


def write_run(
    folder: Path,
    sizes,
    seed=0,
    *,
    never=0.2,
    entropy=0.5,
    js_of_weight=False,
    dataset="toy",
    removed=None,
    draws=ORDERINGS,
):
    """Write a run over documents of these sizes and return its tables.

    ``never`` is the share of erasures that never flip; ``removed`` maps an ordering to numbers (documents,) or
    (documents, draws) that replace the random ones; with ``js_of_weight`` the divergence grows with the weight.
    """
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    items = _items(generator, sizes, js_of_weight)
    documents = _documents(generator, np.asarray(sizes), items, entropy)
    _add_secondary_columns(documents, items)
    erasures = _erasures(generator, sizes, never, removed or {}, draws)
    for name, table in {"documents": documents, "erasures": erasures, "items": items}.items():
        table.to_parquet(folder / f"{name}.parquet")
    config = {
        "settings": {"dataset": dataset, "model": "flan-none", "seed": 3},
        "data": {"labels": ["no", "yes"]},
        "unit": "word",
    }
    (folder / "config.json").write_text(json.dumps(config))
    return documents, erasures, items


def _items(generator, sizes, js_of_weight):
    columns = {"document": [], "position": [], "token": [], "weight": [], "js": [], "flips": []}
    for document, n in enumerate(sizes):
        weight = generator.dirichlet(np.ones(n))
        js = weight / 2 if js_of_weight else np.round(generator.random(n) * 0.1, 2)
        part = (np.full(n, document), np.arange(n, dtype=np.int32), ["x"] * n, weight, js, generator.random(n) < 0.3)
        for column, values in zip(columns.values(), part, strict=True):
            column.append(values)
    return pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()}).astype({"token": "str"})


def _documents(generator, sizes, items, entropy):
    documents = pd.DataFrame({"document": np.arange(len(sizes)), "n": sizes})
    documents["label"] = generator.integers(2, size=len(sizes))
    documents["decision"] = generator.integers(2, size=len(sizes))
    documents["attention_entropy_normalised"] = np.where(sizes > 1, entropy, np.nan)
    groups = _by_document(items)
    for suffix in SUFFIXES:
        rows = []
        for group in groups:
            top = int(group["weight"].argmax()) if not suffix else int(generator.integers(len(group["weight"])))
            rows.append(_against_others(group, top))
        for column in rows[0]:
            documents[f"{column}{suffix}"] = [row[column] for row in rows]
    return documents


def _by_document(items):
    """The columns of each document's items."""
    ends = np.flatnonzero(np.diff(items["document"])) + 1
    parts = {name: np.split(items[name].to_numpy(), ends) for name in ("weight", "js", "flips")}
    return [dict(zip(parts, columns, strict=True)) for columns in zip(*parts.values(), strict=True)]


def _add_secondary_columns(documents, items):
    """Entropies, divergences from uniform, and erasing the items next in attention; draws nothing."""
    groups = _by_document(items)
    weights = [np.sort(group["weight"])[::-1] for group in groups]
    documents["attention_entropy"] = [-(w * np.log(w)).sum() for w in weights]
    documents["attention_kl_uniform"] = [np.log(len(w)) + (w * np.log(w)).sum() for w in weights]
    documents["attention_js_uniform"] = documents["attention_kl_uniform"] / 4
    documents["output_entropy"] = (documents["n"] * 7 + documents["document"]) % 11 / 11
    orders = [np.argsort(-group["weight"]) for group in groups]
    for name, rank in {"second": 1, "lowest": -1, "second_lowest": -2}.items():
        for column, target in {"weight": "weight", "js": "js", "flips": "flip"}.items():
            documents[f"{target}_{name}"] = [
                float(group[column][order[rank]]) if len(order) > 1 else np.nan
                for group, order in zip(groups, orders, strict=True)
            ]


def _against_others(group, top):
    js, flips, weight = (group[column] for column in ("js", "flips", "weight"))
    others = np.arange(len(js)) != top
    mean = (lambda which: which[others].mean()) if others.any() else (lambda which: np.nan)
    return {
        "top_item": top,
        "top_weight": weight[top],
        "js_top": js[top],
        "delta_js_negative": mean((js[top] - js) < -1e-12),
        "delta_js_zero": mean(np.abs(js[top] - js) <= 1e-12),
        "flip_top": bool(flips[top]),
        "flip_other": mean(flips.astype(float)),
    }


def _erasures(generator, sizes, never, removed, draws):
    rows = []
    given = {name: np.asarray(column).reshape(len(sizes), -1) for name, column in removed.items()}
    for document, n in enumerate(sizes):
        for ordering, count in draws.items():
            for draw in range(count):
                k = -1 if generator.random() < never else int(generator.integers(1, n + 1))
                if ordering in given:
                    k = min(int(given[ordering][document, draw]), n)
                flips = k > 0
                rows.append(
                    (document, ordering, draw, n, k, k / n if flips else np.nan, k / n / 2 if flips else np.nan)
                )
    table = pd.DataFrame(rows, columns=["document", "ordering", "draw", "n", "removed", "fraction", "mass"])
    table["emptied"] = table["removed"] == table["n"]
    return table.astype({"ordering": "category", "draw": np.int8, "fraction": np.float32})

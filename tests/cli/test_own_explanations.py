import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.cli import main
from attnprobe.runs.run_folder import PARQUET
from tests.fixtures.commands import planted_rows, write_splits


@pytest.fixture(scope="module", params=["flan-none", "han-none"])
def probed(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    rows = [(label, f"{text}. {text} again.") for label, text in planted_rows(24, 3)]
    data = write_splits(folder / "planted", train=planted_rows(60, 1), dev=planted_rows(10, 2), test=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        arguments = ["--dataset", str(data), "--model", request.param, "--epochs", "1", "--out", str(folder / "runs")]
        assert main(["train", *arguments]) == 0
        run = folder / "runs" / "planted" / request.param / "seed-0"
        assert main(["probe", str(run)]) == 0
        yield run


def tables(run):
    return {name: pd.read_parquet(run / f"{name}.parquet") for name in ("documents", "erasures", "items")}


def by(tables, ordering):
    rows = tables["erasures"]
    return rows[rows["ordering"] == ordering].drop(columns="ordering").reset_index(drop=True)


def scores(items):
    """What attention itself says: of positions, and of the stretches of text where the items stand."""
    rows = items[["document", "position"]].assign(name="same", score=items["weight"])
    before = items["before"].astype(object).fillna("").str.len().astype(int)
    length = items["token"].astype(object).str.len()
    behind = (before + length).groupby(items["document"]).cumsum()
    spans = rows.drop(columns="position").assign(name="spans", start=behind - length, end=behind, score=items["weight"])
    return rows, spans


@pytest.mark.samples(1)
def test_a_trained_run_is_probed_with_a_file_of_scores_and_nothing_else_changes(probed, capsys):
    before, model = tables(probed), (probed / "model.safetensors").read_bytes()
    few = ("--documents", "4")
    for rows, name in zip(scores(before["items"]), ("same", "spans"), strict=True):
        path = probed.parent / f"{name}.parquet"
        pq.write_table(pa.Table.from_pandas(rows.sample(frac=1, random_state=0)), path)
        assert main(["probe", str(probed), "--explanations", str(path)]) == 0
        after = tables(probed)
        pd.testing.assert_frame_equal(by(after, name), by(after, "attention"))
        for column in ("top_item", "js_top", "delta_js_negative"):
            assert after["documents"][f"{column}_{name}"].equals(after["documents"][column])
        assert f"top_item_{name}_permuted" in after["documents"]
        for ordering in before["erasures"]["ordering"].unique():
            pd.testing.assert_frame_equal(by(after, ordering), by(before, ordering))
        config = json.loads((probed / "config.json").read_text())
        assert config["explanations"]["draws"] == {name: 1}
        assert config["orderings"][f"{name}_permuted"] == {"title": f"{name}, permuted", "role": "control"}
    assert (probed / "model.safetensors").read_bytes() == model
    capsys.readouterr()
    assert main(["probe", str(probed)]) == 0
    assert "finished before, reusing" in capsys.readouterr().out
    assert main(["verify", str(probed), *few]) == 0
    assert f"were erased in the order of the scores in {path}: spans" in capsys.readouterr().out
    assert main(["report", str(probed)]) == 0
    assert "spans" in capsys.readouterr().out

    items = probed / "items.parquet"
    whole = pq.read_table(items)
    column = whole.column_names.index("rank_spans")
    sizes = after["items"].groupby("document")["position"].transform("size").to_numpy()
    turned = pa.array(sizes - 1 - after["items"]["rank_spans"].to_numpy(), pa.int32())
    pq.write_table(whole.set_column(column, "rank_spans", turned), items, **PARQUET)
    assert main(["verify", str(probed), *few]) == 1
    assert "rank_spans is not the order of the scores in" in " ".join(capsys.readouterr())
    path.unlink()
    assert main(["probe", str(probed), "--explanations", str(path)]) == 2
    assert "the file cannot be read" in capsys.readouterr().err


def test_scores_that_do_not_fit_the_items_are_refused_by_document(probed, tmp_path, capsys):
    rows = scores(tables(probed)["items"])[0]
    last = rows.groupby("document")["position"].transform("max")
    path = tmp_path / "short.jsonl"
    short = rows[(rows["document"] != 2) | (rows["position"] < last)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in short.to_dict("records")))
    assert main(["probe", str(probed), "--explanations", str(path)]) == 2
    assert "The explanation same, document 2: it has" in capsys.readouterr().err
    data = json.loads((probed / "config.json").read_text())["data"]["location"]
    arguments = ["--dataset", data, "--model", "flan-none", "--specials", "last", "--out", str(tmp_path)]
    assert main(["run", *arguments]) == 2
    assert "give --explanations FILE, too" in capsys.readouterr().err


def test_special_tokens_that_are_out_are_no_items_of_any_ordering(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = write_splits(
        tmp_path / "planted", **{s: planted_rows(12, seed) for seed, s in enumerate(("train", "dev", "test"))}
    )
    of_model = ["--model", "transformer", "--epochs", "1", "--d-e", "16", "--longest", "32"]
    out = ["--out", str(tmp_path / "runs")]
    assert main(["train", "--dataset", str(data), *of_model, *out]) == 0
    (run,) = (tmp_path / "runs" / "planted").glob("*/seed-0")
    assert main(["probe", str(run)]) == 0
    before = tables(run)
    assert (before["items"].query("position == 0")["token"] == "[CLS]").all()
    words = before["items"].query("position > 0")
    rows = words[["document"]].assign(position=words["position"] - 1, name="long", score=words["token"].str.len() * 1.0)
    path = tmp_path / "scores.parquet"
    rows.to_parquet(path)
    assert main(["probe", str(run), "--explanations", str(path), "--specials", "out"]) == 0
    after = tables(run)
    assert after["items"]["token"].tolist() == words["token"].tolist()
    assert (after["documents"]["n"] == before["documents"]["n"] - 1).all()
    sums = after["items"].groupby("document")["weight"].sum()
    assert sums.tolist() == pytest.approx([1.0] * len(sums), abs=1e-6)
    ranks = after["items"].assign(length=after["items"]["token"].str.len()).sort_values(["document", "rank_long"])
    assert (ranks.groupby("document")["length"].diff().dropna() <= 0).all()
    effects = pd.read_parquet(run / "head_effects.parquet")
    sizes = after["documents"].set_index("document")["n"]
    assert (effects["n"] == effects["document"].map(sizes)).all()
    assert main(["verify", str(run), "--documents", "2"]) == 0
    assert main(["probe", str(run), "--explanations", str(path), "--specials", "last"]) == 0  # scores of words alone
    again = tables(run)
    assert again["items"]["token"].tolist() == before["items"]["token"].tolist()
    assert (pd.read_parquet(run / "head_effects.parquet")["n"] == effects["n"] + 1).all()

"""Documents of which a tokenizer makes nothing are left out and named, in training and in testing."""

import json

import pandas as pd
import pytest

pytest.importorskip("transformers")
from tokenizers import normalizers

from attnprobe.cli import main
from tests.fixtures.checkpoints import byte_level, gpt2, save
from tests.fixtures.commands import planted_rows, write_splits


def without_a_word():
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("vanishing", "")
    return tokenizer


def test_a_run_goes_on_without_documents_of_which_the_tokenizer_makes_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    rows, vanishing = planted_rows(30, 1), [("pos", "vanishing")]
    write_splits(
        tmp_path / "texts", train=[*rows, *vanishing * 3], dev=rows[:8], test=[*rows[:5], *vanishing, *rows[5:9]]
    )
    model = save(tmp_path / "tiny", gpt2, without_a_word)
    run = tmp_path / "runs" / "texts" / "hf-tiny" / "seed-0"
    assert main(["train", "--dataset", "texts", "--model", f"hf:{model}", "--epochs", "1"]) == 0
    said = " ".join(capfd.readouterr().out.split())
    assert "3 of 33 train documents are left out: the model's tokenizer makes nothing of them." in said
    assert "dev documents are left out" not in said
    assert main(["probe", str(run), "--workers", "1"]) == 3
    assert "document 5: The tokenizer makes nothing of it; left out" in capfd.readouterr().out
    assert sorted(pd.read_parquet(run / "documents.parquet")["document"]) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    quarantined = json.loads((run / "summary.json").read_text())["quarantined"]
    assert quarantined["documents"] == 1
    assert quarantined["first"] == [[5, "The tokenizer makes nothing of it"]]

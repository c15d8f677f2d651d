"""Hostile Hugging Face folders, and how they are read."""

import functools
import json
import shutil
import tempfile
from pathlib import Path

from attnprobe.models.huggingface.checkpoint_content import content_hash
from attnprobe.models.huggingface.finetuned import STAMP, load_finetuned
from attnprobe.models.huggingface.loading import load_checkpoint
from tests.fixtures.checkpoints import wordpiece
from tests.fuzzing.mutation import hostile_json, mutated_bytes
from tests.fuzzing.run_files import hostile_safetensors

_temporary = tempfile.TemporaryDirectory(prefix="fuzzing-")


@functools.cache
def valid_folder():
    """A classifier of a few hundred weights, with its tokenizer."""
    from transformers import BertConfig, BertForSequenceClassification

    folder = Path(_temporary.name)
    tokenizer = wordpiece()
    sizes = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 4}
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=16, **sizes)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / STAMP).write_text(json.dumps({"fingerprint": "f", "content": content_hash(folder)}))
    return folder


def copy_of_valid(folder):
    """A valid checkpoint in a folder."""
    return Path(shutil.copytree(valid_folder(), folder / "model"))


def make(random, folder):
    """A copy of a checkpoint of which a file is hostile, or missing, or beside which there are others."""
    model = copy_of_valid(folder)
    path = random.choice(sorted(model.iterdir()))
    match random.randrange(8):
        case 0:
            path.unlink()
        case 1:
            config = json.loads((model / "config.json").read_text())
            own = random.choice(("own.Model", "../own.Model", "org/repo--own.Model", ["own.Model"], 1))
            config["auto_map"] = dict.fromkeys(("AutoConfig", "AutoModel", "AutoModelForSequenceClassification"), own)
            config |= random.choice(({}, {"model_type": "own"}, {"trust_remote_code": True}))
            (model / "config.json").write_text(json.dumps(config))
            (model / "own.py").write_text("import os; os.system('false')")
        case _ if path.suffix == ".json":
            path.write_bytes(hostile_json(random, json.loads(path.read_text())))
        case _ if path.suffix == ".safetensors":
            path.write_bytes(hostile_safetensors(random, path.read_bytes()))
        case _:
            path.write_bytes(mutated_bytes(random, path.read_bytes()))
    return model


def read(folder):
    """As every command loads a checkpoint."""
    checkpoint = load_checkpoint(str(folder))
    assert not checkpoint.model.training
    assert checkpoint.tokenizer.pad_token_id is not None


def make_stamp(random, folder):
    """A fine-tuned model whose stamp is hostile."""
    (folder / STAMP).write_bytes(hostile_json(random, {"fingerprint": "f", "content": "c"}))
    return folder


def read_stamp(folder):
    load_finetuned(folder, "another")
    raise AssertionError("a stamp of another run was accepted")

"""Tiny checkpoints with tokenizers of a few words, made on the spot."""

import functools
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

TEXTS = [
    "word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 word10 word11 plantedpos plantedneg .",
    "the café was naïve , 漢字 and unbelievably overpriced — we loved it !",
    "pieces of words cross nothing but words",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@functools.cache  # training gives another one each time
def _trained_wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        TEXTS, trainers.WordPieceTrainer(vocab_size=90, special_tokens=SPECIAL, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer.to_str()


def wordpiece():
    """Lower-cased pieces between [CLS] and [SEP], as BERT's."""
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(_trained_wordpiece()), **names)


@functools.cache
def _trained_byte_level(trim_offsets):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    return tokenizer.to_str()


def byte_level(trim_offsets=False):
    """Byte pairs without special tokens around a text and without padding, as GPT-2's."""
    tokenizer = Tokenizer.from_str(_trained_byte_level(trim_offsets))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")


@functools.cache
def _trained_unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=80, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer.to_str()


def unigram():
    """Pieces with a mark for the space before them and an end of text behind them, as T5's."""
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(_trained_unigram()), **names)


TOKENIZERS = {"wordpiece": wordpiece, "byte_level": byte_level, "unigram": unigram}

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}


def bert(classifier=False, max_positions=40, **settings):
    config = BertConfig(vocab_size=100, max_position_embeddings=max_positions, **SIZES, **settings)
    return (BertForSequenceClassification if classifier else BertModel)(config)


def roberta(padding=0):
    sizes = SIZES | {"max_position_embeddings": 40 + padding + 1}
    return RobertaForMaskedLM(RobertaConfig(vocab_size=100, pad_token_id=padding, **sizes))


def gpt2():
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 40}
    return GPT2LMHeadModel(GPT2Config(vocab_size=300, bos_token_id=0, eos_token_id=0, **sizes))


def t5():
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2}
    return T5ForConditionalGeneration(T5Config(vocab_size=100, decoder_start_token_id=0, **sizes))


MODELS = {
    "bert": (bert, wordpiece),
    "roberta": (roberta, wordpiece),
    "gpt2": (gpt2, byte_level),
    "t5": (t5, unigram),
}


def save(folder: Path, model, tokenizer=None, seed=0):
    """Write a checkpoint; ``model`` is a function that makes one from torch's own random numbers."""
    torch.manual_seed(seed)
    model().save_pretrained(folder)
    if tokenizer is not None:
        tokenizer().save_pretrained(folder)
    return folder


def exchange_two_tensors(folder: Path):
    """Let the index of a checkpoint in several files say of two tensors that each is where the other is."""
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    places = content["weight_map"]
    one, other = next((a, b) for a in places for b in places if places[a] != places[b])
    places[one], places[other] = places[other], places[one]
    index.write_text(json.dumps(content))

"""Tiny random transformers, and padded batches for them, small enough to be recomputed by hand.

Eight families. Each model has 4 heads and 3 layers (T5: 2 of the encoder and 2 of the decoder), and weights so large
that attention is far from uniform. The library of the pretrained families is imported only when one of them is made;
where it is missing, the test that asks is skipped.
"""

import warnings
from typing import Any

import pytest
import torch
from torch import nn

HEADS, LAYERS, LABELS, VOCABULARY = 4, 3, 3, 100
FIRST_CONTENT, EOS = 5, 1

TASKS = {
    "bert": ("classification",),
    "roberta": ("classification",),
    "distilbert": ("classification",),
    "deberta-v2": ("classification",),
    "gpt2": ("classification", "language-modelling"),
    "llama": ("classification", "language-modelling"),
    "t5": ("classification", "language-modelling"),
    "torch": ("classification", "mean-classification"),
}
"""The tasks of each family; "torch" is ``nn.TransformerEncoder`` in a model of our own."""

FAMILIES = tuple(TASKS)
CAUSAL = ("gpt2", "llama")

# Smaller than elsewhere: the scores of T5 are not divided by √d, those of DeBERTa-v2 sum three products, and the gated
# layers of Llama magnify what float32 rounds.
_SCALE = {"t5": 0.2, "deberta-v2": 0.18, "llama": 0.2}
_MODELS = {
    ("bert", "classification"): "BertForSequenceClassification",
    ("roberta", "classification"): "RobertaForSequenceClassification",
    ("distilbert", "classification"): "DistilBertForSequenceClassification",
    ("deberta-v2", "classification"): "DebertaV2ForSequenceClassification",
    ("gpt2", "classification"): "GPT2ForSequenceClassification",
    ("gpt2", "language-modelling"): "GPT2LMHeadModel",
    ("llama", "classification"): "LlamaForSequenceClassification",
    ("llama", "language-modelling"): "LlamaForCausalLM",
    ("t5", "classification"): "T5ForSequenceClassification",
    ("t5", "language-modelling"): "T5ForConditionalGeneration",
}

_ENDS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 2}
_WIDE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
_SETTINGS: dict[str, dict[str, Any]] = {
    "bert": {**_WIDE, "pad_token_id": 0},
    "roberta": {**_WIDE, "pad_token_id": 1, "type_vocab_size": 1},
    "distilbert": {"dim": 32, "hidden_dim": 64, "n_layers": LAYERS, "n_heads": HEADS, "pad_token_id": 0},
    "deberta-v2": {
        **_WIDE,
        "hidden_size": 48,  # √(3 · 12) = 6: the model rounds this root to float32, also in float64
        "relative_attention": True,
        "position_buckets": 6,
        "max_relative_positions": 16,
        "pos_att_type": ["p2c", "c2p"],
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "type_vocab_size": 0,
        "pad_token_id": 0,
    },
    "gpt2": {"n_embd": 32, "n_inner": 64, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 64, **_ENDS},
    "llama": {**_WIDE, "num_key_value_heads": 2, "pad_token_id": 0},
    "t5": {
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_decoder_layers": 2,
        "num_heads": HEADS,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 20,
        "pad_token_id": 0,
        "eos_token_id": EOS,
        "decoder_start_token_id": 0,
    },
}


class EncoderClassifier(nn.Module):
    """``nn.TransformerEncoder`` between embeddings and a linear head.

    The head reads the first token (normalisation after each sub-layer, ReLU), or with ``mean`` the mean of the real
    tokens (normalisation before each sub-layer and at the end, GELU).
    """

    def __init__(self, mean: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.words = nn.Embedding(VOCABULARY, 32)
        self.positions = nn.Embedding(64, 32)
        layer = nn.TransformerEncoderLayer(
            32, HEADS, 64, batch_first=True, norm_first=mean, activation="gelu" if mean else "relu"
        )
        final = nn.LayerNorm(32) if mean else None
        self.encoder = nn.TransformerEncoder(layer, LAYERS, norm=final, enable_nested_tensor=not mean)
        self.head = nn.Linear(32, LABELS)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits (B, labels) of tokens (B, L)."""
        embedded = self.words(input_ids) + self.positions.weight[: input_ids.shape[1]]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The PyTorch API of nested tensors")
            encoded = self.encoder(embedded, src_key_padding_mask=attention_mask == 0)
        if not self.mean:
            return self.head(encoded[:, 0])
        real = attention_mask[:, :, None].to(encoded.dtype)
        return self.head((encoded * real).sum(1) / real.sum(1))


def tiny_model(
    family: str,
    seed: int = 0,
    task: str = "classification",
    *,
    dtype: torch.dtype = torch.float32,
    implementation: str = "eager",
) -> nn.Module:
    """A tiny random model in evaluation mode.

    Args:
        family: one of ``FAMILIES``.
        seed: of the weights.
        task: one of ``TASKS[family]``. "classification" has 3 labels; "language-modelling" logits over the vocabulary
            at every position of the decoder.
        dtype: float32 or float64. In float64 nothing is rounded to float32 on the way.
        implementation: "eager" or "sdpa"; only the pretrained families but DeBERTa-v2 have both.

    Raises:
        ValueError: an eager Llama in float64. Its softmax is taken in float32, where the smallest float64, with which
            the library masks, is −∞; so the rows of left padding are NaN, and spread.
    """
    if (family, dtype, implementation) == ("llama", torch.float64, "eager"):
        raise ValueError("Llama computes in float64 with implementation='sdpa' only")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if family == "torch":
            model = EncoderClassifier(mean=task == "mean-classification")
        else:
            model = _pretrained_family(family, task, implementation)
        _randomise(model, _SCALE.get(family, 0.25), 1.0 if family == "t5" else 0.25)
    model.eval()
    _balance_labels(model, tiny_inputs(family, [6] * 40, seed=seed, task=task))
    model.to(dtype)
    if dtype == torch.float64:
        _normalise_in_float64(model)
    return model


@torch.no_grad()
def _randomise(model, scale, embedding_scale):
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape)
        if parameter.dim() > 1:
            parameter.copy_(noise * (embedding_scale if id(parameter) in embeddings else scale))
        else:  # biases and the scales of normalisation, so that none is zero or one
            parameter.add_(noise * 0.2)


@torch.no_grad()
def _balance_labels(model, inputs):
    """Make the mean logits zero, so that no label wins on every document; ``inputs`` have no padding."""
    read = []
    heads = [module for module in model.modules() if isinstance(module, nn.Linear) and module.out_features == LABELS]
    for head in heads:
        hook = head.register_forward_pre_hook(lambda _, states: read.append(states[0]))
        model(**inputs)
        hook.remove()
        mean = (read[0] if read[0].dim() == 2 else read[0][:, -1]).mean(0)
        if head.bias is None:
            head.weight -= torch.outer(head.weight @ mean, mean) / mean.square().sum()
        else:
            head.bias.copy_(-head.weight @ mean)


def _pretrained_family(family, task, implementation):
    library = pytest.importorskip("transformers")
    architecture = getattr(library, _MODELS[family, task])
    config = architecture.config_class(vocab_size=VOCABULARY, num_labels=LABELS, **_SETTINGS[family])
    # Built directly, so that no implementation is accepted in silence by a family that lacks it.
    config._attn_implementation = "eager" if family == "deberta-v2" else implementation
    return architecture(config)


def _normalise_in_float64(model):
    """T5 and Llama take the root mean square in float32 whatever the dtype: noise that drowns finite differences."""
    for parent in list(model.modules()):
        for name, norm in list(parent.named_children()):
            if type(norm).__name__ in ("T5LayerNorm", "LlamaRMSNorm"):
                exact = nn.RMSNorm(norm.weight.shape, eps=norm.variance_epsilon, dtype=torch.float64)
                exact.weight = norm.weight
                setattr(parent, name, exact)


def tiny_inputs(
    family: str, lengths: list[int], padding_side: str = "right", seed: int = 0, task: str = "classification"
) -> dict[str, torch.Tensor]:
    """A padded batch of random tokens, one document of each length.

    Args:
        family: one of ``FAMILIES``.
        lengths: tokens of each document, at least 2.
        padding_side: "right" or "left"; with "left" GPT-2 and Llama are also given the positions of the real tokens.
        seed: of the tokens; a document's tokens depend on the seed and its place in the batch, not on the others.
        task: matters for T5 only. Its decoder reads 1 + length // 2 tokens of its own, or for classification the
            document shifted by one, as the model itself would have it.

    Returns:
        ``input_ids`` and ``attention_mask`` (B, longest), int64, and what else the family needs.

    Raises:
        ValueError: left padding for DeBERTa-v2, whose padding sees nothing and whose head reads the first position.
    """
    if family == "deberta-v2" and padding_side == "left":
        raise ValueError("DeBERTa-v2 reads the first position, which must not be padding")
    padding = 1 if family == "roberta" else 0
    documents = [_random_tokens(length, seed, row) for row, length in enumerate(lengths)]
    if family == "t5":
        for document in documents:
            document[-1] = EOS
    input_ids, attention_mask = _padded(documents, padding, padding_side)
    inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
    if family in CAUSAL and padding_side == "left":
        inputs["position_ids"] = (attention_mask.cumsum(-1) - 1).clamp(min=0)
    if family == "t5":
        start = torch.tensor([padding])
        if task == "classification":
            shifted = [torch.cat([start, document[:-1]]) for document in documents]
        else:
            shifted = [torch.cat([start, _random_tokens(n // 2, seed + 1, row)]) for row, n in enumerate(lengths)]
        inputs["decoder_input_ids"], inputs["decoder_attention_mask"] = _padded(shifted, padding, padding_side)
    return inputs


def _random_tokens(length, seed, row):
    generator = torch.Generator().manual_seed(1000 * seed + row)
    return torch.randint(FIRST_CONTENT, VOCABULARY, (length,), generator=generator)


def _padded(documents, padding, padding_side):
    longest = max(len(document) for document in documents)
    tokens = torch.full((len(documents), longest), padding)
    real = torch.zeros_like(tokens)
    for row, document in enumerate(documents):
        start = longest - len(document) if padding_side == "left" else 0
        tokens[row, start : start + len(document)] = document
        real[row, start : start + len(document)] = 1
    return tokens, real

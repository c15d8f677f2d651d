"""Every model of transformers with a task of texts, pictures or sounds, as small as it can be built.

Sizes are those that configurations have in common.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import torch
import transformers
from torch import nn
from transformers import CONFIG_MAPPING, PretrainedConfig
from transformers.models.auto import modeling_auto

from attnprobe.attention.calls import observing
from attnprobe.attention.sites import recognise
from attnprobe.attention.token_axes import TokenAxes
from experiments.model_sweep.examples import examples, of_other_modality

TASKS = {
    "causal LM": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    "classification": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    "masked LM": modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    "seq2seq LM": modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    "images": modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    "zero-shot images": modeling_auto.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    "video": modeling_auto.MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES,
    "audio": modeling_auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES,
    "speech to text": modeling_auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
    "questions on images": modeling_auto.MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES,
    "images to text": modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
}
"""Classes by model type, of each task."""

HIDDEN, HEADS, HEAD, VOCABULARY = 32, 4, 8, 99

_NAMES: list[tuple[float | None, str]] = [
    (
        HIDDEN,
        """hidden_size d_model n_embd emb_dim dim embedding_size embedding_dim word_embed_proj_dim d_embed rank
        input_embedding_size output_embedding_size true_hidden_size backbone_hidden_size d_latents lru_width
        pronunciation_embed_dim shape_embed_dim prediction_head_size projection_dim embedding_rank
        entity_emb_size hidden_size_global""",
    ),
    (
        2 * HIDDEN,
        """max_position_embeddings n_positions n_ctx max_seq_len context_length max_source_positions
        max_target_positions intermediate_size ffn_dim encoder_ffn_dim decoder_ffn_dim d_ff d_inner dim_ff n_inner dff
        feed_forward_size ffn_hidden_size hidden_dim prefix_dense_intermediate_size max_2d_position_embeddings
        mlp_hidden_size expert_ffn_hidden_size dense_intermediate_size prompt_mid_dim mamba_d_ssm""",
    ),
    (
        HEADS,
        """num_attention_heads n_head n_heads num_heads attention_heads encoder_attention_heads
        decoder_attention_heads num_encoder_attention_heads num_decoder_attention_heads num_self_attention_heads
        num_cross_attention_heads swa_num_attention_heads mamba_n_heads mamba_num_heads n_mamba_heads
        linear_num_value_heads linear_num_heads speech_encoder_attention_heads t2u_encoder_attention_heads
        t2u_decoder_attention_heads num_experts n_routed_experts num_local_experts moe_num_experts""",
    ),
    (
        HEAD,
        """head_dim d_kv d_head dim_head v_head_dim qk_head_dim swa_head_dim swa_v_head_dim attention_head_size
        kv_lora_rank q_lora_rank linear_key_head_dim linear_value_head_dim index_head_dim global_head_dim d_rel
        qk_lora_rank o_lora_rank linear_head_dim mamba_d_state ssm_state_size state_size mamba_chunk_size chunk_size""",
    ),
    (
        16,
        """moe_intermediate_size shared_expert_intermediate_size moe_shared_expert_intermediate_size
        shared_intermediate_size mamba_d_head mamba_head_dim""",
    ),
    (
        6,
        """sliding_window attention_window attention_window_size local_attention window_size sliding_window_size
        local_attention_window_len""",
    ),
    (
        2,
        """num_key_value_heads num_kv_heads n_kv_heads kv_n_heads multi_query_group_num swa_num_key_value_heads
        num_experts_per_tok num_experts_per_token moe_topk moe_k top_k_experts num_selected_experts moe_top_k
        linear_num_key_heads num_global_key_value_heads index_n_heads attn_layer_period eos_token_id""",
    ),
    (HEAD // 2, "qk_rope_head_dim qk_nope_head_dim rotary_dim"),
    (
        1,
        """n_group topk_group n_shared_experts num_shared_experts moe_num_shared_experts num_hash_layers bos_token_id
        first_k_dense_replace attn_layer_offset mamba_n_groups decoder_start_token_id max_window_layers""",
    ),
    (0, "pad_token_id num_nextn_predict_layers num_kv_shared_layers"),
    (0.2, "initializer_range init_std embed_init_std"),
    (
        VOCABULARY,
        """vocab_size vocab_size_per_layer_input entity_vocab_size src_vocab_size tgt_vocab_size
        encoder_hash_byte_group_vocab""",
    ),
    (None, "quantization_config rope_scaling forced_bos_token_id forced_eos_token_id"),
]
"""Sizes, and the names that configurations have for them."""

_SIZES: dict[str, Any] = {name: value for value, names in _NAMES for name in names.split()}

_LAYERS = """num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_encoder_layers
    num_decoder_layers num_blocks t2u_encoder_layers t2u_decoder_layers speech_encoder_layers depth"""

_DEPTHS = (2, 4, 8)
"""Some hybrids have their first attention in layer 4 or 8."""

_MULTI_HEAD = {"num_key_value_heads": HEADS, "swa_num_key_value_heads": HEADS, "kv_n_heads": HEADS}

_VARIANTS: list[dict[str, Any]] = [{}, _MULTI_HEAD, _MULTI_HEAD | {"head_dim": None}]
"""Tried one after the other: not all models share keys among heads, or have a head size of their own."""

_OF_PICTURES_AND_SOUNDS: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "num_channels": 3,
    "num_frames": 4,
    "frames_per_clip": 4,
    "tubelet_size": [2, 8, 8],
    "crop_size": 32,
    "num_mel_bins": 16,
    "max_length": 40,
    "frequency_stride": 8,
    "time_stride": 8,
    "conv_dim": [HIDDEN, HIDDEN],
    "conv_kernel": [10, 3],
    "conv_stride": [5, 2],
    "conv_bias": False,
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 16,
    "max_source_positions": 20,
    "use_mean_pooling": False,
    "width_coefficient": 0.2,
    "depth_coefficient": 0.2,
}
"""Sizes of the same kind, for tasks of pictures and sounds alone."""

_WINDOWED = {"embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4, "patch_size": 2}
_LESS: dict[str, dict[str, Any]] = {
    "swin": _WINDOWED,
    "swinv2": _WINDOWED,
    "donut-swin": _WINDOWED,
    "dinat": {
        "embed_dim": 16,
        "depths": [1, 1],
        "num_heads": [2, 4],
        "patch_size": 4,
        "kernel_size": 3,
        "dilations": None,
    },
    "videomae": {"tubelet_size": 2},
    "vjepa2": {"tubelet_size": 2},
    "sew": {"conv_dim": [16, 32], "squeeze_factor": 2},
    "sew-d": {"conv_dim": [16, 32], "squeeze_factor": 2},
    "siglip2": {"num_patches": 16},
    "wavlm": {"num_buckets": 20},
    "wav2vec2-bert": {"feature_projection_input_dim": 16},
}
"""What a type needs beside it."""

_ROTATION = {"rope_type": "default", "rope_theta": 1e4}

_OWN: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1]},
    "cohere_compass_text": {"rope_parameters": {"full_attention": _ROTATION | {"mrope_section": [2, 1, 1]}}},
    "dbrx": {"attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 1e4}},
    "deepseek_v4": {
        "layer_types": ["compressed_sparse_attention", "heavily_compressed_attention"],
        "compress_rates": {"compressed_sparse_attention": 2, "heavily_compressed_attention": 4},
    },
    "emu3": {"pad_token_id": 0},
    "gemma4_text": {"hidden_size_per_layer_input": 0},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"]},
    "kimi_linear": {"layer_types": ["linear_attention", "full_attention"]},
    "layoutlmv3": {"coordinate_size": 6, "shape_size": 4},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "lilt": {"hidden_size": 48},
    "longcat_flash": {"head_dim": HEAD // 2, "num_key_value_heads": HEADS},
    "mamba2": {"num_heads": 8, "n_groups": 1},
    "mobilebert": {"initializer_range": 0.05},
    "nemotron_h": {"layers_block_type": ["mamba", "attention"], "n_groups": 1},
    "neomme": {"hidden_size": 64, "head_dim": 16},
    "qwen4_exp_text": {
        "layer_types": ["linear_attention", "full_attention"],
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": HEAD,
        "indexer_budget": 8,
        "indexer_compress_ratio": 2,
    },
    "reformer": {"axial_pos_embds": False, "attn_layers": ["local", "lsh"]},
    "xmod": {"default_language": "en_XX"},
    "zamba": {"layers_block_type": ["linear_attention", "hybrid"]},
    "zamba2": {"layers_block_type": ["linear_attention", "hybrid"]},
    "zaya": {"num_experts_per_tok": 1},
}
"""What a type needs beside or in the place of it, at two layers."""


class NotBuiltError(Exception):
    """No configuration that was tried gives a model that runs on tokens; the message is the reason, in one line."""


def class_name(kind: str, task: str) -> str:
    """The class of a model type for a task, the first where there are several."""
    name: str | tuple[str, ...] = TASKS[task][kind]
    return name if isinstance(name, str) else name[0]


def model_types() -> list[str]:
    """All that have a class for one of the tasks."""
    return sorted(set().union(*TASKS.values()))


def build(kind: str, task: str) -> nn.Module:
    """The first model that runs on random tokens, the first with a softmax if there is one; of random weights.

    The weights are drawn wide enough that no attention is uniform.

    Args:
        kind: the model type.
        task: of ``TASKS``.

    Raises:
        NotBuiltError: there is none.
    """
    reasons: list[str] = []
    without: nn.Module | None = None
    depths = _DEPTHS[:1] if of_other_modality(task) else _DEPTHS
    for depth, variant in itertools.product(depths, _variants(kind, task)):
        try:
            model = _model(kind, task, depth, variant)
            attends = _attends(model, task)
        except Exception as error:  # a model's own code raises whatever it likes
            reasons.append(_in_one_line(error))
            continue
        if attends or of_other_modality(task):
            return model
        without = without or model
    if without is None:
        raise NotBuiltError(reasons[-1 if of_other_modality(task) else 0])
    return without


def _variants(kind: str, task: str) -> list[dict[str, Any]]:
    if not of_other_modality(task):
        return _VARIANTS
    sizes = _OF_PICTURES_AND_SOUNDS | _LESS.get(kind, {})
    large = sizes | {"image_size": 64, "patch_size": 16, "crop_size": 64}
    return [sizes | variant for variant in _VARIANTS[:2]] + [large, {"image_size": 64}, {_OWN_SIZES: True}]


_OWN_SIZES = ""
"""Said of a variant that leaves a configuration as it is."""


def _model(kind: str, task: str, depth: int, variant: dict[str, Any]) -> nn.Module:
    settings = {} if _OWN_SIZES in variant else _settings(CONFIG_MAPPING[kind], depth, variant)
    if task == "causal LM" and "is_decoder" in _fields(CONFIG_MAPPING[kind]):
        settings["is_decoder"] = True
    config = CONFIG_MAPPING[kind](**settings)
    model_class = getattr(transformers, class_name(kind, task))
    torch.manual_seed(0)
    model: nn.Module = model_class(next(_configurations_of(model_class, config), config))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1 and not parameter.any():  # a branch that begins at zero is of no influence
                parameter.normal_(std=_SIZES["initializer_range"])
    return model.eval()


def _attends(model: nn.Module, task: str) -> bool:
    inputs = examples(model, task)
    with torch.no_grad(), observing(model) as observed:
        model(**inputs)
    if of_other_modality(task):
        return bool(observed)
    axes = TokenAxes.of(inputs, model)
    sites = recognise(model, observed, axes.batch, axes.lengths)
    return bool(sites.attention or sites.foreign)


def _settings(config: type[PretrainedConfig], depth: int, variant: dict[str, Any]) -> dict[str, Any]:
    sizes = _SIZES | dict.fromkeys(_LAYERS.split(), depth) | variant
    settings = {name: sizes[name] for name in _fields(config) if name in sizes}
    if config().is_encoder_decoder:
        settings["decoder_start_token_id"] = sizes["decoder_start_token_id"]
    for name, part in _parts(config()):
        settings[name] = _settings(type(part), depth, variant) | {"model_type": part.model_type}
    return settings | (_OWN.get(config.model_type, {}) if depth == _DEPTHS[0] else {})


def _fields(config: type[PretrainedConfig]) -> set[str]:
    return {field.name for field in dataclasses.fields(config)}


def _parts(config: PretrainedConfig) -> Iterator[tuple[str, PretrainedConfig]]:
    """Configurations within a configuration."""
    for name in getattr(config, "sub_configs", {}):
        part = getattr(config, name, None)
        if isinstance(part, PretrainedConfig):
            yield name, part


def _configurations_of(model_class: Any, config: PretrainedConfig) -> Iterator[PretrainedConfig]:  # noqa: ANN401
    """The configuration itself, or the one in it that a model is made from."""
    for candidate in (config, *(part for _, part in _parts(config))):
        if type(candidate) is model_class.config_class:
            yield candidate


def _in_one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines).partition('. ')[0][:200]}"

"""A tokenizer made fit for a model: its tokens are the model's, and it has a padding token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attnprobe.base.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@contextmanager
def fitted(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Iterator[None]:
    """Model and tokenizer with a padding token, inside the context; afterwards both are as before.

    The side to pad on may be settled inside (:func:`attnprobe.models.huggingface.sequences.settle_padding`).

    Raises:
        InputError: the tokenizer is another model's.
    """
    check_tokenizer(type(model).__name__, model, tokenizer)
    config: Any = model.config
    text = config.get_text_config()
    before = tokenizer.padding_side, tokenizer.pad_token, config.pad_token_id, text.pad_token_id
    try:
        give_padding(model, tokenizer)
        yield
    finally:
        tokenizer.padding_side, tokenizer.pad_token, config.pad_token_id, text.pad_token_id = before


def check_tokenizer(reference: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """See that a tokenizer makes no tokens but those that the model knows.

    Raises:
        InputError: it does; ``reference`` is what the model is called.
    """
    try:
        rows = int(model.get_input_embeddings().weight.shape[0])
    except (NotImplementedError, AttributeError):  # hashed embeddings take any number
        return
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= rows:
        raise InputError(
            f"The tokenizer of {reference} is not the model's: it makes tokens up to number {largest}, "
            f"and the model knows {rows}."
        )


def give_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Let model and tokenizer have a padding token; where neither has one, as with GPT-2, it is the end of text.

    The tokenizer takes the model's, and never the other way round, as the model's positions may hang on it; but not
    where that is a piece of text, which would then no longer be one.
    """
    configuration: Any = model.config.get_text_config()
    number = getattr(configuration, "pad_token_id", None)
    if number in tokenizer.all_special_ids:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(number)
    elif tokenizer.pad_token_id is None:
        rivals = (tokenizer.eos_token, tokenizer.bos_token, tokenizer.unk_token)
        tokenizer.pad_token = next((token for token in rivals if token), None) or tokenizer.convert_ids_to_tokens(0)
    if number is None or number < 0:
        model.config.pad_token_id = configuration.pad_token_id = tokenizer.pad_token_id

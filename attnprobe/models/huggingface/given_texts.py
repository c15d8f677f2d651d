"""Texts in whatever form programs have them, as the texts that a tokenizer reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attnprobe.base.errors import InputError
from attnprobe.base.visible import holds_half_a_character
from attnprobe.data.content_hashes import document_hashes
from attnprobe.data.documents import Documents
from attnprobe.data.files.places import listed
from attnprobe.data.tokens.tokeniser import tokenise_texts
from attnprobe.models.huggingface.written_texts import Chat, TextPair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ROLE, _CONTENT = "role", "content"
"""What a message of a chat has."""


def documents_of_texts(given: Any, tokenizer: PreTrainedTokenizerBase) -> Documents:  # noqa: ANN401
    """Texts as documents, each as the tokenizer is to read it.

    Args:
        given: strings, in anything that can be gone through: lists, arrays, series, columns, generators. A tuple of two
            strings, or a table of ``text`` and ``text_pair``, is a pair, which the tokenizer joins; a list of messages
            (tables of ``role`` and ``content``) is a chat, which its template writes out.
        tokenizer: which reads them.

    Raises:
        InputError: they are no such texts; the message names the first that is none, and why.
    """
    texts = [_text(value, row, tokenizer) for row, value in enumerate(_listed(given))]
    if not texts:
        raise InputError("There are no texts.")
    for row, text in enumerate(texts):
        if type(text) is not type(texts[0]):
            raise InputError(f"Text {row} is {_NAMES[type(text)]}, but text 0 {_NAMES[type(texts[0])]}.")
    labels = np.zeros(len(texts), dtype=np.int64)
    return Documents(
        **tokenise_texts(texts)._asdict(), labels=labels, content_hashes=document_hashes(texts), texts=texts
    )


_NAMES: Mapping[type, str] = {str: "a text by itself", TextPair: "a pair", Chat: "a chat"}


def _listed(given: Any) -> Sequence[Any]:  # noqa: ANN401
    """The single texts; refuses what would give something else one by one."""
    if isinstance(given, str):
        raise InputError("The texts are one string, but several are needed: [text] is a list of one.")
    columns = list(given) if isinstance(given, Mapping) else getattr(given, "column_names", None)
    if columns is None:
        columns = getattr(given, "columns", None)
    if columns is not None and not callable(columns):
        what = type(given).__name__
        raise InputError(f"The texts are a {what} of {listed(map(str, columns))}: give one of these, {what}[NAME].")
    if not isinstance(given, Iterable):
        raise InputError(f"The texts are {type(given).__name__}, but strings are needed, such as a list of them.")
    texts = list(given)
    if texts and all(map(_is_message, texts)):
        raise InputError("The texts are the messages of one chat, but several are needed: [messages] is a list of one.")
    return texts


def _text(value: Any, row: int, tokenizer: PreTrainedTokenizerBase) -> str:  # noqa: ANN401
    value = value.as_py() if hasattr(value, "as_py") else value  # of pyarrow
    if isinstance(value, Mapping) and set(value) == {"text", "text_pair"}:
        value = (value["text"], value["text_pair"])
    if isinstance(value, tuple) and len(value) == 2:
        parts = [_checked(part, f"Text {row}, part {number},") for number, part in enumerate(value)]
        return TextPair.of(*parts)
    if isinstance(value, list | tuple | np.ndarray) and len(value) and all(map(_is_message, value)):
        return _written_out(list(value), row, tokenizer)
    return _checked(value, f"Text {row}")


def _is_message(value: object) -> bool:
    return isinstance(value, Mapping) and {_ROLE, _CONTENT} <= set(value)


def _checked(text: object, which: str) -> str:
    """The text as a string of Python's own."""
    missing = text is None or type(text).__name__ in ("NAType", "NaTType") or (isinstance(text, float) and text != text)
    if missing:
        raise InputError(f"{which} is missing: it is {text}.")
    if not isinstance(text, str):
        raise InputError(f"{which} is no string, but {type(text).__name__}{_hint(text)}.")
    if not text.strip():
        raise InputError(f"{which} is blank.")
    if holds_half_a_character(text):
        raise InputError(f"{which} holds half of a surrogate pair, which is no character.")
    return str(text)


def _hint(value: object) -> str:
    first = value[0] if isinstance(value, list | tuple | np.ndarray) and len(value) else None
    if isinstance(first, str):
        return ": a pair is a tuple of two, and words are joined into one string"
    if isinstance(first, int | np.integer):
        return ": encodings are batches, probe(model, [tokenizer(texts, padding=True)])"
    if isinstance(value, Mapping):
        return f" of {listed(map(str, value))}: give the text of each"
    return ""


def _written_out(messages: list[Any], row: int, tokenizer: PreTrainedTokenizerBase) -> Chat:
    """A chat as the tokenizer's template has it, up to where the model is to answer, unless it has."""
    for number, message in enumerate(messages):
        if not isinstance(message[_CONTENT], str):
            found = type(message[_CONTENT]).__name__
            raise InputError(f"Text {row}, message {number}: its content is no string, but {found}.")
    if getattr(tokenizer, "chat_template", None) is None:
        raise InputError(f"Text {row} is a chat, and {type(tokenizer).__name__} has no chat_template to write it with.")
    answered = messages[-1][_ROLE] == "assistant"
    ending = {"continue_final_message": True} if answered else {"add_generation_prompt": True}
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, **ending)
    except Exception as error:  # templates raise what they like
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise InputError(f"Text {row} cannot be written by the tokenizer's chat_template: {line}.") from None
    return Chat(_checked(text, f"Text {row}"))

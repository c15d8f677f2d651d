"""Which tokens a named position is, with sub-words, spaces, special tokens and padding on either side."""

import pytest
import torch

import attnprobe
from attnprobe.base.errors import InputError
from tests.fixtures.checkpoints import byte_level, unigram, wordpiece

PROMPTS = [
    {"prompt": "the café was naïve and unbelievably overpriced", "subject": "unbelievably", "at": [4, 8]},
    {"prompt": "loved it, loved words", "subject": "words", "at": [0, 5]},
]


def texts_at(tokenizer, name, side="right"):
    """What the marked tokens stand for, without spaces around; a text a prompt."""
    tokenizer.padding_side = side
    marks = attnprobe.token_positions(tokenizer, PROMPTS, name)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    texts = [row["prompt"] for row in PROMPTS]
    encoding = tokenizer(texts, padding=True, return_offsets_mapping=True)
    assert marks.shape == (len(texts), len(encoding["input_ids"][0]))
    found = []
    for text, offsets, row in zip(texts, encoding["offset_mapping"], marks.tolist(), strict=True):
        chosen = [offset for offset, marked in zip(offsets, row, strict=True) if marked]
        found.append((str(text)[chosen[0][0] : chosen[-1][1]].strip(), len(chosen)))
    return found


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("make", [wordpiece, byte_level, unigram])
def test_a_name_is_all_tokens_that_have_a_character_of_it_and_no_others(make, side):
    tokenizer = make()
    for name, expected in (("subject", ["unbelievably", "words"]), ("at", ["café", "loved"])):
        for (text, count), wanted in zip(texts_at(tokenizer, name, side), expected, strict=True):
            # A piece may reach over a word's end; none may lie beside it.
            assert wanted in text or text in wanted
            assert len(text) <= len(wanted) + 2
            assert count >= 1


def test_first_and_last_tokens_are_those_that_the_model_reads():
    tokenizer = wordpiece()
    for side in ("right", "left"):
        tokenizer.padding_side = side
        mask = torch.tensor(tokenizer([row["prompt"] for row in PROMPTS], padding=True)["attention_mask"]).bool()
        everything = attnprobe.token_positions(tokenizer, PROMPTS, "all")
        assert torch.equal(everything, mask)
        number = mask.cumsum(-1)
        assert torch.equal(attnprobe.token_positions(tokenizer, PROMPTS, "first"), mask & (number == 1))
        last = mask & (number == number[:, -1:])
        assert torch.equal(attnprobe.token_positions(tokenizer, PROMPTS, "last"), last)


def test_the_tokenizer_is_left_as_it_was_and_what_is_nowhere_is_refused():
    tokenizer = byte_level()
    assert tokenizer.pad_token is None
    attnprobe.token_positions(tokenizer, ["loved it"], "first:it")
    assert tokenizer.pad_token is None
    for name, sentence in (("first:dog", "Prompt 0 does not hold"), ("rest", "name the others")):
        with pytest.raises(InputError, match=sentence):
            attnprobe.token_positions(tokenizer, ["loved it"], name)

"""What is meant by erased in a call from Python: one way, or several, and of which documents stand-ins are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from attnprobe.base.errors import InputError
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_ways import ERASING, RENORMALISE


class WaysOfACall(NamedTuple):
    """What is meant by erased in a call: first, beside it, and of which documents stand-ins are made."""

    first: Meaning
    others: list[Meaning]
    reference: Any

    @classmethod
    def of(cls, erase_by: object, decided: Meaning, reference: Any) -> WaysOfACall:  # noqa: ANN401
        """Of a call's arguments.

        Args:
            erase_by: a name, or several.
            decided: what is meant by decided.
            reference: documents, in whatever form.

        Raises:
            InputError: there is no such way or decision, or one is named twice, or none is, or several vectors stand in
                by the first; or one needs reference documents, and there are none, or none needs those that are given.
            TypeError: an argument is of another kind altogether.
        """
        names = [erase_by] if isinstance(erase_by, str) else erase_by
        if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"erase_by is {type(erase_by).__name__}, but a name is needed, or several.")
        if not names:
            raise InputError(f"erase_by names no way of erasing: name one, as {RENORMALISE}, or several.")
        if len(set(names)) != len(names):
            raise InputError("erase_by names a way of erasing twice.")
        first, *others = (dataclasses.replace(decided, erase_by=name) for name in names)
        for meaning in (first, *others):
            meaning.check()
        if first.draws > 1:
            raise InputError(
                f"erase_by {first.erase_by}: several vectors are drawn for it, so that it is only measured beside "
                f"another that is first, as in erase_by=['{RENORMALISE}', '{first.erase_by}']."
            )
        ways = cls(first, others, reference if isinstance(reference, (str, Mapping)) else list(reference))
        if ways.need_training and not ways.reference:
            name = next(meaning.erase_by for meaning in (first, *others) if meaning.needs_training)
            raise InputError(
                f"{ERASING.told(name).capitalize()} puts what attention gives of training documents in the place of "
                "what is erased: give some of these as reference, texts with a tokenizer, else batches."
            )
        if ways.reference and not ways.need_training:
            named = " or ".join(ERASING.told(name) for name in names)
            raise InputError(
                f"reference is given, but {named} puts nothing of training documents in the place of what is erased: "
                "leave it out, or name a way that does, as corpus_mean."
            )
        return ways

    def about(self, number: int | None) -> WaysOfACall:
        """The same of a decision about the class of this number, where it is about one."""
        if number is None:
            return self
        first, *others = (
            dataclasses.replace(each, options=each.options._replace(number=number))
            for each in (self.first, *self.others)
        )
        return self._replace(first=first, others=others)

    def following(self, numbers: Sequence[int]) -> WaysOfACall:
        """The same with these logits followed beside the decision, in the first way."""
        return self._replace(first=dataclasses.replace(self.first, targets=tuple(numbers)))

    @property
    def need_training(self) -> bool:
        """Whether what stands in by one of them is made of training documents."""
        return any(meaning.needs_training for meaning in (self.first, *self.others))

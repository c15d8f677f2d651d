"""What the numbers of decisions are called: classes of the dataset, of a checkpoint, or what another decision says."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from attnprobe.base.errors import InputError
from attnprobe.erasure.meaning import Meaning
from attnprobe.models import subject as subjects
from attnprobe.models.named_classes import number_of_class
from tests.fixtures.entries import registered, sure_above

LABELS = ["no", "yes"]


def subject(decision="class", *, own=False):
    probe: Any = SimpleNamespace(meaning=Meaning(decision=decision), class_count=3)
    classes = (lambda numbers: [["YES", "No", "maybe"][number] for number in numbers]) if own else None
    return subjects.Tested(probe, "digest", {}, classes)


def test_a_model_that_decides_between_the_labels_has_no_classes_of_its_own():
    assert subject().decides_labels
    assert subject().own_classes(np.array([0, 1]), LABELS) is None


def test_a_checkpoint_s_own_classes_bear_the_labels_names_where_they_can():
    own = subject(own=True).own_classes(np.array([0, 1, 2]), LABELS)
    assert own.names == {"0": "YES", "1": "No", "2": "maybe"}
    assert own.of_labels.tolist() == [1, 0]


def test_a_label_that_is_never_decided_for_is_a_class_all_the_same():
    """A model that says the same of every document is wrong of those with another label."""
    own = subject(own=True).own_classes(np.array([1]), [*LABELS, "perhaps"])
    assert own.of_labels.tolist() == [1, 0, -1]
    assert own.names == {"1": "No", "0": "YES"}


@pytest.mark.parametrize("own", [False, True])
def test_nothing_is_right_or_wrong_of_another_decision(own):
    """Not even where its names are those of classes."""
    seen = []

    def names(classes):
        seen.append(classes)
        return list(LABELS)

    with registered(sure=dataclasses.replace(sure_above(0.5), names=names)):
        other = subject("sure", own=own)
        assert not other.decides_labels
        found = other.own_classes(np.array([1]), LABELS)
        with pytest.raises(
            InputError, match="decision sure is none: it decides 2, and has names of 2 numbers from 0 on"
        ):
            other.own_classes(np.array([1, 2]), LABELS)
    assert found.names == {"1": "yes"}
    assert found.of_labels.tolist() == [-1, -1]
    assert seen[0] == (["YES", "No", "maybe"] if own else LABELS)


def test_a_class_is_named_by_its_number_and_by_no_other():
    assert number_of_class("1", ["a", "b"]) == 1
    for name in ("2", "-1", "9" * 5000):  # Python reads no number of so many digits
        with pytest.raises(InputError, match="no class of this name"):
            number_of_class(name, ["a", "b"])

"""What a call from Python says of ways of erasing that cannot be meant."""

import pytest

from attnprobe.base.errors import InputError
from attnprobe.erasure.meaning import BY_DEFAULT
from attnprobe.erasure.ways_of_a_call import WaysOfACall


def test_no_way_at_all_is_told_as_that():
    with pytest.raises(InputError, match=r"^erase_by names no way of erasing: name one, as renormalise, or several\.$"):
        WaysOfACall.of([], BY_DEFAULT, ())


@pytest.mark.parametrize("ways", ["renormalise", ["zero", "document_mean"]])
def test_reference_documents_that_no_way_needs_are_refused(ways):
    with pytest.raises(InputError, match=r"reference is given, but .* puts nothing of training documents"):
        WaysOfACall.of(ways, BY_DEFAULT, ["a text"])
    assert WaysOfACall.of(["zero", "corpus_mean"], BY_DEFAULT, ["a text"]).reference == ["a text"]

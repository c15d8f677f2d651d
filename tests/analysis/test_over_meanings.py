"""What an answer becomes over all meanings of erasure: planted runs in which it is known."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.analysis.over_meanings import FALLS, OPEN, SURVIVES, Side, over_meanings, reversed_under, stands
from attnprobe.analysis.results import FirstFlips, RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.analysis.verdict import AS_WELL_AS_ANY, NO
from attnprobe.analysis.who_flips_first import shares_of_documents
from attnprobe.reports.over_meanings import meanings_blocks, meanings_in_words, meanings_table
from tests.fixtures.further_ways import write_another_way
from tests.fixtures.planted_claims import attention_looks_elsewhere, write_run

SIDES = st.builds(Side, st.sampled_from([-1, 0, 1]), st.sampled_from([0.0001, 0.02, 0.04, 0.3]))


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path, attention_looks_elsewhere())


@given(SIDES, st.lists(SIDES, min_size=1, max_size=5))
def test_what_becomes_of_a_lead(own, others):
    """By the definition, with Holm's step-down written out: a reversal needs p times the number of those left."""
    found = stands([own, *others])
    decided = own.sign != 0 and own.p < 0.05
    if not decided:
        assert found == OPEN
        return
    ranked = sorted(range(len(others)), key=lambda place: others[place].p)
    rejected = set()
    for rank, place in enumerate(ranked):
        if others[place].p * (len(others) - rank) >= 0.05:
            break
        rejected.add(place)
    turned = [place in rejected and others[place].sign == -own.sign for place in range(len(others))]
    assert reversed_under([own, *others]) == [False, *turned]
    if all(side.sign == own.sign and side.p < 0.05 for side in others):
        assert found == SURVIVES
    else:
        assert found == (FALLS if any(turned) else OPEN)


@given(SIDES, st.lists(SIDES, min_size=2, max_size=4))
def test_the_order_of_further_meanings_does_not_matter(own, others):
    assert len({stands([own, *order]) for order in itertools.permutations(others)}) == 1


def test_a_run_of_one_way_says_nothing_of_it(folder):
    results = RunResults.load(folder)
    assert over_meanings(results) is None
    summary = summarise(results)
    assert summary["over_meanings"] is None
    assert meanings_in_words(summary) == ""
    assert meanings_table(summary) is None
    assert meanings_blocks(summary) == []


def test_what_is_the_same_under_another_meaning_survives(folder):
    write_another_way(folder, "zero", "Zero")
    found = over_meanings(RunResults.load(folder))
    assert found.verdict == SURVIVES
    assert found.same == 2
    one, other = found.ways.values()
    assert one.verdict == other.verdict == NO
    assert one.comparisons == other.comparisons
    assert one.erased == other.erased
    summary = summarise(RunResults.load(folder))
    text = meanings_in_words(summary)
    assert text.startswith("The answer is the same under all 2 meanings of “erased” that were tried.")


def test_orderings_that_exchange_their_flips_are_reversed(folder):
    """Under the second way the product flips where attention did, and the other way round."""
    write_another_way(folder, "zero", "Zero", exchanged=("gradient_attention", "attention"))
    found = over_meanings(RunResults.load(folder))
    own, other = ({one.second: one for one in under.comparisons} for under in found.ways.values())
    assert found.comparisons["gradient_attention"] == FALLS
    assert found.reversed["gradient_attention"] == ["zero"]
    assert own["gradient_attention"].lead.value == -other["gradient_attention"].lead.value < 0
    assert own["gradient_attention"].first_earlier.value == other["gradient_attention"].second_earlier.value
    before, after = found.ways.values()
    assert before.erased["gradient_attention"] == after.erased["attention"]
    assert (before.verdict, after.verdict) == (NO, AS_WELL_AS_ANY)
    assert found.verdict == FALLS
    assert found.same == 1
    text = meanings_in_words(summarise(RunResults.load(folder)))
    assert text.startswith(
        "The answer is the same under 1 of the 2 meanings of “erased” that were tried; under “Zero” it is: as well as "
        "any ordering tried."
    )
    assert "attention before gradient × attention under “Zero”" in text


def test_only_the_order_of_columns_hangs_on_the_order_of_further_meanings(folder, tmp_path):
    other = write_run(tmp_path / "other", attention_looks_elsewhere())
    ways = {"zero": {"exchanged": ("gradient_attention", "attention")}, "corpus_mean": {}}
    for path, names in ((folder, list(ways)), (other, list(ways)[::-1])):
        for name in names:
            write_another_way(path, name, name, **ways[name])
    one, two = (over_meanings(RunResults.load(path)) for path in (folder, other))
    assert dict(one.ways) == dict(two.ways)
    assert one._replace(ways={}) == two._replace(ways={})


def test_draws_with_the_same_stand_in_are_compared():
    """Of two stand-ins the first flips the one ordering after 1 and the other after 2, the second after 5 and 6."""
    flips = [
        FirstFlips(np.array([removed]), np.array([removed]) / 9, np.array([removed]), np.zeros((1, 2), bool), 2)
        for removed in ([1.0, 5.0], [2.0, 6.0])
    ]
    shares = shares_of_documents(*flips)
    assert shares["first_earlier"].tolist() == [1.0]
    apart = [flip._replace(stand_ins=1) for flip in flips]
    assert shares_of_documents(*apart)["first_earlier"].tolist() == [0.75]
    # Draws of a random ordering go round the stand-ins.
    nothing = np.zeros((1, 4))
    random = FirstFlips(np.array([[0.5, 9.0, 3.0, np.nan]]), nothing, nothing, nothing > 0, 2)
    shares = shares_of_documents(flips[0], random)
    assert shares["first_earlier"].tolist() == [0.75]
    assert shares["second_earlier"].tolist() == [0.25]

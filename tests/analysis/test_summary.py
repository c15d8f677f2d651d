import json

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.analysis.verdict import AS_WELL_AS_ANY, IN_PART, NO, NOT_INFORMATIVE, NOTHING_FLIPS, UNDECIDED
from attnprobe.base.errors import InputError
from tests.fixtures.synthetic_runs import ORDERINGS, write_run

SIZES = [10] * 100


def verdict(tmp_path, attention, gradient, random, documents=100, **options):
    product = options.pop("product", attention)
    removed = {"attention": attention, "gradient": gradient, "gradient_attention": product, "oracle": 1}
    removed = {name: [number] * documents for name, number in removed.items()}
    write_run(tmp_path, [10] * documents, removed=removed | {"random": [[random] * 5] * documents}, **options)
    return summarise(RunResults.load(tmp_path))["answer"]


@pytest.mark.parametrize(
    ("attention", "gradient", "random", "options", "expected", "better"),
    [
        (3, 3, 3, {"entropy": 0.951}, NOT_INFORMATIVE, []),
        (3, 3, 3, {"entropy": 0.949}, NO, []),
        (3, 3, 7, {"entropy": 0.951}, AS_WELL_AS_ANY, []),
        (3, 3, 3, {}, NO, []),
        (5, 2, 3, {}, NO, ["gradient"]),
        (-1, -1, -1, {}, NO, []),
        (10, 10, -1, {}, NO, []),
        (5, 2, 7, {}, IN_PART, ["gradient"]),
        (5, 5, 7, {"product": 4}, IN_PART, ["gradient_attention"]),
        (5, 2, -1, {"product": 2}, IN_PART, ["gradient", "gradient_attention"]),
        (3, 4, 7, {"product": -1}, AS_WELL_AS_ANY, []),
    ],
)
@pytest.mark.samples(4)
def test_each_verdict(tmp_path, attention, gradient, random, options, expected, better):
    answer = verdict(tmp_path, attention, gradient, random, **options)
    assert answer["verdict"] == expected
    assert answer["better"] == better


@pytest.mark.parametrize(("earlier", "expected"), [(56, UNDECIDED), (70, AS_WELL_AS_ANY)])
def test_the_interval_decides_not_the_value(tmp_path, earlier, expected):
    attention = np.where(np.arange(100) < earlier, 3, 8)
    removed = {name: attention for name in ("attention", "gradient", "gradient_attention")}
    write_run(tmp_path, SIZES, removed=removed | {"random": [[5] * 5] * 100})
    answer = summarise(RunResults.load(tmp_path))["answer"]
    assert answer["against_random"]["lead"]["value"] > 0
    assert answer["verdict"] == expected


def test_what_is_undecided_says_how_many_documents_would_tell(tmp_path):
    answer = verdict(tmp_path, 3, 3, 7, documents=60)
    assert (answer["verdict"], answer["open"]) == (UNDECIDED, ["gradient", "gradient_attention"])
    assert 73 < answer["documents_to_decide"] < 100
    answer = verdict(tmp_path, 3, 3, 3, documents=60)
    assert (answer["verdict"], answer["open"][0]) == (UNDECIDED, "random")
    assert verdict(tmp_path, 3, 3, 3, documents=100)["documents_to_decide"] is None


@pytest.mark.parametrize(
    ("entropies", "random", "expected"),
    [
        ((0.88, 1.0), 3, UNDECIDED),
        ((0.955, 0.98), 3, NOT_INFORMATIVE),
        ((0.92, 0.948), 3, NO),
        ((0.88, 1.0), 7, AS_WELL_AS_ANY),
    ],
)
def test_nearly_uniform_is_judged_from_the_interval(tmp_path, entropies, random, expected):
    answer = verdict(tmp_path, 3, 3, random, entropy=np.tile(entropies, 50))
    assert answer["verdict"] == expected
    assert answer["nearly_uniform"] == {0.88: None, 0.955: True, 0.92: False}[entropies[0]]
    assert (answer["documents_to_decide"] is None) == (expected != UNDECIDED)


def test_how_many_would_tell_is_of_the_question_that_is_asked(tmp_path):
    """Whether weights are nearly equal is another one than whether their order is earlier than a random one."""
    answers = [
        verdict(tmp_path, 3, 3, 3, documents=60, entropy=np.tile(entropies, 30))
        for entropies in ((0.5, 0.5), (0.8999, 1.0), (0.9, 1.0))
    ]
    assert [one["nearly_uniform"] for one in answers] == [False, None, None]
    assert [(one["verdict"], one["open"][0]) for one in answers] == [(UNDECIDED, "random")] * 3
    assert len({one["documents_to_decide"] for one in answers}) == 1
    assert 60 < answers[0]["documents_to_decide"] < 100


def test_no_earlier_than_a_random_order_needs_enough_documents_where_weights_are_equal_too(tmp_path):
    answer = verdict(tmp_path, 3, 3, 3, documents=60, entropy=0.99)
    assert (answer["verdict"], answer["open"][0]) == (NOT_INFORMATIVE, "random")
    assert verdict(tmp_path, 3, 3, 3, entropy=0.99)["open"] == []


def test_where_nothing_flips_there_is_no_verdict_on_attention(tmp_path):
    for emptied in (-1, 10):
        write_run(tmp_path, SIZES, removed={name: [[emptied] * draws] * 100 for name, draws in ORDERINGS.items()})
        path = tmp_path / "documents.parquet"
        documents = pd.read_parquet(path)
        flips = [name for name in map(str, documents) if name.startswith(("flip_top", "flip_other"))]
        assert summarise(RunResults.load(tmp_path))["answer"]["verdict"] == NO
        documents.assign(**dict.fromkeys(flips, 0.0)).to_parquet(path)
        assert summarise(RunResults.load(tmp_path))["answer"]["verdict"] == NOTHING_FLIPS


def test_the_papers_orderings_are_rivals_and_neither_the_oracle_nor_further_ones_are(tmp_path):
    removed = {"attention": [3] * 100, "gradient": [2] * 100, "oracle": [1] * 100, "random": [9] * 100}
    removed |= {"mine": [1] * 100}
    write_run(tmp_path, SIZES, removed=removed, draws=dict.fromkeys(removed, 1))
    assert summarise(RunResults.load(tmp_path))["answer"]["better"] == ["gradient"]


def test_a_summary_is_json_and_counts(tmp_path):
    documents, _, _ = write_run(tmp_path, [1, 1, 4, 5, 2, 3])
    summary = summarise(RunResults.load(tmp_path))
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["counts"] == {
        "documents": 6,
        "quarantined": 0,
        "sampled": 6,
        "with_one_item": 2,
        "with_several_items": 4,
        "with_items_kept": 4,
        "emptied_known": True,
    }
    right = documents["label"] == documents["decision"]
    assert summary["accuracy_of_all_documents"]["value"] == pytest.approx(right.mean())
    assert summary["accuracy_of_all_documents"]["n"] == 6
    assert summary["accuracy"]["value"] == pytest.approx(right[documents["n"] > 1].mean())
    assert summary["accuracy"]["n"] == summary["counts"]["with_several_items"]
    assert summary["run"]["name"] == "toy · flan-none · seed 3"
    assert set(summary["flip_curves"]) == {"fraction", *summary["first_flips"]}


def test_the_secondary_tests_are_there(tmp_path):
    write_run(tmp_path, [1, 4, 5, 2, 3, 6, 2])
    summary = summarise(RunResults.load(tmp_path))
    assert set(summary["neighbours"]) == {"top", "lowest"}
    assert summary["controls"] == {}
    assert set(summary["released_draw"]) == set(summary["single_weight_tests"]) == set(summary["single_flips"])
    assert set(summary["restricted_means"]) == set(summary["mass"]) == set(summary["first_flips"])
    assert summary["never_flips"]["bias_class"] is None
    assert summary["ordering_tests"][0]["permutation"]["n"] == 6
    assert summary["flip_timing_as_released"]["without_flip"]["n"] == 0
    assert set(summary["uniform_divergence"]["where_other_wins"]) == {"gradient", "gradient_attention"}


def test_a_single_document_has_values_and_no_intervals(tmp_path):
    write_run(tmp_path, [4], never=0)
    summary = summarise(RunResults.load(tmp_path))
    assert summary["first_flips"]["attention"]["mean_fraction"]["low"] is None
    assert summary["first_flips"]["attention"]["mean_fraction"]["value"] is not None
    assert summary["answer"]["verdict"] == UNDECIDED


def test_same_tables_same_numbers(tmp_path):
    write_run(tmp_path, [3, 4, 5, 6])
    assert summarise(RunResults.load(tmp_path)) == summarise(RunResults.load(tmp_path))


def test_nothing_to_erase(tmp_path):
    write_run(tmp_path, [1, 1])
    with pytest.raises(InputError, match="nothing can be erased"):
        summarise(RunResults.load(tmp_path))

"""In which ways runs erase: what is usual for a kind of model, what is written down, and what tells runs apart."""

import pytest

from attnprobe.erasure.registered_ways import OWN
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.unfit import SettingError


def settings(model="flan-none", **entries):
    return RunSettings.of_tables({"dataset": "docstrings", "model": model, **entries})


@pytest.mark.parametrize(
    ("given", "ways"),
    [
        ({}, OWN),
        ({"model": "jain-lstm"}, OWN),
        ({"model": "transformer"}, ("renormalise",)),
        ({"erase_by": ["zero", "renormalise"]}, ("zero", "renormalise")),
        ({"erase_by": "zero"}, ("zero",)),
    ],
)
def test_models_that_pool_are_erased_in_by_all_ways_unless_told_otherwise(given, ways):
    assert settings(**given).erase_by == ways


def test_further_ways_tell_no_runs_apart_and_the_first_does():
    one, all_five, zero = settings(erase_by=["renormalise"]), settings(), settings(erase_by=["zero", "renormalise"])
    assert one.identity() == all_five.identity() != zero.identity()
    assert "erase_by" not in one.to_json()
    assert settings(erase_by=["zero"]).to_json()["erase_by"] == "zero" == zero.identity()["erase_by"]
    for each in (one, all_five, zero):
        assert RunSettings.from_json(each.to_json()) == each


@pytest.mark.parametrize(
    ("ways", "sentence"),
    [
        ([], "erase_by must be a list of one or more different names, not []."),
        (["zero", "zero"], "erase_by must be a list of one or more different names, not ['zero', 'zero']."),
        (
            ["resample", "zero"],
            "erase_by resample: several vectors are drawn for it, so that it is only measured beside",
        ),
        (["renormalise", "corpusmean"], "There is no way of erasing 'corpusmean'; did you mean 'corpus_mean' or"),
        ("", "erase_by must be a list of words, not ('',)."),
    ],
)
def test_ways_that_cannot_be_are_refused(ways, sentence):
    with pytest.raises(SettingError) as error:
        settings(erase_by=ways)
    assert sentence in str(error.value)


def test_a_run_is_probed_by_other_further_ways_and_not_by_another_first_one():
    assert settings().with_ways(("renormalise", "zero")).erase_by == ("renormalise", "zero")
    with pytest.raises(SettingError, match="must begin with renormalise, which the run was made with, not with zero"):
        settings().with_ways(("zero",))


def test_a_number_without_a_tolerance_flips_nothing_that_could_be_certified():
    of_number = {"model": "hf:checkpoint", "decision": "regression", "certify": 2}
    with pytest.raises(SettingError, match="certify is of decisions that flip: decision regression has none without a"):
        settings(**of_number)
    assert settings(**of_number, tolerance=0.5).certify == 2

"""What a run's record says of its way of erasing and its decision is what readers are told, and no more."""

import json

import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.reports.answer import answer
from attnprobe.reports.answer_over_seeds import answer_over_seeds
from attnprobe.reports.meaning_in_words import meaning_in_words
from attnprobe.reports.page.rendering import OF_ANY_MEANING, SCRIPTS, TEMPLATES
from attnprobe.reports.tables import write_tables
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.meaning_records import require_default, require_present
from tests.fixtures.synthetic_runs import write_run

WAY = {"zero_alone": {"title": "Zero only", "package": "far-away", "version": "9"}}
DECISION = {"sure": {"title": "Sure_of it"}}


@pytest.fixture
def run(tmp_path):
    """Make a run whose configuration says more."""
    write_run(tmp_path / "run", [3, 4, 5, 1, 8] * 4)

    def say(settings, **entries):
        path = tmp_path / "run" / "config.json"
        config = json.loads(path.read_text())
        config["settings"] |= settings
        path.write_text(json.dumps(config | entries))
        return RunResults.load(tmp_path / "run")

    return say


def test_of_the_defaults_nothing_is_said(run):
    for results in (run({}), run({"erase_by": "renormalise", "decision": "class"})):
        assert results.meaning.is_default
        assert meaning_in_words(results.config) == meaning_in_words(summarise(results)) == ""
        assert not {"erasing", "decisions"} & set(summarise(results))


def test_what_is_recorded_is_told_of_packages_that_are_not_there(run, tmp_path):
    results = run({"erase_by": "zero_alone", "decision": "sure"}, erasing=WAY, decisions=DECISION)
    summary = summarise(results)
    told = (
        "Erasing here is not to renormalise, but “Zero only” (far-away 9). "
        "What flips here is not the class, but “Sure_of it” (sure)."
    )
    assert meaning_in_words(results.config) == meaning_in_words(summary) == told
    assert told in " ".join(answer(summary).split())
    assert told in " ".join(answer_over_seeds([results], [summary]).split())
    tables = [path.read_text() for path in write_tables(results, summary, tmp_path) if path.suffix == ".tex"]
    assert all(r"erased by “Zero only”; decision “Sure\_of it”." in " ".join(table.split()) for table in tables)


def test_of_what_has_no_record_the_name_is_told_and_nothing_steers_a_terminal(run):
    assert "“Zero only” (zero_only)" in meaning_in_words(run({"erase_by": "zero_only"}).config)
    hostile = run({"erase_by": "zero"}, erasing={"zero": {"title": "a\x1b[2Jb\u202ec"}})
    assert "\x1b" not in meaning_in_words(hostile.config)
    assert "\u202e" not in meaning_in_words(hostile.config)


@pytest.mark.parametrize(
    "entry",
    [
        *([], "zero", {}, {"zero": {}}, {"zero": {"title": ""}}, {"zero": {"title": "a" * 61}}, {"zero": {"title": 3}}),
        *({"a": {"title": "A"}, "b": {"title": "B"}}, {"zero": {"title": "A", "package": "b"}}, {"zero": "A"}),
    ],
)
@pytest.mark.parametrize("name", ["erasing", "decisions"])
def test_a_record_that_is_none_is_refused(run, entry, name, tmp_path):
    with pytest.raises(InputError, match=rf"config.json: the entry '{name}' is not a table with a title of up to 60"):
        run({}, **{name: entry})
    path = tmp_path / "run" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: None}))
    assert read_configuration(path)[name] is None


def test_what_is_of_the_default_alone_or_needs_what_is_not_there_is_refused(run):
    results = run({"erase_by": "zero_alone", "decision": "sure"}, erasing=WAY, decisions=DECISION)
    with pytest.raises(InputError) as refused:
        require_default(results.config, "runs/a", "identifying")
    assert str(refused.value) == (
        "runs/a erases by “Zero only” (far-away 9) and decides “Sure_of it” (sure): identifying is of runs that "
        "renormalise and decide for classes."
    )
    with pytest.raises(InputError, match="way of erasing zero_alone, which far-away 9 offers, a package that is not"):
        require_present(results.config)
    with pytest.raises(InputError, match="the decision sure, which a program registered and this one does not"):
        require_present(run({"erase_by": "renormalise"}).config)
    require_default(run({"decision": "class"}).config, "runs/a", "identifying")


def test_sentences_of_the_page_s_scripts_that_are_of_the_default_are_found_there():
    """Else a page of other runs would say them."""
    scripts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    assert all(sum(script.count(sentence) for script in scripts) == 1 for sentence in OF_ANY_MEANING)

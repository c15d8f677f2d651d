"""`attnprobe run --seeds`: the answer over seeds, and what is refused."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.cli.options import MOST_SEEDS, seed_numbers
from attnprobe.reports.answer import WIDTH
from attnprobe.reports.answer_over_seeds import ACCURACY, ERASED, SHARES, answer_over_seeds, value_of
from attnprobe.reports.numbers import percent
from tests.fixtures.commands import planted_folder
from tests.fixtures.synthetic_runs import write_run


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three seeds of one dataset and model, and their summaries."""
    runs = []
    for seed in (4, 0, 7):
        folder = tmp_path_factory.mktemp("seed")
        write_run(folder, [3, 4, 5, 1, 8] * 4, seed, never=0.1 + 0.05 * seed)
        config = json.loads((folder / "config.json").read_text())
        config["settings"]["seed"] = seed
        (folder / "config.json").write_text(json.dumps(config))
        runs.append(RunResults.load(folder))
    return runs, [summarise(run) for run in runs]


def row(text, name, after=""):
    """The cells of a table's row."""
    line = next(line for line in text[text.index(after) :].splitlines() if line.startswith(name))
    return re.split(r"  +", line.strip())[1:]


def test_means_and_intervals_are_students_over_the_seeds(three):
    runs, summaries = three
    text = answer_over_seeds(runs, summaries)
    for name, shown in (("random", "Random"), ("attention", "Attention"), ("oracle", "Smallest set")):
        erased, lowest, highest = row(text, shown, "Words erased")
        values = [summary["first_flips"][name][ERASED]["value"] for summary in summaries]
        assert [lowest, highest] == [percent(min(values)), percent(max(values))]
        cells = [*row(text, shown, "Erasing"), erased]
        for cell, field in zip(cells, [*SHARES.values(), ERASED], strict=True):
            points = [summary["first_flips"][name][field]["value"] for summary in summaries]
            low, high = stats.t.interval(0.95, 2, np.mean(points), stats.sem(points)) if np.ptp(points) else points[:2]
            assert cell.startswith(percent(float(np.mean(points))))
            ends = [float(end.strip("<> ")) for end in re.search(r"\[(.*), (.*)\]", cell).groups()]
            assert ends == pytest.approx(np.clip([100 * low, 100 * high], 0, 100), abs=0.1)
    accuracies = [summary["accuracy"]["value"] for summary in summaries]
    assert f"The model is right in {percent(np.mean(accuracies))}" in text
    assert "toy · flan-none over 3 seeds: 16 documents." in text
    assert "95 % t-intervals" in " ".join(text.split())


def test_each_seed_is_shown_in_order_whatever_order_they_come_in(three):
    runs, summaries = three
    text = answer_over_seeds(runs, summaries)
    assert text == answer_over_seeds(runs[::-1], summaries[::-1])
    table = text[text.index("Seed by seed") :].split("\n\n")[0].splitlines()[2:]
    assert [int(line.split()[0]) for line in table] == [0, 4, 7]
    for line in table:
        summary = summaries[[run.seed for run in runs].index(int(line.split()[0]))]
        assert line.endswith(summary["answer"]["verdict"])
        assert percent(summary["accuracy"]["value"]) in line
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "nan" not in text
    assert "None" not in text


VERDICTS = ("no", "only in part", "undecided", "as well as any ordering tried", "not informative")


@given(verdicts=st.lists(st.sampled_from(VERDICTS), min_size=3, max_size=3))
def test_a_disagreement_is_seen(three, verdicts):
    runs, summaries = three
    changed = [
        summary | {"answer": summary["answer"] | {"verdict": verdict}}
        for summary, verdict in zip(summaries, verdicts, strict=True)
    ]
    last = " ".join(answer_over_seeds(runs, changed).split("\n\n")[-1].split())
    if len(set(verdicts)) == 1:
        assert f"All 3 seeds say: {verdicts[0]}." in last
        return
    assert "The seeds do not agree" in last
    for run, verdict in zip(runs, verdicts, strict=True):
        those = re.search(rf"{verdict} \(seeds? ([\d, ]+)\)", last)[1]
        assert str(run.seed) in those.split(", ")


def test_fewer_than_three_seeds_have_no_interval(three):
    runs, summaries = three
    for count in (1, 2):
        text = answer_over_seeds(runs[:count], summaries[:count])
        assert "an interval takes 3 seeds" in " ".join(text.split())
        assert "[" not in text
        assert "nan" not in text


def test_what_a_seed_does_not_have_is_left_out(three):
    runs, summaries = three
    without = [dict(summary, accuracy=None) for summary in summaries]
    assert math.isnan(value_of(without[0], ACCURACY))
    assert "The model is right" not in answer_over_seeds(runs, without)
    orderings = {name: row for name, row in summaries[0]["first_flips"].items() if name != "gradient"}
    one = [dict(summaries[0], first_flips=orderings), *summaries[1:]]
    expected = np.mean([value_of(summary, ("first_flips", "gradient", "never_share")) for summary in summaries[1:]])
    assert row(answer_over_seeds(runs, one), "Gradient ", "Erasing")[2] == percent(float(expected))


def test_the_same_seed_twice_is_refused(three):
    runs, summaries = three
    with pytest.raises(InputError, match="are both"):
        answer_over_seeds([runs[0], runs[0]], [summaries[0]] * 2)


SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 5)), min_size=1, max_size=4)


@given(spans=SPANS)
def test_lists_and_spans_of_seeds(spans):
    text = ",".join(f"{first}-{first + more}" if more else str(first) for first, more in spans)
    expected = [seed for first, more in spans for seed in range(first, first + more + 1)]
    if len(set(expected)) == len(expected):
        assert seed_numbers(text) == expected
    else:
        with pytest.raises(InputError, match="is in it twice"):
            seed_numbers(text)


@given(text=st.text(alphabet="0123456789-, x٣²_", max_size=24))
def test_anything_else_is_refused_in_one_sentence(text):
    try:
        seeds = seed_numbers(text)
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert refusal.startswith("--seeds ")
        assert refusal.endswith(".")
        return
    assert 0 < len(seeds) <= MOST_SEEDS
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 0


@pytest.mark.parametrize(
    ("given_seeds", "words"),
    [
        ("3-1", "ends before it begins"),
        ("0,,2", "is no seed"),
        ("-1", "is no seed"),
        ("0-99999999999", "more than 1,000 seeds"),
        ("1,1", "seed 1 is in it twice"),
        ("one", "is no seed"),
    ],
)
@pytest.mark.parametrize("command", [["run"], ["grid", "grid.toml"]])
def test_bad_seeds_are_one_sentence_and_status_2(capsys, command, given_seeds, words):
    assert main([*command, f"--seeds={given_seeds}"]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert len(errors.splitlines()) == 1
    assert words in errors


def test_seed_and_seeds_exclude_each_other(capsys):
    assert main(["run", "--seed", "0", "--seeds", "0-2"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_each_seed_has_its_folder_and_is_reused(capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    planted_folder(tmp_path / "planted")
    arguments = ["run", "--dataset", "planted", "--model", "flan-none", "--epochs", "1", "--workers", "1"]
    assert main([*arguments, "--seed", "5"]) == 0
    alone = tmp_path / "runs" / "planted" / "flan-none" / "seed-5"
    before = (alone / "items.parquet").read_bytes()
    capfd.readouterr()
    assert main([*arguments, "--seeds", "4-5,9"]) == 0
    out = capfd.readouterr().out
    assert {path.name for path in alone.parent.iterdir()} == {"seed-4", "seed-5", "seed-9"}
    assert (alone / "items.parquet").read_bytes() == before
    assert "Training: finished before" in out[out.index("Seed 5 (2 of 3)") : out.index("Seed 9 (3 of 3)")]
    runs = [RunResults.load(path) for path in sorted(alone.parent.iterdir())]
    summaries = [json.loads((run.folder / "summary.json").read_text()) for run in runs]
    assert answer_over_seeds(runs, summaries) in out
    assert out.count("Does attention explain this model?") == 1

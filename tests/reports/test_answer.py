from typing import Any

import numpy as np
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.analysis.verdict import AS_WELL_AS_ANY, NOT_INFORMATIVE, NOTHING_FLIPS, UNDECIDED
from attnprobe.reports.answer import WIDTH, _verdict, answer
from attnprobe.reports.heads_in_words import heads_in_words
from attnprobe.reports.numbers import percent, percent_with_interval, significant
from attnprobe.reports.page.two_sentences import verdict_in_a_sentence
from tests.fixtures.synthetic_runs import write_run
from tests.fixtures.transformer_runs import WITHOUT_ORACLE, write_transformer_run

SIZES = [10] * 60


def told(tmp_path, sizes=SIZES, removed=None, write=write_run, **options):
    removed = {name: [k] * len(sizes) for name, k in (removed or {}).items() if name != "random"} | {
        name: [[k] * 5] * len(sizes) for name, k in (removed or {}).items() if name == "random"
    }
    write(tmp_path, sizes, removed=removed, **options)
    text = answer(summarise(RunResults.load(tmp_path)))
    lines = text.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert not any(line.lstrip().startswith("%") for line in lines)
    assert "nan" not in text
    assert "None" not in text
    assert "\x1b" not in text
    assert "\u00a0" not in text
    return " ".join(text.split())


REMOVED = {"random": 8, "attention": 4, "gradient": 4, "gradient_attention": 4, "oracle": 2}


@pytest.mark.parametrize(
    ("changes", "options", "sentence"),
    [
        (
            {"random": 4},
            {"entropy": 0.99},
            "Not informative: the weights are nearly equal (evenness 0.990, where 1 is all",
        ),
        (
            {},
            {"entropy": 0.99},
            "As well as any ordering tried (gradient and gradient × attention): its order changes decisions",
        ),
        (
            {"random": 4},
            {},
            "No: erasing the most attended words first does not change decisions earlier than a random",
        ),
        (
            {"gradient": 3},
            {},
            "Only in part: its order changes decisions earlier than a random one, but erasing by gradient",
        ),
        (
            {},
            {},
            "As well as any ordering tried (gradient and gradient × attention): its order changes decisions earlier "
            "than a random one, and no other",
        ),
    ],
)
def test_each_verdict_in_words(tmp_path, changes, options, sentence):
    text = told(tmp_path, sizes=[10] * 100, removed=REMOVED | changes, **options)
    assert f"Does attention explain this model? {sentence}" in text
    assert "Attention takes 2.00 times as many words as the smallest set that flips it." in text


def test_what_documents_do_not_tell_is_said(tmp_path):
    attention = [3] * 34 + [8] * 26
    removed = {name: attention for name in ("attention", "gradient_attention")}
    write_run(tmp_path, SIZES, removed=removed | {"gradient": [2] * 60, "random": [[5] * 5] * 60, "oracle": [1] * 60})
    text = " ".join(answer(summarise(RunResults.load(tmp_path))).split())
    assert (
        "Undecided: whether erasing the most attended words first changes decisions earlier than a random order does, "
        "these documents do not tell; erasing by gradient changes them earlier than it does. About 290 documents "
        "like these would tell."
    ) in text
    assert "model? No" not in text


def told_of(verdict, **changes):
    """The verdict's sentences in the terminal and on the page."""
    answered = {"better": [], "open": [], "nearly_uniform": False, "documents_to_decide": None, "verdict": verdict}
    answered |= {"attention_entropy": {"value": 0.95}, "against_others": [{"second": "gradient"}]}
    summary: dict[str, Any] = {"answer": answered | changes, "run": {"unit": "word"}, "first_flips": {"oracle": {}}}
    summary["who_flips_first"] = []
    return _verdict(summary), verdict_in_a_sentence(summary)


def test_a_sentence_says_no_more_than_its_verdict():
    terminal, page = told_of(NOTHING_FLIPS)
    assert terminal.startswith("Nothing flips: no decision changes, whichever words are erased")
    assert page.startswith("Nothing flips: no decision changes")
    for text in told_of(NOT_INFORMATIVE, nearly_uniform=True, open=["random"]):
        assert "no earlier than" not in text
        assert "documents do not tell" in text
    for text in told_of(NOT_INFORMATIVE, nearly_uniform=True):
        assert "no earlier than" in text
    for text in told_of(UNDECIDED, nearly_uniform=None):
        assert "too equal for that to say anything" in text
    for text in told_of(UNDECIDED, open=["gradient", "mine"], documents_to_decide=1234):
        assert text.startswith("Undecided: its order changes decisions earlier than")
        assert "gradient" in text
        assert "mine" in text
    terminal, _ = told_of(UNDECIDED, open=["mine"], documents_to_decide=1234)
    assert "About 1,300 documents like these would tell." in terminal
    for text in told_of(AS_WELL_AS_ANY):
        assert "5 %" in text
        assert "tried (gradient):" in text


def test_the_numbers_are_there(tmp_path):
    text = told(tmp_path, sizes=[*SIZES, 1], removed=REMOVED)
    assert "60 documents; 1 more has a single word and is left out" in text
    assert (
        "In the 60 of 60 documents whose decision every ordering changes while some words are left, erasing the most "
        "attended first takes 40.0 % of the words, a random order 80.0 %, the smallest set that flips it 20.0 %."
    ) in text
    assert "while some are left only when none is left never Random 100 % [94.0, 100] 0 % [0, 6.0] 0 % [0, 6.0]" in text
    assert "Attention 40.0 % [40.0, 40.0] 0 % 0 % 100 %" in text
    assert "Random 80.0 % [80.0, 80.0] +40.0 [+40.0, +40.0] 0 % 0 % 0 %" in text
    assert "Erasing only the most attended word changes the decision in" in text


def test_how_often_nothing_is_left_and_how_often_it_never_changes(tmp_path):
    """A reader finds all three, and no mean takes a change with nothing left for a flip."""
    attention = [2] * 20 + [10] * 25 + [-1] * 15
    write_run(tmp_path, SIZES, removed={"attention": attention})
    text = " ".join(answer(summarise(RunResults.load(tmp_path))).split())
    assert "Attention 33.3 % [22.7, 45.9] 41.7 % [30.1, 54.3] 25.0 % [15.8, 37.2]" in text
    assert f"Attention {100 * (20 * 0.2 + 40) / 60:.1f} % [" in text


def test_an_older_run_says_what_it_does_not_know(tmp_path):
    _, erasures, _ = write_run(tmp_path, SIZES)
    assert "older" not in answer(summarise(RunResults.load(tmp_path)))
    erasures.drop(columns="emptied").to_parquet(tmp_path / "erasures.parquet")
    assert "The run is older than the record" in answer(summarise(RunResults.load(tmp_path)))


def test_nobody_flips(tmp_path):
    text = told(tmp_path, sizes=[10] * 100, never=1)
    assert "No decision changes under attention" in text
    assert "In no document does every ordering change the decision while some words are left." in text
    assert "Does attention explain this model? No:" in text


def test_few_documents_are_pointed_out(tmp_path):
    assert "with caution" in told(tmp_path, sizes=[3, 4])
    assert "with caution" in told(tmp_path, sizes=[3])
    assert "with caution" not in told(tmp_path)


def test_other_orderings_and_no_oracle(tmp_path):
    draws = {"random": 2, "attention": 1, "a_name_that_is_really_long_for_a_table": 1}
    text = told(tmp_path, draws=draws, never=0)
    assert "A name that is reall" in text
    assert "How far it is from the best is open: no exact smallest set is known for this readout." in text
    assert "smallest set that flips it" not in text
    assert "×" not in text


GREEDY = {"random": 8, "attention": 4, "gradient": 4, "gradient_attention": 4, "greedy": 2}


def test_a_transformer_is_held_against_greedy_erasure(tmp_path):
    text = told(tmp_path, sizes=[10] * 100, removed=GREEDY, write=write_transformer_run, never=0)
    assert text.startswith("toy · Mini|LM^{x} · seed 3: 100 documents.")
    assert "a random order 80.0 %, erasing greedily by gradient 20.0 %." in text
    assert "Attention 40.0 % [40.0, 40.0] 0 % 0 % 100 %" in text
    assert "Greedy 20.0 % [20.0, 20.0] −20.0 [−20.0, −20.0]" in text
    assert "attention against attention first equal the other first neither Random" in text
    assert "Greedy" not in text[text.index("attention against") :]
    assert "than later. How far it is from the best is open: no exact smallest set is known for this readout." in text
    assert "Attention takes 2.00 times as many tokens as erasing greedily by gradient." in text
    assert "% of the changes by attention some row of it had lost every weight." in text


def test_without_greedy_nothing_is_said_of_it(tmp_path):
    text = told(tmp_path, write=write_transformer_run, draws=WITHOUT_ORACLE, never=0, heads=())
    assert "reedi" not in text
    assert "reedy" not in text
    assert text.endswith("no exact smallest set is known for this readout.")


@pytest.mark.parametrize(
    ("heads", "faithful", "sentence"),
    [
        (
            (("self", 2, 3),),
            [("self", 1, 2)],
            "Attention heads, each erased alone in 60 documents: 1 of 6 changes decisions earlier in the order of its "
            "own weights than in a random order, after Holm's correction; the best is layer 1 head 2 (20.0 % [",
        ),
        (
            (("cross", 2, 3),),
            [("cross", 0, 0), ("cross", 0, 1), ("cross", 0, 2), ("cross", 1, 0)],
            "4 of 6 change decisions earlier in the order of their own weights than in a random order, after Holm's "
            "correction; the best are cross attention layer 0 head 0 (20.0 % [",
        ),
        ((("self", 1, 2),), [], "none of 2 changes decisions earlier in the order of its own weights than in a random"),
        ((("self", 1, 1),), [("self", 0, 0)], "With all of a head erased, 50.0 % of the decisions stay."),
    ],
)
def test_what_single_heads_are_worth(tmp_path, heads, faithful, sentence):
    text = told(tmp_path, write=write_transformer_run, heads=heads, faithful=faithful)
    assert sentence in text
    assert text.endswith("of the decisions stay.")
    if faithful and len(faithful) < 6 and heads[0][2] > 1:
        assert "The others do not: of " in text
    assert text.count(" fewer tokens)") == min(len(faithful), 3)


def test_every_kind_of_verdict_on_heads(tmp_path):
    write_transformer_run(tmp_path, SIZES, heads=[("self", 1, 4)])
    summary = summarise(RunResults.load(tmp_path))

    def said(*verdicts):
        rows = [row | {"verdict": verdict} for row, verdict in zip(summary["heads"], verdicts, strict=True)]
        return heads_in_words(summary | {"heads": rows})

    nothing, open_ = "the order saves less than 1 % of the tokens, if anything", "it is undecided"
    assert f"The others do not: of 2 {nothing}, and of 1 {open_}; with" in said(
        "not faithful", "faithful", "undecided", "not faithful"
    )
    assert f"The other does not: of 1 {open_}; with" in said("faithful", "faithful", "undecided", "faithful")
    assert f". Of 4 {nothing}; with" in said(*["not faithful"] * 4)
    assert "(" not in said(*["undecided"] * 4).partition("Holm")[2].partition(";")[0]
    assert heads_in_words(summary | {"heads": None}) == heads_in_words(summary | {"heads": []}) == ""


def test_the_widest_numbers_fit(tmp_path):
    write_run(tmp_path, SIZES)
    summary = summarise(RunResults.load(tmp_path))
    for row in summary["first_flips"].values():
        for estimate in row.values():
            estimate.update(value=0.9996, low=0.998, high=0.9997)
    assert max(map(len, answer(summary).splitlines())) <= WIDTH


def test_a_share_is_never_shown_as_none_or_all_of_it():
    shown = {percent(share) for share in np.linspace(0.0001, 0.9999, 9999)}
    assert not shown & {"0.0 %", "100.0 %", "0 %", "100 %"}


def test_intervals():
    estimate = {"value": 0.9996, "low": 0.998, "high": 0.9997, "n": 3}
    assert percent_with_interval(estimate) == "> 99.9 % [99.8, >99.9]"
    assert percent_with_interval({"value": 0.25, "low": None, "high": None, "n": 1}) == "25.0 %"
    assert percent_with_interval({"value": None, "low": None, "high": None, "n": 0}) == "–"
    assert [significant(x) for x in (0, 1.5, 100.4, 0.00012345)] == ["0", "1.50", "100", "0.000123"]
